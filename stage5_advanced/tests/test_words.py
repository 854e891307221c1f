"""Vocabularies, batches of words, and models of vectors of words."""

import gzip
import itertools
import math

import numpy as np
import pytest

from .stage import Adam, F, Variable, check_gradients, initializers, models, text

SENTENCES = [["the", "cat", "sat", "on", "the", "mat"], ["the", "dog", "sat", "on", "the", "log"], ["a", "cat"]]
VOCAB = text.Vocabulary([word for sentence in SENTENCES for word in sentence])
IDS = [VOCAB.encode(sentence) for sentence in SENTENCES]


# --- vocabulary ---


def test_tokens():
    assert text.tokenize("It's Ok.") == ["it", "'", "s", "ok", "."]
    assert text.tokenize("a bc", "char") == ["a", " ", "b", "c"]
    assert text.tokenize(" It's  ok.\n", "space") == ["It's", "ok."]
    with pytest.raises(ValueError, match="tokenize: expected by 'char', 'space' or 'word', got 'line'"):
        text.tokenize("a", "line")


def test_ids_follow_the_counts_and_the_alphabet():
    assert VOCAB.tokens == ["<unk>", "the", "cat", "on", "sat", "a", "dog", "log", "mat"]
    assert VOCAB.counts.tolist() == [0, 4, 2, 2, 2, 1, 1, 1, 1]
    assert len(VOCAB) == 9
    assert VOCAB.encode(["the", "cow", "log"]).tolist() == [1, 0, 7]
    assert VOCAB.encode([]).tolist() == []
    assert VOCAB.decode([1, 0, 7]) == ["the", "<unk>", "log"]


def test_rare_tokens_are_unknown():
    vocab = text.Vocabulary("aabbbc", min_freq=2)
    assert vocab.tokens == ["<unk>", "b", "a"]
    assert vocab.counts.tolist() == [1, 3, 2]
    padded = text.Vocabulary("aabbbc", 2, reserved=("<pad>", "<unk>"))
    assert padded.counts.tolist() == [0, 1, 3, 2]
    assert padded.encode("ca").tolist() == [1, 3]
    bare = text.Vocabulary("aab", reserved=())
    assert bare.encode("ba").tolist() == [1, 0]
    with pytest.raises(KeyError):
        bare.encode("c")
    assert text.Vocabulary("ab", reserved=("<unk>", "<pad>")).tokens == ["<unk>", "<pad>", "a", "b"]


# --- batches ---


def test_frequent_words_are_dropped():
    corpus = [np.zeros(20_000, int), np.ones(5, int), np.array([], int)]
    kept = text.subsample(corpus, [20_000, 5], sample=0.04, rng=np.random.default_rng(0))
    assert abs(len(kept[0]) / 20_000 - 0.2) < 0.01  # sqrt(0.04 / 1)
    assert len(kept[1]) == 5
    np.random.seed(0)
    assert len(text.subsample(corpus, [20_000, 5], 0.04)[1]) == 5


def test_pairs_within_windows_of_random_size():
    found = list(text.pairs([np.arange(5)], window=1))
    assert [(word, around.tolist()) for word, around in found] == [
        (0, [1]), (1, [0, 2]), (2, [1, 3]), (3, [2, 4]), (4, [3])
    ]  # fmt: skip
    sizes = {
        len(around) for word, around in text.pairs([np.arange(200)], 3, np.random.default_rng(0)) if 5 < word < 190
    }
    assert sizes == {2, 4, 6}
    assert list(text.pairs([np.array([3]), np.array([], int)])) == []


def test_batches_have_every_pair_once():
    batches = list(text.skipgram_batches(IDS, 4, window=1))
    assert [len(words) for words, _, _ in batches] == [4, 4, 4, 2]
    found = [
        (word, neighbor)
        for words, neighbors, mask in batches
        for word, row, counts in zip(words.tolist(), neighbors.tolist(), mask.tolist(), strict=True)
        for neighbor, count in zip(row, counts, strict=True)
        if count
    ]
    expected = [(a, b) for ids in IDS for pair in itertools.pairwise(ids.tolist()) for a, b in (pair, pair[::-1])]
    assert sorted(found) == sorted(expected)
    first, again = (next(text.skipgram_batches(IDS, 4, 2, np.random.default_rng(5))) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])


def test_cooccurrences():
    i, j, x = text.cooccurrences([np.array([0, 1, 2, 1])], window=2)
    found = {(a, b): value for a, b, value in zip(i.tolist(), j.tolist(), x.tolist(), strict=True)}
    assert found == {(0, 1): 1, (1, 0): 1, (0, 2): 0.5, (2, 0): 0.5, (1, 2): 2, (2, 1): 2, (1, 1): 1}
    assert text.cooccurrences([np.array([0, 1, 2, 1])], 2, "one")[2].tolist() == [1, 1, 1, 2, 2, 1, 2]
    assert [len(a) for a in text.cooccurrences([np.array([1])])] == [0, 0, 0]
    with pytest.raises(ValueError, match="cooccurrences: expected weight 'distance' or 'one', got 'two'"):
        text.cooccurrences(IDS, weight="two")


