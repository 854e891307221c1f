"""Numerical differentiation, to check backpropagation."""

import math

import numpy as np

from .core import Variable, as_array, grad


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), computed in float64. [step 4]

    f: maps a Variable to a Variable. All elements of x change together, so for an array this is the
    derivative of each element only if f is elementwise.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff: expected a Variable, got {type(x)}; use Variable(np.array(...))")
    point = x.data.astype(np.float64)  # float32 would round x - eps and x + eps
    x0 = Variable(as_array(point - eps))
    x1 = Variable(as_array(point + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


def numerical_grad(f, x, *args, eps=1e-4):
    """Gradient of the sum of f(x, *args) with respect to x, by central differences: an array like x.

    f: maps Variables to one or several Variables; x, args: arrays or Variables, not modified.
    Computes in float64 and calls f twice for each element of x. [step 36, not in the book]
    """
    point = to_float64(x)
    others = [to_float64(a) for a in args]

    def total():
        ys = f(Variable(point.copy()), *(Variable(a.copy()) for a in others))
        return sum(y.data.sum() for y in to_list(ys))

    gradient = np.zeros_like(point)
    for i in np.ndindex(point.shape):
        here = point[i]
        point[i] = here + eps
        above = total()
        point[i] = here - eps
        below = total()
        point[i] = here
        gradient[i] = (above - below) / (2 * eps)
    return gradient


def check_gradients(f, *xs, order=2, rtol=1e-4, atol=1e-5):
    """Compare backpropagation with numerical differences, for derivatives up to the given order.

    f: maps Variables to one or several Variables; xs: its inputs, arrays or Variables, not modified.
    The outputs are multiplied by random weights, because with equal weights a wrong gradient may pass.
    Raises AssertionError, which names the order and the input that differ, and ValueError if there is
    nothing to compare or a tolerance is not a finite number >= 0. [step 36, not in the book]
    """
    points = [to_float64(x) for x in xs]  # later also the random weights of lower orders
    if order < 1 or not any(x.size for x in points):
        shapes = [x.shape for x in points]
        raise ValueError(f"check_gradients: expected order >= 1 and inputs with elements, got {order} and {shapes}")
    if not (0 <= rtol < math.inf and 0 <= atol < math.inf):
        raise ValueError(f"check_gradients: expected finite tolerances >= 0, got rtol={rtol}, atol={atol}")
    rng = np.random.default_rng(0)

    def differentiated(*variables):
        inputs, weights = variables[: len(xs)], variables[len(xs) :]
        ys = to_list(f(*inputs))
        while weights:
            gys, weights = weights[: len(ys)], weights[len(ys) :]
            ys = grad(ys, inputs, gys, create_graph=True)
            inputs += gys
        return ys

    for level in range(1, order + 1):
        variables = [Variable(x.copy()) for x in points]
        ys = differentiated(*variables)
        gys = [Variable(rng.standard_normal(y.shape)) for y in ys]
        gxs = grad(ys, variables, gys)
        for i, gx in enumerate(gxs):

            def weighted(x, *others, i=i, gys=gys):
                ys = differentiated(*others[:i], x, *others[i:])
                return [y * gy for y, gy in zip(ys, gys, strict=True)]

            expected = numerical_grad(weighted, points[i], *points[:i], *points[i + 1 :])
            if gx.shape != expected.shape or not np.allclose(gx.data, expected, rtol, atol):
                raise AssertionError(
                    f"check_gradients: order {level}, input {i}: expected {expected} by differences, got {gx.data}"
                )
        points += [gy.data for gy in gys]


def to_float64(x):
    """Copy of the data in float64."""
    return np.array(x, dtype=np.float64)


def to_list(ys):
    """The outputs as a list or tuple, even if there is only one."""
    return ys if isinstance(ys, (list, tuple)) else [ys]
