"""Mutation testing by machine: the operators, what is left out, and a sample of mutants."""

import contextlib
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
import types
from collections import Counter

import numpy as np
import pytest

from crosscheck import UsageError, cli
from crosscheck.mutation import judge as judge_module
from crosscheck.mutation import run
from crosscheck.mutation.judge import Judge, Verdict
from crosscheck.mutation.mutants import mutants, mutants_of
from crosscheck.mutation.operators import OPERATORS
from crosscheck.mutation.store import Store
from crosscheck.stages import STAGES
from crosscheck.workers import MEMORY, Again, workers

from .imported import imported, same_stages

all_mutants = functools.cache(mutants)  # which takes seconds
of_all_mutants = pytest.mark.xdist_group("mutants")
BACKWARD = "def backward(self, gy):\n    x, W = self.inputs\n    return {}\n"
EXAMPLES = [
    ("drop a factor", "y = 2 * x", ["y = 2", "y = x"]),
    ("drop a factor", "y = 2 * (a + b)", ["y = 2", "y = (a + b)"]),
    ("drop a factor", "y = a / b", ["y = a", "y = (1 / b)"]),
    ("drop a factor", "y = 1 / b", ["y = 1"]),
    ("drop a term", "y = a + b", ["y = a", "y = b"]),
    ("drop a term", "y = a - b", ["y = a", "y = (-b)"]),
    ("drop a term", "y = a or b or c", ["y = (b or c)", "y = (a or c)", "y = (a or b)"]),
    ("drop a statement", "check(x)", ["pass"]),
    ("drop a statement", "self.x = x", ["pass"]),
    ("drop a statement", "@cached\ndef f():\n    return 1", ["\ndef f():\n    return 1"]),
    ("drop a branch", "if a:\n    b()", ["if False:\n    b()", "if True:\n    b()"]),
    ("drop a branch", "y = a if c else b + 1", ["y = a", "y = (b + 1)"]),
    ("drop a branch", "with a, b:\n    c()", ["if True:\n    c()"]),
    ("drop a branch", "try:\n    a()\nexcept E:\n    b()", ["try:\n    a()\nexcept E:\n    raise"]),
    ("drop a branch", "y = [a for a in b if c]", ["y = [a for a in b if True]"]),
    ("drop a copy", "y = x.copy()", ["y = x"]),
    ("drop a copy", "y = np.array(x + 1, copy=True)", ["y = (x + 1)"]),
    ("drop a copy", "y = y + x", ["y += x"]),
    ("drop a call", "y = abs(x)", ["y = x"]),
    ("drop a call", "y = x.reshape(2, 3)", ["y = x"]),
    ("drop a call", "y = Exp()(x)", []),
    ("drop an argument", "y = x.sum(axis=0, keepdims=True)", ["y = x.sum(keepdims=True)", "y = x.sum(axis=0)"]),
    ("flip a sign", "y = -x", ["y = x"]),
    ("flip a sign", "y = (a) + (b)", ["y = (a) - (b)"]),
    ("flip a sign", "y += x", ["y -= x"]),
    ("flip a sign", BACKWARD.format("gx, gW"), [BACKWARD.format("-(gx), gW"), BACKWARD.format("gx, -(gW)")]),
    ("flip a comparison", "y = a < b", ["y = a <= b", "y = a >= b"]),
    ("flip a comparison", "y = a is not None", ["y = a is None"]),
    ("flip a comparison", "y = a and b", ["y = a or b"]),
    ("swap operands", "y = a - b", ["y = (b - a)"]),
    ("swap operands", "y = a + b", []),
    ("swap operands", "y = f('f', a, b)", ["y = f('f', b, a)"]),
    ("swap operands", "a, b = c", ["b, a = c"]),
    ("swap operands", BACKWARD.format("gx, gW"), [BACKWARD.format(s) for s in ("gx, gW", "gW, gx")]),
    ("wrong name", "def f(x0, x1):\n    return x0", ["def f(x0, x1):\n    return x1"]),
    ("wrong name", "y = x.max(axis=1)", ["y = x.min(axis=1)"]),
    ("wrong constant", "y = f(True, 3, 0.5)", ["y = f(False, 3, 0.5)", "y = f(True, 4, 0.5)", "y = f(True, 3, 1.0)"]),
    ("wrong constant", 'y = a == "sum"', ['y = a == "su"']),
    ("wrong constant", "y = x.sum(axis=None)", ["y = x.sum(axis=0)"]),
    ("off by one", "y = x[a:b]", ["y = x[a + 1:b]", "y = x[a:b + 1]"]),
    ("off by one", "y = range(a, b)", ["y = range(a, b - 1)"]),
    (
        "detach",
        BACKWARD.format("gy @ W.T"),
        [BACKWARD.format("type(gy)(gy.data) @ W.T"), BACKWARD.format("gy @ type(W)(W.data).T")],
    ),
]


