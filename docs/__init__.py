"""The documentation: pages, and what makes pages of the code."""
