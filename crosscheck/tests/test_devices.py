"""`--device cuda` on machines without a GPU: stage 5 and PyTorch with stand-ins."""

import contextlib
import functools
import importlib.util
import json
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest
import torch

from crosscheck import UsageError, bench, cli, device_bench
from crosscheck.computations import Computation, all_computations
from crosscheck.frameworks import BookStyle, load_stage, torch_networks, torch_tensors, torch_training
from crosscheck.frameworks.devices import OnGPU, on_gpu
from crosscheck.frameworks.torch import TorchFramework
from crosscheck.inputs import DEFAULT_SEED, SHAPES_ONLY, normal
from crosscheck.runner import Runner
from crosscheck.stages import STAGES
from crosscheck.trial import evaluate, order_of
from crosscheck.workloads import Workload
from stage5_advanced import cuda

STAGE5 = STAGES[-1]
STANDIN = pathlib.Path(__file__).parents[2] / "stage5_advanced" / "tests" / "standin.py"
TORCH_STANDIN = pathlib.Path(__file__).parent / "torch_standin.py"
COMPUTATIONS = {c.name: c for c in all_computations()}
# Computations that differ from the CPU: creating, indexing, drawing, moving and keeping arrays.
NAMES = """
    square custom_function get_item_by_pairs_of_arrays concat linear_of_arrays linear_layer_without_in_size mlp
    softmax_cross_entropy adam training_linear_regression conv2d deconv2d pooling average_pooling im2col batch_norm
    batch_norm_layer dropout_in_use leaky_relu sigmoid_cross_entropy embed_id embed_id_layer lstm_cell lstm rnn_layer
    lstm_layer weights_of_new_layers weights_saved_and_loaded squeezenet seq_data_loader
    """


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def standin():
    """The stand-in, imported once, so that its kernels are compiled once."""
    return imported(STANDIN)


@pytest.fixture
def gpu(monkeypatch):
    """Stage 5 on a simulated GPU."""
    module = standin()
    module.random.seed(0)
    module.launches.clear()
    monkeypatch.setattr(cuda, "cupy", module)
    monkeypatch.setattr(cuda, "cp", module)
    monkeypatch.setattr(cuda, "gpu_enable", True)
    return OnGPU(load_stage(STAGE5))


@pytest.mark.parametrize("name", NAMES.split())
def test_a_computation_on_the_gpu_agrees_with_pytorch_and_the_cpu(torch_adapter, gpu, name):
    computation = COMPUTATIONS[name]
    (cell,) = (Runner([gpu], torch_adapter).run(computation, gpu, dtype) for dtype in computation.dtypes[-1:])
    assert cell.state == "equal", cell.failures
    assert cell.name == f"{name}/stage5@cuda/{computation.dtypes[-1]}"


@pytest.mark.parametrize("name", ["batch_norm", "conv2d", "softmax_cross_entropy"])
def test_a_computation_with_kernels_agrees_with_pytorch_and_the_cpu(torch_adapter, gpu, monkeypatch, name):
    if not shutil.which("g++"):
        pytest.skip("the stand-in compiles kernels with g++, which is not installed")
    cuda.cupy.prepare(cuda.KERNELS)
    monkeypatch.setattr(cuda, "use_kernels", True)
    cell = Runner([gpu], torch_adapter).run(COMPUTATIONS[name], gpu, "float32")
    assert cell.state == "equal", cell.failures
    assert any(cuda.cupy.launches[kernel.name] for kernel in cuda.KERNELS)


def test_inputs_are_on_the_device_and_results_on_the_host(gpu):
    x = gpu.Variable(np.ones((2, 3), np.float32))
    assert isinstance(x.data, cuda.cupy.ndarray)
    assert isinstance(gpu.constant(np.ones(3)), cuda.cupy.ndarray)
    assert isinstance(gpu.Parameter(np.ones(3)).data, cuda.cupy.ndarray)
    layer = gpu.Linear(2, in_size=3)
    assert all(isinstance(p.data, cuda.cupy.ndarray) for p in gpu.params(layer))
    y = layer(x)
    assert isinstance(y.data, cuda.cupy.ndarray)
    assert isinstance(gpu.array(y), np.ndarray)
    assert [type(a) for a in gpu.weights(layer)] == [np.ndarray, np.ndarray]
    (batch,) = gpu.DataLoader([(np.ones(2), 0)], 1)
    assert isinstance(batch[0], cuda.cupy.ndarray)


def computation(body):
    return Computation("planted", body, 52, 5, [normal()], cases=SHAPES_ONLY)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda fw, x: fw.square(x) if fw.device == "cpu" else fw.square(x) * (1 + 1e-9), "eps from the CPU"),
        (lambda fw, x: fw.square(x) if fw.device == "cpu" else fw.square(x).reshape(1), "shape (1,), the CPU has ()"),
        (lambda fw, x: x * (x.data + 0.0), None),
        (lambda fw, x: x * np.ones(()), "input 1 on the host"),
        (lambda fw, x: np.square(x.data), "numpy.square came to a device array"),
    ],
)
def test_a_result_that_differs_from_the_cpu_is_red(gpu, body, said):
    (cell,) = (Runner([gpu], None).run(computation(body), gpu, "float64"),)
    texts = [failure.text for failure in cell.failures]
    assert (texts == []) if said is None else any(said in text for text in texts)


