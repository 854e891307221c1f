"""Kernels: what runs on a GPU instead of several operations, if `cuda.use_kernels` is True; skip on first reading.

A formula on arrays is decorated by `cuda.kernel`, one of `backward` by `gradient`. T is the dtype of all floats.
"""

import functools

from .. import cuda
from ..config import Config
from ..core import unrecorded


def gradient(inputs, operation):
    """Decorator for a formula of `backward`, from Variables to gx: on a GPU one kernel, where no graph is recorded.

    inputs, operation: as in `cuda.kernel`; the output is gx.
    """

    def decorate(formula):
        @cuda.kernel(inputs, "T gx", operation)
        @functools.wraps(formula)
        def on_arrays(*args):
            return NotImplemented

        @functools.wraps(formula)
        def choose(*args):
            if cuda.use_kernels and not Config.enable_backprop:
                gx = on_arrays(*map(cuda.data_of, args))
                if gx is not NotImplemented:
                    return unrecorded(gx)
            return formula(*args)

        return choose

    return decorate
