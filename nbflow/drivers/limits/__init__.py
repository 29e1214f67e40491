"""When a call may begin: limits of concurrency and rate, of tasks and of runs."""
