"""GRU, recurrent layers over whole sequences, and sequences of different lengths."""

import copy
import gc
import re
import weakref

import numpy as np
import pytest

from .stage import F, L, Variable, check_gradients, grad, no_grad, optimizers, using_config

N, D, H = 3, 2, 4
LENGTHS = [2, 4, 1]


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def arrays(N=N, D=D, H=H):
    """x, h and, for r, z and n, W_x, b, W_h: eleven arrays; then c."""
    Wx, b, Wh = ([array(*shape, seed=k) for k in range(3)] for shape in ((D, H), (H,), (H, H)))
    return [array(N, D, seed=5), array(N, H, seed=6), *Wx, *b, *Wh, array(H, seed=9)]


def cell(x, h, *weights):
    """gru_cell of its inputs one by one, with c if there is one."""
    return F.gru_cell(x, h, weights[:3], weights[3:6], weights[6:9], *weights[9:])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("reset_after", [False, True])
def test_the_formula_of_a_gru(reset_after):
    x, h, *weights, c = arrays()
    (Wr, Wz, Wn), (br, bz, bn), (Ur, Uz, Un) = weights[:3], weights[3:6], weights[6:]
    r, z = sigmoid(x @ Wr + br + h @ Ur), sigmoid(x @ Wz + bz + h @ Uz)
    n = np.tanh(x @ Wn + bn + (r * (h @ Un + c) if reset_after else (r * h) @ Un))
    found = cell(x, h, *weights, *([c] if reset_after else []))
    np.testing.assert_allclose(found.data, z * h + (1 - z) * n, rtol=1e-13)


@pytest.mark.parametrize("reset_after", [False, True])
def test_without_a_state_a_gru_starts_from_zeros(reset_after):
    x, _, *weights, c = arrays()
    weights += [c] if reset_after else []
    found, expected = cell(x, None, *weights), cell(x, np.zeros((N, H)), *weights)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-13)


