"""Every example: the line of its result, and what the numbers in it must reach with --quick.

The numbers are those of the last such line. `test_examples.py` runs each with --smoke and looks for the line;
`quick_examples.py` runs each with --quick and also checks the numbers.
"""

import itertools
import re

# What the book prints, and x^2 after ten steps.
DESCENTS = (
    -0.943467, -0.000073, -0.387814, -1673.365109, -0.062843, 0.001202, 0.007188, 0.002553, -2.382563, -0.158591,
    -0.002295, -0.000000, -0.010599, 0.000000, 0.0604661760,
)  # fmt: skip
LADDER = ("MSE", "softmax", "momentum", "linear decay", "exponential decay", "Glorot", "dropout")
NUMBERS = "".join(r".{22,}? +(\S+) +(\S+)\n" for _ in range(7))  # seven rows of a table

EXAMPLES = {
    "anchors": (
        r"classes (\d) (\d) (\d) (\d) (\d) kept (\d) (\d) pooled (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)",
        lambda *numbers: numbers == (0, 1, 2, 0, 2, 0, 3, 5, 6, 9, 10, 9, 11, 13, 15),
    ),
    "augmentation": (r"test accuracy: without (\S+), with (\S+)", lambda without, with_: with_ > without + 0.04),
    "autoencoder": (r"error (\S+), PCA (\S+)", lambda error, pca: error < 0.95 * pca),
    "batch_norm": (r"folded: \S+ times as fast, outputs differ by at most (\S+)", lambda error: error < 1e-5),
    "char_rnn": (r"epoch \d+: .* bits per character, held out (\S+)", lambda bits: bits < 2.5),
    "cnn": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.96),
    "conv_theorem": (r"largest difference: (\S+)", lambda difference: difference < 1e-10),
    "data_parallel": (r"\d+ process(?:es)?, test accuracy: (\S+)", lambda accuracy: accuracy > 0.91),
    "descent": (
        rf"after 20 steps +x1 +x2\n{NUMBERS}x\^2 from 10, .*: (\S+)",
        lambda *found: all(abs(a - b) < 2e-6 for a, b in zip(found, DESCENTS, strict=True)),
    ),
    "dqn": (r"the pole is up for (\S+) of 200 steps", lambda steps: steps > 120),
    "fine_tuning": (
        r"test accuracy: frozen (\S+), fine-tuned (\S+), from scratch (\S+)",
        lambda frozen, tuned, scratch: tuned > scratch + 0.05,
    ),
    "gan": (r"epoch \d+: loss of D (\S+), of G (\S+)", lambda d, g: 0.3 < d < 2 and 0.3 < g < 5),
    "grad_cam": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.94),
    "gradients": (r"tanh, 20 layers: Xavier (\S+), N\(0, 1\) (\S+)", lambda xavier, one: 0.1 < xavier < 10 < one),
    "hooks": (
        r"test accuracy: none (\S+), weight decay (\S+), clipping (\S+), decay and clipping (\S+), noise (\S+)",
        lambda none, decay, clipping, both, noise: both > max(none, noise) + 0.05,
    ),
    "house_prices": (
        r"test RMSE of logarithms: linear (\S+), network (\S+); chosen by the folds: ",
        lambda linear, network: 0.11 < network < linear < 0.16,
    ),
    "language_model": (r"held out: bigram (\S+), LSTM (\S+)", lambda bigram, lstm: lstm < bigram),
    "lenet": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.9),
    "nets": (r"the least accurate: (\S+)", lambda accuracy: accuracy > 0.88),
    "onnx_export": (
        r"test accuracy (\S+); logits by .*: largest difference (\S+)",
        lambda accuracy, difference: accuracy > 0.8 and difference < 1e-4,
    ),
    "polynomial": (r"test error without decay (\S+), with (\S+)", lambda without, decay: decay < 0.1 < without),
    "records_demo": (r"samples equal to what was written: (\d+) of (\d+)", lambda equal, written: equal == written),
    "segmentation": (r"mean IoU: (\S+)", lambda mean: mean > 0.68),
    "sentiment": (
        r"test accuracy: bag of words (\S+), recurrent (\S+), convolution (\S+)",
        lambda bag, recurrent, convolution: bag < 0.9 < min(recurrent, convolution),
    ),
    "speed": (r"equal bits: (\d) of (\d)", lambda equal, n: equal == n),
    "spiral": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.95),
    "ssd": (r"mAP: (\S+)", lambda mean: mean > 0.6),
    "style_transfer": (r"\d+ pixels: style (\S+), content (\S+)", lambda style, content: style < 2 and content < 0.1),
    "translation": (r"attention: exact match (\S+), BLEU (\S+)", lambda exact, bleu: exact > 0.8 and bleu > 0.9),
    "tricks": (
        r"test accuracy: " + ", ".join(rf"{name} (\S+)" for name in LADDER),
        lambda *rungs: rungs[-1] > 91 and all(b > a - 1.5 for a, b in itertools.pairwise(rungs)),  # up to the noise
    ),
    "vae": (r"test: root mean squared error (\S+) ", lambda error: error < 0.15),
    "weidman": (r"largest relative difference between the three ways: (\S+)", lambda difference: difference < 1e-8),
    "word_vectors": (
        r"analogies: skip-gram (\S+), hierarchical (\S+), CBOW (\S+), fastText (\S+), GloVe (\S+)",
        lambda *found: min(found[:-1]) > 0.8 and found[-1] > 0.3,
    ),
}


def result(name, stdout):
    """The numbers in the line of an example's result, or None if it printed no such line."""
    lines = list(re.finditer(f"^{EXAMPLES[name][0]}", stdout, re.MULTILINE))
    return [float(number) for number in lines[-1].groups()] if lines else None
