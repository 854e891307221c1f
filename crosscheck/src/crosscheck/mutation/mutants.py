"""All mutants of a stage, and which of them are left out, with the reason."""

from __future__ import annotations

import ast
import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator

from ..stages import Stage
from .operators import OPERATORS
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
    """The arguments of max or min in another order."""
    function = node.func if operator == "swap operands" and isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", "")) in ("max", "min", "maximum", "minimum")


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


def asks_for_a_gpu(test: ast.AST) -> bool:
    """Whether a condition holds only if there is a GPU."""
    match test:
        case ast.BoolOp(op=ast.And(), values=values):
            return any(map(asks_for_a_gpu, values))
        case ast.Call(func=function):
            return getattr(function, "attr", getattr(function, "id", "")) == "is_on_gpu"
    return getattr(test, "attr", getattr(test, "id", "")) == "gpu_enable"


def has_a_kernel(decorator: ast.AST) -> bool:
    """Whether a decorator replaces a function on a GPU."""
    function = getattr(decorator, "func", None)
    return getattr(function, "attr", getattr(function, "id", "")) in ("on_gpu", "kernel", "gradient", "gradient_by")


def on_a_gpu(operator: str, node: ast.AST, ancestors: Ancestors) -> bool:
    """What follows such a condition, and such decorators."""
    if operator == "drop a statement" and any(map(has_a_kernel, getattr(node, "decorator_list", ()))):
        return True
    for parent, child in itertools.pairwise((*ancestors, node)):
        match parent:
            case ast.If(test=test, body=body) if child in body and asks_for_a_gpu(test):
                return True
            case ast.IfExp(test=test, body=body) if child is body and asks_for_a_gpu(test):
                return True
            case ast.BoolOp(op=ast.And(), values=[*_, last]) if child is last and asks_for_a_gpu(parent.values[0]):
                return True
            case ast.FunctionDef(decorator_list=decorators) if child in decorators and has_a_kernel(child):
                return True
    return False


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
    "the order of the arguments of max and min": commutes,
    "what only a GPU executes": on_a_gpu,
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
                reason = "what only a GPU executes" if needs_a_gpu(file, definition) else ""
                reason = reason or ("a tie with a random number" if ties_with_chance(operator, node, new) else "")
                reason = reason or next((why for why, rule in LEFT_OUT.items() if rule(operator, node, ancestors)), "")
                lines = lines_of(node, ancestors)
                mutant = Mutant(stage, file, definition, operator, source, start, end, new, lines, reason)
                if mutant.text not in seen:
                    seen.add(mutant.text)
                    yield dataclasses.replace(mutant, twin=twins[mutant.name])
                    twins[mutant.name] += 1
