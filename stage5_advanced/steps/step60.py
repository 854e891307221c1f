"""Step 60: LSTM and a data loader.

Two improvements on step 59, one for speed and one for quality.

`SeqDataLoader` makes mini-batches of a series. Its rows are parts of the series that start at different positions: of
1000 numbers in batches of 2, one part starts at 0 and one at 500, and each batch continues where the previous one
ended. So one call of the layer does the work of N, and the state has one row per part. Nothing may be shuffled.

`L.LSTM`, long short-term memory, is a layer with a second state, the cell c, which is not an output. Gates, numbers
between 0 and 1, determine what is kept of c (f, forget), what is added (i, input) and what is output (o, output):

    f = sigmoid(x W_xf + h W_hf + b_f)           c'  =  f c + i u
    i = sigmoid(x W_xi + h W_hi + b_i)           h'  =  o tanh(c')
    o = sigmoid(x W_xo + h W_ho + b_o)
    u = tanh   (x W_xu + h W_hu + b_u)           without h and c at the first step

Between c and c' there are only a product with f and a sum, no matrix and no tanh, so the gradient does not vanish there
as in an RNN. The cost: four times the weights and the work, eight Linear layers instead of two. (The layers have the
book's names, also in files, but a single Function, `F.lstm_cell`, computes the products and the gates; `F.lstm` does
the same for a whole sequence.)

The training is the book's, and it has a peculiarity. `count == seqlen` is meant to detect the end of the series, but it
compares the number of batches, 34 per epoch, with 999, and is never true. So an epoch has one update, after 30 batches,
and the last four batches only affect the printed mean: 100 updates where step 59 had 3400. They are enough, and take a
tenth of the time. With `count == train_loader.max_iter` an epoch would have two updates.

Here the 60 steps end. The result is small compared to PyTorch and works in the same way. To continue: more models (some
are in examples/), more functions, a graph that frees what no backward needs; or PyTorch, where almost every name of
this framework has a counterpart that you now know from the inside.

`--epochs N` trains N epochs. `--graph FILE` draws the graph of one update, 30 calls of the LSTM, to a file such as
graph.pdf, which takes a minute. `--out DIR` saves the figure as DIR/step60.png.
"""

import pathlib

import numpy as np
from demo import graph, options, show

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Model, SeqDataLoader, no_grad, optimizers
from stage5_advanced.datasets import SinCurve
from stage5_advanced.utils import plot_dot_graph

parser = options(__doc__, epochs=100, seed=0)
parser.add_argument("--graph", type=pathlib.Path, metavar="FILE", help="draw the graph of one update, to graph.pdf")
args = parser.parse_args()
if args.graph and not (args.graph.suffix and args.graph.parent.is_dir()):
    parser.error("--graph: expected a file name with a suffix such as .pdf, in an existing folder")

# The loader: three rows that start at 0, 333 and 666. (The noise is not the book's.)
train_set = SinCurve(train=True)
dataloader = SeqDataLoader(train_set, batch_size=3)
x, t = next(dataloader)
print(x)  # -> [[ 0.04240351]
#               [ 0.82617877]
#               [-0.82367933]]
print("---------------")  # -> ---------------
print(t)  # -> [[-0.02792351]
#               [ 0.83038645]
#               [-0.87617767]]
x, _ = next(dataloader)
print(np.array_equal(x, t))  # -> True

# The layer.
np.random.seed(args.seed)
lstm = L.LSTM(10)
h = lstm(x)
h = lstm(x)
print(h.shape, lstm.c.shape)  # -> (3, 10) (3, 10)
print(lstm._params)  # -> ['x2f', 'x2i', 'x2o', 'x2u', 'h2f', 'h2i', 'h2o', 'h2u']
print(sum(p.size for p in lstm.params()), sum(p.size for p in L.RNN(10, in_size=1).params()))  # -> 480 120


