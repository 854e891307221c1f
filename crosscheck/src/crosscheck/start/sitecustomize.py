"""Installs `dezero` when Python starts: in a script of `crosscheck play`, and in the processes that it starts."""

import contextlib
import importlib
import os
import sys

own = sys.modules.pop(__name__)
sys.path[:] = [folder for folder in sys.path if folder != os.path.dirname(__file__)]
if "CROSSCHECK_STAGE" in os.environ:
    with contextlib.suppress(ModuleNotFoundError):  # the script started another Python, which has no crosscheck
        from crosscheck.play import install

        install(os.environ["CROSSCHECK_STAGE"])
with contextlib.suppress(ModuleNotFoundError):  # the sitecustomize that this one hides, if there is one
    importlib.import_module(__name__)
sys.modules.setdefault(__name__, own)
