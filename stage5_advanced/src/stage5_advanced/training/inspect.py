"""A look into models: parameters by pattern, a summary, norms of gradients, weights from elsewhere."""

import copy
import fnmatch
import math
import sys

import numpy as np

from .. import cuda
from .. import functions as F
from ..config import test_mode, using_config
from ..core import Parameter
from ..layers import BatchNorm, Conv1d, Conv2d, Deconv2d, DepthwiseConv2d, Layer, Linear


def check_model(name, model):
    """The model. Raises TypeError unless it is a Layer or a Model."""
    if not isinstance(model, Layer):
        raise TypeError(f"{name}: expected a Layer or Model, got {type(model).__name__}")
    return model


def find_params(model, pattern="*"):
    """The parameters with paths that match a pattern: find_params(model, "*/W") -> {"l0/W": W}. [not in the book]

    Raises ValueError if there is none.
    """
    params = dict(check_model("find_params", model).named_params())
    found = {path: param for path, param in params.items() if fnmatch.fnmatchcase(path, pattern)}
    if not found:
        raise ValueError(f"find_params: expected a pattern that matches one of {list(params)}, got {pattern!r}")
    return found


def count_params(model):
    """The number of elements of all parameters, shared ones once. [not in the book]

    Raises ValueError if one is uninitialized.
    """
    for path, param in check_model("count_params", model).named_params():
        if param.data is None:
            raise ValueError(f"count_params: {path!r} is uninitialized; call the model once first")
    return sum(param.size for param in model.params())


def apply(model, f):
    """Call f with every layer of a model, sublayers first and the model last; return the model. [not in the book]"""
    for layer in dict.fromkeys(tree(check_model("apply", model))):
        f(layer)
    return model


def tree(layer):
    """Yield all sublayers, and last the layer itself."""
    for name in layer._params:
        value = getattr(layer, name)
        if isinstance(value, Layer):
            yield from tree(value)
    yield layer


class Summary(str):
    """A table as a string, which interactive sessions show as it is."""

    __repr__ = str.__str__


def summary(model, *inputs):
    """Print a table of the layers: name, class, shape of the output, number of parameters. [not in the book]

    It also returns the table; an interactive session shows that instead. inputs: what the model is called with.
    The call is made in evaluation mode with a copy of the model, so it changes nothing; "--" is the shape of a layer
    that it does not call. A shared parameter counts once, buffers do not.
    """
    model, random = copy.deepcopy(check_model("summary", model)), np.random.get_state()
    try:
        with test_mode(), using_config("enable_backprop", True):  # the graph keeps all outputs alive
            y = model(*inputs)
    finally:
        np.random.set_state(random)
    rows, counted = [("Layer (class)", "Output shape", "Params")], {}
    add_rows(rows, counted, "", "", type(model).__name__, model)
    del y
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    buffers = {v: v.size for _, v in model.named_state() if not isinstance(v, Parameter) and v.data is not None}
    size = sum(variable.data.nbytes for variable in counted | buffers) / 2**20
    rule = "=" * len(lines[0])
    head, *body = lines
    foot = [f"Total params: {sum(counted.values()):,}", f"Buffers: {sum(buffers.values()):,}"]
    text = Summary("\n".join([rule, head, rule, *body, rule, *foot, f"Size of both: {size:.2f} MiB", rule]))
    if not hasattr(sys, "ps1"):
        print(text)
    return text


def add_rows(rows, counted, indent, below, label, layer):
    """Append the rows of a layer and its sublayers. counted: parameters -> sizes, of those that are already counted."""
    own = [value for value in map(layer.__dict__.get, layer._params) if isinstance(value, Parameter)]
    ready = own and all(param.data is not None for param in own)
    new = {param: param.size for param in own if ready and param not in counted}
    counted.update(new)
    outputs = [output() for output in getattr(layer, "outputs", [])]
    shapes = ", ".join(str(y.shape) for y in outputs if hasattr(y, "shape")) or "--"
    rows.append((indent + label, shapes, f"{sum(new.values()):,}" if ready else "--"))
    layers = [(name, layer.__dict__[name]) for name in layer._params if isinstance(layer.__dict__[name], Layer)]
    for name, one in layers:
        last = name == layers[-1][0]
        label = f"{name} ({type(one).__name__})"
        add_rows(rows, counted, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), label, one)


