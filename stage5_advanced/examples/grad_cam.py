"""Grad-CAM: where a network looks.

The last convolution of a network still knows where things are; its channels say what is there. How much a channel
matters for a class is how much the score of the class grows with it: the gradient of the score by the channel, averaged
over all places. So the sum of the channels, weighted by that, is a map of what spoke for the class,

    a_k = mean of d score[c] / d A_k over its places,        map = relu(sum of a_k A_k),

for any class c, also for one that the picture does not show: then it tells what looks like it. All that it takes is
`grad`, the gradients of the score by a variable in the middle of the graph.

Without --image a small network is trained on digits. It has no linear layers but one, of the means over all places, so
that what it says must come from what it sees somewhere. (Then the gradients are that layer's weights, the same at each
place: the older "class activation map".) With --image the network is VGG16.

    python stage5_advanced/examples/grad_cam.py --data digits --quick
    python stage5_advanced/examples/grad_cam.py --image zebra.jpg        VGG16, its weights 553 MB, downloaded once

R. R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization,
arXiv:1610.02391 (2016).
"""

import pathlib
import sys

import numpy as np
from cnn import train
from common import NAME, begin, load_digits, options, save

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Model, cuda, grad, test_mode
from stage5_advanced.datasets import ImageNet
from stage5_advanced.models import VGG16


class Net(Model):
    """x (N, 1, H, W) -> scores (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(32, 3, pad=1)
        self.bn1 = L.BatchNorm()
        self.conv2 = L.Conv2d(48, 3, pad=1)
        self.bn2 = L.BatchNorm()
        self.conv3 = L.Conv2d(64, 3, pad=1)
        self.bn3 = L.BatchNorm()
        self.fc4 = L.Linear(10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if x.shape[2] > 8:
            x = F.pooling(x, 2, 2)
        x = F.relu(self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)))
        return self.fc4(F.mean(x, axis=(2, 3)))


def grad_cam(A, scores, classes):
    """The maps (N, H, W), 0-1, of A (N, C, H, W), from which the scores (N, K) were computed, for a class of each."""
    score = F.sum(scores[np.arange(len(classes)), classes])  # the samples do not know of each other
    weight = F.mean(grad(score, A), axis=(2, 3), keepdims=True)
    maps = F.relu(F.sum(weight * F.relu(A), axis=1))
    return cuda.as_numpy(maps / (F.max(maps, axis=(1, 2), keepdims=True) + 1e-8))


def look(model, layer, x, ranks):
    """Scores (N, K); for each rank the classes (N,) that have it, and the maps (N, H, W) for them."""
    with test_mode():
        scores = model(x)
        A = layer.outputs[
            0
        ]()  # a layer remembers its outputs, as long as somebody holds them: here the graph of scores
        order = cuda.as_numpy(scores).argsort(axis=1)[:, ::-1]
        return cuda.as_numpy(scores), [(order[:, k], grad_cam(A, scores, order[:, k])) for k in ranks]


def overlay(axes, picture, heat, title, **settings):
    """A picture, and a map over it, the stronger the more there is."""
    H, W = picture.shape[:2]
    axes.imshow(picture, extent=(0, W, H, 0), **settings)
    if heat is not None:
        alpha = np.clip(0.9 * heat, 0, 1)
        axes.imshow(heat, extent=(0, W, H, 0), cmap="autumn_r", vmin=0, vmax=1, alpha=alpha, interpolation="bilinear")
    axes.set_title(title)
    axes.axis("off")


def digits(arguments):
    """One digit of each class: bare, with the map for the first class, with that for the second."""
    from matplotlib.figure import Figure

    train_set, test_set = load_digits(arguments)
    print(f"{type(train_set).__name__}: {len(train_set)} to train, {len(test_set)} to test")
    model = Net()
    if arguments.gpu:
        model.to_gpu()
    history = train(model, train_set, test_set, arguments.epochs, arguments.gpu)
    print(f"test accuracy: {history[-1][3]:.4f}")

    t = np.array(test_set.label)
    chosen = [np.flatnonzero(t == digit)[0] for digit in range(10)]
    x = np.stack([test_set[i][0] for i in chosen])
    scores, maps = look(model, model.bn3, cuda.as_cupy(x) if arguments.gpu else x, ranks=(0, 1))
    figure = Figure(figsize=(15, 5.2), layout="constrained")
    rows = figure.subplots(3, 10)
    for i in range(10):
        settings = {"cmap": "gray_r", "vmin": 0, "vmax": 1.4}
        overlay(rows[0, i], x[i, 0], None, f"{t[chosen[i]]}", **settings)
        for row, reading, (classes, heat) in zip(rows[1:], ("read as", "next"), maps, strict=True):
            overlay(row[i], x[i, 0], heat[i], f"{reading} {classes[i]}: {scores[i, classes[i]]:.1f}", **settings)
    return figure


def photograph(arguments):
    """A photograph: bare, and with the maps for the three classes that VGG16 finds first."""
    from matplotlib.figure import Figure

    try:
        import PIL.Image

        with PIL.Image.open(arguments.image) as image:
            image = image.convert("RGB").resize((224, 224))
        model, labels = VGG16(pretrained=True), ImageNet.labels()
    except (OSError, ImportError, RuntimeError) as error:
        sys.exit(f"{NAME}: {str(error).splitlines()[0].rstrip(':')}")
    x = VGG16.preprocess(image)[None]
    if arguments.gpu:
        model.to_gpu()
        x = cuda.as_cupy(x)
    scores, maps = look(model, model.conv5_3, x, ranks=(0, 1, 2))
    p = F.softmax(scores).data[0]
    figure = Figure(figsize=(15, 4.3), layout="constrained")
    first, *others = figure.subplots(1, 4)
    overlay(first, np.asarray(image), None, arguments.image.name)
    for axes, (classes, heat) in zip(others, maps, strict=True):
        title = f"{labels[classes[0]].split(',')[0]}: {p[classes[0]]:.3f}"
        print(title)
        overlay(axes, np.asarray(image), heat[0], title)
    return figure


def main():
    parser = options(__doc__, epochs=(30, 15), mnist=(4, 3))
    parser.add_argument("--image", type=pathlib.Path, metavar="FILE", help="a photograph, for VGG16")
    arguments = begin(parser)
    save(photograph(arguments) if arguments.image else digits(arguments), arguments)


if __name__ == "__main__":
    main()
