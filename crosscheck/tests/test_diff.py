"""Comparisons of stages and steps, and single steps, as text and as JSON."""

import io
import itertools
import json
import re
import subprocess
import sys

import pytest
from rich.console import Console

from crosscheck import UsageError, cli
from crosscheck import diff as diff_module
from crosscheck.changes import behaviors, higher_orders, interface, interface_of, slides
from crosscheck.diff import (
    DefinitionChange,
    FileChange,
    compare,
    compare_stages,
    compare_step,
    compare_steps,
    demonstration,
    file_change,
    in_order,
    rest,
    select,
)
from crosscheck.report.difference import print_comparison
from crosscheck.report.difference_pages import fenced, html, markdown
from crosscheck.report.hunks import rows
from crosscheck.stages import STAGES, Stage


@pytest.fixture
def crosscheck(capsys):
    """Run the command in this process: returns status, standard output, standard error."""

    def run(*arguments):
        try:
            status = cli.main(arguments)
        except SystemExit as stop:  # argparse
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


# --- two small stages ---

CORE = '''"""Core."""

LIMIT = 3


class Box:
    def a(self):
        return 1

    def b(self):
        return 2
'''
EARLY = {
    "core.py": CORE,
    "old.py": "def gone():\n    pass\n",
    "same.py": "def same():\n    pass\n",
    "__init__.py": "from .core import Box\n",
}
LATE = {
    "core.py": CORE.replace("Core", "The core").replace("3", "4").replace("return 1", "return 10"),
    "same.py": "def same():\n    pass\n",
    "config.py": "def fresh():\n    return 5\n",
    "data.bin": b"\xff\xfe\x00",
    "__init__.py": "from .config import fresh\nfrom .core import Box\n",
}
LESSONS = """
[[lesson]]
step = 11
title = "First"
why = "Why first."
adds = ["config.fresh"]
changes = ["core.Box.a"]

[[lesson]]
step = 12
title = "Second"
why = "Why second."
changes = ["core.Box.a"]
removes = ["old.gone"]
"""


