"""The images of Pascal VOC 2012, with masks or boxes."""

import tarfile
import xml.etree.ElementTree as ElementTree

import numpy as np

from .archives import decoded, downloaded
from .base import Dataset
from .folders import Lazy, open_image, read_image

VOC_NAMES = """
aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa
train tvmonitor
"""


class VOC2012(Dataset):
    """Photographs with 20 kinds of objects: (image, mask) or (image, boxes); 2 GB. [not in the book]

    part: "train", "val" or "trainval". An image is uint8 (3, H, W), 0-255, of different sizes. task: "segmentation":
    1,464 and 1,449 images with masks (H, W), uint8, 0 for the background, 1-20, 255 for borders; "detection": 5,717 and
    5,823 images with boxes (K, 5), float32, class 0-19 and x0, y0, x1, y1 in pixels, from edge to edge, difficult ones
    too. Read from the archive on access; Pillow is needed. Source: M. Everingham and others, The Pascal Visual Object
    Classes Challenge 2012.
    """

    FOLDER = "voc2012"
    MIRRORS = ("http://host.robots.ox.ac.uk/pascal/VOC/voc2012/", "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/")
    FILE = ("VOCtrainval_11-May-2012.tar", "sha1:4e443f8a2eca6b1dac8a6c57641b67dd40621a49")
    ROOT = "VOCdevkit/VOC2012/"

    def __init__(self, part="train", task="segmentation", transform=None, target_transform=None):
        if part not in ("train", "val", "trainval"):
            raise ValueError(f"VOC2012: expected part 'train', 'val' or 'trainval', got {part!r}")
        if task not in ("segmentation", "detection"):
            raise ValueError(f"VOC2012: expected task 'segmentation' or 'detection', got {task!r}")
        self.part, self.task = part, task
        super().__init__(part != "val", transform, target_transform)

    def prepare(self):
        self.path = downloaded(self)
        try:
            with tarfile.open(self.path, "r:") as archive:
                self.places = {m.name: (m.offset_data, m.size) for m in archive if m.isreg()}
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{self.path}: expected a complete tar file, got {error}") from error
        segmentation = self.task == "segmentation"
        names = self.read(f"ImageSets/{'Segmentation' if segmentation else 'Main'}/{self.part}.txt").decode().split()
        self.data = Lazy(names, self.image)
        self.label = Lazy(names, self.mask if segmentation else self.boxes)

    def read(self, name):
        """The content of a member."""
        if self.ROOT + name not in self.places:
            raise ValueError(f"{self.path} lacks {self.ROOT}{name}")
        start, size = self.places[self.ROOT + name]
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(size)

    def image(self, name):
        """An image, by its name."""
        return read_image(self.read(f"JPEGImages/{name}.jpg"))

    def mask(self, name):
        """The classes of its pixels: indices of the palette."""
        return open_image(self.read(f"SegmentationClass/{name}.png")).copy()

    def boxes(self, name):
        """Its boxes; those of the file count pixels from 1, the last one included."""
        root = ElementTree.fromstring(decoded(self.read(f"Annotations/{name}.xml"), name))
        names = VOC_NAMES.split()
        rows = []
        for each in root.iter("object"):
            x0, y0, x1, y1 = (float(each.find(f"bndbox/{key}").text) for key in ("xmin", "ymin", "xmax", "ymax"))
            rows.append([names.index(each.find("name").text), x0 - 1, y0 - 1, x1, y1])
        return np.array(rows, np.float32).reshape(-1, 5)

    @staticmethod
    def labels():
        """The name of each value of a mask: {0: 'background', ..., 20: 'tvmonitor'}. [not in the book]"""
        return dict(enumerate(["background", *VOC_NAMES.split()]))

    @staticmethod
    def colors():
        """The color of each value of a mask, (256, 3), uint8, to draw it: colors()[mask]. [not in the book]

        The bits 0, 1 and 2 of the value are the highest of red, green and blue, 3, 4 and 5 the next, and so on.
        """
        values = np.arange(256)
        planes = [sum((values >> 3 * i + channel & 1) << 7 - i for i in range(3)) for channel in range(3)]
        return np.stack(planes, axis=1).astype(np.uint8)
