"""Semantic segmentation: a fully convolutional network says what each pixel belongs to.

A classifier ends with linear layers, which have one output for the whole image. Convolutions have one for each
position. So leave the linear layers out, classify each position of the last map of features by a 1 x 1 convolution, and
enlarge the result to the size of the image: FCN. The enlarging is a transposed convolution, and learns: it starts as
bilinear interpolation, where a pixel is the weighted mean of the nearest four positions.

The trunk halves the image only three times, because small objects disappear in small maps. To see a whole object all
the same, its last convolutions are dilated: their kernels have gaps.

Most pixels are background. So in the loss these count less, 0.3, and the accuracy of pixels says little. The usual
score is the intersection over union of each class, predicted and true pixels, averaged over the classes: mean IoU.

    --quick, 1,000 images of 48 x 48, 12 epochs: mean IoU 0.73 (disc 0.77, square 0.65, triangle 0.53)
    default: 4,000 images, 20 epochs

Corners suffer most from the coarse map, so triangles do.

    python stage5_advanced/examples/segmentation.py --quick
    python stage5_advanced/examples/segmentation.py --data voc          Pascal VOC 2012, 2 GB, with a ResNet-18

The figure: images, their true and their predicted classes; the loss; the IoU of each class; a kernel of the transposed
convolution before and after training.

J. Long, E. Shelhamer, T. Darrell, Fully convolutional networks for semantic segmentation, arXiv:1411.4038 (2015).
"""

import numpy as np
from common import begin, figure, options, pick, save, stop

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, cuda, no_grad, optimizers, scores, test_mode
from stage5_advanced.datasets import VOC2012
from stage5_advanced.models import FCN, ResNet18, Sequential
from stage5_advanced.optimizers import CosineLR
from stage5_advanced.synthetic import Shapes
from stage5_advanced.vision.augment import Joint, Pad, RandomCrop


def trunk():
    """Maps of features of an eighth of the size: x (N, 3, H, W) -> (N, 64, H/8, W/8)."""
    layers = []
    for channels, dilation, last in ((16, 1, half), (32, 1, half), (64, 1, half), (64, 2, F.relu)):
        for _ in range(2):
            layers += [L.Conv2d(channels, 3, pad=dilation, dilation=dilation, nobias=True), L.BatchNorm(), F.relu]
        layers.append(last)
    return Sequential(*layers)


def half(x):
    return F.max_pool2d(x, 2)


def train(model, train_set, epochs, gpu=False, batch_size=8, lr=0.003):
    """Train and print; return the loss of each epoch."""
    loader = DataLoader(train_set, batch_size, gpu=gpu)
    optimizer = optimizers.Adam(lr).setup(model)
    schedule = CosineLR(optimizer, epochs * len(loader))
    losses = []
    for epoch in range(epochs):
        total = 0
        for x, t in loader:
            weight = model.xp.asarray([0.3] + [1.0] * (model.score.out_channels - 1), dtype=x.dtype)
            loss = F.softmax_cross_entropy(model(x), t, weight, ignore=255)  # (N, classes, H, W) and (N, H, W)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            schedule.step()
            total += float(loss) * len(x)
        losses.append(total / len(train_set))
        print(f"epoch {epoch + 1}: loss {losses[-1]:.4f}", flush=True)
    return losses


def predict(model, dataset, gpu=False):
    """Images, true and predicted classes: (N, 3, H, W), (N, H, W), (N, H, W)."""
    found = []
    with no_grad(), test_mode():
        for x, t in DataLoader(dataset, 50, shuffle=False, gpu=gpu):
            found.append([cuda.as_numpy(a) for a in (x, t, model(x).data.argmax(axis=1))])
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


