"""The command line."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import errno
import io
import os
import pathlib
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import UsageError, ledger
from .computations import DTYPES, Computation, all_computations
from .coverage import coverage, raises_of
from .ending import ended_early
from .files import check_file, check_folder
from .frameworks import load_stage, load_torch
from .ledger import Ledger
from .matrix import Settings, rows
from .options import parser, play_options
from .pool import Alone, Pool, begin
from .report import Report
from .report.out import attempt, console, output, print_table, track, write, write_json
from .report.terminal import print_report
from .stages import STAGES, one_stage, parse_stages

OPTIONS = {"expression": "-k", "name": "NAME", "cell": "CELL", "step": "N", "script": "SCRIPT", "A": "A", "B": "B"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Exit status: 0 if everything is as declared, 1 if something failed, 2 for a usage error."""
    prepare_streams()
    with ended_early() as ending:
        try:
            try:
                arguments = parser(COMMANDS).parse_args(argv)
                check_options(arguments)
                return int(arguments.command(arguments))
            finally:
                sys.stdout.flush()
        except UsageError as error:
            print(f"crosscheck: {' '.join(str(error).split())}", file=sys.stderr)
            return 2
        except OSError as error:
            if error.filename:  # a file that the user named, or one of crosscheck's in their folders
                print(f"crosscheck: cannot use {error.filename}: {error.strerror}", file=sys.stderr)
                return 2
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes it at its end
            if error.errno == errno.EPIPE:  # `crosscheck run | head`
                return 1
            print(f"crosscheck: cannot write the output: {error.strerror}", file=sys.stderr)
            return 2
    print(f"crosscheck: {ending.word}", file=sys.stderr)
    return ending.status


def prepare_streams() -> None:
    """Make every text printable: on closed streams, and where an encoding lacks a character."""
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def check_options(arguments: argparse.Namespace) -> None:
    """Raise UsageError before the work begins if an option is empty, or a file or folder cannot be written."""
    for name, value in vars(arguments).items():
        if value == "" and name not in ("json", "junit", "html"):  # whose errors say more
            raise UsageError(f"{OPTIONS.get(name, f'--{name}')}: expected a value, got an empty string")
    files = {name: getattr(arguments, name, None) for name in ("json", "junit")}
    for name, target in files.items():
        if target is not None:
            check_file(target, f"--{name}")
    if files["json"] is not None and files["json"] == files["junit"]:
        raise UsageError(f"--junit: expected another file than that of --json, got {files['junit']}")
    if getattr(arguments, "html", None) is not None:
        check_folder(arguments.html, "--html")
    if getattr(arguments, "update_ledger", False):
        check_file(str(ledger.PATH), "--update-ledger")


# --- run ---


def chosen_settings(arguments: argparse.Namespace) -> Settings:
    """The settings of a run. Raises UsageError if the options contradict each other or a stage is not installed."""
    on_gpu = arguments.device == "cuda"
    custom = bool(arguments.framework)
    if arguments.stages == "none" and custom:
        stages = []
    else:
        stages = parse_stages(arguments.stages) if arguments.stages else STAGES[-1:] if on_gpu else STAGES
    if on_gpu and (arguments.without_torch or arguments.framework or STAGES[-1] not in stages):
        raise UsageError(f"--device cuda compares {STAGES[-1].name} with PyTorch; no --without-torch, --framework")
    missing = [stage for stage in stages if not stage.installed()]
    if missing:
        packages = " ".join(f"-e ./{stage.package}" for stage in missing)
        names = ", ".join(stage.name for stage in missing)
        if arguments.stages or not custom:
            raise UsageError(f"not installed: {names}; python -m pip install {packages}")
        print(f"crosscheck: not installed, so not compared: {names}", file=sys.stderr)
        stages = [stage for stage in stages if stage not in missing]
    if arguments.hybrid and (on_gpu or not STAGES[-1].installed()):
        raise UsageError(f"--hybrid is {STAGES[-1].name} on the CPU; no --device cuda")
    return Settings(
        tuple(stages),
        tuple(arguments.framework),
        not arguments.without_torch,
        arguments.device,
        arguments.seed,
        hybrid=arguments.hybrid,
    )


