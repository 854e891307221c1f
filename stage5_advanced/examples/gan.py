"""Two networks against each other: one draws digits, the other tells them from real ones.

The generator makes a picture of random numbers, z -> G(z). The discriminator says how real a picture looks, D(x). It is
trained to say yes to the data and no to what the generator draws; the generator is trained to hear yes. Neither knows
what a digit is: all that the generator ever learns comes to it as the gradient of D by the pixels that it drew. So
nothing tells it which of the data to draw, as the losses of an autoencoder do; in return nothing makes it blur.

    loss of D = -log D(x) - log (1 - D(G(z))),        loss of G = -log D(G(z))

The game has no end: the losses do not fall, one side gains and then the other. What keeps it level, from the papers
below: strides and transposed convolutions in place of pooling, batch normalization, leaky ReLU, Adam with beta1 = 0.5,
and a yes that counts as 0.9 only, so that D never becomes too sure. The pictures are drawn by a mean of the generator's
weights over the last tenth or so of the training, which circles less than the weights do.

    python stage5_advanced/examples/gan.py --data digits --quick

The picture: the drawings of the same z over the training; many at the end, beside real digits; the losses.

I. Goodfellow et al., Generative adversarial nets, arXiv:1406.2661 (2014). A. Radford, L. Metz, S. Chintala,
Unsupervised representation learning with deep convolutional generative adversarial networks, arXiv:1511.06434 (2015).
"""

import copy

import numpy as np
from common import begin, load_digits, options, page, save

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, Model, cuda, no_grad, optimizers, test_mode

LATENT = 20  # the length of z


class Generator(Model):
    """z (N, LATENT) -> pictures (N, 1, side, side), -1 to 1; side is a multiple of 4."""

    def __init__(self, side):
        super().__init__()
        self.side = side // 4
        self.fc1 = L.Linear(64 * self.side**2)
        self.bn1 = L.BatchNorm()
        self.up2 = L.Deconv2d(32, 4, stride=2, pad=1)
        self.bn2 = L.BatchNorm()
        self.up3 = L.Deconv2d(1, 4, stride=2, pad=1)

    def forward(self, z):
        x = F.relu(self.bn1(self.fc1(z))).reshape(-1, 64, self.side, self.side)
        x = F.relu(self.bn2(self.up2(x)))
        return F.tanh(self.up3(x))


class Discriminator(Model):
    """Pictures (N, 1, side, side) -> scores (N, 1), high for real."""

    def __init__(self):
        super().__init__()
        self.conv1 = L.Conv2d(32, 4, stride=2, pad=1)
        self.conv2 = L.Conv2d(64, 4, stride=2, pad=1)
        self.bn2 = L.BatchNorm()
        self.fc3 = L.Linear(1)

    def forward(self, x):
        x = F.leaky_relu(self.conv1(x))
        x = F.leaky_relu(self.bn2(self.conv2(x)))
        return self.fc3(F.flatten(x))


def main():
    arguments = begin(options(__doc__, epochs=(200, 50), mnist=(20, 4)))
    train_set, _ = load_digits(arguments)
    print(f"{type(train_set).__name__}: {len(train_set)} to train")
    xp = cuda.cupy if arguments.gpu else np

    def noise(N):
        return xp.asarray(np.random.randn(N, LATENT).astype(np.float32))

    generator, discriminator = Generator(train_set.data.shape[-1]), Discriminator()
    if arguments.gpu:
        generator.to_gpu()
        discriminator.to_gpu()
    optimizer_g = optimizers.Adam(0.001, beta1=0.5).setup(generator)
    optimizer_d = optimizers.Adam(0.001, beta1=0.5).setup(discriminator)
    train_loader = DataLoader(train_set, 50, gpu=arguments.gpu, drop_last=True)

    z_shown = noise(100)
    with no_grad():
        generator(z_shown)  # which makes the weights
    mean = copy.deepcopy(generator)
    moments = {round(1 + (arguments.epochs - 1) * part) for part in (0, 0.05, 0.15, 0.4, 1)}
    history, shown, updates = [], {}, 0
    for epoch in range(1, arguments.epochs + 1):
        sums = np.zeros(2)
        for x, _ in train_loader:
            fake = generator(noise(len(x)))
            real_score, fake_score = discriminator(2 * x - 1), discriminator(fake.data)  # of data: no gradient for G
            yes, no = xp.ones_like(real_score.data), xp.zeros_like(real_score.data)
            loss_d = F.sigmoid_cross_entropy(real_score, 0.9 * yes) + F.sigmoid_cross_entropy(fake_score, no)
            discriminator.cleargrads()
            loss_d.backward()
            optimizer_d.update()

            loss_g = F.sigmoid_cross_entropy(discriminator(fake), yes)
            generator.cleargrads()
            loss_g.backward()
            optimizer_g.update()

            updates += 1
            share = max(0.005, 10 / (10 + updates))
            for (_, m), (_, p) in zip(mean.named_state(), generator.named_state(), strict=True):
                m.data += share * (p.data - m.data)
            sums += float(loss_d.data), float(loss_g.data)
        history.append(sums / len(train_loader))
        if epoch % 10 == 0 or epoch == arguments.epochs:
            print("epoch {}: loss of D {:.3f}, of G {:.3f}".format(epoch, *history[-1]), flush=True)
        if epoch in moments:
            with no_grad(), test_mode():
                shown[epoch] = cuda.as_numpy(mean(z_shown))[:, 0]
    save(draw(train_set, shown, history), arguments)


def draw(train_set, shown, history):
    """The drawings of 20 z over the training; of 100 at its end; real digits; the losses."""
    from matplotlib.figure import Figure

    real = np.stack([2 * train_set[i][0][0] - 1 for i in range(100)])
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    axes = figure.subplot_mosaic([["0", "1", "2"], ["loss", "loss", "loss"]], height_ratios=[3, 1])
    for place, title, images in (
        (
            "0",
            f"of the same z, after {', '.join(map(str, shown))} epochs",
            np.concatenate([y[:20] for y in shown.values()]),
        ),
        ("1", "drawn at the end", list(shown.values())[-1]),
        ("2", "real", real),
    ):
        sheet = page(images, len(images) // 10, 10, paper=-1.0)
        axes[place].imshow(sheet, cmap="gray_r", interpolation="bicubic", vmin=-1, vmax=1)
        axes[place].set_title(title)
        axes[place].axis("off")
    for name, losses in zip(("discriminator", "generator"), zip(*history, strict=True), strict=True):
        axes["loss"].plot(range(1, len(losses) + 1), losses, label=name)
    axes["loss"].set(title="loss", xlabel="epoch")
    axes["loss"].legend()
    return figure


if __name__ == "__main__":
    main()
