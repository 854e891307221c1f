"""The book's `utils`: names for scripts; the package itself does not import this module."""

from .dot import _dot_func, _dot_var, get_dot_graph, plot_dot_graph
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
