"""Layers, optimizers and training runs: which bugs their computations detect, and figures in the report."""

import contextlib
import dataclasses
import functools
import importlib
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from crosscheck import cli
from crosscheck.cells import Cell, Curve
from crosscheck.computations import all_computations, training
from crosscheck.faults import Fault, plant
from crosscheck.frameworks import BookStyle, Missing, load_stage
from crosscheck.report.curves import SERIES, draw
from crosscheck.rosetta import rosetta
from crosscheck.runner import Runner
from crosscheck.stages import STAGES

STAGE4, STAGE5 = (next(stage for stage in STAGES if stage.number == number) for number in (4, 5))
COMPUTATIONS = {c.name: c for c in all_computations()}
CURVES = [c for c in COMPUTATIONS.values() if c.curve]
ADAPTERS = pathlib.Path(training.__file__).parents[1] / "frameworks"


@pytest.fixture(scope="module")
def stage4():
    return load_stage(STAGE4)


def able(computation):
    """The first stage that supports the computation."""
    return load_stage(next(stage for stage in STAGES if stage.number == computation.since))


@functools.lru_cache(maxsize=2)  # its recorder looks at every public name
def runner_of(framework, torch_adapter, quick):
    return Runner([framework], torch_adapter, quick=quick)


def run(torch_adapter, name, framework, dtype="float64", body=None, quick=False):
    computation = COMPUTATIONS[name]
    if body is not None:  # put through nothing but its values, against PyTorch's
        computation = dataclasses.replace(computation, body=body, cases=frozenset())
    runner = runner_of(framework, torch_adapter, quick)
    runner.forget()
    return runner.run(computation, framework, dtype)


# --- the vocabulary ---


@pytest.mark.parametrize("adapter", ["book.py", "torch.py", "torch_training.py", "weights.py"])
def test_an_adapter_has_under_100_lines_of_code(adapter):
    code = [line for line in (ADAPTERS / adapter).read_text().splitlines() if line.strip()]
    assert len(code) < 100


def test_the_layer_is_capitalized_and_the_function_is_not(stage4):
    assert issubclass(stage4.Linear, stage4.Layer)
    assert stage4.linear(np.ones((1, 2)), np.ones((2, 3))).shape == (1, 3)


def test_methods_can_be_called_as_functions(stage4, stage1):
    layer = stage4.Linear(2, in_size=3)
    assert [p.shape for p in stage4.params(layer)] == [(3, 2), (2,)]
    stage4.backward(layer(np.ones((1, 3))))
    stage4.cleargrads(layer)
    assert stage4.weight_gradients(layer) == [None, None]
    with pytest.raises(Missing, match="stage1 has no update"):
        stage1.update(None)


def test_weights_are_copied_in_the_orientation_of_the_stages(stage4, torch_adapter):
    W, b = np.arange(6.0).reshape(3, 2), np.ones(2)
    for fw in (stage4, torch_adapter):
        for layer in (fw.Linear(2), fw.Linear(2, in_size=3), fw.MLP((2,)), fw.Sequential(fw.Linear(2))):
            fw.set_weights(layer, [W, b])
            W[0, 0] = 7  # a copy is not modified
            np.testing.assert_array_equal(fw.weights(layer)[0], [[0, 1], [2, 3], [4, 5]])
            W[0, 0] = 0
            assert fw.array(layer(fw.constant(np.ones((1, 3))))).tolist() == [[7.0, 10.0]]


def test_weights_of_recurrent_layers_are_copied_gate_by_gate(torch_adapter):
    stage5 = load_stage(STAGE5)
    shapes = [(2, 3), (3,)] * 4 + [(3, 3)] * 4
    arrays = [np.full(shape, float(n)) for n, shape in enumerate(shapes, 1)]
    found = []
    for fw in (stage5, torch_adapter):
        layer = fw.LSTM(3, in_size=2)
        fw.set_weights(layer, arrays)
        for a, b in zip(fw.weights(layer), arrays, strict=True):
            np.testing.assert_array_equal(a, b)
        fw.backward(layer(fw.constant(np.ones((1, 2)))).sum())
        found.append(fw.weight_gradients(layer))
    for ours, theirs in zip(found[0][:8], found[1], strict=False):  # None here is equivalent to zeros there
        np.testing.assert_allclose(ours, theirs, atol=1e-15)


