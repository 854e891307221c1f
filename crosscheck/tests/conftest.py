"""Frameworks and fixtures shared by the test files."""

import pytest

from crosscheck.frameworks import load_stage, load_torch
from crosscheck.stages import STAGES


@pytest.fixture(scope="session")
def torch_adapter():
    return load_torch()


@pytest.fixture(scope="session")
def stage1():
    return load_stage(STAGES[0])
