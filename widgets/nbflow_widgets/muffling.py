"""Drops what a body displays while it replays, as the runtime drops what it prints: it was shown before the pause."""

from __future__ import annotations

from functools import wraps
from typing import Any

from nbflow import is_replaying


def muffle(shell: Any) -> None:  # noqa: ANN401  # untyped package
    """Have a shell's displays drop what replaying bodies show; ``unmuffle`` undoes it."""
    publisher = shell.display_pub
    publish = publisher.publish

    @wraps(publish)
    def publish_what_is_new(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # whatever the publisher takes
        return None if is_replaying() else publish(*args, **kwargs)

    publisher.publish = publish_what_is_new


def unmuffle(shell: Any) -> None:  # noqa: ANN401  # as above
    """Leave a shell's displays as they were found."""
    vars(shell.display_pub).pop("publish", None)
