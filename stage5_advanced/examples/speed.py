"""What a call costs, with and without hybridize: the same functions, one by one, and as a program that is replayed.

Define-by-run creates a Variable and a Function for every operation, checks shapes, and keeps a graph. For small arrays
that takes longer than the arithmetic. hybridize traces the graph once and calls its functions on arrays; so it gains
most where there is least to compute. The results are equal, bit for bit.

    Microseconds per call on one thread, the median of many, on one machine; ratios say more than times:

                                      one by one  program  ratio
    Goldstein-Price, forward, backward       458      118   0.26
    the seventh derivative of sin            330       19   0.06
    MLP 784-10-10, one image                  45       25   0.55
    MLP 784-10-10, loss and gradients        400      280   0.70
    LSTM, 10 steps, forward, backward       5900     5300   0.90

    python stage5_advanced/examples/speed.py

The figure: the two times of each workload, as bars.
"""

import statistics
import time

import numpy as np
from common import begin, figure, options, pick, save, table

import stage5_advanced.functions as F
from stage5_advanced import Variable, grad, hybridize, no_grad
from stage5_advanced.layers import LSTM
from stage5_advanced.models import MLP


def goldstein(x, y):
    z = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return z * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def seventh(x):
    y = F.sin(x)
    for _ in range(7):
        y = grad(y, x, create_graph=True)
    return y


def gradients_of_goldstein(f):
    x, y = Variable(np.array(1.0)), Variable(np.array(0.5))
    z = f(x, y)
    z.backward()
    return [z, x.grad, y.grad]


def workloads():
    """Name -> (function or layer, what is timed: a function of it that returns Variables)."""
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((100, 784)).astype(np.float32), rng.integers(0, 10, 100)
    steps = rng.standard_normal((10, 32, 64)).astype(np.float32)
    model, lstm = MLP((10, 10)), LSTM(128, 64)
    model(images)

    def classify(f):
        with no_grad():
            return [f(images[:1])]

    def learn(f):
        model.cleargrads()
        loss = f(images, labels)
        loss.backward()
        return [loss, *(p.grad for p in model.params())]

    def read(f):
        lstm.cleargrads()
        lstm.reset_state()
        for x in steps:
            h = f(x)
        F.sum(h).backward()
        return [h, *(p.grad for p in lstm.params())]

    return {
        "Goldstein-Price, forward, backward": (goldstein, gradients_of_goldstein),
        "the seventh derivative of sin": (seventh, lambda f: [f(Variable(np.array(1.0)))]),
        "MLP 784-10-10, one image": (model, classify),
        "MLP 784-10-10, loss and gradients": (lambda x, t: F.softmax_cross_entropy(model(x), t), learn),
        "LSTM, 10 steps, forward, backward": (lstm, read),
    }


def measure(works, rounds):
    """Median microseconds of each function; they take turns, so that what disturbs one disturbs all."""
    times = [[] for _ in works]
    for _ in range(rounds):
        for work, found in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            found.append((time.perf_counter() - start) * 1e6)
    return [statistics.median(found) for found in times]


def main():
    arguments = begin(options(__doc__, gpu=False))
    found, equal = {}, 0
    for name, (f, work) in workloads().items():
        program = hybridize(f)
        for _ in range(2):  # traced, then replayed; gradients as well
            work(program)
        pairs = zip(work(f), work(program), strict=True)
        equal += all(np.array_equal(y.data, z.data) for y, z in pairs)
        assert all(one["state"] == "program" for one in program.programs()), program.programs()
        found[name] = measure([lambda w=work, f=f: w(f), lambda w=work, p=program: w(p)], pick(arguments, 500, 100, 5))
    rows = [(name, f"{plain:.0f}", f"{fast:.0f}", f"{fast / plain:.2f}") for name, (plain, fast) in found.items()]
    table(("", "one by one", "program", "ratio"), rows)
    print(f"equal bits: {equal} of {len(found)}")
    save(draw(found), arguments)


def draw(found):
    made, axes = figure((1, 1), height=6.5)
    places = np.arange(len(found))
    for k, label in enumerate(("one by one", "program")):
        axes.barh(places + 0.2 - 0.4 * k, [times[k] for times in found.values()], 0.4, label=label)
    axes.set(xlabel="microseconds per call", xscale="log", yticks=places, yticklabels=list(found))
    axes.invert_yaxis()
    axes.legend()
    return made


if __name__ == "__main__":
    main()
