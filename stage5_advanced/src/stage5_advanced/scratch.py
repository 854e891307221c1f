"""Networks in the style of Weidman's "Deep Learning from Scratch": arrays in and out, and backward by hand.

Operations make up layers, layers a network, and each passes a gradient on to the one before it. The formulas are the
functions of this package: `forward` records the graph of one operation, `backward` differentiates it.
"""

import copy
import math

import numpy as np

from . import functions as F
from .core import Variable, grad


def assert_same_shape(array, array_grad):
    """Raise ValueError unless two arrays have the same shape. [not in the book]"""
    if array.shape != array_grad.shape:
        raise ValueError(f"assert_same_shape: expected a gradient of shape {array.shape}, got {array_grad.shape}")


# --- operations ---


class Operation:
    """One step of a computation: a subclass defines `function`, from Variable to Variable. [not in the book]

    After `forward` it has the arrays input_ and output, after `backward` also input_grad. A subclass may instead
    define `_output(inference)` and `_input_grad(output_grad)` on arrays.
    """

    def forward(self, input_, inference=False):
        """The output for an array. inference: whether the network is used, not trained. [not in the book]"""
        self.input_ = input_
        self.output = self._output(inference)
        return self.output

    def backward(self, output_grad):
        """The gradient of the input, from that of the output. Raises ValueError for another shape. [not in the book]"""
        assert_same_shape(self.output, output_grad)
        self.input_grad = self._input_grad(output_grad)
        assert_same_shape(self.input_, self.input_grad)
        return self.input_grad

    def function(self, x):
        """The formula."""
        raise NotImplementedError(f"{type(self).__name__} has no function")

    def variables(self):
        """The inputs of the formula."""
        return [Variable(self.input_)]

    def _output(self, inference):
        self.inputs = self.variables()
        self.y = self.function(*self.inputs)
        return self.y.data

    def _input_grad(self, output_grad):
        self.grads = [gx.data for gx in grad(self.y, self.inputs, output_grad)]
        return self.grads[0]


class ParamOperation(Operation):
    """An Operation with a parameter: `function` has two inputs; `backward` also sets param_grad. [not in the book]"""

    def __init__(self, param):
        self.param = param

    def backward(self, output_grad):
        """As in Operation, and the gradient of the parameter in `param_grad`. [not in the book]"""
        input_grad = super().backward(output_grad)
        self.param_grad = self._param_grad(output_grad)
        assert_same_shape(self.param, self.param_grad)
        return input_grad

    def variables(self):
        return [Variable(self.input_), Variable(self.param)]

    def _param_grad(self, output_grad):
        return self.grads[1]


class WeightMultiply(ParamOperation):
    """x W.  x (N, D), W (D, H) -> (N, H). [not in the book]"""

    def function(self, x, W):
        return F.matmul(x, W)


class BiasAdd(ParamOperation):
    """x + b, b (1, H). Raises ValueError for another shape. [not in the book]"""

    def __init__(self, B):
        if B.ndim != 2 or len(B) != 1:
            raise ValueError(f"BiasAdd: expected b (1, H), got {B.shape}")
        super().__init__(B)

    def function(self, x, b):
        return x + b


