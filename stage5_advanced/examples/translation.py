"""Translation: one network reads a sentence, another writes its translation, and attention connects them.

The encoder reads the English words and ends in a state; the decoder starts from this state and writes the French words,
each depending on those before it, until "<eos>". One state of fixed size must hold the whole sentence. With attention
the decoder looks at all outputs of the encoder at each step: the dot products with its own state, through softmax, are
the shares with which they are averaged. So it learns which word it is translating, and the table of shares shows it:
adjectives change places with their nouns, "does not" becomes "ne ... pas".

While training, the decoder is given the right words before (teacher forcing); to translate it is given its own. Beam
search keeps the best few beginnings instead of the best one.

    --quick, 4,000 pairs, 500 others to test         exact match     BLEU
    without attention                                    0.55         0.86
    with attention                                       1.00         1.00

    python stage5_advanced/examples/translation.py --quick
    python stage5_advanced/examples/translation.py --data FILE        one pair per line, with a tab between
    python stage5_advanced/examples/translation.py --data fra-eng     167,130 pairs, 6 MB, downloaded once

The default pairs are synthetic.Phrases, in which every sentence has one translation, so an exact match is meaningful;
those of a file are at most 8 words long, in lower case.

The figure: the attention of four sentences; exact matches by epoch.

I. Sutskever, O. Vinyals, Q. V. Le, Sequence to sequence learning with neural networks, arXiv:1409.3215 (2014). M.-T.
Luong, H. Pham, C. D. Manning, Effective approaches to attention-based neural machine translation, arXiv:1508.04025
(2015).
"""

import numpy as np
from common import begin, figure, integer, options, pick, read_text, save, stop, table

from stage5_advanced import no_grad, optimizers, test_mode
from stage5_advanced.datasets import FrenchEnglish
from stage5_advanced.models import Decoder, Encoder, Seq2Seq
from stage5_advanced.scores import corpus_bleu
from stage5_advanced.synthetic import Phrases
from stage5_advanced.text import beam_search, greedy, tokenize, translation_batches

SIZE, BATCH, LENGTH = 64, 64, 14  # units; pairs; tokens of a sentence, with <eos>
SHOWN = ("the patient woman loves the book", "my tired dogs do not see the houses", "the calm king does not want a car",
         "the strong birds find a church")  # fmt: skip


def load(arguments):
    """Pairs (english, french), in random order; the last tenth or 500 are to test."""
    n = pick(arguments, 20_500, 4500, 150)
    if arguments.data is None:
        dataset = Phrases(n, rng=arguments.seed)
        return list(zip(dataset.data, dataset.label, strict=True))
    if arguments.data == "fra-eng":
        try:
            dataset = FrenchEnglish()
        except RuntimeError as error:
            stop(str(error).splitlines()[0].rstrip(":"))
        pairs = list(zip(dataset.data, dataset.label, strict=True))
    else:
        pairs = [line.split("\t")[:2] for line in read_text(arguments.data).splitlines() if line.strip()]
        wrong = [i for i, pair in enumerate(pairs, 1) if len(pair) < 2]
        if wrong:
            stop(f"{arguments.data}: expected two sentences with a tab between, got line {wrong[0]}")
    pairs = [tuple(tokenize(side) for side in pair) for pair in pairs]
    pairs = [tuple(map(" ".join, pair)) for pair in pairs if max(map(len, pair)) <= 8]
    if len(pairs) < 100:
        stop(f"{arguments.data}: expected at least 100 pairs of at most 8 words, got {len(pairs)}")
    return [pairs[i] for i in np.random.permutation(len(pairs))[:n]]


def lengths_of(ids):
    """How many tokens are before the padding, which is 0.  (N, T) -> (N,)."""
    return (ids > 0).sum(axis=1)


