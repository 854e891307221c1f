"""The drawings of steps 52 to 58 and of appendix A. Skip on first reading; they are not part of any lesson."""

import functools
import time

import numpy as np

from stage5_advanced import cuda
from stage5_advanced import functions as F

TINTS = ("#ffd9b3", "#cce6ff", "#d9f2d9", "#f2d9f2")


def white(i, j):
    return "white"


def draw_table(plt, axes, left, top, numbers, color=white, bold=lambda i, j: False, fontsize=9):
    """A matrix as a table with its upper left corner at (left, top); color and weight of cell (i, j)."""
    for (i, j), number in np.ndenumerate(numbers):
        cell = plt.Rectangle((left + j, top + i), 1, 1, facecolor=color(i, j), edgecolor="grey", linewidth=0.8)
        axes.add_patch(cell)
        place = (left + j + 0.5, top + i + 0.5)
        axes.text(
            *place, number, ha="center", va="center", fontsize=fontsize, weight="bold" if bold(i, j) else "normal"
        )


def speeds(gpu, sizes):
    """Billions of multiplications per second in the product of two n x n matrices, for each n."""
    xp = cuda.cupy if gpu else np
    rates = []
    for n in sizes:
        a = xp.ones((n, n), np.float32)
        xp.matmul(a, a)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            float(xp.matmul(a, a)[0, 0])  # waits for the result
            times.append(time.perf_counter() - start)
        rates.append(n**3 / min(times) / 1e9)
    return rates


def step52(plt, runs, data):
    """Left the speed of matrix products; right the seconds of each epoch, and those of the book.

    runs: device -> (loss, seconds) of each epoch. data: the name of the data set.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    colors = {"CPU": "tab:blue", "GPU": "tab:green"}
    sizes = [2**k for k in range(4, 13 if cuda.gpu_enable else 11)]
    for name in runs:
        own = sizes if name == "GPU" else sizes[:7]
        left.plot(own, speeds(name == "GPU", own), ".-", color=colors[name], label=name)
    left.set(title="a product of two n x n matrices", xlabel="n", ylabel="billion multiplications per second")
    left.set(xscale="log", yscale="log")
    left.set_xticks(sizes, map(str, sizes))
    left.yaxis.set_major_formatter("{x:g}")
    left.minorticks_off()
    left.set_ylim(bottom=0.5)
    left.grid(alpha=0.4)
    left.legend()

    epochs = np.arange(1, len(runs["CPU"]) + 1)
    width = 0.7 / len(runs)
    for i, (name, history) in enumerate(runs.items()):
        place = epochs + (i - (len(runs) - 1) / 2) * width
        bars = right.bar(place, [seconds for _, seconds in history], 0.9 * width, color=colors[name], label=name)
        if len(epochs) <= 10:
            right.bar_label(bars, fmt="%.2g s", padding=3, bbox={"color": "white", "pad": 0.5})
    if data == "MNIST":
        for name, seconds in (("CPU", 8), ("GPU", 1.5)):
            label = f"{name} of the book, in Colab"
            right.axhline(seconds, color=colors[name], linestyle="--", zorder=0, label=label)
    right.set(title=f"{data}, MLP((1000, 10))", xlabel="epoch", ylabel="seconds")
    right.locator_params(axis="x", integer=True)
    right.margins(y=0.35)
    right.legend(loc="upper right", ncols=2)
    return figure


def step53(plt, params_dict, runs, data):
    """Left the layers and their flat dictionary; right the loss of each epoch of the runs, on the data set `data`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained", width_ratios=[1.5, 1])

    def box(x, y, width, height, text, color, corner=False):
        left.add_patch(plt.Rectangle((x, y), width, height, facecolor=color, edgecolor="black"))
        place = (x + 0.12, y + height - 0.12) if corner else (x + width / 2, y + height / 2)
        style = {"va": "top", "ha": "left"} if corner else {"va": "center", "ha": "center"}
        left.text(*place, text, family="monospace", **style)

    box(0, 0, 3.4, 4, "layer", "whitesmoke", corner=True)
    box(0.9, 2.1, 2.3, 1.3, "l1", "lightblue", corner=True)
    box(4.5, 0, 2.1, 4, "the archive", "whitesmoke", corner=True)
    places = (2.3, 1.2, 0.25)  # of p1, p2, p3, and of their rows
    for y, (key, p) in zip(places, params_dict.items(), strict=True):
        box(1.7, y, 1.3, 0.7, f"{key[-2:]} = {p.data}", "orange")
        left.annotate("", (4.6, y + 0.35), (3, y + 0.35), arrowprops={"arrowstyle": "->", "color": "grey"})
        left.text(4.75, y + 0.35, f"{key!r}: {p.data}", family="monospace", va="center")
    left.set(xlim=(-0.1, 6.7), ylim=(-0.1, 4.1), title="names are paths")
    left.axis("off")

    start = 1
    for i, losses in enumerate(runs):
        right.plot(range(start, start + len(losses)), losses, ".-", label=f"run {i + 1}")
        start += len(losses)
    if len(runs) > 1:
        right.axvline(len(runs[0]) + 0.5, color="grey", linestyle="--", label="saved and loaded")
    right.set(title=f"{data}: loss", xlabel="epoch")
    right.locator_params(axis="x", integer=True)
    right.legend()
    return figure


