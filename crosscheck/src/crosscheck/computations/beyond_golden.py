"""What detects mutants of stage 5's models, training and data that nothing else does: golden outputs of long programs.

Other computations compare each part with PyTorch, a formula or a definition; here they run with all their options.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import os
import pathlib
import pickle
import re
import struct
import sys
import tempfile
import types
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, ClassVar
from unittest import mock

import numpy as np

from ..frameworks.base import Array
from .beyond_limits import ONCE, ROW, X, im, loader, net, owner
from .beyond_loaders import XML, loaded, picture, samples, tar
from .beyond_mutants import decoded, field
from .beyond_ranks import run
from .beyond_records import folder, framed, masked
from .beyond_records import found as in_file
from .errors import downloads, with_file
from .mutants_functions import message
from .networks import narrowed
from .steps52_60 import drawing
from .values import arrays, values

# fmt: off


def number(a: Array) -> float:
    """A weighted mean of an array, plus a number for its shape and dtype."""
    if a.dtype == np.uint32 and a.ndim == 1:
        a = np.frombuffer(a.tobytes().decode("utf-32-le").encode(), np.uint8)
    if a.dtype.kind == "U" or (a.dtype == np.uint8 and a.ndim == 1):  # a text
        return float(zlib.crc32("|".join(map(str, a.ravel())).encode()) % 1000 / 100)
    form = zlib.crc32(f"{a.shape} {a.dtype.kind}{a.dtype.itemsize}".encode()) % 7
    numbers = np.arcsinh(np.nan_to_num(a.astype(float), nan=1e9)).ravel()
    return form + float(numbers @ (1 + np.arange(a.size) % 7)) / math.sqrt(max(1, a.size))


def numbers(fw: Any, found: Iterator[Any]) -> list[float]:
    """One for each of the values."""
    with drawing(1):
        return [mean(number(a) for a in arrays(fw, value)) for value in found]


def mean(found: Iterable[float]) -> float:
    """A weighted mean."""
    listed = list(found)
    return sum((1 + k % 5) * x for k, x in enumerate(listed)) / max(1, len(listed))


def golden(name: str, call: Callable[[Any], Any], *expected: float) -> None:
    """Register a program whose `numbers` are the expected ones, but for rounding."""
    why = "golden outputs: PyTorch has no such programs, and other computations compare their parts"

    def body(fw: Any) -> Any:
        return [fw.Trainer and np.isclose(numbers(fw, call(fw)), expected, 1e-6, 1e-5).tolist()]

    values(60, why, (f"golden_{name}", body, lambda: [[True] * len(expected)]), **ONCE)


def houses(fw: Any) -> Any:
    """All columns, the features and the logarithms of the prices."""
    data = fw.synthetic.Houses(40, 3)
    yield from data.table.values()
    yield data.data, np.log(data.label)


def shapes(fw: Any) -> Any:
    """Images, masks, boxes and labels, for both tasks, at the smallest size and with a single shape."""
    for options in ((6, 16, 0, "detection", 1), (6, 24, 1, "segmentation", 3)):
        data = fw.synthetic.Shapes(*options)
        yield from (data.data, data.masks, data.boxes, data.label)


def sentences(fw: Any) -> Any:
    """Sentences of a world, its analogies, reviews, and pairs of phrases."""
    world, reviews, phrases = fw.synthetic.World(2, 60), fw.synthetic.Reviews(80, 1), fw.synthetic.Phrases(6, 1)
    yield world.sentences, list(world.analogies())[::50]
    yield reviews.data, reviews.label, phrases.data, phrases.label


def n_grams(fw: Any) -> Any:
    """Probabilities after contexts of all lengths, perplexities and samples, for every smoothing."""
    ids, contexts = [0, 1, 2, 0, 1, 1, 3, 0, 1, 2, 2, 0], ((), (1,), (0, 1), (2, 0, 1), (3, 3), (9, 1))
    for options in ({}, {"k": 0}, {"k": 0.5, "interpolate": (0.2, 0.3, 0.5)}, {"smoothing": "kneser_ney"}):
        model = fw.models.NGram(3, **options).fit(ids, 5 if options else None)
        yield [model.probabilities(context) for context in contexts], model.perplexity(ids[:5]), model.vocab_size
        yield model.sample(9, (0, 1), np.random.default_rng(1)), model.sample(5), len(model.counts)


def language(fw: Any) -> Any:
    """Language models with drawn weights: scores, losses, states, and what they generate."""
    ids = np.array([[1, 0, 4], [3, 3, 2]])
    for cell, options in (("rnn", {}), ("gru", {"n_layers": 2, "dropout_ratio": 0.4}), ("lstm", {"tied": True})):
        model = fw.models.LanguageModel(5, 4, 4, cell, **options)
        loss, state = model.loss(ids, ids[:, ::-1])
        loss.backward()
        yield loss, state, [p.grad for p in model.params() if p.grad is not None]
        yield [model.generate([1, 2], 6), model.generate([3], 5, 0.5, np.random.default_rng(2)), model.generate([0],
            5, 0)]
        yield model(ids, state, np.array([2, 3]))
    one_hot = fw.models.LanguageModel(5, None, 3)
    yield one_hot(ids), one_hot.generate([4], 4, 2.0)


def classifiers_of_text(fw: Any) -> Any:
    """Recurrent and convolutional classifiers, with lengths and without, in training and not."""
    ids = np.array([[1, 0, 4], [3, 3, 2]])
    for pool in ("ends", "last", "mean", "max"):
        model = fw.models.RNNClassifier(5, 3, 2, 1, 3, pool=pool)
        yield model(ids), model(ids, np.array([2, 3])), model(ids[:, :1])
    yield fw.models.RNNClassifier(5, 3, 2, cell="gru", bidirectional=False, dropout_ratio=0.5)(ids)
    vectors = np.arange(15, dtype=np.float32).reshape(5, 3) / 15
    for options in ({}, {"vectors": vectors}, {"dropout_ratio": 0.0, "n_classes": 4}):
        model = fw.models.TextCNN(5, 3, (2, 4), (3, 2), **options)
        yield model(ids), model(ids[:, :1]), model(np.tile(ids, 2)), model.features(ids), len(list(model.params()))
    yield fw.models.TextCNN(5, 3)(np.tile(ids, 2)), [p.shape for p in fw.models.TextCNN(5, 3).params()]


def translation(fw: Any) -> Any:
    """Encoders and decoders of all kinds: scores, losses, and both searches."""
    src, targets = np.array([[1, 3, 4, 0], [3, 0, 0, 2]]), np.array([[4, 2, 3], [3, 4, 2]])
    lengths = np.array([4, 2])
    for attention, cell, layers in ((None, "gru", 1), ("dot", "lstm", 2), ("additive", "rnn", 1)):
        encoder = fw.models.Encoder(5, 3, 4, layers, cell)
        model = fw.models.Seq2Seq(encoder, fw.models.Decoder(5, 3, 4, layers, cell, attention))
        yield model(src, targets), model(src, targets, lengths), model.encode(src, lengths)
        yield model.loss(src, targets), model.loss(src, targets, lengths)
        yield fw.text.greedy(model, src, 5), fw.text.greedy(model, src, 4, lengths)
        with fw.no_grad():
            start = model.start(src[:1])
            search = fw.text.beam_search
            yield search(model.step, (1, start), 2, 3, 4), search(model.step, (1, start), 2, 2, 3, 0.0)
            yield model.step([1], start)[0]


def sequences(fw: Any) -> Any:
    """Sections of a text in both orders, padded batches, translations with known and rare words."""
    text, ids = fw.text, np.arange(17) ** 2
    yield list(text.lm_batches(ids, 2, 3)), list(text.lm_batches(ids, 3, 2, "consecutive"))
    yield list(text.lm_batches(ids[:5], 2, 2, "consecutive")), list(text.lm_batches(ids[:5], 1, 2, "consecutive"))
    yield [list(text.lm_batches(ids, 2, 4, rng=np.random.default_rng(1))),
        list(text.lm_batches(ids, 4, 4, "consecutive"))]
    yield text.pad_batch([[1, 2], [], [3]]), text.pad_batch([[1, 2, 3], [4]], 2, -1), text.pad_batch([])
    pairs = [("a b", "x"), ("b", "y x"), ("b c d e", "z"), ("a", "u v w t")]
    x, t, vocabularies = text.translation_batches(pairs, 4)
    yield x, t, [vocabulary.tokens for vocabulary in vocabularies]
    yield text.translation_batches(pairs, 3, vocabularies)[:2], text.translation_batches(pairs[:2], 5, min_freq=2)[:2]
    yield text.subsample([[0]], [1], 0.5, np.random.default_rng(0)), text.subsample([[0, 0]], [0, 4], 0.5)
    vocab = text.Vocabulary("aabbbcd", 2, ("<pad>", "b"))
    yield vocab.tokens, vocab.counts, vocab.decode([0]), text.Vocabulary("ab").counts


def words_learned(fw: Any) -> Any:
    """Losses and vectors of all models of words after training, with the options of fit and without."""
    corpus = ["abcd", "dcba", "aacd", "bbdc", "a"]
    vocab, models = fw.text.Vocabulary("".join(corpus)), fw.models
    make: Any
    for make in (
        lambda: models.SkipGram(vocab, 3), lambda: models.SkipGram(vocab, 3, "hierarchical"),
        lambda: models.CBOW(vocab, 3, "softmax"),
        lambda: models.FastText(vocab, 2, "softmax", 2, 3, 5),
    ):  # fmt: skip
        model = make()
        yield model.fit(corpus), model.fit(corpus, 2, 2, 0.3, 2, 4, fw.optimizers.SGD(0.5), np.random.default_rng(3))
        yield model.fit(corpus, sample=None, batch_size=8), model.vectors().array
    glove = models.GloVe(vocab, 3)
    yield glove.fit(corpus), glove.fit(corpus, 2, 1, "one", 3, fw.optimizers.SGD(0.01), np.random.default_rng(3))
    yield glove.vectors().array, models.GloVe(vocab, 2).fit([]), models.SkipGram(vocab, 2).fit([])
    yield [models.FastText(vocab, 2, low=1, high=2, buckets=9).vector("xyz"), models.subwords("ab"),
        models.subwords("abc", 1, 2)]


def vectors(fw: Any) -> Any:
    """Searches among vectors of many dtypes, also of zeros; files in several forms."""
    array = np.array([[1, 2], [2, 1], [0, 0], [-1, 1], [3, -2]])
    for dtype in (np.float32, np.float64, np.int64):
        found = fw.models.Vectors("abcde", array.astype(dtype))
        yield [found.unit, found.nearest("a", 3), found.nearest("c"), found.similarity("a", "e"), found.best(array[0],
            9, "aab")]
        yield [found.analogy("a", "b", "d", 3), found.analogy("a", "b", "d", 9, exclude=False), found["e"],
            found.unit.dtype]
    questions = [": x", "", "a b d e", "a b d c", "a b d x", "x b d c", "a x d c"]
    yield found.evaluate(questions), found.evaluate(questions[2:3]), found.evaluate(questions[4:])
    for text in ("2 2\na 1 2\nb 3 4\n", "a 1 2\nb 3 4\n", "2 1\n", "7\n", "a 1 2\n3 4\n", "a 1 x\n", "a\n",
        "a 1 2\n\nb 1 2\n", "1 5\n1 6\n"):
        for name in ("v.txt", "v.vec.gz"):
            yield loaded_vectors(fw, text, name)
    yield with_file(None, lambda path: saved_vectors(found, path), "w.txt")


def loaded_vectors(fw: Any, text: str, name: str) -> Any:
    content = gzip.compress(text.encode()) if name.endswith("gz") else text.encode()
    try:
        found = with_file(content, fw.models.Vectors.load, name)
    except ValueError as error:
        return str(error)
    return found.words, found.array


def saved_vectors(vectors: Any, path: str) -> list[Any]:
    vectors.save(path)
    vectors.save(path)
    place = pathlib.Path(path)
    return [place.read_bytes(), [each.name for each in place.parent.iterdir()]]


def autoencoders(fw: Any) -> Any:
    """Codes, reconstructions and losses of all autoencoders, in training and not."""
    x: Any = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 6)
    for options in ({}, {"sparse": 0.5}, {"noise": 0.3}, {"activation": fw.functions.tanh, "sparse": 0.1,
        "noise": 0.2}):
        model = fw.models.Autoencoder((6, 4, 3, 2), **options)
        yield model(x), model.encode(x), model.decode(x[:, :2]), model.loss(x)
        with fw.test_mode():
            yield model.loss(x)
    image = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 1, 4, 3)
    model = fw.models.ConvAutoencoder(3, (4, 3), sparse=0.2, noise=0.1)
    yield model(image), model.encode(image), model.loss(image)
    yield [p.shape for p in fw.models.ConvAutoencoder().params()], [p.shape
        for p in fw.models.ConvAutoencoder(channels=2, size=3).params()]
    vae = fw.models.VAE(3, 2, 4)
    x = np.linspace(0, 1, 18, dtype=np.float32).reshape(2, 1, 3, 3)
    yield [vae.encode(x), vae.decode(x[0, 0, :, :2]), vae(x, x[0, 0, :2, :2]), vae.loss(x), fw.models.VAE(3, 2,
        deviation=0.5)(x, x[0, 0, :2, :2])]
    yield [path for path, _ in fw.models.VAE(2, 1).named_params()]


def augmented(fw: Any) -> Any:
    """Images, masks and boxes after transforms of all kinds, in all dtypes."""
    v, flip = fw.vision, fw.transforms.RandomHorizontalFlip
    bytes_, gray = (X * 255).astype(np.uint8), X[:1]
    for f in (
        v.RandomVerticalFlip(0.7), v.Pad((1, 2, 0, 3), 0.5), v.RandomCrop((4, 3),
            1), v.RandomCrop(3), v.RandomResizedCrop(5),
        v.RandomResizedCrop((4, 3), (2, 3), (0.5, 0.6)), v.RandomResizedCrop(2, (0.1, 0.3), (1,
            4)), v.RandomAffine(30, 0.2, (0.7, 1.4), 10, 1),
        v.RandomAffine((10, 20), (0.1, 0.2), (2, 2), (5,
            9)), v.RandomBrightness(0.5), v.RandomContrast(1.5), v.RandomSaturation(2),
        v.RandomHue(0.5), v.ColorJitter(0.2, 0.3, 0.4,
            0.1), v.ColorJitter(hue=0.3), v.RandomErasing(0.8), v.RandomErasing(1, (0.5, 0.9), (0.2, 0.3), 7),
        v.RandomErasing(1, (0.1, 0.1), (1, 1)), v.RandomApply([flip(1), np.negative], 0.4),
    ):  # fmt: skip
        yield [[f(x) for _ in range(3)] for x in (X, X.astype(np.float32), bytes_, X[:, :3, :5], np.round(X), gray)]


def together(fw: Any) -> Any:
    """Images together with their masks and boxes."""
    v, flip = fw.vision, fw.transforms.RandomHorizontalFlip
    mask = np.arange(24).reshape(4, 6)
    boxes = np.array([[7, 0.5, 0.5, 3, 2], [8, 2, 1, 6, 4], [9, 0, 0, 1, 4], [4, 4, 2, 4, 3]])
    for f in (
        flip(0.5), v.RandomVerticalFlip(0.5), v.Pad(1, 0.5), v.RandomCrop(3, 1), v.RandomResizedCrop((3,
            5)), v.RandomAffine(40, 0.3, (0.5, 1.5), 15, 2),
        [v.RandomApply([flip(1), v.Pad(1)]), v.RandomBrightness(0.3)], fw.transforms.Compose([flip(1),
         fw.transforms.Compose([v.RandomCrop((6, 3))])]),
        np.negative, [],
    ):  # fmt: skip
        for labels in ({}, {"mask": mask, "boxes": boxes}, {"mask": mask[None], "boxes": boxes[:,
            1:].astype(np.float32)}, {"boxes": boxes.astype(int)}):
            yield [list(v.Joint(f, 9)(image=X, **labels).values()) for _ in range(2)]
    yield [v.Joint([v.Pad(1)])(image=X, boxes=[[0, 0, 1, 1]], mask=mask)["mask"], v.Joint(flip(1))(image=X,
        boxes=np.zeros((0, 4)))]


def boxes(fw: Any) -> Any:
    """Boxes, anchors, targets, suppression and scores, of floats, integers and lists."""
    v = fw.vision.boxes
    a = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 2, 1.5], [2, 2, 3, 4], [0, 0, 0, 0], [3, 0, 1, 1]])
    b = np.array([[0, 0, 2, 2], [2, 2, 3, 3], [0.5, 0, 2, 2]])
    forms = ("xyxy", "xywh", "cxcywh")
    yield [v.convert(a, source, target) for source in forms for target in forms], v.convert(a.astype(int), "xywh",
        "cxcywh")
    yield [v.convert([[1, 2, 3, 4]], "cxcywh", "xyxy"), v.convert(a.astype(np.float32)[None], "cxcywh", "xyxy"),
        v.area(a)]
    yield v.iou(a, b), v.iou(a.astype(np.float32), b), v.iou([], b), v.iou(a, []), v.iou(a.astype(int), b.astype(int))
    yield [v.anchors((2, 3), (0.5, 0.2), (1, 2, 0.5)), v.anchors((1, 2), (0.3,), (2,), (4, 3)), v.anchors((2, 1),
        (0.3, 0.1), (1,), dtype=np.float64)]
    for threshold in (0.0, 0.3, 0.5, 0.6, 1.0):
        yield [v.match(a, b, threshold), v.match(a[:2], b, threshold), v.match(b, b, threshold), v.match(a, b[:0]),
            v.match(a[:0], b)]
        yield v.nms(a, np.array([0.5, 0.9, 0.5, 0.1, 0.2, 0.7]), threshold), v.nms(a[:0], np.zeros(0), threshold)
        yield v.batched_nms(a, np.array([0.5, 0.9, 0.4, 0.1, 0.2, 0.7]), np.array([1, 0, 1, 0, 1, 0]), threshold)
    yield [v.match(a, b), v.nms(a, np.arange(6.0)), v.batched_nms(a, np.arange(6.0), np.zeros(6, int)),
        v.batched_nms(a[:0], np.zeros(0), np.zeros(0))]
    yield [v.encode(a[:3], b), v.encode(a[:3], b, (1, 1)), v.decode(a[:3], b), v.decode(a[:3],
        np.arange(12).reshape(3, 4), (0.5, 0.25))]
    labels = [np.array([[1, 0, 0, 2, 2], [-1, 2, 2, 3, 3], [0, 2, 2, 3, 3.5]]), np.zeros((0, 5)), []]
    yield [v.target(a[:4], labels), v.target(a[:4], labels[:1], 0.9, (0.5, 0.3)), v.target(a[:4].astype(np.float32),
        np.array([labels[0]]))]
    scores = np.array([[[0.1, 0.9, 0.2], [0.5, 0.005, 0.3], [0.9, 0.01, 0.001], [0.1, 0.8, 0.85]],
        [[0.3, 0.2, 0.1]] * 4])
    yield [v.detect(scores, np.zeros((2, 4, 4)), a[:4]), v.detect(scores, np.linspace(-1, 1, 32).reshape(2, 16),
        a[:4], 0.1, 0.3)]
    for style in ("area", "11point"):
        for found in ((0.9, 1), (0.9, 0), (0.9, 1, 0.8, 0, 0.95, 1, 0.1, 1), ()):
            yield v.average_precision(found[::2], found[1::2], 3, style)
    preds = [np.array([[0, 0.3, 0, 0, 2, 2], [0, 0.6, 0, 0, 2, 1.9], [1, 0.5, 1, 1, 3, 3], [2, 0.9, 0, 0, 1, 1], [-1,
        1, 0, 0, 1, 1]]),
             np.array([[1, 0.7, 0, 0, 2, 2], [1, 0.9, 0.2, 0, 2.2, 2], [0, 0.4, 2, 2, 3, 4], [0, 0.5, 0, 0, 1, 1]])]
    truths = [np.array([[0, 0, 0, 2, 2], [1, 0, 0, 3, 3], [-1, 0, 0, 1, 1]]),
        np.array([[1, 0.2, 0, 2.2, 2], [1, 0, 0, 2, 2.2], [0, 2, 2, 3, 4.1]])]
    for threshold in (0.3, 0.5, 0.9, 1.0):
        yield v.mean_ap(preds, truths, threshold), sorted(v.class_ap(preds, truths, threshold, "11point").items())
    yield [v.mean_ap(preds, truths), v.mean_ap([np.zeros((0, 6)), []], truths),
        sorted(v.class_ap(preds[:1], truths[:1]).items())]


def detector(fw: Any) -> Any:
    """The anchors, scores and offsets of TinySSD, and losses of all kinds."""
    model = fw.models.TinySSD(2)
    with fw.test_mode(), fw.no_grad():
        anchors, scores, offsets = model(im(1, 1, 64, 96) + 0.5)
    yield anchors, scores.shape, offsets.shape, fw.models.TinySSD().n_classes, [p.shape for p in model.params()]
    scores, offsets = (fw.Variable(np.linspace(-1, 1, n).reshape(2, 4, -1)) for n in (24, 32))
    labels, targets = np.array([[0, 1, 0, 0], [0, 0, 0, 0]]), np.linspace(-2, 1, 32).reshape(2, 16)
    mask = np.repeat(labels > 0, 4, 1).astype(float)
    for options in ({}, {"box": "smooth_l1"}, {"negatives": 2}, {"negatives": 1, "box": "smooth_l1"},
        {"negatives": 0}):
        for t in (labels, labels * 2, labels * 0):
            loss = fw.models.ssd_loss(scores, offsets, t, targets, mask, **options)
            yield loss, fw.grad(loss, [scores, offsets])


def segmented(fw: Any) -> Any:
    """FCN of trunks of several strides, with maps that are too small by one; bilinear kernels."""
    for stride, change in ((2, 0), (4, 0), (3, 0), (4, 1), (4, -1)):
        trunk = fw.Sequential(lambda x, k=stride, d=change: fw.avg_pool2d(x, k)[:, :, : None if d == 0 else -1]
            if d >= 0 else fw.concat([fw.avg_pool2d(x, k)] * 2, 2)[:, :, :3])
        model = fw.models.FCN(trunk, 3, stride)
        yield model(np.linspace(-1, 1, 8 * stride * stride, dtype=np.float32).reshape(1, 2, 2 * stride, 2 * stride))
        yield [(path, p.shape) for path, p in model.named_params()], model.enlarge.W
    yield [fw.models.FCN(fw.avg_pool2d, 2).stride, fw.models.bilinear_kernel(2, 2, 4), fw.models.bilinear_kernel(3, 1,
        3)]


def narrow_models(fw: Any) -> Any:
    """Narrow classifiers in training and not, at their smallest sizes and beyond; their names in PyTorch."""
    models, x = fw.models, np.linspace(-1, 1, 3 * 36 * 40, dtype=np.float32).reshape(1, 3, 36, 40)
    for model, H, W in (
        (models.GoogLeNet(n_classes=16, aux=True), 17, 23), (models.GoogLeNet(n_classes=16, style="paper",
         transform_input=True), 9, 16),
        (models.ResNet18(n_classes=16), 20, 33), (models.ResNet18(n_classes=16, stem="small"), 9,
         10), (models.DenseNet(16, (2, 1), 16, n_classes=16), 21, 30),
        (models.DenseNet(16, (1, 2), 16, None, n_classes=16, dropout_ratio=0.3), 21,
         30), (models.SqueezeNet11(n_classes=16), 19, 40),
        (models.VGG11(n_classes=16, batch_norm=True), 33, 35),
    ):  # fmt: skip
        model = narrowed(fw, model, 16)
        yield sorted(model.torch_layers().items())
        with fw.no_grad(), fw.test_mode():
            yield model(x[:, :, :H, :W]), [path for path, _ in model.named_state()][-3:]
        with fw.no_grad():
            y = model(np.concatenate([x, x[:, :, ::-1]])[:, :, :H, :W])
        yield [part.shape for part in (y if isinstance(y, tuple) else [y])], np.random.rand()


def updated(fw: Any, optimizer: Any, steps: int = 4) -> Any:
    """The weights and the state after some updates of a layer, and after loading the state into itself."""
    layer = fw.layers.Linear(2, in_size=3)
    layer.W.data = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
    optimizer.setup(layer)
    found = []
    for k in range(steps):
        y = fw.sum(fw.square(layer(ROW * (k + 1)) - k))
        layer.cleargrads()
        y.backward()
        if k == 2:
            layer.b.cleargrad()
        optimizer.update()
        found += [layer.W.data.copy(), layer.b.data.copy()]
    state = optimizer.state()
    optimizer.load_state(state)
    return found, sorted(state.items())


def rules(fw: Any) -> Any:
    """Every optimizer with its defaults and with other options, and hooks."""
    o = fw.optimizers
    make: Any
    for make in (
        lambda: o.SGD(), lambda: o.MomentumSGD(), lambda: o.MomentumSGD(0.1,
            0.5), lambda: o.AdaGrad(), lambda: o.AdaGrad(0.1, 0.5),
        lambda: o.AdaDelta(), lambda: o.AdaDelta(0.5, 0.1), lambda: o.Adam(), lambda: o.Adam(0.1, 0.5, 0.7,
            0.2), lambda: o.NAG(), lambda: o.NAG(0.1, 0.5),
        lambda: o.RMSprop(), lambda: o.RMSprop(0.1, 0.5, 0.2, 0.3), lambda: o.RMSprop(0.1, 0.5, 0.2,
            centered=True), lambda: o.RMSprop(0.1, 0.5, 0.2, 0.3, True, "tensorflow"),
        lambda: o.RMSprop(style="tensorflow"), lambda: o.RMSprop(start=0.5), lambda: o.AdamW(), lambda: o.AdamW(0.1,
            weight_decay=0.5, decay=lambda path, p: p.ndim > 1),
    ):  # fmt: skip
        yield updated(fw, make())
    for hook in (o.WeightDecay(0.1), o.ClipGrad(0.5), o.ClipGrad(1e6), o.ClipValue(0.3)):
        optimizer = o.SGD(0.1)
        optimizer.add_hook(hook)
        yield updated(fw, optimizer)
    yield grouped_rules(fw)


def grouped_rules(fw: Any) -> Any:
    """Two groups with hooks of their own and common ones; one is frozen."""
    o, model = fw.optimizers, fw.Sequential(fw.layers.Linear(2, in_size=3), fw.layers.Linear(2, in_size=2),
        fw.layers.Linear(1, in_size=2))
    for k, p in enumerate(model.params()):
        p.data = np.linspace(-1, k, p.size, dtype=np.float32).reshape(p.shape)
    first, second = o.MomentumSGD(0.1), o.Adam(0.1)
    first.add_hook(o.WeightDecay(0.5))
    found = o.Grouped([([model.l0, model.l1.W], first), ("rest", second)]).setup(model)
    found.add_hook(o.ClipGrad(1.0))
    found.add_hook(o.FreezeParam(model.l2))
    for _ in range(3):
        model.cleargrads()
        fw.sum(fw.square(model(ROW))).backward()
        found.update()
    state = found.state()
    found.load_state(state)
    return [p.data
        for p in model.params()], sorted(state), sorted(first.state()), sorted(second.state()), found.numbers()


def schedules(fw: Any) -> Any:
    """The rates of every schedule, and of one that goes on with the state of another."""
    o = fw.optimizers
    make: Any
    for make in (
        lambda s: o.StepLR(s, 2), lambda s: o.StepLR(s, 3, 0.5), lambda s: o.MultiStepLR(s, [4,
            2]), lambda s: o.MultiStepLR(s, [1, 3], 0.5), lambda s: o.ExponentialLR(s, 0.7),
        lambda s: o.LinearLR(s), lambda s: o.LinearLR(s, 0.5, 0.2, 3), lambda s: o.PolynomialLR(s,
            4), lambda s: o.PolynomialLR(s, 5, 2.0), lambda s: o.CosineLR(s, 4), lambda s: o.CosineLR(s, 4, 0.05),
        lambda s: o.InverseLR(s, 0.5), lambda s: o.InverseLR(s, 0.5, 2.0), lambda s: o.LambdaLR(s,
            lambda t: 1 / (t + 2)), lambda s: o.WarmUp(o.CosineLR(s, 5), 3), lambda s: o.WarmUp(o.StepLR(s, 1), 1),
        lambda s: o.between(s, 0.01, 4), lambda s: o.between(s, 0.01, 4, "exponential"), lambda s: o.between(s, 0.2,
            2),
    ):  # fmt: skip
        schedule, other = make(o.SGD(0.1)), make(o.SGD(0.3))
        found = [schedule.last]
        for _ in range(6):
            schedule.step()
            found.append(schedule.last)
        other.load_state(schedule.state())
        other.step()
        yield found, schedule.state(), other.last, other.t, schedule.rate(2)
    values = [3, 2, 2.5, 2.5, 1.9999, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.5, 1.6, 1.6]
    for options in ({}, {"patience": 1}, {"patience": 0, "mode": "max"}, {"factor": 0.5, "patience": 1, "cooldown": 2,
        "minimum": 0.03}, {"patience": 0, "min_delta": 0.3}, {"patience": 2, "cooldown": 1}):
        for sign in (1, -1):
            schedule, other = o.OnPlateau(o.SGD(0.1), **options), o.OnPlateau(o.SGD(0.1), **options)
            found = []
            for value in values:
                schedule.step(sign * value)
                found.append(schedule.last)
            other.load_state(schedule.state())
            other.step(0.0)
            yield found, sorted(schedule.state().items()), other.last, sorted(other.state().items())


def loaders(fw: Any) -> Any:
    """The batches of loaders of all kinds, of epochs inside others, after states are loaded; prepared ahead."""
    data = [(np.arange(2.0) + k, k) for k in range(7)]
    for options in ({}, {"shuffle": False}, {"drop_last": True}, {"rng": 3}, {"rng": 3, "shuffle": False,
        "drop_last": True}):
        loader = fw.DataLoader(data, 3, **options)
        found = [t for _, t in loader] + [next(loader)[1], [t for _, t in loader], loader.next()[1]]
        other = fw.DataLoader(data, 3, **options)
        other.load_state(loader.state())
        yield [found, len(loader), loader.iteration, list(loader.state()), [t for _, t in other], [next(other, None)
            for _ in range(4)]]
        ahead = fw.prefetch.Prefetch(loader, 2)
        yield [t for _, t in ahead], [ahead.reset(), ahead.next(), *(next(ahead, None)
            for _ in range(5))], len(ahead), ahead.iteration
        two = fw.prefetch.Prefetch(loader, 3, 2)
        yield [t for _, t in two], [t for _, t in fw.prefetch.Prefetch([(1, 2), (3, 4)])], two.batch_size
    for size in (1, 2, 3, 7):
        loader = fw.SeqDataLoader(data, size)
        yield [t for _, t in loader], next(loader), loader.max_iter
    yield [next(fw.DataLoader([(1, None)] * 3, 2)), [next(iter(fw.DataLoader(data, 2, False)))[1],
        len(fw.DataLoader([], 2))]]
    yield fw.prefetch.map_threads(lambda x: (x * x, fw.Config.train), range(5), 2)


def data_sets(fw: Any) -> Any:
    """The data of all generated and small data sets."""
    d = fw.datasets
    for train in (True, False):
        spiral, curve, digits = d.Spiral(train), d.SinCurve(train), d.Digits(train)
        yield d.get_spiral(train), spiral.data[:9], spiral.label[:9], curve.data[:50], curve.label[-50:], len(curve)
        yield digits.data[::60], digits.label[::60], digits[3], len(digits), d.Digits(train, None, float)[-1]
    yield [d.Images.labels(), d.CIFAR10.labels(), d.CIFAR100.labels(), d.CIFAR100.labels("coarse"),
        d.VOC2012.labels(), d.FashionMNIST.labels()]


class Noted:
    """A callback that notes what it sees of a trainer."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def note(self, trainer: Any) -> None:
        self.seen.append([trainer.epoch, trainer.batch, trainer.epochs, trainer.batches, trainer.stop,
            sorted(trainer.values.items())])

    on_begin = on_epoch = on_batch = on_epoch_end = on_end = note


