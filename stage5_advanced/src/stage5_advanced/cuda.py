"""Arrays on the host (NumPy) and on a GPU (CuPy), copies between them, and the choice of kernels. [step 52]

gpu_enable: whether CuPy can be imported and finds a GPU.
cupy, cp: CuPy, or None if it cannot be imported.
use_kernels: whether a formula that has a kernel of its own is one launch on a GPU, instead of one per operation. Off,
    since no kernel has been run on a GPU yet: set it to True, or USE_GPU_KERNELS=1 in the environment, to try.
"""

import functools
import os

import numpy as np

use_kernels = os.environ.get("USE_GPU_KERNELS") == "1"
KERNELS = []  # all that there are
cupy = None
gpu_enable = False
try:
    import cupy

    gpu_enable = cupy.cuda.runtime.getDeviceCount() > 0
except Exception:  # CuPy, one of its libraries, a driver or a device is missing; all are optional
    pass
cp = cupy


def get_array_module(x):
    """The module, numpy or cupy, of an array or of a Variable's data; numpy for anything else. [step 52]"""
    return cupy if gpu_enable and isinstance(data_of(x), cupy.ndarray) else np


def as_numpy(x):
    """The numpy.ndarray of a Variable, an array or a number; copied only from a GPU. [step 52]"""
    x = data_of(x)
    return cupy.asnumpy(x) if is_on_gpu(x) else np.asarray(x)


def as_cupy(x):
    """The cupy.ndarray of a Variable, an array or a number; copied only from the host. [step 52]

    Raises RuntimeError without CuPy or without a GPU.
    """
    need_gpu()
    return cupy.asarray(data_of(x))


def need_gpu():
    """Raise RuntimeError without CuPy or without a GPU. [step 52]"""
    if cupy is None:
        raise RuntimeError("CuPy cannot be loaded. Install CuPy: pip install cupy-cuda12x or cupy-cuda13x")
    if not gpu_enable:
        raise RuntimeError("CuPy is installed, but it finds no GPU")


def data_of(x):
    """The array of a Variable; anything else unchanged. Only a Variable has a creator; arrays also have `data`."""
    return x.data if hasattr(x, "creator") else x


def is_on_gpu(x):
    """Whether x is a CuPy array."""
    return gpu_enable and isinstance(x, cupy.ndarray)


def common_module(name, xs):
    """The module of all arrays xs. Raises TypeError, naming each device, if they are on different ones."""
    on_gpu = [isinstance(x, cupy.ndarray) for x in xs]
    if any(on_gpu) and not all(on_gpu):
        places = ", ".join(f"input {i} on the {'GPU' if there else 'host'}" for i, there in enumerate(on_gpu))
        raise TypeError(f"{name}: expected arrays on one device, got {places}; use to_gpu() or to_cpu()")
    return cupy if on_gpu[0] else np


def on_gpu(device, integers=False):
    """Decorator: call `device` instead of the function if `use_kernels` is True and the arrays are on a GPU.

    All arrays must be float32, or all float64, and none empty; with integers, some may be integers. If device returns
    NotImplemented, before it changes anything, the function is called. [not in the book]
    """

    def decorate(function):
        @functools.wraps(function)
        def choose(*args):
            if use_kernels and gpu_enable and fits(args, integers):
                y = device(*args)
                if y is not NotImplemented:
                    return y
            return function(*args)

        choose.device = device
        return choose

    return decorate


def kernel(inputs, outputs, operation):
    """Decorator: on a GPU, one kernel instead of the function; the arguments are those of cupy.ElementwiseKernel.

    The function is called with the inputs, then with the outputs if it changes arrays instead of returning new ones;
    all are of one floating dtype, T. [not in the book]
    """

    def decorate(function):
        return on_gpu(Kernel("ElementwiseKernel", inputs, outputs, operation, function.__name__))(function)

    return decorate


class Kernel:
    """CUDA code that is compiled when it is first needed. [not in the book]

    kind: of kernel in CuPy; code: the arguments to create it, the last of which is its name.
    """

    def __init__(self, kind, *code):
        self.kind = kind
        self.code = code
        self.name = code[-1]
        KERNELS.append(self)

    def compiled(self):
        """The kernel of CuPy."""
        return compiled(cupy, self.kind, *self.code)

    def __call__(self, *args, **options):
        return self.compiled()(*args, **options)


class BlockKernel(Kernel):
    """A RawKernel, the threads of a block of which share memory; T in its source is the dtype. [not in the book]"""

    threads = 256  # of a block

    def __init__(self, name, source):
        super().__init__("RawKernel", source, name)

    def compiled(self, dtype):
        """The kernel of CuPy for float32 or float64."""
        real = {"float32": "float", "float64": "double"}[dtype.name]
        return compiled(cupy, self.kind, f"typedef {real} T;\n{self.code[0]}", self.name)

    def __call__(self, blocks, dtype, *args):
        """Launch so many blocks. Arrays among args must be contiguous; an int is a long long, a float a double."""
        self.compiled(dtype)((blocks,), (self.threads,), args)


@functools.cache
def compiled(module, kind, *code):
    """A kernel of CuPy; on a stand-in for CuPy, one of the stand-in."""
    return getattr(module, kind)(*code)


def fits(args, integers):
    """Whether the arrays among args are on a GPU, none is empty, and all have one of the dtypes of kernels."""
    arrays = [a for a in args if isinstance(a, cupy.ndarray)]
    dtypes = {a.dtype.name for a in arrays if not (integers and a.dtype.kind in "iu")}
    return dtypes in ({"float32"}, {"float64"}) and all(a.size for a in arrays)
