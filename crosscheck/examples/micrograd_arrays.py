"""Micrograd (pip install micrograd) as a custom framework, written from docs/frameworks.md: arrays of its scalars."""

import functools

import numpy as np
from micrograd.engine import Value

name = "micrograd"
takes_integers = False  # x / y is x * y**-1, and NumPy has no negative powers of integers
deterministic = False  # a value keeps its operands in a set, so gradients are added in any order
RECURSION = "RecursionError: backward calls itself for each operation"
RECIPROCAL = "x / y is x * y**-1, which overflows and underflows long before the quotient does"
differs = {
    "variable_of_complex_numbers": "accepts any numbers",
    "variable_of_objects": "accepts any objects",
    "sum_of_4000_terms": RECURSION,
    "chain_of_4000_operators": RECURSION,
    "float64_array_of_no_dimension": "NumPy decides: a float64 array of no dimension makes float64",
    "div_of_large_and_small_numbers": RECIPROCAL,
    "infinite_gradient_through_relu": "relu of a negative number is the integer 0, whose reciprocal is an error",
    "pow_of_integers": "the derivative of x**0 at 0 is 0 * 0**-1 = nan",
    "infinite_gradient_through_power_0": "the gradient of x**0 is multiplied by the infinite one: nan",
    "relu_of_nan": "the gradient of relu at nan is 0",
}


def elementwise(f, *arrays):
    """An array of the results of f for each element, or each pair of elements."""
    return np.asarray(np.frompyfunc(f, len(arrays), 1)(*arrays), object)


def scalars(a):
    """The elements as NumPy scalars, which keep the dtype; a.astype(object) gives Python's numbers."""
    found = np.empty(a.size, object)
    found[:] = [a.flat[i] for i in range(a.size)]
    return found.reshape(a.shape)


class Variable:
    """An array of micrograd's values. These have no dtype, so the array keeps the one that NumPy would give."""

    __array_ufunc__ = None  # array + variable is a variable

    def __init__(self, data, values=None):
        self.dtype, self.shape, self.given = data.dtype, data.shape, data
        if values is not None:
            self.values = values

    @functools.cached_property
    def values(self):
        """Made when first asked for: of many inputs, micrograd lacks the first function."""
        return elementwise(Value, scalars(self.given))

    def __add__(self, other):
        return combined(lambda a, b: a + b, self, other)

    def __radd__(self, other):
        return combined(lambda a, b: b + a, self, other)

    def __sub__(self, other):
        return combined(lambda a, b: a - b, self, other)

    def __rsub__(self, other):
        return combined(lambda a, b: b - a, self, other)

    def __mul__(self, other):
        return combined(lambda a, b: a * b, self, other)

    def __rmul__(self, other):
        return combined(lambda a, b: b * a, self, other)

    def __truediv__(self, other):
        return combined(lambda a, b: a / b, self, other)

    def __rtruediv__(self, other):
        return combined(lambda a, b: b / a, self, other)

    def __pow__(self, c):
        if not isinstance(c, int | float):
            return NotImplemented
        return computed(lambda a: a**c, self)

    def __neg__(self):
        return computed(lambda a: -a, self)


def computed(f, x):
    return Variable(np.empty(x.shape, x.dtype), elementwise(f, x.values))


def combined(f, x, other):
    """f of two operands, of which the second may be an array or a number."""
    if type(other) in (int, float):
        return computed(lambda a: f(a, other), x)
    values = other.values if isinstance(other, Variable) else scalars(other)
    found = elementwise(f, x.values, values)
    return Variable(np.empty(found.shape, np.result_type(x.dtype, other.dtype)), found)


def array(x):
    if not isinstance(x, Variable):
        return x
    return np.array([value.data for value in x.values.flat], x.dtype).reshape(x.shape)


def gradients(outputs, inputs, seeds):
    total = Value(0)
    for i, y in enumerate(outputs):
        for j, value in enumerate(y.values.flat):
            total = total + (value if seeds is None else value * seeds[i].flat[j])
    for x in inputs:
        for value in x.values.flat:
            value.grad = 0
    total.backward()
    return [np.array([value.grad for value in x.values.flat], x.dtype).reshape(x.shape) for x in inputs]


def square(x):
    return x**2


def relu(x):
    return computed(Value.relu, x)


def add(x0, x1):
    return x0 + x1


def sub(x0, x1):
    return x0 - x1


def mul(x0, x1):
    return x0 * x1


def div(x0, x1):
    return x0 / x1


def rsub(x0, x1):
    return x1 - x0


def rdiv(x0, x1):
    return x1 / x0


def neg(x):
    return -x


def pow(x, c):
    return x**c
