"""Models with hybridize: programs, forward and gradients, and the bits of 20 training steps without it."""

import numpy as np
import pytest

from .stage import SGD, F, L, Vocabulary, hybridize, models
from .stage import test_mode as in_use  # pytest would collect it under its own name


def normals(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def labels(n_classes, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, n_classes, shape)


def pictures(side=12, channels=3, classes=3):
    return [(normals(2, channels, side, side, seed=i), labels(classes, 2, seed=i)) for i in range(4)]


def tokens(*targets):
    return [(labels(7, 2, 5, seed=i), labels(*targets, seed=9 + i)) for i in range(4)]


def classifier(*layers):
    return models.Sequential(*layers, F.global_avg_pool, L.Linear(3))


def of_each_token(y, t):
    y = y[0] if isinstance(y, tuple) else y
    return F.softmax_cross_entropy(F.reshape(y, (-1, y.shape[-1])), F.reshape(t, (-1,)))


def halved(x):
    return F.max_pool2d(x, 3, 2)


def detection_batches():
    """An image, and of each of its 344 anchors: class, offsets, and whether they count."""
    batches = [(normals(1, 3, 64, 64, seed=i), labels(3, 1, 344, seed=i), normals(1, 344, 4)) for i in range(2)]
    return [(x, t, offsets, np.repeat(np.float32(t > 0)[..., None], 4, axis=2)) for x, t, offsets in batches]


CE = F.softmax_cross_entropy
IMAGES, WORDS, TEXTS = pictures(), tokens(7, 2, 5), tokens(2, 2)
PAIRS = [((s, t), t) for s, t in WORDS]
ROWS = [(normals(3, 6, seed=i), normals(3, 6, seed=i)) for i in range(4)]
CASES = {  # model, batches of inputs and targets, loss
    "MLP": (lambda: models.MLP((5, 3), F.relu), [(normals(6, 4, seed=i), labels(3, 6, seed=i)) for i in range(4)], CE),
    "ResNet": (lambda: classifier(models.Residuals(2, 2, 4, (1, 2))), IMAGES, CE),
    "BasicResNet": (lambda: classifier(models.BasicResiduals(1, 3), models.BasicResiduals(1, 4, 2)), IMAGES, CE),
    "SqueezeNet": (lambda: classifier(L.Conv2d(3, 3), F.relu, models.Fire(2, 2), halved, L.Dropout()), IMAGES, CE),
    "GoogLeNet": (lambda: classifier(models.Inception("torch", 2, 2, 2, 2, 2, 2)), IMAGES, CE),
    "DenseNet": (lambda: models.DenseNet(2, (1, 1), 2, n_classes=3, dropout_ratio=0.2), pictures(20), CE),
    "NiN": (lambda: classifier(models.NiNBlock(4, 3), halved, L.Dropout(), models.NiNBlock(3, 3, pad=1)), IMAGES, CE),
    "LeNet": (models.LeNet, pictures(28, 1, 10), CE),
    "VGG": (
        lambda: models.Sequential(L.Conv2d(4, 3, pad=1), L.BatchNorm(), F.relu, halved, F.flatten, L.Linear(3)),
        IMAGES,
        CE,
    ),
    "AlexNet": (lambda: classifier(L.Conv2d(4, 3), F.relu, F.local_response_norm, halved), IMAGES, CE),
    "FCN": (
        lambda: models.Sequential(L.Conv2d(4, 3, pad=1), L.Deconv2d(3, 4, 2, 1)),
        [(x, labels(3, 2, 24, 24)) for x, _ in IMAGES],
        CE,
    ),
    "LanguageModel": (lambda: models.LanguageModel(7, 4, 5), WORDS, of_each_token),
    "LanguageModel one-hot": (lambda: models.LanguageModel(7, None, 5), WORDS, of_each_token),
    "LanguageModel GRU": (lambda: models.LanguageModel(7, 4, 5, "gru", 2, 0.3), WORDS, of_each_token),
    "LanguageModel LSTM": (lambda: models.LanguageModel(7, 5, 5, "lstm", tied=True), WORDS, of_each_token),
    **{
        f"RNNClassifier {pool}": (lambda pool=pool: models.RNNClassifier(7, 3, 3, 1, pool=pool), TEXTS, CE)
        for pool in ("ends", "last", "mean", "max")
    },
    "TextCNN": (lambda: models.TextCNN(7, 4, (2, 3), (3, 3), vectors=normals(7, 4)), TEXTS, CE),
    **{
        f"Seq2Seq {kind}": (
            lambda kind=kind: models.Seq2Seq(models.Encoder(7, 4, 5), models.Decoder(7, 4, 5, attention=kind)),
            PAIRS,
            of_each_token,
        )
        for kind in (None, "dot", "additive")
    },
    "Autoencoder": (lambda: models.Autoencoder((6, 4, 2)), ROWS, F.mean_squared_error),
    "ConvAutoencoder": (lambda: models.ConvAutoencoder(4, (6, 6)), [(normals(2, 1, 6, 6),) * 2], F.mean_squared_error),
    "VAE": (
        lambda: models.VAE(4, 2, 8),
        [((np.abs(normals(3, 1, 4, 4, seed=i)) % 1, normals(3, 2, seed=i)), None) for i in range(4)],
        lambda y, t: y[0] + y[1],
    ),
    "NStepLSTM": (lambda: L.NStepLSTM(1, 3, 4, bidirectional=True), [(normals(2, 4, 4), labels(6, 8))], of_each_token),
    "MultiHeadAttention": (lambda: L.MultiHeadAttention(2, 4), [(normals(2, 3, 4), labels(4, 6))], of_each_token),
}
VOCABULARY = Vocabulary(["the", "cat", "sat", "on", "the", "mat", "the", "dog", "sat"])
PAIRED = [((labels(7, 8, seed=i), labels(7, 8, seed=9 + i)), None) for i in range(4)]
CASES |= {
    **{
        f"SkipGram {loss}": (lambda loss=loss: models.SkipGram(VOCABULARY, 3, loss), PAIRED, lambda y, t: y)
        for loss in ("negative", "hierarchical", "softmax")
    },
    "CBOW": (
        lambda: models.CBOW(VOCABULARY, 3),
        [
            ((labels(6, 4, 3, seed=i) + 1, labels(6, 4, seed=i) + 1, labels(2, 4, 3, seed=7) > 0), None)
            for i in range(4)
        ],
        lambda y, t: y,
    ),
    "FastText": (lambda: models.FastText(VOCABULARY, 3, buckets=50), PAIRED, lambda y, t: y),
    "GloVe": (
        lambda: models.GloVe(VOCABULARY, 3),
        [((labels(7, 8, seed=i), labels(7, 8, seed=9 + i), 1.0 + labels(9, 8, seed=3)), None) for i in range(4)],
        lambda y, t: y,
    ),
}
LOSSES = {  # methods that compute a loss; some draw random numbers
    "LanguageModel": (lambda: models.LanguageModel(7, 4, 5), WORDS, lambda y: y[0]),
    "Seq2Seq": (lambda: CASES["Seq2Seq dot"][0](), WORDS, lambda y: y),
    "Autoencoder": (lambda: models.Autoencoder((6, 4, 2), sparse=0.1, noise=0.2), [(x,) for x, _ in ROWS], lambda y: y),
    "VAE": (lambda: models.VAE(4, 2, 8), [(np.abs(normals(3, 1, 4, 4, seed=i)) % 1,) for i in range(4)], lambda y: y),
}


def training(model, losses, steps=20):
    """Losses of some training steps, then parameters and buffers."""
    found, optimizer = [], None
    for k in range(steps):
        y = losses(k)
        optimizer = optimizer or SGD(0.01).setup(model)
        model.cleargrads()
        y.backward()
        optimizer.update()
        found.append(y.data)
    return [*found, *(v.data for _, v in model.named_state())]


def check(hybrid, found, expected, rtol=0):
    assert [(one["state"], one["reason"], one["gradients"]) for one in hybrid.programs()] == [
        ("program", None, ["program"])
    ]
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", CASES)
def test_a_model_learns_the_same_bits_as_a_program(name):
    make, batches, loss = CASES[name]

    def learn(wrap):
        np.random.seed(0)
        model = make()
        f = wrap(model)

        def losses(k):
            x, t = batches[k % len(batches)]
            return loss(f(*x) if isinstance(x, tuple) else f(x), t)

        return f, training(model, losses)

    hybrid, found = learn(hybridize)
    check(hybrid, found, learn(lambda model: model)[1])


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_is_a_method_learns_the_same_bits(name):
    make, batches, pick = LOSSES[name]

    def learn(wrap):
        np.random.seed(0)
        model = make()
        f = wrap(model.loss)
        return f, training(model, lambda k: pick(f(*batches[k % len(batches)])))

    hybrid, found = learn(hybridize)
    check(hybrid, found, learn(lambda loss: loss)[1])


@pytest.mark.parametrize("whole", [True, False])
def test_a_detector_learns_as_a_program(whole):
    """With its loss the same bits; without, up to rounding: gradients of its two results arrive in another order."""

    def learn(wrap):
        np.random.seed(0)
        model = models.TinySSD(2)

        def loss(model, x, t, offsets, mask):
            return models.ssd_loss(*model(x)[1:], t, offsets, mask)

        f = wrap(lambda *batch: loss(model, *batch)) if whole else wrap(model)
        batches = detection_batches()
        return f, training(
            model, lambda k: f(*batches[k % 2]) if whole else loss(f, *batches[k % 2]), steps=3 if whole else 2
        )

    hybrid, found = learn(hybridize)
    check(hybrid, found, learn(lambda f: f)[1], rtol=0 if whole else 1e-4)


def test_a_trained_network_is_a_program_in_test_mode():
    model = CASES["DenseNet"][0]()
    hybrid = hybridize(model)
    for x, _ in pictures(20):
        hybrid(x)
    with in_use():
        for x, _ in pictures(20):
            np.testing.assert_array_equal(hybrid(x).data, model(x).data)
    assert [one["state"] for one in hybrid.programs()] == ["program"] * 2
