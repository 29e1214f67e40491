"""What thinks: no thread, no event loop, no clock, no chance, no disk."""
