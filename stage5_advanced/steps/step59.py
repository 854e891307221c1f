"""Step 59: time series with an RNN.

All networks so far are feed-forward: the output depends only on the current input. To continue a curve or a sentence, a
network must know what preceded it. A recurrent neural network (RNN) has a state h, its own previous output, which is an
input as well:

    h_t  =  tanh(h_{t-1} W_h + x_t W_x + b)              x_t (N, D), h_t (N, H);  without h at the first step

`L.RNN` is that line, with a Linear for each product, x2h with a bias and h2h without. (The input of h2h is h, so its
width is H; the book has D.) Each call takes one x and stores the new h; `reset_state()` clears it.

Define-by-run makes this easy. The graph grows from call to call, linked by the state, and `backward` traverses all of
it: backpropagation through time (BPTT). It needs no new code, but with a series of a million numbers the graph would
fill the memory, and the gradient would vanish on its way. So the graph is cut after a number of inputs (truncated
BPTT): the value of the state remains; only the link to its creator is removed.

    v.unchain()            v.creator = None: backward ends here
    v.unchain_backward()   the same for all variables that v depends on, so their graph is freed

Below, a network of 100 neurons sees a noisy sine, number by number, and learns to predict the next number; after every
30 numbers the parameters are updated and the graph is cut. Then it is tested on a cosine without noise, which it has
never seen. (Like the book, the figure draws the prediction of the next number at the position of the current one; the
printed error compares it with the next number.)

The loss decreases quickly, but not steadily: each update fits 30 neighboring numbers at the cost of the others.

The cost: 999 calls for 999 numbers, one after the other, 0.6 s per epoch and a minute for 100. Step 60 processes 30
parts of the curve at once.

`--epochs N` trains N epochs. `--out DIR` saves the figure as DIR/step59.png and draws the graphs after one and two
inputs, and of the loss, to step59_1.png, step59_2.png and step59_loss.png.
"""

import numpy as np
from demo import graph, options, show

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Model, Variable, no_grad, optimizers
from stage5_advanced.datasets import SinCurve
from stage5_advanced.utils import get_dot_graph, plot_dot_graph

args = options(__doc__, epochs=100, seed=0).parse_args()

# The layer.
rnn = L.RNN(10)
x = np.random.rand(1, 1)
h = rnn(x)
print(h.shape)  # -> (1, 10)
print(rnn.h is h)  # -> True
print([(path, p.shape) for path, p in rnn.named_params()])
# -> [('x2h/W', (1, 10)), ('x2h/b', (10,)), ('h2h/W', (10, 10))]


