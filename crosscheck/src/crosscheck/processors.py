"""`python -m crosscheck.processors`: run the matrix and the tests with the kernels of other processors.

NumPy and OpenBLAS choose kernels by processor, and kernels round differently. Environment variables make them choose
as on a smaller processor, so that one machine shows the results of several; all must pass. Run it in the root of the
repository, with the names of settings as arguments to run only these.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import threadpoolctl

from .frameworks.base import DTYPES
from .stages import STAGES

# Kernels and the CPU features they need.
KERNELS = {"Haswell": ("AVX2", "FMA3"), "SkylakeX": ("AVX512_SKX",), "Zen": ("AVX2", "FMA3")}
# The full matrix runs only in these: with AVX-512, and with nothing beyond AVX.
FULL = ("OPENBLAS_CORETYPE=SkylakeX", "without AVX2")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
QUICK = (sys.executable, "-m", "crosscheck", "run", "--quick", "--dtype", ",".join(DTYPES))
MATRIX = (sys.executable, "-m", "crosscheck", "run")


@dataclass(frozen=True)
class Setting:
    """Environment variables, and a name for them."""

    name: str
    variables: Mapping[str, str]


def numpys_features() -> tuple[list[str], list[str]]:
    """The features of this processor for which NumPy has separate code: names for AVX-512, and names for AVX2."""
    core = importlib.import_module("numpy._core._multiarray_umath")
    found = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    wide = [name for name in found if name.startswith("AVX512") or name == "X86_V4"]
    return wide, [name for name in found if name in ("AVX2", "FMA3", "X86_V3")]


def settings() -> tuple[list[Setting], list[str]]:
    """The settings that this machine can run, and the reasons why others are left out."""
    chosen, left_out = [], []
    features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    blas = {pool["internal_api"] for pool in threadpoolctl.threadpool_info()}
    for kernel, needed in KERNELS.items():
        name = f"OPENBLAS_CORETYPE={kernel}"
        if "openblas" not in blas:
            left_out.append(f"{name}: NumPy computes products with {', '.join(sorted(blas)) or 'its own loops'}")
        elif not all(features.get(feature) for feature in needed):
            left_out.append(f"{name}: this processor ({platform.machine()}) has no {' and '.join(needed)}")
        else:
            chosen.append(Setting(name, {"OPENBLAS_CORETYPE": kernel}))
    wide, narrow = numpys_features()
    for name, own, names in (("without AVX-512", wide, wide), ("without AVX2", narrow, [*narrow, *wide])):
        if own:
            chosen.append(Setting(name, {"NPY_DISABLE_CPU_FEATURES": " ".join(names)}))
        else:
            left_out.append(f"{name}: NumPy uses none on this processor ({platform.machine()})")
    return chosen or [Setting("as it is", {})], left_out


def tests_of_stages() -> tuple[str, ...]:
    """The command for the tests of all stages, except those that run steps and examples."""
    folders = [str(stage.folder) for stage in STAGES]
    ignored = [
        f"--ignore={stage.folder / 'tests' / name}"
        for stage in STAGES
        for name in ("test_steps.py", "test_examples.py")
    ]
    return (sys.executable, "-m", "pytest", "-q", "--no-header", *folders, *ignored)


def run(what: str, command: Sequence[str], setting: Setting, threads: int) -> bool:
    """Run a command in a setting; print one line, and the end of its output if it fails."""
    variables = {**setting.variables, **dict.fromkeys(THREADS, str(threads))}
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)
    state = "ok" if done.returncode == 0 else f"FAILED, status {done.returncode}"
    print(f"{setting.name}, threads {threads}: {what}: {state} ({time.perf_counter() - start:.0f} s)", flush=True)
    if done.returncode != 0:
        words = [f"{key}={value!r}" for key, value in variables.items()]
        end = (done.stdout + done.stderr).splitlines()[-60:]
        print("\n".join([*end, f"reproduce: {' '.join([*words, *command])}"]))
    return done.returncode == 0


def main(names: Sequence[str]) -> int:
    """Exit status: 0 if every run passed, 1 otherwise, 2 for an unknown setting."""
    chosen, left_out = settings()
    for reason in left_out:
        print(f"left out: {reason}")
    unknown = [name for name in names if name not in {setting.name for setting in chosen}]
    if unknown:
        print(f"unknown setting {unknown[0]!r}; there is {', '.join(setting.name for setting in chosen)}")
        return 2
    whole = [setting.name for setting in chosen if setting.name in FULL] or [chosen[0].name]
    good = []
    for setting in chosen:
        if not names or setting.name in names:
            full = setting.name in whole
            good.append(run("matrix", MATRIX, setting, 1) if full else run("quick matrix", QUICK, setting, 1))
            good.append(run("quick matrix", QUICK, setting, 2))
            good.append(run("tests of the stages", tests_of_stages(), setting, 1))
    print(f"{good.count(False)} of {len(good)} runs failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
