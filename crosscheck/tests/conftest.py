"""Frameworks and fixtures shared by the test files."""

import pytest

from crosscheck.frameworks import load_stage, load_torch
from crosscheck.stages import STAGES

from .imported import same_stages
from .pages import CHROMIUM


@pytest.fixture(autouse=True)
def same_modules():
    """No test leaves other modules of a stage to later tests of its process."""
    with same_stages():
        yield


@pytest.fixture(scope="session")
def torch_adapter():
    return load_torch()


@pytest.fixture(scope="session")
def stage1():
    return load_stage(STAGES[0])


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright axe-playwright-python")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
