"""Preprocessing of one sample."""

import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from .stage import (
    CenterCrop,
    Compose,
    Convert,
    Normalize,
    RandomHorizontalFlip,
    Resize,
    ToArray,
    ToPIL,
)

needs_pillow = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")

RGB = Normalize(mean=(1, 2, 3), std=[2, 4, 8])


def sample(dtype=np.float32):
    return np.arange(12).reshape(3, 2, 2).astype(dtype)


# --- images ---

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 6), np.uint8)  # (C, H, W)
ON_IMAGES = [
    Convert(),
    Convert("BGR"),
    Convert("L"),
    Resize(5),
    Resize((5, 3), mode=0),
    CenterCrop((3, 2)),
    RandomHorizontalFlip(1),
]
ON_ARRAYS = [ToArray(), ToArray(np.float64), ToPIL(), RandomHorizontalFlip(0.3)]


@pytest.fixture(scope="module")
def pil():
    return pytest.importorskip("PIL.Image", reason="Pillow is not installed")


@pytest.fixture
def image(pil):
    """A color image, 6 wide and 4 high."""
    return pil.fromarray(np.ascontiguousarray(PIXELS.transpose(1, 2, 0)))


def array(image):
    """(H, W, C) or (H, W) -> (C, H, W), by hand."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Convert(), PIXELS),
        (Convert("RGB"), PIXELS),
        (Convert("BGR"), PIXELS[::-1]),
        (CenterCrop((6, 4)), PIXELS),
        (CenterCrop(2), PIXELS[:, 1:3, 2:4]),
        (CenterCrop((3, 1)), PIXELS[:, 1:2, 1:4]),
        (CenterCrop([4, 3]), PIXELS[:, 0:3, 1:5]),
        (CenterCrop((np.int64(1), 4)), PIXELS[:, :, 2:3]),
        (RandomHorizontalFlip(1), PIXELS[:, :, ::-1]),
        (RandomHorizontalFlip(0), PIXELS),
    ],
)
def test_images(image, transform, expected):
    y = transform(image)
    assert y.mode == "RGB"
    np.testing.assert_array_equal(array(y), expected)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_an_image_of_any_mode_becomes_bgr(image, mode):
    other = image.convert(mode)
    np.testing.assert_array_equal(array(Convert("BGR")(other)), array(other.convert("RGB"))[::-1])


def test_gray_is_pillows_own(image):
    y = Convert("L")(image)
    assert y.mode == "L"
    np.testing.assert_array_equal(np.asarray(y), np.asarray(image.convert("L")))


@pytest.mark.parametrize(
    ("size", "shape"), [(5, (3, 5, 5)), ((5, 3), (3, 3, 5)), ([1, 9], (3, 9, 1)), ((6, 4), (3, 4, 6))]
)
def test_a_size_is_width_and_height_or_one_number_for_both(image, size, shape):
    assert array(Resize(size)(image)).shape == shape


def test_sizes_are_changed_by_bilinear_interpolation_by_default(pil):
    """Twice as wide: each new pixel is a quarter of the way to a neighbor."""
    row = pil.fromarray(np.array([[0, 100]], np.uint8))
    np.testing.assert_array_equal(np.asarray(Resize((4, 1))(row)), [[0, 25, 75, 100]])
    np.testing.assert_array_equal(np.asarray(Resize((4, 1), pil.Resampling.NEAREST)(row)), [[0, 0, 100, 100]])


@pytest.mark.parametrize(
    ("mode", "shape"), [("RGB", (3, 4, 6)), ("L", (1, 4, 6)), ("RGBA", (4, 4, 6)), ("F", (1, 4, 6)), ("1", (1, 4, 6))]
)
def test_an_image_becomes_an_array_of_channels(image, mode, shape):
    other = image.convert(mode)
    y = ToArray()(other)
    assert (y.shape, y.dtype) == (shape, np.float32)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, array(other))


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
def test_an_array_of_another_dtype_can_be_requested(image, dtype):
    y = ToArray(dtype)(image)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, PIXELS)


def test_an_array_is_cast_and_copied_by_to_array():
    y = ToArray()(PIXELS[0])
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, PIXELS[0])
    assert not np.shares_memory(ToArray(np.uint8)(PIXELS), PIXELS)


@pytest.mark.parametrize("mode", ["P", "PA"])
def test_palette_indices_are_not_colors(image, mode):
    with pytest.raises(ValueError, match=rf"^ToArray: expected an image without a palette, got mode '{mode}'; Convert"):
        ToArray()(image.convert("P").convert(mode))


@needs_pillow
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float16])
@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_an_array_becomes_an_image_and_is_restored(channels, mode, dtype):
    x = np.random.default_rng(1).integers(0, 256, (channels, 2, 5)).astype(dtype)
    x[0, 0, :2] = 0, 255
    y = ToPIL()(x)
    assert (y.mode, y.size) == (mode, (5, 2))
    np.testing.assert_array_equal(ToArray(dtype)(y), x)


@needs_pillow
def test_fractions_of_a_pixel_are_rounded():
    y = ToPIL()(np.array([[[0.4, 0.6, 254.7]]]))
    np.testing.assert_array_equal(np.asarray(y), [[0, 1, 255]])


def test_a_mirrored_array_is_a_copy():
    y = RandomHorizontalFlip(1)(PIXELS)
    np.testing.assert_array_equal(y, PIXELS[:, :, ::-1])
    assert y.dtype == np.uint8
    assert not np.shares_memory(y, PIXELS)


def test_the_seed_says_which_are_mirrored():
    def mirrored():
        np.random.seed(0)
        flip = RandomHorizontalFlip(0.3)
        return [flip(PIXELS) is not PIXELS for _ in range(200)]

    np.random.seed(0)
    expected = np.random.rand(200) < 0.3
    assert mirrored() == expected.tolist()
    assert 40 < sum(mirrored()) < 80


def test_half_are_mirrored_by_default():
    assert RandomHorizontalFlip().p == 0.5


def test_images_and_arrays_are_mirrored_by_the_same_draws(image):
    def which(x):
        np.random.seed(3)
        flip = RandomHorizontalFlip()
        return [flip(x) is not x for _ in range(20)]

    assert which(image) == which(PIXELS)


@pytest.mark.parametrize("transform", ON_IMAGES)
def test_an_image_stays_as_it_is(image, transform):
    transform(image)
    np.testing.assert_array_equal(array(image), PIXELS)


@pytest.mark.parametrize("transform", ON_IMAGES)
def test_transforms_of_images_can_be_pickled(image, transform):
    again = pickle.loads(pickle.dumps(transform))
    np.testing.assert_array_equal(np.asarray(again(image)), np.asarray(transform(image)))


@needs_pillow
@pytest.mark.parametrize("transform", ON_ARRAYS)
def test_transforms_to_and_from_arrays_can_be_pickled(transform):
    again = pickle.loads(pickle.dumps(transform))
    results = []
    for f in (transform, again):
        np.random.seed(0)
        results.append(np.asarray(f(PIXELS)))
    np.testing.assert_array_equal(*results)


def test_a_filter_of_pillow_can_be_pickled(pil):
    again = pickle.loads(pickle.dumps(Resize(3, pil.Resampling.BICUBIC)))
    assert (again.size, again.mode) == ((3, 3), pil.Resampling.BICUBIC)


def test_a_chain_goes_from_image_to_sample(image):
    chain = Compose([Convert("BGR"), Resize(8), CenterCrop(4), ToArray(), Normalize((1, 2, 3), 2)])
    y = chain(image)
    assert (y.shape, y.dtype) == ((3, 4, 4), np.float32)


@pytest.mark.parametrize("transform", [Convert(), CenterCrop(3), ToPIL()])
def test_what_has_no_pixels_is_rejected(transform):
    with pytest.raises(AttributeError, match=r"'list' object has no attribute '(convert|width|dtype)'"):
        transform([1.0, 2.0])


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (Resize(3), "a PIL image"),
        (ToArray(), r"a PIL image or a numpy\.ndarray"),
        (RandomHorizontalFlip(), r"a PIL image or a numpy\.ndarray"),
    ],
)
def test_inputs_that_are_not_images_are_rejected_by_name(transform, expected):
    with pytest.raises(TypeError, match=rf"^{type(transform).__name__}: expected {expected}, got list$"):
        transform([1.0, 2.0])


def test_an_array_is_not_an_image_to_resize():
    """An array has a method `resize`, which would change it."""
    with pytest.raises(TypeError, match=r"^Resize: expected a PIL image, got ndarray$"):
        Resize(3)(PIXELS)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Convert(3), TypeError, "^Convert: expected a str as the mode, got int"),
        (lambda: Resize(0), ValueError, "^Resize: expected one or two positive integers as the size, got 0"),
        (
            lambda: Resize((3, -1)),
            ValueError,
            r"^Resize: expected one or two positive integers as the size, got \(3, -1\)",
        ),
        (lambda: Resize((3, 4, 5)), ValueError, r"^Resize: expected one or two .*, got \(3, 4, 5\)"),
        (lambda: Resize(()), ValueError, r"^Resize: expected one or two .*, got \(\)"),
        (lambda: Resize(2.5), TypeError, "'float' object cannot be interpreted as an integer"),
        (lambda: CenterCrop((2, "3")), TypeError, "'str' object cannot be interpreted as an integer"),
        (lambda: CenterCrop(None), TypeError, "'NoneType' object cannot be interpreted as an integer"),
        (
            lambda: RandomHorizontalFlip(-0.1),
            ValueError,
            r"^RandomHorizontalFlip: expected a probability p from 0 to 1, got -0\.1",
        ),
        (
            lambda: RandomHorizontalFlip(2),
            ValueError,
            "^RandomHorizontalFlip: expected a probability p from 0 to 1, got 2",
        ),
        (
            lambda: RandomHorizontalFlip(np.nan),
            ValueError,
            "^RandomHorizontalFlip: expected a probability p from 0 to 1, got nan",
        ),
        (lambda: RandomHorizontalFlip("1"), TypeError, "'<=' not supported between instances of 'int' and 'str'"),
        (lambda: ToArray("no type"), TypeError, "no type"),
    ],
)
def test_wrong_settings_for_images_are_rejected_at_once(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("size", [7, (6, 5), (7, 4)])
def test_a_crop_of_a_smaller_image_is_rejected(image, size):
    with pytest.raises(ValueError, match=r"^CenterCrop: expected an image of at least \(\d, \d\), got \(6, 4\)"):
        CenterCrop(size)(image)


@pytest.mark.parametrize("mode", ["XYZ", "HSV;16"])
def test_an_unknown_pillow_mode_is_reported(image, mode):
    with pytest.raises(ValueError, match=f"^Convert: expected a mode to which 'RGB' converts, got '{mode}'"):
        Convert(mode)(image)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((2, 3)), ValueError, r"^ToPIL: expected \(C, H, W\) with 1, 3 or 4 channels, got \(2, 3\)"),
        (np.ones((2, 3, 3)), ValueError, r"^ToPIL: expected \(C, H, W\) .*, got \(2, 3, 3\)"),
        (np.ones((4, 4, 3))[:0], ValueError, r"^ToPIL: expected \(C, H, W\) .*, got \(0, 4, 3\)"),
        (np.ones((3, 0, 2)), ValueError, r"^ToPIL: expected \(C, H, W\) .*, got \(3, 0, 2\)"),
        (np.full((1, 1, 1), 256), ValueError, "^ToPIL: expected numbers from 0 to 255, got 256 to 256"),
        (np.array([[[-0.5, 3]]]), ValueError, r"^ToPIL: expected numbers from 0 to 255, got -0\.5 to 3\.0"),
        (np.array([[[np.nan, 3]]]), ValueError, "^ToPIL: expected numbers from 0 to 255, got nan to nan"),
        (np.ones((1, 1, 1), bool), TypeError, "^ToPIL: expected numbers, got an array of bool"),
        (np.ones((1, 1, 1), complex), TypeError, "^ToPIL: expected numbers, got an array of complex128"),
    ],
)
def test_an_array_that_is_not_an_image_is_rejected(x, error, message):
    with pytest.raises(error, match=message):
        ToPIL()(x)


@pytest.mark.parametrize("shape", [(4,), (4, 6), (1, 3, 4, 6)])
def test_only_images_have_a_left_and_a_right(shape):
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    with pytest.raises(ValueError, match=r"^RandomHorizontalFlip: expected \(C, H, W\), got \("):
        RandomHorizontalFlip(0)(np.ones(shape))
    assert np.random.rand() == expected  # a failed call draws nothing


def test_without_pillow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RuntimeError, match=r"^ToPIL: Pillow is needed: pip install pillow"):
        ToPIL()(PIXELS)


def test_pillow_is_imported_only_when_needed():
    code = """
import sys
import numpy as np
from stage5_advanced import transforms
for f in (transforms.ToArray(), transforms.RandomHorizontalFlip(1)):
    f(np.ones((1, 2, 3)))
try:
    transforms.Resize(3)([1])
except TypeError:
    print([name for name in sys.modules if name.startswith("PIL")])
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.stdout == "[]\n", done.stderr
