"""The chunks of a run, for readers: in which form, and pulled from a run that works in the background."""
