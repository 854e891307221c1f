"""A stand-in for a GPU in PyTorch: CPU tensors labelled as on a device, which refuses what a GPU refuses.

A tensor is on the device if its storage is. Values are computed on the CPU, so results have the same bits. As on a GPU,
tensors of both sides must not meet in a function (numbers and 0-d tensors may), `numpy()` and a generator of the other
side are errors, and an LSTM cell has both biases or none.
"""

import contextlib

import torch
from torch.nn.parameter import UninitializedTensorMixin
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "meta"  # the only other device that every PyTorch accepts as default
aten = torch.ops.aten
MAY_MEET = {  # copies, and indices, which may be on the host
    aten.copy_.default, aten._to_copy.default, aten.index.Tensor, aten.index_put.default, aten.index_put_.default,
}  # fmt: skip
CONVERSIONS = {torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__dlpack__}


class Generator(torch.Generator):
    """A generator on the host, which may have been requested for the device."""

    def __new__(cls, device="cpu"):
        made = super().__new__(cls)
        if torch.device(device).type != "cpu":
            GENERATORS[made._cdata] = made
        return made


GENERATORS = {}  # on the device, by address, since a function may get another object for the same generator


class Storages(dict):
    """The storages on the device, by address; they are kept alive so that no other gets the address of one."""

    on_host = False  # whether the current call creates tensors on the host

    def put(self, found):
        for tensor in tensors(found):
            storage = tensor.untyped_storage()
            self[storage._cdata] = storage
        return found

    def has(self, tensor):
        if isinstance(tensor, UninitializedTensorMixin):
            return True
        return tensor.untyped_storage()._cdata in self


def tensors(found):
    return [leaf for leaf in _pytree.tree_leaves(found) if isinstance(leaf, torch.Tensor)]


class Dispatch(TorchDispatchMode):
    """Below autograd: every function that computes or creates something, backward passes included."""

    def __init__(self, there):
        super().__init__()
        self.there = there

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        given = tensors((args, kwargs))
        found = {self.there.has(tensor) for tensor in given if tensor.ndim or self.there.has(tensor)}
        if len(found) == 2 and func not in MAY_MEET:
            raise RuntimeError(f"{func}: expected all tensors on the same device, found at least two, {NAME} and cpu")
        device = kwargs.get("device")
        # Functions of PyTorch itself ask for the device of their inputs, which for them is the CPU.
        on_device = True in found or (device is not None and (device.type != "cpu" or not self.there.on_host))
        generator = kwargs.get("generator")
        if generator is not None and (generator._cdata in GENERATORS) != on_device:
            raise RuntimeError(f"{func}: expected a {NAME if on_device else 'cpu'!r} device type for generator")
        if device is not None:
            kwargs["device"] = torch.device("cpu")
        result = func(*args, **kwargs)
        return self.there.put(result) if on_device and func is not aten.copy_.default else result


class Functions(TorchFunctionMode):
    """Above autograd: what asks for the device of a tensor, or moves it."""

    def __init__(self, there):
        super().__init__()
        self.there = there

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func == torch.Tensor.device.__get__:
            return torch.device(NAME if self.there.has(args[0]) else "cpu")
        if func in CONVERSIONS and self.there.has(args[0]):
            raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. Use Tensor.cpu() first.")
        if func is torch.lstm_cell and len([b for b in args[4:] if b is not None]) == 1:
            raise RuntimeError("lstm_cell: sym_strides() called on an undefined Tensor")
        if func in (torch.tensor, torch.as_tensor):  # which create tensors on "meta" by other means
            device = torch.device(kwargs.pop("device", None) or NAME)
            made = func(*args, **kwargs, device="cpu")
            return made if device.type == "cpu" else self.there.put(made.clone() if func is torch.as_tensor else made)
        if func is torch.Tensor.__deepcopy__:
            return self.there.put(func(*args, **kwargs)) if self.there.has(args[0]) else func(*args, **kwargs)
        if func.__name__ == "lstm" and torch.backends.cudnn.enabled:
            raise RuntimeError("lstm: double backward is not supported for cuDNN RNNs")
        device = self.destination(func, args, kwargs)
        if device is None:
            given, device = tensors((args, kwargs)), kwargs.get("device")
            on_host = str(device) == "cpu" if device else bool(given) and not any(map(self.there.has, given))
            before, self.there.on_host = self.there.on_host, on_host
            try:
                return func(*args, **kwargs)
            finally:
                self.there.on_host = before
        args = [args[0], *(a for a in args[1:] if not is_device(a))]
        moved = args[0] if func is not torch.Tensor.to else func(*args, **kwargs)
        if self.there.has(args[0]) != (device.type != "cpu"):
            moved = moved.clone()
            self.there.put(moved) if device.type != "cpu" else self.there.pop(moved.untyped_storage()._cdata, None)
        return moved

    def destination(self, func, args, kwargs):
        """The device to which a call moves a tensor, if any."""
        if func is torch.Tensor.cpu:
            return torch.device("cpu")
        if func is torch.Tensor.cuda:
            return torch.device(NAME)
        if func is torch.Tensor.to:
            found = [*filter(is_device, args[1:]), kwargs.pop("device", None)]
            return None if found[0] is None else torch.device(found[0])
        return None


def is_device(argument):
    return isinstance(argument, torch.device | str)


REDUCE = torch.Tensor._reduce_ex_internal


def reduce_on_host(tensor, protocol):
    """Pickle the values; of a tensor on "meta", PyTorch pickles the shape only."""
    with torch._C.DisableTorchFunction():
        return REDUCE(tensor, protocol)


@contextlib.contextmanager
def simulated():
    """In the block the default device is the simulated one."""
    there = Storages()
    real, torch.Generator = torch.Generator, Generator
    torch.Tensor._reduce_ex_internal = reduce_on_host
    torch.set_default_device(NAME)
    try:
        with Functions(there), Dispatch(there):
            yield there
    finally:
        torch.set_default_device("cpu")
        torch.Generator, torch.Tensor._reduce_ex_internal = real, REDUCE
        GENERATORS.clear()