def repeat_options(arguments: argparse.Namespace) -> str:
    """The options that affect what a cell computes, for the command that reproduces it."""
    words = [word for path in arguments.framework for word in ("--framework", str(path))]
    words += ["--device", "cuda"] if arguments.device == "cuda" else []
    words += ["--seed", str(arguments.seed)] if arguments.seed else []
    words += ["--without-torch"] if arguments.without_torch else []
    words += ["--hybrid"] if arguments.hybrid else []
    return shlex.join(words)


def chosen_dtypes(given: str | None) -> list[str]:
    """The dtypes of `--dtype`, float64 first; all without it. Raises UsageError for an unknown one."""
    dtypes = sorted({word.strip() for word in (given or ",".join(DTYPES)).split(",")}, reverse=True)
    unknown = [dtype for dtype in dtypes if dtype not in DTYPES]
    if unknown:
        raise UsageError(f"unknown dtype {unknown[0]!r}; there is {', '.join(DTYPES)}")
    return dtypes


def check_ledger_options(arguments: argparse.Namespace, in_part: bool) -> None:
    """Raise UsageError for options that do not go with `--update-ledger`."""
    if arguments.reason and not arguments.update_ledger:
        raise UsageError("--reason is an option of --update-ledger")
    if arguments.update_ledger and (in_part or arguments.seed or arguments.without_torch or arguments.quick):
        raise UsageError(
            "--update-ledger needs a full run: "
            "no --stages, --dtype, --device, --framework, --hybrid, --seed, --without-torch, --quick"
        )


def chosen_mutants(arguments: argparse.Namespace) -> Mapping[str, Any] | None:
    """The results of `--mutation`. Raises UsageError without `--html`, or for another file."""
    if not arguments.mutation:
        return None
    if not arguments.html:
        raise UsageError("--mutation is an option of --html")
    from .report.lists import read_mutants  # imported late: few runs need it

    return read_mutants(arguments.mutation)


def run_command(arguments: argparse.Namespace) -> int:
    dtypes = chosen_dtypes(arguments.dtype)
    settings = chosen_settings(arguments)
    in_part = bool(arguments.stages or arguments.framework or arguments.hybrid or arguments.device != "cpu")
    in_part = in_part or len(dtypes) < len(DTYPES)
    narrowed = arguments.expression or in_part
    check_ledger_options(arguments, in_part)
    mutants = chosen_mutants(arguments)
    settings = dataclasses.replace(
        settings,
        baseline=not arguments.update_ledger,
        quick=arguments.quick,
        time_limit=arguments.time_limit,
        details=bool(arguments.html),
    )
    if arguments.n:
        begin(settings.torch)
    computations = all_computations()
    raises = {} if narrowed else raises_of(settings.stages)
    with contextlib.closing(Pool(settings, arguments.n) if arguments.n else Alone(settings)) as pool:
        one = arguments.quick and not arguments.dtype
        todo = rows(pool.columns, computations, dtypes, arguments.expression, one)
        if not todo:
            raise UsageError(f"no cell matches -k {arguments.expression!r}; see crosscheck list computations")
        names = [name for row in todo for name in row.names()]
        report = Report(
            {c.label: c.version for c in pool.columns}, arguments.seed, repeat_options(arguments), len(names)
        )
        report.settings = {c.label: c.settings for c in pool.columns if c.settings}
        heavy_first = sorted(todo, key=lambda row: (not row.heavy, -row.computation.step))
        start = time.perf_counter()
        with ended_early() as ending:
            report.cells.extend(track(pool.run(heavy_first), len(names), lambda cell: cell.name, "cells"))
            if not narrowed:
                scopes = {c.label: c.scope for c in pool.columns if c.scope}
                report.coverage = coverage(scopes, report.cells, known=raises)
        report.seconds, report.ended = time.perf_counter() - start, ending.word
    place = {name: i for i, name in enumerate(names)}
    report.cells.sort(key=lambda cell: place[cell.name])
    write_reports(report, arguments, mutants)
    if arguments.update_ledger and report.ok:
        update_ledger(report, arguments.reason, complete=not narrowed)
    return report.status


