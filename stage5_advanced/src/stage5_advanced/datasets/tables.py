"""Tables of numbers and words as features."""

import csv

import numpy as np

from ..download import fetch
from .archives import D2L, downloaded
from .base import Dataset


def table_features(table, words=None):
    """{column: array (N,)} -> (features (N, D), float32, and their names). [not in the book]

    A column of numbers is standardized, with the sample standard deviation; missing ones (NaN) become 0, the mean. A
    column of strings becomes one column for each word, in alphabetical order, and one for missing ones (""), with 1 in
    the column of the word; words: {column: all its words}, if not all need occur. Raises ValueError for columns of
    different lengths or an unknown word.
    """
    columns, names = [], []
    for name, column in table.items():
        column = np.asarray(column)
        if len(column) != len(next(iter(table.values()))):
            raise ValueError(f"table_features: expected columns of one length, got {len(column)} for {name!r}")
        if column.dtype.kind in "biuf":
            column = column.astype(np.float64)
            known = column[~np.isnan(column)]
            mean = known.mean() if known.size else 0
            deviation = known.std(ddof=1) if known.size > 1 else 0
            columns.append(np.nan_to_num((column - mean) / (deviation or 1)))
            names.append(name)
            continue
        kinds = sorted(set(column.tolist()) - {""}) if words is None else words[name]
        unknown = sorted(set(column.tolist()) - {"", *kinds})
        if unknown:
            raise ValueError(f"table_features: expected words of {kinds} for {name!r}, got {unknown}")
        for word in (*kinds, ""):
            columns.append(column == word)
            names.append(f"{name}={word}")
    return np.stack(columns, axis=1).astype(np.float32), names


class HousePrices(Dataset):
    """Sales of houses in Ames, Iowa: 1,460 with prices to train, 1,459 without to test; 1 MB. [not in the book]

    A sample is (features, price), float32, (331,) and (1,), in the test set (features, None). table, columns: the 79
    columns of both parts, and the names of the features, standardized over both by `table_features`. Source: D. De
    Cock, Ames, Iowa (2011), by the competition House Prices on Kaggle.
    """

    FOLDER = "house-prices"
    MIRRORS = (D2L,)
    FILES = (
        ("kaggle_house_pred_train.csv", "sha1:585e9cc93e70b39160e7921475f9bcd7d31219ce"),
        ("kaggle_house_pred_test.csv", "sha1:fa19780a7b011d9b009e8bff8e99922a8ee2eb90"),
    )

    def prepare(self):
        paths = [fetch(self.FOLDER, name, [mirror + name for mirror in self.MIRRORS], c) for name, c in self.FILES]
        (names, *train), (_, *test) = [read_csv(path) for path in paths]
        if names[:1] != ["Id"] or names[-1:] != ["SalePrice"] or {len(row) for row in test} != {len(names) - 1}:
            raise ValueError(f"HousePrices: expected columns from Id to SalePrice, and the same to test, got {names}")
        rows = [row[1:-1] for row in train] + [row[1:] for row in test]
        self.table = dict(zip(names[1:-1], map(as_column, zip(*rows, strict=True)), strict=True))
        features, self.columns = table_features(self.table)
        part = slice(0, len(train)) if self.train else slice(len(train), None)
        self.data = features[part]
        self.label = np.array([[row[-1]] for row in train]).astype(np.float32) if self.train else None


def read_csv(path):
    """The rows of a csv file, lists of str, all of one length. Raises ValueError for another file."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if len({len(row) for row in rows}) != 1 or len(rows) < 2:
        raise ValueError(f"{path}: expected a csv file, with columns of equal length")
    return rows


def as_column(values):
    """Strings as an array of numbers, NaN for NA, or of words, "" for NA, if one of them is not a number."""
    known = ["" if value in ("NA", "") else value for value in values]
    try:
        return np.array([float(value or "nan") for value in known])
    except ValueError:
        return np.array(known)


class Airfoil(Dataset):
    """The noise of airfoils in a wind tunnel, 1,503 measurements; 59 kB: (x, t), float32, (5,) and (1,).

    Five columns (frequency, angle, chord, velocity, thickness) and the sound level, all standardized. d2l uses the
    first 1,500. Source: T. Brooks, D. Pope and M. Marcolini, NASA (1989), UCI Machine Learning Repository, CC BY 4.0.
    [not in the book]
    """

    FOLDER = "airfoil"
    MIRRORS = (D2L,)
    FILE = ("airfoil_self_noise.dat", "sha1:76e5be1548fd8222e5074cf0faae75edff8cf93f")

    def prepare(self):
        path = downloaded(self)
        try:
            a = np.loadtxt(path, delimiter="\t", ndmin=2)
        except ValueError as error:
            raise ValueError(f"{path}: expected numbers between tabs, got {error}") from error
        if a.shape[1] != 6:
            raise ValueError(f"{path}: expected 6 columns, got {a.shape[1]}")
        a = ((a - a.mean(axis=0)) / a.std(axis=0)).astype(np.float32)
        self.data, self.label = a[:, :5], a[:, 5:]
