"""Weidman's networks: his numbers, and operations of one's own. crosscheck compares them with NumPy and PyTorch."""

import importlib.util

import numpy as np
import pytest

from .stage import scratch as S

has_boston = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None,
    reason="the data are in mlxtend, which is not installed: it needs pandas, SciPy and scikit-learn",
)

# Hidden layers -> validation losses after 10, 20, ... 50 epochs, mean absolute error, root mean squared error.
PRINTED = [
    ((), ("30.293", "28.469", "26.293", "25.541", "25.087"), "3.52", "5.01"),
    ((13,), ("27.435", "21.839", "18.918", "17.195", "16.215"), "2.60", "4.03"),
    ((13, 13), ("44.143", "25.278", "22.339", "16.500", "14.655"), "2.45", "3.83"),
]


@has_boston
@pytest.mark.parametrize(("hidden", "losses", "absolute", "squared"), PRINTED)
def test_the_numbers_that_chapter_3_prints(hidden, losses, absolute, squared, capsys):
    from mlxtend.data import boston_housing_data

    x, t = boston_housing_data()
    x, t = (x - x.mean(axis=0)) / x.std(axis=0), t[:, None]
    order, n = np.random.RandomState(80718).permutation(len(x)), -(-3 * len(x) // 10)
    test, train = order[:n], order[n:]
    layers = [*(S.Dense(size, S.Sigmoid()) for size in hidden), S.Dense(1, S.Linear())]
    net = S.NeuralNetwork(layers, S.MeanSquaredError(), seed=20190501)
    trainer = S.Trainer(net, S.SGD(lr=0.01))
    found = trainer.fit(x[train], t[train], x[test], t[test], epochs=50, eval_every=10, seed=20190501)
    assert [f"{loss:.3f}" for loss in found] == list(losses)
    lines = [f"Validation loss after {10 * i} epochs is {loss}" for i, loss in enumerate(losses, start=1)]
    assert capsys.readouterr().out.splitlines() == lines
    error = net.forward(x[test], inference=True) - t[test]
    assert f"{np.abs(error).mean():.2f}" == absolute
    assert f"{np.sqrt((error**2).mean()):.2f}" == squared


def data(n=20, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    return x, np.sin(x.sum(axis=1, keepdims=True))


def test_an_operation_of_ones_own_by_a_formula_or_by_arrays():
    class Cube(S.Operation):
        def function(self, x):
            return x**3

    class CubeByHand(S.Operation):
        def _output(self, inference):
            return self.input_**3

        def _input_grad(self, output_grad):
            return 3 * self.input_**2 * output_grad

    x, _ = data()
    for operation in (Cube(), CubeByHand()):
        np.testing.assert_allclose(operation.forward(x), x**3)
        np.testing.assert_allclose(operation.backward(x), 3 * x**3)
        assert operation.input_ is x
        np.testing.assert_allclose(operation.input_grad, 3 * x**3)
        with pytest.raises(ValueError, match=r"expected a gradient of shape \(20, 3\), got \(3, 20\)"):
            operation.backward(x.T)


def test_a_parameter_operation_by_arrays():
    class Scale(S.ParamOperation):
        def _output(self, inference):
            return self.input_ * self.param

        def _input_grad(self, output_grad):
            return self.param * output_grad

        def _param_grad(self, output_grad):
            return (self.input_ * output_grad).sum(axis=0)

    x, _ = data()
    scale = Scale(np.array([1.0, 2.0, 3.0]))
    scale.forward(x)
    scale.backward(np.ones_like(x))
    np.testing.assert_allclose(scale.param_grad, x.sum(axis=0))


def test_relu_passes_no_gradient_to_negative_inputs():
    relu = S.ReLU()
    relu.forward(np.array([-1.0, 0.0, 2.0]))
    np.testing.assert_array_equal(relu.backward(np.ones(3)), [0, 0, 1])


def test_every_layer_starts_the_generator_anew():
    x, t = data()
    net = S.NeuralNetwork([S.Dense(3), S.Dense(3)], S.MeanSquaredError(), seed=4)
    net.train_batch(x, np.tile(t, 3))
    W0, b0, W1, b1 = net.params()
    np.testing.assert_array_equal(W0, W1)
    np.testing.assert_array_equal(b0, b1)
    np.testing.assert_array_equal(W0, np.random.RandomState(4).randn(3, 3))


def test_layers_do_not_share_their_activations():
    a, b = S.Dense(2), S.Dense(2)
    assert a.activation is not b.activation


def test_a_second_fit_starts_again_or_goes_on(capsys):
    x, t = data()
    net = S.NeuralNetwork([S.Dense(4, S.Tanh()), S.Dense(1)], S.MeanSquaredError())
    trainer = S.Trainer(net, S.SGDMomentum(0.05, 0.01, "exponential"))

    def fit(**options):
        return trainer.fit(x, t, x, t, epochs=10, eval_every=5, batch_size=8, **options)

    first = fit()
    assert trainer.optim.lr == 0.05
    assert fit() == first
    assert fit(restart=False)[0] < first[-1]


def test_early_stopping_returns_to_the_network_before(capsys):
    x, t = data()
    net = S.NeuralNetwork([S.Dense(1)], S.MeanSquaredError())
    trainer = S.Trainer(net, S.SGD(0.9))
    losses = trainer.fit(x, t, x, t, epochs=9, eval_every=2)
    assert len(losses) == 2
    assert losses[1] > losses[0]
    assert trainer.net is trainer.optim.net is not net
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"Validation loss after 2 epochs is {losses[0]:.3f}"
    assert out[1:] == [
        f"Loss increased after epoch 4, final loss was {losses[0]:.3f},",
        "using the model from epoch 2",
    ]
    with np.errstate(all="ignore"):
        assert len(trainer.fit(x, t, x, t, epochs=9, eval_every=2, early_stopping=False)) == 4


def test_a_network_learns_classes(capsys):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    label = (x[:, 0] * x[:, 1] > 0).astype(int)
    layers = [S.Dense(20, S.Tanh(), weight_init="glorot", dropout=0.9), S.Dense(2, weight_init="glorot")]
    net = S.NeuralNetwork(layers, S.SoftmaxCrossEntropy())
    S.Trainer(net, S.SGDMomentum(0.2)).fit(x, np.eye(2)[label], x, np.eye(2)[label], 50, early_stopping=False)
    assert (net.forward(x, inference=True).argmax(axis=1) == label).mean() > 0.9


def test_float32_stays_float32():
    x, t = (a.astype(np.float32) for a in data())
    net = S.NeuralNetwork([S.Dense(4, S.Sigmoid()), S.Dense(1)], S.MeanSquaredError())
    net.forward(x)
    for layer in net.layers:
        for operation in layer.operations:
            if hasattr(operation, "param"):
                operation.param = operation.param.astype(np.float32)
    net.train_batch(x, t)
    assert all(grad.dtype == np.float32 for grad in net.param_grads())


@pytest.mark.parametrize("decay_type", ["linear", "exponential"])
def test_a_single_epoch_has_the_first_learning_rate(decay_type):
    x, t = data()
    net = S.NeuralNetwork([S.Dense(1)], S.MeanSquaredError())
    optimizer = S.SGD(0.01, final_lr=0.001, decay_type=decay_type)
    S.Trainer(net, optimizer).fit(x, t, x, t, epochs=1, eval_every=1)
    assert optimizer.lr == 0.01
