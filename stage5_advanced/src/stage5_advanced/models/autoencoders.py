"""Learning without labels: Autoencoder, ConvAutoencoder, VAE."""

import itertools
import math

from .. import functions as F
from ..config import Config
from ..core import as_input, as_number
from ..functions.elementwise import derived
from ..layers import Conv2d, Linear, check_sizes
from .base import Model, Sequential


class _Reconstruction(Model):
    """A model with `encode` and `decode`. sparse weighs the mean of |code| in the loss, noise is added to inputs."""

    def __init__(self, sparse, noise):
        super().__init__()
        name = type(self).__name__
        self.sparse = as_number(name, "sparse", sparse)
        self.noise = as_number(name, "noise", noise)
        if not (sparse >= 0 and noise >= 0):
            raise ValueError(f"{name}: expected sparse and noise of at least 0, got {sparse}, {noise}")

    def forward(self, x):
        return self.decode(self.encode(x))

    def loss(self, x):
        """The mean squared difference of x and its reconstruction, plus `sparse` times the mean of |code|.

        In training, the model sees x plus normal noise of standard deviation `noise`, but is compared with x.
        """
        x = as_input(x, type(self).__name__)
        seen = x + self.noise * normal(x, x.shape) if self.noise and Config.train else x
        code = self.encode(seen)
        loss = F.mean(F.square(self.decode(code) - x))
        return loss + self.sparse * F.mean(F.abs(code)) if self.sparse else loss


def normal(x, shape):
    """A constant of normally distributed numbers in the dtype of x, drawn from the global generator of its device."""
    xp = x.xp
    return derived(lambda x: xp.random.randn(*shape).astype(x.dtype), x)


class Autoencoder(_Reconstruction):
    """Linear layers to a code and back. sizes: of x, of the layers between, and of the code. [not in the book]

    x (N, sizes[0]) -> its reconstruction; `encode` gives the code (N, sizes[-1]), linear like the reconstruction.
    activation: between the layers. Raises ValueError for fewer than two sizes, or a negative sparse or noise.
    """

    def __init__(self, sizes, activation=F.relu, sparse=0.0, noise=0.0):
        super().__init__(sparse, noise)
        if len(sizes) < 2:
            raise ValueError(f"Autoencoder: expected at least two sizes, got {sizes!r}")
        self.encoder = Sequential(*between(sizes, activation))
        self.decoder = Sequential(*between(sizes[::-1], activation))

    def encode(self, x):
        """The code of x."""
        return self.encoder(x)

    def decode(self, code):
        """The reconstruction of a code."""
        return self.decoder(code)


def between(sizes, activation):
    """Linear layers from sizes[0] to sizes[-1], with an activation between them."""
    layers = [Linear(n, in_size=m) for m, n in itertools.pairwise(sizes)]
    return [part for layer in layers[:-1] for part in (layer, activation)] + layers[-1:]


class ConvAutoencoder(_Reconstruction):
    """Weidman's: convolutions of 14 and 7 channels, a code, and back, each with tanh. [not in the book]

    x (N, channels, *size), -1 to 1 -> its reconstruction; `encode` gives the code (N, hidden).
    """

    def __init__(self, hidden=28, size=(28, 28), channels=1, sparse=0.0, noise=0.0):
        super().__init__(sparse, noise)
        self.size = F.pair(size, "ConvAutoencoder")
        self.conv1 = Conv2d(14, 5, pad=2, in_channels=channels)
        self.conv2 = Conv2d(7, 5, pad=2, in_channels=14)
        self.fc3 = Linear(hidden, in_size=7 * math.prod(self.size))
        self.fc4 = Linear(7 * math.prod(self.size), in_size=hidden)
        self.conv5 = Conv2d(14, 5, pad=2, in_channels=7)
        self.conv6 = Conv2d(channels, 5, pad=2, in_channels=14)

    def encode(self, x):
        """The code of x."""
        x = F.tanh(self.conv2(F.tanh(self.conv1(x))))
        return F.tanh(self.fc3(F.flatten(x)))

    def decode(self, code):
        """The reconstruction of a code."""
        x = F.reshape(F.tanh(self.fc4(code)), (len(code), 7, *self.size))
        return F.tanh(self.conv6(F.tanh(self.conv5(x))))


class VAE(Model):
    """A variational autoencoder: each image becomes a normal distribution of codes, and any code an image.

    x (N, 1, side, side), 0-1. Called with x and eps (N, latent) from the standard normal distribution, it returns the
    two terms of the loss: the error of the reconstruction, where deviation is the standard deviation of a pixel, and
    the divergence of the codes from the standard normal distribution. [not in the book]
    """

    def __init__(self, side, latent, hidden=400, deviation=0.25):
        super().__init__()
        check_sizes(self, side=side)
        self.side = side
        self.latent = latent
        self.deviation = as_number("VAE", "deviation", deviation)
        if not deviation > 0:
            raise ValueError(f"VAE: expected a deviation above 0, got {deviation}")
        self.enc1 = Linear(hidden)
        self.enc2 = Linear(hidden)
        self.mu = Linear(latent)
        self.log_var = Linear(latent)
        self.dec1 = Linear(hidden)
        self.dec2 = Linear(hidden)
        self.dec3 = Linear(side * side)

    def encode(self, x):
        """mu, log sigma^2, both (N, latent)."""
        x = F.relu(self.enc2(F.relu(self.enc1(F.flatten(x)))))
        return self.mu(x), self.log_var(x)

    def decode(self, z):
        """z (N, latent) -> images (N, 1, side, side), 0-1."""
        x = F.sigmoid(self.dec3(F.relu(self.dec2(F.relu(self.dec1(z))))))
        return F.reshape(x, (-1, 1, self.side, self.side))

    def forward(self, x, eps):
        mu, log_var = self.encode(x)
        z = mu + F.exp(log_var / 2) * eps
        error = F.mean_squared_error(self.decode(z), x) / (2 * self.deviation**2)  # sum over pixels, mean over N
        return error, F.gaussian_kl_divergence(mu, log_var) / len(x)

    def loss(self, x):
        """The sum of both terms, with eps drawn from the global generator of the device of x."""
        x = as_input(x, "VAE")
        error, kl = self(x, normal(x, (len(x), self.latent)))
        return error + kl
