"""Anchors: how a detector is told what to predict, and how its predictions become boxes.

Nothing is trained here; ssd.py does that. A box is (left, top, right, bottom) in fractions of the image. The steps,
each with its numbers:

    1. anchors      boxes of several sizes and shapes around the center of each cell of a map of features
    2. overlap      intersection over union, IoU: of an anchor and an object, 0 if apart, 1 if equal
    3. matching     which object each anchor is to predict: each object gets the anchor that overlaps most with it, then
                    every other anchor the object that overlaps most with it, if IoU >= 0.5; the rest is background
    4. offsets      what is predicted: where the object is relative to the anchor, and how large
    5. suppression  several anchors find one object: of boxes of a class that overlap, the one with the highest score
                    is kept (non-maximum suppression)
    6. RoI pooling  the other family of detectors, R-CNN, classifies the part of the map in a box: the maxima of its
                    cells, so that every box has the same size

The five anchors, two objects and four detections are those of Dive into Deep Learning, so are the numbers.

    python stage5_advanced/examples/anchors.py

The figure: the steps as pictures.

A. Zhang et al., Dive into Deep Learning, chapter "Computer vision", https://d2l.ai
"""

import numpy as np
from common import begin, figure, options, save, table

import stage5_advanced.functions as F
from stage5_advanced.synthetic import Shapes
from stage5_advanced.vision.boxes import anchors, batched_nms, decode, encode, iou, match, target

NAMES = ("background", "disc", "triangle")
COLORS = ("gray", "tab:blue", "tab:red")
OBJECTS = np.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])  # class and box
ANCHORS = np.array(
    [
        [0, 0.1, 0.2, 0.3],
        [0.15, 0.2, 0.4, 0.4],
        [0.63, 0.05, 0.88, 0.98],
        [0.66, 0.45, 0.8, 0.8],
        [0.57, 0.3, 0.92, 0.9],
    ]
)
FOUND = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]])
SCORES, CLASSES = np.array([0.9, 0.8, 0.7, 0.9]), np.array([0, 0, 0, 1])
MAPS = ((8, (0.2, 0.27)), (4, (0.4, 0.5)), (2, (0.7, 0.8)))  # cells along a side, sizes of the anchors
RATIOS = (1, 2, 0.5)


def main():
    arguments = begin(options(__doc__, gpu=False))

    print("1. anchors")
    maps = [anchors((n, n), sizes, RATIOS) for n, sizes in MAPS]
    for (n, sizes), boxes in zip(MAPS, maps, strict=True):
        print(f"{n} x {n} cells, sizes {sizes}, ratios {RATIOS}: {len(boxes)} anchors")
    print("those of the first cell of 2 x 2:", *(f"\n   {box.round(2)}" for box in maps[-1][:4]))

    print("\n2. and 3. overlap and matching")
    overlap = iou(ANCHORS, OBJECTS[:, 1:])
    matched = match(ANCHORS, OBJECTS[:, 1:])
    offsets, _, (classes,) = target(ANCHORS, OBJECTS[None])
    rows = zip(range(5), *overlap.T.round(4), matched, [NAMES[c] for c in classes], strict=True)
    table(("anchor", "IoU disc", "IoU triangle", "object", "class"), rows)

    print("\n4. offsets")
    offsets = offsets.reshape(5, 4)
    for i in np.flatnonzero(classes):
        print(f"anchor {i}: {offsets[i].round(4) + 0.0}; decoded {decode(ANCHORS[i], offsets[i]).round(4)}")
    np.testing.assert_allclose(encode(ANCHORS[1], OBJECTS[0, 1:]), offsets[1])

    print("\n5. suppression")
    kept = batched_nms(FOUND, SCORES, CLASSES, 0.5)
    to_first = iou(FOUND, FOUND[:1])[:, 0].round(4)
    fates = ["kept" if i in kept else "suppressed" for i in range(4)]
    table(
        ("detection", "class", "score", "IoU with the first", ""),
        zip(range(4), [NAMES[c + 1] for c in CLASSES], SCORES, to_first, fates, strict=True),
    )

    print("\n6. RoI pooling")
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    rois = np.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30.0]])  # the sample, and boxes in an image of 40 x 40
    pooled = F.roi_pooling(x, rois, 2, spatial_scale=0.1).data[:, 0].astype(int)
    print(x[0, 0].astype(int))
    for box, y in zip(rois[:, 1:], pooled, strict=True):
        print(f"box {box.astype(int).tolist()}, a tenth of it on the map: {y.tolist()}")

    print("\nclasses", *classes, "kept", *kept, "pooled", *pooled.ravel())
    save(draw(maps, overlap, classes, kept, x[0, 0], rois, pooled), arguments)


