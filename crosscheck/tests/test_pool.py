"""Worker processes: the same cells as in one process; a framework that exits, hangs or prints affects no other cell."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from crosscheck import UsageError, pool
from crosscheck.computations import DTYPES, all_computations
from crosscheck.matrix import Column, Settings, rows
from crosscheck.pool import Alone, Pool
from crosscheck.stages import STAGES

TINY = """
import os, sys, time
import numpy as np

class Variable:
    def __init__(self, data):
        self.data, self.grad = data, None

def gradients(outputs, inputs, seeds):
    return [2 * x.data * gy for x, gy in zip(inputs, seeds or [np.ones_like(y.data) for y in outputs])]

def square(x):
    {misbehave}
    return Variable(x.data**2)
"""


def custom(tmp_path, misbehave, name="tiny"):
    path = tmp_path / f"{name}.py"
    path.write_text(TINY.format(misbehave=misbehave))
    return path


def square_cells(settings, processes):
    """The float64 cells of `square`, and of the computation after it, by name."""
    with contextlib.closing(Pool(settings, processes) if processes else Alone(settings)) as workers:
        chosen = [c for c in all_computations() if c.name in ("square", "exp")]
        return {cell.name: cell for cell in workers.run(rows(workers.columns, chosen, ["float64"]))}


def plain(cells):
    return {name: (cell.state, cell.distance, cell.inherited, cell.failures) for name, cell in cells.items()}


def test_the_number_of_processes_changes_no_cell():
    settings = Settings()
    assert plain(square_cells(settings, 0)) == plain(square_cells(settings, 2))


@pytest.mark.parametrize(
    ("misbehave", "said"),
    [
        ("os._exit(7)", "the process ended: exit status 7"),
        ("os.abort()", "the process ended: SIGABRT"),
        ("sys.exit(0)", "SystemExit: 0"),
    ],
)
def test_a_cell_that_ends_its_process_is_one_red_cell(tmp_path, misbehave, said):
    settings = Settings(tuple(STAGES[:1]), (custom(tmp_path, misbehave),), torch=False)
    cells = square_cells(settings, 1)
    red = [name for name, cell in cells.items() if not cell.ok]
    assert red == ["square/tiny/float64"]
    assert said in cells[red[0]].failures[0].text
    assert cells["exp/stage1/float64"].state == "equal"


ENDS_IN_STAGE2 = """
from crosscheck.frameworks.book import BookStyle

find = BookStyle.find

def ends(framework, name):
    return os._exit(7) if (framework.name, name) == ("stage2", "softmax") else find(framework, name)

BookStyle.find = ends
"""


def test_a_cell_that_ends_its_process_is_named_among_those_that_are_answered_at_once(tmp_path):
    path = custom(tmp_path, "pass")
    path.write_text(path.read_text() + ENDS_IN_STAGE2)
    (softmax,) = (c for c in all_computations() if c.name == "softmax")
    with contextlib.closing(Pool(Settings(tuple(STAGES[:3]), (path,), torch=False), 1)) as workers:
        (row,) = rows(workers.columns, [softmax], ["float64"])
        assert row.together == 3
        cells = [(cell.framework, cell.state) for cell in workers.run([row])]
    assert cells == [
        *((f"stage{n}", "failed" if n == 2 else "unsupported") for n in (1, 2, 3)),
        ("tiny", "unsupported"),
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGXCPU"), reason="this system has no limit of CPU time")
@pytest.mark.parametrize(
    "misbehave", ["while True: pass", "sum(range(10**15))"], ids=["in Python", "outside of Python"]
)
def test_a_cell_that_never_ends_is_one_red_cell(tmp_path, misbehave, monkeypatch):
    monkeypatch.setattr(pool, "TIMES_BY_THE_CLOCK", 1000)  # on a busy machine 1 s of CPU time takes long
    settings = Settings(stages=(), torch=False, custom=(custom(tmp_path, misbehave),), time_limit=1)
    cells = square_cells(settings, 1)
    assert [failure.kind for failure in cells["square/tiny/float64"].failures] == ["hang"]
    assert cells["square/tiny/float64"].failures[0].text == "no answer within 1 s of CPU time"


def test_a_cell_that_waits_forever_is_ended_after_its_wall_clock_limit(tmp_path):
    settings = Settings(stages=(), torch=False, custom=(custom(tmp_path, "time.sleep(1e6)"),), time_limit=0.2)
    cells = square_cells(settings, 1)
    assert cells["square/tiny/float64"].failures[0].text == "no answer within 2 s of wall-clock time"


@pytest.mark.parametrize(
    ("at_import", "said"),
    [("sys.exit(0)", "cannot be imported: SystemExit: 0"), ("os._exit(3)", "the process ended: exit status 3")],
)
def test_a_framework_that_ends_its_process_at_import_is_named(tmp_path, at_import, said):
    path = custom(tmp_path, "pass")
    path.write_text(f"import os, sys\n{at_import}\n")
    with pytest.raises(UsageError, match=said):
        Pool(Settings(tuple(STAGES[:1]), (path,), torch=False), 1)


@pytest.mark.parametrize("n", ["0", "1"])
def test_what_a_framework_prints_stays_out_of_json(tmp_path, n):
    path = custom(tmp_path, "print('{', flush=True)")
    options = ["--stages", "1", "--without-torch", "--framework", path, "-k", "square/tiny", "--json", "-n", n]
    command = [sys.executable, "-m", "crosscheck", "run", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    states = {cell["cell"]: cell["state"] for cell in json.loads(done.stdout)["cells"]}
    assert states["square/tiny/float64"] == "partial"  # without PyTorch
    assert "{" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither signal for one process")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_with_a_report(tmp_path, number, status):
    path = custom(tmp_path, f"open({str(tmp_path / 'started')!r}, 'w'); time.sleep(1e6)")
    options = ["--stages", "1", "--without-torch", "--framework", path, "-k", "square", "-n", "1"]
    # A shell starts background jobs with SIGINT ignored, which their processes inherit.
    start = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "from crosscheck.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", start, "run", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "started").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=900)  # only a hang takes that long
    assert process.returncode == status
    assert {130: "interrupted after", 143: "terminated after"}[status] in " ".join(out.split())


@pytest.mark.parametrize(("expression", "dtype"), [(None, "float64"), ("float32", "float32")])
def test_a_quick_run_has_one_dtype_per_computation(expression, dtype):
    chosen = [c for c in all_computations() if c.name in ("square", "exp")]
    found = rows([Column("stage1", "", on_gpu=False)], chosen, DTYPES, expression, one_dtype=True)
    assert [(row.computation.name, row.dtype) for row in found] == [(c.name, dtype) for c in chosen]


def test_a_quick_run_has_one_case_per_cell():
    quick = square_cells(Settings(tuple(STAGES[:1]), quick=True, torch=False), 0)
    assert {cell.state for cell in quick.values()} <= {"equal", "unsupported"}
    runner = Settings(tuple(STAGES[:1]), quick=True, torch=False).runner()
    square = next(c for c in all_computations() if c.name == "square")
    assert len(runner.cases_for(square, runner.frameworks[0], "float64")) == 1


def test_a_long_run_reports_its_progress(tmp_path, monkeypatch, capsys):
    from crosscheck.report import out

    monkeypatch.setattr(out, "SAY_EVERY", 0.0)
    assert list(out.track([1, 2], 2, str, "cells")) == [1, 2]
    assert "crosscheck: 1 of 2 cells" in capsys.readouterr().err
