"""What waits: worker threads and the event loop carry out what the core's programs ask for."""