# --- models ---


def corpus_of_two_topics(n=60):
    """Sentences of four words, all from one of two topics."""
    rng = np.random.default_rng(0)
    topics = [["red", "green", "blue", "pink"], ["one", "two", "three", "four"]]
    return [rng.permutation(topics[k % 2]).tolist() for k in range(n)]


@pytest.mark.parametrize("loss", ["negative", "hierarchical", "softmax"])
@pytest.mark.parametrize("kind", [models.SkipGram, models.CBOW])
def test_words_of_a_topic_become_similar(kind, loss):
    np.random.seed(0)
    corpus = corpus_of_two_topics()
    model = kind(text.Vocabulary(itertools.chain.from_iterable(corpus)), 8, loss)
    history = model.fit(corpus, epochs=8, window=3, sample=None, batch_size=32, rng=np.random.default_rng(1))
    assert len(history) == 8
    assert history[-1] < history[0]
    vectors = model.vectors()
    assert {word for word, _ in vectors.nearest("red", 3)} == {"green", "blue", "pink"}
    assert vectors.array.dtype == np.float32


def test_the_loss_of_a_pair():
    model = models.SkipGram(VOCAB, 4, "softmax")
    words, neighbors = np.array([1, 2]), np.array([3, 0])
    v = model.embed.W.data[words]
    np.testing.assert_allclose(
        model(words, neighbors).data, F.softmax_cross_entropy(v @ model.output.W.data, neighbors).data, rtol=1e-6
    )
    cbow = models.CBOW(VOCAB, 4, "softmax")
    v = cbow.embed.W.data[[[1, 2], [3, 3]]].mean(axis=1)
    np.testing.assert_allclose(
        cbow(np.array([[1, 2], [3, 3]]), neighbors).data,
        F.softmax_cross_entropy(v @ cbow.output.W.data, neighbors).data,
        rtol=1e-6,
    )
    assert model.fit([], epochs=2) == [0.0, 0.0]
    with pytest.raises(ValueError, match="CBOW: expected loss 'negative', 'hierarchical' or 'softmax', got 'hinge'"):
        models.CBOW(VOCAB, 4, "hinge")


def test_subwords_and_their_hash():
    assert models.subwords("where", 3, 3) == ["<wh", "whe", "her", "ere", "re>"]
    assert models.subwords("at") == ["<at", "at>", "<at>"]
    fnv1a = models.embeddings.fnv1a
    assert fnv1a("") == 0x811C9DC5  # of FNV's own tables
    assert fnv1a("a") == 0xE40C292C
    assert fnv1a("foobar") == 0xBF9CF968
    unsigned = ((0x811C9DC5 ^ 0xC3) * 16777619) & 0xFFFFFFFF
    assert fnv1a("é") != ((unsigned ^ 0xA9) * 16777619) & 0xFFFFFFFF  # fastText's bytes are signed


def test_unknown_words_have_vectors_of_their_subwords():
    np.random.seed(0)
    model = models.FastText(VOCAB, 5, buckets=50)
    assert model.embed.W.shape == (59, 5)  # a row for each word, then one for each bucket
    expected = model.embed.W.data[[VOCAB.ids["cat"], *model.rows_of("cat")]].sum(axis=0)
    np.testing.assert_allclose(model.vector("cat"), expected)
    np.testing.assert_allclose(model.vectors()["cat"], expected, rtol=1e-6)
    np.testing.assert_allclose(model.vector("cow"), model.embed.W.data[model.rows_of("cow")].sum(axis=0))
    before = model.vector("cats").copy()
    assert len(model.fit(SENTENCES, epochs=2, sample=None)) == 2
    assert (model.vector("cats") != before).any()


def test_the_loss_of_glove():
    np.random.seed(0)
    model = models.GloVe(VOCAB, 3)
    i, j, x = text.cooccurrences(IDS, 2)
    x = x * 30  # some above 100
    u, v, b, c = (layer.W.data for layer in (model.u, model.v, model.b, model.c))
    dense = np.zeros((9, 9))
    dense[i, j] = x
    with np.errstate(divide="ignore"):
        error = u @ v.T + b + c.T - np.where(dense > 0, np.log(dense), 0)
    expected = np.where(dense > 0, np.minimum(1, (dense / 100) ** 0.75) * error**2, 0).sum()
    np.testing.assert_allclose(model(i, j, x).data, expected, rtol=1e-5)

    def loss(U, V, B, C):
        for layer, W in zip((model.u, model.v, model.b, model.c), (U, V, B, C), strict=True):
            object.__setattr__(layer, "W", W)
        return model(i, j, x)

    check_gradients(loss, *(a.astype(float) for a in (u, v, b, c)), order=2)


