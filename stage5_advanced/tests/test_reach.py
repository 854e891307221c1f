"""What a hybridized model refers to: its second call leaves no trace, and what changes later makes a new program."""

import functools
import random
import sys
from argparse import Namespace
from collections import UserDict, deque
from types import ModuleType

import numpy as np
import pytest

from .stage import SGD, F, Function, L, Variable, models, package

hybridize = package.hybridize


def normals(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def lstm():
    return L.LSTM(3, in_size=3)


def result(hybrid):
    """States and reasons of the programs."""
    return [(found["state"], found["reason"]) for found in hybrid.programs()]


class Net:
    """An object that is no layer, with one."""

    def __init__(self):
        self.layer, self.scale, self.options, self.shifts = lstm(), 2.0, {"power": 1}, [0.5, 1.5]

    def __call__(self, x):
        return self.apply(x) * self.scale + self.shifts[1]

    def apply(self, x):
        return self.layer(x) ** self.options["power"]

    def reset(self):
        self.layer.reset_state()


class Listed(models.Model):
    def __init__(self):
        super().__init__()
        self.parts = [{"first": (lstm(),)}]

    def forward(self, x):
        return self.parts[0]["first"][0](x)

    def reset(self):
        self.parts[0]["first"][0].reset_state()


MODULE = {"layer": None}
FACTOR = 2.0


def named(x):
    return MODULE["layer"](x)


def layers_behind():
    """Functions and objects that have a layer with state: name -> (what is called, what resets it)."""
    layer, net, listed = lstm(), Net(), Listed()
    MODULE["layer"] = layer
    inner = lambda x: layer(x)  # noqa: E731
    found = {
        "a function of a closure": lambda x: F.tanh(inner(x)),
        "a partial function": functools.partial(lambda layer, x: layer(x), layer),
        "a default value": lambda x, layer=layer: layer(x),
        "a list of functions": lambda x, fs=(inner, F.tanh): fs[1](fs[0](x)),
        "a global dict": named,
        "a bound forward": layer.forward,
        "a function in a model": models.Sequential(inner, F.tanh),
    }
    found = {name: (f, layer.reset_state) for name, f in found.items()}
    found |= {"an object": (net, net.reset), "a method": (net.apply, net.reset)}
    return found | {
        "a function of an object": (lambda x: net(x), net.reset),
        "a dict in a list": (listed, listed.reset),
    }


def twice(make, calls=3, repeats=3):
    """Results of calls with and without hybridize, and the Hybrid. make() -> (what is called, what resets it)."""
    found = []
    for wrap in (hybridize, lambda f: f):
        np.random.seed(0)
        random.seed(0)
        f, reset = make()
        wrapped, results = wrap(f), []
        hybrid = wrapped if wrap is hybridize else hybrid  # noqa: F821 - hybridize is the first
        for _ in range(repeats):
            reset()
            results += [np.array(wrapped(Variable(normals(2, 3, seed=k))).data) for k in range(calls)]
        found.append(results)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    return hybrid


@pytest.mark.parametrize("name", layers_behind())
def test_the_state_of_a_layer_is_found_behind(name):
    hybrid = twice(lambda: layers_behind()[name])
    assert result(hybrid) == [("program", None)] * 2  # without and with a state


def kept_in(kind):
    """A function that keeps a Variable from call to call."""
    kept, thing, cell = [None], Net(), None
    names = {"h": None}

    def of_closure(x):
        nonlocal cell
        cell = F.tanh(x if cell is None else x + cell)
        return cell

    def of_list(x):
        kept[0] = F.tanh(x if kept[0] is None else x + kept[0])
        return kept[0]

    def of_growing_list(x):
        kept.append(F.tanh(x if kept[-1] is None else x + kept[-1]))
        return kept[-1]

    def of_dict(x):
        names["h"] = F.tanh(x if names["h"] is None else x + names["h"])
        return names["h"]

    def of_object(x):
        thing.scale = F.tanh(x * thing.scale)
        return thing.scale

    def reset():
        nonlocal cell
        cell, kept[:], names["h"], thing.scale = None, [None], None, 2.0

    functions = {"cell": of_closure, "list": of_list, "growing": of_growing_list, "dict": of_dict, "object": of_object}
    return functions[kind], reset


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("cell", "a variable of a closure changes from call to call"),
        ("list", "a list changes from call to call"),
        ("growing", "a list changes from call to call"),
        ("dict", "'h' of an object or a dict changes from call to call"),
        ("object", "'scale' of an object or a dict changes from call to call"),
    ],
)
def test_a_variable_that_is_kept_elsewhere_is_what_it_would_be(kind, reason):
    assert ("eager", reason) in result(twice(lambda: kept_in(kind)))


