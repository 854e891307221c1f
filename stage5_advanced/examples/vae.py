"""A variational autoencoder: digits that nobody has written.

An encoder maps each image to a point z of a few numbers, and a decoder draws an image from z. Trained only to
reconstruct images, they leave gaps between the points, where the decoder draws nonsense. So the encoder returns a
distribution instead of a point, z ~ N(mu, sigma^2), and the loss penalizes its distance from the standard normal
distribution, N(0, 1). Then the distributions overlap, the gaps disappear, and the decoder turns a z drawn from N(0, 1)
into a digit. Together the two terms are a bound on the likelihood of the data,

    loss = -log p(x | z) + KL(N(mu, sigma^2) || N(0, 1)),     KL = -1/2 sum (1 + log sigma^2 - mu^2 - sigma^2),

where p(x | z) is normal around the decoder's image, so -log p is |x - image|^2 / (2 s^2). The smaller s is, the more
the reconstruction counts against the penalty.

A random draw has no derivative. But z = mu + sigma eps with eps ~ N(0, 1) is the same draw, where eps is an input like
the data, and z is an ordinary function of mu and sigma: the reparametrization trick.

The 8 numbers of z describe 64 pixels so well that the reconstructions of test digits differ from them by 0.13 (root
mean square; black is 1).

    python stage5_advanced/examples/vae.py --data digits --quick

The figure: test digits and their reconstructions; digits of random z; linear interpolations in z between digits; the
loss.

D. P. Kingma, M. Welling, Auto-encoding variational Bayes, arXiv:1312.6114 (2013).
"""

import math

import numpy as np
from common import begin, figure, integer, load_digits, options, page, save

import stage5_advanced.functions as F
from stage5_advanced import DataLoader, cuda, no_grad, optimizers
from stage5_advanced.models import VAE

S = 0.25  # the standard deviation of a pixel


def main():
    parser = options(__doc__, epochs=(200, 50), mnist=(30, 20))
    parser.add_argument("--latent", type=integer(1), default=8, metavar="N", help="the length of z, default 8")
    arguments = begin(parser)
    train_set, test_set = load_digits(arguments)
    print(f"{type(train_set).__name__}: {len(train_set)} training samples, {len(test_set)} test samples")
    xp = cuda.cupy if arguments.gpu else np

    side = train_set.data.shape[-1]
    model = VAE(side, arguments.latent, deviation=S)
    if arguments.gpu:
        model.to_gpu()
    optimizer = optimizers.Adam().setup(model)
    train_loader = DataLoader(train_set, 50, gpu=arguments.gpu)
    history = []
    for epoch in range(arguments.epochs):
        sums = np.zeros(2)
        for i, (x, _) in enumerate(train_loader):
            done = (epoch + i / len(train_loader)) / arguments.epochs
            optimizer.lr = 0.002 * (1 + math.cos(math.pi * done)) / 2
            eps = np.random.randn(len(x), arguments.latent).astype(np.float32)
            error, kl = model(x, xp.asarray(eps))
            loss = error + kl
            model.cleargrads()
            loss.backward()
            optimizer.update()
            sums += float(error.data) * len(x), float(kl.data) * len(x)
        history.append(sums / len(train_set))
        if (epoch + 1) % 10 == 0 or epoch + 1 == arguments.epochs:
            print("epoch {}: -log p(x|z) {:.2f}, KL {:.2f}".format(epoch + 1, *history[-1]), flush=True)

    model.to_cpu()
    x = np.stack([test_set[i][0] for i in range(len(test_set))])
    with no_grad():
        mu, _ = model.encode(x)
        error = float(F.mean_squared_error(model.decode(mu), x).data) / x[0].size
    print(f"test: root mean squared error {math.sqrt(error):.4f} (white is 0, black is 1)")
    save(draw(model, x, np.array(test_set.label), history), arguments)


def draw(model, x, t, history):
    """Reconstructions, samples, interpolations, the loss."""
    H, W = x.shape[2:]
    with no_grad():
        mu = model.encode(x)[0].data
        again = model.decode(mu[:50]).data
        samples = model.decode(np.random.randn(100, mu.shape[1]).astype(np.float32)).data
        part = np.linspace(0, 1, 10, dtype=np.float32)[:, None]
        first = [mu[t == digit][0] for digit in range(10)]
        between = [model.decode((1 - part) * first[i] + part * first[(i + 1) % 10]).data for i in range(10)]
    pairs = np.stack([x[:50].reshape(5, 10, H, W), again.reshape(5, 10, H, W)], axis=1)
    made, axes = figure([["0", "1", "2"], ["loss", "loss", "loss"]], height=7.5, height_ratios=[3, 1])
    for place, title, images in (
        ("0", "test digits; below each its reconstruction", pairs),
        ("1", "samples, z ~ N(0, 1)", samples),
        ("2", "from each digit to the next, linear in z", np.concatenate(between)),
    ):
        sheet = page(images.reshape(100, H, W), 10, 10)
        axes[place].imshow(sheet, cmap="gray_r", interpolation="bicubic", vmin=0, vmax=1)
        axes[place].set_title(title)
        axes[place].axis("off")
    error, kl = zip(*history, strict=True)
    axes["loss"].stackplot(range(1, len(history) + 1), kl, error, labels=["KL", "-log p(x | z)"], alpha=0.8)
    axes["loss"].set(title="loss", xlabel="epoch")
    axes["loss"].legend()
    return made


if __name__ == "__main__":
    main()