@pytest.mark.parametrize("reset_after", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_gru_is_differentiable_twice(reset_after, first):
    x, h, *weights, c = arrays(2, 1, 2)
    weights += [c] if reset_after else []
    if first:
        check_gradients(lambda x, *weights: F.sin(cell(x, None, *weights)), x, *weights)
    else:
        check_gradients(lambda *xs: F.sin(cell(*xs)), x, h, *weights)


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_gru_is_differentiable_three_times(reset_after):
    x, h, *weights, c = arrays(1, 1, 1)
    weights += [c] if reset_after else []
    check_gradients(lambda x, h: cell(x, h, *weights), x, h, order=3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_gru_keeps_its_dtype_at_every_order(dtype):
    variables = [Variable(a.astype(dtype)) for a in arrays()]
    y = cell(*variables)
    gxs = grad(y, variables, create_graph=True)
    ggxs = grad(sum(F.sum(gx**2) for gx in gxs), variables)
    assert {v.dtype for v in (y, *gxs, *ggxs)} == {np.dtype(dtype)}


def test_saturated_gates_of_a_gru_are_exact_without_warnings():
    one, zero = [np.ones((1, 1))] * 3, [np.zeros(1)] * 3
    with np.errstate(all="raise", under="ignore", over="raise"):
        h = F.gru_cell(np.array([[1e3], [-1e3]]), np.array([[0.5], [0.5]]), one, zero, one)
    np.testing.assert_array_equal(h.data, [[0.5], [-1.0]])


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_gru_of_few_rows(n_rows):
    variables = [Variable(a) for a in arrays(N=n_rows)]
    gxs = grad(cell(*variables), variables)
    assert [gx.shape for gx in gxs] == [v.shape for v in variables]


def test_the_gradient_of_a_constant_input_is_not_computed():
    x, h, *weights = arrays()
    y = cell(x, Variable(h), *map(Variable, weights))
    assert y.creator.backward(Variable(array(N, H)))[0] is None


# --- whole sequences, step by step ---

KINDS = {
    "rnn": lambda **options: L.NStepRNN(2, H, D, **options),
    "relu": lambda **options: L.NStepRNN(1, H, D, activation=F.relu, **options),
    "lstm": lambda **options: L.NStepLSTM(2, H, D, **options),
    "gru": lambda **options: L.NStepGRU(2, H, D, **options),
    "gru of PyTorch": lambda **options: L.NStepGRU(1, H, D, reset_after=True, **options),
}


def made(kind, **options):
    np.random.seed(0)
    return KINDS[kind](**options)


def step_by_step(layer, x):
    """y and the last states of one sequence x (1, T, D), with a copy of each cell called once per step."""
    last = []
    for k in range(layer.n_layers):
        outputs = []
        for direction in layer.directions:
            one = copy.deepcopy(getattr(layer, f"l{k}{direction}"))
            order = range(x.shape[1])[:: -1 if direction else 1]
            ys = {}
            for t in order:
                if isinstance(one, L.RNN):
                    z = one.x2h(x[:, t])
                    one.h = layer.activation(z if one.h is None else z + one.h2h(one.h))
                    ys[t] = one.h
                else:
                    ys[t] = one(x[:, t])
            last.append([one.h, *([one.c] if isinstance(one, L.LSTM) else [])])
            outputs.append(F.stack([ys[t] for t in sorted(ys)], axis=1))
        x = F.concat(outputs, axis=2)
    return [x, *(F.stack(states) for states in zip(*last, strict=True))]


def parts(result):
    y, state = result
    return [y, *(state if isinstance(state, tuple) else [state])]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_is_the_same_as_its_steps(kind, bidirectional):
    layer = made(kind, bidirectional=bidirectional)
    x = array(N, 4, D).astype(np.float32)
    y, *states = parts(layer(x, lengths=LENGTHS))
    assert y.dtype == np.float32
    for i, n in enumerate(LENGTHS):
        expected, *last = step_by_step(layer, x[i : i + 1, :n])
        np.testing.assert_allclose(y.data[i, :n], expected.data[0], atol=1e-6)
        assert not y.data[i, n:].any()
        for state, value in zip(states, last, strict=True):
            np.testing.assert_allclose(state.data[:, i], value.data[:, 0], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_full_lengths_and_a_list_are_the_same_as_no_lengths(kind):
    layer = made(kind, bidirectional=True)
    x = array(N, 4, D).astype(np.float32)
    plain, full, listed = layer(x), layer(x, None, np.array([4, 4, 4])), layer(list(x))
    for a, b, c in zip(parts(plain), parts(full), parts((F.stack(listed[0]), listed[1])), strict=True):
        assert a.data.tobytes() == b.data.tobytes() == c.data.tobytes()


def test_what_is_beyond_a_length_has_no_effect_and_no_gradient():
    layer = made("lstm", bidirectional=True)
    x = array(N, 4, D)
    other = np.where(np.arange(4)[:, None] < np.array(LENGTHS)[:, None, None], x, np.nan)
    x, other = Variable(x), Variable(other)
    results = [parts(layer(v, lengths=LENGTHS)) for v in (x, other)]
    for a, b in zip(*results, strict=True):
        assert a.data.tobytes() == b.data.tobytes()
    gx = grad(F.sum(results[1][0] ** 2), other)
    for i, n in enumerate(LENGTHS):
        assert gx.data[i, :n].all()
        assert not gx.data[i, n:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_differentiable_twice_with_lengths(kind):
    layer = KINDS[kind](bidirectional=kind == "gru")
    for param in layer.params():
        param.data = param.data.astype(float)
    check_gradients(lambda x: parts(layer(F.sin(x), None, [2, 1])), array(2, 2, D))


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_a_sequence_can_be_continued(kind):
    layer = made(kind)
    x = array(N, 4, D).astype(np.float32)
    y, *states = parts(layer(x))
    first, state = layer(x[:, :3])
    rest, *last = parts(layer(x[:, 3:], state))
    np.testing.assert_allclose(np.concatenate([first.data, rest.data], 1), y.data, atol=1e-6)
    for a, b in zip(states, last, strict=True):
        np.testing.assert_allclose(a.data, b.data, atol=1e-6)


def test_the_graph_is_truncated_between_parts_of_a_sequence():
    layer = made("lstm")
    x = Variable(array(N, 3, D).astype(np.float32))
    _, (h, c) = layer(x)
    for v in (h, c):
        v.unchain_backward()
        v.unchain()
    y, _ = layer(array(N, 3, D).astype(np.float32), (h, c))
    F.sum(y).backward()
    assert x.grad is None
    assert layer.l0.x2f.W.grad is not None


def test_a_layer_keeps_nothing_alive():
    layer = made("lstm")
    y, state = layer(array(N, 3, D).astype(np.float32))
    alive = weakref.ref(state[1])
    gc.disable()
    try:
        del y, state
        assert alive() is None
    finally:
        gc.enable()


def test_dropout_is_between_the_layers_only_and_in_training_only():
    layer = made("gru", dropout_ratio=0.5)
    x = np.ones((N, 50, D), np.float32)
    np.random.seed(1)
    y, other = layer(x)[0].data, layer(x)[0].data
    assert (y != other).any()
    assert (y == 0).mean() < 0.1  # nothing is dropped from the outputs of the last layer
    with using_config("train", False):
        np.testing.assert_array_equal(layer(x)[0].data, made("gru")(x)[0].data)


def test_input_sizes_are_determined_by_the_first_call():
    layer = L.NStepLSTM(2, H, bidirectional=True)
    assert layer.l0.x2f.W.data is None
    assert layer.l1r.x2o.W.shape == (2 * H, H)
    with no_grad():
        y, (h, c) = layer(array(N, 2, 5).astype(np.float32))
    assert layer.l0r.x2u.W.shape == (5, H)
    assert (y.shape, h.shape, c.shape) == ((N, 2, 2 * H), (4, N, H), (4, N, H))


def test_an_initializer_draws_the_weights_of_all_cells():
    ones = lambda shape, dtype, **options: np.ones(shape, dtype)  # noqa: E731
    for kind in (L.NStepRNN, L.NStepLSTM, L.NStepGRU):
        layer = kind(2, H, bidirectional=True, initializer=ones)
        layer(np.ones((1, 1, D), np.float32))
        assert all((v.data == 1).all() for path, v in layer.named_state() if path.endswith("W"))
    assert (L.GRU(H, D, initializer=ones).h2n.W.data == 1).all()


def test_weights_are_saved_by_the_names_of_the_cells():
    names = [path for path, _ in made("gru of PyTorch").named_state()]
    assert names[:2] == ["l0/x2r/W", "l0/x2r/b"]
    assert names[-2:] == ["l0/h2n/W", "l0/h2n/b"]
    assert made("rnn", bidirectional=True).torch_names()["l1r/h2h/W"] == "weight_hh_l1_reverse"


def test_a_state_dict_is_copied_and_not_changed():
    """Its two biases are added, but not in the arrays of the state_dict."""
    state = {"weight_ih_l0": array(4 * H, D), "weight_hh_l0": array(4 * H, H)}
    state |= {name: array(4 * H, seed=k) for k, name in enumerate(("bias_ih_l0", "bias_hh_l0"))}
    state = {name: a.astype(np.float32) for name, a in state.items()}
    before = copy.deepcopy(state)
    layer = L.NStepLSTM(1, H, D)
    layer.load_state_dict(state)
    for name in state:
        np.testing.assert_array_equal(state[name], before[name])
    np.testing.assert_array_equal(layer.l0.x2u.W.data, state["weight_ih_l0"][2 * H : 3 * H].T)
    np.testing.assert_array_equal(layer.l0.x2o.b.data, (state["bias_ih_l0"] + state["bias_hh_l0"])[3 * H :])
    layer.l0.x2i.W.data[:] = 0
    np.testing.assert_array_equal(state["weight_ih_l0"], before["weight_ih_l0"])


@pytest.mark.parametrize("size", [3 * H, 5 * H, 4 * H + 1])
def test_a_state_dict_of_another_size_changes_nothing(size):
    layer = L.NStepLSTM(1, H, D)
    before = layer.get_weights()
    state = {"weight_ih_l0": array(size, D), "weight_hh_l0": array(size, H)}
    state |= {name: array(size) for name in ("bias_ih_l0", "bias_hh_l0")}
    with pytest.raises(ValueError, match=re.escape(f"expected weight_ih_l0 of length {4 * H}, got ({size}, {D})")):
        layer.load_state_dict(state)
    for path, a in layer.get_weights().items():
        np.testing.assert_array_equal(a, before[path])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: L.NStepLSTM(0, 4), ValueError, "NStepLSTM: expected n_layers to be a positive integer, got 0"),
        (lambda: L.NStepRNN(2, 4, dropout_ratio=1.0), ValueError, "expected a dropout_ratio in [0, 1)"),
        (
            lambda: L.NStepGRU(2, 4)(np.ones((2, 3))),
            ValueError,
            "expected x (N, T, in_size) with T at least 1, got (2, 3)",
        ),
        (lambda: L.NStepGRU(2, 4)(np.ones((2, 2, 3)), None, [2]), ValueError, "expected lengths (2,) of 1 to 2"),
        (lambda: L.NStepGRU(2, 4)(np.ones((2, 2, 3)), None, [2, 3]), ValueError, "got [2, 3]"),
        (lambda: L.NStepGRU(2, 4)(np.ones((2, 2, 3)), None, [2, 1.5]), TypeError, "NStepGRU: expected integers"),
        (lambda: L.NStepLSTM(2, 4)(np.ones((2, 2, 3)), np.ones((2, 2, 4))), TypeError, "expected a state (h, c)"),
        (lambda: F.unpad_sequence(np.ones(3), [1]), ValueError, "expected lengths"),
        (lambda: F.pad_sequence([]), ValueError, "pad_sequence: expected at least one variable"),
        (lambda: F.pad_sequence([np.array(1.0)]), ValueError, "pad_sequence: expected x (T_i, ...)"),
        (lambda: F.sequence_mask([1.5]), TypeError, "sequence_mask: expected integers, got float64"),
        (lambda: F.sequence_mask([]), ValueError, "sequence_mask: expected"),
    ],
)
def test_arguments_of_sequences_are_checked(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


# --- padding ---


@pytest.mark.parametrize("value", [0, -1.5])
def test_sequences_are_padded_and_restored(value):
    xs = [array(n, 2, seed=n) for n in (2, 0, 3)]
    x, lengths = F.pad_sequence(xs, value)
    assert x.shape == (3, 3, 2)
    np.testing.assert_array_equal(lengths, [2, 0, 3])
    assert (x.data[1] == value).all()
    for a, b in zip(F.unpad_sequence(x, lengths), xs, strict=True):
        np.testing.assert_array_equal(a.data, b)


def test_padding_keeps_the_dtype_of_ids():
    x, _ = F.pad_sequence([np.array([3, 1]), np.array([2])], -1)
    assert x.dtype == np.int64
    np.testing.assert_array_equal(x.data, [[3, 1], [2, -1]])


def test_padding_is_differentiable_twice():
    check_gradients(lambda a, b: F.sin(F.pad_sequence([a, b])[0]), array(2, 3), array(1, 3))
    check_gradients(lambda x: [F.sin(y) for y in F.unpad_sequence(x, [2, 0, 1])], array(3, 2))


def test_a_mask_of_sequences():
    mask = F.sequence_mask([1, 3, 0])
    assert mask.constant
    np.testing.assert_array_equal(mask.data, [[1, 0, 0], [1, 1, 1], [0, 0, 0]])
    assert F.sequence_mask(np.array([1, 3], np.int8), 4).shape == (2, 4)
    assert F.sequence_mask([5], 2).data.all()


def test_a_gru_learns_to_remember_the_first_number():
    np.random.seed(0)
    rng = np.random.default_rng(0)
    model = L.Layer()
    model.rnn, model.fc = L.NStepGRU(1, 8, 1), L.Linear(1)
    optimizer = optimizers.Adam(0.02).setup(model)
    losses = []
    for _ in range(150):
        x = rng.choice([-1.0, 1.0], (16, 6, 1)).astype(np.float32)
        _, h = model.rnn(x, None, rng.integers(1, 7, 16))
        loss = F.mean_squared_error(model.fc(h[0]), x[:, 0])
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert np.mean(losses[-10:]) < 0.2 < np.mean(losses[:10])
