"""Step 48: multiclass classification.

The data are three classes of points, 100 each, that wind around each other like the arms of a spiral. No straight line
separates them, so a network needs a hidden layer, which can bend the decision boundary.

Real data are too large for one array and one product, so training uses mini-batches: here 30 of 300 points, which gives
ten updates instead of one for about the same work. The gradient of a mini-batch points roughly in the direction of the
full gradient. Each epoch, one pass through all data, uses a new order, `np.random.permutation`, so that no mini-batch
occurs twice. The last of an epoch may be smaller: there are ceil(data_size / batch_size) of them, and the mean loss of
an epoch weights each by its size.

Values that are chosen by hand instead of learned are called hyperparameters: the number of epochs, the batch size, the
hidden size and the learning rate.

`get_spiral` returns the data, x (300, 2) float32 and t (300,), always the same, and does not change NumPy's global
random state. The samples printed in the book come from two versions of it: x[10] and x[110] in step 48 from one without
a shuffle, where the points are sorted by arm and radius; the sample in step 49 from a later one with a shuffle, which
is the one here. Sorting restores the older order, below. The losses are not the book's, which shows only a figure.

`--epochs N` trains N epochs. `--out DIR` saves the data, the loss and the learned regions as DIR/step48.png.
"""

import math

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import no_grad, optimizers
from stage4_neural_nets.datasets import get_spiral
from stage4_neural_nets.models import MLP

args = options(__doc__, epochs=300, seed=0).parse_args()

x, t = get_spiral(train=True)
print(x.shape)  # -> (300, 2)
print(t.shape)  # -> (300,)

older = np.lexsort([np.hypot(*x.T), t])  # by class, then by radius
for i in (10, 110):
    print(x[older[i]], t[older[i]])  # ~> [0.05984409 0.0801167 ] 0 (2e-8)
    #    [-0.08959206 -0.04442143] 1

max_epoch = args.epochs
batch_size = 30
hidden_size = 10
lr = 1.0

np.random.seed(args.seed)
model = MLP((hidden_size, 3))
optimizer = optimizers.SGD(lr).setup(model)

data_size = len(x)
max_iter = math.ceil(data_size / batch_size)
losses = []
for epoch in range(max_epoch):
    index = np.random.permutation(data_size)
    sum_loss = 0
    for i in range(max_iter):
        batch_index = index[i * batch_size : (i + 1) * batch_size]
        batch_x = x[batch_index]
        batch_t = t[batch_index]

        y = model(batch_x)
        loss = F.softmax_cross_entropy(y, batch_t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(batch_t)

    losses.append(sum_loss / data_size)
    print(f"epoch {epoch + 1}, loss {losses[-1]:.2f}", flush=True)  # ~> epoch 1, loss 1.06 (0.03)
    #    epoch 2, loss 0.98
    #    ...
    #    epoch 300, loss 0.11

with no_grad():
    print(f"accuracy {(model(x).data.argmax(axis=1) == t).mean():.2f}")  # ~> accuracy 0.97 (0.03)


def draw(plt):
    """The data; the mean loss of each epoch; the predicted class at each point of the plane."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    colors = ["tab:blue", "tab:orange", "tab:green"]
    for axes in (left, right):
        for j in range(3):
            axes.scatter(*x[t == j].T, s=18, marker="o^x"[j], color=colors[j], label=f"class {j}")
        axes.set(xlabel="x0", ylabel="x1", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    left.legend(loc="lower right")
    middle.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    middle.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    grid = np.meshgrid(np.linspace(-1.1, 1.1, 400, dtype=np.float32), np.linspace(-1.1, 1.1, 400, dtype=np.float32))
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    with no_grad():
        classes = model(points).data.argmax(axis=1).reshape(grid[0].shape)
    right.contourf(*grid, classes, levels=[-0.5, 0.5, 1.5, 2.5], colors=colors, alpha=0.3, zorder=0)
    return figure


show(draw, args.out)
