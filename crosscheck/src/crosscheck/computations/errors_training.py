"""Errors of optimizers, data loaders, and files of weights: steps 46-60."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import errors, with_file

# --- optimizers ---


def ready(fw: Any, optimizer: Any = None, data: Any = None, grad: Any = None) -> Any:
    """An optimizer set up with a layer with one parameter, p, and its gradient."""
    layer = fw.Layer()
    layer.p = fw.Parameter(np.ones(2) if data is None else data)
    layer.p.grad = fw.Variable(np.ones(2)) if grad is None else grad
    return (fw.optimizers.SGD() if optimizer is None else optimizer).setup(layer)


def set_up(fw: Any, optimizer: Any) -> None:
    """PyTorch creates the optimizer here."""
    layer = fw.Layer()
    layer.p = fw.Parameter(np.ones(2))
    fw.setup(optimizer, layer)


def hooked(fw: Any, f: Callable[[Any], Any]) -> Any:
    """An update with this hook."""
    optimizer = ready(fw)
    optimizer.add_hook(f)
    optimizer.update()


def remade(param: Any) -> Any:
    """Replace the gradient by an array of another shape."""
    param.grad.data = np.ones(3)


def uninitialized(fw: Any) -> Any:
    """Adam for a Linear layer that has not been called."""
    return fw.optimizers.Adam().setup(fw.Linear(2))


def read_only() -> Any:
    a = np.ones(2)
    a.flags.writeable = False
    return a


# fmt: off
errors(
    46,
    ("setup_with_a_list", lambda fw: fw.optimizers.SGD().setup([]),
     TypeError, "SGD.setup: expected a Layer or Model, got <class 'list'>"),
    ("update_without_a_target", lambda fw: fw.optimizers.SGD().update(),
     RuntimeError, "SGD.update: expected a target, got None; call setup(model) first"),
    ("optimizer_without_a_rule", lambda fw: ready(fw, fw.optimizers.Optimizer()).update(),
     NotImplementedError, "Optimizer has no update_one"),
    ("hook_that_is_a_number", lambda fw: ready(fw).add_hook(1),
     TypeError, "SGD.add_hook: expected a function, got <class 'int'>"),
    ("hook_that_breaks_a_gradient", lambda fw: hooked(fw, lambda params: remade(params[0])),
     ValueError, "SGD.update: p: expected a gradient (2,) float64, got (3,) float64"),
    ("update_of_integers", lambda fw: ready(fw, data=np.ones(2, int)).update(),
     ValueError, "SGD.update: p: expected floats, got a parameter of int64"),
    ("update_of_a_read_only_parameter", lambda fw: ready(fw, data=read_only()).update(),
     ValueError, "SGD.update: p: expected a writable parameter, got a read-only one"),
    ("update_by_an_array", lambda fw: ready(fw, grad=np.ones(2)).update(),
     ValueError, "SGD.update: p: expected a Variable as the gradient, got <class 'numpy.ndarray'>"),
    ("update_by_another_shape", lambda fw: ready(fw, grad=fw.Variable(np.ones(3))).update(),
     ValueError, "SGD.update: p: expected a gradient (2,) float64, got (3,) float64"),
    ("learning_rate_below_zero", lambda fw: set_up(fw, fw.SGD(-0.1)),
     ValueError, "SGD: expected 0 <= lr < inf, got -0.1"),
    ("learning_rate_of_nan", lambda fw: set_up(fw, fw.Adam(alpha=np.nan)),
     ValueError, "Adam: expected lr to be a number, got nan"),
    ("beta1_of_one", lambda fw: set_up(fw, fw.Adam(beta1=1)), ValueError, "Adam: expected 0 <= beta1 < 1, got 1"),
    ("beta2_of_one", lambda fw: set_up(fw, fw.Adam(beta2=1.0)), ValueError, "Adam: expected 0 <= beta2 < 1, got 1.0"),
    ("rho_of_one", lambda fw: set_up(fw, fw.AdaDelta(rho=1)),
     ValueError, "AdaDelta: expected 0 <= rho < 1, got 1", "accepts it"),
    ("momentum_below_zero", lambda fw: set_up(fw, fw.MomentumSGD(momentum=-1)),
     ValueError, "MomentumSGD: expected 0 <= momentum < inf, got -1"),
    ("eps_below_zero", lambda fw: set_up(fw, fw.AdaGrad(eps=-1e-8)),
     ValueError, "AdaGrad: expected 0 <= eps < inf, got -1e-08"),
    ("weight_decay_below_zero", lambda fw: fw.optimizers.WeightDecay(-0.1),
     ValueError, "WeightDecay: expected 0 <= rate < inf, got -0.1"),
    ("rate_that_is_no_number", lambda fw: set_up(fw, fw.SGD("x")),
     TypeError, "SGD: expected lr to be a number, got 'x'"),
    ("clip_grad_to_zero", lambda fw: fw.optimizers.ClipGrad(0),
     ValueError, "ClipGrad: expected max_norm above 0, got 0"),
    ("freeze_a_number", lambda fw: fw.optimizers.FreezeParam(1),
     TypeError, "FreezeParam: expected layers and parameters as arguments, got <class 'int'>"),
    ("state_with_an_unknown_number", lambda fw: ready(fw).load_state({"rho": 0.5}),
     ValueError, "load_state: expected ['lr'] and state of ['p'], got 'rho'"),
    ("state_of_another_rule", lambda fw: ready(fw, fw.optimizers.MomentumSGD()).load_state({"lr": 0.5}),
     ValueError, "load_state: expected the hyperparameters ['lr', 'momentum'], got ['lr']"),
    ("state_with_beta1_of_one", lambda fw: ready(fw, fw.optimizers.Adam()).load_state({"beta1": 1}),
     ValueError, "load_state: expected 0 <= beta1 < 1, got 1"),
    ("state_before_the_first_call", lambda fw: uninitialized(fw).load_state({"W/m": np.ones(2)}),
     ValueError, "load_state: 'W' is uninitialized; call the model once first"),
    ("state_of_another_shape", lambda fw: ready(fw, fw.optimizers.MomentumSGD()).load_state({"p/v": np.ones(3)}),
     ValueError, "load_state: 'p': expected v (2,) float64, got v (3,) float64"),
    ("state_for_a_rule_without_one", lambda fw: ready(fw).load_state({"p/v": np.ones(2)}),
     ValueError, "load_state: 'p': expected no state, got v (2,) float64"),
)
# fmt: on


# --- data loaders ---


class Ending:
    """A data set that ends early."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        raise StopIteration