def test_test_mode_puts_modules_in_evaluation_mode_and_back(torch_adapter):
    layer = torch_adapter.Sequential(torch_adapter.BatchNorm((4, 3)))
    with contextlib.suppress(ZeroDivisionError), torch_adapter.test_mode():
        layer(torch_adapter.constant(np.ones((4, 3), np.float32)))
        assert not layer.training
        assert not layer[0].training
        assert not torch_adapter.training
        raise ZeroDivisionError
    assert layer.training
    assert layer[0].training
    assert torch_adapter.training


def test_training_is_in_the_rosetta():
    rows = {row.name: row for row in rosetta()}
    names = (
        "Parameter Layer params named_params cleargrads Linear Model Sequential MLP SGD MomentumSGD AdaGrad AdaDelta"
    )
    names += " Adam setup update state load_state add_hook WeightDecay ClipGrad FreezeParam Dataset DataLoader"
    assert {rows[name].stage for name in names.split()} == {"stage4"}
    assert rows["update"].call == "optimizer.step()"
    assert rows["Adam"].call == "partial(torch.optim.Adam, lr=alpha, betas=(beta1, beta2), eps=eps)"
    assert "in the stages v includes lr" in rows["MomentumSGD"].difference
    assert not {"weights", "set_weights", "weight_gradients", "set_rate"} & set(rows)


