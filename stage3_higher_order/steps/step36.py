"""Step 36: other uses of double backpropagation.

A gradient that is a Variable can be part of a larger formula, and the formula can be differentiated. For example

    y = x^2,    z = (dy/dx)^3 + y,    what is dz/dx at x = 2?

By hand: dy/dx = 2x, so z = 8 x^3 + x^2 and dz/dx = 24 x^2 + 2x = 100. The mistake is to insert the number 4 for dy/dx
too early: (4)^3 is a constant, and only 2x = 4 remains. With create_graph, x.grad is both the number 4 and the
expression 2x.

Such formulas occur in practice. WGAN-GP (Gulrajani and others, 2017) trains a critic D to tell data x from generated
samples g, with the loss

    mean(D(g)) - mean(D(x)) + lambda mean((|grad D(z)| - 1)^2),        z between x and g, lambda = 10,

whose last term keeps the slope of D near 1, and training differentiates it, gradient included. MAML differentiates
through a training step; TRPO needs the Hessian of a loss, but only its product with a vector. That product avoids the
problem of step 29, a matrix of n^2 elements:

    H v = grad( v . grad f )        two backward passes and no matrix

First grad f with create_graph, then the gradient of its inner product with v. This inner product needs neither sum nor
matmul (which follow in stage 4): if the initial gradient of the second pass is v instead of ones, the result is the
same, `grad(gx, x, grad_outputs=v)`.

Finally, `check_gradients` compares backpropagation with numerical derivatives: first and second derivatives, of each
input, with random initial gradients. It returns None, or raises an AssertionError if they differ.
"""

import numpy as np

from stage3_higher_order import Variable, check_gradients, grad

x = Variable(np.array(2.0))
y = x**2
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
z = gx**3 + y
z.backward()
print(z)  # -> variable(68.0)
print(x.grad)  # -> variable(100.0)

# The mistake: gx is only a number.
x = Variable(np.array(2.0))
y = x**2
y.backward()
gx = x.grad
x.cleargrad()
z = gx**3 + y
z.backward()
print(x.grad)  # -> variable(4.0)

# The mistake of step 33: without cleargrad the first derivative is added, 100 + 4.
x = Variable(np.array(2.0))
y = x**2
y.backward(create_graph=True)
gx = x.grad
z = gx**3 + y
z.backward()
print(x.grad)  # -> variable(104.0)

# H v for the sum of x^2, whose Hessian has 2 on the diagonal.
x = Variable(np.array([1.0, 2.0]))
v = Variable(np.array([4.0, 5.0]))
y = x**2
gx = grad(y, x, create_graph=True)
print(grad(gx, x, grad_outputs=v))  # -> variable([ 8. 10.])


def rosenbrock(x0, x1):
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


# Two variables. At (1, 1) the Hessian is [[802, -400], [-400, 200]]. Along the valley, in the direction (1, 2), the
# gradient hardly changes; across the valley it changes much. This is why step 28 is slow.
x0 = Variable(np.array(1.0))
x1 = Variable(np.array(1.0))
gx0, gx1 = grad(rosenbrock(x0, x1), [x0, x1], create_graph=True)
for v0, v1 in [(1.0, 2.0), (-2.0, 1.0)]:
    print(*grad([gx0, gx1], [x0, x1], grad_outputs=[np.array(v0), np.array(v1)]))
# -> variable(2.0) variable(0.0)
# -> variable(-2004.0) variable(1000.0)

check_gradients(rosenbrock, np.array(0.5), np.array(-1.5))


def penalty(x):
    """(dy/dx)^3 + y for y = x^2: a formula that contains a derivative."""
    y = x**2
    return grad(y, x, create_graph=True) ** 3 + y


check_gradients(penalty, np.array([2.0, -1.0, 0.5]))
