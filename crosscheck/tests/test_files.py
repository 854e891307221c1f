"""Files that the user names: found wrong before the run, and written in full or not at all."""

import errno
import os
import pathlib
import stat
import sys
import tempfile
from xml.etree import ElementTree

import pytest

from crosscheck import UsageError, cli
from crosscheck.cells import Cell
from crosscheck.computations import all_computations
from crosscheck.coverage import Coverage
from crosscheck.files import write_text
from crosscheck.report import Report
from crosscheck.report.junit import junit
from crosscheck.report.out import attempt
from crosscheck.trial import Failure

COMPUTATIONS = {c.name: c for c in all_computations()}


NO_FILE = [
    ("", "expected the name of a file, got an empty string"),
    ("folder", "expected a file, got the folder folder"),
    ("file/below", "there is no folder file"),
    ("no/such/file", "there is no folder no/such"),
]
NO_FOLDER = [
    ("", "expected the name of a folder, got an empty string"),
    ("file", "expected a folder, got the file "),
    ("file/below", "expected a folder, got the file "),
]


@pytest.mark.parametrize(
    ("option", "target", "said"),
    [(option, *row) for option in ("--json", "--junit") for row in NO_FILE] + [("--html", *row) for row in NO_FOLDER],
)
def test_what_cannot_be_written_is_found_before_the_run(option, target, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(cli, "chosen_settings", lambda arguments: pytest.fail("the run began"))
    assert cli.main(["run", "-k", "square", option, target]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"crosscheck: {option}: {said}")
    assert error.count("\n") == 1


COMMANDS = [
    ["run", "--json", "x.json"],
    ["run", "--junit", "x.xml"],
    ["run", "--html", "x"],
    ["site", "x"],
    ["exercise", "1", "x"],
    ["hunt", "x"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_a_folder_that_takes_no_files_is_found_before_the_work(arguments, tmp_path, monkeypatch, capsys):
    def refuse(**_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(cli, "chosen_settings", lambda arguments: pytest.fail("the run began"))
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.endswith("read-only file system\n")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_an_error_in_one_line(tmp_path, capsys):
    (tmp_path / "stage1_autodiff").touch()  # where a folder is to be
    (tmp_path / "crosscheck.json").write_text('{"stage": 1}')
    assert cli.main(["exercise", "1", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"crosscheck: cannot use {tmp_path / 'stage1_autodiff'}")
    assert error.count("\n") == 1


def test_other_commands_check_their_file_too(capsys):
    assert cli.main(["faults", "--json", ""]) == 2
    assert capsys.readouterr().err == "crosscheck: --json: expected the name of a file, got an empty string\n"


def test_a_file_is_replaced_in_full(tmp_path):
    target = tmp_path / "report.txt"
    write_text(target, "old")
    write_text(target, "new: 高阶导数\n")
    assert target.read_text(encoding="utf-8") == "new: 高阶导数\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_a_failing_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "report.txt"
    write_text(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "new \ud800")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions, links and devices")
def test_a_file_keeps_its_mode_a_link_its_target_and_a_device_its_name(tmp_path):
    target, link = tmp_path / "report.txt", tmp_path / "link"
    target.touch()
    target.chmod(0o640)
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    write_text(pathlib.Path(os.devnull), "nothing")
    assert not pathlib.Path(os.devnull).is_file()


def test_if_one_file_fails_the_others_are_written():
    done = []

    def fail():
        raise UsageError("--json: disk full")

    with pytest.raises(UsageError, match="disk full"):
        attempt(fail, lambda: done.append("html"))
    assert done == ["html"]


# --- JUnit XML ---

# The schema that Jenkins and GitLab understand: element -> (required attributes, optional ones, children).
SCHEMA = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, {"disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time"},
        {"disabled", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name", "classname", "time"}, {"assertions", "status"}, {"skipped", "failure", "error"}),
    "skipped": ({"message"}, {"type"}, set()),
    "failure": ({"message", "type"}, set(), set()),
    "error": ({"message", "type"}, set(), set()),
}


def check_schema(element):
    required, optional, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.attrib
    assert {child.tag for child in element} <= children
    if element.tag in ("testsuite", "testsuites"):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            if attribute in element.attrib:
                assert int(element.get(attribute)) == sum(case.find(tag) is not None for case in cases)
    if element.tag == "testsuite":
        tags = [child.tag for child in element]
        assert tags == sorted(tags, key=["properties", "testcase"].index)
    if element.tag == "testcase":
        assert len(element) <= 1
    if "time" in required:
        assert float(element.get("time")) >= 0
    for child in element:
        check_schema(child)


def report_of(*cells, **options):
    frameworks = {cell.framework: f"{cell.framework} 1.0" for cell in cells}
    return Report(frameworks, 3, "--seed 3", len(cells), list(cells), 1.5, **options)


def parsed(report):
    root = ElementTree.fromstring(junit(report).encode())
    check_schema(root)
    return root, {case.get("name"): case for case in root.iter("testcase")}


def test_a_test_case_for_each_cell():
    square, log = COMPUTATIONS["square"], COMPUTATIONS["log"]
    failures = [Failure("torch", "value: 2 eps < 3 & \x1b[31mred\ud800"), Failure("stage", "not bit-equal")]
    root, cases = parsed(
        report_of(
            Cell(square, "stage1", "float64", distance=0.4, seconds=0.25),
            Cell(log, "stage1", "float64", state="unsupported", reason="missing: no log"),
            Cell(square, "stage2", "float64", state="failed", failures=failures),
            Cell(log, "stage2", "float64", state="failed", failures=[Failure("died", "SIGSEGV")]),
        )
    )
    assert len(cases["square/stage1/float64"]) == 0
    assert cases["square/stage1/float64"].get("time") == "0.2500"
    assert cases["square/stage1/float64"].get("classname") == "crosscheck.stage1.step02"
    assert cases["log/stage1/float64"].find("skipped").get("message") == "missing: no log"
    failure = cases["square/stage2/float64"].find("failure")
    assert (failure.get("type"), failure.get("message")) == ("torch", "torch: value: 2 eps < 3 & \ufffd[31mred\ufffd")
    assert "stage: not bit-equal\nreproduce: crosscheck show square/stage2/float64 --seed 3" in failure.text
    assert cases["log/stage2/float64"].find("error").get("type") == "died"
    properties = {p.get("name"): p.get("value") for p in root.find("testsuite").iter("property")}
    assert properties["seed"] == "3"
    assert properties["stage1"] == "stage1 1.0"
    assert len(cases["complete"]) == 0


def test_an_interrupted_run_and_an_uncovered_name_are_red():
    cell = Cell(COMPUTATIONS["square"], "stage1", "float64")
    report = report_of(cell, ended="terminated", coverage=Coverage({}, {}, ["stage1: no computation calls f"]))
    root, cases = parsed(report)
    assert cases["complete"].find("error").get("message") == "terminated after 1 of 1 cells"
    assert cases["covered: stage1: no computation calls f"].find("failure") is not None
    assert (root.get("errors"), root.get("failures")) == ("1", "1")


def test_run_writes_junit_xml(tmp_path, capsys):
    target = tmp_path / "junit.xml"
    assert cli.main(["run", "-k", "square and float64", "-n", "0", "--stages", "1", "--junit", str(target)]) == 0
    capsys.readouterr()
    root = ElementTree.parse(target).getroot()
    check_schema(root)
    assert [suite.get("name") for suite in root] == ["stage1", "torch", "run"]
