"""Step 49: the Dataset class and preprocessing.

Step 48 held all data in one array. A million images do not fit into memory and need not: training uses a few at a time.
So training relies on an interface of two methods and does not know where the data are:

    len(dataset)        the number of samples
    dataset[i]          sample i, a pair of data and label; the label is None if there are no labels

`Dataset` implements both for data that `prepare` stores in `data` and `label`; `Spiral` is four lines. A larger data
set defines the two methods itself and opens file i when sample i is requested, as `Files` below; `Squares` computes
sample i instead. The index is a single integer, because data sets of files have no slices. A batch is a list of
samples stacked by np.array.

The interface is also the place for preprocessing. A transform is a callable for one sample, `Spiral(transform=f)`,
applied when the sample is fetched: normalization, (x - mean) / std, another dtype, or, for images, random shifts and
rotations, which turn one sample into many (data augmentation). `Compose` applies several in order. `target_transform`
does the same for labels. The transforms of the package are small objects, `Normalize(mean, std)`, `AsType(dtype)`, not
nested functions, so that a data set with transforms can be pickled.

The cost: each sample is fetched separately, with a Python call where step 48 indexed an array.

The book prints the losses 1.35, 1.06, 0.98, 0.90 here, from a run with other weights and orders; the losses below
decrease in the same way. Sample 0 is the book's: it is from the version of `get_spiral` that shuffles, while the
samples that step 48 prints are from the version before.

`--epochs N` trains N epochs. `--out DIR` saves the loss as DIR/step49.png.
"""

import math
import pathlib
import tempfile

import numpy as np
from demo import options, show

import stage4_neural_nets.functions as F
from stage4_neural_nets import Dataset, optimizers, transforms
from stage4_neural_nets.datasets import Spiral
from stage4_neural_nets.models import MLP

args = options(__doc__, epochs=300, seed=0).parse_args()

train_set = Spiral(train=True)
print(train_set[0])  # -> (array([-0.13981389, -0.00721657], dtype=float32), 1)
print(len(train_set))  # -> 300
try:
    train_set[0:3]
except TypeError as error:
    print(error)  # !> 'slice' object cannot be interpreted as an integer

# A batch.
batch_index = [0, 1, 2]
batch = [train_set[i] for i in batch_index]
x = np.array([example[0] for example in batch])
t = np.array([example[1] for example in batch])
print(x.shape)  # -> (3, 2)
print(t.shape)  # -> (3,)


class Squares(Dataset):
    """i -> i^2, a data set of a million samples that are not stored."""

    def __getitem__(self, i):
        return self.transform(np.array([i], np.float32)), i * i

    def __len__(self):
        return 1000000


print(Squares()[1000], len(Squares()))  # -> (array([1000.], dtype=float32), 1000000) 1000000


class Files(Dataset):
    """A data set of one file per sample, which is opened when the sample is requested."""

    def prepare(self):
        self.paths = sorted(folder.glob("*.npy"))

    def __getitem__(self, i):
        path = self.paths[i]
        return self.transform(np.load(path)), int(path.stem.partition("_")[2])  # the label is in the name

    def __len__(self):
        return len(self.paths)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for i in range(3):
        np.save(folder / f"{i}_{train_set[i][1]}", train_set[i][0])  # the ending .npy is added
    files = Files()
    print(len(files), files[0])  # -> 3 (array([-0.13981389, -0.00721657], dtype=float32), 1)


# Preprocessing: three ways to halve.
def f(x):
    return x / 2.0


train_set = Spiral(transform=f)
print(train_set[0])  # ~> (array([-0.06990694, -0.00360829], dtype=float32), 1) (2e-8)
train_set = Spiral(transform=transforms.Normalize(mean=0.0, std=2.0))
print(train_set[0])  # ~> (array([-0.06990694, -0.00360829], dtype=float32), 1) (2e-8)
f = transforms.Compose([transforms.Normalize(mean=0.0, std=2.0), transforms.AsType(np.float64)])
print(Spiral(transform=f)[0])  # ~> (array([-0.06990694, -0.00360829]), 1) (2e-8)

# Training.
max_epoch = args.epochs
batch_size = 30
hidden_size = 10
lr = 1.0

np.random.seed(args.seed)
train_set = Spiral()
model = MLP((hidden_size, 3))
optimizer = optimizers.SGD(lr).setup(model)

data_size = len(train_set)
max_iter = math.ceil(data_size / batch_size)
losses = []
for epoch in range(max_epoch):
    index = np.random.permutation(data_size)
    sum_loss = 0
    for i in range(max_iter):
        batch_index = index[i * batch_size : (i + 1) * batch_size]
        batch = [train_set[i] for i in batch_index]
        batch_x = np.array([example[0] for example in batch])
        batch_t = np.array([example[1] for example in batch])

        y = model(batch_x)
        loss = F.softmax_cross_entropy(y, batch_t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(batch_t)

    losses.append(sum_loss / data_size)
    print(f"epoch {epoch + 1}, loss {losses[-1]:.2f}", flush=True)  # ~> epoch 1, loss 1.06 (0.03)
    #    epoch 2, loss 0.98
    #    epoch 3, loss 0.97
    #    epoch 4, loss 0.92
    #    ...
    #    epoch 300, loss 0.11


def draw(plt):
    """The mean loss of each epoch."""
    figure, axes = plt.subplots(figsize=(7, 4.4), layout="constrained")
    axes.plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    return figure


show(draw, args.out)