class Pretended(Stage):
    """A stage in a folder written by the test."""

    root = None

    @property
    def source(self):
        return self.root / self.package / "src" / self.package

    @property
    def folder(self):
        return self.root / self.package


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """Small versions of stages 1 and 2; no lesson explains the constant core.LIMIT."""
    monkeypatch.setattr(Pretended, "root", tmp_path)
    found = [Pretended(1, "early", "early", 1, 10), Pretended(2, "late", "late", 11, 12)]
    for stage, files in zip(found, (EARLY, LATE), strict=True):
        stage.source.mkdir(parents=True)
        for name, content in files.items():
            (stage.source / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        (stage.folder / "lessons.toml").write_text(LESSONS if stage.number == 2 else "lesson = []\n")
    (found[1].source / "__pycache__").mkdir()
    (found[1].source / "__pycache__" / "core.pyc").write_bytes(b"")
    monkeypatch.setattr(diff_module, "STAGES", found)
    return found


def test_files_are_in_reading_order_with_their_state(pretended):
    assert list(compare_stages(*pretended).files) == [
        FileChange("config.py", "new", 2, 0),
        FileChange("core.py", "changed", 3, 3),
        FileChange("old.py", "removed", 0, 2),
        FileChange("same.py", "identical"),
        FileChange("__init__.py", "changed", 1, 0),
        FileChange("data.bin", "new"),
    ]


def test_definitions_follow_the_files_and_have_their_lessons(pretended):
    found = compare_stages(*pretended).definitions
    assert [(change.name, change.state, change.steps) for change in found] == [
        ("config.fresh", "new", (11,)),
        ("core.LIMIT", "changed", ()),
        ("core.Box.a", "changed", (11, 12)),
        ("old.gone", "removed", (12,)),
    ]


def test_a_definition_is_shown_under_the_last_of_its_lessons(pretended):
    chapters = compare_stages(*pretended).chapters()
    told = [
        (one.lesson and one.lesson.step, [d.name for d in one.shown], [d.name for d in one.later]) for one in chapters
    ]
    assert told == [
        (11, ["config.fresh"], ["core.Box.a"]),
        (12, ["core.Box.a", "old.gone"], []),
        (None, ["core.LIMIT"], []),
    ]


@pytest.fixture
def moved(pretended):
    """The second stage's core.py is now a package: Box in one file, changed, and LIMIT in another."""
    source = pretended[1].source
    (source / "core.py").unlink()
    (source / "core").mkdir()
    (source / "core" / "__init__.py").write_text("from .box import Box\nfrom .limit import LIMIT\n")
    (source / "core" / "box.py").write_text(
        '"""Box."""\n\n\nclass Box:\n    def a(self):\n        return 10\n\n    def b(self):\n        return 2\n'
    )
    (source / "core" / "limit.py").write_text('"""Limit."""\n\nLIMIT = 3\n\n\ndef beyond():\n    pass\n')
    with open(pretended[1].folder / "lessons.toml", "a") as lessons:
        lessons.write(
            '[[beyond]]\npart = "A1"\ntitle = "More"\nwhy = "Why more."\ndefinitions = ["core.limit.beyond"]\n'
        )
    return pretended


def test_a_definition_that_moved_is_compared_with_what_it_was(moved):
    found = compare_stages(*moved)
    changes = [(one.name, one.state, one.source, one.parts) for one in found.definitions if "core" in one.path]
    assert changes == [("core.box.Box.a", "changed", "core.py", ()), ("core.limit.beyond", "new", None, ("A1",))]
    assert [(one.name, one.state, one.source, one.path) for one in found.moved] == [
        ("core.box.Box", "moved", "core.py", "core/box.py"),
        ("core.box.Box.b", "moved", "core.py", "core/box.py"),
        ("core.limit.LIMIT", "moved", "core.py", "core/limit.py"),
    ]
    files = {one.path: (one.state, one.plus, one.minus) for one in found.files}
    assert files["core.py"] == ("moved", 0, 2)  # its docstring, and `return 1`
    assert files["core/box.py"] == ("moved", 2, 0)
    assert files["core/limit.py"] == ("moved", 3, 0)
    assert files["core/__init__.py"] == ("new", 2, 0)


def test_what_moved_and_what_is_beyond_the_book_is_printed(moved):
    out = Console(file=io.StringIO(), width=100)
    print_comparison(compare_stages(*moved), out)
    said = out.file.getvalue()
    assert "Moved to another file, unchanged\ncore.py -> core/box.py: Box\ncore.py -> core/limit.py: LIMIT\n" in said
    assert "core.box.Box.a  changed in core/box.py, moved from core.py" in said
    assert (
        "Beyond the book, A1: More\nWhy more.\nNew names: core.limit.beyond()\n\ncore.limit.beyond  new in core" in said
    )


def test_what_moved_and_what_is_beyond_the_book_is_data(moved):
    data = select(compare_stages(*moved), file="core/limit.py").as_json()
    assert data["moved"] == [{"name": "core.limit.LIMIT", "from": "core.py", "to": "core/limit.py"}]
    assert data["parts"] == [{"part": "A1", "title": "More", "why": "Why more."}]
    names = [(one["name"], one["parts"], one["moved_from"]) for one in data["definitions"]]
    assert names == [("core.limit.beyond", ["A1"], None)]


def test_text_outside_definitions_is_shown_too(pretended):
    around = {change.path: change for change in compare_stages(*pretended).around}
    assert around["__init__.py"].unified() == ["+from .config import fresh", " from .core import Box"]
    assert around["core.py"].unified() == ['-"""Core."""', '+"""The core."""']
    assert set(around) == {"__init__.py", "core.py"}


@pytest.mark.parametrize(
    ("options", "names", "lessons", "files"),
    [
        ({"file": "core.py"}, ["core.LIMIT", "core.Box.a"], [11, 12], ["core.py"]),
        ({"symbol": "Box.a"}, ["core.Box.a"], [11, 12], ["core.py"]),
        ({"symbol": "core.Box.a"}, ["core.Box.a"], [11, 12], ["core.py"]),
        ({"step": 11}, ["config.fresh", "core.Box.a"], [11], ["config.py", "core.py"]),
        ({"step": 12, "file": "old.py"}, ["old.gone"], [12], ["old.py"]),
    ],
)
def test_a_part_can_be_selected(pretended, options, names, lessons, files):
    part = select(compare_stages(*pretended), **options)
    assert [change.name for change in part.definitions] == names
    assert [lesson.step for lesson in part.lessons] == lessons
    assert [change.path for change in part.files] == files


def test_with_step_a_definition_is_shown_under_that_step_even_if_later_steps_change_it(pretended):
    (chapter,) = select(compare_stages(*pretended), step=11).chapters()
    assert [change.name for change in chapter.shown] == ["config.fresh", "core.Box.a"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"symbol": "ox.a"}, "nothing that differs between stage1 and stage2 matches --symbol ox.a"),
        ({"symbol": "Box.b"}, "nothing that differs"),
        ({"file": "ore.py"}, "matches --file ore.py"),
        ({"step": 9}, "--step 9: not a step between stage1 and stage2"),
    ],
)
def test_a_selection_without_matches_is_an_error(pretended, options, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        select(compare_stages(*pretended), **options)


def test_missing_and_broken_lessons_are_reported_in_one_line(pretended):
    lessons = pretended[1].folder / "lessons.toml"
    lessons.write_text("lesson = [")
    with pytest.raises(UsageError, match=r"lessons.toml is damaged"):
        compare_stages(*pretended)
    lessons.write_text('[[lesson]]\nstep = 11\ntitle = "no why"\n')
    with pytest.raises(UsageError, match="'why'"):
        compare_stages(*pretended)


def test_a_step_without_a_script_or_a_lesson_is_reported_in_one_line(pretended, monkeypatch):
    with pytest.raises(UsageError, match="unknown step 40; there is 1 to 12"):
        compare_steps(1, 40)
    monkeypatch.setattr(diff_module, "step_path", lambda step: pretended[0].folder / f"step{step}.py")
    with pytest.raises(UsageError, match="step 3 has no script"):
        compare_steps(3, 4)
    with pytest.raises(UsageError, match="step 4 has no lesson"):
        compare_step(4)


# --- pieces ---


def test_a_changed_definition_is_a_unified_diff_without_headers():
    before = "\n".join(f"line {n}" for n in range(40))
    change = DefinitionChange("f", "f.py", before, before.replace("line 2\n", "two\n").replace("line 38", "x"))
    lines = change.unified()
    assert [line for line in lines if line[0] in "+-@"] == ["-line 2", "+two", "@@", "-line 38", "+x"]
    assert not any(line.startswith(("---", "+++")) for line in lines)


def test_side_by_side_pairs_the_lines():
    found = [tuple(line and str(line) for line in row) for row in rows("a\nb\nc\nd", "a\nB\nd\ne")]
    assert found == [(" a", " a"), ("-b", "+B"), ("-c", None), (" d", " d"), (None, "+e")]
    far = rows("a\n" * 30 + "b", "c\n" + "a\n" * 30)
    assert [str(left) for left, _ in far].count("@@") == 1
    assert len(far) < 15


def test_lines_are_counted_in_long_repetitive_files():
    assert file_change("f.py", b"x\n" * 300 + b"y\n", b"z\n" + b"x\n" * 300) == FileChange("f.py", "changed", 1, 1)


def test_files_are_listed_after_those_they_import():
    before = {
        "a.py": b"from . import zebra\n",
        "zebra.py": b"",
        "data.bin": b"\xff",
        "__init__.py": b"from . import a\n",
    }
    after = {"core.py": b"def f():\n    from .functions import g\n", "functions/__init__.py": b"from .b import g\n"}
    after |= {"functions/b.py": b""}
    assert in_order(before, after) == [
        "functions/b.py",
        "functions/__init__.py",
        "core.py",
        "zebra.py",
        "a.py",
        "__init__.py",
        "data.bin",
    ]


SOURCE = '''"""Doc."""
import a

# a word
@deco
def f():
    # inside
    pass


class C:
    # of the class
    x = 1

    def m(self):
        pass


X = 1
C.x = X
f()
'''


def test_the_rest_is_all_text_outside_definitions():
    assert rest(SOURCE) == '"""Doc."""\nimport a\n# a word\n    # of the class\nC.x = X\nf()'
    assert rest(SOURCE, docstring=False) == "import a\n# a word\n    # of the class\nC.x = X\nf()"


# --- what it means ---


def changed(name, before, after, steps=()):
    return DefinitionChange(name, f"{name.split('.')[0]}.py", before, after, steps)


def test_public_names_and_signatures_that_change():
    found = interface(
        [
            changed("core.f", "def f(x):\n    pass", "def f(x, y=1):\n    pass"),
            changed("core.same", "def same(x):\n    return 1", "def same(x):\n    return 2"),
            changed("core.C", None, "class C(Base):"),
            changed("core.C.method", None, "    def method(self):\n        pass"),
            changed("core.B.method", None, "    @property\n    def method(self):\n        pass"),
            changed("core._hidden", None, "def _hidden():\n    pass"),
            changed("core.gone", "@cache\ndef gone(*, a):\n    pass", None),
            changed("core.LIMIT", None, "LIMIT = 3"),
            changed("ops.setup", "def setup():\n    V.__add__ = add", "def setup():\n    V.__mul__ = mul"),
        ]
    )
    assert [(one.state, str(one)) for one in found] == [
        ("changed", "core.f(x) -> (x, y=1)"),
        ("added", "core.C(Base)"),
        ("added", "core.B.method(self)"),
        ("removed", "core.gone(*, a)"),
        ("added", "core.LIMIT"),
        ("added", "V.__mul__"),
        ("removed", "V.__add__"),
    ]


def test_names_and_signatures_belong_to_the_lesson_that_changes_them():
    one_two, two_three, three_four = (compare(str(n), str(n + 1)) for n in (1, 2, 3))
    found = {
        one.lesson.step: [(api.state, str(api)) for api in interface_of(one)]
        for comparison in (one_two, two_three, three_four)
        for one in comparison.chapters()
    }
    assert ("changed", "core.Function.__call__(self, input) -> (self, inputs)") in found[11]
    assert ("changed", "core.Function.__call__(self, inputs) -> (self, *inputs)") in found[12]
    assert found[13] == [("added", "functions.arithmetic.Add.backward(self, gy)")]  # Square only pauses in steps 11, 12
    assert found[14] == [("added", "core.Variable.cleargrad(self)")]
    assert found[15] == found[16] == []
    assert ("changed", "core.Variable.backward(self) -> (self, retain_grad=False)") in found[18]
    assert ("added", "Variable._repr_html_") in found[26]
    assert ("added", "Variable.__rpow__") in found[34]
    assert [text for _, text in found[38] if text.startswith("Variable.")] == [
        "Variable.reshape",
        "Variable.transpose",
        "Variable.T",
    ]
    every = [api for step in found for api in found[step]]
    assert len(every) == len(set(every))
    alone = select(three_four, step=47).chapters()[0]  # the same if the other lessons are not there
    assert [(api.state, str(api)) for api in interface_of(alone)] == found[47]


def test_computations_that_turn_from_unsupported_to_supported(crosscheck):
    found = compare("2", "3")
    by_name = {one.computation: one for one in behaviors(found)}
    assert (by_name["eight_derivatives_of_tanh"].step, by_name["eight_derivatives_of_tanh"].after) == (35, "equal")
    assert by_name["gradient_of_a_gradient_without_a_graph"].after == "error"
    assert "goldstein_price" not in by_name  # stage 2 has it
    assert higher_orders(found) > 20
    assert higher_orders(compare("3", "4")) == higher_orders(compare("1", "2")) == 0
    assert {one.before for one in behaviors(compare("1", "2"))} == {"missing", "wrong"}
    out = " ".join(crosscheck("diff", "2", "3", "--step", "32")[1].split())  # lines are as wide as the terminal
    assert "Changed signatures: core.Variable.backward(self, retain_grad=False) -> (self, retain_grad=False, cr" in out
    assert "Computations that turn from unsupported to supported: graph_of_a_gradient" in out
    data = json.loads(crosscheck("diff", "2", "3", "--json")[1])
    assert {"name": "core.unrecorded(data)", "state": "added", "after": ""} in data["interface"]
    assert data["behavior"][0]["before"] in ("missing", "wrong")


# --- slides ---


def test_a_slide_has_ten_lines_of_what_changed():
    found = compare("2", "3")
    shown = {one.heading.partition(":")[0]: one for one in slides(found)}
    assert all(1 <= len(one.lines) <= 10 for one in shown.values())
    assert shown["Step 32"].name == "core.Variable.backward"
    assert any("create_graph" in str(line) and line.sign == "+" for line in shown["Step 32"].lines)
    (other,) = slides(compare("step15", "step16"))
    assert any("heappush" in str(line) for line in other.lines)


def test_a_slide_does_not_show_checks_of_the_input():
    checks = "\n".join(f"    if x < {n}:\n        raise ValueError(\n            'no'\n        )" for n in range(9))
    after = f"def f(x):\n{checks}\n    y = x * x\n    return y + 1"
    change = changed("core.f", None, after, (11,))
    lesson = diff_module.Lesson(11, "Squares", "It multiplies.", adds=("core.f",))
    (slide,) = slides(diff_module.Comparison("a", "b", (lesson,), (change,)))
    assert str(slide.lines[-1]) == "+    return y + 1"


def test_scripts_without_definitions_have_a_slide():
    (slide,) = slides(compare("step23", "step24"))
    assert len(slide.lines) == 10


# --- formats ---


def test_markdown(crosscheck):
    _, out, _ = crosscheck("diff", "1", "2", "--step", "16", "--format", "markdown")
    assert out.startswith("# stage1 -> stage2\n\n| file | state | lines |\n|---|---|---|\n| `core.py` | changed | +")
    assert "\n## Step 16: Complex computational graphs: implementation\n" in out
    assert "### `core.Variable.set_creator`\n\nchanged in `core.py`\n\n```diff\n     def set_creator(" in out
    assert out.count("```") % 2 == 0
    _, columns, _ = crosscheck("diff", "1", "2", "--step", "13", "--format", "markdown", "--side-by-side")
    assert "x = self.<del>input</del>.data" in columns
    assert "x = self.<ins>inputs[0]</ins>.data" in columns
    tables = re.findall(r"<table>.*?</table>", columns, re.DOTALL)
    assert tables
    assert not any("\n\n" in table for table in tables)  # a blank line would end it
    _, slide, _ = crosscheck("diff", "1", "2", "--step", "16", "--format", "markdown", "--slide")
    assert slide.startswith("# Step 16: ")
    assert len(slide.splitlines()) <= 4 + 12 + 1


def test_a_fence_is_longer_than_any_in_the_code():
    assert fenced(["a", "````"]) == ["`````diff", "a", "````", "`````", ""]


def test_html_is_one_page(crosscheck):
    _, out, _ = crosscheck("diff", "1", "2", "--step", "13", "--format", "html")
    assert out.startswith("<!doctype html>")
    assert not re.search(r'(src|href)="(?!data:)', out)
    assert "<b>" in out
    assert "Shown under the last step that changes it" not in out
    _, columns, _ = crosscheck("diff", "1", "2", "--step", "13", "--format", "html", "--side-by-side")
    assert '<table class="diff columns">' in columns
    found = compare("1", "2")
    assert 'class="slide"' in html(found, shown=slides(found))
    assert "<script" not in out


def test_what_moved_is_in_every_format(moved):
    found = compare_stages(*moved)
    assert "- `core.box.Box`, from `core.py`" in markdown(found)
    assert "changed in `core/box.py`, moved from `core.py`" in markdown(found)
    assert "<li><code>core.box.Box</code>, from <code>core.py</code></li>" in html(found)


def test_words_that_changed_are_reversed_in_a_color_terminal():
    out = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=120)
    print_comparison(select(compare("1", "2"), symbol="Square.backward"), out)
    assert "x = self.\x1b[0m\x1b[7;32minputs[0]\x1b[0m" in out.file.getvalue()


