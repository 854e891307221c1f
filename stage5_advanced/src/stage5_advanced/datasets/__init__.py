"""All datasets, collected from the modules."""

from .archives import read_archive
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
from .corpora import PTB, FrenchEnglish, GloVe, IMDb, Lines, Text8, TimeMachine
from .curves import SinCurve, Spiral, get_spiral
from .digits import DIGITS_TRANSFORM, MNIST, MNIST_TRANSFORM, Digits, Images, read_idx
from .fashion import FashionMNIST
from .folders import Hotdog, ImageFolder
from .imagenet import ImageNet
from .tables import Airfoil, HousePrices, table_features
from .text import Shakespear, Text
from .voc import VOC2012
