"""Folds, subsets, cross-validation, and averages of weights."""

import numpy as np
import pytest

from .stage import F, L, Parameter, optimizers, package
from .stage import training as T

# --- folds ---

KFOLDS = [
    (7, 3, [[0, 1, 2], [3, 4], [5, 6]]),
    (4, 4, [[0], [1], [2], [3]]),
    (10, 4, [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]]),
]
# scikit-learn's StratifiedKFold: labels -> the fold of each sample.
STRATIFIED = [
    ("aaabbbbcc", 2, [0, 0, 1, 0, 0, 1, 1, 0, 1]),
    ("bbbabbabab", 3, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]),
]


@pytest.mark.parametrize(("n", "k", "folds"), KFOLDS)
def test_the_folds_of_scikit_learn(n, k, folds):
    for (train, valid), fold in zip(T.KFold(k).split(n), folds, strict=True):
        np.testing.assert_array_equal(valid, fold)
        np.testing.assert_array_equal(train, np.setdiff1d(np.arange(n), fold))


@pytest.mark.parametrize(("kind", "samples"), [(T.KFold, 11), (T.StratifiedKFold, list("aaaabbbbbcc"))])
def test_shuffled_folds_depend_on_the_seed_only(kind, samples):
    def valid(rng):
        return [list(fold) for _, fold in kind(3, True, rng).split(samples)]

    assert valid(0) == valid(0) != valid(1)
    assert valid(np.random.default_rng(0)) == valid(0)
    assert sorted(i for fold in valid(0) for i in fold) == list(range(11))
    np.random.seed(0)
    first = valid(None)
    assert first != valid(None)
    np.random.seed(0)
    assert first == valid(None)


@pytest.mark.parametrize(("labels", "k", "folds"), STRATIFIED)
def test_the_stratified_folds_of_scikit_learn(labels, k, folds):
    found = np.empty(len(labels), int)
    for number, (train, valid) in enumerate(T.StratifiedKFold(k).split(list(labels))):
        found[valid] = number
        np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(len(labels)))
    np.testing.assert_array_equal(found, folds)


def test_stratified_folds_have_equal_shares_of_each_label():
    labels = np.random.default_rng(0).integers(0, 3, 50)
    for shuffle in (False, True):
        shares = [np.bincount(labels[valid]) for _, valid in T.StratifiedKFold(4, shuffle, 0).split(labels)]
        assert np.ptp(shares, axis=0).max() <= 1
        assert np.ptp(np.sum(shares, axis=1)) <= 1


def test_impossible_folds_are_errors():
    with pytest.raises(ValueError, match="KFold: expected at least 2 folds, got 1"):
        T.KFold(1)
    with pytest.raises(ValueError, match="KFold: expected at least 5 samples, got 4"):
        list(T.KFold(5).split(4))
    with pytest.raises(ValueError, match=r"expected a label that occurs at least 3 times, got \[2 2\]"):
        list(T.StratifiedKFold(3).split([0, 0, 1, 1]))


# --- subsets ---


def test_a_subset_is_a_dataset():
    subset = T.Subset([(i, -i) for i in range(5)], [3, 0, 3])
    assert len(subset) == 3
    assert [subset[i] for i in range(3)] == [(3, -3), (0, 0), (3, -3)]
    assert T.Subset(subset, [1])[0] == (0, 0)
    x, _ = next(package.DataLoader(subset, 3, shuffle=False))
    np.testing.assert_array_equal(x, [3, 0, 3])
    with pytest.raises(IndexError):
        subset[3]
    with pytest.raises(ValueError, match=r"Subset: expected indices \(n,\) from 0 to 2, got \[3\]"):
        T.Subset(subset, [3])
    with pytest.raises(ValueError, match="Subset: expected indices"):
        T.Subset(subset, 1)


@pytest.mark.parametrize(
    ("n", "fractions", "sizes"),
    [(10, [0.7, 0.2, 0.1], [7, 2, 1]), (11, [0.5, 0.5], [6, 5]), (5, [0.1] * 10, [1] * 5 + [0] * 5), (10, [1], [10])],
)
def test_a_dataset_is_split_into_fractions(n, fractions, sizes):
    parts = T.split_dataset(range(n), fractions, rng=0)
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part) == list(range(n))
    again = T.split_dataset(range(n), fractions, rng=0)
    assert [list(part) for part in parts] == [list(part) for part in again]


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [1.5, -0.5], [], [0.5, np.nan]])
def test_fractions_are_positive_and_sum_to_one(fractions):
    with pytest.raises(ValueError, match=r"split_dataset: expected positive fractions with the sum 1, got \["):
        T.split_dataset(range(9), fractions)


def test_cross_validation_fits_once_per_fold():
    seen = []

    def fit(train, valid):
        seen.append((list(train), list(valid)))
        return np.float32(len(seen))

    scores, mean, std = T.cross_validate(fit, range(10, 15), 2)
    assert seen == [([13, 14], [10, 11, 12]), ([10, 11, 12], [13, 14])]
    assert (scores, mean, std) == ([1.0, 2.0], 1.5, 0.5)
    T.cross_validate(fit, range(10, 15), 2, shuffle=True, rng=0)
    assert sorted(seen[2][0] + seen[2][1]) == sorted(seen[0][0] + seen[0][1])


