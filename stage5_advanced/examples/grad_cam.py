"""Grad-CAM: where a network looks.

The last convolution of a network still has positions; its channels say what is there. The importance of a channel for a
class is the gradient of the class's logit with respect to the channel, averaged over all positions. The sum of the
channels with these weights is a map of the evidence for the class,

    a_k = mean of d logit[c] / d A_k over the positions,        map = relu(sum of a_k A_k),

for any class c, even one that the picture does not show; then the map shows what looks like it. This needs only `grad`,
for the gradient of a logit with respect to an intermediate variable.

Without --image a small network is trained on digits. Its only linear layer follows the mean over all positions, so each
prediction is based on evidence at positions. (The gradients are then the weights of that layer, the same at each
position: the older "class activation map".) With --image the network is VGG16.

    python stage5_advanced/examples/grad_cam.py --data digits --quick
    python stage5_advanced/examples/grad_cam.py --image zebra.jpg        VGG16; its weights, 553 MB, are downloaded once

The figure: pictures with the maps for the most probable classes.

R. R. Selvaraju et al., Grad-CAM: visual explanations from deep networks via gradient-based localization,
arXiv:1610.02391 (2016).
"""

import numpy as np
from cnn import train
from common import begin, figure, file, load_digits, open_image, options, save, stop

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Model, cuda, grad, test_mode
from stage5_advanced.datasets import ImageNet
from stage5_advanced.models import VGG16


class Net(Model):
    """x (N, 1, H, W) -> logits (N, 10)."""

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


def grad_cam(A, logits, classes):
    """The maps (N, H, W), 0-1, for one class (N,) per sample; logits (N, K) depend on A (N, C, H, W)."""
    chosen = F.sum(logits[np.arange(len(classes)), classes])  # samples are independent, so one sum serves all
    weight = F.mean(grad(chosen, A), axis=(2, 3), keepdims=True)
    maps = F.relu(F.sum(weight * F.relu(A), axis=1))
    return cuda.as_numpy(maps / (F.max(maps, axis=(1, 2), keepdims=True) + 1e-8))


def look(model, layer, x, ranks):
    """The logits (N, K); for each rank, the classes (N,) of that rank and their maps (N, H, W)."""
    with test_mode():
        logits = model(x)
        (A,) = (y() for y in layer.outputs)  # weak references: the graph of the logits keeps A alive
        order = cuda.as_numpy(logits).argsort(axis=1)[:, ::-1]
        return cuda.as_numpy(logits), [(order[:, k], grad_cam(A, logits, order[:, k])) for k in ranks]


def overlay(axes, picture, heat, title, **settings):
    """A picture with a map on top, opaque where its values are high."""
    H, W = picture.shape[:2]
    axes.imshow(picture, extent=(0, W, H, 0), **settings)
    if heat is not None:
        alpha = np.clip(0.9 * heat, 0, 1)
        axes.imshow(heat, extent=(0, W, H, 0), cmap="autumn_r", vmin=0, vmax=1, alpha=alpha, interpolation="bilinear")
    axes.set_title(title)
    axes.axis("off")


def digits(arguments):
    """One digit per class: alone, with the map of the most probable class, with that of the second."""
    train_set, test_set = load_digits(arguments)
    print(f"{type(train_set).__name__}: {len(train_set)} training samples, {len(test_set)} test samples")
    model = Net()
    if arguments.gpu:
        model.to_gpu()
    history = train(model, train_set, test_set, arguments.epochs, arguments.gpu)
    print(f"test accuracy: {history[-1][3]:.4f}")

    t = np.array(test_set.label)
    chosen = [np.flatnonzero(t == digit)[0] for digit in range(10)]
    x = np.stack([test_set[i][0] for i in chosen])
    logits, maps = look(model, model.bn3, cuda.as_cupy(x) if arguments.gpu else x, ranks=(0, 1))
    made, rows = figure((3, 10), height=6)
    for i in range(10):
        settings = {"cmap": "gray_r", "vmin": 0, "vmax": 1.4}
        overlay(rows[0, i], x[i, 0], None, f"{t[chosen[i]]}", **settings)
        for row, rank, (classes, heat) in zip(rows[1:], ("first", "second"), maps, strict=True):
            overlay(row[i], x[i, 0], heat[i], f"{rank} {classes[i]}: {logits[i, classes[i]]:.1f}", **settings)
    return made


def photograph(arguments):
    """A photograph: alone, and with the maps of the three most probable classes of VGG16."""
    image = open_image(arguments.image, 224)
    try:
        model, labels = VGG16(pretrained=True), ImageNet.labels()
    except RuntimeError as error:
        stop(str(error).splitlines()[0].rstrip(":"))
    x = VGG16.preprocess(image)[None]
    if arguments.gpu:
        model.to_gpu()
        x = cuda.as_cupy(x)
    logits, maps = look(model, model.conv5_3, x, ranks=(0, 1, 2))
    p = F.softmax(logits).data[0]
    made, (first, *others) = figure((1, 4), height=6)
    overlay(first, np.asarray(image), None, arguments.image.name)
    for axes, (classes, heat) in zip(others, maps, strict=True):
        title = f"{labels[classes[0]].split(',')[0]}: {p[classes[0]]:.3f}"
        print(title)
        overlay(axes, np.asarray(image), heat[0], title)
    return made


def main():
    parser = options(__doc__, epochs=(30, 15), mnist=(4, 3))
    parser.add_argument(
        "--image",
        type=file,
        metavar="FILE",
        help="a photograph, for VGG16, whose weights are downloaded once: 553 MB",
    )
    arguments = begin(parser)
    save(photograph(arguments) if arguments.image else digits(arguments), arguments)


if __name__ == "__main__":
    main()