def train_epoch(model, optimizer, x, t):
    """One epoch; the mean loss."""
    losses, move = [], model.xp.asarray  # to the device of the model
    for i in np.array_split(np.random.permutation(len(x)), max(1, len(x) // BATCH)):
        lengths, T = lengths_of(x[i]), lengths_of(t[i]).max()
        loss = model.loss(move(x[i, : lengths.max()]), move(t[i, :T]), lengths)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    return np.mean(losses)


def sentence(vocabulary, ids):
    """Ids as a str, up to <eos>."""
    tokens = vocabulary.decode(ids)
    return " ".join(tokens[: tokens.index("<eos>")] if "<eos>" in tokens else tokens)


def exact(found, right):
    return float(np.mean([a == b for a, b in zip(found, right, strict=True)]))


def search(model, x, width):
    """The ids of the translation of one sentence x (T,), by beam search."""
    with no_grad(), test_mode():
        state = model.start(model.xp.asarray(x[None, : np.count_nonzero(x)]))
    return beam_search(model.step, (model.bos, state), model.eos, width, LENGTH)[0][0]


def main():
    parser = options(__doc__, epochs=(12, 8))
    parser.add_argument("--data", metavar="FILE", help="lines of two sentences, or 'fra-eng'; default: synthetic")
    parser.add_argument("--width", type=integer(1), default=4, metavar="N", help="of the beam, default 4")
    arguments = begin(parser)
    pairs = load(arguments)
    cut = len(pairs) - min(500, len(pairs) // 10)
    x, t, (source, target) = translation_batches(pairs[:cut], LENGTH)
    x_test, t_test, _ = translation_batches(pairs[cut:], LENGTH, (source, target))
    print(f"{len(x)} pairs to train, {len(x_test)} to test; {len(source)} and {len(target)} words")
    right = [sentence(target, ids) for ids in t_test]

    histories, models = {}, {}
    for name, attention in (("without attention", None), ("attention", "dot")):
        encoder = Encoder(len(source), SIZE // 2, SIZE)
        model = models[name] = Seq2Seq(encoder, Decoder(len(target), SIZE // 2, SIZE, attention=attention))
        if arguments.gpu:
            model.to_gpu()
        optimizer = optimizers.Adam(0.01).setup(model)
        optimizer.add_hook(optimizers.ClipGrad(1.0))
        schedule, histories[name] = optimizers.CosineLR(optimizer, arguments.epochs), []
        for epoch in range(1, arguments.epochs + 1):
            loss = train_epoch(model, optimizer, x, t)
            schedule.step()
            found = [
                sentence(target, ids) for ids in greedy(model, model.xp.asarray(x_test), LENGTH, lengths_of(x_test))
            ]
            histories[name].append(exact(found, right))
            print(f"{name}, epoch {epoch}: loss {loss:.3f}, exact match {histories[name][-1]:.3f}", flush=True)

    rows = []
    for name, model in models.items():
        found = [sentence(target, ids) for ids in greedy(model, model.xp.asarray(x_test), LENGTH, lengths_of(x_test))]
        beams = [sentence(target, search(model, ids, arguments.width)) for ids in x_test]
        for how, texts in (("greedy", found), (f"beam of {arguments.width}", beams)):
            rows.append((f"{name}, {how}", f"{exact(texts, right):.3f}", f"{corpus_bleu(texts, right):.3f}"))
    table(("", "exact match", "BLEU"), rows)
    for (english, french), text in list(zip(pairs[cut:], found, strict=True))[:5]:
        print(f"{english} -> {text}" + ("" if text == french else f"  (expected: {french})"))
    print(f"attention: exact match {rows[2][1]}, BLEU {rows[2][2]}")
    model.to_cpu()
    shown = SHOWN if arguments.data is None else [english for english, _ in pairs[cut : cut + 4]]
    save(draw(model, source, target, shown, histories), arguments)


def attention_of(model, ids):
    """A translation, step by step, and the shares of the source tokens at each step: (ids, (steps, T))."""
    with no_grad(), test_mode():
        state, token, found, shares = model.start(ids[None]), model.bos, [], []
        while token != model.eos and len(found) < LENGTH:
            top = state["state"].data[:, -1]  # of the last layer, before the step: what asks
            scores = state["outputs"].data[0] @ top[0] / np.sqrt(top.shape[1])
            shares.append(np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum())
            log_p, state = model.step(np.array([token]), state)
            token = int(log_p.data[0].argmax())
            found.append(token)
    return found, np.array(shares)


def draw(model, source, target, shown, histories):
    """The attention of some sentences: rows are the words written; the training."""
    made, axes = figure("abe;cde", height=9)
    for place, english in zip(map(axes.get, "abcd"), shown, strict=True):
        ids = source.encode([*english.split(), "<eos>"])
        found, shares = attention_of(model, ids)
        place.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        place.set_xticks(range(len(ids)), source.decode(ids), rotation=90)
        place.set_yticks(range(len(found)), target.decode(found))
        place.xaxis.tick_top()
    for name, history in histories.items():
        axes["e"].plot(range(1, len(history) + 1), history, ".-", label=name)
    axes["e"].set(title="exact matches", xlabel="epoch", ylim=(0, 1.02))
    axes["e"].legend()
    return made


if __name__ == "__main__":
    main()