class Crops:
    """The samples (image, mask) of VOC2012 in one size, float32, 0-1: a random part, or with a margin of 255."""

    def __init__(self, dataset, size):
        self.dataset, self.size = dataset, size

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        image, mask = self.dataset[index]
        missing = [max(0, self.size - n) for n in mask.shape]  # 255 is the class of borders, too: not counted
        joint = Joint([Pad((0, 0, missing[1], missing[0])), RandomCrop(self.size)], fill=255)
        cropped = joint(image=image, mask=mask)
        return cropped["image"].astype(np.float32) / 255, cropped["mask"].astype(int)


def load(arguments):
    """The training and the test set, the names of the classes, their colors, and the model."""
    if arguments.data == "voc":
        try:
            sets = [Crops(VOC2012(part), pick(arguments, 320, 320, 64)) for part in ("train", "val")]
            return *sets, list(VOC2012.labels().values()), VOC2012.colors() / 255, FCN(ResNet18(), 21, stride=32)
        except RuntimeError as error:
            stop(str(error).splitlines()[0].rstrip(":"))
    sizes = pick(arguments, (4000, 400), (1000, 200), (48, 24))
    sets = [Shapes(n, 48, arguments.seed + i, "segmentation") for i, n in enumerate(sizes)]
    colors = np.array([[0.85, 0.85, 0.85], [0.9, 0.3, 0.2], [0.2, 0.5, 0.8], [0.95, 0.75, 0.2]])
    return *sets, ["background", *Shapes.labels().values()], colors, FCN(trunk(), 4, stride=8)


def main():
    arguments = begin(options(__doc__, epochs=(20, 12), data=("shapes", "voc")))
    train_set, test_set, names, colors, model = load(arguments)
    print(f"{len(train_set)} images to train, {len(test_set)} to test, {len(names)} classes")
    if arguments.gpu:
        model.to_gpu()
    kernels = {"before training: bilinear": middle(model)}
    losses = train(model, train_set, arguments.epochs, arguments.gpu)
    x, t, y = predict(model, test_set, arguments.gpu)
    mean, ious = scores.mean_iou(t, y, len(names), ignore=255)
    ious = {name: iou for name, iou in zip(names, ious, strict=True) if not np.isnan(iou)}  # of classes that occur
    print("IoU: " + ", ".join(f"{name} {iou:.3f}" for name, iou in ious.items()))
    print(f"accuracy of pixels: {scores.pixel_accuracy(t, y, ignore=255):.4f}")
    print(f"mean IoU: {mean:.4f}")
    kernels["after training"] = middle(model)
    bars = [(name, iou, colors[names.index(name)]) for name, iou in ious.items()]
    save(draw(x, t, y, colors, losses, bars, kernels), arguments)


def middle(model):
    """The middle row of the kernel of the transposed convolution from the first object's class to itself."""
    W = cuda.as_numpy(model.enlarge.W.data)
    return W[1, 1, W.shape[2] // 2].copy()


def draw(images, truth, predicted, colors, losses, bars, kernels):
    """Images with their classes; the loss; name, IoU and color of each class; the middle of a kernel over time."""
    made, axes = figure("aaa;bcd", height=9.5, height_ratios=[1.5, 1])
    rows = [images[:8].transpose(0, 2, 3, 1), colors[truth[:8]], colors[predicted[:8]]]
    axes["a"].imshow(np.concatenate([np.concatenate(list(row), axis=1) for row in rows]))
    axes["a"].set(title="test images, their classes, the predicted classes", xticks=[], yticks=[])
    axes["b"].plot(range(1, len(losses) + 1), losses, ".-")
    axes["b"].set(title="training loss", xlabel="epoch")
    names, ious, shown = zip(*bars, strict=True)
    axes["c"].barh(names, ious, color=shown)
    axes["c"].set(title=f"intersection over union; mean {np.mean(ious):.3f}", xlim=(0, 1))
    axes["c"].invert_yaxis()
    for name, kernel in kernels.items():
        axes["d"].plot(kernel, ".-", label=name)
    axes["d"].set(title="the middle row of a kernel that enlarges", xlabel="pixel")
    axes["d"].legend()
    return made


if __name__ == "__main__":
    main()
