"""Functions beyond the book: comparisons, selection, units, statistics, losses."""

import math
import re

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad

SHAPES = [(), (1,), (3,), (2, 3), (0,), (2, 0)]


def array(*shape):
    """Random numbers of both signs that depend on the shape alone."""
    return np.asarray(np.random.default_rng(shape).standard_normal(shape))


def check(f, *xs, order=2):
    """Check the gradients of f; without elements only their shapes, which `backward` checks."""
    if any(x.size for x in xs):
        check_gradients(f, *xs, order=order)
    else:
        variables = [Variable(x) for x in xs]
        grad(f(*variables), variables)


def ids(function):
    return getattr(function, "__name__", None)


# --- elementwise ---


def erf(x):
    return np.asarray(np.vectorize(math.erf, otypes=[float])(x.astype(float)), x.dtype)


UNITS = [
    (F.abs, np.abs),
    (F.sqrt, np.sqrt),
    (F.expm1, np.expm1),
    (F.erf, erf),
    (F.elu, lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    (F.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1))),
    (F.relu6, lambda x: np.clip(x, 0, 6)),
    (F.softplus, lambda x: np.log(1 + np.exp(x))),
    (F.softsign, lambda x: x / (1 + np.abs(x))),
    (F.gelu, lambda x: x * (1 + erf(x / np.sqrt(np.float32(2)).astype(x.dtype))) / 2),
    (
        lambda x: F.gelu(x, "tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    (F.silu, lambda x: x / (1 + np.exp(-x))),
    (F.sign, np.sign),
]


@pytest.mark.parametrize(("function", "reference"), UNITS, ids=ids)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_units_have_the_value_and_dtype_of_their_formula(function, reference, shape, dtype):
    x = np.asarray(np.abs(array(*shape)) if function is F.sqrt else 2 * array(*shape), dtype)
    y = function(Variable(x))
    tolerance = 1e-6 if function is F.gelu or dtype == np.float32 else 1e-13
    np.testing.assert_allclose(y.data, reference(x), rtol=tolerance, atol=tolerance)
    assert (y.dtype, y.shape) == (dtype, shape)


@pytest.mark.parametrize(("function", "reference"), UNITS, ids=ids)
@pytest.mark.parametrize("shape", SHAPES)
def test_units_are_differentiable_to_the_third_order(function, reference, shape):
    x = np.asarray(np.abs(array(*shape)) + 0.3) if function is F.sqrt else array(*shape)
    check(function, x, order=3)
    check(lambda x: F.sin(function(x)), x)  # now gy depends on x as well


@pytest.mark.parametrize(("function", "reference"), UNITS, ids=ids)
def test_units_accept_integers_and_pass_nan_on(function, reference):
    found = function(Variable(np.array([1, 2])))
    np.testing.assert_allclose(found.data, function(Variable(np.array([1.0, 2.0]))).data)
    assert np.isnan(function(Variable(np.array([np.nan]))).data).all()


@pytest.mark.parametrize("function", [F.softplus, F.elu, F.silu, F.gelu, F.erf, F.softsign], ids=ids)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_units_of_large_numbers_are_finite_without_a_warning(function, dtype):
    x = Variable(np.array([-100, 100] if dtype == np.float16 else [-1e6, -100, 100, 1e6], dtype))
    y = function(x)
    y.backward()
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad.data).all()
    assert y.dtype == x.grad.dtype == dtype


def test_erf_is_at_most_two_units_in_the_last_place_off():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1.5, 20_000), np.linspace(-7, 7, 10_001), np.geomspace(1e-300, 1, 1000)])
    expected = erf(x)
    assert (np.abs(F.erf(Variable(x)).data - expected) / np.spacing(np.abs(expected))).max() <= 2
    x = np.concatenate([x, np.linspace(0.9, 1.1, 10_001)]).astype(np.float32)
    x, expected = x[np.abs(x) > 1e-37], erf(x[np.abs(x) > 1e-37].astype(float))
    distance = np.abs(F.erf(Variable(x)).data - expected) / np.spacing(np.abs(expected).astype(np.float32))
    assert distance.max() <= 2
    ends = np.array([np.inf, -np.inf, np.nan, -0.0, 1e38], np.float32)
    np.testing.assert_array_equal(F.erf(ends).data, [1, -1, np.nan, 0, 1])
    assert np.signbit(F.erf(ends).data[3])


