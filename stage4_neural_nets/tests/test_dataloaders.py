"""Mini-batches."""

import numpy as np
import pytest

from .stage import DataLoader, Spiral


def pairs(n, shape=(2,)):
    """Sample i and its label are filled with i."""
    return [(np.full(shape, i, np.float32), i) for i in range(n)]


class Unlabelled:
    """Samples computed on access, without labels."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        assert type(i) is int
        return np.float32(i), None


def labels(batches):
    return [t.tolist() for _, t in batches]


def order(batches):
    return [label for batch in labels(batches) for label in batch]


@pytest.mark.parametrize(
    ("size", "batch_size", "drop_last", "expected"),
    [
        (6, 3, False, [[0, 1, 2], [3, 4, 5]]),
        (7, 3, False, [[0, 1, 2], [3, 4, 5], [6]]),
        (7, 3, True, [[0, 1, 2], [3, 4, 5]]),
        (6, 3, True, [[0, 1, 2], [3, 4, 5]]),
        (2, 3, False, [[0, 1]]),
        (2, 3, True, []),
        (3, 1, False, [[0], [1], [2]]),
        (0, 3, False, []),
    ],
)
def test_batches(size, batch_size, drop_last, expected):
    loader = DataLoader(pairs(size), batch_size, shuffle=False, drop_last=drop_last)
    assert labels(loader) == expected
    assert len(loader) == loader.max_iter == len(expected)
    assert loader.data_size == size


def test_the_spiral_in_batches_of_ten():
    train, test = DataLoader(Spiral(), 10), DataLoader(Spiral(train=False), 10, shuffle=False)
    for loader in (train, test):
        for x, t in loader:
            assert (x.shape, t.shape) == ((10, 2), (10,))
            assert (x.dtype, t.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in test]), Spiral(train=False).data)


@pytest.mark.parametrize(
    ("dataset", "x", "t"),
    [
        (pairs(4), ((4, 2), np.float32), ((4,), np.int64)),
        (pairs(4, (1, 28, 28)), ((4, 1, 28, 28), np.float32), ((4,), np.int64)),
        ([(1.0, np.float32(2))] * 4, ((4,), np.float64), ((4,), np.float32)),
        ([[np.ones((2, 3), np.uint8), np.zeros(1)]] * 4, ((4, 2, 3), np.uint8), ((4, 1), np.float64)),
    ],
)
def test_shapes_and_dtypes_are_those_of_the_samples(dataset, x, t):
    batch = DataLoader(dataset, 4).next()
    assert [(array.shape, array.dtype) for array in batch] == [x, t]


def test_without_labels_t_is_none():
    x, t = DataLoader(Unlabelled(), 5, shuffle=False).next()
    np.testing.assert_array_equal(x, np.arange(5, dtype=np.float32))
    assert t is None


def test_batches_are_copies():
    dataset = pairs(2)
    x, _ = DataLoader(dataset, 2, shuffle=False).next()
    x += 100
    np.testing.assert_array_equal(dataset[0][0], 0)


def test_shuffled_passes_have_every_sample_once_each_in_another_order():
    loader = DataLoader(pairs(20), 3)
    passes = [order(loader) for _ in range(3)]
    assert [sorted(one) for one in passes] == [list(range(20))] * 3
    assert passes[0] != passes[1] != passes[2] != list(range(20))


def test_a_loop_after_a_break_starts_a_new_epoch():
    loader = DataLoader(pairs(6), 2, shuffle=False)
    for _ in loader:
        break
    assert labels(loader) == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("shuffle", [False, True])
def test_two_loops_at_once_do_not_disturb_each_other(shuffle):
    loader = DataLoader(pairs(6), 2, shuffle)
    inner = [sorted(order(loader)) for _ in loader]
    assert inner == [list(range(6))] * 3
    for (_, t0), (_, t1) in zip(DataLoader(pairs(6), 2, False), DataLoader(pairs(6), 2, False), strict=True):
        np.testing.assert_array_equal(t0, t1)


def test_an_exhausted_pass_stays_exhausted():
    one_pass = iter(DataLoader(pairs(2), 2))
    assert iter(one_pass) is one_pass
    next(one_pass)
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(one_pass)


def test_the_loaders_own_pass_ends_and_restarts():
    loader = DataLoader(pairs(5), 2, shuffle=False)
    for _ in range(2):
        given = []
        for i in range(3):
            assert loader.iteration == i
            given.append((loader.next if i % 2 else loader.__next__)())
        assert labels(given) == [[0, 1], [2, 3], [4]]
        with pytest.raises(StopIteration):
            next(loader)


def test_loops_do_not_move_the_loaders_own_pass():
    loader = DataLoader(pairs(6), 2)
    order = loader.index.tolist()
    assert labels([next(loader)]) == [order[:2]]
    assert len(list(loader)) == 3
    assert loader.iteration == 1
    assert labels([next(loader)]) == [order[2:4]]


def test_reset_restarts_in_a_new_order():
    loader = DataLoader(pairs(20), 3)
    old = loader.index
    next(loader)
    loader.reset()
    assert loader.iteration == 0
    assert sorted(loader.index) == list(range(20))
    assert loader.index.tolist() != old.tolist()


def test_a_seed_repeats_the_run_and_later_draws_do_not_change_it():
    def orders(disturb):
        np.random.seed(0)
        loader = DataLoader(pairs(20), 20)
        if disturb:
            np.random.rand()
        return order(loader) + order(loader)

    assert orders(False) == orders(True)
    np.random.seed(1)
    assert order(DataLoader(pairs(20), 20)) != orders(False)[:20]


@pytest.mark.parametrize(
    ("arguments", "draws"),
    [({}, 1), ({"rng": np.random.default_rng(0)}, 0), ({"rng": 0}, 0), ({"shuffle": False}, 0)],
)
def test_the_global_generator_gives_one_draw_at_most(arguments, draws):
    np.random.seed(0)
    for _ in range(draws):
        np.random.randint(2**31)
    expected = np.random.rand()
    np.random.seed(0)
    loader = DataLoader(pairs(5), 2, **arguments)
    for _ in range(3):
        list(loader)
        loader.reset()
    assert np.random.rand() == expected


def test_the_generator_that_is_given_is_the_one_that_is_used():
    first, second = (DataLoader(pairs(20), 20, rng=rng) for rng in (np.random.default_rng(7), 7))
    assert labels(first) == labels(second)
    rng = np.random.default_rng(7)
    DataLoader(pairs(20), 20, rng=rng)
    assert rng.random() != np.random.default_rng(7).random()


def test_shuffle_can_be_switched_on_later():
    loader = DataLoader(pairs(20), 20, shuffle=False)
    loader.shuffle = True
    assert labels(loader)[0] != list(range(20))


class Sequences(DataLoader):
    """Rows that continue from batch to batch: a subclass with its own `__next__`."""

    def __next__(self):
        if self.iteration >= self.max_iter:
            self.reset()
            raise StopIteration
        jump = self.data_size // self.batch_size
        self.iteration += 1
        return self.batch([(i * jump + self.iteration - 1) % self.data_size for i in range(self.batch_size)])


def test_a_subclass_that_writes_next_is_looped_over_with_it():
    loader = Sequences(pairs(6), 2, shuffle=False)
    assert labels(loader) == labels(loader) == [[0, 3], [1, 4], [2, 5]]
    assert loader.next()[1].tolist() == [0, 3]


@pytest.mark.parametrize(
    ("dataset", "batch_size", "error", "message"),
    [
        (pairs(3), 0, ValueError, "DataLoader: expected batch_size to be at least 1, got 0"),
        (pairs(3), -2, ValueError, "DataLoader: expected batch_size to be at least 1, got -2"),
        (pairs(3), 1.5, TypeError, "DataLoader: expected batch_size to be an integer, got 1.5"),
        (pairs(3), "3", TypeError, "DataLoader: expected batch_size to be an integer, got '3'"),
        (iter(pairs(3)), 1, TypeError, "DataLoader: expected a dataset with a length, got <list_iterator"),
    ],
)
def test_invalid_arguments_of_a_loader_are_rejected(dataset, batch_size, error, message):
    with pytest.raises(error, match=message):
        DataLoader(dataset, batch_size)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        ([(0, 1), (0, None)], ValueError, "DataLoader: expected t of one shape in a batch, got .*None"),
        ([(np.ones(2), 1), (np.ones(3), 1)], ValueError, r"expected x of one shape in a batch, got .*\(3,\)"),
        ([(0, 1), (0, [1])], ValueError, "expected t of one shape"),
        ("xy", TypeError, r"DataLoader: expected pairs \(x, t\) from the dataset, got str"),
        (np.ones((2, 2)), TypeError, r"DataLoader: expected pairs \(x, t\) from the dataset, got ndarray"),
        ([(0, 1, 2), (0, 1, 2)], TypeError, r"DataLoader: expected pairs \(x, t\) from the dataset, got tuple"),
    ],
)
def test_samples_that_make_no_batch_are_named(dataset, error, message):
    loader = DataLoader(dataset, 2)
    with pytest.raises(error, match=message):
        next(loader)
    assert loader.iteration == 0


class Ends:
    """Raises StopIteration at its third sample."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return next(iter([(i, i)] if i < 2 else []))


def test_a_dataset_that_raises_stop_iteration_does_not_end_the_epoch():
    loader = DataLoader(Ends(), 2, shuffle=False)
    for batches in (loader, iter(loader.next, None)):
        with pytest.raises(RuntimeError, match="DataLoader: the dataset, Ends, raised StopIteration"):
            list(batches)


def test_a_dataset_without_samples_says_so():
    with pytest.raises(TypeError, match="'set' object is not subscriptable"):
        next(DataLoader({1, 2}, 1))


def test_a_batch_size_may_be_a_numpy_integer():
    assert len(DataLoader(pairs(7), np.int64(3))) == 3
