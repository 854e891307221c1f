"""All models, collected from the modules."""

from .alexnet import AlexNet
from .autoencoders import VAE, Autoencoder, ConvAutoencoder
from .base import MLP, Model, Sequential, TorchvisionModel
from .blocks import BasicBlock, BasicResiduals, Bottleneck, Fire, Projection, Residuals
from .densenet import DenseBlock, DenseLayer, DenseNet, DenseNet121, DenseNet161, DenseNet169, DenseNet201, Transition
from .detection import TinySSD, ssd_loss
from .embeddings import CBOW, FastText, GloVe, SkipGram, Vectors, subwords
from .googlenet import Auxiliary, ConvUnit, GoogLeNet, Inception
from .language import Decoder, Encoder, LanguageModel, NGram, RNNClassifier, Seq2Seq, TextCNN
from .lenet import LeNet
from .nin import NiN, NiNBlock
from .resnet import N_BLOCKS, BasicResNet, ResNet, ResNet18, ResNet34, ResNet50, ResNet101, ResNet152, check_style
from .segmentation import FCN, bilinear_kernel
from .squeezenet import SqueezeNet, SqueezeNet11
from .vgg import VGG, VGG11, VGG13, VGG16, VGG19