def trained(fw: Any, callbacks: Any = (), epochs: int = 4, valid: Any = None, progress: Any = False,
    **options: Any) -> Any:
    """A run of a small trainer: (trainer, history, what a callback saw, weights)."""
    layer = fw.layers.Linear(1, in_size=3)
    layer.W.data = np.array([[1], [2], [-1]], np.float32)
    optimizer = fw.optimizers.MomentumSGD(0.05)
    trainer = fw.Trainer(layer, optimizer, fw.mean_squared_error, **options)
    batches = [(ROW * k, np.full((2, 1), k * 0.5, np.float32)) for k in (1, 2)] + [(ROW[:1], im(1, 1))]
    noted = Noted()
    history = trainer.fit(batches, epochs, None if valid is None else batches[valid:], [noted,
        *(make(optimizer, layer) for make in callbacks)], progress)
    return trainer, [history.epochs, noted.seen, layer.W.data, optimizer.lr]


def runs(fw: Any) -> Any:
    """Histories, callbacks and weights of runs with all callbacks and options."""
    t, o = fw.training, fw.optimizers
    mae = {"mae": lambda y, t: float(np.abs(y.data - t).mean())}
    for callbacks, options in (
        ((), {}), ((), {"metrics": mae, "valid": 1}), ((), {"clip": 0.1,
         "metrics": [len_of]}), ((lambda *_: t.EarlyStopping("loss", 1, 0.5),), {"epochs": 9}),
        ((lambda *_: t.EarlyStopping(patience=2, restore_best=False),), {"epochs": 9,
         "valid": 0}), ((lambda *_: t.EarlyStopping("valid_mae", mode="max"),), {"valid": 2, "metrics": mae}),
        ((lambda s, _: t.ScheduleRate(o.StepLR(s, 1, 0.5)),), {}), ((lambda s, _: t.ScheduleRate(o.StepLR(s, 2, 0.5),
         "batch"),), {}),
        ((lambda s, _: t.ScheduleRate(o.OnPlateau(s, 0.5, 0)),), {"valid": 0}), ((lambda s,
         _: t.ScheduleRate(o.OnPlateau(s, 0.5, 0), monitor="loss"),), {}),
        ((lambda *_: t.StopOnNaN(),), {"metrics": mae}), ((lambda _,
         layer: t.Average(t.ExponentialMovingAverage(layer, 0.5)),), {}),
    ):  # fmt: skip
        trainer, found = trained(fw, callbacks, **options)
        yield [found, trainer.names, trainer.expected, repr(trainer.history).split(":")[0],
            trainer.history.best("loss"), t.History.from_json(trainer.history.to_json()).epochs]
        yield [trainer.evaluate(DATA_TO_TEST), trainer.predict(ROW), trainer.predict(DATA_TO_TEST),
            trainer.state()["head"].item()[:12], list(trainer.parts)]