def test_gelu_of_float32_has_an_error_of_two_eps_at_most():
    x = np.linspace(-7, 7, 10_001).astype(np.float32).astype(float)
    P, p = np.vectorize(math.erfc)(-x / math.sqrt(2)) / 2, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    v, eps = Variable(x.astype(np.float32)), np.finfo(np.float32).eps
    y = F.gelu(v)
    y.backward()
    assert (np.abs(y.data - x * P) <= 2 * eps * np.abs(x)).all()
    assert np.abs(v.grad.data - (P + x * p)).max() <= 2 * eps
    ends = np.array([0.0, 20.0, -20.0, 1e30, -1e30, np.inf], np.float32)
    np.testing.assert_array_equal(F.gelu(ends).data, np.maximum(ends, 0))


def test_known_values():
    one = Variable(np.array(1.0))
    np.testing.assert_allclose(F.gelu(one).data, 0.8413447, atol=5e-8)
    np.testing.assert_allclose(F.gelu(one, "tanh").data, 0.8411920, atol=5e-8)
    zero = Variable(np.array(0.0))
    np.testing.assert_allclose(grad(F.selu(zero), zero).data, 1.7580993408473766)


AT_KINKS = [
    (F.abs, 0.0, 0.0),
    (F.elu, 0.0, 1.0),
    (F.relu6, 0.0, 0.0),
    (F.relu6, 6.0, 0.0),
    (lambda x: F.maximum(x, 1.0), 1.0, 0.5),
    (lambda x: F.minimum(1.0, x), 1.0, 0.5),
    (lambda x: F.l1_loss(x, np.array(2.0)), 2.0, 0.0),
]


@pytest.mark.parametrize(("function", "point", "slope"), AT_KINKS)
def test_gradients_at_kinks(function, point, slope):
    x = Variable(np.array(point))
    assert grad(function(x), x).data == slope


@pytest.mark.parametrize("f", [F.maximum, F.minimum], ids=ids)
def test_maximum_and_minimum_of_arrays_rows_and_numbers(f):
    reference = {F.maximum: np.maximum, F.minimum: np.minimum}[f]
    x0, x1 = array(2, 3), array(3)
    np.testing.assert_array_equal(f(x0, x1).data, reference(x0, x1))
    np.testing.assert_array_equal(f(Variable(x0), 0.5).data, reference(x0, 0.5))
    assert f(Variable(x0.astype(np.float32)), 0.5).dtype == np.float32
    check(f, x0, x1)
    check(lambda x: F.sin(f(1.0, x)), x0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.gelu(x, "erf"), "gelu: expected approximate 'none' or 'tanh', got 'erf'"),
        (lambda x: F.softplus(x, 0.0), "softplus: expected 0 < beta < inf, got 0.0"),
        (lambda x: F.softplus(x, math.nan), "softplus: expected beta to be a number, got nan"),
    ],
)
def test_arguments_of_units_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call(Variable(array(2)))


# --- comparisons ---

RELATIONS = [
    (F.equal, np.equal),
    (F.not_equal, np.not_equal),
    (F.less, np.less),
    (F.less_equal, np.less_equal),
    (F.greater, np.greater),
    (F.greater_equal, np.greater_equal),
]


@pytest.mark.parametrize(("f", "reference"), RELATIONS, ids=ids)
@pytest.mark.parametrize("shape", SHAPES)
def test_comparisons_are_constants_of_bool(f, reference, shape):
    x0, x1 = (np.asarray(np.round(a)) for a in (array(*shape), array(*shape[::-1]).T))
    for a, b in ((x0, x1), (x0, 0.0), (0, x0), (x0.astype(int), x1)):
        y = f(*(Variable(v) if isinstance(v, np.ndarray) else v for v in (a, b)))
        np.testing.assert_array_equal(y.data, reference(a, b))
        assert (y.dtype, y.constant) == (bool, True)
    x = Variable(x0)
    f(x, 0.0).backward()
    assert x.grad is None
    assert not grad(f(x, 0.0) * x * 0, x).data.any()


