"""Files of arrays, written whole or not at all; and checkpoints, from which a training run goes on bit for bit."""

import json
import os
import pathlib
import zipfile

import numpy as np


def write_arrays(path, arrays):
    """Write a dictionary of arrays to a file of NumPy's, compressed; .npz is appended where it is missing. [step 53]

    A file that is there already is replaced only when the new one is complete, whatever happens meanwhile.
    """
    path = npz_path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.savez_compressed(file, **arrays)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path):
    """The arrays that write_arrays wrote: name -> array. ValueError for another kind of file. [step 53]"""
    path = path if os.path.exists(path) else npz_path(path)
    try:
        with np.load(path) as arrays:  # never unpickles
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
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
    arrays = {"values": np.array(as_text(values)), "random": np.array(as_text(np.random.get_state(legacy=False)))}
    for part, owner in (("model", model), ("optimizer", optimizer), ("loader", loader)):
        state = {} if owner is None else owner.weights() if owner is model else owner.state()
        arrays |= {f"{part}/{name}": value for name, value in state.items()}
    write_arrays(path, arrays)


def load_checkpoint(path, model, optimizer=None, loader=None):
    """Put everything back into objects that were made in the same way; returns the values. [beside step 53]

    ValueError where the file does not fit them; then nothing has changed.
    """
    arrays = read_arrays(path)
    if not {"values", "random"} <= arrays.keys():
        raise ValueError(f"load_checkpoint: {path} is no checkpoint, it holds {sorted(arrays)[:5]} ...")
    values, random = str(arrays.pop("values")), str(arrays.pop("random"))
    parts = {"model": {}, "optimizer": {}, "loader": {}}
    for key, value in arrays.items():
        part, _, name = key.partition("/")
        parts[part][name] = value
    for part, owner in (("optimizer", optimizer), ("loader", loader)):
        if owner is None and parts[part]:
            raise ValueError(f"load_checkpoint: {path} has the state of the {part}, which did not come")

    before = [(variable, variable.data) for _, variable in model.named_state()]
    states = [(owner, owner.state()) for owner in (optimizer, loader) if owner is not None]
    try:
        model.take_weights(parts["model"])
        for owner, part in ((optimizer, "optimizer"), (loader, "loader")):
            if owner is not None:
                owner.load_state(parts[part])
    except BaseException:
        for variable, data in before:
            variable.data = data
        for owner, state in states:
            owner.load_state(state)
        raise
    np.random.set_state(json.loads(random))
    return json.loads(values)


def as_text(state):
    """Numbers, texts, arrays and dictionaries of them as JSON, which keeps every bit of a float."""
    return json.dumps(state, default=np.ndarray.tolist)