def write_reports(report: Report, arguments: argparse.Namespace, mutants: Mapping[str, Any] | None) -> None:
    """Print the report and write its files. If one cannot be written, the others are."""
    if arguments.json != "-":
        print_report(report, console())
    steps: list[Callable[[], object]] = []
    if arguments.json:
        steps.append(lambda: write_json(report.as_json(), arguments.json))
    if arguments.junit:
        from .report.junit import junit

        steps.append(lambda: write(junit(report), arguments.junit, "--junit"))
    if arguments.html:
        from .report.html import write_html  # jinja2 and pygments are for pages only

        def pages() -> None:
            place = write_html(report, pathlib.Path(arguments.html), mutants)
            if arguments.json != "-":
                print(f"report: {place}")

        steps.append(pages)
    attempt(*steps)


def update_ledger(report: Report, reason: str | None, complete: bool) -> None:
    """Record the largest distance of the stages, by computation and dtype.

    If not every cell was run (-k), only add entries, of computations that ran in every stage.
    """
    measured: dict[tuple[str, str], list[float]] = {}
    names = [stage.name for stage in STAGES]
    ran = Counter((cell.computation.name, cell.dtype) for cell in report.cells if cell.framework in names)
    for cell in report.cells:
        key = cell.computation.name, cell.dtype
        if cell.framework in names and cell.state == "equal" and cell.distance is not None and ran[key] == len(names):
            measured.setdefault(key, []).append(cell.distance)
    largest = {key: max(distances) for key, distances in measured.items()}
    ledger = Ledger.read()
    raised = ledger.update(largest, reason) if complete else ledger.add(largest)
    if raised:
        raise UsageError(
            "the tolerance baseline is unchanged; these entries would grow, give a --reason: " + "; ".join(raised)
        )
    ledger.write()


# --- list, show, rosetta ---


def list_command(arguments: argparse.Namespace) -> int:
    columns, lines = {
        "frameworks": list_frameworks,
        "computations": list_computations,
        "steps": list_steps,
    }[arguments.what]()
    data = [dict(zip(columns, line, strict=True)) for line in lines]
    output(data, arguments.json, lambda: print_table("", columns, lines))
    return 0


def list_frameworks() -> tuple[list[str], list[list[str]]]:
    lines = []
    for stage in STAGES:
        version = load_stage(stage).version() if stage.installed() else "not installed"
        lines.append([stage.name, f"steps {stage.first_step}-{stage.last_step}: {stage.title}", version])
    try:
        lines.append(["torch", "the reference", load_torch().version()])
    except UsageError as error:
        lines.append(["torch", "the reference", str(error)])
    return ["framework", "what", "version"], lines


def list_computations() -> tuple[list[str], list[list[str]]]:
    def order(c: Computation) -> str:
        return "error" if c.raises else str(c.order)

    lines = [[str(c.step), c.name, f"stage{c.since}", order(c), c.doc] for c in all_computations()]
    return ["step", "computation", "since", "order", "what"], lines


def list_steps() -> tuple[list[str], list[list[str]]]:
    from .lessons import lessons

    lines = [
        [str(lesson.step), stage.name, lesson.title, ", ".join(sorted(lesson.names))]
        for stage in STAGES
        for lesson in lessons(stage)
    ]
    return ["step", "stage", "title", "definitions"], lines