# --- averages ---


def averaged(decay, warmup=False):
    """The average of the weight after each of four updates of the weight to 1, 2, 3, 4, from 0."""
    layer = L.Layer()
    layer.W = Parameter(np.zeros(1, np.float32))
    ema = T.ExponentialMovingAverage(layer, decay, warmup)
    found = []
    for value in (1, 2, 3, 4):
        layer.W.data[...] = value
        ema.update()
        found.append(float(ema.shadow["W"][0]))
    assert ema.shadow["W"].dtype == np.float32
    return found


def test_the_average_starts_at_the_weights_of_its_construction():
    np.testing.assert_allclose(averaged(0.5), [0.5, 1.25, 2.125, 3.0625])


def test_the_warmed_up_average_of_tensorflow_counts_the_updates_from_zero():
    expected, shadow = [], 0.0
    for t, value in enumerate((1, 2, 3, 4)):
        d = min(0.2, (1 + t) / (10 + t))
        shadow = d * shadow + (1 - d) * value
        expected.append(shadow)
    np.testing.assert_allclose(averaged(0.2, warmup=True), expected, rtol=1e-6)


def network():
    return package.models.Sequential(L.Linear(3), L.BatchNorm(), F.relu, L.Linear(1))


def trained(model, ema=None, steps=3):
    rng = np.random.default_rng(0)
    optimizer = optimizers.SGD(0.1).setup(model)
    for _ in range(steps):
        model.cleargrads()
        F.mean_squared_error(model(rng.standard_normal((4, 2))), np.ones((4, 1))).backward()
        optimizer.update()
        if ema is not None:
            ema.update()
    return model


def test_an_average_of_an_uninitialized_model_starts_at_its_first_update():
    model = network()
    ema = T.ExponentialMovingAverage(model)
    with pytest.raises(ValueError, match="'l0/W' is uninitialized; call the model once first"):
        ema.update()
    assert ema.t == 0
    with pytest.raises(ValueError, match="expected at least one update before applied, got none"), ema.applied():
        pass
    trained(model, ema, 1)
    assert all(np.array_equal(a, model.get_weights()[path]) for path, a in ema.shadow.items())


def test_applied_averages_are_exchanged_for_the_weights_in_any_case():
    model = trained(network())
    ema = T.ExponentialMovingAverage(model, 0.5)
    trained(model, ema)
    before = model.get_weights()
    shadow = ema.state()
    with ema.applied() as applied:
        assert applied is model
        assert not np.array_equal(model.l0.W.data, before["l0/W"])
        np.testing.assert_array_equal(model.l0.W.data, ema.shadow["l0/W"])
        np.testing.assert_array_equal(model.l1.avg_mean.data, before["l1/avg_mean"])  # copied, not averaged
        trained(model, steps=1)
    with pytest.raises(RuntimeError, match="lost"), ema.applied():
        raise RuntimeError("lost")
    for path, a in model.get_weights().items():
        np.testing.assert_array_equal(a, before[path])
    for path, a in ema.state().items():
        np.testing.assert_array_equal(a, shadow[path])


def test_the_state_of_an_average_is_saved_and_loaded():
    model = trained(network())
    ema = T.ExponentialMovingAverage(model, 0.5, warmup=True)
    trained(model, ema)
    other = T.ExponentialMovingAverage(model, 0.5, warmup=True)
    other.load_state(ema.state())
    trained(model, ema, 1)
    other.update()
    assert other.t == ema.t == 4
    for path, a in ema.shadow.items():
        np.testing.assert_array_equal(other.shadow[path], a)
    before = other.state()
    with pytest.raises(ValueError, match=r"expected the averages of \{'l0/W': \(2, 3\), .* got \{'W': \(\)\}"):
        other.load_state({"t": 1, "W": np.array(1.0)})
    with pytest.raises(ValueError, match="expected the averages of"):
        other.load_state({})
    assert all(np.array_equal(a, before[key]) for key, a in other.state().items())


@pytest.mark.parametrize("decay", [1.0, -0.1, np.nan])
def test_a_decay_outside_of_its_range_is_rejected(decay):
    with pytest.raises(ValueError, match="expected 0 <= decay < 1, got"):
        T.ExponentialMovingAverage(network(), decay)


def test_an_average_follows_its_model_to_the_device(xp_device):
    model = trained(network())
    ema = T.ExponentialMovingAverage(model, 0.5)
    model.to_gpu()
    ema.update()
    assert isinstance(ema.shadow["l0/W"], xp_device.ndarray)
    assert all(isinstance(a, np.ndarray) for a in ema.state().values())
    ema.load_state(ema.state())
    with ema.applied():
        assert isinstance(model.l0.W.data, xp_device.ndarray)
    model.to_cpu()
    ema.update()
    assert isinstance(ema.shadow["l0/W"], np.ndarray)
