"""What holds for all tests: how fast the machine is decides nothing, and `make test` tries the same each time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.amounts import THOROUGH

settings.register_profile(
    "any machine", deadline=None, derandomize=not THOROUGH, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
