"""The modules of the stages that are imported, and putting them back."""

import contextlib
import sys

from crosscheck.stages import STAGES

PACKAGES = {stage.package for stage in STAGES}


def imported():
    """The modules of the stages that are imported: name -> module."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in PACKAGES}


@contextlib.contextmanager
def same_stages():
    """After the block, which may import a stage anew as the judge of mutants does, the modules of before are back."""
    before = imported()
    try:
        yield
    finally:
        after = imported()
        if not before.items() <= after.items():
            for name in after:
                del sys.modules[name]
            sys.modules.update(before)
