"""Step 53: saving and loading a model.

What a network has learned is in its parameters, and they are lost when the program ends. A file keeps them, for the
next training session or for inference. NumPy's format for this is .npz, an archive of named arrays:

    np.savez(file, x1=a, x2=b)          arrays = np.load(file)          arrays["x1"], arrays["x2"]

But layers contain layers, and an archive is flat. So the name of each parameter is its path:

    layer -+- l1 -+- p1            {"l1/p1": array(1),
           +- p2                    "p2": array(2),
           +- p3                    "p3": array(3)}

`model.save_weights(path)` writes these arrays, compressed; `model.load_weights(path)` loads each into the parameter of
that name, in a model that was created in the same way. The new model need not have seen an input: parameters without
data get the shapes in the file. (In the book the order of the names differs from run to run; here it is the order of
assignment.) Three things are easy to get wrong:

    - A file must never be incomplete. It is written under another name and renamed when it is complete, so Ctrl-C or
      a full disk leaves the old file intact.
    - Names, shapes and dtypes must be those of the model; otherwise an error names the difference, and nothing changes.
    - Files contain NumPy arrays only. A model on the GPU stays there when it is saved or loaded.

Weights are enough for inference, but not to resume training: the optimizer has its state, and the loader is at some
position of its random order. `save_checkpoint` saves everything, and a run resumed from a checkpoint gives the same
bits as an uninterrupted run.

The book's script loads my_mlp.npz if it exists, trains, and saves it, so its second run continues the first. `--weights
my_mlp.npz` does the same. Without it nothing is left on disk: the two runs follow each other, with a file in a
temporary folder in between.

`--data digits` uses Digits instead of MNIST. `--epochs N` trains N epochs. `--out DIR` saves the flat dictionary and
the losses as DIR/step53.png.
"""

import pathlib
import tempfile

import numpy as np
from demo import load, options, show, stop
from drawings import step53

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Layer, Parameter, load_checkpoint, optimizers, save_checkpoint
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.models import MLP

parser = options(__doc__, data="mnist", epochs=3, seed=0)
parser.add_argument("--weights", type=pathlib.Path, metavar="FILE.npz", help="load them if they exist; save them")
args = parser.parse_args()
if args.weights and (args.weights.suffix != ".npz" or not args.weights.parent.is_dir()):
    parser.error("--weights: expected a file name that ends in .npz, in an existing folder")

# One array, several, several from a dictionary.
with tempfile.TemporaryDirectory() as folder:
    x = np.array([1, 2, 3])
    np.save(f"{folder}/test.npy", x)
    x = np.load(f"{folder}/test.npy")
    print(x)  # -> [1 2 3]

    x1 = np.array([1, 2, 3])
    x2 = np.array([4, 5, 6])
    data = {"x1": x1, "x2": x2}
    np.savez(f"{folder}/test.npz", **data)  # that is: x1=x1, x2=x2
    with np.load(f"{folder}/test.npz") as arrays:
        x1 = arrays["x1"]
        x2 = arrays["x2"]
    print(x1)  # -> [1 2 3]
    print(x2)  # -> [4 5 6]

# A layer in a layer, flattened.
layer = Layer()

l1 = Layer()
l1.p1 = Parameter(np.array(1))

layer.l1 = l1
layer.p2 = Parameter(np.array(2))
layer.p3 = Parameter(np.array(3))

params_dict = {}
layer._flatten_params(params_dict)
print(params_dict)  # -> {'l1/p1': variable(1), 'p2': variable(2), 'p3': variable(3)}

# Into a file and into a new model; a model of other sizes is an error.
np.random.seed(args.seed)
model = MLP((10, 3))
x = np.random.rand(5, 4)
y = model(x)
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, "my_mlp.npz")
    model.save_weights(path)
    with np.load(path) as arrays:
        print(arrays.files)  # -> ['l0/W', 'l0/b', 'l1/W', 'l1/b']
    new = MLP((10, 3))
    new.load_weights(path)
    print(np.array_equal(new(x).data, y.data))  # -> True
    try:
        MLP((20, 3)).load_weights(path)
    except ValueError as error:
        print(error)  # !> MLP: 'l0/W': expected (None, 20) float32, got (4, 10) float32
    try:
        MLP((10, 3)).save_weights(path)
    except ValueError as error:
        print(error)  # !> MLP: 'l0/W' is uninitialized; call the model once first
    print(path.exists())  # -> True


# A checkpoint: two epochs of Digits and two more, without and with an interruption.
digits = Digits(train=True)


def beginning():
    """A model, an optimizer and a loader as at the start of each run."""
    model = MLP((50, 10), activation=F.relu)
    return model, optimizers.Adam().setup(model), DataLoader(digits, 100)


def two_epochs(model, optimizer, loader):
    """Train, then return all weights in one array."""
    for _ in range(2):
        for x, t in loader:
            loss = F.softmax_cross_entropy(F.dropout(model(x), 0.1), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    return np.concatenate([p.data.ravel() for p in model.params()])


np.random.seed(args.seed)
run = beginning()
two_epochs(*run)
with tempfile.TemporaryDirectory() as folder:
    save_checkpoint(f"{folder}/checkpoint.npz", *run, epoch=2)
    run[0].save_weights(f"{folder}/weights.npz")
    uninterrupted = two_epochs(*run)

    run = beginning()
    print(load_checkpoint(f"{folder}/checkpoint.npz", *run))  # -> {'epoch': 2}
    print(np.array_equal(two_epochs(*run), uninterrupted))  # -> True

    run = beginning()
    run[0].load_weights(f"{folder}/weights.npz")  # the weights alone are not enough
    print(np.array_equal(two_epochs(*run), uninterrupted))  # -> False

# The book's script.
train_set, _ = load(args.data, MNIST, Digits)
max_epoch = args.epochs
batch_size = 100


def train(model):
    """Train; the loss of each epoch."""
    train_loader = DataLoader(train_set, batch_size)
    optimizer = optimizers.SGD().setup(model)
    losses = []
    for epoch in range(max_epoch):
        sum_loss = 0
        for x, t in train_loader:
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            sum_loss += float(loss.data) * len(t)
        losses.append(sum_loss / len(train_set))
        print(f"epoch: {epoch + 1}, loss: {losses[-1]:.4f}", flush=True)  # ~> epoch: 1, loss: 2.31 (0.03)
        #    epoch: 2, loss: 2.27
        #    epoch: 3, loss: 2.24
    return losses


np.random.seed(args.seed)
runs = []
with tempfile.TemporaryDirectory() as folder:
    path = args.weights or pathlib.Path(folder, "my_mlp.npz")
    try:
        for _ in range(1 if args.weights else 2):
            model = MLP((1000, 10))
            if path.exists():
                model.load_weights(path)
            runs.append(train(model))  # the second run:
            # ~> epoch: 1, loss: 2.21 (0.03)
            #    epoch: 2, loss: 2.18
            #    epoch: 3, loss: 2.16
            model.save_weights(path)
    except (OSError, ValueError) as error:
        stop(error)

show(step53, args.out, params_dict, runs, type(train_set).__name__)
