"""A trained network for programs without Python: its functions, written in ONNX, the common format for networks.

hybridize turns the calls of a model into a list of functions with the places of their arrays. ONNX is such a list, too:
nodes such as Conv, Relu and MaxPool, with names for what goes in and out, and the weights as arrays. So the export is a
table from our functions to ONNX's nodes, and a loop. What a branch of the model decided is written as it was decided;
dropout is gone, since the program was traced in test mode.

    A small network, trained on Digits: test accuracy 0.91; onnxruntime gives the same logits, up to 1e-5

    python stage5_advanced/examples/onnx_export.py --file digits.onnx       (needs: pip install onnx onnxruntime)

Without these packages the nodes are run by NumPy, with what the ONNX specification says about each; with them the
network is also checked by onnx and run by onnxruntime. --file FILE writes it.

The figure: some digits, and what the exported network takes them for.
"""

import argparse
import importlib.util
import pathlib

import numpy as np
from common import begin, check_folder, figure, load_digits, options, page, save, stop

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, hybridize, no_grad, optimizers, test_mode
from stage5_advanced.layers import Conv2d, Dropout, Linear
from stage5_advanced.models import Sequential
from stage5_advanced.training import Trainer


def halve(x):
    return F.max_pool2d(x, 2)


def node_of(f, shape):
    """The name and the attributes of the ONNX node of a function; shape: of its output."""
    kind = type(f).__name__
    if kind == "Conv2d":
        stride, pad, dilation, groups = f.sizes
        (SH, SW), (PH, PW), (DH, DW) = map(F.pair, (stride, pad, dilation))
        return "Conv", {"strides": [SH, SW], "pads": [PH, PW, PH, PW], "dilations": [DH, DW], "group": groups}
    if kind == "Pooling":
        kernel, stride, _, _ = f.sizes
        return "MaxPool", {"kernel_shape": list(F.pair(kernel)), "strides": list(F.pair(stride))}
    if kind == "Reshape":
        return "Reshape", {"shape": [0, *shape[1:]]}  # 0: any number of images
    names = {"Linear": "Gemm", "ReLU": "Relu", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Add": "Add", "Mul": "Mul"}
    if kind not in names:
        raise ValueError(f"onnx_export: expected functions that have a node, got {kind}")
    return names[kind], {}


def nodes_of(hybrid, x):
    """The nodes of the program for inputs like x: (name, inputs, output, attributes); weights; the name of the result.

    The input is called v0, other arrays by their slots.
    """
    with no_grad(), test_mode():
        hybrid(x)
        hybrid(x)
    (traced,) = hybrid.table.values()
    program = traced.program
    if program is None:
        raise ValueError(f"onnx_export: expected a model that is a program: {traced.reason}")
    shapes = {}
    arrays = dict(zip(program.arguments, [x, *(given.data for given in traced.given)], strict=True)) | program.constants
    weights = {f"v{i}": a for i, a in arrays.items() if i != 0}
    nodes = []
    for f, (ins, (out,), _) in zip(program.functions, program.steps, strict=True):
        arrays[out] = f.forward(*(arrays[i] for i in ins))
        shapes[out] = arrays[out].shape
        name, attributes = node_of(f, shapes[out])
        nodes.append((name, [f"v{i}" for i in ins], f"v{out}", attributes))
    return nodes, weights, f"v{program.outputs[0]}"


RUN = {  # what the specification of ONNX says, in NumPy
    "Conv": lambda x, W, b, strides, pads, dilations, group: (
        F.conv2d(x, W, b, tuple(strides), tuple(pads[:2]), dilation=tuple(dilations), groups=group).data
    ),
    "MaxPool": lambda x, kernel_shape, strides: F.max_pool2d(x, tuple(kernel_shape), tuple(strides)).data,
    "Reshape": lambda x, shape: x.reshape(len(x), *shape[1:]),
    "Gemm": lambda x, W, b: x @ W + b,
    "Relu": lambda x: np.maximum(x, 0),
    "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Add": np.add,
    "Mul": np.multiply,
}


def run(nodes, weights, result, x):
    """Run the nodes one after the other."""
    arrays = {"v0": x, **weights}
    for name, ins, out, attributes in nodes:
        arrays[out] = RUN[name](*(arrays[i] for i in ins), **attributes)
    return arrays[result]


def packed(nodes, weights, result, x, y):
    """The content of an ONNX file, checked by onnx."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made, more = [], dict(weights)
    for name, ins, out, attributes in nodes:
        if name == "Reshape":  # its shape is an input
            more[f"{out}_shape"] = np.array(attributes["shape"], np.int64)
            made.append(helper.make_node(name, [*ins, f"{out}_shape"], [out]))
        else:
            made.append(helper.make_node(name, ins, [out], **attributes))
    values = [
        helper.make_tensor_value_info(key, TensorProto.FLOAT, ["N", *a.shape[1:]])
        for key, a in (("v0", x), (result, y))
    ]
    graph = helper.make_graph(
        made, "program", values[:1], values[1:], [numpy_helper.from_array(a, key) for key, a in more.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def output_file(text):
    """The type of --file."""
    if pathlib.Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"expected a file, got the folder {text or '.'}")
    return pathlib.Path(text)


def main():
    parser = options(__doc__, epochs=(10, 5), data=("digits",), gpu=False)
    parser.add_argument("--file", type=output_file, help="an ONNX file to be written; needs the package onnx")
    arguments = begin(parser)
    if arguments.file and not importlib.util.find_spec("onnx"):
        stop("no file without the package onnx: pip install onnx")
    if arguments.file:
        check_folder(parser, "--file", arguments.file.parent)
    train, test = load_digits(arguments)
    layers = [Conv2d(16, 3, pad=1), F.relu, halve, F.flatten, Dropout(0.2), Linear(32), F.relu, Linear(10)]
    model = Sequential(*layers)
    optimizer = optimizers.Adam(0.003).setup(model)
    Trainer(model, optimizer, F.softmax_cross_entropy).fit(DataLoader(train, 50), epochs=arguments.epochs)

    x = np.stack([test[i][0] for i in range(len(test))])
    with no_grad(), test_mode():
        y = model(x).data
    accuracy = np.mean(y.argmax(1) == [test[i][1] for i in range(len(test))])
    nodes, weights, result = nodes_of(hybridize(model), x[:8])
    print("nodes:", ", ".join(name for name, *_ in nodes))
    found = {"NumPy": run(nodes, weights, result, x)}
    if importlib.util.find_spec("onnx"):
        content = packed(nodes, weights, result, x, y)
        if arguments.file:
            arguments.file.write_bytes(content)
        if importlib.util.find_spec("onnxruntime"):
            import onnxruntime

            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            found["onnxruntime"] = session.run(None, {"v0": x})[0]
    difference = max(float(np.abs(logits - y).max()) for logits in found.values())
    print(f"test accuracy {accuracy:.4f}; logits by {' and '.join(found)}: largest difference {difference:.1e}")
    save(draw(x, next(reversed(found.values()))), arguments)


def draw(x, logits):
    made, (left, right) = figure((1, 2), height=7)
    left.imshow(page(x[:60, 0], 6, 10), cmap="gray_r")
    left.set(title="digits, row by row", xticks=[], yticks=[])
    right.imshow(F.softmax(logits[:60]).data, cmap="Blues", aspect="auto")
    right.set(title="what they are taken for, by probability", xlabel="class", ylabel="digit number", xticks=range(10))
    for n, c in enumerate(logits[:60].argmax(1)):
        right.text(c, n, c, ha="center", va="center", fontsize=6, color="tab:red")
    return made


if __name__ == "__main__":
    main()
