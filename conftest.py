"""Imports the installed packages before pytest names the test files.

With `--import-mode=importlib` pytest names a test file after its folders, `stage1_autodiff.tests.test_core`,
and would make an empty module `stage1_autodiff` of the folder unless the real one is there already.
"""

import importlib
import importlib.util
import pathlib

for project in pathlib.Path(__file__).parent.glob("*/pyproject.toml"):
    spec = importlib.util.find_spec(project.parent.name)
    if spec is not None and spec.origin is not None:  # without an origin it is the bare folder
        importlib.import_module(spec.name)
