"""A source file as text and syntax tree, and its mutants."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Ancestors = tuple[ast.AST, ...]  # from the module down to the parent
Edit = tuple[ast.AST | tuple[int, int], str]  # a node, or a span of bytes, and the text that replaces it
ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict, ast.Set, ast.ListComp)


class Source:
    """The text of a file, its syntax tree, and which text belongs to which node."""

    def __init__(self, text: str):
        self.text = text
        self.data = text.encode()  # the columns of a syntax tree count bytes
        self.tree = ast.parse(text)
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def start(self, node: ast.AST) -> int:
        return self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined, no-any-return]

    def end(self, node: ast.AST) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined, no-any-return]

    def between(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def of(self, node: ast.AST) -> str:
        """The text of a node, without the parentheses around it."""
        return self.between(self.start(node), self.end(node))

    def atom(self, node: ast.AST) -> str:
        """The text of a node, in parentheses unless it can be an operand of anything."""
        text = self.of(node)
        return text if isinstance(node, ATOMS) or (isinstance(node, ast.Tuple) and text[0] == "(") else f"({text})"

    def line(self, position: int) -> int:
        """The number of the line of a byte."""
        return self.data.count(b"\n", 0, position) + 1

    def nodes(self) -> Iterator[tuple[ast.AST, Ancestors]]:
        """All nodes with a position, in the order of the text, each with its ancestors; f-strings are not entered."""

        def below(node: ast.AST, ancestors: Ancestors) -> Iterator[tuple[ast.AST, Ancestors]]:
            if hasattr(node, "lineno"):
                yield node, ancestors
            if not isinstance(node, ast.JoinedStr):  # a text; Python 3.11 does not know the positions in it
                for child in ast.iter_child_nodes(node):
                    yield from below(child, (*ancestors, node))

        return below(self.tree, ())


@dataclass(frozen=True)
class Mutant:
    """A change to one file of a stage: the bytes from start to end are replaced by `new`.

    lines: those of which a test must execute at least one; None for any of the file. left_out: why the mutant is not
    planted, if it is not. twin: 0, or 1, 2, ... if an earlier one of this definition has the same operator and diff.
    calls: the names of the functions in whose calls it is, but for those that it drops.
    """

    stage: int
    file: str
    definition: str
    operator: str
    source: Source
    start: int
    end: int
    new: str
    lines: range | None
    left_out: str = ""
    twin: int = 0
    calls: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"stage{self.stage}/{self.file}:{self.source.line(self.start)}"

    @property
    def where(self) -> str:
        """The file and the definition."""
        return f"{self.file} {self.definition}"

    @property
    def diff(self) -> str:
        """The changed lines before and after, each as one line."""
        data = self.source.data
        first, last = data.rfind(b"\n", 0, self.start) + 1, data.find(b"\n", self.end)
        before, after = data[first : self.start].decode(), data[self.end : last].decode()
        old = self.source.between(self.start, self.end)
        return " -> ".join(" ".join((before + middle + after).split()) for middle in (old, self.new))

    @property
    def name(self) -> str:
        """The mutant independently of stage and line: how the file of equivalent mutants names it."""
        twin = f" ({self.twin + 1})" if self.twin else ""
        return f"{self.where}: {self.operator}: {self.diff}{twin}"

    @property
    def text(self) -> str:
        """The whole mutated file."""
        return self.source.between(0, self.start) + self.new + self.source.between(self.end, len(self.source.data))

    @property
    def key(self) -> str:
        """A hash of stage, file and mutated text."""
        return digest(str(self.stage), self.file, self.text)


def digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def scopes_of(ancestors: Sequence[ast.AST]) -> list[ast.FunctionDef | ast.ClassDef]:
    return [a for a in ancestors if isinstance(a, ast.FunctionDef | ast.ClassDef)]


def lines_of(node: ast.AST, ancestors: Ancestors) -> range | None:
    """The lines of the statement, or of what it defines if it is executed at import."""
    chain = (*ancestors, node)
    statement = next(a for a in reversed(chain) if isinstance(a, ast.stmt | ast.ExceptHandler))
    inside = scopes_of(chain[: chain.index(statement)])
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):  # a default value, a decorator
        return range(statement.body[0].lineno, (statement.end_lineno or 0) + 1)
    if not inside:
        return None
    if isinstance(inside[-1], ast.ClassDef):
        return range(inside[-1].lineno, (inside[-1].end_lineno or 0) + 1)
    body = getattr(statement, "body", None)
    last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno or 0
    return range(statement.lineno, last + 1)
