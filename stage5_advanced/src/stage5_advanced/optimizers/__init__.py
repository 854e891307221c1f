"""All optimizers and hooks, collected from the modules."""

from .base import LIMITS, Optimizer, blocks, checked, layout, misfit, moved, to_device_of, undone_on_failure
from .groups import Grouped
from .hooks import ClipGrad, ClipValue, FreezeParam, WeightDecay
from .rules import NAG, SGD, AdaDelta, AdaGrad, Adam, AdamW, MomentumSGD, RMSprop
from .schedules import (
    CosineLR,
    ExponentialLR,
    InverseLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OnPlateau,
    PolynomialLR,
    Schedule,
    StepLR,
    WarmUp,
    between,
)
