"""Beyond the book: vocabularies, batches of words, and models of vectors of words."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np

from ..frameworks.base import Array
from .errors import errors, with_file
from .layers import fixed
from .steps52_60 import drawing
from .values import values

SENTENCES = [["the", "cat", "sat", "on", "the", "mat"], ["the", "dog", "sat", "on", "the", "log"], ["a", "cat"]]
TOKENS = [word for sentence in SENTENCES for word in sentence]
ORDER = ["<unk>", "the", "cat", "on", "sat", "a", "dog", "log", "mat"]
ARRAY = np.array([[2.0, 1.0], [2.0, -1.0], [0.1, 1.0], [0.1, -1.0], [-3.0, 0.2]])
WORDS = ["king", "queen", "man", "woman", "apple"]


def numbers(*shapes: tuple[int, ...]) -> list[Array]:
    return fixed(np.empty(0), *shapes)


def vocabularies(fw: Any) -> list[Any]:
    """Tokens, ids, counts, decoding, unknown and rare words; the three ways to divide a text."""
    text = fw.text
    vocab, rare = text.Vocabulary(TOKENS), text.Vocabulary("aabbbc", 2, ("<unk>", "<pad>"))
    found = [vocab.tokens, vocab.counts, len(vocab), vocab.encode(["the", "cow", "log"]), vocab.decode([1, 0])]
    found += [rare.tokens, rare.counts, rare.encode("ca"), text.Vocabulary("ab", reserved=()).tokens]
    return [*found, text.tokenize("It's Ok."), text.tokenize("a b", "char"), text.tokenize(" It's  ok.\n", "space")]


def expected_of_vocabularies() -> list[Any]:
    return [
        ORDER, np.array([0, 4, 2, 2, 2, 1, 1, 1, 1]), 9, np.array([1, 0, 7]), ["the", "<unk>"],
        ["<unk>", "<pad>", "b", "a"], np.array([1, 0, 3, 2]), np.array([0, 3]), ["a", "b"],
        ["it", "'", "s", "ok", "."], ["a", " ", "b"], ["It's", "ok."],
    ]  # fmt: skip


def batches(fw: Any) -> list[Any]:
    """Subsampled sentences, pairs, batches and co-occurrences; from NumPy's generator and from another one."""
    text = fw.text
    corpus = [np.array([0, 1, 2, 1, 0]), np.array([3]), np.array([], int), np.array([2, 0, 0, 0])]
    counts = np.array([5, 2, 2, 1])
    with drawing(2):
        found = [*text.subsample(corpus, counts), *text.subsample(corpus, counts, 0.2)]
        found += [[word, around] for word, around in text.pairs(corpus)]
        found += list(next(text.skipgram_batches(corpus, 3)))
    rng = [np.random.Generator(np.random.PCG64(n)) for n in range(3)]
    found += text.subsample(corpus, counts, 0.3, rng[0])
    found += [[word, around] for word, around in text.pairs(corpus, 2, rng[1])]
    found += [part for batch in text.skipgram_batches(corpus, 4, 2, rng[2]) for part in batch]
    return [*found, *text.cooccurrences(corpus), *text.cooccurrences(corpus, 2, "one")]


def expected_of_batches() -> list[Any]:
    """The same, word by word."""
    corpus = [[0, 1, 2, 1, 0], [3], [], [2, 0, 0, 0]]
    share = np.array([5, 2, 2, 1]) / 10

    def subsample(sample: float, draw: Any) -> list[Any]:
        kept = []
        for ids in corpus:
            if ids:
                u = draw(len(ids))
                kept.append(np.array([n for n, x in zip(ids, u, strict=True) if x < math.sqrt(sample / share[n])], int))
        return kept

    def pairs(window: int, draw: Any) -> list[Any]:
        found = []
        for ids in corpus:
            for at, n in enumerate(draw(1, window + 1, len(ids))):
                around = [ids[k] for k in range(at - n, at + n + 1) if k != at and 0 <= k < len(ids)]
                if around:
                    found.append([ids[at], np.array(around)])
        return found

    def grouped(found: Any, order: Any, size: int, window: int) -> list[Any]:
        parts = []
        for start in range(0, len(found), size):
            chosen = [found[n] for n in order[start : start + size]]
            rows = [[*around, *[0] * (2 * window - len(around))] for _, around in chosen]
            mask = [[k < len(around) for k in range(2 * window)] for _, around in chosen]
            parts += [np.array([word for word, _ in chosen]), np.array(rows), np.array(mask)]
        return parts

    def together(window: int, distance: bool) -> list[Any]:
        x = np.zeros((4, 4))
        for ids in corpus:
            for a in range(len(ids)):
                for b in range(len(ids)):
                    if a != b and abs(a - b) <= window:
                        x[ids[a], ids[b]] += 1 / abs(a - b) if distance else 1
        i, j = np.nonzero(x)
        return [i, j, x[i, j]]

    with drawing(2):
        found = [*subsample(1e-4, np.random.random_sample), *subsample(0.2, np.random.random_sample)]
        found += pairs(5, np.random.randint)
        some = pairs(5, np.random.randint)
        found += grouped(some, np.random.permutation(len(some)), 3, 5)[:3]
    rng = [np.random.Generator(np.random.PCG64(n)) for n in range(3)]
    found += subsample(0.3, rng[0].random) + pairs(2, rng[1].integers)
    some = pairs(2, rng[2].integers)
    return [*found, *grouped(some, rng[2].permutation(len(some)), 4, 2), *together(5, True), *together(2, False)]


