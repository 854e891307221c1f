"""The Rosetta beyond the book: all parts that stage 5 adds, one file for each family."""

from .torch_beyond import TorchBeyond
from .torch_beyond_attention import TorchBeyondAttention
from .torch_beyond_autoencoders import TorchBeyondAutoencoders
from .torch_beyond_convolution import TorchBeyondConvolution
from .torch_beyond_detection import TorchBeyondDetection
from .torch_beyond_embeddings import TorchBeyondEmbeddings
from .torch_beyond_filters import TorchBeyondFilters
from .torch_beyond_hybrid import TorchBeyondHybrid
from .torch_beyond_initializers import TorchBeyondInitializers
from .torch_beyond_language import TorchBeyondLanguage
from .torch_beyond_layers import TorchBeyondLayers
from .torch_beyond_losses import TorchBeyondLosses
from .torch_beyond_normalize import TorchBeyondNormalize
from .torch_beyond_pool import TorchBeyondPool
from .torch_beyond_recurrent import TorchBeyondRecurrent
from .torch_beyond_resize import TorchBeyondResize
from .torch_beyond_trainer import TorchBeyondTrainer
from .torch_beyond_training import TorchBeyondTraining
from .torch_beyond_units import TorchBeyondUnits
from .torch_vision_beyond import TorchVisionBeyond


class TorchStage5(
    TorchBeyond,
    TorchBeyondAttention,
    TorchBeyondAutoencoders,
    TorchBeyondConvolution,
    TorchBeyondEmbeddings,
    TorchBeyondDetection,
    TorchBeyondFilters,
    TorchBeyondHybrid,
    TorchBeyondInitializers,
    TorchBeyondLanguage,
    TorchBeyondLayers,
    TorchBeyondLosses,
    TorchBeyondNormalize,
    TorchBeyondPool,
    TorchBeyondRecurrent,
    TorchBeyondTrainer,
    TorchBeyondResize,
    TorchBeyondTraining,
    TorchBeyondUnits,
    TorchVisionBeyond,
):
    """The methods of all families."""