def test_glove_learns_cooccurrences():
    np.random.seed(0)
    corpus = corpus_of_two_topics()
    model = models.GloVe(text.Vocabulary(itertools.chain.from_iterable(corpus)), 8)
    history = model.fit(corpus, 30, 3, batch_size=8, optimizer=Adam(0.05), rng=np.random.default_rng(1))
    assert history[-1] < 0.1 * history[0]
    np.testing.assert_array_equal(model.vectors()["red"], (model.u.W.data + model.v.W.data)[model.vocab.ids["red"]])


# --- Vectors ---

WORDS = ["king", "queen", "man", "woman", "apple"]
ARRAY = np.array([[2.0, 1.0], [2.0, -1.0], [0.1, 1.0], [0.1, -1.0], [-3.0, 0.2]])


def test_nearest_and_similarity():
    vectors = models.Vectors(WORDS, ARRAY)
    assert [word for word, _ in vectors.nearest("king", 2)] == ["queen", "man"]
    cosine = ARRAY[0] @ ARRAY[1] / 5
    np.testing.assert_allclose(vectors.similarity("king", "queen"), cosine)
    np.testing.assert_allclose(vectors.nearest("king", 2)[0][1], cosine)
    assert len(vectors.nearest("king", 99)) == 4
    np.testing.assert_array_equal(vectors["apple"], ARRAY[4])
    assert models.Vectors(["a", "b"], np.zeros((2, 3))).similarity("a", "b") == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_zeros_and_large_vectors_of_any_dtype_have_cosines(dtype):
    vectors = models.Vectors("abc", np.array([[0, 0], [3e4, 4e4], [4e4, 3e4]], dtype))
    assert vectors.nearest("a") == [("b", 0.0), ("c", 0.0)]
    assert vectors.nearest("b", 1) == [("c", pytest.approx(0.96, rel=2e-3))]
    assert vectors.best(np.array([1e-15, 0], np.float32), 1, ()) == [("c", pytest.approx(0.8, rel=2e-3))]


def test_analogies():
    vectors = models.Vectors(WORDS, ARRAY)
    assert vectors.analogy("man", "woman", "king")[0][0] == "queen"
    unit = ARRAY / np.linalg.norm(ARRAY, axis=1, keepdims=True)
    v = unit[3] - unit[2] + unit[0]
    best = WORDS[int(np.argmax(unit @ v))]
    assert vectors.analogy("man", "woman", "king", exclude=False)[0][0] == best
    questions = [": family", "man woman king queen", "man king woman apple", "man woman king unknown", ""]
    assert vectors.evaluate(questions) == 0.5
    assert math.isnan(vectors.evaluate([]))


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_files(tmp_path, name):
    path = tmp_path / name
    models.Vectors(WORDS, ARRAY.astype(np.float32)).save(path)
    found = models.Vectors.load(path)
    assert found.words == WORDS
    np.testing.assert_array_equal(found.array, ARRAY.astype(np.float32))
    assert found.array.dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == [name]
    data = path.read_bytes()
    content = (gzip.decompress(data) if name.endswith("gz") else data).decode()
    assert content.startswith("5 2\nking 2.0 1.0\n")


def test_glove_files_have_no_first_line(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 0.5 -1e-2\n, 1 2\n", encoding="utf-8")
    found = models.Vectors.load(path, np.float64)
    assert found.words == ["the", ","]
    np.testing.assert_array_equal(found.array, [[0.5, -0.01], [1, 2]])


@pytest.mark.parametrize("line", ["b 1", "b 1 x", "b"])
def test_a_ragged_line_is_named(tmp_path, line):
    path = tmp_path / "bad.txt"
    path.write_text(f"2 2\na 1 2\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Vectors.load: line 3: expected a word and numbers like the lines before"):
        models.Vectors.load(path)
    with pytest.raises(ValueError, match=r"Vectors: expected an array \(2, size\), got \(3, 2\)"):
        models.Vectors(["a", "b"], np.zeros((3, 2)))


def test_ids_of_models_may_be_variables():
    model = models.SkipGram(VOCAB, 4)
    assert np.isfinite(model(Variable(np.array([1, 2])), Variable(np.array([3, 0]))).data)


def test_random_numbers_come_from_a_generator_or_a_seed():
    model = models.LanguageModel(5, None, 2)
    for of in (
        lambda rng: list(text.pairs([range(9)], 3, rng)),
        lambda rng: list(text.skipgram_batches([range(9)], 4, 3, rng)),
        lambda rng: text.subsample([np.arange(9)], np.ones(9), 0.05, rng),
        lambda rng: list(text.lm_batches(np.arange(40), 2, 3, rng=rng)),
        lambda rng: models.NGram(2).fit([0, 1, 2, 0, 2, 1]).sample(9, (0,), rng),
        lambda rng: model.generate([0], 9, rng=rng),
        lambda rng: initializers.Normal(1)((3, 4), rng=rng),
    ):
        assert repr(of(3)) == repr(of(np.random.default_rng(3)))
