"""Kernels: each computes its formula, and a training step launches few of them.

Everything runs on the stand-in, whose kernels g++ compiles, and under `-m gpu` on CuPy itself.
"""

import shutil

import numpy as np
import pytest

from .stage import (
    MLP,
    Adam,
    F,
    L,
    Model,
    MomentumSGD,
    ResNet50,
    Variable,
    cuda,
    grad,
    models,
    no_grad,
    optimizers,
    using_config,
)
from .test_device import (
    CALLS,
    OPTIMIZERS,
    assert_same,
    assert_same_sequence,
    everything,
    one_parameter,
    place,
    signed,
    step,
)


@pytest.fixture
def xp_kernels(xp_device, monkeypatch):
    """The device with the switch turned on."""
    if on_standin(xp_device):
        if not shutil.which("g++"):
            pytest.skip("the stand-in compiles kernels with g++, which is not installed")
        xp_device.prepare(cuda.KERNELS)
    monkeypatch.setattr(cuda, "use_kernels", True)
    return xp_device


def on_standin(xp):
    """Whether the device is the stand-in, which counts launches."""
    return hasattr(xp, "launches")


OPTIMIZERS = OPTIMIZERS | {
    "NAG": optimizers.NAG,
    "RMSprop": optimizers.RMSprop,
    "RMSprop momentum": lambda: optimizers.RMSprop(momentum=0.9),
    "RMSprop centered": lambda: optimizers.RMSprop(momentum=0.5, centered=True),
    "RMSprop tensorflow": lambda: optimizers.RMSprop(momentum=0.5, style="tensorflow"),
    "AdamW": optimizers.AdamW,
}


def launched(xp, f):
    """How often f launches each kernel of the stand-in; nothing on another device."""
    found = getattr(xp, "launches", {})
    found.clear()
    f()
    return dict(found)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_update_by_one_kernel_is_that_on_the_host(xp_kernels, make, dtype):
    layers = [one_parameter(xp, 5, 3, dtype=dtype) for xp in (xp_kernels, np)]
    for layer in layers:
        optimizer, data = make().setup(layer), layer.p.data
        for number in range(3):
            step(optimizer, number)
        assert layer.p.data is data
        layer.states = [a for a in optimizer.states[layer.p].values() if a.ndim]
    found, expected = ([layer.p.data, *layer.states] for layer in layers)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(cuda.as_numpy(a), b, rtol=1e-5 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_update_is_one_launch(xp_kernels, make):
    if not on_standin(xp_kernels):
        pytest.skip("only the stand-in counts launches")
    layer = one_parameter(xp_kernels, 3)
    optimizer = make().setup(layer)
    step(optimizer, 0)
    decay = {"imul": 1} if isinstance(optimizer, optimizers.AdamW) else {}
    found = launched(xp_kernels, optimizer.update)
    assert len(found) == 1 + len(decay)
    assert set(found.values()) == {1}


# Functions with kernels, by their rows in test_device.py.
NAMES = """
    adaptive_avg_pool2d average_pooling avg_pool2d batch_norm conv1d conv2d deconv2d elu embed_id gelu gru_cell
    leaky_relu linear log_softmax lstm lstm_cell matmul max_pool2d mean_squared_error moving_batch_norm pooling
    relu selu sigmoid sigmoid_cross_entropy softmax softmax_cross_entropy softplus take tanh
"""
WITH_KERNELS = {name: call for name, call in CALLS.items() if name.split()[0] in NAMES.split()}


def first_order(f, xp, xs):
    """The values of f and its gradients for random initial gradients, without a graph of their own."""
    rng = np.random.default_rng(0)
    variables = [Variable(x) for x in xs]
    ys = f(xp, *variables)
    ys = list(ys) if isinstance(ys, (list, tuple)) else [ys]
    return [*ys, *grad(ys, variables, [Variable(place(xp, rng.standard_normal(y.shape), y.dtype)) for y in ys])]


@pytest.mark.parametrize("derivatives", [first_order, everything])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("f", "xs"), WITH_KERNELS.values(), ids=WITH_KERNELS)
def test_a_function_computes_by_kernels_what_it_computes_on_the_host(xp_kernels, f, xs, dtype, derivatives):
    host = derivatives(f, np, [x.astype(dtype) for x in xs])
    device = derivatives(f, xp_kernels, [place(xp_kernels, x, dtype) for x in xs])
    assert_same(device, host, rtol=float(np.finfo(dtype).eps) ** (2 / 3))


