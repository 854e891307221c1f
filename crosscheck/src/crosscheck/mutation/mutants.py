"""All mutants of a stage, and which of them are left out, with the reason."""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ..stages import Stage
from .operators import OPERATORS, is_module
from .source import Ancestors, Mutant, Source, lines_of, scopes_of

Rule = Callable[[str, ast.AST, Ancestors], bool]


def is_text(ancestors: Ancestors) -> bool:
    """Whether a node is in the message of an error or a warning."""
    calls = [getattr(a.func, "id", getattr(a.func, "attr", "")) for a in ancestors if isinstance(a, ast.Call)]
    return any(name.endswith(("Error", "Warning", "warn")) for name in calls)


def binds_a_new_name(operator: str, node: ast.AST, ancestors: Ancestors) -> bool:
    """The only assignment of a name: without it the name is not defined."""
    if operator != "drop a statement" or not isinstance(node, ast.Assign):
        return False
    targets = [n for target in node.targets for n in ast.walk(target) if isinstance(n, ast.expr)]
    if any(isinstance(n, ast.Attribute | ast.Subscript) for n in targets):
        return False
    scope = (scopes_of(ancestors) or ancestors[:1])[-1]
    if isinstance(scope, ast.ClassDef):
        return False
    bound = bound_names(scope)
    return all(bound[n.id] == 1 for n in targets if isinstance(n, ast.Name))


@functools.lru_cache(maxsize=1)
def bound_names(scope: ast.AST) -> Counter[str]:
    """How often each name is assigned, or is a parameter, in a scope."""
    nodes = list(ast.walk(scope))
    assigned = Counter(n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))
    return assigned + Counter(n.arg for n in nodes if isinstance(n, ast.arg))


def keyword(name: str) -> Rule:
    """A value of this keyword argument, or a call without it."""

    def rule(operator: str, node: ast.AST, ancestors: Ancestors) -> bool:
        dropped = node.keywords if operator == "drop an argument" and isinstance(node, ast.Call) else []
        return any(isinstance(a, ast.keyword) and a.arg == name for a in (node, *ancestors, *dropped))

    return rule


def commutes(operator: str, node: ast.AST, _: Ancestors) -> bool:
    """The arguments of a commutative function in another order."""
    function = called(node) if operator == "swap operands" and isinstance(node, ast.Call) else ""
    if function == "clip":  # np.clip(x, low, high): the larger one of x and low
        return is_module(getattr(node.func, "value", node)) and len(node.args) == 3  # type: ignore[attr-defined]
    return function in ("max", "min", "maximum", "minimum", "result_type", "broadcast_shapes", "vecdot", "array_equal")


def is_drawn(node: ast.AST) -> bool:
    """Whether an expression draws a random number, such as rng.random() or np.random.rand()."""
    calls = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return any(getattr(function, "attr", "") in ("random", "rand", "uniform") for function in calls)


def ties_with_chance(operator: str, node: ast.AST, new: str) -> bool:
    """Whether a mutant only decides what happens if a random number from a continuous range equals another."""
    if operator != "flip a comparison" or not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return False
    strict = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}.get(type(node.ops[0]))
    return new.strip() == strict and any(map(is_drawn, (node.left, *node.comparators)))


def has_a_kernel(decorator: ast.AST) -> bool:
    """Whether a decorator replaces a function on a GPU."""
    return called(decorator) in ("on_gpu", "kernel", "gradient", "gradient_by")


def called(node: ast.AST) -> str:
    """The last name of an expression, or of what it calls: "is_on_gpu" of cuda.is_on_gpu(x)."""
    function = getattr(node, "func", node)
    return getattr(function, "attr", getattr(function, "id", ""))


def of_a_kernel(operator: str, node: ast.AST, ancestors: Ancestors) -> bool:
    """Such a decorator, and what is in it."""
    if operator == "drop a statement" and any(map(has_a_kernel, getattr(node, "decorator_list", ()))):
        return True
    pairs = itertools.pairwise((*ancestors, node))
    return any(child in getattr(parent, "decorator_list", ()) and has_a_kernel(child) for parent, child in pairs)


class OnAProcessor(ast.NodeTransformer):
    """Answers every question for a GPU with no, and leaves out what is then not executed."""

    def visit(self, node: ast.AST) -> Any:
        node = self.generic_visit(node)
        match node:
            case ast.Call(func=function) if called(function) == "is_on_gpu":
                return ast.Constant(False)
            case ast.Call(func=function, args=[x, *_]) if called(function) == "on_device_of":
                return x
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()) if called(node) == "gpu_enable":
                return ast.Constant(False)
            case ast.UnaryOp(op=ast.Not(), operand=ast.Constant(value=bool(value))):
                return ast.Constant(not value)
            case ast.BoolOp(op=op, values=values):
                decides = isinstance(op, ast.Or)  # the value that makes the others superfluous
                if any(isinstance(v, ast.Constant) and v.value is decides for v in values):
                    return ast.Constant(decides)
                rest = [v for v in values if not (isinstance(v, ast.Constant) and v.value is (not decides))]
                return ast.BoolOp(op, rest) if len(rest) > 1 else (rest or [ast.Constant(not decides)])[0]
            case ast.IfExp(test=ast.Constant(value=bool(value)), body=body, orelse=orelse):
                return body if value else orelse
            case ast.IfExp(body=body, orelse=orelse) if called(body) == "cupy":  # cupy if ... else np
                return orelse
            case ast.If(test=ast.Constant(value=bool(value)), body=body, orelse=orelse):
                return (body if value else orelse) or ast.Pass()
        return node


