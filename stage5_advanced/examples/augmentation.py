"""Data augmentation: more training images, by changes that do not change the label.

A digit that is shifted, turned or slanted a little is the same digit, a photograph that is darker or mirrored shows the
same. A network that sees each image in a new version in each epoch learns that these differences do not matter. The
transforms are small callables of an image (C, H, W), and are the `transform` of a dataset, so each access draws anew.

Where labels lie in the image they have to move with it: `Joint` applies one draw to an image, its mask and its boxes.
Colors change only the image.

    the same network, trained on 100 digits, test accuracy on 297, --quick, mean of 3 draws of the 100:

    without                             0.87
    shifted                             0.926
    turned, scaled, sheared, shifted    0.927

    python stage5_advanced/examples/augmentation.py --quick
    python stage5_advanced/examples/augmentation.py --image cat.jpg          (needs Pillow)

Mirror images would do harm here: those of digits are not digits. The figure: each transform eight times; an image with
its boxes and its mask, moved together; test accuracy by epoch.

C. Shorten, T. M. Khoshgoftaar, A survey on image data augmentation for deep learning, Journal of Big Data 6 (2019).
"""

import numpy as np
import pictures
from common import begin, figure, file, options, pick, read_image, save

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, optimizers
from stage5_advanced.datasets import Digits
from stage5_advanced.models import Sequential
from stage5_advanced.optimizers import CosineLR
from stage5_advanced.synthetic import Shapes
from stage5_advanced.training import ScheduleRate, Subset, Trainer
from stage5_advanced.transforms import Compose, Normalize, RandomHorizontalFlip, ToFloat
from stage5_advanced.vision.augment import (
    ColorJitter,
    Joint,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomErasing,
    RandomHue,
    RandomResizedCrop,
    RandomSaturation,
    RandomVerticalFlip,
)

SIZE = 96
SHOWN = (
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomCrop(SIZE, pad=16),
    RandomResizedCrop(SIZE, scale=(0.2, 1)),
    RandomAffine(degrees=25, shift=0.1, scale=(0.8, 1.2), shear=15),
    RandomErasing(p=1),
    RandomBrightness(0.5),
    RandomContrast(0.6),
    RandomSaturation(0.9),
    RandomHue(0.5),
    ColorJitter(0.4, 0.4, 0.4, 0.1),
)
WAYS = {
    "without": (),
    "shifted": (RandomAffine(shift=0.1),),
    "turned, scaled, sheared, shifted": (RandomAffine(degrees=12, shift=0.1, scale=(0.85, 1.15), shear=12),),
}


def network():
    """Images (N, 1, 8, 8) -> logits (N, 10)."""
    layers = []
    for channels, last in ((16, []), (32, [half]), (64, [half])):
        layers += [L.Conv2d(channels, 3, pad=1, nobias=True), L.BatchNorm(), F.relu, *last]
    return Sequential(*layers, F.flatten, L.Linear(64), F.relu, L.Linear(10))


def half(x):
    return F.max_pool2d(x, 2)


def train(transforms, indices, test_set, arguments):
    """The test accuracy after each epoch of training on some digits, each transformed anew whenever it is used."""
    dataset = Digits(transform=Compose([ToFloat(), Normalize(0, 16), *transforms]))
    loader = DataLoader(Subset(dataset, indices), 20, gpu=arguments.gpu)
    model = network()
    if arguments.gpu:
        model.to_gpu()
    optimizer = optimizers.Adam(0.003)
    schedule = ScheduleRate(CosineLR(optimizer, arguments.epochs * len(loader)), per="batch")
    trainer = Trainer(model, optimizer, F.softmax_cross_entropy, {"accuracy": F.accuracy})
    test_loader = DataLoader(test_set, 500, shuffle=False, gpu=arguments.gpu)
    return trainer.fit(loader, arguments.epochs, test_loader, [schedule], progress=False)["valid_accuracy"]


def main():
    parser = options(__doc__, epochs=(100, 60))
    parser.add_argument("--image", type=file, metavar="FILE", help="the picture to transform")
    arguments = begin(parser)
    picture = read_image(arguments.image, SIZE)[0] if arguments.image else pictures.landscape(SIZE)[0]
    test_set = Digits(train=False, transform=Compose([ToFloat(), Normalize(0, 16)]))
    curves = {name: [] for name in WAYS}
    for _ in range(pick(arguments, 10, 3, 1)):
        indices = np.random.permutation(1500)[:100]
        for name, transforms in WAYS.items():
            curves[name].append(train(transforms, indices, test_set, arguments))
    print(f"100 digits, means of {len(curves['without'])} draws of them")
    for name, found in curves.items():
        print(f"{name}: {np.mean([accuracies[-1] for accuracies in found]):.4f}")
    means = [np.mean([accuracies[-1] for accuracies in found]) for found in curves.values()]
    print(f"test accuracy: without {means[0]:.4f}, with {means[-1]:.4f}")
    save(draw(picture, curves), arguments)


def draw(picture, curves):
    """Each transform, several times; an image with its labels, moved together; accuracies."""
    made, axes = figure("ab;ac", height=10)
    rows = [np.concatenate([picture, *(f(picture) for _ in range(7))], axis=2) for f in SHOWN]
    axes["a"].imshow(np.concatenate(rows, axis=1).transpose(1, 2, 0))
    axes["a"].set(title="the picture, and seven draws of each transform", xticks=[])
    axes["a"].set_yticks(SIZE * (np.arange(len(SHOWN)) + 0.5), [type(f).__name__ for f in SHOWN])
    together(axes["b"])
    for name, found in curves.items():
        axes["c"].plot(range(1, len(found[0]) + 1), np.mean(found, axis=0), label=name)
    axes["c"].set(title="test accuracy of networks trained on 100 digits", xlabel="epoch", ylim=(0.5, 1))
    axes["c"].legend()
    return made


def together(axes):
    """Five draws of one transform for an image, its mask and its boxes."""
    from matplotlib.patches import Rectangle

    shapes = Shapes(1, 96, rng=16)
    boxes = shapes.boxes[0][shapes.boxes[0][:, 0] >= 0][:, 1:] * 96
    joint = Joint([RandomHorizontalFlip(), RandomAffine(20, 0.15, (0.7, 1.3)), ColorJitter(0.3, 0.3, 0.5, 0.2)])
    sample = {"image": shapes.data[0], "mask": shapes.masks[0], "boxes": boxes}
    samples = [sample, *(joint(**sample) for _ in range(4))]
    colors = np.array([[0.9, 0.9, 0.9], [0.9, 0.3, 0.2], [0.2, 0.5, 0.8], [0.95, 0.75, 0.2]])
    images = np.concatenate([each["image"].transpose(1, 2, 0) for each in samples], axis=1)
    masks = np.concatenate([colors[each["mask"]] for each in samples], axis=1)
    axes.imshow(np.concatenate([images, masks]))
    for i, each in enumerate(samples):
        for x0, y0, x1, y1 in each["boxes"]:
            axes.add_patch(Rectangle((96 * i + x0, y0), x1 - x0, y1 - y0, fill=False, color="white", linewidth=2))
    axes.set(title="an image, its boxes and its mask, moved together", xticks=[], yticks=[])


if __name__ == "__main__":
    main()