@pytest.mark.parametrize(("operator", "text", "expected"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_operator(operator, text, expected):
    found = [m.text for m in mutants_of(3, "f.py", text) if m.operator == operator]
    if operator == "swap operands" and "backward" in text:
        expected = [text.replace("x, W =", "W, x ="), expected[1]]
    assert found == expected


@of_all_mutants
def test_every_operator_has_an_example_and_is_used_in_a_stage():
    assert {operator for operator, _, _ in EXAMPLES} == set(OPERATORS)
    assert {m.operator for m in all_mutants(STAGES[2])} == set(OPERATORS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('def f():\n    """Text."""', "a docstring"),
        ('raise ValueError("a" if b + 1 else "c")', "the text of an error or a warning"),
        ("def f():\n    y = g()\n    return y", "the only assignment of a name: without it only a NameError"),
        ("zip(a, strict=True)", "strict=True of zip, which guards against mistakes in the stage itself"),
        ("lru_cache(maxsize=3)", "the size of a cache"),
        ("y = x.reshape(-1, 5)", "the unknown length of a reshape, for which any negative number stands"),
        ("if rng.random() < p: f()", "a tie with a random number"),
    ],
)
def test_what_is_left_out_has_a_reason(text, reason):
    assert reason in {m.left_out for m in mutants_of(1, "f.py", text)}


def test_only_ties_with_random_numbers_are_left_out():
    found = {m.new.strip(): m.left_out for m in mutants_of(1, "f.py", "y = rng.random() < p") if "comp" in m.operator}
    assert found == {"<=": "a tie with a random number", ">=": ""}
    assert {m.left_out for m in mutants_of(1, "f.py", "f(f(x) < p)")} == {""}


@pytest.mark.parametrize(
    ("file", "definition", "left_out"),
    [
        ("functions/window_kernels.py", "f", True),
        ("functions/products.py", "blas", True),
        ("functions/products.py", "product", False),
        ("cuda.py", "fits", True),
        ("cuda.py", "as_numpy", False),
        ("prefetch.py", "uploading", True),
    ],
)
def test_what_only_a_gpu_executes_is_left_out(file, definition, left_out):
    found = list(mutants_of(5, file, f"def {definition}(x):\n    return x + 1"))
    assert {m.left_out == "what only a GPU executes" for m in found} == {left_out}


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("if cuda.gpu_enable and y:\n    x.f()", {True, False}),
        ("if cuda.gpu_enable or y:\n    x.f()", {True, False}),
        ("if cuda.gpu_enable:\n    x.f()\ny = x + 1", {True, False}),
        ("y = x + 1", {False}),
        ("if not is_on_gpu(x):\n    x.f()", {True, False}),
        ("x = y + 1 if cuda.is_on_gpu(y) else 2", {True, False}),
        ("x = (cuda.cupy if y > 1 else np).empty(z)", {True, False}),
        ("x = f(y) if y > 1 else cuda.cupy", {False}),
        ("x = on_device_of(y.data, z.data)", {True, False}),
        ("@cuda.on_gpu(f, integers=True)\ndef g(x): pass", {True}),
        ("@f(integers=True)\ndef g(x): pass", {False}),
    ],
)
def test_what_follows_a_condition_that_asks_for_a_gpu_is_left_out(text, left_out):
    found = list(mutants_of(5, "f.py", text))
    assert {m.left_out == "what only a GPU executes" for m in found} == left_out


@of_all_mutants
def test_a_mutant_differs_from_its_file_in_one_place_only():
    for stage in STAGES:
        folder = stage.source
        for mutant in all_mutants(stage)[::97]:
            text = (folder / mutant.file).read_text(encoding="utf-8")
            assert mutant.text != text
            assert mutant.text[: mutant.start] == text[: mutant.start] or not text.isascii()


@of_all_mutants
def test_the_names_of_mutants_are_different():
    for stage in STAGES:
        names = [m.name for m in all_mutants(stage)]
        assert len(set(names)) == len(names)


@of_all_mutants
def test_no_equivalent_mutant_is_stale():
    entries = tomllib.loads((run.PACKAGE / "survivors.toml").read_text(encoding="utf-8"))["equivalent"]
    existing = {stage.number: {name for m in all_mutants(stage) for name in (m.name, m.where)} for stage in STAGES}
    seen = Counter()
    for entry in entries:
        names = {name for key in ("mutants", "definitions") for name in entry.get(key, ())}
        stages = entry.get("stages", [])
        assert names <= set().union(*existing.values()), entry["reason"]
        assert all(names <= existing[stage] for stage in stages), entry["reason"]
        seen.update((name, stage) for name in names for stage in stages or existing)
    assert [listed for listed, times in seen.items() if times > 1] == []


