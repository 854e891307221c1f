"""Errors of data sets, transforms and downloads: steps 49-60. No file is downloaded."""

from __future__ import annotations

import gzip
import io
import pathlib
import pickle
import struct
import tarfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import PIL.Image

from .errors import downloads, errors, hidden, under, with_file

# --- data sets ---


def data_set(fw: Any, data: Any = None, **options: Any) -> Any:
    """A data set of the user, named Mine."""

    def prepare(self: Any) -> None:
        self.data = data

    return type("Mine", (fw.datasets.Dataset,), {"prepare": prepare})(**options)


def shown(fw: Any, **options: Any) -> Any:
    """The digits, drawn."""
    return fw.datasets.Digits().show(**options)


def idx(*lengths: int, kind: int = 8, content: bytes = b"") -> bytes:
    """A gzipped idx file."""
    head = bytes([0, 0, kind, len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths)
    return gzip.compress(head + content)


def read_idx(fw: Any, content: bytes) -> Any:
    """The images in an idx file of this content."""
    return with_file(content, lambda path: fw.datasets.read_idx(path, 3))


def downloaded(f: Callable[[], Any], *contents: bytes) -> Any:
    """f(), while downloads have these contents."""
    return under(downloads(*contents), f)


def mnist(fw: Any, *contents: bytes) -> Any:
    """The training data of MNIST, with files of these contents, whose checksums nobody compares."""
    files = [(name, None) for name, _ in fw.datasets.MNIST.FILES]
    with mock.patch.object(fw.datasets.MNIST, "FILES", files):
        return downloaded(fw.datasets.MNIST, *contents)


def tar(**members: bytes) -> bytes:
    """A tar.gz file of these members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read_tar(fw: Any, content: bytes) -> Any:
    """Two members of a tar.gz file of this content."""
    return with_file(content, lambda path: fw.datasets.read_tar(path, ["a", "b"]))


def read_cifar(fw: Any, batch: Any) -> Any:
    """A pickled batch of two classes."""
    return fw.datasets.read_cifar(pickle.dumps(batch), "file: member", b"labels", 2)


def text(fw: Any, content: bytes) -> Any:
    """The data set of a text file of this content."""
    return with_file(content, fw.datasets.Text)


PIXELS = np.zeros((2, 3072), np.uint8)
TWO = idx(2, 28, 28, content=bytes(2 * 28 * 28))

# fmt: off
errors(
    49,
    ("transform_that_is_a_number", lambda fw: data_set(fw, transform=1),
     TypeError, "Mine: expected a function as the transform, got int"),
    ("target_transform_that_is_a_number", lambda fw: data_set(fw, target_transform=1),
     TypeError, "Mine: expected a function as the transform, got int"),
    ("sample_after_the_last", lambda fw: data_set(fw, np.ones(3))[3],
     IndexError, "Mine: expected an index below 3, got 3"),
    ("sample_before_the_first", lambda fw: data_set(fw, np.ones(3))[-4],
     IndexError, "Mine: expected an index below 3, got -4"),
    ("sample_one_half", lambda fw: data_set(fw, np.ones(3))[0.5],
     TypeError, "'float' object cannot be interpreted as an integer"),
    ("length_of_a_data_set_without_data", lambda fw: len(data_set(fw)),
     ValueError, "Mine: no data; prepare must set self.data"),
    ("compose_of_numbers", lambda fw: fw.transforms.Compose([1]), TypeError, "Compose: expected functions, got int"),
    ("normalize_by_zero", lambda fw: fw.transforms.Normalize(0, [1, 0]),
     ValueError, "Normalize: expected std without 0, got [1, 0]"),
    ("normalize_by_other_channels", lambda fw: fw.transforms.Normalize([0, 0])(np.ones((3, 2))),
     ValueError, "Normalize: expected mean to have one number per channel of (3, 2), got (2,)"),
    ("normalize_to_other_channels", lambda fw: fw.transforms.Normalize(0, [1, 2])(np.ones((3, 2))),
     ValueError, "Normalize: expected std to have one number per channel of (3, 2), got (2,)"),
)
# fmt: on
# fmt: off
errors(
    51,
    ("show_no_rows", lambda fw: shown(fw, row=0),
     ValueError, "show: expected row and col to be at least 1, got 0 and 10"),
    ("show_no_columns", lambda fw: shown(fw, col=0),
     ValueError, "show: expected row and col to be at least 1, got 10 and 0"),
    ("show_without_matplotlib", lambda fw: under(hidden("matplotlib", "matplotlib.pyplot"), lambda: shown(fw, row=1)),
     RuntimeError, "show: matplotlib is needed: pip install matplotlib"),
    ("mnist_of_another_number_of_labels",
     lambda fw: mnist(fw, TWO, idx(3, content=bytes(3))),
     ValueError, "MNIST: expected images (N, 28, 28) and labels (N,), got (2, 28, 28), (3,)"),
    ("idx_file_that_is_not_gzipped", lambda fw: read_idx(fw, b"text"),
     ValueError, "...: expected a complete gzip file, got ..."),
    ("idx_file_that_is_cut_off", lambda fw: read_idx(fw, TWO[:-9]),
     ValueError, "...: expected a complete gzip file, got ..."),
    ("idx_file_of_two_axes", lambda fw: read_idx(fw, idx(1, 1, content=bytes(1))),
     ValueError, "...: expected an idx file with 3 axes, b'\\x00\\x00\\x08\\x03', got b'\\x00\\x00\\x08\\x02'"),
    ("idx_file_of_floats", lambda fw: read_idx(fw, idx(1, 1, 1, kind=13, content=bytes(4))),
     ValueError, "...: expected an idx file with 3 axes, b'\\x00\\x00\\x08\\x03', got b'\\x00\\x00\\r\\x03'"),
    ("idx_file_without_lengths", lambda fw: read_idx(fw, gzip.compress(bytes([0, 0, 8, 3]))),
     ValueError, "...: expected an idx file with 3 axes, b'\\x00\\x00\\x08\\x03', got b'\\x00\\x00\\x08\\x03'"),
    ("idx_file_with_too_few_elements", lambda fw: read_idx(fw, idx(2, 2, 2, content=bytes(7))),
     ValueError, "...: expected (2, 2, 2) elements, got 7"),
)
# fmt: on
# fmt: off
errors(
    58,
    ("labels_neither_fine_nor_coarse", lambda fw: fw.datasets.CIFAR100(label_type="medium"),
     ValueError, "CIFAR100: expected label_type 'fine' or 'coarse', got 'medium'"),
    ("tar_file_that_is_not_gzipped", lambda fw: read_tar(fw, b"text"),
     ValueError, "...: expected a complete tar.gz file, got ..."),
    ("tar_file_that_is_cut_off", lambda fw: read_tar(fw, tar(a=b"1" * 999, b=b"2" * 999)[:-20]),
     ValueError, "...: expected a complete tar.gz file, got ..."),
    ("tar_file_that_lacks_a_member", lambda fw: read_tar(fw, tar(a=b"")), ValueError, "... lacks b"),
    ("cifar_batch_that_is_a_list", lambda fw: read_cifar(fw, []),
     ValueError, "file: member: expected uint8 (N, 3072) as its data, got NoneType"),
    ("cifar_batch_of_floats", lambda fw: read_cifar(fw, {b"data": PIXELS * 1.0, b"labels": [0, 1]}),
     ValueError, "file: member: expected uint8 (N, 3072) as its data, got float64 (2, 3072)"),
    ("cifar_batch_of_small_images", lambda fw: read_cifar(fw, {b"data": PIXELS[:, :3], b"labels": [0, 1]}),
     ValueError, "file: member: expected uint8 (N, 3072) as its data, got uint8 (2, 3)"),
    ("cifar_batch_of_too_few_labels", lambda fw: read_cifar(fw, {b"data": PIXELS, b"labels": [0]}),
     ValueError, "file: member: expected 2 ints from 0 to 1 as its labels"),
    ("cifar_batch_of_an_unknown_label", lambda fw: read_cifar(fw, {b"data": PIXELS, b"labels": [0, 2]}),
     ValueError, "file: member: expected 2 ints from 0 to 1 as its labels"),
    ("cifar_batch_that_is_no_pickle", lambda fw: fw.datasets.read_cifar(b"text", "file", b"labels", 2),
     ValueError, "file: expected a pickle of arrays and plain containers, got ..."),
    ("cifar_batch_of_other_objects", lambda fw: read_cifar(fw, pathlib.PurePosixPath("a")),
     ValueError, "file: member: expected a pickle of arrays and plain containers, got pathlib.PurePosixPath"),
    ("images_of_imagenet", lambda fw: fw.datasets.ImageNet(),
     TypeError, "ImageNet: its images cannot be downloaded freely; there is only ImageNet.labels()"),
    ("imagenet_labels_without_braces", lambda fw: downloaded(fw.datasets.ImageNet.labels, b"no dict"),
     ValueError, "ImageNet: expected a dict, got ...; delete ... to download it again"),
    ("imagenet_labels_without_numbers", lambda fw: downloaded(fw.datasets.ImageNet.labels, b"{'a': 'b'}"),
     ValueError, "ImageNet: expected a dict from int to str; delete ... to download it again"),
)
# fmt: on
# fmt: off
errors(
    60,
    ("text_of_a_number", lambda fw: fw.datasets.Text(3),
     TypeError, "Text: expected a str or Path as the path, got int"),
    ("text_in_another_encoding", lambda fw: text(fw, "\u00e4\u00e4".encode("latin-1")),
     ValueError, "Text: expected text in UTF-8, got ..."),
    ("text_of_one_character", lambda fw: text(fw, b"a"),
     ValueError, "Text: expected at least 2 characters, got 1 in ..."),
    ("shakespeare_cut_off", lambda fw: downloaded(fw.datasets.Shakespear, b"to be"),
     ValueError, "Shakespear: expected 1115394 characters, got 5; delete ... to download it again"),
)
# fmt: on


# --- images ---

IMAGE = PIL.Image.new("RGB", (3, 2))

# fmt: off
errors(
    58,
    ("convert_to_a_number", lambda fw: fw.transforms.Convert(3),
     TypeError, "Convert: expected a str as the mode, got int"),
    ("convert_to_an_unknown_mode", lambda fw: fw.transforms.Convert("XYZ")(IMAGE),
     ValueError, "Convert: expected a mode to which 'RGB' converts, got 'XYZ'"),
    ("resize_an_array", lambda fw: fw.transforms.Resize(4)(np.ones((2, 3))),
     TypeError, "Resize: expected a PIL image, got ndarray"),
    ("resize_to_nothing", lambda fw: fw.transforms.Resize((4, 0)),
     ValueError, "Resize: expected one or two positive integers as the size, got (4, 0)"),
    ("resize_to_three_numbers", lambda fw: fw.transforms.Resize((4, 4, 3)),
     ValueError, "Resize: expected one or two positive integers as the size, got (4, 4, 3)"),
    ("center_crop_of_a_small_image", lambda fw: fw.transforms.CenterCrop(3)(IMAGE),
     ValueError, "CenterCrop: expected an image of at least (3, 3), got (3, 2)"),
    ("to_array_of_a_palette", lambda fw: fw.transforms.ToArray()(IMAGE.convert("P")),
     ValueError, "ToArray: expected an image without a palette, got mode 'P'; Convert('RGB') first"),
    ("to_array_of_a_list", lambda fw: fw.transforms.ToArray()([1]),
     TypeError, "ToArray: expected a PIL image or a numpy.ndarray, got list"),
    ("to_pil_of_booleans", lambda fw: fw.transforms.ToPIL()(np.ones((1, 2, 2), bool)),
     TypeError, "ToPIL: expected numbers, got an array of bool"),
    ("to_pil_of_two_channels", lambda fw: fw.transforms.ToPIL()(np.ones((2, 2, 2))),
     ValueError, "ToPIL: expected (C, H, W) with 1, 3 or 4 channels, got (2, 2, 2)"),
    ("to_pil_of_no_pixels", lambda fw: fw.transforms.ToPIL()(np.ones((1, 0, 2))),
     ValueError, "ToPIL: expected (C, H, W) with 1, 3 or 4 channels, got (1, 0, 2)"),
    ("to_pil_above_255", lambda fw: fw.transforms.ToPIL()(np.full((1, 1, 2), 255.6)),
     ValueError, "ToPIL: expected numbers from 0 to 255, got 255.6 to 255.6"),
    ("to_pil_below_0", lambda fw: fw.transforms.ToPIL()(np.full((1, 1, 2), -1.0)),
     ValueError, "ToPIL: expected numbers from 0 to 255, got -1.0 to -1.0"),
    ("to_pil_without_pillow",
     lambda fw: under(hidden("PIL", "PIL.Image"), lambda: fw.transforms.ToPIL()(np.ones((1, 2, 2)))),
     RuntimeError, "ToPIL: Pillow is needed: pip install pillow"),
    ("flip_with_a_probability_above_1", lambda fw: fw.transforms.RandomHorizontalFlip(1.5),
     ValueError, "RandomHorizontalFlip: expected a probability p from 0 to 1, got 1.5"),
    ("flip_of_a_matrix", lambda fw: fw.transforms.RandomHorizontalFlip()(np.ones((2, 2))),
     ValueError, "RandomHorizontalFlip: expected (C, H, W), got (2, 2)"),
    ("flip_of_a_list", lambda fw: fw.transforms.RandomHorizontalFlip()([1]),
     TypeError, "RandomHorizontalFlip: expected a PIL image or a numpy.ndarray, got list"),
)
# fmt: on


# --- downloads ---

URL = "http://example.org/file.bin"


def download(fw: Any, content: bytes | Exception, checksum: str | None = None, folder: str = "") -> Any:
    """A download of this content, or that fails, to a folder in a temporary one."""
    with downloads(content) as network:
        pathlib.Path(network.folder, "file").touch()
        with mock.patch.dict("os.environ", DEZERO_HOME=str(pathlib.Path(network.folder, folder))):
            return fw.utils.get_file(URL, checksum=checksum)


class Broken(OSError):
    """A connection that breaks."""

    response = None


def without_pooch(f: Callable[[], Any]) -> Any:
    """f(), without the package that downloads."""
    with downloads(), hidden("pooch"):
        return f()


PAGE = b"<html>please log in</html>"

# fmt: off
errors(
    51,
    ("address_of_a_file", lambda fw: fw.utils.get_file("file:///etc/hosts"),
     ValueError, "get_file: expected an address that starts with http:// or https://, got 'file:///etc/hosts'"),
    ("address_without_a_file", lambda fw: fw.utils.get_file("http://example.org/"),
     ValueError, "get_file: expected a file_name without folders for http://example.org/, got ''"),
    ("file_name_with_a_folder", lambda fw: fw.utils.get_file(URL, "../file"),
     ValueError, "get_file: expected a file_name without folders for http://example.org/file.bin, got '../file'"),
    ("download_into_a_file", lambda fw: download(fw, PAGE, folder="file"),
     RuntimeError, "...: [Errno 20] Not a directory: '...'; $DEZERO_HOME can name another folder"),
    ("download_without_pooch", lambda fw: without_pooch(lambda: fw.utils.get_file(URL)),
     RuntimeError, "... does not exist; pooch, which downloads it, is not installed: pip install pooch tqdm\n"
                   "Or put the file there by hand, from http://example.org/file.bin"),
    ("download_without_a_connection", lambda fw: download(fw, ValueError("no route to host")),
     RuntimeError, "... does not exist, and no download succeeded:\n  http://example.org/file.bin: no route to "
                   "host\nOr put the file there by hand, from http://example.org/file.bin"),
    ("download_that_breaks_twice",
     lambda fw: under(downloads(Broken(), Broken("reset"), b"third"), lambda: fw.utils.get_file(URL)),
     RuntimeError, "... does not exist, and no download succeeded:\n  http://example.org/file.bin: reset\n"
                   "Or put the file there by hand, from http://example.org/file.bin"),
    ("download_of_a_web_page", lambda fw: download(fw, PAGE),
     RuntimeError, "... does not exist, and no download succeeded:\n  http://example.org/file.bin: is a web "
                   "page\nOr put the file there by hand, from http://example.org/file.bin"),
    ("download_with_another_checksum", lambda fw: download(fw, PAGE, checksum="0" * 64),
     RuntimeError, "... does not exist, and no download succeeded:\n  http://example.org/file.bin: has sha256 "
                   "a28d35ff51bde278549d42921ceb33f8634d6652665270a390bd6748afeb43de, not "
                   "0000000000000000000000000000000000000000000000000000000000000000\nOr put the file there by "
                   "hand, from http://example.org/file.bin"),
    ("download_with_another_md5", lambda fw: download(fw, PAGE, checksum="md5:0"),
     RuntimeError, "... does not exist, and no download succeeded:\n  http://example.org/file.bin: has md5 "
                   "ddca5812edd042a836c9954213ce33cb, not 0\nOr put the file there by hand, from "
                   "http://example.org/file.bin"),
    ("download_to_a_full_disk", lambda fw: download(fw, OSError(28, "No space left on device")),
     RuntimeError, "...: [Errno 28] No space left on device; $DEZERO_HOME can name another folder"),
)
# fmt: on
# fmt: off
errors(
    58,
    ("published_weights_that_do_not_fit", lambda fw: downloaded(lambda: fw.models.VGG16(True), b"text"),
     ValueError, "...: expected a file that save_weights wrote, got ...; delete ... to download it again"),
)
# fmt: on
