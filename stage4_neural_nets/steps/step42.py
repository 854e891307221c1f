"""Step 42: linear regression.

The first problem whose solution is learned from data: 100 points near a line, with noise, and the line is unknown. A
model with the parameters W and b predicts

    y = x W + b          all points in one product:  x (100, 1), W (1, 1), b (1,), which broadcasts

and the mean squared error measures the distance between predictions and data:

    L = (f(x_1) - y_1)^2 / N + ... + (f(x_N) - y_N)^2 / N

The rest is gradient descent as in step 28, where the function is L and its variables are W and b. All training works
like this: a model, a loss, and steps downhill. With D numbers per point only the shape of W changes, to (D, 1). Some
write 1/(2N) for 1/N; then a learning rate twice as large gives the same result.

A loss can be composed of existing functions, as below: a difference, a square, a sum and a division. Each of them
creates a Variable, whose array stays in memory as long as the graph. `F.mean_squared_error` is a single Function: its
intermediate arrays are freed when `forward` returns, and `backward` computes the difference again from the inputs:

    gx0 = 2 (x0 - x1) gy / N,     gx1 = -gx0

The results are the same; the price is a derivative written by hand, which pays off for a function that is used often. N
is the length of the first axis, not the number of elements; this matters for outputs of several numbers.

`--iters N` runs N iterations, each over all data. `--out DIR` saves the line and the loss as DIR/step42.png.
"""

import tracemalloc

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable

args = options(__doc__, iters=100, seed=0).parse_args()

np.random.seed(args.seed)
x = np.random.rand(100, 1)
y = 5 + 2 * x + np.random.rand(100, 1)

W = Variable(np.zeros((1, 1)))
b = Variable(np.zeros(1))


def predict(x):
    return F.matmul(x, W) + b


def mean_squared_error(x0, x1):
    diff = x0 - x1
    return F.sum(diff**2) / len(diff)


lr = 0.1
losses = []
for _ in range(args.iters):
    y_pred = predict(x)
    loss = mean_squared_error(y, y_pred)

    W.cleargrad()
    b.cleargrad()
    loss.backward()

    W.data -= lr * W.grad.data  # on the data, since an update must not be recorded
    b.data -= lr * b.grad.data
    losses.append(float(loss.data))
    print(W, b, loss, flush=True)  # ~> variable([[0.64433458]]) variable([1.29473389]) variable(42.29634013) (2e-8)
    #    ...
    #    variable([[2.11807369]]) variable([5.46608905]) variable(0.07908606512411756)


def kept(loss_function, N=100000):
    """The loss, and how many arrays of N numbers its graph keeps in addition to the inputs."""
    x0, x1 = np.zeros(N), np.ones(N)
    tracemalloc.start()
    loss = loss_function(x0, x1)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return loss, round(size / x0.nbytes)


# The differences and their squares are kept. The same loss as one Function keeps nothing.
print(*kept(lambda x0, x1: mean_squared_error(Variable(x0), x1)))  # -> variable(1.0) 2
print(*kept(F.mean_squared_error))  # -> variable(1.0) 0


def draw(plt):
    """Left the data, the learned line and the residuals; right the loss."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    line = np.array([[0.0], [1.0]])
    left.vlines(x, y, predict(x).data, color="lightgrey", label="residuals")
    left.plot(x, y, "o", markersize=4, label="data")
    left.plot(line, predict(line).data, color="tab:red", label=f"y = {W.data.item():.2f} x + {b.data.item():.2f}")
    left.set(xlabel="x", ylabel="y")
    left.legend()
    right.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    right.set(xlabel="iteration", ylabel="mean squared error", yscale="log")
    return figure


show(draw, args.out)
