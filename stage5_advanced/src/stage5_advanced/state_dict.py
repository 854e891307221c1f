"""PyTorch state_dicts: the weights of a module, renamed for our models, without importing torch."""

from collections.abc import Mapping

import numpy as np

# Names of the parameters and buffers of Linear, Conv2d and BatchNorm, and PyTorch's names.
NAMES = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "avg_mean": "running_mean",
    "avg_var": "running_var",
}


def names_of(model, layers):
    """The path of each array -> its PyTorch name: {"conv1/W": "conv1.weight", ...}. [step 58, not in the book]

    layers: the path of each layer -> the name of its PyTorch module.
    """
    names = {}
    for path, _ in model.named_state():
        layer, _, name = path.rpartition("/")
        names[path] = f"{layers[layer]}.{NAMES[name]}"
    return names


def arrays_of(owner, state_dict, names):
    """The arrays of a state_dict, keyed by path, maybe views; weights of Linear (in, out). [step 58, not in the book]

    names: the path of each array -> its PyTorch name. The counters `num_batches_tracked` are ignored.
    owner: the prefix of error messages. Raises TypeError if state_dict is not a dict of tensors or arrays,
    ValueError if a name is missing or unknown.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{owner}: expected the dict from a module's state_dict(), got {type(state_dict).__name__}")
    ours, theirs = set(names.values()), {name for name in state_dict if not name.endswith("num_batches_tracked")}
    missing, unknown = sorted(ours - theirs), sorted(theirs - ours)
    if missing or unknown:
        raise ValueError(
            f"{owner}: the state_dict is of another network: {shorten(missing)} missing, {shorten(unknown)} unknown; "
            "torch_names() lists the names"
        )
    arrays = {path: array_of(owner, name, state_dict[name]) for path, name in names.items()}
    # C-contiguous, as in Linear: training is slow if W and gW differ in memory order.
    return {path: np.ascontiguousarray(a.T) if a.ndim == 2 else a for path, a in arrays.items()}


def array_of(owner, name, value):
    """The array of a tensor on any device, or the array itself."""
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu().numpy()
        except TypeError as error:  # bfloat16, which NumPy does not have
            raise TypeError(f"{owner}: {name!r}: {error}; module.float() converts its weights to float32") from error
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{owner}: {name!r}: expected a tensor or a numpy.ndarray, got {type(value).__name__}")
    return value


def shorten(names):
    """A list of names as a string, shortened if there are many."""
    return f"{names}" if len(names) <= 4 else f"[{', '.join(map(repr, names[:3]))}, ... {len(names)} in all]"
