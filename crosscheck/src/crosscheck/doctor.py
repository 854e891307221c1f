"""`crosscheck doctor`: what is installed, and how to install what is missing.

Uses the standard library only, since any package may be missing. PyTorch is not imported.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata

from . import __version__
from .stages import STAGES

OWN = ("rich", "jinja2", "pygments", "markdown-it-py", "matplotlib", "threadpoolctl")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
EXTRAS = ("pytest", "hypothesis", "pooch", "tqdm", "pillow")
CUPY = ("cupy-cuda12x", "cupy-cuda13x", "cupy")


@dataclass(frozen=True)
class Finding:
    """One line: what was looked for and found. install: what to do if it is missing; needed: by `crosscheck run`."""

    name: str
    found: str
    install: str = ""
    needed: bool = False

    @property
    def line(self) -> str:
        advice = f"{'' if self.needed else 'optional: '}{self.install}"
        return f"{self.name:11} {'; '.join(part for part in (self.found, self.install and advice) if part)}"


def doctor(as_json: bool) -> int:
    """Print a line for each finding. Exit status: 1 if something is missing that `crosscheck run` needs."""
    findings = [examine() for examine in EXAMINATIONS]
    ok = not any(finding.needed and finding.install for finding in findings)
    if as_json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        print("\n".join(finding.line for finding in findings))
    return 0 if ok else 1


def version(package: str) -> str:
    """The installed version of a package; empty if it is not installed."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return ""


def versions(packages: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The packages that are installed, with versions, and those that are not."""
    return [f"{name} {version(name)}" for name in packages if version(name)], [n for n in packages if not version(n)]


def pip(*packages: str) -> str:
    quoted = (f'"{package}"' if {"[", ">"} & set(package) else package for package in packages)
    return f"python -m pip install {' '.join(quoted)}"


def said(error: Exception) -> str:
    """The kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def python() -> Finding:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = f"{platform.python_version()} ({sys.executable}), {platform.system()} {platform.machine()}"
    old = sys.version_info < (3, 11)
    return Finding("Python", f"{found}, {processors} processors", "install Python 3.11 or later" if old else "", True)


def own() -> Finding:
    have, lack = versions(OWN)
    return Finding("crosscheck", ", ".join([__version__, *have]), pip(*lack) if lack else "", True)


def numpy() -> Finding:
    try:
        np = importlib.import_module("numpy")
        simd = np.show_config(mode="dicts")["SIMD Extensions"]
    except Exception as error:
        return Finding("NumPy", said(error), pip("numpy>=2"), True)
    instructions = " ".join([*simd["baseline"], *simd["found"]])
    old = np.lib.NumpyVersion(np.__version__) < "2.0.0"
    return Finding("NumPy", f"{np.__version__}, SIMD {instructions}", pip("numpy>=2") if old else "", True)


def blas() -> Finding:
    try:
        config = importlib.import_module("numpy").show_config(mode="dicts")["Build Dependencies"]["blas"]
        found = f"{config['name']} {config['version']}"
        pools = importlib.import_module("threadpoolctl").threadpool_info()
    except ModuleNotFoundError as error:
        return Finding("BLAS", f"its kernels are unknown without {error.name}", pip(str(error.name)))
    except Exception as error:
        return Finding("BLAS", said(error))
    kernels = [
        f"{pool.get('architecture')} kernels, {pool['num_threads']} thread{'s' * (pool['num_threads'] != 1)}"
        for pool in pools
    ]
    return Finding("BLAS", ", ".join([found, *kernels]))


def stages() -> Finding:
    found, missing, broken, bare = [], [], [], []
    for stage in STAGES:
        try:
            state = importlib.import_module(stage.package).__version__
            if not (stage.source.parents[1] / "lessons.toml").is_file():
                state += " without steps and lessons"
                bare.append(f"-e ./{stage.package}")
        except (ModuleNotFoundError, AttributeError) as error:  # a folder of this name is a module without a version
            gone = isinstance(error, AttributeError) or error.name == stage.package
            state = "missing" if gone else said(error)
            missing.append(f"-e ./{stage.package}")
        except Exception as error:
            state = said(error)
            broken.append(f"repair {stage.package}")
        found.append(f"{stage.number}: {state}")
    install = [pip(*missing, *bare)] if missing or bare else []
    return Finding("stages", ", ".join(found), ", ".join([*install, *broken]), bool(missing or broken))


def torch() -> Finding:
    found = version("torch")
    install = 'python -m pip install -c constraints.txt -e "./crosscheck[torch]", or run --without-torch'
    return Finding("PyTorch", found or "missing", "" if found else install, True)


def gpu() -> Finding:
    driver = shutil.which("nvidia-smi")
    cupy = ", ".join(versions(CUPY)[0])
    if not driver and not cupy:
        return Finding("GPU", "none: neither an NVIDIA driver nor CuPy")
    if not cupy:
        return Finding("GPU", f"{driver}, without CuPy", pip("cupy-cuda12x"))
    try:
        runtime = importlib.import_module("cupy").cuda.runtime
        return Finding("GPU", f"{cupy}, {runtime.getDeviceCount()} devices, CUDA {runtime.runtimeGetVersion()}")
    except Exception as error:
        return Finding("GPU", f"{cupy}: {said(error)}")


def browser() -> Finding:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    have, lack = versions(("playwright",))
    install = [*(["apt install chromium"] if not found else []), *([pip(*lack)] if lack else [])]
    return Finding("browser", ", ".join([*([found] if found else []), *have]) or "none", ", ".join(install))


def graphviz() -> Finding:
    dot = shutil.which("dot")
    have, _ = versions(("pygraphviz",))
    if dot:
        done = subprocess.run([dot, "-V"], capture_output=True, text=True, check=False)
        have.insert(0, f"{dot}: {done.stderr.strip() or done.stdout.strip()}")
    return Finding(
        "Graphviz", ", ".join(have) or "missing", "" if have else f"apt install graphviz, or {pip('pygraphviz>=2')}"
    )


def extras() -> Finding:
    have, lack = versions(EXTRAS)
    return Finding("extras", ", ".join(have), pip(*lack) if lack else "")


EXAMINATIONS: tuple[Callable[[], Finding], ...] = (
    python, own, numpy, blas, stages, torch, gpu, browser, graphviz, extras,
)  # fmt: skip
