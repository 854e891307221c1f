"""Images in folders and archives, one file each; Pillow reads them."""

import io
import pathlib

import numpy as np

from .archives import D2L, downloaded, read_archive
from .base import Dataset


class Lazy:
    """A sequence whose elements, read(name), are read on access."""

    def __init__(self, names, read):
        self.names = names
        self.read = read

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        return self.read(self.names[i])


def read_image(file):
    """An image, a path or the bytes of a file, as an array of RGB: (3, H, W), uint8. Raises ValueError for others."""
    return open_image(file, "RGB").transpose(2, 0, 1).copy()


def open_image(file, mode=None):
    """The pixels of an image, converted to a mode of Pillow unless it is None."""
    try:
        import PIL.Image
    except ImportError as error:
        raise RuntimeError("read_image: Pillow is needed: pip install pillow") from error
    try:
        with PIL.Image.open(io.BytesIO(file) if isinstance(file, bytes) else file) as image:
            return np.asarray(image if mode is None else image.convert(mode))
    except (OSError, SyntaxError) as error:  # a damaged PNG can be a SyntaxError
        place = "the bytes of a member" if isinstance(file, bytes) else file
        raise ValueError(f"read_image: expected an image, got {place}: {error}") from error


class ImageFolder(Dataset):
    """Images in one folder for each class: (image, label), uint8 (3, H, W), 0-255, and an int. [not in the book]

    path: a folder of folders, whose names are the classes, numbered in alphabetical order. Images are read on access,
    as RGB, in order of their names. Raises ValueError if there are none.
    """

    SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")

    def __init__(self, path, transform=None, target_transform=None):
        self.path = pathlib.Path(path)
        super().__init__(transform=transform, target_transform=target_transform)

    def prepare(self):
        files = sorted(file for file in self.path.glob("*/*") if file.suffix.lower() in self.SUFFIXES)
        if not files:
            raise ValueError(f"ImageFolder: expected folders of images in {self.path}, got none")
        self.set_images(files, [file.parent.name for file in files])

    def set_images(self, files, names):
        """Set data and label: files, paths or bytes, and the names of their classes."""
        self.classes = sorted(set(names))
        self.data = Lazy(files, read_image)
        self.label = np.array([self.classes.index(name) for name in names])

    def labels(self):
        """The name of each label: {0: 'cat', 1: 'dog'}. [not in the book]"""
        return dict(enumerate(self.classes))


class Hotdog(ImageFolder):
    """Images with a hot dog (0) and without (1): 2,000 to train, 800 to test; 250 MB. [not in the book]

    Samples and labels as in ImageFolder, of files in the archive. Prepared for the book Dive into Deep Learning.
    """

    FOLDER = "hotdog"
    MIRRORS = (D2L,)
    FILE = ("hotdog.zip", "sha1:fba480ffa8aa7e0febbb511d181409f899b9baa5")

    def __init__(self, train=True, transform=None, target_transform=None):
        Dataset.__init__(self, train, transform, target_transform)

    def prepare(self):
        part = f"hotdog/{'train' if self.train else 'test'}/"
        contents = read_archive(downloaded(self), lambda name: name.startswith(part) and name.endswith(".png"))
        self.set_images(list(contents.values()), [name.split("/")[2] for name in contents])
