"""Runs: decided on, begun, held, repeated, streamed and looked at; ``workflow`` has the ways in."""
