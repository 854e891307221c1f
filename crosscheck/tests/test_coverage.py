"""What the matrix compares of each stage is recorded, and what it does not compare is red; tests of this check."""

import dataclasses
import json
import pickle

import numpy as np
import pytest

import stage3_higher_order
import stage4_neural_nets
from crosscheck import coverage as module
from crosscheck.cli import main
from crosscheck.computations import Computation, all_computations
from crosscheck.coverage import Reasons, Scope, coverage, statements
from crosscheck.frameworks import load_stage
from crosscheck.inputs import normal
from crosscheck.recorder import Recorder, Surface
from crosscheck.runner import Cell, Runner
from crosscheck.stages import STAGES
from stage5_advanced.hybrid.reach import reach

ALL = {c.name: c for c in all_computations()}


def computation(body, order=2, **declared):
    return Computation("a_computation", body, 33, 3, [normal()], ((2,),), order=order, **declared)


def cells_of(computation, number=3):
    """The cell of a stage, and PyTorch's, which is not run."""
    stage = load_stage(STAGES[number - 1])
    return [Runner([stage], None).run(computation, stage, "float64"), Cell(computation, "torch", "float64")]


def covered(cells, number=3):
    stage = load_stage(STAGES[number - 1])
    return coverage({stage.name: Scope.of(Surface(stage))}, cells)


def called(body, number=4):
    """What a computation uses of a stage."""
    with Recorder(load_stage(STAGES[number - 1])) as recorder:
        body(recorder)
    return {name: set(left) for name, left in recorder.taken().items()}


# --- the recorder ---


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (lambda fw: fw.square(fw.Variable(np.ones(2))), {"functions.square": set()}),
        (lambda fw: fw.sum(fw.Variable(np.ones(2)), 0), {"functions.sum": {"keepdims"}}),
        (lambda fw: fw.Variable(np.ones(2)).sum(keepdims=True), {"Variable.sum": {"axis"}}),
        (lambda fw: 2 * fw.Variable(np.ones(2)), {"Variable.__rmul__": set(), "functions.Mul": set()}),
        (lambda fw: fw.Variable(np.ones((2, 2))).T, {"Variable.T": {"axes"}}),
        (lambda fw: fw.SGD(), {"optimizers.SGD": {"lr"}}),
        (lambda fw: fw.MomentumSGD(0.1), {"optimizers.MomentumSGD": {"momentum"}}),
        (lambda fw: fw.Parameter(np.ones(2)), {"Parameter": {"name"}}),
        (lambda fw: fw.Linear(2, in_size=3), {"layers.Linear": {"nobias", "dtype"}}),
        (lambda fw: fw.transforms.ToInt()(np.ones(2)), {"transforms.ToInt": {"dtype"}}),
        (lambda fw: fw.utils.sum_to(np.ones(2), (1,)), {"utils.sum_to": set()}),
        (lambda fw: fw.cleargrads(fw.Linear(2)), {"layers.Layer.cleargrads": set(), "layers.Layer.params": set()}),
    ],
)
def test_calls_are_recorded_with_the_defaults_that_they_leave(body, found):
    recorded = called(body)
    assert {name: recorded.get(name) for name in found} == found


def test_operators_that_the_framework_itself_uses_do_not_count():
    recorded = called(lambda fw: fw.mean_squared_error_simple(fw.Variable(np.ones(2)), fw.Variable(np.zeros(2))))
    assert "functions.mean_squared_error_simple" in recorded
    assert not any(name.startswith("Variable.__") for name in recorded)


def test_a_class_of_the_user_counts_as_its_public_base():
    def body(fw):
        class Mine(fw.Layer):
            def __init__(self):
                super().__init__()

        Mine()

    assert "layers.Layer" in called(body)


def test_a_class_that_inherits_its_constructor_calls_the_one_that_comes_next():
    """Model, which has none, is recorded by one that must not hide that of Other."""

    def body(fw):
        class Other(fw.Layer):
            def __init__(self, size):
                super().__init__()
                self.size = size

        class Mine(fw.Model, Other):
            pass

        assert Mine(3).size == 3

    assert "models.Model" in called(body)


def test_a_model_that_is_hybridized_does_not_lead_to_what_is_recorded():
    """Which it would undo between two calls."""

    def body(fw):
        hybrid = fw.hybridize(lambda x: fw.exp(x) * 2)
        hybrid(fw.Variable(np.ones(2)))
        assert hybrid.programs()[0]["state"] == "program"
        found.extend(reach([hybrid], lambda x: getattr(x, "model", x)))

    found = []
    assert "hybrid.Hybrid.prove" in called(body, 5)
    assert "Recorder" in [type(x).__name__ for x in found]
    assert len(found) < 300


def test_a_recorded_stage_is_restored_even_after_an_error():
    classes = [stage4_neural_nets.Variable, stage4_neural_nets.Layer, stage4_neural_nets.Function]
    before = [dict(vars(each)) for each in classes]
    with pytest.raises(ValueError, match="reshape"):
        called(lambda fw: fw.reshape(fw.Variable(np.ones(2)), (3,)))
    assert [dict(vars(each)) for each in classes] == before


def test_the_scope_of_a_stage_can_be_sent_by_a_worker():
    scope = Scope.of(Surface(load_stage(STAGES[4])))
    assert pickle.loads(pickle.dumps(scope)) == scope
    assert scope.defaults["optimizers.Adam"] == ("alpha", "beta1", "beta2", "eps")
    assert "functions.conv2d" in scope.differentiable
    assert "Variable.__getitem__" in scope.differentiable
    assert "Variable.backward" not in scope.differentiable


# --- what is missing ---


