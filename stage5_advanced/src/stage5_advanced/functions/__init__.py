"""F: all functions, collected from the modules."""

from .activation import (
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    sigmoid_simple,
    softmax,
    softmax_simple,
)
from .arithmetic import Add, Div, Mul, Neg, Pow, Power, Sub, add, div, mul, neg, pow, rdiv, rpow, rsub, sub
from .attention import Attention, attention, masked_softmax, sinusoids
from .broadcast import BroadcastTo, SumTo, broadcast_to, sum_to
from .compare import (
    argmax,
    argmin,
    cast,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    not_equal,
    one_hot,
    sign,
    where,
)
from .conv import (
    Col2im,
    Conv2d,
    Conv2dGradW,
    Deconv2d,
    Im2col,
    col2im,
    conv1d,
    conv2d,
    conv2d_simple,
    deconv1d,
    deconv2d,
    im2col,
)
from .depthwise import depthwise_conv2d, separable_conv2d
from .elementwise import Clip, Cos, Exp, Log, Sin, Square, Tanh, clip, cos, exp, log, sin, square, tanh
from .filters import convolve1d, convolve2d, correlate1d, correlate2d, fft_conv2d, fft_convolve, separate_kernel
from .loss import (
    BinaryCrossEntropy,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    binary_cross_entropy,
    mean_squared_error,
    mean_squared_error_simple,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_simple,
)
from .matrix import Linear, MatMul, linear, linear_simple, matmul
from .metrics import accuracy
from .normalize import cosine_similarity, fold_batch_norm, layer_norm, local_response_norm, normalize, std, var
from .objectives import (
    binary_cross_entropy_with_logits,
    focal_loss,
    gaussian_kl_divergence,
    huber_loss,
    kl_div,
    l1_loss,
    nll_loss,
    smooth_l1_loss,
    total_variation,
)
from .pool import (
    AveragePooling,
    Pooling,
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    average_pooling,
    average_pooling_simple,
    avg_pool1d,
    avg_pool2d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
    pooling,
    pooling_simple,
)
from .recurrent import GRU, LSTM, gru_cell, lstm, lstm_cell
from .reduce import LogSumExp, Max, Mean, Min, Sum, average, logsumexp, max, mean, min, sum
from .regularize import BatchNorm, batch_norm, batch_nrom, dropout, moving_batch_norm
from .resize import resize_bilinear, resize_nearest, roi_align, roi_pooling
from .sampling import embedding_bag, hierarchical_softmax, negative_sampling
from .select import flip, gather, pad, repeat, split, squeeze, swapaxes, take, tile
from .sequences import pad_sequence, sequence_mask, unpad_sequence
from .shape import (
    Concat,
    GetItem,
    GetItemGrad,
    Reshape,
    Transpose,
    concat,
    embed_id,
    expand_dims,
    flatten,
    get_item,
    reshape,
    stack,
    transpose,
)
from .sizes import get_conv_outsize, get_deconv_outsize, pair, receptive_field, same_padding
from .units import (
    abs,
    crelu,
    elu,
    erf,
    expm1,
    gelu,
    maximum,
    minimum,
    relu6,
    selu,
    silu,
    softplus,
    softsign,
    sqrt,
    swish,
)
