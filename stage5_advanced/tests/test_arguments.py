"""Arguments beyond the book: numbers of NumPy, of another kind, float16 whose squares overflow, weights that differ."""

import inspect
import re

import numpy as np
import pytest

from .stage import F, Variable, initializers, layers, models, optimizers, synthetic, training


def row(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


X, LABELS, BOXES = row(2, 4), np.array([0, 1]), np.array([[0.0, 0, 0, 1, 1]])
IMAGES = row(1, 2, 4, 4)
NUMBERS = [  # functions of float32 and a number
    lambda n: F.normalize(X, eps=n),
    lambda n: F.cosine_similarity(X, X, eps=n),
    lambda n: F.layer_norm(X, eps=n),
    lambda n: F.local_response_norm(X, alpha=n),
    lambda n: F.local_response_norm(X, beta=n),
    lambda n: F.local_response_norm(X, k=n),
    lambda n: F.fold_batch_norm(X, None, *row(4, 2) ** 2, eps=n)[0],
    lambda n: F.var(X, ddof=n),
    lambda n: F.smooth_l1_loss(X, 2 * X, n),
    lambda n: F.huber_loss(X, 2 * X, n),
    lambda n: F.focal_loss(X, LABELS, gamma=n),
    lambda n: F.focal_loss(X, LABELS, alpha=n),
    lambda n: F.softmax_cross_entropy(X, LABELS, label_smoothing=n),
    lambda n: F.softplus(X, n),
    lambda n: F.elu(X, n),
    lambda n: F.pad(X, 1, value=n),
    lambda n: F.pad_sequence([X, X[:1]], n)[0],
    lambda n: F.attention(X, X, X, scale=n),
    lambda n: F.roi_align(IMAGES, BOXES, 2, n),
]


@pytest.mark.parametrize("f", NUMBERS)
def test_a_number_of_numpy_keeps_float32(f):
    y = f(np.float64(0.5))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.data, f(0.5).data)


@pytest.mark.parametrize("f", NUMBERS)
@pytest.mark.parametrize("value", ["x", [0.5], np.array([0.5]), Variable(np.array(0.5))])
def test_an_argument_that_is_no_number_is_an_error(f, value):
    with pytest.raises(TypeError, match=r"expected .* to be a number, got"):
        f(value)


HALF = {
    "normalize": (F.normalize, (300, 400)),
    "cosine_similarity": (lambda x: F.cosine_similarity(x, x[:, ::-1]), (300, 400)),
    "var": (F.var, (0, 0, 0, 400)),
    "std": (F.std, (0, 0, 0, 400)),
    "smooth_l1_loss": (lambda x: F.smooth_l1_loss(x, 0 * x, 600.0), (300, 400)),
    "huber_loss": (lambda x: F.huber_loss(x, 0 * x, 400.0), (300, -300)),
    "softplus": (lambda x: F.softplus(x, 100.0), (1000, -1000)),
    "local_response_norm": (lambda x: F.local_response_norm(x, 1, 1.0, 0.5, 0.0), (300, 400)),
    "gelu": (lambda x: F.gelu(x, "tanh"), (300, -300)),
}


@pytest.mark.parametrize("name", HALF)
def test_squares_of_float16_do_not_overflow(name):
    f, numbers = HALF[name]
    found = []
    for dtype in (np.float16, np.float64):
        x = Variable(np.array([numbers], dtype))
        y = f(x)
        y.backward()
        assert y.dtype == x.grad.dtype == dtype
        found.append((y.data.astype(float), x.grad.data.astype(float)))
    for half, precise in zip(*found, strict=True):
        np.testing.assert_allclose(half, precise, rtol=2e-3, atol=2e-3)


