"""What makes a cell red, and what does not: the runner with frameworks that are wrong on purpose."""

import sys
import types
from unittest import mock

import numpy as np
import pytest

import stage1_autodiff
import stage3_higher_order
from crosscheck.computations import Computation, all_computations
from crosscheck.frameworks import BookStyle, load_stage
from crosscheck.inputs import normal, uniform
from crosscheck.ledger import Ledger
from crosscheck.runner import Runner
from crosscheck.stages import STAGES


def square(fw, x):
    return fw.square(x)


def power(fw, x):
    return fw.square(x) * fw.square(x)


def refuses(fw):
    return fw.Variable(1.0)


def computation(body=square, **declared):
    return Computation(body.__name__, body, 2, declared.pop("since", 1), declared.pop("inputs", [normal()]), **declared)


def framework(name="stage1", number=1, package=stage1_autodiff, **replaced):
    """A stage with some of its names replaced."""
    module = types.ModuleType(name)
    module.__dict__.update({key: value for key, value in vars(package).items() if not key.startswith("__")})
    module.__file__ = package.__file__
    module.__dict__.update(replaced)
    return BookStyle(name, [module], number)


def op(forward=lambda x: x**2, backward=lambda x, gy: 2 * x * gy):
    """A square as a Function of stage 1."""

    class Op(stage1_autodiff.Function):
        def forward(self, x):
            return forward(x)

        def backward(self, gy):
            return backward(self.input.data, gy)

    return lambda x: Op()(x)


def run(torch_adapter, what, *frameworks, dtype="float64", **options):
    runner = Runner(frameworks, torch_adapter, **options)
    return [runner.run(what, each, dtype) for each in frameworks]


def test_a_correct_square_is_equal(torch_adapter):
    (cell,) = run(torch_adapter, computation(), framework(square=op()))
    assert (cell.state, cell.failures) == ("equal", [])
    assert cell.distance < 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (op(backward=lambda x, gy: x * gy), "torch"),
        (op(backward=lambda x, gy: 2 * x), "torch"),
        (op(backward=lambda x, gy: 2 * x * gy * (1 + 1e-4)), "torch"),
        (op(backward=lambda x, gy: (2 * x * gy).sum()), "torch"),
        (op(backward=lambda x, gy: (2 * x * gy).astype("float16")), "torch"),
        (op(forward=lambda x: x**2 + 1e-3), "value"),
        (op(forward=lambda x: (x**2).ravel()), "value"),
        (op(forward=lambda x: np.nan_to_num(x) ** 2), "value"),
        (op(forward=lambda x: np.sqrt(x) ** 4), "value"),
        (op(forward=lambda x: x**2 + 1e-3 * np.random.random()), "invariant"),
        (op(forward=lambda x: 1 / 0), "exception"),
    ],
)
def test_a_wrong_square_is_red(torch_adapter, wrong, kind, dtype):
    (cell,) = run(torch_adapter, computation(), framework(square=wrong), dtype=dtype)
    assert cell.state == "failed"
    assert kind in {failure.kind for failure in cell.failures}


