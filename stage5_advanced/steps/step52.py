"""Step 52: GPU support.

Deep learning spends almost all its time in matrix products. A product of two n x n matrices takes n^3 multiplications
and as many additions, and most of them can run in parallel. A CPU has a few cores for any work; a GPU has thousands for
this kind of work, and does it ten to a hundred times faster.

CuPy is NumPy for NVIDIA GPUs: almost all functions have the same names, and the arrays are in the memory of the GPU. So
the framework needs no second set of functions, only the right module for each array:

    xp = cuda.get_array_module(x)      numpy or cupy, by the device of x       in a Function: self.xp
    xp.sin(x)                          computed on that device

`forward` uses xp instead of np; `backward` is composed of functions and does not change. What remains is to move data:

    x.to_gpu()        model.to_gpu()        loader.to_gpu()            and back:  to_cpu()
    a Variable        every parameter       each batch it returns

Then everything is computed on the GPU, because each function looks at its inputs. Arrays of both devices in one call
are an error: nothing is moved implicitly, because moving is expensive. The bus between the memories is ten to a hundred
times slower than either memory and soon becomes the bottleneck. So the weights move once, the batches one by one, and
only one number per batch returns.

The cost: each kernel launch on a GPU takes some microseconds, however small the array, so a network of ten neurons is
slower there. Random numbers are drawn by another generator than NumPy's, and sums in a different order round
differently, in the last digit.

Without CuPy or without a GPU everything here runs on the CPU, and `cuda.gpu_enable` is False. The extras cuda12 and
cuda13 install CuPy for a CUDA version: pip install -e "./stage5_advanced[cuda12]". Appendix C is a notebook for those
without a GPU. The book measured about 8 s per epoch on a CPU and 1.5 s on a GPU, in Google Colab.

`--data digits` uses Digits instead of MNIST, as in step 51; its 15 batches per epoch say little about speed.
`--epochs N` trains N epochs. `--out DIR` saves the speeds as DIR/step52.png.
"""

import time

import numpy as np
from demo import load, options, show
from drawings import step52

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, Function, Variable, cuda, optimizers
from stage5_advanced.datasets import MNIST, Digits
from stage5_advanced.models import MLP

args = options(__doc__, data="mnist", epochs=5, seed=0).parse_args()

# The same lines for both modules; with a GPU they run there.
xp = cuda.cupy if cuda.gpu_enable else np
x = xp.arange(6).reshape(2, 3)
print(x)  # -> [[0 1 2]
#               [3 4 5]]
y = x.sum(axis=1)
print(y)  # -> [ 3 12]

# From the host to the GPU and back; both copy. Without a GPU the error of as_cupy says what is missing.
n = np.array([1, 2, 3])
print(cuda.get_array_module(n).__name__, cuda.as_numpy(n) is n)  # -> numpy True
try:
    c = cuda.as_cupy(n)
    print(cuda.get_array_module(c).__name__, type(cuda.as_numpy(c)) is np.ndarray)
except RuntimeError as error:
    print(error)
# -> ...


class Sin(Function):
    """`forward` with xp instead of np; `backward` composed of functions, as in step 34."""

    def forward(self, x):
        return self.xp.sin(x)

    def backward(self, gy):
        return gy * F.cos(self.inputs[0])


# Everything stays on the device of the input: the result, also after adding a number, and the gradient.
x = Variable(xp.array([0.0, 1.0, 2.0]))
y = Sin()(x) + 1
y.backward()
print(y.xp is xp, x.grad.xp is xp)  # -> True True
x.to_cpu()
print(x.xp is np, x.grad.xp is np)  # -> True True

train_set, _ = load(args.data, MNIST, Digits)
max_epoch = args.epochs
batch_size = 100


def train(gpu):
    """The book's training on the GPU or on the CPU; the loss and the seconds of each epoch."""
    np.random.seed(args.seed)  # the same weights and orders on both devices
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
            sum_loss += float(loss.data) * len(t)  # reading this number waits for the GPU

        elapsed_time = time.perf_counter() - start
        history.append((sum_loss / len(train_set), elapsed_time))
        print(f"epoch: {epoch + 1}, loss: {history[-1][0]:.4f}, time: {elapsed_time:.4f}[sec]", flush=True)
    return history


runs = {"CPU": train(gpu=False)}
if cuda.gpu_enable:
    runs["GPU"] = train(gpu=True)  # the first epoch includes compiling or loading the kernels
else:
    print("no GPU, so no second run; it would print the same losses in less time")
# -> ...

# The loss decreases in the same way on both devices; here that of Digits.
for name, history in runs.items():
    print(f"{name}: loss {history[0][0]:.1f} to {history[-1][0]:.1f}")  # ~> CPU: loss 2.3 to 2.1 (0.2)
# -> ...

show(step52, args.out, runs, type(train_set).__name__)
