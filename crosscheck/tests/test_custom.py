"""Custom frameworks: their settings, what of them is compared, and what they lack."""

import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

import crosscheck
from crosscheck import UsageError, cli
from crosscheck.computations import DTYPES, all_computations
from crosscheck.frameworks import Missing, load_file
from crosscheck.frameworks.custom import OWN
from crosscheck.matrix import Column, rows
from crosscheck.raised import lacking
from crosscheck.runner import Runner

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
TINY = (EXAMPLES / "tiny.py").read_text(encoding="utf-8")
COMPUTATIONS = {c.name: c for c in all_computations()}


@pytest.fixture
def adapt(tmp_path):
    """tiny.py with more lines, as a custom framework."""

    def load(more="", source=TINY):
        path = tmp_path / "mine.py"
        path.write_text(f"{source}\n{more}\n")
        return load_file(path)

    return load


def run(framework, torch_adapter, name, dtype="float64"):
    return Runner([framework], torch_adapter).run(COMPUTATIONS[name], framework, dtype)


def matrix(framework, torch_adapter):
    """Every cell of a framework, with one case each unless it is declared to differ."""
    runner = Runner([framework], torch_adapter, quick=True)
    cells = []
    for cell in runner.cells(all_computations(), DTYPES):
        cells.append(runner.run(*cell))
        runner.forget()
    return cells


def test_the_example_is_short():
    assert len(TINY.splitlines()) <= 65


def test_the_example_passes_as_a_column(torch_adapter):
    cells = matrix(load_file(EXAMPLES / "tiny.py"), torch_adapter)
    assert [cell.name for cell in cells if not cell.ok] == []
    states = {cell.computation.name: cell.state for cell in cells}
    assert states["composite"] == "partial"  # asks for order 2
    assert states["chain_of_2000"] == "equal"  # asks for order 1


def test_a_file_in_the_books_style_needs_no_adapter(torch_adapter, adapt):
    mine = adapt("from stage1_autodiff import Variable, Function, Square, square, exp", source="")
    runner = Runner([mine], torch_adapter)
    of_stage_1 = [c for c in all_computations() if c.step <= 10 and "numerical" not in c.name and c.order]
    cells = [runner.run(*cell) for cell in runner.cells(of_stage_1, ("float64",))]
    assert {cell.state for cell in cells} <= {"equal", "partial"}
    assert {cell.order for cell in cells} == {1}