def draw(maps, overlap, classes, kept, x, rois, pooled):
    """Anchors of three maps; overlaps; matching; before and after suppression; RoI pooling."""
    made, axes = figure("abcd;efgh", height=7.8)
    scene = Shapes(1, 256, rng=3).data[0].transpose(1, 2, 0)
    for place, (n, _), boxes in zip("abc", MAPS, maps, strict=True):
        axes[place].imshow(scene, extent=(0, 1, 1, 0))
        y, x0 = (np.indices((n, n)).reshape(2, -1) + 0.5) / n
        axes[place].plot(x0, y, "w.", markersize=4)
        middle = n // 2 * n + n // 2
        outlined(axes[place], boxes[4 * middle : 4 * middle + 4], ["white", "tab:orange", "tab:cyan", "tab:pink"])
        axes[place].set(title=f"{n} x {n} cells; the anchors of one", xlim=(0, 1), ylim=(1, 0))
    for place in "defg":
        paint(axes[place])
    labels = [f"{i}: {a:.2f}, {b:.2f}" for i, (a, b) in enumerate(overlap)]
    outlined(axes["d"], ANCHORS, ["black"] * 5, labels)
    axes["d"].set_title("five anchors: IoU with disc, triangle")
    outlined(axes["e"], ANCHORS, [COLORS[c] for c in classes], [NAMES[c] for c in classes])
    axes["e"].set_title("what each is to predict")
    labels = [f"{NAMES[c + 1]} {score}" for c, score in zip(CLASSES, SCORES, strict=True)]
    colors = [COLORS[c + 1] for c in CLASSES]
    outlined(axes["f"], FOUND, colors, labels)
    axes["f"].set_title("detections")
    outlined(axes["g"], FOUND[kept], [colors[i] for i in kept], [labels[i] for i in kept])
    axes["g"].set_title("after suppression")
    axes["h"].imshow(np.zeros((4, 4)), cmap="Greys", extent=(0, 4, 4, 0))
    for i, j in np.ndindex(4, 4):
        axes["h"].text(j + 0.5, i + 0.5, int(x[i, j]), ha="center", va="center")
    axes["h"].set_title("RoI pooling: {}; {}".format(*(" ".join(map(str, y.ravel())) for y in pooled)))
    first, last = (rois[:, 1:] / 10).round()[:, :2], (rois[:, 1:] / 10).round()[:, 2:] + 1
    outlined(axes["h"], np.concatenate([first + 0.04, last - 0.04], axis=1), ["tab:blue", "tab:red"])
    for place in axes.values():
        place.set(xticks=[], yticks=[])
    return made


def paint(axes):
    """The two objects."""
    from matplotlib.patches import Ellipse, Polygon

    (_, x0, y0, x1, y1), (_, x2, y2, x3, y3) = OBJECTS
    axes.set(xlim=(-0.02, 1), ylim=(1, 0), aspect="equal", facecolor="whitesmoke")
    axes.add_patch(Ellipse(((x0 + x1) / 2, (y0 + y1) / 2), x1 - x0, y1 - y0, color="tab:blue", alpha=0.3))
    axes.add_patch(Polygon([(x2, y3), (x3, y3), ((x2 + x3) / 2, y2)], color="tab:red", alpha=0.3))


def outlined(axes, boxes, colors, labels=None):
    """Boxes in colors, with labels at their top left corners."""
    from matplotlib.patches import Rectangle

    for i, (x0, y0, x1, y1) in enumerate(boxes):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color=colors[i], linewidth=2))
        if labels:
            box = {"facecolor": colors[i], "edgecolor": "none", "pad": 1}
            axes.text(x0, y0, labels[i], color="white", fontsize=8, va="top", bbox=box)


if __name__ == "__main__":
    main()