# --- bugs that turn computations red; without them, the matrix runs the same cells ---


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A copy of a stage in which old text is replaced by new, as an adapter."""

    def load(stage, file, old, new):
        copy = plant(stage, Fault(stage.number, "planted", file, old, new), tmp_path)
        package = f"planted_{tmp_path.name}"
        copy.rename(tmp_path / package)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        return BookStyle.from_package(stage.name, package, number=stage.number)

    yield load
    for name in [name for name in sys.modules if name.startswith("planted_")]:
        del sys.modules[name]


WRONG = {
    "Adam's epsilon before the bias correction": (
        "optimizers.py",
        "(np.sqrt(v) * scale + self.eps)",
        "((np.sqrt(v) + self.eps) * scale)",
        ["adam", "training_a_digits_mlp"],
    ),
    "Adam's steps counted from 1": ("optimizers.py", '"t": np.array(0)', '"t": np.array(1)', ["adam"]),
    "AdaGrad's epsilon inside the root": (
        "optimizers.py",
        "(np.sqrt(h) + self.eps)",
        "np.sqrt(h + self.eps)",
        ["ada_grad"],
    ),
    "AdaDelta's two averages exchanged": (
        "optimizers.py",
        "(e + self.eps) / (h + self.eps)",
        "e + self.eps",
        ["ada_delta"],
    ),
    "PyTorch's momentum": (
        "optimizers.py",
        "v -= self.lr * param.grad.data\n        param.data += v",
        "v -= param.grad.data\n        param.data += self.lr * v",
        ["momentum_sgd_with_a_changed_rate"],  # declared to differ, but now equal
    ),
    "a parameter without gradient is updated": (
        "optimizers.py",
        "params = list(self.target.params())\n",
        "params = list(self.target.params())\n"
        "        for param in params:\n"
        "            param.grad = Variable(np.zeros_like(param.data)) if param.grad is None else param.grad\n",
        ["momentum_sgd", "adam"],
    ),
    "state in float64": (
        "optimizers.py",
        '"v": np.zeros_like(param.data), "t"',
        '"v": np.zeros(param.data.shape), "t"',
        ["dtype_of_the_optimizer_state"],
    ),
    "no state is loaded": (
        "optimizers.py",
        "self.states = {params[path]: arrays for path, arrays in states.items()}",
        "pass",
        ["optimizer_state_saved_and_loaded"],
    ),
    "nothing is frozen": ("optimizers.py", "param.cleargrad()", "pass", ["freeze_param"]),
    "weight decay upwards": ("optimizers.py", "+ self.rate * param.data", "- self.rate * param.data", ["weight_decay"]),
    "gradients are never clipped": ("optimizers.py", "if rate < 1:", "if rate < 0:", ["clip_grad"]),
    "gradients are made longer too": ("optimizers.py", "if rate < 1:", "if True:", ["clip_grad"]),
    "a shared layer's parameters come twice": (
        "layers.py",
        "yield from dict.fromkeys(param for _, param in self.named_params())",
        "yield from [param for _, param in self.named_params()]",
        ["a_layer_in_two_places"],
    ),
    "gradients are not cleared": ("layers.py", "param.cleargrad()", "pass", ["gradients_of_a_layer", "nested_layers"]),
    "weights of float64": ("layers.py", "math.sqrt(1 / I)", "np.sqrt(1 / I)", ["weights_of_a_new_layer"]),
    "an activation at the end": (
        "models.py",
        "return last(x)",
        "return self.activation(last(x))",
        ["mlp", "mlp_of_one_layer", "gradients_of_an_mlp"],
    ),
}


WRONG_IN_5 = {
    "the running variance is that of the batch": (
        "functions/regularize.py",
        "(1 - decay) * m / (m - 1) * self.var",
        "(1 - decay) * self.var",
        ["running_statistics", "batch_norm_layer"],
    ),
    "in use the statistics are those of the batch": (
        "functions/regularize.py",
        "    if Config.train:\n        return MovingBatchNorm(",
        "    if True:\n        return MovingBatchNorm(",
        ["batch_norm_in_use", "batch_norm_layer"],
    ),
    "dropout does not make up for what it drops": (
        "functions/regularize.py",
        "return x * self.mask / (1.0 - self.ratio)",
        "return x * self.mask",
        ["dropout", "shares_of_dropout"],
    ),
    "the first two gates are exchanged": (
        "functions/recurrent.py",
        "f, i, o, u = activated(xp, gates[:, rows])",
        "i, f, o, u = activated(xp, gates[:, rows])",
        ["lstm_cell", "lstm"],
    ),
    "nothing is unchained": (
        "core.py",
        'it becomes a leaf. [step 59]"""\n        self.creator = None',
        'it becomes a leaf. [step 59]"""',
        ["unchain", "unchain_backward", "rnn_layer"],
    ),
    "the newest c is not cut off": (
        "core.py",
        "for y in (x, *(output() for output in f.outputs)):",
        "for y in (x,):",
        ["lstm_layer", "training_a_sine_lstm"],
    ),
    "a new sequence begins with the old state": (
        "layers/recurrent.py",
        'starts a new sequence. [step 59]"""\n        self.h = None',
        'starts a new sequence. [step 59]"""',
        ["rnn_layer"],
    ),
    "weights of convolutions in float64": (
        "layers/convolution.py",
        "np.random.randn(*shape).astype(self.dtype) * scale",
        "np.random.randn(*shape) * scale",
        ["weights_of_new_layers"],
    ),
    "the generator starts anew after a checkpoint": (
        "saving.py",
        'np.random.set_state(head["random"])',
        "pass",
        ["training_that_was_broken_off"],
    ),
}
PLANTED = {**dict.fromkeys(WRONG, STAGE4), **dict.fromkeys(WRONG_IN_5, STAGE5)}


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_bug_turns_its_computations_red(torch_adapter, planted, what):
    *fault, names = (WRONG | WRONG_IN_5)[what]
    copy = planted(PLANTED[what], *fault)
    for name in names:
        cells = [run(torch_adapter, name, copy, dtype, quick=True) for dtype in COMPUTATIONS[name].dtypes]
        if all(cell.ok for cell in cells):  # then with all cases
            cells = [run(torch_adapter, name, copy, dtype) for dtype in COMPUTATIONS[name].dtypes]
        kinds = {failure.kind for cell in cells for failure in cell.failures}
        assert not all(cell.ok for cell in cells), name
        assert not kinds & {"missing", "adapter"}, cells


