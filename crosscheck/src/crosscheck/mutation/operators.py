"""The mutation operators, one function each: for a node, the texts that may replace it or a part of it."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Iterator

from .source import Ancestors, Edit, Source, scopes_of

Operator = Callable[[ast.AST, Source, Ancestors], Iterator[Edit]]
OPERATORS: dict[str, Operator] = {}

OTHER_SYMBOL = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "/"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<=", ">="),
    ast.LtE: ("<=", "<", ">"),
    ast.Gt: (">", ">=", "<="),
    ast.GtE: (">=", ">", "<"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
PRODUCTS = (ast.Mult, ast.MatMult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
ORDERED = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)  # not commutative
COPIES = ("copy", "deepcopy", "array", "ascontiguousarray")
CHOICES = (ast.Compare, ast.keyword, ast.Subscript, ast.arguments)  # where a string is a choice, not a text
CONSTANT_ATTRIBUTES = ("data", "shape", "ndim", "size", "dtype", "constant", "xp")  # have no graph
TYPED = ("isinstance", "issubclass", "getattr", "hasattr", "setattr")  # swapped arguments are only a TypeError
PAIRS = """
    max min, argmax argmin, maximum minimum, sum mean, zeros ones, zeros_like ones_like, floor ceil, any all, sin cos,
    exp log, add subtract, multiply divide, float32 float64, int32 int64, uint8 int8, x0 x1, gx0 gx1, gx gW, gW gb,
    x W, x gy, data grad, shape size, ndim size, inputs outputs, first last, KH KW, SH SW, PH PW, OH OW, H W, N C, D H,
    kh kw, sh sw, ph pw, oh ow, height width, rows columns, row column, beta1 beta2, m v, h c, mean var, low high,
    lower upper, start stop, in_size out_size, train test
"""
PARTNERS: dict[str, list[str]] = {}
for one, other in (pair.split() for pair in PAIRS.split(",")):
    PARTNERS.setdefault(one, []).append(other)
    PARTNERS.setdefault(other, []).append(one)


def operator(name: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS[name] = function
        return function

    return register


@operator("drop a factor")
def drop_factor(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, PRODUCTS):
        yield node, source.atom(node.left)
        if isinstance(node.op, ast.Mult | ast.MatMult):
            yield node, source.atom(node.right)
        if isinstance(node.op, ast.Div) and source.of(node.left) != "1":
            yield node, f"(1 / {source.atom(node.right)})"


@operator("drop a term")
def drop_term(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield node, source.atom(node.left)
        yield node, source.atom(node.right) if isinstance(node.op, ast.Add) else f"(-{source.atom(node.right)})"
    if isinstance(node, ast.BoolOp):
        for out in node.values:
            rest = f" {OTHER_SYMBOL[type(node.op)][0]} ".join(source.atom(v) for v in node.values if v is not out)
            yield node, rest if len(node.values) == 2 else f"({rest})"


@operator("drop a statement")
def drop_statement(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    kinds = (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise, ast.Assert, ast.Break, ast.Continue)
    if isinstance(node, kinds) or (isinstance(node, ast.Return) and node.value is None):
        yield node, "pass"
    for decorator in getattr(node, "decorator_list", ()):
        yield (source.data.rindex(b"@", 0, source.start(decorator)), source.end(decorator)), ""


@operator("drop a branch")
def drop_branch(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.If(test=test):
            yield from ((test, value) for value in ("False", "True") if value != source.of(test))
        case ast.While(test=test):
            yield test, "False"
        case ast.For(iter=items):
            yield items, "()"
        case ast.IfExp(body=body, orelse=orelse):
            yield from ((node, source.atom(branch)) for branch in (body, orelse))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from ((test, "True") for generator in node.generators for test in generator.ifs)
        case ast.With(items=items) if not any(item.optional_vars for item in items):
            yield (source.start(node), source.end(items[-1].context_expr)), "if True"
        case ast.ExceptHandler(body=body):
            yield (source.start(body[0]), source.end(body[-1])), "raise"


@operator("drop a copy")
def drop_copy(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    yield from ((node, text) for name, text in unwrapped(node, source) if name in COPIES)
    match node:
        case ast.Assign(targets=[ast.Name() as target], value=ast.BinOp(left=left, op=op, right=right)):
            if source.of(target) == source.of(left) and type(op) in OTHER_SYMBOL:  # y = y + x -> y += x
                yield node, f"{source.of(target)} {OTHER_SYMBOL[type(op)][0]}= {source.of(right)}"


@operator("drop a call")
def drop_call(node: ast.AST, source: Source, ancestors: Ancestors) -> Iterator[Edit]:
    called = isinstance(ancestors[-1], ast.Call) and ancestors[-1].func is node  # Exp()(x): not a call of its own
    yield from ((node, text) for name, text in unwrapped(node, source) if name not in COPIES and not called)


def unwrapped(node: ast.AST, source: Source) -> Iterator[tuple[str, str]]:
    """f(x, ...) -> x;  x.method(...) -> x;  each with the name of what is no longer called."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[argument, *_]) if name not in TYPED and not name.endswith("Error"):
            if not isinstance(argument, ast.Starred):
                yield name, source.atom(argument)
        case ast.Call(func=ast.Attribute(value=owner, attr=name), args=arguments):
            if is_module(owner):
                yield from ((name, source.atom(a)) for a in arguments[:1] if not isinstance(a, ast.Starred))
            elif not name.endswith("_") and source.of(owner) != "self":
                yield name, source.atom(owner)


