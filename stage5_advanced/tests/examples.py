"""Every example: the line of its result, and what the numbers in it must reach with --quick.

The numbers are those of the last such line. `test_examples.py` runs each with --smoke and looks for the line;
`quick_examples.py` runs each with --quick and also checks the numbers.
"""

import re

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
    "gan": (r"epoch \d+: loss of D (\S+), of G (\S+)", lambda d, g: 0.3 < d < 2 and 0.3 < g < 5),
    "grad_cam": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.94),
    "lenet": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.9),
    "nets": (r"the least accurate: (\S+)", lambda accuracy: accuracy > 0.88),
    "spiral": (r"test accuracy: (\S+)", lambda accuracy: accuracy > 0.95),
    "style_transfer": (r"\d+ pixels: style (\S+), content (\S+)", lambda style, content: style < 2 and content < 0.1),
    "vae": (r"test: root mean squared error (\S+) ", lambda error: error < 0.15),
}


def result(name, stdout):
    """The numbers in the line of an example's result, or None if it printed no such line."""
    lines = list(re.finditer(f"^{EXAMPLES[name][0]}", stdout, re.MULTILINE))
    return [float(number) for number in lines[-1].groups()] if lines else None
