"""Peak memory of equal work in a stage and in PyTorch, each in its own process.

Resident memory includes all allocations of a framework; tracemalloc sees those of NumPy and Python but not
PyTorch's tensors. The ratio is therefore that of resident memory.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass

from . import UsageError
from .frameworks import Framework, load_stage, load_torch
from .stages import parse_stages
from .workloads import WORKLOADS, Workload

STATUS, CLEAR = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")
STEPS = 5


@dataclass(frozen=True)
class Peak:
    """Peak memory of the work in MiB, relative to the start. traced: measured by tracemalloc, None for torch."""

    workload: str
    framework: str
    resident: float
    traced: float | None
    ratio: float


def resident(kind: str) -> float:
    """MiB of this process. kind: VmRSS for the current size, VmHWM for the peak since the last reset."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[kind].split()[0]) / 1024


def peaks(workload: Workload, frameworks: Sequence[Framework]) -> list[Peak]:
    """One workload in every framework, and the ratio to the last framework, PyTorch."""
    if not CLEAR.exists():
        raise UsageError("bench --memory: requires Linux, since it reads /proc/self")
    found = []
    for framework in frameworks:
        command = [sys.executable, "-m", "crosscheck.memory", framework.name, workload.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        found.append(json.loads(done.stdout))
    torch = found[-1]["resident"]
    return [
        Peak(workload.name, framework.name, peak["resident"], peak["traced"], peak["resident"] / torch)
        for framework, peak in zip(frameworks, found, strict=True)
    ]


def measure(framework: Framework, workload: Workload, small: Workload) -> dict[str, float | None]:
    """Run the work several times, after a small workload of its kind that starts threads and loads kernels."""
    warm_up = small.build(framework)
    for _ in range(STEPS):
        warm_up()
    work = workload.build(framework)
    before = resident("VmRSS")
    CLEAR.write_text("5")
    for _ in range(STEPS):
        work()
    peak = resident("VmHWM") - before
    if framework.number is None:
        return {"resident": peak, "traced": None}
    tracemalloc.start()
    for _ in range(2):
        work()
    return {"resident": peak, "traced": tracemalloc.get_traced_memory()[1] / 2**20}


def main() -> None:
    """`python -m crosscheck.memory FRAMEWORK WORKLOAD`: the child process."""
    name, wanted = sys.argv[1:]
    framework = load_torch() if name == "torch" else load_stage(parse_stages(name)[0])
    work = next(workload for workload in WORKLOADS if workload.name == wanted)
    small = next(workload for workload in WORKLOADS if workload.since == work.since)
    print(json.dumps(measure(framework, work, small)))


if __name__ == "__main__":
    main()
