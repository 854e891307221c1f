"""One step of an LSTM: the formula of step 60, and its gradients with and without a graph."""

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


def simple_cell(x, h, c, *weights):
    """The formula in simple functions."""
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
def test_the_gradients_are_those_of_simple_functions(used):
    """Of one output alone too: then the other has no gradient of its own."""
    found = []
    for function in (cell, simple_cell):
        variables = [Variable(a) for a in arrays()]
        new_h, new_c = function(*variables)
        outputs = {"h": [new_h], "c": [new_c], "both": [new_h, new_c]}[used]
        found.append(grad(outputs, variables, [array(N, H, seed=8 + k) for k in range(len(outputs))]))
    for gx, expected in zip(*found, strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-10, atol=1e-13)


def test_the_first_gradients_are_those_of_simple_functions():
    found = []
    for function in (cell, simple_cell):
        x, _, _, *weights = (Variable(a) for a in arrays())
        outputs = function(x, None, None, *weights)
        used = [x, *weights[:8]]
        found.append(grad(outputs, used, [array(N, H, seed=8), array(N, H, seed=9)]))
    for gx, expected in zip(*found, strict=True):
        np.testing.assert_allclose(gx.data, expected.data, rtol=1e-10, atol=1e-13)


def test_the_gradients_without_a_graph_are_those_with_one():
    """There are two ways: of arrays, and of Variables to be differentiated again."""
    for start in (0, 2):  # with and without a state
        given = [Variable(a) for a in arrays()]
        outputs = cell(*given) if start == 0 else first_cell(given[0], *given[3:])
        used = given if start == 0 else [given[0], *given[3:11]]
        seeds = [array(N, H, seed=8), array(N, H, seed=9)]
        plain, recorded = grad(outputs, used, seeds), grad(outputs, used, seeds, create_graph=True)
        for gx, expected in zip(plain, recorded, strict=True):
            np.testing.assert_allclose(gx.data, expected.data, rtol=1e-11, atol=1e-14)
            assert (gx.creator is None, expected.creator is None) == (True, False)


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
    held = [*outputs[0].creator.gates, outputs[0].creator.top]
    assert {a.dtype for a in held} == {np.dtype(np.float32)}


def test_saturated_gates_are_exact_and_silent():
    """exp overflows on the way, and the answer is right."""
    for dtype, size in itertools.product((np.float32, np.float64), (1e3, 1e30)):
        x = np.array([[size], [-size]], dtype)
        one, zero = [np.ones((1, 1), dtype)] * 4, [np.zeros(1, dtype)] * 4
        h, c = F.lstm_cell(x, None, None, one, zero, one)
        np.testing.assert_array_equal(c.data, [[1.0], [0.0]])
        np.testing.assert_array_equal(h.data, [[np.tanh(dtype(1.0))], [0.0]])


def test_inputs_and_state_are_left_as_they_are():
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
def test_shapes_that_do_not_fit_are_refused(which, shape):
    given = arrays()
    given[which] = array(*shape)
    with pytest.raises(ValueError, match=r"lstm_cell: x, h, c, W_x, b, W_h of shapes \[.*\] came, \[.*\] are needed"):
        cell(*given)


@pytest.mark.parametrize("which", ["Wx", "b", "Wh"])
def test_three_weights_are_refused(which):
    x, h, c, *weights = arrays()
    given = {"Wx": weights[:4], "b": weights[4:8], "Wh": weights[8:]}
    given[which] = given[which][:3]
    for state in ((h, c), (None, None)):
        with pytest.raises(ValueError, match=r"lstm_cell: .* are needed"):
            F.lstm_cell(x, *state, **given)
