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

The figure: the vectors of skip-gram in the plane of their two main directions, an arrow for each relation.

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


def draw(found, world, vocabulary):
    """Relations as arrows in the vectors of skip-gram; for another corpus, the frequent words of two models."""
    made, axes = figure((1, 3), height=6.5)
    if not world:
        words = [word for word in vocabulary.tokens[1:] if word.isalpha() and len(word) > 3][:60]
        for place, name in zip(axes, ("skip-gram", "CBOW", "GloVe"), strict=True):
            points = plane(np.array([found[name][word] for word in words]))
            for word, point in zip(words, points, strict=True):
                place.plot(*point, ".", color="tab:blue")
                place.annotate(word, point, fontsize=8)
            place.set(title=name, xticks=[], yticks=[])
        return made
    vectors, relations = found["skip-gram"], World(n=1).questions
    for place, names in zip(
        axes, (("capitals", "currencies"), ("comparatives", "superlatives"), ("past",)), strict=True
    ):
        pairs = [(name, a, b) for name in names for a, b in relations[name] if {a, b} <= vectors.ids.keys()]
        pairs = [pair for pair in pairs if pair[1] in {a for _, a, _ in pairs[:12]}]  # all would hide each other
        words = list(dict.fromkeys(word for _, *pair in pairs for word in pair))
        points = dict(zip(words, plane(np.array([vectors[word] for word in words])), strict=True))
        for name, a, b in pairs:
            color = ("tab:orange", "tab:green")[names.index(name)]
            place.annotate("", points[b], points[a], arrowprops={"arrowstyle": "->", "color": color, "alpha": 0.5})
        for word, point in points.items():
            place.plot(*point, "k.", markersize=3)
            place.annotate(word, point, fontsize=8)
        place.set(title=" and ".join(names), xticks=[], yticks=[])
    return made


if __name__ == "__main__":
    main()
