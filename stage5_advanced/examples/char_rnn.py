"""A recurrent network that writes text, character by character.

At each character of a text it predicts the next one. To be good at this it has to learn which words exist, how they
follow each other, and that a bracket must be closed. To write, it continues its own output: the logits become
probabilities, one character is drawn at random, and that is the next input. The logits are first divided by the
temperature T: at a low T the network repeats what it is certain of, at a high T it is bold and misspells.

    id -> EmbedID -> LSTM -> Linear -> logits of the next id

A whole text is too long for one graph. So a batch reads many parts of it in parallel, one per row, and after every 50
characters the gradients are computed and the graph is cut (`unchain_backward`): the state continues, the gradients end
there. This is truncated backpropagation through time.

    python stage5_advanced/examples/char_rnn.py --quick                  the text: the docstrings of the steps
    python stage5_advanced/examples/char_rnn.py TEXT                     a file of your own, UTF-8, 100 KB or more
    python stage5_advanced/examples/char_rnn.py --shakespear             1.1 million characters, downloaded once

The loss is in bits per character; an untrained network has log2 of the number of different characters. The last tenth
of the text is held out; its loss shows how much the network knows beyond what it has memorized. With --quick it is
about 2.3.

The figure: the loss, and what the network writes at three temperatures.

A. Karpathy, The unreasonable effectiveness of recurrent neural networks,
https://karpathy.github.io/2015/05/21/rnn-effectiveness (2015). S. Hochreiter, J. Schmidhuber, Long short-term memory,
Neural Computation 9 (1997).
"""

import ast
import math
import pathlib
import tempfile
import textwrap

import numpy as np
from common import begin, figure, file, integer, options, pick, save, stop

import stage5_advanced.functions as F
import stage5_advanced.layers as L
from stage5_advanced import Model, SeqDataLoader, no_grad, optimizers, test_mode
from stage5_advanced.datasets import Shakespear, Text

BATCH, LENGTH = 16, 50  # rows of a batch, characters between two cuts
TEMPERATURES = (0.4, 0.7, 1.0)


class CharRNN(Model):
    """The next character of N parts, ids (N,) -> state (N, hidden); `logits` computes logits from it."""

    def __init__(self, vocabulary, hidden):
        super().__init__()
        self.embed = L.EmbedID(vocabulary, 64)
        self.lstm = L.LSTM(hidden)
        self.fc = L.Linear(vocabulary)

    def reset_state(self):
        self.lstm.reset_state()

    def forward(self, x):
        return self.lstm(self.embed(x))

    def logits(self, h):
        return self.fc(F.dropout(h, 0.2))


def load(arguments):
    """The text to learn."""
    try:
        if arguments.shakespear:
            return Shakespear()
        if arguments.text:
            return Text(arguments.text)
        files = sorted(pathlib.Path(__file__).resolve().parents[2].glob("stage*/steps/step*.py"))
        texts = [ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) for file in files]
        paragraphs = [part for text in texts for part in text.split("\n\n") if not part.startswith((" ", "`--"))]
        prose = "\n\n".join(" ".join(part.split()) for part in paragraphs)  # no formulas, no options
        prose = prose[: pick(arguments, None, None, 22_000)]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "steps.txt")
            path.write_text(prose, encoding="utf-8")
            return Text(path)
    except (OSError, ValueError, RuntimeError) as error:
        stop(str(error).splitlines()[0].rstrip(":"))


def losses_of_parts(model, samples, batch_size, gpu):
    """Yield losses, Variables, of LENGTH characters at a time, from the first sample to the last."""
    model.reset_state()
    hs, ts = [], []
    for x, t in SeqDataLoader(samples, batch_size, gpu=gpu):
        hs.append(model(x))
        ts.append(t)
        if len(hs) == LENGTH:
            yield F.softmax_cross_entropy(model.logits(F.concat(hs)), F.concat(ts).data)  # one call is faster
            hs, ts = [], []


def write(model, dataset, length):
    """The text that the model writes at each temperature; all continue the first ten characters of the data."""
    model.reset_state()
    T = np.array(TEMPERATURES)[:, None]
    ids = [np.repeat(i, len(T)) for i in dataset.data[:10]]
    with no_grad(), test_mode():
        for k in range(length):
            p = F.softmax(model.logits(model(ids[k])).data / T).data
            if k + 1 == len(ids):
                ids.append(np.array([np.random.choice(len(row), p=row) for row in p]))
    return ["".join(dataset.id_to_char[int(i)] for i in column) for column in zip(*ids, strict=True)]


def main():
    parser = options(__doc__, epochs=(15, 7))
    parser.add_argument("text", type=file, nargs="?", metavar="TEXT", help="a text file, UTF-8")
    parser.add_argument("--shakespear", action="store_true", help="scenes of Shakespeare, downloaded once")
    parser.add_argument(
        "--hidden", type=integer(1), default=192, metavar="N", help="the width of the LSTM, default 192"
    )
    arguments = begin(parser)
    dataset = load(arguments)
    samples = [dataset[i] for i in range(len(dataset))]
    size = len(samples) * 9 // 10
    if size < BATCH * LENGTH * 10:
        stop(f"expected a text of at least 20,000 characters, got {len(samples) + 1}; 100,000 are better")
    vocabulary = len(dataset.char_to_id)
    print(f"{size} characters for training, {len(samples) - size} held out, {vocabulary} different ones")

    model = CharRNN(vocabulary, arguments.hidden)
    if arguments.gpu:
        model.to_gpu()
    optimizer = optimizers.Adam().setup(model)
    optimizer.add_hook(optimizers.ClipGrad(1.0))
    history = []
    for epoch in range(arguments.epochs):
        optimizer.lr = 0.005 * (1 + math.cos(math.pi * epoch / arguments.epochs)) / 2
        losses = []
        for loss in losses_of_parts(model, samples[:size], BATCH, arguments.gpu):
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
            losses.append(float(loss.data) / math.log(2))
        with no_grad(), test_mode():
            held_out = [
                float(loss.data) / math.log(2) for loss in losses_of_parts(model, samples[size:], 8, arguments.gpu)
            ]
        history.append((np.mean(losses), np.mean(held_out)))
        print("epoch {}: {:.3f} bits per character, held out {:.3f}".format(epoch + 1, *history[-1]), flush=True)

    model.to_cpu()
    texts = write(model, dataset, pick(arguments, 700, 700, 100))
    for T, text in zip(TEMPERATURES, texts, strict=True):
        print(f"--- temperature {T} ---\n{text}")
    save(draw(history, texts), arguments)


def draw(history, texts):
    """The loss and the texts."""
    made, (curves, *places) = figure((1, 1 + len(texts)), height=6, width=16.5)
    for name, losses in zip(("training", "held out"), zip(*history, strict=True), strict=True):
        curves.plot(range(1, len(losses) + 1), losses, ".-", label=name)
    curves.set(title="loss, bits per character", xlabel="epoch", ylim=(0, None))
    curves.locator_params(axis="x", integer=True)
    curves.legend()
    for place, T, text in zip(places, TEMPERATURES, texts, strict=True):
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 44) or [""]]
        place.text(0, 1, "\n".join(lines[:24]), va="top", family="monospace", fontsize=10, parse_math=False)
        place.set_title(f"temperature {T}")
        place.axis("off")
    return made


if __name__ == "__main__":
    main()
