"""What a program does, recorded in the package of its stage: its graph, every forward and backward call in order."""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import runpy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from .page import HERE

RECORDED = HERE / "recorded"
DIGITS = 4
MOST = 4  # numbers shown of an array


@dataclass(frozen=True)
class Node:
    """A variable, or a function, of a graph."""

    number: int
    label: str
    function: bool
    generation: int
    value: str = ""
    shape: str = ""
    layer: int = 0


@dataclass(frozen=True)
class Event:
    """A moment. shown: the nodes that exist from now on; grads: gradients that change, None for one that is deleted."""

    kind: str  # forward, start, backward, end
    node: int  # the function, or the variable in which a pass starts
    generation: int
    shown: tuple[int, ...] = ()
    grads: tuple[tuple[int, str | None], ...] = ()
    sums: tuple[tuple[int, str], ...] = ()  # how a gradient was accumulated: `1 + 1 = 2`


@dataclass
class Trace:
    """A program, its graph and its events."""

    name: str
    step: int
    title: str
    text: str
    source: str
    nodes: list[Node]
    edges: list[tuple[int, int]]
    events: list[Event]
    final: dict[str, Any] = field(default_factory=dict)  # name -> gradient, as the framework has it


def traces() -> list[Trace]:
    """All recorded programs, by step."""
    return [record(path) for path in sorted(RECORDED.glob("*.py"))]


def number(x: float) -> str:
    """A number with a few digits."""
    return f"{float(x):.{DIGITS}g}".replace("e+0", "e").replace("e-0", "e-")


def text_of(a: Any) -> str:
    """An array: the number, or a few of its elements."""
    flat = np.asarray(a).ravel()
    if np.ndim(a) == 0:
        return number(flat[0])
    inner = ", ".join(number(x) for x in flat[:MOST])
    return f"[{inner}{', …' if flat.size > MOST else ''}]"


class Recorder:
    """Collects variables and functions in the order in which they appear."""

    def __init__(self) -> None:
        self.objects: list[Any] = []  # variables and functions; kept alive, so that ids are unique
        self.functions: set[int] = set()
        self.numbers: dict[int, int] = {}
        self.edges: list[tuple[int, int]] = []
        self.events: list[Event] = []
        self.gradients: dict[int, Any] = {}  # of the present pass, by number

    def number(self, one: Any) -> int:
        if id(one) not in self.numbers:
            self.numbers[id(one)] = len(self.objects)
            self.objects.append(one)
        return self.numbers[id(one)]

    def call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Function.__call__ that records."""

        def recorded(f: Any, *inputs: Any) -> Any:
            result = original(f, *inputs)
            outputs = result if isinstance(result, list) else [result]
            if outputs[0].creator is f:  # a graph is being recorded
                known = set(self.numbers.values())
                ins = [self.number(x) for x in (f.inputs if hasattr(f, "inputs") else [f.input])]
                node = self.number(f)
                self.functions.add(node)
                outs = [self.number(y) for y in outputs]
                self.edges += [(x, node) for x in dict.fromkeys(ins)] + [(node, y) for y in outs]
                shown = tuple(n for n in dict.fromkeys([*ins, node, *outs]) if n not in known)
                self.events.append(Event("forward", node, generation_of(f), shown))
                f.backward = self.backward(f, f.backward, node, ins)
            return result

        return recorded

    def backward(self, f: Any, original: Callable[..., Any], node: int, ins: list[int]) -> Callable[..., Any]:
        """The backward of a function that records."""

        def recorded(*gys: Any) -> Any:
            result = original(*gys)
            grads: dict[int, str | None] = {}
            sums = []
            for n, gx in zip(ins, result if isinstance(result, tuple) else (result,), strict=True):
                if gx is None:  # of a constant
                    continue
                gx = gx.data if hasattr(gx, "creator") else gx  # an array up to stage 2
                if n in self.gradients:
                    total = self.gradients[n] + gx
                    sums.append((n, f"{text_of(self.gradients[n])} + {text_of(gx)} = {text_of(total)}"))
                    gx = total
                self.gradients[n] = gx
                grads[n] = text_of(gx)
            self.events.append(Event("backward", node, generation_of(f), (), tuple(grads.items()), tuple(sums)))
            return result

        return recorded

    def run(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Variable.backward that records where a pass starts and what is left at its end."""

        def recorded(y: Any, *arguments: Any, **options: Any) -> None:
            start = self.number(y)
            kept = [n for n, one in enumerate(self.objects) if n not in self.functions and one.grad is not None]
            gone = [(n, None) for n in self.gradients if n not in kept and n != start]
            self.gradients = {start: np.ones_like(y.data)}
            first = (start, text_of(self.gradients[start]))
            self.events.append(Event("start", start, generation_of(y), (), (*gone, first)))
            original(y, *arguments, **options)
            gone = [
                (n, None)
                for n, one in enumerate(self.objects)
                if n not in self.functions and n in self.gradients and one.grad is None
            ]
            self.events.append(Event("end", start, 0, (), tuple(gone)))

        return recorded


