"""Runs as files, to be handed on: written, masked, read back."""
