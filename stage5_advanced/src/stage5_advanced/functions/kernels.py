"""Kernels: what runs on a GPU instead of several operations, if `cuda.use_kernels` is True; skip on first reading.

A formula on arrays is decorated by `cuda.kernel`, one of `backward` by `gradient`. T is the dtype of all floats. Where
sums are needed, a block of threads has one sum; blocks are numbered by blockIdx.x.
"""

import functools
import math

import numpy as np

from .. import cuda
from ..config import Config
from ..core import unrecorded


def gradient(inputs, operation):
    """Decorator for a formula of `backward`, from Variables to gx: on a GPU one kernel, where no graph is recorded.

    inputs, operation: as in `cuda.kernel`; the output is gx.
    """

    def decorate(formula):
        return gradient_by(cuda.Kernel("ElementwiseKernel", inputs, "T gx", operation, formula.__name__))(formula)

    return decorate


def gradient_by(device):
    """Decorator for a formula of `backward`, from Variables to gx: on a GPU `device`, where no graph is recorded.

    device: a function of arrays, as in `cuda.on_gpu`.
    """

    def decorate(formula):
        @cuda.on_gpu(device)
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


SUMS = """
__device__ T total(T v, T* shared) {  // the sum of v over the threads of the block
    shared[threadIdx.x] = v;
    __syncthreads();
    for (int k = blockDim.x / 2; k > 0; k /= 2) {
        if (threadIdx.x < k) shared[threadIdx.x] += shared[threadIdx.x + k];
        __syncthreads();
    }
    T sum = shared[0];
    __syncthreads();
    return sum;
}
__device__ T highest(T v, T* shared) {  // the maximum, which is nan if any v is
    shared[threadIdx.x] = v;
    __syncthreads();
    for (int k = blockDim.x / 2; k > 0; k /= 2) {
        if (threadIdx.x < k) {
            T other = shared[threadIdx.x + k];
            if (other > shared[threadIdx.x] || other != other) shared[threadIdx.x] = other;
        }
        __syncthreads();
    }
    T top = shared[0];
    __syncthreads();
    return top;
}
"""

batch_norm_sums = cuda.BlockKernel(
    "batch_norm_sums",
    SUMS
    + """
extern "C" __global__ void batch_norm_sums(  // one block for each channel
        const T* x, long long N, long long C, long long S, double eps, double decay,
        T* mean, T* rest, T* var, T* s, T* running_mean, T* running_var) {
    __shared__ T shared[256];
    long long c = blockIdx.x, m = N * S;
    T sum = 0, square = 0;
    for (long long k = threadIdx.x; k < m; k += blockDim.x) sum += x[(k / S * C + c) * S + k % S];
    T center = total(sum, shared) / m;
    sum = 0;
    for (long long k = threadIdx.x; k < m; k += blockDim.x) {
        T d = x[(k / S * C + c) * S + k % S] - center;
        sum += d;
        square += d * d;
    }
    T left = total(sum, shared) / m, v = total(square, shared) / m - left * left;
    if (threadIdx.x == 0) {
        mean[c] = center;
        rest[c] = left;
        var[c] = v;
        s[c] = 1 / sqrt(v + T(eps));
        running_mean[c] = T(decay) * running_mean[c] + T(1 - decay) * (center + left);
        running_var[c] = T(decay) * running_var[c] + T((1 - decay) * m / (m - 1)) * v;
    }
}
""",
)
batch_norm_gradient_sums = cuda.BlockKernel(
    "batch_norm_gradient_sums",
    SUMS
    + """
extern "C" __global__ void batch_norm_gradient_sums(
        const T* x, const T* gy, long long N, long long C, long long S,
        const T* mean, const T* rest, const T* s, T* ggamma, T* gbeta) {
    __shared__ T shared[256];
    long long c = blockIdx.x, m = N * S;
    T sum = 0, product = 0, center = mean[c];
    for (long long k = threadIdx.x; k < m; k += blockDim.x) {
        long long i = (k / S * C + c) * S + k % S;
        sum += gy[i];
        product += gy[i] * (x[i] - center);
    }
    sum = total(sum, shared);
    product = total(product, shared);
    if (threadIdx.x == 0) {
        ggamma[c] = (product - rest[c] * sum) * s[c];
        gbeta[c] = sum;
    }
}
""",
)
standardized = cuda.Kernel(
    "ElementwiseKernel",
    "T x, T mean, T rest, T s, T gamma, T beta",
    "T y",
    "y = (x - mean - rest) * (s * gamma) + beta",
    "batch_norm",
)
batch_norm_gx = cuda.Kernel(
    "ElementwiseKernel",
    "T x, T gy, T mean, T rest, T s, T gamma, T ggamma, T gbeta, T m",
    "T gx",
    "gx = gamma * s * (gy - gbeta / m - (x - mean - rest) * s * ggamma / m)",
    "batch_norm_gx",
)


