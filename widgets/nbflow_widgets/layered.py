"""A layered drawing of a small graph as SVG, for where no Graphviz is installed.

Layers by longest path, order by barycentres, long edges through empty places: Sugiyama's scheme in
its simplest form. The same graph gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from nbflow_widgets.markup import escape

GAP_X, GAP_Y, MARGIN = 64.0, 14.0, 8.0
LINE, PAD_X, PAD_Y = 16.0, 12.0, 8.0
SWEEPS = 8
TEXT = "#6f7883"  # as in pictures.py
_GLYPH = 0.58  # width of a letter to its height, on average, in a sans-serif font


@dataclass(slots=True, kw_only=True)
class Box:
    """A node.

    Attributes:
        id: names it.
        title: first line.
        lines: what stands below the title.
        fill, stroke: colours.
        x, y: its middle; ``width``, ``height``: its size. The layout sets them.
    """

    id: str
    title: str
    lines: Sequence[str] = ()
    fill: str = "#ffffff"
    stroke: str = "#7d8590"
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    layer: int = 0
    virtual: bool = False


@dataclass(slots=True, kw_only=True)
class Arrow:
    """An edge between two boxes.

    Attributes:
        source, target: ids.
        colour: of line and head.
        label: short text at its middle.
        dashed: whether the line is.
    """

    source: str
    target: str
    colour: str = "#7d8590"
    label: str = ""
    dashed: bool = False
    through: list[Box] = field(default_factory=list)


def draw(boxes: Sequence[Box], arrows: Sequence[Arrow], title: str = "") -> str:
    """Return the SVG text of a graph; arrows from left to right, those of a circle backwards."""
    by_id = {box.id: box for box in boxes}
    arrows = [arrow for arrow in arrows if arrow.source in by_id and arrow.target in by_id]
    for box in boxes:
        _measure(box)
    forward = _without_circles(boxes, arrows)
    _assign_layers(boxes, forward)
    layers = _fill_layers(boxes, arrows, by_id)
    links = _links(arrows, by_id)
    for sweep in range(SWEEPS):
        _order(layers, links, backwards=sweep % 2 == 1)
    _place(layers, links)
    return _svg(boxes, arrows, by_id, title)


def _measure(box: Box) -> None:
    longest = max(len(box.title) * 13 * _GLYPH, *(len(line) * 11 * _GLYPH for line in box.lines), 30.0)
    box.width = round(longest + 2 * PAD_X, 1)
    box.height = LINE * (1 + len(box.lines)) + 2 * PAD_Y


def _without_circles(boxes: Sequence[Box], arrows: Sequence[Arrow]) -> list[tuple[str, str]]:
    """Return the edges, those left out that lead back to where a walk came from."""
    out: dict[str, list[str]] = {box.id: [] for box in boxes}
    for arrow in arrows:
        if arrow.source != arrow.target:
            out[arrow.source].append(arrow.target)
    state: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    for root, first in out.items():
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(first))]
        while stack:
            node, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                state[node] = 2
                stack.pop()
            elif state.get(target) != 1:
                kept.append((node, target))
                if target not in state:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
    return kept


def _assign_layers(boxes: Sequence[Box], edges: Sequence[tuple[str, str]]) -> None:
    """Put each box one layer after the last of those that lead to it."""
    layer = {box.id: 0 for box in boxes}
    waiting = dict.fromkeys(layer, 0)
    out: dict[str, list[str]] = {key: [] for key in layer}
    for source, target in edges:
        waiting[target] += 1
        out[source].append(target)
    ready = [key for key, count in waiting.items() if not count]
    for key in ready:  # grows while it is walked
        for target in out[key]:
            layer[target] = max(layer[target], layer[key] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for box in boxes:
        box.layer = layer[box.id]


def _fill_layers(boxes: Sequence[Box], arrows: Iterable[Arrow], by_id: dict[str, Box]) -> list[list[Box]]:
    """Return the layers, with an empty place wherever a long edge crosses one."""
    layers: list[list[Box]] = [[] for _ in range(1 + max((box.layer for box in boxes), default=0))]
    for box in boxes:
        layers[box.layer].append(box)
    for number, arrow in enumerate(arrows):
        low, high = sorted((by_id[arrow.source].layer, by_id[arrow.target].layer))
        for layer in range(low + 1, high):
            place = Box(id=f"\0{number}.{layer}", title="", height=6.0, layer=layer, virtual=True)
            layers[layer].append(place)
            arrow.through.append(place)
        if by_id[arrow.source].layer > by_id[arrow.target].layer:
            arrow.through.reverse()
    return layers


def _links(arrows: Iterable[Arrow], by_id: dict[str, Box]) -> dict[str, list[Box]]:
    """Return the neighbours of each place in the layers before and after."""
    found: dict[str, list[Box]] = {}
    for arrow in arrows:
        chain = [by_id[arrow.source], *arrow.through, by_id[arrow.target]]
        for one, two in pairwise(chain):
            if one.layer != two.layer:
                found.setdefault(one.id, []).append(two)
                found.setdefault(two.id, []).append(one)
    return found


def _order(layers: list[list[Box]], links: dict[str, list[Box]], *, backwards: bool) -> None:
    """Sort each layer by the mean place of its neighbours in the one before."""
    places = {box.id: float(place) for layer in layers for place, box in enumerate(layer)}
    step = -1 if backwards else 1
    for layer in layers[::step][1:]:
        means = [_mean(box, links, places, step) for box in layer]
        layer[:] = [box for _, box in sorted(zip(means, layer, strict=True), key=_first)]
        places |= {box.id: float(place) for place, box in enumerate(layer)}


def _first(pair: tuple[float, Box]) -> float:
    return pair[0]


def _mean(box: Box, links: dict[str, list[Box]], places: dict[str, float], step: int) -> float:
    near = [places[other.id] for other in links.get(box.id, ()) if other.layer == box.layer - step]
    return sum(near) / len(near) if near else places[box.id]


def _place(layers: list[list[Box]], links: dict[str, list[Box]]) -> None:
    x = MARGIN
    for layer in layers:
        width = max((box.width for box in layer), default=0.0)
        y = MARGIN
        for box in layer:
            box.x, box.y = x + width / 2, y + box.height / 2
            y += box.height + GAP_Y
        x += width + GAP_X
    for _ in range(SWEEPS):
        for layer in (*layers, *reversed(layers)):
            _pull(layer, links)
    top = min((box.y - box.height / 2 for layer in layers for box in layer), default=MARGIN) - MARGIN
    for layer in layers:
        for box in layer:
            box.y = round(box.y - top, 1)


def _pull(layer: list[Box], links: dict[str, list[Box]]) -> None:
    """Move the boxes of a layer towards their neighbours, in order and without touching."""
    wanted = []
    for box in layer:
        near = links.get(box.id, ())
        wanted.append(sum(other.y for other in near) / len(near) if near else box.y)
    place = float("-inf")
    for box, y in zip(layer, wanted, strict=True):
        box.y = max(y, place + box.height / 2)
        place = box.y + box.height / 2 + GAP_Y
    shift = sum(wanted) / len(wanted) - sum(box.y for box in layer) / len(layer) if layer else 0.0
    for box in layer:
        box.y += shift


def _svg(boxes: Sequence[Box], arrows: Sequence[Arrow], by_id: dict[str, Box], title: str) -> str:
    places = [*boxes, *(place for arrow in arrows for place in arrow.through)]
    width = max((box.x + box.width / 2 for box in boxes), default=0.0) + MARGIN
    height = max((box.y + box.height / 2 for box in places), default=0.0) + MARGIN
    colours = sorted({arrow.colour for arrow in arrows})
    heads = "".join(
        f'<marker id="h{number}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0.5L8,4L0,7.5z" fill="{colour}"/></marker>'
        for number, colour in enumerate(colours)
    )
    body = [_arrow(arrow, by_id, colours.index(arrow.colour)) for arrow in arrows] + [_box(box) for box in boxes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Helvetica,Arial,sans-serif">'
        f"<title>{escape(title)}</title><defs>{heads}</defs>{''.join(body)}</svg>"
    )


def _box(box: Box) -> str:
    x, y = box.x - box.width / 2, box.y - box.height / 2
    texts = [f'<text x="{box.x:.1f}" y="{y + PAD_Y + 12:.1f}" font-size="13">{escape(box.title)}</text>']
    for number, line in enumerate(box.lines, start=1):
        place = f'x="{box.x:.1f}" y="{y + PAD_Y + 12 + LINE * number:.1f}"'
        texts.append(f'<text {place} font-size="11">{escape(line)}</text>')
    return (
        f'<g class="node"><title>{escape(box.id)}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
        f'fill="{box.fill}" stroke="{box.stroke}" stroke-width="1.5"/>'
        f'<g text-anchor="middle" fill="{TEXT}">{"".join(texts)}</g></g>'
    )


def _arrow(arrow: Arrow, by_id: dict[str, Box], head: int) -> str:
    source, target = by_id[arrow.source], by_id[arrow.target]
    points = _points(source, target, arrow.through)
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        bend = (x2 - x1) / 2
        path += f"C{x1 + bend:.1f},{y1:.1f} {x2 - bend:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    if source is target:
        (x, y), r = points[0], source.height / 2
        path = f"M{x - 8:.1f},{y - r:.1f}C{x + 26:.1f},{y - r - 20:.1f} {x + 34:.1f},{y + 2:.1f} {x:.1f},{y + 4:.1f}"
    dash = ' stroke-dasharray="4 3"' if arrow.dashed else ""
    line = f'<path d="{path}" fill="none" stroke="{arrow.colour}" stroke-width="1.3"{dash} marker-end="url(#h{head})"/>'
    if not arrow.label:
        return line
    (x1, y1), (x2, y2) = points[-2:] if len(points) > 1 else (points[0], points[0])
    place = f'x="{(x1 + x2) / 2:.1f}" y="{(y1 + y2) / 2 - 4:.1f}" font-size="10" text-anchor="middle"'
    return f'{line}<text {place} fill="{arrow.colour}">{escape(arrow.label)}</text>'


def _points(source: Box, target: Box, through: Sequence[Box]) -> list[tuple[float, float]]:
    step = -1 if source.layer > target.layer else 1
    first = (source.x + step * source.width / 2, source.y)
    last = (target.x - step * (target.width / 2 + 1), target.y)
    return [first, *((place.x, place.y) for place in through), last]