@pytest.mark.parametrize("number", [1, 2, 3, 8])
def test_packed_sequences_are_computed_by_kernels(xp_kernels, number):
    """NStepLSTM and NStepGRU in both directions, GRU with reset_after, a TextCNN; values and gradients."""
    assert_same_sequence(xp_kernels, number)


TIES = np.array([1.0, 1.0, 0.0, 2.0, 2.0, 2.0, -1.0, 2.0, 0.0, 0.0, 0.0, 0.0, np.nan, 1.0, np.nan, 0.0]).reshape(
    1, 1, 4, 4
)
CASES = {  # beyond those of test_device.py: what only a kernel could get wrong
    "softmax of columns": (lambda x: F.softmax(x, axis=0), [(3, 4)]),
    "softmax of an axis inside": (lambda x: F.log_softmax(x, axis=1), [(2, 3, 4)]),
    "a dilated convolution": (
        lambda *xs: F.conv2d(*xs, stride=(2, 1), pad=(1, 2), dilation=(2, 3)),
        [(2, 3, 9, 8), (2, 3, 2, 2)],
    ),
    "a convolution 1 x 1": (lambda *xs: F.conv2d(*xs), [(2, 3, 4, 5), (2, 3, 1, 1), (2,)]),
    "a convolution 1 x 1 of every other pixel": (lambda *xs: F.conv2d(*xs, stride=2), [(2, 3, 4, 5), (2, 3, 1, 1)]),
    "a convolution of one image": (lambda *xs: F.conv2d(*xs, pad=((0, 2), (1, 0))), [(1, 2, 4, 5), (2, 2, 3, 2)]),
    "a transposed convolution of stride 3": (
        lambda *xs: F.deconv2d(*xs, None, 3, 1, (8, 9)),
        [(2, 2, 3, 3), (2, 3, 3, 3)],
    ),
    "a view": (lambda x: F.pooling(F.transpose(x, (0, 1, 3, 2)), (3, 2), (1, 2)), [(2, 2, 5, 4)]),
    "a GRU without a state": (
        lambda *xs: F.gru_cell(xs[0], None, xs[1:4], xs[4:7], xs[7:]),
        [(2, 3), *[(3, 2)] * 3, *[(2,)] * 3, *[(2, 2)] * 3],
    ),
}


@pytest.mark.parametrize(("f", "shapes"), CASES.values(), ids=CASES)
def test_a_kernel_computes_what_the_formula_computes(xp_kernels, f, shapes):
    xs = signed(*shapes)
    device = first_order(lambda _, *xs: f(*xs), xp_kernels, [place(xp_kernels, x) for x in xs])
    assert_same(device, first_order(lambda _, *xs: f(*xs), np, xs))


def test_the_first_of_equal_elements_receives_the_gradient(xp_kernels):
    """And the first nan of several."""
    for f in (lambda _, x: F.pooling(x, 2, 2), lambda _, x: F.pooling(x, 3, 1, 1)):
        assert_same(first_order(f, xp_kernels, [place(xp_kernels, TIES)]), first_order(f, np, [TIES]))


def test_batch_norm_far_from_zero_is_as_exact_as_on_the_host(xp_kernels):
    inputs = [(signed((8, 3, 5))[0] + 1000).astype("f"), *(np.array([n] * 3, "f") for n in (1, 0, 0, 1))]
    exact = F.batch_norm(*(a.astype(float) for a in inputs)).data
    found = F.batch_norm(*(place(xp_kernels, a) for a in inputs))
    np.testing.assert_allclose(cuda.as_numpy(found), exact, atol=1e-5)