# --- what is found before the run ---


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "Variable: expected a class or a function; got None"),
        ("import no_such_package", "cannot be imported: ModuleNotFoundError: No module named 'no_such_package'"),
        ("def", "cannot be imported: SyntaxError"),
        ("import sys; sys.exit(0)", "cannot be imported: SystemExit: 0"),
        ("raise ValueError('two\\nlines')", "cannot be imported: ValueError: two lines"),
    ],
)
def test_a_file_that_is_not_a_framework_is_rejected(adapt, source, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        adapt(source, source="")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("name = ''", "name: expected a word of letters, digits and _, not stage1, "),
        ("name = 'a/b'", "got 'a/b'"),
        ("name = 'a b'", "got 'a b'"),
        ("name = '[red]'", "got '[red]'"),
        ("name = 3", "got 3"),
        ("name = 'not'", "got 'not'"),
        ("name = 'stage2'", "got 'stage2'"),
        ("name = 'torch'", "got 'torch'"),
        ("array = None", "array: expected a class or a function; got None"),
        ("gradients = 3", "gradients: expected a class or a function; got 3"),
        ("differs = ['square']", 'differs: expected reasons by computation: {"square": "..."}; got [\'square\']'),
        ("differs = {'square': ''}", "got {'square': ''}"),
        ("differs = {'square': 3}", "got {'square': 3}"),
        ("differs = {'sqare': 'why'}", "names of computations (crosscheck list computations); got ['sqare']"),
        ("tolerance = '3'", "tolerance: expected a positive number of eps, or numbers by dtype: "),
        ("tolerance = {'float16': 3}", "got {'float16': 3}"),
        ("tolerance = float('inf')", "got inf"),
        ("tolerance = 0", "got 0"),
        ("tolerance = True", "got True"),
        ("tolerance = [[3]]", "got [[3]]"),
        ("dtypes = 'float64'", "dtypes: expected some of ('float64', 'float32'); got 'float64'"),
        ("dtypes = []", "got []"),
        ("dtypes = [['float64']]", "got [['float64']]"),
        ("max_order = 0", "max_order: expected a positive integer; got 0"),
        ("max_order = True", "got True"),
        ("max_order = 2", "gradients: expected a parameter create_graph, since max_order is above 1"),
        ("takes_integers = 1", "takes_integers: expected True or False; got 1"),
        ("lacks = 'conv2d'", 'lacks: expected a list of names: ["conv2d", "Variable.max"]; got \'conv2d\''),
        ("lacks = [3]", "got [3]"),
        ("lacks = ['square', 'conv2d']", "lacks: expected names that the file does not have; got ['square']"),
        ("dtypes = [np.ones(2)]", "its settings cannot be read: ValueError: The truth value of an array"),
    ],
)
def test_an_invalid_setting_is_found_before_the_run(adapt, capsys, tmp_path, setting, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        adapt(setting)
    assert cli.main(["run", "-n", "0", "--stages", "1", "--framework", str(tmp_path / "mine.py")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"crosscheck: --framework: {tmp_path / 'mine.py'}: ")


# --- what is compared ---

SECOND_ORDER = """
import stage3_higher_order as s3
from stage3_higher_order import Variable
from stage3_higher_order.functions import *

def array(x):
    while isinstance(x, Variable):
        x = x.data
    return x

def gradients(outputs, inputs, seeds, create_graph=False):
    seeds = None if seeds is None else [Variable(seed) for seed in seeds]
    return s3.grad(list(outputs), list(inputs), seeds, create_graph=create_graph)
"""


@pytest.mark.parametrize(
    ("more", "state", "orders"),
    [
        ("", "equal", (8, 8)),
        ("max_order = 2", "partial", (2, 8)),
        ("max_order = 1", "partial", (1, 8)),
    ],
)
def test_the_orders_compared_are_shown_and_fewer_are_not_equal(torch_adapter, adapt, more, state, orders):
    cell = run(adapt(more, source=SECOND_ORDER), torch_adapter, "eight_derivatives_of_sin")
    assert (cell.state, (cell.order, cell.asked)) == (state, orders), cell.failures
    assert cell.reason == ("" if state == "equal" else f"derivatives to order {orders[0]} of 8")


def test_a_framework_in_the_books_style_may_declare_that_its_gradients_are_variables(torch_adapter, adapt):
    source = "from stage3_higher_order import Variable\nfrom stage3_higher_order.functions import square"
    assert adapt(source, source="").max_order == 1  # there is no `grad`
    mine = adapt("max_order = 2", source=source)
    assert (run(mine, torch_adapter, "square").state, mine.settings()) == ("equal", "derivatives to order 2")


def test_the_table_the_lines_below_it_and_the_json_show_the_orders(capsys, tmp_path):
    path = tmp_path / "mine.json"
    arguments = ["run", "-n", "0", "--stages", "1", "--framework", str(EXAMPLES / "tiny.py"), "--json", str(path)]
    assert cli.main([*arguments, "-k", "tiny and (square or composite or transposing)"]) == 0
    out = capsys.readouterr().out
    assert "(order 1 of 2)" in out
    assert "tiny: derivatives to order 1\n" in out
    assert "tiny: partial: derivatives to order 1 of 2: " in out
    assert "tiny: lacks numerical_diff: numerical_diff_of_square" in out
    assert '"order": 1,\n      "order_asked": 2' in path.read_text()
    assert '"settings": {\n    "tiny": "derivatives to order 1"' in path.read_text()


def test_without_pytorch_no_cell_of_a_custom_framework_is_equal(adapt):
    wrong = adapt("takes_integers = False\nsquare = function(lambda x: 3 * x**2, lambda gy, x: 6 * x * gy)")
    cell = run(wrong, None, "square")
    assert (cell.state, cell.reason) == ("partial", "values are not compared with PyTorch")
    assert run(wrong, None, "square", "float32").order is None


def test_other_dtypes_than_declared_are_unsupported(torch_adapter, adapt):
    mine = adapt("dtypes = ['float64']")
    assert run(mine, torch_adapter, "chain_of_2000").state == "equal"
    cell = run(mine, torch_adapter, "chain_of_2000", "float32")
    assert (cell.state, cell.reason, mine.settings()) == (
        "unsupported",
        "tiny computes in float64",
        "derivatives to order 1; float64 only",
    )


def test_a_tolerance_replaces_the_default(torch_adapter, adapt):
    inexact = """takes_integers = False
square = function(lambda x: x**2 * (1 + 100 * 2.2e-16), lambda gy, x: 2 * x * gy)"""
    assert run(adapt(inexact), torch_adapter, "square").state == "failed"
    mine = adapt(inexact + "\ntolerance = {'float64': 200}")
    assert run(mine, torch_adapter, "square").state == "partial"
    assert "tolerance 200 eps in float64" in mine.settings()
    assert run(adapt(inexact + "\ntolerance = 90"), torch_adapter, "square").state == "failed"


def test_a_framework_without_integers_says_so(torch_adapter, adapt):
    mine = adapt("takes_integers = False")
    assert "no integers" in mine.settings()
    assert not any(case.integer for case in Runner([mine], None).cases_for(COMPUTATIONS["square"], mine, "float64"))


def test_a_framework_that_is_not_deterministic_says_so(torch_adapter, adapt):
    noisy = """takes_integers = False
rng = np.random.default_rng(0)
square = function(lambda x: x**2 * (1 + 1e-15 * rng.standard_normal(x.shape)), lambda gy, x: 2 * x * gy)"""
    cell = run(adapt(noisy), torch_adapter, "square")
    assert {failure.kind for failure in cell.failures} == {"invariant"}
    mine = adapt(noisy + "\ndeterministic = False")
    assert run(mine, torch_adapter, "square").state == "partial"
    assert "two runs are not compared" in mine.settings()


def test_a_difference_may_be_declared_for_one_dtype(torch_adapter, adapt):
    half = "square = function(lambda x: x**2 * (1 + 1e-10), lambda gy, x: 2 * x * gy)\ntakes_integers = False"
    mine = adapt(half + "\ndiffers = {'square/float64': 'why'}")
    assert [run(mine, torch_adapter, "square", dtype).state for dtype in DTYPES] == ["differs", "partial"]
    mine = adapt(half + "\ndiffers = {'square': 'why'}")
    assert [run(mine, torch_adapter, "square", dtype).state for dtype in DTYPES] == ["differs", "failed"]


@pytest.mark.parametrize("name", ["number_to_the_power_of_a_variable", "variable_of_a_list"])
def test_what_a_later_stage_or_pytorch_accepts_may_be_accepted(torch_adapter, adapt, name):
    cell = run(adapt("Variable.__rpow__ = lambda x, c: x"), torch_adapter, name)
    assert (cell.state, cell.failures) == ("differs", [])


def test_golden_results_of_the_stages_have_no_cells(torch_adapter, adapt):
    golden = [c for c in all_computations() if c.golden]
    runner = Runner([adapt(), torch_adapter], torch_adapter)
    assert golden
    assert {framework.name for _, framework, _ in runner.cells(golden, DTYPES)} == {"torch"}
    columns = [Column.of(framework) for framework in runner.frameworks]
    assert {label for row in rows(columns, golden, DTYPES) for label in row.labels} == {"torch"}


# --- what it lacks ---


@pytest.mark.parametrize(
    ("name", "lacked"),
    [
        ("conv2d", "conv2d"),
        ("add", "operator +"),
        ("extremes_by_methods", "Variable.max"),
    ],
)
def test_what_a_framework_lacks_has_a_name(torch_adapter, adapt, name, lacked):
    cell = run(adapt(), torch_adapter, name)
    assert (cell.state, cell.lacks) == ("unsupported", lacked), (cell.failures, cell.reason)
    assert run(adapt(f"lacks = [{lacked!r}]"), torch_adapter, name).state == "unsupported"
    cell = run(adapt("lacks = []"), torch_adapter, name)
    assert cell.state == "failed"
    assert f"`lacks` in tiny does not list {lacked!r}" in cell.failures[0].text


@pytest.mark.parametrize(
    ("call", "lacked"),
    [
        (lambda x: -x, "operator -"),
        (lambda x: 2**x, "operator **"),
        (lambda x: x @ x, "operator @"),
        (lambda x: x[0], "'A' object is not subscriptable"),
        (lambda x: x.sum(axis=1), "A.sum(axis)"),
        (lambda x: x.T, "A.T"),
    ],
)
def test_missing_operators_methods_and_keywords_have_names(call, lacked):
    class A:
        def sum(self):
            return self

    with pytest.raises((TypeError, AttributeError)) as caught:
        call(A())
    assert lacking(caught.value).endswith(lacked)


def test_a_graph_of_gradients_and_creators_may_be_missing(adapt):
    mine = adapt()
    x = mine.Variable([1.0])
    with pytest.raises(Missing, match="tiny has no derivatives of order 2"):
        mine.gradients([x], [x], None, create_graph=True)
    with pytest.raises(Missing, match="tiny has no creator"):
        mine.creator(x)
    assert adapt("def creator(y): return y.back").creator(x) is None


def test_an_error_of_a_method_that_is_missing_is_no_rejection_of_input(torch_adapter, adapt):
    mine = adapt(f"lacks = {[]}")
    cells = [run(mine, torch_adapter, c.name) for c in all_computations() if c.raises and "reshape" in c.name]
    assert cells
    assert {cell.state for cell in cells} == {"failed"}


# --- invariants and errors ---


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        ("old = gradients\ndef gradients(outputs, inputs, seeds):\n"
         "    found = old(outputs, inputs, seeds)\n    inputs[0].data = inputs[0].data + 1\n    return found",
         "invariant", "the backward pass changed a variable"),
        ("old = gradients\ndef gradients(outputs, inputs, seeds):\n"
         "    found = old(outputs, inputs, seeds)\n    inputs[0].data += 1\n    return found",
         "invariant", "an input was changed"),
        ("def gradients(outputs, inputs, seeds):\n    return []", "adapter",
         "expected 1 gradients, one for each input, got 0"),
        ("def gradients(outputs, inputs, seeds):\n    raise SystemExit(0)", "exception", "SystemExit: 0"),
        ("def array(x):\n    return x", "adapter", "array: expected a NumPy array, got Variable for Variable"),
        ("old = array\ndef array(x):\n    return old(x).tolist()", "adapter", "expected a NumPy array, got float for"),
    ],
)  # fmt: skip
def test_an_adapter_that_misbehaves_is_red(torch_adapter, adapt, more, kind, said):
    cell = run(adapt(more), torch_adapter, "square")
    assert cell.state == "failed"
    assert any(failure.kind == kind and said in failure.text for failure in cell.failures), cell.failures