def draws(kind):
    """A function that draws random numbers from a generator that it refers to."""
    generator = np.random.default_rng(0) if kind != "old" else np.random.RandomState(0)

    class Drawn(Function):
        def __init__(self, generator):
            self.generator = generator

        def forward(self, x):
            self.mask = (self.generator.random(x.shape) < 0.5).astype(x.dtype)
            return x * self.mask

        def backward(self, gy):
            return Times(self)(gy)

    class Times(Function):
        def __init__(self, drawn):
            self.drawn = drawn

        def forward(self, gy):
            return gy * self.drawn.mask

    functions = {
        "python": lambda x: x * random.random(),
        "branch": lambda x: F.exp(x) if generator.random() < 0.5 else F.sin(x),
        "old": lambda x: x * generator.uniform(),
        "function": lambda x: Drawn(generator)(Drawn(generator)(x) + 1),
    }
    return functions[kind], lambda: None


@pytest.mark.parametrize("kind", ["python", "branch", "old", "function"])
def test_generators_go_on_as_without_hybridize(kind):
    hybrid = twice(lambda: draws(kind))
    assert [state for state, _ in result(hybrid)] == ["eager" if kind != "function" else "program"]


def test_gradients_are_proved_without_random_numbers_of_the_user():
    found = []
    for wrap in (hybridize, lambda f: f):
        f = wrap(draws("function")[0])
        for k in range(3):
            x = Variable(normals(2, 3, seed=k))
            y = f(x)
            y.backward()
            found.append((y.data, x.grad.data))
    for a, b in zip(found[:3], found[3:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_a_call_adds_to_a_list_or_a_dict_is_no_reason_and_is_added_once():
    seen, shapes = [], {}

    def f(x):
        seen.append(float(x.data.sum()))
        shapes[len(shapes)] = x.shape
        return x * 2

    hybrid = hybridize(f)
    for k in range(3):
        hybrid(Variable(np.full(3, k + 1.0)))
    assert (seen, shapes) == ([3.0], {0: (3,)})  # those of the second call are taken back
    seen.clear()
    for k in range(3):
        hybrid(Variable(np.full(3, k + 1.0)))
    assert seen == []
    assert result(hybrid) == [("program", None)]


def counts(kind):
    """A function that counts its calls, and computes something else at the fifth one."""
    count, thing, n = {"n": 0}, Thing(), 0
    Thing.total = 0

    def of_dict(x):
        count["n"] += 1
        return x * 2 if count["n"] < 5 else x

    def of_object(x):
        thing.k += 1
        return x * 2 if thing.k < 6 else x

    def of_class(x):
        Thing.total += 1
        return x * 2 if Thing.total < 5 else x

    def of_cell(x):
        nonlocal n
        n += 1
        return x * 2 if n < 5 else x

    return {"dict": of_dict, "object": of_object, "class": of_class, "cell": of_cell}[kind], lambda: None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("dict", "'n' of an object or a dict changes from call to call"),
        ("object", "the attribute k of an object changes from call to call"),
        ("class", "the attribute total of a class changes from call to call"),
        ("cell", "a variable of a closure changes from call to call"),
    ],
)
def test_a_number_that_a_call_changes_is_a_reason(kind, reason):
    hybrid = twice(lambda: counts(kind))
    assert result(hybrid) == [("eager", reason)]
    assert hybrid.programs()[0]["calls"] == 9


@pytest.mark.parametrize("in_place", [True, False])
def test_a_whole_training_step_is_not_a_program(in_place):
    found = []
    for wrap in (hybridize, lambda f: f):
        np.random.seed(0)
        model = models.MLP((4, 2))
        optimizer = SGD(0.1).setup(model)

        def step(x, model=model, optimizer=optimizer):
            loss = F.sum(F.square(model(x)))
            if in_place:
                for p in model.params():
                    p.data *= 0.9
            else:
                model.cleargrads()
                loss.backward()
                optimizer.update()
            return loss

        f = wrap(step)
        found.append([f(normals(3, 5, seed=k)).data for k in range(5)] + [p.data for p in model.params()])
        if wrap is hybridize:
            assert result(f) == [("eager", "W is changed outside of functions")]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_gradient_that_a_call_stores_is_a_reason():
    x, found = Variable(np.array([2.0])), []

    def f(y):
        x.cleargrad()
        (x * x * y).backward()
        return x.grad * y

    hybrid = hybridize(f)
    for k in (1.0, 2.0, 3.0):
        found.append(hybrid(Variable(np.array([k]))).data.item())
        assert x.grad.data == 4 * k
    assert found == [4.0, 16.0, 36.0]
    assert result(hybrid)[0][0] == "eager"


