"""Step 52: GPU support.

Nearly all time in deep learning goes to matrix products. A product of two n x n matrices is n^3 multiplications and as
many additions, and most of them can be done side by side. A CPU has a few cores that do anything; a GPU has thousands
that do only this, and are faster at it by a factor of ten to a hundred.

CuPy is NumPy for NVIDIA's GPUs: the same names, nearly all of them, for arrays that lie in the GPU's own memory. So the
framework does not need a second set of functions, only the right module for the array at hand:

    xp = cuda.get_array_module(x)      numpy or cupy, by where x is       in a Function: self.xp
    xp.sin(x)                          computed there

`forward` says xp where it said np; `backward` is made of functions and needs no change. What is left is moving things:

    x.to_gpu()        model.to_gpu()        loader.to_gpu()            and back:  to_cpu()
    a Variable        every parameter       each batch it gives

after which all computes there, because each function looks at its input. Arrays of both kinds in one call are an error:
nothing is moved silently, since moving is what costs. Between the memories is a bus, ten to a hundred times slower than
either, and it is soon what everything waits for. So the weights go over once, the batches one by one, and of the
results only a number per batch comes back.

What it costs: each call on a GPU takes some microseconds to be launched, however small the array. A network of ten
neurons is slower there. Random numbers come from another generator than NumPy's, and sums in another order round
differently, in the last digit.

Without CuPy or without a GPU everything here runs on the CPU, and `cuda.gpu_enable` is False. CuPy comes with the extra
cuda12 or cuda13, after the version of CUDA: pip install -e "./stage5_advanced[cuda12]". Appendix C is a notebook for
those who have no GPU of their own. The book measured about 8 s per epoch on a CPU and 1.5 s on a GPU, in Google Colab.

MNIST is downloaded once; where it cannot be had, Digits take its place, as in step 51. `--data digits` takes them at
once; with 15 batches per epoch they say little about speed. `--epochs N` trains N epochs. `--seed N` starts from other
weights and orders. `--out DIR` writes the figure to DIR/step52.png (needs matplotlib); without it the figure is shown
in a window.
"""

import argparse
import pathlib
import signal
import sys
import time

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Function, Variable, cuda, optimizers
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.models import MLP

parser = argparse.ArgumentParser(description="Step 52: GPU support")
parser.add_argument("--data", choices=["mnist", "digits"], default="mnist", help="default mnist")
parser.add_argument("--epochs", type=int, default=5, metavar="N", help="default 5")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the random numbers, default 0")
parser.add_argument("--out", type=pathlib.Path, metavar="DIR", help="write the figure to DIR/step52.png")
arguments = parser.parse_args()
if arguments.epochs < 1 or not 0 <= arguments.seed < 2**32:
    parser.error("--epochs must be at least 1, --seed from 0 to 4294967295")


def interrupted(*_):
    print("step52: interrupted", file=sys.stderr)
    sys.exit(130)


signal.signal(signal.SIGINT, interrupted)  # Ctrl-C: no traceback

# --- demonstration ---

# The same lines for either module; where there is a GPU, this runs there.
xp = cuda.cupy if cuda.gpu_enable else np
x = xp.arange(6).reshape(2, 3)
print(x)  # -> [[0 1 2]
#               [3 4 5]]
y = x.sum(axis=1)
print(y)  # -> [ 3 12]

# From the host to the GPU and back; both copy. Without a GPU the first says what is missing.
n = np.array([1, 2, 3])
print(cuda.get_array_module(n).__name__, cuda.as_numpy(n) is n)  # -> numpy True
try:
    c = cuda.as_cupy(n)
    print(cuda.get_array_module(c).__name__, type(cuda.as_numpy(c)) is np.ndarray)
except RuntimeError as error:
    print(error)
# -> ...


class Sin(Function):
    """In `forward` xp for np; `backward` is as in step 27."""

    def forward(self, x):
        return self.xp.sin(x)

    def backward(self, gy):
        return gy * F.cos(self.inputs[0])


# Everything stays where the input is: the result, also with a number added, and the gradient.
x = Variable(xp.array([0.0, 1.0, 2.0]))
y = Sin()(x) + 1
y.backward()
print(y.xp is xp, x.grad.xp is xp)  # -> True True
x.to_cpu()
print(x.xp is np, x.grad.xp is np)  # -> True True