def cube(x):
    """A name without a computation."""
    return stage3_higher_order.functions.mul(x, stage3_higher_order.functions.mul(x, x))


cube.__module__ = "stage3_higher_order.functions"


@pytest.mark.parametrize(
    ("declared", "red"),
    [
        ({}, []),
        ({"order": 1}, ["no computation of order 2 calls functions.cube"]),
        ({"order": 0}, ["no computation of order 2 calls functions.cube"]),
        ({"differs": {"stage3": "nobody looks"}}, ["no computation compares functions.cube"]),
        ({"golden": "computed with NumPy"}, []),
    ],
)
def test_only_a_function_that_is_differentiated_and_compared_counts(monkeypatch, declared, red):
    monkeypatch.setattr(stage3_higher_order.functions, "cube", cube, raising=False)
    missing = covered(cells_of(computation(lambda fw, x: fw.cube(x), **declared))).missing
    assert [text for text in missing if "cube" in text] == [f"stage3: {text}" for text in red]
    assert "stage3: no computation compares functions.mul" in missing
    assert "stage3: no computation compares Variable.__mul__" in missing


def test_a_function_that_pytorch_never_computes_needs_a_reason(monkeypatch):
    monkeypatch.setattr(stage3_higher_order.functions, "cube", cube, raising=False)
    ours, theirs = cells_of(computation(lambda fw, x: fw.cube(x)))
    cells = [ours, dataclasses.replace(theirs, state="differs"), Cell(ALL["exp"], "torch", "float64")]
    assert "stage3: PyTorch has no part in any comparison of functions.cube" in covered(cells).missing
    assert not any("PyTorch" in text for text in covered([ours]).missing)  # a run without PyTorch
    golden = cells_of(computation(lambda fw, x: fw.cube(x), golden="computed with NumPy"))
    assert covered(golden).names["stage3"]["functions.cube"].reason == "computed with NumPy"


def test_a_default_that_no_computation_relies_on_is_red():
    for axis, red in ((None, False), (0, True)):
        cells = cells_of(computation(lambda fw, x, axis=axis: fw.sum(x, axis) if axis is not None else fw.sum(x)), 4)
        missing = covered(cells, 4).missing
        assert ("stage4: no computation relies on the default of functions.sum: axis" in missing) == red


def test_a_new_operator_without_a_computation_is_red(monkeypatch):
    monkeypatch.setattr(stage3_higher_order.Variable, "__matmul__", cube, raising=False)
    assert "stage3: no computation compares Variable.__matmul__" in covered([]).missing


def test_a_failed_cell_compares_nothing():
    cells = cells_of(ALL["exp"])
    assert covered(cells).names["stage3"]["functions.exp"].computations == ["exp"]
    cells[0] = dataclasses.replace(cells[0], state="failed")
    assert covered(cells).names["stage3"]["functions.exp"].computations == []


def test_a_raise_is_met_by_the_computation_whose_error_it_raises():
    found = covered(cells_of(ALL["variable_of_a_list"]))
    met = {each.source: each.errors for each in found.raises["stage3"]}
    assert len(met) == len(set(met))
    assert [source for source, errors in met.items() if errors] == [
        "raise TypeError(f'Variable: expected a numpy.ndarray, got {type(data)}')"
    ]


def test_every_raise_of_a_package_is_found(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "__init__.py").write_text(
        "def f(x):\n"
        "    try:\n"
        "        g(x)\n"
        "    except KeyError as error:\n"
        "        raise ValueError(\n"
        "            'expected a key'\n"
        "        ) from error\n"
        "    except OSError:\n"
        "        raise\n"
        "class A:\n"
        "    def h(self): raise StopIteration\n"
    )
    found = [(each.file, each.line, each.lines, each.within) for each in statements(tmp_path)]
    assert found == [
        ("part/__init__.py", 5, range(5, 8), "part.f"),
        ("part/__init__.py", 9, range(3, 4), "part.f"),
        ("part/__init__.py", 11, range(11, 12), "part.A.h"),
    ]


def test_the_result_as_json_and_in_one_line():
    found = covered(cells_of(ALL["exp"]))
    data = json.loads(json.dumps(found.as_json()))
    name = data["stage3"]["names"]["functions.exp"]
    assert (name["computations"], name["torch"]) == (["exp"], True)
    assert name["order"] >= 2
    assert set(data["stage3"]["raises"][0]) == {"place", "within", "source", "errors", "reason"}
    assert "public names compared" in found.summary()
    assert f"{len(found.missing)} lines are missing" in found.summary()
    found.missing.clear()
    assert "the rest has a reason" in found.summary()


def test_a_reason_for_what_does_not_exist_is_red(tmp_path):
    path = tmp_path / "coverage.toml"
    path.write_text('[names]\n"functions.no_such_name" = "for the sake of it"\n')
    reasons = Reasons(path)
    assert reasons.unused() == ["coverage.toml: nothing needs the reason for functions.no_such_name, in [names]"]
    assert reasons.of("names", "functions.no_such_name") == "for the sake of it"
    assert reasons.unused() == []


def test_a_name_without_a_computation_makes_the_run_red(monkeypatch, capsys):
    only = [c for c in all_computations() if c.name in ("square", "exp")]
    monkeypatch.setattr("crosscheck.cli.all_computations", lambda: only)  # -n 0, for worker processes do not see it
    assert main(["run", "-n", "0"]) == 1
    said = capsys.readouterr().out
    assert "not covered  stage2: no computation compares functions.add" in said
    assert "every cell is as declared" in said
    assert main(["run", "-n", "0", "-k", "square"]) == 0
    assert module.REASONS.is_file()