def test_an_entry_can_be_of_some_stages_only(tmp_path):
    path = tmp_path / "survivors.toml"
    path.write_text("""
        [[equivalent]]
        reason = "why"
        mutants = ["f.py f: everywhere"]
        [[equivalent]]
        stages = [3, 4]
        reason = "the stage before has other bytes"
        mutants = ["f.py f: early"]
    """)
    assert [len(run.equivalent_mutants(stage, path)) for stage in range(1, 6)] == [1, 1, 2, 2, 1]


@pytest.mark.parametrize(
    ("found", "result", "reason"), [("survived", "equivalent", "why"), ("detected", "detected", "")]
)
def test_a_listed_definition_stands_for_its_survivors(monkeypatch, found, result, reason):
    mutant = all_mutants(STAGES[0])[0]
    monkeypatch.setattr(run, "equivalent_mutants", lambda _: {mutant.where: "why"})
    planter = types.SimpleNamespace(run=lambda chosen: [run.Result(m, Verdict(found)) for m in chosen])
    entry = run.StageResult(STAGES[0], 1, Counter())
    (only,) = run.results([entry], [mutant], lambda _: planter, False)
    assert (only.verdict.result, only.reason) == (result, reason)
    assert entry.wrongly_listed() == []


def test_a_listed_definition_stands_for_survivors_in_its_calls(monkeypatch):
    text = "def f(x):\n    return 1\n\ndef g(x):\n    return f(x + 1) * 2\n"
    found = [m for m in mutants_of(1, "f.py", text) if m.definition == "g"]
    monkeypatch.setattr(run, "equivalent_mutants", lambda _: {"f.py f": "why"})
    planter = types.SimpleNamespace(run=lambda chosen: [run.Result(m, Verdict("survived")) for m in chosen])
    results = list(run.results([run.StageResult(STAGES[0], 1, Counter())], found, lambda _: planter, False))
    equivalent = {r.mutant.diff.partition(" -> ")[2] for r in results if r.reason}
    assert equivalent == {f"return f({x}) * 2" for x in ("x", "1", "x - 1", "x + 2")}


def test_a_mutant_is_judged_and_the_sound_stage_stays_sound(monkeypatch):
    monkeypatch.setattr(judge_module, "LEAST", 1.0)
    judge = Judge(STAGES[0])
    text = (STAGES[0].source / "functions/elementwise.py").read_text(encoding="utf-8")
    judge.lines("square")  # the first run of a cell takes much longer, and a hang many times as long
    files, seconds = judge.lines("square")
    wrong = text.replace("return 2 * x * gy", "return 2 * x / gy")
    for _ in range(2):
        assert judge.judge("functions/elementwise.py", text, ["square"]) == Verdict("survived")
        assert judge.judge("functions/elementwise.py", wrong, ["square"]).result == "detected"
    hang = text.replace("return 2 * x * gy", "while True: pass")
    assert judge.judge("functions/elementwise.py", hang, ["square"]).result == "hangs"
    assert judge.judge("functions/elementwise.py", text + "!", ["square"]).result == "invalid"
    assert judge.judge("functions/elementwise.py", text + "\nimport numpi", ["square"]).result == "invalid"
    lines = text.splitlines()
    assert seconds > 0
    executed = {lines[line - 1].strip() for line in files["functions/elementwise.py"]}
    assert {"return x**2", "return 2 * x * gy"} < executed
    assert not any("np.exp" in line for line in executed)


def test_later_tests_do_not_meet_the_copy_of_a_judge():
    before = imported()
    with same_stages():
        Judge(STAGES[0])
        assert imported() != before
    assert imported() == before


def test_a_declared_difference_is_no_detection():
    judge, file = Judge(STAGES[3]), "optimizers.py"
    text = (STAGES[3].source / file).read_text(encoding="utf-8")
    names = [name for name, c in judge.computations.items() if "stage4" in c.differs and not c.raises]
    assert len(names) > 4
    assert judge.judge(file, text, names) == Verdict("survived")


def test_lines_are_recorded_although_a_cache_has_their_result():
    judge = Judge(STAGES[1])
    text = (STAGES[1].source / "core.py").read_text(encoding="utf-8").splitlines()
    for name in ("numpy_scalars_as_operands", "constants_are_read_only", "constants_are_read_only"):
        files, _ = judge.lines(name)
        assert any("return np.broadcast_to(np.array(x, dtype), ())" in text[line - 1] for line in files["core.py"])


