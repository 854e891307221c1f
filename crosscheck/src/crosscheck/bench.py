"""The same work in every stage, in PyTorch and in the published original, interleaved in one process.

Absolute times mean little on a shared machine, so the result is the ratio of medians, with the quartiles of the
ratios of single rounds.
"""

from __future__ import annotations

import gc
import pathlib
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import threadpoolctl
from rich.table import Table

from . import UsageError
from .ending import ended_early
from .frameworks import BookStyle, Framework, load_stage, load_torch
from .memory import Peak, peaks
from .report.out import console, output, track
from .select import matches
from .stages import STAGES, parse_stages
from .workloads import WORKLOADS, Work, Workload

WARM_UP = 3
LEAST_SECONDS = 2e-3  # a sample repeats work that is shorter than this


@dataclass(frozen=True)
class Timing:
    """One workload in one framework. ratio: median over torch's median; quartiles of the rounds' ratios."""

    workload: str
    framework: str
    median_s: float
    ratio: float
    quartiles: tuple[float, float]


def original() -> tuple[BookStyle | None, str]:
    """The published package `dezero`, if it can be imported; otherwise why not."""
    try:
        return BookStyle.from_package("dezero", "dezero"), ""
    except ModuleNotFoundError as error:
        if error.name == "dezero":
            return None, "dezero, the published original, is not installed"
        return None, f"dezero, the published original, cannot be imported: {error}"
    except Exception as error:  # an old package may fail in any way on current NumPy
        said = str(error).partition("\n")[0]
        return None, f"dezero, the published original, cannot be imported: {type(error).__name__}: {said}"


def sample(work: Work, repeats: int) -> float:
    """Seconds that the work takes, the mean over the repeats."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def measure(works: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Seconds by framework and round. Every round times each framework once and starts with a different one."""
    repeats: dict[str, int] = {}
    for name, work in works.items():
        for _ in range(WARM_UP):
            once = sample(work, 1)
        repeats[name] = max(1, round(LEAST_SECONDS / once))
    names = list(works)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        gc.collect()  # no round collects the garbage of another; during it the collector runs as usual
        for name in [*names[i % len(names) :], *names[: i % len(names)]]:
            seconds[name].append(sample(works[name], repeats[name]))
    return seconds


def timings(workload: str, seconds: Mapping[str, Sequence[float]], reference: str) -> list[Timing]:
    """Medians, ratios of medians to the reference, and quartiles of the ratios round by round."""
    base = statistics.median(seconds[reference])
    found = []
    for name, samples in seconds.items():
        rounds = [a / b for a, b in zip(samples, seconds[reference], strict=True)]
        low, _, high = statistics.quantiles(rounds, n=4, method="inclusive")  # never outside the data
        found.append(Timing(workload, name, statistics.median(samples), statistics.median(samples) / base, (low, high)))
    return found


def machine(torch: Any) -> dict[str, Any]:
    """The environment of the measurements: versions, thread counts, BLAS and its kernels."""
    pools = [
        {key: pool.get(key) for key in ("internal_api", "version", "num_threads", "architecture", "prefix")}
        for pool in threadpoolctl.threadpool_info()
    ]
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "pools": pools,
    }


def kernels_hint(pools: Sequence[Mapping[str, Any]], cpuinfo: pathlib.Path = pathlib.Path("/proc/cpuinfo")) -> str:
    """Advice if OpenBLAS does not use what the processor supports; empty if it does, or if that is unknown."""
    wide = cpuinfo.is_file() and "avx512f" in cpuinfo.read_text().split()
    if wide and any(pool["architecture"] == "Haswell" for pool in pools):
        return "this processor has AVX-512, but OpenBLAS runs its Haswell kernels: try OPENBLAS_CORETYPE=SkylakeX"
    return ""


def geometric_means(found: Sequence[Timing]) -> dict[str, float]:
    """Geometric means of the ratios of each framework, and of all stages together."""
    stages = {stage.name for stage in STAGES}
    ratios: dict[str, list[float]] = {}
    for timing in found:
        ratios.setdefault(timing.framework, []).append(timing.ratio)
    ratios["all stages"] = [timing.ratio for timing in found if timing.framework in stages]
    return {name: statistics.geometric_mean(values) for name, values in ratios.items() if values}


def describe(found: Mapping[str, Any]) -> str:
    """The machine on one line."""
    pools = [
        f"{pool['internal_api']} {pool['version'] or ''} {pool['architecture'] or ''} x{pool['num_threads']}"
        for pool in found["pools"]
    ]
    versions = f"Python {found['python']}, NumPy {found['numpy']}, torch {found['torch']}"
    return f"{versions} with {found['torch_threads']} threads; {', '.join(' '.join(pool.split()) for pool in pools)}"


