"""Shortcuts of programs: the bits, the attributes and the errors of `forward`, for every layout and kind of value."""

import numpy as np
import pytest

from .stage import F, package

shortcuts = package.hybrid.shortcuts
LAYOUTS = {
    "contiguous": lambda a: a,
    "transposed": lambda a: np.asfortranarray(a),
    "sliced": lambda a: np.repeat(a, 2, -1)[..., ::2] if a.ndim else a,
    "reversed": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim else a,
}


def values(*shape):
    """Normal numbers, many of which are equal or zeros of both signs."""
    a = np.random.default_rng(0).standard_normal(shape) * 3
    return np.where(np.abs(a) < 1, np.copysign(0.0, a), a) if shape else a


def labels(n, classes, dtype="int64"):
    return np.random.default_rng(1).integers(0, classes, n).astype(dtype)


CASES = [
    *[(f, (values(4, 3), values(4, 3))) for f in (F.Add(), F.Sub(), F.Mul(), F.Div())],
    *[(f, (values(4, 3), values(3))) for f in (F.Add(), F.Sub(), F.Mul(), F.Div())],
    *[(f, (values(), values(2))) for f in (F.Add(), F.Sub(), F.Mul(), F.Div())],
    *[(f, (values(4, 3),)) for f in (F.Neg(), F.Exp(), F.Log(), F.Sin(), F.Cos(), F.Tanh())],
    *[(F.Pow(c), (values(4, 3),)) for c in (2, 3, -1, 0.5)],
    (F.Pow(-2), (np.array([1, 2, 4]),)),
    *[(F.Sigmoid(), (values(*shape) * 400,)) for shape in ((4, 3), (1, 3), (5,), (2, 0), ())],
    (F.Sigmoid(), (np.array([np.nan, np.inf, -np.inf]),)),
    *[(F.Transpose(None), (values(*shape),)) for shape in ((4, 3), (2, 3, 4), (5,))],
    *[(F.MatMul(), (values(*x), values(*W))) for x, W in (((4, 5), (5, 3)), ((1, 5), (5, 3)), ((5,), (5, 3)))],
    *[(F.Linear(), (values(*x), values(5, 3), values(3))) for x in ((4, 5), (1, 5), (0, 5), (2, 4, 5))],
    (F.Linear(), (values(4, 5), values(5, 3))),
    (F.Linear(), (values(4, 5), values(5, 3), values(1))),
    *[(F.SumTo(shape), (values(100, 4),)) for shape in ((4,), (1, 4), (100, 1), ())],
    *[(F.SumTo(shape), (values(2, 3, 4),)) for shape in ((4,), (3, 4), (3, 1), (1, 3, 4))],
    (F.SumTo((2,)), (values(1000, 2),)),
    *[(F.SoftmaxCrossEntropy(), (values(n, c), labels(n, c))) for n in (1, 7, 300) for c in (1, 2, 10, 40)],
    *[(F.SoftmaxCrossEntropy(), (values(7, 5), labels(7, 5, dtype))) for dtype in ("int32", "uint8", "int8")],
]


def assert_bits(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    np.testing.assert_array_equal(
        np.signbit(a) if a.dtype.kind == "f" else a, np.signbit(b) if a.dtype.kind == "f" else b
    )
    np.testing.assert_array_equal(a, b)


def copy(f):
    new = type(f).__new__(type(f))
    vars(new).update(vars(f))
    return new


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda k: type(CASES[k][0]).__name__)
def test_a_shortcut_has_the_bits_of_forward(number, layout):
    for dtype in ("float16", "float32", "float64"):
        f, xs = copy(CASES[number][0]), CASES[number][1]
        xs = [LAYOUTS[layout](x.astype(dtype) if x.dtype.kind == "f" else x) for x in xs]
        with np.errstate(divide="ignore", invalid="ignore", over="raise" if type(f) is F.Sigmoid else "ignore"):
            y = f.forward(*xs)
            g = copy(f)
            vars(g).update(e=None, total=None)
            run = shortcuts.shortcut(g, xs)
            if run is not None:
                assert_bits(run(*xs), y)
                assert_bits(run(*xs), y)
                if type(f) is F.SoftmaxCrossEntropy:
                    assert_bits(g.e, f.e)
                    assert_bits(g.total, f.total)
                    first, second = F.loss.SoftmaxCrossEntropyGrad(f), F.loss.SoftmaxCrossEntropyGrad(g)
                    xs = (*xs, np.asarray(y * 0.3, y.dtype))
                    assert_bits(shortcuts.shortcut(second, xs)(*xs), first.forward(*xs))


def test_every_shortcut_has_a_case_that_takes_it():
    taken = {type(f) for f, xs in CASES if shortcuts.shortcut(copy(f), xs)}
    assert taken | {F.loss.SoftmaxCrossEntropyGrad} == {*shortcuts.SHORTCUTS}


def test_a_subclass_has_no_shortcut():
    class Other(F.Mul):
        def forward(self, x0, x1):
            return x0 * x1 * 2

    x = values(3)
    assert shortcuts.shortcut(Other(), (x, x)) is None
    hybrid = package.hybridize(lambda x: Other()(x, x))
    for _ in range(3):
        np.testing.assert_array_equal(hybrid(x).data, 2 * x * x)


@pytest.mark.parametrize("bad", [-1, 3, 2**40])
def test_labels_out_of_range_have_the_error_of_forward(bad):
    x, t = values(4, 3), labels(4, 3)
    hybrid = package.hybridize(lambda x, t: F.softmax_cross_entropy(x, t))
    for _ in range(2):
        hybrid(x, t)
    t[1] = bad
    with pytest.raises(ValueError, match=f"softmax_cross_entropy: expected integers from 0 to 2, got .*{bad}"):
        hybrid(x, t)


def test_an_overflow_in_sigmoid_is_no_warning_and_other_overflows_are():
    hybrid = package.hybridize(lambda x: F.exp(-F.sigmoid(x) * x))
    for _ in range(2):
        hybrid(np.ones(2))
    np.testing.assert_array_equal(package.hybridize(F.sigmoid)(np.array([-1000.0])).data, [0.0])
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        package.hybridize(F.exp)(np.array([1000.0]))
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow encountered in square"):
        package.hybridize(lambda x: x**2)(np.array([1e300]))
