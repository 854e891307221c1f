"""Errors of steps 1-36: variables, functions, backpropagation, gradient checks, drawings of graphs."""

from __future__ import annotations

import sys
import types
from typing import Any
from unittest import mock

import numpy as np

from .errors import errors, hidden, package, patched, under, with_file
from .steps37_41 import ones


def subclass(fw: Any, **members: Any) -> Any:
    """An instance of a Function of the user, named Mine."""
    return type("Mine", (fw.Function,), members)()


def identity(fw: Any, backward: Any) -> Any:
    """y = x of the user, with this backward, applied to ones."""
    return subclass(fw, forward=lambda self, x: x.copy(), backward=backward)(ones(fw, 2))


def called_on_its_own_output(fw: Any) -> Any:
    """One instance called on x, then on the result: it keeps only the second call."""
    f = subclass(fw, forward=lambda self, x: x.copy(), backward=lambda self, gy: gy)
    return f(f(ones(fw, 2)))


# fmt: off
errors(
    2,
    ("function_without_forward", lambda fw: subclass(fw)(ones(fw, 2)), NotImplementedError, "Mine has no forward"),
    ("function_without_backward", lambda fw: subclass(fw, forward=lambda self, x: x)(ones(fw, 2)).backward(),
     NotImplementedError, "Mine has no backward"),
    ("function_of_no_data", lambda fw: fw.exp(fw.Variable(None)),
     TypeError, {1: "Exp: expected a Variable with data, got Variable(None)",
                 2: "Exp: expected a Variable with data or an array, got None"}),
)
# fmt: on
# fmt: off
errors(
    11,
    ("backward_returns_two_gradients", lambda fw: identity(fw, lambda self, gy: (gy, gy)).backward(),
     ValueError, "Mine.backward: expected 1 gradients, one for each input, got 2"),
    ("backward_returns_none", lambda fw: identity(fw, lambda self, gy: None).backward(),
     TypeError, {2: "Mine.backward: expected arrays, got None",
                 3: "Mine.backward: expected Variables, got <class 'NoneType'>"}),
    ("sum_of_no_data", lambda fw: fw.add(fw.Variable(None), ones(fw, 2)),
     TypeError, "Add: expected a Variable with data or an array, got None"),
    ("instance_called_on_its_own_output", lambda fw: called_on_its_own_output(fw).backward(),
     RuntimeError, "backward: expected an output of the latest call of Mine, got one of an earlier call; use a "
                   "new Mine() for each call"),
)
# fmt: on


def wrong_gradient(fw: Any) -> Any:
    """A function whose backward is twice the right one."""
    return lambda x: subclass(fw, forward=lambda self, x: x * 1, backward=lambda self, gy: gy * 2)(x)


def drawn(fw: Any, to_file: str) -> Any:
    """The graph of a square, drawn to a file."""
    return fw.plot_dot_graph(fw.square(ones(fw, 2)), to_file=to_file)


def drawn_by(fw: Any, dot: str | None, **done: Any) -> Any:
    """Drawn by a command dot that answers so, or without one."""
    run = mock.patch("subprocess.run", return_value=types.SimpleNamespace(**done))
    with mock.patch("shutil.which", return_value=dot), run:
        return with_file(None, lambda path: drawn(fw, f"{path}.png"))


def unable(**options: Any) -> Any:
    """pygraphviz.AGraph(...), which cannot draw anything."""
    return types.SimpleNamespace(draw=mock.Mock(side_effect=ValueError("unknown")))


PYGRAPHVIZ = mock.patch.dict("sys.modules", pygraphviz=types.SimpleNamespace(AGraph=unable))