class SimpleRNN(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.rnn = L.RNN(hidden_size)
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        h = self.rnn(x)
        return self.fc(h)


def boxes(y):
    """The functions in the graph of y, from the output back."""
    return [line.split('"')[1] for line in get_dot_graph(y, verbose=False).splitlines() if "shape=box" in line]


# Two inputs: the second output depends on both.
seq_data = [np.random.randn(1, 1) for _ in range(1000)]
xs = seq_data[0:-1]
ts = seq_data[1:]

model = SimpleRNN(10, 1)
for path, p in model.named_params():
    p.name = path  # for the graphs
graphs = {}
loss = 0
for cnt, (x, t) in enumerate(zip(xs, ts, strict=True), start=1):
    y = model(Variable(x, name=f"x{cnt}"))
    print(boxes(y))  # -> ['Linear', 'Tanh', 'Linear']
    #    ['Linear', 'Tanh', 'Add', 'Linear', 'Tanh', 'Linear', 'Linear']
    graphs[f"{cnt}"] = y
    loss += F.mean_squared_error(y, t)
    if cnt == 2:
        model.cleargrads()
        loss.backward()
        break
graphs["loss"] = loss
print([p.grad.shape for p in model.params()])  # -> [(1, 10), (10,), (10, 10), (10, 1), (1,)]

# The graph grows by seven functions per input, four of them in the graph of the state, until it is cut. The state keeps
# its value.
model.reset_state()
loss = 0
for x, t in zip(xs[:30], ts[:30], strict=True):
    loss += F.mean_squared_error(model(x), t)
h = model.rnn.h
before = h.data.copy()
print(len(boxes(loss)), len(boxes(h)))  # -> 208 118
loss.unchain_backward()
print(len(boxes(loss)), len(boxes(h)))  # -> 1 0
print(model.rnn.h is h, np.array_equal(h.data, before))  # -> True True
print(len(boxes(model(xs[30]))))  # -> 5

# The data. The noise is random, here with seed 59, so the numbers are not the book's.
train_set = SinCurve(train=True)
print(len(train_set))  # -> 999
print(train_set[0])  # -> (array([0.04240351]), array([-0.02792351]))
print(train_set[1])  # -> (array([-0.02792351]), array([0.04927013]))
print(train_set[2])  # -> (array([0.04927013]), array([-0.022717]))
xs = [example[0] for example in train_set]
ts = [example[1] for example in train_set]
print(xs[1:] == ts[:-1])  # -> True

# Training.
max_epoch = args.epochs
hidden_size = 100
bptt_length = 30

np.random.seed(args.seed)
seqlen = len(train_set)
model = SimpleRNN(hidden_size, 1)
optimizer = optimizers.Adam().setup(model)

losses = []
for epoch in range(max_epoch):
    model.reset_state()
    loss, count = 0, 0

    for x, t in train_set:
        x = x.reshape(1, 1)
        y = model(x)
        loss += F.mean_squared_error(y, t)
        count += 1

        if count % bptt_length == 0 or count == seqlen:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()  # the value of the sum remains; its terms are constants now
            optimizer.update()

    losses.append(float(loss.data) / count)
    print(f"| epoch {epoch + 1} | loss {losses[-1]:f}", flush=True)  # ~> | epoch 1 | loss 0.272 (0.02)
    #    | epoch 2 | loss 0.049
    #    | epoch 3 | loss 0.018
# -> ...

# A cosine.
xs = np.cos(np.linspace(0, 4 * np.pi, 1000))
model.reset_state()
pred_list = []

with no_grad():
    for x in xs:
        x = np.array(x).reshape(1, 1)
        y = model(x)
        pred_list.append(y.data.item())

error = np.abs(np.array(pred_list[:-1]) - xs[1:]).mean()
# 0.042 after 100 epochs; after 3 epochs, as in the test of this step:
print(f"mean error {error:.3f}")  # ~> mean error 0.11 (0.07)


def draw(plt):
    """The data and the loss; below them the cosine and its prediction."""
    places = [["data", "loss"], ["predict", "predict"]]
    figure, panels = plt.subplot_mosaic(places, figsize=(11, 7.5), layout="constrained")
    panels["data"].plot([x for x, _ in train_set], linewidth=1, label="xs")
    panels["data"].plot([t for _, t in train_set], linewidth=1, alpha=0.6, label="ts, one later")
    panels["data"].set(title="SinCurve", xlabel="number", ylabel="value")
    panels["data"].legend()
    panels["loss"].plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    panels["loss"].axhline(0.05**2 / 3, color="grey", linestyle="--", label="the noise of the targets alone")
    panels["loss"].set(title="training", xlabel="epoch", ylabel="mean squared error", yscale="log")
    panels["loss"].legend()
    panels["predict"].plot(np.arange(len(xs)), xs, label="y=cos(x)")
    panels["predict"].plot(np.arange(len(xs)), pred_list, label="predict")
    title = f"a cosine, {max_epoch} epochs: mean error {error:.3f}"
    panels["predict"].set(title=title, xlabel="x", ylabel="y")
    panels["predict"].legend(loc="lower left")
    return figure


show(draw, args.out)
for name, v in graphs.items():
    graph(plot_dot_graph, v, args.out, f"step59_{name}.png", verbose=False)