def show_command(arguments: argparse.Namespace) -> int:
    from .show import as_text, parse_cell, show

    with contextlib.redirect_stdout(sys.stderr):  # output of a framework must not mix with `--json`
        runner = chosen_settings(arguments).runner()
        cell = parse_cell(arguments.cell, all_computations(), runner.frameworks)
        shown = show(runner, *cell, repeat_options(arguments))
    output(shown, arguments.json, lambda: print(as_text(shown)))
    return 0 if shown["state"] != "failed" else 1


def rosetta_command(arguments: argparse.Namespace) -> int:
    from .rosetta import as_json, find, rosetta, similar

    rows = rosetta()
    found = rows if arguments.name is None else find(rows, arguments.name)
    if not found:
        close = similar(rows, arguments.name)
        advice = f"similar: {', '.join(close)}" if close else "see crosscheck rosetta"
        raise UsageError(f"the Rosetta has no {arguments.name!r}; {advice}")
    lines = [[row.name, row.call, row.stage, row.difference] for row in found]
    output(as_json(found), arguments.json, lambda: print_table("", ["stages", "PyTorch", "since", "difference"], lines))
    return 0


def doctor_command(arguments: argparse.Namespace) -> int:
    from .doctor import doctor

    return doctor(arguments.json is not None)


# --- diff, step, play ---


def diff_command(arguments: argparse.Namespace) -> int:
    from .changes import as_json, slides
    from .diff import compare, select
    from .report.difference import print_comparison, print_slides
    from .report.difference_pages import html, markdown

    if arguments.json and (arguments.format != "text" or arguments.side_by_side):
        raise UsageError("diff: --json replaces the text; no --format, --side-by-side")
    found = select(compare(arguments.A, arguments.B), arguments.file, arguments.symbol, arguments.step)
    shown = slides(found) if arguments.slide else None

    def text() -> None:
        if arguments.format != "text":
            print({"markdown": markdown, "html": html}[arguments.format](found, arguments.side_by_side, shown), end="")
        elif shown is not None:
            print_slides(shown, console())
        else:
            print_comparison(found, console(), arguments.side_by_side)

    output(as_json(found, shown) if arguments.json else None, arguments.json, text)
    return 0


def step_command(arguments: argparse.Namespace) -> int:
    from .diff import compare_step, demonstration, run_step, step_json, step_number
    from .report.difference import print_result, print_step

    step = step_number(arguments.step)
    found, source = compare_step(step), demonstration(step)
    if arguments.json != "-":
        print_step(found, source, console(), arguments.side_by_side)
        sys.stdout.flush()  # what is there can be read while the script runs, in a pipe as well
    result = None if arguments.no_run else run_step(step)
    data = step_json(step, found, source, result) if arguments.json else None
    output(data, arguments.json, lambda: print_result(result, console()))
    return 1 if result is not None and result.returncode else 0


def lessons_command(arguments: argparse.Namespace) -> int:
    from .proof import lessons_report

    return lessons_report(arguments.json)


def freeze_command(arguments: argparse.Namespace) -> int:
    from .freeze import check_report, update_report

    if arguments.check:
        if arguments.why is not None:
            raise UsageError("--why is an option of --update")
        return check_report(arguments.json)
    stages = parse_stages(arguments.update)
    if not (arguments.why or "").strip():
        raise UsageError("freeze: --update needs --why, the reason for the correction")
    return update_report(stages, arguments.why, arguments.json)


def site_command(arguments: argparse.Namespace) -> int:
    from .site.builder import build

    check_folder(str(arguments.folder), "site")
    number = build(arguments.folder, with_figures=not arguments.no_figures)
    data = {"folder": str(arguments.folder), "pages": number}
    output(data, arguments.json, lambda: print(f"{number} pages: {arguments.folder / 'index.html'}"))
    return 0


def print_backups(data: dict[str, Any], folder: pathlib.Path) -> None:
    """Print what `exercise` or `hunt` found in the folder and kept."""
    for name in data["backups"]:
        print(f"kept as a backup: {folder / name}")


