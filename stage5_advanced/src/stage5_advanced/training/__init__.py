"""Training: a loop with callbacks, model selection, averaged weights, and a look into models."""

from .averaging import ExponentialMovingAverage
from .callbacks import Average, Checkpoint, CSVLog, EarlyStopping, ProgressBar, ScheduleRate, StopOnNaN
from .inspect import (
    apply,
    check_shared,
    count_params,
    find_params,
    from_tf_kernel,
    fuse,
    gradient_flow,
    gradient_norms,
    summary,
)
from .trainer import History, Trainer
from .validation import KFold, StratifiedKFold, Subset, cross_validate, split_dataset
