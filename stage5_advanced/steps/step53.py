"""Step 53: saving and loading a model.

What a network has learned is in its parameters, and they are gone when the program ends. In a file they can wait: for
the next training session, or for years of use. NumPy has a format for this, .npz, an archive of arrays with names:

    np.savez(file, x1=a, x2=b)          arrays = np.load(file)          arrays["x1"], arrays["x2"]

But layers lie in layers, and an archive is flat. So each parameter gets its path as a name:

    layer -+- l1 -+- p1            {"l1/p1": array(1),
           +- p2                    "p2": array(2),
           +- p3                    "p3": array(3)}

`model.save_weights(path)` writes these arrays, compressed; `model.load_weights(path)` puts each where its name says,
in a model that was made in the same way. The new model need not have seen an input: parameters without data yet take
the lengths of the file. (In the book the order of the names differs from run to run; here it is the order in which
they were set.) Three things that are easily got wrong:

    - A file half written is no file. It is written under another name and moved into place when it is complete, so
      that Ctrl-C or a full disk leaves the old one.
    - Names, shapes and dtypes must be the model's; where one is not, an error says so, and nothing has changed.
    - Files only hold arrays of NumPy. A model on the GPU stays there when it is saved, and is loaded to there.

Weights are enough to use a model, not to go on as if nothing had happened: the optimizer has its momenta, the loader
is somewhere in its random order. `save_checkpoint` writes all of it, and a run that goes on from there gives the same
bits as one that was never interrupted.

The book's script loads my_mlp.npz if it is there, trains and saves it, so that its second run goes on where the first
one ended. `--weights my_mlp.npz` does just that. Without it, nothing is left behind: both runs are made one after the
other, with a file in a temporary folder between them.

`--data`, `--epochs N` and `--seed N` as in step 52, 3 epochs if nothing is said. `--out DIR` writes the figure to
DIR/step53.png (needs matplotlib); without it the figure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys
import tempfile

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Layer, Parameter, load_checkpoint, optimizers, save_checkpoint
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.models import MLP

parser = argparse.ArgumentParser(description="Step 53: saving and loading a model")
parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="default mnist")
parser.add_argument("--epochs", type=int, default=3, metavar="N", help="default 3")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--weights", type=pathlib.Path, metavar="FILE.npz", help="go on from there, and save there")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step53.png")
arguments = parser.parse_args()
if arguments.epochs < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--epochs must be at least 1, --seed from 0 to 4294967295")
if arguments.weights and (arguments.weights.suffix != ".npz" or not arguments.weights.parent.is_dir()):
    parser.error("--weights must be a file whose name ends in .npz, in a folder that exists")


def interrupted(*_):
    print("step53: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback

# --- demonstration ---

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

# A layer in a layer, made flat.
layer = Layer()

l1 = Layer()
l1.p1 = Parameter(np.array(1))

layer.l1 = l1
layer.p2 = Parameter(np.array(2))
layer.p3 = Parameter(np.array(3))

params_dict = {}
layer._flatten_params(params_dict)
print(params_dict)  # -> {'l1/p1': variable(1), 'p2': variable(2), 'p3': variable(3)}

# To a file, and into a new model; a model of other sizes refuses it.
np.random.seed(arguments.seed)
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
        print(error)  # !> MLP: 'l0/W' came as (4, 10) float32, not (None, 20) float32
    try:
        MLP((10, 3)).save_weights(path)
    except ValueError as error:
        print(error)  # !> MLP: 'l0/W' has no data yet; call the model once before
    print(path.exists())  # -> True


# A checkpoint: two epochs of Digits, and two more, in one go or after a break.
digits = Digits(train=True)


def beginning():
    """A model, an optimizer and a loader, as at the beginning of every run."""
    model = MLP((50, 10), activation=F.relu)
    return model, optimizers.Adam().setup(model), DataLoader(digits, 100)


def two_epochs(model, optimizer, loader):
    """Train; afterwards all weights in one array."""
    for _ in range(2):
        for x, t in loader:
            loss = F.softmax_cross_entropy(F.dropout(model(x), 0.1), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    return np.concatenate([p.data.ravel() for p in model.params()])


np.random.seed(arguments.seed)
run = beginning()
two_epochs(*run)
with tempfile.TemporaryDirectory() as folder:
    save_checkpoint(f"{folder}/checkpoint.npz", *run, epoch=2)
    run[0].save_weights(f"{folder}/weights.npz")
    without_a_break = two_epochs(*run)

    run = beginning()
    print(load_checkpoint(f"{folder}/checkpoint.npz", *run))  # -> {'epoch': 2}
    print(np.array_equal(two_epochs(*run), without_a_break))  # -> True

    run = beginning()
    run[0].load_weights(f"{folder}/weights.npz")  # the weights alone are not enough for that
    print(np.array_equal(two_epochs(*run), without_a_break))  # -> False


# The book's script.
def load(data):
    """The data set asked for; Digits if MNIST cannot be had."""
    if data == "mnist":
        try:
            return MNIST(train=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"step53: Digits take the place of MNIST: {reason}", file=sys.stderr)
    return Digits(train=True)


train_set = load(arguments.data)
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a closed pipe, as by head: no traceback; not while downloading
max_epoch = arguments.epochs
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


np.random.seed(arguments.seed)
model = MLP((1000, 10))
if arguments.weights and arguments.weights.exists():
    try:
        model.load_weights(arguments.weights)
        model(train_set[0][0][np.newaxis])
    except (OSError, ValueError) as error:
        sys.exit(f"step53: {error}")
runs = [train(model)]

if arguments.weights:
    try:
        model.save_weights(arguments.weights)
    except OSError as error:
        sys.exit(f"step53: {error}")
else:
    with tempfile.TemporaryDirectory() as folder:
        model.save_weights(f"{folder}/my_mlp.npz")
        model = MLP((1000, 10))
        model.load_weights(f"{folder}/my_mlp.npz")
    print("the second run")  # -> the second run
    runs.append(train(model))  # ~> epoch: 1, loss: 2.21 (0.03)
    #    epoch: 2, loss: 2.18
    #    epoch: 3, loss: 2.16


def draw(plt):
    """Left the layers and the dictionary that is made of them; right the loss of the runs."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained", width_ratios=[1.5, 1])

    def box(x, y, width, height, text, color, corner=False):
        left.add_patch(plt.Rectangle((x, y), width, height, facecolor=color, edgecolor="black"))
        place = (x + 0.12, y + height - 0.12) if corner else (x + width / 2, y + height / 2)
        style = {"va": "top", "ha": "left"} if corner else {"va": "center", "ha": "center"}
        left.text(*place, text, family="monospace", **style)

    box(0, 0, 3.4, 4, "layer", "whitesmoke", corner=True)
    box(0.9, 2.1, 2.3, 1.3, "l1", "lightblue", corner=True)
    box(4.5, 0, 2.1, 4, "the archive", "whitesmoke", corner=True)
    places = (2.3, 1.2, 0.25)  # of p1, p2, p3, and of their rows
    for y, (key, p) in zip(places, params_dict.items(), strict=True):
        box(1.7, y, 1.3, 0.7, f"{key[-2:]} = {p.data}", "orange")
        left.annotate("", (4.6, y + 0.35), (3, y + 0.35), arrowprops={"arrowstyle": "->", "color": "grey"})
        left.text(4.75, y + 0.35, f"{key!r}: {p.data}", family="monospace", va="center")
    left.set(xlim=(-0.1, 6.7), ylim=(-0.1, 4.1), title="names are paths")
    left.axis("off")

    start = 1
    for i, losses in enumerate(runs):
        right.plot(range(start, start + len(losses)), losses, ".-", label=f"run {i + 1}")
        start += len(losses)
    if len(runs) > 1:
        right.axvline(max_epoch + 0.5, color="grey", linestyle="--", label="saved, and loaded")
    right.set(title=f"{type(train_set).__name__}: loss", xlabel="epoch")
    right.locator_params(axis="x", integer=True)
    right.legend()
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step53: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step53.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
