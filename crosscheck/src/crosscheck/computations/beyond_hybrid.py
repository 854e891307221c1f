"""Beyond the book: hybridize. Programs give what the model gives, or there is a reason why there is none."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np

from ..inputs import FLOATS, SHAPES_ONLY, normal
from . import computation
from .beyond_tensors import BEYOND
from .errors import errors
from .layers import fixed
from .steps11_24 import goldstein_price
from .training import VALUES
from .values import values

SHAPES = (3, 4), (4,), (4, 2), (2,)  # of the parameters of `network`


def network(fw: Any, x: Any) -> Any:
    """Two layers with fixed weights in the dtype of x."""
    model = fw.Sequential(fw.Linear(4, in_size=3), fw.relu, fw.Linear(2, in_size=4))
    fw.set_weights(model, fixed(fw.array(x), *SHAPES))
    return model


def warm(fw: Any, hybrid: Any, *xs: Any) -> None:
    """Two calls and backward passes with other values, so that the next ones are replayed."""
    for scale in (0.5, 0.75):
        leaves = [fw.Variable(np.asarray(fw.array(x) * scale)) for x in xs]
        fw.gradients([hybrid(*leaves)], leaves, [np.ones_like(fw.array(hybrid(*leaves)))])


@computation(**BEYOND, inputs=[normal()], shapes=((5, 3), (1, 3)), cases=SHAPES_ONLY)
def hybridized_network(fw: Any, x: Any) -> Any:
    """A network with ReLU, replayed"""
    hybrid = fw.hybridize(network(fw, x))
    warm(fw, hybrid, x)
    return hybrid(x)


@computation(**BEYOND, inputs=[normal(), normal()], shapes=((), (2, 3)), cases=FLOATS)
def hybridized_function(fw: Any, x: Any, y: Any) -> Any:
    """The Goldstein-Price function, replayed"""
    hybrid = fw.hybridize(lambda x, y: goldstein_price(fw, x, y))
    warm(fw, hybrid, x, y)
    return hybrid(x, y)


@computation(**BEYOND, inputs=[normal()], shapes=((4, 2, 3),), cases=SHAPES_ONLY, order=1)
def hybridized_lstm(fw: Any, x: Any) -> Any:
    """Four steps of an LSTM, replayed: its state is an input and an output of the program"""
    lstm = fw.LSTM(2, 3)
    fw.set_weights(lstm, fixed(fw.array(x), *[(3, 2), (2,)] * 4, *[(2, 2)] * 4))
    hybrid = fw.hybridize(lstm)
    for _ in range(3):
        lstm.reset_state()
        ys = [hybrid(x[i]) for i in range(4)]
    return ys[-1]


@computation(**{**BEYOND, **VALUES, "shapes": ((12, 3),)}, inputs=[normal()])
def hybridized_training(fw: Any, x: Any) -> Any:
    """Losses of 8 steps of a network with ReLU, replayed, and its weights"""
    model, t = network(fw, x), fw.constant(np.arange(12) % 2)
    hybrid, optimizer = fw.hybridize(model), fw.setup(fw.SGD(0.1), model)
    losses = []
    for k in range(8):
        y = fw.softmax_cross_entropy(hybrid(fw.constant(np.roll(fw.array(x), k, 0))), t)
        fw.cleargrads(model)
        fw.backward(y)
        fw.update(optimizer)
        losses.append(np.array(fw.array(y)))
    return losses + [np.array(a) for a in fw.weights(model)]


# --- what only the stage has: what is known about its programs ---


def small(fw: Any) -> Any:
    """A hybridized network, after two calls."""
    model = fw.Sequential(fw.Linear(2, in_size=3), fw.functions.tanh)
    hybrid = fw.hybridize(model)
    for _ in range(2):
        hybrid(np.ones((2, 3), np.float32))
    return hybrid


def known(hybrid: Any, *keys: str) -> list[Any]:
    """These entries of the table of programs."""
    return [[found[key] for key in keys] for found in hybrid.programs()]


def programs(fw: Any) -> Any:
    """The table after calls with and without gradients, in two modes; cleared."""
    hybrid, x = small(fw), np.ones((2, 3), np.float32)
    fw.functions.sum(hybrid(x)).backward()
    with fw.test_mode(), fw.no_grad():
        hybrid(x)
    found = known(hybrid, "signature", "state", "reason", "calls", "gradients", "source")
    hybrid.clear()
    return [found, hybrid.programs()]


SOURCE = """def make(as_array, f0, f1):
    def run(v0, v1, v2):
        v3 = f0(v0, v1, v2)  # Linear
        {}v4 = f1(v3)  # Tanh
        {}return ({})
    return run
