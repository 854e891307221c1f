"""Style transfer: one picture, painted in the style of another.

The content of a picture and its style can be separated. Content is where a picture is bright and where it is dark.
Style is which strokes and colors occur together, wherever they are. For the channels A_i of a convolution it is

    the Gram matrix  G_ij = mean of A_i A_j over all positions.

So the result should roughly have the brightness of one picture and the Gram matrices of the other. It is optimized like
weights: compute the gradient of the loss with respect to the pixels, and let Adam update them. The pixels are the only
parameter; the network learns nothing.

Gatys, Ecker and Bethge used the layers of VGG19; Ustyuzhaninov and others found that random filters are enough for
textures, if they see several scales. Here 5 x 5 filters see the picture, its half and its quarter; a channel is the
part above a random threshold, normalized with the mean and the standard deviation of the style. The optimization starts
on a canvas of about 32 pixels, for the large shapes, and the canvas is then doubled repeatedly. Its first colors are
those of the style, sorted by brightness: the brightest where the content is brightest, and so on.

With --tv the loss also has the total variation of the picture, the mean absolute difference of neighbors, times this
weight: 1 makes areas of one color, 10 leaves little but these.

    python stage5_advanced/examples/style_transfer.py --quick
    python stage5_advanced/examples/style_transfer.py --content cat.jpg --style painting.jpg        (needs Pillow)

Without files the content is a landscape and the styles are waves and a mosaic (pictures.py). --epochs is the number of
updates of each canvas.

The figure: the content, the styles and the results.

L. A. Gatys, A. S. Ecker, M. Bethge, A neural algorithm of artistic style, arXiv:1508.06576 (2015). I. Ustyuzhaninov
et al., Texture synthesis using shallow convolutional networks with random filters, arXiv:1606.00021 (2016).
"""

import argparse
import math

import numpy as np
import pictures
from common import begin, figure, file, integer, options, pick, read_image, save

import stage5_advanced.functions as F
from stage5_advanced import Layer, Parameter, cuda, no_grad, optimizers

FILTERS = 64
CONTENT = 3.0  # the weight of the content in the loss; that of the style is 1
MARGIN = 8  # pixels around the picture that are cropped at the end, because few filters see an edge


class Canvas(Layer):
    """A picture as the only parameter, (1, 3, H, W), 0-1."""

    def __init__(self, picture, gpu):
        super().__init__()
        self.pixels = Parameter(picture.astype(np.float32))
        if gpu:
            self.to_gpu()


class Style:
    """Random filters and their statistics for a picture, an array (1, 3, H, W)."""

    def __init__(self, picture):
        xp = cuda.get_array_module(picture)
        self.filters = []
        for x in halved(picture):
            window = np.hanning(7)[1:-1]
            W = np.random.randn(FILTERS, 3, 5, 5) * window[:, None] * window
            W = xp.asarray((W / np.sqrt((W**2).sum(axis=(1, 2, 3), keepdims=True))).astype(np.float32))
            with no_grad():
                y = cuda.as_numpy(F.conv2d(x, W)).reshape(FILTERS, -1)
            share = np.random.uniform(0.4, 0.9, FILTERS)
            b = -np.array([np.quantile(row, p) for row, p in zip(y, share, strict=True)], np.float32)
            A = np.maximum(y + b[:, None], 0)
            mean = A.mean(axis=1, keepdims=True)
            spread = A.std(axis=1, keepdims=True) + 0.05 * y.std(axis=1, keepdims=True) + 1e-3  # never close to 0
            self.filters.append([W, *map(xp.asarray, (b, mean, 1 / spread))])
        with no_grad():
            self.targets = [G.data for _, G in self.statistics(picture)]

    def statistics(self, picture):
        """The means (FILTERS,) and the Gram matrices (FILTERS, FILTERS), for each scale."""
        for x, (W, b, mean, scale) in zip(halved(picture), self.filters, strict=True):
            A = (F.relu(F.conv2d(x, W, b)).reshape(FILTERS, -1) - mean) * scale
            yield F.mean(A, axis=1), F.matmul(A, A.T) / A.shape[1]

    def loss(self, picture):
        pairs = zip(self.statistics(picture), self.targets, strict=True)
        return sum(F.mean(m**2) + F.mean((G - G0) ** 2) for (m, G), G0 in pairs)


def halved(x):
    """A picture, its half and its quarter."""
    half = F.average_pooling(x, 2, 2)
    return x, half, F.average_pooling(half, 2, 2)


