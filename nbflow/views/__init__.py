"""What shows: functions of a run's records; each screen is one of these and never a hook."""
