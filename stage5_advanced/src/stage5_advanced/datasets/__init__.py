"""All datasets, collected from the modules."""

from .base import Dataset
from .cifar import (
    ADMITTED,
    CIFAR,
    CIFAR10,
    CIFAR10_NAMES,
    CIFAR100,
    CIFAR100_COARSE,
    CIFAR100_FINE,
    CIFAR_TRANSFORM,
    ArrayUnpickler,
    dtype_of,
    read_cifar,
    read_tar,
    reconstruct,
    unpickle,
)
from .curves import SinCurve, Spiral, get_spiral
from .digits import DIGITS_TRANSFORM, MNIST, MNIST_TRANSFORM, Digits, Images, read_idx
from .imagenet import ImageNet
from .text import Shakespear, Text
