"""All models, collected from the modules."""

from .base import MLP, Model, Sequential, TorchvisionModel
from .blocks import Bottleneck, Fire, Projection, Residuals
from .resnet import N_BLOCKS, ResNet, ResNet50, ResNet101, ResNet152, check_style
from .squeezenet import SqueezeNet
from .vgg import VGG16
