"""What is recorded of the stages, what only grows from one to the next, and what none may mention."""

import json
import shutil

import pytest

from crosscheck import cli, freeze
from crosscheck.stages import STAGES, Stage


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Copies of the folders of stages 1 and 2, without records; the folder of stage 1."""
    for stage in STAGES[:2]:
        shutil.copytree(
            stage.folder,
            tmp_path / stage.package,
            ignore=shutil.ignore_patterns("__pycache__", ".*", freeze.RECORD, freeze.HISTORY),
        )
    monkeypatch.setattr(Stage, "folder", property(lambda stage: tmp_path / stage.package))
    monkeypatch.setattr(freeze, "STAGES", STAGES[:2])
    return tmp_path / STAGES[0].package


@pytest.fixture
def frozen(folder, capsys):
    assert cli.main(["freeze", "--update", "1,2", "--why", "Finished."]) == 0
    capsys.readouterr()
    return folder


def problems(capsys):
    status = cli.main(["freeze", "--check", "--json"])
    found = json.loads(capsys.readouterr().out)["problems"]
    assert status == int(any(found.values()))
    return found


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_names_only_grow_and_nothing_is_mentioned_too_early(stage):
    assert list(freeze.lost(stage)) == []
    assert list(freeze.too_early(stage)) == []


def test_a_stage_without_a_record_is_a_problem(folder, capsys):
    assert cli.main(["freeze", "--check"]) == 1
    assert capsys.readouterr().out == "stage1: has no record\nstage2: has no record\n2 problems\n"


def test_a_stage_as_recorded_has_no_problem(frozen, capsys):
    assert cli.main(["freeze", "--check"]) == 0
    assert capsys.readouterr().out == "every stage is as recorded\n"
    record = (frozen / freeze.RECORD).read_text(encoding="utf-8")
    lines = record.splitlines()
    assert lines == sorted(lines)
    assert "name numerical_diff(f, x, eps=0.0001)" in lines
    assert any(line.startswith("file src/stage1_autodiff/core.py ") for line in lines)
    assert not any(name in record for name in (freeze.RECORD, freeze.HISTORY, "__pycache__"))


def test_a_changed_a_new_and_a_missing_file_are_named(frozen, capsys):
    core = frozen / "src" / "stage1_autodiff" / "core.py"
    core.write_bytes(core.read_bytes().replace(b"\n", b"\r\n"))  # as Git writes it on Windows
    (frozen / "__pycache__").mkdir()
    (frozen / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert problems(capsys) == {"stage1": [], "stage2": []}
    core.write_text(core.read_text(encoding="utf-8") + "# x\n", encoding="utf-8")
    (frozen / "steps" / "step99.py").write_text("")
    (frozen / "LICENSE").unlink()
    assert problems(capsys)["stage1"] == [
        "LICENSE is missing",
        "src/stage1_autodiff/core.py has changed",
        "steps/step99.py is new",
    ]


def test_a_changed_signature_and_a_missing_name_are_named(frozen, capsys, monkeypatch):
    names = dict(freeze.interface(STAGES[0]))
    names["functions.square"] = lambda x, times=2: x
    del names["numerical_diff"]
    found = freeze.interface
    monkeypatch.setattr(freeze, "interface", lambda stage: names if stage == STAGES[0] else found(stage))
    assert problems(capsys)["stage1"] == [
        "functions.square(x) is now functions.square(x, times=2)",
        "numerical_diff is missing",
        "README.md mentions numerical_diff() of a later stage",
    ]
    assert problems(capsys)["stage2"] == [
        "functions.square(x, times=2) of stage1 is now functions.square(x)",
    ]
    names["functions.cube"] = None
    assert "functions.cube of stage1 is missing" in problems(capsys)["stage2"]


def test_an_update_records_the_correction_with_its_reason(frozen, capsys):
    core = frozen / "src" / "stage1_autodiff" / "core.py"
    core.write_text(core.read_text(encoding="utf-8") + "# x\n", encoding="utf-8")
    assert cli.main(["freeze", "--update", "1", "--why", " A comment\nmore. "]) == 0
    assert capsys.readouterr().out == "stage1: src/stage1_autodiff/core.py has changed\n"
    assert problems(capsys) == {"stage1": [], "stage2": []}
    head, second, first = (frozen / freeze.HISTORY).read_text(encoding="utf-8").split("\n- ")
    assert head == "# Changes of stage 1\n\nCorrections since the stage was recorded, newest first.\n"
    assert second[10:] == ": A comment more. (src/stage1_autodiff/core.py has changed)"
    assert first[10:].startswith(": Finished. (")
    assert first.endswith(" public names)\n")


def test_an_update_without_a_change_changes_nothing(frozen, capsys):
    before = {path: path.read_bytes() for path in frozen.iterdir() if path.is_file()}
    assert cli.main(["freeze", "--update", "1", "--why", "Nothing."]) == 0
    assert capsys.readouterr().out == "stage1: nothing has changed\n"
    assert {path: path.read_bytes() for path in frozen.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--update", "1"], "freeze: --update needs --why, the reason for the correction"),
        (["--update", "1", "--why", " "], "freeze: --update needs --why, the reason for the correction"),
        (["--update", "9", "--why", "x"], "unknown stage '9'"),
        (["--check", "--why", "x"], "--why is an option of --update"),
    ],
)
def test_usage_errors(folder, capsys, arguments, said):
    assert cli.main(["freeze", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / freeze.RECORD).exists()


def test_a_damaged_record_is_a_usage_error(frozen, capsys):
    with open(frozen / freeze.RECORD, "a", encoding="utf-8") as record:
        record.write("<<<<<<< HEAD\n")
    assert cli.main(["freeze", "--check"]) == 2
    assert "frozen.txt is damaged: expected `file PATH HASH` or" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import stage2_natural_code", "mentions stage2_natural_code"),
        ("y = F.add(x, x)", "mentions functions.add of stage2"),
        ('"""Clears with `Variable.cleargrad`."""', "mentions Variable.cleargrad of stage2"),
        ('"""Within `no_grad()` only."""', "mentions no_grad() of a later stage"),
        ('"""A node of the graph is added (`np.add(a, b)`), see step 12; x.grad; square(x)."""', None),
    ],
)
def test_what_belongs_to_a_later_stage_is_found(folder, text, problem):
    (folder / "steps" / "step99.py").write_text(text + "\n")
    assert list(freeze.too_early(STAGES[0])) == ([f"steps/step99.py {problem}"] if problem else [])


def test_a_function_may_get_parameters_but_not_lose_or_move_them():
    def before(x, axis=None, *, key=1): ...

    def more(x, axis=None, new=2, *, key=1): ...

    def moved(x, new=2, axis=None, *, key=1): ...

    def fewer(x, axis=None): ...

    def starred(*xs): ...

    assert [freeze.accepts(f, before) for f in (before, more, moved, fewer, starred)] == [
        True,
        True,
        False,
        False,
        True,
    ]
    assert freeze.accepts(None, before)