RESET_AFTER = [(2, 4, 3), *[(3, 2)] * 3, *[(2,)] * 3, *[(2, 2)] * 3, (2,), (2, 2)]


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_gru_over_a_sequence_is_computed_by_kernels(xp_kernels, reset_after):
    def f(xp, *inputs):
        return F.GRU(reset_after)(*inputs[: None if reset_after else 10], *inputs[11:] * (not reset_after))

    xs = signed(*RESET_AFTER)
    assert_same(first_order(f, xp_kernels, [place(xp_kernels, x) for x in xs]), first_order(f, np, xs))


def test_a_label_target_or_index_out_of_range_makes_nan(xp_kernels):
    """An error would have to wait for the device."""
    x = Variable(xp_kernels.zeros((2, 3)))
    for labels in ([0, 3], [-1, 0]):
        loss = F.softmax_cross_entropy(x, xp_kernels.asarray(labels))
        loss.backward()
        assert np.isnan(float(loss))
        assert np.isnan(cuda.as_numpy(x.grad)).any()
        x.cleargrad()
    indices = xp_kernels.asarray([1, 2, -3, -1])
    np.testing.assert_array_equal(np.isnan(cuda.as_numpy(F.take(x, indices)))[:, 0], [False, True, True, False])
    np.testing.assert_array_equal(np.isnan(cuda.as_numpy(F.embed_id(indices, x)))[:, 0], [False, True, True, True])
    assert np.isnan(float(F.sigmoid_cross_entropy(x, xp_kernels.asarray([[0.0, 1.0, 2.0]] * 2))))
    with pytest.raises(TypeError, match="expected integers from 0 to 2, got float64"):
        F.softmax_cross_entropy(x, xp_kernels.asarray([0.0, 1.0]))


@pytest.mark.parametrize("dtype", [np.float16, np.int64])
def test_other_dtypes_are_computed_by_the_formula(xp_kernels, dtype):
    x = place(xp_kernels, [[-1, 0, 2]], dtype)
    for f in (F.relu, F.softmax, F.leaky_relu, F.sigmoid):
        np.testing.assert_allclose(cuda.as_numpy(f(x)), f(cuda.as_numpy(x)).data, rtol=1e-3)
    if on_standin(xp_kernels):
        assert not set(launched(xp_kernels, lambda: F.softmax(x))) & {kernel.name for kernel in cuda.KERNELS}


ACTIVATIONS = {
    "elu": (F.elu, {"elu_of": 1, "elu_gradient": 1}),
    "gelu": (F.gelu, {"gelu": 1, "gelu_gx": 1}),
    "leaky_relu": (F.leaky_relu, {"leaky_relu_of": 1, "leaky_relu_gradient": 1}),
    "log_softmax": (F.log_softmax, {"softmax_rows": 1, "softmax_gradient_rows": 1}),
    "sigmoid": (F.sigmoid, {"sigmoid_of": 1, "sigmoid_gradient": 1}),
    "softmax": (F.softmax, {"softmax_rows": 1, "softmax_gradient_rows": 1}),
    "softplus": (F.softplus, {"softplus_of": 1, "softplus_gradient": 1}),
    "tanh": (F.tanh, {"tanh": 1, "tanh_gradient": 1}),
}


