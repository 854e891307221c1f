"""Each step prints the output given in its comments and in the specification."""

import pytest

from crosscheck.lessons import step_path
from crosscheck.stages import STAGES
from crosscheck.steps import (
    APPENDICES,
    Oracle,
    check_oracles,
    check_step,
    expectations,
    match,
    oracles,
    run_script,
    same_line,
)

STEPS = [*[step for stage in STAGES for step in stage.steps], *APPENDICES]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_prints_the_expected_output(step):
    assert check_step(step) == []


def test_step_4_draws_its_figure(tmp_path):
    done = run_script(step_path(4), "--out", str(tmp_path / "figures"))
    assert done.returncode == 0
    assert (tmp_path / "figures" / "step04.png").read_bytes().startswith(b"\x89PNG")


def test_every_step_with_numbers_has_oracles():
    without_numbers = {5, 10, 15, 25, 30, 31, 32}  # theory; unittest's report, whose times vary
    assert {oracle.step for oracle in oracles()} == set(STEPS) - without_numbers


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance", "same"),
    [
        ("3.297442541400256", "3.2974425414002564", None, True),
        ("3.2974", "3.2975", None, False),
        ("3.2974", "3.2975", 1e-3, True),
        ("[1. 2.]", "[1. 2.]", None, True),
        ("[1. 2.]", "[1.  2.]", None, True),
        ("[1. 2.]", "[1. 3.]", None, False),
        ("float32", "float64", None, False),
        ("x -1.0", "x 1.0", None, False),
        ("nan inf", "nan inf", None, True),
        ("nan", "inf", None, False),
        ("Ran 3 tests in 0.5s", "Ran 3 tests in 0.001s", 0.9, True),
        ("Ran 2 tests in 0.5s", "Ran 3 tests in 0.001s", 0.9, False),
        ("0.0", "1e-12", None, False),
    ],
)
def test_lines_are_compared_by_text_and_number(actual, expected, tolerance, same):
    assert same_line(actual, expected, tolerance) is same


SCRIPT = """\
print(x)  # -> [[1 2]
#                [3 4]]
s = "# -> not a comment"
print(z)  # ~> 2.0 (0.5)
# -> ...
f()  # !> TypeError: no
"""


def test_comments_are_read_in_order():
    found = [(e.code, e.text, e.tolerance) for e in expectations(SCRIPT)]
    assert found == [
        ("print(x)", "[[1 2]", None),
        ("print(x)", "[3 4]]", None),
        ("print(z)", "2.0", 0.5),
        ("", "...", None),
        ("f()", "TypeError: no", None),
    ]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("[[1 2]\n [3 4]]\n2.1\na\nb\nTypeError: no", None),
        ("[[1 2]\n [3 4]]\n2.1\nTypeError: no", None),
        ("[[1 2]\n [3 5]]\n2.1\nTypeError: no", "line 2: printed ' [3 5]]'"),
        ("[[1 2]\n [3 4]]\n2.6\nTypeError: no", "line 4: printed '2.6'"),
        ("[[1 2]\n [3 4]]\n2.1\na", "line 6: 'TypeError: no' was never printed"),
        ("[[1 2]\n [3 4]]\n2.1\nTypeError: no\nmore", "unexpected output: 'more'"),
    ],
)
def test_output_is_matched_with_the_comments(output, problem):
    _, problems = match(expectations(SCRIPT), output)
    assert problems == [] if problem is None else problems[0].startswith(problem)


def test_an_oracle_is_found_by_its_line_of_code_and_compared():
    pairs, _ = match(expectations("print(x)  # -> 1.0\nprint(x)  # -> 2.0\n"), "1.0\n2.0\n")
    right = [Oracle(1, "print(x)", "1.0"), Oracle(1, "print(x)", "2.0")]
    assert check_oracles(pairs, right) == []
    assert "the specification has '3.0'" in check_oracles(pairs, [Oracle(1, "print(x)", "3.0")])[0]
    assert "no such line" in check_oracles(pairs, [*right, Oracle(1, "print(x)", "2.0")])[0]
