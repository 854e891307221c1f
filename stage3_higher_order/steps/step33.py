"""Step 33: Newton's method, with automatic second derivatives.

The second derivative needs four lines:

    y.backward(create_graph=True)      gx = x.grad has a graph
    gx = x.grad
    x.cleargrad()                      otherwise the next line adds to the first derivative
    gx.backward()                      x.grad is now the second derivative

`cleargrad` is easy to forget, and nothing warns of it: gradients of leaves accumulate (step 14). Then 24, the first
derivative, and 44, the second, give 68. `grad(gx, x)` changes no `.grad` and avoids this mistake.

Now step 29 needs no derivative by hand. The numbers are the same.
"""

import numpy as np

from stage3_higher_order import Variable, grad


def f(x):
    return x**4 - 2 * x**2


# Wrong: y' + y''.
x = Variable(np.array(2.0))
y = f(x)
y.backward(create_graph=True)
print(x.grad)  # -> variable(24.0)
gx = x.grad
gx.backward()
print(x.grad)  # -> variable(68.0)

# Right: y''.
x = Variable(np.array(2.0))
y = f(x)
y.backward(create_graph=True)
print(x.grad)  # -> variable(24.0)
gx = x.grad
x.cleargrad()
gx.backward()
print(x.grad)  # -> variable(44.0)

# The same with `grad`, which is not in the book.
gx = grad(y, x, create_graph=True)
print(gx, grad(gx, x))  # -> variable(24.0) variable(44.0)

# Newton's method.
x = Variable(np.array(2.0))
for i in range(10):
    print(i, x)  # -> 0 variable(2.0)
    #    1 variable(1.4545454545454546)
    #    2 variable(1.1510467893775467)
    #    3 variable(1.0253259289766978)
    #    4 variable(1.0009084519430513)
    #    5 variable(1.0000012353089454)
    #    6 variable(1.000000000002289)
    #    7 variable(1.0)
    #    8 variable(1.0)
    #    9 variable(1.0)
    y = f(x)
    x.cleargrad()
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    gx2 = x.grad
    x.data -= gx.data / gx2.data
