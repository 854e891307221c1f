"""Central differences: compare the slope of a framework's own values with its gradients."""

from collections.abc import Iterator

from ..trial import Failure, Trial


def against_differences(trial: Trial) -> Iterator[Failure]:
    """Check the gradients of each order along a random direction, independently of PyTorch."""
    if not trial.sloped:
        return
    for order, gradients in enumerate(trial.outcome.gradients, 1):
        if not trial.backed(gradients, order):
            along = sum(float((g * d).sum()) for g, d in zip(gradients, trial.direction, strict=True))
            yield Failure(
                "differences",
                f"{trial.case.name}: order {order}: central differences of {trial.framework.name}'s own values give "
                f"{trial.slope(order).value:.10g} along a random direction, its gradient gives {along:.10g}",
            )


def witness(trial: Trial, order: int) -> str:
    """If a framework and PyTorch disagree about gradients, say which of them agrees with central differences."""
    assert trial.reference is not None
    ours = trial.backed(trial.outcome.gradients[order - 1], order)
    theirs = trial.backed(trial.reference.precise.gradients[order - 1], order)
    if ours and theirs:
        return "both agree with central differences"
    name = trial.framework.name if ours else "PyTorch" if theirs else "neither"
    return f"central differences agree with {name}"
