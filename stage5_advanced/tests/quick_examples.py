"""Every example runs with --quick and reaches its target: minutes, so pytest runs this file only where it is named.

python -m pytest --durations=0 stage5_advanced/tests/quick_examples.py         or: python -m tox run -e examples
"""

import pytest

from .examples import EXAMPLES, result
from .scripts import STAGE, run


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_reaches_its_target(name, tmp_path):
    settings = {"cwd": tmp_path, "hide": ["pooch"], "DEZERO_HOME": str(tmp_path / "home")}  # offline
    stdout, _ = run(STAGE / "examples" / f"{name}.py", "--quick", **settings)
    print(stdout)
    numbers = result(name, stdout)
    assert numbers is not None
    assert EXAMPLES[name][1](*numbers), numbers
    assert (tmp_path / "figures" / f"{name}.png").exists()
