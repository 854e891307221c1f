"""Autograd by HIPS (pip install autograd) as a custom framework, written from docs/frameworks.md.

Autograd differentiates functions; crosscheck asks for the gradients of results. So a variable is an array in several
of autograd's boxes, one for each order of differentiation: every operation is recorded in all of them, and a backward
pass with create_graph uses up the outermost box, so that its gradients are still in the others.
"""

import builtins

import autograd.numpy as np
import numpy
from autograd.core import VJPNode, add_outgrads
from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import getval, isbox, new_box, toposort

from crosscheck.frameworks import Missing

name = "autograd"
max_order = 3  # the number of boxes
takes_integers = False  # autograd has no derivatives at integers


def each(reason, names):
    return dict.fromkeys(names.split(), reason)


differs = {
    **each("accepts anything that NumPy accepts", """
        variable_of_a_float variable_of_a_list variable_of_complex_numbers variable_of_objects variable_plus_list
        matmul_by_a_list numpy_function_of_a_variable sum_in_another_dtype sum_over_an_axis_of_a_number
        linear_by_a_vector linear_of_a_number rows_of_a_number clip_by_an_array
        """),
    **each("the gradient of a float32 array is float64", """
        power_of_a_variable/float32 power_of_a_number/float32 broadcasting_pow/float32 mean_of_nothing/float32
        mean_method/float32 max_over_axes/float32 min_over_axes/float32 extremes_by_methods/float32
        ties_of_max_and_min/float32 infinities_of_max_and_min/float32 reductions_of_one_element/float32
        """),
    **each("the gradient has the dtype of the result, not of the input", """
        float64_array_of_no_dimension/float32 float64_arrays_beside_float32/float32 matmul_of_two_dtypes/float32
        """),
    **each("computes x0 / x1^2, which overflows long before the gradient does", "div_of_large_and_small_numbers"),
    **each("the derivative of x ** c is c x ** (c - 1) at special values, too, where that is nan", """
        pow_of_integers infinite_gradient_through_power_0
        """),
    **each("adds float32 and float16 in their own precision, one row after another", """
        sums_of_100000_rows sums_of_float16
        """),
    **each("at the bounds the gradient is 0", "clip_at_its_bounds"),
    **each("passes the gradient through where x is nan, and multiplies it by 0 beyond the bounds", """
        clip infinite_gradient_through_clip
        """),
    **each("no gradient if axes are added: AssertionError", "broadcast_to"),
    **each("x.transpose takes one argument", "transpose_methods"),
}  # fmt: skip


class Leaf(ArrayBox):
    """The outermost box of a variable. used: how many of its boxes backward passes have used up."""

    used = 0


Leaf.register(Leaf)


def Variable(data):
    x = numpy.asarray(data)
    for level in range(max_order - 1):
        x = new_box(x, level, VJPNode.new_root())
    return Leaf(x, max_order - 1, VJPNode.new_root())


def array(x):
    return numpy.asarray(getval(x))


def level_of(x):
    """The number of the outermost box, -1 for a constant."""
    return x._trace if isbox(x) else -1


def inside(x, level):
    """x without the boxes outside of a level."""
    while level_of(x) > level:
        x = x._value
    return x


def gradients(outputs, inputs, seeds, create_graph=False):
    level = max_order - 1 - builtins.max(x.used for x in inputs)
    seeds = [numpy.ones_like(array(y)) for y in outputs] if seeds is None else [inside(gy, level - 1) for gy in seeds]
    total = builtins.sum(np.sum(gy * inside(y, level)) for gy, y in zip(seeds, outputs, strict=True))
    if level < 0:
        raise Missing(f"{name} has {max_order} boxes", name="gradients(create_graph)")
    if level_of(total) < level:  # independent of the inputs
        return [None for _ in inputs]
    found = {total._node: (numpy.ones_like(array(total)), False)}
    for node in toposort(total._node):
        for parent, gx in zip(node.parents, node.vjp(found[node][0]), strict=True):
            found[parent] = add_outgrads(found.get(parent), gx)
    for x in inputs:
        x.used += create_graph
    return [found.get(inside(x, level)._node, (None,))[0] for x in inputs]


def function(forward, backward):
    """A primitive of up to three arguments."""
    f = primitive(lambda *xs: forward(*xs))

    def gradient(i):
        def vjp(y, *xs):
            def back(gy):
                gxs = backward(*(gy if isinstance(getval(y), tuple) else (gy,)), *xs)
                return gxs[i] if isinstance(gxs, tuple) else gxs

            return back

        return vjp

    defvjp(f, *map(gradient, range(3)))
    return f


# --- autograd's functions by the names of crosscheck ---

add, sub, mul, div, neg, pow = np.add, np.subtract, np.multiply, np.divide, np.negative, np.power
square, exp, log, sin, cos, tanh = np.square, np.exp, np.log, np.sin, np.cos, np.tanh
reshape, transpose, expand_dims, broadcast_to = np.reshape, np.transpose, np.expand_dims, np.broadcast_to
matmul, clip, concat, stack = np.matmul, np.clip, np.concatenate, np.stack


def rsub(x0, x1):
    return x1 - x0


def rdiv(x0, x1):
    return x1 / x0


def rpow(x, c):
    return c**x


def get_item(x, slices):
    return x[slices]


def over_axes(reduce):
    """A reduction whose axis may be a list."""

    def method(x, axis=None, keepdims=False):
        return reduce(x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    return method


sum, mean, max, min = map(over_axes, (np.sum, np.mean, np.max, np.min))


def linear(x, W, b=None):
    return np.dot(x, W) if b is None else np.dot(x, W) + b
