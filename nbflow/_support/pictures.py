"""What a question shows to people, as values that can be stored: figures as images, IPython's Markdown as ours."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any, cast

from nbflow.values import Markdown

_DEEP = 8


def storable(value: object) -> object:
    """Return a question with each matplotlib figure in it as an image, and each IPython ``Markdown`` as text of ours.

    Goes into dicts, lists and tuples, and copies those only that change.
    """
    turns = [turn for turn in (_figure(), _markdown()) if turn is not None]
    return _turned(value, turns, _DEEP) if turns else value


def _turned(value: Any, turns: list[Callable[[Any], object]], deep: int) -> object:  # noqa: ANN401  # whatever is asked
    if deep and type(value) is dict:
        found: object = {key: _turned(one, turns, deep - 1) for key, one in value.items()}
    elif deep and type(value) in (list, tuple):
        found = type(value)(_turned(one, turns, deep - 1) for one in value)
    else:
        for turn in turns:
            turned = turn(value)
            if turned is not value:
                return turned
        return value
    same = value.values() if isinstance(value, dict) else value
    new = found.values() if isinstance(found, dict) else cast("list[object]", found)
    return value if all(one is other for one, other in zip(same, new, strict=True)) else found


def _figure() -> Callable[[Any], object] | None:
    module: Any = sys.modules.get("matplotlib.figure")
    figure = getattr(module, "FigureBase", None)
    return None if figure is None else lambda value: _drawn(value) if isinstance(value, figure) else value


def _drawn(figure: Any) -> object:  # noqa: ANN401  # of matplotlib
    from PIL import Image  # noqa: PLC0415  # matplotlib needs it, so it is there

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight")
    image = Image.open(drawn)
    image.load()
    return image


def _markdown() -> Callable[[Any], object] | None:
    module: Any = sys.modules.get("IPython.core.display")
    markdown = getattr(module, "Markdown", None)
    return None if markdown is None else lambda value: Markdown(str(value.data)) if type(value) is markdown else value
