"""Run a reader's script, written with `from dezero import Variable`, on a stage.

The script runs in its own process, in which `dezero` and `dezero.<module>` are the modules of the stage. What a
later step adds is missing, and the error names that step.
"""

from __future__ import annotations

import ast
import bisect
import builtins
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import os
import pathlib
import re
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import UsageError
from .stages import STAGES, Stage, parse_stages

NAME = "dezero"
FACADES = {  # a module of the book -> the modules of the stages that contain its names
    "core": ("core", "config", "functions.arithmetic", "operators"),
    "functions_conv": ("functions.conv", "functions.pool"),
}
SIMPLE_CORE = 2  # the stage whose core the book calls core_simple
FIRST_STEPS = (1, 11, 25, 37, 52)  # of the five stages
HINT = "crosscheck: "
REPAIRABLE = "only 0-dimensional arrays can be converted to Python scalars"
REPAIR_HINT = "NumPy before 2.4 took the item of a one-element array here; crosscheck play --repair does so"
UNKNOWN = "no step of the book adds it"
ITEM = "__crosscheck_item__"

KINDS = ("Variable", "Layer", "Model")

# What each step adds, for names that the lessons of the installed stages do not list. The prefix `dezero.` is
# omitted: a name without a module belongs to `dezero` itself; `Variable.x` and `Layer.x` are methods.
BOOK = {
    9: "as_array",
    12: "functions.add functions.Add",
    14: "Variable.cleargrad",
    18: "Config using_config no_grad",
    19: "Variable.shape Variable.ndim Variable.size Variable.dtype",
    20: "functions.mul functions.Mul",
    21: "as_variable",
    22: """functions.neg functions.sub functions.rsub functions.div functions.rdiv functions.pow functions.Neg
          functions.Sub functions.Div functions.Pow""",
    23: "setup_variable core_simple",
    26: "utils utils.get_dot_graph utils.plot_dot_graph",
    34: "functions functions.sin functions.cos functions.Sin functions.Cos",
    35: "functions.tanh functions.Tanh",
    36: "utils.gradient_check utils.numerical_grad utils.array_equal utils.array_allclose",
    38: """functions.reshape functions.transpose functions.Reshape functions.Transpose functions.expand_dims
          functions.flatten Variable.reshape Variable.transpose Variable.T""",
    39: "functions.sum functions.Sum functions.average functions.mean Variable.sum utils.reshape_sum_backward",
    40: "functions.broadcast_to functions.sum_to functions.BroadcastTo functions.SumTo utils.sum_to",
    41: "functions.matmul functions.MatMul",
    42: "functions.mean_squared_error functions.mean_squared_error_simple functions.MeanSquaredError",
    43: """functions.linear functions.linear_simple functions.sigmoid functions.sigmoid_simple functions.Linear
          functions.Sigmoid functions.exp functions.Exp""",
    44: "layers layers.Layer layers.Linear Layer Parameter Layer.params Layer.cleargrads",
    45: "models models.Model models.Sequential models.MLP Model Model.plot",
    46: """optimizers optimizers.Optimizer optimizers.SGD optimizers.MomentumSGD optimizers.AdaGrad
          optimizers.AdaDelta optimizers.Adam optimizers.WeightDecay optimizers.ClipGrad optimizers.FreezeParam""",
    47: """functions.get_item functions.softmax functions.softmax_simple functions.log_softmax functions.clip
          functions.log functions.softmax_cross_entropy functions.softmax_cross_entropy_simple
          functions.sigmoid_cross_entropy functions.binary_cross_entropy functions.logsumexp functions.GetItem
          functions.Softmax functions.LogSoftmax functions.Clip functions.Log functions.SoftmaxCrossEntropy
          utils.logsumexp""",
    48: "datasets datasets.get_spiral",
    49: """datasets.Dataset datasets.Spiral transforms transforms.Compose transforms.Convert transforms.Resize
          transforms.CenterCrop transforms.ToArray transforms.ToPIL transforms.RandomHorizontalFlip
          transforms.Normalize transforms.Flatten transforms.AsType transforms.ToFloat transforms.ToInt""",
    50: "dataloaders dataloaders.DataLoader DataLoader functions.accuracy",
    51: "datasets.MNIST datasets.CIFAR10 datasets.CIFAR100 functions.relu functions.ReLU functions.leaky_relu",
    52: """cuda cuda.gpu_enable cuda.get_array_module cuda.as_numpy cuda.as_cupy Variable.to_cpu Variable.to_gpu
          Layer.to_cpu Layer.to_gpu""",
    53: "Layer.save_weights Layer.load_weights",
    54: "test_mode functions.dropout functions.batch_norm functions.batch_nrom layers.BatchNorm",
    55: "utils.get_conv_outsize",
    57: """functions_conv functions.im2col functions.col2im functions.conv2d functions.conv2d_simple
          functions.deconv2d functions.pooling functions.pooling_simple functions.average_pooling functions.max
          functions.min functions.Conv2d functions.Deconv2d functions.Pooling layers.Conv2d layers.Deconv2d
          utils.pair utils.get_deconv_outsize utils.max_backward_shape Variable.max Variable.min""",
    58: """models.VGG16 models.ResNet models.ResNet50 models.ResNet101 models.ResNet152 models.SqueezeNet
          utils.get_file utils.cache_dir datasets.ImageNet""",
    59: "layers.RNN datasets.SinCurve Variable.unchain Variable.unchain_backward",
    60: "layers.LSTM layers.EmbedID functions.embed_id datasets.Shakespear dataloaders.SeqDataLoader SeqDataLoader",
}
STEPS = {name: step for step, names in reversed(BOOK.items()) for name in names.split()}
MESSAGES = (  # errors of Python for what a later step adds
    (r"has no len\(\)", 19),
    (r"unsupported operand type\(s\) for [+*]: .*'Variable'", 20),
    (r"(unsupported operand type\(s\) for (-|/|\*\* or pow\(\))|bad operand type for unary -): .*'Variable'", 22),
    (r"unexpected keyword argument 'retain_grad'", 18),
    (r"unexpected keyword argument 'create_graph'", 32),
    (r"unsupported operand type\(s\) for @: .*'Variable'", 41),
    (r"'Variable' object is not subscriptable", 47),
)


