"""Beyond the book: errors of tensor operations, activations, losses and statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import errors
from .steps37_41 import ones


def whole(fw: Any, *numbers: Any) -> Any:
    """Integers, as a constant."""
    return fw.constant(np.array(numbers))


def sgd(fw: Any) -> Any:
    """An optimizer of a layer."""
    return fw.setup(fw.SGD(0.1), fw.Linear(1, in_size=1))


# fmt: off
errors(
    60,
    ("rmsprop_of_another_style", lambda fw: fw.RMSprop(style="keras"),
     ValueError, "RMSprop: expected style 'torch' or 'tensorflow', got 'keras'"),
    ("clip_value_of_zero", lambda fw: fw.ClipValue(0),
     ValueError, "ClipValue: expected a limit above 0, got 0", "sets all gradients to 0"),
    ("schedule_of_no_optimizer", lambda fw: fw.StepLR(None, 3),
     TypeError, "StepLR: expected an optimizer with a learning rate, got <class 'NoneType'>"),
    ("schedule_without_a_formula", lambda fw: fw.optimizers.Schedule(sgd(fw)).step(),
     NotImplementedError, "Schedule has no rate"),
    ("schedule_with_a_negative_factor", lambda fw: fw.ExponentialLR(sgd(fw), -1),
     ValueError, "ExponentialLR: expected gamma above 0, got -1", "accepts any factor"),
    ("schedule_with_the_state_of_another",
     lambda fw: fw.optimizers.StepLR(sgd(fw), 3).load_state({"t": 1}),
     ValueError, "load_state: expected ['t', 'base'], got ['t']"),
    ("plateau_with_factor_one", lambda fw: fw.OnPlateau(sgd(fw), 1.0),
     ValueError, "OnPlateau: expected a factor between 0 and 1, got 1.0"),
    ("plateau_without_patience", lambda fw: fw.OnPlateau(sgd(fw), patience=-1),
     ValueError, "OnPlateau: expected patience and cooldown of at least 0, got -1 and 0", "accepts it"),
    ("sign_of_booleans", lambda fw: fw.sign(fw.constant(np.array([True]))),
     TypeError, "sign: expected numbers, got bool", "returns them"),
    ("plateau_in_an_unknown_mode", lambda fw: fw.OnPlateau(sgd(fw), mode="low"),
     ValueError, "OnPlateau: expected mode 'min' or 'max', got 'low'"),
    ("between_in_an_unknown_way", lambda fw: fw.between(sgd(fw), 0.01, 5, "cosine"),
     ValueError, "between: expected kind 'linear' or 'exponential', got 'cosine'", "the adapter has no check"),
    ("between_the_epochs_of_one", lambda fw: fw.between(sgd(fw), 0.01, 1),
     ValueError, "between: expected more than one epoch, got 1", "the adapter has no check"),
    ("where_of_numbers", lambda fw: fw.where(ones(fw, 2), ones(fw, 2), ones(fw, 2)),
     TypeError, "where: expected a condition of bool, got float64"),
    ("argmax_of_no_elements", lambda fw: fw.argmax(fw.Variable(np.zeros((2, 0))), 1),
     ValueError, "argmax: expected at least one element along axis 1, got x (2, 0)"),
    ("one_hot_of_no_classes", lambda fw: fw.one_hot(whole(fw, 0), 0),
     ValueError, "one_hot: expected a positive number of classes, got 0"),
    ("one_hot_of_floats", lambda fw: fw.one_hot(fw.constant(np.ones(2)), 2),
     TypeError, "one_hot: expected integers, got float64"),
    ("cast_to_complex", lambda fw: fw.cast(ones(fw, 2), complex),
     TypeError, "cast: expected a dtype of real numbers, got complex128", "supports complex numbers"),
    ("take_out_of_range", lambda fw: fw.take(ones(fw, 2, 3), whole(fw, 2, 0)),
     IndexError, "take: expected indices from -2 to 1, got 0 to 2", "the adapter takes indices modulo the length"),
    ("gather_by_a_vector", lambda fw: fw.gather(ones(fw, 2, 3), whole(fw, 0), 0),
     ValueError, "gather: expected indices that match x (2, 3) but for axis 0, got (1,)"),
    ("split_into_parts_that_differ", lambda fw: fw.split(ones(fw, 3), 2),
     ValueError, "split: expected a number of parts that divides 3, got 2", "tensor_split makes parts that differ"),
    ("split_at_decreasing_indices", lambda fw: fw.split(ones(fw, 3), [2, 1]),
     ValueError, "split: expected increasing indices from 0 to 3, got [2, 1]", "accepts any indices"),
    ("squeeze_an_axis_of_two", lambda fw: fw.squeeze(ones(fw, 2, 1), 0),
     ValueError, "squeeze: expected axes of length 1, got axis 0 of x (2, 1)", "keeps the axis"),
    ("tile_less_than_nothing", lambda fw: fw.tile(ones(fw, 2), -1),
     ValueError, "tile: expected numbers of repetitions of at least 0, got (-1,)"),
    ("repeat_less_than_nothing", lambda fw: fw.repeat(ones(fw, 2), -1),
     ValueError, "repeat: expected a number of repetitions of at least 0, got -1"),
    ("pad_by_wrapping", lambda fw: fw.pad(ones(fw, 2), 1, "wrap"),
     ValueError, "pad: expected mode 'constant', 'edge' or 'reflect', got 'wrap'", "the adapter uses NumPy's modes"),
    ("pad_by_a_half", lambda fw: fw.pad(ones(fw, 2), 0.5),
     ValueError, "pad: expected integers, two for each axis of x (2,), got 0.5"),
    ("pad_by_reflecting_too_much", lambda fw: fw.pad(ones(fw, 2), 2, "reflect"),
     ValueError, "pad: expected widths that mode 'reflect' can fill for x (2,), got [(2, 2)]",
     "the adapter uses NumPy's indices"),
    ("gelu_of_another_kind", lambda fw: fw.gelu(ones(fw, 2), "erf"),
     ValueError, "gelu: expected approximate 'none' or 'tanh', got 'erf'"),
    ("softplus_that_is_flat", lambda fw: fw.softplus(ones(fw, 2), 0.0),
     ValueError, "softplus: expected 0 < beta < inf, got 0.0", "divides by 0"),
    ("var_of_one_element", lambda fw: fw.var(ones(fw, 1, 3), 0, 1),
     ValueError, "var: expected more than ddof = 1 elements along axis 0, got x (1, 3)", "warns and returns nan"),
    ("cross_entropy_smoothed_too_much",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3), whole(fw, 0, 1), label_smoothing=1.5),
     ValueError, "softmax_cross_entropy: expected a label_smoothing from 0 to 1, got 1.5"),
    ("cross_entropy_with_too_few_weights",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3), whole(fw, 0, 1), weight=fw.constant(np.ones(2))),
     ValueError, "softmax_cross_entropy: expected a weight for each of 3 classes, got (2,)"),
    ("cross_entropy_of_probabilities_with_a_label_to_ignore",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3), fw.constant(np.ones((2, 3))), ignore=1),
     ValueError, "softmax_cross_entropy: expected labels with ignore=1, got probabilities"),
    ("cross_entropy_of_an_image_and_a_row",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3, 4), whole(fw, 0, 1), reduction="sum"),
     ValueError, "softmax_cross_entropy: expected x (N, C) and t (N,), N at least 1, got x (2, 3, 4) and t (2,); "
                 "expected labels (2, 4) or probabilities (2, 3, 4)"),
    ("cross_entropy_with_everything_ignored",
     lambda fw: fw.softmax_cross_entropy(ones(fw, 2, 3), whole(fw, 1, 1), ignore=1),
     ValueError, "softmax_cross_entropy: expected labels whose weights do not sum to 0, got a sum of 0",
     "returns nan"),
    ("loss_reduced_in_an_unknown_way", lambda fw: fw.l1_loss(ones(fw, 2), ones(fw, 2), "max"),
     ValueError, "l1_loss: expected reduction 'mean', 'sum' or 'none', got 'max'"),
    ("mean_loss_of_nothing", lambda fw: fw.l1_loss(ones(fw, 0), ones(fw, 0)),
     ValueError, "l1_loss: expected at least one element to average over, got losses (0,)", "returns nan"),
    ("loss_of_two_shapes", lambda fw: fw.huber_loss(ones(fw, 2, 3), ones(fw, 2)),
     ValueError, "huber_loss: expected targets in the shape of x, got x (2, 3) and t (2,)"),
    ("smooth_l1_loss_with_a_negative_beta", lambda fw: fw.smooth_l1_loss(ones(fw, 2), ones(fw, 2), -1.0),
     ValueError, "smooth_l1_loss: expected beta of at least 0, got -1.0"),
    ("huber_loss_with_delta_zero", lambda fw: fw.huber_loss(ones(fw, 2), ones(fw, 2), 0.0),
     ValueError, "huber_loss: expected 0 < delta < inf, got 0.0"),
    ("kl_div_of_a_number", lambda fw: fw.kl_div(ones(fw), ones(fw), "batchmean"),
     ValueError, "kl_div: expected a first axis with elements, got ()", "divides by 1"),
    ("focal_loss_with_a_negative_gamma", lambda fw: fw.focal_loss(ones(fw, 2, 3), whole(fw, 0, 1), -1.0),
     ValueError, "focal_loss: expected gamma of at least 0, got -1.0", "the adapter has no check"),
    ("focal_loss_of_too_few_labels", lambda fw: fw.focal_loss(ones(fw, 2, 3), whole(fw, 0)),
     ValueError, "focal_loss: expected labels in the shape of x (2, 3) without axis 1, got (1,)"),
    ("binary_cross_entropy_with_weights_of_another_shape",
     lambda fw: fw.binary_cross_entropy_with_logits(ones(fw, 3), ones(fw, 3), fw.constant(np.ones((2, 3)))),
     ValueError, "binary_cross_entropy_with_logits: expected weights that broadcast to x (3,), got (2, 3)"),
    ("total_variation_of_a_row", lambda fw: fw.total_variation(ones(fw, 1, 3)),
     ValueError, "total_variation: expected x (..., H, W) with sides of at least 2, got (1, 3)", "returns nan"),
    ("softplus_with_no_slope_at_all", lambda fw: fw.softplus(ones(fw, 2), math.nan),
     ValueError, "softplus: expected beta to be a number, got nan", "returns nan"),
)
# fmt: on
