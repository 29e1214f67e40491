"""``python -m nbflow``: the command line."""

from __future__ import annotations

import sys

from nbflow.cli import main

if __name__ == "__main__":
    sys.exit(main())
