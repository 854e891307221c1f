"""Step 32: higher-order derivatives, the implementation.

Three changes make the backward pass a computation like any other.

(1) Gradients are Variables: `grad` holds one, the initial gradient is `Variable(np.ones_like(self.data))`, and each
    `backward` takes and returns Variables. Only a `backward` that reads `.data` has to change:

        class Mul(Function):                                      class Mul(Function):
            def backward(self, gy):                                   def backward(self, gy):
                x0, x1 = self.inputs[0].data, self.inputs[1].data         x0, x1 = self.inputs
                return gy * x1, gy * x0                                   return gy * x1, gy * x0

        stage 2: arrays, NumPy's *                                stage 3: Variables, Mul

    The last line is the same and means something else: `gy * x1` now calls Mul, and a call with Variables builds a
    graph. Whatever a `backward` computes with functions can be differentiated again. One `.data` or `np.` in it
    truncates the graph there, as in step 27.

(2) A switch. Most programs differentiate once and need no graph of the backward pass, so
    `backward(create_graph=False)` computes it, and the sums of gradients too, under the same switch as `no_grad`. With
    create_graph=True the gradients have a graph, and `x.grad.backward()` works.

(3) A second way to ask for gradients. The traversal of step 18 keeps its gradients in a separate dict, reads no
    `grad` and writes none. `backward` adds its result to the leaves; `grad(y, x)`, which is not in the book,
    returns it.

The cost: with create_graph, variables and their gradients reference each other,

    x --grad--> gx --creator--> Mul --inputs--> x

a reference cycle that reference counting cannot free; Python's garbage collector or `cleargrad` frees it. And `grad`
is no longer an array: an update uses `x.grad.data`.
"""

import gc
import weakref

import numpy as np

from stage3_higher_order import Variable, grad

# The gradient is a Variable. Without create_graph it has no creator.
x = Variable(np.array(3.0))
y = x * x
y.backward()
print(x.grad, x.grad.creator)  # -> variable(6.0) None

# With create_graph its creator is an Add: x is an input of x * x twice, and its two gradients were added.
x.cleargrad()
y.backward(create_graph=True)
gx = x.grad
print(gx, type(gx.creator).__name__)  # -> variable(6.0) Add
print([type(v.creator).__name__ for v in gx.creator.inputs])  # -> ['Mul', 'Mul']

# So it can be differentiated: y'' = 2.
x.cleargrad()
gx.backward()
print(x.grad)  # -> variable(2.0)

# The same without `x.grad`.
x.cleargrad()
gx = grad(y, x, create_graph=True)
print(gx, grad(gx, x), x.grad)  # -> variable(6.0) variable(2.0) None


def is_freed(create_graph):
    """Whether x is freed as soon as nothing references it."""
    x = Variable(np.array(3.0))
    y = x * x
    y.backward(create_graph=create_graph)
    reference = weakref.ref(x)
    del x, y
    return reference() is None


gc.disable()  # reference counting only
print(is_freed(create_graph=False))  # -> True
print(is_freed(create_graph=True))  # -> False
gc.enable()
gc.collect()