def batch_norm(self, x, gamma, beta, mean, var, updates=None):
    """MovingBatchNorm.forward."""
    if updates is not None or not (mean.flags.c_contiguous and var.flags.c_contiguous):
        return NotImplemented
    xp, shape = self.xp, x.shape
    N, C, S = three = shape[0], shape[1], math.prod(shape[2:])
    x = xp.ascontiguousarray(x).reshape(three)
    self.mean, self.rest, self.var, self.s = statistics = [*xp.empty((4, C, 1), x.dtype)]
    batch_norm_sums(C, x.dtype, x, N, C, S, self.eps, self.decay, *statistics, mean, var)
    y = standardized(x, self.mean, self.rest, self.s, gamma[:, None], beta[:, None])
    return y.reshape(shape)


def batch_norm_gradient(self, x, gamma, gy):
    """BatchNormGrad.forward."""
    xp, shape = self.xp, x.shape
    N, C, S = three = shape[0], shape[1], math.prod(shape[2:])
    x, gy = (xp.ascontiguousarray(a).reshape(three) for a in (x, gy))
    statistics = self.norm.mean, self.norm.rest, self.norm.s
    ggamma, gbeta = xp.empty(C, x.dtype), xp.empty(C, x.dtype)
    batch_norm_gradient_sums(C, x.dtype, x, gy, N, C, S, *statistics, ggamma, gbeta)
    gx = xp.empty(shape, x.dtype)
    batch_norm_gx(x, gy, *statistics, *(v[:, None] for v in (gamma, ggamma, gbeta)), N * S, gx.reshape(three))
    return gx, ggamma, gbeta


softmax_rows = cuda.BlockKernel(
    "softmax_rows",
    SUMS
    + """
extern "C" __global__ void softmax_rows(  // one block for each row of n elements, which are `step` apart
        const T* x, long long n, long long step, long long logarithm, T* y) {
    __shared__ T shared[256];
    long long start = blockIdx.x / step * n * step + blockIdx.x % step;
    T top = x[start], sum = 0;
    for (long long k = threadIdx.x; k < n; k += blockDim.x) {
        T v = x[start + k * step];
        if (v > top || v != v) top = v;
    }
    top = highest(top, shared);
    for (long long k = threadIdx.x; k < n; k += blockDim.x) sum += exp(x[start + k * step] - top);
    sum = total(sum, shared);
    for (long long k = threadIdx.x; k < n; k += blockDim.x) {
        T d = x[start + k * step] - top;
        y[start + k * step] = logarithm ? d - log(sum) : exp(d) / sum;
    }
}
""",
)
softmax_gradient_rows = cuda.BlockKernel(
    "softmax_gradient_rows",
    SUMS
    + """
extern "C" __global__ void softmax_gradient_rows(  // one block for each row of n elements, which are `step` apart
        const T* gy, const T* y, long long n, long long step, long long logarithm, T* gx) {
    __shared__ T shared[256];
    long long start = blockIdx.x / step * n * step + blockIdx.x % step;
    T sum = 0;
    for (long long k = threadIdx.x; k < n; k += blockDim.x) {
        long long i = start + k * step;
        sum += logarithm ? gy[i] : y[i] * gy[i];
    }
    sum = total(sum, shared);
    for (long long k = threadIdx.x; k < n; k += blockDim.x) {
        long long i = start + k * step;
        gx[i] = logarithm ? gy[i] - exp(y[i]) * sum : y[i] * (gy[i] - sum);
    }
}
""",
)
dropped = cuda.Kernel(
    "ElementwiseKernel",
    "T x, float64 draw, float64 ratio",
    "T y, bool mask",
    "mask = draw > ratio; y = mask ? x / T(1 - ratio) : T(0)",
    "dropout",
)
dropped_gradient = cuda.Kernel(
    "ElementwiseKernel", "T gy, bool mask, float64 ratio", "T gx", "gx = mask ? gy / T(1 - ratio) : T(0)", "dropout_gx"
)
gelu_outputs = cuda.Kernel(
    "ElementwiseKernel", "T x", "T y, T P", "P = (erf(x * T(0.7071067811865476)) + 1) / 2; y = x * P", "gelu"
)
gelu_gx = cuda.Kernel(
    "ElementwiseKernel",
    "T x, T gy, T P",
    "T gx",
    "gx = (P + x * exp(x * x / -2) * T(0.3989422804014327)) * gy",  # 1 / sqrt(2 pi)
    "gelu_gx",
)
cross_entropy_rows = cuda.BlockKernel(
    "cross_entropy_rows",
    SUMS
    + """
extern "C" __global__ void cross_entropy_rows(  // one block for each sample
        const T* x, const long long* t, long long C, T* e, T* sums, T* losses) {
    __shared__ T shared[256];
    long long n = blockIdx.x, label = t[n];
    const T* row = x + n * C;
    T top = row[0], sum = 0;
    for (long long c = threadIdx.x; c < C; c += blockDim.x) {
        if (row[c] > top || row[c] != row[c]) top = row[c];
    }
    top = highest(top, shared);
    for (long long c = threadIdx.x; c < C; c += blockDim.x) {
        T v = exp(row[c] - top);
        e[n * C + c] = v;
        sum += v;
    }
    sum = total(sum, shared);
    if (threadIdx.x == 0) {
        sums[n] = sum;
        losses[n] = label >= 0 && label < C ? log(sum) - (row[label] - top) : log(T(-1));
    }
}
""",
)
cross_entropy_gx = cuda.Kernel(
    "ElementwiseKernel",
    "T e, T sum, raw int64 t, T gy, int64 N, int64 C",
    "T gx",
    """
    long long label = t[i / C];
    gx = label >= 0 && label < C ? (e / sum - (i % C == label)) * gy / N : log(T(-1));
    """,
    "cross_entropy_gx",
)