# --- the actual stages ---


def test_steps_7_and_8_differ_in_one_idea():
    found = compare("step07", "step8")
    assert [(change.name, change.state, change.steps) for change in found.definitions] == [
        ("Variable.backward", "changed", (8,))
    ]
    assert [lesson.step for lesson in found.lessons] == [8]


def test_a_theory_step_is_compared_as_the_step_before():
    found = compare("step04", "step06")
    assert found.definitions == tuple(
        change for change in compare_steps(5, 6).definitions if change.name in {d.name for d in found.definitions}
    )
    theory = compare("step04", "step05")
    assert theory.definitions == ()
    assert theory.notes == ("step 5 is theory and has no definitions; those of step 4 are compared",)


def test_names_of_lessons_are_shortened_for_steps():
    found = compare("step02", "step03")
    assert [(change.name, change.steps) for change in found.definitions] == [("Exp", (3,)), ("Exp.forward", (3,))]


@pytest.mark.parametrize(("before", "after"), list(itertools.pairwise(STAGES)))
def test_every_difference_between_stages_has_its_lesson(before, after):
    found = compare(before.name, str(after.number))
    assert [change.name for change in found.definitions if not (change.steps or change.parts)] == []


def test_a_step_that_imports_its_stage_is_compared_as_a_whole(crosscheck):
    status, out, _ = crosscheck("diff", "step23", "step24")
    assert status == 0
    assert "step24 imports stage2, so these are the whole scripts" in " ".join(out.split())
    assert "The whole scripts" in out
    assert re.search(r"^-import stage2_natural_code$", out, re.MULTILINE)
    with pytest.raises(UsageError, match="--file, --symbol, --step choose among definitions"):
        select(compare("step23", "step24"), symbol="goldstein")


