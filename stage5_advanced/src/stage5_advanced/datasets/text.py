"""Text files as sequences of character ids."""

import os
import pathlib

import numpy as np

from ..download import get_file
from .base import Dataset


class Text(Dataset):
    """The characters of a text file as ids: a sample is one id, an int, its label the next. [step 60, not in the book]

    path: the file, in UTF-8. Training and test data are both the whole text.
    char_to_id, id_to_char: dicts; characters are numbered from 0 in the order of their first occurrence.
    Raises ValueError for a file of fewer than two characters or in another encoding.
    """

    def __init__(self, path, train=True, transform=None, target_transform=None):
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"{type(self).__name__}: expected a str or Path as the path, got {type(path).__name__}")
        self.path = path
        super().__init__(train, transform, target_transform)

    def prepare(self):
        name = type(self).__name__
        try:
            text = pathlib.Path(self.path).read_text(encoding="utf-8-sig")  # without a byte order mark
        except UnicodeDecodeError as error:
            raise ValueError(f"{name}: expected text in UTF-8, got {self.path}: {error}") from error
        if len(text) < 2:
            raise ValueError(f"{name}: expected at least 2 characters, got {len(text)} in {self.path}")
        self.char_to_id = {char: i for i, char in enumerate(dict.fromkeys(text))}
        self.id_to_char = {i: char for char, i in self.char_to_id.items()}
        ids = np.array([self.char_to_id[char] for char in text])
        self.data = ids[:-1]
        self.label = ids[1:].copy()  # so that changing one does not change the other


class Shakespear(Text):
    """Scenes of Shakespeare: 1.1 million characters, 65 distinct ones; 1 MB. [step 60, not in the book]

    Downloaded once. Raises RuntimeError if that fails, ValueError if the file is not this text.
    """

    ADDRESS = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    SIZE = 1_115_394  # characters

    def __init__(self, train=True, transform=None, target_transform=None):
        super().__init__(get_file(self.ADDRESS), train, transform, target_transform)

    def prepare(self):
        try:
            super().prepare()
            if len(self.data) + 1 != self.SIZE:
                raise ValueError(f"Shakespear: expected {self.SIZE} characters, got {len(self.data) + 1}")
        except ValueError as error:
            raise ValueError(f"{error}; delete {self.path} to download it again") from error