"""


def expected_programs() -> Any:
    kept = SOURCE.format("", "", "v0, v1, v2, v3, v4, ")
    freed = SOURCE.format("del v0, v1, v2\n        ", "del v3\n        ", "v4, ")
    return [
        [
            ["float32 (2, 3); training", "program", None, 3, ["program"], kept],
            ["float32 (2, 3); test_mode, no_grad", "program", None, 1, [], freed],
        ],
        [],
    ]


def reasons(fw: Any) -> Any:
    """Why functions have no program."""
    F, V, count = fw.functions, fw.Variable, [0]

    class Own(fw.Function):  # type: ignore[misc]
        def __init__(self, mask: Any, other: Any = None):
            self.mask, self.other = mask, other

        def forward(self, x: Any) -> Any:
            return x * self.mask

    class Drawn(fw.Function):  # type: ignore[misc]
        def __init__(self) -> None:
            self.generator = np.random.default_rng(0)

        def forward(self, x: Any) -> Any:
            return x * self.generator.random()

    def counted(x: Any) -> Any:
        count[0] += 1
        return x * count[0]

    def failing(x: Any) -> Any:
        if x.data[0] != 1.5:
            raise RuntimeError("only 1.5")
        return x * 2

    shared = np.random.default_rng(0)
    functions = [
        lambda x: F.exp(x) if x.data.argmax() == 2 else F.sin(x),
        lambda x: x * (x.data > 1),
        lambda x: F.sin(V(x.data)),
        lambda x: x,
        lambda x: (x * 2, float(x.data[0])),
        lambda x: (x * 2, x.data),
        lambda x: Own(x.data > 1)(x),
        lambda x: Own(2, F.Exp())(x),
        lambda x: x * 2 + 0 * np.random.rand(),
        lambda x: Own(shared.random())(x),
        counted,
        failing,
    ]
    found = []
    for f in functions:
        hybrid = fw.hybridize(f)
        for _ in range(2):
            hybrid(V(np.array([1.5, 0.5, 2.5])))
        found += known(hybrid, "state", "reason")
    return found


def layers_without_programs(fw: Any) -> Any:
    """Layers with a counter, with data or a parameter that is replaced, and with an array that is changed."""
    found = []

    class Outside(fw.Layer):  # type: ignore[misc]
        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind, self.count = kind, 0
            self.mean, self.weight = fw.layers.Buffer(np.zeros(2), "mean"), type(fw.Linear(1).W)(np.zeros(2))

        def forward(self, x: Any) -> Any:
            if self.kind == "counter":
                self.count += 1
            elif self.kind == "weight":
                self.weight = type(self.weight)(self.weight.data + 1)
            elif self.kind == "replaced":
                self.mean.data = self.mean.data + x.data
            else:
                self.mean.data += x.data
            return x * 2

    for kind in ("counter", "replaced", "changed", "weight"):
        hybrid = fw.hybridize(Outside(kind))
        for _ in range(2):
            hybrid(fw.Variable(np.array([1.5, 0.5])))
        found += known(hybrid, "state", "reason")
    return found


def excess(fw: Any) -> Any:
    """20 signatures, and gradients of 17 combinations of outputs."""
    hybrid = fw.hybridize(fw.functions.tanh)
    for n in range(20):
        hybrid(np.ones(n))
    split = fw.hybridize(lambda x: [x * k for k in range(1, 6)])
    for n in range(19):
        x = fw.Variable(np.array([1.5, 2.5]))
        ys = [y for k, y in enumerate(split(x)) if (n + 2) >> k & 1]
        sum(ys[1:], ys[0]).backward()
    return [known(hybrid, "state", "reason", "calls")[15:], known(split, "gradients")]


def copied(fw: Any) -> Any:
    """A copy and a pickle, which trace again; one that is not active; names of the model."""
    hybrid = fw.hybridize(fw.Sequential(fw.Linear(2, in_size=3)))
    hybrid(np.ones((2, 3), np.float32))
    others = [copy.deepcopy(hybrid), pickle.loads(pickle.dumps(hybrid))]
    hybrid.active = False
    layers: list[Any] = []
    fw.training.apply(fw.hybridize(fw.functions.tanh), layers.append)
    return [
        [other.programs() for other in others],
        [np.array_equal(other.l0.W.data, hybrid.l0.W.data) for other in others],
        type(hybrid(np.ones((2, 3), np.float32)).creator).__name__,
        [path for path, _ in hybrid.named_state()],
        len(list(hybrid.all_variables())),
        repr(fw.hybridize(fw.functions.tanh)).split()[0],
        list(fw.hybridize(fw.functions.tanh).params()),
        list(fw.hybridize(fw.functions.tanh).all_variables()),
        hybrid.forward(np.ones((2, 3), np.float32)).shape,
        [other.active for other in (*others, copy.deepcopy(hybrid))],
        len(layers),
    ]


values(
    60,
    "literals: PyTorch has no table of programs",
    ("table_of_programs", programs, expected_programs),
    (
        "reasons_for_no_program",
        reasons,
        lambda: [
            ["eager", reason]
            for reason in (
                "the functions that are called depend on the values",
                "a constant of Mul, function number 0, changes from call to call",
                "input 0 is used as data, not as a variable",
                "no function is called",
                "the result has values that no function computed",
                "a constant of the result changes from call to call",
                "Own.mask depends on the values",
                "Own.other is a function outside of the program",
                "a random number changes outside of functions",
                "Own.mask depends on the values",
                "a list changes from call to call",
                "RuntimeError: only 1.5",
            )
        ],
    ),
    (
        "layers_without_programs",
        layers_without_programs,
        lambda: [
            ["eager", "the attribute count of a layer changes from call to call"],
            ["eager", "mean is replaced outside of functions"],
            ["eager", "a buffer changes outside of functions"],
            ["eager", "the attribute weight of a layer changes from call to call"],
        ],
    ),
    (
        "more_programs_than_are_kept",
        excess,
        lambda: [
            [["program", None, 1], ["eager", "more than 16 signatures", 4]],
            [[["program"] * 16 + ["more than 16 combinations of outputs and inputs"] * 2]],
        ],
    ),
    (
        "copies_of_a_hybrid",
        copied,
        lambda: [
            *([[], []], [True, True], "Linear", ["l0/W", "l0/b"], 2, "hybridize(<function", [], [], (2, 2)),
            *([True, True, False], 1),
        ],
    ),
    since=5,
)

errors(
    60,
    (
        "hybridize_what_cannot_be_called",
        lambda fw: fw.hybridize(3),
        TypeError,
        "hybridize: expected a model or a function, got int",
        "returns what it is given",
    ),
    (
        "attribute_that_a_hybridized_model_lacks",
        lambda fw: fw.hybridize(fw.MLP((2, 1))).l7,
        AttributeError,
        "...no attribute 'l7'",
    ),
    (
        "special_attribute_of_a_hybridized_model",
        lambda fw: fw.hybridize(fw.MLP((2, 1))).__len__,
        AttributeError,
        "...no attribute '__len__'",
        "raises nothing: a model of PyTorch has a length",
    ),
    (
        "label_out_of_range_in_a_program",
        lambda fw: label(fw, 3),
        ValueError,
        "softmax_cross_entropy: expected integers from 0 to 2, got 0 to 3",
    ),
    since=5,
)


def label(fw: Any, last: int) -> Any:
    """The loss of a function that is replayed with another label."""
    hybrid = fw.hybridize(fw.softmax_cross_entropy)
    x = fw.constant(np.eye(4, 3))
    for t in (2, 1, last):
        y = hybrid(x, fw.constant(np.array([0, 1, 2, t])))
    return y