def test_diff_prints_the_table_the_lesson_and_the_difference(crosscheck):
    status, out, err = crosscheck("diff", "1", "2", "--symbol", "Variable.set_creator")
    assert (status, err) == (0, "")
    assert re.search(r"core.py +│ changed │ \+\d+ -\d+", out)
    assert "identical" not in out
    assert out.index("core.py") < out.index("Step 16: ") < out.index("core.Variable.set_creator  changed in core.py")
    assert "\n+        self.generation = func.generation + 1" in out
    assert "\x1b[" not in out  # no colors in a pipe


def test_diff_names_the_other_lessons(crosscheck):
    _, out, _ = crosscheck("diff", "1", "2", "--symbol", "core.Function.__call__")
    (others,) = re.findall(
        r"^core.Function.__call__  changed in core.py, also in the lessons of steps (.*)$", out, re.M
    )
    assert len(others.split(", ")) == out.count("Shown under the last step that changes it: core.Function.__call__") > 2
    titles = re.findall(r"^Step (\d+): ", out, re.MULTILINE)
    assert len(titles) == len(set(titles))  # each reason once


def test_diff_side_by_side(crosscheck, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    _, out, _ = crosscheck("diff", "step07", "step08", "--side-by-side")
    assert re.search(r"^        f = self.creator +\| +funcs = \[\]$", out, re.MULTILINE)
    assert re.search(r"^ {49}>         while funcs:$|^.{48} [|>]         while funcs:$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 100


def test_diff_writes_json(crosscheck):
    status, out, _ = crosscheck("diff", "step06", "step07", "--json")
    data = json.loads(out)
    assert status == 0
    assert [lesson["step"] for lesson in data["lessons"]] == [7]
    by_name = {change["name"]: change for change in data["definitions"]}
    assert by_name["Variable.backward"]["state"] == "new"
    assert "+    grad = creator = None" in by_name["Variable"]["diff"]
    status, out, _ = crosscheck("diff", "1", "2", "--json")
    assert json.loads(out)["files"][0]["path"] == "config.py"


def test_diff_uses_colors_where_they_are_wanted(monkeypatch):
    command = [sys.executable, "-m", "crosscheck", "diff", "step07", "step08"]
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    colored = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"\x1b\[32m\+        (\x1b\[[\d;]*m)*funcs(\x1b\[[\d;]*m)* = ", colored)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert not re.search(r"\x1b\[[\d;]*3\dm", plain)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2", "1"], "diff: expected an earlier and a later stage, got stage2 and stage1"),
        (["1", "1"], "diff: expected an earlier and a later stage, got stage1 and stage1"),
        (["step08", "step07"], "diff: expected an earlier and a later step, got 8 and 7"),
        (["1", "step07"], "diff: expected two stages or two steps, got 1 and step07"),
        (["1", "99"], "unknown stage '99'; there is stage1"),
        (["1", "1,2"], "diff: expected one stage, got '1,2'"),
        (["step01", "step99"], "unknown step 99; there is 1 to "),
        (["step00", "step01"], "unknown step 0; there is 1 to "),
    ],
)
def test_an_invalid_comparison_is_reported_in_one_line(crosscheck, arguments, said):
    status, out, err = crosscheck("diff", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"crosscheck: {said}")
    assert err.count("\n") == 1


