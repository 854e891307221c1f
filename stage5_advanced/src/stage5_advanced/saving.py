"""Weights in files, written atomically; and checkpoints, to resume training bit for bit."""

import contextlib
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
    """Return copies of all parameters and buffers as NumPy arrays, keyed by path: {"l0/W": array, ...}. [step 53]

    Raises ValueError if one is uninitialized.
    """
    return {path: a.copy() for path, a in arrays_of(layer).items()}


def arrays_of(layer):
    """The same arrays, not copied if they are on the host."""
    arrays = {}
    for path, variable in layer.named_state():
        if variable.data is None:
            raise ValueError(f"{type(layer).__name__}: {path!r} is uninitialized; call the model once first")
        arrays[path] = cuda.as_numpy(variable)
    return arrays


def set_weights(layer, arrays):
    """Load copies of arrays, keyed by path, to the device of the layer: the host if it is uninitialized. [step 53]

    Raises ValueError if a name, shape or dtype does not match, TypeError if a value is not an array; then nothing
    is changed. An uninitialized parameter accepts any size that its first call could determine.
    """
    owner, variables = type(layer).__name__, dict(layer.named_state())
    missing, unknown = sorted(variables.keys() - arrays), sorted(arrays.keys() - variables)
    if missing or unknown:
        raise ValueError(f"{owner}: the weights {missing} are missing, {unknown} are unknown")
    for path, variable in variables.items():
        check_fit(f"{owner}: {path!r}", variable, arrays[path])
    check_alike(owner, variables, arrays)
    xp = layer.xp
    copies = {path: xp.array(arrays[path]) for path in variables}
    for path, variable in variables.items():
        variable.data = copies[path]


def check_fit(name, variable, a):
    """Raise TypeError if a is not an array, ValueError if it cannot be the data of the variable."""
    if not isinstance(a, array_types):
        raise TypeError(f"{name}: expected an array, got {type(a).__name__}")
    shape, dtype = (None,) * a.ndim, None
    if variable.data is not None:
        shape, dtype = variable.shape, variable.dtype
    elif hasattr(variable, "form"):
        shape, dtype = variable.form
    fits = len(shape) == a.ndim and all(n in (None, m) for n, m in zip(shape, a.shape, strict=True))
    if not fits or a.dtype.kind not in "fiu" or (dtype is not None and a.dtype != dtype):
        hint = "; cast it and call set_weights" if fits else ""
        raise ValueError(f"{name}: expected {shape} {dtype or 'numbers'}, got {a.shape} {a.dtype}{hint}")


def check_alike(owner, variables, arrays):
    """Raise ValueError if arrays that a layer initializes in the same form, as gamma and beta, are not alike."""
    first = {}
    for path, variable in variables.items():
        if variable.data is None and hasattr(variable, "form"):
            other = first.setdefault((path.rpartition("/")[0], variable.form), path)
            a, b = arrays[path], arrays[other]
            if (a.shape, a.dtype) != (b.shape, b.dtype):
                raise ValueError(
                    f"{owner}: {path!r}: expected {b.shape} {b.dtype}, as {other!r}, got {a.shape} {a.dtype}"
                )


def save_weights(layer, path):
    """Write all parameters and buffers to an .npz file. Raises ValueError if one is uninitialized. [step 53]

    If the name of the file ends in .safetensors, it has that format, which needs the package of this name.
    """
    arrays = arrays_of(layer)
    if is_safetensors(path):
        data = safetensors_package().save({name: np.asarray(a, order="C") for name, a in arrays.items()})
        with replacing(path) as part:
            part.write_bytes(data)
    else:
        write_arrays(path, arrays)


def read_weights(path):
    """Read a file that `save_weights` wrote: path -> array. Raises ValueError for other files. [step 53]"""
    if not is_safetensors(path):
        return read_arrays(path)
    load, data = safetensors_package().load, pathlib.Path(path).read_bytes()
    try:
        return load(data)
    except Exception as error:  # one for each kind of damage
        raise ValueError(f"{path}: expected a file that save_weights wrote, got {error}") from error


def is_safetensors(path):
    """Whether a file is one of safetensors, by the ending of its name."""
    return pathlib.Path(path).suffix == ".safetensors"


