"""The Rosetta beyond the book: autoencoders of stage 5 as PyTorch modules."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnF


class Autoencoding(torch.nn.Module):
    """An encoder and a decoder."""

    def __init__(self, encoder: Any, decoder: Any, sparse: float = 0.0):
        super().__init__()
        self.encoder, self.decoder, self.sparse = encoder, decoder, sparse

    def encode(self, x: Any) -> Any:
        return self.encoder(x)

    def decode(self, code: Any) -> Any:
        return self.decoder(code)

    def forward(self, x: Any) -> Any:
        return self.decoder(self.encoder(x))

    def loss(self, x: Any) -> Any:
        code = self.encoder(x)
        return nnF.mse_loss(self.decoder(code), x) + self.sparse * code.abs().mean()


class VAEModule(torch.nn.Module):
    """The layers of the variational autoencoder."""

    def __init__(self, side: int, latent: int, hidden: int, deviation: float):
        super().__init__()
        self.side, self.deviation = side, deviation
        linear = torch.nn.Linear
        self.enc1, self.enc2 = linear(side * side, hidden), linear(hidden, hidden)
        self.mu, self.log_var = linear(hidden, latent), linear(hidden, latent)
        self.dec1, self.dec2, self.dec3 = linear(latent, hidden), linear(hidden, hidden), linear(hidden, side * side)

    def encode(self, x: Any) -> Any:
        x = torch.relu(self.enc2(torch.relu(self.enc1(x.flatten(1)))))
        return self.mu(x), self.log_var(x)

    def decode(self, z: Any) -> Any:
        y = torch.sigmoid(self.dec3(torch.relu(self.dec2(torch.relu(self.dec1(z))))))
        return y.reshape(-1, 1, self.side, self.side)

    def forward(self, x: Any, eps: Any) -> Any:
        mu, log_var = self.encode(x)
        y = self.decode(mu + torch.exp(log_var / 2) * eps)
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum() / len(x)
        return ((y - x) ** 2).sum() / len(x) / (2 * self.deviation**2), kl


class TorchBeyondAutoencoders:
    """Each method returns the PyTorch module; its docstring is the difference, if any."""

    def Autoencoder(self, sizes: Any, activation: Any = torch.relu, sparse: float = 0.0, noise: float = 0.0) -> Any:
        """There is no such module."""
        make: Any = self  # another part of this class has Sequential

        def between(sizes: Any) -> Any:
            layers: list[Any] = []
            for m, n in itertools.pairwise(sizes):
                layers += [torch.nn.Linear(m, n), activation]
            return make.Sequential(*layers[:-1])

        return Autoencoding(between(sizes), between(sizes[::-1]), sparse)

    def ConvAutoencoder(
        self, hidden: int = 28, size: Any = (28, 28), channels: int = 1, sparse: float = 0.0, noise: float = 0.0
    ) -> Any:
        """There is no such module."""
        nn, pixels = torch.nn, 7 * int(np.prod(size))
        encoder = [nn.Conv2d(channels, 14, 5, padding=2), nn.Tanh(), nn.Conv2d(14, 7, 5, padding=2), nn.Tanh()]
        encoder += [nn.Flatten(), nn.Linear(pixels, hidden), nn.Tanh()]
        decoder = [nn.Linear(hidden, pixels), nn.Tanh(), nn.Unflatten(1, (7, *size))]
        decoder += [nn.Conv2d(7, 14, 5, padding=2), nn.Tanh(), nn.Conv2d(14, channels, 5, padding=2), nn.Tanh()]
        return Autoencoding(nn.Sequential(*encoder), nn.Sequential(*decoder), sparse)

    def VAE(self, side: int, latent: int, hidden: int = 400, deviation: float = 0.25) -> Any:
        """There is no such module."""
        return VAEModule(side, latent, hidden, deviation)
