"""Derivatives by differences: the independent judge of backpropagation."""

import numpy as np

from . import cuda
from .core import Variable, as_array, grad


def numerical_diff(f, x, eps=1e-4):
    """Central difference (f(x + eps) - f(x - eps)) / (2 eps), an array or NumPy scalar. [steps 4, 10]

    f: from Variable to Variable. All elements of x are moved together, so for an array this is
    the derivative element by element only where f works elementwise.
    """
    if not isinstance(x, Variable):
        raise TypeError(f"numerical_diff: {type(x)} came, a Variable is needed: Variable(np.array(...))")
    x0 = Variable(as_array(x.data - eps))
    x1 = Variable(as_array(x.data + eps))
    y0 = f(x0)
    y1 = f(x1)
    return (y1.data - y0.data) / (2 * eps)


def numerical_grad(f, x, *args, eps=1e-4):
    """The gradient of the sum of f(x, *args) by each element of x, by central differences: an array like x, where x is.

    f: from Variables to a Variable, or several; x, args: arrays or Variables, left as they are.
    Computes in float64, two calls of f for each element of x. [beside step 36]
    """
    point = to_float64(x)
    others = [to_float64(a) for a in args]

    def total():
        ys = f(Variable(point.copy()), *(Variable(a.copy()) for a in others))
        return sum(y.data.sum() for y in to_list(ys))

    gradient = cuda.get_array_module(point).zeros_like(point)
    for i in np.ndindex(point.shape):
        here = float(point[i])  # a number: on a GPU point[i] is a view, which would move as well
        point[i] = here + eps
        above = total()
        point[i] = here - eps
        below = total()
        point[i] = here
        gradient[i] = (above - below) / (2 * eps)
    return gradient


def check_gradients(f, *xs, order=2, rtol=1e-4, atol=1e-5):
    """Backpropagation against differences, up to derivatives of the given order; silent if they agree.

    f: from Variables to a Variable, or several; xs: its inputs, arrays or Variables, left as they
    are. Each output is weighted with random numbers of its own, since a wrong gradient can be right
    for equal weights. AssertionError names the order and the input where they differ; ValueError if
    there is nothing to compare. [beside step 36]
    """
    if order < 1 or not xs:
        raise ValueError(f"check_gradients: order {order} of {len(xs)} inputs came, at least one of each is needed")
    rng = np.random.default_rng(0)
    points = [to_float64(x) for x in xs]  # and, from the second order on, the weights of the orders before

    def differentiated(*variables):
        inputs, weights = list(variables[: len(xs)]), list(variables[len(xs) :])
        ys = to_list(f(*inputs))
        while weights:
            gys, weights = weights[: len(ys)], weights[len(ys) :]
            ys = grad(ys, inputs, gys, create_graph=True)
            inputs += gys
        return ys

    for level in range(1, order + 1):
        variables = [Variable(x.copy()) for x in points]
        ys = differentiated(*variables)
        gys = [Variable(y.xp.asarray(rng.standard_normal(y.shape))) for y in ys]
        gxs = grad(ys, variables, gys)
        for i, gx in enumerate(gxs):

            def weighted(x, *others, i=i, gys=gys):
                ys = differentiated(*others[:i], x, *others[i:])
                return [y * gy for y, gy in zip(ys, gys, strict=True)]

            expected = numerical_grad(weighted, points[i], *points[:i], *points[i + 1 :])
            if gx.shape != expected.shape or not gx.xp.allclose(gx.data, expected, rtol, atol):
                raise AssertionError(
                    f"check_gradients: order {level}, input {i}: backward gives {gx.data}, differences give {expected}"
                )
        points += [gy.data for gy in gys]


def to_float64(x):
    """A copy of the data, in float64."""
    return cuda.get_array_module(x).array(cuda.data_of(x), dtype=np.float64)


def to_list(ys):
    """Several outputs as they are, one in a list."""
    return list(ys) if isinstance(ys, (list, tuple)) else [ys]