taken_rows = cuda.Kernel(
    "ElementwiseKernel",
    "raw T x, raw int64 index, int64 lowest, int64 n, int64 width",
    "T y",
    """
    long long row = index[i / width];
    y = row >= lowest && row < n ? x[(row + n) % n * width + i % width] : log(T(-1));
    """,
    "taken_rows",
)
probabilities = cuda.Kernel("ElementwiseKernel", "T t", "T y", "y = t >= 0 && t <= 1 ? t : log(T(-1))", "targets")


def softmax(x, axes, logarithm):
    """softmax_of and log_softmax_of, along one axis."""
    if len(axes) != 1:
        return NotImplemented
    xp, n, step = cuda.cupy, x.shape[axes[0]], math.prod(x.shape[axes[0] + 1 :])
    y = xp.empty(x.shape, x.dtype)
    softmax_rows(x.size // n, x.dtype, xp.ascontiguousarray(x), n, step, int(logarithm), y)
    return y


def softmax_gradient(gy, y, axes, logarithm):
    """The gradient of softmax or log_softmax along one axis."""
    if len(axes) != 1 or gy.shape != y.shape:
        return NotImplemented
    xp, n, step = cuda.cupy, y.shape[axes[0]], math.prod(y.shape[axes[0] + 1 :])
    gx = xp.empty(y.shape, y.dtype)
    gy, y = xp.ascontiguousarray(gy), xp.ascontiguousarray(y)
    softmax_gradient_rows(y.size // n, y.dtype, gy, y, n, step, int(logarithm), gx)
    return gx


def dropout(self, x):
    """Dropout.forward."""
    y, self.mask = dropped(x, self.xp.random.rand(*x.shape), self.ratio)
    return y


def dropout_gradient(self, gy):
    """DropoutGrad.forward."""
    return dropped_gradient(gy, self.dropout.mask, self.dropout.ratio)


def gelu(self, x):
    """GELU.forward."""
    y, self.P = gelu_outputs(x)
    return y


def gelu_gradient(self, x, gy):
    """GELUGrad.forward."""
    return gelu_gx(x, gy, self.gelu.P)


def cross_entropy(self, x, t):
    """SoftmaxCrossEntropy.forward; the loss is nan if a label is out of range, since an error would have to wait."""
    if t.dtype.kind == "f":
        return NotImplemented
    xp, (N, C) = self.xp, x.shape
    x, t = xp.ascontiguousarray(x), xp.ascontiguousarray(t.astype(np.int64, copy=False))
    self.e, self.total, losses = xp.empty((N, C), x.dtype), xp.empty((N, 1), x.dtype), xp.empty(N, x.dtype)
    cross_entropy_rows(N, x.dtype, x, t, C, self.e, self.total, losses)
    return losses.mean()


def cross_entropy_gradient(self, x, t, gy):
    """SoftmaxCrossEntropyGrad.forward; gx is nan for a label out of range."""
    return cross_entropy_gx(self.loss.e, self.loss.total, t.astype(np.int64, copy=False), gy, *x.shape)


def take(self, x, indices):
    """Take.forward along axis 0."""
    if self.axis != 0:
        return NotImplemented
    self.x_shape = x.shape
    return rows_of(x, indices, -len(x))


def embed_id(self, x, W):
    """EmbedID.forward."""
    if x.dtype.kind not in "iu":
        return NotImplemented
    self.W_shape = W.shape
    return rows_of(W, x, 0)


def rows_of(x, indices, lowest):
    """x[indices]; nan for an index below the lowest or out of range, since an error would have to wait."""
    xp = cuda.cupy
    y = xp.empty(indices.shape + x.shape[1:], x.dtype)
    x, indices = xp.ascontiguousarray(x), xp.ascontiguousarray(indices.astype(np.int64, copy=False))
    return taken_rows(x, indices, lowest, len(x), math.prod(x.shape[1:]), y)


def targets(self, t):
    """Targets.forward; nan if a target is not from 0 to 1."""
    return probabilities(t.reshape(self.shape)) if t.dtype == self.dtype else NotImplemented
