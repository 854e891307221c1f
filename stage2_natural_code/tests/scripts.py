"""Run a script of this stage in a separate process, as a reader would."""

import os
import pathlib
import subprocess
import sys

STAGE = pathlib.Path(__file__).parents[1]
HANG = 900  # seconds: ten times what any script takes, so that only a hang fails, even on a slow machine


def process(path, *arguments, cwd=None, hide=(), **settings):
    """Arguments of Popen that run a script without a window.

    hide: modules that cannot be imported in that process. settings: environment variables.
    """
    hidden = "".join(f"sys.modules[{name!r}] = None; " for name in hide)
    code = (
        f"import runpy, sys; {hidden}sys.argv = sys.argv[1:]; sys.path[0] = {str(path.parent)!r}; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-W", "error", *(["-c", code] if hide else []), str(path), *map(str, arguments)]
    settings = {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"} | settings  # more threads would only wait for each other
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
    return {"args": command, "cwd": cwd, "env": os.environ | settings, **pipes}


def run(path, *arguments, status=0, **settings):
    """Run a script, check its exit status, and return its stdout and stderr."""
    done = subprocess.run(**process(path, *arguments, **settings), timeout=HANG, check=False)
    assert done.returncode == status, done.stderr
    # pygraphviz contains its own fontconfig, which may not understand the settings of a newer one
    return done.stdout, "".join(line for line in done.stderr.splitlines(True) if not line.startswith("Fontconfig"))
