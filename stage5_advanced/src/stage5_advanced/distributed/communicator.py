"""Communicators: how the processes of a training exchange arrays and objects. The names are those of ChainerMN.

Every process runs the same program and has a number, its rank. A method that exchanges something must be called by
all processes, in the same order; it returns when all have called it.
"""

import platform
import sys
import weakref
import zlib

import numpy as np

from .. import cuda, saving
from ..core import Variable
from ..layers import Buffer


class Communicator:
    """One process, without MPI: rank 0 of 1. The base class of the communicators of many. [not in the book]

    rank: the number of this process. size: the number of processes. intra_rank, intra_size: the same among the
    processes on this computer.
    """

    rank = intra_rank = 0
    size = intra_size = 1

    def __init__(self):
        self.sent = weakref.WeakKeyDictionary()  # model -> what was initialized when it was broadcast

    def __deepcopy__(self, memo):
        return self  # copies of a model with a communicator in its layers share it

    # --- transport: what a subclass defines; arrays are contiguous, in the dtypes of `checked` ---

    def sum_of(self, x):
        """The sum of the arrays of all processes."""
        return x.copy()

    def all_of(self, x):
        """The arrays of all processes, stacked: (size, ...)."""
        return x[None].copy()

    def copy_of(self, x, root):
        """The array of the root, in a new array or in x."""
        return x.copy()

    def objects_of(self, obj):
        """The objects of all processes, a list."""
        return [obj]

    def bcast_obj(self, obj, root=0):
        """The object of the root; those of the others are ignored. Objects are pickled. [not in the book]"""
        self.check_root(root)
        return obj

    def scatter_obj(self, objs, root=0):
        """One of the root's list of objects for each process; the lists of the others are ignored. [not in the book]"""
        self.check_root(root)
        return objs[0]

    def barrier(self):
        """Wait until every process has called this. [not in the book]"""

    def split(self, color, key=0):
        """A communicator of the processes with the same color, ordered by key, then by rank. [not in the book]"""
        return Communicator()

    def abort(self):
        """End all processes at once, with status 1. [not in the book]"""
        sys.exit(1)

    # --- objects ---

    def allgather_obj(self, obj):
        """The objects of all processes: a list in the order of their ranks. [not in the book]"""
        self.meet("allgather_obj")
        return self.objects_of(obj)

    def gather_obj(self, obj, root=0):
        """At the root the objects of all processes in the order of their ranks, elsewhere None. [not in the book]"""
        self.agree("gather_obj", root)
        self.check_root(root)
        objects = self.objects_of(obj)
        return objects if self.rank == root else None

    def allreduce_obj(self, obj):
        """The sum, by `+` in the order of the ranks, of the objects of all processes. [not in the book]"""
        first, *others = self.allgather_obj(obj)
        for other in others:
            first = first + other
        return first

    # --- arrays ---

    def allreduce(self, x):
        """The sum of the arrays of all processes, equal on each bit for bit, on the device of x. [not in the book]

        Raises ValueError on every process if shapes or dtypes differ, TypeError for anything but an array of numbers.
        """
        self.agree("allreduce", *form_of(x)[:2])
        return self.sum_of(checked("allreduce", x))

    def allgather(self, x):
        """The arrays of all processes, a tuple in the order of their ranks. Raises as `allreduce`. [not in the book]"""
        self.agree("allgather", *form_of(x)[:2])
        return tuple(self.all_of(checked("allgather", x)))

    def bcast(self, x, root=0):
        """A copy of the array of the root; those of the others are ignored, and may be None. [not in the book]

        Raises TypeError on every process if the root has anything but an array of numbers.
        """
        self.agree("bcast", root)
        form = self.bcast_obj(form_of(x), root)
        check_form("bcast", form)
        if self.rank != root:
            shape, dtype, on_gpu = form
            x = (cuda.cupy if on_gpu else np).empty(shape, dtype)
        return self.copy_of(checked("bcast", x), root)

    # --- models ---

    def bcast_data(self, model, root=0):
        """Copy parameters and buffers of the root's model to those of all processes. [not in the book]

        An uninitialized parameter is initialized by this, if it is initialized at the root. Raises ValueError on every
        process, without changes, if the models do not fit.
        """
        state = by_path(model.named_state())
        form = {path: None if v.data is None else (v.shape, v.dtype.str) for path, v in state.items()}
        theirs, on_gpu = self.bcast_obj((form, model.xp is not np), root)
        self.check("bcast_data", unlike(model, state, theirs, on_gpu, root))
        ready = [path for path in form if theirs[path]]
        xp = cuda.cupy if on_gpu else np
        own = [state[path].data if self.rank == root else xp.empty(*theirs[path]) for path in ready]
        for path, array in zip(ready, in_buffers(own, lambda flat: self.copy_of(flat, root)), strict=True):
            if self.rank != root:
                state[path].data = array.copy()
        self.sent[model] = initialized(model)

    def multi_node_mean_grad(self, model, zero_fill=True, weight=1.0):
        """Replace each gradient by the mean over all processes:  g <- sum(weight_r g_r) / sum(weight_r).

        weight: of this process, such as the number of its samples. A parameter without gradient counts as one of
        zeros, unless no process has a gradient of it. Raises ValueError on every process, without changes, if the
        models differ, if the weights are not numbers from 0 with a sum above 0, or, with zero_fill=False, if only some
        processes have a gradient. [not in the book]
        """
        params = by_path(model.named_params())
        forms = [(path, layout(param), layout(param.grad)) for path, param in params.items()]
        weights, differing = self.meet("multi_node_mean_grad", forms, number=weight)
        if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:  # false for nan, too
            raise ValueError(
                f"multi_node_mean_grad: expected weights of at least 0 with a positive sum, got {weights.tolist()}"
            )
        if differing:
            forms = common_forms([forms for (forms,) in differing], zero_fill)
        if self.size == 1:
            return
        used = [(params[path], form) for path, *_, form in forms if form]
        grads = [param.xp.zeros(*form) if param.grad is None else param.grad.data for param, form in used]
        share = float(weight / weights.sum())
        means = in_buffers(grads, lambda flat: self.sum_of(flat * share))
        for (param, _), mean in zip(used, means, strict=True):
            param.grad = Variable(mean)

    allreduce_grad = multi_node_mean_grad  # the former name in ChainerMN

    def mean_buffers(self, model):
        """Replace the floating buffers, such as running statistics, by their means over all processes.

        Batch normalization sees the samples of its own process, so they differ; call this before evaluation and
        saving. Raises ValueError on every process if the models differ. [not in the book]
        """
        state = {path: v for path, v in by_path(model.named_state()).items() if isinstance(v, Buffer)}
        self.agree("mean_buffers", [(path, layout(v)) for path, v in state.items()])
        buffers = [v for v in state.values() if v.data is not None and v.dtype.kind == "f"]
        means = in_buffers([v.data for v in buffers], lambda flat: self.sum_of(flat * (1 / self.size)))
        for v, mean in zip(buffers, means, strict=True):
            v.data[...] = mean

    def bcast_state(self, optimizer, root=0):
        """Load the state and hyperparameters of the root's optimizer into those of all. [not in the book]

        Raises ValueError on every process if one does not fit.
        """
        state, problem = self.bcast_obj(optimizer.state() if self.rank == root else None, root), None
        if self.rank != root:
            try:
                optimizer.load_state(state)
            except ValueError as error:
                problem = str(error)
        self.check("bcast_state", problem)

    def seed(self, seed):
        """Seed NumPy's global generator, and CuPy's, with seed + rank, so that dropout differs. [not in the book]"""
        seed = (seed + self.rank) % 2**32
        np.random.seed(seed)
        if cuda.gpu_enable:
            cuda.cupy.random.seed(seed)

    # --- checks, made so that an error is raised on every process, and none waits for another ---

    def check_root(self, root):
        if root not in range(self.size):
            raise ValueError(f"{type(self).__name__}: expected a root from 0 to {self.size - 1}, got {root!r}")

    def any(self, flag, name="any"):
        """Whether the flag is true on any process. name: of the method that asks."""
        return bool(self.meet(name, number=flag)[0].any())

    def meet(self, name, *values, number=0.0):
        """Begin an exchange: return the numbers of all processes, and their values, or None if all have the same.

        Raises ValueError on every process unless all call the same method, or are at the end of the program. Every
        exchange begins with this, so none waits for a process that is elsewhere.
        """
        heads = self.all_of(np.array([code((name, values)), number], np.float64))
        if (heads[:, 0] == heads[0, 0]).all():
            return heads[:, 1], None
        calls = self.objects_of((name, values))
        if len({name for name, _ in calls}) > 1:
            got = [f"rank {rank}: {name}" for rank, (name, _) in enumerate(calls)]
            raise ValueError(f"{name}: expected the same on every rank, got {'; '.join(got)}")
        return heads[:, 1], [values for _, values in calls]

    def agree(self, name, *values):
        """Raise ValueError on every process unless all call the same method with the same values."""
        _, differing = self.meet(name, *values)
        if differing:
            got = [f"rank {rank}: {name}{values}" for rank, values in enumerate(differing)]
            raise ValueError(f"{name}: expected the same on every rank, got {'; '.join(got)}")

    def check(self, name, problem):
        """Raise ValueError on every process if any of them has a problem, a string."""
        self.meet(name)
        problems = [f"rank {rank}: {found}" for rank, found in enumerate(self.objects_of(problem)) if found]
        if problems:
            raise ValueError(f"{name}: {'; '.join(problems)}")


