"""Output of the commands: a console, tables, JSON, a progress bar."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from .. import UsageError
from ..files import write_text

PIPED_WIDTH = 180
SAY_EVERY = 10.0  # seconds
T = TypeVar("T")


def console(stream: Any = None) -> Console:
    """A console, plain and wide if the output is not a terminal. Rich respects NO_COLOR."""
    stream = stream or sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def track(items: Iterable[T], total: int, name: Callable[[T], str], unit: str = "items") -> Iterator[T]:
    """Yield the items; show progress on standard error, as a bar on a terminal, else as a line every ten seconds."""
    errors = console(sys.stderr)
    said, shown = time.monotonic(), errors.is_terminal
    with Progress(console=errors, transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=total)
        for done, item in enumerate(items, 1):
            if shown:
                progress.update(task, description=name(item), completed=done)
            elif time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                print(f"crosscheck: {done} of {total} {unit}", file=sys.stderr, flush=True)
            yield item


def output(data: Any, json_target: str | None, print_text: Callable[[], None]) -> None:
    """Print text, unless JSON replaces it. json_target: None, a file to write as well, or `-` for standard output."""
    if json_target != "-":
        print_text()
    if json_target:
        write_json(data, json_target)


def write_json(data: Any, target: str) -> None:
    """Write to a file, or to standard output for `-`."""
    write(json.dumps(data, indent=2) + "\n", target, "--json")


def write(text: str, target: str, option: str) -> None:
    """Write to a file, in full or not at all, or to standard output for `-`. Raises UsageError if it fails."""
    if target == "-":
        print(text, end="")
        return
    try:
        write_text(pathlib.Path(target), text)
    except OSError as error:
        raise UsageError(f"{option}: cannot write {target}: {error.strerror}") from error


def attempt(*steps: Callable[[], object]) -> None:
    """Take every step, even if one fails with a UsageError; then raise the first of these."""
    failed = []
    for step in steps:
        try:
            step()
        except UsageError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def print_table(title: str, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="dim")
    for column in columns:
        table.add_column(column)
    for line in lines:
        table.add_row(*(escape(text) for text in line))
    console().print(table)
