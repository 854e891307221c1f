"""A generative adversarial network: one network draws digits, another tells them from real ones.

The generator turns random numbers into an image, z -> G(z). The discriminator outputs D(x), the probability that an
image is real. It is trained to output 1 for the data and 0 for generated images; the generator is trained to make it
output 1. Neither knows what a digit is: the generator learns only from the gradient of D with respect to its pixels. No
loss assigns a sample to each z, as in an autoencoder; in return no loss blurs the images.

    loss of D = -log D(x) - log (1 - D(G(z))),        loss of G = -log D(G(z))

The game has no end: the losses do not decrease, and the two sides gain in turn. The papers below keep it balanced by
strides and transposed convolutions instead of pooling, batch normalization, leaky ReLU, Adam with beta1 = 0.5, and the
target 0.9 instead of 1 for real images, so that D never becomes too certain. The images shown are drawn with a moving
average of the generator's weights over about the last tenth of the training, which oscillates less.

    python stage5_advanced/examples/gan.py --data digits --quick

The figure: images of the same z during training; many at the end, next to real digits; the losses.

I. Goodfellow et al., Generative adversarial nets, arXiv:1406.2661 (2014). A. Radford, L. Metz, S. Chintala,
Unsupervised representation learning with deep convolutional generative adversarial networks, arXiv:1511.06434 (2015).
"""

import copy

import numpy as np
from common import begin, figure, load_digits, options, page, save

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import DataLoader, Model, cuda, no_grad, optimizers, test_mode

LATENT = 20  # the length of z


class Generator(Model):
    """z (N, LATENT) -> images (N, 1, side, side), -1 to 1; side is a multiple of 4."""

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
    """Images (N, 1, side, side) -> logits (N, 1), high for real ones."""

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
    print(f"{type(train_set).__name__}: {len(train_set)} training samples")
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
        generator(z_shown)  # creates the weights
    mean = copy.deepcopy(generator)
    moments = {round(1 + (arguments.epochs - 1) * part) for part in (0, 0.05, 0.15, 0.4, 1)}
    history, shown, updates = [], {}, 0
    for epoch in range(1, arguments.epochs + 1):
        sums = np.zeros(2)
        for x, _ in train_loader:
            fake = generator(noise(len(x)))
            real_logit, fake_logit = discriminator(2 * x - 1), discriminator(fake.data)  # data: no gradient for G
            yes, no = xp.ones_like(real_logit.data), xp.zeros_like(real_logit.data)
            loss_d = F.sigmoid_cross_entropy(real_logit, 0.9 * yes) + F.sigmoid_cross_entropy(fake_logit, no)
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
    """Images of 20 z during training, of 100 z at the end; real digits; the losses."""
    real = np.stack([2 * train_set[i][0][0] - 1 for i in range(100)])
    made, axes = figure([["0", "1", "2"], ["loss", "loss", "loss"]], height=7.5, height_ratios=[3, 1])
    for place, title, images in (
        (
            "0",
            f"images of the same z after {', '.join(map(str, shown))} epochs",
            np.concatenate([y[:20] for y in shown.values()]),
        ),
        ("1", "images at the end", list(shown.values())[-1]),
        ("2", "real", real),
    ):
        sheet = page(images, len(images) // 10, 10, background=-1.0)
        axes[place].imshow(sheet, cmap="gray_r", interpolation="bicubic", vmin=-1, vmax=1)
        axes[place].set_title(title)
        axes[place].axis("off")
    for name, losses in zip(("discriminator", "generator"), zip(*history, strict=True), strict=True):
        axes["loss"].plot(range(1, len(losses) + 1), losses, label=name)
    axes["loss"].set(title="loss", xlabel="epoch")
    axes["loss"].legend()
    return made


if __name__ == "__main__":
    main()