@pytest.mark.parametrize(("f", "launches"), ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_is_one_launch_each_way(xp_kernels, f, launches):
    if not on_standin(xp_kernels):
        pytest.skip("only the stand-in counts launches")
    x, gy = (Variable(place(xp_kernels, a)) for a in signed((2, 3), (2, 3)))
    assert launched(xp_kernels, lambda: grad(f(x), x, gy)) == launches


def test_the_gradient_of_dropout_has_the_mask_that_was_drawn(xp_kernels):
    x, gy = (Variable(place(xp_kernels, a, np.float32)) for a in signed((30, 40), (30, 40)))
    y = F.dropout(x, 0.25)
    y.grad = gy
    counts = launched(xp_kernels, y.backward)
    assert counts == ({"dropout_gx": 1} if on_standin(xp_kernels) else {})
    y, gx, x, gy = (cuda.as_numpy(v) for v in (y, x.grad, x, gy))
    kept = y != 0
    assert 800 < kept.sum() < 1000
    np.testing.assert_allclose(y, np.where(kept, x / 0.75, 0), rtol=1e-6)
    np.testing.assert_allclose(gx, np.where(kept, gy / 0.75, 0), rtol=1e-6)


def test_empty_arrays_are_computed_by_the_formula(xp_kernels):
    x = Variable(xp_kernels.zeros((2, 0)))
    F.relu(x).backward()
    assert x.grad.shape == (2, 0)


PRODUCTS = {
    "matrices": lambda a, b, c, d: (a, b),
    "transposed": lambda a, b, c, d: (a.T, a),
    "both transposed": lambda a, b, c, d: (b.T, a.T),
    "columns of a larger one": lambda a, b, c, d: (a[:, 1:], b[1:, :2]),
    "transposed columns of a larger one": lambda a, b, c, d: (a[:, 1:].T, a[:, :2]),
    "rows with gaps": lambda a, b, c, d: (a[::2], b[:, ::2]),
    "a row and a column": lambda a, b, c, d: (a[:1], b[:, :1]),
    "a column and a row": lambda a, b, c, d: (a[:, :1], b[:1]),
    "a matrix and several": lambda a, b, c, d: (a, d),
    "several and a matrix": lambda a, b, c, d: (c, b),
    "several": lambda a, b, c, d: (c, d),
    "several transposed": lambda a, b, c, d: (c.transpose(0, 2, 1), c),
    "broadcast": lambda a, b, c, d: (c[:1], d),
    "no rows": lambda a, b, c, d: (a[:0], b),
    "a vector": lambda a, b, c, d: (a, b[:, 0]),
}


@pytest.mark.parametrize("choose", PRODUCTS.values(), ids=PRODUCTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_by_cublas(xp_kernels, choose, dtype):
    arrays = [x.astype(dtype) for x in signed((2, 3), (3, 4), (5, 2, 3), (5, 3, 4))]
    expected = np.matmul(*choose(*arrays))
    a, b = choose(*(place(xp_kernels, x) for x in arrays))
    close = float(np.finfo(dtype).eps) ** (2 / 3)
    product = F.products.product
    for found in (F.matmul(a, b).data, product(a, b)):
        assert found.dtype == dtype
        np.testing.assert_allclose(cuda.as_numpy(found), expected, rtol=close, atol=close)
    out = place(xp_kernels, np.ones(expected.shape, dtype))
    for add in (True, False):
        assert product(a, b, out, add) is out
        np.testing.assert_allclose(cuda.as_numpy(out), expected + add, rtol=close, atol=close)


@pytest.mark.parametrize("threads", [1, 4])
def test_blocks_of_threads_add_up(xp_kernels, monkeypatch, threads):
    """Each thread of a block takes its part of the rows, of which there are fewer, as many or more."""
    if on_standin(xp_kernels):
        monkeypatch.setattr(xp_kernels, "THREADS", threads)

    def check(f, xs):
        device = first_order(f, xp_kernels, [place(xp_kernels, x) for x in xs])
        assert_same(device, first_order(f, np, xs))

    def cross_entropy(x):
        return F.softmax_cross_entropy(x, [1, 0, 1][: len(x)])

    for shape in ((3, 2), (3, 4), (2, 9)):
        for f in (F.softmax, F.log_softmax, cross_entropy):
            check(lambda _, x, f=f: f(x), signed(shape))
    averages = []

    def batch_norm(xp, *xs):
        averages.append([xp.zeros(3), xp.ones(3)])
        return F.batch_norm(*xs, *averages[-1])

    for shape in ((2, 3), (2, 3, 1, 3), (5, 3, 7)):
        check(batch_norm, signed(shape, (3,), (3,)))
        device, host = averages[-2:]
        assert_same([Variable(a) for a in device], [Variable(a) for a in host])


def test_the_kernel_of_a_gradient_runs_where_no_graph_is_recorded(xp_kernels):
    x = Variable(place(xp_kernels, [-1.0, 0.0, 2.0]))
    for create_graph in (False, True):
        x.cleargrad()
        F.relu(x).backward(create_graph=create_graph)
        np.testing.assert_array_equal(cuda.as_numpy(x.grad), [0.0, 0.0, 1.0])
        assert (x.grad.creator is not None) is create_graph


# --- launches ---


class CNN(Model):
    """Two convolutions, each with batch normalization, relu and pooling, and two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = L.Conv2d(4, 3, pad=1), L.Conv2d(8, 3, pad=1)
        self.bn1, self.bn2 = L.BatchNorm(), L.BatchNorm()
        self.fc1, self.fc2 = L.Linear(16), L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.bn1(self.conv1(x))), 2, 2)
        x = F.pooling(F.relu(self.bn2(self.conv2(x))), 2, 2)
        return self.fc2(F.relu(self.fc1(F.flatten(x))))


class NarrowResNet50(ResNet50):
    """ResNet50 with a sixteenth of its channels."""

    def __init__(self):
        super().__init__(style="torch")
        self.conv1 = L.Conv2d(4, 7, stride=2, pad=3, nobias=True)
        for k, (blocks, halving) in enumerate([(3, 1), (4, 2), (6, 2), (3, 2)]):
            setattr(self, f"res{k + 2}", models.Residuals(blocks, 4 * 2**k, 16 * 2**k, (1, halving)))
        self.fc6 = L.Linear(10)


def training(model, optimizer, *shape):
    """A training step on random images."""
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal(shape, np.float32), rng.integers(0, 10, shape[0])
    with no_grad(), using_config("train", False):
        model(x)
    model.to_gpu()
    optimizer.setup(model)
    x, t = cuda.as_cupy(x), cuda.as_cupy(t)

    def step():
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss

    return step


def sequence():
    """A pass forward and backward through an LSTM of 30 steps."""
    layer = L.LSTM(5, in_size=3)
    layer.to_gpu()
    x = cuda.as_cupy(np.random.default_rng(0).standard_normal((4, 30, 3), np.float32))
    layer(x[:, 0])  # creates the weights

    def step():
        x2, h2 = ([getattr(layer, f"{side}2{gate}") for gate in "fiou"] for side in "xh")
        y, _ = F.lstm(x, None, None, [f.W for f in x2], [f.b for f in x2], [f.W for f in h2])
        layer.cleargrads()
        loss = F.sum(y)
        loss.backward()
        return loss

    return step


WORKLOADS = {  # a training step, and how many kernels it may launch
    "MLP": (lambda: training(MLP((20, 20, 10), activation=F.relu), Adam(), 5, 8), 30),
    "CNN": (lambda: training(CNN(), MomentumSGD(), 3, 1, 12, 12), 60),
    "LSTM": (sequence, 150),
    "ResNet50": (lambda: training(NarrowResNet50(), MomentumSGD(), 4, 3, 64, 64), 1000),
}


@pytest.mark.parametrize(("make", "most"), WORKLOADS.values(), ids=WORKLOADS)
def test_a_step_launches_few_kernels_and_has_the_same_loss(xp_kernels, monkeypatch, make, most):
    losses, counts = [], []
    for use in (False, True):
        monkeypatch.setattr(cuda, "use_kernels", use)
        np.random.seed(0)
        step = make()
        losses.append(float(step().data))  # the first step creates the state of the optimizer
        counts.append(launched(xp_kernels, step))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    if on_standin(xp_kernels):
        without, found = (sum(count.values()) for count in counts)
        assert found <= most, counts[1]
        assert without > 4 * most