def step54(plt):
    """A network in inference, and in two passes of training."""
    figure, row = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    sizes, gap = (3, 6, 6, 2), 1.9
    places = [[(i * gap, j - (n - 1) / 2) for j in range(n)] for i, n in enumerate(sizes)]
    rng = np.random.default_rng(4)
    titles = ("inference: all neurons", "training: one pass", "training: the next one")
    for k, (axes, title) in enumerate(zip(row, titles, strict=True)):
        on = [[True] * n for n in sizes]
        if k:
            on[1:3] = (rng.random((2, 6)) > 0.5).tolist()
        for i in range(3):
            for a, a_on in zip(places[i], on[i], strict=True):
                for b, b_on in zip(places[i + 1], on[i + 1], strict=True):
                    if a_on and b_on:
                        axes.plot(*zip(a, b, strict=True), color="grey", linewidth=0.8, zorder=1)
        for layer, layer_on in zip(places, on, strict=True):
            for (x, y), is_on in zip(layer, layer_on, strict=True):
                color = "tab:orange" if is_on else "white"
                edge = "black" if is_on else "lightgrey"
                axes.add_patch(plt.Circle((x, y), 0.3, facecolor=color, edgecolor=edge, zorder=2))
                if not is_on:
                    axes.plot(x, y, "x", color="tab:red", markersize=13, markeredgewidth=2, zorder=3)
        axes.set(title=title, xlim=(-0.5, 3 * gap + 0.5), ylim=(-3, 3), aspect="equal")
        axes.axis("off")
    return figure