CUSTOM = """
from stage4_neural_nets import *
from stage4_neural_nets.functions import *
from stage4_neural_nets.layers import *
from stage4_neural_nets.models import *
from stage4_neural_nets.optimizers import *
from stage4_neural_nets.optimizers import Adam as Right

import numpy as np


class Adam(Right):
    def update_one(self, param):
        state = self.state_of(param)
        state["t"] += 1
        m, v, t, g = state["m"], state["v"], int(state["t"]), param.grad.data
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        lr = self.alpha * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        param.data -= lr * m / (np.sqrt(v) + EPSILON)
"""


@pytest.mark.parametrize(
    ("epsilon", "status"), [("self.eps * (1 - self.beta2**t) ** 0.5", 0), ("self.eps", 1)], ids=["right", "wrong"]
)
def test_the_adam_of_a_custom_framework_is_checked(tmp_path, capsys, epsilon, status):
    path = tmp_path / "custom.py"
    path.write_text(CUSTOM.replace("EPSILON", epsilon))
    assert cli.main(["run", "-n", "0", "--stages", "4", "-k", "adam/custom", "--framework", str(path)]) == status
    said = capsys.readouterr().out
    assert ("adam/custom/float64" in said) is bool(status)  # the red cell is named


def test_the_books_velocity_includes_the_learning_rate(stage4, torch_adapter):
    rng = np.random.default_rng(0)
    start, slopes = rng.standard_normal(training.SIZE), training.slopes(rng, ())
    p, v, path = start[8], 0.0, []
    for number in range(training.STEPS):
        a = 0.0 if number == 7 else 0.25
        v = 0.8 * v - (0.05 if number < training.STEPS // 2 else 0.01) * (2 * a * p + slopes[number, 8])
        p += v
        path.append(p)
    body = COMPUTATIONS["momentum_sgd_with_a_changed_rate"].body
    ours, theirs = (body(fw, fw.Variable(start), fw.Variable(slopes))[2] for fw in (stage4, torch_adapter))
    np.testing.assert_allclose(ours, path, rtol=1e-12)
    np.testing.assert_allclose(ours[: training.STEPS // 2], theirs[: training.STEPS // 2], rtol=1e-12)
    assert not np.allclose(ours[training.STEPS // 2 :], theirs[training.STEPS // 2 :])


# --- training runs ---


def is_beyond(computation):
    """Whether it is a training run that is not in the book: these take fewer steps, and the networks are small."""
    return computation.body.__module__.rpartition(".")[2].startswith("beyond_")


@pytest.mark.parametrize("computation", CURVES, ids=lambda c: c.name)
def test_no_budget_of_a_loss_exceeds_a_billionth(computation):
    assert computation.allowed("float64") * np.finfo("float64").eps <= 1e-9
    assert computation.curve in (100, 200) or is_beyond(computation)


@pytest.mark.parametrize("computation", CURVES, ids=lambda c: c.name)
def test_a_training_run_reduces_the_loss_and_a_single_wrong_one_is_red(torch_adapter, computation):
    wrong = min(80, computation.curve - 1)

    def body(fw, *inputs):
        found = computation.body(fw, *inputs)
        if fw is not torch_adapter:
            found[wrong] = found[wrong] * (1 + 2e-9)
        return found

    cell = run(torch_adapter, computation.name, able(computation), body=body)
    assert {f.text.partition(": ")[2].partition(":")[0] for f in cell.failures if f.kind == "value"} == {
        f"value {wrong}"
    }
    if is_beyond(computation):
        assert cell.curve.losses[-1] < cell.curve.losses[0]
    else:
        assert np.mean(cell.curve.losses[-10:]) < 0.7 * np.mean(cell.curve.losses[:5])


def test_a_weight_that_changes_its_dtype_is_reported(stage4):
    class Widening(stage4.SGD):
        def update_one(self, param):
            param.data = param.data.astype(np.float64)

    model = stage4.MLP((2, 1))
    x = np.ones((3, 2), np.float32)
    model(x)
    with pytest.raises(TypeError, match="step 1: gradient 0 is float64, at first the weights were float32"):
        training.train(stage4, model, Widening(), lambda: model(x).sum(), [(), ()])


def test_digits_are_those_of_the_stage_or_random_without_one(stage4, monkeypatch):
    x, t = training.digits()
    assert (x.shape, x.dtype, t.shape) == ((1797, 64), np.float32, (1797,))
    np.testing.assert_array_equal(x[0], stage4.Digits(train=True)[0][0])
    monkeypatch.setattr(training, "STAGES", STAGES[:3])
    others, _ = training.digits.__wrapped__()
    assert (others.shape, others.dtype) == (x.shape, x.dtype)
    assert not np.array_equal(others, x)


# --- the report ---


def test_the_runner_keeps_the_losses_and_the_oracles(torch_adapter, stage4, stage1):
    name = "training_linear_regression"
    curve = run(torch_adapter, name, stage4, "float32").curve
    assert (len(curve.losses), len(curve.oracle)) == (100, 100)
    assert 0 < max(curve.differences()) < 1e-5
    assert run(None, name, stage4).curve.oracle == []
    assert run(None, name, stage4).curve.differences() == []
    assert run(torch_adapter, name, stage1).curve is None
    assert run(torch_adapter, "sgd", stage4).curve is None


def test_json_has_the_losses_and_the_page_draws_them(tmp_path, capsys):
    target = tmp_path / "run.json"
    arguments = [
        "run",
        "-n",
        "0",
        "--stages",
        "3,4",
        "-k",
        "training_linear_regression or sgd/",
        "--html",
        str(tmp_path),
    ]
    cli.main([*arguments, "--json", str(target)])
    assert len(capsys.readouterr().out.splitlines()) < 40
    cells = {cell["cell"]: cell for cell in json.loads(target.read_text())["cells"]}
    ours, theirs = (cells[f"training_linear_regression/{name}/float64"] for name in ("stage4", "torch"))
    assert len(ours["losses"]) == 100
    assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-9)
    assert ours["oracle_losses"] == theirs["losses"] == theirs["oracle_losses"]
    assert "losses" not in cells["sgd/stage4/float64"]
    page = (tmp_path / "training.html").read_text()
    assert page.count("<svg ") == 1
    assert '<section id="training_linear_regression"' in page
    assert re.search(r"Stage 4 float64</th><td[^>]*>0\.10\d+</td><td[^>]*>\d\.\de-1\d</td>", page)


def test_matplotlib_is_imported_only_to_draw(tmp_path):
    script = (
        "import sys; from crosscheck import cli;"
        "cli.main(['run', '-n', '0', '--stages', '1', '-k', 'square/stage1', '--without-torch', "
        f"'--html', {str(tmp_path)!r}]);"
        "assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "training.html").exists()


def cells_of(*curves):
    return [
        Cell(CURVES[0], f"framework{i}", dtype, curve=curve)
        for i, curve in enumerate(curves)
        for dtype in ("float64", "float32")
    ]


@pytest.mark.parametrize(
    "curve",
    [
        Curve([3.0, 2.0, 1.0], [3.0, 2.0, 1.0]),
        Curve([3.0, float("nan"), float("inf")], [3.0, 2.0, 1.0]),
        Curve([0.0, -1.0, 1.0], [0.0, 0.0, 0.0]),
        Curve([3.0, 2.0], []),
        Curve([3.0], [3.0, 2.0, 1.0]),
        Curve([], []),
    ],
    ids=["equal", "diverging", "zero", "without an oracle", "broken off", "empty"],
)
def test_any_curve_can_be_drawn(curve):
    (figure,) = draw(cells_of(curve, Curve([3.0, 2.0, 1.0], curve.oracle)))
    assert figure.svg.startswith('<svg role="img"')
    assert (">PyTorch in float64<" in figure.svg) is bool(curve.oracle)
    assert len(figure.lines) == 4


def test_more_frameworks_than_colors_can_be_drawn():
    (figure,) = draw(cells_of(*[Curve([2.0, 1.0], [2.0, 1.5])] * (len(SERIES) + 1)))
    assert f">framework{len(SERIES)}<" in figure.svg


def test_drawings_are_the_same_in_every_run():
    assert draw(cells_of(Curve([2.0, 1.0], [2.0, 1.5]))) == draw(cells_of(Curve([2.0, 1.0], [2.0, 1.5])))
