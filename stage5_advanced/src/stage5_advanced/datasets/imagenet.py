"""The class names of ImageNet."""

import ast
import pathlib

from ..download import get_file


class ImageNet:
    """The names of the 1,000 classes of ImageNet, whose images cannot be downloaded freely. [step 58]"""

    ADDRESS = (
        "https://gist.githubusercontent.com/yrevar/942d3a0ac09ec9e5eb3a/raw/"
        "238f720ff059c1f82f368259d1ca4ffa5dd8f9f5/imagenet1000_clsidx_to_labels.txt"
    )

    def __init__(self):
        raise TypeError("ImageNet: its images cannot be downloaded freely; there is only ImageNet.labels()")

    @staticmethod
    def labels():
        """The name of each label: {0: 'tench, Tinca tinca', ..., 340: 'zebra', ...}; downloaded once. [step 58]

        Raises RuntimeError if the file cannot be downloaded, ValueError if it is not a dict from int to str.
        """
        path = get_file(ImageNet.ADDRESS)
        try:
            labels = ast.literal_eval(pathlib.Path(path).read_text(encoding="utf-8"))
        except (
            ValueError,
            TypeError,
            SyntaxError,
            RecursionError,
            MemoryError,
        ) as error:  # invalid text; no code is run
            raise ValueError(f"ImageNet: expected a dict, got {error}; delete {path} to download it again") from error
        if not isinstance(labels, dict) or not all(type(i) is int and type(s) is str for i, s in labels.items()):
            raise ValueError(f"ImageNet: expected a dict from int to str; delete {path} to download it again")
        return labels