# fmt: off
errors(
    36,
    ("grad_with_too_few_initial_gradients", lambda fw: fw.grad([fw.exp(ones(fw, 2))] * 2, ones(fw, 2), [None]),
     ValueError, "grad: expected as many grad_outputs as outputs, 2, got 1"),
    ("check_gradients_of_order_0", lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), order=0),
     ValueError, "check_gradients: expected order >= 1 and inputs with elements, got 0 and [(2,)]"),
    ("check_gradients_of_nothing", lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(0)),
     ValueError, "check_gradients: expected order >= 1 and inputs with elements, got 2 and [(0,)]"),
    ("check_gradients_with_a_tolerance_of_nan",
     lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), rtol=np.nan),
     ValueError, "check_gradients: expected finite tolerances >= 0, got rtol=nan, atol=1e-05"),
    ("check_gradients_with_an_infinite_rtol",
     lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), rtol=np.inf),
     ValueError, "check_gradients: expected finite tolerances >= 0, got rtol=inf, atol=1e-05"),
    ("check_gradients_with_an_infinite_atol",
     lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), atol=np.inf),
     ValueError, "check_gradients: expected finite tolerances >= 0, got rtol=0.0001, atol=inf"),
    ("check_gradients_with_a_negative_rtol", lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), rtol=-1),
     ValueError, "check_gradients: expected finite tolerances >= 0, got rtol=-1, atol=1e-05"),
    ("check_gradients_with_a_negative_tolerance", lambda fw: fw.gradcheck.check_gradients(fw.exp, np.ones(2), atol=-1),
     ValueError, "check_gradients: expected finite tolerances >= 0, got rtol=0.0001, atol=-1"),
    ("check_gradients_of_a_wrong_gradient", lambda fw: fw.gradcheck.check_gradients(wrong_gradient(fw), np.ones(2)),
     AssertionError, "check_gradients: order 1, input 0: expected ... by differences, got ..."),
)
# fmt: on
# fmt: off
errors(
    26,
    ("drawing_without_a_suffix", lambda fw: drawn(fw, "graph"),
     ValueError, "plot_dot_graph: expected to_file with a suffix such as .png, got 'graph'"),
    ("drawing_to_a_folder", lambda fw: with_file(None, lambda path: drawn(fw, f"{path}/graph.png")),
     ValueError, "plot_dot_graph: expected to_file to be a file in an existing folder, got '...'"),
    ("drawing_that_dot_rejects", lambda fw: drawn_by(fw, "dot", returncode=1, stderr=b"no such format\n"),
     RuntimeError, "plot_dot_graph: dot failed: no such format"),
    ("drawing_without_graphviz", lambda fw: under(hidden("pygraphviz"), lambda: drawn_by(fw, None)),
     RuntimeError, "plot_dot_graph: expected the command 'dot' or the package pygraphviz, found neither; "
                   "install Graphviz ('apt install graphviz', 'brew install graphviz' or graphviz.org), or "
                   "'pip install pygraphviz'"),
    ("drawing_that_pygraphviz_rejects", lambda fw: under(PYGRAPHVIZ, lambda: drawn_by(fw, None)),
     RuntimeError, "plot_dot_graph: pygraphviz cannot draw the format 'png'"),
)
# fmt: on
# fmt: off
errors(
    43,
    ("unknown_name_in_utils", lambda fw: fw.utils.no_such_name,
     AttributeError, "module '...utils' has no attribute 'no_such_name'"),
    ("linear_of_no_data", lambda fw: fw.linear(fw.Variable(None), ones(fw, 2, 2)),
     TypeError, "linear: expected a Variable with data or an array, got None"),
)
# fmt: on


class Elsewhere(np.ndarray):
    """An array that stands for one on a GPU."""


CUPY = types.SimpleNamespace(ndarray=Elsewhere)


def on_two_devices(fw: Any) -> Any:
    """A sum of an array on the host and one that stands for an array on a GPU."""
    with patched(fw, "cuda", cupy=CUPY, gpu_enable=True):
        return fw.add(ones(fw, 2), fw.Variable(np.ones(2).view(Elsewhere)))


# fmt: off
errors(
    52,
    ("gpu_without_cupy", lambda fw: under(patched(fw, "cuda", cupy=None, gpu_enable=False), fw.Linear(2).to_gpu),
     RuntimeError, "CuPy cannot be loaded. Install CuPy: pip install cupy-cuda12x or cupy-cuda13x"),
    ("cupy_without_a_gpu", lambda fw: under(patched(fw, "cuda", cupy=CUPY, gpu_enable=False), fw.cuda.need_gpu),
     RuntimeError, "CuPy is installed, but it finds no GPU"),
    ("unknown_name_in_the_package", lambda fw: sys.modules[package(fw)].no_such_name,
     AttributeError, "module '...' has no attribute 'no_such_name'"),
    ("arrays_on_two_devices", on_two_devices,
     TypeError, "Add: expected arrays on one device, got input 0 on the host, input 1 on the GPU; use to_gpu() "
                "or to_cpu()"),
)
# fmt: on
