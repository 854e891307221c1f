"""Distances, bit equality, differences and the ledger."""

import re

import numpy as np
import pytest

from crosscheck.compare import distance, mismatch, same_bytes
from crosscheck.differences import agrees, near_slopes, slopes
from crosscheck.ledger import Ledger

EPS = np.finfo(float).eps
F64, F32 = np.dtype("float64"), np.dtype("float32")


@pytest.mark.parametrize(
    ("a", "r", "dtype", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0], F64, 0),
        ([1.0, 2.0 + 4 * EPS], [1.0, 2.0], F64, 2),
        ([1e-30, 1.0], [0.0, 1.0], F64, 1e-30 / EPS),
        ([3 * EPS, 0.0], [0.0, 0.0], F64, 3),
        ([1.0], [1.0 + np.finfo("float32").eps], F32, 1),
        ([np.nan, 1.0], [np.nan, 1.0], F64, 0),
        ([], [], F64, 0),
    ],
)
def test_distance_is_in_eps_of_the_largest(a, r, dtype, expected):
    assert distance(np.array(a), np.array(r), dtype) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (np.array(1.0), np.array(1.0), True),
        (np.array(0.0), np.array(-0.0), False),
        (np.array([np.nan, 1]), np.array([-np.nan, 1]), True),
        (np.array([np.nan, 1]), np.array([1, np.nan]), False),
        (np.array([1.0]), np.array(1.0), False),
        (np.array([1.0]), np.array([1.0], "f"), False),
        (np.array([1.0]), np.array([1.0 + EPS]), False),
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, np.array([[1.0, 3.0], [2.0, 4.0]]), True),
    ],
)
def test_same_bytes(a, b, same):
    assert same_bytes(a, b) is same


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (np.ones(3), np.ones((3, 1)), r"shape \(3,\)"),
        (np.ones(3), np.ones(3, "f"), "dtype float64"),
        (np.array([np.nan]), np.array([1.0]), "nan or inf"),
        (np.array([np.inf]), np.array([-np.inf]), "nan or inf"),
    ],
)
def test_mismatch_names_what_differs(a, b, text):
    assert re.search(text, mismatch(a, b))
    assert mismatch(a, a) is None


@pytest.mark.parametrize(("measure", "accuracy"), [(slopes, 1e-9), (near_slopes, 1e-7)])
def test_slopes_are_correct_within_their_error_estimate(measure, accuracy):
    point, direction = [np.array([0.3, -0.7])], [np.array([1.0, 2.0])]
    (measured,) = measure(lambda xs: [float(np.exp(xs[0]).sum())], point, direction)
    gradient = np.exp(point[0])
    assert measured.value == pytest.approx(float(gradient @ direction[0]), rel=accuracy)
    assert agrees([gradient], direction, measured)
    assert not agrees([gradient * (1 + 1e-5)], direction, measured)
    assert not agrees([np.zeros(2)], direction, measured)


def test_a_ledger_entry_rises_with_a_reason_and_never_falls(tmp_path):
    ledger = Ledger({"f": {"float64": 2.0}}, {})
    assert ledger.update({("f", "float64"): 5.0}, None) == ["f float64: 2 -> 5"]
    assert ledger.distances == {"f": {"float64": 2.0}}
    assert ledger.update({("f", "float64"): 5.0}, 'a "better" formula') == []
    ledger.write(tmp_path / "ledger.toml")
    again = Ledger.read(tmp_path / "ledger.toml")
    assert again.distances == {"f": {"float64": 5.0}}
    assert again.reasons == {"f": {"float64": 'a "better" formula'}}
    assert again.update({("f", "float64"): 1.0, ("g", "float32"): 3.0}, None) == []
    assert again.distances == {"f": {"float64": 5.0}, "g": {"float32": 3.0}}
    assert again.allowed("g", "float32") == 12.0
    assert again.allowed("g", "float64") is None


def test_a_reason_is_kept_only_where_an_entry_was_raised():
    ledger = Ledger({"f": {"float64": 42.6}, "g": {"float64": 1.0}}, {})
    assert ledger.update({("f", "float64"): 42.63, ("g", "float64"): 2.0}, "why g") == []
    assert ledger.reasons == {"g": {"float64": "why g"}}
    assert ledger.distances == {"f": {"float64": 42.6}, "g": {"float64": 2.0}}


def test_a_run_of_some_computations_adds_entries_and_changes_none():
    ledger = Ledger({"f": {"float64": 2.0}, "g": {"float64": 1.0}}, {"g": {"float64": "why g"}})
    assert ledger.add({("f", "float64"): 9.0, ("f", "float32"): 3.0, ("a", "float64"): 0.5}) == []
    assert ledger.distances == {"a": {"float64": 0.5}, "f": {"float32": 3.0, "float64": 2.0}, "g": {"float64": 1.0}}
    assert ledger.reasons == {"g": {"float64": "why g"}}
