"""Invariants of memory: objects with methods that keep or return what they should copy."""

import types

import numpy as np
import pytest

import stage1_autodiff
from crosscheck.computations import Computation
from crosscheck.frameworks import BookStyle
from crosscheck.handover import arrays_in, overlap, share, watched
from crosscheck.inputs import SHAPES_ONLY, normal
from crosscheck.runner import Runner

HERE = __name__.partition(".")[0]


class Owner:
    """An object with two arrays."""

    def __init__(self):
        self.a, self.other = np.zeros(4), {"b": [np.ones(3)]}

    def state(self):
        return {"a": self.a.copy()}

    def load_state(self, state):
        self.a = state["a"].copy()


def broken_by(method, *arguments):
    found = []
    watched(method, HERE, found)(Owner(), *arguments)
    return found


def test_methods_that_copy_are_sound():
    assert broken_by(Owner.state) == []
    assert broken_by(Owner.load_state, {"a": np.zeros(2)}) == []


def named(name):
    """Rename a function: the name says what a method promises."""

    def rename(f):
        f.__name__ = name
        return f

    return rename


@named("state")
def state_that_is_a_view(owner):
    return {"a": owner.a[1:]}


@named("load_state")
def state_that_is_kept(owner, state):
    owner.a = state["a"]


@named("load_state")
def state_that_is_changed(owner, state):
    owner.a = state["a"].copy()
    state["a"][:] = 0


@named("update")
def two_arrays_in_one(owner):
    owner.other["b"][0] = owner.a[:2]


@named("__call__")
def an_input_that_is_kept(owner, x):
    owner.a = x[::-1]


@pytest.mark.parametrize(
    ("method", "arguments", "text"),
    [
        (state_that_is_a_view, [], "Owner.state returns memory of the object instead of a copy"),
        (state_that_is_kept, [{"a": np.zeros(2)}], "keeps its argument, or a view of it, instead of a copy"),
        (state_that_is_changed, [{"a": np.ones(2)}], "Owner.load_state changed its argument"),
        (two_arrays_in_one, [], "leaves two arrays that share memory in the object"),
        (an_input_that_is_kept, [np.ones(2)], "keeps its argument, or a view of it, instead of a copy"),
    ],
)
def test_what_is_not_copied_is_found(method, arguments, text):
    (found,) = broken_by(method, *arguments)
    assert text in found


def test_arrays_are_found_in_containers_objects_and_variables():
    owner = Owner()
    x = stage1_autodiff.Variable(np.ones(2))
    x.grad = np.zeros(2)
    found = list(arrays_in([{1: owner}, (owner,), {x}], HERE))
    assert {id(a) for a in found} == {id(owner.a), id(owner.other["b"][0]), id(x.data), id(x.grad)}
    assert list(arrays_in(owner, "another_package")) == []


def test_share():
    a, b, c = np.zeros(6), np.zeros(6), np.zeros(0)
    for some, others in [([a], [b, a[4:]]), ([a[2:4]], [a]), ([b, a[:3]], [a[::2]])]:
        assert share(some, others)
    for some, others in [([a, a[1:]], [b]), ([a[:3]], [a[3:]]), ([c], [c]), ([], [a])]:
        assert not share(some, others)


def test_overlap():
    a = np.zeros(6)
    assert overlap([a[:3], a[2:]])
    assert not overlap([a[:3], a[3:], np.zeros(3), np.zeros(0)])


def test_a_value_that_shares_memory_with_an_input_is_red_unless_pytorchs_does(torch_adapter):
    module = types.ModuleType("stage1")
    module.__dict__.update({key: value for key, value in vars(stage1_autodiff).items() if not key.startswith("__")})
    module.__file__ = stage1_autodiff.__file__
    stage = BookStyle("stage1", [module], 1)

    class View(stage1_autodiff.Function):
        def forward(self, x):
            return x.reshape(1, -1)

        def backward(self, gy):
            return gy.reshape(self.input.data.shape)

    module.row = lambda x: View()(x)
    computation = Computation("row", lambda fw, x: fw.row(x), 2, 1, [normal()], order=1, cases=SHAPES_ONLY)
    try:
        for torchs, state in ((lambda x: x.reshape(1, -1), "equal"), (lambda x: x.reshape(1, -1) * 1.0, "failed")):
            torch_adapter.row = torchs
            cell = Runner([stage], torch_adapter).run(computation, stage, "float64")
            assert cell.state == state, cell.failures
            assert all("shares memory with input 0" in failure.text for failure in cell.failures)
    finally:
        vars(torch_adapter).pop("row", None)
