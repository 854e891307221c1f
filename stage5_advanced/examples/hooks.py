"""Hooks: functions that change the gradients of all parameters between `backward` and `update`.

An optimizer knows how to use gradients, not how they should be. So rules that concern all gradients are no part of it;
they are added: `optimizer.add_hook(f)`, and every update first calls f with the list of parameters.

    weight decay     g + rate p: large weights cost, so the network prefers many small ones, and overfits less
    clipping         all gradients together at most so long: a large learning rate no longer throws the weights far away
    a hook of one's own, eight lines: noise on the gradients, which decreases with time

The network and the data are the same each time: an MLP, and a few digits, a third of which have a wrong label, so there
is something to overfit; the test labels are right. The learning rate is so large that gradients without clipping throw
the weights about.

    --quick, test accuracy     none 0.56, decay 0.67, clipping 0.62, decay and clipping 0.76, noise 0.53

    python stage5_advanced/examples/hooks.py --quick

The figure: test accuracy and training loss by epoch; norms of gradients; the weights of the first layer.

A. Krogh, J. Hertz, A simple weight decay can improve generalization (1992). R. Pascanu, T. Mikolov, Y. Bengio, On the
difficulty of training recurrent neural networks (2013).
"""

import math

import numpy as np
from common import begin, figure, load_digits, options, pick, save, table

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, cuda, no_grad, optimizers, test_mode
from stage5_advanced.models import MLP


class GradientNoise:
    """Hook: g + normal noise of standard deviation eta / (1 + t)^0.55."""

    def __init__(self, eta):
        self.eta, self.t = eta, 0

    def __call__(self, params):
        deviation = self.eta / (1 + self.t) ** 0.55
        self.t += 1
        for param in params:
            param.grad.data += param.xp.asarray(np.random.normal(0, deviation, param.shape).astype(param.dtype))


class Norms:
    """Hook that changes nothing: keeps the norm of all gradients."""

    def __init__(self):
        self.values = []

    def __call__(self, params):
        self.values.append(math.sqrt(sum(float((param.grad.data**2).sum()) for param in params)))


HOOKS = {
    "none": list,
    "weight decay": lambda: [optimizers.WeightDecay(0.02)],
    "clipping": lambda: [optimizers.ClipGrad(0.5)],
    "decay and clipping": lambda: [optimizers.WeightDecay(0.02), optimizers.ClipGrad(0.5)],
    "noise": lambda: [GradientNoise(0.1)],
}


def accuracy(model, x, t):
    with no_grad(), test_mode():
        return float(F.accuracy(model(F.flatten(x)), t).data)


def main():
    arguments = begin(options(__doc__, epochs=(80, 40), data=("digits", "mnist5k", "mnist")))
    train_set, test_set = load_digits(arguments)
    count = pick(arguments, 600, 300, 100)
    x, t = (np.array(column) for column in zip(*(train_set[i] for i in range(count)), strict=True))
    wrong = np.random.random(count) < 1 / 3
    t = np.where(wrong, np.random.randint(0, 10, count), t)
    x_test, t_test = (np.array(column) for column in zip(*test_set, strict=True))
    pairs = list(zip(x, t, strict=True))
    if arguments.gpu:
        x, t, x_test, t_test = map(cuda.as_cupy, (x, t, x_test, t_test))
    print(f"{count} training samples, {int(wrong.sum())} of them with a random label; {len(x_test)} test samples")

    results, rows = {}, []
    for name, make in HOOKS.items():
        np.random.seed(arguments.seed)  # the same weights and batches each time
        model, norms, loader = MLP((100, 100, 10), F.relu), Norms(), DataLoader(pairs, 25, gpu=arguments.gpu)
        if arguments.gpu:
            model.to_gpu()
        optimizer = optimizers.MomentumSGD(0.1).setup(model)
        for hook in (norms, *make()):
            optimizer.add_hook(hook)
        history = []
        for _ in range(arguments.epochs):
            for x_batch, t_batch in loader:
                loss = F.softmax_cross_entropy(model(F.flatten(x_batch)), t_batch)
                model.cleargrads()
                loss.backward()
                optimizer.update()
            history.append([accuracy(model, *pair) for pair in ((x, t), (x_test, t_test))])
        size = math.sqrt(sum(float((param.data**2).sum()) for param in model.params()))
        results[name] = history, norms.values
        rows.append(
            (
                name,
                *(f"{share:.3f}" for share in np.mean(history[-10:], axis=0)),
                f"{max(norms.values):.1f}",
                f"{size:.1f}",
            )
        )
    table(("means of the last 10 epochs", "training", "test", "largest gradient", "norm of weights"), rows)
    print("test accuracy: " + ", ".join(f"{row[0]} {row[2]}" for row in rows))
    save(draw(results), arguments)


def draw(results):
    made, axes = figure((1, 3), height=6)
    for name, (history, norms) in results.items():
        training, test = zip(*history, strict=True)
        axes[0].plot(range(1, len(training) + 1), training, label=name)
        axes[1].plot(range(1, len(test) + 1), test, label=name)
        axes[2].semilogy(np.convolve(norms, np.ones(20) / 20, "valid") if len(norms) > 40 else norms, label=name)
    axes[0].set(title="training accuracy; a third of the labels are random", xlabel="epoch")
    axes[1].set(title="test accuracy", xlabel="epoch")
    axes[2].set(title="norm of all gradients before the hooks", xlabel="update")
    axes[1].legend()
    axes[0].legend()
    return made


if __name__ == "__main__":
    main()
