"""Appendix A: in-place operations (a supplement to step 14).

Why does `backward` add gradients with `x.grad = x.grad + gx` and not with the shorter `x.grad += gx`?

    x += x         writes into the existing array: no copy, and x is the same object as before
    x = x + x      creates a new array and gives it the name x

The first saves memory and is right if the array has no other name. But `backward` passes arrays on: the first gradient
of a variable is not copied, so x.grad is the array that was passed, not a copy. The backward of `add` returns its
argument, so after y = add(x, x), x.grad and y.grad are two names of one array. If the second gradient of x is then
added in place, y.grad changes, too. A new array has only one name.

Since step 14 every stage adds in this way. In-place operations are for arrays that nothing else can reference:
optimizers update `param.data` in place. (From stage 3 on gradients are Variables, and a plain `backward()` leaves each
`grad` an array of its own.)

`--out DIR` saves a drawing of names and arrays as DIR/appendix_a.png.
"""

import numpy as np
from demo import options, show
from drawings import appendix_a

import stage5_advanced.functions as F
from stage5_advanced import Variable

args = options(__doc__).parse_args()

# The same object or not; the number that id returns differs from run to run.
x = np.array(1)
before = id(x)

x += x  # in place
print(id(x) == before)  # -> True

old = x  # keeps the old array alive, or the new one could reuse its memory
x = x + x  # a new array
print(id(x) == before)  # -> False


# The backward pass of add as in the book's step 14, with arrays: gy goes to both inputs, and both are x.
def backward_of_add(in_place):
    """x.grad and y.grad after y = add(x, x)."""
    y_grad = np.array(1)
    x_grad = None
    for gx in (y_grad, y_grad):
        if x_grad is None:
            x_grad = gx
        elif in_place:
            x_grad += gx
        else:
            x_grad = x_grad + gx
    return x_grad, y_grad


x_grad, y_grad = backward_of_add(in_place=True)
print("y.grad:", y_grad, "x.grad:", x_grad, x_grad is y_grad)  # -> y.grad: 2 x.grad: 2 True
x_grad, y_grad = backward_of_add(in_place=False)
print("y.grad:", y_grad, "x.grad:", x_grad, x_grad is y_grad)  # -> y.grad: 1 x.grad: 2 False

# The framework, where gradients are Variables; retain_grad keeps that of y.
x = Variable(np.array(3))
y = F.add(x, x)
y.backward(retain_grad=True)
print("y.grad:", y.grad, "x.grad:", x.grad)  # -> y.grad: variable(1) x.grad: variable(2)
print(x.grad.data is y.grad.data, np.shares_memory(x.grad.data, y.grad.data))  # -> False False

show(appendix_a, args.out)