# The formulas, one by one; initial zeros are the same as no state.
def step(x, h, c):
    f = F.sigmoid(lstm.x2f(x) + lstm.h2f(h))
    i = F.sigmoid(lstm.x2i(x) + lstm.h2i(h))
    o = F.sigmoid(lstm.x2o(x) + lstm.h2o(h))
    u = F.tanh(lstm.x2u(x) + lstm.h2u(h))
    c = f * c + i * u
    return o * F.tanh(c), c


lstm.reset_state()
h = c = np.zeros((3, 10))
for x, _ in dataloader:
    h, c = step(x, h, c)
    lstm(x)
print(np.allclose(lstm.h.data, h.data), np.allclose(lstm.c.data, c.data))  # -> True True


class BetterRNN(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.rnn = L.LSTM(hidden_size)
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        h = self.rnn(x)
        return self.fc(h)


# Training.
max_epoch = args.epochs
batch_size = 30
hidden_size = 100
bptt_length = 30

train_loader = SeqDataLoader(train_set, batch_size=batch_size)
seqlen = len(train_set)
print(train_loader.max_iter, seqlen)  # -> 34 999

np.random.seed(args.seed)
model = BetterRNN(hidden_size, 1)
optimizer = optimizers.Adam().setup(model)

losses = []
updates = 0
for epoch in range(max_epoch):
    model.reset_state()
    loss, count = 0, 0

    for x, t in train_loader:
        y = model(x)
        loss += F.mean_squared_error(y, t)
        count += 1

        if count % bptt_length == 0 or count == seqlen:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
            updates += 1

    losses.append(float(loss.data) / count)
    print(f"| epoch {epoch + 1} | loss {losses[-1]:f}", flush=True)  # ~> | epoch 1 | loss 0.474 (0.02)
    #    | epoch 2 | loss 0.365
    #    | epoch 3 | loss 0.272
# -> ...
print(updates == max_epoch)  # -> True

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
# 0.015 after 100 epochs, a third of step 59; after 10 epochs, as in the test of this step:
print(f"mean error {error:.3f}")  # ~> mean error 0.19 (0.1)

if args.graph:
    model.reset_state()
    loss = 0
    for _ in range(bptt_length):
        x, t = next(train_loader)
        loss += F.mean_squared_error(model(x), t)
    train_loader.reset()
    graph(plot_dot_graph, loss, args.graph.parent, args.graph.name)


def draw(plt):
    """The start of each row of the batches, and the loss; below them the cosine and its prediction."""
    places = [["rows", "loss"], ["predict", "predict"]]
    figure, panels = plt.subplot_mosaic(places, figsize=(11, 7.5), layout="constrained")
    series = np.array([x[0] for x, _ in train_set])
    jump = len(series) // batch_size
    for i in range(batch_size):
        place = np.arange(i * jump, (i + 1) * jump + 1)
        panels["rows"].plot(place, series[place], linewidth=1, color=("tab:blue", "tab:orange")[i % 2])
    starts = np.arange(batch_size) * jump
    style = {"markersize": 4, "color": "black", "label": "the first batch: the starts of 30 rows"}
    panels["rows"].plot(starts, series[starts], "o", **style)
    panels["rows"].set(title="SeqDataLoader", xlabel="number", ylabel="value")
    panels["rows"].legend()
    panels["loss"].plot(range(1, len(losses) + 1), losses, ".-", markersize=4)
    panels["loss"].axhline(0.05**2 / 3, color="grey", linestyle="--", label="the noise of the targets alone")
    panels["loss"].set(title="training", xlabel="epoch (one update each)", ylabel="mean squared error", yscale="log")
    panels["loss"].legend()
    panels["predict"].plot(np.arange(len(xs)), xs, label="y=cos(x)")
    panels["predict"].plot(np.arange(len(xs)), pred_list, label="predict")
    title = f"a cosine, {max_epoch} epochs: mean error {error:.3f}"
    panels["predict"].set(title=title, xlabel="x", ylabel="y")
    panels["predict"].legend(loc="lower left")
    return figure


show(draw, args.out)
