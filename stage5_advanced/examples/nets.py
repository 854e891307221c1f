"""Six networks for images, in the order in which they were invented, each small enough for a minute on digits.

    AlexNet      2012    convolutions, poolings, then large linear layers with dropout
    VGG          2014    only 3 x 3 convolutions, in blocks that double the channels
    NiN          2013    1 x 1 convolutions after each, and no linear layer: a channel per class, averaged
    GoogLeNet    2014    branches of different kernels, concatenated, each made cheap by a 1 x 1 convolution
    ResNet       2015    a block adds its output to its input, so that gradients have a way around it
    DenseNet     2017    a block appends its output to its input: each layer sees all before it

They are built here of the blocks of `stage5_advanced.models`, where they are in full size, too. The linear layers of
AlexNet and VGG have most of their parameters; the later networks average over all positions instead. The last three
normalize each batch, and learn in fewer epochs.

    --quick, 7 epochs of 1,500 digits, 8 x 8, enlarged to 32 x 32: test accuracy 0.92 to 0.97; default 20 epochs

    python stage5_advanced/examples/nets.py --quick

The table: parameters, test accuracy, seconds of one core for an epoch. The figure: the outputs of the layers of each
network, as wide as they have channels (a logarithm of it) and as high as the image; accuracy by epoch; accuracy against
the number of parameters.

A. Zhang et al., Dive into Deep Learning, chapter "Modern convolutional neural networks", https://d2l.ai
"""

import math
import time

import numpy as np
from common import begin, figure, load_digits, options, pick, save, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, no_grad, optimizers, test_mode
from stage5_advanced.initializers import He, initialize
from stage5_advanced.models import BasicBlock, ConvUnit, DenseBlock, Inception, NiNBlock, Sequential, Transition
from stage5_advanced.optimizers import CosineLR
from stage5_advanced.training import ScheduleRate, Trainer, count_params


def half(x):
    return F.max_pool2d(x, 3, 2, pad=1)


def alexnet():
    convolutions = [L.Conv2d(32, 5, 2, pad=2), F.relu, half, L.Conv2d(48, 5, pad=2), F.relu, half]
    convolutions += [L.Conv2d(64, 3, pad=1), F.relu, L.Conv2d(48, 3, pad=1), F.relu, half]
    return [*convolutions, F.flatten, L.Linear(256), F.relu, L.Dropout(), L.Linear(256), F.relu, L.Dropout()]


def vgg():
    convolutions = [L.Conv2d(8, 3, pad=1), F.relu, half, L.Conv2d(16, 3, pad=1), F.relu, half]
    for channels in (32, 64):
        convolutions += [L.Conv2d(channels, 3, pad=1), F.relu, L.Conv2d(channels, 3, pad=1), F.relu, half]
    return [*convolutions, F.flatten, L.Linear(256), F.relu, L.Dropout()]


def nin():
    return [NiNBlock(32, 5, 2, pad=2), half, NiNBlock(48, 3, pad=1), half, NiNBlock(64, 3, pad=1)]


def googlenet():
    blocks = [Inception("torch", 8, 8, 16, 4, 8, 8), half, Inception("torch", 16, 12, 32, 4, 8, 8)]
    return [ConvUnit("torch", 24, 5, 2, pad=2), half, *blocks, F.global_avg_pool]


def resnet():
    stem = [L.Conv2d(16, 3, 2, pad=1, nobias=True), L.BatchNorm(), F.relu]
    return [*stem, BasicBlock(16, 1), BasicBlock(32, 2), BasicBlock(64, 2), F.global_avg_pool]


def densenet():
    blocks = [DenseBlock(3, 8, None, 0), Transition(20, True), DenseBlock(3, 8, None, 0), Transition(22, True)]
    return [L.Conv2d(16, 3, 2, pad=1), *blocks, DenseBlock(3, 8, None, 0), L.BatchNorm(), F.relu, F.global_avg_pool]


def head(name):
    """The last layers: from features to logits (N, 10)."""
    if (
        name == "NiN"
    ):  # in the full one a ReLU follows; here it could leave a class at 0 for all images, without gradient
        return [L.Conv2d(10, 1), F.global_avg_pool]
    return [L.Linear(10)]


COLORS = {L.Conv2d: "tab:blue", ConvUnit: "tab:blue", L.Linear: "tab:green"}  # in the figure; blocks are orange
NETS = {"AlexNet": alexnet, "VGG": vgg, "NiN": nin, "GoogLeNet": googlenet, "ResNet": resnet, "DenseNet": densenet}


