"""The pages for readers who know something else: the book, three other books, PyTorch, micrograd."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator, Sequence

from ..files import read_toml
from ..rosetta import Row
from ..stages import Stage
from .page import HERE, LANGUAGES, WORDS, Page, markdown, with_steps

FOLDER = HERE / "coming_from"
BOOKS = ("book", "d2l", "weidman", "tensorflow", "pytorch", "micrograd")  # in this order


def coming_pages(stage: Stage, calls: Sequence[Row]) -> Iterator[Page]:
    """A page that lists them, and one for each."""
    docs = stage.folder / "docs"
    headings = read_toml(docs / "headings.toml")["heading"]
    rosetta = {row.name for row in calls}
    sources = {name: source(name, docs) for name in BOOKS}
    titles = {name: re.sub(r"^# ", "", text.partition("\n")[0]) for name, text in sources.items()}
    yield Page(
        "coming",
        "coming",
        {language: {"entries": [(f"from-{name}", titles[name]) for name in BOOKS]} for language in LANGUAGES},
        {language: say["coming"] for language, say in WORDS.items()},
        {language: " ".join(titles.values()) for language in LANGUAGES},
    )
    for n, name in enumerate(BOOKS):
        rows = [
            {
                "titles": heading["titles"],
                "names": [(one, target(one, rosetta, stage)) for one in heading.get("names", ())],
                "note": heading.get("note", ""),
            }
            for heading in headings
            if heading["book"] == name
        ]
        text = sources[name].partition("\n")[2]
        yield Page(
            f"from-{name}",
            "from",
            {
                language: {
                    "heading": titles[name],
                    "html": with_steps(markdown(text), language),
                    "headings": rows,
                    "calls": by_call(calls) if name == "pytorch" else [],
                }
                for language in LANGUAGES
            },
            dict.fromkeys(LANGUAGES, titles[name]),
            dict.fromkeys(LANGUAGES, " ".join([text, *(one for row in rows for one in row["titles"])])),
            f"from-{BOOKS[n - 1]}" if n else "coming",
            f"from-{BOOKS[n + 1]}" if n + 1 < len(BOOKS) else None,
        )


def source(name: str, docs: pathlib.Path) -> str:
    """The page of a book: among those of the last stage, or here."""
    path = docs / f"{name}.md"
    return (path if path.is_file() else FOLDER / f"{name}.md").read_text(encoding="utf-8")


def target(name: str, rosetta: set[str], stage: Stage) -> tuple[str, str]:
    """The page and the anchor of a name or a file; empty if it has none, or if it does not exist yet."""
    if "/" in name and not (stage.folder.parent / name).is_file():
        return "", ""
    if found := re.fullmatch(r"\w+/steps/(step\d\d|appendix_[ab])\.py", name):
        return found[1], ""
    if found := re.fullmatch(r"stage5_advanced/examples/(\w+)\.py", name):
        return "examples", found[1]
    last = name.rpartition(".")[2]
    return ("rosetta", last) if last in rosetta else ("", "")


def by_call(calls: Sequence[Row]) -> list[Row]:
    """The rows of the Rosetta that name PyTorch, sorted by its name."""

    def key(row: Row) -> str:
        found = re.search(r"torch\.[\w.]+", row.call)
        return found[0].lower() if found else ""

    return sorted((row for row in calls if key(row)), key=key)