def len_of(y: Any, t: Any) -> int:
    return len(t)


DATA_TO_TEST = [(ROW, im(2, 1)), (ROW[:1] * 2, im(1, 1) + 1)]


def averages(fw: Any) -> Any:
    """Averages of weights after some updates, with warm-up and without; states, and weights within `applied`."""
    for options in ({}, {"decay": 0.5}, {"decay": 0.3, "warmup": True}, {"warmup": True}):
        model = fw.Sequential(fw.layers.Linear(2, in_size=3), fw.layers.BatchNorm())
        model(ROW)
        average = fw.training.ExponentialMovingAverage(model, **options)
        for k in range(3):
            for p in model.params():
                p.data = p.data * 0 + k
            model.l1.avg_mean.data = model.l1.avg_mean.data + 1
            average.update()
        yield sorted(average.state().items())
        with average.applied() as same:
            yield [v.data.copy() for _, v in same.named_state()], same is model
        yield [v.data for _, v in model.named_state()], average.t


def selected(fw: Any) -> Any:
    """Folds, subsets, splits and scores."""
    t = fw.training
    labels = [0, 1, 1, 2, 0, 1, 2, 2, 2, 0, 5]
    for options in ({}, {"n_splits": 3}, {"n_splits": 2, "shuffle": True}, {"n_splits": 4, "shuffle": True, "rng": 5}):
        yield list(t.KFold(**options).split(11)), list(t.StratifiedKFold(**options | {"n_splits": 3}).split(labels))
    data = list(range(10, 21))
    yield [list(part) for part in t.split_dataset(data, [0.5, 0.3, 0.2])], [list(part)
        for part in t.split_dataset(data, [0.61, 0.39], 4)]
    yield [list(part) for part in t.split_dataset(data[:3], [1 / 3] * 3, np.random.default_rng(1))], t.Subset(data,
        [3, 3, 0])[1], len(t.Subset(data, (1, 2)))

    def fit(train: Any, valid: Any) -> Any:
        return sum(valid) / sum(train)

    yield t.cross_validate(fit, data), t.cross_validate(fit, data, 3, True, 2)


