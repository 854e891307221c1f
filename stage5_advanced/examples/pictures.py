"""Three computed pictures for style_transfer.py: each (1, 3, size, size), float32, 0-1."""

import numpy as np


def rgb(*colors):
    """Colors such as 0x204080 as an array (len(colors), 3), 0-1."""
    return np.array([[color >> 16, color >> 8 & 255, color & 255] for color in colors]) / 255


def grid(size):
    """y and x of every pixel, 0-1, on a grid of twice the size; `finished` averages four pixels each (antialiasing)."""
    return np.mgrid[0 : 2 * size, 0 : 2 * size] / (2 * size)


def finished(picture):
    """(2 size, 2 size, 3) -> (1, 3, size, size)."""
    size = len(picture) // 2
    picture = picture.clip(0, 1).reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
    return picture.transpose(2, 0, 1)[None].astype(np.float32)


def landscape(size):
    """Sun, hills and a lake."""
    y, x = grid(size)
    above, below = rgb(0x2F5FA8, 0xF6C89A)
    picture = above + np.minimum(y / 0.6, 1)[..., None] * (below - above)
    picture[(x - 0.7) ** 2 + (y - 0.28) ** 2 < 0.012] = rgb(0xFFF2B0)
    picture[y > 0.5 - 0.22 * abs(np.sin(4.2 * x + 0.5)) - 0.02 * np.sin(31 * x)] = rgb(0x6A6F9C)
    picture[y > 0.66 - 0.12 * np.cos(5 * x - 0.6) - 0.015 * np.sin(23 * x)] = rgb(0x2E5A3C)
    lake = y > 0.74 + 0.02 * np.sin(7 * x)
    picture[lake] = (rgb(0x8FB7D6) - 0.25 * (y[..., None] - 0.74))[lake]
    return finished(picture)


def waves(size):
    """Wavy bands, thin and thick, with thin lines in them."""
    y, x = grid(size)
    height = y + 0.05 * np.sin(9 * x + 5 * y) + 0.03 * np.sin(23 * x - 9 * y)
    band = 9 * height + 0.5 * np.sin(40 * height)
    palette = rgb(0x0B2447, 0x19509B, 0xE9D8A6, 0x94D2BD, 0x0A9396, 0xEE9B00)
    lines = 0.75 + 0.25 * np.sin(24 * np.pi * band) ** 2
    return finished(palette[np.floor(2 * band).astype(int) % 6] * lines[..., None])


def mosaic(size):
    """Stones of six colors with dark joints."""
    rng = np.random.RandomState(1)
    y, x = grid(size)
    first, second = np.full(y.shape, np.inf), np.full(y.shape, np.inf)  # the distances to the nearest two centers
    stone = np.zeros(y.shape, int)
    for i, (a, b) in enumerate(rng.rand(220, 2)):
        distance = np.hypot(x - a, y - b)
        stone[distance < first] = i
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    palette = rgb(0xD62828, 0xF77F00, 0xFCBF49, 0xEAE2B7, 0x2A9D8F, 0x264653)
    picture = (palette[rng.randint(0, 6, 220)] * rng.uniform(0.9, 1.1, (220, 1)))[stone]
    picture[second - first < 0.014] = rgb(0x1B1B1E)
    return finished(picture)
