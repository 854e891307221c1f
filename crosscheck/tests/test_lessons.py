"""Every change has a reason and every reason a change; and tests of the functions that find changes."""

import dataclasses
import json
import textwrap

import pytest

from crosscheck import cli, proof
from crosscheck.lessons import SELF_CONTAINED, Difference, Part, definitions, lessons, moved, parts
from crosscheck.stages import STAGES

LESSONS = [(stage, lesson) for stage in STAGES for lesson in lessons(stage)]
PARTS = [(stage, part) for stage in STAGES for part in parts(stage)]
THEORY = {5, 15, 24, 25, 27, 28, 29, 30, 31, 33, 37, 56}  # no code, or no new definitions: 24, 27-29, 33, 37


def named(found):
    return [f"step{one.step:02}" if hasattr(one, "step") else one.part for _, one in found]


# --- the proof ---


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_there_is_one_lesson_for_each_step(stage):
    assert [lesson.step for lesson in lessons(stage)] == list(stage.steps)


@pytest.mark.parametrize(("stage", "lesson"), LESSONS, ids=named(LESSONS))
def test_the_lesson_of_a_step_is_there_in_every_language(stage, lesson):
    assert lesson.titles.keys() == lesson.whys.keys() == set(proof.LANGUAGES) == {"zh", "ja"}


@pytest.mark.parametrize(("stage", "lesson"), LESSONS + PARTS, ids=named(LESSONS + PARTS))
def test_a_lesson_says_why(stage, lesson):
    assert list(proof.text_problems(lesson)) == []
    assert lesson.why.replace("e.g.", "").count(". ") >= 1
    assert isinstance(lesson, Part) or bool(lesson.names) == (lesson.step not in THEORY)


STEPS = [(stage, lesson) for stage, lesson in LESSONS if lesson.step <= SELF_CONTAINED]


@pytest.mark.parametrize(("stage", "lesson"), STEPS, ids=named(STEPS))
def test_a_lesson_names_exactly_what_its_step_changes(stage, lesson):
    assert list(proof.step_problems(stage, lesson)) == []
    assert bool(proof.whole(lesson.step)) == (lesson.step not in THEORY)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_lessons_and_parts_name_exactly_what_differs_from_the_stage_before(stage):
    assert list(proof.stage_problems(stage, lessons(stage), parts(stage))) == []


@pytest.mark.parametrize("stage", STAGES[:2], ids=["stage1", "stage2"])
def test_the_last_self_contained_step_holds_the_definitions_of_the_package(stage):
    assert list(proof.last_step_problems(stage)) == []


# --- the proof can fail ---


def without(text, name):
    return tuple(one for one in text if one != name)


def test_a_step_that_changes_more_or_less_than_its_lesson_names_is_found():
    stage, lesson = LESSONS[6]
    assert lesson.step == 7
    lacking = dataclasses.replace(lesson, adds=without(lesson.adds, "core.Variable.set_creator"))
    heading = "Step 7: Automating backpropagation"
    assert list(proof.step_problems(stage, lacking)) == [
        f"{heading}: adds Variable.set_creator, which its lesson does not name"
    ]
    more = dataclasses.replace(lesson, changes=(*lesson.changes, "core.Variable.__init__"))
    assert list(proof.step_problems(stage, more)) == [
        f"{heading}: its lesson names Variable.__init__, but the step changes nothing of that name"
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"title": " "}, "Step 1:  : expected a title and a text"),
        ({"why": ""}, "Step 1: A: expected a title and a text"),
        ({"why": "a " * 150}, None),
        ({"why": "a " * 151}, "Step 1: A: expected at most 150 words, got 151"),
        ({"why": "`x` and `y`.", "whys": {"ja": "`y` と `x`。"}}, None),
        (
            {"why": "`x` and `y`.", "whys": {"ja": "`x` と `z`。"}},
            "Step 1: A: expected the code of the English text in why.ja, not `y`, `z`",
        ),
    ],
)
def test_a_text_that_is_missing_too_long_or_translated_otherwise_is_found(change, problem):
    lesson = dataclasses.replace(LESSONS[0][1], **{"title": "A", "why": "B.", "whys": {}} | change)
    assert list(proof.text_problems(lesson)) == ([problem] if problem else [])