def step55(plt, x, W, large, convolve):
    """An example network; the four positions of the filter; the bias; padding; stride 2."""
    figure, axes = plt.subplots(figsize=(11, 8.2), layout="constrained")

    table = functools.partial(draw_table, plt, axes)

    def write(left, top, text, **style):
        axes.text(left, top, text, va="center", **style)

    def window(i, j, size=3):
        """Orange where the filter lies."""
        return lambda a, b: "orange" if i <= a < i + size and j <= b < j + size else "white"

    def filled(i, j):
        """Orange for the output computed last."""
        return lambda a, b: "orange" if (a, b) == (i, j) else "white"

    names = ["Conv", "ReLU", "Pool"] * 2 + ["Linear", "ReLU"] * 2 + ["Linear"]
    colors = {"Conv": "lightblue", "ReLU": "whitesmoke", "Pool": "palegreen", "Linear": "navajowhite"}
    write(0, -0.9, "A CNN: the outputs of Conv and Pool are images", weight="bold")
    write(0, 0.8, "input")
    for i, name in enumerate(names):
        left = 3.2 + i * 3
        axes.annotate("", (left, 0.8), (left - 0.8, 0.8), arrowprops={"arrowstyle": "->"})
        axes.add_patch(plt.Rectangle((left, 0), 2.2, 1.6, facecolor=colors[name], edgecolor="black"))
        write(left + 1.1, 0.8, name, ha="center", fontsize=9)
    axes.annotate("", (37.4, 0.8), (35.5, 0.8), arrowprops={"arrowstyle": "->"})
    write(37.6, 0.8, "output")

    top = 5
    write(0, top - 1.6, "Convolution: the filter at its four positions", weight="bold")
    write(1.5, top - 0.4, "filter", ha="center", fontsize=9)
    table(0, top, W, lambda i, j: "orange")
    y = convolve(x, W)
    for k, (i, j) in enumerate(np.ndindex(2, 2)):
        left = 5.5 + k * 9.2
        table(left, top, x, window(i, j))
        write(left + 4.5, top + 2, "→", ha="center")
        done = np.where(np.arange(4).reshape(2, 2) <= k, y.astype(str), "")
        table(left + 5, top + 1, done, filled(i, j))

    top = 13
    write(0, top - 1.6, "Bias: one number, added to all", weight="bold")
    table(0, top + 2, y)
    write(2.5, top + 3, "+", ha="center")
    table(3, top + 2.5, np.array([[3]]), lambda i, j: "orange")
    write(4.5, top + 3, "=", ha="center")
    table(5, top + 2, y + 3)
    left = 17
    write(left, top - 1.6, "Padding 1: 4 x 4 stays 4 x 4", weight="bold")
    border = np.pad(np.zeros((4, 4), bool), 1, constant_values=True)
    first = window(0, 0)
    table(left, top, np.pad(x, 1), lambda i, j: "gainsboro" if border[i, j] and first(i, j) == "white" else first(i, j))
    write(left + 6.7, top + 3, "*", ha="center", fontsize=14)
    table(left + 7.4, top + 1.5, W, lambda i, j: "orange")
    write(left + 11.1, top + 3, "=", ha="center")
    table(left + 11.8, top + 1, convolve(x, W, pad=1), filled(0, 0))

    top = 22.5
    write(0, top - 1.6, "Stride 2: the filter moves by two", weight="bold")
    y = convolve(large, W, stride=2)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (2, 2)]):
        left = k * 14
        table(left, top, large, window(2 * i, 2 * j))
        write(left + 7.7, top + 3.5, "→", ha="center")
        done = np.where(np.arange(9).reshape(3, 3) <= 3 * i + j, y.astype(str), "")
        table(left + 8.4, top + 2, done, filled(i, j))
    axes.set(xlim=(-0.2, 42), ylim=(30, -1.5), aspect="equal")
    axes.axis("off")
    return figure