def load(data):
    """The data set asked for; Digits if MNIST cannot be had."""
    if data == "mnist":
        try:
            return MNIST(train=True)
        except RuntimeError as error:
            reason = str(error).splitlines()[0].rstrip(":")
            print(f"step52: Digits take the place of MNIST: {reason}", file=sys.stderr)
    return Digits(train=True)


train_set = load(arguments.data)
if hasattr(signal, "SIGPIPE"):  # Windows has none
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a closed pipe, as by head: no traceback; not while downloading
max_epoch = arguments.epochs
batch_size = 100


def train(gpu):
    """The book's training, on the GPU or on the CPU; the loss and the seconds of each epoch."""
    np.random.seed(arguments.seed)  # the same weights and orders in both places
    train_loader = DataLoader(train_set, batch_size)
    model = MLP((1000, 10))
    optimizer = optimizers.SGD().setup(model)
    if gpu:
        train_loader.to_gpu()
        model.to_gpu()

    history = []
    for epoch in range(max_epoch):
        start = time.perf_counter()
        sum_loss = 0
        for x, t in train_loader:
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            sum_loss += float(loss.data) * len(t)  # for this number the host waits until the GPU is done

        elapsed_time = time.perf_counter() - start
        history.append((sum_loss / len(train_set), elapsed_time))
        print(f"epoch: {epoch + 1}, loss: {history[-1][0]:.4f}, time: {elapsed_time:.4f}[sec]", flush=True)
    return history


runs = {"CPU": train(gpu=False)}
if cuda.gpu_enable:
    runs["GPU"] = train(gpu=True)  # its first epoch includes that the GPU's programs are compiled or loaded
else:
    print("no GPU, no second run: there the same losses would come in less time")
# -> ...

# The loss goes down, and in the same way wherever it is computed; here that of Digits.
for name, history in runs.items():
    print(f"{name}: loss {history[0][0]:.1f} to {history[-1][0]:.1f}")  # ~> CPU: loss 2.3 to 2.1 (0.2)
# -> ...


def speeds(gpu, sizes):
    """Billions of multiplications per second in the product of two n x n matrices, for each n."""
    xp = cuda.cupy if gpu else np
    found = []
    for n in sizes:
        a = xp.ones((n, n), np.float32)
        xp.matmul(a, a)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            float(xp.matmul(a, a)[0, 0])  # waits
            times.append(time.perf_counter() - start)
        found.append(n**3 / min(times) / 1e9)
    return found


def draw(plt):
    """Left the speed of matrix products; right the seconds of each epoch, beside those that the book measured."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    colors = {"CPU": "tab:blue", "GPU": "tab:green"}
    sizes = [2**k for k in range(4, 13 if cuda.gpu_enable else 11)]
    for name in runs:
        own = sizes if name == "GPU" else sizes[:7]
        left.plot(own, speeds(name == "GPU", own), ".-", color=colors[name], label=name)
    left.set(title="a product of two n x n matrices", xlabel="n", ylabel="billion multiplications per second")
    left.set(xscale="log", yscale="log")
    left.set_xticks(sizes, map(str, sizes))
    left.yaxis.set_major_formatter("{x:g}")
    left.minorticks_off()
    left.set_ylim(bottom=0.5)
    left.grid(alpha=0.4)
    left.legend()

    epochs = np.arange(1, max_epoch + 1)
    width = 0.7 / len(runs)
    for i, (name, history) in enumerate(runs.items()):
        place = epochs + (i - (len(runs) - 1) / 2) * width
        bars = right.bar(place, [seconds for _, seconds in history], 0.9 * width, color=colors[name], label=name)
        if max_epoch <= 10:
            right.bar_label(bars, fmt="%.2g s", padding=3, bbox={"color": "white", "pad": 0.5})
    if isinstance(train_set, MNIST):
        for name, seconds in (("CPU", 8), ("GPU", 1.5)):
            label = f"{name} of the book, in Colab"
            right.axhline(seconds, color=colors[name], linestyle="--", zorder=0, label=label)
    right.set(title=f"{type(train_set).__name__}, MLP((1000, 10))", xlabel="epoch", ylabel="seconds")
    right.locator_params(axis="x", integer=True)
    right.margins(y=0.35)
    right.legend(loc="upper right", ncols=2)
    return figure


try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit("step52: no figure without matplotlib: pip install matplotlib" if arguments.out else 0)
if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(plt).savefig(arguments.out / "step52.png", dpi=150)
elif plt.get_backend().lower() != "agg":  # Agg is what matplotlib takes where there is no display
    draw(plt)
    plt.show()