def fuse(model):
    """A copy of a model in which batch norms are part of the layers before them, as in `test_mode`. [not in the book]

    In each Sequential, a BatchNorm behind a convolution or a Linear layer disappears, and the weights of that layer
    change; layers in several places stay as they are. Raises ValueError if a layer to change is uninitialized.
    """
    model = copy.deepcopy(check_model("fuse", model))
    layers = list(tree(model))
    for layer in layers:
        if isinstance(getattr(layer, "layers", None), list):
            kept = []
            for part in layer.layers:
                last = kept[-1] if kept else None
                axis = {Conv2d: 0, Conv1d: 0, DepthwiseConv2d: 0, Deconv2d: 1, Linear: 1}.get(type(last))
                whole = axis is not None and not (axis and getattr(last, "groups", 1) > 1)
                if isinstance(part, BatchNorm) and whole and layers.count(last) == layers.count(part) == 1:
                    fold(last, part, axis)
                else:
                    kept.append(part)
            layer.layers = kept
    return model


def fold(layer, norm, axis):
    """Make a batch norm part of the layer before it, whose outputs are along an axis of W."""
    if layer.W.data is None or norm.avg_mean.data is None:
        raise ValueError("fuse: expected a model whose layers are initialized; call it once first")
    mean, var = norm.avg_mean.data, norm.avg_var.data
    xp = cuda.get_array_module(var)
    gamma, beta = (norm.gamma.data, norm.beta.data) if norm.affine else (xp.ones_like(var), xp.zeros_like(var))
    b = None if layer.b is None else layer.b.data
    W, b = F.fold_batch_norm(layer.W.data, b, gamma, beta, mean, var, norm.eps, axis)
    layer.W.data, layer.b = W.data.astype(layer.W.dtype), Parameter(b.data.astype(layer.W.dtype), name="b")


def check_shared(arrays, model):
    """Raise ValueError if arrays, by path, give one shared parameter or buffer different values. [not in the book]

    `set_weights` would use the last of them.
    """
    first = {}
    for path, variable in model.named_state():
        other = first.setdefault(variable, path)
        if not np.array_equal(cuda.as_numpy(arrays[path]), cuda.as_numpy(arrays[other]), equal_nan=True):
            raise ValueError(f"check_shared: expected equal arrays for {other!r} and {path!r}, which are shared")


def gradient_norms(model):
    """The Euclidean norm of the gradient of each parameter that has one: {"l0/W": 0.5, ...}. [not in the book]"""
    return {
        path: math.sqrt(param.xp.square(param.grad.data, dtype=np.float64).sum())
        for path, param in check_model("gradient_norms", model).named_params()
        if param.grad is not None
    }


def gradient_flow(make_model, x, loss, initializers, activations):
    """The norms of gradients for each initializer and activation, as they flow back through a model. [not in the book]

    make_model: (initializer, activation) -> a new model. loss: its output -> a Variable of one element.
    initializers, activations: dicts by name. Returns {(name of initializer, name of activation): gradient_norms}.
    """
    found = {}
    for name, initializer in initializers.items():
        for other, activation in activations.items():
            model = make_model(initializer, activation)
            value = loss(model(x))
            model.cleargrads()
            value.backward()
            found[name, other] = gradient_norms(model)
    return found


def from_tf_kernel(W, depthwise=False):
    """A kernel of TensorFlow, (KH, KW, C, OC) or (KW, C, OC), as (OC, C, KH, KW) or (OC, C, KW). [not in the book]

    depthwise: (KH, KW, C, m) -> (C m, 1, KH, KW), the m kernels of each channel together. Images (N, H, W, C) are
    transposed by `x.transpose(0, 3, 1, 2)`.
    """
    W = cuda.get_array_module(W).asarray(cuda.data_of(W))
    if W.ndim not in (3, 4) or (depthwise and W.ndim != 4):
        expected = "W (KH, KW, C, m)" if depthwise else "W (KH, KW, C, OC) or (KW, C, OC)"
        raise ValueError(f"from_tf_kernel: expected {expected}, got {W.shape}")
    if depthwise:
        KH, KW, C, m = W.shape
        return W.transpose(2, 3, 0, 1).reshape(C * m, 1, KH, KW)
    return W.transpose(-1, -2, *range(W.ndim - 2))
