"""The figures of the steps: each script that draws runs once, and writes them to a folder."""

from __future__ import annotations

import concurrent.futures
import pathlib
import subprocess
import tempfile
from collections.abc import Sequence

from ..steps import ARGUMENTS, run_script, script_path

LIMIT = 60.0  # seconds of one script; a step that takes longer has no figure
WORKERS = 2


def figures(steps: Sequence[int]) -> dict[int, dict[str, bytes]]:
    """step -> the figures that its script writes, by name."""
    drawing = [step for step in steps if "--out" in script_path(step).read_text(encoding="utf-8")]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(drawing, pool.map(figures_of, drawing), strict=True))


def figures_of(step: int) -> dict[str, bytes]:
    """The figures of one step; none if the script fails or takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            run_script(script_path(step), *ARGUMENTS.get(step, ()), "--out", folder, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return {}
        return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).rglob("*.png"))}
