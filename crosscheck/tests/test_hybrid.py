"""The column of stage 5 with hybridize: bit-equal to stage 5, and how many computations are programs."""

import json

import numpy as np
import pytest

import stage5_advanced
from crosscheck import cli
from crosscheck.computations import Computation, all_computations
from crosscheck.frameworks.hybridized import PROGRAM, Hybridized
from crosscheck.inputs import normal
from crosscheck.matrix import Settings
from crosscheck.report import Report
from crosscheck.runner import Runner
from crosscheck.stages import STAGES

SAMPLE = 40  # every so many computations
SHARE = 0.55  # of all of them, 291 of 463 with `--quick` when this was written


@pytest.fixture(scope="module")
def runner():
    return Settings(stages=(STAGES[-1],), torch=False, hybrid=True, quick=True).runner()


def of(runner):
    return next(framework for framework in runner.frameworks if framework.plain is not None)


def computation(body, **declared):
    return Computation(body.__name__, body, 60, 5, [normal()], ((2, 3),), **declared)


def test_a_sample_of_computations_is_bit_equal_and_mostly_programs(runner):
    cells = []
    for one in [c for c in all_computations() if c.concerns(False, False, hybrid=True) and not c.curve][::SAMPLE]:
        cells.append(runner.run(one, of(runner), one.dtypes[0]))
        runner.forget()
    assert [cell.name for cell in cells if not cell.ok] == []
    found = Report({}, 0, cells=cells).programs()
    assert len(found[PROGRAM]) >= SHARE * sum(map(len, found.values())), found


def test_a_computation_is_a_program_or_there_is_a_reason(runner):
    def twice(fw, x):
        return x * 2

    def by_data(fw, x):
        return x * (fw.array(x) > 0)

    assert [runner.run(computation(f), of(runner), "float64").program for f in (twice, by_data)] == [
        PROGRAM,
        "a constant of Mul, function number 0, changes from call to call",
    ]


def test_a_program_with_other_bits_is_a_failure(monkeypatch):
    def tripled(fw, x):
        return fw.exp(x) * 3

    runner = Runner([Hybridized(Settings(stages=(STAGES[-1],), torch=False).runner().frameworks[0])], None)
    assert runner.run(computation(tripled), runner.frameworks[0], "float64").ok
    forward = stage5_advanced.hybrid.replay.Replay.forward
    monkeypatch.setattr(
        stage5_advanced.hybrid.replay.Replay,
        "forward",
        lambda self, *xs: tuple(np.nextafter(y, 9) for y in forward(self, *xs)),
    )
    runner.forget()
    cell = runner.run(computation(tripled), runner.frameworks[0], "float64")
    assert not cell.ok
    assert "not bit-equal to stage5" in " ".join(failure.text for failure in cell.failures)


def test_functions_without_inputs_and_errors_have_no_cell():
    cells = {c.name: c.concerns(False, False, hybrid=True) for c in all_computations()}
    assert cells["tanh"]
    assert not cells["table_of_programs"]
    assert not cells["hybridize_what_cannot_be_called"]


def test_the_command_prints_the_share_and_the_reasons(capsys):
    options = ["run", "--hybrid", "--stages", "5", "-k", "(tanh or while_loop) and not fifth", "--without-torch"]
    assert cli.main([*options, "-n", "0", "--quick", "--dtype", "float64", "--json"]) == 0
    found = {cell["computation"]: cell for cell in json.loads(capsys.readouterr().out)["cells"] if "program" in cell}
    assert found["tanh"]["program"] == PROGRAM
    assert found["tanh"]["cell"] == "tanh/stage5@hybrid/float64"
    assert cli.main([*options, "-n", "0", "--quick", "--dtype", "float64"]) == 0
    out = capsys.readouterr().out
    assert "are programs, forward and gradients" in out
    assert "no program, the functions that are called depend on the values: while_loop" in " ".join(out.split())


def test_hybrid_is_on_the_cpu(capsys):
    assert cli.main(["run", "--hybrid", "--device", "cuda"]) == 2
    assert "--hybrid is stage5 on the CPU; no --device cuda" in capsys.readouterr().err
