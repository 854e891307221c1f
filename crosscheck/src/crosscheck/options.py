"""The options of every command."""

from __future__ import annotations

import argparse
import os
import pathlib
from collections.abc import Callable, Mapping

from . import __version__
from .computations import DTYPES
from .limits import TIME_LIMIT

Run = Callable[[argparse.Namespace], int]
Command = Callable[..., argparse.ArgumentParser]  # (name, help, json_file=False) -> the parser of a command


def parser(functions: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser of all commands. functions: what runs each of them, by name."""
    text = "Run the same computations in every stage of the framework and in PyTorch, and compare the results."
    top = argparse.ArgumentParser(prog="crosscheck", description=text)
    top.add_argument("--version", action="version", version=f"crosscheck {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help: str, json_file: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        added.set_defaults(command=functions[name])
        if json_file:  # not with positional arguments, which would be taken for FILE
            help_json = "write the result as JSON to FILE; without FILE, print JSON instead of text"
            added.add_argument("--json", nargs="?", const="-", metavar="FILE", help=help_json)
        else:
            added.add_argument("--json", action="store_const", const="-", help="print JSON instead of text")
        return added

    for add in (add_run, add_lists, add_differences, add_play, add_learning, add_faults, add_bench):
        add(command)
    return top


def add_run(command: Command) -> None:
    """Add `run`."""
    run = command("run", "run the matrix: every computation in every stage, compared with PyTorch", True)
    run.add_argument(
        "-k", metavar="EXPR", dest="expression", help="only cells whose names match, such as 'square and not float32'"
    )
    run.add_argument(
        "--dtype",
        metavar="LIST",
        help=f"only these (default: {','.join(DTYPES)}; with --quick the first one of a computation)",
    )
    choice_of_frameworks(run)
    run.add_argument(
        "--quick", action="store_true", help="one case per computation, in one dtype, without central differences"
    )
    run.add_argument(
        "-n",
        metavar="N",
        type=processes,
        default="auto",
        help="number of worker processes; 0: run in this process (default: one per processor)",
    )
    run.add_argument(
        "--time-limit",
        metavar="S",
        type=seconds,
        default=TIME_LIMIT,
        help="CPU time limit per cell in seconds (default: %(default)g)",
    )
    run.add_argument(
        "--html", metavar="DIR", help="write the report as web pages to the folder DIR; start with DIR/index.html"
    )
    run.add_argument(
        "--mutation",
        metavar="FILE",
        type=file,
        help="add the results of crosscheck faults --automatic --json FILE to the pages of --html",
    )
    run.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML to FILE")
    run.add_argument(
        "--update-ledger",
        action="store_true",
        help="update the tolerance baseline with the distances of this run; with -k, only add what has no entry",
    )
    run.add_argument("--reason", help="why entries of the tolerance baseline may grow")


def add_lists(command: Command) -> None:
    """Add `list`, `show`, `rosetta` and `doctor`."""
    listing = command("list", "list frameworks, computations or steps")
    listing.add_argument("what", choices=["frameworks", "computations", "steps"])

    show = command("show", "show one cell: inputs, cotangents, all results")
    show.add_argument("cell", metavar="CELL", help="computation/framework/dtype, such as square/stage1/float64")
    choice_of_frameworks(show)

    rosetta = command("rosetta", "show the PyTorch call for each name of the framework")
    rosetta.add_argument(
        "name", nargs="?", metavar="NAME", help="a name of the stages or of PyTorch: exp, torch.nn.Linear"
    )

    command("doctor", "show what is installed, and how to install what is missing")


def choice_of_frameworks(added: argparse.ArgumentParser) -> None:
    """The options that choose frameworks, devices and inputs."""
    added.add_argument(
        "--stages", metavar="LIST", help="only these stages, such as 1,3, or none with --framework (default: all)"
    )
    added.add_argument(
        "--framework",
        metavar="FILE",
        type=file,
        action="append",
        default=[],
        help="a custom framework as another column; see the README",
    )
    added.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default="cpu",
        help="cuda: stage 5 on CuPy, compared with PyTorch on the GPU and with itself on the CPU (default: cpu)",
    )
    added.add_argument(
        "--without-torch", action="store_true", help="compare only with central differences and other stages"
    )
    added.add_argument("--seed", type=int, default=0, help="seed of the random inputs (default: 0)")
    added.add_argument(
        "--hybrid", action="store_true", help="stage 5 with hybridize as another column, bit-equal to stage 5"
    )


def add_differences(command: Command) -> None:
    """Add `diff`, `step`, `lessons` and `freeze`."""
    diff = command("diff", "show what differs between two stages or two steps, and why")
    for which, name in (("the earlier", "A"), ("the later", "B")):
        diff.add_argument(name, help=f"{which} stage (1, stage1) or step (step07)")
    diff.add_argument("--file", metavar="FILE", help="only this file, such as core.py")
    diff.add_argument("--symbol", metavar="NAME", help="only this definition, such as Variable.backward")
    diff.add_argument("--step", type=int, metavar="N", help="only what the lesson of step N names")
    diff.add_argument(
        "--format", choices=["text", "markdown", "html"], default="text", help="what is printed (default: text)"
    )
    diff.add_argument("--slide", action="store_true", help="only the ten lines of each lesson that show most of it")
    step = command("step", "show a step: its lesson, what it changes, its script and its output")
    step.add_argument("step", metavar="N", help="32 or step32")
    step.add_argument("--no-run", action="store_true", help="do not run the script")
    for shown in (diff, step):
        shown.add_argument("--side-by-side", action="store_true", help="show both sides in columns")

    proof = command("lessons", "prove that every definition has its lesson, and count the translations")
    proof.add_argument("what", choices=["check"])

    freeze = command("freeze", "compare the stages with what is recorded of them, or record a correction")
    what = freeze.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--check", action="store_true", help="name what differs from the records, and names that are lost"
    )
    what.add_argument("--update", metavar="LIST", help="record these stages, such as 1,3, as they are now")
    freeze.add_argument("--why", metavar="TEXT", help="the reason, for the CHANGELOG of the stages that have changed")


def add_play(command: Command) -> None:
    """Add `play`."""
    play = command("play", "run a script written for dezero on a stage, without editing it")
    play.usage = "crosscheck play SCRIPT [--stage N|all] [--json] [-- ARGS...]"
    play_options(play)
    play.add_argument("script", metavar="SCRIPT", help="a script with imports such as `from dezero import Variable`")
    rest = play.add_argument("rest", metavar="ARGS", nargs=argparse.REMAINDER, help="arguments of the script, after --")
    rest.required = False  # by default, before Python 3.12


def add_learning(command: Command) -> None:
    """Add `site`, `exercise`, `grade` and `hunt`."""
    site = command("site", "write the steps, the stages and their differences as web pages")
    site.add_argument("folder", metavar="DIR", type=folder, help="a folder; begin with DIR/index.html")
    site.add_argument(
        "--no-figures", action="store_true", help="do not run the steps that draw figures, which takes a minute"
    )

    exercise = command("exercise", "write a stage without its functions, as a package to complete")
    exercise.add_argument("stage", metavar="N", help="1 or stage1")
    grade = command("grade", "compare the package of an exercise with PyTorch, step by step")
    grade.add_argument("-n", metavar="N", type=processes, default="auto", help="number of worker processes")
    hunt = command("hunt", "write a stage with one planted bug, to be found by its symptoms")
    hunt.add_argument("--stage", metavar="N", default="1", help="1 or stage1 (default: %(default)s)")
    hunt.add_argument("--seed", type=int, help="seed of the choice of the bug (default: none)")
    hunt.add_argument("--hint", action="store_true", help="show the next hint instead")
    for added in (exercise, grade, hunt):
        added.add_argument("folder", metavar="DIR", type=folder, help="the folder of the package")


def add_faults(command: Command) -> None:
    """Add `faults`."""
    faults = command(
        "faults",
        "mutation testing: plant bugs in copies of the stages and report which are detected",
        True,
    )
    faults.add_argument("--stages", metavar="LIST", help="only these stages (default: all)")
    faults.add_argument("-k", metavar="EXPR", dest="expression", help="only faults whose names match")
    faults.add_argument(
        "--automatic", action="store_true", help="plant mutants made by machine, and report the mutation score"
    )
    faults.add_argument("--sample", metavar="N", type=positive, help="only N mutants, drawn at random")
    faults.add_argument("--seed", type=int, default=0, help="seed of --sample (default: 0)")
    faults.add_argument(
        "-n",
        metavar="N",
        type=processes,
        default="auto",
        help="number of worker processes (default: one per processor)",
    )
    faults.add_argument("--again", action="store_true", help="plant also the mutants whose result is known")
    faults.add_argument(
        "--known", metavar="FILE", type=file, help="results of earlier runs (default: in the user's cache)"
    )


def add_bench(command: Command) -> None:
    """Add `bench`."""
    bench = command("bench", "benchmark the same work in every stage and in PyTorch", True)
    bench.add_argument("--stages", metavar="LIST", help="only these stages (default: all)")
    bench.add_argument(
        "--rounds", type=int, default=30, help="number of timings of each workload (default: %(default)s)"
    )
    bench.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default="cpu",
        help="cuda: stage 5 on CuPy, without and with kernels of its own, and PyTorch on the GPU (default: cpu)",
    )
    bench.add_argument("--threads", type=int, help="number of threads of NumPy and PyTorch (default: unchanged)")
    bench.add_argument(
        "--memory", action="store_true", help="measure the peak memory of training steps instead of times"
    )
    bench.add_argument("-k", metavar="EXPR", dest="expression", help="only workloads whose names match")


def processes(text: str) -> int:
    """The value of `-n`."""
    if text == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    number = int(text) if text.lstrip("-").isdecimal() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected auto or a number of at least 0, got {text}")
    return number


def positive(text: str) -> int:
    """The value of `--sample`."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def file(text: str) -> pathlib.Path:
    """The value of FILE."""
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a file, got an empty string")
    return pathlib.Path(text)


def folder(text: str) -> pathlib.Path:
    """The value of DIR."""
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a folder, got an empty string")
    return pathlib.Path(text)


def seconds(text: str) -> float:
    """The value of `--time-limit`."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds, got {text}")
    return number


def play_options(added: argparse.ArgumentParser) -> None:
    """Options of `play`, before or after SCRIPT."""
    added.add_argument("--stage", metavar="N", help="1, stage1 or all (default: the last)")
