"""Members of archives, read without extracting them, and files that data sets download."""

import gzip
import lzma
import tarfile
import zipfile
import zlib

from ..download import fetch

D2L = "https://d2l-data.s3-accelerate.amazonaws.com/"


def downloaded(dataset):
    """The path of the file of a data set: FOLDER, FILE = (name, checksum), MIRRORS, addresses without the name."""
    name, checksum = dataset.FILE
    return fetch(dataset.FOLDER, name, [mirror + name for mirror in dataset.MIRRORS], checksum)


def read_archive(path, wanted):
    """{name: bytes} of the files in a zip or tar archive, compressed or not, for which wanted(name) is true.

    In order of their names; nothing is written. Raises ValueError for another kind of file, or if there is none.
    [not in the book]
    """
    contents = {}
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if not member.is_dir() and wanted(member.filename):
                        contents[member.filename] = archive.read(member)
        else:
            with tarfile.open(path) as archive:
                for member in archive:  # in one pass: going back in a compressed file means starting again
                    if member.isreg() and wanted(member.name):
                        contents[member.name] = archive.extractfile(member).read()
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path}: expected a complete zip or tar file, got {error}") from error
    if not contents:
        raise ValueError(f"{path} lacks the files of this data set")
    return dict(sorted(contents.items()))


def read_text(path, name):
    """The text of one member of an archive, in UTF-8. Raises ValueError as `read_archive`, or if it is none."""
    return decoded(read_archive(path, lambda member: member == name)[name], f"{path}: {name}")


def decoded(content, place):
    """Bytes in UTF-8 as a str."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{place}: expected text in UTF-8, got {error}") from error
