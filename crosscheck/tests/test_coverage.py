"""Every differentiable public name has a computation; and tests of this check."""

import types

import pytest

import stage3_higher_order
from crosscheck import coverage
from crosscheck.cli import main
from crosscheck.computations import Computation, all_computations
from crosscheck.coverage import uncovered, without_reason
from crosscheck.frameworks import BookStyle, load_stage
from crosscheck.inputs import LAYOUTS, normal
from crosscheck.stages import STAGES


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_public_name_has_a_computation(stage):
    assert uncovered(load_stage(stage), all_computations()) == []


def test_names_declared_as_not_differentiable_exist():
    assert without_reason([load_stage(stage) for stage in STAGES]) == []


def framework(**functions):
    """Stage 3 with additional functions in F."""
    gathered = types.ModuleType("stage3_higher_order.functions")
    gathered.__dict__.update(vars(stage3_higher_order.functions) | functions)
    gathered.__name__ = "stage3_higher_order.functions"
    return BookStyle("stage3", [stage3_higher_order, gathered], 3)


QUICK = [c for c in all_computations() if c.cases >= LAYOUTS]  # the long chains are slow and cover no other name


def computation(body, **declared):
    return Computation(body.__name__, body, 33, 3, [normal()], **declared)


def cube(x):
    """A name without a computation."""
    return stage3_higher_order.functions.mul(x, stage3_higher_order.functions.mul(x, x))


def test_a_new_function_without_a_computation_is_red():
    wanting = uncovered(framework(cube=cube), QUICK)
    assert wanting == ["stage3: no computation calls cube"]


def test_a_new_operator_without_a_computation_is_red(monkeypatch):
    monkeypatch.setattr(stage3_higher_order.Variable, "__matmul__", cube, raising=False)
    monkeypatch.setattr(stage3_higher_order.Variable, "T", property(cube), raising=False)
    wanting = uncovered(framework(), QUICK)
    assert wanting == [f"stage3: no computation calls Variable.{name}" for name in ("T", "__matmul__")]


@pytest.mark.parametrize(
    ("declared", "red"),
    [
        ({}, []),
        ({"order": 1}, ["stage3: no computation of order 2 calls cube"]),
        ({"order": 0}, ["stage3: no computation of order 2 calls cube"]),
        ({"differs": {"stage3": "nobody looks"}}, ["stage3: no computation of order 2 calls cube"]),
        ({"raises": (ValueError, "")}, ["stage3: no computation calls cube"]),
    ],
)
def test_only_a_computation_that_is_differentiated_and_compared_counts(declared, red):
    by_name = computation(lambda fw, x: fw.cube(x), **declared)
    assert uncovered(framework(cube=cube), [*QUICK, by_name]) == red


def test_calls_made_by_the_framework_do_not_count():
    only = computation(lambda fw, x: fw.cube(x))
    wanting = uncovered(framework(cube=cube), [only])
    assert "stage3: no computation calls mul" in wanting
    assert "stage3: no computation calls Variable.__mul__" in wanting
    assert not any("cube" in text for text in wanting)


def test_the_operators_are_restored():
    before = dict(vars(stage3_higher_order.Variable))
    uncovered(framework(), QUICK)
    assert dict(vars(stage3_higher_order.Variable)) == before


def test_a_reason_for_an_unknown_name_is_red(monkeypatch):
    monkeypatch.setitem(coverage.NOT_DIFFERENTIABLE, "no_such_name", "for the sake of it")
    assert without_reason([load_stage(stage) for stage in STAGES]) == ["no_such_name"]


def test_a_name_without_a_computation_makes_the_run_red(monkeypatch, capsys):
    only = [c for c in all_computations() if c.name in ("square", "exp")]
    for module in ("cli", "pool"):  # -n 0: the pool of worker processes would not see the change
        monkeypatch.setattr(f"crosscheck.{module}.all_computations", lambda: only)
    assert main(["run", "-n", "0"]) == 1
    said = capsys.readouterr().out
    assert "not covered  stage2: no computation calls add" in said
    assert "every cell is as declared" in said
    assert main(["run", "-n", "0", "-k", "square"]) == 0
