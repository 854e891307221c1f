"""All optimizers and hooks, collected from the modules."""

from .base import LIMITS, Optimizer, blocks, checked, layout, misfit, moved, to_device_of, undone_on_failure
from .hooks import ClipGrad, FreezeParam, WeightDecay
from .rules import SGD, AdaDelta, AdaGrad, Adam, MomentumSGD
