"""Checkpoints of a training with many processes: one file for each."""

import json
import os
import pathlib
import uuid
import zlib

import numpy as np

from .. import cuda, saving
from .communicator import initialized


def path_of(path, comm):
    """The file of this process: run.npz -> run.rank2of4.npz."""
    path = saving.npz_path(path)
    return path.with_name(f"{path.stem}.rank{comm.rank}of{comm.size}.npz")


def save_checkpoint(comm, path, model, optimizer=None, loader=None, **values):
    """Write a checkpoint of each process, run.rank2of4.npz for run.npz; every process calls this. [not in the book]

    What each contains: see the `save_checkpoint` of one process. Processes differ in buffers, loaders and random
    numbers. Old files are replaced only when every process has written its new one.
    """
    moment = comm.bcast_obj(uuid.uuid4().hex)
    with saving.replacing(path_of(path, comm)) as part:
        new = pathlib.Path(f"{part}.npz")
        try:
            saving.save_checkpoint(new, model, optimizer, loader, moment=moment, **values)
            os.replace(new, part)
        finally:
            new.unlink(missing_ok=True)
        comm.barrier()
    comm.barrier()


def load_checkpoint(comm, path, model, optimizer=None, loader=None, **objects):
    """Load what `save_checkpoint` wrote for this process; return the numbers. [not in the book]

    Raises ValueError on every process, without changes, if the files are of another number of processes, missing, or
    not from one call of `save_checkpoint`. If the parameters are equal everywhere, the next `update` is a step.
    """
    own, problem, moment = path_of(path, comm), None, None
    if not own.exists():
        others = sorted(file.name for file in own.parent.glob(f"{saving.npz_path(path).stem}.rank*of*.npz"))
        problem = f"expected {own.name}, a checkpoint of {comm.size} processes, got {others or 'no file'}"
    else:
        moment = moment_of(own)
    comm.check("load_checkpoint", problem)
    comm.agree("load_checkpoint", moment)
    values = saving.load_checkpoint(own, model, optimizer, loader, **objects)
    weights = [cuda.as_numpy(param).tobytes() for param in model.params()]
    if len(set(comm.allgather_obj(zlib.crc32(b"".join(weights))))) == 1:  # else the first update copies those of rank 0
        comm.sent[model] = initialized(model)
    return {name: value for name, value in values.items() if name != "moment"}


def moment_of(path):
    """The mark that `save_checkpoint` gives all files of one call; None for any other file."""
    try:
        with np.load(path) as arrays:
            return json.loads(str(arrays["checkpoint"]))["values"]["moment"]
    except Exception:  # a damaged file can raise almost any exception; load_checkpoint says so
        return None
