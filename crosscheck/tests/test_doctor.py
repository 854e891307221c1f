"""`crosscheck doctor` says what is installed and what to install, and works when anything is missing."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from crosscheck import __version__, cli, doctor, stages

NAMES = ["Python", "crosscheck", "NumPy", "BLAS", "stages", "PyTorch", "GPU", "browser", "Graphviz", "extras"]


@pytest.fixture
def without(monkeypatch):
    """Make packages and commands missing."""

    def hide(*names):
        real = metadata.version

        def version(name):
            if name in names:
                raise metadata.PackageNotFoundError(name)
            return real(name)

        monkeypatch.setattr(metadata, "version", version)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
        real_which = doctor.shutil.which
        monkeypatch.setattr(doctor.shutil, "which", lambda name: None if name in names else real_which(name))

    return hide


def lines(capsys):
    return {line[:11].strip(): line[12:] for line in capsys.readouterr().out.splitlines()}


def test_ten_lines(capsys):
    assert cli.main(["doctor"]) == 0
    found = lines(capsys)
    assert list(found) == NAMES
    assert "SIMD" in found["NumPy"]
    assert "kernels" in found["BLAS"]
    assert all(f"{stage.number}: " in found["stages"] for stage in stages.STAGES)
    assert found["PyTorch"] == metadata.version("torch")


def test_json(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["ok"] is True
    assert [finding["name"] for finding in data["findings"]] == NAMES


@pytest.mark.parametrize(
    ("missing", "name", "said", "status"),
    [
        ("torch", "PyTorch", 'missing; python -m pip install -c constraints.txt -e "./crosscheck[torch]"', 1),
        (
            "numpy",
            "NumPy",
            'ModuleNotFoundError: import of numpy halted; None in sys.modules; python -m pip install "numpy>=2"',
            1,
        ),
        ("threadpoolctl", "BLAS", "its kernels are unknown without threadpoolctl; optional: python -m pip install", 1),
        ("rich", "crosscheck", "python -m pip install rich", 1),
        ("playwright", "browser", "optional: python -m pip install playwright", 0),
        ("hypothesis", "extras", "optional: python -m pip install hypothesis", 0),
        (
            "stage3_higher_order",
            "stages",
            f"3: missing, 4: {__version__}, 5: {__version__}; python -m pip install -e ./stage3_higher_order",
            1,
        ),
    ],
)
def test_what_is_missing_is_named_with_what_to_install(capsys, without, missing, name, said, status):
    without(missing)
    assert doctor.doctor(as_json=False) == status
    assert said in lines(capsys)[name]


def test_without_graphviz_and_browser(capsys, without):
    without("dot", "pygraphviz", "playwright", *doctor.BROWSERS)
    assert doctor.doctor(as_json=False) == 0
    found = lines(capsys)
    assert found["Graphviz"] == 'missing; optional: apt install graphviz, or python -m pip install "pygraphviz>=2"'
    assert found["browser"] == "none; optional: apt install chromium, python -m pip install playwright"


def test_a_driver_without_cupy(capsys, without, monkeypatch):
    without(*doctor.CUPY)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "nvidia-smi" else None)
    doctor.doctor(as_json=False)
    assert lines(capsys)["GPU"] == "/usr/bin/nvidia-smi, without CuPy; optional: python -m pip install cupy-cuda12x"


def test_a_stage_that_cannot_be_imported(capsys, monkeypatch, tmp_path):
    (tmp_path / "stage9_broken.py").write_text("def f(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "STAGES", [*stages.STAGES, stages.Stage(9, "stage9_broken", "broken", 61, 62)])
    assert doctor.doctor(as_json=False) == 1
    found = lines(capsys)["stages"]
    assert "9: SyntaxError: " in found
    assert found.endswith("; repair stage9_broken")


def test_a_stage_that_is_installed_without_its_lessons(capsys, monkeypatch, tmp_path):
    (tmp_path / "stage9_bare.py").write_text("__version__ = '1'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(doctor, "STAGES", [stages.Stage(9, "stage9_bare", "bare", 61, 62)])
    assert doctor.doctor(as_json=False) == 0
    found = lines(capsys)["stages"]
    assert found == "9: 1 without steps and lessons; optional: python -m pip install -e ./stage9_bare"


@pytest.mark.parametrize("missing", ["rich", "numpy"])
def test_the_command_works_without_packages_that_all_others_need(missing):
    source = f"import runpy, sys; sys.modules[{missing!r}] = None; sys.argv = ['crosscheck', *sys.argv[1:]]; "
    command = [sys.executable, "-c", source + "runpy.run_module('crosscheck', run_name='__main__')"]
    done = subprocess.run([*command, "doctor"], capture_output=True, text=True)
    assert [line[:11].strip() for line in done.stdout.splitlines()] == NAMES
    assert done.stderr == ""
    done = subprocess.run([*command, "list", "steps"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("crosscheck: ")
    assert done.stderr.endswith("; crosscheck doctor says what to install\n")
    assert done.stderr.count("\n") == 1


def test_torch_is_not_imported():
    source = "import sys; from crosscheck.doctor import doctor; doctor(True); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], capture_output=True).returncode == 0