def test_nan_equals_nothing():
    nan = Variable(np.array(np.nan))
    assert [bool(f(nan, nan)) for f, _ in RELATIONS] == [False, True, False, False, False, False]


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1,)])
@pytest.mark.parametrize(("f", "reference"), [(F.argmax, np.argmax), (F.argmin, np.argmin)], ids=ids)
def test_argmax_and_argmin_are_numpys(f, reference, shape):
    for x in (array(*shape), np.zeros(shape), np.where(array(*shape) > 0, np.nan, 1.0)):
        for axis in (None, 0, -1):
            for keepdims in (False, True):
                y = f(Variable(x), axis, keepdims)
                np.testing.assert_array_equal(y.data, reference(x, axis, keepdims=keepdims))
                assert (y.dtype, y.constant) == (np.int64, True)


def test_argmax_of_nothing_is_an_error():
    assert F.argmax(Variable(np.zeros((2, 0))), axis=0).shape == (0,)
    for f in (F.argmax, F.argmin):
        for axis in (None, 1):
            text = f"{f.__name__}: expected at least one element along axis {axis}, got x (2, 0)"
            with pytest.raises(ValueError, match=re.escape(text)):
                f(Variable(np.zeros((2, 0))), axis)
    with pytest.raises(np.exceptions.AxisError, match="argmax: axis 2 is out of bounds"):
        F.argmax(Variable(np.zeros((2, 3))), 2)


def test_where_broadcasts_and_accepts_numbers():
    condition, x0, x1 = array(3) > 0, array(2, 3), array(2, 1)
    np.testing.assert_array_equal(F.where(condition, x0, x1).data, np.where(condition, x0, x1))
    check(lambda x0, x1: F.where(condition, x0, x1), x0, x1, order=3)
    check(lambda x: F.sin(F.where(condition, x, 1.0)), x0)
    x = x0.astype(np.float32)
    assert F.where(condition, x, 0.5).dtype == F.where(condition, 0.5, x).dtype == np.float32
    np.testing.assert_array_equal(F.where(condition, 1.0, 0).data, np.where(condition, 1.0, 0))
    with pytest.raises(TypeError, match="sign: expected numbers, got bool"):
        F.sign(np.array([True]))
    with pytest.raises(TypeError, match="where: expected a condition of bool, got float64"):
        F.where(x0, x0, x1)


def test_where_passes_no_gradient_to_the_other_branch_even_if_it_is_infinite():
    x = Variable(np.array([-1.0, 0.0, 4.0]))
    y = F.sqrt(F.where(F.greater(x, 0), x, 0.0))
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(grad(y, x).data, [0, 0, 0.25])


def test_cast_between_floats_is_differentiable_and_to_integers_it_is_constant():
    x = Variable(array(3))
    y = F.cast(x, np.float32)
    assert y.dtype == np.float32
    assert grad(y, x).dtype == np.float64
    np.testing.assert_array_equal(grad(F.cast(x, "float32") * 3, x).data, [3, 3, 3])
    assert F.cast(x, np.float64) is x
    for dtype in (np.int32, bool):
        y = F.cast(x, dtype)
        np.testing.assert_array_equal(y.data, x.data.astype(dtype))
        assert y.constant
        assert not grad(F.cast(y, float) * 2, x).data.any()
    with pytest.raises(TypeError, match="cast: expected a dtype of real numbers, got complex128"):
        F.cast(x, complex)


def test_one_hot():
    t = np.array([[0, 2], [1, 1]])
    for kind in (lambda t: t, Variable, lambda t: t.tolist(), lambda t: t.astype(np.uint8)):
        y = F.one_hot(kind(t), 3)
        np.testing.assert_array_equal(y.data, np.eye(3)[t])
        assert (y.dtype, y.constant) == (np.float32, True)
    assert F.one_hot(np.zeros(0, int), 2, int).shape == (0, 2)
    for wrong in ([3], [-1]):
        with pytest.raises(ValueError, match="one_hot: expected integers from 0 to 2"):
            F.one_hot(np.array(wrong), 3)
    with pytest.raises(TypeError, match="one_hot: expected integers, got float64"):
        F.one_hot(np.array([1.0]), 3)
    for size in (0, -1, 2.0):
        with pytest.raises(ValueError, match="one_hot: expected a positive number of classes"):
            F.one_hot(t, size)


