"""Settings of pytest: a warning is an error in a test, but not in a plugin while pytest starts."""

import os
import pathlib
import subprocess
import sys
import warnings

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def test_a_warning_in_a_test_is_an_error():
    with pytest.raises(UserWarning, match="in a test"):
        warnings.warn("in a test", stacklevel=1)


def test_a_plugin_may_warn_while_pytest_starts(tmp_path):
    (tmp_path / "warner.py").write_text("import warnings\ndef pytest_configure(): warnings.warn('at the start')\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "warner",
        str(ROOT / "stage1_autodiff/tests/test_gradcheck.py"),
    ]
    env = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONWARNINGS": "default"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "UserWarning: at the start" in done.stderr
