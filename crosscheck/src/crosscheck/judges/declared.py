"""Compare what the other judges found in a whole cell with what is declared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..computations import Computation
from ..frameworks import Framework, Missing
from ..raised import lacking
from ..stages import STAGES
from ..trial import Failure

STAGE_NAMES = [stage.name for stage in STAGES]


@dataclass(frozen=True)
class Verdict:
    """The state of a cell, the declared reason for it, and the failures of a red one; see Cell."""

    state: str
    reason: str = ""
    failures: list[Failure] = field(default_factory=list)
    lacks: str = ""


def red(kind: str, text: str, before: Sequence[Failure] = ()) -> Verdict:
    """A cell that failed for one more reason."""
    return Verdict("failed", failures=[*before, Failure(kind, text)])


def difference(computation: Computation, framework: Framework, dtype: str) -> str | None:
    """The declared reason why a framework differs here, if any."""
    own = framework.differs
    return (
        computation.differs.get(framework.name) or own.get(computation.name) or own.get(f"{computation.name}/{dtype}")
    )


def too_early(computation: Computation, framework: Framework) -> bool:
    """Whether the stage is not expected to support the computation."""
    return framework.number is not None and framework.number < computation.since


def on_values(
    computation: Computation, framework: Framework, dtype: str, failures: Sequence[Failure], with_torch: bool
) -> Verdict:
    """The verdict on a computation that returns values. Without PyTorch a declared difference is not visible."""
    if too_early(computation, framework):
        return on_early(computation, computation.declared_failure(framework.number or 0), dtype, failures, with_torch)
    reason = difference(computation, framework, dtype)
    if reason and (failures or not with_torch):
        return Verdict("differs", reason)
    if reason:
        return red("undeclared", f"declared to differ ({reason}), but is equal")
    if failures:
        return Verdict("failed", failures=list(failures))
    return Verdict("equal", computation.why_budget)


def on_early(computation: Computation, how: str, dtype: str, failures: Sequence[Failure], with_torch: bool) -> Verdict:
    """A stage that does not support the computation yet must fail in the declared way, missing or wrong."""
    kinds = {failure.kind for failure in failures}
    first = failures[0].text if failures else "everything equal"
    by_both = "differences" in kinds or "value" in kinds or dtype != "float64"  # differences need float64
    refuted = ("torch" in kinds and by_both) or not with_torch
    if (how == "missing" and kinds == {"missing"}) or (how == "wrong" and refuted):
        return Verdict("unsupported", f"{how}: {first}")
    return red("undeclared", f"should be {how} before stage {computation.since}, but: {first}", failures)


def on_lack(framework: Framework, error: BaseException, said: str) -> Verdict:
    """A custom framework may lack any name; if it declares what it lacks, only those."""
    name = lacking(error)
    if framework.lacks is None or name in framework.lacks:
        return Verdict("unsupported", said, lacks=name)
    text = f"{said}; `lacks` in {framework.name} does not list {name!r}"
    return Verdict("failed", failures=[Failure("undeclared", text)], lacks=name)


def on_error(computation: Computation, framework: Framework, dtype: str, error: BaseException | None) -> Verdict:
    """A stage must raise exactly the expected error; another framework any, unless declared to accept the input.

    A custom framework may accept what PyTorch or a later stage accepts.
    """
    assert computation.raises is not None
    kind, text = computation.raises[0], computation.expected_text(framework.number)
    reason = difference(computation, framework, dtype)
    if error is None:
        others = [computation.differs[name] for name in (*STAGE_NAMES, "torch") if name in computation.differs]
        if reason or (framework.custom and others):
            return Verdict("differs", reason or others[0])
        return red("undeclared", f"raised nothing; expected {kind.__name__}: {text}")
    said = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
    if too_early(computation, framework):
        return Verdict("unsupported", said)
    if isinstance(error, Missing) and reason:
        return Verdict("differs", reason)
    if isinstance(error, AttributeError) and framework.custom:
        return on_lack(framework, error, said)
    if isinstance(error, Missing) and framework.number is None:
        return Verdict("unsupported", said)
    if reason:
        return red("undeclared", f"declared to accept this ({reason}), but raised {said}")
    if framework.number is not None and not (type(error) is kind and says(text, str(error))):
        return red("exception", f"raised {said}; expected {kind.__name__}: {text}")
    return Verdict("error", said)


def says(pattern: str, text: str) -> bool:
    """Whether a text is as declared; ... stands for any part of it."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("..."))), text, re.DOTALL) is not None
