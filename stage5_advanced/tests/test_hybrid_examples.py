"""Examples with hybridize: their own models and loops, replayed, against the same without it, update by update."""

import importlib.util
import os
import runpy
import signal
import sys

import numpy as np
import pytest

from .examples import EXAMPLES
from .scripts import STAGE
from .stage import L, Optimizer, package

FOLDER = STAGE / "examples"
PROGRAM = ("program", None)

# Example: number of updates, fewer where they take long, and options. Each layer that the example calls is hybridized;
# all are programs, forward and gradient, and parameters and buffers have the same bits after each update.
COMPARED = {
    "augmentation": (20, "--epochs", 20),
    "autoencoder": (20, "--epochs", 20),
    "batch_norm": (20, "--epochs", 20),
    "cnn": (12, "--epochs", 20),
    "data_parallel": (20, "--epochs", 20),
    "dqn": (20, "--quick"),
    "fine_tuning": (20, "--epochs", 20),
    "gan": (20, "--epochs", 20),
    "grad_cam": (10, "--epochs", 20),
    "hooks": (20, "--epochs", 20),
    "house_prices": (20, "--epochs", 20),
    "language_model": (10, "--epochs", 20),
    "lenet": (20, "--epochs", 20),
    "nets": (8, "--epochs", 20),  # the first of them; test_hybrid_models.py has the others
    "onnx_export": (20, "--epochs", 20),
    "polynomial": (20,),
    "segmentation": (4, "--epochs", 20),  # 0.1 s each
    "spiral": (20, "--epochs", 20),
    "vae": (20, "--epochs", 20),
    "weidman": (20, "--epochs", 20),
}
AS_DATA = "is used as data, not as a variable"
# Example: number of updates, reasons that layers have, and whether updates are equal within rounding only.
OTHERS = {
    "char_rnn": (2, (), True),  # the model is called for each character: gradients are summed in another order
    "sentiment": (20, (AS_DATA,), False),  # lengths: how many rows a step of a recurrent layer has
    "translation": (8, (AS_DATA,), False),  # lengths
    "word_vectors": (20, ("more than 16 signatures",), False),  # the number of neighbors differs from batch to batch
}
# What has nothing to compare, and why.
WITHOUT = {
    "anchors": "trains nothing",
    "conv_theorem": "trains nothing",
    "descent": "a function of two numbers, and no layer",
    "gradients": "looks at gradients before any update",
    "records_demo": "trains nothing",
    "speed": "compares programs itself",
    # The gradients of its three results are summed in another order, and Adam makes whole steps of what rounding leaves
    # of gradients that are 0, those of biases before batch normalization. test_hybrid_models.py compares its model.
    "ssd": "its steps depend on rounding",
    "style_transfer": "updates an image; its loss is no layer",
    "tricks": "the operations of scratch.py make their own graphs",
}


class Enough(BaseException):
    """Ends an example."""


def updates(name, options, hybrids, n, folder, monkeypatch):
    """Parameters and buffers after each of the first n updates of an example; with hybrids, a dict, layers go there."""
    found, inside = [], []
    call, update = L.Layer.__call__, Optimizer.update

    def counted(self, *arguments):
        result = update(self, *arguments)
        found.append([v.data.copy() for _, v in self.target.named_state() if v.data is not None])
        if len(found) == n:
            raise Enough
        return result

    def hybrid(self, *inputs, **options):
        if inside or isinstance(self, package.hybrid.Hybrid):
            return call(self, *inputs, **options)
        inside.append(self)
        try:
            hybrids.setdefault(self, package.hybridize(self))
            return hybrids[self](*inputs, **options)
        finally:
            inside.pop()

    signals = [getattr(signal, name) for name in ("SIGINT", "SIGPIPE") if hasattr(signal, name)]
    handlers = [signal.getsignal(number) for number in signals]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pooch", None)
        for module in FOLDER.glob("*.py"):
            patch.delitem(sys.modules, module.stem, raising=False)
        patch.syspath_prepend(FOLDER)
        patch.chdir(folder)
        patch.setenv("DEZERO_HOME", str(folder / "home"))
        options = options if "--quick" in options else ("--smoke", *options)
        patch.setattr(sys, "argv", [str(FOLDER / f"{name}.py"), *map(str, options)])
        patch.setattr(Optimizer, "update", counted)
        if hybrids is not None:
            patch.setattr(L.Layer, "__call__", hybrid)
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except Enough:
            pass
        finally:
            for number, handler in zip(signals, handlers, strict=True):
                signal.signal(number, handler)
            for module in FOLDER.glob("*.py"):
                sys.modules.pop(module.stem, None)
    assert len(found) == n
    return found


@pytest.fixture
def compared(monkeypatch, tmp_path):
    """A function that returns what is known of the programs of an example, after its updates were compared."""

    def compare(name, n, *options, rtol=0):
        hybrids = {}
        expected = updates(name, options, None, n, tmp_path, monkeypatch)
        for step, other in zip(expected, updates(name, options, hybrids, n, tmp_path, monkeypatch), strict=True):
            for a, b in zip(step, other, strict=True):
                np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
        return [one for hybrid in hybrids.values() for one in hybrid.programs()]

    return compare


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None or os.name == "nt", reason="matplotlib is not installed"
)


@pytest.mark.parametrize("name", COMPARED)
def test_an_example_learns_the_same_bits_as_programs(name, compared):
    found = compared(name, *COMPARED[name])
    assert {(one["state"], one["reason"]) for one in found} == {PROGRAM}
    assert {text for one in found for text in one["gradients"]} == {"program"}


@pytest.mark.parametrize("name", OTHERS)
def test_an_example_with_a_reason_learns_the_same(name, compared):
    n, reasons, rounded = OTHERS[name]
    found = compared(name, n, "--epochs", 20, rtol=1e-5 if rounded else 0)
    assert found
    for one in found:
        assert one["state"] == "program" or any(text in one["reason"] for text in reasons)
    for text in reasons:
        assert any(text in (one["reason"] or "") for one in found)


def test_every_example_is_compared_or_has_a_reason():
    assert {*COMPARED, *OTHERS, *WITHOUT} == {*EXAMPLES}
    assert len(COMPARED) + len(OTHERS) + len(WITHOUT) == len(EXAMPLES)
