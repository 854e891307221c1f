"""Step 58: VGG16, a well-known CNN.

With Conv2d and pooling there, a famous network is a few lines. VGG, second in the ImageNet contest of 2014, was tried
out in several depths; VGG16 is the one of sixteen layers with weights:

    2 x conv 64, pool, 2 x conv 128, pool, 3 x conv 256, pool, 3 x conv 512, pool, 3 x conv 512, pool,
    linear 4096, dropout, linear 4096, dropout, linear 1000

Its ideas: all filters are 3 x 3, with padding 1, so that only pooling changes the size, to one half each time, 224 to
7; as the planes shrink, channels double; ReLU after each; dropout between the large linear layers. Nowhere does the
model say how many channels or inputs it gets: it finds out at the first call, as Linear did in step 44. Between the
last pooling and fc6 a reshape makes rows of the images, (N, 512, 7, 7) -> (N, 25088).

Three quarters of its 138 million weights are in fc6. To train them takes weeks on several GPUs, so one uses those that
its authors trained: `VGG16(pretrained=True)` downloads them, 553 MB, to ~/.dezero or to where $DEZERO_HOME points.
(They are under a Creative Commons Attribution licence, and were converted by the author of the book.) Two things
belong to the weights and must be as in training, or the network sees nothing: the preprocessing,

    224 x 224, channels in the order blue, green, red, minus a fixed mean of each:  VGG16.preprocess(picture)

and the switch of step 54: `with test_mode():`, else dropout disturbs each answer.

`--image FILE` recognizes a picture, a file or an address; it needs Pillow, and the network once. The book's zebra is at
https://github.com/oreilly-japan/deep-learning-from-scratch-3/raw/images/zebra.jpg
Without it the weights are random, nothing is downloaded, and the network is only run and looked at. `--quick` does so
with images of 64 x 64, 44 million weights, in a few seconds. ResNet50, ResNet101, ResNet152 and SqueezeNet are in
`models` as well.

`--out DIR` writes the structure to DIR/step58.png (needs matplotlib) and the graph in training, with the masks of
dropout, to DIR/step58_graph.pdf (needs Graphviz); without it the structure is shown in a window.
"""

import argparse
import pathlib
import signal
import sys

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import no_grad, test_mode
from stage5_advanced.datasets import ImageNet
from stage5_advanced.models import VGG16
from stage5_advanced.utils import get_file

parser = argparse.ArgumentParser(description="Step 58: VGG16, a well-known CNN")
parser.add_argument("--image", metavar="FILE", help="a picture to recognize, a file or an address; downloads 553 MB")
parser.add_argument("--quick", action="store_true", help="a small network for images of 64 x 64")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write to DIR/step58.png and step58_graph.pdf")
arguments = parser.parse_args()
if arguments.image and arguments.quick:
    parser.error("--image needs the whole network, leave out --quick")


def interrupted(*_):
    print("step58: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback


def opened(name):
    """The picture in a file or at an address."""
    try:
        import PIL.Image
    except ImportError:
        sys.exit("step58: no picture without Pillow: pip install pillow")
    try:
        return PIL.Image.open(get_file(name) if name.startswith(("http://", "https://")) else name).convert("RGB")
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"step58: {error}")


image, pretrained = None, None
if arguments.image:  # first of all, since it may fail
    image = opened(arguments.image)
    try:
        pretrained, labels = VGG16(pretrained=True), ImageNet.labels()
    except (RuntimeError, ValueError) as error:
        sys.exit(f"step58: {error}")
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a closed pipe, as by head: no traceback; not while downloading