def step56(plt, image, kernel, x, still, moved, convolve, pool):
    """Three channels; shapes with filters, bias and batch; max pooling; the shift."""
    figure, axes = plt.subplots(figsize=(11, 6.2), layout="constrained")
    table = functools.partial(draw_table, plt, axes, fontsize=8)

    def block(left, top, depth, height, width, color, text):
        """A box: depth to the back, height down, width to the right."""
        d = depth * 0.5
        front = [(0, 0), (width, 0), (width, height), (0, height)]
        upper = [(0, 0), (d, -d), (width + d, -d), (width, 0)]
        side = [(width, 0), (width + d, -d), (width + d, height - d), (width, height)]
        for corners in (front, upper, side):
            corners = [(left + a, top + b) for a, b in corners]
            axes.add_patch(plt.Polygon(corners, facecolor=color, edgecolor="black", linewidth=0.8))
        write(left + width / 2, top + height + 0.7, text, ha="center", fontsize=9)

    def write(left, top, text, **style):
        axes.text(left, top, text, va="center", **style)

    def sign(left, top, text):
        write(left, top, text, ha="center", fontsize=14)

    top = 2
    write(0, top - 1.6, "One filter for three channels: one plane per channel, and the sum", weight="bold")
    parts = [convolve(plane, W) for plane, W in zip(image, kernel, strict=True)]
    for k in range(3):
        for left, numbers in ((5 * k, image[k]), (16 + 4 * k, kernel[k]), (29 + 4.5 * k, parts[k])):
            table(left, top + (4 - len(numbers)) / 2, numbers, lambda i, j, k=k: TINTS[k])
        sign(32.2 + 4.5 * k, top + 2, "+" if k < 2 else "=")
    sign(15, top + 2, "*")
    sign(27.9, top + 2, "=")
    table(42.5, top + 1, sum(parts))

    top = 11.5
    write(0, top - 3.2, "The shapes: N samples, OC filters and biases", weight="bold")
    for n in range(3):
        block(n * 5.4, top, 3, 3, 3, "whitesmoke", "(N, C, H, W)" if n == 1 else "")
    sign(16.6, top + 1.3, "*")
    for k in range(4):
        block(17.6 + k * 3, top + 0.8, 3, 1.2, 1.2, TINTS[k], "")
    write(23.4, top + 3.7, "(OC, C, KH, KW)", ha="center", fontsize=9)
    sign(30.2, top + 1.3, "+")
    for k in reversed(range(4)):
        block(31.2 + k * 0.5, top + 1.6 - k * 0.5, 1, 0.6, 0.6, TINTS[k], "")
    write(32.4, top + 3.7, "(OC, 1, 1)", ha="center", fontsize=9)
    sign(34.5, top + 1.3, "=")
    for n in range(3):
        for k in reversed(range(4)):
            block(35.4 + n * 4.4 + k * 0.5, top + 0.8 - k * 0.5, 1, 2, 2, TINTS[k], "")
    write(41.5, top + 3.7, "(N, OC, OH, OW)", ha="center", fontsize=9)

    top = 19.5
    write(0, top - 1.6, "Max pooling, 2 x 2 with stride 2", weight="bold")
    table(0, top + 1, x, lambda i, j: TINTS[i // 2 * 2 + j // 2])
    sign(5, top + 3, "→")
    table(6, top + 2, pool(x, 2), lambda i, j: TINTS[2 * i + j])

    left = 16
    write(left, top - 1.6, "3 x 3 with stride 3: a shift by one pixel gives the same output", weight="bold")
    for k, picture in enumerate((still, moved)):
        table(left + 15 * k, top, picture, lambda i, j: TINTS[i // 3 * 2 + j // 3])
        sign(left + 15 * k + 7, top + 3, "→")
        table(left + 15 * k + 8, top + 2, pool(picture, 3), lambda i, j: TINTS[2 * i + j])
    axes.set(xlim=(-0.2, 49.5), ylim=(25.8, -0.5), aspect="equal")
    axes.axis("off")
    return figure


def step57(plt, image, kernel, planes):
    """Convolution as a product; pooling as the maximum of each row."""
    figure, axes = plt.subplots(figsize=(11, 8.6), layout="constrained")
    table = functools.partial(draw_table, plt, axes)

    def write(left, top, text, **style):
        axes.text(left, top, text, **{"ha": "center", "va": "center", "fontsize": 9} | style)

    def heading(left, top, text):
        write(left, top, text, ha="left", weight="bold", fontsize=10)

    heading(0, -1.6, "Convolution: each patch is a row, the filter is a column")
    for k, (i, j) in enumerate(np.ndindex(2, 2)):

        def color(a, b, i=i, j=j, k=k):
            return TINTS[k] if i <= a < i + 3 and j <= b < j + 3 else "white"

        table(j * 5, i * 5, image, color)
    write(10.5, 4.5, "im2col\n→")
    rows = F.im2col(image[None, None], 3).data
    table(12.2, 2.5, rows, lambda i, j: TINTS[i])
    write(16.7, 7.2, "(N OH OW, C KH KW)")
    write(22, 4.5, "@", fontsize=12)
    table(22.8, 0, kernel.reshape(-1, 1))
    write(24.6, 4.5, "=", fontsize=14)
    table(25.4, 2.5, rows @ kernel.reshape(-1, 1), lambda i, j: TINTS[i])
    write(28.2, 4.5, "reshape\ntranspose\n→")
    table(30, 3.5, (rows @ kernel.ravel()).reshape(2, 2), lambda i, j: TINTS[2 * i + j])

    top = 13.5
    heading(0, top - 1.8, "Max pooling of three channels: the maximum of each row")
    for c in range(3):
        table(0, top + 4.6 * c, planes[c], lambda i, j: TINTS[i // 2 * 2 + j // 2])
    write(5.5, top + 6.6, "im2col\n→")
    rows = F.im2col(planes[None], 2, 2).data
    table(7, top + 4.6, rows, lambda i, j: TINTS[i])
    write(13, top + 9.3, "(N OH OW, C KH KW)")
    write(20.5, top + 6.6, "reshape\n→")
    rows = rows.reshape(-1, 4)
    largest = rows.argmax(axis=1)
    bottom = top + 0.6
    table(22, bottom, rows, lambda i, j: TINTS[i // 3], lambda i, j: j == largest[i])
    write(24, bottom + 12.7, "(N OH OW C, KH KW)")
    write(26.9, top + 6.6, "max\n→")
    table(27.8, bottom, rows.max(axis=1, keepdims=True), lambda i, j: TINTS[i // 3])
    write(30.8, top + 6.6, "reshape\ntranspose\n→")
    for c in range(3):
        pooled = rows.max(axis=1).reshape(2, 2, 3)[:, :, c]
        table(32.8, top + 1 + 4.6 * c, pooled, lambda i, j: TINTS[2 * i + j])
    axes.set(xlim=(-0.2, 35), ylim=(27.8, -2.4), aspect="equal")
    axes.axis("off")
    return figure


def step58(plt, shapes, size, image=None, best=()):
    """The layers: heights show the planes, widths the channels; with an image, its five best labels.

    shapes: name -> shape of a layer's output. best: pairs of probability and label.
    """
    places = [["net", "net"], ["picture", "best"]] if best else [["net"]]
    figure, panels = plt.subplot_mosaic(places, figsize=(11, 4 * len(places)), layout="constrained")
    axes = panels["net"]

    def arrow(left, length, text, color):
        axes.annotate("", (left + length, 0), (left, 0), arrowprops={"arrowstyle": "->", "color": color})
        axes.text(left + length / 2, 0.2, text, ha="center", va="bottom", color=color, fontsize=8, rotation=90)
        return left + length + 0.15

    left, before = 0, (size, size)
    blocks = {}  # text below the layers: where it begins and ends
    for name, (_, C, *plane) in {"input": (1, 3, size, size), **shapes}.items():
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
    axes.set_title("VGG16: channels and planes; a ReLU after each layer but the last")
    axes.set(xlim=(-0.2, left), ylim=(-4.2, 3.1))
    axes.axis("off")
    if best:
        panels["picture"].imshow(image)
        panels["picture"].axis("off")
        panels["best"].barh(range(5), [p for p, _ in best], color="tab:orange")
        panels["best"].set_yticks(range(5), [label.split(",")[0] for _, label in best])
        panels["best"].invert_yaxis()
        panels["best"].set(xlabel="probability", xlim=(0, 1))
    return figure


def appendix_a(plt):
    """Names on the left, arrays on the right, after each of three steps of backward; in place and not."""
    figure, rows = plt.subplots(2, 3, figsize=(11, 4.8), layout="constrained")
    titles = ("y.grad is set", "first gradient of x: no copy", "second gradient of x")
    one, both = {"y.grad": 0}, {"y.grad": 0, "x.grad": 0}
    # For each picture: name -> index of its array, the numbers in the arrays, the index of a wrong array.
    in_place = [(one, [1], None), (both, [1], None), (both, [2], 0)]
    new = [(one, [1], None), (both, [1], None), ({"y.grad": 0, "x.grad": 1}, [1, 2], None)]
    rules = ("x.grad += gx", "x.grad = x.grad + gx")
    for row, rule, pictures in zip(rows, rules, (in_place, new), strict=True):
        for axes, title, (names, arrays, wrong) in zip(row, titles, pictures, strict=True):
            places = [1.5 - 1.2 * i for i in range(len(arrays))]
            for array, (number, y) in enumerate(zip(arrays, places, strict=True)):
                color = "salmon" if array == wrong else "lightblue"
                axes.add_patch(plt.Rectangle((3, y - 0.4), 0.9, 0.8, facecolor=color, edgecolor="black"))
                axes.text(3.45, y, number, ha="center", va="center", fontsize=13)
            for i, (name, array) in enumerate(names.items()):
                y = 1.5 - 1.2 * i
                axes.text(0.2, y, name, family="monospace", fontsize=12, va="center")
                arrow = {"arrowstyle": "->", "linewidth": 1.5}
                axes.annotate("", (2.95, places[array] - 0.2 * (i != array)), (1.55, y), arrowprops=arrow)
            if wrong is not None:
                axes.text(4.1, places[wrong], "y.grad should be 1", color="tab:red", va="center")
            axes.set(title=title if pictures is in_place else "", xlim=(0, 6.4), ylim=(-0.3, 2.9))
            axes.axis("off")
        row[0].text(0.2, 2.4, rule, family="monospace", fontsize=12, weight="bold")
    return figure