def safetensors_package():
    """The functions of the package safetensors for NumPy arrays."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise RuntimeError("save_weights: safetensors is not installed: pip install safetensors") from error
    return safetensors.numpy


def write_arrays(path, arrays):
    """Write a dictionary of arrays to a file as NumPy's savez_compressed does; append .npz if missing. [step 53]

    An existing file is replaced only when the new one is complete, even if several processes write at once.
    """
    with replacing(npz_path(path)) as part, zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED) as file:
        for name, a in arrays.items():  # np.savez_compressed takes them as keyword arguments, which excludes some
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(a), allow_pickle=False)


@contextlib.contextmanager
def replacing(path):
    """In the block, the path of a new file; after it, the file replaces the one at `path`. An error deletes it."""
    path = pathlib.Path(path).resolve()  # replaces the file that a link points to, not the link
    part = path.with_name(f".{uuid.uuid4().hex}.part")  # unique for each save
    try:
        yield part
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path):
    """Read a file that `write_arrays` wrote: name -> array. Raises ValueError for other files. [step 53]"""
    path = path if os.path.exists(path) and not npz_path(path).exists() else npz_path(path)
    with open(path, "rb") as file:
        try:
            with np.load(file) as arrays:  # never unpickles
                return {name: arrays[name] for name in arrays.files}
        except Exception as error:  # a damaged file can raise almost any exception
            raise ValueError(f"{path}: expected a file that save_weights wrote, got {error}") from error


def npz_path(path):
    """The path, with .npz appended if it is missing, as NumPy does."""
    path = pathlib.Path(path)
    return path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")


def save_checkpoint(path, model, optimizer=None, loader=None, **values):
    """Write everything needed to resume training between two epochs. [step 53, not in the book]

    That is: weights and buffers; state and hyperparameters of the optimizer, such as its learning rate; the order
    of the loader; NumPy's global generator; and values: numbers or strings, such as epoch=3, and objects with `state`
    and `load_state`, such as schedule=schedule. Hooks, recurrent state and CuPy's generator are not included. The
    file is written as by `save_weights`.
    """
    check_owners("save_checkpoint", model, optimizer, loader)
    owners = owners_of(optimizer, loader, values)
    parts = {"model": arrays_of(model)} | {part: owner.state() for part, owner in owners.items()}
    values = {name: value for name, value in values.items() if name not in owners}
    head = {"parts": list(parts), "values": values, "random": np.random.get_state(legacy=False)}
    arrays = {f"{part}/{name}": value for part, state in parts.items() for name, value in state.items()}
    write_arrays(path, {"checkpoint": np.array(json.dumps(head, default=plain)), **arrays})


def load_checkpoint(path, model, optimizer=None, loader=None, **objects):
    """Load a checkpoint into objects constructed in the same way; return the numbers. [step 53, not in the book]

    objects: those that were saved by name, such as schedule=schedule. Raises ValueError, without changes, if
    the file does not fit them.
    """
    check_owners("load_checkpoint", model, optimizer, loader)
    arrays = read_arrays(path)
    try:
        head = json.loads(str(arrays.pop("checkpoint")))
        parts, values = head["parts"], head["values"]
        np.random.RandomState().set_state(head["random"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load_checkpoint: expected a checkpoint, got {path}: {error!r}") from error
    owners = owners_of(optimizer, loader, objects)
    if parts != ["model", *owners]:
        raise ValueError(f"load_checkpoint: expected a checkpoint of {['model', *owners]}, got one of {parts}: {path}")
    found = {part: {} for part in parts}
    for key, value in arrays.items():
        part, _, name = key.partition("/")
        if part not in found:
            raise ValueError(f"load_checkpoint: expected arrays of {parts}, got {key!r}: {path}")
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
    """Raise TypeError if the arguments are in another order, ValueError if the optimizer has another model."""
    rightful = hasattr(model, "named_state") and not hasattr(loader, "target")
    if not rightful or not (optimizer is None or hasattr(optimizer, "target")):
        got = ", ".join(type(owner).__name__ for owner in (model, optimizer, loader))
        raise TypeError(f"{name}: expected a model, an optimizer and a loader, got {got}")
    target = getattr(optimizer, "target", model)
    if target is None or not set(target.params()) <= set(model.params()):
        raise ValueError(f"{name}: expected an optimizer set up with the model, got {type(optimizer).__name__}")


def owners_of(optimizer, loader, values):
    """part -> its owner, an object with a state: the optimizer, the loader, and those among the values."""
    owners = {"optimizer": optimizer, "loader": loader}
    owners = {part: owner for part, owner in owners.items() if owner is not None}
    return owners | {part: value for part, value in values.items() if hasattr(value, "load_state")}


def plain(value):
    """Convert a NumPy array or scalar to Python's types, for JSON."""
    if not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"save_checkpoint: expected numbers and strings as values, got {type(value).__name__}")
    return value.tolist()
