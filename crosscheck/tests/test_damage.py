"""Damaged files and stages: every command ends with status 2 and one line that names them, before the work begins."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from crosscheck import UsageError, cli, ledger
from crosscheck.faults import read_faults
from crosscheck.files import read_toml
from crosscheck.imports import parse
from crosscheck.ledger import Ledger
from crosscheck.lessons import lessons
from crosscheck.stages import STAGES, Stage

ROOT = pathlib.Path(__file__).parents[2]
COMMANDS = [
    ["run", "-k", "square_of_an_array", "--stages", "1", "-n", "0"],
    ["run", "-k", "square_of_an_array", "--stages", "1", "-n", "1"],
    ["show", "square/stage1/float64", "--stages", "1"],
    ["bench", "-k", "chain_of_100_squares", "--stages", "1"],
    ["list", "frameworks"],
    ["diff", "1", "2"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[:1] + command[-2:]))
def test_a_stage_with_a_syntax_error(tmp_path, command):
    broken = tmp_path / "repository" / "src" / "stage1_autodiff"
    shutil.copytree(STAGES[0].source, broken)
    shutil.copytree(STAGES[0].folder / "steps", tmp_path / "repository" / "steps")
    shutil.copy(STAGES[0].folder / "lessons.toml", tmp_path / "repository")
    core = broken / "core.py"
    core.write_text(core.read_text().replace("class Function:", "class Function("))
    source = (
        f"import sys; sys.path.insert(0, {str(broken.parent)!r}); from crosscheck.cli import main; sys.exit(main())"
    )
    (tmp_path / "broken.py").write_text(f"if __name__ == '__main__':\n    {source}")
    environment = {"PYTHONPATH": str(broken.parent), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "broken.py"), *command], capture_output=True, text=True, env=environment
    )
    assert done.stderr.count("\n") == 1, done.stderr
    assert "syntax" in done.stderr.lower()
    assert "core" in done.stderr
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[distance.exp]\nfloat64 = ", "is damaged: Invalid value"),
        ("distance = 3", "is damaged: expected tables"),
        ("[distance.exp]\nfloat64 = 'x'", "is damaged: expected tables"),
        ("[distance]\nexp = 0.5", "is damaged: expected tables"),
        ("[reason.exp]\nfloat64 = 1", "is damaged: expected tables"),
        ("\ud800", "is damaged: 'utf-8' codec can't decode"),
    ],
)
def test_a_damaged_baseline(tmp_path, text, said):
    path = tmp_path / "ledger.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=said):
        Ledger.read(path)


def test_the_baseline_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "ledger.toml"
    new = Ledger({"exp": {"float64": 0.5}}, {"exp": {"float64": 'a "reason" \U0001f600\n'}})
    new.write(path)
    again = Ledger.read(path)
    assert (again.distances, again.reasons) == (new.distances, new.reasons)
    before = path.read_bytes()
    monkeypatch.setattr(
        pathlib.Path, "write_bytes", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(UsageError, match="No space left"):
        Ledger({}, {}).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text",
    ["[[lesson]]\nstep = 1\n", "lesson = 3", "[[lesson", "x = 1"]
    + [f"[[lesson]]\nstep=1\ntitle=''\n{text}" for text in ("why=2", "why=''\nads=[]")],
)
def test_damaged_lessons(tmp_path, monkeypatch, text):
    (tmp_path / "lessons.toml").write_text(text)
    monkeypatch.setattr(Stage, "folder", tmp_path)
    with pytest.raises(UsageError, match=r"lessons\.toml is damaged: "):
        lessons(STAGES[0])


@pytest.mark.parametrize("text", ["[[fault]]\nstage = 1\n", "x = 1", "fault = 3", "[[fault", "[[fault]]\nsuprise = 1"])
def test_damaged_faults(tmp_path, text):
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"faults\.toml is damaged: "):
        read_faults(path)


def test_what_a_framework_prints_does_not_mix_with_the_json_of_show(tmp_path, capsys):
    framework = tmp_path / "loud.py"
    source = (ROOT / "crosscheck" / "examples" / "tiny.py").read_text().replace('name = "tiny"', 'name = "loud"')
    framework.write_text(f"print('at import')\n{source}")
    assert cli.main(["show", "square/loud/float64", "--framework", str(framework), "--stages", "1", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["cell"] == "square/loud/float64"
    assert "at import" in said.err


def test_a_missing_file_and_a_syntax_error_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.toml: No such file"):
        read_toml(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match="module core has a syntax error in line 2"):
        parse("x = 1\nx = = 2\n", "core")


def test_the_baseline_of_the_package_is_sound():
    assert Ledger.read(ledger.PATH).distances
