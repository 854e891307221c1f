"""Exercises: a stage without its functions, how far a package is, and bugs to find."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from crosscheck import UsageError, cli, workers
from crosscheck.exercise import Notes, exercise_report, functions_in, left_to_do, run_at_import, tasks
from crosscheck.faults import read_faults
from crosscheck.grade import explanation, grade
from crosscheck.hunt import hints_of
from crosscheck.lessons import module_names
from crosscheck.stages import STAGES


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "exercise"


def solve(stage, folder):
    """Copy the functions of the stage into the exercise."""
    shutil.copytree(stage.source, folder / stage.package, dirs_exist_ok=True)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_an_exercise_can_be_imported_and_lists_what_is_to_do(stage, folder):
    report = exercise_report(stage, folder)
    assert report["write"] + report["change"] == len(tasks(stage)) > 0
    assert {task.name for task in left_to_do(stage, folder)} == {task.name for task in tasks(stage)}
    code = f"import {stage.package} as package; print(package.__file__)"
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith(str(folder)), done.stderr
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"`{task.name.rpartition('.')[2]}`" in readme.replace(".", "`") for task in tasks(stage))
    solve(stage, folder)
    assert left_to_do(stage, folder) == []


def test_only_functions_are_taken_out(folder):
    stage = STAGES[2]
    exercise_report(stage, folder)
    todo = {task.name: task for task in tasks(stage)}
    for module, path in module_names(stage).items():
        ours = dict(functions_in(path.read_text(encoding="utf-8"), module))
        source = (folder / stage.package / path.relative_to(stage.source)).read_text(encoding="utf-8")
        theirs = dict(functions_in(source, module))
        assert ours.keys() == theirs.keys()
        for name, node in theirs.items():
            segment = "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])
            assert ('raise NotImplementedError("step ' in segment) == (name in todo and todo[name].before is None)
    assert "operators.setup_variable" in run_at_import(stage)
    core = (folder / stage.package / "core.py").read_text(encoding="utf-8")
    assert "    # Step 32 changes backward.\n    def backward(self, retain_grad=False)" in core


def test_files_of_the_learner_are_kept(folder):
    stage = STAGES[0]
    assert exercise_report(stage, folder)["backups"] == []
    core = folder / stage.package / "core.py"
    core.write_text("# mine\n")
    assert exercise_report(stage, folder)["backups"] == ["stage1_autodiff/core.py.backup-1"]
    assert core.with_name("core.py.backup-1").read_text() == "# mine\n"
    core.write_text("# mine again\n")
    assert exercise_report(stage, folder)["backups"] == ["stage1_autodiff/core.py.backup-2"]
    with pytest.raises(UsageError, match="contains another exercise"):
        exercise_report(STAGES[1], folder)


def test_the_grade_follows_the_work(folder, capsys):
    stage = STAGES[0]
    exercise_report(stage, folder)
    core = folder / stage.package / "core.py"
    core.write_text(core.read_text().replace('raise NotImplementedError("step 1: write __init__")', "self.data = data"))
    begun, _ = grade(folder, 1)
    assert not begun.passed
    assert len(begun.marks) == begun.total
    assert begun.first.step == 1
    assert re.search("NotImplementedError: step [279]: write", begun.first.text)
    assert "Next, step 2: write " in list(explanation(begun, folder))[-1]
    assert Notes.read(folder).equal == begun.equal

    solve(stage, folder)
    assert cli.main(["grade", str(folder), "-n", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"]
    assert found["left"] == found["lost"] == found["different"] == []

    core.write_text(core.read_text().replace("def backward", "def backwards"))
    spoiled, _ = grade(folder, 1)
    assert "square" in spoiled.lost
    assert any("No longer: " in line for line in explanation(spoiled, folder))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", r"cannot be imported: SyntaxError"),
        ("raise SystemExit(3)\n", r"cannot be imported: SystemExit: 3 \(core.py:1"),
        ("while True: pass\n", "no answer within 3 s of CPU time"),
    ],
)
def test_what_cannot_be_run_is_said(folder, monkeypatch, text, said):
    monkeypatch.setattr(workers, "TIMES_BY_THE_CLOCK", 1000)  # on a busy machine 3 s of CPU time take long
    stage = STAGES[0]
    exercise_report(stage, folder)
    (folder / stage.package / "core.py").write_text(text)
    found, _ = grade(folder, 1, limit=3)
    assert re.search(said, found.broken)
    assert Notes.read(folder).equal == []


def test_a_hunt_is_won_by_mending_the_bug(folder, capsys):
    assert cli.main(["hunt", str(folder), "--stage", "stage1", "--seed", "3"]) == 0
    assert cli.main(["grade", str(folder), "-n", "1"]) == 1
    assert "The first difference: " in capsys.readouterr().out
    for n in (1, 2, 3, 3):
        assert cli.main(["hunt", str(folder), "--hint"]) == 0
        assert f"Hint {n} of 3" in capsys.readouterr().out
    solve(STAGES[0], folder)
    assert cli.main(["grade", str(folder), "-n", "1"]) == 0
    assert "Everything equals PyTorch" in capsys.readouterr().out
    assert cli.main(["hunt", str(folder), "--seed", "4"]) == 0
    assert "kept as a backup: " in capsys.readouterr().out


def test_every_planted_bug_has_hints():
    for fault in read_faults():
        path, name, line = hints_of(STAGES[fault.stage - 1], fault)
        assert fault.file in path
        assert fault.old in line
        assert name


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["exercise", "7", "DIR"], "unknown stage '7'"),
        (["exercise", "1,2", "DIR"], "exercise: expected one stage, got '1,2'"),
        (["grade", "DIR"], "is no exercise: there is no crosscheck.json"),
        (["hunt", "DIR", "--hint"], "is no exercise"),
        (["hunt", "DIR", "--stage", "no"], "unknown stage 'no'"),
    ],
)
def test_a_mistake_is_one_line(arguments, text, folder, capsys):
    assert cli.main([str(folder) if word == "DIR" else word for word in arguments]) == 2
    assert text in capsys.readouterr().err


def test_a_folder_with_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    for command in (["exercise", "1"], ["hunt"]):
        assert cli.main([*command, str(tmp_path)]) == 2
        assert "is no exercise" in capsys.readouterr().err
    (tmp_path / "crosscheck.json").write_text("{}")
    assert cli.main(["exercise", "1", str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert sorted(path.name for path in pathlib.Path(tmp_path).iterdir()) == ["crosscheck.json", "mine.txt"]
