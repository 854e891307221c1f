"""Files of arrays, written whole or not at all; and checkpoints, from which a training run goes on bit for bit."""

import json
import os
import pathlib
import shutil
import zipfile

import numpy as np


def write_arrays(path, arrays):
    """Write a dictionary of arrays to a file of NumPy's, compressed; .npz is appended where it is missing. [step 53]

    A file that is there already is replaced only when the new one is complete, whatever happens meanwhile.
    """
    path = npz_path(path).resolve()  # not a link, but what it points to
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
            for name, a in arrays.items():  # np.savez_compressed takes names as keywords, and cannot have all
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, a, allow_pickle=False)
        if path.exists():
            shutil.copymode(path, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path):
    """The arrays that write_arrays wrote: name -> array. ValueError for another kind of file. [step 53]"""
    path = path if os.path.exists(path) and not npz_path(path).exists() else npz_path(path)
    with open(path, "rb") as file:
        try:
            with np.load(file) as arrays:  # never unpickles
                return {name: arrays[name] for name in arrays.files}
        except Exception as error:  # a damaged file can raise almost any
            raise ValueError(f"{path} holds no arrays by name, as save_weights writes them: {error}") from error


def npz_path(path):
    """The path with the ending that NumPy too would append."""
    path = pathlib.Path(path)
    return path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")


def save_checkpoint(path, model, optimizer=None, loader=None, **values):
    """Write all that a training run needs to go on, between two passes over the data. [beside step 53]

    That is: weights and buffers, the optimizer's state, the loader's order, NumPy's global generator, and
    values of your own, numbers or texts, such as epoch=3. Neither recurrent state nor CuPy's generator is
    kept. Atomic as `save_weights`.
    """
    parts = states(model, optimizer, loader)
    random = np.random.get_state(legacy=False)
    head = json.dumps({"parts": list(parts), "values": values, "random": random}, default=plain)
    arrays = {f"{part}/{name}": value for part, state in parts.items() for name, value in state.items()}
    write_arrays(path, {"checkpoint": np.array(head), **arrays})


def load_checkpoint(path, model, optimizer=None, loader=None):
    """Put everything back into objects that were made in the same way; returns the values. [beside step 53]

    ValueError where the file does not fit them; then nothing has changed.
    """
    arrays = read_arrays(path)
    try:
        head = json.loads(str(arrays.pop("checkpoint")))
        parts, values = head["parts"], head["values"]
        np.random.RandomState().set_state(head["random"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load_checkpoint: {path} is no checkpoint: {error!r}") from error
    owners = {"model": model, "optimizer": optimizer, "loader": loader}
    owners = {part: owner for part, owner in owners.items() if owner is not None}
    if parts != list(owners):
        raise ValueError(f"load_checkpoint: {path} is of {parts}, but {list(owners)} came")
    found = {part: {} for part in parts}
    for key, value in arrays.items():
        part, _, name = key.partition("/")
        if part not in found:
            raise ValueError(f"load_checkpoint: {path} has {key!r}, which is of none of {parts}")
        found[part][name] = value

    variables = [(variable, variable.data) for _, variable in model.named_state()]
    before = {part: owner.state() for part, owner in owners.items() if part != "model"}
    try:
        model.take_weights(found["model"])
        for part in before:
            owners[part].load_state(found[part])
    except BaseException:
        for variable, data in variables:
            variable.data = data
        for part, state in before.items():
            owners[part].load_state(state)
        raise
    np.random.set_state(head["random"])
    return values


def plain(value):
    """A NumPy array or number as Python's."""
    if not isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"save_checkpoint: {type(value).__name__} came among the values, numbers and texts are needed")
    return value.tolist()


def states(model, optimizer, loader):
    """part -> name -> array, of those that are there."""
    parts = {"model": model.get_weights()}
    if optimizer is not None:
        parts["optimizer"] = optimizer.state()
    if loader is not None:
        parts["loader"] = loader.state()
    return parts
