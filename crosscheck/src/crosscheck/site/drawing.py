"""A graph in layers, drawn as SVG: no node covers another, and no edge crosses a node."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from .traces import Node, Trace

GAP, LEVEL, LINE, MARGIN = 18, 34, 17, 6  # between nodes, between layers, the height of a line, around the graph
LETTER, PADDING = 7.2, 10
SWEEPS = 12

Key = tuple[int, ...]  # a node; or both ends of an edge, and a layer that it passes


@dataclass
class Box:
    """A node, or a place that a long edge passes, in its layer. x, y: its middle."""

    key: Key
    layer: int
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


def draw(trace: Trace) -> Markup:
    """The graph of a program. Each node and edge has its number, by which the player finds it."""
    widest = dict.fromkeys(range(len(trace.nodes)), "")
    for event in trace.events:
        for node, text in event.grads:
            widest[node] = max(widest[node], text or "", key=len)
    texts = {node.number: lines(node, widest[node.number]) for node in trace.nodes}
    boxes, links = layered(trace, texts)
    place(boxes, links)
    width = max(box.x + box.width / 2 for box in boxes.values()) + MARGIN
    height = max(box.y + box.height / 2 for box in boxes.values()) + MARGIN
    found = [path(boxes, chain) for chain in links]
    for one in trace.nodes:
        found.append(node_as_svg(one, boxes[(one.number,)], texts[one.number], last(trace, one.number)))
    head = f'<svg role="img" aria-label="{escape(trace.title)}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return Markup(f'{head} width="{width:.0f}" height="{height:.0f}">{"".join(found)}</svg>')


def lines(node: Node, gradient: str) -> list[str]:
    """The lines in a node: its name, shape and generation; its value; its gradient."""
    if node.function:
        return [f"{node.label} · {node.generation}"]
    head = " ".join(part for part in (node.label, node.shape) if part)
    found = [f"{head} · {node.generation}" if head else f"· {node.generation}", node.value]
    return [*found, f"∂ {gradient}"] if gradient else found


def last(trace: Trace, node: int) -> str:
    """The last gradient of a variable that is not None."""
    texts = [text for event in trace.events for n, text in event.grads if n == node and text]
    return texts[-1] if texts else ""


def layered(trace: Trace, texts: Mapping[int, Sequence[str]]) -> tuple[dict[Key, Box], list[list[Key]]]:
    """The nodes as boxes, and each edge as a chain of boxes, one for each layer between its ends."""
    boxes: dict[Key, Box] = {}
    for node in trace.nodes:
        wide = max(len(line) for line in texts[node.number]) * LETTER + 2 * PADDING
        boxes[(node.number,)] = Box((node.number,), node.layer, wide, len(texts[node.number]) * LINE + PADDING)
    chains: list[list[Key]] = []
    for start, end in trace.edges:
        low, high = trace.nodes[start].layer, trace.nodes[end].layer
        between: list[Key] = [(start, end, layer) for layer in range(low + 1, high)]
        boxes |= {key: Box(key, key[2], 4, LINE) for key in between}
        chains.append([(start,), *between, (end,)])
    return boxes, chains


def place(boxes: Mapping[Key, Box], chains: Sequence[Sequence[Key]]) -> None:
    """Order each layer by the middle of its neighbors, then move every box towards them as far as there is room."""
    layers: dict[int, list[Box]] = {}
    for box in boxes.values():
        layers.setdefault(box.layer, []).append(box)
    neighbors: dict[Key, list[Box]] = {key: [] for key in boxes}
    for chain in chains:
        for one, other in itertools.pairwise(chain):
            neighbors[one].append(boxes[other])
            neighbors[other].append(boxes[one])
    top = float(MARGIN)
    for number in sorted(layers):
        tallest = max(box.height for box in layers[number])
        for box in layers[number]:
            box.y = top + tallest / 2
        top += tallest + LEVEL
        spread(layers[number])
    for sweep in range(SWEEPS):
        for number in sorted(layers, reverse=sweep % 2 == 1):
            row = layers[number]
            wanted = {}
            for box in row:
                near = [other for other in neighbors[box.key] if (other.layer < number) == (sweep % 2 == 0)]
                near = near or neighbors[box.key]
                wanted[box.key] = sum(other.x for other in near) / len(near) if near else box.x
            row.sort(key=lambda box: wanted[box.key])
            for box in row:
                box.x = wanted[box.key]
            separate(row)
    left = min(box.x - box.width / 2 for box in boxes.values())
    for box in boxes.values():
        box.x += MARGIN - left


def spread(row: Sequence[Box]) -> None:
    """Next to each other, in the middle."""
    at = -sum(box.width + GAP for box in row) / 2
    for box in row:
        box.x = at + box.width / 2
        at += box.width + GAP


def separate(row: Sequence[Box]) -> None:
    """Push neighbors apart that overlap, and then the row back, so that its middle stays where it is."""
    wanted = [box.x for box in row]
    for one, other in itertools.pairwise(row):
        other.x = max(other.x, one.x + (one.width + other.width) / 2 + GAP)
    shift = sum(box.x - want for box, want in zip(row, wanted, strict=True)) / len(row)
    for box in row:
        box.x -= shift


def path(boxes: Mapping[Key, Box], chain: Sequence[Key]) -> str:
    """An edge: straight down through the places that it passes, curved between them, with an arrow at its end."""
    points = [boxes[key] for key in chain]
    first, final = points[0], points[-1]
    bottom, top = first.y + first.height / 2, final.y - final.height / 2
    text = [f"M{first.x:.1f} {bottom:.1f}"]
    x, y = first.x, bottom
    for box in points[1:]:
        above = box.y - box.height / 2 - (6 if box is final else 0)
        middle = (y + above) / 2
        text.append(f"C{x:.1f} {middle:.1f} {box.x:.1f} {middle:.1f} {box.x:.1f} {above:.1f}")
        x, y = box.x, above
        if box is not final:
            y = box.y + box.height / 2
            text.append(f"V{y:.1f}")
    tip = f"M{final.x - 4:.1f} {top - 8:.1f}L{final.x:.1f} {top:.1f}L{final.x + 4:.1f} {top - 8:.1f}z"
    arrow = f'<path class="arrow" d="{tip}"/>'
    return f'<g class="edge" data-edge="{chain[0][0]} {chain[-1][0]}"><path d="{"".join(text)}"/>{arrow}</g>'


def node_as_svg(node: Node, box: Box, texts: Sequence[str], gradient: str) -> str:
    """A box with its lines; the gradient is the last that it had."""
    left, top = box.x - box.width / 2, box.y - box.height / 2
    kind = "function" if node.function else "variable"
    shown = [*texts[:2], f"∂ {gradient}"] if len(texts) == 3 else texts
    size = f'width="{box.width:.1f}" height="{box.height:.1f}" rx="{3 if node.function else 10}"'
    found = [f'<rect x="{left:.1f}" y="{top:.1f}" {size}/>']
    for n, text in enumerate(shown):
        name = ' class="gradient"' if n == 2 else ""
        at = top + PADDING / 2 + LINE * (n + 0.75)
        found.append(f'<text{name} text-anchor="middle" x="{box.x:.1f}" y="{at:.1f}">{escape(text)}</text>')
    return f'<g class="{kind}" data-node="{node.number}">{"".join(found)}</g>'
