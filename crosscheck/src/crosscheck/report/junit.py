"""The report as JUnit XML, which Jenkins, GitLab, GitHub and other services display: one test case per cell."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from xml.etree import ElementTree

import numpy as np

from .. import __version__
from ..cells import Cell
from . import Report, repeat_command

# Kinds of failures that JUnit calls errors: the cell gave no result that could be compared.
ERRORS = {"exception", "adapter", "missing", "hang", "died"}
# Characters that XML 1.0 cannot represent.
ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Element = ElementTree.Element


def junit(report: Report) -> str:
    """A test suite for each framework, and one for the run: whether it is complete, and covers every public name."""
    root = Element("testsuites", name="crosscheck")
    suites = [suite(root, name, report) for name in report.columns()]
    for each in suites:
        for cell in report.cells:
            if cell.framework == each.get("name"):
                each.append(cell_case(cell, report))
    run = suite(root, "run", report)
    if report.ended:
        text = f"{report.ended} after {len(report.cells)} of {report.expected} cells"
        add(case(run, "complete", "crosscheck.run"), "error", report.ended, [text])
    for text in report.uncovered:
        add(case(run, f"covered: {text}", "crosscheck.run"), "failure", "coverage", [text])
    if not len(run.findall("testcase")):
        case(run, "complete", "crosscheck.run")
    for each in [*suites, run]:
        count(each, each.iter("testcase"))
    count(root, root.iter("testcase"))
    del root.attrib["skipped"]  # the schema has it only in test suites
    root.set("time", f"{report.seconds:.3f}")
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def suite(root: Element, name: str, report: Report) -> Element:
    """An empty test suite with the properties of the run."""
    added = ElementTree.SubElement(root, "testsuite", name=clean(name))
    properties = ElementTree.SubElement(added, "properties")
    facts = {"seed": report.seed, "options": report.options, "crosscheck": __version__}
    facts |= {"python": platform.python_version(), "numpy": np.__version__, **report.frameworks}
    for key, value in facts.items():
        ElementTree.SubElement(properties, "property", name=clean(key), value=clean(str(value)))
    return added


def case(parent: Element | None, name: str, owner: str, seconds: float = 0.0) -> Element:
    """A test case that passed."""
    made = Element("testcase", name=clean(name), classname=clean(owner), time=f"{seconds:.4f}")
    if parent is not None:
        parent.append(made)
    return made


def cell_case(cell: Cell, report: Report) -> Element:
    """A cell: passed, skipped if the framework does not support it, or failed with all its failures."""
    owner = f"crosscheck.{cell.framework}.step{cell.computation.step:02}"
    made = case(None, cell.name, owner, cell.seconds)
    if cell.state == "unsupported":
        ElementTree.SubElement(made, "skipped", message=clean(cell.reason))
    elif not cell.ok:
        kinds = [failure.kind for failure in cell.failures] or ["failed"]
        lines = [f"{failure.kind}: {failure.text}" for failure in cell.failures]
        tag = "error" if kinds[0] in ERRORS else "failure"
        add(made, tag, kinds[0], [*lines, f"reproduce: {repeat_command(cell, report.options)}"])
    return made


def add(made: Element, tag: str, kind: str, lines: list[str]) -> None:
    """Add a failure or an error; the first line is its message."""
    found = ElementTree.SubElement(made, tag, type=clean(kind), message=clean(lines[0]))
    found.text = clean("\n".join(lines))


def count(element: Element, cases: Iterable[Element]) -> None:
    """Set the numbers of test cases, and their time in seconds."""
    cases = list(cases)
    found = {"tests": len(cases)}
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        found[name] = sum(made.find(tag) is not None for made in cases)
    for name, number in found.items():
        element.set(name, str(number))
    element.set("time", f"{sum(float(made.get('time', 0)) for made in cases):.3f}")


def clean(text: str) -> str:
    """Replace what XML cannot represent, such as control characters."""
    return ILLEGAL.sub("\ufffd", text)