# --- selection ---

SELECTIONS = {
    "take": (lambda x: F.take(x, [2, 0, 2, -1]), lambda x: x.take([2, 0, 2, -1], 0), (3, 2)),
    "take along the last axis": (
        lambda x: F.take(x, np.array([[1, 0], [1, 1]]), axis=-1),
        lambda x: x.take([[1, 0], [1, 1]], -1),
        (3, 2),
    ),
    "take in the middle": (lambda x: F.take(x, 1, axis=1), lambda x: x.take(1, 1), (2, 3, 2)),
    "take nothing": (lambda x: F.take(x, []), lambda x: x[:0], (3, 2)),
    "gather": (
        lambda x: F.gather(x, np.array([[1, 0], [1, -1]]), 0),
        lambda x: np.take_along_axis(x, np.array([[1, 0], [1, -1]]), 0),
        (3, 2),
    ),
    "gather with a column": (
        lambda x: F.gather(x, np.array([[1], [0], [1]]), 1),
        lambda x: np.take_along_axis(x, np.array([[1], [0], [1]]), 1),
        (3, 2),
    ),
    "gather from a row": (
        lambda x: F.gather(x, np.array([[1, 0], [1, 1]]), 1),
        lambda x: np.take_along_axis(x, np.array([[1, 0], [1, 1]]), 1),
        (1, 2),
    ),
    "gather from a vector": (lambda x: F.gather(x, np.array([1, 1]), 0), lambda x: x[[1, 1]], (3,)),
    "split": (lambda x: F.split(x, 2, axis=1), lambda x: np.split(x, 2, 1), (3, 4)),
    "split at points": (lambda x: F.split(x, [1, 1, 3]), lambda x: np.split(x, [1, 1, 3]), (4, 2)),
    "split into one": (lambda x: F.split(x, 1), lambda x: np.split(x, 1), (4,)),
    "split nothing": (lambda x: F.split(x, 3), lambda x: np.split(x, 3), (0, 2)),
    "squeeze": (F.squeeze, np.squeeze, (1, 3, 1)),
    "squeeze one": (lambda x: F.squeeze(x, -1), lambda x: np.squeeze(x, -1), (1, 3, 1)),
    "squeeze two": (lambda x: F.squeeze(x, (0, 2)), lambda x: np.squeeze(x, (0, 2)), (1, 3, 1)),
    "squeeze a number": (F.squeeze, np.squeeze, ()),
    "swapaxes": (lambda x: F.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1), (2, 3, 4)),
    "flip": (F.flip, np.flip, (2, 3)),
    "flip one": (lambda x: F.flip(x, -1), lambda x: np.flip(x, -1), (2, 3)),
    "flip a number": (F.flip, np.flip, ()),
    "tile": (lambda x: F.tile(x, 2), lambda x: np.tile(x, 2), (2, 3)),
    "tile more axes": (lambda x: F.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), (2, 3)),
    "tile fewer axes": (lambda x: F.tile(x, (2,)), lambda x: np.tile(x, (2,)), (2, 3, 1)),
    "tile a number": (lambda x: F.tile(x, (2, 0)), lambda x: np.tile(x, (2, 0)), ()),
    "repeat": (lambda x: F.repeat(x, 2), lambda x: np.repeat(x, 2), (2, 3)),
    "repeat along an axis": (lambda x: F.repeat(x, 3, -1), lambda x: np.repeat(x, 3, -1), (2, 3)),
    "pad": (lambda x: F.pad(x, 1), lambda x: np.pad(x, 1), (2, 3)),
    "pad with a value": (
        lambda x: F.pad(x, [(0, 1), (2, 0)], value=-1.5),
        lambda x: np.pad(x, [(0, 1), (2, 0)], constant_values=-1.5),
        (2, 3),
    ),
    "pad with the edge": (lambda x: F.pad(x, 3, "edge"), lambda x: np.pad(x, 3, "edge"), (2, 3)),
    "pad reflected": (
        lambda x: F.pad(x, [(1, 0), (2, 1)], "reflect"),
        lambda x: np.pad(x, [(1, 0), (2, 1)], "reflect"),
        (2, 3),
    ),
    "pad a number": (lambda x: F.pad(x, 1), lambda x: np.pad(x, 1), ()),
}