@functools.lru_cache(maxsize=1024)
def on_a_processor(text: str) -> str:
    """The syntax tree of a statement, as text, as far as a processor executes it."""
    return ast.dump(OnAProcessor().visit(ast.parse(text)))


def only_on_a_gpu(source: Source, top: ast.AST, start: int, end: int, new: str) -> bool:
    """Whether a change to a statement of a module makes no difference without a GPU."""
    old = source.of(top)
    if not any(word in old for word in ("is_on_gpu", "gpu_enable", "cupy", "on_device_of")):
        return False
    changed = source.between(source.start(top), start) + new + source.between(end, source.end(top))
    return start >= source.start(top) and on_a_processor(old) == on_a_processor(changed)


def unknown_length(operator: str, node: ast.AST, ancestors: Ancestors) -> bool:
    """The -1 of a reshape as -2: NumPy takes any negative number."""
    calls = (a.func for a in ancestors[-3:] if isinstance(a, ast.Call))
    negative = operator == "wrong constant" and isinstance(ancestors[-1], ast.UnaryOp)
    return negative and any(getattr(function, "attr", "") == "reshape" for function in calls)


LEFT_OUT: dict[str, Rule] = {
    "a docstring": lambda _, node, __: isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant),
    "the text of an error or a warning": lambda _, __, ancestors: is_text(ancestors),
    "the only assignment of a name: without it only a NameError": binds_a_new_name,
    "strict=True of zip, which guards against mistakes in the stage itself": keyword("strict"),
    "the line that a warning names": keyword("stacklevel"),
    "the size of a cache": keyword("maxsize"),
    "the order of the arguments of a commutative function, such as max": commutes,
    "what only a GPU executes": of_a_kernel,
    "the unknown length of a reshape, for which any negative number stands": unknown_length,
}


# File -> definitions that only a GPU executes, which no computation on a processor can expose; none stands for all.
ON_A_GPU = {
    "cuda.py": {"Kernel", "BlockKernel", "compiled", "fits"},
    "functions/kernels.py": set[str](),
    "functions/products.py": {"blas", "layout"},
    "functions/recurrent_kernels.py": set[str](),
    "functions/window_kernels.py": set[str](),
    "distributed/communicator.py": {"NCCLCommunicator"},
    "prefetch.py": {"uploading"},
}


def needs_a_gpu(file: str, definition: str) -> bool:
    """Whether only a GPU executes a definition."""
    return file in ON_A_GPU and (not ON_A_GPU[file] or definition.partition(".")[0] in ON_A_GPU[file])


def mutants(stage: Stage) -> list[Mutant]:
    """Every mutant of a stage, those that are left out included."""
    folder = stage.source
    return [
        mutant
        for path in sorted(folder.rglob("*.py"))
        for mutant in mutants_of(stage.number, path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
    ]


def mutants_of(stage: int, file: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a file: each changes it in one place, and no two are the same."""
    source = Source(text)
    seen = {text}
    twins: Counter[str] = Counter()
    for node, ancestors in source.nodes():
        scopes = scopes_of((*ancestors, node))
        definition = ".".join(scope.name for scope in scopes) or "module"
        for operator, edits in OPERATORS.items():
            if operator == "detach" and stage < 3:
                continue  # `backward` has arrays there
            for where, new in edits(node, source, ancestors):
                start, end = where if isinstance(where, tuple) else (source.start(where), source.end(where))
                reason = "a tie with a random number" if ties_with_chance(operator, node, new) else ""
                reason = reason or next((why for why, rule in LEFT_OUT.items() if rule(operator, node, ancestors)), "")
                top = (*ancestors, node)[1]
                if not reason and (needs_a_gpu(file, definition) or only_on_a_gpu(source, top, start, end, new)):
                    reason = "what only a GPU executes"
                lines = lines_of(node, ancestors)
                chain = (*ancestors, node) if operator in ("swap operands", "drop an argument") else ancestors
                calls = tuple(called(a) for a in chain if isinstance(a, ast.Call))
                mutant = Mutant(stage, file, definition, operator, source, start, end, new, lines, reason, calls=calls)
                if mutant.text not in seen:
                    seen.add(mutant.text)
                    yield dataclasses.replace(mutant, twin=twins[mutant.name])
                    twins[mutant.name] += 1
