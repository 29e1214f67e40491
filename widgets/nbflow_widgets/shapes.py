"""What a question looks like, from the shape of its value: its text, what is shown with it, what there is to choose.

Pure functions of values: no widget here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from nbflow.views.details import QUESTIONS

EDIT = "edit"
CHOICES = ("options", "choices", "allowed", "actions")
_ACTIONS = {"allow_accept": "accept", "allow_edit": "edit", "allow_respond": "response", "allow_ignore": "ignore"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A tool call that wants one of some actions, as agent inboxes show it.

    Attributes:
        action: what is to be done.
        args: its arguments, which may be edited.
        allowed: of accept, edit, response and ignore.
        in_list: whether question and answer are lists of one.
    """

    action: str
    args: object
    allowed: tuple[str, ...]
    in_list: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question as people see it.

    Attributes:
        text: what is asked; empty where the value says nothing to people.
        details: what is shown with it, by name.
        choices: the answers to choose from; empty when it is not a choice.
        review: set for a tool call under review.
        is_free: whether a text is an answer; else JSON.
        table: a DataFrame that is edited as the answer.
    """

    text: str
    details: Mapping[str, object] = field(default_factory=dict)
    choices: Sequence[object] = ()
    review: Review | None = None
    is_free: bool = True
    table: object = None


def question_of(value: object) -> Question:
    """Return how to show a question."""
    if isinstance(value, str):
        return Question(text=value)
    review = _review(value)
    if review is not None:
        return review
    if not isinstance(value, Mapping):
        return Question(text="", details={"": value}, is_free=False)
    key = next((key for key in QUESTIONS if isinstance(value.get(key), str) and value[key]), None)
    options = next((key for key in CHOICES if _is_choice(value.get(key))), None)
    edited = EDIT if _is_frame(value.get(EDIT)) else None
    details = {str(name): one for name, one in value.items() if name not in (key, options, edited)}
    return Question(
        text=str(value[key]) if key is not None else "",
        details=details,
        choices=tuple(value[options]) if options is not None else (),
        is_free=key is not None,
        table=value[EDIT] if edited else None,
    )


def _is_frame(value: object) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _is_choice(value: object) -> bool:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) or not value:
        return False
    return all(isinstance(one, (str, int, float, bool)) for one in value)


def _review(value: object) -> Question | None:
    in_list = isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and len(value) == 1
    request = cast("Sequence[object]", value)[0] if in_list else value
    if not isinstance(request, Mapping) or not isinstance(request.get("action_request"), Mapping):
        return None
    action = request["action_request"]
    config = request.get("config")
    rules = config if isinstance(config, Mapping) else {}
    allowed = tuple(word for rule, word in _ACTIONS.items() if rules.get(rule, not rules))
    name = str(action.get("action", ""))
    return Question(
        text=str(request.get("description") or f"{name}?"),
        details={name: action.get("args")},
        review=Review(action=name, args=action.get("args"), allowed=allowed or ("accept",), in_list=in_list),
    )