def test_definitions_without_a_lesson_and_lessons_without_a_definition_are_found():
    stage, found, beyond = STAGES[4], lessons(STAGES[4]), parts(STAGES[4])
    heading = next(part for part in beyond if part.part == "A12")
    kept = [part for part in beyond if part != heading]

    def said(found, beyond):
        return list(proof.stage_problems(stage, found, beyond))

    lost = said(found, kept)
    assert "stage5: optimizers.schedules.StepLR differs from the stage before, and no lesson names it" in lost
    assert all("optimizers.schedules." in problem for problem in lost)
    wrong = [
        heading,
        dataclasses.replace(heading, part="X"),
        Part("Y", "Nothing", "..."),
        Part("Z", "Wrong", "...", modules=("nowhere", "config"), definitions=("core.none",)),
    ]
    first = dataclasses.replace(found[0], adds=(*found[0].adds, "core.also_none"))
    problems = said([first, *found[1:]], [*beyond, *wrong])
    assert {
        f"{heading.heading}: expected a part of its own, got 'A12' again",
        "stage5: expected optimizers.schedules.StepLR in one part, got it in A12, A12, X",
        "Beyond the book, Y: Nothing: expected modules or definitions, got none",
        "Beyond the book, Z: Wrong: names core.none, which does not differ from the stage before",
        "Beyond the book, Z: Wrong: names nowhere, which is no module",
        "Beyond the book, Z: Wrong: names config, of which a step names config.test_mode: "
        "name single definitions instead",
        "stage5: a lesson names core.also_none, which does not differ from the stage before",
    } <= set(problems)


def test_a_package_that_differs_from_the_last_self_contained_step_is_found(monkeypatch):
    monkeypatch.setattr(proof, "step_definitions", lambda step: definitions("def square(x):\n    return x\n"))
    assert "stage1: square is not the same in step 10 and in the package" in proof.last_step_problems(STAGES[0])
    assert "stage1: Exp is not the same in step 10 and in the package" in proof.last_step_problems(STAGES[0])


def test_the_command_proves_it_and_counts_the_translations(capsys):
    assert cli.main(["lessons", "check"]) == 0
    assert "every definition has a lesson, and every lesson its definitions" in capsys.readouterr().out
    assert cli.main(["lessons", "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["stages"]
    assert [one["lessons"] for one in found] == [10, 14, 12, 15, 9]
    assert all(one["problems"] == [] for one in found)


def test_the_command_names_what_is_not_covered(capsys, monkeypatch):
    everything = proof.lessons
    monkeypatch.setattr(proof, "lessons", lambda stage: everything(stage)[:-1])
    monkeypatch.setattr(proof, "STAGES", STAGES[:1])
    assert cli.main(["lessons", "check"]) == 1
    out = capsys.readouterr().out
    assert "NOT COVERED: expected one lesson for each of the steps 1-10, got [1, 2, 3, 4, 5, 6, 7, 8, 9]" in out
    assert out.endswith("1 problem\n")


# --- definitions ---


def test_definitions_are_functions_classes_methods_and_assignments():
    source = textwrap.dedent('''
        import math
        LIMIT: int = 3
        a = b = 1

        @decorated
        def f(x):
            def inner(): ...
            return x

        class C(Base):
            """What it is."""
            kind = "c"
            def m(self): return 1
        ''')
    found = definitions(source, "mod")
    assert set(found) == {"mod.LIMIT", "mod.a", "mod.b", "mod.f", "mod.C", "mod.C.m"}
    assert found["mod.f"].startswith("@decorated\ndef f(x):")
    assert found["mod.C"] == 'class C(Base):\n    """What it is."""\n    kind = "c"'


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return 1", "return 2", {"C.m"}),
        ('"c"', '"d"', {"C"}),
        ("C(Base)", "C", {"C"}),
        ("return 1", "return  1", {"C.m"}),
    ],
)
def test_a_change_is_found_where_it_is(old, new, changed):
    source = 'class C(Base):\n    kind = "c"\n\n    def m(self):\n        return 1\n'
    difference = Difference.between(definitions(source), definitions(source.replace(old, new)))
    assert (difference.added, difference.changed, difference.removed) == (set(), changed, set())


def test_a_definition_has_moved_if_it_is_the_same_elsewhere_or_if_its_module_became_a_package():
    old = {"m.f": "f", "m.g": "g", "m.C": "C", "m.C.g": "g", "m.h": "h", "other.k": "k", "m.twice": "t", "stays.s": "s"}
    new = {
        "m.a.f": "f",
        "m.b.g": "g, changed",
        "m.a.C": "C",
        "m.a.C.g": "another g",
        "else.h": "h",
        "n.k": "k, changed",
    }
    new |= {"m.a.twice": "t", "m.b.twice": "t", "stays.s": "s", "m.a.s": "s"}
    assert moved(old, new) == {"m.f": "m.a.f", "m.g": "m.b.g", "m.C": "m.a.C", "m.C.g": "m.a.C.g", "m.h": "else.h"}
