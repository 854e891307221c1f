"""Matrix products of arrays; on a GPU, if `cuda.use_kernels` is True, by cuBLAS itself; skip on first reading.

CuPy's matmul takes the host several times as long as a small product takes the GPU.
"""

import numpy as np

from .. import cuda

NUMBERS = {name: np.array([0, 1], name) for name in ("float32", "float64")}  # cuBLAS reads them from host memory


def blas(a, b, out=None, add=False):
    """`product` by cuBLAS. NotImplemented if the arrays have more than three axes or strides that it does not take."""
    if not (2 <= a.ndim <= 3 and 2 <= b.ndim <= 3) or a.shape[-1] != b.shape[-2]:
        return NotImplemented
    lead = a.shape[:-2] or b.shape[:-2]
    if out is None:
        out = cuda.cupy.empty((*lead, a.shape[-2], b.shape[-1]), a.dtype)
    layouts = [layout(x) for x in (b, a, out)]
    if None in layouts or layouts[2][0] or any(x.ndim == 3 and x.shape[:1] != lead for x in (a, b, out)):
        return NotImplemented
    cublas, handle = cuda.cupy.cuda.cublas, cuda.cupy.cuda.device.get_cublas_handle()
    zero = NUMBERS[a.dtype.name].ctypes.data
    one = zero + a.itemsize
    # cuBLAS counts along columns, so that it sees transposed matrices: out^T = b^T a^T.
    (tb, *b_), (ta, *a_), (_, *out_) = layouts
    sizes = out.shape[-1], out.shape[-2], a.shape[-1]
    beta, letter = one if add else zero, "s" if a.itemsize == 4 else "d"
    if lead:
        gemm = getattr(cublas, f"{letter}gemmStridedBatched")
        gemm(handle, tb, ta, *sizes, one, *b_, *a_, beta, *out_, *lead)
    else:
        gemm = getattr(cublas, f"{letter}gemm")
        gemm(handle, tb, ta, *sizes, one, *b_[:2], *a_[:2], beta, *out_[:2])
    return out


def layout(x):
    """What cuBLAS needs to know of matrices x: whether they are transposed, where they are, and two strides.

    The first stride is that of rows, or of columns if transposed; the second that of matrices, 0 for a single one.
    None if neither rows nor columns are contiguous.
    """
    *_, row, column = (stride // x.itemsize for stride in x.strides)
    m, n = x.shape[-2:]
    between = x.strides[0] // x.itemsize if x.ndim == 3 else 0
    if (column == 1 or n == 1) and (row >= n or m == 1):
        return 0, x.data.ptr, max(row, n), between
    if (row == 1 or m == 1) and (column >= m or n == 1):
        return 1, x.data.ptr, max(column, m), between
    return None


@cuda.on_gpu(blas)
def product(a, b, out=None, add=False):
    """Matrix product a b, as in matmul; written to out, or with add, added to it."""
    xp = cuda.get_array_module(a)
    if add:
        out += xp.matmul(a, b)
        return out
    return xp.matmul(a, b, out=out)
