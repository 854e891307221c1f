"""Language models: how well the next word can be predicted, from counts and from networks.

The perplexity of a text is exp of the mean of -log P(word | the words before): a model with a perplexity of 12 is as
uncertain as if it had to choose among 12 equally likely words. A bigram counts which word follows which; a trigram
looks one word further back and meets more contexts that it has never seen, so the counts must be smoothed. A recurrent
network keeps what it has read in its state. The gates of GRU and LSTM decide what the state keeps, and a second layer
works on the outputs of the first.

    --quick, 90,000 words of training      unigram 167, bigram 82, bigram (Kneser-Ney) 61, trigram (Kneser-Ney) 37,
                                           RNN 53, GRU 40, LSTM 41, LSTM of two layers 40

On so short a text the smoothed trigram is the best: it knows phrases by heart, and the documentation repeats itself.
The networks use longer contexts than a bigram does, and learn which words are alike.

    python stage5_advanced/examples/language_model.py --quick      the text: the documentation of Python, part of Python
    python stage5_advanced/examples/language_model.py --text FILE
    python stage5_advanced/examples/language_model.py --text ptb   929,000 words of news, 5 MB, downloaded once

The last tenth of the text is held out; the perplexities are of that part. Rare words are all "<unk>".

The figure: the perplexity by epoch, and that of the counts; the network's texts at three temperatures.

C. Shannon, A mathematical theory of communication (1948). S. Chen, J. Goodman, An empirical study of smoothing
techniques for language modeling (1999).
"""

import math
import re
import textwrap
import time

import numpy as np
from common import begin, figure, integer, options, pick, read_text, save, stop, table

from stage5_advanced import cuda, no_grad, optimizers, test_mode
from stage5_advanced.datasets import PTB
from stage5_advanced.models import LanguageModel, NGram
from stage5_advanced.text import Vocabulary, lm_batches, tokenize

BATCH, STEPS = 32, 35  # rows of a batch, words between two cuts of the graph
COUNTS = {
    "unigram": {"n": 1},
    "bigram": {"n": 2, "k": 0.1},
    "bigram, Kneser-Ney": {"n": 2, "smoothing": "kneser_ney"},
    "trigram, Kneser-Ney": {"n": 3, "smoothing": "kneser_ney"},
}
NETWORKS = {"RNN": ("rnn", 1), "GRU": ("gru", 1), "LSTM": ("lstm", 1), "LSTM, 2 layers": ("lstm", 2)}


def load(arguments):
    """The words of a text."""
    if arguments.text == "ptb":
        try:
            return PTB("train").tokens()
        except RuntimeError as error:
            stop(str(error).splitlines()[0].rstrip(":"))
    return tokenize(re.sub(r"(\W)\1{3,}", r"\1\1\1", read_text(arguments.text)))  # no lines of hyphens


def batches(ids, rows, arguments):
    for x, t in lm_batches(ids, rows, STEPS, "consecutive"):
        yield (cuda.as_cupy(x), cuda.as_cupy(t)) if arguments.gpu else (x, t)


def detached(state):
    """The values of a state without its graph."""
    return tuple(map(detached, state)) if isinstance(state, tuple) else state.data


def train_epoch(model, optimizer, ids, arguments):
    """One epoch of truncated backpropagation through time; the perplexity."""
    state, losses = None, []
    for x, t in batches(ids, BATCH, arguments):
        loss, state = model.loss(x, t, state)
        state = detached(state)  # the values continue, the gradients end here
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    return math.exp(np.mean(losses))


def perplexity(model, ids, arguments):
    """Of all words, read in one piece."""
    state, losses = None, []
    with no_grad(), test_mode():
        for x, t in batches(ids, 1, arguments):
            loss, state = model.loss(x, t, state)
            losses.append(float(loss.data))
    return math.exp(np.mean(losses))