def train(model, train_set, test_set, arguments):
    """The test accuracy after each epoch, and the seconds for an epoch."""
    loader = DataLoader(train_set, 32, gpu=arguments.gpu)
    optimizer = optimizers.Adam(0.002)
    schedule = ScheduleRate(CosineLR(optimizer, arguments.epochs * len(loader)), per="batch")
    trainer = Trainer(model, optimizer, F.softmax_cross_entropy, {"accuracy": F.accuracy})
    test_loader = DataLoader(test_set, 300, shuffle=False, gpu=arguments.gpu)
    start = time.process_time()
    history = trainer.fit(loader, arguments.epochs, test_loader, [schedule], progress=False)
    return history["valid_accuracy"], (time.process_time() - start) / arguments.epochs


def main():
    arguments = begin(options(__doc__, epochs=(20, 7), mnist=(3, 1), data=("digits", "mnist5k", "fashion", "mnist")))
    sets = load_digits(arguments)
    n = pick(arguments, None, None, 40)
    for dataset in sets:
        dataset.data = F.resize_bilinear(dataset.data[:n].astype(np.float32), (32, 32)).data
    models, rows = {}, {}
    for name, layers in NETS.items():
        models[name] = model = Sequential(*layers(), *head(name))
        initialize(model, He(), sets[0][0][0][None])
        if arguments.gpu:
            model.to_gpu()
        accuracy, seconds = train(model, *sets, arguments)
        rows[name] = accuracy, count_params(model), seconds
        print(f"{name}: test accuracy {accuracy[-1]:.4f}", flush=True)
    table(
        ("network", "parameters", "test accuracy", "seconds per epoch"),
        [(name, f"{n:,}", f"{accuracy[-1]:.4f}", f"{s:.1f}") for name, (accuracy, n, s) in rows.items()],
    )
    print(f"the least accurate: {min(accuracy[-1] for accuracy, _, _ in rows.values()):.4f}")
    x = np.stack([sets[1][0][0]])
    save(draw(models, rows, x), arguments)


def draw(models, rows, x):
    """What the layers of each network return; accuracy by epoch; accuracy against parameters."""
    made, axes = figure("aab;aac", height=9)
    for row, (name, model) in enumerate(models.items()):
        model.to_cpu()
        outline(axes["a"], 6 - row, name, model, x)
    title = "channels and sizes after convolutions (blue), blocks (orange), poolings (gray), linear layers (green)"
    axes["a"].set(title=title, xlim=(-6, 53), ylim=(0.2, 6.5))
    axes["a"].axis("off")
    for i, (name, (accuracy, n_params, _)) in enumerate(rows.items()):
        axes["b"].plot(range(1, len(accuracy) + 1), accuracy, ".-", color=f"C{i}", label=name)
        axes["c"].plot(n_params, accuracy[-1], "o", color=f"C{i}")
        axes["c"].annotate(name, (n_params, accuracy[-1]), xytext=(6, 3), textcoords="offset points")
    axes["b"].set(title="test accuracy", xlabel="epoch")
    axes["b"].legend()
    axes["c"].set(title="test accuracy", xlabel="parameters", xscale="log", xlim=(5e3, 1e6))
    return made


def outline(axes, y, name, model, x):
    """A row of boxes: x, and what each layer returns."""
    from matplotlib.patches import Rectangle

    left = 0
    axes.text(-1.2, y, name, ha="right", va="center", fontsize=11)
    with no_grad(), test_mode():
        for layer in [np.copy, *model.layers]:
            x = layer(x)
            if layer is F.relu or isinstance(layer, (L.BatchNorm, L.Dropout)):
                continue
            shape = x.shape
            height, width = 0.8 * (shape[2] if x.ndim == 4 else 1) / 32, math.log2(1 + shape[1]) / 2
            color = COLORS.get(type(layer), "tab:orange") if isinstance(layer, L.Layer) else "silver"
            axes.add_patch(Rectangle((left, y - height / 2), width, height, facecolor=color))
            label = f"{shape[1]}" + (f"\n{shape[2]} x {shape[3]}" if x.ndim == 4 else "")
            axes.text(left + width / 2, y - 0.43, label, ha="center", va="top", fontsize=7)
            left += max(width + 1.2, 2.2)  # room for the label


if __name__ == "__main__":
    main()
