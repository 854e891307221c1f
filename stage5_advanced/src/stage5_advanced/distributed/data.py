"""A part of the data for each process, and measurements over all parts."""

import numpy as np

from ..training.validation import Subset


def scatter_dataset(dataset, comm, root=0, shuffle=False, seed=None, *, force_equal_length=True):
    """The part of a dataset for this process: n samples, dealt out in their order or shuffled. [not in the book]

    Part i begins at sample n i // size and has ceil(n / size) samples, so a few are in two parts. With
    force_equal_length=False, for evaluation, no sample is in two parts, and the first n % size parts are one longer.
    root: the process whose samples are sent to the others, whose dataset is ignored; None: every process has the
    dataset, and only the order is sent. seed: of the order, a number or a np.random.Generator; None: one draw from
    np.random. Raises ValueError on every process if with root=None the lengths differ.
    """
    sender = 0 if root is None else root
    if root is None:
        comm.agree("scatter_dataset", len(dataset))
    order = None
    if comm.rank == sender:
        order = np.arange(len(dataset))
        if shuffle:
            order = np.random.default_rng(np.random.randint(2**31) if seed is None else seed).permutation(order)
    order = comm.bcast_obj(order, sender)
    parts = [order[part_of(len(order), i, comm.size, force_equal_length)] for i in range(comm.size)]
    if root is None or comm.size == 1:
        return Subset(dataset, parts[comm.rank])
    return comm.scatter_obj([[dataset[int(i)] for i in part] for part in parts] if comm.rank == root else None, root)


def part_of(n, i, size, equal):
    """The samples of part i of `size` parts, as a slice."""
    if equal:
        return slice(n * i // size, n * i // size - (-n // size))
    return slice(i * (n // size) + min(i, n % size), (i + 1) * (n // size) + min(i + 1, n % size))


def split_batch(x, n):
    """The rows of x in n parts whose lengths differ by at most one, as a list of views. [not in the book]"""
    if n < 1:
        raise ValueError(f"split_batch: expected at least one part, got {n}")
    return [x[part_of(len(x), i, n, equal=False)] for i in range(n)]


def check_steps(comm, loader):
    """Raise ValueError on every process unless all have loaders of one length; call it before an epoch.

    Otherwise the process with fewer batches would end its epoch, and the others would wait for it. [not in the book]
    """
    steps = comm.allgather_obj(len(loader))
    if len(set(steps)) > 1:
        raise ValueError(f"check_steps: expected as many batches on every rank, got {steps}")


def create_multi_node_evaluator(f, comm):
    """A function that measures parts of the data on all processes, and returns the means over all. [not in the book]

    f: a function of a part, part -> (sums, count): the sum over its samples of a number, or of several in a dict, and
    their number. The returned function takes the part of this process and returns the mean, or the means in a dict,
    on every process. It raises ValueError on every process if no process has samples.
    """

    def evaluate(part):
        sums, count = f(part)
        found = comm.allgather_obj((sums, count))
        n = sum(count for _, count in found)
        if not n > 0:
            raise ValueError("create_multi_node_evaluator: expected samples on some rank, got none")
        if isinstance(sums, dict):
            return {name: sum(sums[name] for sums, _ in found) / n for name in sums}
        return sum(sums for sums, _ in found) / n

    return evaluate
