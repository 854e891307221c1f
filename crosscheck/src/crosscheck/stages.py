"""The stages: packages, steps, and folders."""

from __future__ import annotations

import importlib.util
import pathlib
from dataclasses import dataclass

from . import UsageError


@dataclass(frozen=True)
class Stage:
    """A package and the steps of the book that it covers."""

    number: int
    package: str
    title: str
    first_step: int
    last_step: int

    @property
    def name(self) -> str:
        return f"stage{self.number}"

    @property
    def steps(self) -> range:
        return range(self.first_step, self.last_step + 1)

    def installed(self) -> bool:
        """Whether the package can be imported; a folder of the same name that is no package has no origin."""
        spec = importlib.util.find_spec(self.package)
        return spec is not None and spec.origin is not None

    def require(self) -> None:
        """Raise UsageError if the package is not installed."""
        if not self.installed():
            raise UsageError(f"{self.name} is not installed: python -m pip install -e ./{self.package}")

    @property
    def source(self) -> pathlib.Path:
        """The folder of the package, wherever it is installed."""
        self.require()
        spec = importlib.util.find_spec(self.package)
        assert spec is not None
        assert spec.origin is not None
        return pathlib.Path(spec.origin).parent

    @property
    def folder(self) -> pathlib.Path:
        """The stage's folder in the repository, with its steps and lessons."""
        folder = self.source.parents[1]
        if not (folder / "lessons.toml").is_file():
            raise UsageError(
                f"{self.name} is installed without its steps and lessons: "
                f"from the repository's folder, python -m pip install -e ./{self.package}"
            )
        return folder


STAGES = [
    Stage(1, "stage1_autodiff", "automatic differentiation", 1, 10),
    Stage(2, "stage2_natural_code", "natural code", 11, 24),
    Stage(3, "stage3_higher_order", "derivatives of any order", 25, 36),
    Stage(4, "stage4_neural_nets", "neural networks", 37, 51),
    Stage(5, "stage5_advanced", "GPU, convolution, recurrence", 52, 60),
]


def parse_stages(text: str) -> list[Stage]:
    """`1,3` or `stage1,stage3` -> these stages, in order."""
    chosen = set()
    for word in text.split(","):
        found = [stage for stage in STAGES if word.strip() in (stage.name, str(stage.number))]
        if not found:
            known = ", ".join(stage.name for stage in STAGES)
            raise UsageError(f"unknown stage {word.strip()!r}; there is {known}")
        chosen.update(found)
    return sorted(chosen, key=lambda stage: stage.number)


def one_stage(text: str, command: str) -> Stage:
    """`3` or `stage3` -> this stage. Raises UsageError, which begins with the command, for several."""
    found = parse_stages(text)
    if len(found) != 1:
        raise UsageError(f"{command}: expected one stage, got {text!r}")
    return found[0]
