"""What detects mutants of hybridize that nothing else detects: Hybrids beside the models that they stand for."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest import mock

import numpy as np

from ..frameworks.base import Array
from .beyond_hybrid import known
from .values import arrays, values

LITERALS = "literals: PyTorch has no table of programs"
A = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])
B = np.array([[1.5, 0.5, -2.0], [0.75, -0.25, 1.25]])
PROGRAM = ["program", None]
THREE = "float64 (2, 3), float64 (2, 3); training"
CHANGED = "a constant of MovingBatchNorm, function number 0, changes from call to call"

# --- a model and its Hybrid, called in turn ---


def leaves_of(value: Any) -> Iterator[Any]:
    """What nested tuples, lists and dicts contain."""
    if isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves_of(part)
    else:
        yield value


def form(value: Any) -> Any:
    """A nested result without its numbers."""
    if isinstance(value, dict):
        return {key: form(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(form, value))
    if hasattr(value, "creator"):
        linked = value.creator is not None
        return value.dtype, value.shape, value.constant, value.recorded, linked, value.name
    return (value.dtype, value.shape) if isinstance(value, np.ndarray) else repr(value)


def gradients(fw: Any, ys: Sequence[Any], variables: Sequence[Any], create_graph: bool = False) -> list[Any]:
    """The gradients of a sum of squares of ys, with weights; None where there is none."""
    for v in variables:
        v.grad = None
    sum(fw.functions.sum(y * (k + 0.5) * y) for k, y in enumerate(ys)).backward(create_graph=create_graph)
    return [v.grad for v in variables]


def outcome(fw: Any, f: Callable[..., Any], arguments: Sequence[Any], order: int, **options: Any) -> list[Any]:
    """A call: the form and the bytes of what it returns and of its derivatives, and the next random number."""
    variables = [v for v in leaves_of([*arguments, *options.values()]) if hasattr(v, "creator")] + given(f)
    before = [repr(form(v)) for v in variables]
    np.random.seed(7)
    value = f(*arguments, **options)
    found: list[Any] = [
        repr(form(value)),
        repr([getattr(y, "generation", 0) for y in leaves_of(value)]),
        *arrays(fw, value),
    ]
    ys = [y for y in leaves_of(value) if getattr(y, "creator", None) is not None and y.dtype.kind == "f"]
    if order and ys and variables:
        found += arrays(fw, gradients(fw, ys, variables))
    if order > 1 and ys and variables:
        first = gradients(fw, ys, variables, create_graph=True)
        found += [repr([form(g) for g in first]), *arrays(fw, first)]
        if graphs := [g for g in first if g is not None and g.creator is not None]:
            found += arrays(fw, gradients(fw, graphs, variables))
    found += [np.array(np.random.rand()), np.array(before == [repr(form(v)) for v in variables])]
    return [a if isinstance(a, str) else (a.dtype, a.shape, a.tobytes()) for a in found]


def given(f: Any) -> list[Any]:
    """The parameters of a model or of its Hybrid; other functions have none."""
    return [*f.params()] if hasattr(f, "params") else []


def agree(
    fw: Any, f: Any, hybrid: Any, arguments: Sequence[Any], times: int = 2, order: int = 1, **options: Any
) -> bool:
    """Whether a function gives as a Hybrid, in some calls, what it gives without one."""
    expected = outcome(fw, f, arguments, order, **options)
    return all(outcome(fw, hybrid, arguments, order, **options) == expected for _ in range(times))


def functions_and_variable(fw: Any) -> tuple[Any, Any]:
    """For functions to hybridize, so that they do not refer to the whole framework, which takes long to look into."""
    return fw.functions, type(fw.Variable(A))


def at_most(fw: Any, n: int) -> Any:
    """In the block, a Hybrid keeps n programs."""
    name = getattr(fw.hybrid, "__name__", "")  # Missing, if the stage does not have it
    return mock.patch.object(sys.modules[f"{name}.model"], "LIMIT", n)


# --- signatures ---


def signatures(fw: Any) -> Any:
    """Calls that look alike: variables, arrays and numbers, in other places, of other kinds, twice the same."""
    F, V = functions_and_variable(fw)
    x, y, fixed = V(A.copy()), V(B.copy()), V(A.copy())
    fixed.constant = True

    def f(x: Any, y: Any = 2.0) -> Any:
        return F.sin(x) * y

    hybrid = fw.hybridize(f)
    calls: list[Any] = [(x, y), (y, x), (x, x), (x, y.data), (x.data, y), (A, A), (fixed, y), (x, V(np.array(3.0)))]
    calls += [(x, V(B.astype("f"))), (V(A[:, :2].copy()), V(B[:1, :2].copy())), (x,), (x, 2.0), (type(x)(A, "x"), y)]
    found: list[Any] = [[agree(fw, f, hybrid, (x, y), 1, 0), agree(fw, f, hybrid, call, 3, 0)] for call in calls]
    named = fw.hybridize(f)
    for _ in range(3):  # an option, and then none
        found.append([(named(x, **given).data == f(x, **given).data).all() for given in ({"y": 3.0}, {})])
    with fw.no_grad():
        found.append([agree(fw, f, hybrid, (x, y), 2, 0), f(x, y).recorded])
    with fw.test_mode():
        found.append([agree(fw, f, hybrid, (x, y), 1, 0), f(x, y).recorded])
    return found, known(hybrid, "signature", "state"), len(hybrid.quick)


def expected_signatures() -> Any:
    d, f = "float64 (2, 3)", "float32 (2, 3)"
    one = [d + ", " + d] * 6 + [d + ", float64 ()", f"{d}, {f}"]
    one += ["float64 (2, 2), float64 (1, 2)", d, d]
    table = [[f"{text}; training", "program"] for text in one]
    table += [[f"{d}, {d}; training, no_grad", "program"], [f"{d}, {d}; test_mode", "program"]]
    return [[True, True]] * 16 + [[True, False], [True, True]], table, 3


def options(fw: Any) -> Any:
    """Nested arguments and results, options that decide what is computed, and options that cannot be keys."""
    _, V = functions_and_variable(fw)

    def f(pair: Any, scale: Any = 2.0, names: Any = None, **others: Any) -> Any:
        x, (y, z) = pair
        signed = np.copysign(1.0, scale) if isinstance(scale, float) else scale
        return {"sum": [(x + y) * signed, ()], "rest": (z, None, "name", [x, 1.5]), "c": np.arange(3), **others}

    hybrid, (x, y, z) = fw.hybridize(f), (V(a.copy()) for a in (A, B, A))
    found: list[Any] = []
    for given in ({}, {"scale": 0.0}, {"scale": -0.0}, {"scale": np.float64(-0.0)}, {"names": {"a"}}, {"scale": y}, {}):
        found.append(agree(fw, f, hybrid, [(x, [y, z])], 3, 0, **given))
    one = hybrid((x, [y, z]))
    found += [one["rest"][0] is z, one["rest"][3][0] is x, hybrid((x, [y, z]))["c"] is one["c"]]
    one["c"] += 1
    empty = hybrid.forward((x, [y, z]), scale=V(A))
    text = None
    try:
        hybrid((x, [V(None), z]))
    except TypeError as error:
        text = str(error)
    table = known(hybrid, "signature", "state", "reason", "calls")
    layer = fw.hybridize(fw.layers.Linear(1))
    layer.kind, layer.active, layer.__doc__ = "small", False, "text"
    owners = [layer.model.kind, "active" in vars(layer.model), layer.active]
    del layer.kind
    owners += [hasattr(layer.model, "kind")]
    return [found, agree(fw, f, hybrid, [(x, [y, z])], 1), empty["sum"][0], text, table, owners]


def shapes_that_change(fw: Any) -> Any:
    """Parameters with other shapes and dtypes are traced again, also if there is no room for another program."""
    F, V = functions_and_variable(fw)
    w = V(np.array([2.0, 3.0, 4.0]))
    found: list[Any] = []
    hybrid = fw.hybridize(f := lambda x: F.tanh(x) * w)
    x = V(A.copy())
    with at_most(fw, 1):
        for data in ([2.0, 3.0, 4.0], [5.0], [[6.0], [7.0]], np.ones(3, "f"), 2 * np.ones(3, "f")):
            w.data = np.array(data)
            found.append(agree(fw, f, hybrid, (x,), 2, 0))
        found.append([agree(fw, f, hybrid, (V(A[:1].copy()),), 2, 0), known(hybrid, "state", "reason", "calls")])
    w.data = None
    try:
        hybrid(x)
    except TypeError as error:
        found.append(str(error))
    return found


# --- layers with a state ---

Body = Callable[[Any, Any, Any], Any]


def toggled(F: Any, layer: Any, x: Any) -> Any:
    """A state that every second call removes."""
    y = x * 2 if layer.h is None else x + layer.h
    layer.h = y if layer.h is None else None
    return y * 3


def two_states(F: Any, layer: Any, x: Any) -> Any:
    """A layer in a layer with a state of the same name; they are exchanged."""
    h, k = (x, F.exp(x)) if layer.h is None else (layer.h, layer.inner.h)
    layer.h, layer.inner.h = k * x, h + x
    return layer.h


def kept_input(F: Any, layer: Any, x: Any) -> Any:
    """The state is the latest input; another is a constant with a name, another an array."""
    y = x * 2 if layer.h is None else x * layer.h
    layer.h, layer.inner.h = x, type(x)(np.array([1.0, 2.0]), "one")
    return [y, F.sin(y)]


def weighted(F: Any, layer: Any, x: Any) -> Any:
    """Two states of a layer: a parameter times the one before, and a sum; the result is neither."""
    layer.h = layer.w * (x if layer.h is None else x + layer.h)
    layer.k = F.sin(layer.h) if layer.k is None else layer.h + layer.k
    return F.tanh(layer.k), 2.0


def with_a_graph(F: Any, layer: Any, x: Any) -> Any:
    """A state, and a variable with a graph that was computed before."""
    layer.h = layer.before * (x if layer.h is None else x + layer.h)
    return layer.h * 2


def sequence(fw: Any, body: Body, make: Callable[[Any], Any]) -> tuple[list[Any], Any]:
    """Three calls of a function of a layer for each of two sizes, the last without recording; and the function."""
    layer = fw.layers.Layer()
    layer.w, layer.inner = type(fw.layers.Linear(1).W)(np.array([0.5, -1.5]), "w"), fw.layers.Layer()
    F, V = functions_and_variable(fw)
    layer.before = F.exp(layer.w)
    f = make(lambda x: body(F, layer, x))
    found: list[Any] = []
    for n in (2, 2):
        layer.h = layer.inner.h = layer.k = None
        xs = [V(np.resize(A, (n, 2)) * k) for k in (0.5, -1.5, 1.0)]
        for x in xs:
            with contextlib.nullcontext() if x is not xs[2] else fw.no_grad():
                y = f(x)
            kept = [layer.h, layer.inner.h]
            found += [repr([form(v) for v in (y, *kept)]), repr([[v is w for w in leaves_of([x, y])] for v in kept])]
            found += arrays(fw, [y, *kept])
            if x is xs[1]:
                found += arrays(fw, gradients(fw, [next(leaves_of(y))], [*xs[:2], layer.w]))
    return found, f


def states(fw: Any) -> Any:
    """What layers keep between calls, with programs and without; and the programs."""
    found: list[Any] = []
    for body in (toggled, two_states, kept_input, weighted, with_a_graph):
        given, hybrid = sequence(fw, body, fw.hybridize)
        pairs = zip(given, sequence(fw, body, lambda f: f)[0], strict=True)
        equal = [a == b if isinstance(a, str) else np.allclose(a, b, equal_nan=True) for a, b in pairs]
        found += [all(equal), known(hybrid, "signature", "state", "reason", "calls")]
    return found


def states_that_come_and_go(fw: Any) -> Any:
    """A state that the first call removes; one that calls with another shape replace, after programs without it."""
    _, V = functions_and_variable(fw)
    layer, other = fw.layers.Layer(), fw.layers.Layer()
    layer.h, other.h = V(np.ones(3)), None

    def removes(x: Any) -> Any:
        y, layer.h = x * 2 if layer.h is None else x + layer.h, None
        return y

    def replaces(x: Any) -> Any:
        if x.ndim == 1:
            other.h = x * 3
        return x * 2 if other.h is None else x + other.h

    first, second = fw.hybridize(removes), fw.hybridize(replaces)
    found = [first(V(A.copy())).data for _ in range(3)]
    found += [second(V(x.copy())).data for x in (A, A, A, A[0], A, A)]
    return [found, known(first, "signature", "state"), known(second, "signature", "state", "calls")]


def expected_states_that_come_and_go() -> Any:
    found = [A + 1, 2 * A, 2 * A, *[2 * A] * 3, 4 * A[0], *[A + 3 * A[0]] * 2]
    d, n = "float64 (2, 3)", "float64 (3,)"
    first = [[f"{d}, {n}; training", "program"], [f"{d}, None; training", "program"]]
    second = [[f"{d}; training", "program", 3], [f"{n}, None; training", "program", 1]]
    return [found, first, [*second, [f"{d}, {n}; training", "program", 2]]]


# --- graphs ---


def graphs(fw: Any) -> Any:
    """Functions with several outputs, unused ones, constants, results of comparisons, gradients in the graph."""
    F, V = functions_and_variable(fw)
    x, y, t, wide = V(A.copy()), V(B.copy()), np.array([0, 2]), V(np.resize(A, (2, 4)))
    w, grad = V(np.array([0.5, 2.0, -1.0])), fw.grad
    before = F.exp(w)

    class Pair(fw.Function):  # type: ignore[misc]
        """Two outputs without axes."""

        def forward(self, x: Array) -> tuple[Any, Any]:
            return x.sum(), (x * x).sum()

        def backward(self, gy: Any, gz: Any) -> Any:
            x = self.inputs[0]
            return F.broadcast_to(gy, x.shape) + 2 * x * F.broadcast_to(gz, x.shape)

    class Flagged(fw.Function):  # type: ignore[misc]
        """It remembers something of the first call."""

        def forward(self, x: Array) -> Array:
            if x.flat[0] == 0.5:
                self.flag = True
            return x * 2

        def backward(self, gy: Any) -> Any:
            return gy * 2

    class Ones(fw.Function):  # type: ignore[misc]
        """Without inputs."""

        def forward(self) -> Array:
            return np.ones(3)

        def backward(self, gy: Any) -> tuple[()]:
            return ()

    def differentiated(x: Any) -> Any:
        z = F.sum(F.sin(x) * x)
        (g,) = grad(z, [x], create_graph=True)
        return g * x, z

    def still(x: Any) -> Any:
        x.constant = True
        return x

    fixed = still(V(A.copy()))
    cases: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (lambda x: F.split(x, 2, 1)[1] * 2, (wide,)),
        (lambda x: [part * 2 for part in F.split(x, 2, 1)], (wide,)),
        (lambda x: list(Pair()(x)), (x,)),
        (lambda x: Pair()(x)[1] * x, (x,)),
        (lambda x: (F.sum(x), F.mean(x, 0)), (x,)),
        (lambda x: F.dropout(x, 0.5) + F.dropout(F.sin(x), 0.25), (x,)),
        (lambda x, y: (F.greater(x, y), F.where(F.greater(x, y), x, 2 * y), F.sign(x) * y), (x, y)),
        (lambda x: (F.sign(x), F.exp(F.sign(x)) * x), (x,)),
        (lambda x: (x * V(np.array([2.0, 3.0, 4.0])), type(x)(np.ones(2), "one"), np.arange(2)), (x,)),
        (lambda x: (x * 2, still(type(x)(np.ones(2), "one"))), (x,)),
        (lambda x: (x * before, before), (x,)),
        (lambda x: (F.linear_simple(x, F.transpose(x), V(np.ones(2))), F.reshape(x, (3, 2)), x), (x,)),
        (lambda x, t: F.softmax_cross_entropy(x, t) * F.sum(F.softmax_cross_entropy(2 * x, t)), (x, t)),
        (lambda x: F.layer_norm(F.matmul(x, F.transpose(x)) ** 3), (x,)),
        (differentiated, (x,)),
        (lambda x, y: (F.sin(x), F.cos(y)), (x, y)),
        (lambda x, y: {"a": [F.exp(x * y), (y / x, None)]}, (fixed, y)),
        (lambda x: Flagged()(x), (x,)),
        (lambda x: F.sin(x) * Ones()(), (x,)),
        (lambda x, y: still(F.sin(x)) * y, (x, y)),
        (lambda x: x[np.array([1, 0, 1])] * 2, (x,)),
        (lambda x: F.batch_norm(x, *(np.full(3, k) for k in (1.0, 0.0, 0.0, 1.0))) * F.max(x, 1, keepdims=True), (x,)),
        (lambda x, y: F.concat([x, y * w, F.tanh(y)], 0)[1:5], (x, y)),
    ]  # fmt: skip
    hybrids = [fw.hybridize(f) for f, _ in cases]
    return [
        [agree(fw, f, hybrid, call, order=2), known(hybrid, "state", "reason", "gradients")]
        for (f, call), hybrid in zip(cases, hybrids, strict=True)
    ]


def sources(fw: Any) -> list[Any]:
    """The source of programs: several outputs, unused ones, without axes, copies, what is deleted."""
    F, V = functions_and_variable(fw)
    x, y, fixed = V(A.copy()), V(B.copy()), V(np.ones(3))

    def f(x: Any, y: Any) -> Any:
        z = F.exp(F.split(x, [1], 1)[1]) * fixed[:2]
        return z, F.sum(z * 2.0), F.broadcast_to(V(np.array(1.0)), (2,)), F.reshape(V(np.ones(2)), (2, 1)), y * y

    class Same(fw.Function):  # type: ignore[misc]
        def forward(self, x: Array) -> Array:
            return x

    hybrid, same = fw.hybridize(f), fw.hybridize(lambda x: Same()(x) * x)
    hybrid(x, y)
    same(A)
    with fw.no_grad():
        hybrid(x, y)
    return [found for (found,) in [*known(hybrid, "source"), *known(same, "source")]] + called(fw, hybrid)


def called(fw: Any, hybrid: Any) -> list[Any]:
    """Which functions of its programs are functions of NumPy, and what nothing keeps alive after a call."""
    found: list[Any] = []
    for traced in hybrid.table.values():
        _, run = traced.program.bind()
        found += [cell.cell_contents.__name__ for cell in run.__closure__ if isinstance(cell.cell_contents, np.ufunc)]
    F, V = functions_and_variable(fw)
    x, f = V(A.copy()), fw.hybridize(lambda x: F.linear_simple(x, F.transpose(x), V(np.ones(2))))
    for _ in range(2):
        y = f(x)
        fw.grad(F.sum(y), [x], create_graph=True)
    found += [y.creator.inputs[0].data is None]
    gc.disable()
    try:
        x = V(A.copy())
        first, alive, data = fw.hybridize(lambda x: F.exp(x) * x), weakref.ref(x), weakref.ref(x.data)
        F.sum(first(x)).backward()
        del x
        return [*found, alive() is None, data() is None]
    finally:
        gc.enable()


def forms_of_functions(fw: Any) -> list[Any]:
    """What programs call for layers and losses of float32, for one row and for two, and which arrays they keep."""
    F, V = functions_and_variable(fw)
    W, b, fixed = V(np.ones((3, 2), "f")), V(np.ones(2, "f")), np.array([1, 0], "u1")
    found: list[Any] = []

    def f(x: Any) -> Any:
        y = F.dropout(F.layer_norm(F.sigmoid(F.linear(x, W, b))), 0.5)
        return F.softmax_cross_entropy(y[:, fixed], np.zeros(len(x), int)) + F.sum_to(y, (2,))

    for n in (1, 2):
        hybrid = fw.hybridize(f)
        for _ in range(2):
            hybrid(V(A[:n].astype("f"))).backward()
        (traced,) = hybrid.table.values()
        functions, run = traced.program.bind()
        made = dict(zip(run.__code__.co_freevars, run.__closure__, strict=True))
        calls = [made[f"f{k}"].cell_contents for k in range(len(functions))]
        found.append([call.__qualname__.replace(".<locals>", "") for call in calls])
        found.append([[type(f).__name__, name] for f in functions for name, a in vars(f).items() if holds_array(a)])
    pooled = fw.hybridize(lambda x: F.max_pool2d(x, 2))
    pooled(V(A[None, None]))
    (traced,) = pooled.table.values()
    return [*found, [name for f in traced.program.functions for name, a in vars(f).items() if holds_array(a)]]


def holds_array(a: Any) -> bool:
    return any(isinstance(part, np.ndarray) for part in (a if isinstance(a, tuple) else (a,)))


def modes(fw: Any) -> Any:
    """Training, test and recording: results, random numbers, running statistics; loaded weights; a frozen parameter."""
    L, F = fw.layers, fw.functions
    found: list[Any] = []
    model = fw.Sequential(L.Linear(3, in_size=3), L.BatchNorm(), L.Dropout(0.5), F.tanh)
    for p in model.params():
        p.data = None if p.data is None else p.data.astype(float)
    model(A)
    hybrid, x = fw.hybridize(model), fw.Variable(A.copy())
    saved = model.get_weights()

    def run(f: Any, order: int) -> list[Any]:
        model.set_weights(saved)
        result = outcome(fw, f, (x,), order)
        return [result, *(v.data.tobytes() for _, v in model.named_state())]

    for k in range(3):
        for context, order in ((fw.using_config("train", True), 1), (fw.test_mode(), 1), (fw.no_grad(), 0)):
            with context:
                found.append(run(hybrid, order) == run(model, order))
        if k == 1:
            saved = {path: 2 * a for path, a in saved.items()}
    model.layers[0].W.constant = True
    found += [run(hybrid, 1) == run(model, 1) for _ in range(2)]
    hybrid.active = False
    found += [type(hybrid(x).creator).__name__, hybrid.active, type(hybrid.forward(x).creator).__name__]
    return found, known(hybrid, "signature", "state", "calls", "gradients")


def several_gradients(fw: Any) -> Any:
    """Gradients of some outputs, of all, twice, of an unused one; with what is read from the data; fresh arrays."""
    F, V = functions_and_variable(fw)
    found: list[Any] = []

    class Stale(fw.Function):  # type: ignore[misc]
        def forward(self, x: Array) -> Array:
            return np.maximum(x, 0)

        def backward(self, gy: Any) -> Any:
            return gy * (self.inputs[0].data > 0)

    class Failing(Stale):
        def backward(self, gy: Any) -> Any:
            if abs(self.inputs[0].data.flat[0]) != 0.5:
                raise RuntimeError("only 0.5")
            return gy

    class Branching(Stale):
        def backward(self, gy: Any) -> Any:
            return F.exp(gy) if self.inputs[0].data.flat[0] == 0.5 else gy

    class Masked(fw.Function):  # type: ignore[misc]
        def __init__(self, mask: Array) -> None:
            self.mask = mask

        def forward(self, x: Array) -> Array:
            return x * self.mask

    class Masking(Stale):
        def backward(self, gy: Any) -> Any:
            return Masked(self.inputs[0].data > 0)(gy)

    class Signed(Stale):
        def backward(self, gy: Any) -> Any:
            return gy * np.sign(gy.data)

    class Noisy(Stale):
        def __init__(self, generator: np.random.Generator) -> None:
            self.generator = generator

        def backward(self, gy: Any) -> Any:
            return gy * self.generator.random()

    class Itself(Stale):
        def forward(self, x: Array) -> Array:
            return np.exp(x)

        def backward(self, gy: Any) -> Any:
            return self.outputs[0]()

    class Either(fw.Function):  # type: ignore[misc]
        not_differentiated = (0, 1)

        def forward(self, x: Array, y: Array) -> Array:
            return x + y

        def backward(self, gy: Any) -> Any:
            return (gy * 2, None) if self.inputs[0].data.flat[0] == 0.5 else (None, gy * 2)

    hybrid = fw.hybridize(lambda x, y: (F.sin(x) * 2, x * y, F.sum(y)))
    for _ in range(2):
        for chosen in ((0,), (0, 1), (2,), (0, 1, 2)):
            x, y = V(A.copy()), V(B.copy())
            zs = hybrid(x, y)
            kept = [z.data.copy() for z in zs]
            for k in chosen:
                zs[k].backward()
            expected = [2 * np.cos(A) * (0 in chosen) + B * (1 in chosen), A * (1 in chosen) + (2 in chosen) * 1.0]
            given = [[*chosen] != [2] if v is x else chosen != (0,) for v in (x, y)]
            found.append([(v.grad is not None) == g for v, g in zip((x, y), given, strict=True)])
            found.append(
                [not g or np.allclose(v.grad.data, e) for v, g, e in zip((x, y), given, expected, strict=True)]
            )
            for array in (x.grad, y.grad, *zs):
                if array is not None:
                    array.data += 1
            found.append([(z.data == a + 1).all() for z, a in zip(zs, kept, strict=True)])
    x, y = V(A.copy()), V(B.copy())
    zs = hybrid(x, y)
    zs[1].backward()
    zs[1].backward()
    found += [x.grad.data, known(hybrid, "gradients")]
    mixed = fw.hybridize(lambda x: (x * (c := V(np.array([1.0, 2.0, 4.0]))), c))
    for _ in range(3):  # a constant that the caller edits
        z, c = mixed(V(A.copy()))
        found += [z.data, c.data.copy()]
        c.data += 5
    itself, either = fw.hybridize(lambda x: Itself()(x)), fw.hybridize(lambda x, y: Either()(x, y))
    for _ in range(2):
        x = V(A.copy())
        y = itself(x)
        y.backward()
        x.grad.data += 1
        found.append(y.data)
    found += [agree(fw, lambda x, y: Either()(x, y), either, (x, V(B.copy()))), known(either, "state", "gradients")]
    loss = fw.hybridize(lambda x: F.softmax(F.dropout(x, 0.5)) * F.softmax_cross_entropy(x, np.array([0, 2])))
    for f in (loss, loss, loss.model):
        np.random.seed(3)
        x, y = V(A.copy()), V(B.copy())
        (gx,) = fw.grad(F.sum(f(x)), [x], create_graph=True)
        f(y)  # with what the call before has given back
        F.sum(gx * gx).backward()
        found.append(x.grad.data)
    found[-3:] = [np.array_equal(found[-1], g) for g in found[-3:-1]]
    for function in (Stale, Failing, Branching, Masking, Signed):
        own = fw.hybridize(lambda x, function=function: function()(x) * 2)
        x = V(A.copy())
        found.append(
            [agree(fw, lambda x, function=function: function()(x) * 2, own, (x,)), known(own, "state", "gradients")]
        )
    rng = np.random.default_rng(3)
    noisy, log = fw.hybridize(lambda x: Noisy(rng)(x)), fw.hybridize(F.log)
    for _ in range(2):
        noisy(V(A.copy())).backward()
        with np.errstate(over="raise"):  # of the gradients only those for other values overflow
            log(V(np.full(3, 1e-308))).backward()
    return [*found, rng.random() == np.random.default_rng(3).random(3)[2], known(log, "gradients")]


# --- what changes between calls, and what has no program ---


def changing(fw: Any) -> Any:
    """An attribute that is replaced before each call, before each second one, or for some calls only."""
    F, V = functions_and_variable(fw)
    found: list[Any] = []
    x = V(A.copy())
    with at_most(fw, 3):
        for plan in (
            (1, 2, 3, 4, 5, 6),
            (1, 1, 2, 2, 3, 3, 4, 4, 5),
            (1, 2, 2, 3, 4, 5, 5),
            (1, 1, 2, 3, 4, 5, 6, 7, 8),
            (1, 2, 3, 4),
        ):
            layer = fw.layers.Layer()
            hybrid = fw.hybridize(lambda x, layer=layer: x * layer.k)
            for k in plan:
                layer.k = k
                found.append((hybrid(x).data == A * k).all())
            found.append(known(hybrid, "state", "reason", "calls"))
        hybrid.clear()
        layer.k = 7
        found += [hybrid.programs(), hybrid(x).data, known(hybrid, "state", "calls")]
    factor = np.array([1.0, 2.0, 3.0])
    hybrid = fw.hybridize(lambda x: x * factor)
    for k in range(4):  # an array that is changed in place
        found.append((hybrid(x).data == A * factor).all())
        factor += k % 2
    scale, others = [2.0], fw.Sequential(F.sin)
    hybrid = fw.hybridize(lambda x, model: model(x) * scale[0])
    for k in range(4):  # an argument that is a model
        found.append((hybrid(x, others).data == others(x).data * scale[0]).all())
        others.layers = [F.sin, F.cos][: 1 + k // 2]
        scale[0] += k % 2
    return [*found, known(hybrid, "state", "calls")]


def without_programs(fw: Any) -> Any:
    """Reasons, and that what the model refers to is as after one call."""
    F, V = functions_and_variable(fw)
    found: list[Any] = []
    told: dict[str, Any] = {}
    w, counts, log = V(np.ones(3)), np.zeros(3), [1]
    w.name, layer = "w", fw.layers.Layer()
    layer.b, layer.h, others = fw.layers.Buffer(np.zeros(3), "b"), None, np.zeros(3)
    weights = fw.layers.Linear(2, in_size=2)
    weights.none = V(None)

    def replaces(x: Any) -> Any:
        w.data = w.data + 1
        return x * 2

    def changes(x: Any) -> Any:
        np.add(w.data, 1, w.data)
        return x * 2

    def adds(x: Any) -> Any:
        np.add(counts, 1, counts)
        return x * counts

    def collects(x: Any) -> Any:
        log.append(V(np.ones(1)))
        return x * 2

    def tells(x: Any) -> Any:
        told["calls"] = told.get("calls", 0) + 1
        told["random"] = str(np.random.rand())
        return x * 2

    def updates(x: Any) -> Any:
        np.add(layer.b.data, x.data[0], layer.b.data)
        return x * layer.b

    def differentiates(x: Any) -> Any:
        w.grad = None
        F.sum(w * x).backward()
        return x * 2

    def sees(x: Any) -> Any:
        told["shape"] = x.shape
        return x * 2

    def branches(x: Any) -> Any:
        return x * 2 if abs(x.data[0, 0]) < 16 else F.exp(x)

    def small(x: Any) -> Any:
        return x * 2 if abs(x.data[0, 0]) > 0.01 else F.exp(x)

    def states_of(x: Any) -> Any:
        return x * 2, [x.data[0, 0] > 0, None][int(x.data[0, 0] > 0.25)]

    def warns(x: Any) -> Any:
        """No overflow, but for other values."""
        return F.exp((10.0 / x) ** 2) * 0.0 + 1

    def overflows(x: Any) -> Any:
        """An overflow, but only for large values, which take the other branch."""
        y = F.exp(x * 700.0) * 0.0
        return y + x if abs(x.data[0, 0]) < 16 else y

    def adds_sometimes(x: Any) -> Any:
        np.add(others, 1, others)
        return x * 2 if abs(x.data[0, 0]) == 0.5 else F.exp(x)

    def forgets(x: Any) -> Any:
        layer.h = x * 2 if x.data[0, 0] > 0.25 else None
        return x * 3

    def trains(x: Any) -> Any:
        np.add(weights.W.data, 1, weights.W.data)
        return x * 2 if weights.none is not None else x

    class Hidden:
        __slots__ = ("w",)

    hidden: Any = Hidden()
    hidden.w = V(np.array([1.0, 2.0, 4.0]))
    logger: Any = logging.Logger("not looked into")
    logger.w = hidden.w

    functions: list[Callable[[Any], Any]] = [replaces, changes, adds, collects, tells, updates, differentiates, sees]
    functions += [states_of, warns, branches, small, overflows, adds_sometimes, forgets, trains]
    for f in functions:
        hybrid, x = fw.hybridize(f), V(np.array([[0.5, -1.0, 0.5]]))
        for _ in range(2):
            with np.errstate(over="raise"):
                y = hybrid(x)
        found += [known(hybrid, "state", "reason", "calls"), y[0] if isinstance(y, tuple) else y]
    found += [w.data, counts, len(log), told["calls"], told["shape"], layer.b.data, w.grad is None, others]
    without: list[tuple[Callable[..., Any], int]] = [
        (lambda x: x * hidden.w, 1),
        (lambda x: x * logger.w, 1),
        (lambda: hidden.w * 2, 0),
        (lambda: V(np.ones(2)) * 2, 0),
    ]
    for f, n in without:
        hybrid = fw.hybridize(f)
        found += [hybrid(*[V(np.ones(3))] * n) for _ in range(3)] + [known(hybrid, "state", "reason", "calls")]
    given = F.exp(V(A.copy()))
    hybrid = fw.hybridize(lambda x: (x, x * 2, F.sin(x), np.ones(2)))
    with fw.no_grad():
        for _ in range(2):
            ys = hybrid(given)
            found += [[y.creator is None, y.recorded, y.generation] for y in ys[:3]]
    return found


def threads(fw: Any) -> Any:
    """Calls in two threads at the same time, each with arrays of its own; how many leases there are; nested Hybrids."""
    F, V = functions_and_variable(fw)
    found: list[Any] = []
    inner = fw.hybridize(lambda x: F.sin(x) * 2)
    hybrid = fw.hybridize(lambda x: F.exp(inner(x)) * x)
    hybrid(V(A.copy()))
    (traced,) = hybrid.table.values()
    barrier = threading.Barrier(2, timeout=20)
    results = {}

    def work(k: int) -> None:
        x = V(A * k)
        barrier.wait()
        y = hybrid(x)
        barrier.wait()
        F.sum(y).backward()
        results[k] = [y.data, x.grad.data]

    for _ in range(2):
        workers = [threading.Thread(target=work, args=(k,), daemon=True) for k in (1, 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=20)
    for k, (y, gx) in results.items():
        e = np.exp(2 * np.sin(k * A))
        found.append([np.allclose(y, e * k * A), np.allclose(gx, e + e * 2 * np.cos(k * A) * k * A)])
    del y, gx
    found.append([any(lease.gradients for lease in traced.leases)])
    found.append([len(traced.leases), inner.programs(), known(hybrid, "state", "gradients")])
    ys = [hybrid(V(A.copy())) for _ in range(3)]
    found.append(len(traced.leases))
    del ys
    with fw.no_grad():
        for _ in range(3):
            hybrid(V(A.copy()))
    found.append([len(one.leases) for one in hybrid.table.values()])
    blank: Any = object.__new__(type(hybrid))
    inner.model.__marker__ = 1
    found.append(hasattr(inner, "__marker__"))
    for name in ("model", "table", "__len__"):
        try:
            getattr(blank, name)
        except AttributeError as error:
            found.append(str(error))
    found += [repr(hybrid).partition("<")[0], len(list(hybrid.params())), inner(V(A.copy())).data]
    hybrid(V(A.copy()))  # what is known about the inner one has changed, but not what it computes
    found.append([calls for (calls,) in known(hybrid, "calls")])
    with mock.patch.object(sys, "unraisablehook") as hook:
        object.__new__(fw.hybrid.replay.Replay)
    return [*found, hook.called, together(fw)]


def together(fw: Any) -> int:
    """How often two first calls in two threads run the function at the same time."""
    barrier, both = threading.Barrier(2), [0]

    def f(x: Any) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(timeout=0.02)
            both[0] += 1
        return x * 2

    hybrid = fw.hybridize(f)
    workers = [threading.Thread(target=hybrid, args=(fw.Variable(A * k),), daemon=True) for k in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
    return both[0]


# --- what they give ---

FORWARD = """def make(as_array, f0, f1, f2, f3, f4, f5, f6, f7, f8, v8, v11, v13):
    def run(v0, v1, v5):
        v2, v3, = f0(v0)  # Split
        {}v4 = f1(v3)  # Exp
        {}v6 = f2(v5)  # GetItem
        {}v7 = f3(v4, v6)  # Mul
        {}v9 = f4(v7, v8)  # Mul
        v10 = as_array(f5(v9))  # Sum
        {}v12 = f6(v11)  # BroadcastTo
        v14 = f7(v13)  # Reshape
        v15 = f8(v1, v1)  # Mul
        {}return ({})
    return run
