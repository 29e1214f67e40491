"""Where the records of runs are kept: the port in ``base``, and one module per backend."""