# --- demonstration ---

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def count(size):
    """How many weights and biases VGG16 has for images of this size."""
    total, C = 0, 3
    for OC in CHANNELS:
        total += OC * (C * 3 * 3) + OC
        C = OC
    D = C * (size // 32) ** 2
    for H in (4096, 4096, 1000):
        total += D * H + H
        D = H
    return total


print(count(224))  # -> 138357544

# What is needed of a picture; here one of the mean colour only, of which nothing remains.
try:
    import PIL.Image

    x = VGG16.preprocess(PIL.Image.new("RGB", (300, 200), (124, 117, 104)))
    print(type(x), x.shape)  # -> <class 'numpy.ndarray'> (3, 224, 224)
    print(abs(x).max() < 1)  # -> True
except ImportError:
    print("no preprocessing without Pillow: pip install pillow")

# A picture of noise, through a network of noise, or through the trained one. Layers remember what they gave last.
size = 64 if arguments.quick else 224
np.random.seed(0)
model = pretrained or VGG16()
x = np.random.randn(1, 3, size, size).astype(np.float32)
y = model(x)
shapes = {name: getattr(model, name).outputs[0]().shape for name in model._params}
for name, shape in shapes.items():
    print(name, shape)  # -> conv1_1 (1, 64, 64, 64)
    #    conv1_2 (1, 64, 64, 64)
    #    conv2_1 (1, 128, 32, 32)
    #    conv2_2 (1, 128, 32, 32)
    #    conv3_1 (1, 256, 16, 16)
    #    conv3_2 (1, 256, 16, 16)
    #    conv3_3 (1, 256, 16, 16)
    #    conv4_1 (1, 512, 8, 8)
    #    conv4_2 (1, 512, 8, 8)
    #    conv4_3 (1, 512, 8, 8)
    #    conv5_1 (1, 512, 4, 4)
    #    conv5_2 (1, 512, 4, 4)
    #    conv5_3 (1, 512, 4, 4)
    #    fc6 (1, 4096)
    #    fc7 (1, 4096)
    #    fc8 (1, 1000)
print(y.shape, y.dtype)  # -> (1, 1000) float32
print(sum(p.size for p in model.params()) == count(size))  # -> True

# With dropout every answer is another one; in test mode it is always the same.
with no_grad():
    print(np.array_equal(model(x).data, y.data))  # -> False
    with test_mode():
        print(np.array_equal(model(x).data, model(x).data))  # -> True

# What is it? The book's picture is a zebra.
if image:
    x = VGG16.preprocess(image)[np.newaxis]  # (3, 224, 224) -> (1, 3, 224, 224)
    with test_mode(), no_grad():
        p = F.softmax(model(x)).data[0]
    predict_id = int(np.argmax(p))
    print(labels[predict_id])
    best = np.argsort(-p)[:5]
    for i in best:
        print(f"{p[i]:8.2%}  {labels[int(i)]}")
else:
    print("weights at random, nothing to recognize; --image FILE downloads those of its authors, 553 MB")
# -> ...


def draw(plt):
    """The structure: heights as the planes, widths as the channels; with a picture, what it was taken for."""
    places = [["net", "net"], ["picture", "best"]] if image else [["net"]]
    figure, panels = plt.subplot_mosaic(places, figsize=(11, 4 * len(places)), layout="constrained")
    axes = panels["net"]

    def arrow(left, length, text, color):
        axes.annotate("", (left + length, 0), (left, 0), arrowprops={"arrowstyle": "->", "color": color})
        axes.text(left + length / 2, 0.2, text, ha="center", va="bottom", color=color, fontsize=8, rotation=90)
        return left + length + 0.15

    left, before = 0, (size, size)
    blocks = {}  # text below: from where to where
    for name, (_, C, *plane) in {"input": x.shape, **shapes}.items():
        if tuple(plane) != before:
            left = arrow(left, 1.1, "pool/2" if plane else "pool/2, reshape", "tab:green")
        elif not plane:
            left = arrow(left, 0.9, "dropout", "tab:red")
        elif name == "conv1_1":
            left += 0.8
        before = tuple(plane)
        height = 1 + 5 * (plane[0] / size) ** 0.5 if plane else 1 + C**0.5 / 16
        width = 0.55 + C / 700 if plane else 0.75
        color = {"i": "whitesmoke", "c": "lightblue", "f": "navajowhite"}[name[0]]
        axes.add_patch(plt.Rectangle((left, -height / 2), width, height, facecolor=color, edgecolor="black"))
        axes.text(left + width / 2, 0, name, rotation=90, ha="center", va="center", fontsize=9)
        text = f"{C}\n{plane[0]} x {plane[1]}" if plane else f"{C}"
        first, _ = blocks.get((text, name[:3]), (left, 0))
        blocks[text, name[:3]] = first, left + width
        left += width + 0.15
    for (text, _), (first, last) in blocks.items():
        axes.text((first + last) / 2, -3.15, text, ha="center", va="top", fontsize=9)
    axes.set_title("VGG16: channels and planes; ReLU after each layer but the last")
    axes.set(xlim=(-0.2, left), ylim=(-4.2, 3.1))
    axes.axis("off")
    if image:
        panels["picture"].imshow(image)
        panels["picture"].axis("off")
        panels["best"].barh(range(5), p[best], color="tab:orange")
        panels["best"].set_yticks(range(5), [labels[int(i)].split(",")[0] for i in best])
        panels["best"].invert_yaxis()
        panels["best"].set(xlabel="probability", xlim=(0, 1))
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step58: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step58.png", dpi=150)
    try:
        model.plot(x, to_file=arguments.out / "step58_graph.pdf")
    except RuntimeError as error:
        sys.exit(f"step58: no graph: {error}")
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