"""
DELETED = ["v0, v2", "v3", "v5", "v4, v6", "v9", "v1"]
ALL = "".join(f"v{i}.copy(), " if i in (12, 14) else f"v{i}, " for i in range(16))


SAME = """def make(as_array, f0, f1):
    def run(v0):
        v1 = f0(v0)  # Same
        v2 = f1(v1, v0)  # Mul
        return (v0, v1, v2, )
    return run
"""


def expected_sources() -> list[Any]:
    deletions = [f"del {names}\n        " for names in DELETED]
    ufuncs = ["exp", "multiply", "multiply", "multiply"] * 2
    return [
        FORWARD.format(*[""] * 6, ALL),
        FORWARD.format(*deletions, "v7, v10, v12.copy(), v14.copy(), v15, "),
        SAME,
        ufuncs,
        [True] * 3,
    ]


def expected_forms() -> Any:
    names = ["sigmoid.run", "LayerNorm.forward", "Dropout.forward", "GetItem.forward", "softmax_cross_entropy.run"]
    names += ["sum_to.<lambda>", "add"]
    return [part for first in ("row", "rows") for part in ([f"linear.{first}", *names], [["GetItem", "slices"]])] + [[]]


def expected_states() -> Any:
    d, modes = "float64 (2, 2)", ("training", "training", "training, no_grad")
    unused, pair, reason = f"{d}, {d}, float64 (2,)", f"{d}, {d}", "input 2 is used as data, not as a variable"
    rows = [
        (f"{d}, None", pair, f"{d}, None"),
        (f"{d}, None, None", f"{d}, {d}, {d}", f"{d}, {d}, {d}"),
        (f"{d}, None, None", unused, unused),
        (f"{d}, None, None", f"{d}, {d}, {d}", f"{d}, {d}, {d}"),
        (f"{d}, None", pair, pair),
    ]
    table = [[[f"{one}; {mode}", "program", None, 2] for one, mode in zip(row, modes, strict=True)] for row in rows]
    for row in table[2][1:]:
        row[1:3] = "eager", reason
    return [part for rows in table for part in (True, rows)]


def expected_changes() -> Any:
    reason = ["eager", "what the model refers to changes between calls"]
    found = [
        [True] * 6,
        [[*reason, 3]],
        [True] * 9,
        [[*PROGRAM, 1]],
        [True] * 7,
        [[*PROGRAM, 2]],
        [True] * 9,
        [[*reason, 3]],
        [True] * 4,
        [[*reason, 1]],
    ]
    return [*found, [], A * 7, [["program", 1]], [True] * 8, [["program", 1]]]


def expected_reasons() -> Any:
    other, double = "the program has other results", np.array([[1.0, -2.0, 1.0]])
    reasons: list[Any] = ["w is replaced outside of functions", "a buffer changes outside of functions", other]
    reasons += ["a list changes from call to call", "'calls' of an object or a dict changes from call to call", other]
    reasons += [
        "the gradient of w changes from call to call",
        None,
        "the result has values that no function computed",
        None,
    ]
    reasons += ["the functions that are called depend on the values"] * 4
    results = [double] * 5 + [np.array([[0.5, 2.0, 0.5]])] + [double] * 3 + [np.ones((1, 3))] + [double] * 2
    results += [double / 2, double]
    table = [[[["program" if r is None else "eager", r, 2]], y] for r, y in zip(reasons, results, strict=True)]
    table += [
        [[["eager", reasons[8], 1]] * 2, 1.5 * double],
        [[["eager", "W is changed outside of functions", 2]], double],
    ]
    left = [np.full(3, 5.0), np.full(3, 2.0), 3, 2, (1, 3), double[0], False, np.full(3, 2.0)]
    left += [
        [[y] * 3, [[*PROGRAM, 3]]]
        for y in (np.array([1.0, 2, 4]), np.array([1.0, 2, 4]), np.array([2.0, 4, 8]), np.full(2, 2.0))
    ]
    return [table, left, [[False, True, 1], [True, False, 0], [True, False, 0]] * 2]


def expected_modes() -> Any:
    table = [["training", 5, ["program"] * 2], ["test_mode", 3, ["program"]], ["training, no_grad", 3, []]]
    rows = [[f"float64 (2, 3); {mode}", "program", calls, gradients] for mode, calls, gradients in table]
    return [True] * 11, ["Tanh", False, "Tanh"], rows


def expected_gradients() -> Any:
    reasons = ["a constant of Mul, function number 1, changes from call to call", "RuntimeError: only 0.5"]
    reasons += ["the functions that are called depend on the values", "Masked.mask depends on the values", reasons[0]]
    scaled = [A * np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0])] * 3
    itself, either = [np.exp(A)] * 2, [True, [["program", [reasons[2]]]]]
    return [
        [True] * 56,
        2 * B,
        [[["program"] * 3]],
        scaled,
        itself,
        either,
        [True] * 2,
        [[True, [["program", [reason]]]] for reason in reasons],
        True,
        [[["program"]]],
    ]


def expected_threads() -> Any:
    texts = [f"'Hybrid' object has no attribute '{name}'" for name in ("model", "table", "__len__")]
    found = [[True] * 5, [2, [], [["program", ["program"]]]], 0, [3, 1], False, texts]
    return [*found, "hybridize(", 0, 2 * np.sin(A), [9, 3], False, 0]


values(
    60,
    LITERALS,
    ("signatures_of_programs", signatures, expected_signatures),
    (
        "options_of_programs",
        options,
        lambda: [
            [True] * 9 + [False],
            True,
            (A + B) * A,
            "Add: expected a Variable with data or an array, got None",
            [
                *([f"float64 (2, 3), {THREE}", *PROGRAM, n] for n in (8, 3, 3, 3)),
                [f"float64 (2, 3), float64 (2, 3), {THREE}", *PROGRAM, 3],
                ["others", "eager", "TypeError: unhashable type: 'set'", 3],
            ],
            ["small", False, False, False],
        ],
    ),
    (
        "parameters_with_other_shapes",
        shapes_that_change,
        lambda: [
            *[True] * 5,
            [True, [["program", None, 4], ["eager", "more than 16 signatures", 2]]],
            "Mul: expected a Variable with data or an array, got None",
        ],
    ),
    ("states_of_layers", states, expected_states),
    ("states_that_come_and_go", states_that_come_and_go, expected_states_that_come_and_go),
    (
        "graphs_of_programs",
        graphs,
        lambda: (
            [[True, [["program", None, ["program"]]]]] * 21
            + [[True, [["eager", CHANGED, []]]], [True, [["program", None, ["program"]]]]]
        ),
    ),
    ("sources_of_programs", sources, expected_sources),
    ("functions_that_programs_call", forms_of_functions, expected_forms),
    ("modes_of_programs", modes, expected_modes),
    ("gradients_of_programs", several_gradients, expected_gradients),
    ("changes_between_calls", changing, expected_changes),
    ("reasons_and_what_is_undone", without_programs, expected_reasons),
    ("programs_in_threads", threads, expected_threads),
    since=5,
)