def test_computations_that_stay_on_the_host_are_left_out(torch_adapter, gpu):
    computations = [COMPUTATIONS[name] for name in ("square", "dropout", "dropout_of_everything")]
    cells = Runner([gpu, torch_adapter], torch_adapter).cells(computations, ["float64"])
    assert [(c.name, f.label) for c, f, _ in cells if f is gpu] == [("square", "stage5@cuda")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stages", "4"], "compares stage5 with PyTorch"),
        (["--without-torch"], "compares stage5 with PyTorch"),
        (["--update-ledger"], ""),
    ],
)
def test_unsupported_combinations_are_rejected(capsys, arguments, said):
    assert cli.main(["run", "--device", "cuda", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stages", "5"], "compares stage5 with PyTorch; no --stages, --memory, --threads"),
        (["--memory"], "compares stage5 with PyTorch"),
        (["--threads", "1"], "compares stage5 with PyTorch"),
        (["--rounds", "1"], "--rounds: expected at least 2, for the quartiles, got 1"),
        (["-k", "nothing"], "no workload matches -k 'nothing'; there is mlp_784_1000_1000_10_adam, cnn_step"),
    ],
)
def test_unsupported_options_of_bench_are_rejected(capsys, arguments, said):
    assert cli.main(["bench", "--device", "cuda", *arguments]) == 2
    assert said in capsys.readouterr().err


# The workloads, but for those of large models, in a size for a stand-in.
SMALL = {
    "cnn_step_100x1x28x28": lambda fw: device_bench.cnn_step(fw, 2, 8),
    "conv_32x64x28x28_k3_oc64": lambda fw: device_bench.convolution(fw, 2, 3, 4),
    "max_pooling_32x64x28x28": lambda fw: device_bench.max_pooling(fw, 2, 3, 4),
    "lstm_step_by_step_t30_b64_i128_h256": lambda fw: device_bench.lstm_steps(fw, 3, 2, 4, 5),
    "lstm_sequence_t30_b64_i128_h256": lambda fw: device_bench.lstm_sequence(fw, 3, 2, 4, 5),
}


