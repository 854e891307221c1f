"""The device that tests compute on: a stand-in for CuPy everywhere, CuPy itself where a GPU answers."""

import importlib.util
import pathlib
import sys

import pytest

from .stage import cuda


def pytest_configure(config):
    config.addinivalue_line("markers", "gpu: needs CuPy and a GPU; skipped where there is none")


def pytest_generate_tests(metafunc):
    """Every test that asks for xp_device runs on both. (Marked here, since at import the marker is not yet known.)"""
    if "xp_device" in metafunc.fixturenames:
        marks = [pytest.mark.gpu, *([] if cuda.gpu_enable else [pytest.mark.skip("no GPU that CuPy can use")])]
        metafunc.parametrize("xp_device", ["standin", pytest.param("gpu", marks=marks)], indirect=True)


@pytest.fixture(scope="session")
def standin():
    """The module standin.py beside this file, by its path: in tests, nothing can be imported by name."""
    spec = importlib.util.spec_from_file_location("standin", pathlib.Path(__file__).with_name("standin.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def xp_standin(monkeypatch, standin):
    """The stand-in in the place of CuPy: the package takes its arrays for those of a GPU."""
    monkeypatch.setattr(cuda, "cupy", standin)
    monkeypatch.setattr(cuda, "cp", standin)
    monkeypatch.setattr(cuda, "gpu_enable", True)
    for name in ("cupyx", "cupyx.scipy", "cupyx.scipy.special"):
        monkeypatch.setitem(sys.modules, name, standin.special)
    return standin


@pytest.fixture
def xp_device(request):
    """The array module of the device: the stand-in, or CuPy."""
    if request.param == "standin":
        request.getfixturevalue("xp_standin")
    return cuda.cupy
