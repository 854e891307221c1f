"""The code in a README prints the output shown in its comments, and its links are valid."""

import pathlib
import re

import pytest

import crosscheck
from crosscheck.imports import graph, module_of
from crosscheck.lessons import module_names
from crosscheck.stages import STAGES
from crosscheck.steps import expectations, match, run_script

ROOT = pathlib.Path(crosscheck.__file__).parents[3]
TRANSLATIONS = {"zh": "自制框架", "ja": "ゼロから作るDeep Learning ❸ フレームワーク編"}  # what names the book
COLUMNS = [stage.folder / "docs" / "column.md" for stage in STAGES]
BOOKS = sorted({*(ROOT / "stage5_advanced" / "docs").glob("*.md")} - {*COLUMNS})
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *BOOKS, *COLUMNS]


def code(text):
    """The Python blocks of a text, joined: each continues those before it."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("folder", [ROOT, *(stage.folder for stage in STAGES)], ids=lambda folder: folder.name)
def test_the_code_in_a_readme_prints_the_output_shown(folder, tmp_path, monkeypatch):
    source = code((folder / "README.md").read_text(encoding="utf-8"))
    assert folder == ROOT or folder.name in source
    script = tmp_path / "readme.py"
    script.write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # a directory where it may write files
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    _, problems = match(expectations(source), done.stdout)
    assert problems == []


def commands(text):
    """The commands in blocks and tables, without their comments."""
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    tables = "\n".join(re.findall(r"^\| (`crosscheck.*?) \|", text, re.MULTILINE))
    found = [line.partition("#")[0] for line in blocks.splitlines() if line.startswith(("python ", "crosscheck "))]
    return sorted(" ".join(command.split()) for command in found + re.findall(r"`(.*?)`", tables))


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translated_readme_has_the_commands_and_the_code_of_the_english_one(language):
    english, translated = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", f"README.{language}.md"))
    assert commands(translated) == commands(english)
    assert len(commands(english)) > 15
    assert code(translated) == code(english)
    assert TRANSLATIONS[language] in translated
    assert all(f"(README.{other}.md)" in text for text in (english, translated) for other in {"zh", "ja"} - {language})


def test_commands_are_found_in_blocks_and_tables_without_their_comments():
    text = "```\npython -m x    # what\ncrosscheck run \\\n    -k y\n=== 1\n```\n"
    text += "| `crosscheck a 1`, `crosscheck b` | `c` |\n"
    assert commands(text) == ["crosscheck a 1", "crosscheck b", "crosscheck run -k y", "python -m x"]


@pytest.mark.parametrize(
    ("written", "run"),
    [*((stage, stage) for stage in STAGES), *((STAGES[1], later) for later in STAGES[2:])],  # of stage 2 also later
    ids=lambda stage: stage.name,
)
def test_the_programs_in_a_column_print_the_output_shown(written, run, capsys):
    source = code((written.folder / "docs" / "column.md").read_text(encoding="utf-8"))
    assert written.package in source
    exec(source.replace(written.package, run.package), {})  # in this process, which has imported PyTorch before
    expected = expectations(source)
    assert len(expected) >= 2
    _, problems = match(expected, capsys.readouterr().out)
    assert problems == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_readme_leads_to_the_column_after_its_stage(stage):
    assert "(docs/column.md)" in (stage.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", BOOKS, ids=lambda page: page.stem)
def test_the_code_in_the_page_of_a_book_prints_the_output_shown(page, tmp_path, monkeypatch):
    source = code(page.read_text(encoding="utf-8"))
    script = tmp_path / "page.py"
    script.write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    expected = expectations(source)
    assert len(expected) > 10
    _, problems = match(expected, done.stdout)
    assert problems == []


def test_the_example_of_tensors_prints_the_output_shown():
    script = ROOT / "stage5_advanced" / "examples" / "tensors.py"
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")
    _, problems = match(expectations(script.read_text(encoding="utf-8")), done.stdout)
    assert problems == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(path):
    text = path.read_text(encoding="utf-8")
    for target, anchor in re.findall(
        r"\]\(([^)#\s]*)#?([^)\s]*)\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    ):
        if not target.startswith(("http://", "https://")):
            page = (path.parent / target) if target else path
            assert page.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("folder", [ROOT, *(stage.folder for stage in STAGES)], ids=lambda folder: folder.name)
def test_a_readme_names_the_book(folder):
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "Deep Learning from Scratch 3" in " ".join(text.split())


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_readme_lists_every_file_after_those_it_imports(stage):
    section = (
        (stage.folder / "README.md").read_text(encoding="utf-8").partition("## The files")[2].partition("\n## ")[0]
    )
    listed = [module_of(path) for path in re.findall(r"^\| `([\w/]+\.py)`", section, re.MULTILINE)]
    files = module_names(stage)
    packages = {name for name, path in files.items() if path.name == "__init__.py"}
    needs = graph({name: path.read_text(encoding="utf-8") for name, path in files.items()})
    assert sorted(listed) == sorted(needs.keys() - packages)
    for n, module in enumerate(listed):
        assert needs[module] - packages <= set(listed[:n]), module


def test_only_python_blocks_are_run():
    assert code("a\n```\nx\n```\n```python\nprint(1)\n```\nb\n```python\nprint(2)\n```\n") == "print(1)\n\nprint(2)\n"
