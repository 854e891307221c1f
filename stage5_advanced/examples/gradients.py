"""Why deep networks are hard to train: gradients that vanish or explode.

Backward, a gradient is multiplied by the transposed weights and by the slope of the activation, once for each layer. If
these factors are on average a little below one, little is left after fifty layers, and the first layers learn nothing;
if above, it overflows. How large they are is decided before the first update, by how the weights are drawn:

    N(0, 0.01)                  too small: what arrives is 0
    N(0, 1)                     too large, by the root of the width; sigmoid and tanh saturate: their slopes are 0
    Xavier, N(0, 2 / (I + O))   keeps the size through tanh, which is linear around 0
    He, N(0, 2 / I)             keeps it through relu, which drops one half of the values

A recurrent network is as deep as its sequence is long, and multiplies by the same matrix at each step: the gradient
goes like the power of its largest eigenvalue, here with tanh and from a state close to 0.

    python stage5_advanced/examples/gradients.py

The table has the norm of the gradient of the first layer's bias divided by that of the last's, for 20 layers; the line
below says that Xavier with tanh keeps it within a factor of 10, N(0, 1) does not. (The gradient of the weights is that
of the bias times the inputs, so it hides a small gradient behind large inputs.)

The figure: the norm by layer for twelve combinations, 50 layers of 64 units; by time for three recurrent networks.

X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks (2010). K. He et al.,
Delving deep into rectifiers, arXiv:1502.01852 (2015).
"""

import numpy as np
from common import begin, figure, options, pick, save, table

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Variable, grad, initializers
from stage5_advanced.models import Sequential
from stage5_advanced.training import gradient_flow

WIDTH = 64
INITIALIZERS = {
    "N(0, 0.01)": initializers.Normal(0.01),
    "N(0, 1)": initializers.Normal(1.0),
    "Xavier": initializers.Glorot(normal=True),
    "He": initializers.He(),
}
ACTIVATIONS = {"sigmoid": F.sigmoid, "tanh": F.tanh, "relu": F.relu}


def network(depth):
    """A function that makes a network of so many layers."""

    def make(initializer, activation):
        layers = [layer for _ in range(depth) for layer in (L.Linear(WIDTH, in_size=WIDTH), activation)]
        model = Sequential(*layers)
        initializers.initialize(model, initializer, names="*/W")
        return model

    return make


def through_time(radius, steps):
    """The norm of the gradient of the last state with respect to each state before it, (steps,)."""
    W = np.random.randn(WIDTH, WIDTH)
    W *= radius / abs(np.linalg.eigvals(W)).max()
    states = [Variable(1e-3 * np.random.randn(1, WIDTH))]
    for _ in range(steps):
        states.append(F.tanh(F.matmul(states[-1], W)))
    return [float(np.linalg.norm(gh.data)) for gh in grad(F.sum(states[-1]), states[:-1])]


def main():
    arguments = begin(options(__doc__, gpu=False))
    depth, steps = pick(arguments, 50, 50, 20), pick(arguments, 200, 200, 20)
    x = np.random.randn(32, WIDTH)
    with np.errstate(all="ignore"):
        flows = {n: gradient_flow(network(n), x, F.mean, INITIALIZERS, ACTIVATIONS) for n in {20, depth}}
    norms = {key: [flow[f"l{2 * i}/b"] for i in range(depth)] for key, flow in flows[depth].items()}
    ratio = {key: flow["l0/b"] / flow["l38/b"] for key, flow in flows[20].items()}
    rows = [(name, *(f"{ratio[name, other]:.1e}" for other in ACTIVATIONS)) for name in INITIALIZERS]
    table(("first / last of 20", *ACTIVATIONS), rows)
    xavier, normal = ratio["Xavier", "tanh"], ratio["N(0, 1)", "tanh"]
    print(f"tanh, 20 layers: Xavier {xavier:.3g}, N(0, 1) {normal:.3g}")

    radii = {radius: through_time(radius, steps) for radius in (0.9, 1.0, 1.1)}
    for radius, values in radii.items():
        print(f"largest eigenvalue {radius}: after {steps} steps {values[0] / values[-1]:.1e} of the gradient is left")
    save(draw(norms, radii), arguments)


def draw(norms, radii):
    """The norms by layer, one place for each activation, and by time."""
    made, axes = figure((1, 4), height=6)
    for place, activation in zip(axes, ACTIVATIONS, strict=False):
        for name in INITIALIZERS:
            place.semilogy(range(1, len(norms[name, activation]) + 1), norms[name, activation], ".-", label=name)
        place.set(title=f"norm of the gradient of b, {activation}", xlabel="layer", ylim=(1e-46, 1e36))
        place.legend()
    for radius, values in radii.items():
        axes[3].semilogy(range(len(values), 0, -1), values, label=f"largest eigenvalue {radius}")
    axes[3].set(title="recurrent: of the last state", xlabel="steps back in time")
    axes[3].legend()
    return made


if __name__ == "__main__":
    main()