def parts(ys):
    """The outputs as a list."""
    return ys if isinstance(ys, list) else [ys]


@pytest.mark.parametrize(("f", "reference", "shape"), SELECTIONS.values(), ids=SELECTIONS)
def test_selections_are_numpys(f, reference, shape):
    for x in (array(*shape), array(*shape).astype(np.float32), np.asarray(3 * array(*shape), int)):
        for y, expected in zip(parts(f(Variable(x))), parts(reference(x)), strict=True):
            np.testing.assert_array_equal(y.data, expected)
            assert y.dtype == x.dtype
    check(f, array(*shape))
    check(lambda x: [F.sin(y) for y in parts(f(x))], array(*shape))


def test_elements_that_are_taken_twice_receive_both_gradients_also_in_float16():
    x = Variable(np.zeros((2, 2), np.float16))
    y = F.take(x, np.zeros(5000, int))
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [[5000, 5000], [0, 0]])
    assert x.grad.dtype == np.float16
    np.testing.assert_array_equal(grad(F.gather(x, np.zeros((5000, 2), int), 0), x).data, [[5000, 5000], [0, 0]])


def test_indices_are_inputs_without_gradient():
    x, index = Variable(array(3, 2)), Variable(np.array([1, 1]))
    for y in (F.take(x, index), F.gather(F.reshape(x, -1), index, 0)):
        y.backward()
        assert index.grad is None
        np.testing.assert_array_equal(grad(y, index).data, [0, 0])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: F.take(x, [2]), IndexError, "take: expected indices from -2 to 1, got 2 to 2"),
        (lambda x: F.take(x, [-3, 0]), IndexError, "take: expected indices from -2 to 1, got -3 to 0"),
        (lambda x: F.take(x, [0.0]), TypeError, "take: expected integers, got float64"),
        (lambda x: F.take(x, [True]), TypeError, "take: expected integers, got bool"),
        (lambda x: F.take(x, [0], 2), ValueError, "take: axis 2 is out of bounds"),
        (lambda x: F.gather(x, [[2, 0, 0]], 0), IndexError, "gather: expected indices from -2 to 1, got 0 to 2"),
        (
            lambda x: F.gather(x, [0], 0),
            ValueError,
            "gather: expected indices that match x (2, 3) but for axis 0, got (1,)",
        ),
        (lambda x: F.gather(x, [[0, 1]], 0), ValueError, "but for axis 0, got (1, 2)"),
        (lambda x: F.split(x, 2, 1), ValueError, "split: expected a number of parts that divides 3, got 2"),
        (lambda x: F.split(x, 0), ValueError, "split: expected a number of parts that divides 2, got 0"),
        (lambda x: F.split(x, [2, 1], 1), ValueError, "split: expected increasing indices from 0 to 3, got [2, 1]"),
        (lambda x: F.split(x, [4], 1), ValueError, "split: expected increasing indices from 0 to 3, got [4]"),
        (lambda x: F.squeeze(x, 0), ValueError, "squeeze: expected axes of length 1, got axis 0 of x (2, 3)"),
        (lambda x: F.tile(x, -1), ValueError, "tile: expected numbers of repetitions of at least 0, got (-1,)"),
        (lambda x: F.repeat(x, -1), ValueError, "repeat: expected a number of repetitions of at least 0, got -1"),
        (lambda x: F.pad(x, -1), ValueError, "pad: expected widths that mode 'constant' can fill for x (2, 3)"),
        (lambda x: F.pad(x, (0, 2), "reflect"), ValueError, "pad: expected widths that mode 'reflect' can fill"),
        (lambda x: F.pad(x, 1, "wrap"), ValueError, "pad: expected mode 'constant', 'edge' or 'reflect', got 'wrap'"),
        (lambda x: F.pad(x, 0.5), ValueError, "pad: expected integers, two for each axis of x (2, 3), got 0.5"),
        (lambda x: F.pad(x, [(1, 1)] * 3), ValueError, "pad: expected integers, two for each axis of x (2, 3), got"),
        (lambda x: F.pad(x[:0], 1, "edge"), ValueError, "pad: expected widths that mode 'edge' can fill for x (0, 3)"),
    ],
)
def test_arguments_of_selections_are_checked(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call(Variable(array(2, 3)))


# --- statistics ---


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("ddof", [0, 1])
def test_var_and_std_are_numpys(axis, ddof):
    x = array(3, 4)
    for f, reference in ((F.var, np.var), (F.std, np.std)):
        for keepdims in (False, True):
            found = f(Variable(x), axis, ddof, keepdims)
            np.testing.assert_allclose(found.data, reference(x, axis, ddof=ddof, keepdims=keepdims), rtol=1e-14)
        check(lambda x, f=f: f(x, axis, ddof), x)
    assert F.var(Variable(x.astype(np.float32)), axis).dtype == np.float32


def test_std_of_equal_numbers_has_gradient_zero():
    x = Variable(np.full((2, 3), 5.0))
    np.testing.assert_array_equal(grad(F.std(x, axis=1), x).data, np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"var: expected more than ddof = 1 elements along axis 0, got x \(1, 3\)"):
        F.std(Variable(array(1, 3)), 0, 1)
    with pytest.raises(ValueError, match="var: expected more than ddof = 0 elements along axis None"):
        F.var(Variable(array(0)))


def test_normalize_and_cosine_similarity():
    x0, x1 = array(2, 3), array(3, 2).T
    np.testing.assert_allclose(F.normalize(x0).data, x0 / np.linalg.norm(x0, axis=1, keepdims=True))
    expected = (x0 * x1).sum(0) / np.linalg.norm(x0, axis=0) / np.linalg.norm(x1, axis=0)
    np.testing.assert_allclose(F.cosine_similarity(x0, x1, axis=0).data, expected)
    check(F.normalize, x0)
    check(F.cosine_similarity, x0, x1)
    zero = Variable(np.zeros((2, 3), np.float32))
    y = F.normalize(zero)
    np.testing.assert_array_equal(y.data, np.zeros((2, 3)))
    assert np.isfinite(grad(y, zero).data).all()


# --- losses ---

LOG_P = np.log([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]])
T = np.array([0, 1])