def test_cosine_similarity_broadcasts_before_it_computes_norms():
    x0, x1 = np.array([[3.0], [1.0]]), np.array([[3.0, 4.0], [1.0, 1.0]])
    np.testing.assert_allclose(F.cosine_similarity(x0, x1).data, [7 / (5 * np.sqrt(2)), 1.0])
    np.testing.assert_allclose(F.cosine_similarity(x1[1], x1, axis=-1).data, [7 / (5 * np.sqrt(2)), 1.0])
    np.testing.assert_allclose(F.cosine_similarity(x1, x1, axis=(0, 1)).data, 1.0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: F.cosine_similarity(X, X.T), ValueError, "cosine_similarity: expected x0 and x1 that broadcast"),
        (lambda: F.cosine_similarity(X, X, axis=2), ValueError, "cosine_similarity: axis 2 is out of bounds"),
        (lambda: F.normalize(X, axis=2), ValueError, "normalize: axis 2 is out of bounds"),
        (lambda: F.attention(X[:, :0], X[:, :0], X), ValueError, "Tk and D at least 1, got q (2, 0)"),
        (lambda: F.take(X, Variable(None)), TypeError, "take: expected a Variable with data"),
        (lambda: F.fold_batch_norm(X, [1.0], X[0, :2], X[0, :2], X[0, :2], X[0, :2]), TypeError, "got <class 'list'>"),
        (lambda: F.local_response_norm(X, 1.5), ValueError, "a size of at least 1, got (2, 4), 1.5"),
        (lambda: F.softmax_cross_entropy(X, LABELS, ignore=[0]), TypeError, "a label to ignore, an integer, got [0]"),
        (lambda: F.softplus(X, np.inf), ValueError, "softplus: expected 0 < beta < inf, got inf"),
        (lambda: F.huber_loss(X, X, np.inf), ValueError, "huber_loss: expected 0 < delta < inf, got inf"),
        (lambda: F.sinusoids(2, 2, 0), ValueError, "a base above 0, got 2, 2 and 0"),
        (lambda: F.sequence_mask(LABELS, 1.5), ValueError, "sequence_mask: expected T to be an integer of at least 0"),
        (lambda: F.same_padding(5, 3, 0), ValueError, "same_padding: expected positive integers, got 5, 3, 0, 1"),
        (lambda: F.same_padding(-5, 3), ValueError, "same_padding: expected positive integers, got -5, 3, 1, 1"),
        (lambda: F.receptive_field([3, 2.5], [1, 1]), ValueError, "receptive_field: expected positive integers"),
        (lambda: layers.MultiHeadAttention(2)(X[None], mask=[True] * 2), TypeError, "got <class 'list'>"),
        (lambda: optimizers.WarmUp(None, 3), TypeError, "WarmUp: expected a Schedule, got NoneType"),
        (lambda: optimizers.between(None, 0.1, 3), TypeError, "expected an optimizer with a learning rate"),
        (lambda: training.ExponentialMovingAverage(None), TypeError, "expected a Layer or Model, got NoneType"),
        (lambda: training.Trainer(layers.Linear(1), optimizers.SGD(), "mse"), TypeError, "as the loss, got Linear"),
        (lambda: training.Trainer(None, optimizers.SGD(), sum), TypeError, "Trainer: expected a model, an optimizer"),
    ],
)
def test_arguments_of_another_kind_are_errors(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


@pytest.mark.parametrize("name", ["find_params", "count_params", "apply", "summary", "fuse", "gradient_norms"])
def test_functions_of_models_expect_models(name):
    others = (sum,) if name == "apply" else ()
    with pytest.raises(TypeError, match=f"{name}: expected a Layer or Model, got list"):
        getattr(training, name)([1], *others)


@pytest.mark.parametrize("wrong", [np.ones(5, np.float32), np.ones(64, np.float16), np.ones((64, 1), np.float32)])
def test_a_batch_norm_that_was_not_called_expects_arrays_that_are_alike(wrong):
    model, called = (models.Sequential(layers.Conv2d(64, 1), layers.BatchNorm()) for _ in range(2))
    called(IMAGES)
    arrays = called.get_weights()
    with pytest.raises(ValueError, match="'l1/gamma': expected "):
        model.set_weights(arrays | {"l1/gamma": wrong})
    assert all(variable.data is None for path, variable in model.named_state() if path != "l0/b")
    model.set_weights(arrays)
    np.testing.assert_array_equal(model.l1.gamma.data, arrays["l1/gamma"])


# Arguments of constructors without a default: those that are not here are numbers; a class that needs None is left out.
GIVEN = {
    "optimizer": optimizers.SGD(),
    "schedule": optimizers.StepLR(optimizers.SGD(), 3),
    "model": models.MLP((2,)),
    "counts": [1, 2],
    "milestones": [2],
    "sizes": (4, 2),
    "path": "run.npz",
    "n_layers": 11,
    "style": "torch",
    **dict.fromkeys(
        ("average", "data", "dataset", "encoder", "f", "fc_output_sizes", "groups", "trunk", "vocab", "words")
    ),
    **dict.fromkeys(
        ("bottleneck", "c1", "channels", "mid_channels", "n_blocks", "squeeze_channels")
    ),  # building blocks
}


def numeric_arguments():
    """Rows (class, arguments, name of a number among them)."""
    for module in (layers, models, optimizers, training, initializers, synthetic):
        for cls in filter(inspect.isclass, vars(module).values()):
            parameters = inspect.signature(cls).parameters.values()
            needed = {
                p.name: GIVEN.get(p.name, 2) for p in parameters if p.default is p.empty and p.kind != p.VAR_POSITIONAL
            }
            numbers = {p.name: p.default for p in parameters if p.default is not p.empty and p.name != "rng"} | needed
            for name, value in numbers.items():
                if isinstance(value, (int, float)) and not isinstance(value, bool) and None not in needed.values():
                    yield cls, needed, name


@pytest.mark.parametrize(("cls", "needed", "name"), list(numeric_arguments()), ids=lambda x: getattr(x, "__name__", ""))
def test_a_constructor_rejects_an_argument_that_is_no_number(cls, needed, name):
    with pytest.raises((TypeError, ValueError), match=r"^\w+: expected .*, got"):
        cls(**needed | {name: "x"})
