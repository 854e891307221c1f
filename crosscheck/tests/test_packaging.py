"""What is published: versions, licenses, wheels and source distributions."""

import configparser
import functools
import importlib
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest

import crosscheck
from crosscheck.stages import STAGES

ROOT = pathlib.Path(crosscheck.__file__).parents[3]
PROJECTS = {**{stage.package: stage.folder for stage in STAGES}, "crosscheck": ROOT / "crosscheck"}
DATA = {"stage4_neural_nets": ["digits.npz"], "stage5_advanced": ["datasets/digits.npz"]}
DATA["crosscheck"] = ["py.typed", "ledger.toml", "oracles.toml", "faults.toml"]
PAGES = ("index", "base", "computation", "coverage", "differences", "mutation", "training")
DATA["crosscheck"] += [f"report/templates/{name}.html.jinja" for name in PAGES]
DATA["crosscheck"] += ["report/templates/style.css", "report/templates/script.js"]
DATA["crosscheck"] += ["site/words.toml", "site/templates/site.js", "site/templates/player.js"]
DATA["crosscheck"] += ["site/coming_from/book.md", "site/recorded/step07.py", "site/wrong/ones.py"]

projects = pytest.mark.parametrize("name", PROJECTS)
of_wheels = pytest.mark.xdist_group("wheels")


def build(project, out, target):
    """Build with hatchling, which needs no network."""
    pytest.importorskip("hatchling", reason="pip install hatchling, which builds the packages")
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A function that builds the wheel of a project, once."""
    folder = tmp_path_factory.mktemp("wheels")
    return functools.cache(lambda name: build(PROJECTS[name], folder / name, "wheel"))


def contents(wheel):
    """name -> bytes of the files of a wheel; RECORD lists them differently."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@projects
def test_all_packages_have_the_version_of_the_change_log(name):
    newest = re.search(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert importlib.import_module(name).__version__ == newest[1]


@projects
def test_a_package_carries_the_license_and_the_notice_of_the_repository(name):
    project = tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "MIT"
    assert project["license-files"] == (
        ["LICENSE", "NOTICE"] if any("digits" in file for file in DATA.get(name, ())) else ["LICENSE"]
    )
    for file in project["license-files"]:
        assert (PROJECTS[name] / file).read_bytes() == (ROOT / file).read_bytes()


@of_wheels
@projects
def test_a_wheel_is_the_source_and_its_data(name, wheel):
    found = contents(wheel(name))
    source = PROJECTS[name] / "src"
    files = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"{name}/{file}" for file in DATA.get(name, ())} <= found.keys()
    for path in files:
        assert found.pop(path.relative_to(source).as_posix()) == path.read_bytes()
    assert {path.partition("/")[0].rpartition(".")[2] for path in found} == {"dist-info"}
    assert any(path.endswith("licenses/LICENSE") for path in found)


@of_wheels
@projects
def test_a_source_distribution_builds_the_same_wheel(name, wheel, tmp_path):
    with tarfile.open(build(PROJECTS[name], tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert {"LICENSE", "README.md", "src", "tests"} <= {path.name for path in unpacked.iterdir()}
    assert contents(build(unpacked, tmp_path / "theirs", "wheel")) == contents(wheel(name))


@of_wheels
def test_wheels_are_installed_and_work_without_the_repository(wheel, tmp_path):
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, *(str(wheel(name)) for name in PROJECTS)], check=True, capture_output=True)
    program = f"""
import importlib, importlib.metadata, pathlib, sys
sys.path.insert(0, {str(target)!r})
for name in {list(PROJECTS)!r}:
    module = importlib.import_module(name)
    assert pathlib.Path(module.__file__).is_relative_to({str(target)!r}), module.__file__
    assert importlib.metadata.version(name) == module.__version__
for name in {list(DATA)[:2]!r}:
    assert len(importlib.import_module(name).datasets.Digits()) == 1500
from crosscheck.cli import main
raise SystemExit(main(["list", "computations"]))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


# --- what is on the project's page ---


def environments():
    """The environments of tox that have a section of their own, and those of the stages."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    named = {section.removeprefix("testenv:") for section in config.sections() if section.startswith("testenv:")}
    return {name for name in named if "{" not in name} | {
        f"stage{n}{old}" for n in range(1, 6) for old in ("", "-numpy2.0")
    }


def test_workflows_install_tox_and_run_environments_that_exist():
    yaml = pytest.importorskip("yaml", reason="pip install pyyaml, which reads the workflows")
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    for path in workflows:
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            commands = [step["run"] for step in job["steps"] if "run" in step]
            assert commands.pop(0) == "python -m pip install tox"
            for command in commands:
                names = command.removeprefix("python -m tox run -e ").split(",")
                if names == ["${{ matrix.env }}"]:
                    names = job["strategy"]["matrix"]["env"]
                assert set(names) <= environments(), command


def test_the_hooks_are_those_of_the_tools():
    yaml = pytest.importorskip("yaml", reason="pip install pyyaml, which reads the hooks")
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    for hook in repo["hooks"]:
        assert hook["language"] == "system"  # the tools of constraints.txt
        for word in hook["entry"].split():
            assert not word.endswith(".py") or (ROOT / word).is_file(), word
