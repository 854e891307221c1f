"""Three arms of a spiral, and how layers unroll them.

The last layer of a classifier can only draw straight lines. So the layers before it must move the points until straight
lines are enough. Here the last hidden layer has two neurons, so its outputs can be drawn: the spiral, which no line
separates, becomes three clusters in different directions. The straight lines between them are the winding decision
boundaries in the plane of the data.

    --quick, 150 epochs: about 0.99 training accuracy and 0.99 test accuracy; default 400 epochs

    python stage5_advanced/examples/spiral.py --quick

The figure: the regions after a few epochs and at the end, darker where the network is more certain; the points as the
last layer sees them; the loss.

C. Olah, Neural networks, manifolds, and topology, https://colah.github.io/posts/2014-03-NN-Manifolds-Topology (2014).
"""

import numpy as np
from common import begin, figure, options, save

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, Model, no_grad, optimizers
from stage5_advanced.datasets import Spiral

COLORS = np.array([[0.12, 0.47, 0.71], [1.0, 0.5, 0.05], [0.17, 0.63, 0.17]])  # of the classes, RGB


class Net(Model):
    """x (N, 2) -> logits (N, 3)."""

    def __init__(self):
        super().__init__()
        self.fc1 = L.Linear(50)
        self.fc2 = L.Linear(50)
        self.fc3 = L.Linear(2)
        self.fc4 = L.Linear(3)

    def hidden(self, x):
        """The input of the last layer, (N, 2)."""
        return self.fc3(F.tanh(self.fc2(F.tanh(self.fc1(x)))))

    def forward(self, x):
        return self.fc4(self.hidden(x))


def colors(logits):
    """Logits (..., 3) -> colors (..., 3), mixed by the probabilities."""
    return F.softmax(logits.reshape(-1, 3)).data.reshape(logits.shape) @ COLORS


def plane(x_range, y_range, f):
    """The colors of a part of the plane for imshow, from the logits f(points (N, 2))."""
    grid = np.stack(np.meshgrid(np.linspace(*x_range, 300), np.linspace(*y_range, 300)), axis=-1)
    with no_grad():
        logits = f(grid.reshape(-1, 2).astype(np.float32)).data.reshape(300, 300, 3)
        pale = np.minimum(colors(logits) * 0.5 + 0.5, 1)
        return {"X": pale, "extent": [*x_range, *y_range], "origin": "lower", "aspect": "auto"}


def main():
    arguments = begin(options(__doc__, epochs=(400, 150)))
    train_set, test_set = Spiral(train=True), Spiral(train=False)
    train_loader = DataLoader(train_set, 30, gpu=arguments.gpu)
    model = Net()
    if arguments.gpu:
        model.to_gpu()
    optimizer = optimizers.Adam(0.01).setup(model)

    shown = [round(arguments.epochs * part) or 1 for part in (0.05, 0.2, 1)]
    losses, regions = [], {}
    for epoch in range(1, arguments.epochs + 1):
        sum_loss = 0
        for x, t in train_loader:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            sum_loss += float(loss.data) * len(t)
        losses.append(sum_loss / len(train_set))
        if epoch % 10 == 0 or epoch == arguments.epochs:
            print(f"epoch {epoch}: loss {losses[-1]:.4f}", flush=True)
        if epoch in shown:
            model.to_cpu()
            regions[epoch] = plane((-1.1, 1.1), (-1.1, 1.1), model)
            if arguments.gpu:
                model.to_gpu()

    model.to_cpu()
    with no_grad():
        for name, dataset in (("train", train_set), ("test", test_set)):
            print(f"{name} accuracy: {float(F.accuracy(model(dataset.data), dataset.label).data):.4f}")
    save(draw(model, train_set, regions, losses), arguments)


def draw(model, dataset, regions, losses):
    """The regions at some epochs; the points and the boundaries in the last hidden layer; the loss."""
    made, axes = figure([["0", "1", "2"], ["hidden", "hidden", "loss"]], height=9)

    def points(place, x, title):
        for j in range(3):
            axes[place].plot(*x[t == j].T, "o^s"[j], color=COLORS[j], markeredgecolor="white", markersize=7)
        axes[place].set(title=title, xticks=[], yticks=[])

    x, t = dataset.data, dataset.label
    for place, (epoch, region) in zip("012", regions.items(), strict=False):
        axes[place].imshow(**region)
        points(place, x, f"epoch {epoch}")
    with no_grad():
        h = model.hidden(x).data
    margin = 0.1 * (h.max(axis=0) - h.min(axis=0))
    axes["hidden"].imshow(**plane(*zip(h.min(axis=0) - margin, h.max(axis=0) + margin, strict=True), model.fc4))
    points("hidden", h, "the points as the last layer sees them")
    axes["loss"].semilogy(range(1, len(losses) + 1), losses)
    axes["loss"].set(title="loss", xlabel="epoch")
    return made


if __name__ == "__main__":
    main()
