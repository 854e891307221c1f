"""Step 34: higher-order derivatives of sin.

`Sin` of step 27 computed the cosine of its data with NumPy, and its second derivative was lost. The `Sin` of the
package calls `cos`, a function of the framework, whose `backward` calls `sin`:

    Sin:  gx = gy * cos(x)          Cos:  gx = gy * -sin(x)

These two lines are enough for every order, because each backward pass builds a graph of these two again:

    sin ---> cos ---> -sin ---> -cos ---> sin

From here on new functions are added to the files in `functions/`, and a script calls them as `F.sin(x)`.

`--out DIR` saves a figure of sin and its first three derivatives as DIR/step34.png.
"""

import numpy as np
from demo import options, show

import stage3_higher_order.functions as F
from stage3_higher_order import Variable

args = options(__doc__).parse_args()

x = Variable(np.array(1.0))
y = F.sin(x)
y.backward(create_graph=True)
print(x.grad)  # -> variable(0.5403023058681398)
for _ in range(3):
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)
    print(x.grad)  # -> variable(-0.8414709848078965)
    #    variable(-0.5403023058681398)
    #    variable(0.8414709848078965)

# For 200 points at once: each element has its own derivative.
x = Variable(np.linspace(-7, 7, 200))
y = F.sin(x)
y.backward(create_graph=True)
curves = [y.data]
for _ in range(3):
    curves.append(x.grad.data)
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)
x.cleargrad()  # x and its gradient reference each other (step 32)
for curve, expected in zip(curves, (np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)), strict=True):
    print(np.allclose(curve, expected(x.data)))  # -> True
    #    True
    #    True
    #    True


def draw(plt):
    """Each derivative is the curve before it, shifted to the left by a quarter of the period."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for curve, label in zip(curves, ("y = sin(x)", "y'", "y''", "y'''"), strict=True):
        axes.plot(x.data, curve, label=label)
    axes.set_xlabel("x")
    figure.legend(loc="outside right center")
    return figure


show(draw, args.out)