def test_cross_entropy_with_options_by_hand():
    f = F.softmax_cross_entropy
    np.testing.assert_allclose(f(LOG_P, T, reduction="none").data, [np.log(2), np.log(8)])
    np.testing.assert_allclose(f(LOG_P, T, reduction="sum").data, np.log(16))
    w = np.array([1.0, 3.0, 5.0])
    np.testing.assert_allclose(f(LOG_P, T, weight=w).data, (np.log(2) + 3 * np.log(8)) / 4)
    np.testing.assert_allclose(f(LOG_P, T, ignore=0).data, np.log(8))
    np.testing.assert_allclose(f(LOG_P, np.array([0, -1]), ignore=-1).data, np.log(2))
    smooth = 0.7 * np.log(2) - 0.1 * LOG_P[0].sum()
    np.testing.assert_allclose(f(LOG_P[:1], T[:1], label_smoothing=0.3).data, smooth)
    np.testing.assert_allclose(f(LOG_P, np.eye(3)[T]).data, f(LOG_P, T).data)
    np.testing.assert_allclose(F.nll_loss(LOG_P, T).data, np.log(16) / 2)


def test_cross_entropy_of_an_image_has_a_label_for_each_pixel():
    x, t = array(2, 3, 4, 5), np.arange(40).reshape(2, 4, 5) % 3
    rows = x.transpose(0, 2, 3, 1).reshape(-1, 3)
    expected = F.softmax_cross_entropy(rows, t.ravel())
    np.testing.assert_allclose(F.softmax_cross_entropy(x, t).data, expected.data)
    np.testing.assert_allclose(F.softmax_cross_entropy(x.transpose(0, 2, 3, 1), t, axis=-1).data, expected.data)
    check(lambda x: F.softmax_cross_entropy(x, t[:, :1, :1], ignore=0), x[:, :, :1, :1])


def test_an_ignored_label_has_no_gradient():
    x = Variable(array(3, 4))
    loss = F.softmax_cross_entropy(x, np.array([1, 2, 1]), ignore=2)
    gx = grad(loss, x).data
    np.testing.assert_array_equal(gx[1], np.zeros(4))
    assert (gx[[0, 2]] != 0).all()
    y = F.softmax_cross_entropy(x.data.astype(np.float32), np.array([1, 255, 1]), ignore=255, label_smoothing=0.1)
    assert y.dtype == np.float32


