"""What every part may use: time and ids, warnings, worker threads for what waits, names that load late."""
