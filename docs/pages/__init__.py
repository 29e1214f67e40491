"""What ``make docs`` makes the pages of, beside those that are written by hand."""
