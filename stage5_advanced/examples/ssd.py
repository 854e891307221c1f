"""A single-shot detector: what is in an image, and where, in one pass of a network.

Objects are found by classifying boxes. At each position of a map of features there are four fixed boxes, the anchors;
convolutions predict for each of them a class, or that it is background, and four numbers, by which a box around an
object differs from the anchor. Each map is half as large as the one before: large maps have many small anchors, small
maps few large ones. An image of 64 x 64 has 344 anchors at four scales.

Training compares the labels with the anchors (anchors.py shows the steps): an anchor that overlaps enough with an
object is to predict its class and offsets, all others the background. There are about a hundred times as many of these,
so of each image only the three times as many that look most like an object are counted (hard negative mining).

    --quick, 1,000 images, 6 epochs: mAP 0.67 (disc 0.71, square 0.56, triangle 0.75)
    default: 4,000 images, 20 epochs

A detection is correct if it has the class of an object and its intersection over union with it is at least 0.5; mAP is
the mean over the classes of the average precision over all recalls.

    python stage5_advanced/examples/ssd.py --quick

The figure: test images with their labels, dotted, and the detections with a score of at least 0.3; the loss; the
average precision of each class. With --quick the scores are still low: they grow with more epochs.

W. Liu et al., SSD: single shot multibox detector, arXiv:1512.02325 (2015).
"""

import numpy as np
from common import begin, figure, options, pick, save

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, cuda, no_grad, optimizers, test_mode
from stage5_advanced.models import TinySSD, ssd_loss
from stage5_advanced.optimizers import CosineLR
from stage5_advanced.synthetic import Shapes
from stage5_advanced.vision.boxes import class_ap, detect, target

COLORS = ("tab:red", "tab:blue", "tab:orange")  # of discs, squares, triangles


def loss_of(model, x, labels):
    """The loss of images x (N, 3, H, W) with labels (N, K, 5)."""
    anchors, scores, offsets = model(x)
    targets, mask, classes = target(anchors, labels)
    return ssd_loss(scores, offsets, classes, targets, mask, box="smooth_l1", negatives=3)


def train(model, train_set, epochs, gpu=False, batch_size=8, lr=0.002):
    """Train and print; return the loss of each epoch."""
    loader = DataLoader(train_set, batch_size, gpu=gpu)
    optimizer = optimizers.Adam(lr).setup(model)
    schedule = CosineLR(optimizer, epochs * len(loader))
    losses = []
    for epoch in range(epochs):
        total = 0
        for x, labels in loader:
            loss = loss_of(model, x, labels)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            schedule.step()
            total += float(loss) * len(x)
        losses.append(total / len(train_set))
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}", flush=True)
    return losses


def predict(model, dataset, gpu=False):
    """The detections of each image: a list of arrays (M, 6), rows (class, score, x0, y0, x1, y1)."""
    found = []
    with no_grad(), test_mode():
        for x, _ in DataLoader(dataset, 50, shuffle=False, gpu=gpu):
            anchors, scores, offsets = model(x)
            found.extend(cuda.as_numpy(detect(F.softmax(scores, axis=2), offsets, anchors)))
    return [each[each[:, 0] >= 0] for each in found]


def main():
    arguments = begin(options(__doc__, epochs=(20, 6)))
    sizes = pick(arguments, (4000, 400), (1000, 200), (16, 12))
    train_set, test_set = (Shapes(n, 64, arguments.seed + i) for i, n in enumerate(sizes))
    model = TinySSD(n_classes=3)
    if arguments.gpu:
        model.to_gpu()
    losses = train(model, train_set, arguments.epochs, arguments.gpu)
    found = predict(model, test_set, arguments.gpu)
    precisions = {test_set.labels()[c]: ap for c, ap in class_ap(found, test_set.boxes).items()}
    print("average precision: " + ", ".join(f"{name} {ap:.3f}" for name, ap in precisions.items()))
    print(f"mAP: {np.mean(list(precisions.values())):.4f}")
    save(draw(test_set, found, losses, precisions), arguments)


def draw(dataset, found, losses, precisions):
    """Images with their labels and detections; the loss; the average precisions."""
    made, axes = figure("012345b;6789xyc", height=6, width_ratios=[1] * 6 + [1.3])
    for i, place in enumerate("0123456789xy"):
        show(axes[place], dataset.data[i], dataset.boxes[i], found[i][found[i][:, 1] >= 0.3])
    axes["b"].plot(range(1, len(losses) + 1), losses, ".-")
    axes["b"].set(title="training loss", xlabel="epoch")
    axes["c"].bar(list(precisions), list(precisions.values()), color=COLORS)
    axes["c"].set(title="average precision", ylim=(0, 1))
    return made


def show(axes, image, labels, found):
    """An image with its labels, dotted, and its detections, with their scores."""
    from matplotlib.patches import Rectangle

    axes.imshow(image.transpose(1, 2, 0), extent=(0, 1, 1, 0))
    axes.set(xticks=[], yticks=[])
    for _, x0, y0, x1, y1 in labels[labels[:, 0] >= 0]:
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color="white", linestyle=":", linewidth=2))
    for kind, score, x0, y0, x1, y1 in found:
        color = COLORS[int(kind)]
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color=color, linewidth=2))
        label = f"{Shapes.labels()[int(kind)]} {score:.2f}"
        axes.text(x0, y0, label, color="white", fontsize=7, bbox={"facecolor": color, "edgecolor": "none", "pad": 1})


if __name__ == "__main__":
    main()