def softmax_loss(scores: Array, t: Array) -> Any:
    return (np.log(np.exp(scores).sum(1)) - scores[np.arange(len(t)), t]).mean()


T = np.array([3, 0])


def models_of_words(fw: Any) -> list[Any]:
    """Losses and vectors of every model with known tables: of pairs, of bags of neighbors, of subwords, of counts."""
    vocab = fw.text.Vocabulary(TOKENS)
    W, out = numbers((9, 3), (3, 9))
    found = []
    for kind, x in ((fw.models.SkipGram, np.array([1, 2])), (fw.models.CBOW, np.array([[1, 2], [3, 3]]))):
        model = kind(vocab, 3, "softmax")
        model.embed.W.data, model.output.W.data = W, out
        found += [model(x, T), model.vectors().array]
    mask = np.array([[True, False], [True, True]])
    found += [model(np.array([[1, 2], [3, 3]]), T, mask)]
    fast = fw.models.FastText(vocab, 3, "softmax", 3, 4, 20)
    fast.embed.W.data, fast.output.W.data = numbers((29, 3))[0], out
    found += [fast(np.array([1, 2]), T), fast.vector("cat"), fast.vector("café"), fast.vectors()["cat"]]
    glove = fw.models.GloVe(vocab, 3)
    tables = numbers((9, 3), (9, 3), (9, 1), (9, 1))
    for layer, a in zip((glove.u, glove.v, glove.b, glove.c), tables, strict=True):
        layer.W.data = a
    loss = glove(np.array([1, 2, 2]), np.array([3, 0, 2]), np.array([1.5, 200.0, 3.0]))
    return [*found, loss, glove.vectors().array, fw.subwords("where", 3, 3), fw.subwords("at")]


def fnv(text: str) -> int:
    h = 2166136261
    for byte in np.frombuffer(text.encode(), np.int8).tolist():
        h = ((h ^ (byte % 2**32)) * 16777619) % 2**32
    return h


def expected_of_models() -> list[Any]:
    W, out = numbers((9, 3), (3, 9))
    bags = W[[[1, 2], [3, 3]]]
    found = [softmax_loss(W[[1, 2]] @ out, T), W, softmax_loss(bags.mean(1) @ out, T), W]
    found.append(softmax_loss(np.array([W[1], W[3]]) @ out, T))
    (table,) = numbers((29, 3))

    def vector(word: str) -> Array:
        text = f"<{word}>"
        rows = [9 + fnv(text[i : i + n]) % 20 for n in (3, 4) for i in range(len(text) - n + 1)]
        return table[rows + ([ORDER.index(word)] if word in ORDER else [])].sum(0)  # type: ignore[no-any-return]

    cat = vector("cat")
    found += [softmax_loss(np.array([vector("the"), cat]) @ out, T), cat, vector("café"), cat]
    u, v, b, c = numbers((9, 3), (9, 3), (9, 1), (9, 1))
    loss = 0.0
    for i, j, x in ((1, 3, 1.5), (2, 0, 200.0), (2, 2, 3.0)):
        loss += min(1, (x / 100) ** 0.75) * (u[i] @ v[j] + b[i, 0] + c[j, 0] - math.log(x)) ** 2
    parts = ["<wh", "whe", "her", "ere", "re>"]
    return [*found, loss, u + v, parts, ["<at", "at>", "<at>"]]


