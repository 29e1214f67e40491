"""Long-term memory: the port in ``base``, and one module per backend."""
