"""Every change has a reason and every reason a change; and tests of the functions that find changes."""

import functools
import textwrap

import pytest

from crosscheck.lessons import (
    SELF_CONTAINED,
    Difference,
    definitions,
    lessons,
    module_names,
    moved,
    parts,
    short,
    stage_definitions,
    step_definitions,
)
from crosscheck.stages import STAGES

LESSONS = [(stage, lesson) for stage in STAGES for lesson in lessons(stage)]
THEORY = {5, 15, 24, 25, 27, 28, 29, 30, 31, 33, 37, 56}  # no code, or no new definitions: 24, 27-29, 33, 37
AWAY = ["Square", "Square.forward", "Square.backward", "square", "Exp", "Exp.forward", "Exp.backward", "exp"]
AWAY += ["numerical_diff"]  # steps 11 and 12 cannot differentiate and omit these, which is not a change


def whole(step):
    """The definitions of a step; those that steps 11 and 12 omit are as in step 10."""
    away = {name: step_definitions(10)[name] for name in AWAY} if step in (11, 12) else {}
    return away | step_definitions(step)


def before(stage):
    """The previous stage, or None."""
    return next((other for other in STAGES if other.number == stage.number - 1), None)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_there_is_one_lesson_for_each_step(stage):
    assert [lesson.step for lesson in lessons(stage)] == list(stage.steps)


@pytest.mark.parametrize(("stage", "lesson"), LESSONS, ids=lambda x: f"step{x.step:02}" if hasattr(x, "step") else "")
def test_a_lesson_says_why(stage, lesson):
    sentences = lesson.why.replace("e.g.", "").count(". ") + 1
    assert lesson.title
    assert 2 <= sentences <= 6
    assert bool(lesson.names) == (lesson.step not in THEORY)


@pytest.mark.parametrize(
    ("stage", "lesson"),
    [(stage, lesson) for stage, lesson in LESSONS if lesson.step <= SELF_CONTAINED],
    ids=lambda x: f"step{x.step:02}" if hasattr(x, "step") else "",
)
def test_a_lesson_names_exactly_what_its_step_changes(stage, lesson):
    earlier = next((step for step in range(lesson.step - 1, 0, -1) if step_definitions(step)), None)
    now = whole(lesson.step)
    if lesson.step in THEORY:
        assert now == {}
        return
    difference = Difference.between(whole(earlier) if earlier else {}, now)
    modules = module_names(stage)
    assert {short(name, modules) for name in lesson.adds} == set(difference.added)
    assert {short(name, modules) for name in lesson.changes} == set(difference.changed)
    assert {short(name, modules) for name in lesson.removes} == set(difference.removed)


@functools.cache
def changed_names(stage):
    """The names of the definitions that differ from the stage before; a definition that only moved does not differ."""
    earlier = before(stage)
    old, new = stage_definitions(earlier) if earlier else {}, stage_definitions(stage)
    homes = moved(old, new)
    difference = Difference.between({homes.get(name, name): text for name, text in old.items()}, new)
    return difference.added | difference.changed | difference.removed


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_lessons_of_a_stage_name_exactly_what_differs_from_the_stage_before(stage):
    changed = changed_names(stage)
    named = set().union(*(lesson.names for lesson in lessons(stage)))
    assert named <= changed
    found = parts(stage)
    beyond = {name for name in changed if any(part.includes(name) for part in found)}
    assert changed - named == beyond - named


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_what_is_beyond_the_book_is_in_exactly_one_part(stage):
    changed = changed_names(stage)
    named = set().union(*(lesson.names for lesson in lessons(stage)))
    modules = module_names(stage)
    everything, found = stage_definitions(stage), parts(stage)
    for part in found:
        assert part.title
        assert 1 <= len(part.why.split()) <= 150
        assert part.modules or part.definitions
        assert set(part.definitions) <= changed, "a definition that does not differ from the stage before"
        for module in part.modules:
            inside = {name for name in everything if name.startswith(f"{module}.")}
            assert module in modules
            assert not inside & named, f"a step names a definition of {module}: list single definitions instead"
    for name in changed:
        number = sum(part.includes(name) for part in found)
        assert number == 1 or (number == 0 and name in named), name


@pytest.mark.parametrize(("stage", "step"), [(STAGES[0], 10), (STAGES[1], 22)], ids=["stage1", "stage2"])
def test_the_last_self_contained_step_holds_the_definitions_of_the_package(stage, step):
    modules = module_names(stage)
    package = {short(name, modules): text for name, text in stage_definitions(stage).items()}
    package.pop("setup_variable", None)  # packaging, step 23
    assert step_definitions(step) == package


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
