"""Arrays on the host (NumPy) and on a GPU (CuPy), and copies between them. [step 52]

gpu_enable: whether CuPy can be imported and finds a GPU.
cupy, cp: CuPy, or None if it cannot be imported.
"""

import numpy as np

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