def main():
    parser = options(__doc__, epochs=(8, 4))
    parser.add_argument("--text", metavar="FILE", default="topics", help="a text file, UTF-8, or 'ptb'; default topics")
    parser.add_argument("--hidden", type=integer(1), default=96, metavar="N", help="the width, default 96")
    arguments = begin(parser)
    words = load(arguments)
    words = words[: pick(arguments, None, 120_000, 16_000)]
    cut = len(words) * 9 // 10
    if cut < 2 * BATCH * STEPS:
        stop(f"expected a text of at least {2 * BATCH * STEPS * 10 // 9} words, got {len(words)}")
    vocabulary = Vocabulary(words[:cut], min_freq=pick(arguments, 5, 5, 3))
    V, ids = len(vocabulary), vocabulary.encode(words)
    train, held_out = ids[:cut], ids[cut:][: pick(arguments, None, None, 300)]
    print(f"{len(train)} words for training, {len(held_out)} held out, {V} different ones")

    rows, counts, history = [], {}, {}
    for name, settings in COUNTS.items():
        start = time.perf_counter()
        model = NGram(**settings).fit(train, V)
        counts[name] = model.perplexity(held_out)
        rows.append((name, len(model.counts), f"{counts[name]:.2f}", f"{time.perf_counter() - start:.0f} s"))
    for name, (cell, n_layers) in NETWORKS.items():
        start = time.perf_counter()
        model = LanguageModel(V, arguments.hidden, arguments.hidden, cell, n_layers, 0.2 * (n_layers > 1))
        if arguments.gpu:
            model.to_gpu()
        optimizer = optimizers.Adam(0.01 if cell != "rnn" else 0.003).setup(model)
        optimizer.add_hook(optimizers.ClipGrad(1.0))
        schedule, history[name] = optimizers.CosineLR(optimizer, arguments.epochs), []
        for epoch in range(1, arguments.epochs + 1):
            trained = train_epoch(model, optimizer, train, arguments)
            schedule.step()
            history[name].append(perplexity(model, held_out, arguments))
            print(f"{name}, epoch {epoch}: perplexity {trained:.2f}, held out {history[name][-1]:.2f}", flush=True)
        size = sum(param.size for param in model.params())
        rows.append((name, size, f"{history[name][-1]:.2f}", f"{time.perf_counter() - start:.0f} s"))
        if name == "LSTM":
            written = model
    table(("", "contexts or weights", "perplexity", "time"), rows)

    texts = {}
    for temperature in (0.5, 0.8, 1.1):
        tokens = vocabulary.decode(written.generate(train[:5], pick(arguments, 150, 150, 10), temperature))
        text = re.sub(r'" ([^"]*) "', r'"\1"', " ".join(tokens))
        texts[temperature] = re.sub(r" ([.,;:)\]])|([(\[]) ", r"\1\2", text)
        print(f"--- temperature {temperature} ---\n{texts[temperature]}")
    print(f"held out: bigram {counts['bigram']:.2f}, LSTM {history['LSTM'][-1]:.2f}")
    save(draw(counts, history, texts), arguments)


def draw(counts, history, texts):
    made, axes = figure("pabc", height=6, width_ratios=[1.4, 1, 1, 1])
    for name, values in history.items():
        axes["p"].plot(range(1, len(values) + 1), values, ".-", label=f"{name}: {values[-1]:.1f}")
    for (name, value), style in zip(list(counts.items())[1:], (":", "--", "-."), strict=True):
        axes["p"].axhline(value, color="k", linestyle=style, label=f"{name}: {value:.1f}")
    axes["p"].set(title="perplexity of the held-out text", xlabel="epoch")
    axes["p"].set_ylim(0, 2.5 * counts["bigram"])
    axes["p"].locator_params(axis="x", integer=True)
    axes["p"].legend()
    for place, (temperature, text) in zip("abc", texts.items(), strict=True):
        lines = textwrap.wrap(text, 34)[:22]
        axes[place].text(0, 1, "\n".join(lines), va="top", family="monospace", fontsize=10, parse_math=False)
        axes[place].set_title(f"LSTM, temperature {temperature}")
        axes[place].axis("off")
    return made


if __name__ == "__main__":
    main()
