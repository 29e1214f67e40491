"""Database files: connections, transactions, migrations; what the tables mean is their users' affair."""
