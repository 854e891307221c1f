"""Run a step and compare its output with its comments and with the oracle table (golden outputs).

`# -> text` is an expected line of output, `# -> ...` any number of lines, `# !> Error: ...` a printed error,
`# ~> text (tol)` a line whose numbers are compared with an absolute tolerance. A comment below one of these
that starts with `#` and four spaces is the next expected line.
"""

from __future__ import annotations

import io
import os
import pathlib
import re
import subprocess
import sys
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass

from .files import read_toml
from .lessons import step_path
from .stages import STAGES

ORACLES = pathlib.Path(__file__).parent / "oracles.toml"
RELATIVE = 1e-9
ARGUMENTS: dict[
    int | str, tuple[str, ...]
] = {  # so that the numbers do not depend on the network, and the step takes little time
    **dict.fromkeys((51, 52, 53), ("--data", "digits")),
    58: ("--quick",),
    59: ("--epochs", "3"),
    60: ("--epochs", "10"),
}
APPENDICES = ("A", "B")  # the appendices that are scripts, in the last stage
HANG = 3600  # seconds, many times what any step takes, so that only a hang fails, even on a slow machine
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|(?:inf|nan)\b)")


@dataclass(frozen=True)
class Expectation:
    """An expected line of output, and the code before the comment."""

    line: int
    code: str
    text: str
    tolerance: float | None = None

    @property
    def skips(self) -> bool:
        return self.text == "..."


@dataclass(frozen=True)
class Oracle:
    """A golden output from the specification: in this step or appendix, this line of code prints it."""

    step: int | str
    line: str
    value: str
    tolerance: float | None = None


def oracles() -> list[Oracle]:
    """The whole table, in order."""
    return [Oracle(**entry) for entry in read_toml(ORACLES)["oracle"]]


def expectations(source: str) -> list[Expectation]:
    """The expected output in a step's comments, in order."""
    found: list[Expectation] = []
    lines = source.splitlines()
    previous = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        code = lines[line - 1][:column].strip()
        if mark := re.match(r"# ([-!~])> ?(.*)", token.string):
            text, tolerance = mark[2], None
            if mark[1] == "~":
                if not (with_tolerance := re.fullmatch(r"(.*\S)\s*\(([^()]+)\)", text)):
                    raise ValueError(f"line {line}: # ~> needs a tolerance in brackets")
                text, tolerance = with_tolerance[1], float(with_tolerance[2])
            found.append(Expectation(line, code, text, tolerance))
        elif found and previous == line - 1 and not code and token.string.startswith("#    "):
            found.append(Expectation(line, found[-1].code, token.string[1:].strip(), found[-1].tolerance))
        else:
            continue
        previous = line
    return found


def same_line(actual: str, expected: str, tolerance: float | None = None) -> bool:
    """Whether texts are equal, with numbers within 1e-9 relative or within an absolute tolerance."""
    if NUMBER.sub("#", actual).split() != NUMBER.sub("#", expected).split():
        return False
    for a, b in zip(map(float, NUMBER.findall(actual)), map(float, NUMBER.findall(expected)), strict=True):
        allowed = RELATIVE * abs(b) if tolerance is None else tolerance
        if a != b and not (a != a and b != b) and not abs(a - b) <= allowed:
            return False
    return True


def match(expected: Sequence[Expectation], output: str) -> tuple[list[tuple[Expectation, str]], list[str]]:
    """Pairs of expectation and printed line, and a list of mismatches."""
    printed = output.splitlines()
    pairs: list[tuple[Expectation, str]] = []
    at, skipping = 0, False
    for expectation in expected:
        if expectation.skips:
            skipping = True
            continue
        start = at
        while skipping and at < len(printed) and not same_line(printed[at], expectation.text, expectation.tolerance):
            at += 1
        if at >= len(printed):
            return pairs, [f"line {expectation.line}: {expectation.text!r} was never printed after output line {start}"]
        if not same_line(printed[at], expectation.text, expectation.tolerance):
            return pairs, [f"line {expectation.line}: printed {printed[at]!r}, expected {expectation.text!r}"]
        pairs.append((expectation, printed[at]))
        at, skipping = at + 1, False
    if at < len(printed) and not skipping:
        return pairs, [f"unexpected output: {printed[at]!r}"]
    return pairs, []


def run_script(path: pathlib.Path, *arguments: str, timeout: float = HANG) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader would, without opening windows."""
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(path), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        env=environment,
        check=False,
    )


def script_path(step: int | str) -> pathlib.Path:
    """The script of a step, or of an appendix given by its letter."""
    if isinstance(step, int):
        return step_path(step)
    return STAGES[-1].folder / "steps" / f"appendix_{step.lower()}.py"


def check_step(step: int | str) -> list[str]:
    """Run a step or an appendix, and return mismatches with its comments and with the oracle table."""
    path = script_path(step)
    result = run_script(path, *ARGUMENTS.get(step, ()))
    if result.returncode != 0:
        return [f"{path.name} ended with status {result.returncode}: {result.stderr.strip()[-500:]}"]
    pairs, problems = match(expectations(path.read_text(encoding="utf-8")), result.stdout)
    return problems + check_oracles(pairs, [oracle for oracle in oracles() if oracle.step == step])


def check_oracles(pairs: Sequence[tuple[Expectation, str]], table: Sequence[Oracle]) -> list[str]:
    """Check that the line of code of each oracle, in order, printed the oracle's value."""
    problems, at = [], 0
    for oracle in table:
        places = [i for i in range(at, len(pairs)) if pairs[i][0].code == oracle.line]
        if not places:
            problems.append(f"oracle {oracle.line!r} -> {oracle.value!r}: the step has no such line of output here")
            continue
        at = places[0] + 1
        printed = pairs[places[0]][1]
        if not same_line(printed, oracle.value, oracle.tolerance):
            problems.append(f"oracle {oracle.line!r}: printed {printed!r}, the specification has {oracle.value!r}")
    return problems
