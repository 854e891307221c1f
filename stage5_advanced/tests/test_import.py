"""What `import` loads, and the names of the package and its modules."""

import subprocess
import sys

import pytest

from .stage import F, L, models, optimizers, package

# Modules of the standard library that NumPy does not import and this package does. NumPy 2.0 does not import
# inspect either.
ACCEPTED = {"bisect", "copy", "heapq", "json", "threading"}

IMPORTED = """
import sys, inspect, numpy
before = set(sys.modules)
import {name}
after = set(sys.modules)
print(*{{name.partition(".")[0].lstrip("_") for name in after - before}})
print(*{{name.partition(".")[2] for name in after if name.startswith("{name}.")}})
"""


def test_import_loads_only_what_most_programs_need():
    program = IMPORTED.format(name=package.__name__)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    outside, own = (set(line.split()) for line in done.stdout.splitlines())
    assert outside & set(sys.stdlib_module_names) - {"", "org"} <= ACCEPTED
    assert not own & {"datasets", "models", "transforms", "text", "saving", "utils", "download", "dot"}


LATE = ["datasets", "models", "utils", "Dataset", "Model", "save_checkpoint", "load_checkpoint"]


@pytest.mark.parametrize("name", LATE)
def test_what_is_imported_late_is_found_like_everything_else(name):
    program = f"import {package.__name__} as package; assert {name!r} in dir(package); package.{name}"
    subprocess.run([sys.executable, "-c", f"{program}; from {package.__name__} import {name}"], check=True)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'dataset'"):
        _ = package.dataset


def test_the_packages_collect_the_public_names_of_their_modules():
    for collected in (F, L, models, optimizers, package.datasets):
        folder = collected.__name__
        for name, module in vars(collected).items():
            if getattr(module, "__name__", "") == f"{folder}.{name}":
                own = [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
                for value in own:
                    base = (L.Layer, optimizers.Optimizer, package.Dataset)
                    if isinstance(value, type) and issubclass(value, base) and not value.__name__.startswith("_"):
                        assert getattr(collected, value.__name__) is value
