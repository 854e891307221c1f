"""Step 32: higher-order derivatives, the implementation.

Three changes to `core.py` make the way back a computation like any other.

(1) Gradients are Variables: `grad` holds one, the seed is `Variable(np.ones_like(self.data))`, and each `backward`
    gets and returns Variables. Only those that looked into `.data` had to change:

        class Mul(Function):                                      class Mul(Function):
            def backward(self, gy):                                   def backward(self, gy):
                x0, x1 = self.inputs[0].data, self.inputs[1].data         x0, x1 = self.inputs
                return gy * x1, gy * x0                                   return gy * x1, gy * x0

        stage 2: arrays, NumPy's *                                stage 3: Variables, our *

    The last line is the same and means something else: `gy * x1` now calls Mul, and a call with Variables makes a
    graph. Whatever a `backward` computes by functions can be differentiated again. One `.data` or `np.` in it, and
    the graph is cut there, as in step 27.

(2) A switch. Most programs differentiate once and have no use for a graph of the way back, so
    `backward(create_graph=False)` runs under the same switch as `no_grad`; the sums of gradients too. With
    create_graph=True the gradients know how they were made, and `x.grad.backward()` works.

(3) One walk for both ways to ask. The book's loop writes each gradient into `grad` as it goes, where older ones may
    lie. Here `propagate` keeps the gradients on their way in a dict of its own, reads no `grad` and writes none;
    `backward` adds its result to the leaves, and `grad(y, x)` (beyond the book) just returns it.

What it costs: with create_graph the variables and their gradients hold each other,

    x --grad--> gx --creator--> Mul --inputs--> x

so they are not freed when the last name goes, but only by Python's search for such circles, or by `cleargrad`. And
`grad` is no array any more: an update of data takes `x.grad.data`.
"""

import gc
import weakref

import numpy as np

from stage3_higher_order import Variable, grad

# --- demonstration ---

# The gradient is a Variable. Without create_graph no function made it.
x = Variable(np.array(3.0))
y = x * x
y.backward()
print(x.grad, x.grad.creator)  # -> variable(6.0) None

# With it, an Add did: x stands twice in x * x, and what came both ways was added.
x.cleargrad()
y.backward(create_graph=True)
gx = x.grad
print(gx, type(gx.creator).__name__)  # -> variable(6.0) Add
print([type(v.creator).__name__ for v in gx.creator.inputs])  # -> ['Mul', 'Mul']

# So it can be differentiated: y'' = 2.
x.cleargrad()
gx.backward()
print(x.grad)  # -> variable(2.0)

# The same without touching any `grad`.
x.cleargrad()
gx = grad(y, x, create_graph=True)
print(gx, grad(gx, x), x.grad)  # -> variable(6.0) variable(2.0) None


def is_freed(create_graph):
    """Whether x goes when its last name goes."""
    x = Variable(np.array(3.0))
    y = x * x
    y.backward(create_graph=create_graph)
    box = weakref.ref(x)
    del x, y
    return box() is None


gc.disable()  # only counting, no search for circles
print(is_freed(create_graph=False))  # -> True
print(is_freed(create_graph=True))  # -> False
gc.enable()
gc.collect()