def writes_and_restores(x):
    y = x**2
    if x.flags.writeable and x.size:
        x[...] = 7.0
    return y


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda x: x**2 if x.flags.c_contiguous else x**3, "transposed"),
        (lambda x: x**2 if x.flags.c_contiguous or x.flags.f_contiguous else x**3, "gaps in memory"),
        (lambda x: x**2 if x.flags.writeable else x**3, "read-only"),
        (lambda x: x**2 if x.size else x.sum(), "shape (0,)"),
        (lambda x: x**2 if x.ndim else x**3, "shape ()"),
        (lambda x: x**2 if x.dtype.kind == "f" else x**3, "integers"),
        (writes_and_restores, "an input was changed"),
    ],
)
def test_every_case_and_invariant_can_turn_a_cell_red(torch_adapter, forward, text):
    (cell,) = run(torch_adapter, computation(order=0), framework(square=op(forward)))
    assert cell.state == "failed"
    assert any(text in failure.text for failure in cell.failures)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda variable: variable.creator.input.__dict__.update(grad=None), "gradient"),
        (lambda variable: variable.__dict__.update(grad=variable.grad * 3), "is no longer the initial gradient"),
        (lambda variable: variable.__dict__.update(grad=None), "is missing"),
    ],
)
def test_gradients_left_by_backward_are_checked(torch_adapter, change, text):
    class Meddling(stage1_autodiff.Variable):
        def backward(self):
            super().backward()
            change(self)

    class Op(stage1_autodiff.Function):
        def __call__(self, x):
            y = super().__call__(x)
            y.__class__ = Meddling
            return y

        def forward(self, x):
            return x**2

        def backward(self, gy):
            return 2 * self.input.data * gy

    (cell,) = run(torch_adapter, computation(), framework(square=lambda x: Op()(x)))
    assert any(text in failure.text for failure in cell.failures)


def test_a_gradient_that_grows_with_every_call_is_red(torch_adapter):
    class Growing(stage1_autodiff.Function):
        calls = 0

        def forward(self, x):
            return x**2

        def backward(self, gy):
            self.calls += 1
            return self.calls * 2 * self.input.data * gy

    (cell,) = run(torch_adapter, computation(), framework(square=lambda x: Growing()(x)))
    assert any("a different gradient in the second backward pass" in failure.text for failure in cell.failures)