# --- step ---


def test_step_shows_lesson_differences_script_and_output(crosscheck):
    status, out, _ = crosscheck("step", "step07")
    assert status == 0
    parts = ["Step 7: ", "Variable.set_creator  new", "The script\nA = Square()", "What it prints\n3.297442541400256\n"]
    assert [out.index(part) for part in parts] == sorted(out.index(part) for part in parts)
    assert "\n    def set_creator(self, func):\n" in out  # new, so shown in full and without signs
    assert "class Square" not in out  # unchanged, and above the demonstration
    status, out, _ = crosscheck("step", "7", "--no-run")
    assert (status, "What it prints" in out) == (0, False)


def test_step_1_is_all_new():
    assert {change.state for change in compare_step(1).definitions} == {"new"}


def test_a_theory_step_prints_its_docstring(crosscheck):
    _, out, _ = crosscheck("step", "5")
    assert '"""Step 5: the theory of backpropagation.' in out
    assert "What it prints\nStep 5: the theory of backpropagation." in out


def test_a_later_step_is_shown_in_full_with_the_definitions_of_its_lesson(crosscheck):
    found = compare_step(23)
    assert (found.before, found.after) == ("stage1", "stage2")
    assert "operators.setup_variable" in {change.name for change in found.definitions}
    assert all(23 in change.steps for change in found.definitions)
    assert demonstration(23).startswith('"""Step 23')