# --- the command ---


@dataclass(frozen=True)
class Played:
    """The result of a script on a stage. stdout and stderr are empty unless they were captured."""

    stage: str
    status: int
    missing: str = ""  # the last line of the error
    hint: str = ""  # the step that adds it, if the error does not name it
    stdout: str = ""
    stderr: str = ""

    @property
    def runs(self) -> bool:
        return self.status == 0


def play_report(script: str, given: Sequence[str], stage: str | None, repair: bool, json_target: str | None) -> int:
    """`crosscheck play`: run the script on one stage in the foreground, or on several and print a table."""
    from .report.out import output  # imported here, because the script's own process imports this module too

    stages = chosen_stages(stage)
    if not pathlib.Path(script).is_file():
        raise UsageError(f"play: there is no file {script}")
    if len(stages) == 1 and not json_target:
        return play(stages[0], script, given, repair).status
    results = play_all(stages, script, given, repair)
    data = {"script": script, "stages": [asdict(result) | {"runs": result.runs} for result in results]}
    output(data, json_target, lambda: print_results(script, results))
    if len(results) == 1:
        return results[0].status
    return 0 if any(result.runs for result in results) else 1


def chosen_stages(text: str | None) -> list[Stage]:
    """The stages to run on, by default the last one."""
    if text is None:
        return STAGES[-1:]
    return list(STAGES) if text == "all" else parse_stages(text)


def play_all(stages: Sequence[Stage], script: str, given: Sequence[str], repair: bool) -> list[Played]:
    """Run the script on one stage after another and capture the output."""
    from .report.out import track

    results = []
    for stage in track(stages, len(stages), lambda stage: stage.name):
        if not stage.installed():
            results.append(Played(stage.name, 2, f"not installed: python -m pip install -e ./{stage.package}"))
        else:
            results.append(play(stage, script, given, repair, capture=True))
    return results