class Detached(stage3_higher_order.Function):
    """x^2, whose derivative is a constant in the next backward pass."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        return 2 * self.inputs[0].data * gy


@pytest.mark.parametrize("oracle", [True, False])
def test_a_wrong_second_derivative_is_rejected_by_both_judges(torch_adapter, oracle):
    right = framework("stage3", 3, package=stage3_higher_order)
    wrong = framework("stage3", 3, package=stage3_higher_order, square=lambda x: Detached()(x))
    judge = torch_adapter if oracle else None
    assert run(judge, computation(order=2), right)[0].state == "equal"
    (cell,) = run(judge, computation(order=2), wrong)
    assert {failure.kind for failure in cell.failures} == ({"torch", "differences"} if oracle else {"differences"})
    assert run(judge, computation(order=1), wrong)[0].state == "equal"


def test_a_cell_that_never_ends_is_red(torch_adapter):
    def endless(x):
        while True:
            pass

    (cell,) = run(torch_adapter, computation(), framework(square=endless), time_limit=1)
    assert [(f.kind, f.text) for f in cell.failures] == [("hang", "no answer within 1 s of CPU time")]


def test_sys_exit_makes_a_cell_red(torch_adapter):
    (cell,) = run(torch_adapter, computation(), framework(square=op(forward=lambda x: sys.exit(0))))
    assert cell.state == "failed"


def test_central_differences_find_a_wrong_gradient_without_torch():
    (cell,) = run(None, computation(), framework(square=op(backward=lambda x, gy: x * gy)))
    assert {failure.kind for failure in cell.failures} == {"differences"}
    (cell,) = run(None, computation(), framework(square=op()))
    assert cell.state == "equal"


def test_the_report_says_whether_central_differences_agree(torch_adapter):
    wrong_backward, other_function = (
        run(torch_adapter, computation(), framework(square=f))[0]
        for f in (op(backward=lambda x, gy: x * gy), op(lambda x: x**3, lambda x, gy: 3 * x**2 * gy))
    )
    assert any("central differences agree with PyTorch" in f.text for f in wrong_backward.failures)
    assert any("central differences agree with stage1" in f.text for f in other_function.failures)


def test_stages_are_compared_bit_for_bit(torch_adapter):
    first = framework(square=op())
    second = framework("stage2", 2, square=op(backward=lambda x, gy: gy * (2 * x)))
    third = framework("stage2", 2, square=op(backward=lambda x, gy: 0.2 * x * gy * 10))
    assert run(torch_adapter, computation(), first, second)[1].failures == []
    assert {f.kind for f in run(torch_adapter, computation(), first, third)[1].failures} == {"stage"}


@pytest.mark.parametrize("how", ["missing", "wrong"])
def test_an_unsupported_computation_is_run_and_must_fail(torch_adapter, how):
    declared = computation(since=2, unsupported=how)
    lacking = framework()
    del lacking.modules[0].square
    wrong = framework(square=op(backward=lambda x, gy: x * gy))
    states = [run(torch_adapter, declared, fw)[0].state for fw in (lacking, wrong, framework())]
    assert states == (["unsupported", "failed", "failed"] if how == "missing" else ["failed", "unsupported", "failed"])


def test_a_missing_operator_is_unsupported(torch_adapter):
    (cell,) = run(torch_adapter, computation(power, since=2), framework())
    assert cell.state == "unsupported"
    assert "unsupported operand" in cell.reason


def test_a_declared_difference_must_exist(torch_adapter):
    declared = computation(differs={"stage1": "for the sake of it"})
    assert run(torch_adapter, declared, framework())[0].state == "failed"
    (cell,) = run(torch_adapter, declared, framework(square=op(forward=lambda x: x**3)))
    assert (cell.state, cell.reason) == ("differs", "for the sake of it")


def test_without_pytorch_a_declared_difference_is_not_checked():
    declared = computation(differs={"stage1": "for the sake of it"})
    (cell,) = run(None, declared, framework())
    assert (cell.state, cell.reason) == ("differs", "for the sake of it")


def test_results_bit_equal_to_accepted_ones_of_the_previous_stage_are_not_judged_again(torch_adapter):
    right = framework(), framework("stage2", 2)
    first, second = run(torch_adapter, computation(), *right)
    assert (first.inherited, second.inherited) == (False, True)
    assert (first.state, second.state, first.distance) == ("equal", "equal", second.distance)
    wrong = op(backward=lambda x, gy: x * gy)
    first, second = run(torch_adapter, computation(), framework(square=wrong), framework("stage2", 2, square=wrong))
    assert {f.kind for f in second.failures} == {
        "torch",
        "differences",
    }  # bit-equal, but not accepted
    assert not second.inherited
    (alone,) = run(torch_adapter, computation(), framework("stage2", 2))
    assert not alone.inherited


EXPECTED = "Variable: expected a numpy.ndarray, got <class 'float'>"


@pytest.mark.parametrize(
    ("raises", "differs", "state"),
    [
        ((TypeError, EXPECTED), {}, "error"),
        ((TypeError, "Variable: ..."), {}, "error"),
        ((TypeError, {1: EXPECTED, 2: "something else"}), {}, "error"),
        ((TypeError, {1: "something else", 2: EXPECTED}), {}, "failed"),
        ((TypeError, "something else"), {}, "failed"),
        ((TypeError, "expected a numpy.ndarray"), {}, "failed"),
        ((Exception, EXPECTED), {}, "failed"),
        ((ValueError, EXPECTED), {}, "failed"),
        ((TypeError, EXPECTED), {"stage1": "takes floats"}, "failed"),
    ],
)
def test_an_error_must_be_the_declared_one(torch_adapter, raises, differs, state):
    (cell,) = run(torch_adapter, computation(refuses, inputs=[], raises=raises, differs=differs), framework())
    assert cell.state == state


def test_a_missing_error_is_red(torch_adapter):
    lenient = framework(Variable=lambda data: data)
    declared = computation(refuses, inputs=[], raises=(TypeError, EXPECTED))
    assert run(torch_adapter, declared, lenient)[0].state == "failed"


def test_a_cell_is_compared_with_the_ledger(torch_adapter):
    entries = {"square": {"float64": 0.0, "float32": 0.3}}
    off_by_ten_eps = framework(square=op(backward=lambda x, gy: 2 * x * gy * (1 + 10 * np.finfo(x.dtype).eps)))
    for fw, state in ((framework(), "equal"), (off_by_ten_eps, "failed")):
        (cell,) = run(torch_adapter, computation(), fw, ledger=Ledger(entries, {}))
        assert cell.state == state
    (cell,) = run(torch_adapter, computation(), framework(), ledger=Ledger({}, {}))
    assert cell.failures[0].text == "not in the ledger: crosscheck run --update-ledger"


def squares(fw, x, count=5):
    for _ in range(count):
        x = fw.square(x)
    return x


def test_a_quick_run_has_the_smaller_program_that_is_declared(torch_adapter):
    calls = []
    counted = framework(square=lambda x: calls.append(x) or stage1_autodiff.functions.square(x))
    long = computation(squares, inputs=[uniform(-1, 1)], quick={"count": 2}, cases=frozenset(), shapes=[()])
    (cell,) = run(torch_adapter, long, counted, quick=True, ledger=Ledger({}, {}))  # the entry is of the whole program
    assert (cell.state, cell.failures, len(calls)) == ("equal", [], 2)
    (cell,) = run(torch_adapter, long, counted)
    assert (cell.state, len(calls)) == ("equal", 7)


def test_second_derivatives_are_judged_by_both_oracles(torch_adapter):
    cubic = computation(lambda fw, x: fw.xp.exp(x) * x * x if fw.name == "torch" else None, order=3)
    (cell,) = run(torch_adapter, cubic, torch_adapter)
    assert (cell.state, cell.failures) == ("equal", [])


def test_inputs_are_the_same_in_every_run_and_change_with_the_seed(stage1):
    def first(seed):
        return Runner([stage1], None, seed).cases_of(computation(), "float64")[0].arrays[0]

    np.testing.assert_array_equal(first(0), first(0))
    assert first(0) != first(1)
    assert first(0) == pytest.approx(FIRST_INPUT, rel=1e-15)


FIRST_INPUT = -0.36176608853466313


def triple(backward):
    """y = 3 x as a Function of stage 3, whose derivatives of order 2 and higher are zero."""

    class Triple(stage3_higher_order.Function):
        def forward(self, x):
            return 3.0 * x

        def backward(self, gy):
            return backward(gy)

    return lambda x: Triple()(x)


@pytest.mark.parametrize("oracle", [True, False], ids=["torch", "differences"])
@pytest.mark.parametrize(
    ("backward", "order"),
    [
        (lambda gy: gy * 3.0, None),
        (lambda gy: stage3_higher_order.Variable(gy.data * 3.0), 2),  # right, but without a graph
        (lambda gy: half_a_graph(gy), 2),
        (lambda gy: triple(lambda ggx: stage3_higher_order.Variable(ggx.data * 3.0))(gy), 3),
    ],
)
def test_higher_derivatives_of_linear_functions_are_checked(torch_adapter, oracle, backward, order):
    wrong = framework("stage3", 3, stage3_higher_order, triple=triple(backward))
    if oracle:
        torch_adapter.triple = lambda x: x * 3.0
    try:
        (cell,) = run(torch_adapter if oracle else None, computation(lambda fw, x: fw.triple(x), since=3), wrong)
    finally:
        vars(torch_adapter).pop("triple", None)
    assert cell.state == ("equal" if order is None else "failed")
    assert order is None or any(f"order {order}" in failure.text for failure in cell.failures)


def half_a_graph(gy):
    """3 gy, of which a third is a constant."""
    return gy * 2.0 + stage3_higher_order.Variable(gy.data)


def test_the_bound_of_a_distance_grows_with_the_condition_number(torch_adapter):
    """(x - 1)(x + 1) near 1: x^2 - 1 has the same value, but its rounding error is that of x^2."""
    cancelling = types.SimpleNamespace(product=lambda x: x * x - 1.0)
    stage = framework("stage3", 3, stage3_higher_order, product=cancelling.product)
    torch_adapter.product = lambda x: (x - 1.0) * (x + 1.0)
    try:
        near = computation(lambda fw, x: fw.product(x), since=3, inputs=[normal(1e-6, 1.0)], order=0)
        (cell,) = run(torch_adapter, near, stage)
        assert (cell.state, cell.distance > 1e4) == ("equal", True)
        stage = framework("stage3", 3, stage3_higher_order, product=lambda x: cancelling.product(x) * (1 + 1e-7))
        (cell,) = run(torch_adapter, near, stage)
        assert cell.state == "failed"
    finally:
        vars(torch_adapter).pop("product", None)


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (lambda x: x**2.0, "integers: value: dtype float64, NumPy has int64"),
        (
            lambda x: x.astype(np.int64) ** 2 if x.dtype.kind == "i" else x**2,
            "int8: value: dtype int64, NumPy has int8",
        ),
        (lambda x: x**2 if x.dtype.kind != "u" else x**2 + x.dtype.type(1), "uint8: value: [["),
    ],
)
def test_integers_have_the_dtype_and_values_that_numpy_gives(torch_adapter, forward, text):
    (cell,) = run(torch_adapter, computation(order=0), framework(square=op(forward)))
    assert any(failure.kind == "numpy" and text in failure.text for failure in cell.failures)


def test_what_numpy_lacks_is_compared_with_pytorch_in_small_integers_too(torch_adapter):
    torch_adapter.negated = lambda x: -x * 0.5
    try:
        for forward, state in ((lambda x: -x * 0.5, "failed"), (lambda x: -(x * 0.5), "equal")):  # -x wraps around
            stage = framework(negated=op(forward, lambda x, gy: -0.5 * gy))
            (cell,) = run(torch_adapter, computation(lambda fw, x: fw.negated(x), order=0), stage)
            assert cell.state == state
            assert all(failure.text.startswith("uint8: ") for failure in cell.failures)
    finally:
        vars(torch_adapter).pop("negated", None)


def test_a_quick_run_stops_at_the_case_that_shows_what_is_declared(torch_adapter):
    stage3 = load_stage(STAGES[2])
    declared = next(c for c in all_computations() if c.name == "broadcasting_add")  # wrong in stage 3
    counts = []
    for quick in (True, False):
        runner = Runner([stage3], torch_adapter, quick=quick)
        with mock.patch.object(runner, "judge_case", wraps=runner.judge_case) as judge_case:
            assert runner.run(declared, stage3, "float64").state == "unsupported"
        counts.append(judge_case.call_count)
    assert counts[0] < counts[1] == len(runner.cases_of(declared, "float64"))


def test_recorders_stay_in_place_only_in_a_quick_run_of_many_cells(torch_adapter):
    """But a method that can record no more is the original again, until the next cell."""
    Variable = stage1_autodiff.Variable
    originals = Variable.__init__, Variable.backward
    for quick in (True, False):
        runner = Runner([load_stage(STAGES[0])], torch_adapter, quick=quick)
        with runner.many_cells():
            for _ in range(2):
                cell = runner.run(computation(dtypes=("float64",), order=0), runner.frameworks[0], "float64")
                assert cell.called["Variable"] == set()
                assert Variable.__init__ is originals[0]
                assert (Variable.backward is not originals[1]) == quick
        assert (Variable.__init__, Variable.backward) == originals


def test_the_place_of_an_error_is_not_in_a_recorder(torch_adapter):
    runner = Runner([load_stage(STAGES[0])], torch_adapter)
    (cell,) = [runner.run(computation(lambda fw: fw.Variable(), inputs=[]), runner.frameworks[0], "float64")]
    assert "test_runner.py" in cell.failures[0].text
    assert "recorder.py" not in cell.failures[0].text
