"""Modes: Config, using_config and no_grad, in blocks, decorators, generators and threads."""

import threading
import weakref

import numpy as np
import pytest

from .stage import Config, F, Variable, no_grad, using_config

square = F.square


@pytest.fixture(autouse=True)
def default_modes():
    """Each test starts and ends with the defaults."""
    assert Config.enable_backprop
    yield
    assert Config.enable_backprop
    Config.enable_backprop = True


def in_new_thread(function):
    """The result of function in a new thread; an error there is raised here."""
    results = []

    def run():
        try:
            results.append((function(), None))
        except BaseException as error:
            results.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    ((result, error),) = results
    if error is not None:
        raise error
    return result


@pytest.mark.parametrize("mode", [no_grad, lambda: using_config("enable_backprop", False)])
def test_nothing_is_recorded(mode):
    x = Variable(np.array(2.0))
    with mode():
        a = square(x)
        intermediate = weakref.ref(a)
        y = square(a)
        del a
        assert intermediate() is None
    assert y.data == 16.0
    assert y.creator is None
    assert y.generation == 0


def test_a_recorded_graph_can_be_traversed_inside_the_block():
    x = Variable(np.array(2.0))
    y = square(x)
    with no_grad():
        y.backward()
    np.testing.assert_array_equal(x.grad, 4.0)


def test_the_old_value_is_restored_after_an_error():
    def fail():
        assert not Config.enable_backprop
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"), no_grad():
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


def test_one_object_works_in_several_blocks_even_nested():
    mode = no_grad()
    for _ in range(2):
        with mode:
            assert not Config.enable_backprop
            with using_config("enable_backprop", True), mode:
                assert not Config.enable_backprop
            assert not Config.enable_backprop
        assert Config.enable_backprop


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="enable_backdrop"), using_config("enable_backdrop", False):
        pass
    assert not hasattr(Config, "enable_backdrop")


def test_a_mode_is_an_attribute_of_config():
    Config.enable_backprop = False
    assert square(Variable(np.array(2.0))).creator is None
    setattr(Config, "enable_" + "backprop", True)
    assert getattr(Config, "enable_" + "backprop") is True
    assert square(Variable(np.array(2.0))).creator is not None


# --- decorators ---


def test_a_decorated_function_records_nothing_at_any_call():
    @no_grad()
    def f(x, *, times):
        """Doc."""
        assert not Config.enable_backprop
        for _ in range(times):
            x = square(x)
        return x

    assert (f.__name__, f.__doc__) == ("f", "Doc.")
    for _ in range(2):
        assert f(Variable(np.array(2.0)), times=2).creator is None
        assert Config.enable_backprop


def test_a_decorated_function_may_call_itself():
    @no_grad()
    def depth(n):
        assert not Config.enable_backprop
        return n if n == 0 else 1 + depth(n - 1)

    assert depth(3) == 3
    assert Config.enable_backprop


def test_a_decorated_generator_has_the_mode_only_while_it_runs():
    events = []

    @no_grad()
    def items(n):
        for i in range(n):
            assert not Config.enable_backprop
            events.append((yield square(Variable(np.array(float(i))))))
        return "end"

    def outer():
        events.append((yield from items(2)))

    generator = outer()
    y = next(generator)
    assert Config.enable_backprop
    assert y.creator is None
    y = generator.send("sent")
    assert Config.enable_backprop
    assert y.data == 1.0
    assert list(generator) == []
    assert events == ["sent", None, "end"]


def test_a_decorated_generator_receives_errors_and_is_closed():
    events = []

    @no_grad()
    def items():
        try:
            while True:
                try:
                    yield Config.enable_backprop
                except KeyError as error:
                    events.append(error.args)
        finally:
            events.append(("closed", Config.enable_backprop))

    generator = items()
    assert next(generator) is False
    assert generator.throw(KeyError("inside")) is False
    assert Config.enable_backprop
    generator.close()
    assert events == [("inside",), ("closed", False)]
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in items()]
    assert Config.enable_backprop


# --- threads ---


def test_a_new_thread_starts_with_the_defaults_and_keeps_its_modes_to_itself():
    with no_grad():
        assert in_new_thread(lambda: Config.enable_backprop) is True

    def turn_off():
        Config.enable_backprop = False
        return Config.enable_backprop

    assert in_new_thread(turn_off) is False
    assert Config.enable_backprop


def test_overlapping_blocks_of_two_threads_do_not_disturb_each_other():
    entered, left = threading.Event(), threading.Event()

    def other():
        with no_grad():
            entered.set()
            assert left.wait(60)
            return Config.enable_backprop

    results = []
    thread = threading.Thread(target=lambda: results.append(other()))
    with no_grad():
        thread.start()
        assert entered.wait(60)
    assert Config.enable_backprop
    left.set()
    thread.join()
    assert results == [False]
    assert Config.enable_backprop


def test_threads_that_differentiate_at_once_lose_no_gradient():
    barrier = threading.Barrier(4)

    def work():
        barrier.wait(60)
        for _ in range(200):
            x = Variable(np.array(2.0))
            square(square(x)).backward()
            if x.grad is None or np.asarray(x.grad) != 32.0:
                return False
            with no_grad():
                square(x)
        return True

    results = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


# --- variables without a graph ---


def test_a_variable_that_was_not_recorded_ends_the_graph():
    x = Variable(np.array(2.0))
    with no_grad():
        a = square(x)
    y = square(a)
    y.backward()
    np.testing.assert_array_equal(a.grad, 8.0)
    assert x.grad is None


@pytest.mark.parametrize("shape", [(), (3,)])
def test_backward_on_a_variable_that_was_not_recorded_is_an_error(shape):
    x = Variable(np.full(shape, 2.0))
    with no_grad():
        y = square(x)
    with pytest.raises(RuntimeError, match=r"backward: expected a variable with a graph, got .* under no_grad\(\)"):
        y.backward()
    assert (x.grad, y.grad) == (None, None)


def test_outputs_of_a_function_with_several_are_marked_too():
    with no_grad():
        ys = Halves()(Variable(np.array([1.0, 2.0])))
    for y in ys:
        with pytest.raises(RuntimeError, match="no_grad"):
            y.backward()


class Halves(F.Square):
    """y0 is the first half of x, y1 the second half."""

    def forward(self, x):
        y0, y1 = np.split(x, 2)
        return y0, y1


def test_backward_on_a_leaf_that_was_created_under_no_grad_is_allowed():
    with no_grad():
        x = Variable(np.array(2.0))
        x.backward()
    np.testing.assert_array_equal(x.grad, 1.0)


def test_the_gradient_of_the_books_large_example():
    x = Variable(np.ones((100, 100, 100)))
    square(square(square(x))).backward()
    np.testing.assert_array_equal(x.grad, np.full((100, 100, 100), 8.0))
