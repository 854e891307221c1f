"""Step 58: VGG16, a well-known CNN.

With Conv2d and pooling, a famous network takes a few lines. VGG, second in the ImageNet contest of 2014, exists in
several depths; VGG16 is the one with sixteen layers of weights:

    2 x conv 64, pool, 2 x conv 128, pool, 3 x conv 256, pool, 3 x conv 512, pool, 3 x conv 512, pool,
    linear 4096, dropout, linear 4096, dropout, linear 1000

Its ideas: all filters are 3 x 3 with padding 1, so only pooling changes the size, by half each time, from 224 to 7; the
channels double as the planes shrink; a ReLU after each layer but the last; dropout between the large linear layers. The
model never states its numbers of input channels: each layer infers them from its first input, as Linear does since step
44. Between the last pooling and fc6, a reshape turns each image into a row, (N, 512, 7, 7) -> (N, 25088).

Three quarters of its 138 million weights are in fc6. Training takes weeks on several GPUs, so most users take the
weights that the authors trained: `VGG16(pretrained=True)` downloads them, 553 MB, to ~/.dezero or to the folder
$DEZERO_HOME. (Their license is Creative Commons Attribution, and the author of the book converted them.) Two things
must be as in training, or the predictions are useless: the preprocessing,

    224 x 224, channels in the order blue, green, red, minus a fixed mean of each:  VGG16.preprocess(picture)

and the switch of step 54: `with test_mode():`, otherwise dropout changes each prediction.

`--image FILE` classifies an image, a file or a URL; it needs Pillow, and a network connection once. The book's zebra:
https://github.com/oreilly-japan/deep-learning-from-scratch-3/raw/images/zebra.jpg
Without it the weights are random and nothing is downloaded. `--quick` uses images of 64 x 64, which makes 44 million
weights and takes a few seconds. `models` also has ResNet50, ResNet101, ResNet152 and SqueezeNet.

`--out DIR` saves the layers as DIR/step58.png and the graph, with the masks of dropout, as DIR/step58_graph.pdf.
"""

import numpy as np
from demo import graph, on_closed_pipe, options, show, stop
from drawings import step58

import stage5_advanced.functions as F
from stage5_advanced import no_grad, test_mode
from stage5_advanced.datasets import ImageNet
from stage5_advanced.models import VGG16
from stage5_advanced.utils import get_file

parser = options(__doc__)
parser.add_argument("--image", metavar="FILE", help="an image to classify, a file or a URL; downloads 553 MB")
parser.add_argument("--quick", action="store_true", help="a small network for images of 64 x 64")
args = parser.parse_args()
if args.image and args.quick:
    parser.error("--image needs the whole network; leave out --quick")


def load_picture(name):
    """The picture in a file or at a URL, the pretrained model and its labels."""
    try:
        import PIL.Image
    except ImportError:
        stop("no picture without Pillow: pip install pillow")
    on_closed_pipe("SIG_IGN")  # a closed connection must not end the step
    try:
        picture = PIL.Image.open(get_file(name) if name.startswith(("http://", "https://")) else name).convert("RGB")
        return picture, VGG16(pretrained=True), ImageNet.labels()
    except (OSError, RuntimeError, ValueError) as error:
        stop(error)
    finally:
        on_closed_pipe("SIG_DFL")


picture, pretrained, labels = load_picture(args.image) if args.image else (None, None, None)

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)


def count(size):
    """The number of weights and biases of VGG16 for images of this size."""
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

# Preprocessing; a picture of the mean color becomes zero.
try:
    import PIL.Image

    x = VGG16.preprocess(PIL.Image.new("RGB", (300, 200), (124, 117, 104)))
    print(type(x), x.shape)  # -> <class 'numpy.ndarray'> (3, 224, 224)
    print(abs(x).max() < 1)  # -> True
except ImportError:
    print("no preprocessing without Pillow: pip install pillow")

# A random image, through a random network or the pretrained one. A layer refers weakly to its last outputs.
size = 64 if args.quick else 224
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

# With dropout every output is different; in test mode all are the same.
with no_grad():
    print(np.array_equal(model(x).data, y.data))  # -> False
    with test_mode():
        print(np.array_equal(model(x).data, model(x).data))  # -> True

# What is it? The book's picture is a zebra.
if picture:
    x = VGG16.preprocess(picture)[np.newaxis]  # (3, 224, 224) -> (1, 3, 224, 224)
    with test_mode(), no_grad():
        p = F.softmax(model(x)).data[0]
    predict_id = int(np.argmax(p))
    print(labels[predict_id])
    best = [(p[i], labels[int(i)]) for i in np.argsort(-p)[:5]]
    for probability, label in best:
        print(f"{probability:8.2%}  {label}")
else:
    best = ()
    print("random weights recognize nothing; --image FILE downloads the pretrained ones, 553 MB")
# -> ...

show(step58, args.out, shapes, size, picture, best)
graph(model.plot, x, args.out, "step58_graph.pdf")