def test_what_a_program_depends_on_may_change():
    global FACTOR
    net, scale = Net(), 2.0
    steps = [
        lambda: setattr(net, "scale", 3.0),
        lambda: net.options.update(power=2),
        lambda: net.shifts.insert(1, 4.0),
        lambda: setattr(net, "layer", lstm()),
        lambda: setattr(net, "options", {"power": 3}),
    ]

    def f(x):
        return net(x) * scale * FACTOR

    hybrid, x = hybridize(f), Variable(normals(2, 3))
    for k in range(8):
        for _ in range(2):
            net.reset()
            found = hybrid(x).data
            net.reset()
            np.testing.assert_array_equal(found, f(x).data)
        if k < 5:
            steps[k]()
        elif k == 5:
            scale = 5.0
        else:
            FACTOR = 7.0
    FACTOR = 2.0
    assert result(hybrid) == [("program", None)]


class Thing:
    """An object with slots; `rate`, `shift` and `factor` are attributes of its class."""

    __slots__ = ("k",)
    rate, total = 1.0, 0

    def __init__(self):
        self.k = 1.0

    @property
    def shift(self):
        return NUMBERS[0]

    @staticmethod
    def factor():
        return NUMBERS[1]


class Scaled(models.Model):
    rate = 2.0

    def __init__(self):
        super().__init__()
        self.hooks, self.table = [], np.ones(3)

    def forward(self, x):
        for hook in self.hooks:
            x = hook(x)
        return x * self.rate * (1 + self.table) * getattr(self, "other", 1.0)


@functools.lru_cache
def cached(k):
    return k * NUMBERS[2]


NUMBERS = [1.0, 2.0, 3.0]
KINDS = {"function": F.Sin}
SETTINGS = ModuleType("settings")  # as if imported
SETTINGS.rate, SETTINGS.inner = 1.0, ModuleType("inner")
SETTINGS.inner.scale = lambda x: x * NUMBERS[0]


def imports(x):
    from settings_of_reach import rate

    return x * rate


def changed_later():
    """Functions, and what they depend on: name -> (function, a change for a number)."""
    thing, scaled, optimizer, table = Thing(), Scaled(), SGD(0.5), np.arange(3.0)
    names, words, queue, long = {"a": 1.0}, {"up"}, deque([1.0, 2.0]), [1.0] * 100
    options, wrapped, keys, view = Namespace(k=1.0), UserDict(k=1.0), {thing: None}, table[:]
    view.flags.writeable = False

    def number(place):
        def change(k):
            NUMBERS[place] = k
            cached.cache_clear()

        return change

    return {
        "a slot": (lambda x: x * thing.k, lambda k: setattr(thing, "k", k)),
        "a class": (lambda x: x * thing.rate, lambda k: setattr(Thing, "rate", k)),
        "a class by name": (lambda x: x * Thing.rate, lambda k: setattr(Thing, "rate", k)),
        "a class of layers": (scaled, lambda k: setattr(Scaled, "rate", k)),
        "an attribute before that of a class": (scaled, lambda k: setattr(scaled, "rate", k)),
        "a new attribute": (scaled, lambda k: setattr(scaled, "other", k)),
        "a list without elements": (scaled, lambda k: scaled.hooks.append(lambda x: x * k)),
        "an array in place": (scaled, lambda k: scaled.table.fill(k)),
        "an array of a closure in place": (lambda x: x * np.exp(table), lambda k: table.fill(k)),
        "a property": (lambda x: x + thing.shift, number(0)),
        "a static method": (lambda x: x * thing.factor(), number(1)),
        "a cached function": (lambda x: x * cached(2.0), number(2)),
        "a module": (lambda x: x * SETTINGS.rate, lambda k: setattr(SETTINGS, "rate", k)),
        "a function of a module": (lambda x: SETTINGS.inner.scale(x), number(0)),
        "a function in a module": (
            lambda x: SETTINGS.inner.scale(x),
            lambda k: setattr(SETTINGS.inner, "scale", lambda x: x - k),
        ),
        "a module that is imported": (imports, lambda k: setattr(SETTINGS, "rate", k)),
        "a class in a dict": (
            lambda x: KINDS["function"]()(x),
            lambda k: KINDS.update(function=[F.Cos, F.Sin][int(k) % 2]),
        ),
        "an optimizer": (lambda x: x * optimizer.lr, lambda k: setattr(optimizer, "lr", k)),
        "options": (lambda x: x * options.k, lambda k: setattr(options, "k", k)),
        "a dict in an object": (lambda x: x * wrapped["k"], lambda k: wrapped.update(k=k)),
        "an attribute of a key": (lambda x: x * sum(key.k for key in keys), lambda k: setattr(thing, "k", k)),
        "a view for reading": (lambda x: x * np.exp(np.asarray(view)), lambda k: table.fill(k)),
        "a new key": (lambda x: x * names.get("b", 1.0), lambda k: names.update(b=k)),
        "a set": (lambda x: x * len(words), lambda k: words.add(k)),
        "a deque": (lambda x: x * queue[0], lambda k: queue.appendleft(k)),
        "a long list": (lambda x: x * long[50], lambda k: long.insert(50, k)),
    }


