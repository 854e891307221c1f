"""L: all layers, collected from the modules."""

from .attention import AdditiveAttention, MultiHeadAttention
from .base import Buffer, Layer, check_sizes, shape_text, uninitialized, weak
from .convolution import Conv1d, Conv2d, Deconv2d, DepthwiseConv2d, SeparableConv2d
from .embedding import EmbedID
from .linear import Linear
from .normalization import BatchNorm, Dropout, LayerNorm
from .recurrent import GRU, LSTM, RNN, NStepGRU, NStepLSTM, NStepRNN, check_rows
from .sampling import BinaryHierarchicalSoftmax, NegativeSampling
