"""The code in each stage's README prints what stands beside it, as the steps do."""

import re

import pytest

from crosscheck.stages import STAGES
from crosscheck.steps import expectations, match, run_script


def code(text):
    """The blocks of Python in a text, one after the other: each goes on from those before it."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_readme_prints_what_it_says(stage, tmp_path, monkeypatch):
    source = code((stage.folder / "README.md").read_text(encoding="utf-8"))
    assert stage.package in source
    script = tmp_path / "readme.py"
    script.write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # where it may write files
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    _, problems = match(expectations(source), done.stdout)
    assert problems == []


def test_only_blocks_of_python_are_code():
    assert code("a\n```\nx\n```\n```python\nprint(1)\n```\nb\n```python\nprint(2)\n```\n") == "print(1)\n\nprint(2)\n"