def print_results(script: str, results: Sequence[Played]) -> None:
    """Print a table: for each stage whether the script runs, or else the error and the hint."""
    from .report.out import print_table

    lines = [
        [result.stage, "runs" if result.runs else "fails", f"{result.missing}\n{result.hint}".strip()]
        for result in results
    ]
    print_table(script, ["stage", "", "first error"], lines)


def play(stage: Stage, script: str, given: Sequence[str], repair: bool, capture: bool = False) -> Played:
    """Run the script in a new process. The status is the script's own, or 128 + n if signal n ended it."""
    assert stage.source  # raises UsageError if it is not installed
    environment = dict(os.environ)
    if capture or headless(environment):
        environment.setdefault("MPLBACKEND", "Agg")
    if capture:
        environment["PYTHONIOENCODING"] = "utf-8"
    # -P: do not search the current folder for modules.
    start = [sys.executable, "-P", "-c", f"from {__name__} import child; child()"]
    sys.stdout.flush()
    process = subprocess.Popen(
        [*start, str(stage.number), "repair" if repair else "", script, *given],
        stdin=subprocess.DEVNULL if capture else None,
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.PIPE if capture else None,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment,
    )
    with process:
        if capture:
            out, err = process.communicate()
        else:
            out, err = "", ""
            while process.returncode is None:
                with contextlib.suppress(KeyboardInterrupt):  # the script receives it too, and decides
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


# --- in the script's own process ---


def child() -> None:
    """Replace `dezero` by the stage, then run the script as `python SCRIPT ARGS` would."""
    _, number, repair, script, *given = sys.argv
    stage = next(stage for stage in STAGES if stage.number == int(number))
    install(stage)
    sys.argv = [script, *given]
    run_script_as_main(stage, script, bool(repair))


def install(stage: Stage) -> None:
    """Make `dezero` and each `dezero.<module>` the modules of the stage; an installed dezero is hidden."""
    from .lessons import module_names

    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]
    package = importlib.import_module(stage.package)
    modules = {
        name: importlib.import_module(f"{stage.package}.{name}") if name else package for name in module_names(stage)
    }
    book: dict[str, types.ModuleType] = dict(modules)
    for name, parts in FACADES.items():
        held = [modules[part] for part in parts if part in modules]
        if held:
            book[name] = held[0] if len(held) == 1 else Facade(f"{NAME}.{name}", held)
            setattr(package, name, book[name])
    if stage.number == SIMPLE_CORE:
        book["core_simple"] = book["core"]
        vars(package)["core_simple"] = book["core"]
    vars(package)["is_simple_core"] = stage.number == SIMPLE_CORE
    for name, module in book.items():
        explain_missing(stage, name, module)
        sys.modules[f"{NAME}.{name}".rstrip(".")] = module
    sys.meta_path.insert(0, Finder(stage))