class Conv2D_Op(ParamOperation):
    """Convolution, padded so that an odd kernel keeps the size.  x (N, C, H, W), W (C, OC, k, k). [not in the book]"""

    def function(self, x, W):
        return F.conv2d(x, F.transpose(W, (1, 0, 2, 3)), pad=self.param.shape[2] // 2)


class Flatten(Operation):
    """x (N, ...) -> (N, D). [not in the book]"""

    def function(self, x):
        return F.flatten(x)


class Linear(Operation):
    """The identity, an activation. [not in the book]"""

    def function(self, x):
        return x


class Sigmoid(Operation):
    """1 / (1 + e^-x). [not in the book]"""

    def function(self, x):
        return F.sigmoid(x)


class Tanh(Operation):
    """The hyperbolic tangent. [not in the book]"""

    def function(self, x):
        return F.tanh(x)


class ReLU(Operation):
    """max(x, 0). [not in the book]"""

    def function(self, x):
        return F.relu(x)


class Dropout(Operation):
    """In training x times a random mask of ones and zeros, at inference keep_prob x. [not in the book]

    Raises ValueError unless 0 < keep_prob <= 1.
    """

    def __init__(self, keep_prob=0.8):
        if not 0 < keep_prob <= 1:
            raise ValueError(f"Dropout: expected 0 < keep_prob <= 1, got {keep_prob}")
        self.keep_prob = keep_prob

    def _output(self, inference):
        self.mask = self.keep_prob if inference else np.random.binomial(1, self.keep_prob, self.input_.shape)
        return super()._output(inference)

    def function(self, x):
        return x * self.mask


# --- layers ---


class Layer:
    """Operations in order, with the arrays params and param_grads: a subclass defines `_setup_layer`. [not in the book]

    neurons: the size of the output. The first call of `forward` makes the parameters.
    """

    def __init__(self, neurons):
        self.neurons = neurons
        self.first = True
        self.seed = None
        self.params, self.param_grads, self.operations = [], [], []

    def _setup_layer(self, input_):
        """Set params and operations for this input."""
        raise NotImplementedError(f"{type(self).__name__} has no _setup_layer")

    def forward(self, input_, inference=False):
        """The output of the last operation. [not in the book]"""
        if self.first:
            if self.seed is not None:
                np.random.seed(self.seed)
            self._setup_layer(input_)
            self.first = False
        self.input_ = input_
        for operation in self.operations:
            input_ = operation.forward(input_, inference)
        self.output = input_
        return self.output

    def backward(self, output_grad):
        """The gradient of the input; sets param_grads. [not in the book]"""
        assert_same_shape(self.output, output_grad)
        for operation in reversed(self.operations):
            output_grad = operation.backward(output_grad)
        self.param_grads = [each.param_grad for each in self.operations if isinstance(each, ParamOperation)]
        return output_grad


class Dense(Layer):
    """A fully connected layer, x (N, D) -> (N, neurons). [not in the book]

    W (D, neurons) and b (1, neurons) are normal numbers with standard deviation 1, or with weight_init='glorot'
    sqrt(2 / (D + neurons)). conv_in: x (N, C, H, W) is flattened first. dropout: the fraction that is kept.
    """

    def __init__(self, neurons, activation=None, conv_in=False, dropout=1.0, weight_init="standard"):
        super().__init__(neurons)
        check_init("Dense", weight_init, "standard")
        self.activation = activation or Linear()
        self.conv_in = conv_in
        self.dropout = dropout
        self.weight_init = weight_init

    def _setup_layer(self, input_):
        D = math.prod(input_.shape[1:])
        scale = math.sqrt(2 / (D + self.neurons)) if self.weight_init == "glorot" else 1.0
        self.params = [np.random.normal(0, scale, (n, self.neurons)) for n in (D, 1)]
        self.operations = [Flatten()] * self.conv_in + [WeightMultiply(self.params[0]), BiasAdd(self.params[1])]
        self.operations += [self.activation] + [Dropout(self.dropout)] * (self.dropout < 1)


class Conv2D(Layer):
    """A convolution without a bias, x (N, C, H, W) -> (N, out_channels, H, W). [not in the book]

    W (C, out_channels, param_size, param_size) is as in Dense, with C + out_channels for D + neurons.
    flatten: return (N, out_channels H W). dropout: the fraction that is kept.
    """

    def __init__(self, out_channels, param_size, dropout=1.0, weight_init="normal", activation=None, flatten=False):
        super().__init__(out_channels)
        check_init("Conv2D", weight_init, "normal")
        if param_size % 2 == 0:
            raise ValueError(f"Conv2D: expected an odd param_size, got {param_size}")
        self.param_size = param_size
        self.dropout = dropout
        self.weight_init = weight_init
        self.activation = activation or Linear()
        self.flatten = flatten

    def _setup_layer(self, input_):
        C = input_.shape[1]
        scale = math.sqrt(2 / (C + self.neurons)) if self.weight_init == "glorot" else 1.0
        self.params = [np.random.normal(0, scale, (C, self.neurons, self.param_size, self.param_size))]
        self.operations = [Conv2D_Op(self.params[0]), self.activation]
        self.operations += [Flatten()] * self.flatten + [Dropout(self.dropout)] * (self.dropout < 1)


def check_init(name, weight_init, default):
    """Raise ValueError for an unknown way to initialize weights."""
    if weight_init not in (default, "glorot"):
        raise ValueError(f"{name}: expected weight_init {default!r} or 'glorot', got {weight_init!r}")


# --- losses and the network ---


class Loss:
    """A number that says how far predictions are from targets: a subclass defines `function`. [not in the book]"""

    def forward(self, prediction, target):
        """The loss as a float. Raises ValueError unless the shapes are equal. [not in the book]"""
        if prediction.shape != target.shape:
            raise ValueError(f"{type(self).__name__}: expected targets of shape {prediction.shape}, got {target.shape}")
        self.prediction = Variable(prediction)
        self.y = self.function(self.prediction, target)
        return float(self.y)

    def backward(self):
        """The gradient of the prediction. [not in the book]"""
        self.input_grad = grad(self.y, self.prediction).data
        return self.input_grad

    def function(self, x, t):
        """The formula."""
        raise NotImplementedError(f"{type(self).__name__} has no function")


class MeanSquaredError(Loss):
    """The sum of (x - t)^2 divided by N.  x, t (N, H). normalize: divide rows of x by their sums. [not in the book]"""

    def __init__(self, normalize=False):
        self.normalize = normalize

    def function(self, x, t):
        return F.mean_squared_error(x / F.sum(x, axis=1, keepdims=True) if self.normalize else x, t)


class SoftmaxCrossEntropy(Loss):
    """The mean over N of -sum t log softmax(x).  x, t (N, C), each row of t with the sum 1. [not in the book]

    eps is accepted and has no effect: the logarithm of a softmax is finite without it.
    """

    def __init__(self, eps=1e-9):
        self.eps = eps

    def function(self, x, t):
        return F.softmax_cross_entropy(x, t.astype(x.dtype))


class NeuralNetwork:
    """Layers and a loss. seed: each layer draws its weights from NumPy's generator with this seed. [not in the book]"""

    def __init__(self, layers, loss, seed=1):
        self.layers = layers
        self.loss = loss
        self.seed = seed
        for layer in layers:
            layer.seed = seed

    def forward(self, x_batch, inference=False):
        """The output of the last layer. [not in the book]"""
        for layer in self.layers:
            x_batch = layer.forward(x_batch, inference)
        return x_batch

    def backward(self, loss_grad):
        """The gradient of the input; every layer gets its param_grads. [not in the book]"""
        for layer in reversed(self.layers):
            loss_grad = layer.backward(loss_grad)
        return loss_grad

    def train_batch(self, x_batch, y_batch, inference=False):
        """The loss of one batch, after a forward and a backward pass. [not in the book]"""
        loss = self.loss.forward(self.forward(x_batch, inference), y_batch)
        self.backward(self.loss.backward())
        return loss

    def params(self):
        """Yield the parameters of all layers, arrays. [not in the book]"""
        for layer in self.layers:
            yield from layer.params

    def param_grads(self):
        """Yield their gradients in the same order. [not in the book]"""
        for layer in self.layers:
            yield from layer.param_grads


# --- optimizers ---


class Optimizer:
    """Updates the parameters of its `net` in place: a subclass defines `_update_rule`. [not in the book]

    decay_type: 'exponential' or 'linear', from lr in the first epoch to final_lr in the last; None: constant.
    """

    def __init__(self, lr=0.01, final_lr=0, decay_type=None):
        if decay_type not in (None, "exponential", "linear"):
            name = type(self).__name__
            raise ValueError(f"{name}: expected decay_type 'exponential', 'linear' or None, got {decay_type!r}")
        self.lr = lr
        self.final_lr = final_lr
        self.decay_type = decay_type
        self.states = None

    def _setup_decay(self, epochs):
        """Determine the change of lr per epoch."""
        if self.decay_type == "exponential":
            self.decay_per_epoch = (self.final_lr / self.lr) ** (1 / max(1, epochs - 1))
        elif self.decay_type == "linear":
            self.decay_per_epoch = (self.lr - self.final_lr) / max(1, epochs - 1)

    def _decay_lr(self):
        """Set lr for the next epoch."""
        if self.decay_type == "exponential":
            self.lr *= self.decay_per_epoch
        elif self.decay_type == "linear":
            self.lr -= self.decay_per_epoch

    def step(self):
        """Update every parameter once. [not in the book]"""
        if self.states is None:
            self.states = [np.zeros_like(param) for param in self.net.params()]
        for param, param_grad, state in zip(self.net.params(), self.net.param_grads(), self.states, strict=True):
            self._update_rule(param, param_grad, state)

    def _update_rule(self, param, grad, state):
        """Change the arrays param and state in place."""
        raise NotImplementedError(f"{type(self).__name__} has no _update_rule")


class SGD(Optimizer):
    """p -= lr g. [not in the book]"""

    def _update_rule(self, param, grad, state):
        param -= self.lr * grad


class SGDMomentum(Optimizer):
    """v = momentum v + lr g, p -= v. [not in the book]"""

    def __init__(self, lr=0.01, final_lr=0, decay_type=None, momentum=0.9):
        super().__init__(lr, final_lr, decay_type)
        self.momentum = momentum

    def _update_rule(self, param, grad, state):
        state *= self.momentum
        state += self.lr * grad
        param -= state


class AdaGrad(Optimizer):
    """s += g^2, p -= lr g / (sqrt(s) + 1e-7). [not in the book]"""

    def _update_rule(self, param, grad, state):
        state += grad * grad
        param -= self.lr * grad / (np.sqrt(state) + 1e-7)


# --- training ---


class Trainer:
    """Trains a network with an optimizer. [not in the book]"""

    def __init__(self, net, optim):
        self.net = net
        self.optim = optim
        optim.net = net

    def fit(
        self,
        X_train,
        y_train,
        X_test,
        y_test,
        epochs=100,
        eval_every=10,
        batch_size=32,
        seed=1,
        restart=True,
        early_stopping=True,
    ):
        """Train in shuffled batches, print the loss of the test data every so many epochs, and return these losses.

        seed: of NumPy's generator for the order. restart: draw new weights. early_stopping: when the loss is not
        smaller than the smallest so far, return to the network before that epoch and stop. [not in the book]
        """
        np.random.seed(seed)
        self.optim._setup_decay(epochs)
        if restart:
            for layer in self.net.layers:
                layer.first = True
            self.optim.states = None
        lr, losses = self.optim.lr, []
        for epoch in range(1, epochs + 1):
            evaluated = epoch % eval_every == 0
            if evaluated and early_stopping:
                before = copy.deepcopy(self.net)
            order = np.random.permutation(len(X_train))
            X_train, y_train = X_train[order], y_train[order]  # the order of the next epoch is drawn from this one
            for start in range(0, len(X_train), batch_size):
                self.net.train_batch(X_train[start : start + batch_size], y_train[start : start + batch_size])
                self.optim.step()
            if evaluated:
                loss = self.net.loss.forward(self.net.forward(X_test, inference=True), y_test)
                if early_stopping and losses and not loss < min(losses):
                    print(f"Loss increased after epoch {epoch}, final loss was {min(losses):.3f},")
                    print(f"using the model from epoch {epoch - eval_every}")
                    self.net = self.optim.net = before
                    losses.append(loss)
                    break
                print(f"Validation loss after {epoch} epochs is {loss:.3f}")
                losses.append(loss)
            self.optim._decay_lr()
        self.optim.lr = lr
        return losses