def is_module(node: ast.AST) -> bool:
    """np, xp, self.xp, math, functools."""
    return getattr(node, "id", getattr(node, "attr", "")) in ("np", "xp", "math", "functools", "copy", "pickle", "F")


@operator("drop an argument")
def drop_argument(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    if not isinstance(node, ast.Call):
        return
    everything = [*node.args, *node.keywords]
    last = node.args[1:][-1:] if isinstance(node.func, ast.Attribute) else []  # of NumPy's functions and of methods
    for out in [*last, *(k for k in node.keywords if k.arg)]:
        kept = ", ".join(source.of(a) for a in everything if a is not out)
        yield (source.end(node.func), source.end(node)), f"({kept})"


@operator("flip a sign")
def flip_sign(node: ast.AST, source: Source, ancestors: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.BinOp() | ast.AugAssign() if type(node.op) in OTHER_SYMBOL:
            left, right = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
            yield from replaced_symbol(source, left, right, node.op)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield node, source.atom(operand)
        case ast.Return(value=ast.expr() as value) if any(s.name == "backward" for s in scopes_of(ancestors)):
            for element in value.elts if isinstance(value, ast.Tuple) else [value]:
                if not isinstance(element, ast.UnaryOp | ast.Constant | ast.Starred):
                    yield element, f"-({source.of(element)})"


@operator("flip a comparison")
def flip_comparison(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    if isinstance(node, ast.Compare):
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            yield from replaced_symbol(source, left, right, op)
    if isinstance(node, ast.BoolOp):
        for left, right in itertools.pairwise(node.values):
            yield from replaced_symbol(source, left, right, node.op)


def replaced_symbol(source: Source, left: ast.AST, right: ast.AST, op: ast.AST) -> Iterator[Edit]:
    symbol, *others = OTHER_SYMBOL[type(op)]
    span = source.end(left), source.start(right)
    yield from ((span, source.between(*span).replace(symbol, other, 1)) for other in others)


@operator("swap operands")
def swap_operands(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, ORDERED):
            yield node, f"({source.atom(right)}{operator_text(source, left, right)}{source.atom(left)})"
        case ast.Call(func=function, args=arguments) if source.of(function) not in TYPED:
            yield from exchanged(source, *[a for a in arguments if not is_string(a)][:2])
        case ast.Return(value=ast.Tuple(elts=elements)) | ast.Assign(targets=[ast.Tuple(elts=elements)]):
            for pair in itertools.pairwise(elements):
                yield from exchanged(source, *pair)


def operator_text(source: Source, left: ast.AST, right: ast.AST) -> str:
    return source.between(source.end(left), source.start(right)).strip("() \n").join("  ")


def is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def exchanged(source: Source, first: ast.AST | None = None, second: ast.AST | None = None) -> Iterator[Edit]:
    if first is None or second is None or any(isinstance(a, ast.Starred) for a in (first, second)):
        return
    if source.of(first) != source.of(second):
        middle = source.between(source.end(first), source.start(second))
        yield (source.start(first), source.end(second)), source.of(second) + middle + source.of(first)


@operator("wrong name")
def wrong_name(node: ast.AST, source: Source, ancestors: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.Attribute(attr=name, value=value):
            span = source.end(value) + source.between(source.end(value), source.end(node)).index(name), source.end(node)
            yield from ((span, other) for other in PARTNERS.get(name, ()))
        case ast.Name(id=name, ctx=ast.Load()):
            others = PARTNERS.get(name, ())
            known = known_names((ancestors[0], *scopes_of(ancestors))[-1]) if others else ()
            yield from ((node, other) for other in others if other in known)


@functools.lru_cache(maxsize=1)
def known_names(scope: ast.AST) -> set[str]:
    """Names used or assigned in a scope: another name would be no more than a NameError."""
    nodes = list(ast.walk(scope))
    return {node.arg for node in nodes if isinstance(node, ast.arg)} | {
        node.id for node in nodes if isinstance(node, ast.Name)
    }


@operator("wrong constant")
def wrong_constant(node: ast.AST, source: Source, ancestors: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.Constant(value=bool(value)):
            yield node, str(not value)
        case ast.Constant(value=int(value)):
            yield node, str(value + 1)
        case ast.Constant(value=float(value)):
            yield node, str(2 * value or 1.0)
        case ast.Constant(value=str(value)) if value and isinstance(ancestors[-1], CHOICES):
            yield node, repr(value[:-1]).replace("'", '"')
        case ast.keyword(arg="axis" | "dim", value=ast.Constant(value=None) as axis):
            yield axis, "0"


@operator("off by one")
def off_by_one(node: ast.AST, source: Source, _: Ancestors) -> Iterator[Edit]:
    match node:
        case ast.Slice(lower=lower, upper=upper):
            bounds = [bound for bound in (lower, upper) if bound and not isinstance(bound, ast.Constant)]
            yield from ((bound, f"{source.atom(bound)} + 1") for bound in bounds)
        case ast.Call(func=ast.Name(id="range") | ast.Attribute(attr="arange"), args=[*_, last]):
            yield last, f"{source.atom(last)} - 1"
        case ast.Call(func=ast.Name(id="len")):
            yield node, f"({source.of(node)} - 1)"


@operator("detach")
def detach(node: ast.AST, source: Source, ancestors: Ancestors) -> Iterator[Edit]:
    """In `backward`, from stage 3 on: a Variable is replaced by one that has its data, but no graph."""
    parent = ancestors[-1]
    if isinstance(parent, ast.Attribute) and parent.attr in CONSTANT_ATTRIBUTES:
        return
    match node:
        case ast.Name(id=name, ctx=ast.Load()) if name not in ("self", "None") and is_variable(name, ancestors):
            yield node, f"type({name})({name}.data)"


def is_variable(name: str, ancestors: Ancestors) -> bool:
    """Whether a name is a parameter of `backward`, or comes from its inputs or outputs."""
    scopes = scopes_of(ancestors)
    if not scopes or not isinstance(scopes[-1], ast.FunctionDef) or scopes[-1].name != "backward":
        return False
    function = scopes[-1]
    names = {a.arg for a in function.args.args[1:]}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(n, ast.Attribute) and n.attr in ("inputs", "outputs") for n in ast.walk(node.value)
        ):
            names |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return name in names
