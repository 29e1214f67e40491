"""Fixed names of the public surface."""

from __future__ import annotations

from typing import Final

START: Final = "__start__"
END: Final = "__end__"
INTERRUPT: Final = "__interrupt__"
TAG_HIDDEN: Final = "langsmith:hidden"
TAG_NOSTREAM: Final = "nostream"
BREAKPOINT: Final = "breakpoint "  # what the reason of a run that stands at one begins with
HANDLER: Final = "__error_handler__"  # what the names of error handlers begin with
