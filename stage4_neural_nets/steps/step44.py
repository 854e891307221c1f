"""Step 44: a layer that collects parameters.

Step 43 named each parameter three times: to create it, to clear it, to update it. Now an object keeps the list.

`Parameter` is a subclass of Variable that behaves like it; only `isinstance` tells them apart. That is its purpose: it
marks what is to be learned.

`Layer` collects parameters. Python calls an object's `__setattr__` for every `layer.name = value`; Layer's version
records the name if the value is a Parameter. It records names, not parameters, because saving weights to a file will
need the names. `layer.params()` yields the parameters, and `layer.cleargrads()` clears their gradients. (The book keeps
the names in a set, whose order differs from run to run; here they keep the order of assignment.)

A layer is also a function: `layer(x)` calls `forward(x)`, which a subclass defines. Unlike a Function it owns
parameters and needs no `backward`, because it is composed of Functions.

    layer.__call__  -->  forward  -->  F.linear(x, self.W, self.b)  -->  the graph

`L.Linear(10)` has 10 outputs. It does not need the number of inputs, because its first input shows it; W is created
then, as normal random numbers times sqrt(1 / inputs), so that outputs have about the size of the inputs, whatever their
number. Parameters are float32: half the memory of NumPy's default float64, up to twice the speed, and enough precision
for a network. The square root must be Python's: `np.sqrt` returns a float64, and since NumPy 2 that makes the whole
product float64 without a warning. A layer also keeps weak references to its latest `inputs` and `outputs`: they do not
keep the arrays alive, and whoever holds the output can read the shapes of all layers (step 58).

`--iters N` runs N iterations, each over all data. `--out DIR` saves the curve and the loss as DIR/step44.png.
"""

import math

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
import stage4_neural_nets.layers as L
from stage4_neural_nets import Layer, Parameter, Variable, no_grad

args = options(__doc__, iters=10000, seed=0).parse_args()

x = Variable(np.array(1.0))
p = Parameter(np.array(2.0))
y = x * p
print(isinstance(p, Parameter))  # -> True
print(isinstance(x, Parameter))  # -> False
print(isinstance(y, Parameter))  # -> False

layer = Layer()
layer.p1 = Parameter(np.array(1))
layer.p2 = Parameter(np.array(2))
layer.p3 = Variable(np.array(3))
layer.p4 = "test"
print(layer._params)  # -> ['p1', 'p2']
print("-------------")  # -> -------------
for name in layer._params:
    print(name, layer.__dict__[name])  # -> p1 variable(1)
    #    p2 variable(2)

# Weights are created at the first call, in float32; np.sqrt would make them float64.
linear = L.Linear(2)
print(linear.W)  # -> variable(None)
linear(np.ones((5, 3), np.float32))
print(linear.W.shape, linear.W.dtype)  # -> (3, 2) float32
linear = L.Linear(2, in_size=3, nobias=True, dtype=np.float64)  # with the number of inputs, at once
print(linear.W.shape, linear.W.dtype, linear.b)  # -> (3, 2) float64 None
W = np.random.randn(3, 2).astype(np.float32)
print((W * math.sqrt(1 / 3)).dtype, (W * np.sqrt(1 / 3)).dtype)  # -> float32 float64

# The sine of step 43.
np.random.seed(args.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

l1 = L.Linear(10)
l2 = L.Linear(1)


def predict(x):
    y = l1(x)
    y = F.sigmoid(y)
    return l2(y)


lr = 0.2
losses = []
for i in range(args.iters):
    y_pred = predict(x)
    loss = F.mean_squared_error(y, y_pred)

    l1.cleargrads()
    l2.cleargrads()
    loss.backward()

    for layer in (l1, l2):
        for p in layer.params():
            p.data -= lr * p.grad.data
    losses.append(float(loss.data))
    if i % 1000 == 0:
        print(i, loss, flush=True)  # ~> 0 variable(0.8165178492839) (1e-4)
        #    1000 variable(0.2499028)
        #    2000 variable(0.2460988)
        #    3000 variable(0.2372159)
        #    4000 variable(0.2079322)
        #    5000 variable(0.1231191)
        #    6000 variable(0.0788817)
        #    7000 variable(0.0765507)
        #    8000 variable(0.0763780)
        #    9000 variable(0.0761876)


def draw(plt):
    """Left the data and the learned curve; right the loss, with peaks, because lr is almost too large."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    t = np.linspace(0, 1, 200)[:, None]
    left.plot(x, y, "o", markersize=4, label="data")
    with no_grad():
        left.plot(t, predict(t).data, color="tab:red", label=f"network, {args.iters} iterations")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    right.set(xlabel="iteration", ylabel="mean squared error", ylim=(0, 0.4))
    return figure


show(draw, args.out)
