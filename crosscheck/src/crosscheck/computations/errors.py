"""Errors as tables: (name, call, type, text) for each, in the files errors_*.py; and what their calls need."""

from __future__ import annotations

import contextlib
import io
import pathlib
import sys
import tempfile
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from . import computation

NOTHING: Mapping[str, bytes] = {}


def errors(step: int, *rows: tuple[Any, ...], since: int | None = None) -> None:
    """Register the calls that must raise these errors. A fifth element of a row says what PyTorch does instead."""
    for name, call, kind, text, *torch in rows:
        call.__name__ = name
        call.__doc__ = name.replace("_", " ").capitalize()
        differs = {"torch": torch[0]} if torch else {}
        declare = computation(
            step=step, since=since, order=0, dtypes=("float64",), raises=(kind, text), differs=differs
        )
        declare(call)


def package(fw: Any) -> str:
    """The name of the package of a stage. Raises Missing for another framework."""
    return str(fw.Function.__module__.partition(".")[0])


def patched(fw: Any, module: str, **attributes: Any) -> Any:
    """In the block, a module of a stage has other attributes."""
    getattr(fw, module)  # Missing, if the stage does not have it
    return mock.patch.multiple(sys.modules[f"{package(fw)}.{module}"], **attributes)


@contextlib.contextmanager
def hidden(*modules: str) -> Iterator[None]:
    """In the block, these modules cannot be imported."""
    with mock.patch.dict(sys.modules, dict.fromkeys(modules)):
        yield


def under(context: Any, f: Callable[[], Any]) -> Any:
    """f() in a `with` block."""
    with context:
        return f()


def with_file(content: bytes | None, f: Callable[[str], Any], name: str = "file") -> Any:
    """f(path) for a file with this content, or that does not exist, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        if content is not None:
            path.write_bytes(content)
        return f(str(path))


@dataclass
class Network:
    """What downloads do: their folder, addresses, options and temporary files."""

    folder: str
    urls: list[str] = field(default_factory=list)
    options: list[Any] = field(default_factory=list)
    parts: list[pathlib.Path] = field(default_factory=list)


@contextlib.contextmanager
def downloads(*contents: bytes | Exception, named: Mapping[str, bytes] = NOTHING) -> Iterator[Network]:
    """In the block, downloads have these contents, by address or in turn, or fail, in a temporary folder."""
    remaining = iter(contents)

    def get(url: str, path: str, _: object) -> None:
        network.urls.append(url)
        network.parts.append(pathlib.Path(path))
        content = named[url] if named else next(remaining)
        if isinstance(content, Exception):
            raise content
        pathlib.Path(path).write_bytes(content)

    def downloader(**options: Any) -> Any:
        network.options.append(options)
        return get

    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stderr(io.StringIO()),
        mock.patch.dict("sys.modules", pooch=types.SimpleNamespace(HTTPDownloader=downloader)),
        mock.patch.dict("os.environ", DEZERO_HOME=folder),
    ):
        network = Network(folder)
        yield network