def test_weights_of_classes_may_be_negative():
    log_p, t, weight = array(3, 4), np.array([1, 3, 1]), np.array([2.0, -3.0, 1.0, 0.5])
    expected = sum(-log_p[i, k] * weight[k] for i, k in enumerate(t)) / weight[t].sum()
    np.testing.assert_allclose(F.nll_loss(log_p, t, weight=weight).data, expected)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"ignore": 1, "t": np.array([1, 1])},
            "expected labels whose weights do not sum to 0, got a sum of 0",
        ),
        ({"weight": np.zeros(3)}, "expected labels whose weights do not sum to 0, got a sum of 0"),
        ({"weight": np.ones(2)}, "expected a weight for each of 3 classes, got (2,)"),
        ({"label_smoothing": 1.5}, "expected a label_smoothing from 0 to 1, got 1.5"),
        ({"reduction": "max"}, "expected reduction 'mean', 'sum' or 'none', got 'max'"),
        ({"t": LOG_P, "ignore": 0}, "expected labels with ignore=0, got probabilities"),
        ({"t": np.array([0, 3]), "ignore": 1}, "expected integers from 0 to 2, got 0 to 3"),
        (
            {"t": np.array([0, 1, 2]), "ignore": 1},
            "expected x (N, C) and t (N,), N at least 1, got x (2, 3) and t (3,); expected labels (2,)",
        ),
    ],
)
def test_options_of_losses_of_classes_are_checked(options, text):
    options = {"t": T} | options
    with pytest.raises(ValueError, match=re.escape(f"softmax_cross_entropy: {text}")):
        F.softmax_cross_entropy(LOG_P, **options)
    if "label_smoothing" not in options:
        with pytest.raises(ValueError, match=re.escape(f"nll_loss: {text}")):
            F.nll_loss(LOG_P, **options)


def test_losses_of_differences_by_hand():
    x, t = np.array([0.0, 1.0, 5.0]), np.array([0.0, 1.5, 2.0])
    np.testing.assert_allclose(F.l1_loss(x, t, "none").data, [0, 0.5, 3])
    np.testing.assert_allclose(F.smooth_l1_loss(x, t, reduction="none").data, [0, 0.125, 2.5])
    np.testing.assert_allclose(F.smooth_l1_loss(x, t, 2.0, "sum").data, 0.0625 + 2)
    np.testing.assert_allclose(F.huber_loss(x, t, 2.0, "none").data, [0, 0.125, 4])
    np.testing.assert_allclose(F.smooth_l1_loss(x, t, 0.0).data, F.l1_loss(x, t).data)


def test_the_second_derivative_of_a_smooth_loss_at_zero_is_that_of_the_parabola():
    x = Variable(np.array(2.0))
    for loss in (F.smooth_l1_loss, F.huber_loss):
        gx = grad(loss(x, np.array(2.0)), x, create_graph=True)
        assert grad(gx, x).data == 1


def test_divergences_by_hand():
    p = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    expected = np.array([[0, 0.5 * np.log(2), 0], [np.log(8), 0, 0]])
    np.testing.assert_allclose(F.kl_div(LOG_P, p, "none").data, expected)
    np.testing.assert_allclose(F.kl_div(LOG_P, p, "batchmean").data, expected.sum() / 2)
    mu, log_var = np.array([0.0, 1.0]), np.array([0.0, np.log(2)])
    np.testing.assert_allclose(F.gaussian_kl_divergence(mu, log_var).data, -0.5 * (np.log(2) - 2))


def test_focal_loss():
    x = Variable(array(3, 4))
    t = np.array([0, 3, 2])
    for reduction in ("mean", "sum", "none"):
        found = F.focal_loss(x, t, gamma=0.0, reduction=reduction).data
        np.testing.assert_array_equal(found, F.softmax_cross_entropy(x, t, reduction=reduction).data)
    p = F.softmax(x).data[np.arange(3), t]
    np.testing.assert_allclose(F.focal_loss(x, t, 2.0, 0.25, reduction="none").data, -0.25 * (1 - p) ** 2 * np.log(p))
    check(lambda x: F.focal_loss(x, t, 1.5), x.data)
    sure = Variable(np.array([[100.0, 0.0], [40.0, 0.0]]))
    loss = F.focal_loss(sure, np.array([0, 0]), 0.5)
    assert 0 <= loss.data < 1e-12
    assert np.isfinite(grad(loss, sure).data).all()


