"""`-k EXPR`: words joined by and, or, not; a word holds where it is part of a cell's name."""

from __future__ import annotations

import ast

from . import UsageError

SLASH = "_slash_"  # Python's grammar does the parsing, so that a name such as square/stage1 is made one word


def matches(expression: str, name: str) -> bool:
    """`square and not torch` on `square/stage1/float64` -> True."""
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
