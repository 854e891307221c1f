"""Modes: using_config and no_grad."""

import weakref

import numpy as np
import pytest

from .stage import Config, Variable, no_grad, square, using_config


@pytest.mark.parametrize("mode", [no_grad, lambda: using_config("enable_backprop", False)])
def test_nothing_is_recorded(mode):
    x = Variable(np.array(2.0))
    with mode():
        a = square(x)
        between = weakref.ref(a)
        y = square(a)
        del a
        assert between() is None
    assert y.data == 16.0
    assert y.creator is None
    assert y.generation == 0


def test_what_was_not_recorded_ends_the_way_back():
    x = Variable(np.array(2.0))
    with no_grad():
        a = square(x)
    y = square(a)
    y.backward()
    assert a.grad == 8.0
    assert x.grad is None


def test_backward_on_what_was_not_recorded_fills_its_own_gradient():
    x = Variable(np.array(2.0))
    with no_grad():
        y = square(x)
    y.backward()
    assert y.grad == 1.0
    assert x.grad is None


def test_a_recorded_graph_can_be_followed_inside_the_block():
    x = Variable(np.array(2.0))
    y = square(x)
    with no_grad():
        y.backward()
    assert x.grad == 4.0


def test_the_old_value_comes_back_also_after_an_error():
    def fail():
        assert not Config.enable_backprop
        raise KeyError("on the way")

    with pytest.raises(KeyError, match="on the way"), no_grad():
        fail()
    assert Config.enable_backprop


def test_blocks_nest():
    with no_grad():
        with using_config("enable_backprop", True):
            assert Config.enable_backprop
            with no_grad():
                assert not Config.enable_backprop
            assert Config.enable_backprop
        assert not Config.enable_backprop
    assert Config.enable_backprop


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="enable_backdrop"), using_config("enable_backdrop", False):
        pass
    assert not hasattr(Config, "enable_backdrop")


def test_the_gradient_of_the_books_large_example():
    x = Variable(np.ones((100, 100, 100)))
    square(square(square(x))).backward()
    np.testing.assert_array_equal(x.grad, np.full((100, 100, 100), 8.0))
