"""Texts: reviews, corpora of language models, pairs of sentences, word vectors."""

import pathlib
import re

import numpy as np

from ..download import fetch
from .archives import D2L, decoded, downloaded, read_archive, read_text
from .base import Dataset


class IMDb(Dataset):
    """Reviews of films: 25,000 to train, 25,000 to test; 84 MB: (text, label), a str and 0 or 1. [not in the book]

    Label 1 is positive; negative reviews are first, in order of their files' names. Source: A. Maas and others,
    Learning Word Vectors for Sentiment Analysis (2011).
    """

    FOLDER = "imdb"
    MIRRORS = ("https://ai.stanford.edu/~amaas/data/sentiment/",)
    FILE = ("aclImdb_v1.tar.gz", "sha1:01ada507287d82875905620988597833ad4e0903")

    def prepare(self):
        path = downloaded(self)
        form = re.compile(rf"aclImdb/{'train' if self.train else 'test'}/(pos|neg)/[^/]+\.txt")
        contents = read_archive(path, form.fullmatch)
        self.data = [decoded(content, f"{path}: {name}") for name, content in contents.items()]
        self.label = np.array([form.fullmatch(name)[1] == "pos" for name in contents]).astype(int)


class Lines(Dataset):
    """The base class of corpora: data are their lines, lists of tokens; there are no labels. [not in the book]"""

    def tokens(self):
        """All tokens, as one list. [not in the book]"""
        return [token for line in self.data for token in line]


class PTB(Lines):
    """News of the Penn Treebank, one sentence per line, words split, rare ones as <unk>; 5 MB. [not in the book]

    part: "train", "valid" or "test": 42,068, 3,370 and 3,761 lines of 887,521, 70,390 and 78,669 words; each line ends
    with "<eos>". A sample is (list of words, None). Prepared by T. Mikolov.
    """

    FOLDER = "ptb"
    SOURCES = (  # address without the name, name, checksum; the member is ptb.train.txt in some folder
        (D2L, "ptb.zip", "sha1:319d85e578af0cdc590547f26231e4e31cdf1e42"),
        ("https://www.fit.vutbr.cz/~imikolov/rnnlm/", "simple-examples.tgz", "md5:30177ea32e27c525793142b6bf2c8e2d"),
    )

    def __init__(self, part="train", transform=None):
        if part not in ("train", "valid", "test"):
            raise ValueError(f"PTB: expected part 'train', 'valid' or 'test', got {part!r}")
        self.part = part
        super().__init__(part == "train", transform)

    def prepare(self):
        reasons = []
        for mirror, name, checksum in self.SOURCES:
            try:
                path = fetch(self.FOLDER, name, mirror + name, checksum)
            except RuntimeError as error:
                reasons.append(str(error))
                continue
            member = next(iter(read_archive(path, lambda member: member.endswith(f"/ptb.{self.part}.txt")).items()))
            self.data = [[*line.split(), "<eos>"] for line in decoded(member[1], f"{path}: {member[0]}").splitlines()]
            return
        raise RuntimeError("\n".join(reasons))


class TimeMachine(Lines):
    """H. G. Wells, The Time Machine (1895), letters only, in lower case; 174 kB. [not in the book]

    A sample is (list of words, None), one line that is not empty. text: the same lines as one str.
    """

    FOLDER = "time-machine"
    MIRRORS = (D2L,)
    FILE = ("timemachine.txt", "sha1:090b5e7e70c295757f55df93cb0a180b9691891a")

    def prepare(self):
        path = downloaded(self)
        text = decoded(pathlib.Path(path).read_bytes(), path)
        lines = [re.sub("[^a-z]+", " ", line.lower()).split() for line in text.splitlines()]
        self.data = [line for line in lines if line]
        self.text = " ".join(" ".join(line) for line in self.data)


class Text8(Lines):
    """The first 100 MB of text of the English Wikipedia of 2006, lower case, letters only; 31 MB. [not in the book]

    text: a str of 100 million characters; data: one line for each 1,000 words. Source: M. Mahoney.
    """

    FOLDER = "text8"
    MIRRORS = ("http://mattmahoney.net/dc/",)
    FILE = ("text8.zip", "sha1:6c70299b93b7e1f927b42cd8f6ac1a31547c7a2e")

    def prepare(self):
        self.text = read_text(downloaded(self), "text8")
        found = {}
        words = [found.setdefault(word, word) for word in self.text.split()]  # each word is in memory once
        self.data = [words[i : i + 1000] for i in range(0, len(words), 1000)]


class FrenchEnglish(Dataset):
    """Sentences and their translations, 167,130 pairs; 6 MB: (english, french), both str. [not in the book]

    Source: the Tatoeba Project, CC BY 2.0 FR, by manythings.org.
    """

    FOLDER = "french-english"
    MIRRORS = (D2L,)
    FILE = ("fra-eng.zip", "sha1:94646ad1522d915e7b0f9296181140edcf86a4f5")

    def prepare(self):
        path = downloaded(self)
        rows = [line.split("\t") for line in read_text(path, "fra-eng/fra.txt").splitlines()]
        if any(len(row) < 2 for row in rows):
            raise ValueError(f"{path}: expected lines of two sentences with a tab between them")
        self.data, self.label = [row[0] for row in rows], [row[1] for row in rows]


class GloVe(Dataset):
    """Word vectors, trained on Wikipedia and news: (word, vector), float32. [not in the book]

    name: "6B.50d" or "6B.100d", 400,000 words; 170 or 330 MB. words: a list; vectors: (N, D). Source: J. Pennington,
    R. Socher and C. Manning, GloVe (2014), Public Domain Dedication and License.
    """

    FOLDER = "glove"
    MIRRORS = (D2L,)
    FILES = (
        ("glove.6B.50d.zip", "sha1:0b8703943ccdb6eb788e6f091b8946e82231bc4d"),
        ("glove.6B.100d.zip", "sha1:cd43bfb07e44e6f27cbcc7bc9ae3d80284fdaf5a"),
    )

    def __init__(self, name="6B.50d"):
        files = {file[0].removeprefix("glove.").removesuffix(".zip"): file for file in self.FILES}
        if name not in files:
            raise ValueError(f"GloVe: expected a name of {list(files)}, got {name!r}")
        self.FILE = files[name]
        super().__init__()

    def prepare(self):
        path = downloaded(self)
        contents = read_archive(path, lambda member: member.endswith("/vec.txt"))
        name, content = next(iter(contents.items()))
        rows = [line.rstrip().split(" ") for line in decoded(content, f"{path}: {name}").splitlines()]
        if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
            raise ValueError(f"{path}: expected lines of a word and numbers, all of one length")
        self.words = self.data = [row[0] for row in rows]
        try:
            self.vectors = self.label = np.array([row[1:] for row in rows]).astype(np.float32)
        except ValueError as error:
            raise ValueError(f"{path}: expected lines of a word and numbers, got {error}") from error
