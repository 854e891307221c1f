"""Where arrays live: NumPy's in the host's memory, CuPy's in that of a GPU; and the ways between. [step 52]

gpu_enable: whether CuPy can be imported and a GPU answers.
cupy, cp: CuPy, or None where it cannot be imported.
"""

import numpy as np

cupy = None
gpu_enable = False
try:
    import cupy

    gpu_enable = cupy.cuda.runtime.getDeviceCount() > 0
except Exception:  # CuPy, its libraries, a driver or a device is missing; none of that is needed
    pass
cp = cupy


def get_array_module(x):
    """numpy or cupy, whichever the array x is of, or the data of the Variable x; numpy for all else. [step 52]"""
    return cupy if gpu_enable and isinstance(data_of(x), cupy.ndarray) else np


def as_numpy(x):
    """The numpy.ndarray of a Variable, an array of either kind or a number; a copy only from the GPU. [step 52]"""
    x = data_of(x)
    return cupy.asnumpy(x) if is_on_gpu(x) else np.asarray(x)


def as_cupy(x):
    """The cupy.ndarray of a Variable, an array of either kind or a number; a copy only from the host. [step 52]

    RuntimeError where there is no CuPy or no GPU.
    """
    need_gpu()
    return cupy.asarray(data_of(x))


def need_gpu():
    """RuntimeError where there is no CuPy or no GPU. [step 52]"""
    if cupy is None:
        raise RuntimeError("CuPy cannot be loaded. Install CuPy! pip install cupy-cuda12x, or cupy-cuda13x")
    if not gpu_enable:
        raise RuntimeError("CuPy is installed, but no GPU answers")


def data_of(x):
    """The array in a Variable; anything else as it is. (A Variable has a creator; arrays too have a `data`.)"""
    return x.data if hasattr(x, "creator") else x


def is_on_gpu(x):
    """Whether x is an array of CuPy."""
    return gpu_enable and isinstance(x, cupy.ndarray)


def common_module(name, xs):
    """The module of all the arrays xs; TypeError, which says where each is, if they are in two places."""
    on_gpu = [isinstance(x, cupy.ndarray) for x in xs]
    if any(on_gpu) and not all(on_gpu):
        places = ", ".join(f"input {i} on the {'GPU' if there else 'host'}" for i, there in enumerate(on_gpu))
        raise TypeError(f"{name}: {places}; bring all to one place with to_gpu() or to_cpu()")
    return cupy if on_gpu[0] else np
