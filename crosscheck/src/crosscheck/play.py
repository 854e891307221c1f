"""Run scripts written with `from dezero import Variable` on a stage: `crosscheck play`, or in a notebook
`from crosscheck.play import install; install(3)`.

`dezero` and its modules are those of the stage. If an error is due to what a later step adds, the step is printed
below the traceback.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import itertools
import os
import pathlib
import subprocess
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec
from typing import Any

from . import UsageError
from .ending import Terminated, ended_early
from .hints import NAME, PARTS, hint
from .stages import STAGES, Stage, parse_stages

SIMPLE_CORE = STAGES[1]  # the stage whose core the book calls core_simple, and keeps
PUBLISHED = {  # names of classes in the published package -> in the stages
    "Conv2DGradW": "Conv2dGradW",
    "Pooling2DGrad": "PoolingGrad",
    "Pooling2DWithIndexes": "PoolingPick",
    "BuildingBlock": "Residuals",
    "BottleneckA": "Projection",
    "BottleneckB": "Bottleneck",
}
HINT = "crosscheck: "


# --- the command ---


@dataclass(frozen=True)
class Played:
    """The result of a script on a stage. stdout and stderr are empty unless they were captured."""

    stage: str
    status: int
    missing: str = ""  # the last line of the error
    hint: str = ""  # the step that adds what is missing
    stdout: str = ""
    stderr: str = ""

    @property
    def runs(self) -> bool:
        return self.status == 0


def play_report(script: str, given: Sequence[str], stage: str | None, json_target: str | None) -> int:
    """`crosscheck play`: run the script on one stage in the foreground, or on several and print a table."""
    from .report.out import output, track

    stages = STAGES[-1:] if stage is None else STAGES if stage == "all" else parse_stages(stage)
    if not pathlib.Path(script).is_file():
        raise UsageError(f"play: there is no file {script}")
    if len(stages) == 1 and not json_target:
        return play(stages[0], script, given).status
    results = []
    with ended_early() as ending:
        for each in track(stages, len(stages), lambda each: each.name, "stages"):
            if each.installed() or len(stages) == 1:
                results.append(play(each, script, given, capture=True))
            else:
                results.append(Played(each.name, 2, f"not installed: python -m pip install -e ./{each.package}"))
    played = [asdict(result) | {"runs": result.runs} for result in results]
    data = {"script": script, "ended": ending.word, "stages": played}
    output(data, json_target, lambda: print_results(script, results))
    if ending.word:
        print(f"crosscheck: {ending.word} after {len(results)} of {len(stages)} stages", file=sys.stderr)
        return ending.status
    if len(results) == 1:
        return results[0].status
    return 0 if any(result.runs for result in results) else 1


def print_results(script: str, results: Sequence[Played]) -> None:
    """Print what the script prints in every stage, side by side; stages with the same result share a column."""
    from .report.out import print_table

    groups = [list(group) for _, group in itertools.groupby(results, lambda r: (r.status, r.missing, r.hint, r.stdout))]
    printed = itertools.zip_longest(*(group[0].stdout.splitlines() for group in groups), fillvalue="")
    ends = ["runs" if g[0].runs else f"fails: {g[0].missing}\n{g[0].hint}".strip() for g in groups]
    print_table(script, [", ".join(result.stage for result in group) for group in groups], [*printed, ends])


def play(stage: Stage, script: str, given: Sequence[str], capture: bool = False) -> Played:
    """Run the script in a new process. The status is the script's own, or 128 + n if signal n ended it."""
    stage.require()
    folders = [str(pathlib.Path(__file__).parent / "start"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(folders), "CROSSCHECK_STAGE": stage.name}
    if capture or headless(environment):
        environment.setdefault("MPLBACKEND", "Agg")
    if capture:
        environment["PYTHONIOENCODING"] = "utf-8"
    pipe = subprocess.PIPE if capture else None
    given_input = subprocess.DEVNULL if capture else None
    command = [sys.executable, script, *given]
    sys.stdout.flush()
    process = subprocess.Popen(
        command, stdin=given_input, stdout=pipe, stderr=pipe, env=environment, encoding="utf-8", errors="replace"
    )
    out, err = "", ""
    with process:
        try:
            if capture:
                out, err = process.communicate()
            while process.returncode is None:
                with contextlib.suppress(KeyboardInterrupt):  # the script receives it too, and decides
                    process.wait()
        except BaseException as error:
            process.terminate()
            if capture or not isinstance(error, Terminated):
                raise
            process.wait()
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Played(stage.name, status, *last_line(err, status), out, err)


def headless(environment: Mapping[str, str]) -> bool:
    """Whether there is no display to open a window on."""
    return sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def last_line(errors: str, status: int) -> tuple[str, str]:
    """The last line of the error, which says what is missing, and the hint below it."""
    said = [line for line in errors.splitlines() if line.strip()]
    if status == 0:
        return "", ""
    hint = said.pop().removeprefix(HINT) if said and said[-1].startswith(HINT) else ""
    return (said[-1].strip() if said else f"exit status {status}"), hint


# --- in the process of the script ---


def install(stage: int | str) -> None:
    """Make `dezero` the modules of a stage: 3, "3" or "stage3". An installed dezero is hidden."""
    (chosen,) = parse_stages(str(stage))
    chosen.require()
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
    sys.meta_path[:] = [Finder(chosen), *(finder for finder in sys.meta_path if not isinstance(finder, Finder))]
    show_hints(chosen)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `dezero` and its modules in a stage. No module is imported twice."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        root, _, name = fullname.partition(".")
        return ModuleSpec(fullname, self) if root == NAME and self.parts(name) else None

    def parts(self, name: str) -> list[str]:
        """The modules that a module of the book consists of; none if the stage does not have it."""
        package = self.stage.package
        if name == "core_simple" and self.stage.number >= SIMPLE_CORE.number:
            SIMPLE_CORE.require()
            name, package = "core", SIMPLE_CORE.package
        whole = [f"{package}.{part}".rstrip(".") for part in PARTS.get(name, (name,))]
        return [part for part in whole if importlib.util.find_spec(part)]

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        name = spec.name.partition(".")[2]
        modules = [importlib.import_module(part) for part in self.parts(name)]
        if name in ("", "core_simple", *PARTS):
            return joined(spec.name, modules)
        spec.loader_state = modules[0].__spec__
        return modules[0]

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__
        if module.__name__ == NAME:
            vars(module)["is_simple_core"] = self.stage == SIMPLE_CORE
            for name in filter(self.parts, PARTS):
                importlib.import_module(f"{NAME}.{name}")  # becomes an attribute of dezero
        elif module.__spec__.loader_state:
            module.__spec__ = module.__spec__.loader_state  # which the import system has replaced


def joined(name: str, parts: Sequence[types.ModuleType]) -> types.ModuleType:
    """One module with the names of several; a name of the first has precedence."""
    module = types.ModuleType(name, parts[0].__doc__)
    names = {key: value for part in reversed(parts) for key, value in vars(part).items() if not key.startswith("__")}

    def find(name: str) -> Any:
        """What a part imports only when it is needed."""
        for part in parts if not name.startswith("__") else []:
            with contextlib.suppress(AttributeError):
                return getattr(part, name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    vars(module).update(names | {new: names[old] for new, old in PUBLISHED.items() if old in names})
    version = sys.modules[parts[0].__name__.partition(".")[0]].__version__
    vars(module).update(__file__=parts[0].__file__, __version__=version, __getattr__=find)
    vars(module)["__path__"] = []  # no files of its own, so that Python does not search it for other modules
    return module


def show_hints(stage: Stage) -> None:
    """Print hints below tracebacks, in scripts and notebooks."""
    ordinary = getattr(sys.excepthook, "ordinary", sys.excepthook)  # not the hook for another stage

    def show(kind: type[BaseException], error: BaseException, trace: Any, print_traceback: Any = ordinary) -> None:
        print_traceback(kind, error, trace)
        if text := hint(stage, error):
            print(f"{HINT}{text}", file=sys.stderr)

    def show_in_notebook(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: Any = None) -> None:
        show(kind, error, trace, lambda *three: shell.showtraceback(three, tb_offset=tb_offset))

    vars(show)["ordinary"] = ordinary
    sys.excepthook = show
    if (ipython := sys.modules.get("IPython")) and (shell := ipython.get_ipython()):
        shell.set_custom_exc((Exception,), show_in_notebook)