def exercise_command(arguments: argparse.Namespace) -> int:
    from .exercise import exercise_report

    stage = one_stage(arguments.stage, "exercise")
    check_folder(str(arguments.folder), "exercise")
    data = exercise_report(stage, arguments.folder)

    def text() -> None:
        print_backups(data, arguments.folder)
        print(f"{stage.name} in {arguments.folder}: {data['write']} functions to write, {data['change']} to change")
        print(f"begin with {arguments.folder / 'README.md'}, at {data['first']}")
        print(f"check: crosscheck grade {arguments.folder}")

    output(data, arguments.json, text)
    return 0


def grade_command(arguments: argparse.Namespace) -> int:
    from .grade import grade_report

    return grade_report(arguments.folder, arguments.n or 1, arguments.json)


def hunt_command(arguments: argparse.Namespace) -> int:
    from .hunt import hint, write_hunt

    if arguments.hint:
        said = hint(arguments.folder)
        output({"hint": said}, arguments.json, lambda: print(said))
        return 0
    stage = one_stage(arguments.stage, "hunt")
    check_folder(str(arguments.folder), "hunt")
    data = write_hunt(stage, arguments.folder, arguments.seed)

    def text() -> None:
        print_backups(data, arguments.folder)
        print(f"{stage.name} with a bug in {arguments.folder}")
        print(f"what it breaks: crosscheck grade {arguments.folder}; a hint: crosscheck hunt {arguments.folder} --hint")

    output(data, arguments.json, text)
    return 0


def play_command(arguments: argparse.Namespace) -> int:
    from .play import play_report

    own, given = split(arguments.rest)
    stage = arguments.stage if own.stage is None else own.stage
    return play_report(arguments.script, given, stage, own.json or arguments.json)


def split(rest: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split the words after SCRIPT into options of `play`, up to `--`, and the arguments of the script."""
    words = list(rest)
    at = words.index("--") if "--" in words else len(words)
    ours = argparse.ArgumentParser(prog="crosscheck play", add_help=False, allow_abbrev=False)
    ours.add_argument("--json", action="store_const", const="-")
    play_options(ours)
    found, given = ours.parse_known_args(words[:at])
    return found, [*given, *words[at + 1 :]]


# --- faults, bench ---


def faults_command(arguments: argparse.Namespace) -> int:
    if arguments.automatic:
        from .mutation.run import automatic_report

        stages = parse_stages(arguments.stages) if arguments.stages else STAGES
        return automatic_report(
            stages,
            arguments.expression,
            arguments.sample,
            arguments.seed,
            max(arguments.n, 1),
            arguments.again,
            arguments.known,
            arguments.json,
        )
    given = {"--sample": arguments.sample, "--again": arguments.again, "--known": arguments.known}
    given["--seed"] = arguments.seed
    for option, value in given.items():
        if value:
            raise UsageError(f"{option} is an option of --automatic")
    from .faults import faults_report

    return faults_report(arguments.stages, arguments.expression, max(arguments.n, 1), arguments.json)


def bench_command(arguments: argparse.Namespace) -> int:
    from .bench import bench_report, memory_report
    from .device_bench import device_report

    chosen = arguments.stages, arguments.expression
    if arguments.device == "cuda":
        if arguments.stages or arguments.memory or arguments.threads is not None:
            raise UsageError("--device cuda compares stage5 with PyTorch; no --stages, --memory, --threads")
        return device_report(arguments.expression, arguments.rounds, arguments.json)
    if arguments.memory:
        return memory_report(*chosen, arguments.json)
    return bench_report(*chosen, arguments.rounds, arguments.threads, arguments.json)


COMMANDS = {
    "run": run_command,
    "list": list_command,
    "show": show_command,
    "rosetta": rosetta_command,
    "doctor": doctor_command,
    "diff": diff_command,
    "step": step_command,
    "lessons": lessons_command,
    "freeze": freeze_command,
    "site": site_command,
    "exercise": exercise_command,
    "grade": grade_command,
    "hunt": hunt_command,
    "play": play_command,
    "faults": faults_command,
    "bench": bench_command,
}