def at_its_end(fw: Any) -> Any:
    """The third batch of two."""
    loader = fw.dataloaders.DataLoader(PAIRS, 2, shuffle=False)
    return [next(loader) for _ in range(3)]


def resumed(fw: Any, shuffle: bool = True, **changed: Any) -> Any:
    """A loader with its own state, changed."""
    loader = fw.dataloaders.DataLoader(PAIRS, 2, shuffle=shuffle, rng=0)
    loader.load_state(loader.state() | {name: np.array(value) for name, value in changed.items()})


PAIRS = [(np.ones(2), i) for i in range(4)]

# fmt: off
errors(
    50,
    ("batches_of_none", lambda fw: fw.DataLoader(PAIRS, 0),
     ValueError, "DataLoader: expected batch_size to be at least 1, got 0"),
    ("batches_of_half_a_sample", lambda fw: fw.DataLoader(PAIRS, 0.5),
     TypeError, "DataLoader: expected batch_size to be an integer, got 0.5"),
    ("batches_of_a_number", lambda fw: fw.DataLoader(5, 1),
     TypeError, "DataLoader: expected a dataset with a length, got 5"),
    ("epoch_at_its_end", at_its_end, StopIteration, ""),
    ("data_set_that_ends_early", lambda fw: next(fw.dataloaders.DataLoader(Ending(), 2)),
     RuntimeError, "DataLoader: the dataset, Ending, raised StopIteration"),
    ("data_set_of_arrays", lambda fw: next(fw.dataloaders.DataLoader([np.ones(2)] * 3, 2)),
     TypeError, "DataLoader: expected pairs (x, t) from the dataset, got ndarray"),
    ("data_set_of_triples", lambda fw: next(fw.dataloaders.DataLoader([(1, 2, 3)] * 3, 2)),
     TypeError, "DataLoader: expected pairs (x, t) from the dataset, got tuple"),
    ("samples_of_two_shapes",
     lambda fw: next(fw.dataloaders.DataLoader([(np.ones(2), 0), (np.ones(3), 0)], 2, shuffle=False)),
     ValueError, "DataLoader: expected x of one shape in a batch, got {...}"),
    ("one_label_of_two", lambda fw: next(fw.dataloaders.DataLoader([(np.ones(2), 0), (np.ones(2), None)], 2)),
     ValueError, "DataLoader: expected t of one shape in a batch, got {...}"),
)
# fmt: on
# fmt: off
errors(
    53,
    ("loader_state_without_an_order", lambda fw: fw.dataloaders.DataLoader(PAIRS, 2).load_state({"rng": 0}),
     ValueError, "DataLoader.load_state: expected index, iteration and rng, got ['rng']"),
    ("loader_state_of_one_that_does_not_shuffle", lambda fw: resumed(fw, rng="null"),
     ValueError, "DataLoader.load_state: one of the two loaders shuffles, the other does not"),
    ("loader_state_of_other_samples", lambda fw: resumed(fw, index=np.arange(5)),
     ValueError, "DataLoader.load_state: expected an order of 4 samples, got [0 1 2 3 4]"),
    ("loader_state_with_a_sample_twice", lambda fw: resumed(fw, index=[0, 0, 1, 2]),
     ValueError, "DataLoader.load_state: expected an order of 4 samples, got [0 0 1 2]"),
    ("loader_state_with_fractions", lambda fw: resumed(fw, index=[0.0, 1.0, 2.0, 3.0]),
     ValueError, "DataLoader.load_state: expected an order of 4 samples, got [0. 1. 2. 3.]"),
    ("loader_state_after_the_last_batch", lambda fw: resumed(fw, iteration=3),
     ValueError, "DataLoader.load_state: expected an iteration up to 2, got 3"),
    ("loader_state_of_a_negative_iteration", lambda fw: resumed(fw, iteration=-1),
     ValueError, "DataLoader.load_state: expected an iteration up to 2, got -1"),
    ("loader_state_of_another_generator", lambda fw: resumed(fw, rng='{"bit_generator": "PCG64"}'),
     ValueError, """DataLoader.load_state: expected the state of a PCG64, got {"bit_generator": "PCG64"}"""),
)
# fmt: on
# fmt: off
errors(
    60,
    ("sequences_in_too_many_rows", lambda fw: fw.dataloaders.SeqDataLoader(PAIRS, 5),
     ValueError, "SeqDataLoader: expected batch_size up to 4 samples, got 5"),
)
# fmt: on


