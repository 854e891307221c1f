"""PyTorch's state_dicts: the weights of a module by name, brought under the names of a model of ours, without torch."""

from collections.abc import Mapping

import numpy as np

# What Linear, Conv2d and BatchNorm call their parameters and buffers, and what PyTorch's do.
NAMES = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "avg_mean": "running_mean",
    "avg_var": "running_var",
}


def names_of(model, layers):
    """Our path of each parameter and buffer -> PyTorch's name: {"conv1/W": "conv1.weight", ...}. [beside step 58]

    layers: the path of each layer in our model -> the name of the module that it is in PyTorch's.
    """
    names = {}
    for path, _ in model.named_state():
        layer, _, name = path.rpartition("/")
        names[path] = f"{layers[layer]}.{NAMES[name]}"
    return names


def arrays_of(owner, state_dict, names):
    """The arrays of a state_dict by our paths, Linear's weights as (in, out); they may share memory. [beside step 58]

    names: our path -> PyTorch's name. The counters `num_batches_tracked` are passed over, we have none.
    owner: who asks, for messages. TypeError for what is no dict of tensors or arrays, ValueError where a name is
    missing or unknown.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"{owner}: {type(state_dict).__name__} came, the dict that a module's state_dict() gives is needed"
        )
    ours, theirs = set(names.values()), {name for name in state_dict if not name.endswith("num_batches_tracked")}
    missing, unknown = sorted(ours - theirs), sorted(theirs - ours)
    if missing or unknown:
        raise ValueError(
            f"{owner}: the state_dict is of another network: {few(missing)} missing from it, {few(unknown)} unknown "
            "here; torch_names() is the table"
        )
    arrays = {path: array_of(owner, name, state_dict[name]) for path, name in names.items()}
    # In the order of memory that Linear has: training is slow where W and gW differ in it.
    return {path: np.ascontiguousarray(a.T) if a.ndim == 2 else a for path, a in arrays.items()}


def array_of(owner, name, value):
    """The array of a tensor, wherever it is, or the array itself."""
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu().numpy()
        except TypeError as error:  # bfloat16, which NumPy does not have
            raise TypeError(f"{owner}: {name!r}: {error}; float() makes a module's weights float32") from error
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{owner}: {name!r}: {type(value).__name__} came, a tensor or a numpy.ndarray is needed")
    return value


def few(names):
    """Some of many names, as a text."""
    return f"{names}" if len(names) <= 4 else f"[{', '.join(map(repr, names[:3]))}, ... {len(names)} in all]"