def inspected(fw: Any) -> Any:
    """Summaries, parameters, norms and fused models."""
    t, L = fw.training, fw.layers
    shared = L.Linear(3, in_size=3)
    model = fw.Sequential(L.Linear(3, in_size=3), fw.relu, shared, fw.Sequential(shared, L.BatchNorm(), L.Linear(2000,
        nobias=True)), L.Dropout() if hasattr(L, "Dropout") else fw.tanh)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        yield t.summary(model, ROW), printed.getvalue(), repr(t.summary(fw.Sequential(fw.relu), ROW))
    model(ROW)
    yield [t.count_params(model), list(t.find_params(model)), list(t.find_params(model, "l3/*")), [type(each).__name__
        for each in applied_to(fw, model)]]
    model.cleargrads()
    fw.sum(fw.square(model(ROW * [1, 2, 3]))).backward()
    yield sorted(t.gradient_norms(model).items())
    for conv, x in ((L.Conv2d(4, 2), im(2, 3, 4, 5)), (L.Conv2d(4, 2, nobias=True), im(2, 3, 4, 5)), (L.Conv1d(4, 2),
        im(2, 3, 5)), (L.Deconv2d(4, 2), im(2, 3, 4, 5)), (L.Deconv2d(4, 2, groups=3, in_channels=3)
        if 0 else L.Linear(4), im(5, 3)), (L.DepthwiseConv2d(2, 2), im(2, 3, 4, 5))):
        x = np.linspace(-1, 1, x.size, dtype=np.float32).reshape(x.shape)
        for norm in (L.BatchNorm(), L.BatchNorm(affine=False, eps=0.1)):
            net = fw.Sequential(conv, norm, fw.relu)
            net(x)
            fused = t.fuse(net)
            with fw.test_mode():
                yield [net(x), np.abs(fused(x).data - net(x).data).max() < 1e-4, len(fused.layers), [p.shape
                    for p in fused.params()]]
    norm = L.BatchNorm()
    yield [len(t.fuse(made(fw, fw.Sequential(L.Linear(2), norm, L.Linear(2), norm))).layers),
        len(t.fuse(made(fw, fw.Sequential(norm, L.Linear(2), fw.relu))).layers)]


