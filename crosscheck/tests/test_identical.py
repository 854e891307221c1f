"""A stage starts as a copy of the stage before, and what has no reason to change stays byte-identical.

test_lessons checks the definitions; this file checks the rest: comments, docstrings, imports, tests, steps.
"""

import itertools

import pytest

from crosscheck.diff import rest
from crosscheck.lessons import definitions
from crosscheck.stages import STAGES

PAIRS = list(itertools.pairwise(STAGES))
FACADES = {"__init__.py", "functions/__init__.py", "utils.py"}  # docstring and imports say what the stage exports
RETOLD = {  # tests that have the same name in a later stage but differ
    "stage4": {
        (
            "test_core.py",
            "test_a_backward_that_does_not_return_a_variable_is_reported_and_nothing_changes",
        ),  # may return None
        ("test_functions.py", "test_unary_value_and_dtype"),  # with parameters
    },
    "stage5": {
        ("test_datasets.py", "test_building_a_dataset_does_not_disturb_the_global_generator"),  # more datasets
        ("test_datasets.py", "test_datasets_can_be_pickled"),
    },
}


def pairs(chosen):
    return pytest.mark.parametrize(("before", "after"), chosen, ids=[after.name for _, after in chosen])


def shared(before, after, pattern="*.py"):
    """(name, text of the earlier file, text of the later one) of files with the same path."""
    for path in sorted(before.rglob(pattern)):
        name = path.relative_to(before).as_posix()
        if (after / name).is_file() and "__pycache__" not in path.parts:
            yield name, path.read_bytes(), (after / name).read_bytes()


def comments(source):
    """The comments that belong to no definition."""
    return [line for line in rest(source).splitlines() if line.lstrip().startswith("#")]


@pairs(PAIRS)
def test_a_source_file_with_the_same_definitions_is_the_same(before, after):
    for name, old, new in shared(before.source, after.source):
        same = old == new or name in FACADES or definitions(old.decode()) != definitions(new.decode())
        assert same, f"{after.name}: {name} differs from {before.name}'s, but none of its definitions does"
        assert comments(old.decode()) == comments(new.decode()), f"{after.name}: {name}"


@pairs(PAIRS)
def test_a_module_that_became_a_package_keeps_its_comments(before, after):
    for path in before.source.rglob("*.py"):
        package = after.source / path.relative_to(before.source).with_suffix("")
        if package.is_dir():
            kept = [line for file in package.glob("*.py") for line in comments(file.read_text())]
            assert set(comments(path.read_text())) <= set(kept), f"{after.name}: {path.name}"


@pairs(PAIRS[2:])  # before stage 3 gradients are arrays, so many tests differ
def test_a_test_of_the_same_name_is_the_same(before, after):
    for name, old, new in shared(before.folder / "tests", after.folder / "tests"):
        earlier, later = definitions(old.decode()), definitions(new.decode())
        for test in earlier.keys() & later.keys():
            if test.startswith("test_") and (name, test) not in RETOLD[after.name]:
                assert earlier[test] == later[test], f"{after.name}: tests/{name}: {test} differs from {before.name}'s"


@pairs(PAIRS)
def test_data_and_what_steps_share_are_the_same(before, after):
    for path in before.source.rglob("*.npz"):  # data may move to a package, together with the code that reads it
        (later,) = after.source.rglob(path.name)
        assert later.read_bytes() == path.read_bytes(), f"{after.name}: {path.name} differs from {before.name}'s"
    for name, old, new in shared(before.folder / "steps", after.folder / "steps", "*"):
        assert old == new, f"{after.name}: {name} differs from {before.name}'s"
