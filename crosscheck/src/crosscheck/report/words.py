"""Numbers, frameworks and reasons in the words of the HTML report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from ..cells import Cell
from ..computations import Computation


def eps(distance: float | None) -> str:
    """A distance, short but never 0 unless it is."""
    if distance is None:
        return ""
    if distance < 100:
        return "0" if distance == 0 else "<0.1" if distance < 0.05 else f"{distance:.1f}"
    return f"{distance:,.0f}" if distance < 1e5 else f"{distance:.0e}".replace("+", "")


def number(n: int) -> str:
    return f"{n:,}"


def column(name: str) -> str:
    """`stage1` -> `stage 1`."""
    return f"stage {name[5:]}" if name.startswith("stage") and name[5:6].isdigit() else name.replace("torch", "PyTorch")


def spoken(frameworks: Sequence[str]) -> str:
    """`stage1, stage2, stage3, torch` -> `stages 1 to 3 and PyTorch`."""
    stages = [int(name[5:]) for name in frameworks if name.startswith("stage") and name[5:].isdigit()]
    found = [column(name) for name in frameworks if not (name.startswith("stage") and name[5:].isdigit())]
    if len(stages) > 2 and stages == list(range(stages[0], stages[-1] + 1)):
        found.insert(0, f"stages {stages[0]} to {stages[-1]}")
    elif stages:
        found.insert(0, f"stage{'s' if stages[1:] else ''} {listed(list(map(str, stages)))}")
    return listed(found)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def title(text: str) -> str:
    """With a capital letter, if it starts with `stage`; other names are kept as they are."""
    return text[:1].upper() + text[1:] if text.startswith("stage") else text


def sentence(text: str) -> str:
    """With a period, and a capital letter unless it starts with code."""
    word = re.match(r"(a|[a-z]{2,})(?=[ ,.:;]|$)", text)
    return (text[:1].upper() + text[1:] if word else text) + ("" if text.endswith(".") else ".")


def said(reason: str) -> str:
    """A reason without the case in which it was found, and without the place in the source."""
    if reason.startswith(("missing: ", "wrong: ")):
        kind, _, text = reason.partition(": ")
        text = re.sub(r" \(\w+\.py:\d+ in .*\)$", "", text)
        missing = re.search(r"(?:Missing|ImportError|AttributeError|TypeError): (.*)", text)
        return missing[1] if missing else f"{kind}: {text}"
    return re.sub(r"^.*Missing: (.*) \(\w+\.py:\d+ in .*\)$", r"\1", reason)


def apart(text: str, reference: str) -> Markup:
    """An array as text, with the digits in which it differs from the reference in bold."""
    ours, theirs = text.split(" "), reference.split(" ")
    if len(ours) != len(theirs):
        return Markup(escape(text))
    found = []
    for a, r in zip(ours, theirs, strict=True):
        same = next((i for i, pair in enumerate(zip(a, r, strict=False)) if pair[0] != pair[1]), min(len(a), len(r)))
        tail = a[same:].rstrip("]")
        found.append(
            Markup("{}{}{}").format(a[:same], Markup("<b>{}</b>").format(tail) if tail else "", a[same + len(tail) :])
        )
    return Markup(" ").join(found)


def tolerance(computation: Computation) -> str:
    """`1,000 eps`, or by dtype if they differ."""
    allowed = {dtype: f"{eps(computation.allowed(dtype))} eps" for dtype in computation.dtypes}
    if len(set(allowed.values())) == 1:
        return next(iter(allowed.values())).replace(".0 ", " ")
    return ", ".join(f"{value} in {dtype}" for dtype, value in allowed.items()).replace(".0 ", " ")


def words(cell: Cell) -> str:
    """The state of a cell, with its distance."""
    far = (
        f", {eps(cell.distance)} eps"
        if cell.distance is not None and cell.state in ("equal", "partial", "failed")
        else ""
    )
    return f"{cell.state}{far}"


def computation_of(columns: Mapping[str, Sequence[Cell]]) -> Computation:
    return next(iter(columns.values()))[0].computation