def chosen(stages: str | None, expression: str | None) -> tuple[list[Workload], list[Framework]]:
    """The workloads and the stages that the options choose."""
    workloads = [w for w in WORKLOADS if not expression or matches(expression, w.name)]
    if not workloads:
        raise UsageError(f"no workload matches -k {expression!r}; there is {', '.join(w.name for w in WORKLOADS)}")
    return workloads, [load_stage(stage) for stage in (parse_stages(stages) if stages else STAGES)]


def supporting(workload: Workload, frameworks: Sequence[Framework]) -> list[Framework]:
    """The frameworks that support the workload."""
    supported = [f for f in frameworks if f.number is None or f.number >= workload.since]
    return [f for f in supported if f.name != "dezero" or workload.book]


def check_rounds(rounds: int) -> None:
    """Raise UsageError if there are too few."""
    if rounds < 2:
        raise UsageError(f"--rounds: expected at least 2, for the quartiles, got {rounds}")


def bench_report(
    stages: str | None, expression: str | None, rounds: int, threads: int | None, json_target: str | None
) -> int:
    """`crosscheck bench`: the table of ratios."""
    check_rounds(rounds)
    if threads is not None and threads < 1:
        raise UsageError(f"--threads: expected at least 1, got {threads}")
    workloads, frameworks = chosen(stages, expression)
    reference = load_torch()
    import torch

    published, why_not = original()
    frameworks += [reference, *([published] if published else [])]
    found: list[Timing] = []
    with ExitStack() as stack:
        if threads is not None:
            stack.enter_context(threadpoolctl.threadpool_limits(threads))
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(threads)
        on = machine(torch)
        with ended_early() as ending:
            for workload in track(workloads, len(workloads), lambda workload: workload.name, "workloads"):
                works = {f.name: workload.build(f) for f in supporting(workload, frameworks)}
                found += timings(workload.name, measure(works, rounds), reference.name)
    notes = [note for note in (kernels_hint(on["pools"]), why_not) if note]
    if ending.word:
        measured = {timing.workload for timing in found}
        notes.append(f"{ending.word} after {len(measured)} of {len(workloads)} workloads")
    data = {
        "ended": ending.word,
        "machine": on,
        "rounds": rounds,
        "timings": [vars(timing) for timing in found],
        "geometric_means": geometric_means(found),
        "notes": notes,
    }
    output(data, json_target, lambda: print_timings(workloads, found, [describe(on), *notes]))
    return ending.status


def memory_report(stages: str | None, expression: str | None, json_target: str | None) -> int:
    """`crosscheck bench --memory`: the table of peaks."""
    workloads, frameworks = chosen(stages, expression)
    frameworks.append(load_torch())
    steps = [workload for workload in workloads if workload.memory]
    if not steps:
        raise UsageError("--memory: none of these workloads is a training step")
    found: list[Peak] = []
    with ended_early() as ending:
        for workload in track(steps, len(steps), lambda workload: workload.name, "workloads"):
            found += peaks(workload, supporting(workload, frameworks))

    def show() -> None:
        table = Table(title="growth of memory at its peak, in MiB; ratio to torch's", title_justify="left")
        for title in ("workload", "framework", "resident", "tracemalloc", "ratio"):
            table.add_column(title, justify="left" if title in ("workload", "framework") else "right")
        for peak in found:
            traced = "" if peak.traced is None else f"{peak.traced:.1f}"
            table.add_row(peak.workload, peak.framework, f"{peak.resident:.1f}", traced, f"{peak.ratio:.2f}")
        console().print(table)
        if ending.word:
            print(f"{ending.word} after {len({peak.workload for peak in found})} of {len(steps)} workloads")

    output({"ended": ending.word, "peaks": [vars(peak) for peak in found]}, json_target, show)
    return ending.status


def print_timings(workloads: Sequence[Workload], found: Sequence[Timing], notes: Sequence[str]) -> None:
    out = console()
    table = Table(title="ratio: median time / torch's median; below 1 is faster", title_justify="left")
    for title in ("workload", "framework", "median", "ratio", "quartiles"):
        table.add_column(title, justify="left" if title in ("workload", "framework") else "right")
    for workload in workloads:
        for timing in (t for t in found if t.workload == workload.name):
            low, high = timing.quartiles
            table.add_row(
                workload.name,
                timing.framework,
                f"{timing.median_s * 1e3:.3f} ms",
                f"{timing.ratio:.2f}",
                f"{low:.2f}-{high:.2f}",
            )
        table.add_section()
    for framework, mean in geometric_means(found).items():
        table.add_row("geometric mean", framework, "", f"{mean:.2f}", "")
    out.print(table)
    for note in notes:
        out.print(note, style="dim")
