"""Models of text, and the search for the most probable sequence."""

import itertools
import math
import re

import numpy as np
import pytest

from .stage import F, L, grad, models, no_grad, optimizers, text, using_config

TOKENS = [0, 1, 2, 0, 1, 3, 0, 1, 2, 2, 0, 3, 1, 2, 0, 1]
IDS = np.array([[1, 0, 4, 2], [3, 3, 0, 1]])


# --- n-grams ---


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"k": 0.1}, {"smoothing": "kneser_ney"}])
def test_probabilities_sum_to_one(n, options):
    model = models.NGram(n, **options).fit(TOKENS)
    for context in itertools.product(range(4), repeat=n):
        np.testing.assert_allclose(model.probabilities(context).sum(), 1)
    np.testing.assert_allclose(models.NGram(2, interpolate=[0.2, 0.8]).fit(TOKENS).probabilities([1]).sum(), 1)


def test_one_gram_is_frequencies():
    found = models.NGram(1, k=0).fit(TOKENS, 5).probabilities()
    np.testing.assert_allclose(found, [5 / 16, 5 / 16, 4 / 16, 2 / 16, 0])
    np.testing.assert_allclose(models.NGram(1, "kneser_ney").fit(TOKENS).probabilities([3]).sum(), 1)


def test_perplexity_of_what_cannot_be_surprising_is_one():
    model = models.NGram(2, k=0).fit([0, 1, 2] * 5)
    np.testing.assert_allclose(model.perplexity([1, 2, 0]), 1)
    assert model.perplexity([0, 2]) == math.inf
    uniform = models.NGram(1, k=1e9).fit(TOKENS)
    np.testing.assert_allclose(uniform.perplexity(TOKENS), 4, rtol=1e-6)


