"""Word vectors: words that are used in the same way lie in the same direction.

No one tells the model what a word means. It only learns to predict the neighbors of a word from its vector, so words
with the same neighbors get similar vectors. And differences between vectors turn out to be relations: from japan to
tokyo is the same step as from russia to moscow, so tokyo - japan + russia is close to moscow.

    skip-gram           predicts each neighbor from the word; a few random words are the counterexamples
    hierarchical        the same, but the word is found in a binary tree of all words: no counterexamples
    CBOW                predicts the word from the mean of its neighbors
    fastText            skip-gram whose vectors are sums over parts of words, so a new word has one, too
    GloVe               no prediction: products of vectors are fitted to logarithms of co-occurrences

The default corpus is synthetic.World, sentences about 24 countries, 16 adjectives and 16 verbs in which all relations
are exact. With --quick, skip-gram, hierarchical, CBOW and fastText answer 0.99 to 1 of its 2,064 analogies; GloVe,
which does not see the pairs that never occur, about 0.45 on so small a corpus.

    python stage5_advanced/examples/word_vectors.py --quick
    python stage5_advanced/examples/word_vectors.py --corpus TEXT          a file of your own; no analogies
    python stage5_advanced/examples/word_vectors.py --corpus topics        the documentation inside Python

The figure: for each relation the vectors of skip-gram, along the mean of its differences and along their main direction
at right angles to it; arrows from word to word.

T. Mikolov et al., Distributed representations of words and phrases, arXiv:1310.4546 (2013). P. Bojanowski et al.,
Enriching word vectors with subword information, arXiv:1607.04606 (2016). J. Pennington, R. Socher, C. Manning, GloVe
(2014).
"""

import time

import numpy as np
from common import begin, figure, options, pick, read_text, save, stop, table

from stage5_advanced import optimizers
from stage5_advanced.models import CBOW, FastText, GloVe, SkipGram
from stage5_advanced.synthetic import World
from stage5_advanced.text import Vocabulary, tokenize

SIZE = 50
MODELS = {
    "skip-gram": SkipGram,
    "hierarchical": lambda vocabulary, size: SkipGram(vocabulary, size, "hierarchical"),
    "CBOW": CBOW,
    "fastText": lambda vocabulary, size: FastText(vocabulary, size, buckets=2**12),
    "GloVe": GloVe,
}


def load(arguments):
    """(sentences, lists of words; questions "a b c d"; words to show)."""
    if arguments.corpus is None:
        world = World(n=pick(arguments, 20_000, 20_000, 300))
        questions = [" ".join(question[1:]) for question in world.analogies()]
        return world.sentences, questions, ["tokyo", "zloty", "bigger", "swimming"]
    text = read_text(arguments.corpus)[: pick(arguments, None, 300_000, 20_000)]
    sentences = [tokenize(line) for line in text.split(".")]
    counts = Vocabulary([word for sentence in sentences for word in sentence if len(word) > 3])
    return sentences, [], counts.tokens[1:5]


