"""A stage whose computations are functions given to `hybridize`, so that what is compared is a replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .book import BookStyle

PROGRAM = "program"


class Hybridized(BookStyle):
    """Runs each computation twice with copies of its inputs, which trace it, then with the inputs themselves."""

    def __init__(self, plain: BookStyle):
        super().__init__(plain.name, plain.modules, plain.number)
        self.plain = self.without = plain
        self.owns_gradients = False  # of a function that differentiates itself, the call before has some already
        self.hybrids: list[Any] = []

    @property
    def label(self) -> str:
        return f"{self.name}@hybrid"

    def run(self, body: Callable[..., Any], variables: Sequence[Any]) -> Any:
        plain = self.without
        hybrid = plain.hybridize(lambda *xs: body(plain, *xs))
        before = np.random.get_state()
        hybrid(*[plain.Variable(np.array(x.data)) for x in variables])
        np.random.set_state(before)
        self.hybrids.append(hybrid)
        return hybrid(*variables)

    def noted(self) -> str:
        """What the calls since the note before were: "program", forward and gradients, or why not."""
        found = [one for hybrid in self.hybrids for one in hybrid.programs()]
        self.hybrids = []
        reasons = [one["reason"] for one in found if one["state"] != PROGRAM]
        reasons += [f"gradients: {text}" for one in found for text in one["gradients"] if text != PROGRAM]
        return next(iter(reasons), PROGRAM if found else "")
