"""Results that are kept to be used again: the port in ``base``, and one module per backend."""