def main():
    parser = options(__doc__, epochs=(5, 2), gpu=False)
    parser.add_argument(
        "--corpus", metavar="TEXT", help="a text file, UTF-8, or 'topics'; default: an artificial world"
    )
    arguments = begin(parser)
    sentences, questions, shown = load(arguments)
    words = [word for sentence in sentences for word in sentence]
    vocabulary = Vocabulary(words, min_freq=1 if questions else pick(arguments, 5, 5, 2))
    if len(vocabulary) < 20:
        stop(f"expected a text of many words, got {len(vocabulary)} that occur often enough")
    print(f"{len(sentences)} sentences, {len(words)} words, {len(vocabulary)} different ones")

    shown = [word for word in shown if word in vocabulary.ids] or vocabulary.tokens[1:5]
    rows, found = [], {}
    for name, make in MODELS.items():
        start = time.perf_counter()
        model = make(vocabulary, SIZE)
        if name == "GloVe":
            history = model.fit(sentences, 5 * arguments.epochs, optimizer=optimizers.Adam(0.02))
        else:
            epochs = arguments.epochs if name != "fastText" else max(1, arguments.epochs // 2)
            history = model.fit(sentences, epochs, sample=None, optimizer=optimizers.Adam(0.01))
        vectors = found[name] = model.vectors()
        share = f"{vectors.evaluate(questions):.3f}" if questions else "-"
        near = ", ".join(word for word, _ in vectors.nearest(shown[0], 3))
        rows.append((name, share, f"{history[-1]:.3f}", f"{time.perf_counter() - start:.0f} s", f"  {near}"))
        print(f"{name} is trained", flush=True)
        if name == "fastText":
            new = f"{shown[0]}like"
            near = ", ".join(word for word, _ in vectors.best(model.vector(new), 3, ()))
            print(f"fastText, next to {new}, which it never saw: {near}")
    table(("", "analogies", "loss", "time", f"  next to {shown[0]}"), rows)

    for word in shown:
        near = ", ".join(f"{other} {cosine:.2f}" for other, cosine in found["skip-gram"].nearest(word, 5))
        print(f"skip-gram, next to {word}: {near}")
    if questions:
        print(f"analogies: {', '.join(f'{name} {row[1]}' for name, row in zip(MODELS, rows, strict=True))}")
    save(draw(found, arguments.corpus is None, vocabulary), arguments)


def plane(array):
    """Points (N, 2): the two main directions of vectors (N, D), by singular value decomposition."""
    array = array - array.mean(axis=0)
    _, _, directions = np.linalg.svd(array, full_matrices=False)
    return array @ directions[:2].T


def along(start, end):
    """Points (2, N, 2): x along the mean of end - start, both (N, D), y along the main direction at right angles."""
    step = np.mean(end - start, axis=0)
    step = step / np.linalg.norm(step)
    both = np.stack([start, end])
    x = both @ step
    across = plane((both - x[..., None] * step).reshape(-1, both.shape[2]))
    return np.stack([x, across[:, 0].reshape(x.shape)], axis=-1)


def draw(found, world, vocabulary):
    """Each relation as arrows in the vectors of skip-gram; for another corpus, the frequent words of three models."""
    if not world:
        made, axes = figure((1, 3), height=6.5)
        words = [word for word in vocabulary.tokens[1:] if word.isalpha() and len(word) > 3][:60]
        for place, name in zip(axes, ("skip-gram", "CBOW", "GloVe"), strict=True):
            scatter(place, words, plane(np.array([found[name][word] for word in words])))
            place.set(title=name, xticks=[], yticks=[])
            place.margins(0.12, 0.05)
        return made
    made, axes = figure((2, 3), height=9.0)
    vectors = found["skip-gram"]
    for place, (name, pairs) in zip(axes.flat, World(n=1).questions.items(), strict=True):
        pairs = [pair for pair in pairs if set(pair) <= vectors.ids.keys()][:12]
        points = along(*(np.array([vectors[word] for word in words]) for words in zip(*pairs, strict=True)))
        gap = np.ptp(points[..., 1]) / 14
        for side, words in enumerate(zip(*pairs, strict=True)):
            xy = points[side]
            edge = (xy[:, 0].min(), xy[:, 0].max())[side] + (side - 0.5) * 0.2 * np.ptp(points[..., 0])
            for word, point, y in zip(words, xy, apart(xy[:, 1], gap), strict=True):
                place.annotate(
                    word, point, (edge, y), ha=("right", "left")[side], va="center", fontsize=9,
                    arrowprops={"arrowstyle": "-", "color": "lightgray", "shrinkB": 2},
                )  # fmt: skip
        for a, b in zip(*points, strict=True):
            place.annotate("", b, a, arrowprops={"arrowstyle": "->", "color": "tab:orange"})
        place.plot(*points.reshape(-1, 2).T, "k.", markersize=4)
        place.margins(0.6, 0.1)
        place.set(title=name, xticks=[], yticks=[])
    return made


def apart(values, gap):
    """Values as near to these as they can be in the same order with at least `gap` between neighbors."""
    order = np.argsort(values)
    steps = gap * np.arange(len(values))
    # Without the steps, the new values must not fall: the closest such values are means of runs (isotonic regression).
    runs = []  # [sum, length]
    for value in values[order] - steps:
        runs.append([value, 1])
        while len(runs) > 1 and runs[-2][0] / runs[-2][1] > runs[-1][0] / runs[-1][1]:
            total, n = runs.pop()
            runs[-1] = [runs[-1][0] + total, runs[-1][1] + n]
    moved = np.empty(len(values))
    moved[order] = np.concatenate([[total / n] * n for total, n in runs]) + steps
    return moved


def scatter(place, words, points):
    """Points with their words, but for the words that would cover one before."""
    width, height = np.ptp(points, axis=0)
    named = []
    for word, point in zip(words, points, strict=True):
        place.plot(*point, ".", color="tab:blue")
        free = all(abs(x - point[0]) > 0.16 * width or abs(y - point[1]) > 0.025 * height for x, y in named)
        if free:
            place.annotate(word, point, fontsize=8)
            named.append(point)


if __name__ == "__main__":
    main()
