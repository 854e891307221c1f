"""Makes the test files of a stage modules of its installed package: `stage1_autodiff.tests.test_core`.

With `--import-mode=importlib` pytest names a test file so after its folders. Here the installed package learns of the
folder, so that `from .stage import Variable` in a test file finds the `stage.py` of its own stage.
"""

import gc
import importlib
import importlib.util
import pathlib

for project in pathlib.Path(__file__).parent.glob("*/pyproject.toml"):
    spec = importlib.util.find_spec(project.parent.name)
    if spec is not None and spec.origin is not None:  # without an origin it is the bare folder
        importlib.import_module(spec.name).__path__.append(str(project.parent))


def pytest_sessionstart(session):
    """Warnings are errors in tests and while they are imported, but not in plugins while pytest starts."""
    session.config.addinivalue_line("filterwarnings", "error")


def pytest_collection_finish():
    """What is there before the first test stays until the last: the garbage collector skips it, which saves a tenth."""
    gc.collect()
    gc.freeze()