@pytest.mark.parametrize("name", changed_later())
def test_what_a_program_depends_on_may_change_everywhere(name, monkeypatch):
    for owner, attribute in ((Thing, "rate"), (Scaled, "rate"), (SETTINGS, "rate"), (SETTINGS.inner, "scale")):
        monkeypatch.setattr(owner, attribute, getattr(owner, attribute))  # as it was, afterwards
    monkeypatch.setitem(KINDS, "function", F.Sin)
    monkeypatch.setitem(sys.modules, "settings_of_reach", SETTINGS)
    f, change = changed_later()[name]
    hybrid, x = hybridize(f), Variable(np.array([0.5, -1.0, 2.0]))
    results = []
    for k in range(3):
        for _ in range(2):
            results.append(hybrid(x).data)
            np.testing.assert_array_equal(results[-1], f(x).data)
        change(k + 4.0)
    assert not np.array_equal(results[0], results[2])
    assert result(hybrid) == [("program", None)]


def test_a_global_variable_with_the_name_of_an_attribute_is_another(monkeypatch):
    net = Net()
    hybrid = hybridize(net.apply)
    for k in range(5):  # as in a script, whose loop stores in layer, options and scale
        for name in ("layer", "options", "scale"):
            monkeypatch.setitem(globals(), name, k)
        net.reset()
        hybrid(Variable(normals(2, 3)))
    assert hybrid.programs()[0]["calls"] == 5


def test_a_layer_in_a_list_may_be_replaced():
    layers = [L.Linear(3, in_size=3), L.Linear(3, in_size=3)]

    def f(x):
        for layer in layers:
            x = F.tanh(layer(x))
        return x

    hybrid, x = hybridize(f), normals(2, 3)
    for change in (lambda: None, lambda: layers.reverse(), lambda: layers.pop(), lambda: layers.append(F.sigmoid)):
        change()
        for _ in range(2):
            np.testing.assert_array_equal(hybrid(x).data, f(x).data)
    assert result(hybrid) == [("program", None)]


def test_what_changes_at_each_call_is_given_up():
    net = Net()
    hybrid, x = hybridize(net.apply), Variable(normals(2, 3))
    for k in range(20):
        net.options["power"] = k % 3 + 1
        net.reset()
        found = hybrid(x).data
        net.reset()
        np.testing.assert_array_equal(found, net.apply(x).data)
    assert result(hybrid) == [("eager", "what the model refers to changes between calls")]
    hybrid.clear()
    for _ in range(2):
        net.reset()
        hybrid(x)
    assert result(hybrid) == [("program", None)]


def test_a_model_may_be_an_argument():
    hybrid, layers = hybridize(lambda layer, x: layer(x)), [lstm(), lstm()]
    for layer in layers:
        found = []
        for f in (hybrid, layer):
            layer.reset_state()
            for k in range(3):
                y = f(*((layer,) if f is hybrid else ()), normals(2, 3, seed=k))
            found.append(y.data)
        np.testing.assert_array_equal(*found)
    assert result(hybrid) == [("program", None)] * 4


def test_numbers_that_are_equal_but_not_the_same_are_other_signatures():
    hybrid, x = hybridize(lambda x, k: x + 100.0 if k is True else x / k), Variable(-np.ones(2))
    for k in (0.0, -0.0, 1, True, 0.0, -0.0, 1, True, np.float32(0), np.float32(-0.0)):
        with np.errstate(divide="ignore"):
            expected = x.data + 100.0 if k is True else x.data / k
            np.testing.assert_array_equal(hybrid(x, k).data, expected)