def test_a_sample_of_mutants_is_detected_and_known_results_are_used(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    target = tmp_path / "result.json"
    options = ["faults", "--automatic", "--stages", "1,2", "--sample", "60", "--known", str(tmp_path / "known")]
    assert cli.main([*options, "--json", str(target)]) in (0, 1)
    first = json.loads(target.read_text())["stages"]
    assert sum(stage["mutants"] for stage in first.values()) == 60
    counts = Counter()
    for stage in first.values():
        counts += Counter({word: stage[word] for word in ("detected", "equivalent", "survived", "hangs", "invalid")})
    assert sum(counts.values()) == 60
    assert counts["survived"] + counts["hangs"] <= 1  # 98 % of them
    assert counts["detected"] >= 50
    cli.main([*options, "--json", str(target)])
    again = json.loads(target.read_text())["stages"]
    for stage in ("stage1", "stage2"):
        place = lambda result: (result["place"], result["diff"], result["operator"])  # noqa: E731
        assert sorted(first[stage]["results"], key=place) == sorted(again[stage]["results"], key=place)
    assert "mutation score" in capsys.readouterr().out


def test_what_decided_a_result_decides_whether_it_still_holds(tmp_path):
    planter = run.Planter(STAGES[0], Store(tmp_path / "known"), 1)
    version = planter.versions["square"]
    detected = {"result": "detected", "cell": "square/stage1/float64", "text": "", "seen": {"square": version}}
    survived = {"result": "survived", "cell": "", "text": "", "seen": {"square": version}}
    assert planter.holds(detected, ["square", "exp"])
    assert planter.holds(survived, ["square"])
    assert not planter.holds(survived, ["square", "exp"])  # a new computation executes the lines
    planter.versions["square"] = "another"
    assert not planter.holds(detected, ["square"])
    assert not planter.holds(survived, ["square"])
    assert planter.holds({"result": "invalid", "cell": "", "text": "", "seen": {}}, ["square"])


def test_a_damaged_file_of_results_is_an_error(tmp_path, capsys):
    path = tmp_path / "known"
    path.write_text("no database, but a text that is long enough to be taken for one" * 20)
    assert cli.main(["faults", "--automatic", "--stages", "1", "--known", str(path)]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_what_a_mutant_leaves_behind_does_not_end_the_run(monkeypatch):
    def red(*_):
        raise RuntimeError("square is red without a mutant")

    judge = Judge(STAGES[0])
    monkeypatch.setattr(judge.runner, "run_sound", red)
    text = (STAGES[0].source / "functions/elementwise.py").read_text(encoding="utf-8")
    assert judge.judge("functions/elementwise.py", text, ["square"]).result == "survived"
    modules = {name: sys.modules.get(name) for name in judge.modules}
    with pytest.raises(Again):
        judge.judge("functions/elementwise.py", text, ["square"])
    assert {name: sys.modules.get(name) for name in judge.modules} == modules


def test_a_new_process_answers_what_an_old_one_does_not(tmp_path):
    program = """
        import pathlib
        from crosscheck.workers import Again
        file = pathlib.Path("FILE")
        if not file.exists():
            file.touch()
            raise Again
    """
    program = textwrap.dedent(program).replace("FILE", (tmp_path / "asked").as_posix())
    with workers(1, functools.partial, (exec,), 60) as answers:
        assert list(answers([program, "None"])) == [(program, None), ("None", None)]
    assert (tmp_path / "asked").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory")
def test_a_worker_that_asks_for_too_much_memory_gets_an_error():
    with workers(1, functools.partial, (functools.partial(np.zeros, dtype=np.uint8),), 60) as answers:
        assert [len(zeros) for _, zeros in answers([(1000,)])] == [1000]
        with pytest.raises(UsageError, match="MemoryError"):
            list(answers([(MEMORY,)]))


@pytest.mark.skipif(sys.platform != "linux", reason="the processes are read from /proc")
@pytest.mark.parametrize("options", [["--automatic"], []], ids=["automatic", "by hand"])
def test_after_sigterm_no_process_is_left(tmp_path, options):
    known = ["--known", str(tmp_path / "known")] if options else []
    command = [sys.executable, "-m", "crosscheck", "faults", "--stages", "1", "-n", "2", *options, *known]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while len(descendants(process.pid)) < 4:  # a tracker, a server, two workers
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate()
    assert process.returncode == 143
    assert "terminated" in errors
    deadline = time.monotonic() + 60  # Python's own resource tracker ends a moment later
    while left := alive(process.pid):
        assert time.monotonic() < deadline, f"processes of group {process.pid} are left: {left}"
        time.sleep(0.1)


def descendants(pid):
    children = [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    with contextlib.suppress(FileNotFoundError):  # a child has ended
        children += [pid for child in children[:] for pid in descendants(child)]
    return children


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
