"""`-k EXPR`: words combined with and, or, not; a word matches if it is part of a cell's name."""

from __future__ import annotations

import ast

from . import UsageError

SLASH = (
    "_slash_"  # replaces the slash, because Python's grammar parses the expression and square/stage1 must be one name
)


def matches(expression: str, name: str) -> bool:
    """Whether an expression matches a cell's name: `square and not torch`, `square/stage1/float64` -> True."""
    name = name.replace("/", SLASH)
    try:
        tree = ast.parse(expression.replace("/", SLASH), mode="eval")
    except SyntaxError:
        raise UsageError(f"-k: {expression!r} is not of the form: square and not (torch or float32)") from None

    def holds(node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return all(holds(value) for value in values)
            case ast.BoolOp(values=values):
                return any(holds(value) for value in values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not holds(operand)
            case ast.Name(id=word):
                return word in name
        raise UsageError(
            f"-k: {ast.unparse(node).replace(SLASH, '/')!r} is not a word; write for example: square and not float32"
        )

    return holds(tree.body)
