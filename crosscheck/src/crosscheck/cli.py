"""The command line."""

from __future__ import annotations

import argparse
import pathlib
import shlex
import sys
import time
from collections.abc import Callable, Sequence

from . import UsageError, __version__
from .computations import DTYPES, Computation, all_computations
from .coverage import uncovered
from .frameworks import BookStyle, Framework, load_file, load_stage, load_torch
from .ledger import Ledger
from .report import Report
from .report.out import console, output, print_table, track, write_json
from .report.terminal import print_report
from .runner import Runner
from .select import matches
from .stages import STAGES, parse_stages

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 if all is well, 1 if something is red, 2 if the command cannot be carried out."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except UsageError as error:
        print(f"crosscheck: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("crosscheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `crosscheck run | head`
        sys.stderr.close()
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="crosscheck", description=__doc__)
    top.description = "Identical computations in every stage of the framework and in PyTorch."
    top.add_argument("--version", action="version", version=f"crosscheck {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, function: Callable[[argparse.Namespace], int], help: str, json_file: bool = False
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        added.set_defaults(command=function)
        if json_file:  # not where an argument follows, which would be taken for the file
            help_json = "write the result as JSON to FILE, or print it in place of text"
            added.add_argument("--json", nargs="?", const="-", metavar="FILE", help=help_json)
        else:
            added.add_argument("--json", action="store_const", const="-", help="print JSON in place of text")
        return added

    def choice_of_frameworks(added: argparse.ArgumentParser) -> None:
        added.add_argument("--stages", metavar="LIST", help="these stages only, such as 1,3 (default: all)")
        added.add_argument(
            "--framework",
            metavar="FILE",
            type=pathlib.Path,
            action="append",
            default=[],
            help="a framework of your own as another column; see the README",
        )
        added.add_argument(
            "--device",
            choices=["cpu", "cuda"],
            default="cpu",
            help="cuda: stage 5 on CuPy, compared with PyTorch on the GPU and with itself on the CPU (default: cpu)",
        )
        added.add_argument("--without-torch", action="store_true", help="central differences and other stages only")
        added.add_argument("--seed", type=int, default=0, help="other random inputs (default: 0)")

    run = command("run", run_command, "run the matrix: every computation in every stage, compared with PyTorch", True)
    run.add_argument(
        "-k", metavar="EXPR", dest="expression", help="cells whose names match, such as 'square and not float32'"
    )
    run.add_argument("--dtype", metavar="LIST", default=",".join(DTYPES), help="(default: %(default)s)")
    choice_of_frameworks(run)
    run.add_argument("--html", metavar="DIR", type=pathlib.Path, help="write the report as a page to DIR/index.html")
    run.add_argument(
        "--update-ledger", action="store_true", help="take the distances of this run as the committed ones"
    )
    run.add_argument("--reason", help="why entries of the ledger may be raised")

    listing = command("list", list_command, "list what there is")
    listing.add_argument("what", choices=["frameworks", "computations", "steps"])

    show = command("show", show_command, "show one cell: inputs, cotangents, every result")
    show.add_argument("cell", metavar="CELL", help="computation/framework/dtype, such as square/stage1/float64")
    choice_of_frameworks(show)

    rosetta = command("rosetta", rosetta_command, "show each name of ours as the PyTorch call it corresponds to")
    rosetta.add_argument("name", nargs="?", metavar="NAME")

    diff = command("diff", diff_command, "show what differs between two stages or two steps, and why")
    for which, name in (("the earlier", "A"), ("the later", "B")):
        diff.add_argument(name, help=f"{which} stage (1, stage1) or step (step07)")
    diff.add_argument("--file", metavar="FILE", help="this file only, such as core.py")
    diff.add_argument("--symbol", metavar="NAME", help="this definition only, such as Variable.backward")
    diff.add_argument("--step", type=int, metavar="N", help="only what the lesson of step N names")
    step = command("step", step_command, "show a step: its lesson, what it changes, its script and its output")
    step.add_argument("step", metavar="N", help="32, or step32")
    step.add_argument("--no-run", action="store_true", help="leave the output out")
    for shown in (diff, step):
        shown.add_argument("--side-by-side", action="store_true", help="both sides in columns, not one after the other")

    play = command("play", play_command, "run a script written for dezero on a stage, without editing it")
    play.usage = "crosscheck play SCRIPT [--stage N|all] [--repair] [--json] [-- ARGS...]"
    play_options(play)
    play.add_argument("script", metavar="SCRIPT", help="says `from dezero import Variable` or the like")
    play.add_argument("rest", metavar="ARGS", nargs=argparse.REMAINDER, help="arguments of the script, best after --")

    faults = command("faults", faults_command, "plant bugs in copies of the stages and see which are caught", True)
    faults.add_argument("--stages", metavar="LIST", help="these stages only (default: all)")
    faults.add_argument("-k", metavar="EXPR", dest="expression", help="faults whose names match")

    bench = command("bench", bench_command, "time the same work in every stage and in PyTorch", True)
    bench.add_argument("--stages", metavar="LIST", help="these stages only (default: all)")
    bench.add_argument("--rounds", type=int, default=30, help="how often each is timed (default: %(default)s)")
    bench.add_argument("--threads", type=int, help="threads for NumPy and PyTorch (default: as they are)")
    bench.add_argument("--memory", action="store_true", help="peak memory of training steps in place of times")
    bench.add_argument("-k", metavar="EXPR", dest="expression", help="workloads whose names match")
    return top


def play_options(added: argparse.ArgumentParser) -> None:
    """Those of `play`, which may stand before or after SCRIPT."""
    added.add_argument("--stage", metavar="N", help="1, stage1 or all (default: the last)")
    added.add_argument("--repair", action="store_true", help="float(e) and int(e) take the item of a one-element array")


# --- run ---


def chosen_frameworks(arguments: argparse.Namespace) -> tuple[list[Framework], Framework | None]:
    """The columns of the matrix, and the oracle."""
    if arguments.device == "cuda":
        return chosen_on_gpu(arguments)
    stages = parse_stages(arguments.stages) if arguments.stages else STAGES
    missing = [stage for stage in stages if not stage.installed()]
    if missing:
        packages = " ".join(f"-e ./{stage.package}" for stage in missing)
        names = ", ".join(stage.name for stage in missing)
        raise UsageError(f"not installed: {names}; python -m pip install {packages}")
    frameworks: list[Framework] = [load_stage(stage) for stage in stages]
    oracle = None
    if not arguments.without_torch:
        oracle = load_torch()
        frameworks.append(oracle)
    for path in arguments.framework:
        custom = load_file(path)
        if any(custom.name == other.name for other in frameworks):
            raise UsageError(f"--framework: there is a framework {custom.name!r} already; set `name` in {path}")
        frameworks.append(custom)
    return frameworks, oracle


def chosen_on_gpu(arguments: argparse.Namespace) -> tuple[list[Framework], Framework]:
    """The columns of the matrix on a GPU: the stage that has one, and the oracle."""
    from .frameworks.devices import on_gpu

    stage = STAGES[-1]
    if arguments.without_torch or arguments.framework or stage not in parse_stages(arguments.stages or stage.name):
        raise UsageError(f"--device cuda compares {stage.name} with PyTorch; no --without-torch, --framework")

    ours, oracle = on_gpu(load_stage(stage), load_torch)
    return [ours, oracle], oracle


def repeat_options(arguments: argparse.Namespace) -> str:
    """The options that decide what a cell computes, for the command that repeats it."""
    words = [word for path in arguments.framework for word in ("--framework", str(path))]
    words += ["--device", "cuda"] if arguments.device == "cuda" else []
    words += ["--seed", str(arguments.seed)] if arguments.seed else []
    words += ["--without-torch"] if arguments.without_torch else []
    return shlex.join(words)


def run_command(arguments: argparse.Namespace) -> int:
    dtypes = sorted({word.strip() for word in arguments.dtype.split(",")}, reverse=True)
    unknown = [dtype for dtype in dtypes if dtype not in DTYPES]
    if unknown:
        raise UsageError(f"unknown dtype {unknown[0]!r}; there is {', '.join(DTYPES)}")
    frameworks, oracle = chosen_frameworks(arguments)
    narrowed = arguments.expression or arguments.stages or arguments.framework or len(dtypes) < len(DTYPES)
    narrowed = narrowed or arguments.device != "cpu"
    if arguments.reason and not arguments.update_ledger:
        raise UsageError("--reason belongs to --update-ledger")
    if arguments.update_ledger and (narrowed or arguments.seed or oracle is None):
        raise UsageError(
            "--update-ledger takes a whole run: "
            "no -k, --stages, --dtype, --device, --framework, --seed, --without-torch"
        )
    runner = Runner(frameworks, oracle, arguments.seed, None if arguments.update_ledger else Ledger.read())
    cells = runner.cells(all_computations(), dtypes)
    if arguments.expression:
        cells = [c for c in cells if matches(arguments.expression, f"{c[0].name}/{c[1].label}/{c[2]}")]
    if not cells:
        raise UsageError(f"no cell matches -k {arguments.expression!r}: crosscheck list computations")
    report = Report({f.label: f.version() for f in frameworks}, arguments.seed, repeat_options(arguments))
    start = time.perf_counter()
    for computation, framework, dtype in track(
        cells, len(cells), lambda cell: f"{cell[0].name} {cell[1].label} {cell[2]}"
    ):
        report.cells.append(runner.run(computation, framework, dtype))
    if not narrowed:
        stages = [framework for framework in frameworks if isinstance(framework, BookStyle) and framework.number]
        report.uncovered = [text for stage in stages for text in uncovered(stage, all_computations())]
    report.seconds = time.perf_counter() - start
    if arguments.json != "-":
        print_report(report, console())
    if arguments.html:
        from .report.html import write_html  # jinja2 and pygments are for pages only

        write_html(report, arguments.html)
    if arguments.json:
        write_json(report.as_json(), arguments.json)
    if arguments.update_ledger and report.ok:
        update_ledger(report, arguments.reason)
    return 0 if report.ok else 1


def update_ledger(report: Report, reason: str | None) -> None:
    """Take the worst distance of the stages, by computation and dtype."""
    measured: dict[tuple[str, str], float] = {}
    for cell in report.cells:
        if cell.distance is not None and cell.state == "equal" and cell.framework in {stage.name for stage in STAGES}:
            key = cell.computation.name, cell.dtype
            measured[key] = max(measured.get(key, 0.0), cell.distance)
    ledger = Ledger.read()
    raised = ledger.update(measured, reason)
    if raised:
        raise UsageError("the ledger was left as it is; these would be raised, give a --reason: " + "; ".join(raised))
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
        lines.append(["torch", "the oracle", load_torch().version()])
    except UsageError as error:
        lines.append(["torch", "the oracle", str(error)])
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

    frameworks, oracle = chosen_frameworks(arguments)
    runner = Runner(frameworks, oracle, arguments.seed, Ledger.read())
    shown = show(runner, *parse_cell(arguments.cell, all_computations(), frameworks), repeat_options(arguments))
    output(shown, arguments.json, lambda: print(as_text(shown)))
    return 0 if shown["state"] != "failed" else 1


def rosetta_command(arguments: argparse.Namespace) -> int:
    from .rosetta import as_json, rosetta

    found = [row for row in rosetta() if arguments.name in (None, row.name)]
    if not found:
        raise UsageError(f"the Rosetta has no {arguments.name!r}: crosscheck rosetta")
    lines = [[row.name, row.call, row.stage, row.difference] for row in found]
    output(as_json(found), arguments.json, lambda: print_table("", ["ours", "PyTorch", "since", "difference"], lines))
    return 0


# --- diff, step, play ---


def diff_command(arguments: argparse.Namespace) -> int:
    from .diff import compare, select
    from .report.difference import print_comparison

    found = select(compare(arguments.A, arguments.B), arguments.file, arguments.symbol, arguments.step)
    output(found.as_json(), arguments.json, lambda: print_comparison(found, console(), arguments.side_by_side))
    return 0


def step_command(arguments: argparse.Namespace) -> int:
    from .diff import compare_step, demonstration, run_step, step_json, step_number
    from .report.difference import print_step

    step = step_number(arguments.step)
    found, source = compare_step(step), demonstration(step)
    result = None if arguments.no_run else run_step(step)
    data = step_json(step, found, source, result)
    output(data, arguments.json, lambda: print_step(found, source, result, console(), arguments.side_by_side))
    return 1 if result is not None and result.returncode else 0


def play_command(arguments: argparse.Namespace) -> int:
    from .play import play_report

    own, given = split(arguments.rest)
    stages = own.stage or arguments.stage
    repair = own.repair or arguments.repair
    return play_report(arguments.script, given, stages, repair, own.json or arguments.json)


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
    from .faults import faults_report

    return faults_report(arguments.stages, arguments.expression, arguments.json)


def bench_command(arguments: argparse.Namespace) -> int:
    from .bench import bench_report, memory_report

    chosen = arguments.stages, arguments.expression
    if arguments.memory:
        return memory_report(*chosen, arguments.json)
    return bench_report(*chosen, arguments.rounds, arguments.threads, arguments.json)
