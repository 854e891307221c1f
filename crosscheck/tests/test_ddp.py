"""Two processes of PyTorch's DistributedDataParallel, with gloo, and two ranks of stage 5 train alike."""

import datetime
import subprocess
import sys

import numpy as np
import pytest

STEPS, LIMIT = 20, 600  # seconds: only a hang takes so long
RNG = np.random.default_rng(0)
X, T = RNG.standard_normal((12, 3)), RNG.integers(3, size=12)
WEIGHTS = [RNG.standard_normal(shape) for shape in ((3, 4), (4,), (4, 3), (3,))]


def torch_losses(rank, store):
    """The losses of one of two processes, which find each other by the file `store`."""
    import torch
    from torch import distributed, nn

    limit = datetime.timedelta(seconds=LIMIT)
    distributed.init_process_group("gloo", f"file://{store}", world_size=2, rank=rank, timeout=limit)
    try:
        model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 3)).double()
        for param, a in zip(model.parameters(), WEIGHTS, strict=True):
            param.data = torch.tensor(a.T if a.ndim == 2 else a).contiguous()
        model = nn.parallel.DistributedDataParallel(model)
        optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.5), []
        x, t = torch.tensor(X[rank::2]), torch.tensor(T[rank::2])
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), t)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses
    finally:
        distributed.destroy_process_group()


def stage_losses(stage, comm):
    """The losses of one of two ranks."""
    model = stage.models.MLP((4, 3))
    model(X[:1])
    for param, a in zip(model.params(), WEIGHTS, strict=True):
        param.data = a.copy()
    optimizer = stage.distributed.create_multi_node_optimizer(stage.optimizers.SGD(0.5), comm).setup(model)
    comm.bcast_data(model)
    x, t, losses = X[comm.rank :: 2], T[comm.rank :: 2], []
    for _ in range(STEPS):
        loss = stage.functions.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss))
    return losses


def test_two_processes_of_pytorch_and_two_ranks_train_alike(tmp_path):
    stage = pytest.importorskip("stage5_advanced", reason="stage 5 is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if not torch.distributed.is_gloo_available():
        pytest.skip("this PyTorch has no gloo")
    from crosscheck.computations.beyond_ranks import run  # here: the other process needs no crosscheck

    store = tmp_path / "store"
    with subprocess.Popen(
        [sys.executable, __file__, str(store)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as other:
        try:
            found = torch_losses(0, store)
            stdout, stderr = other.communicate(timeout=LIMIT)
        finally:
            other.kill()
    assert other.returncode == 0, stderr
    expected = [found, [float(word) for word in stdout.split()]]
    ranks = run(stage, 2, lambda comm: stage_losses(stage, comm))
    np.testing.assert_allclose(ranks, expected, rtol=1e-10)


if __name__ == "__main__":
    print(*torch_losses(1, sys.argv[1]))