def test_bench_compares_stage5_without_and_with_kernels_with_pytorch(gpu, monkeypatch, torch_adapter, capsys):
    """On stand-ins. Kernels are off again afterwards."""
    if not shutil.which("g++"):
        pytest.skip("the stand-in compiles kernels with g++, which is not installed")
    cuda.cupy.prepare(cuda.KERNELS)
    assert SMALL.keys() < device_bench.BUILDS.keys()
    small = [Workload(name, 5, build) for name, build in SMALL.items()]
    monkeypatch.setattr(device_bench, "WORKLOADS", small)
    monkeypatch.setattr(bench, "LEAST_SECONDS", 0)
    monkeypatch.setattr(bench.gc, "collect", lambda: 0)
    monkeypatch.setattr(device_bench, "on_gpu", lambda *_: (gpu, torch_adapter))
    waits = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append("torch"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a stand-in")
    monkeypatch.setattr(cuda.cupy.cuda.runtime, "deviceSynchronize", lambda: waits.append(cuda.use_kernels))
    assert cli.main(["bench", "--device", "cuda", "--rounds", "2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    rows = [(timing["workload"], timing["framework"]) for timing in data["timings"]]
    columns = ["stage5@cuda", "stage5@cuda with kernels", "torch"]
    assert rows == [(name, column) for name in SMALL for column in columns]
    assert list(data["geometric_means"]) == columns
    assert {*waits} == {"torch", False, True}
    assert cuda.use_kernels is False
    assert data["notes"] == [f"a stand-in, torch {torch.__version__}, CuPy {cuda.cupy.__version__}, TF32 off"]


@pytest.mark.skipif(cuda.gpu_enable, reason="there is a GPU")
@pytest.mark.parametrize("command", [["run", "-k", "square"], ["show", "square/stage5@cuda/float64"], ["bench"]])
def test_a_missing_gpu_is_reported(capsys, command):
    assert cli.main([*command, "--device", "cuda"]) == 2
    assert "crosscheck: --device cuda: stage5: CuPy" in capsys.readouterr().err


def test_a_missing_gpu_for_pytorch_is_reported(gpu, monkeypatch, torch_adapter):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="--device cuda: torch: no GPU found"):
        on_gpu(load_stage(STAGE5), lambda: torch_adapter)


def test_a_stage_without_a_cuda_module_is_rejected(torch_adapter):
    stage4 = load_stage(STAGES[3])
    assert isinstance(stage4, BookStyle)
    with pytest.raises(UsageError, match="--device cuda: stage4"):
        on_gpu(stage4, lambda: torch_adapter)


# --- the PyTorch half ---

simulated = imported(TORCH_STANDIN).simulated
# PyTorch keeps the batch sizes of packed sequences on the CPU, and `init.eye_` writes into a tensor with `out=`; the
# simulated device has neither.
NOT_SIMULATED = {
    "identity_and_bilinear",
    "recurrent_layers_from_a_state",
    "recurrent_layers_of_a_list",
    "recurrent_layers_over_sequences",
    "recurrent_layers_over_sequences_to_second_order",
}
# Not those that are slow: training runs, and computations with a single case. They run on the CPU by the same calls.
TORCH_HALF = [
    c
    for c in all_computations()
    if c.allowed_on_gpu and not c.curve and c.cases >= DEFAULT_SEED and c.inputs and c.name not in NOT_SIMULATED
]


def on_device(torch_adapter, computation):
    """The first case of a computation in PyTorch on the simulated GPU, and whether anything was computed there."""
    dtype = computation.dtypes[-1]
    case = computation.make_cases(dtype, 0)[0]
    order = order_of(computation, torch_adapter, case)
    with simulated() as there:
        return evaluate(computation, torch_adapter, case, np.dtype(dtype), 0, order), bool(there)


@pytest.mark.parametrize("part", range(8))
def test_every_pytorch_call_computes_on_the_device_of_its_inputs(torch_adapter, part):
    with np.errstate(all="ignore"):
        stayed = [c.name for c in TORCH_HALF[part::8] if not on_device(torch_adapter, c)[1]]
    assert stayed == []


@pytest.mark.parametrize(
    "name", ["linear", "lstm_cell", "lstm", "batch_norm_layer", "optimizer_state_saved_and_loaded"]
)
def test_the_simulated_device_gives_the_bits_of_the_cpu(torch_adapter, name):
    computation = COMPUTATIONS[name]
    case = computation.make_cases("float64", 0)[0]
    results = []
    for device in (contextlib.nullcontext, simulated):
        with device():
            order = order_of(computation, torch_adapter, case)
            results.append(evaluate(computation, torch_adapter, case, np.dtype("float64"), 0, order))
    assert results[0].same_bytes(results[1])


def promoted_on_the_host(*xs):
    dtype = torch.from_numpy(np.empty(0, np.result_type(*(x.detach().numpy() for x in xs)))).dtype
    return [x.to(dtype) for x in xs]


def lstm_cell_with_one_bias(self, x, h, c, Wx, b, Wh):
    Wx, b, Wh = (torch.cat([weights[k] for k in (1, 0, 3, 2)], -1) for weights in (Wx, b, Wh))
    return torch.lstm_cell(x, (h, c), Wx.T, Wh.T, b)


MISTAKES = [
    (torch_tensors, "promoted", promoted_on_the_host, "linear", "can't convert meta:0 device type tensor to numpy"),
    (torch_networks, "promoted", promoted_on_the_host, "mean_squared_error", "can't convert meta:0"),
    (TorchFramework, "Variable", lambda self, a: torch.from_numpy(a), "linear_layer", "the same device"),
    (TorchFramework, "constant", lambda self, a: torch.from_numpy(a), "linear_of_arrays", "the same device"),
    (TorchFramework, "lstm_cell", lstm_cell_with_one_bias, "lstm_cell", "called on an undefined Tensor"),
    (torch.backends.cudnn, "flags", lambda enabled: contextlib.nullcontext(), "lstm", "double backward"),
    (torch_training, "on_default_device", lambda: None, "data_loader", "device type for generator"),
    (TorchFramework, "array", lambda self, x: x.detach().numpy(), "square", "can't convert meta:0"),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "mistake", "computation", "said"), MISTAKES)
def test_the_simulated_device_rejects_what_a_gpu_rejects(
    torch_adapter, monkeypatch, owner, name, mistake, computation, said
):
    monkeypatch.setattr(owner, name, mistake)
    with pytest.raises((RuntimeError, TypeError), match=re.escape(said)):
        on_device(torch_adapter, COMPUTATIONS[computation])


@pytest.mark.parametrize("name", ["linear_layer", "seq_data_loader", "softmax_cross_entropy"])
def test_both_halves_of_a_cell_run_on_a_device(gpu, monkeypatch, torch_adapter, name):
    monkeypatch.setattr(torch_adapter, "device", "cuda", raising=False)
    with simulated():
        runner = Runner([gpu, torch_adapter], torch_adapter)
        cells = [runner.run(COMPUTATIONS[name], framework, "float32") for framework in runner.frameworks]
    assert [(cell.state, cell.failures) for cell in cells] == [("equal", []), ("equal", [])]
    assert [cell.framework for cell in cells] == ["stage5@cuda", "torch@cuda"]