def test_samples_follow_the_counts():
    np.random.seed(0)
    assert models.NGram(2, k=0).fit([0, 1, 2] * 5).sample(5, [1]).tolist() == [1, 2, 0, 1, 2, 0]
    before = np.random.get_state()[1].copy()
    models.NGram(2).fit(TOKENS).sample(5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# --- language models and classifiers ---


def test_the_loss_starts_at_log_v():
    np.random.seed(0)
    model = models.LanguageModel(50, 16, 16, "gru")
    ids = np.random.randint(0, 50, (8, 10))
    loss, _ = model.loss(ids[:, :-1], ids[:, 1:])
    assert abs(float(loss) - math.log(50)) < 0.3


def test_tied_weights_are_one_parameter():
    model = models.LanguageModel(5, 4, 4, tied=True)
    assert next(path for path, _ in model.named_params()) == "embed/W"
    assert not any(path.startswith("fc") for path, _ in model.named_params())
    loss, _ = model.loss(IDS, IDS)
    loss.backward()
    assert model.embed.W.grad.data.all()


@pytest.mark.parametrize("size", [3, None])
def test_a_language_model_learns_a_cycle(size):
    np.random.seed(0)
    model = models.LanguageModel(4, size, 8, "gru")
    optimizer = optimizers.Adam(0.03).setup(model)
    ids = np.arange(24).reshape(1, 24) % 4
    for _ in range(60):
        loss, _ = model.loss(ids[:, :-1], ids[:, 1:])
        model.cleargrads()
        loss.backward()
        optimizer.update()
    assert math.exp(float(loss)) < 1.1
    assert model.generate([2], 5, 0).tolist() == [2, 3, 0, 1, 2, 3]
    assert model.generate([1, 2], 3, 0.1).tolist() == [1, 2, 3, 0, 1]
    drawn = [model.generate([2], 50, 5.0, rng=np.random.default_rng(1)).tolist() for _ in range(2)]
    assert drawn[0] == drawn[1] != model.generate([2], 50, 0).tolist()


def test_the_state_continues_a_text():
    model = models.LanguageModel(5, 3, 4, "lstm", 2)
    whole, _ = model(IDS)
    _, state = model(IDS[:, :2])
    np.testing.assert_allclose(model(IDS[:, 2:], state)[0].data, whole.data[:, 2:], atol=1e-6)


@pytest.mark.parametrize("pool", ["ends", "last", "mean", "max"])
def test_a_classifier_does_not_see_the_padding(pool):
    model = models.RNNClassifier(5, 3, 4, pool=pool, cell="gru")
    padded = model(IDS, [2, 4]).data
    np.testing.assert_allclose(padded[0], model(IDS[:1, :2]).data[0], atol=1e-6)
    assert model.fc.W.shape == ({"ends": 16}.get(pool, 8), 2)  # 4H for both ends, in both directions


def test_the_shapes_of_d2ls_text_cnn():
    """11 words of 6 numbers, kernels of 2 and 4 with 4 and 5 channels."""
    model = models.TextCNN(20, 6, (2, 4), (4, 5))
    assert model.features(np.arange(11)[None]).shape == (1, 9)
    assert model(np.array([[3]])).shape == (1, 2)  # shorter than the kernels


def test_pretrained_vectors_are_trained_and_frozen():
    vectors = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    model = models.TextCNN(5, 3, (2,), (4,), vectors=vectors)
    np.testing.assert_array_equal(model.embed.W.data, vectors)
    F.sum(model(IDS)).backward()
    optimizers.SGD(0.1).setup(model).update()
    assert (model.embed.W.data != vectors).any()
    np.testing.assert_array_equal(model.frozen.W.data, vectors)
    assert "frozen/W" in dict(model.named_state())
    assert "frozen/W" not in dict(model.named_params())


def test_dropout_of_a_text_cnn_is_in_training_only():
    model = models.TextCNN(5, 3, (2,), (8,))
    with using_config("train", False):
        np.testing.assert_array_equal(model(IDS).data, model.fc(model.features(IDS)).data)
    assert any((model(IDS).data != model(IDS).data).any() for _ in range(5))


# --- sequence to sequence ---

TARGETS = np.array([[5, 3, 2, 0], [3, 4, 5, 2]])


def translator(attention=None, **options):
    np.random.seed(0)
    return models.Seq2Seq(models.Encoder(6, 3, 4, **options), models.Decoder(6, 3, 4, attention=attention, **options))


@pytest.mark.parametrize("attention", [None, "dot", "additive"])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_loss_is_the_mean_over_the_tokens_up_to_eos(attention, cell):
    model = translator(attention, cell=cell)
    y = F.log_softmax(model(IDS, TARGETS), 2).data
    expected = -np.mean([y[i, t, TARGETS[i, t]] for i, n in enumerate((3, 4)) for t in range(n)])
    np.testing.assert_allclose(float(model.loss(IDS, TARGETS)), expected, rtol=1e-6)
    other = np.where(np.arange(4) < np.array([[3], [4]]), TARGETS, 5)
    assert float(model.loss(IDS, other)) == float(model.loss(IDS, TARGETS))


@pytest.mark.parametrize("attention", ["dot", "additive"])
def test_attention_does_not_see_the_padding(attention):
    model = translator(attention)
    padded = model(IDS, TARGETS, [2, 4]).data
    np.testing.assert_allclose(padded[0], model(IDS[:1, :2], TARGETS[:1]).data[0], atol=1e-6)


def test_gradients_reach_both_halves():
    model = translator("additive", n_layers=2)
    loss = model.loss(IDS, TARGETS, [2, 4])
    assert all(gx.data.any() for gx in grad(loss, [model.encoder.rnn.l0.x2n.W, model.decoder.attend.v.W]))


@pytest.mark.parametrize("attention", [None, "additive"])
def test_a_translator_learns_to_write_backwards(attention):
    np.random.seed(0)
    model = models.Seq2Seq(models.Encoder(6, 8, 24), models.Decoder(6, 8, 24, attention=attention))
    optimizer = optimizers.Adam(0.02).setup(model)
    src = np.array(list(itertools.product((3, 4, 5), repeat=2)))
    targets = np.concatenate([src[:, ::-1], np.full((9, 1), 2)], axis=1)
    for _ in range(80):
        loss = model.loss(src, targets)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    for row, found in zip(targets, text.greedy(model, src, 5), strict=True):
        assert found.tolist() == row.tolist()
    best, score = text.beam_search(model.step, (1, model.start(src[1:2])), 2, 3, 5)[0]
    assert best == [4, 3, 2]
    assert -0.2 < score < 0
    with no_grad():
        state = model.start(src[1:2])
    assert text.beam_search(model.step, (1, state), 2, 1, 5)[0][0] == text.greedy(model, src[1:2], 5)[0].tolist()


def test_greedy_ends_with_eos_or_after_a_length():
    model = translator()
    found = text.greedy(model, IDS, 3)
    assert all(len(row) <= 3 and row.dtype.kind == "i" for row in found)
    assert all(2 not in row[:-1] for row in found)


# --- beam search: crosscheck compares it with d2l's example and with all sequences ---


def test_impossible_tokens_are_not_continued():
    def step(ids, state):
        with np.errstate(divide="ignore"):
            return np.log(np.array([[0.0, 0.0, 1.0]] * len(ids))), state

    assert text.beam_search(step, (0, None), 2, 3, 4) == [([2], 0.0)]


def test_a_search_that_never_ends_is_cut():
    found = text.beam_search(lambda ids, state: (np.log(np.full((len(ids), 2), 0.5)), state), (0, None), 9, 2, 3)
    assert [len(ids) for ids, _ in found] == [3, 3]
    np.testing.assert_allclose(found[0][1], 3 * math.log(0.5) / 3**0.75)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: models.NGram(1.5), ValueError, "expected n of at least 1, got 1.5"),
        (lambda: models.NGram(2).fit([-1, 2]), ValueError, "expected ids from 0 to 2, got -1 to 2"),
        (lambda: models.LanguageModel(5, None, 4, tied=True), ValueError, "expected equal sizes"),
        (lambda: models.TextCNN(5, 3, (), ()), ValueError, "expected as many channels"),
        (lambda: models.Encoder(5, 3, 4, cell="cnn"), ValueError, "Encoder: expected cell"),
        (lambda: text.beam_search(None, (0, None), 2, 3, 0), ValueError, "got 3 and 0"),
    ],
)
def test_arguments_of_models_of_text_are_checked(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_models_are_saved_and_loaded(tmp_path):
    model, other = translator("additive"), translator("additive")
    model(IDS, TARGETS), other(IDS, TARGETS)
    for param in other.params():
        param.data = param.data + 1
    model.save_weights(tmp_path / "model.npz")
    other.load_weights(tmp_path / "model.npz")
    np.testing.assert_array_equal(model(IDS, TARGETS).data, other(IDS, TARGETS).data)
    assert isinstance(model.decoder.attend, L.AdditiveAttention)
