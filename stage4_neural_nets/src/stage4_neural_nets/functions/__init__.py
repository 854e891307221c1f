"""F: all functions, collected from the modules."""

from .activation import (
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    log_softmax,
    relu,
    sigmoid,
    sigmoid_simple,
    softmax,
    softmax_simple,
)
from .arithmetic import Add, Div, Mul, Neg, Pow, Power, Sub, add, div, mul, neg, pow, rdiv, rpow, rsub, sub
from .broadcast import BroadcastTo, SumTo, broadcast_to, sum_to
from .elementwise import Clip, Cos, Exp, Log, Sin, Square, Tanh, clip, cos, exp, log, sin, square, tanh
from .loss import (
    MeanSquaredError,
    SoftmaxCrossEntropy,
    mean_squared_error,
    mean_squared_error_simple,
    softmax_cross_entropy,
    softmax_cross_entropy_simple,
)
from .matrix import Linear, MatMul, linear, linear_simple, matmul
from .metrics import accuracy
from .reduce import LogSumExp, Max, Mean, Min, Sum, average, logsumexp, max, mean, min, sum
from .shape import (
    Concat,
    GetItem,
    GetItemGrad,
    Reshape,
    Transpose,
    concat,
    expand_dims,
    flatten,
    get_item,
    reshape,
    stack,
    transpose,
)
