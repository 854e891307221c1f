"""`crosscheck bench --device cuda`: stage 5 on a GPU, without and with kernels of its own, compared with PyTorch.

Inputs are on the GPU, and a sample waits for it to finish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import UsageError
from .bench import check_rounds, geometric_means, measure, print_timings, timings
from .ending import ended_early
from .frameworks import Framework, load_stage, load_torch
from .frameworks.base import Array
from .frameworks.devices import on_gpu
from .report.out import output, track
from .select import matches
from .stages import STAGES
from .workloads import Work, Workload, classes, mlp_784_1000_1000_10_adam, normals, training_step

WITH_KERNELS = "with kernels"


def of(fw: Any, body: Callable[..., Any], *arrays: Array) -> Work:
    """Forward, and backward to all inputs."""
    leaves = [fw.Variable(a) for a in arrays]
    return lambda: fw.gradients([body(*leaves)], leaves, None)


def convolution(fw: Any, N: int = 32, C: int = 64, H: int = 28) -> Work:
    """3 x 3, as many output channels as input channels, forward and backward"""
    W, b = normals(C, C, 3, 3, seed=1) * 0.1, normals(C, seed=2)
    return of(fw, lambda x, W, b: fw.conv2d(x, W, b, 1, 1), normals(N, C, H, H), W, b)


def max_pooling(fw: Any, N: int = 32, C: int = 64, H: int = 28) -> Work:
    """2 x 2 windows with stride 2, forward and backward"""
    return of(fw, lambda x: fw.pooling(x, 2, 2), normals(N, C, H, H))


def cnn_step(fw: Any, N: int = 100, H: int = 28) -> Work:
    """A training step: twice conv 3 x 3, batch normalization, ReLU, pooling; then 128, ReLU, 10; momentum"""
    relu, pooling, flatten = fw.relu, fw.pooling, fw.flatten
    norm = fw.xp.nn.LazyBatchNorm2d if fw.name == "torch" else fw.BatchNorm
    layers = []
    for channels in (32, 64):
        layers += [fw.Conv2d(channels, 3, pad=1), norm(), relu, lambda x: pooling(x, 2, 2)]
    layers += [flatten, fw.Linear(128), relu, fw.Linear(10)]
    step = training_step(fw, fw.Sequential(*layers), fw.MomentumSGD())
    x, t = fw.constant(normals(N, 1, H, H)), fw.constant(classes(N, 10))
    return lambda: step(x, t)


def lstm_steps(fw: Any, T: int = 30, N: int = 64, D: int = 128, H: int = 256) -> Work:
    """Calls of an LSTM layer (PyTorch: LSTMCell), and back to all weights"""
    xs, lstm = [fw.constant(x) for x in normals(T, N, D)], fw.LSTM(H, D)
    sum, cleargrads, backward = fw.sum, fw.cleargrads, fw.backward

    def work() -> object:
        cleargrads(lstm)
        lstm.reset_state()
        loss = sum(lstm(xs[0]))
        for x in xs[1:]:
            loss = loss + sum(lstm(x))
        backward(loss)
        return loss

    return work


def lstm_sequence(fw: Any, T: int = 30, N: int = 64, D: int = 128, H: int = 256) -> Work:
    """The same in one call: NStepLSTM (PyTorch: torch.nn.LSTM)"""
    layer = fw.xp.nn.LSTM(D, H, batch_first=True) if fw.name == "torch" else fw.NStepLSTM(1, H, D)
    x, sum, cleargrads, backward = fw.constant(normals(N, T, D)), fw.sum, fw.cleargrads, fw.backward

    def work() -> object:
        cleargrads(layer)
        loss = sum(layer(x)[0])
        backward(loss)
        return loss

    return work


def vgg16_forward(fw: Any, N: int = 1) -> Work:
    """VGG16 on images of 224 x 224, at inference, without a graph"""
    model, x, test_mode, no_grad = fw.VGG16(), fw.constant(normals(N, 3, 224, 224)), fw.test_mode, fw.no_grad

    def work() -> object:
        with test_mode(), no_grad():
            return model(x)

    return work


def resnet50_step(fw: Any, N: int = 16) -> Work:
    """A training step of ResNet50 on images of 224 x 224, momentum"""
    step = training_step(fw, fw.ResNet50(style="torch"), fw.MomentumSGD())
    x, t = fw.constant(normals(N, 3, 224, 224)), fw.constant(classes(N, 1000))
    return lambda: step(x, t)


BUILDS: dict[str, Callable[[Any], Work]] = {
    "mlp_784_1000_1000_10_adam": mlp_784_1000_1000_10_adam,
    "cnn_step_100x1x28x28": cnn_step,
    "conv_32x64x28x28_k3_oc64": convolution,
    "max_pooling_32x64x28x28": max_pooling,
    "lstm_step_by_step_t30_b64_i128_h256": lstm_steps,
    "lstm_sequence_t30_b64_i128_h256": lstm_sequence,
    "vgg16_forward_1": vgg16_forward,
    "vgg16_forward_16": lambda fw: vgg16_forward(fw, 16),
    "resnet50_step_16": resnet50_step,
}
WORKLOADS = [Workload(name, 5, build) for name, build in BUILDS.items()]


def waiting(work: Work, wait: Callable[[], object], switch: Callable[[], object] = lambda: None) -> Work:
    """The work, after turning a switch, until the GPU has finished it."""

    def run() -> None:
        switch()
        work()
        wait()

    return run


def works(workload: Workload, stage: Any, reference: Framework, wait: Callable[[], object]) -> Mapping[str, Work]:
    """The work in stage 5 without and with kernels, and in PyTorch; each has a model of its own."""
    cuda = stage.cupy

    def switch(use: bool) -> Callable[[], None]:
        return lambda: setattr(cuda, "use_kernels", use)

    def on_stage(use: bool) -> Work:
        return waiting(workload.build(stage), cuda.cupy.cuda.runtime.deviceSynchronize, switch(use))

    return {
        stage.label: on_stage(False),
        f"{stage.label} {WITH_KERNELS}": on_stage(True),
        reference.name: waiting(workload.build(reference), wait),
    }


def device_report(expression: str | None, rounds: int, json_target: str | None) -> int:
    """The table of ratios. Raises UsageError without a GPU."""
    check_rounds(rounds)
    chosen: Sequence[Workload] = [w for w in WORKLOADS if not expression or matches(expression, w.name)]
    if not chosen:
        raise UsageError(f"no workload matches -k {expression!r}; there is {', '.join(w.name for w in WORKLOADS)}")
    stage, reference = on_gpu(load_stage(STAGES[-1]), load_torch)
    import torch

    cuda, found = stage.cupy, []
    before = cuda.use_kernels
    try:
        with ended_early() as ending:
            for workload in track(chosen, len(chosen), lambda workload: workload.name, "workloads"):
                seconds = measure(works(workload, stage, reference, torch.cuda.synchronize), rounds)
                found += timings(workload.name, seconds, reference.name)
    finally:
        cuda.use_kernels = before
    notes = [f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CuPy {cuda.cupy.__version__}, TF32 off"]
    if ending.word:
        notes.append(f"{ending.word} after {len({t.workload for t in found})} of {len(chosen)} workloads")
    data = {
        "ended": ending.word,
        "rounds": rounds,
        "timings": [vars(timing) for timing in found],
        "geometric_means": geometric_means(found),
        "notes": notes,
    }
    output(data, json_target, lambda: print_timings(chosen, found, notes))
    return ending.status