class Facade(types.ModuleType):
    """Several modules as one module of the book: attributes are read from and written to the real ones."""

    def __init__(self, name: str, parts: Sequence[types.ModuleType]) -> None:
        super().__init__(name, f"The book's {name}: " + ", ".join(part.__name__ for part in parts))
        vars(self).update(_parts=tuple(parts), __getattr__=self.find)

    def find(self, name: str) -> Any:
        """The value in the first part that has the name."""
        if name == "__all__":  # for `from dezero.core import *`
            return [public for public in dir(self) if not public.startswith("_")]
        for part in self.holders(name):
            return vars(part)[name]
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set the name in every part that has it, since parts import from each other; a new name in the first."""
        for part in self.holders(name) or vars(self)["_parts"][:1]:
            setattr(part, name, value)

    def __delattr__(self, name: str) -> None:
        if not (holders := self.holders(name)):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        for part in holders:
            delattr(part, name)

    def __dir__(self) -> list[str]:
        return sorted({name for part in vars(self)["_parts"] for name in vars(part)})

    def holders(self, name: str) -> list[types.ModuleType]:
        return [part for part in vars(self)["_parts"] if name in vars(part)]


def explain_missing(stage: Stage, name: str, module: types.ModuleType) -> None:
    """Make the error for a missing attribute name its step, also in `from module import name`.

    If a module has a `__path__`, Python asks the finders for names that it lacks, as it does for packages.
    """
    namespace = vars(module)
    own: Callable[[str], Any] | None = namespace.get("__getattr__")

    def missing(attribute: str) -> Any:
        if own is not None:
            with contextlib.suppress(AttributeError):
                return own(attribute)
        text = f"module {dotted(name)!r} has no attribute {attribute!r}"
        reason = "" if attribute.startswith("__") else explain(stage, name, attribute)
        guess = module if reason.startswith(UNKNOWN) else None  # Python searches it for similar names: "Did you mean"
        raise AttributeError(f"{text}: {reason}" if reason else text, name=attribute, obj=guess)

    namespace["__getattr__"] = missing
    namespace.setdefault("__path__", [])


class Finder(importlib.abc.MetaPathFinder):
    """Raises an error that names the step for a module or name that an import does not find."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        root, _, name = fullname.partition(".")
        if root not in (NAME, self.stage.package) or not name:
            return
        module, _, last = name.rpartition(".")
        reason = explain(self.stage, module, last)
        if root == NAME and not module:
            raise ModuleNotFoundError(f"No module named {fullname!r}: {reason}", name=fullname)
        raise ImportError(f"cannot import name {last!r} from {dotted(module)!r}: {reason}")


def dotted(module: str) -> str:
    """`core` -> `dezero.core`, the empty name -> `dezero`."""
    return f"{NAME}.{module}".rstrip(".")


def explain(stage: Stage, module: str, name: str) -> str:
    """`step 44 (stage 4) adds it; this is stage 3`."""
    here = f"this is stage {stage.number}"
    if name == "core_simple" and not module and stage.number > SIMPLE_CORE:
        return f"stage {SIMPLE_CORE} has it; later it is {NAME}.core; {here}"
    step = step_of(stage, module, name)
    if step is None or stage_number(step) <= stage.number:
        held = [other for other in ("", "core", "functions", *sorted(STEPS)) if has(other, name)]
        return f"stage {stage.number} has {dotted(held[0])}.{name}" if held else f"{UNKNOWN}; {here}"
    return f"step {step} (stage {stage_number(step)}) adds it; {here}"


def has(module: str, name: str) -> bool:
    found = sys.modules.get(dotted(module))
    return found is not None and name in dir(found)


def stage_number(step: int) -> int:
    return bisect.bisect_right(FIRST_STEPS, step)


def step_of(stage: Stage, module: str, name: str) -> int | None:
    """The step that adds a name, according to the lessons of later stages, or else to BOOK."""
    whole = f"{module}.{name}".lstrip(".")
    steps = [step for later in STAGES if later.number > stage.number for step in taught(later, module, name)]
    if steps:
        return min(steps)
    if whole in STEPS:
        return STEPS[whole]
    of_modules = {known: step for known, step in STEPS.items() if known.partition(".")[0] not in KINDS}
    return min((step for known, step in of_modules.items() if known.rpartition(".")[2] == name), default=None)


def taught(stage: Stage, module: str, name: str) -> list[int]:
    """The steps whose lessons add the name to the module, or to any module if `module` is empty."""
    from .lessons import lessons, module_names

    try:
        modules, found = module_names(stage), lessons(stage)
    except (UsageError, OSError, ValueError, KeyError):  # not installed, or installed without lessons
        return []
    places = FACADES.get(module, (module,))
    steps = []
    for lesson in found:
        for full in lesson.adds:
            home = max((m for m in modules if full.startswith(f"{m}.")), key=len, default="")
            inside = any(f"{home}.".startswith(f"{place}.") for place in places) or not module
            if inside and full.removeprefix(f"{home}.") == name:
                steps.append(lesson.step)
    return steps