class MPICommunicator(Communicator):
    """Exchanges NumPy arrays, and objects, by MPI. [not in the book]

    mpi_comm: a communicator of mpi4py. cuda_aware: whether the MPI takes CuPy arrays; otherwise they go through the
    host.
    """

    def __init__(self, mpi_comm, cuda_aware=False):
        super().__init__()
        self.mpi_comm = mpi_comm
        self.cuda_aware = cuda_aware
        self.rank, self.size = mpi_comm.Get_rank(), mpi_comm.Get_size()
        hosts = self.allgather_obj(platform.node())
        host = hosts[self.rank]
        self.intra_rank, self.intra_size = hosts[: self.rank].count(host), hosts.count(host)

    def staged(self, x):
        """x as MPI takes it: on the host, float16 as float32."""
        if cuda.is_on_gpu(x) and self.cuda_aware:
            cuda.cupy.cuda.get_current_stream().synchronize()  # MPI does not wait for kernels
        else:
            x = cuda.as_numpy(x)
        return x.astype(np.float32 if x.dtype == np.float16 else x.dtype, copy=False)

    def sum_of(self, x):
        sent = self.staged(x)
        received = cuda.get_array_module(sent).empty_like(sent)
        self.mpi_comm.Allreduce(sent, received)
        return restored(received, x)

    def all_of(self, x):
        sent = self.staged(x)
        received = cuda.get_array_module(sent).empty((self.size, *x.shape), sent.dtype)
        self.mpi_comm.Allgather(sent, received)
        return restored(received, x)

    def copy_of(self, x, root):
        buffer = self.staged(x)
        buffer = buffer.copy() if buffer is x else buffer
        self.mpi_comm.Bcast(buffer, root)
        return restored(buffer, x)

    def objects_of(self, obj):
        return self.mpi_comm.allgather(obj)

    def bcast_obj(self, obj, root=0):
        self.agree("bcast_obj", root)
        self.check_root(root)
        return self.mpi_comm.bcast(obj, root)

    def scatter_obj(self, objs, root=0):
        self.agree("scatter_obj", root)
        self.check_root(root)
        return self.mpi_comm.scatter(objs, root)

    def barrier(self):
        self.meet("barrier")

    def split(self, color, key=0):
        self.meet("split")
        part = type(self)(self.mpi_comm.Split(color, key))
        part.cuda_aware = self.cuda_aware
        return part

    def abort(self):
        sys.stdout.flush()
        sys.stderr.flush()
        self.mpi_comm.Abort(1)


