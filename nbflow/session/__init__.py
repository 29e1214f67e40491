"""What the code of a run reaches: its config, store, previous value, context, ids, and its calls."""
