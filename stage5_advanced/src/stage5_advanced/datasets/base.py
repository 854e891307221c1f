"""Datasets: single samples, preprocessed on access."""

import operator

import numpy as np

from ..transforms import Compose


class Dataset:
    """dataset[i] -> (transform(data[i]), target_transform(label[i])); the label is None if there are none. [step 49]

    A subclass defines `prepare`, which sets `data` and, if there are labels, `label`: arrays or other
    sequences, one entry per sample. A dataset that loads on access defines `__getitem__` and `__len__`.
    train: whether these are the training data. transform, target_transform: functions of one sample or
    label; None changes nothing.
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        for f in (transform, target_transform):
            if f is not None and not callable(f):
                raise TypeError(f"{type(self).__name__}: expected a function as the transform, got {type(f).__name__}")
        self.train = train
        self.transform = Compose() if transform is None else transform
        self.target_transform = Compose() if target_transform is None else target_transform
        self.data = None
        self.label = None
        self.prepare()

    def prepare(self):
        """Set `data` and `label`; called once, on construction."""

    def __getitem__(self, index):
        """One sample, a pair; an integer label is an int. Raises IndexError if there is no such sample."""
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(f"{type(self).__name__}: expected an index below {len(self)}, got {index}")
        x = self.transform(self.data[i])
        if self.label is None:
            return x, None
        t = self.target_transform(self.label[i])
        return x, int(t) if isinstance(t, np.integer) else t  # prints as 1, not as np.int64(1)

    def __len__(self):
        """The number of samples."""
        if self.data is None:
            raise ValueError(f"{type(self).__name__}: no data; prepare must set self.data")
        return len(self.data)
