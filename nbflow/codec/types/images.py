"""PIL images, pixel by pixel, and the advice for matplotlib's figures.

An image that was opened from a file comes back as a plain one: its pixels, palette and plain notes
(``info``) are stored, of an animation the frame that it stands at, and not the file.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import mro
from nbflow.codec.optional import optional
from nbflow.codec.wire import PLAIN, Plan, Refusal

PIXELS_OF_A_BYTE: Final = 8  # in mode "1"; in every other mode a pixel takes more


def _pack(image: Any) -> object:
    image.load()
    palette = image.palette
    colours = None if palette is None else [palette.mode, bytes(palette.tobytes())]
    info = {key: one for key, one in image.info.items() if type(key) is str and _is_plain(one)}
    return [image.mode, list(image.size), image.tobytes(), colours, info]


def _is_plain(note: object) -> bool:
    return type(note) in PLAIN or (type(note) is tuple and PLAIN.issuperset(map(type, note)))


def _unpack(parts: list[Any]) -> object:
    mode, (width, height), data, colours, info = parts
    if width * height > len(data) * PIXELS_OF_A_BYTE:
        raise ValueError(f"{len(data)} bytes are no {width} x {height} pixels")
    pil = optional("PIL.Image")
    image = pil.frombytes(mode, (width, height), data) if data else pil.new(mode, (width, height))
    if colours is not None:
        image.putpalette(colours[1], colours[0])
    image.info = info
    return image


def find(kind: type) -> Plan | None:
    """Return the plan of an image.

    Raises:
        Refusal: of a figure, with what helps.
    """
    pil: Any = sys.modules.get("PIL.Image")
    if pil is not None and pil.Image in mro(kind):
        return Plan(codes.IMAGE, _pack)
    figure: Any = sys.modules.get("matplotlib.figure")
    if figure is not None and getattr(figure, "FigureBase", object()) in mro(kind):
        advice = "call nbflow.register_type(type(figure), pickle=True) first (it needs cloudpickle)"
        raise Refusal(f"{advice}, or return the bytes that figure.savefig wrote to an io.BytesIO")
    return None


UNPACK: Final = {codes.IMAGE: _unpack}
