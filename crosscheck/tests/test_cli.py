"""The command as users see it: its output, its usage errors, its exit status."""

import functools
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from crosscheck import cli, frameworks, stages
from crosscheck.bench import kernels_hint
from crosscheck.ending import Terminated
from crosscheck.rosetta import find, rosetta
from crosscheck.runner import Runner
from crosscheck.select import matches

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "crosscheck" / "examples" / "tiny.py"
FRAMEWORKS = [*(stage.name for stage in stages.STAGES), "torch"]
rows_of_the_rosetta = functools.cache(rosetta)


@pytest.fixture
def crosscheck(capsys, monkeypatch):
    """Run the command in this process: status, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "120")  # whatever the width of the terminal

    def run(*arguments):
        try:
            alone = ["-n", "0"] if arguments[:1] == ("run",) and "-n" not in arguments else []  # faster
            status = cli.main([*arguments, *alone])
        except SystemExit as stop:  # argparse
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_run_prints_the_matrix_and_a_summary(crosscheck, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")  # wide enough for five stages and PyTorch
    status, out, err = crosscheck("run", "-k", "square and not numerical")
    assert status == 0
    assert re.fullmatch(r"(crosscheck: \d+ of \d+ cells\n)*", err)  # on a slow machine
    assert re.search(r"2 │ square +│ = 0 \| 0\.\d +│ = 0 \| 0\.\d", out)
    assert "every cell is as declared" in out
    assert "seed 0" in out
    assert "\x1b[" not in out  # no colors in a pipe


def test_run_narrows_by_dtype_and_stage(crosscheck):
    status, out, _ = crosscheck("run", "-k", "exp", "--dtype", "float32", "--stages", "1", "--json")
    assert status == 0
    assert {cell["dtype"] for cell in json.loads(out)["cells"]} == {"float32"}


def test_run_without_torch_has_no_column_for_it(crosscheck):
    status, out, _ = crosscheck("run", "-k", "composite", "--without-torch")
    assert status == 0
    assert "torch" not in out


def test_run_writes_json(crosscheck, tmp_path):
    target = tmp_path / "run.json"
    status, out, _ = crosscheck("run", "-k", "identity_function/stage1", "--json", str(target))
    assert status == 0
    assert "identity_function" in out
    data = json.loads(target.read_text())
    assert data["ok"] is True
    assert data["counts"] == {"equal": 2}
    assert {cell["cell"] for cell in data["cells"]} == {
        "identity_function/stage1/float32",
        "identity_function/stage1/float64",
    }


def test_run_writes_pages_into_a_new_folder(crosscheck, tmp_path):
    status, out, _ = crosscheck("run", "-k", "square/", "--html", str(tmp_path / "new" / "report"))
    assert status == 0
    assert out.endswith(f"report: {tmp_path / 'new' / 'report' / 'index.html'}\n")
    assert "Every cell is as declared" in (tmp_path / "new" / "report" / "index.html").read_text()


def test_a_red_cell_is_explained_and_gives_the_command_that_reproduces_it(crosscheck, tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(EXAMPLE.read_text().replace("2 * x * gy", "x * gy").replace('name = "tiny"', 'name = "wrong"'))
    status, out, _ = crosscheck("run", "-k", "square and wrong", "--framework", str(wrong), "--html", str(tmp_path))
    assert status == 1
    assert "central differences agree with PyTorch" in " ".join(out.split())
    assert f"reproduce: crosscheck show square/wrong/float64 --framework {wrong}" in out.replace("\n", "")
    assert "not every cell is as declared" in " ".join(out.split())
    assert "cells are not as declared" in (tmp_path / "index.html").read_text()
    status, out, _ = crosscheck("show", "square/wrong/float64", "--framework", str(wrong))
    assert status == 1
    assert "square/wrong/float64: failed" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--stages", "9"], "unknown stage '9'; there is stage1"),
        (["run", "--stages", "stage1,x"], "unknown stage 'x'"),
        (["run", "--dtype", "float16"], "unknown dtype 'float16'; there is float64, float32"),
        (["run", "-k", "nothing_of_the_kind"], "no cell matches -k 'nothing_of_the_kind'"),
        (["run", "-k", ""], "-k: expected a value, got an empty string"),
        (["run", "--stages", ""], "--stages: expected a value, got an empty string"),
        (["diff", "1", ""], "B: expected a value, got an empty string"),
        (["play", __file__, "--stage", ""], "unknown stage ''"),
        (["run", "-k", "square and"], "-k: 'square and' is not of the form"),
        (["run", "-k", "f(x)"], "-k: 'f(x)' is not a word"),
        (["run", "--framework", "no_such_file.py"], "--framework: there is no file no_such_file.py"),
        (["run", "--update-ledger", "--stages", "1"], "--update-ledger needs a full run"),
        (["show", "square"], "show: 'square' is not of the form computation/framework/dtype"),
        (["show", "cube/stage1/float64"], "unknown computation 'cube'"),
        (["show", "square/stage9/float64"], f"unknown framework 'stage9'; there is {', '.join(FRAMEWORKS)}"),
        (["show", "square/stage1/int8"], "square is run in float64, float32, not in 'int8'"),
        (["rosetta", "cube"], "the Rosetta has no 'cube'"),
        (["rosetta", "softmaxx"], "the Rosetta has no 'softmaxx'; similar: softmax"),
        (["faults", "-k", "nothing_of_the_kind"], "no fault matches"),
        (["faults", "--sample", "3"], "--sample is an option of --automatic"),
        (["faults", "--again"], "--again is an option of --automatic"),
        (["diff", "1", "2", "--json", "--format", "html"], "diff: --json replaces the text; no --format"),
        (["run", "--json", "same", "--junit", "same"], "--junit: expected another file than that of --json, got same"),
        (["bench", "-k", "nothing"], "no workload matches -k 'nothing'"),
        (["bench", "--rounds", "1"], "--rounds: expected at least 2, for the quartiles, got 1"),
        (["bench", "--threads", "0"], "--threads: expected at least 1, got 0"),
    ],
)
def test_a_usage_error_is_reported_in_one_line(crosscheck, arguments, said):
    status, out, err = crosscheck(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"crosscheck: {said}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["run", "--dance"], ["list", "dances"], ["run", "-n", "x"], ["run", "-n", "-1"]]
    + [["run", "--time-limit", text] for text in ("x", "0", "nan", "-1")]
    + [["faults", "--automatic", "--sample", text] for text in ("0", "-1", "x")]
    + [["run", "--framework="], ["run", "--html", "x", "--mutation="], ["faults", "--automatic", "--known="]],
)
def test_an_unknown_command_is_rejected_with_the_usage(crosscheck, arguments):
    status, _, err = crosscheck(*arguments)
    assert status == 2
    assert "usage: crosscheck" in err


def test_a_missing_torch_is_named_with_what_to_install(crosscheck, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "crosscheck.frameworks.torch", raising=False)
    monkeypatch.delattr(frameworks, "torch", raising=False)
    status, _, err = crosscheck("run", "-k", "square")
    assert status == 2
    assert err == f"crosscheck: {frameworks.TORCH_HINT}\n"
    status, out, _ = crosscheck("run", "-k", "square", "--without-torch")
    assert status == 0
    status, out, _ = crosscheck("list", "frameworks")
    assert status == 0
    assert "PyTorch is not installed" in " ".join(out.split())


def test_a_missing_stage_is_named_with_what_to_install(crosscheck, monkeypatch):
    absent = stages.Stage(6, "stage6_nowhere", "not there", 61, 62)
    monkeypatch.setattr(cli, "STAGES", [*stages.STAGES, absent])
    status, _, err = crosscheck("run", "-k", "square")
    assert status == 2
    assert err == "crosscheck: not installed: stage6; python -m pip install -e ./stage6_nowhere\n"


@pytest.mark.parametrize(
    ("ending", "status", "word"), [(KeyboardInterrupt, 130, "interrupted"), (Terminated, 143, "terminated")]
)
def test_a_run_that_is_ended_early_reports_the_finished_cells(crosscheck, monkeypatch, tmp_path, ending, status, word):
    run, done = Runner.run, []

    def one_cell(runner, *cell):
        if done:
            raise ending
        done.append(cell)
        return run(runner, *cell)

    monkeypatch.setattr(Runner, "run", one_cell)
    target = tmp_path / "run.json"
    ended, out, _ = crosscheck("run", "-k", "square/stage1/float64", "--json", str(target))
    assert ended == status
    assert f"{word} after 1 of " in out
    data = json.loads(target.read_text())
    assert (data["ended"], len(data["cells"]), data["ok"]) == (word, 1, False)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("frameworks", ["stage1", "steps 1-10: automatic differentiation", "torch 2."]),
        ("computations", ["composite", "The book's y = (e^(x^2))^2"]),
        ("steps", ["From recursion to a loop", "core.Variable.backward"]),
    ],
)
def test_list(crosscheck, what, words):
    status, out, _ = crosscheck("list", what)
    assert status == 0
    assert all(word in out for word in words)
    status, out, _ = crosscheck("list", what, "--json")
    assert json.loads(out)


def test_show_gives_inputs_cotangents_and_all_results(crosscheck):
    status, out, _ = crosscheck("show", "square/stage1/float32")
    assert status == 0
    for word in (
        "return fw.square(x)",
        "cotangent",
        "gradient, stage1",
        "gradient, torch float64",
        "distance",
        "integers",
    ):
        assert (word in out) is (word != "integers")  # those are in the float64 cell
    assert out.endswith("reproduce: crosscheck show square/stage1/float32\n")
    status, out, _ = crosscheck("show", "square/stage1/float64", "--seed", "3", "--json")
    shown = json.loads(out)
    assert shown["repeat"] == "crosscheck show square/stage1/float64 --seed 3"
    assert [case["case"] for case in shown["cases"]][-3:] == ["integers", "int8", "uint8"]


def test_show_reports_an_error(crosscheck):
    status, out, _ = crosscheck("show", "variable_of_a_float/stage1/float64")
    assert status == 0
    assert "TypeError: Variable: expected a numpy.ndarray, got <class 'float'>" in out


def test_rosetta(crosscheck):
    status, out, _ = crosscheck("rosetta", "exp", "--json")
    assert status == 0
    assert json.loads(out) == [{"name": "exp", "call": "torch.exp(x)", "stage": "stage1", "difference": ""}]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("torch.nn.functional.linear", ["linear"]),
        ("F.linear", ["linear"]),
        ("nn.Linear", ["Linear"]),
        ("torch.permute", ["transpose"]),
        ("torch.transpose", ["transpose"]),  # in the text about the difference
        ("amax", ["max", "global_max_pool"]),
        ("Tensor.sum_to_size", []),
        ("optimizer.step()", ["update"]),
        ("torch.optim.SGD", ["SGD", "MomentumSGD", "setup", "NAG"]),
    ],
)
def test_the_rosetta_can_be_asked_by_the_names_of_pytorch(asked, names):
    assert [row.name for row in find(rows_of_the_rosetta(), asked)] == names


def test_the_rosetta_does_not_import_torch():
    source = "import sys; sys.modules['torch'] = None; from crosscheck.cli import main; main(['rosetta', 'F.linear'])"
    wide = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, env=wide)
    assert (done.returncode, done.stderr) == (0, "")
    assert "torch.nn.functional.linear(x, W.mT, b)" in done.stdout


def test_bench_prints_ratios_and_the_environment(crosscheck):
    status, out, _ = crosscheck("bench", "--rounds", "2", "-k", "chain_of_100_squares", "--threads", "1")
    assert status == 0
    assert re.search(r"chain_of_100_squares │ stage1 +│ +[\d.]+ ms │ +[\d.]+ │ +[\d.]+-[\d.]+", out)
    assert "with 1 threads" in out
    assert "dezero, the published original," in out
    status, out, _ = crosscheck("bench", "--rounds", "2", "-k", "chain_of_100_squares", "--json")
    data = json.loads(out)
    assert [timing["framework"] for timing in data["timings"]] == FRAMEWORKS
    assert data["timings"][-1]["ratio"] == 1.0
    assert data["geometric_means"].keys() == {*FRAMEWORKS, "all stages"}


def test_bench_memory_compares_the_peaks_of_a_training_step(crosscheck):
    if not pathlib.Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux")
    status, out, _ = crosscheck("bench", "--memory", "--stages", "4", "-k", "mlp_784_1000_10_sgd", "--json")
    assert status == 0
    ours, torch = json.loads(out)["peaks"]
    assert (ours["framework"], torch["framework"], torch["traced"]) == ("stage4", "torch", None)
    weights = 784 * 1000 * 4 / 2**20  # the gradient of the first layer is as large as its weights, in MiB
    assert ours["resident"] > weights
    assert ours["traced"] > weights
    status, _, err = crosscheck("bench", "--memory", "-k", "goldstein_price")
    assert (status, "none of these workloads is a training step" in err) == (2, True)


@pytest.mark.parametrize(
    ("flags", "architecture", "hint"),
    [("sse avx2 avx512f", "Haswell", True), ("sse avx2 avx512f", "SkylakeX", False), ("sse avx2", "Haswell", False)],
)
def test_bench_hints_at_the_kernels_that_openblas_leaves_unused(tmp_path, flags, architecture, hint):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : {flags}\n")
    assert ("OPENBLAS_CORETYPE" in kernels_hint([{"architecture": architecture}], cpuinfo)) is hint
    assert kernels_hint([{"architecture": architecture}], tmp_path / "nothing") == ""


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("square", True),
        ("cube", False),
        ("square and stage1", True),
        ("square and not stage1", False),
        ("cube or (stage1 and float)", True),
        ("not cube", True),
    ],
)
def test_expressions_are_words_joined_by_and_or_not(expression, holds):
    assert matches(expression, "square/stage1/float64") is holds


def test_the_module_is_the_same_program():
    run = [sys.executable, "-m", "crosscheck", "list", "steps"]  # which needs no PyTorch, and few computations
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "stage1" in done.stdout


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("list computations > >(exit 0)", 1, ""),  # a pipe that nobody reads
        ("--version >&-", 0, ""),
        ("list steps >&- 2>&-", 0, ""),
        ("list steps > /dev/full", 2, "crosscheck: cannot write the output: No space left on device\n"),
    ],
)
def test_a_closed_or_full_output_causes_no_traceback(command, status, said):
    if "full" in command and not pathlib.Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m crosscheck {command}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, said)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_lines_or_letters_causes_no_traceback(encoding):
    run = [sys.executable, "-m", "crosscheck", "list", "steps"]
    done = subprocess.run(run, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (0, b"")
    assert "From recursion to a loop" in done.stdout.decode(encoding)


@pytest.mark.parametrize(("columns", "shown"), [(80, "│ = │"), (110, "│ = 0 | 0 │")])
def test_a_narrow_window_has_signs_instead_of_distances(crosscheck, monkeypatch, columns, shown):
    monkeypatch.setenv("COLUMNS", str(columns))
    status, out, _ = crosscheck("run", "-k", "square or numerical_gradients", "--stages", "1,2,3", "-n", "0")
    lines = [line for line in out.splitlines() if line[:1] in "┏┃│└"]
    assert status == 0
    assert all(len(line) <= columns for line in lines)
    (row,) = (line for line in lines if line.startswith("│    2 │ square "))
    assert row.count(shown.strip("│ ")) == 4
    assert ("distances: in a wider window" in out) == (columns == 80)
    assert not any("…" in line.split("│")[3] for line in lines if line.startswith("│"))