@pytest.mark.parametrize(("n", "file"), [("0", "sys.stdout"), ("1", "sys.stdout"), ("1", "os.fdopen(1, 'w')")])
def test_what_a_framework_prints_does_not_get_into_the_json(tmp_path, n, file):
    path = tmp_path / "loud.py"
    loud = TINY.replace("x**2", "print('in a cell', file=file, flush=True) or x**2")
    path.write_text(f"import os, sys\nfile = {file}\nprint('at import', file=file, flush=True)\n{loud}")
    command = ["run", "-n", n, "--stages", "1", "--framework", str(path), "-k", "square and tiny", "--json"]
    done = subprocess.run([sys.executable, "-m", "crosscheck", *command], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("{")
    assert "at import" in done.stderr
    assert "in a cell" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of CPU time")
def test_a_file_that_ends_the_process_is_reported(capfd, tmp_path):
    path = tmp_path / "ends.py"
    path.write_text("import os; os._exit(0)")
    assert cli.main(["run", "-n", "1", "--stages", "1", "--framework", str(path), "-k", "square"]) == 2
    assert capfd.readouterr().err == "crosscheck: importing the frameworks: the process ended: exit status 0\n"


# --- without stages ---

HIDE_STAGES = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.startswith("stage") else super().find_spec(name, path, target)

sys.meta_path = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.fixture
def without_stages(tmp_path):
    """crosscheck in a process that cannot import any stage, outside the repository."""
    (tmp_path / "sitecustomize.py").write_text(HIDE_STAGES)

    def run(*arguments):
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-m", "crosscheck", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


@pytest.mark.parametrize("options", [["-n", "1"], ["-n", "0", "--without-torch", "--stages", "none"]])
def test_a_framework_is_judged_without_any_stage(without_stages, options):
    tiny = str(EXAMPLES / "tiny.py")
    result = without_stages("run", "--framework", tiny, "-k", "square or eight", "--json", *options)
    report = json.loads(result.stdout)
    assert result.returncode == 0, result.stderr
    assert list(report["frameworks"]) == (["tiny"] if "--without-torch" in options else ["torch", "tiny"])
    said = "crosscheck: not installed, so not compared: stage1, stage2, stage3, stage4, stage5\n"
    assert (said in result.stderr) == ("none" not in options)


@pytest.fixture
def hidden_stages(monkeypatch):
    """As if no stage were installed, in this process."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("stage") else find(name))


def test_show_reproduces_a_red_cell_without_any_stage(hidden_stages, capsys, tmp_path):
    (tmp_path / "mine.py").write_text(TINY.replace("2 * x * gy", "x * gy"))
    assert cli.main(["show", "square/tiny/float64", "--framework", str(tmp_path / "mine.py")]) == 1
    assert "central differences agree with PyTorch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "not installed: stage1, stage2, stage3, stage4, stage5; python -m pip install"),
        (["run", "--stages", "2", "--framework", str(EXAMPLES / "tiny.py")], "not installed: stage2; "),
        (["run", "--stages", "none"], "unknown stage 'none'"),
        (["diff", "1", "2"], "stage2 is not installed: python -m pip install -e ./stage2_natural_code"),
        (["step", "3"], "stage1 is not installed: "),
        (["list", "steps"], "stage1 is not installed: "),
        (["play", __file__], "stage5 is not installed: "),
        (["bench"], "not installed: "),
        (["faults"], "is not installed: "),
    ],
)
def test_commands_that_need_stages_say_so(hidden_stages, capsys, arguments, said):
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith("crosscheck: "), err.count("\n")) == ("", True, 1)
    assert said in err


@pytest.mark.parametrize("what", ["frameworks", "computations"])
def test_lists_work_without_any_stage(hidden_stages, capsys, what):
    assert cli.main(["list", what]) == 0
    assert {"frameworks": "not installed", "computations": "eight_derivatives_of_sin"}[what] in capsys.readouterr().out


# --- the contract, and adapters written from it ---

CONTRACT = (EXAMPLES.parent / "docs" / "frameworks.md").read_text(encoding="utf-8")
# What computations read to treat PyTorch or a stage differently, and modules and classes that only the stages have.
NOT_IN_THE_CONTRACT = {
    *("name", "number", "xp", "cuda", "functions", "utils", "gradcheck", "layers", "models", "optimizers", "datasets"),
    *(
        "dataloaders",
        "transforms",
        "saving",
        "download",
        "config",
        "core",
        "grads_are_variables",
        "Function",
        "Square",
        "plot_dot_graph",
    ),
}


def test_the_contract_names_everything_that_computations_call():
    files = (pathlib.Path(crosscheck.__file__).parent / "computations").glob("[!b]*.py")  # not beyond_*.py: the Rosetta
    called = {name for path in files for name in re.findall(r"\bfw\.(\w+)", path.read_text(encoding="utf-8"))}
    assert called - NOT_IN_THE_CONTRACT - set(re.findall(r"\w+", CONTRACT)) == set()


def test_the_contract_names_every_function_and_setting_of_an_adapter():
    settings = ["name", "dtypes", "max_order", "takes_integers", "deterministic", "tolerance", "differs", "lacks"]
    for name in ["Variable", "array", "gradients", "creator", *OWN, *settings]:
        assert f"`{name}" in CONTRACT


def test_the_smallest_adapter_of_the_contract_works(torch_adapter, tmp_path, monkeypatch):
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", CONTRACT, re.DOTALL) if "import mine" in block]
    (tmp_path / "mine.py").write_text(
        "import torch\nexp = torch.exp\n"
        "class Tensor:\n"
        "    def __new__(cls, data, requires_grad): return torch.tensor(data).requires_grad_(requires_grad)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "adapter.py").write_text(block)
    framework = load_file(tmp_path / "adapter.py")
    assert (framework.name, framework.max_order) == ("mine", 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a framework may warn about the mean of nothing
@pytest.mark.parametrize(("file", "package"), [("hips_autograd.py", "autograd"), ("micrograd_arrays.py", "micrograd")])
def test_the_adapter_of_a_published_package_is_as_declared(torch_adapter, file, package):
    pytest.importorskip(package, reason=f"needs pip install {package}")
    framework = load_file(EXAMPLES / file)
    cells = matrix(framework, torch_adapter)
    assert [(cell.name, cell.failures[:1]) for cell in cells if not cell.ok] == []
    states = {cell.computation.name: cell.state for cell in cells if cell.dtype == "float64"}
    expected = {"autograd": "equal", "micrograd": "partial"}[package]
    assert {states[name] for name in ("square", "add", "mul", "broadcasting_mul", "rosenbrock")} == {expected}
    differing = [(c.computation.name, f"{c.computation.name}/{c.dtype}") for c in cells if c.state == "differs"]
    assert set(framework.differs) <= {name for names in differing for name in names}
