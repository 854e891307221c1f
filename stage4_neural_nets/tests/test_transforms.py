"""Preprocessing of one sample."""

import pickle

import numpy as np
import pytest

from .stage import AsType, Compose, Flatten, Normalize, ToFloat, ToInt

RGB = Normalize(mean=(1, 2, 3), std=[2, 4, 8])
CHAIN = Compose([Flatten(), ToFloat(), Normalize(0, 255)])
ALL = [Compose(), Normalize(0.5, 2), RGB, Flatten(), AsType(np.float64), ToFloat(), ToInt(), CHAIN]


def double(x):
    return x * 2


def sample(dtype=np.float32):
    return np.arange(12).reshape(3, 2, 2).astype(dtype)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Compose(), sample()),
        (Compose([double]), 2 * sample()),
        (Compose([double, Normalize(mean=1)]), 2 * sample() - 1),
        (Compose([Normalize(mean=1), double]), 2 * (sample() - 1)),
        (Normalize(), sample()),
        (Normalize(mean=0.0, std=2.0), sample() / 2),
        (Normalize(2, -4), (sample() - 2) / -4),
        (RGB, (sample() - np.reshape([1, 2, 3], (3, 1, 1))) / np.reshape([2, 4, 8], (3, 1, 1))),
        (Normalize(mean=np.array([1.0, 2, 3])), sample() - np.reshape([1, 2, 3], (3, 1, 1))),
        (Normalize(mean=[5], std=[2]), (sample() - 5) / 2),
        (Flatten(), np.arange(12)),
        (ToInt(), sample()),
    ],
)
def test_values(transform, expected):
    np.testing.assert_array_equal(transform(sample()), expected)


@pytest.mark.parametrize(
    ("transform", "dtype", "expected"),
    [
        (Normalize(0.1, 0.3), np.float32, np.float32),
        (Normalize(np.float64(0.1), np.array(0.3)), np.float32, np.float32),
        (Normalize([0.1, 0.2, 0.3], np.full(3, 0.3)), np.float32, np.float32),
        (Normalize(0.1, 0.3), np.float16, np.float16),
        (Normalize(0.1, 0.3), np.float64, np.float64),
        (Normalize(0, 255), np.uint8, np.float64),
        (Flatten(), np.uint8, np.uint8),
        (AsType(), np.uint8, np.float32),
        (ToFloat(), np.float64, np.float32),
        (ToFloat(np.float16), np.float64, np.float16),
        (ToInt(), np.float32, int),
        (ToInt(np.uint8), np.float32, np.uint8),
        (CHAIN, np.uint8, np.float32),
        (Compose([lambda x: x / 2.0, AsType(np.float64)]), np.float32, np.float64),
    ],
)
def test_dtypes(transform, dtype, expected):
    assert transform(sample(dtype)).dtype == expected


def test_bytes_do_not_wrap_around_below_the_mean():
    np.testing.assert_array_equal(Normalize(mean=128)(np.array([0, 200], np.uint8)), [-128.0, 72.0])


def test_fractions_are_cut_off_toward_zero():
    np.testing.assert_array_equal(ToInt()(np.array([-1.7, -0.2, 0.9, 2.5])), [-1, 0, 0, 2])


@pytest.mark.parametrize("transform", ALL)
def test_the_input_stays_as_it_is(transform):
    x = sample()
    x.flags.writeable = False
    transform(x)
    np.testing.assert_array_equal(x, sample())


@pytest.mark.parametrize("transform", ALL)
def test_transforms_can_be_pickled(transform):
    again = pickle.loads(pickle.dumps(transform))
    np.testing.assert_array_equal(again(sample()), transform(sample()))


def test_a_change_of_dtype_is_a_copy_even_to_the_same():
    x = sample()
    assert not np.shares_memory(ToFloat()(x), x)


def test_a_label_is_an_array_too():
    assert AsType(np.float32)(np.int64(3)) == np.float32(3)
    assert Normalize(1, 2)(np.float32(3)).dtype == np.float32


def test_a_chain_does_not_change_with_the_list_it_was_created_from():
    functions = [double]
    chain = Compose(functions)
    functions.append(double)
    assert chain(1) == 2


@pytest.mark.parametrize("transform", [Normalize(), Flatten(), AsType(), ToInt()])
def test_what_is_not_an_array_is_rejected(transform):
    with pytest.raises(AttributeError, match=r"'list' object has no attribute '(dtype|reshape|astype)'"):
        transform([1.0, 2.0])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Compose([double, 3]), TypeError, "Compose: expected functions, got int"),
        (lambda: Normalize(0, 0), ValueError, "Normalize: expected std without 0, got 0"),
        (lambda: Normalize(0, [1, 0.0]), ValueError, r"Normalize: expected std without 0, got \[1, 0.0\]"),
        (lambda: AsType("no type"), TypeError, "no type"),
    ],
)
def test_wrong_settings_are_rejected_at_once(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 3), ()])
def test_one_mean_for_each_channel_is_needed(shape):
    with pytest.raises(ValueError, match=r"Normalize: expected mean to have one number per channel of .*, got \(3,\)"):
        RGB(np.ones(shape))
    with pytest.raises(ValueError, match=r"Normalize: expected std to have one number per channel of .*, got \(3,\)"):
        Normalize(std=[1, 2, 3])(np.ones(shape))
