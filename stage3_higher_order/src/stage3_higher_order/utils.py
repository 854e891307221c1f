"""The book's `utils`: names collected for scripts; nothing in the package imports them from here."""

from .dot import get_dot_graph, plot_dot_graph
from .gradcheck import check_gradients, numerical_grad


def gradient_check(f, x, *args, rtol=1e-4, atol=1e-5):
    """Whether backpropagation and differences agree on the first derivatives of f. [step 36, not in the book]

    f: from Variables to a Variable; x, args: its inputs, arrays or Variables, all checked.
    """
    try:
        check_gradients(f, x, *args, order=1, rtol=rtol, atol=atol)
    except AssertionError as error:
        print(error)
        return False
    return True
