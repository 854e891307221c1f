"""Make digits.npz, the data of `datasets.Digits`: python stage4_neural_nets/tools/make_digits.py

Needs scikit-learn, which has a copy of them (made with 1.9). The result is part of the package.

The data are the 1,797 test digits of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
C. Kaynak, UCI Machine Learning Repository (1998), https://doi.org/10.24432/C50P49, licensed under
CC BY 4.0, https://creativecommons.org/licenses/by/4.0/. Changes: pixels and labels are stored as bytes.
"""

import hashlib
import pathlib

import numpy as np
from sklearn.datasets import load_digits

TARGET = pathlib.Path(__file__).parents[1] / "src/stage4_neural_nets/digits.npz"

digits = load_digits()
arrays = {"images": digits.images.astype(np.uint8), "labels": digits.target.astype(np.uint8)}
if not np.array_equal(arrays["images"], digits.images) or arrays["images"].shape != (1797, 8, 8):
    raise SystemExit("these are not the digits that are expected: whole numbers of shape (1797, 8, 8)")
np.savez_compressed(TARGET, **arrays)  # dated 1980 by NumPy, so the same bytes each time
print(TARGET.stat().st_size, "bytes, SHA-256", hashlib.sha256(TARGET.read_bytes()).hexdigest())
