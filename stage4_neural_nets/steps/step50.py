"""Step 50: a data loader for mini-batches.

Shuffling, taking the next 30 samples, stacking them: half of the loop of step 49 does only this, and it is the same for
every data set. Python's interface for "the next one" is the iterator: `iter(x)` returns one, `next` returns its items
one by one, and StopIteration signals that there are no more. A `for` loop does exactly this. So an object with
`__iter__` and `__next__` works in a `for` loop:

    for x, t in DataLoader(train_set, batch_size):       arrays, x (30, 2) and t (30,), in a new order each time

In the book a loader is its own iterator and restarts after StopIteration, so after a loop that ended with `break` the
next loop starts in the middle. Here each `for` loop gets a new pass.

A second data set, the test set, answers the question that matters: how good is the network on samples it has not seen?
If it is much better on the training set, it has memorized the samples; this is overfitting. `F.accuracy` is the
fraction of samples whose largest logit is that of their class. It has no derivative, because argmax jumps. Nothing is
learned from the test set, so no graph is recorded (`no_grad()`) and nothing is shuffled.

Batches may differ in size, so each is weighted by its size in the mean of an epoch.

`--epochs N` trains N epochs. `--out DIR` saves loss and accuracy as DIR/step50.png.
"""

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import DataLoader, no_grad, optimizers
from stage4_neural_nets.datasets import Spiral
from stage4_neural_nets.models import MLP

args = options(__doc__, epochs=300, seed=0).parse_args()

# What a `for` loop does with a list.
x = iter([1, 2, 3])
print(next(x))  # -> 1
print(next(x))  # -> 2
print(next(x))  # -> 3
try:
    next(x)
except StopIteration as end:
    print(type(end).__name__)  # !> StopIteration


class MyIterator:
    """1, 2, ..., max_cnt."""

    def __init__(self, max_cnt):
        self.max_cnt = max_cnt
        self.cnt = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.cnt == self.max_cnt:
            raise StopIteration
        self.cnt += 1
        return self.cnt


for x in MyIterator(5):
    print(x)  # -> 1
    #    2
    #    3
    #    4
    #    5

# Loaders.
batch_size = 10
train_set = Spiral(train=True)
test_set = Spiral(train=False)
train_loader = DataLoader(train_set, batch_size)
test_loader = DataLoader(test_set, batch_size, shuffle=False)
for x, t in train_loader:
    print(x.shape, t.shape)  # -> (10, 2) (10,)
    break
for x, t in test_loader:
    print(x.shape, t.shape)  # -> (10, 2) (10,)
    break

# Accuracy: the third prediction is wrong.
y = np.array([[0.2, 0.8, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]])
t = np.array([1, 2, 0])
print(F.accuracy(y, t))  # -> variable(0.6666666666666666)

# Training.
max_epoch = args.epochs
batch_size = 30
hidden_size = 10
lr = 1.0

np.random.seed(args.seed)
train_loader = DataLoader(train_set, batch_size)
test_loader = DataLoader(test_set, batch_size, shuffle=False)
model = MLP((hidden_size, 3))
optimizer = optimizers.SGD(lr).setup(model)

history = []  # for each epoch: loss and accuracy in training, loss and accuracy on test data
for epoch in range(max_epoch):
    sum_loss, sum_acc = 0, 0
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        acc = F.accuracy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(t)
        sum_acc += float(acc.data) * len(t)
    train_loss, train_acc = sum_loss / len(train_set), sum_acc / len(train_set)

    sum_loss, sum_acc = 0, 0
    with no_grad():
        for x, t in test_loader:
            y = model(x)
            sum_loss += float(F.softmax_cross_entropy(y, t).data) * len(t)
            sum_acc += float(F.accuracy(y, t).data) * len(t)
    test_loss, test_acc = sum_loss / len(test_set), sum_acc / len(test_set)

    history.append((train_loss, train_acc, test_loss, test_acc))
    if (epoch + 1) % max(1, max_epoch // 10) == 0:  # ten times
        print(f"epoch: {epoch + 1}")
        print(f"train loss: {train_loss:.4f}, accuracy: {train_acc:.4f}")
        print(f"test loss: {test_loss:.4f}, accuracy: {test_acc:.4f}", flush=True)
# -> epoch: 30
# -> ...
# -> epoch: 300
# ~> train loss: 0.12, accuracy: 0.96 (0.02)
# ~> test loss: 0.15, accuracy: 0.96 (0.03)


def draw(plt):
    """Loss and accuracy by epoch; the test set is almost as good as the training set."""
    figure, row = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    train_loss, train_acc, test_loss, test_acc = zip(*history, strict=True)
    epochs = range(1, len(history) + 1)
    curves = [("loss", train_loss, test_loss), ("accuracy", train_acc, test_acc)]
    for axes, (name, train, test) in zip(row, curves, strict=True):
        axes.plot(epochs, train, ".-", markersize=4, label="train")
        axes.plot(epochs, test, ".-", markersize=4, label="test")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    return figure


show(draw, args.out)
