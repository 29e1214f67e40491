"""What a caller of nbflow can meet and fix.

Raw fields go to ``super().__init__`` and text is made in ``__str__``, so every error can be
inspected, compared by its fields and pickled.
"""

from __future__ import annotations


class NbflowError(Exception):
    """The root of every error that nbflow raises."""


class UnserializableError(NbflowError):
    """A value can't be stored.

    Attributes:
        path: where inside the value, such as ``'["rows"][3].client'``; empty for the value itself.
        type_name: module and name of the type that was found there.
        hint: why it can't be stored and what to do.
    """

    def __init__(self, path: str, type_name: str, hint: str) -> None:
        super().__init__(path, type_name, hint)
        self.path = path
        self.type_name = type_name
        self.hint = hint

    def __str__(self) -> str:
        return f"value{self.path} of type {self.type_name} can't be stored: {self.hint}"


class CorruptValueError(NbflowError):
    """Stored bytes are no encoded value.

    Attributes:
        reason: what is wrong with them.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"these bytes were not written by nbflow, or were damaged since: {self.reason}"


class RemoteError(NbflowError):
    """Stands for a stored exception whose own type can't be rebuilt here.

    Attributes:
        type_name: module and name of the original type.
        message: what the original said of itself.
        traceback_text: frames of the original's traceback, or an empty string.
        reason: why the original type was not rebuilt.
    """

    def __init__(self, type_name: str, message: str, traceback_text: str, reason: str) -> None:
        super().__init__(type_name, message, traceback_text, reason)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message} (shown by a stand-in: {self.reason})"
