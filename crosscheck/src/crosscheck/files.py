"""Files that the user names: checked before the work begins, and written in full or not at all. Files of crosscheck
itself: read, or reported as damaged."""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil
import tempfile
import tomllib
from typing import Any

from . import UsageError


def check_file(target: str, option: str) -> None:
    """Raise UsageError if a file cannot be written to this path; `-` is standard output."""
    path = pathlib.Path(target)
    if target == "-":
        return
    if not target:
        raise UsageError(f"{option}: expected the name of a file, got an empty string")
    if path.is_dir():
        raise UsageError(f"{option}: expected a file, got the folder {target}")
    if not path.parent.is_dir():
        raise UsageError(f"{option}: there is no folder {path.parent}")
    if path.exists() and not os.access(path, os.W_OK):
        raise UsageError(f"{option}: cannot write {target}: permission denied")
    real = pathlib.Path(os.path.realpath(path))
    if real.is_file() or not real.exists():  # pipes and devices are written to, files replaced
        try_to_write(real.parent, f"{option}: cannot write {target}")


def check_folder(target: str, option: str) -> None:
    """Raise UsageError if this folder neither exists nor can be created, or if it cannot be written to."""
    if not target:
        raise UsageError(f"{option}: expected the name of a folder, got an empty string")
    path = pathlib.Path(target).absolute()
    first = next(folder for folder in (path, *path.parents) if folder.exists())
    if not first.is_dir():
        raise UsageError(f"{option}: expected a folder, got the file {first}")
    try_to_write(first, f"{option}: cannot write to {first}")


def try_to_write(folder: pathlib.Path, complaint: str) -> None:
    """Raise UsageError unless a folder can be created in this one."""
    try:
        tempfile.TemporaryDirectory(dir=folder).cleanup()
    except OSError as error:
        raise UsageError(f"{complaint}: {(error.strerror or str(error)).lower()}") from error


def write_text(path: pathlib.Path, text: str) -> None:
    """Write a file in full, or raise OSError and leave the old one as it is."""
    write_bytes(path, text.encode())


def write_bytes(path: pathlib.Path, content: bytes) -> None:
    """Write a file in full, or raise OSError and leave the old one as it is.

    It goes to a new file in the same folder, which then replaces the old one. Pipes and devices are written to.
    """
    path = pathlib.Path(os.path.realpath(path))  # a link stays a link
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def read_toml(path: pathlib.Path) -> dict[str, Any]:
    """Read a TOML file. Raises UsageError if it is missing or damaged."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise UsageError(f"{path} is damaged: {error}") from error
