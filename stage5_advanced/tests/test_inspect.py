"""A look into models: parameters by pattern, the summary, shared parameters, norms of gradients, other kernels."""

import sys

import numpy as np
import pytest

from .stage import F, L, Model, Parameter, Variable, models
from .stage import training as T


class Net(Model):
    """A network whose layers are in different places, one of them called twice and one never."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2d(6, 3, pad=1)
        self.bn = L.BatchNorm()
        self.head = models.Sequential(L.Linear(20), F.relu, L.Linear(4))
        self.last = L.Linear(4, in_size=4)
        self.spare = L.Linear(2)
        self.scale = Parameter(np.ones((), np.float32))

    def forward(self, x):
        x = F.flatten(F.dropout(self.bn(self.conv(x))))
        return self.last(self.last(self.head(x))) * self.scale


x = np.ones((1, 3, 4, 4), np.float32)

TABLE = """\
==========================================
Layer (class)         Output shape  Params
==========================================
Net                   (1, 4)             1
├─ conv (Conv2d)      (1, 6, 4, 4)     168
├─ bn (BatchNorm)     (1, 6, 4, 4)      12
├─ head (Sequential)  (1, 4)            --
│  ├─ l0 (Linear)     (1, 20)        1,940
│  └─ l2 (Linear)     (1, 4)            84
├─ last (Linear)      (1, 4)            20
└─ spare (Linear)     --                --
==========================================
Total params: 2,225
Buffers: 12
Size of both: 0.01 MiB
=========================================="""


def test_the_summary_prints_a_table(capsys, monkeypatch):
    monkeypatch.delattr(sys, "ps1", raising=False)
    text = T.summary(Net(), x)
    assert text == TABLE
    assert capsys.readouterr().out == f"{text}\n"
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)  # an interactive session shows the result
    assert repr(T.summary(Net(), x)) == text
    assert capsys.readouterr().out == ""


def test_the_summary_changes_nothing():
    model = Net()
    np.random.seed(0)
    T.summary(model, x)
    drawn = np.random.rand()
    np.random.seed(0)
    assert drawn == np.random.rand()
    assert all(v.data is None for path, v in model.named_params() if path.endswith("conv/W"))
    rnn = L.LSTM(3)
    rnn(np.ones((2, 2), np.float32))
    before, weights = rnn.h, rnn.get_weights()
    T.summary(rnn, np.ones((2, 2), np.float32))
    assert rnn.h is before
    assert all(np.array_equal(a, weights[path]) for path, a in rnn.get_weights().items())


def test_the_summary_of_shared_parameters_and_of_several_outputs():
    layer = L.Linear(3, in_size=3)
    text = T.summary(models.Sequential(layer, layer, F.relu), np.ones((2, 3), np.float32))
    assert "Total params: 12" in text
    assert [line.split()[-1] for line in text.splitlines()[4:6]] == ["12", "0"]

    class Two(Model):
        def forward(self, x):
            return x, F.sum(x)

    assert "(2, 3), ()" in T.summary(Two(), Variable(np.ones((2, 3))))


def test_find_params():
    model = Net()
    assert list(T.find_params(model)) == [path for path, _ in model.named_params()]
    found = T.find_params(model, "*/W")
    assert list(found) == ["conv/W", "head/l0/W", "head/l2/W", "last/W", "spare/W"]
    assert found["conv/W"] is model.conv.W
    assert list(T.find_params(model, "head/l[02]/b")) == ["head/l0/b", "head/l2/b"]
    with pytest.raises(ValueError, match=r"expected a pattern that matches one of \['conv/W', .*got '\*/w'"):
        T.find_params(model, "*/w")


def test_count_params():
    layer = L.Linear(3, in_size=2)
    assert T.count_params(models.Sequential(layer, F.relu, layer)) == 9
    with pytest.raises(ValueError, match="count_params: 'conv/W' is uninitialized; call the model once first"):
        T.count_params(Net())


def test_apply_visits_each_layer_once_sublayers_first():
    model, seen = Net(), []
    model.again = model.conv
    assert T.apply(model, lambda layer: seen.append(type(layer).__name__)) is model
    assert seen == ["Conv2d", "BatchNorm", "Linear", "Linear", "Sequential", "Linear", "Linear", "Net"]


def test_different_arrays_for_a_shared_parameter_are_an_error():
    layer = L.Linear(2, in_size=2)
    model = models.Sequential(layer, layer)
    arrays = model.get_weights()
    T.check_shared(arrays, model)
    arrays["l1/W"][0, 0] += 1
    with pytest.raises(ValueError, match="expected equal arrays for 'l0/W' and 'l1/W', which are shared"):
        T.check_shared(arrays, model)


def test_gradient_norms(xp_device):
    model = models.Sequential(L.Linear(2, in_size=3), L.Linear(1, in_size=2))
    model.l1.W.data[...] = 1
    model.to_gpu()
    F.sum(model.l0(xp_device.asarray(x[0, :, 0, :3]))).backward()
    assert T.gradient_norms(model) == {"l0/W": pytest.approx(np.sqrt(6 * 9)), "l0/b": pytest.approx(np.sqrt(18))}
    assert all(type(norm) is float for norm in T.gradient_norms(model).values())


def deep(initializer, activation):
    """20 layers of 50 units."""
    layers = []
    for _ in range(20):
        layer = L.Linear(50, in_size=50)
        layer.W.data[...] = initializer(layer.W.shape)
        layers += [layer, activation]
    return models.Sequential(*layers)


def test_xavier_keeps_the_gradients_of_tanh_and_a_unit_normal_does_not():
    rng = np.random.default_rng(0)
    initializers = {
        "xavier": lambda shape: rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape)),
        "normal": rng.standard_normal,
    }
    data = rng.standard_normal((30, 50)).astype(np.float32)
    flow = T.gradient_flow(deep, data, F.sum, initializers, {"tanh": F.tanh, "sigmoid": F.sigmoid})
    assert list(flow) == [(a, b) for a in initializers for b in ("tanh", "sigmoid")]

    def spread(*key):
        norms = [norm for path, norm in flow[key].items() if path.endswith("W")]
        assert len(norms) == 20
        return max(norms) / min(norms)

    assert spread("xavier", "tanh") < 10
    assert spread("normal", "tanh") > 10
    assert spread("xavier", "sigmoid") > 1e9


def test_kernels_of_tensorflow(xp_device):
    W = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert T.from_tf_kernel(W)[4, 3, 1, 2] == W[1, 2, 3, 4]
    assert T.from_tf_kernel(W[0])[4, 3, 2] == W[0, 2, 3, 4]
    depthwise = T.from_tf_kernel(Variable(W), depthwise=True)
    assert depthwise.shape == (20, 1, 2, 3)
    assert depthwise[3 * 5 + 4, 0, 1, 2] == W[1, 2, 3, 4]
    assert isinstance(T.from_tf_kernel(xp_device.asarray(W)), xp_device.ndarray)
    with pytest.raises(ValueError, match=r"expected W \(KH, KW, C, OC\) or \(KW, C, OC\), got \(3,\)"):
        T.from_tf_kernel(np.ones(3))
    with pytest.raises(ValueError, match=r"expected W \(KH, KW, C, m\), got \(2, 3, 4\)"):
        T.from_tf_kernel(np.ones((2, 3, 4)), depthwise=True)
