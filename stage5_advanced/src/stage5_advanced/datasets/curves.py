"""Spiral and sine curve: points computed from a fixed seed."""

import numpy as np

from .base import Dataset


def get_spiral(train=True):
    """Three arms of a spiral: points x (300, 2), float32, labels t (300,), int; shuffled. [step 48]

    Arm j, point i, r = i / 100:  angle = 4j + 4r + 0.2 noise,  x = (r sin angle, r cos angle). The noise
    has its own generator, so the numbers are always the same and np.random is not used. In the book,
    step 49 prints samples of these points, but step 48 those of an older version, not shuffled.
    """
    rng = np.random.RandomState(1984 if train else 2020)
    r = np.arange(100) / 100
    arms = []
    for j in range(3):
        angle = 4 * j + 4 * r + 0.2 * rng.randn(100)
        arms.append(np.stack([r * np.sin(angle), r * np.cos(angle)], axis=1))
    x = np.concatenate(arms).astype(np.float32)
    t = np.repeat(np.arange(3), 100)
    order = rng.permutation(300)
    return x[order], t[order]


class Spiral(Dataset):
    """The points of `get_spiral`: x (2,), float32, label 0, 1 or 2; 300 samples for each value of train. [step 49]"""

    def prepare(self):
        self.data, self.label = get_spiral(self.train)


class SinCurve(Dataset):
    """y = sin(x) + noise, 1000 points from 0 to 2 pi; for train=False y = cos(x). [step 59]

    A sample is one y, (1,), float64, its label the next y, (1,); so there are 999. The noise, uniform in
    (-0.05, 0.05), has its own generator, so the numbers are always the same and np.random is not used.
    (The book's noise has no seed.)
    """

    def prepare(self):
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.RandomState(59).uniform(-0.05, 0.05, x.shape)
        y = np.sin(x) + noise if self.train else np.cos(x)
        self.data = y[:-1, None]
        self.label = y[1:, None].copy()  # so that changing one does not change the other