def test_binary_cross_entropy_with_logits():
    x, t = array(2, 3), np.abs(array(3, 2).T) % 1
    f = F.binary_cross_entropy_with_logits
    np.testing.assert_allclose(f(x, t).data, F.sigmoid_cross_entropy(x, t).data / 3)
    p = 1 / (1 + np.exp(-x))
    expected = -(4 * t * np.log(p) + (1 - t) * np.log(1 - p)) * [1, 2, 3]
    np.testing.assert_allclose(f(x, t, np.array([1, 2, 3]), 4.0, "none").data, expected)
    check(f, x, t)
    x = Variable(np.array([1000.0, -1000.0], np.float32))
    loss = f(x, np.array([0.0, 1.0], np.float32))
    assert (loss.data, loss.dtype) == (1000, np.float32)
    np.testing.assert_array_equal(grad(loss, x).data, [0.5, -0.5])


def test_total_variation():
    x = np.array([[0.0, 1.0], [3.0, 3.0]])
    np.testing.assert_allclose(F.total_variation(x).data, 0.5 * (2.5 + 0.5))
    check(F.total_variation, array(2, 3, 4))
    for shape in ((3,), (1, 3), (0, 2, 2)):
        with pytest.raises(ValueError, match="total_variation: expected x"):
            F.total_variation(np.zeros(shape))


PAIRED = [F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.kl_div, F.gaussian_kl_divergence]
PAIRED += [F.binary_cross_entropy_with_logits]


@pytest.mark.parametrize("f", PAIRED, ids=ids)
def test_losses_do_not_broadcast_and_know_three_reductions(f):
    x, t = array(3, 2), np.abs(array(2, 3).T)
    with pytest.raises(
        ValueError, match=re.escape(f"{f.__name__}: expected targets in the shape of x, got x (3, 2) and t (3,)")
    ):
        f(x, t[:, 0])
    none = f(x, t, reduction="none").data
    assert none.shape == (3, 2)
    np.testing.assert_allclose(f(x, t, reduction="mean").data, none.mean())
    np.testing.assert_allclose(f(x, t, reduction="sum").data, none.sum())
    with pytest.raises(ValueError, match=f"{f.__name__}: expected reduction 'mean', 'sum' or 'none', got 'all'"):
        f(x, t, reduction="all")
    with pytest.raises(ValueError, match=f"{f.__name__}: expected at least one element to average over"):
        f(x[:0], t[:0], reduction="mean")
    with pytest.raises(TypeError, match=f"{f.__name__}: expected a Variable with data or an array, got None"):
        f(x, None)
    check(f, x, t)
    assert f(x.astype(np.float32), t.astype(np.float32)).dtype == np.float32
    assert f(Variable(x), t.tolist(), reduction="sum").data == f(x, t, reduction="sum").data


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.smooth_l1_loss(x, x, -1.0), "smooth_l1_loss: expected beta of at least 0, got -1.0"),
        (lambda x: F.huber_loss(x, x, 0.0), "huber_loss: expected 0 < delta < inf, got 0.0"),
        (lambda x: F.kl_div(x[0, 0], x[0, 0], "batchmean"), "kl_div: expected a first axis with elements, got ()"),
        (lambda x: F.focal_loss(x, [0, 1], -1.0), "focal_loss: expected gamma of at least 0, got -1.0"),
        (
            lambda x: F.focal_loss(x, [0]),
            "focal_loss: expected labels in the shape of x (2, 3) without axis 1, got (1,)",
        ),
        (lambda x: F.focal_loss(x, [0, 3]), "focal_loss: expected integers from 0 to 2, got 0 to 3"),
        (
            lambda x: F.binary_cross_entropy_with_logits(x, x, np.ones((2, 2, 3))),
            "binary_cross_entropy_with_logits: expected weights that broadcast to x (2, 3), got (2, 2, 3)",
        ),
    ],
)
def test_arguments_of_losses_are_checked(call, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        call(Variable(array(2, 3)))
