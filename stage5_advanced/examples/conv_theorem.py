"""Convolution in four ways that give the same image: directly, by Fourier transform, by one axis at a time, as a layer.

A convolution slides the flipped kernel over the image; where the two overlap decides the size of the result: "full",
"same" or "valid". The convolution theorem says that its Fourier transform is the product of both transforms: n log n
operations instead of n times the size of the kernel, so it is faster for large kernels. A kernel that is the product of
a column and a row needs only two passes along one axis: 2 k operations instead of k^2. And a layer of a network does
not flip: it is a correlation, so the theorem holds for its flipped kernel.

The discrete Fourier transform of a signal is a product with the matrix e^(-2 pi i j k / n); that of an image transforms
each row and then each column. `in_one_axis` and `in_two_axes` write both out.

    python stage5_advanced/examples/conv_theorem.py
    python stage5_advanced/examples/conv_theorem.py --image photo.jpg        (needs Pillow)

The largest difference between the ways is about 1e-15 in float64. From which size on the Fourier transform is faster
depends on the machine: about 7 x 7.

The figure: the image, four kernels and the three sizes; the product of the spectra; the time by the size of the kernel.
"""

import time

import numpy as np
import pictures
from common import begin, figure, file, options, pick, read_image, save, table

import stage5_advanced.functions as F


def gauss(size):
    """A blur: the product of a column and a row, with the sum 1."""
    bell = np.exp(-((np.arange(size) - (size - 1) / 2) ** 2) / (2 * (size / 5) ** 2))
    return np.outer(bell, bell) / bell.sum() ** 2


def disc(size):
    """The blur of a lens out of focus: not a product."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = x**2 + y**2 <= (size / 2) ** 2
    return inside / inside.sum()


KERNELS = {
    "blur, 15 x 15": gauss(15),
    "out of focus, 15 x 15": disc(15),
    "vertical edges, 3 x 3": np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0]),
    "relief, 3 x 3": np.array([[2.0, 1.0, 0.0], [1.0, 1.0, -1.0], [0.0, -1.0, -2.0]]),
}


def by_axes(x, K):
    """Two passes along one axis each, "same"; None if the kernel is no product."""
    try:
        column, row = F.separate_kernel(K)
    except ValueError:
        return None
    return F.convolve2d(F.convolve2d(x, column[:, None], "same"), row[None], "same").data


def dft(n):
    """The matrix (n, n) of the discrete Fourier transform."""
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


def in_one_axis(x, w):
    """The convolution "full" of two signals by the theorem: the transform of a product, transformed back."""
    n = len(x) + len(w) - 1
    W = dft(n)
    product = (W[:, : len(x)] @ x) * (W[:, : len(w)] @ w)  # signals continued by zeros
    return (W.conj() @ product).real / n


def in_two_axes(x):
    """The transform of an image: of its rows, then of its columns."""
    return dft(x.shape[0]) @ (x @ dft(x.shape[1]))


def as_layer(x, K):
    """A layer's convolution with the flipped kernel, "same"."""
    return F.conv2d(x[None, None], K[None, None, ::-1, ::-1].copy(), pad="same").data[0, 0]


def seconds(f, repeats):
    """The median time of a call, of one core, so that other programs do not count."""
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        f()
        times.append(time.thread_time() - start)
    return sorted(times)[repeats // 2]


def main():
    parser = options(__doc__, gpu=False)
    parser.add_argument("--image", type=file, metavar="FILE", help="a photograph; default: a landscape")
    arguments = begin(parser)
    size = pick(arguments, 512, 256, 96)
    x = read_image(arguments.image, size) if arguments.image else pictures.landscape(size)
    x = x[0].astype(float).mean(axis=0)

    signal, bell = x[len(x) // 2], gauss(15).sum(axis=0)
    print(
        f"one axis, theorem against sum: {abs(in_one_axis(signal, bell) - F.convolve1d(signal, bell).data).max():.0e}"
    )
    part = x[:32, :24]
    print(f"two axes, rows and columns against fft2: {abs(in_two_axes(part) - np.fft.fft2(part)).max():.0e}")
    rows, largest = [], 0.0
    for name, K in KERNELS.items():
        y = F.convolve2d(x, K, "same").data
        others = F.fft_convolve(x, K, "same").data, as_layer(x, K), by_axes(x, K)
        differences = [None if other is None else abs(other - y).max() for other in others]
        largest = max(largest, *(d for d in differences if d is not None))
        rows.append((name, *("no product" if d is None else f"{d:.0e}" for d in differences)))
    table(("difference from the direct sum", "FFT", "layer, flipped", "column and row"), rows)
    sizes = {mode: F.convolve2d(x, KERNELS["blur, 15 x 15"], mode).data for mode in ("full", "same", "valid")}
    print("sizes:", ", ".join(f"{mode} {y.shape[0]} x {y.shape[1]}" for mode, y in sizes.items()))
    print(f"largest difference: {largest:.1e}")

    times = {}
    for k in pick(arguments, (3, 7, 11, 15, 23, 31, 47, 63), (3, 7, 11, 15, 23, 31), (3, 7)):
        K = gauss(k)
        ways = (lambda: F.convolve2d(x, K), lambda: F.fft_convolve(x, K), lambda: by_axes(x, K))  # noqa: B023
        times[k] = [1000 * seconds(f, pick(arguments, 5, 5, 1)) for f in ways]
        print("kernel {0} x {0}: direct {1:.1f} ms, FFT {2:.1f} ms, column and row {3:.1f} ms".format(k, *times[k]))
    save(draw(x, sizes, times), arguments)


def draw(x, sizes, times):
    """The image and four kernels; the three sizes; the spectra of image, kernel and product; the time."""
    made, axes = figure("xabcd;fgvtt;XKPtt", height=9.5)
    images = {"x": ("the image", x)} | {
        place: (name, F.convolve2d(x, K, "same").data) for place, (name, K) in zip("abcd", KERNELS.items(), strict=True)
    }
    for place, (mode, y) in zip("fgv", sizes.items(), strict=True):
        images[place] = (f"{mode}: {y.shape[0]} x {y.shape[1]}", y)
    padded = [np.fft.fft2(a, sizes["full"].shape) for a in (x, KERNELS["out of focus, 15 x 15"])]
    spectra = {"X": padded[0], "K": padded[1], "P": padded[0] * padded[1]}
    titles = {"X": "spectrum of the image", "K": "of the kernel out of focus", "P": "their product"}
    for place, spectrum in spectra.items():
        images[place] = (titles[place], np.fft.fftshift(np.log10(abs(spectrum) + 1e-3)))
    for place, (title, image) in images.items():
        axes[place].imshow(image, cmap="magma" if place in "XKP" else "gray")
        axes[place].set_title(title)
        axes[place].axis("off")
    for name, line in zip(("direct", "FFT", "column and row"), zip(*times.values(), strict=True), strict=True):
        axes["t"].semilogy(list(times), line, ".-", label=name)
    axes["t"].set(title="time, ms", xlabel="side of the kernel, pixels")
    axes["t"].legend()
    return made


if __name__ == "__main__":
    main()
