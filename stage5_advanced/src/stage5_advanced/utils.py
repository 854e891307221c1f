"""The book's `utils`: names for scripts; the package itself does not import this module."""

import numpy as np

from . import download
from .cuda import as_numpy
from .dot import _dot_func, _dot_var, get_dot_graph, plot_dot_graph
from .download import get_file
from .functions.broadcast import sum_array_to as sum_to
from .functions.reduce import log_sum_exp as logsumexp
from .functions.reduce import max_backward_shape, reshape_sum_backward
from .functions.sizes import get_conv_outsize, get_deconv_outsize, pair
from .gradcheck import check_gradients, numerical_grad


def gradient_check(f, x, *args, rtol=1e-4, atol=1e-5):
    """Whether backpropagation and central differences agree on the first derivatives of f. [step 36, not in the book]

    f: maps Variables to a Variable; x, args: its inputs, arrays or Variables. Prints what differs.
    """
    try:
        check_gradients(f, x, *args, order=1, rtol=rtol, atol=atol)
    except AssertionError as error:
        print(error)
        return False
    return True


def array_equal(a, b):
    """Whether two arrays or Variables have the same shape and elements. [step 39, not in the book]"""
    return np.array_equal(as_numpy(a), as_numpy(b))


def array_allclose(a, b, rtol=1e-4, atol=1e-5):
    """Whether two arrays or Variables are equal within atol + rtol * |b|. [step 39, not in the book]"""
    return np.allclose(as_numpy(a), as_numpy(b), rtol, atol)


def __getattr__(name):
    """`utils.cache_dir`, the download folder as a str, evaluated at each access. [step 51, not in the book]"""
    if name == "cache_dir":
        return str(download.cache_dir())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
