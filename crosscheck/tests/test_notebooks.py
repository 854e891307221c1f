"""The notebook of each stage: its cells run, print what their comments show, and need nothing but the package."""

import ast
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

from crosscheck import steps
from crosscheck.stages import STAGES

stages = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def notebook(stage):
    return json.loads((stage.folder / "notebook.ipynb").read_text(encoding="utf-8"))


def code(stage):
    """The source of the code cells, by their ids."""
    return {c["id"]: "".join(c["source"]) for c in notebook(stage)["cells"] if c["cell_type"] == "code"}


def run(source, names):
    """Execute a cell as a notebook does; return the value of its last line, if it is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@stages
def test_a_notebook_is_of_plain_cells_without_outputs(stage):
    found = notebook(stage)
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in found["cells"]]
    assert len(ids) == len(set(ids)) > 10
    for cell in found["cells"]:
        assert set(cell) >= {"cell_type", "id", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    assert next(iter(code(stage))) == "install"
    others = {one.package for one in STAGES} - {stage.package}
    assert not any(re.search(rf"(import|from) {other}", source) for source in code(stage).values() for other in others)


@stages
def test_a_notebook_prints_what_its_comments_show(stage, capsys):
    state = np.random.get_state()
    names, shown, sources = {"__name__": "notebook"}, [], []
    try:
        for source in code(stage).values():
            shown.append(run(source, names))
            sources.append(source)
    finally:
        np.random.set_state(state)
    pairs, problems = steps.match(steps.expectations("\n".join(sources)), capsys.readouterr().out)
    assert problems == []
    assert len(pairs) >= 4
    variables = [value for value in shown if value is not None]
    drawable = shutil.which("dot") is not None
    assert len(variables) >= (stage.number > 2)
    assert all((value._repr_html_() is not None) == drawable for value in variables)


@stages
def test_a_notebook_installs_from_its_clone_or_from_the_address(stage, tmp_path, monkeypatch):
    commands, folder, source = [], stage.folder, code(stage)["install"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command[-1]))
    monkeypatch.chdir(folder)
    exec(source, {})
    monkeypatch.chdir(tmp_path)
    exec(source.replace('REPOSITORY = ""', 'REPOSITORY = "https://example.org/x.git"'), {})
    assert commands == [os.fspath(folder), f"git+https://example.org/x.git#subdirectory={stage.package}"]
    with pytest.raises(ValueError, match="set REPOSITORY to the address"):
        exec(source, {})
