"""How much is tried by chance, and in how many combinations: ``make test`` tries some, ``make thorough`` all."""

from __future__ import annotations

import os

THOROUGH = os.environ.get("NBFLOW_THOROUGH") == "1"


def often(usual: int, thorough: int) -> int:
    """Return how often something is tried."""
    return thorough if THOROUGH else usual
