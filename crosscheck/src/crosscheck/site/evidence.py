"""The pages of what is measured: the matrix, the benchmarks, the examples."""

from __future__ import annotations

import ast
import itertools
import pathlib
import re
from typing import Any

from markupsafe import Markup

from ..computations import Computation, all_computations
from ..ledger import Ledger
from ..lessons import lessons
from ..report.words import eps
from ..stages import STAGES, Stage
from .page import LANGUAGES, WORDS, Page, blocks, markdown, title
from .plots import Series, ratios

FRAMEWORKS = [*(stage.name for stage in STAGES), "torch"]
TABLE = '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>\n<thead>\n<tr>\n<th>workload</th>'
PICTURES = (".svg", ".png", ".jpg")


# --- the matrix ---


def matrix_page() -> Page:
    """Every computation as it is declared, with the largest distance measured so far: no run of the matrix."""
    computations = all_computations()
    distances = Ledger.read().distances
    titles = {lesson.step: lesson for stage in STAGES if stage.installed() for lesson in lessons(stage)}
    steps: dict[int, list[dict[str, Any]]] = {}
    for one in computations:
        found = distances.get(one.name, {})
        steps.setdefault(one.step, []).append(
            {
                "name": one.name,
                "doc": one.doc,
                "order": one.order if one.raises is None else 0,
                "states": [state(one, name) for name in FRAMEWORKS],
                "distances": [eps(found[dtype]) for dtype in ("float64", "float32") if dtype in found],
                "reasons": sorted(set(one.differs.values())),
            }
        )
    counts = {
        name: sum(state(one, framework) == name for one in computations for framework in FRAMEWORKS)
        for name in ("equal", "unsupported", "differs", "error")
    }
    return Page(
        "matrix",
        "matrix",
        {
            language: {
                "frameworks": FRAMEWORKS,
                "steps": [
                    (step, title(titles[step], language) if step in titles else "", rows)
                    for step, rows in steps.items()
                ],
                "counts": counts,
                "number": len(computations),
            }
            for language in LANGUAGES
        },
        {language: say["matrix"] for language, say in WORDS.items()},
        {language: " ".join(one.name for one in computations) for language in LANGUAGES},
    )


def state(one: Computation, framework: str) -> str:
    """The declared state of a computation in a stage or in PyTorch."""
    if framework != "torch" and int(framework[5:]) < one.since:
        return "unsupported"
    if framework in one.differs:
        return "differs"
    return "error" if one.raises else "equal"


# --- the benchmarks ---


def benchmarks_page(root: pathlib.Path) -> Page:
    """PERFORMANCE.md, with its tables of workloads as plots."""
    text = (root / "PERFORMANCE.md").read_text(encoding="utf-8").partition("\n")[2]
    plots = [
        Markup('<figure class="plot scroll" tabindex="0" role="group" aria-label="Plot">{}</figure>').format(
            ratios(rows)
        )
        for rows in series_of(text)
    ]
    parts = markdown(text).split(TABLE)  # before each table of workloads, its plot
    html = Markup(parts[0]) + Markup().join(
        Markup(f"{plot}{TABLE}{part}") for plot, part in itertools.zip_longest(plots, parts[1:], fillvalue="")
    )
    return Page(
        "benchmarks",
        "benchmarks",
        {language: {"heading": WORDS[language]["benchmarks"], "html": html} for language in LANGUAGES},
        {language: say["benchmarks"] for language, say in WORDS.items()},
        dict.fromkeys(LANGUAGES, text),
    )


def series_of(text: str) -> list[list[Series]]:
    """The tables of workloads, each as rows of ratios: for each stage, or for each column of numbers."""
    found = []
    for table in re.findall(r"^\| workload \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE):
        rows = []
        for line in table.splitlines():
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            if not name.startswith("`"):
                continue
            first = int(cells[0]) if cells[0].isdecimal() else 0
            columns = [numbers(cell) for cell in (cells[2:3] if first else cells[:2])]
            values = columns[0] if first else [value for column in columns for value in column]
            if values:
                labels = range(first, first + len(values)) if first else range(1, 1 + len(values))
                rows.append(Series(name.strip("`"), tuple(zip(labels, values, strict=True))))
        if rows:
            found.append(rows)
    return found


def numbers(cell: str) -> list[float]:
    """`0.48 / 0.90` -> both; none of other texts."""
    parts = cell.split(" / ")
    return [float(part) for part in parts] if all(re.fullmatch(r"\d+(\.\d+)?", part) for part in parts) else []


# --- the examples ---


def examples_page(stage: Stage) -> Page:
    """The scripts of stage 5 that say how to run them, with their pictures."""
    found = []
    files: dict[str, bytes] = {}
    for path in sorted((stage.folder / "examples").glob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        heading, _, text = doc.partition("\n\n")
        if f"examples/{path.name}" not in text:
            continue  # a module of the examples
        picture = next((one for one in pictures(stage, path.stem) if one.is_file()), None)
        name = f"example-{picture.name}" if picture else ""
        if picture:
            files[name] = picture.read_bytes()
        found.append({"name": path.stem, "title": heading.rstrip("."), "text": blocks(text), "picture": name})
    return Page(
        "examples",
        "examples",
        {language: {"examples": found} for language in LANGUAGES},
        {language: say["examples"] for language, say in WORDS.items()},
        {language: " ".join(f"{one['name']} {one['title']}" for one in found) for language in LANGUAGES},
        files=files,
    )


def pictures(stage: Stage, name: str) -> list[pathlib.Path]:
    """The files in which the picture of an example may be."""
    return [stage.folder / "docs" / "pictures" / f"{name}{suffix}" for suffix in PICTURES]