def learned(fw: Any) -> list[Any]:
    """Whether the loss of every model falls, and the number of losses, also with default options."""
    rng = np.random.Generator(np.random.PCG64(0))
    topics = [["red", "green", "blue", "pink"], ["one", "two", "three", "four"]]
    corpus = [rng.permutation(topics[k % 2]).tolist() for k in range(6)]
    vocab = fw.text.Vocabulary([word for sentence in corpus for word in sentence])
    found, models = [], fw.models
    with drawing(4):
        for model in (
            models.SkipGram(vocab, 4), models.SkipGram(vocab, 4, "hierarchical"), models.CBOW(vocab, 4),
            models.CBOW(vocab, 4, "softmax"), models.FastText(vocab, 4, buckets=30), models.GloVe(vocab, 4),
        ):  # fmt: skip
            options: dict[str, Any] = {} if isinstance(model, models.GloVe) else {"sample": None}
            rate = fw.optimizers.Adam(0.1)
            history = model.fit(corpus, 5, 3, batch_size=32, optimizer=rate, rng=rng, **options)
            found += [len(history), history[-1] < history[0], len(model.fit(corpus))]
        return [*found, models.FastText(vocab, 1).embed.W.shape]


def searched(fw: Any) -> list[Any]:
    """Neighbors, similarities and analogies of known vectors; the accuracy on questions."""
    vectors = fw.models.Vectors(WORDS, ARRAY)
    questions = [": family", "man woman king queen", "man king woman apple", "man woman king unknown", ""]
    found = [vectors.nearest("king", 2), len(vectors.nearest("king")), vectors.similarity("king", "queen")]
    found += [vectors.analogy("man", "woman", "king"), vectors.analogy("man", "woman", "king", 2, exclude=False)]
    return [*found, vectors.evaluate(questions), vectors.evaluate([]), vectors["apple"]]


def expected_of_search() -> list[Any]:
    unit = ARRAY / np.linalg.norm(ARRAY, axis=1, keepdims=True)

    def best(v: Array, k: int, without: tuple[int, ...]) -> list[Any]:
        cosines = unit @ v / np.linalg.norm(v)
        order = [n for n in np.argsort(-cosines) if n not in without][:k]
        return [[WORDS[n], cosines[n]] for n in order]

    v = unit[3] - unit[2] + unit[0]
    found = [best(unit[0], 2, (0,)), 4, unit[0] @ unit[1], best(v, 1, (0, 2, 3)), best(v, 2, ())]
    return [*found, 0.5, math.nan, ARRAY[4]]


def files(fw: Any) -> list[Any]:
    """Vectors written and read, packed and not, with and without a first line."""
    kind = fw.models.Vectors

    def there_and_back(name: str) -> list[Any]:
        path = pathlib.Path(name)
        kind(WORDS, ARRAY).save(path)
        again = kind.load(path, np.float64)
        return [again.words, again.array, sorted(each.name for each in path.parent.iterdir())]

    def without_a_first_line(path: str) -> list[Any]:
        pathlib.Path(path).write_text("the 0.5 -1e-2\n, 1 2\n", encoding="utf-8")
        found = kind.load(path)
        return [found.words, found.array]

    found = [*with_file(None, there_and_back, "v.txt"), *with_file(None, there_and_back, "v.txt.gz")]
    return [*found, *with_file(None, without_a_first_line, "g.txt")]


# fmt: off
values(
    60, "NumPy: PyTorch has no such functions and models",
    ("vocabularies", vocabularies, expected_of_vocabularies),
    ("batches_of_words", batches, expected_of_batches),
    ("models_of_words", models_of_words, expected_of_models),
    ("models_of_words_learn", learned, lambda: [*[5, True, 1] * 6, (65545, 1)]),
    ("vectors_searched", searched, expected_of_search),
    ("vectors_in_files", files, lambda: [
        WORDS, ARRAY, ["v.txt"], WORDS, ARRAY, ["v.txt.gz"], ["the", ","], np.array([[0.5, -0.01], [1, 2]], "f")]),
)


def ragged(path: str, fw: Any) -> Any:
    pathlib.Path(path).write_text("2 2\na 1 2\nb 1\n", encoding="utf-8")
    return fw.models.Vectors.load(path)


errors(
    60,
    ("tokens_by_the_line", lambda fw: fw.text.tokenize("a", "line"),
     ValueError, "tokenize: expected by 'char', 'space' or 'word', got 'line'"),
    ("cooccurrences_weighted_twice", lambda fw: fw.text.cooccurrences([], weight="two"),
     ValueError, "cooccurrences: expected weight 'distance' or 'one', got 'two'"),
    ("words_with_a_hinge_loss", lambda fw: fw.models.SkipGram(fw.text.Vocabulary("ab"), 2, "hinge"),
     ValueError, "SkipGram: expected loss 'negative', 'hierarchical' or 'softmax', got 'hinge'"),
    ("vectors_of_too_few_words", lambda fw: fw.models.Vectors(["a"], np.zeros((2, 3))),
     ValueError, "Vectors: expected an array (1, size), got (2, 3)"),
    ("ragged_file_of_vectors", lambda fw: with_file(None, lambda path: ragged(path, fw), "v.txt"),
     ValueError, "Vectors.load: line 3: expected a word and numbers like the lines before, got 'b 1\\n'"),
)
# fmt: on