def gray(x):
    """Brightness: (1, 3, H, W) -> (1, 1, H, W)."""
    return x[:, :1] * 0.3 + x[:, 1:2] * 0.59 + x[:, 2:] * 0.11


def smaller(x, n):
    """An array (1, 3, H, W) -> (1, 3, H/n, W/n)."""
    return F.average_pooling(x, n, n).data


def repaint(content, style):
    """The content in the colors of the style: its darkest pixel gets the darkest color, and so on."""
    order, colors = gray(content).ravel().argsort(), gray(style).ravel().argsort()
    picked = colors[np.linspace(0, len(colors) - 1, len(order)).astype(int)]
    painted = np.empty_like(content).reshape(3, -1)
    painted[:, order] = style.reshape(3, -1)[:, picked]
    return painted.reshape(content.shape)


def transfer(content, style, epochs, gpu=False, tv=0.0):
    """The content in the style, arrays (1, 3, S, S)."""
    to_device = cuda.as_cupy if gpu else cuda.as_numpy
    around = ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))
    start = None
    for n in (16, 8, 4, 2, 1):
        if content.shape[2] // n < 32:
            continue
        model = Style(to_device(smaller(style, n)))
        base = repaint(np.pad(smaller(content, n), around, mode="reflect"), smaller(style, n))
        if start is None:
            start = base + np.random.normal(0, 0.1, base.shape)
        canvas = Canvas(start.clip(0, 1), gpu)
        coarse = 2 if content.shape[2] // n < 64 else 4  # the scale at which the content is compared
        kept = to_device(smaller(gray(base), coarse))
        optimizer = optimizers.Adam().setup(canvas)
        for epoch in range(epochs):
            optimizer.lr = 0.05 * (1 - 0.9 * epoch / epochs)
            style_loss = model.loss(canvas.pixels)
            content_loss = F.mean((F.average_pooling(gray(canvas.pixels), coarse, coarse) - kept) ** 2)
            loss = style_loss + CONTENT * content_loss
            if tv:
                loss += tv * F.total_variation(canvas.pixels)
            canvas.cleargrads()
            loss.backward()
            optimizer.update()
            x = canvas.pixels.data
            canvas.xp.clip(x, 0, 1, out=x)
        losses = f"style {float(style_loss.data):.4f}, content {float(content_loss.data):.4f}"
        print(f"{content.shape[2] // n} pixels: {losses}", flush=True)
        canvas.to_cpu()
        inside = slice(MARGIN // 2, -(MARGIN // 2))
        start = canvas.pixels.data[:, :, inside, inside].repeat(2, axis=2).repeat(2, axis=3)
        start = F.average_pooling(np.pad(start, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge"), 3).data
    return canvas.pixels.data[:, :, MARGIN:-MARGIN, MARGIN:-MARGIN]


def weight(text):
    """A type of options: a number of at least 0."""
    if not (math.isfinite(float(text)) and float(text) >= 0):
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text}")
    return float(text)


def main():
    parser = options(__doc__, epochs=(200, 150))
    parser.add_argument("--content", type=file, metavar="FILE", help="the picture to paint")
    parser.add_argument("--style", type=file, metavar="FILE", help="the picture whose style is used")
    parser.add_argument("--size", type=integer(96, 16), metavar="N", help="pixels, default 256, with --quick 128")
    parser.add_argument("--tv", type=weight, default=0.0, metavar="X", help="weight of the total variation, default 0")
    arguments = begin(parser)
    size = arguments.size or pick(arguments, 256, 128, 96)
    content = read_image(arguments.content, size) if arguments.content else pictures.landscape(size)
    made = (pictures.waves, pictures.mosaic)
    styles = [read_image(arguments.style, size)] if arguments.style else [f(size) for f in made]
    results = []
    for i, style in enumerate(styles):
        print(f"style {i + 1} of {len(styles)}")
        results.append(transfer(content, style, arguments.epochs, arguments.gpu, arguments.tv))
    save(draw(content, styles, results), arguments)


def draw(content, styles, results):
    """The content on the left; the styles above, the result of each below."""
    columns = len(styles) + 1
    made, axes = figure([["content", *range(1, columns)], ["content", *range(-1, -columns, -1)]], height=9)
    shown = {"content": content} | dict(enumerate(styles, 1)) | {-i: x for i, x in enumerate(results, 1)}
    for place, picture in shown.items():
        axes[place].imshow(picture[0].transpose(1, 2, 0))
        axes[place].axis("off")
    axes["content"].set_title("content")
    for i in range(1, columns):
        axes[i].set_title("style")
    return made


if __name__ == "__main__":
    main()