def run_script_as_main(stage: Stage, script: str, repair: bool) -> None:
    """Run a script as Python does: as `__main__`, with its folder first on the path, and with its exit status."""
    path = os.path.abspath(script)
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    main = types.ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    vars(main).update(__file__=path, __loader__=loader, __builtins__=builtins, __cached__=None)
    sys.modules["__main__"] = main
    try:
        source = pathlib.Path(path).read_bytes()
        code = repaired(source, path) if repair else compile(source, path, "exec", dont_inherit=True)
        exec(code, vars(main))
    except SystemExit:
        raise
    except BaseException as error:
        without_our_frames(error)
        sys.excepthook(type(error), error, error.__traceback__)
        for hint in hints(stage, error, repair):
            print(f"{HINT}{hint}", file=sys.stderr)
        sys.exit(128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1)


def without_our_frames(error: BaseException | None, seen: set[int] | None = None) -> None:
    """Remove the frames of this file from a traceback and from those of its causes."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    frames = []
    at = error.__traceback__
    while at is not None:
        frames.append(at)
        at = at.tb_next
    kept = None
    for frame in reversed(frames):
        if frame.tb_frame.f_code.co_filename != __file__:
            kept = types.TracebackType(kept, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    error.__traceback__ = kept
    without_our_frames(error.__cause__, seen)
    without_our_frames(error.__context__, seen)
    for inner in getattr(error, "exceptions", ()):
        if isinstance(inner, BaseException):
            without_our_frames(inner, seen)


def hints(stage: Stage, error: BaseException, repair: bool) -> list[str]:
    """The lines to print below a traceback."""
    if isinstance(error, TypeError) and REPAIRABLE in str(error) and not repair:
        return [REPAIR_HINT]
    steps = [step for message, step in MESSAGES if isinstance(error, TypeError) and re.search(message, str(error))]
    if steps and stage_number(steps[0]) > stage.number:
        return [f"step {steps[0]} (stage {stage_number(steps[0])}) adds this; this is stage {stage.number}"]
    owner = type(getattr(error, "obj", None))
    if isinstance(error, AttributeError) and owner.__module__.partition(".")[0] == stage.package:
        for kind in owner.__mro__[:-1]:
            step = step_of(stage, "", f"{kind.__name__}.{error.name}")
            if step is not None and stage_number(step) > stage.number:
                return [f"step {step} (stage {stage_number(step)}) adds it; this is stage {stage.number}"]
    return []


# --- --repair ---


def repaired(source: bytes, path: str) -> types.CodeType:
    """The script, with `float(e)` and `int(e)` taking the item of a one-element e; line numbers do not change."""
    name = os.path.basename(path)
    announced: set[int] = set()

    def item(value: Any, line: int, call: str) -> Any:
        data: Any = value.data if type(value).__name__ in ("Variable", "Parameter") else value
        if not (hasattr(data, "ndim") and hasattr(data, "item") and data.size == 1) or (
            data is value and not data.ndim
        ):
            return value
        if line not in announced:
            announced.add(line)
            kind = "array" if data is value else "variable"
            text = f"{name}:{line}: {call}() took the item of a one-element {kind} of shape {data.shape}"
            print(f"{HINT}{text}", file=sys.stderr)
        return data.item()

    vars(builtins)[ITEM] = item
    tree = Repair().visit(ast.parse(source, path))
    return compile(tree, path, "exec", dont_inherit=True)


class Repair(ast.NodeTransformer):
    """`float(e)` -> `float(item(e, line, "float"))`."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="float" | "int" as call), args=[value], keywords=[]) if not isinstance(
                value, ast.Starred
            ):
                words: list[ast.expr] = [value, ast.Constant(node.lineno), ast.Constant(call)]
                inner = ast.Call(ast.Name(ITEM, ast.Load()), words, [])
                node.args = [ast.fix_missing_locations(ast.copy_location(inner, value))]
        return node