# --- weights and checkpoints ---


def layer(fw: Any) -> Any:
    """A Linear layer with weights W (3, 2) and b (2,)."""
    return fw.layers.Linear(2, in_size=3)


def given(fw: Any, **arrays: Any) -> Any:
    """These weights set in a layer, instead of its own."""
    made = layer(fw)
    made.set_weights(made.get_weights() | arrays)


def resume(fw: Any, change: Callable[[Any], dict[str, Any]], optimizer: bool = True) -> Any:
    """A checkpoint of a layer and an optimizer, changed in its file, then loaded into objects like them."""
    made = layer(fw)
    rule = fw.optimizers.MomentumSGD().setup(made)

    def run(path: str) -> None:
        fw.saving.save_checkpoint(path, made, rule)
        with np.load(path) as arrays:
            np.savez(path, **change(dict(arrays)))
        fw.saving.load_checkpoint(path, made, rule if optimizer else None)

    with_file(None, run, "checkpoint.npz")


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change to a file: another value of one array."""
    return lambda arrays: arrays | {name: value}


W = "model/W"
NORMALIZATION = ("avg_mean", "avg_var", "gamma", "beta")

# fmt: off
errors(
    53,
    ("weights_before_the_first_call", lambda fw: fw.layers.Linear(2).get_weights(),
     ValueError, "Linear: 'W' is uninitialized; call the model once first"),
    ("weights_of_another_layer", lambda fw: layer(fw).set_weights({"W": np.ones((3, 2)), "c": np.ones(2)}),
     ValueError, "Linear: the weights ['b'] are missing, ['c'] are unknown"),
    ("weights_that_are_lists", lambda fw: given(fw, b=[0.0, 0.0]),
     TypeError, "Linear: 'b': expected an array, got list"),
    ("weights_of_another_shape", lambda fw: given(fw, b=np.ones(3, np.float32)),
     ValueError, "Linear: 'b': expected (2,) float32, got (3,) float32"),
    ("weights_of_another_dtype", lambda fw: given(fw, b=np.ones(2)),
     ValueError, "Linear: 'b': expected (2,) float32, got (2,) float64; cast it and call set_weights"),
    ("weights_of_another_size_before_the_first_call",
     lambda fw: fw.layers.Linear(2).set_weights({"W": np.ones((3, 4), np.float32), "b": np.ones(2)}),
     ValueError, "Linear: 'W': expected (None, 2) float32, got (3, 4) float32"),
    ("complex_weights_before_the_first_call",
     lambda fw: fw.layers.BatchNorm().set_weights(dict.fromkeys(NORMALIZATION, np.ones(2) * 1j)),
     ValueError, "BatchNorm: 'avg_mean': expected (None,) numbers, got (2,) complex128; cast it and call set_weights"),
    ("weights_in_a_file_that_does_not_exist", lambda fw: with_file(None, layer(fw).load_weights),
     FileNotFoundError, "[Errno 2] No such file or directory: '...'"),
    ("weights_in_a_text_file", lambda fw: with_file(b"text", layer(fw).load_weights),
     ValueError, "...: expected a file that save_weights wrote, got ..."),
    ("weights_in_a_pickle", lambda fw: with_file(pickle.dumps(np.ones(2)), layer(fw).load_weights),
     ValueError, "...: expected a file that save_weights wrote, got ..."),
    ("checkpoint_that_is_none", lambda fw: resume(fw, lambda arrays: {"W": np.ones(2)}),
     ValueError, "load_checkpoint: expected a checkpoint, got ...: KeyError('checkpoint')"),
    ("checkpoint_with_a_damaged_head", lambda fw: resume(fw, replaced("checkpoint", np.array("{}"))),
     ValueError, "load_checkpoint: expected a checkpoint, got ...: KeyError('parts')"),
    ("checkpoint_without_a_loader", lambda fw: resume(fw, lambda arrays: arrays, optimizer=False),
     ValueError, "load_checkpoint: expected a checkpoint of ['model'], got one of ['model', 'optimizer']: ..."),
    ("checkpoint_with_arrays_of_nobody", lambda fw: resume(fw, replaced("loader/index", np.arange(3))),
     ValueError, "load_checkpoint: expected arrays of ['model', 'optimizer'], got 'loader/index': ..."),
    ("checkpoint_of_another_shape", lambda fw: resume(fw, replaced(W, np.ones((4, 2), np.float32))),
     ValueError, "Linear: 'W': expected (3, 2) float32, got (4, 2) float32"),
    ("checkpoint_with_a_state_of_another_shape", lambda fw: resume(fw, replaced("optimizer/W/v", np.ones(7))),
     ValueError, "load_state: 'W': expected v (3, 2) float32, got v (7,) float64"),
    ("checkpoint_of_an_optimizer", lambda fw: fw.saving.save_checkpoint("no file", fw.optimizers.SGD()),
     TypeError, "save_checkpoint: expected a model, an optimizer and a loader, got SGD, NoneType, NoneType"),
    ("checkpoint_with_its_owners_swapped",
     lambda fw: fw.saving.save_checkpoint("no file", layer(fw), None, fw.optimizers.SGD().setup(layer(fw))),
     TypeError, "save_checkpoint: expected a model, an optimizer and a loader, got Linear, NoneType, SGD"),
    ("checkpoint_of_an_optimizer_of_another_model",
     lambda fw: fw.saving.save_checkpoint("no file", layer(fw), fw.optimizers.SGD().setup(layer(fw))),
     ValueError, "save_checkpoint: expected an optimizer set up with the model, got SGD"),
    ("checkpoint_of_an_optimizer_without_a_model",
     lambda fw: fw.saving.load_checkpoint("no file", layer(fw), fw.optimizers.SGD()),
     ValueError, "load_checkpoint: expected an optimizer set up with the model, got SGD"),
    ("checkpoint_with_a_function",
     lambda fw: with_file(None, lambda path: fw.saving.save_checkpoint(path, layer(fw), f=print)),
     TypeError, "save_checkpoint: expected numbers and strings as values, got builtin_function_or_method"),
)
# fmt: on