def test_a_variable_of_a_closure_may_have_no_value():
    def f(x):
        return later(x) if x is None else x * 2

    hybrid = hybridize(f)
    for _ in range(2):
        np.testing.assert_array_equal(hybrid(Variable(np.ones(2))).data, [2, 2])
    later = F.sin
    np.testing.assert_array_equal(hybrid(Variable(np.ones(2))).data, [2, 2])


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * 2 if x.data.argmax() == 2 else x + 1,
        lambda x: x[int(x.data.argmin())] * 2,
        lambda x: x * 2 if np.abs(x.data).max() > 1 else x + 1,
        lambda x: F.sum(x) * float(x.data[0]),
    ],
)
def test_a_branch_is_seen_by_other_values(f):
    hybrid = hybridize(f)
    for k in range(4):
        x = Variable(np.array([0.25, -1.5, 3.0]) * (k + 1))
        np.testing.assert_array_equal(hybrid(x).data, f(x).data)
    assert [state for state, _ in result(hybrid)] == ["eager"]


SMALL, LARGE = np.array([[0.125, 0.25, 0.5]]), np.array([[1.5, 3.0, 8.0]])


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("condition", "pair"),
    [
        (lambda x: x.mean() > 1, (SMALL, LARGE)),
        (lambda x: np.abs(x).max() > 1, (SMALL - 0.2, LARGE - 2)),
        (lambda x: x.min() < -1, (SMALL - 0.2, LARGE - 2.5)),
        (lambda x: x.flat[0] > 0, (SMALL - 0.2, 0.2 - SMALL)),
        (lambda x: x.any(), (np.array([False, True, False]), np.array([False, False, False]))),
        (lambda x: x.all(), (np.array([False, True, False]), np.array([True, True, True]))),
        (lambda x: x[0] == 0, (np.array([0, 2, 1]), np.array([2, 0, 1]))),
        (lambda x: x.sum() > 1.5, (np.array([0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0]))),
    ],
)
def test_a_branch_by_size_is_seen_by_large_and_by_small_values(condition, pair, first):
    def f(x, y):
        return F.sin(x) * y if condition(x.data) else F.cos(x) * y

    hybrid = hybridize(f)
    for k in range(4):
        x = Variable(pair[(first + k) % 2])
        np.testing.assert_array_equal(hybrid(x, Variable(np.ones(3))).data, f(x, np.ones(3)).data)
    assert [state for state, _ in result(hybrid)] == ["eager"]


def test_large_and_small_values_may_be_invalid():
    calls = []

    def f(p):
        calls.append(p.data.max())
        if not 0.1 <= p.data.max() <= 1:
            raise ValueError("expected probabilities")
        return F.log(p)

    hybrid, p = hybridize(f), Variable(np.array([0.25, 0.75, 1.0]))
    for _ in range(2):
        np.testing.assert_array_equal(hybrid(p).data, np.log(p.data))
    assert result(hybrid) == [("program", None)]
    assert calls == [1.0]


def defined(kind):
    """A function that defines its Function anew at each call."""

    def f(x):
        factor = float(x.data[0]) if kind == "by data" else 2.0

        class Scaled(Function):
            def forward(self, x):
                return x * factor

            def backward(self, gy):
                return Scaled()(gy) if kind == "recursive" else gy * factor

        return F.sin(Scaled()(x) * x)

    return f


@pytest.mark.parametrize("kind", ["plain", "recursive", "by data"])
def test_a_class_that_each_call_defines_is_the_same_if_its_code_is(kind):
    hybrid, f = hybridize(defined(kind)), defined(kind)
    for k in range(3):
        found = []
        for g in (hybrid, f):
            x = Variable(normals(3, seed=k))
            y = g(x)
            y.backward()
            found.append([y.data, x.grad.data])
        np.testing.assert_array_equal(*found)
    expected = (
        ("program", None) if kind != "by data" else ("eager", "the functions that are called depend on the values")
    )
    assert result(hybrid) == [expected]
    if kind != "by data":
        assert hybrid.programs()[0]["gradients"] == ["program"]


def test_a_gradient_is_cast_where_it_is_without_hybridize():
    def f(x, W):
        return F.linear_simple(x, W, np.linspace(-1.0, 1.0, 4))  # in float64; frees the float32 product

    hybrid = hybridize(f)
    for k in range(3):
        found = []
        for g in (hybrid, f):
            x, W = Variable(normals(2, 3, seed=k)), Variable(normals(3, 4, seed=k))
            F.sum(F.sin(g(x, W))).backward()
            found.append([x.grad.data, W.grad.data])
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b, strict=True)
    assert hybrid.programs()[0]["gradients"] == ["program"]
