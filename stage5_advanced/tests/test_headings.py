"""docs/headings.toml and the pages beside it: every name that they mention exists."""

import importlib
import pathlib
import re
import tomllib

import pytest

from .stage import package

DOCS = pathlib.Path(__file__).parents[1] / "docs"
TABLE = tomllib.loads((DOCS / "headings.toml").read_text(encoding="utf-8"))
NAMES = sorted({name for heading in TABLE["heading"] for name in heading.get("names", [])})
PAGES = {"tensorflow": 72, "weidman": 14, "d2l": 52}  # book -> number of rows, as transcribed


def exists(name):
    """Whether a file of the repository, or an object or module of the package, has this name."""
    if "/" in name:
        return (DOCS.parents[1] / name).is_file()
    found = package
    for part in name.split("."):
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (AttributeError, ImportError):
                return False
        found = getattr(found, part)
    return True


def test_a_name_exists_if_it_does():
    for name in ("functions.conv2d", "Variable.shape", "dot.plot_dot_graph", "stage5_advanced/examples/cnn.py"):
        assert exists(name)
    for name in ("functions.conv4d", "Variable.form", "dots", "dot.x.y", "stage5_advanced/examples"):
        assert not exists(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_table_exists(name):
    assert exists(name)


def test_every_row_has_titles_and_either_names_or_a_note():
    for heading in TABLE["heading"]:
        assert heading["titles"]
        assert bool(heading.get("names")) != bool(heading.get("note")), heading
    books = [heading["book"] for heading in TABLE["heading"]]
    assert {book: books.count(book) for book in PAGES} == PAGES


@pytest.mark.parametrize("book", PAGES)
def test_the_chapters_of_a_book_name_only_what_exists(book):
    text = (DOCS / f"{book}.md").read_text(encoding="utf-8")
    modules = {"F": "functions", "L": "layers", "M": "models", "O": "optimizers", "T": "training"}
    chapters = text.partition("| you read chapter |")[2].partition("\n\n")[0]
    found = [
        re.fullmatch(r"([A-Za-z_][\w.]*|[\w/]+\.py)(\(.*\))?", code) for code in re.findall(r"`([^`]+)`", chapters)
    ]
    names = [match[1] for match in found if match]
    assert len(names) > 20
    for name in names:
        first, _, rest = name.partition(".")
        name = f"{modules[first]}.{rest}" if first in modules and rest else name
        assert exists(name) or exists(f"stage5_advanced/{name}"), name
