"""Files of weights, written whole or not at all; and checkpoints, to resume training bit for bit."""

import json
import os
import pathlib
import shutil
import uuid
import zipfile

import numpy as np

from . import cuda
from .core import array_types


def get_weights(layer):
    """Copies of the arrays of all parameters and buffers by path: {"l0/W": array, ...}. [step 53]

    They are NumPy's, wherever the layer is. ValueError if one is uninitialized.
    """
    return {path: a.copy() for path, a in arrays_of(layer).items()}


def arrays_of(layer):
    """The same arrays without a copy, if they are in the host's memory."""
    arrays = {}
    for path, variable in layer.named_state():
        if variable.data is None:
            raise ValueError(f"{type(layer).__name__}: {path!r} is uninitialized; call the model once before")
        arrays[path] = cuda.as_numpy(variable)
    return arrays


def set_weights(layer, arrays):
    """Load copies of arrays, keyed by path, to where the layer is: to the host if it has no data yet. [step 53]

    Raises ValueError for another name, shape or dtype than that of the layer, TypeError for what is no array;
    then nothing is changed. An uninitialized parameter takes any length that its first call could find.
    """
    owner, variables = type(layer).__name__, dict(layer.named_state())
    missing, unknown = sorted(variables.keys() - arrays.keys()), sorted(arrays.keys() - variables.keys())
    if missing or unknown:
        raise ValueError(f"{owner}: the weights lack {missing}; {unknown} are not the model's")
    for path, variable in variables.items():
        check_fit(f"{owner}: {path!r}", variable, arrays[path])
    xp = layer.xp
    copies = {path: xp.array(arrays[path]) for path in variables}
    for path, variable in variables.items():
        variable.data = copies[path]


def check_fit(name, variable, a):
    """Raise TypeError if a is no array, ValueError if it cannot be the data of the variable."""
    if not isinstance(a, array_types):
        raise TypeError(f"{name}: expected an array, got {type(a).__name__}")
    shape, dtype = (None,) * a.ndim, None
    if variable.data is not None:
        shape, dtype = variable.shape, variable.dtype
    elif hasattr(variable, "form"):
        shape, dtype = variable.form
    fits = len(shape) == a.ndim and all(n in (None, m) for n, m in zip(shape, a.shape, strict=True))
    if not fits or a.dtype.kind not in "fiu" or (dtype is not None and a.dtype != dtype):
        hint = "; set_weights takes arrays that were cast" if fits else ""
        raise ValueError(f"{name}: expected {shape} {dtype or 'numbers'}, got {a.shape} {a.dtype}{hint}")


def save_weights(layer, path):
    """Write all parameters and buffers to an .npz file. ValueError if one is uninitialized. [step 53]"""
    write_arrays(path, arrays_of(layer))


def write_arrays(path, arrays):
    """Write a dictionary of arrays to a file as NumPy's savez_compressed does; append .npz if missing. [step 53]

    An existing file is replaced only when the new one is complete, even if others write to it at the same time.
    """
    path = npz_path(path).resolve()  # of a link the file that it points to
    part = path.with_name(f".{uuid.uuid4().hex}.part")  # each save has its own
    try:
        with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED) as file:
            for name, a in arrays.items():  # np.savez_compressed takes names as keyword arguments, which excludes some
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(a), allow_pickle=False)
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path):
    """Read a file of write_arrays: name -> array. Raises ValueError for other files. [step 53]"""
    path = path if os.path.exists(path) and not npz_path(path).exists() else npz_path(path)
    with open(path, "rb") as file:
        try:
            with np.load(file) as arrays:  # never unpickles
                return {name: arrays[name] for name in arrays.files}
        except Exception as error:  # a damaged file can raise almost any exception
            raise ValueError(f"{path}: expected a file that save_weights wrote, got {error}") from error


def npz_path(path):
    """The path with the suffix that NumPy would append, too."""
    path = pathlib.Path(path)
    return path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")


def save_checkpoint(path, model, optimizer=None, loader=None, **values):
    """Write all that is needed to resume training between two epochs. [step 53, not in the book]

    That is: weights and buffers; state and numbers of the optimizer, such as its learning rate; the loader's
    order; NumPy's global generator; and values of your own, numbers or strings, such as epoch=3. Neither hooks,
    recurrent state nor CuPy's generator are part of it. The file is written as by `save_weights`.
    """
    check_owners("save_checkpoint", model, optimizer, loader)
    parts = {"model": arrays_of(model)}
    parts |= {part: owner.state() for part, owner in owners_of(optimizer, loader).items()}
    head = {"parts": list(parts), "values": values, "random": np.random.get_state(legacy=False)}
    arrays = {f"{part}/{name}": value for part, state in parts.items() for name, value in state.items()}
    write_arrays(path, {"checkpoint": np.array(json.dumps(head, default=plain)), **arrays})


def load_checkpoint(path, model, optimizer=None, loader=None):
    """Load a checkpoint into objects that were made in the same way; return the values. [step 53, not in the book]

    ValueError, and no change, if the file does not fit them.
    """
    check_owners("load_checkpoint", model, optimizer, loader)
    arrays = read_arrays(path)
    try:
        head = json.loads(str(arrays.pop("checkpoint")))
        parts, values = head["parts"], head["values"]
        np.random.RandomState().set_state(head["random"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load_checkpoint: {path} is no checkpoint: {error!r}") from error
    owners = owners_of(optimizer, loader)
    if parts != ["model", *owners]:
        raise ValueError(f"load_checkpoint: {path} is of {parts}, got {['model', *owners]}")
    found = {part: {} for part in parts}
    for key, value in arrays.items():
        part, _, name = key.partition("/")
        if part not in found:
            raise ValueError(f"load_checkpoint: {path} has {key!r}, which is part of none of {parts}")
        found[part][name] = value

    variables = [(variable, variable.data) for _, variable in model.named_state()]
    before = {part: owner.state() for part, owner in owners.items()}
    try:
        model.set_weights(found["model"])
        for part, owner in owners.items():
            owner.load_state(found[part])
    except BaseException:
        for variable, data in variables:
            variable.data = data
        for part, owner in owners.items():
            owner.load_state(before[part])
        raise
    np.random.set_state(head["random"])
    return values


def check_owners(name, model, optimizer, loader):
    """Raise TypeError for a model, optimizer and loader in another order, ValueError for another model's optimizer."""
    rightful = hasattr(model, "named_state") and not hasattr(loader, "target")
    if not rightful or not (optimizer is None or hasattr(optimizer, "target")):
        got = ", ".join(type(owner).__name__ for owner in (model, optimizer, loader))
        raise TypeError(f"{name}: expected a model, an optimizer and a loader, got {got}")
    target = getattr(optimizer, "target", model)
    if target is None or not set(target.params()) <= set(model.params()):
        raise ValueError(f"{name}: expected an optimizer set up with the model, got {type(optimizer).__name__}")


def owners_of(optimizer, loader):
    """part -> its owner, of those that are not None."""
    owners = {"optimizer": optimizer, "loader": loader}
    return {part: owner for part, owner in owners.items() if owner is not None}


def plain(value):
    """A NumPy array or number as Python's, for JSON."""
    if not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"save_checkpoint: expected numbers and strings as values, got {type(value).__name__}")
    return value.tolist()