def generation_of(f: Any) -> int:
    """The generation of a function or variable: in stage 1, which has none, its place in the chain."""
    if hasattr(f, "generation"):
        return int(f.generation)
    if hasattr(f, "input"):
        return generation_of(f.input)
    creator = getattr(f, "creator", None)
    return 0 if creator is None else generation_of(creator) + 1


def record(path: pathlib.Path) -> Trace:
    """Run a program and record it."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    heading, _, text = (ast.get_docstring(tree) or "").partition("\n\n")
    found = re.fullmatch(r"(.*)\. \[step (\d+)\]", heading)
    assert found is not None, f"{path.name} needs a title and a step"
    package = re.findall(r"^(?:from|import) (stage\d_\w+)", source, re.MULTILINE)[0]
    core = importlib.import_module(f"{package}.core")
    recorder = Recorder()
    with ExitStack() as stack:
        for owner, name, wrapper in (
            (core.Function, "__call__", recorder.call),
            (core.Variable, "backward", recorder.run),
        ):
            stack.enter_context(patch.object(owner, name, wrapper(getattr(owner, name))))
        scope = runpy.run_path(str(path))
    names = {id(one): name for name, one in scope.items() if isinstance(one, core.Variable)}
    names |= {id(one.data): name for name, one in scope.items() if isinstance(one, core.Variable)}
    arrays = {id(one): name for name, one in scope.items() if isinstance(one, np.ndarray)}
    nodes = list(nodes_of(recorder, {**arrays, **names}))
    body = "\n".join(source.splitlines()[tree.body[0].end_lineno or 0 :]).strip("\n")
    final = {name: one.grad for name, one in scope.items() if isinstance(one, core.Variable) and one.grad is not None}
    about = (path.stem, int(found[2]), found[1], " ".join(text.split()), body)
    return Trace(*about, nodes, recorder.edges, recorder.events, final)


def nodes_of(recorder: Recorder, names: dict[int, str]) -> Iterator[Node]:
    """The nodes, with their layers: a function is below all its inputs, a leaf is just above its first function."""
    for n, one in enumerate(recorder.objects):
        if n in recorder.functions:
            generation = generation_of(one)
            yield Node(n, type(one).__name__, True, generation, layer=2 * generation + 1)
        else:
            users = [generation_of(recorder.objects[f]) for x, f in recorder.edges if x == n]
            generation = generation_of(one)
            layer = 2 * (min(users) if one.creator is None and users else generation)
            label = names.get(id(one), names.get(id(one.data), ""))
            shape = str(one.data.shape) if one.data.ndim else ""
            yield Node(n, label, False, generation, text_of(one.data), shape, layer)


def said(event: Event, nodes: Sequence[Node]) -> str:
    """An event in words."""
    name = nodes[event.node].label
    sums = "; ".join(f"{nodes[n].label or 'a variable'}: {text}" for n, text in event.sums)
    match event.kind:
        case "forward":
            return f"{name}, generation {event.generation}: forward"
        case "start":
            return f"{name}.backward(): the initial gradient is ones"
        case "backward":
            return f"{name}, generation {event.generation}: backward" + (f"; accumulated, {sums}" if sums else "")
    return "The gradients of the leaves stay" + ("; the others are deleted" if event.grads else ", and all others, too")


def frames(trace: Trace) -> list[dict[str, Any]]:
    """The events as data for the player."""
    return [
        {"node": one.node, "shown": one.shown, "grads": one.grads, "said": said(one, trace.nodes)}
        for one in trace.events
    ]