def test_step_as_json_and_a_step_that_fails(crosscheck, monkeypatch, tmp_path):
    _, out, _ = crosscheck("step", "7", "--json")
    data = json.loads(out)
    assert (data["step"], data["stage"], data["status"]) == (7, "stage1", 0)
    assert data["output"].startswith("3.297442541400256")
    broken = tmp_path / "step07.py"
    broken.write_text("print(1)\nraise SystemExit(4)\n")
    monkeypatch.setattr(diff_module, "run_script", lambda path: subprocess.CompletedProcess([], 4, "1\n", "bad\n"))
    status, out, _ = crosscheck("step", "7")
    assert status == 1
    assert out.endswith("1\nbad\nit ended with status 4\n")


def test_the_lesson_can_be_read_while_the_step_runs(crosscheck, monkeypatch, capsys):
    shown = []

    def run_script(path):
        shown.append(capsys.readouterr().out)
        return subprocess.CompletedProcess([], 0, "3.3\n", "")

    monkeypatch.setattr(diff_module, "run_script", run_script)
    _, out, _ = crosscheck("step", "7")
    assert "The script" in shown[0]
    assert out.split() == ["What", "it", "prints", "3.3"]


@pytest.mark.parametrize(("step", "said"), [("99", "unknown step 99"), ("x", "step: 'x' is not a number such as 32")])
def test_an_unknown_step(crosscheck, step, said):
    status, out, err = crosscheck("step", step)
    assert (status, out) == (2, "")
    assert err.startswith(f"crosscheck: {said}")


def test_a_step_that_does_not_finish_is_stopped(crosscheck, monkeypatch):
    def forever(path):
        raise subprocess.TimeoutExpired("python", 300)

    monkeypatch.setattr(diff_module, "run_script", forever)
    status, _, err = crosscheck("step", "7")
    assert status == 2
    assert "step 7 was stopped after 300 s; use --no-run" in err