class NCCLCommunicator(MPICommunicator):
    """Exchanges CuPy arrays by NCCL, between GPUs directly; host arrays and objects by MPI. [not in the book]

    Each process needs a GPU of its own, which must be the current device. Raises RuntimeError without NCCL.
    """

    def __init__(self, mpi_comm):
        super().__init__(mpi_comm)
        cuda.need_gpu()
        self.nccl = cuda.cupy.cuda.nccl
        if not self.nccl.available:
            raise RuntimeError('NCCLCommunicator: CuPy finds no NCCL; create_communicator("mpi") does without')
        number = self.bcast_obj(self.nccl.get_unique_id() if self.rank == 0 else None)
        self.nccl_comm = self.nccl.NcclCommunicator(self.size, number, self.rank)

    def description(self, x):
        """What NCCL's calls take after the pointers: the number of elements and the type."""
        return x.size, getattr(self.nccl, f"NCCL_{x.dtype.name.upper()}")

    def sum_of(self, x):
        if not cuda.is_on_gpu(x):
            return super().sum_of(x)
        y = cuda.cupy.empty_like(x)
        end = self.nccl.NCCL_SUM, cuda.cupy.cuda.get_current_stream().ptr
        self.nccl_comm.allReduce(x.data.ptr, y.data.ptr, *self.description(x), *end)
        return y

    def all_of(self, x):
        if not cuda.is_on_gpu(x):
            return super().all_of(x)
        y = cuda.cupy.empty((self.size, *x.shape), x.dtype)
        self.nccl_comm.allGather(x.data.ptr, y.data.ptr, *self.description(x), cuda.cupy.cuda.get_current_stream().ptr)
        return y

    def copy_of(self, x, root):
        if not cuda.is_on_gpu(x):
            return super().copy_of(x, root)
        y = x.copy()
        self.nccl_comm.bcast(y.data.ptr, *self.description(y), root, cuda.cupy.cuda.get_current_stream().ptr)
        return y


