"""Step 45: a layer that collects layers.

l1 and l2 were two objects to clear and to update. Fifty layers need a container, and Layer needs little more to be one:
`__setattr__` also records names of Layers, and `params()` also yields what the inner layer yields. An inner layer may
contain layers itself. So one object stands for all parameters of a network, however deep:

    model -+- l1 -+- W            model.params()      W, b of l1, then W, b of l2
           |      +- b            model.cleargrads()  all of them
           +- l2 -+- W
                  +- b            in a file: l1/W, l1/b, l2/W, l2/b

There are two ways to use it: assign layers to a plain `Layer()` and write a function that takes it; or write a class
that creates its layers in `__init__` and uses them in `forward`. The class is better, because it keeps everything about
the network in one place. It must call `super().__init__()`, which creates the list of names.

`Model` is a Layer that can draw its graph: `model.plot(x)` runs forward once and draws. The word means a description of
something by formulas, and the class adds nothing else.

`MLP((10, 1))`, a multi-layer perceptron, builds such a network of any depth: a Linear for each size, with the
activation after each but the last. `__setattr__` does not look into lists, so MLP also sets its layers as attributes
l0, l1 ...

The network below starts from the same random numbers as step 44 and makes the same updates, so its losses are equal.

`--iters N` runs N iterations, each over all data. `--out DIR` draws the graph of a TwoLayerNet to DIR/step45.png.
"""

import numpy as np
from demo import graph, options

import stage4_neural_nets.functions as F
import stage4_neural_nets.layers as L
from stage4_neural_nets import Layer, Model, Variable
from stage4_neural_nets.models import MLP

args = options(__doc__, iters=10000, seed=0).parse_args()

# The first way: a layer of layers, and a function.
model = Layer()
model.l1 = L.Linear(5)
model.l2 = L.Linear(3)


def predict(model, x):
    y = model.l1(x)
    y = F.sigmoid(y)
    return model.l2(y)


y = predict(model, np.ones((4, 2), np.float32))
print([p.shape for p in model.params()])  # -> [(2, 5), (5,), (5, 3), (3,)]
F.sum(y).backward()
model.cleargrads()
print([p.grad for p in model.params()])  # -> [None, None, None, None]


# The second way: a class.
class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)

    def forward(self, x):
        y = F.sigmoid(self.l1(x))
        return self.l2(y)


model = TwoLayerNet(100, 10)
x = Variable(np.random.randn(5, 10), name="x")
print(model(x).shape)  # -> (5, 10)
for path, p in model.named_params():
    print(path, p.shape)  # -> l1/W (10, 100)
    #    l1/b (100,)
    #    l2/W (100, 10)
    #    l2/b (10,)
graph(model.plot, x, args.out, "step45.png")

# A third way: MLP, without defining a class.
model = MLP((10, 20, 30, 40, 1))
print(model(x).shape, len(list(model.params())))  # -> (5, 1) 10

# The sine of steps 43 and 44.
np.random.seed(args.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

lr = 0.2
hidden_size = 10
model = TwoLayerNet(hidden_size, 1)
for i in range(args.iters):
    y_pred = model(x)
    loss = F.mean_squared_error(y, y_pred)

    model.cleargrads()
    loss.backward()

    for p in model.params():
        p.data -= lr * p.grad.data
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
