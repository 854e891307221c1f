"""Step 47: softmax and cross-entropy.

So far a network predicted a number. Now it predicts which of C classes a sample belongs to. It has C outputs, the
logits; the class with the largest logit is the prediction. For training this is too coarse: small changes do not change
the prediction. Softmax turns logits into probabilities, which are positive and sum to 1:

    p_k = exp(y_k) / (exp(y_1) + ... + exp(y_C))

and the loss, the cross-entropy, depends only on the probability of the correct class t:

    L = -log p[t]           0 if the network is certain of it, large if the probability is small; averaged over N

`t` (N,) holds the labels, which are the numbers of the classes, not one-hot rows.

To select p[t] by a formula that can be differentiated, indexing must be a function, `F.get_item`, and for Variables
x[...] calls it. The gradient goes to the elements that were selected; all others get zeros, and an element that was
selected twice gets both gradients.

    [[1 2 3]    --[1]-->    [4 5 6]             [[0 0 0]   <--   [1 1 1]
     [4 5 6]]                                    [1 1 1]]

`F.softmax_cross_entropy_simple` composes the loss of softmax, clip, log and get_item. clip raises probabilities below
1e-15, because log(0) is minus infinity; but a clipped probability has no gradient, so a sample whose prediction is
worst teaches nothing. And exp overflows for logits of a few hundred. `F.softmax_cross_entropy` is a single Function
without these defects: it subtracts the largest logit first, which does not change softmax, and never takes the log of a
probability:

    -log p[t]  =  log(sum exp(y - max)) - (y[t] - max),      gradient:  (p - one-hot t) / N

The gradient is simply the prediction minus the target.

The book does not show the seed of its weights; seed 0 gives its numbers, with 15 digits of the loss, if the weights are
float32. (The first logits that it prints are those of float64 weights.)
"""

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable, as_variable
from stage4_neural_nets.models import MLP

# Indexing.
x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.get_item(x, 1)
print(y)  # -> variable([4 5 6])
y.backward()
print(x.grad)  # -> variable([[0. 0. 0.]
#                             [1. 1. 1.]])

indices = np.array([0, 0, 1])
y = F.get_item(x, indices)
print(y)  # -> variable([[1 2 3]
#                        [1 2 3]
#                        [4 5 6]])
x.cleargrad()
y.backward()
print(x.grad)  # -> variable([[2. 2. 2.]
#                             [1. 1. 1.]])

y = x[1]
print(y)  # -> variable([4 5 6])
y = x[:, 2]
print(y)  # -> variable([3 6])

# The logits of a network for one sample, and their probabilities.
np.random.seed(0)
model = MLP((10, 3))

x = np.array([[0.2, -0.4]])
y = model(x)
print(y)  # ~> variable([[-0.61505778 -0.42790161  0.31733289]]) (1e-7)


def softmax1d(x):
    x = as_variable(x)
    y = F.exp(x)
    sum_y = F.sum(y)
    return y / sum_y


p = softmax1d(y)
print(p)  # ~> variable([[0.21068638 0.25404893 0.53526469]]) (1e-7)
print(F.sum(p))  # ~> variable(1.0) (1e-12)

# Several samples at once, one per row.
x = np.array([[0.2, -0.4], [0.3, 0.5], [1.3, -3.2], [2.1, 0.3]])
y = model(x)
p = F.softmax(y)
print(y)  # ~> variable([[-0.61505778 -0.42790161  0.31733289] (1e-7)
#                        [-0.76395313 -0.2497645   0.18591382]
#                        [-0.52006391 -0.96254612  0.57818938]
#                        [-0.94252164 -0.50307479  0.17576323]])
print(p)  # ~> variable([[0.21068639 0.25404893 0.53526469] (1e-7)
#                        [0.19019916 0.31806646 0.49173438]
#                        [0.21545395 0.13841619 0.64612986]
#                        [0.17820704 0.27655034 0.54524263]])
print(np.allclose(F.softmax_simple(y).data, p.data))  # -> True

# The loss, if these are the labels.
t = np.array([2, 0, 1, 0])
loss = F.softmax_cross_entropy(y, t)
print(loss)  # ~> variable(1.4967442524053058) (1e-7)
loss = F.softmax_cross_entropy_simple(y, t)
print(loss)  # ~> variable(1.4967442524053058) (1e-7)

# The gradient with respect to the logits is (prediction - target) / N.
y = Variable(y.data)
F.softmax_cross_entropy(y, t).backward()
print(np.allclose(y.grad.data, (p.data - np.eye(3)[t]) / 4))  # -> True

# Logits 50 and 0, and class 1 is correct: the gradient of the simple form is zero.
y = Variable(np.array([[50.0, 0.0]]))
t = np.array([1])
for f in (F.softmax_cross_entropy_simple, F.softmax_cross_entropy):
    y.cleargrad()
    loss = f(y, t)
    loss.backward()
    print(f"{loss.data:.1f}", y.grad)  # -> 34.5 variable([[0. 0.]])
    #    50.0 variable([[ 1. -1.]])
