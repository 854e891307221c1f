"""LSTM: one step and whole sequences, the formula of step 60, gradients to third order."""

import itertools

import numpy as np
import pytest

from .stage import F, Variable, check_gradients, grad, no_grad

N, D, H = 3, 2, 4


def array(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def arrays(N=N, D=D, H=H):
    """x, h, c and, for the gates f, i, o and for u, W_x, b, W_h: fifteen arrays."""
    Wx, b, Wh = ([array(*shape, seed=k) for k in range(4)] for shape in ((D, H), (H,), (H, H)))
    return [array(N, D, seed=5), array(N, H, seed=6), array(N, H, seed=7), *Wx, *b, *Wh]


def cell(x, h, c, *weights):
    """lstm_cell of its inputs one by one."""
    return F.lstm_cell(x, h, c, weights[:4], weights[4:8], weights[8:])


def first_cell(x, *weights):
    return F.lstm_cell(x, None, None, weights[:4], weights[4:8], weights[8:])


def sequence(x, h, c, *weights):
    """lstm of its inputs one by one: y, h, c."""
    y, state = F.lstm(x, h, c, weights[:4], weights[4:8], weights[8:])
    return [y, *state]


def first_sequence(x, *weights):
    return sequence(x, None, None, *weights)


def steps(x, h, c, *weights):
    """The same as sequence, with one lstm_cell per step."""
    ys = []
    for t in range(x.shape[1]):
        h, c = cell(x[:, t], h, c, *weights)
        ys.append(h)
    return [F.stack(ys, axis=1), h, c]


def simple_cell(x, h, c, *weights):
    """The formula in basic functions."""
    Wx, b, Wh = weights[:4], weights[4:8], weights[8:]
    z = [
        F.linear(x, W, b) if h is None else F.linear(x, W, b) + F.matmul(h, V)
        for W, b, V in zip(Wx, b, Wh, strict=True)
    ]
    f, i, o, u = *(F.sigmoid(v) for v in z[:3]), F.tanh(z[3])
    new_c = i * u if c is None else f * c + i * u
    return [o * F.tanh(new_c), new_c]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_the_formula_of_step_60():
    x, h, c, *weights = arrays()
    Wx, b, Wh = weights[:4], weights[4:8], weights[8:]
    f, i, o, u = (x @ Wx[k] + h @ Wh[k] + b[k] for k in range(4))
    new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(u)
    found_h, found_c = F.lstm_cell(x, h, c, Wx, b, Wh)
    np.testing.assert_allclose(found_c.data, new_c, rtol=1e-13)
    np.testing.assert_allclose(found_h.data, sigmoid(o) * np.tanh(new_c), rtol=1e-13)


def test_before_the_first_step_there_is_no_state():
    x, _, _, *weights = arrays()
    zeros = np.zeros((N, H))
    for y, expected in zip(first_cell(x, *weights), cell(x, zeros, zeros, *weights), strict=True):
        np.testing.assert_allclose(y.data, expected.data, rtol=1e-14)
    i, u = (x @ weights[k] + weights[4 + k] for k in (1, 3))
    np.testing.assert_allclose(first_cell(x, *weights)[1].data, sigmoid(i) * np.tanh(u), rtol=1e-13)


@pytest.mark.parametrize("used", ["h", "c", "both"])
def test_the_gradients_are_those_of_basic_functions(used):
    """Of one output alone too, when the other receives no gradient."""
    found = []
    for function in (cell, simple_cell):
        variables = [Variable(a) for a in arrays()]
        new_h, new_c = function(*variables)
        outputs = {"h": [new_h], "c": [new_c], "both": [new_h, new_c]}[used]
        found.append(grad(outputs, variables, [array(N, H, seed=8 + k) for k in range(len(outputs))]))
    for gx, expected in zip(*found, strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-10, atol=1e-13)


def test_the_first_gradients_are_those_of_basic_functions():
    found = []
    for function in (cell, simple_cell):
        x, _, _, *weights = (Variable(a) for a in arrays())
        outputs = function(x, None, None, *weights)
        used = [x, *weights[:8]]
        found.append(grad(outputs, used, [array(N, H, seed=8), array(N, H, seed=9)]))
    for gx, expected in zip(*found, strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [(1, 1, 1), (3, 2, 4), (7, 5, 3), (32, 16, 24)])
@pytest.mark.parametrize("function", ["cell", "first_cell", "sequence", "first_sequence"])
def test_the_gradients_with_and_without_a_graph_have_the_same_bits(function, size, dtype):
    """Both use one formula, so they agree on any processor."""
    N, D, H = size
    x, h, c, *weights = (a.astype(dtype) for a in arrays(N, D, H))
    if "sequence" in function:
        x = np.stack([x, -x, x / 2], axis=1)
    given = [Variable(a) for a in ([x, *weights] if "first" in function else [x, h, c, *weights])]
    outputs = {"cell": cell, "first_cell": first_cell, "sequence": sequence, "first_sequence": first_sequence}[
        function
    ](*given)
    seeds = [np.asarray(array(*y.shape, seed=8 + k), dtype) for k, y in enumerate(outputs)]
    plain, recorded = grad(outputs, given, seeds), grad(outputs, given, seeds, create_graph=True)
    for gx, expected in zip(plain, recorded, strict=True):
        assert gx.data.tobytes() == expected.data.tobytes()
        assert gx.creator is None


def test_the_cell_is_differentiable_twice():
    check_gradients(cell, *arrays(1, 1, 1))
    check_gradients(cell, *arrays(2, 1, 2), order=1)
    check_gradients(lambda *xs: F.sin(cell(*xs)[0]), *arrays(1, 1, 1))
    x, _, _, *weights = arrays(1, 1, 1)
    check_gradients(lambda x, *weights: first_cell(x, *weights, *arrays(1, 1, 1)[-4:]), x, *weights[:8])


def test_two_steps_are_differentiable_twice():
    x, h, c, *weights = arrays(1, 1, 1)

    def two(x, W, V):
        new_h, new_c = cell(x, h, c, W, *weights[1:8], V, *weights[9:])
        return cell(-1.0 * x, new_h, new_c, W, *weights[1:8], V, *weights[9:])

    check_gradients(two, x, weights[0], weights[8])


def test_a_constant_input_has_no_gradient():
    x, h, c, *weights = arrays()
    variables = [Variable(a) for a in weights]
    new_h, _ = cell(x, h, c, *variables)
    assert new_h.creator.backward(Variable(array(N, H)), Variable(array(N, H)))[0] is None
    new_h.backward()
    assert [v.grad.shape for v in variables] == [v.shape for v in variables]


def test_float32_stays_float32_at_every_order():
    variables = [Variable(a.astype(np.float32)) for a in arrays()]
    outputs = cell(*variables)
    gxs = grad(outputs, variables, create_graph=True)
    plain = grad(outputs, variables)
    ggxs = grad(sum(F.sum(gx**2) for gx in gxs), variables)
    assert {v.dtype for v in (*outputs, *gxs, *plain, *ggxs)} == {np.dtype(np.float32)}
    held = [outputs[0].creator.gates, *outputs[0].creator.states]
    assert {a.dtype for a in held} == {np.dtype(np.float32)}


def test_saturated_gates_are_exact_without_warnings():
    """exp overflows, but the result is correct."""
    for dtype, size in itertools.product((np.float32, np.float64), (1e3, 1e30)):
        x = np.array([[size], [-size]], dtype)
        one, zero = [np.ones((1, 1), dtype)] * 4, [np.zeros(1, dtype)] * 4
        h, c = F.lstm_cell(x, None, None, one, zero, one)
        np.testing.assert_array_equal(c.data, [[1.0], [0.0]])
        np.testing.assert_array_equal(h.data, [[np.tanh(dtype(1.0))], [0.0]])


def test_inputs_and_state_are_not_modified():
    given = arrays()
    variables = [Variable(a.copy()) for a in given]
    outputs = cell(*variables)
    grad(outputs, variables)
    for variable, a in zip(variables, given, strict=True):
        np.testing.assert_array_equal(variable.data, a)
    before = outputs[1].data.copy()
    cell(variables[0], *outputs, *variables[3:])
    np.testing.assert_array_equal(outputs[1].data, before)


def test_no_graph_is_kept_where_none_is_recorded():
    with no_grad():
        h, c = cell(*arrays())
    assert (h.creator, c.creator) == (None, None)


def test_an_empty_batch_has_gradients_of_zero():
    variables = [Variable(a) for a in arrays(N=0)]
    h, c = cell(*variables)
    assert (h.shape, c.shape) == ((0, H), (0, H))
    for gx, v in zip(grad([h, c], variables), variables, strict=True):
        np.testing.assert_array_equal(gx.data, np.zeros(v.shape))


WRONG = {
    "x of other columns": (0, (N, D + 1)),
    "x of other rows than the state": (0, (N + 1, D)),
    "x of one axis": (0, (N,)),
    "x of three axes": (0, (N, 1, D)),
    "h": (1, (N, H + 1)),
    "c": (2, (1, H)),
    "W_x of another gate": (5, (D, 1)),
    "b": (7, (1, H)),
    "b of one number": (8, (1,)),
    "W_h of x": (11, (D, H)),
    "W_h of the last": (14, (H, 1)),
}


@pytest.mark.parametrize(("which", "shape"), WRONG.values(), ids=WRONG)
def test_shapes_that_do_not_fit_are_rejected(which, shape):
    given = arrays()
    given[which] = array(*shape)
    with pytest.raises(ValueError, match=r"lstm_cell: expected x \(N, I\), .* got x \("):
        cell(*given)


@pytest.mark.parametrize("which", ["Wx", "b", "Wh"])
def test_three_weights_are_rejected(which):
    x, h, c, *weights = arrays()
    given = {"Wx": weights[:4], "b": weights[4:8], "Wh": weights[8:]}
    given[which] = given[which][:3]
    for state in ((h, c), (None, None)):
        with pytest.raises(ValueError, match=r"lstm_cell: expected .* got x \("):
            F.lstm_cell(x, *state, **given)


@pytest.mark.parametrize("which", range(15))
def test_inputs_without_data_are_rejected_by_name(which):
    for given, function, name in ((arrays(), cell, "lstm_cell"), (sequences(), sequence, "lstm")):
        given[which] = Variable(None)
        with pytest.raises(TypeError, match=f"^{name}: expected a Variable with data or an array, got None"):
            function(*given)


def sequences(N=N, T=5, D=D, H=H):
    """The same arrays with T steps in x."""
    return [array(N, T, D, seed=5), *arrays(N, D, H)[1:]]


@pytest.mark.parametrize("T", [1, 2, 5])
@pytest.mark.parametrize("state", [True, False])
def test_a_sequence_is_the_cell_step_by_step(T, state):
    """The values, and the gradients with respect to every input."""
    found = []
    for function in (sequence, steps):
        x, h, c, *weights = (Variable(a) for a in sequences(T=T))
        inputs = [x, h, c, *weights] if state else [x, *weights]
        outputs = function(x, h if state else None, c if state else None, *weights)
        seeds = [array(*y.shape, seed=k) for k, y in enumerate(outputs)]
        found.append([*outputs, *grad(outputs, inputs, seeds)])
    for y, expected in zip(*found, strict=True):
        np.testing.assert_allclose(y.data, expected.data, rtol=1e-11, atol=1e-13)


def test_the_last_y_is_h():
    y, h, _ = sequence(*sequences())
    np.testing.assert_array_equal(y.data[:, -1], h.data)


def test_a_sequence_continues_where_another_ended():
    x, h, c, *weights = sequences()
    whole = sequence(x, h, c, *weights)
    first = sequence(x[:, :2], h, c, *weights)
    rest = sequence(x[:, 2:], *first[1:], *weights)
    np.testing.assert_allclose(np.concatenate([first[0].data, rest[0].data], axis=1), whole[0].data, rtol=1e-13)
    np.testing.assert_allclose(rest[2].data, whole[2].data, rtol=1e-13)


def test_a_sequence_is_differentiable_to_third_order():
    check_gradients(sequence, *sequences(2, 3, 2, 2), order=1)
    check_gradients(sequence, *sequences(1, 2, 1, 1))
    x, _, _, *weights = sequences(2, 2, 1, 1)
    check_gradients(first_sequence, x, *weights)

    def slope(x, W):
        leaf = Variable(x) if isinstance(x, np.ndarray) else x
        y = sum(F.sum(F.sin(v)) for v in first_sequence(leaf, W, *weights[1:]))
        return grad(y, leaf, create_graph=True)

    check_gradients(slope, x, weights[0])  # its second order is the third


def test_weights_that_are_not_used_have_gradients_of_zero():
    """Without a state, W_h plays no part in the first step."""
    x, _, _, *weights = (Variable(a) for a in sequences(T=1))
    y, _, _ = first_sequence(x, *weights)
    for gW in grad(y, weights[8:], create_graph=True):
        np.testing.assert_array_equal(gW.data, np.zeros((H, H)))


def test_a_constant_sequence_has_no_gradient():
    x, _, _, *weights = sequences()
    variables = [Variable(a) for a in weights]
    y, _, _ = first_sequence(x, *variables)
    assert y.creator.backward(Variable(array(*y.shape)), Variable(array(N, H)))[0] is None
    gx = grad(y, variables[0], create_graph=True)
    assert grad(F.sum(gx**2), variables[0]).shape == (D, H)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_sequence_keeps_its_dtype(dtype):
    variables = [Variable(a.astype(dtype)) for a in sequences()]
    outputs = sequence(*variables)
    gxs = grad(outputs, variables, create_graph=True)
    ggxs = grad(sum(F.sum(gx**2) for gx in gxs), variables)
    assert {v.dtype for v in (*outputs, *gxs, *ggxs)} == {np.dtype(dtype)}
    precise = sequence(*(a.astype(dtype).astype(float) for a in sequences()))
    for y, expected in zip(outputs, precise, strict=True):
        np.testing.assert_allclose(y.data, expected.data, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)


def test_a_long_float16_sequence_sums_in_float32():
    """The bias has a gradient from each of 4,000 steps: in float16 the sum would stop growing."""
    T = 4000
    x, zero = np.ones((1, T, 1), np.float16), np.zeros((1, 1), np.float16)
    b = [Variable(np.zeros(1, np.float16)) for _ in range(4)]
    y, _ = F.lstm(x, None, None, [zero] * 4, b, [zero] * 4)
    F.sum(y).backward()
    assert b[3].grad.data[0] == pytest.approx(0.25 * 2 * T, rel=1e-2)  # dh/du = o i; c keeps half, which doubles it


def test_the_widest_dtype_decides():
    x, h, c, *weights = sequences()
    y, _, _ = sequence(x.astype(np.float32), h, c, *(W.astype(np.float16) for W in weights))
    assert y.dtype == np.float64
    assert first_sequence(np.ones((2, 3, 2), int), *weights)[0].dtype == np.float64


def test_an_empty_batch_of_sequences():
    variables = [Variable(a) for a in sequences(N=0)]
    outputs = sequence(*variables)
    assert [y.shape for y in outputs] == [(0, 5, H), (0, H), (0, H)]
    for gx, v in zip(grad(outputs, variables), variables, strict=True):
        np.testing.assert_array_equal(gx.data, np.zeros(v.shape))


def test_sequences_that_do_not_fit_are_rejected():
    x, h, c, *weights = sequences()
    for wrong in (x[:, 0], x[:, :0], np.array(1.0), x[..., :1], x[:1]):
        with pytest.raises(ValueError, match=r"lstm: expected x \(N, T, I\) with T at least 1, .* got x \("):
            sequence(wrong, h, c, *weights)
    with pytest.raises(ValueError, match="lstm: expected h and c, or None for both, got h alone"):
        sequence(x, h, None, *weights)
    with pytest.raises(ValueError, match="lstm_cell: expected h and c, or None for both, got c alone"):
        cell(x[:, 0], None, c, *weights)


def test_y_may_be_edited():
    """It shares no memory with what backward reads."""
    x, h, c, *weights = sequences()
    found = []
    for edit in (False, True):
        variables = [Variable(a) for a in weights]
        y, _, _ = sequence(x, h, c, *variables)
        if edit:
            y.data[...] = 7
        found.append([gW.data for gW in grad(y, variables)])
    for gW, expected in zip(*found, strict=True):
        np.testing.assert_array_equal(gW, expected)
