"""Images of clothes."""

from .digits import MNIST


class FashionMNIST(MNIST):
    """Images of clothes in the format of MNIST: 60,000 to train, 10,000 to test; 31 MB. [not in the book]

    Samples, transform and errors as in MNIST; `labels` has the names of the ten classes. Source: H. Xiao, K. Rasul and
    R. Vollgraf, Fashion-MNIST (2017), MIT license.
    """

    FOLDER = "fashion-mnist"  # the files are called as those of MNIST
    MIRRORS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    FILES = (
        ("train-images-idx3-ubyte.gz", "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "md5:25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "md5:bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "md5:bb300cfdad3c16e7a12a480ee83cd310"),
    )
    NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

    @staticmethod
    def labels():
        """The name of each label: {0: 'T-shirt/top', ..., 9: 'Ankle boot'}. [not in the book]"""
        return dict(enumerate(FashionMNIST.NAMES))
