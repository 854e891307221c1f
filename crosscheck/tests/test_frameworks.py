"""Adapters: small, with names looked up in modules, and a custom framework of sixty lines as a column."""

import pathlib
import sys
import types
import warnings

import numpy as np
import pytest
import torch

from crosscheck.frameworks import Missing, load_stage
from crosscheck.frameworks.torch_compiler import StandIn, without_compiler
from crosscheck.frameworks.torch_modes import without_warning
from crosscheck.rosetta import rosetta
from crosscheck.stages import STAGES

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "crosscheck" / "examples" / "tiny.py"
# Names without a PyTorch call: only in the stages, or an alias of a name with a row.
UNWRITTEN = {"Config", "Power", "setup_variable", "numerical_grad", "GetItemGrad", "Conv2dGradW"}
ADAPTERS = ROOT / "crosscheck" / "src" / "crosscheck" / "frameworks"


# No adapters: networks, written out.
NETWORKS = {"torch_models.py", "torch_models_beyond.py", "torch_models_text.py"}


@pytest.mark.parametrize("adapter", sorted({path.name for path in ADAPTERS.glob("*.py")} - NETWORKS))
def test_an_adapter_has_under_100_lines_of_code(adapter):
    code = [line for line in (ADAPTERS / adapter).read_text().splitlines() if line.strip()]
    assert len(code) < 100


def test_an_unknown_name_is_missing(stage1, torch_adapter):
    for adapter in (stage1, torch_adapter):
        with pytest.raises(Missing, match="no cube"):
            adapter.cube(1)


def test_every_public_name_of_every_stage_is_in_the_rosetta():
    rows = {row.name for row in rosetta()}
    for stage in STAGES:
        package = load_stage(stage).modules[0]
        names = vars(package) | vars(package.functions)
        public = {n for n, v in names.items() if not n.startswith("_") and not isinstance(v, types.ModuleType)}
        rowed = {n.replace("_", "") for n in public}  # Square is the row square; MatMul and SumTo are matmul and sum_to
        classes = {n for n in public if isinstance(names[n], type) and n.lower() in rowed}
        assert public - classes - UNWRITTEN <= rows


def test_every_row_of_the_rosetta_exists_in_a_stage():
    assert all(row.stage for row in rosetta())


def test_the_rosettas_engine_calls_match_the_stages(stage1, torch_adapter):
    for fw in (stage1, torch_adapter):
        x = fw.Variable(np.array(3.0))
        y = fw.square(x)
        assert (
            "Square" in type(y.creator if fw is stage1 else fw.creator(y)).__name__
            or "Pow" in type(fw.creator(y)).__name__
        )
    torch_adapter.backward(y)
    assert x.grad.item() == 6.0
    assert torch_adapter.data(x).item() == 3.0
    assert torch_adapter.as_array(2.0).shape == ()


def test_autograd_and_optimizers_leave_the_compiler_unimported(monkeypatch):
    names = "torch._dynamo", "torch.fx.experimental.symbolic_shapes", "sympy"
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, name)
    without_compiler()
    x = torch.ones(3, requires_grad=True)
    assert torch.equal(torch.autograd.grad(x * x, x, torch.ones(3))[0], 2 * x)
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        torch.autograd.grad(x * x, x, torch.ones(4))
    with torch.device("meta"):  # whose operators are written in Python
        assert torch.nn.Linear(2, 3).weight.add(1.0).shape == (3, 2)
    x.grad = torch.ones(3)
    torch.optim.SGD([x], 0.5).step()
    assert torch.equal(x, torch.full((3,), 0.5))
    assert all(isinstance(sys.modules[name], StandIn) for name in names)


def test_a_stand_in_gives_way_to_the_module(monkeypatch):
    monkeypatch.setitem(sys.modules, "colorsys", StandIn("colorsys", rgb_to_hsv=lambda: "stand-in"))
    import colorsys

    assert colorsys.rgb_to_hsv() == "stand-in"
    assert colorsys.hsv_to_rgb(0.0, 0.0, 1.0) == (1.0, 1.0, 1.0)
    assert not isinstance(sys.modules["colorsys"], StandIn)


def test_pytorch_does_not_warn_of_what_is_compared_on_purpose(torch_adapter):
    fw = torch_adapter
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(fw.var(torch.ones(1), ddof=1).numpy())
        assert np.isnan(fw.std(torch.ones(1), ddof=1).numpy())
        for layer in (fw.NStepRNN, fw.NStepLSTM, fw.NStepGRU):
            layer(1, 2, 3, dropout_ratio=0.5)
        with pytest.raises(UserWarning, match="elsewhere"):
            without_warning("here")(lambda: warnings.warn("elsewhere", stacklevel=2))()