# --- buffers ---


def checked(name, x):
    """x, contiguous. Raises TypeError unless it is an array of integers or floats."""
    check_form(name, form_of(x))
    return x if x.flags.c_contiguous else x.copy()


def form_of(x):
    """(shape, dtype, whether it is on the GPU) of an array of integers or floats; of anything else (what it is,)."""
    is_array = isinstance(x, np.ndarray) or cuda.is_on_gpu(x)
    if is_array and x.dtype.kind in "iuf":
        return x.shape, x.dtype.str, cuda.is_on_gpu(x)
    return (str(x.dtype) if is_array else type(x).__name__,)


def check_form(name, form):
    """Raise TypeError unless it is the form of an array of integers or floats."""
    if len(form) == 1:
        raise TypeError(f"{name}: expected an array of integers or floats, got {form[0]}")


def restored(y, x):
    """What was received, on the device and in the dtype of x."""
    y = y.astype(x.dtype, copy=False)
    return cuda.as_cupy(y) if cuda.is_on_gpu(x) else y


def in_buffers(arrays, exchange):
    """The arrays after an exchange, which gets one flat array for each dtype: few large messages, not many small."""
    found = [None] * len(arrays)
    for dtype in dict.fromkeys(a.dtype for a in arrays):
        chosen = [i for i, a in enumerate(arrays) if a.dtype == dtype]
        xp = cuda.get_array_module(arrays[chosen[0]])
        flat = exchange(xp.concatenate([arrays[i].reshape(-1) for i in chosen]))
        start = 0
        for i in chosen:
            found[i] = flat[start : start + arrays[i].size].reshape(arrays[i].shape)
            start += arrays[i].size
    return found


# --- what models have in common ---


def by_path(named):
    """path -> variable, each variable once, under its first path."""
    first = {}
    for path, variable in named:
        first.setdefault(variable, path)
    return {path: variable for variable, path in first.items()}


def layout(variable):
    """(shape, dtype) of a variable; None without one, or without data."""
    return None if variable is None or variable.data is None else (variable.shape, variable.dtype.str)


def initialized(model):
    """The paths of the model, each with whether it is initialized."""
    return [(path, variable.data is not None) for path, variable in by_path(model.named_state()).items()]


def code(value):
    """A number that differs, in all probability, where the value does; exact in float64."""
    return zlib.crc32(repr(value).encode())


def unlike(model, state, theirs, on_gpu, root):
    """Say where a model does not fit that of the root, path -> (shape, dtype) or None; None if it does."""
    for path, other in zip([*state, None], [*theirs, None], strict=False):
        if path != other:
            return f"expected {other!r} as on rank {root}, got {path!r}"
    if any(v.data is not None for v in state.values()) and (model.xp is not np) != on_gpu:
        return f"expected a model on the device of that of rank {root}"
    for path, variable in state.items():
        if theirs[path] is None and variable.data is not None:
            return f"{path!r} is uninitialized on rank {root}, but not here"
        if theirs[path]:
            shape, dtype = theirs[path]
            try:
                saving.check_fit(repr(path), variable, np.broadcast_to(np.zeros((), dtype), shape))
            except ValueError as error:
                return str(error)
    return None


def common_forms(forms, zero_fill):
    """What (path, layout of the gradient or None) the processes have in common, from (path, shape, layout) of each."""
    for each in zip(*forms, strict=False):
        if len({(path, shape) for path, shape, _ in each}) > 1:
            got = "; ".join(f"rank {rank}: {path!r} {shape}" for rank, (path, shape, _) in enumerate(each))
            raise ValueError(f"multi_node_mean_grad: expected the same parameters on every rank, got {got}")
    if len({len(form) for form in forms}) > 1:
        raise ValueError(
            f"multi_node_mean_grad: expected the same parameters on every rank, got {[len(form) for form in forms]}"
        )
    common = []
    for each in zip(*forms, strict=True):
        path, *_ = each[0]
        found = {form for *_, form in each if form}
        missing = [rank for rank, (*_, form) in enumerate(each) if not form]
        if len(found) > 1 or (found and missing and not zero_fill):
            got = "; ".join(f"rank {rank}: {form}" for rank, (*_, form) in enumerate(each))
            raise ValueError(f"multi_node_mean_grad: {path!r}: expected gradients of one form, got {got}")
        common.append((path, *(found or {None})))
    return common
