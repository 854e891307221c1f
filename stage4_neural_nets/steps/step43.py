"""Step 43: neural networks.

A line cannot follow a sine, whatever its W and b, and a linear function of a linear function is linear again. What is
missing is a nonlinear function in between. A neural network alternates:

    x --> linear --> activation --> linear --> y          two layers: two pairs of parameters

The linear transformation y = x W + b (strictly an affine one) mixes all inputs; an activation, here

    y = sigmoid(x) = 1 / (1 + exp(-x)),         dy/dx = y (1 - y),

bends each number separately. Ten hidden units, H = 10, are ten such bends of different position, height and steepness,
and the last layer adds them. The last layer has no activation: its output may be any number.

Each function exists in two versions. `F.linear_simple` is a matmul and a `+`. The result t of the matmul is not needed
again: the backward of `+` only passes the gradient on, and the backward of matmul needs its own inputs. So
`linear_simple` sets `t.data = None`: t stays in the graph as a node, and its array is freed. In large networks such
intermediate arrays take most of the memory. `F.linear` is a single Function and has no t. `F.sigmoid_simple` is a
negation, an exp, a `+` and a division; `F.sigmoid` is a single Function whose backward needs only y and which does not
overflow.

The weights must be random: two equal columns of W1 get equal gradients and stay equal forever. They are small, so that
the sigmoids start where they are steep; the biases may be zero.

The cost: 10,000 iterations for one sine, and each parameter needs a line that creates it, one that clears its gradient
and one that updates it. With 100 layers that is not practical; step 44 changes it.

`--iters N` runs N iterations, each over all data. `--out DIR` saves the sigmoid and the curve as DIR/step43.png.
"""

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, no_grad
from stage4_neural_nets.utils import get_dot_graph

args = options(__doc__, iters=10000, seed=0).parse_args()

x = Variable(np.array([-4.0, -1.0, 0.0, 1.0, 4.0]))
y = F.sigmoid(x)
y.backward()
print(y)  # ~> variable([0.01798621 0.26894142 0.5        0.73105858 0.98201379]) (1e-8)
print(x.grad)  # ~> variable([0.01766271 0.19661193 0.25       0.19661193 0.01766271]) (1e-8)


def boxes(y):
    """The functions in the graph of y, from the output back."""
    return [line.split('"')[1] for line in get_dot_graph(y, verbose=False).splitlines() if "shape=box" in line]


# Composed and as a single Function: the same numbers, different graphs.
x, W, b = (Variable(np.random.randn(*shape)) for shape in [(5, 3), (3, 2), (2,)])
simple, linear = F.linear_simple(x, W, b), F.linear(x, W, b)
print(np.allclose(simple.data, linear.data), boxes(simple), boxes(linear))  # -> True ['Add', 'MatMul'] ['Linear']
simple, sigmoid = F.sigmoid_simple(x), F.sigmoid(x)
print(np.allclose(simple.data, sigmoid.data), boxes(simple), boxes(sigmoid))
# -> True ['Div', 'Add', 'Exp', 'Neg'] ['Sigmoid']

# A network learns a sine.
np.random.seed(args.seed)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)

I, H, O = 1, 10, 1  # noqa: E741, the book's letters
W1 = Variable(0.01 * np.random.randn(I, H))
b1 = Variable(np.zeros(H))
W2 = Variable(0.01 * np.random.randn(H, O))
b2 = Variable(np.zeros(O))


def predict(x):
    y = F.linear(x, W1, b1)
    y = F.sigmoid(y)
    return F.linear(y, W2, b2)


lr = 0.2
for i in range(args.iters):
    y_pred = predict(x)
    loss = F.mean_squared_error(y, y_pred)

    W1.cleargrad()
    b1.cleargrad()
    W2.cleargrad()
    b2.cleargrad()
    loss.backward()

    W1.data -= lr * W1.grad.data
    b1.data -= lr * b1.grad.data
    W2.data -= lr * W2.grad.data
    b2.data -= lr * b2.grad.data
    if i % 1000 == 0:
        print(i, loss, flush=True)  # ~> 0 variable(0.8473695850105871) (1e-8)
        #    1000 variable(0.2514286285183606)
        #    2000 variable(0.247594854667)
        #    3000 variable(0.237861204471)
        #    4000 variable(0.212222313331)
        #    5000 variable(0.167421811178)
        #    6000 variable(0.0968193262)
        #    7000 variable(0.0784952829)
        #    8000 variable(0.0774972955)
        #    9000 variable(0.0772213240)


def draw(plt):
    """Left the sigmoid; right the data and the learned curve."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    with no_grad():
        t = np.linspace(-5, 5, 200)
        left.plot(t, F.sigmoid(t).data)
        left.set(xlabel="x", ylabel="sigmoid(x)")
        left.grid(alpha=0.4)
        t = np.linspace(0, 1, 200)[:, None]
        right.plot(x, y, "o", markersize=4, label="data")
        right.plot(t, predict(t).data, color="tab:red", label=f"network, {args.iters} iterations")
        right.set(xlabel="x", ylabel="y")
        right.legend()
    return figure


show(draw, args.out)
