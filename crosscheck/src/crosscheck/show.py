"""`crosscheck show CELL`: the inputs, the cotangents and every result of one cell."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import UsageError
from .cells import Cell
from .compare import distance, shorten
from .computations import Computation
from .frameworks import Framework
from .raised import describe
from .report import cell_as_json, repeat_command
from .runner import Runner
from .trial import evaluate, order_of


def parse_cell(
    name: str, computations: Sequence[Computation], frameworks: Sequence[Framework]
) -> tuple[Computation, Framework, str]:
    """`square/stage1/float64` -> its computation, framework and dtype."""
    parts = name.split("/")
    if len(parts) != 3:
        raise UsageError(
            f"show: {name!r} is not of the form computation/framework/dtype, such as square/stage1/float64"
        )
    computation = next((c for c in computations if c.name == parts[0]), None)
    if computation is None:
        raise UsageError(f"unknown computation {parts[0]!r}: crosscheck list computations")
    framework = next((f for f in frameworks if f.label == parts[1]), None)
    if framework is None:
        raise UsageError(f"unknown framework {parts[1]!r}; there is {', '.join(f.label for f in frameworks)}")
    if parts[2] not in computation.dtypes:
        raise UsageError(f"{computation.name} is run in {', '.join(computation.dtypes)}, not in {parts[2]!r}")
    return computation, framework, parts[2]


def case_as_json(runner: Runner, cell: Cell, framework: Framework, case: Any) -> dict[str, Any]:
    """Inputs, results and oracle values of one case."""
    dtype = np.dtype(cell.dtype)
    shown: dict[str, Any] = {"case": case.name, "inputs": [shorten(a) for a in case.arrays], "results": []}
    with np.errstate(all="ignore"):
        try:
            order = order_of(cell.computation, framework, case)
            outcome = evaluate(cell.computation, framework, case, dtype, runner.seed, order)
        except (Exception, SystemExit) as error:
            return shown | {"error": describe(error)}
        shown["cotangents"] = [
            "the framework's default" if seeds is None else [shorten(s) for s in seeds] for seeds in outcome.cotangents
        ]
        reference = runner.reference(cell.computation, case, dtype) if runner.oracle is not None else None
    for i, found in enumerate(outcome.arrays()):
        a = found.array
        result: dict[str, Any] = {
            "name": found.name,
            framework.name: shorten(a),
            "dtype": str(a.dtype),
            "shape": list(a.shape),
        }
        if reference is not None:
            precise, same = (list(o.arrays())[i].array for o in (reference.precise, reference.same))
            result["torch float64"] = shorten(precise)
            result[f"torch {cell.dtype}"] = shorten(same)
            if a.shape == precise.shape:
                result["distance_eps"] = distance(a, precise, dtype)
        shown["results"].append(result)
    return shown


def show(runner: Runner, computation: Computation, framework: Framework, dtype: str, options: str) -> dict[str, Any]:
    """A cell with all its cases, as plain data."""
    cell = runner.run(computation, framework, dtype)
    cases = [
        case_as_json(runner, cell, framework, case)
        for case in ([] if computation.raises else runner.cases_of(computation, dtype))
        if framework.takes_integers or not case.integer
    ]
    source = textwrap.dedent(inspect.getsource(computation.body))
    return cell_as_json(cell) | {"source": source, "cases": cases, "repeat": repeat_command(cell, options)}


def as_text(shown: dict[str, Any]) -> str:
    """The output of `show` as text."""
    far = "" if shown["distance_eps"] is None else f", at most {shown['distance_eps']:.3g} eps from PyTorch in float64"
    lines = [f"{shown['cell']}: {shown['state']}{far}"]
    if shown["reason"]:
        lines.append(f"  {shown['reason']}")
    lines += [f"  {failure['kind']}: {failure['text']}" for failure in shown["failures"]]
    lines += ["", *("    " + line for line in shown["source"].rstrip().splitlines())]
    for case in shown["cases"]:
        lines += ["", case["case"]]
        lines += [f"  {'input':24} {text}" for text in case["inputs"]]
        for seeds in case.get("cotangents", []):
            lines += [f"  {'cotangent':24} {text}" for text in ([seeds] if isinstance(seeds, str) else seeds)]
        if "error" in case:
            lines.append(f"  {case['error']}")
        for result in case["results"]:
            for key, text in result.items():
                if key not in ("name", "dtype", "shape", "distance_eps"):
                    lines.append(f"  {result['name'] + ', ' + key:24} {text}")
            if "distance_eps" in result:
                lines.append(f"  {'distance':24} {result['distance_eps']:.3g} eps")
    lines += ["", f"reproduce: {shown['repeat']}"]
    return "\n".join(lines)
