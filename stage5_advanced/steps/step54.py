"""Step 54: dropout and test mode.

A network that has memorized its training data is overfitted: it is good on these data and bad on everything else.
Either there are too few data; then more data help, new ones or variations of the old ones (data augmentation, steps 49
and 51). Or the model is too flexible; then regularization helps: weight decay (step 46), batch normalization, and
dropout:

    Each training pass switches each neuron off with probability `dropout_ratio`, so that it outputs 0.

No neuron can rely on another, so each must be useful by itself. And since different neurons are missing each time,
training one network trains many. Averaging the outputs of five networks, an ensemble, is known to gain a few percent of
accuracy; dropout has a similar effect for the price of one.

At inference no neuron is missing, so the next layer would receive more than in training. Two corrections:

                   in training                            at inference
    direct         y = x * mask                           y = x * (1 - dropout_ratio)
    inverted       y = x * mask / (1 - dropout_ratio)     y = x

`F.dropout` is the inverted form. At inference there is then nothing to do, and the ratio may change from pass to pass;
the factor of the direct form fits one ratio only. It is composed of a product and a division, so it needs no backward
of its own: the gradient is multiplied by the same mask and divided by the same number.

So some functions behave differently in training and at inference, and `Config.train`, next to the switch of step 18,
says which it is. It is True by default; `with test_mode():` sets it to False. It is independent of `no_grad()`: one is
about what is computed, the other about what is recorded, and inference needs both.

Batch normalization is the second such function. In training, `L.BatchNorm()` normalizes each feature with the mean and
the variance of the batch, so the output for a sample depends on the other samples. It also keeps running averages of
both and uses them at inference, where the output for a sample must depend on that sample alone. (The book only mentions
it; here it is implemented.) Forgetting `test_mode` is a common mistake with both functions: the network still predicts,
but less accurately and a little differently each time.

`--out DIR` saves a drawing of dropout as DIR/step54.png.
"""

import numpy as np
from demo import options, show
from drawings import step54

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Config, Variable, test_mode

args = options(__doc__).parse_args()

# Direct dropout on ten neurons, four of which remain on average.
np.random.seed(0)
dropout_ratio = 0.6
x = np.ones(10)

mask = np.random.rand(10) > dropout_ratio
y = x * mask
print(mask)  # -> [False  True  True False False  True False  True  True False]
survivors = [(np.random.rand(10) > dropout_ratio).sum() for _ in range(10000)]
print(np.mean(survivors))  # ~> 4.0 (0.05)

# At inference all ten, scaled to the average of training.
scale = 1 - dropout_ratio
y = x * scale
print(y.sum())  # ~> 4.0 (1e-9)

# Inverted dropout: the average is the same in training and at inference.
y = [(x * (np.random.rand(10) > dropout_ratio) / scale).sum() for _ in range(10000)]
print(np.mean(y))  # ~> 10.0 (0.2)

# F.dropout. The book does not show its seed; 16 is the first that gives its numbers.
np.random.seed(16)
x = np.ones(5)
print(x)  # -> [1. 1. 1. 1. 1.]

y = F.dropout(x)
print(y)  # -> variable([0. 2. 2. 0. 0.])

with test_mode():
    y = F.dropout(x)
    print(y)  # -> variable([1. 1. 1. 1. 1.])

# A new mask each time; each output is 0 or 2; and the ratio may change from call to call.
print(sorted({number for _ in range(100) for number in F.dropout(x).data.tolist()}))  # -> [0.0, 2.0]
for ratio in (0.43455, 0.56245):
    y = F.dropout(np.ones(100000), ratio)
    print(f"{y.data.max():.4f} {y.data.mean():.2f}")  # ~> 1.7685 1.0 (0.02)
    #    2.2857 1.0

# The gradient passes where the values passed.
x = Variable(np.ones(5))
y = F.dropout(x)
y.backward()
print(np.array_equal(x.grad.data, y.data))  # -> True

# The switch; it does not affect the recording of the graph.
print(Config.train)  # -> True
with test_mode():
    print(Config.train, Config.enable_backprop)  # -> False True
print(Config.train)  # -> True

try:
    F.dropout(x, 1.0)
except ValueError as error:
    print(error)  # !> dropout: expected a ratio in [0, 1), got 1.0

# Batch normalization: in training each feature gets mean 0 and standard deviation 1 ...
norm = L.BatchNorm()
for _ in range(100):
    x = np.random.randn(50, 3) * [1, 10, 0.1] + [0, 5, -2]
    y = norm(x)
print(np.allclose(y.data.mean(axis=0), 0), np.allclose(y.data.std(axis=0), 1, atol=0.01))  # -> True True

# ... and at inference the running averages apply, so the output for a sample does not depend on the batch.
print(norm.avg_mean)  # ~> variable([ 0.0 5.0 -2.0]) (1.0)
with test_mode():
    print(np.allclose(norm(x[:1]).data, norm(x).data[:1]))  # -> True
print(np.allclose(norm(x[:2]).data, norm(x).data[:2]))  # -> False

show(step54, args.out)
