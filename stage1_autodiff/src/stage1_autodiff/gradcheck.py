"""Derivatives by differences: the independent judge of backpropagation."""

from .core import Variable, as_array


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