def made(fw: Any, model: Any) -> Any:
    model(ROW[:, :2])
    return model


def applied_to(fw: Any, model: Any) -> list[Any]:
    found: list[Any] = []
    fw.training.apply(model, found.append)
    return found


def files(fw: Any) -> Any:
    """Checkpoints with everything, loaded into other objects; files of weights; links; what is left in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        model, optimizer, data = net(fw), fw.optimizers.MomentumSGD(0.1), loader(fw, rng=1)
        optimizer.setup(model)
        for _ in range(2):
            model.cleargrads()
            fw.sum(model(ROW)).backward()
            optimizer.update()
        next(data)
        schedule = fw.optimizers.StepLR(optimizer, 2)
        fw.saving.save_checkpoint(place / "a", model, optimizer, data, epoch=3, name="x", rate=np.float32(0.5),
            some=[1, 2], schedule=schedule)
        drawn = np.random.rand()
        other, second, third = net(fw), fw.optimizers.MomentumSGD(0.7), loader(fw, rng=9)
        second.setup(other)
        found = fw.saving.load_checkpoint(place / "a.npz", other, second, third, schedule=fw.optimizers.StepLR(second,
            2))
        yield [sorted(found), found["epoch"], found["rate"], found["some"], other.W.data, second.lr, [s["v"]
            for s in second.states.values()], third.index, drawn == np.random.rand()]
        (place / "link.npz").symlink_to(place / "a.npz")
        model.save_weights(place / "link")
        model.save_weights(place / "b")
        yield [sorted(path.name for path in place.iterdir()), (place / "link.npz").is_symlink(),
            [sorted(fw.saving.read_weights(place / name).items()) for name in ("b", "b.npz", "a.npz")]]
        (place / "b.npz").rename(place / "c")
        yield [sorted(fw.saving.read_arrays(place / "c")),
            message(lambda: fw.saving.read_arrays(place / "d")).split("'")[-2][-6:]]
        for options in ({}, {"optimizer": optimizer}, {"loader": data}):
            path = place / "x"
            fw.saving.save_checkpoint(path, model, **options)
            yield [owner(partial(fw.saving.load_checkpoint, path, net(fw), **more)) for more in ({},
                {"optimizer": fw.optimizers.MomentumSGD().setup(model)}, {"loader": data}, {"epoch": 1},
                {"s": schedule})]


def in_many_processes(fw: Any) -> Any:
    """What three ranks find: arrays, objects, models, gradients, data, normalization, files, errors."""
    for size in (1, 3):
        yield run(fw, size, partial(exchanged, fw))
        yield run(fw, size, partial(averaged_models, fw))
        yield run(fw, size, partial(dealt_out, fw))


def exchanged(fw: Any, comm: Any) -> Any:
    r = comm.rank
    x = np.arange(3, dtype=np.float32) + r
    found: list[Any] = [comm.allreduce(x), comm.allreduce(x[::2].astype(np.float16)),
        comm.allgather(np.arange(2) * r), comm.bcast(x if r == 0 else None), comm.bcast(x, comm.size - 1)]
    found += [comm.allgather_obj(r), comm.bcast_obj((r, "x"), comm.size - 1), comm.gather_obj(r), comm.gather_obj(r,
        comm.size - 1), comm.allreduce_obj([r]), comm.scatter_obj([10 * k
        for k in range(comm.size)]), comm.any(r == 1), comm.any(False)]
    found += [comm.size, comm.rank, comm.intra_rank, comm.intra_size, comm.split(0).size]
    comm.barrier()
    call: Callable[[], Any]
    for call in (
        lambda: comm.check_root(comm.size), lambda: comm.check_root(-1), lambda: comm.agree("x", r),
        lambda: comm.agree("x", 1), lambda: comm.check("x", f"no {r}" if r else None), lambda: comm.check("x", None),
        lambda: comm.allreduce(np.zeros(1 + r)), lambda: comm.allreduce(np.zeros(2, "fd"[r == 0])),
        lambda: comm.allgather(np.zeros(1 + r)), lambda: comm.bcast(x, r), lambda: comm.allreduce(x > 0),
        lambda: comm.allreduce([1]),
    ):  # fmt: skip
        found.append(message(call))
    return found


def averaged_models(fw: Any, comm: Any) -> Any:
    r, d = comm.rank, fw.distributed
    model = fw.Sequential(fw.layers.Linear(2, in_size=3 if r == 0 else None), fw.layers.BatchNorm(),
        fw.layers.Linear(1, in_size=2))
    for k, p in enumerate(model.params()):
        if p.data is not None:
            p.data = np.linspace(-1, k + r, p.size, dtype=np.float32).reshape(p.shape)
    found: list[Any] = [message(lambda: comm.multi_node_mean_grad(model)),
        message(lambda: comm.bcast_data(model, comm.size))]
    comm.bcast_data(model)
    found += [p.data for p in model.params()]
    optimizer = d.create_multi_node_optimizer(fw.optimizers.MomentumSGD(0.1), comm).setup(model)
    for weight in (None, 1 + r):
        model.cleargrads()
        if not (weight and r):
            fw.sum(fw.square(model(ROW * (r + 1) * [1, 2, 3]) * np.array([[1], [2]]))).backward()
        found.append(optimizer.update(*[] if weight is None else [weight]))
        found += [p.data.copy() for p in model.params()]
    comm.mean_buffers(model)
    found += [v.data for _, v in model.named_state()]
    comm.bcast_state(optimizer.actual_optimizer)
    found.append([s["v"] for s in optimizer.states.values()])
    for weight in (-1, 0, np.nan, np.inf, r):
        found.append(owner(partial(comm.multi_node_mean_grad, model, weight=weight)))
    model.cleargrads()
    if r == 0:
        model.l0.b.grad = fw.Variable(im(2))
    found += [owner(partial(comm.multi_node_mean_grad, model, zero_fill=False)),
        owner(partial(comm.multi_node_mean_grad, model)), [p.grad is None for p in model.params()]]
    checked = d.create_multi_node_optimizer(fw.optimizers.SGD(0.1), comm, check_finite=True).setup(model)
    model.l0.b.grad = fw.Variable(im(2) + (np.nan if r else 1))
    found += [message(checked.update), model.l0.b.data, model.l0.b.grad]
    np.random.seed(0)
    comm.seed(2**32 - 1)
    found.append(np.random.rand() if comm.size == 1 else 0)
    norm, x = d.MultiNodeBatchNormalization(comm), np.linspace(-1, 1 + r, 12).reshape(4, 3)[: 4 - r]
    for _ in range(2):
        found.append(norm(x))
    found += [norm.avg_mean.data, norm.avg_var.data]
    with fw.test_mode():
        found.append(norm(x))
    for options in ({"affine": False, "eps": 0.1}, {"decay": None}, {"warmup": True}):
        norm = d.MultiNodeBatchNormalization(comm, **options)
        found += [norm(x), norm(x * 2), norm.avg_mean.data, norm.avg_var.data, list(norm.params())[:0]]
    other = d.create_mnbn_model(fw.Sequential(fw.layers.BatchNorm(), fw.relu), comm)
    return [*found, type(other.l0).__name__, other(x), message(lambda: d.MultiNodeBatchNormalization(comm)(x[:0]))]


def dealt_out(fw: Any, comm: Any) -> Any:
    r, d, found = comm.rank, fw.distributed, list[Any]()
    for n in (7, 6, 2):
        for options in ({}, {"force_equal_length": False}, {"shuffle": True, "seed": 3}, {"root": None},
            {"root": comm.size - 1}, {"root": None, "shuffle": True, "seed": 1}):
            part = d.scatter_dataset(range(10, 10 + n) if options.get("root", 0) in (r, None) else None, comm,
                **options)
            found.append([part[i] for i in range(len(part))])
    found += [[list(part) for part in d.split_batch(list(range(n)), comm.size + 1)] for n in (7, 1)]
    found += [message(lambda: d.check_steps(comm, [0] * (1 + r))),
        message(lambda: d.scatter_dataset([1] * (1 + r), comm, None))]
    for f, part in (
        (lambda p: (sum(p), len(p)), [1, 2 + r]), (lambda p: ({"a": sum(p), "b": 1}, len(p)), [1] * r + [3]),
        (lambda p: (0, len(p)), []),
    ):  # fmt: skip
        evaluate = d.create_multi_node_evaluator(f, comm)
        found.append(message(partial(evaluate, part)))
        found += [evaluate(part)] if part else []
    with tempfile.TemporaryDirectory() as folder:
        folder = comm.bcast_obj(folder)
        layer = net(fw)
        layer.W.data[...] = 3
        d.save_checkpoint(comm, f"{folder}/run", layer, epoch=r)
        found += [sorted(os.listdir(folder)), d.load_checkpoint(comm, f"{folder}/run.npz", net(fw))]
        d.save_checkpoint(comm, f"{folder}/new.npz", layer)
        comm.barrier()
        if r == 0:
            os.replace(f"{folder}/run.rank0of{comm.size}.npz", f"{folder}/new.rank0of{comm.size}.npz")
        comm.barrier()
        found += [owner(partial(d.load_checkpoint, comm, f"{folder}/{name}", net(fw))) for name in ("new", "run",
            "none")]
        comm.barrier()
    return found


DATA_SETS = """
MNIST FashionMNIST CIFAR10 CIFAR100 IMDb PTB TimeMachine Text8 FrenchEnglish GloVe Hotdog VOC2012 HousePrices Airfoil
Shakespear
"""


def addresses(fw: Any) -> Any:
    """The addresses that data sets try if every download fails; their static methods, called on objects."""
    for name in DATA_SETS.split():
        kind = getattr(fw.datasets, name)
        for options in ({}, {"train": False}) if name in ("MNIST", "FashionMNIST", "CIFAR10", "IMDb") else ({},):
            with downloads(*[OSError("no")] * 20) as network:
                yield [owner(partial(kind, **options)).partition(":")[0], network.urls, [path.parts[-3] + path.name
                    for path in network.parts]]
        if isinstance(vars(kind).get("labels"), staticmethod):
            yield object.__new__(kind).labels()
    yield object.__new__(fw.datasets.VOC2012).colors()[:9], object.__new__(fw.synthetic.Shapes).labels()


def tables(fw: Any) -> Any:
    """Features of short and odd columns; csv files with quotes, of house prices."""
    features = fw.datasets.table_features
    yield [features({"a": [1.0, np.nan], "b": [2, 2], "c": [True, False], "d": ["x", ""]}),
        features({"a": [np.nan, np.nan]})]
    files = b'Id,A,B,SalePrice\n1,"x\r\ny",1,2\n2,NA,NA,3\n', b'Id,A,B\n3,"x\r\ny",4\n'
    for train in (True, False):
        data, found = loaded(fw, "HousePrices", *files, train=train)
        yield [found, data.columns, list(data.table), [type(column).__name__ for column in data.table.values()],
            data.table["A"]]
    xml = XML.replace(b"<xmin>1<", b"<xmin>3<"), b"<annotation></annotation>"
    for content in xml:
        archive = tar(**{"VOCdevkit/VOC2012/ImageSets/Main/train.txt": b"a\n",
            "VOCdevkit/VOC2012/JPEGImages/a.jpg": picture(1)[1], "VOCdevkit/VOC2012/Annotations/a.xml": content})
        yield samples(fw, "VOC2012", archive, task="detection")


def without_dropout(fw: Any) -> Any:
    """Whether models with dropout_ratio 0 give the same in training; whether all but LeNet refuse to be pretrained."""
    m, image = fw.models, np.linspace(-1, 1, 3 * 70 * 70, dtype=np.float32).reshape(1, 3, 70, 70)
    for model, size in ((m.AlexNet(dropout_ratio=0.0), 63), (m.AlexNet(dropout_ratio=0.0, style="paper"), 67),
        (m.VGG11(dropout_ratio=0.0), 32), (m.SqueezeNet11(dropout_ratio=0.0), 17),
        (m.GoogLeNet(style="paper", dropout_ratio=0.0), 1)):
        model, x = narrowed(fw, model, 16), image[:, :, :size, :size]
        with fw.no_grad(), fw.test_mode():
            y = model(x).data
        with fw.no_grad():
            yield np.array_equal(model(x).data, y), y.shape
    for kind in ("AlexNet", "NiN", "LeNet", "SqueezeNet", "SqueezeNet11", "VGG11", "GoogLeNet", "ResNet18",
        "DenseNet121", "DenseNet161", "DenseNet169", "DenseNet201"):
        yield owner(partial(getattr(m, kind), pretrained=True))


class Bar:
    """Stands in for tqdm."""

    seen: ClassVar[list[Any]] = []

    def __init__(self, **options: Any) -> None:
        self.seen.append(sorted(options.items()))

    def update(self) -> None:
        self.seen.append("update")

    def set_postfix(self, values: Any, **options: Any) -> None:
        self.seen.append([sorted(values), sorted(options.items())])

    def close(self) -> None:
        self.seen.append("close")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(fw: Any) -> Any:
    """Bars of tqdm on a terminal, lines without it, the CSV file, early stopping with states and in mode 'max'."""
    t, Bar.seen = fw.training, []
    package: Any = types.ModuleType("tqdm")
    package.tqdm, package.__spec__ = Bar, types.SimpleNamespace()
    for progress in (True, None, False):
        with mock.patch.dict(sys.modules, tqdm=package), contextlib.redirect_stderr(Terminal()) as stderr:
            trained(fw, epochs=2, progress=progress)
        yield list(Bar.seen), stderr.getvalue()
        Bar.seen.clear()
    for terminal in (Terminal(), io.StringIO()):
        absent = mock.patch("importlib.util.find_spec", return_value=None)
        with mock.patch.dict(sys.modules, tqdm=None), contextlib.redirect_stderr(terminal), absent:
            trained(fw, epochs=1, progress=None if terminal.isatty() else True)
        yield re.sub(r"[0-9.]+", "0", terminal.getvalue()), t.ProgressBar.is_watched() in (True, False)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "log.csv")
        for epochs in (1, 3):
            trained(fw, [lambda *_: t.CSVLog(path)], epochs, metrics={"é": lambda y, t: 1.5})
            yield [[cell if cell.isalpha() else float(cell) for cell in line.split(",")]
                for line in path.read_text("utf-8").split()]
    for mode, delta in (("max", 0.0), ("max", 0.5), ("min", 0.5)):
        values = iter([1.0, 2.0, 2.25, 3.0, 2.0, 1.0, 0.5, 0.25, 0.1, 5.0])
        stop = t.EarlyStopping("x", 2, delta, mode=mode)
        _, found = trained(fw, [lambda *_, stop=stop: stop], 9, metrics={"x": lambda y, t,
            values=values: float(next(values, 0.0)) if len(t) == 1 else 0.0})
        other = t.EarlyStopping("x", mode=mode)
        other.load_state(stop.state())
        yield [stop.best_epoch, found, sorted(stop.state().items()), sorted(other.state().items()),
            type(other.best_epoch).__name__]


def interrupted(fw: Any) -> Any:
    """A run that Ctrl-C ends, one that a callback stops, and the attributes of a trainer before any."""
    for kind in (KeyboardInterrupt, RuntimeError):

        class Raising:
            @classmethod
            def of(cls, *_: Any) -> Any:
                return cls()

            def on_batch(self, trainer: Any, kind: Any = kind) -> None:
                if trainer.epoch == 2:
                    raise kind

        noted: list[Any] = []
        with contextlib.suppress(RuntimeError, KeyboardInterrupt):
            noted += trained(fw, [Raising.of])[1]
        yield noted
    trainer = fw.Trainer(net(fw), fw.optimizers.SGD(), fw.mean_squared_error, [len_of])
    yield [trainer.epoch, trainer.batch, trainer.epochs, trainer.batches, trainer.values, trainer.stop, trainer.names,
        trainer.expected, trainer.clip, len(trainer.history), trainer.loader]
    modes: list[Any] = []

    def step(ids: Any, state: Any) -> Any:
        modes.append([fw.Config.train, fw.Config.enable_backprop])
        return np.log(np.array([[0.2, 0.5, 0.3]] * len(ids))), state

    found = fw.text.beam_search(step, (0, {"a": np.arange(1), "b": (fw.Variable(np.arange(1.0)), None),
        "c": [np.arange(1)]}), 2, 3, 4)
    model = types.SimpleNamespace(start=lambda src, lengths: None, step=step, bos=0, eos=2)
    yield found, fw.text.beam_search(step, (0, np.arange(1)), 1, 2, 3), fw.text.greedy(model, [[1], [2]], 3), modes
    with fw.prefetch.Timer() as timer:
        pass
    yield 0 <= timer.seconds < 60, fw.prefetch.Timer.seconds


def corners(fw: Any) -> Any:
    """Cases at the corners of data sets, files, models and training."""
    d, m, t, L = fw.datasets, fw.models, fw.training, fw.layers
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield d.table_features({"a": [2.0, np.nan], "b": [1, 4]})
    batch = {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, True]}
    yield owner(partial(d.read_cifar, pickle.dumps(batch, 2), "x", b"labels", 10))
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "c", "a.png")
        place.parent.mkdir()
        place.write_bytes(b"x")
        yield str(place) in message(lambda: d.ImageFolder(folder)[0])
    with downloads(b"{0: 'a'}"):
        yield object.__new__(d.ImageNet).labels()
    yield m.NiN().block4.conv1.out_channels, m.LeNet().fc5.out_size, m.TinySSD().class0.out_channels
    yield [with_file(b"old", lambda path: [message(lambda: m.Vectors(["\ud800"], [[1.0]]).save(path))[:18],
        pathlib.Path(path).read_bytes()])]
    yield [m.LanguageModel(5, 4, 4).generate([1, 2], 3, 1e-4), fw.text.subsample([[0]], [1], 0.3,
        np.random.default_rng(0))]
    with np.errstate(divide="ignore"):
        scores = np.log(np.array([[0.5, 0.5, 0.0]]))
    yield fw.text.beam_search(lambda ids, state: (np.repeat(scores, len(ids), 0), state), (0, np.arange(1)), 2, 9, 2)
    yield [owner(partial(fw.records.encode_example, {"x": np.array([1, 2**63], np.uint64)})),
        fw.records.decode_example(fw.records.encode_example({"x": np.array([1, 2], np.uint64)}))]
    norms = t.gradient_flow(lambda *_: L.Linear(1, True, np.float64, 3), np.ones((1, 3)), lambda y: fw.sum(y * y),
        {"a": 0}, {"b": 0})
    yield list(norms.items())
    with contextlib.redirect_stdout(io.StringIO()):
        yield t.summary(fw.Sequential(fw.relu, made(fw, L.Linear(1))), ROW[:, :2]), t.summary(Unused(fw), ROW)
    for layers in ([L.Deconv2d(4, 2, groups=2)], [L.BatchNorm()], [L.Deconv2d(4, 2)]):
        model = fw.Sequential(*layers, L.BatchNorm())
        model(np.linspace(-1, 1, 48, dtype=np.float32).reshape(2, 2, 3, 4))
        yield len(t.fuse(model).layers), [layer.b is None for layer in t.fuse(model).layers if hasattr(layer, "W")]
    layer = L.Layer()
    layer.p = fw.Parameter(None)
    layer.set_weights({"p": ROW})
    yield layer.p
    yield owner(lambda: t.fuse(fw.Sequential(L.Linear(1, in_size=3), L.BatchNorm())))


def Unused(fw: Any) -> Any:
    """A model with a batch norm that it does not call."""
    model = fw.Sequential(fw.relu)
    model.norm = fw.layers.BatchNorm()
    return model


def agreed(fw: Any) -> Any:
    """What two ranks agree on: kinds of arrays, gradients and models, and whether updates after loading are steps."""
    yield run(fw, 2, partial(disagreed, fw))
    yield run(fw, 1, partial(disagreed, fw))


def disagreed(fw: Any, comm: Any) -> Any:
    r, d = comm.rank, fw.distributed
    wrong = (np.array([True]), [1]) if comm.size == 1 else ()
    found: list[Any] = [message(partial(comm.bcast, a)) for a in wrong] + [comm.bcast(np.arange(6)[::2])]
    model = fw.layers.Linear(1, in_size=None if r == 0 else 3)
    found.append(message(partial(comm.bcast_data, model)))
    model = net(fw)
    for dtypes in ("ff", "fd"):
        for p in model.params():
            p.grad = fw.Variable(np.ones(p.shape, dtypes[r]))
        found.append(owner(partial(comm.multi_node_mean_grad, model, zero_fill=False)))
    with tempfile.TemporaryDirectory() as name:
        name = comm.bcast_obj(name)
        for same in (True, False):
            layer = net(fw)
            layer.W.data[...] = 3 if same else r
            optimizer = d.create_multi_node_optimizer(fw.optimizers.SGD(0.1), comm).setup(layer)
            d.save_checkpoint(comm, f"{name}/{same}", layer)
            d.load_checkpoint(comm, f"{name}/{same}", layer)
            fw.sum(layer(ROW)).backward()
            found += [optimizer.update(), layer.W.data]
        comm.barrier()
    found.append(message(lambda: object.__new__(type(optimizer)).lr))
    norm = d.MultiNodeBatchNormalization(comm)
    for x in (np.arange(6.0, dtype=np.float16).reshape(2, 3), np.ones((1, 3)), np.ones(3), np.ones((1, 3, 2)),
        np.ones((1, 4))):
        found.append(message(partial(norm, x)))
    found += [norm(np.arange(6).reshape(2, 3)), norm(np.arange(6.0, dtype=np.float16).reshape(2, 3)),
        norm.avg_mean.data]
    return found


# --- record files ---


def abandoned(fw: Any) -> list[Any]:
    """The contents of a folder after a `with` block, after one that fails, and after a second one that fails."""
    found = []
    with folder() as place:
        for name, fails in (("a", False), ("b", True), ("a", True)):
            with contextlib.suppress(KeyError), fw.records.RecordWriter(place / name) as file:
                file.write(memoryview(b"x" + name.encode()))
                file.write(bytearray(b"" if not fails else b"more"))
                file.close() if name == "c" else None
                if fails:
                    raise KeyError
            file.close()
            found.append([(path.name, path.read_bytes()) for path in sorted(place.iterdir())])
    return found


LONG = (559_903).to_bytes(8, "little")  # the length of a record that starts like a file compressed by gzip
ZEROS = bytes(559_903 + 4)


def unlike_gzip(fw: Any) -> list[Any]:
    """The places of the records of a file that starts like a compressed one; a record that is longer than a chunk."""
    long = struct.pack("<Q", 2**20 + 5) + bytes(4) + bytes(range(256)) * 4096 + b"12345" + bytes(4)
    found = in_file(fw, "read_records", long, False)
    return [in_file(fw, "index_records", LONG + masked(LONG) + ZEROS), len(found), len(found[0]), found[0][-6:]]


KEYS = {"a": ["b", b"c\0"], "d": ("e",), "f": np.array(["g", "hi"]), "i": np.array([b"j"]),
    "k": np.array([True, False])}
NUMBERS = {"l": [np.inf, -np.inf, np.nan], "m": np.array(2**63 - 1, np.uint64), "n": -(2**63), "o": np.float32(0.5),
    "p": 2**35}


def encoded(fw: Any) -> list[Any]:
    """Examples of all kinds of values, encoded and decoded."""
    return [fw.records.decode_example(fw.records.encode_example(features)) for features in (KEYS, NUMBERS, {})]


def in_other_fields(fw: Any) -> list[Any]:
    """An example with unknown fields of every wire type, with large numbers, and floats that are not packed."""
    unknown = bytes([9 << 3 | 1]) + bytes(range(8)) + bytes([9 << 3 | 5]) + bytes(range(4)) + bytes([9 << 3, 0x80, 1])
    unknown += b"\xfa\xff\xff\xff\x0f" + b"\x01?"  # number 2**29 - 1, one byte
    floats = bytes([1 << 3 | 5]) + np.float32(0.5).tobytes() + bytes([1 << 3 | 5]) + np.float32(-2).tobytes()
    return [decoded(fw, unknown + field(2, floats) + unknown), decoded(fw, field(2, unknown + floats))]


def in_forms(fw: Any) -> list[Any]:
    """Features without values, in forms of numbers; floats and integers of other sizes; texts and bytes."""
    features = {"a": [], "b": [0.5], "c": [1, 2], "d": ["x", "y"], "e": b"\x01\x02"}
    form = {"a": (np.float32, (0,)), "b": (np.float64, ()), "c": (np.uint8, (-1,)), "d": (str, (2, 1)), "e": (np.int8,
        2)}
    found = fw.records.decode_example(fw.records.encode_example(features), form)
    return [*found.values(), [a.dtype for a in found.values() if isinstance(a, np.ndarray)]]


def several_files(fw: Any) -> list[Any]:
    """Data sets of several files: a list, and a pattern with gaps in its numbers; labels of other kinds."""
    form, found = {"x": (np.float32, (2,)), "label": (np.float32, ()), "y": (np.int64, (1,))}, []
    with folder() as place:
        for name, t in (("b-1", 1), ("a-3", 2), ("c", 3)):
            (place / name).write_bytes(framed(bytes(fw.records.encode_example({"x": [t / 1, -t / 1], "label": t * 0.5,
             "y": [t]}))))
        for path in (place / "?-?", [place / "c", place / "b-1"], place / "c"):
            for target in ("label", "y"):
                data = fw.records.RecordDataset(path, form, target=target)
                found += [len(data), *(data[i] for i in range(-len(data), len(data))), type(data[0][1]).__name__]
    return found


golden("houses", houses,
       139.57337, 170.44418, 202.80112, 410.52784, 56.97955, 34.50193, 35.1724, 20.88683, 52.6367, 6.59, 7.78, 8.27,
       91.44962)
golden("shapes", shapes, 132.53694, 18.14227, 15.1014, 15.1014, 207.59497, 34.29226, -0.82294, 34.29226)
golden("sentences", sentences, 13.52966, 14.41686)
golden("n_grams", n_grams, 9.7128, 16.36201, 17.58997, 15.01699, 17.66483, 16.49983, 17.25978, 15.04394)
golden("language", language,
       11.82422, 7.70078, 8.47579, 11.22271, 29.629, 6.98736, 10.46608, 18.79936, 3.82316, 15.41893)
golden("classifiers_of_text", classifiers_of_text,
       2.82831, 3.7457, 3.91067, 7.56219, 4.93956, 19.22715, 13.97072, 19.49034, 14.72626)
golden("translation", translation,
       8.72886, 10.94005, 17.34223, 7.58538, -2.49785, 14.22863, 10.88969, 33.64468, 10.28879, -2.362, 11.91291,
       10.873, 32.94804, 9.5667, -2.47031)
golden("sequences", sequences, 97.80101, 28.05406, 163.17686, 9.80509, 10.31476, 31.95718, 1.0, 13.99419)
golden("words_learned", words_learned,
       12.46295, 5.66918, 12.07149, 6.47492, 12.02379, 5.59717, 12.07527, 4.3224, 10.08055, 9.2753, 14.19505)
golden("vectors", vectors,
       13.27279, 12.27957, 13.18188, 12.32769, 13.18188, 12.32769, 31.57682, 16.40142, 16.40142, 16.40142, 16.40142,
       4.51, 4.51, 9.85, 9.85, 8.86, 8.86, 9.87, 9.87, 4.73, 4.73, 2.49, 2.49, 4.37178, 4.37178, 8.345)
golden("autoencoders", autoencoders,
       9.23282, 6.39198, 8.74157, 6.39339, 8.03922, 7.11376, 9.60196, 6.66104, 8.5658, 14.9644, 20.24599, 16.25857)
golden("augmented", augmented,
       123.85669, 125.03165, 70.06701, 80.07847, 126.45546, 92.55536, 59.49626, 126.11854, 121.08589, 120.98588,
       110.75947, 118.35473, 123.93448, 123.21554, 127.82481, 107.58817, 125.33506, 103.75397, 102.30572)
golden("together", together,
       28.12902, 98.45189, 96.20763, 67.23478, 28.07106, 98.24511, 97.1173, 59.95015, 42.70454, 142.94239, 142.03394,
       82.70067, 11.28872, 55.74317, 54.13863, 47.10029, 19.45423, 87.42395, 73.64984, 47.59981, 46.66674, 93.75311,
       90.26247, 70.91648, 27.1233, 135.63028, 123.10317, 62.1776, 27.74311, 102.73794, 97.28748, 66.19838, -19.10884,
       73.46626, 73.03862, 26.8365, 28.10884, 99.6983, 99.27066, 58.31496, 32.43222)
golden("boxes", boxes,
       55.62746, 25.40347, 9.46699, 23.51555, 6.74992, 11.90359, 9.94255, 5.67046, 13.13789, 14.27578, 5.67046,
       13.13789, 14.27578, 5.67046, 13.13789, 14.27578, 5.67046, 12.66772, 13.33544, 23.00829, 33.72084, 15.88495,
       30.25812, 5.32745, 5.0, 5.8212, 5.0, 5.35607, 5.0, 5.81561, 5.0, 13.61276, 13.30553, 13.30553, 12.58817,
       10.77092)
golden("detector", detector,
       17.27502, 7.12833, 7.10909, 7.14755, 7.0981, 7.0788, 7.1174, 10.20265, 10.06612, 10.26247, 10.0606, 9.92059,
       9.58075, 10.38312, 10.24436, 10.26247)
golden("segmented", segmented,
       -10.05689, 10.81467, -24.04185, 13.21495, -7.77846, 12.85052, 11.46511, 13.21495, -1.6953, 13.21495, 18.31212)
golden("narrow_models", narrow_models,
       15.0448, 7.73742, 8.77156, 15.00207, 6.25251, 8.90416, 14.07927, 7.57155, 8.32545, 14.07927, 7.55997, 8.2833,
       16.10222, 11.145, 8.68035, 17.52625, 11.145, 8.22684, 14.82308, 14.13251, 8.91606, 12.43763, 12.47445, 8.27923)
golden("rules", rules,
       13.34542, 12.96482, 28.25097, 34.09733, 30.89335, 16.57227, 21.70943, 10.39758, 14.50078, 12.46741, 17.28363,
       15.72229, 21.44507, 15.14921, 18.9524, 17.15172, 16.68194, 10.6513, 9.95209, 14.16203, 12.30688, 14.155,
       12.46148, 13.32675)
golden("schedules", schedules,
       15.99037, 16.07482, 15.99063, 16.02492, 16.02471, 16.0872, 16.00494, 16.01063, 16.00093, 16.00915, 16.07055,
       16.03442, 15.99736, 15.99755, 16.01764, 15.96976, 16.00683, 15.99001, 16.27535, 15.63012, 15.58617, 15.40859,
       15.1554, 15.56858, 15.26962, 15.53071, 15.15243, 15.41143, 15.16559, 15.53632, 15.12228)
golden("loaders", loaders,
       27.69177, 33.2881, 12.97582, 27.57122, 34.68646, 13.16798, 34.34094, 40.05974, 15.1741, 28.99029, 32.96805,
       12.80073, 34.84624, 39.45087, 15.8536, 5.8097, 15.37265, 33.35178, 44.85224, 17.61046, 12.0992)
golden("data_sets", data_sets, 30.01851, 66.91498, 49.22944, 42.80302, 15.41678)
golden("runs", runs,
       13.50341, 24.19545, 16.81649, 20.37362, 14.91971, 14.5004, 13.70434, 5.69456, 14.02841, 3.92294, 16.68692,
       19.28567, 13.54885, 17.83517, 13.30678, 16.04329, 14.73581, 4.56065, 13.39948, 4.1098, 16.4791, 20.37362,
       13.50341, 20.19287)
golden("averages", averages,
       10.23666, 5.19725, 9.52908, 13.42604, 8.221, 9.54813, 14.15552, 9.04902, 9.54094, 14.16469, 9.09694, 9.58745)
golden("selected", selected, 53.68975, 58.19429, 66.29992, 59.10456, 15.4291, 13.79605, 14.63612)
golden("inspected", inspected,
       11.47333, 16.30989, 13.50889, 11.8451, 11.77779, 11.31447, 11.26998, 10.48481, 10.44592, 11.53329, 11.48312,
       11.37304, 11.34534, 11.45707, 11.3908, 5.8658)
golden("files", files, 11.862, 11.56263, 11.84333, 21.4, 19.56, 20.664)
golden("in_many_processes", in_many_processes, 15.00134, 11.71458, 15.91067, 15.36664, 15.34334, 14.65919)
golden("addresses", addresses,
       11.302, 7.092, 8.43, 9.81667, 12.03366, 15.02333, 15.02333, 12.64666, 9.32333, 16.49145, 5.54667, 5.54667,
       14.064, 7.71, 12.73, 13.73667, 9.69, 14.82333, 21.016, 13.40196, 9.35333, 11.79667, 3.74333, 15.20241)
golden("tables", tables, 11.26843, 13.90855, 16.40822, 64.11488, 47.54078)
golden("without_dropout", without_dropout,
       10.03505, 10.03505, 10.03505, 10.03505, 10.03505, 5.07, 2.24, 2.47, 0.02, 6.45, 0.09, 1.63, 7.14, 9.4, 3.47,
       7.41, 8.38)
golden("watched", watched, 14.29732, 14.29732, 0.0, 6.40137, 6.40137, 17.2557, 18.45342, 14.09834, 13.62379, 13.62379)
golden("interrupted", interrupted, 12.11774, 0.0, 36.8727, 10.23987, 6.94069)
golden("corners", corners,
       7.51616, 1.77, 3.88137, 4.38, 11.30892, 5.815, 9.43394, 8.32855, 8.38717, 14.37634, 8.225, 4.72182, 3.44364,
       4.44069, 9.5562, 0.19)
golden("agreed", agreed, 17.39667, 19.00548)
golden("record_files", abandoned, 11.24, 11.24, 11.24)
golden("long_records", unlike_gzip, 2.0, 2.88137, 16.5561, 8.87)
golden("encoded_examples", encoded, 11.28329, -41.87587, 0.0)
golden("unknown_fields", in_other_fields, 6.29697, 6.29697)
golden("examples_in_forms", in_forms, 0.0, 5.48121, 0.87, 5.26, 6.66483, 9.2675)
golden("sets_of_records", several_files,
       3.44364, 10.36796, 9.67702, 10.36796, 9.67702, 4.37, 3.44364, 12.22041, 11.49705, 12.22041, 11.49705, 4.37,
       3.44364, 10.87519, 9.67702, 10.87519, 9.67702, 4.37, 3.44364, 12.73992, 11.49705, 12.73992, 11.49705, 4.37,
       2.88137, 10.87519, 10.87519, 4.37, 2.88137, 12.73992, 12.73992, 4.37)
# fmt: on
