"""Augmentation of images, masks and boxes."""

import colorsys
import importlib.util
import pickle

import numpy as np
import pytest

from .stage import Compose, Digits, RandomHorizontalFlip, ToArray, ToFloat, package

vision = package.vision
X = np.random.default_rng(0).random((3, 5, 8))
BYTES = (X * 255).astype(np.uint8)
ALL = [
    vision.RandomVerticalFlip(1),
    vision.RandomCrop((4, 3), 2),
    vision.RandomResizedCrop(6),
    vision.RandomAffine(20, 0.1, (0.9, 1.1), 5),
    vision.Pad(2),
    vision.RandomBrightness(0.5),
    vision.RandomContrast(0.5),
    vision.RandomSaturation(0.5),
    vision.RandomHue(0.5),
    vision.ColorJitter(0.2, 0.2, 0.2, 0.2),
    vision.RandomErasing(1),
    vision.RandomApply([np.sqrt]),
]


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)


@pytest.mark.parametrize("transform", ALL, ids=lambda transform: type(transform).__name__)
def test_transforms_can_be_pickled_and_keep_dtype_and_input(transform):
    loaded = pickle.loads(pickle.dumps(transform))
    for x in (X, X.astype(np.float32), BYTES):
        if isinstance(transform, vision.RandomApply) and x is BYTES:
            continue  # a square root of bytes is no byte
        before = x.copy()
        state = np.random.get_state()
        y = transform(x)
        np.random.set_state(state)
        np.testing.assert_array_equal(loaded(x), y, strict=True)
        assert y.dtype == x.dtype
        assert y.ndim == 3
        np.testing.assert_array_equal(x, before)
        strided = np.asfortranarray(x)
        np.random.set_state(state)
        np.testing.assert_allclose(transform(strided), y, rtol=1e-6)


def test_flips_happen_with_their_probability():
    flip = vision.RandomVerticalFlip(0.3)
    x = np.arange(2, dtype=np.uint8).reshape(1, 2, 1)
    share = np.mean([flip(x)[0, 0, 0] for _ in range(10_000)])
    assert abs(share - 0.3) < 0.02  # more than four standard deviations


def test_what_moves_by_whole_pixels_is_exact():
    single = X.astype(np.float32)
    np.testing.assert_array_equal(vision.RandomVerticalFlip(1)(single), single[:, ::-1], strict=True)
    np.testing.assert_array_equal(vision.Pad((1, 2, 0, 3), 0.5)(single)[:, 2:-3, 1:], single)
    crop = vision.RandomCrop(3)(single)
    parts = [single[:, i : i + 3, j : j + 3] for i in range(3) for j in range(6)]
    assert any(np.array_equal(crop, part) for part in parts)
    turned = vision.RandomAffine((90, 90))(BYTES[:, :, :5])
    np.testing.assert_array_equal(turned, np.rot90(BYTES[:, :, :5], axes=(1, 2)))


def test_every_part_is_cropped():
    x = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    found = {tuple(vision.RandomCrop(2)(x).ravel()) for _ in range(300)}
    assert len(found) == 2 * 3
    corners = {int(vision.RandomCrop((4, 3), 1)(x)[0, 1, 1]) for _ in range(300)}
    assert corners == {0, 1, 2, 4, 5, 6, 8, 9, 10}


def test_a_crop_of_the_whole_image_is_resized_bilinearly():
    x = np.array([[[0.0, 1.0]]])
    y = vision.RandomResizedCrop((4, 1), scale=(1, 1), ratio=(2, 2))(x)
    np.testing.assert_allclose(y, [[[0, 0.25, 0.75, 1]]])
    ramp = np.tile(np.arange(8.0), (1, 8, 1)) / 8
    shifted = vision.RandomAffine(shift=(1 / 16, 1 / 16))(ramp)  # by half a pixel
    np.testing.assert_allclose(shifted[0, 4, 1:], (np.arange(1, 8) - 0.5) / 8)


@pytest.mark.parametrize("shift", [-0.5, -0.1, 0.2, 0.4])
def test_hues_are_those_of_colorsys(shift):
    hue = vision.RandomHue(0.5)
    hue.limits = shift, shift
    pixels = np.array([*np.random.rand(50, 3), [0, 0, 0], [1, 1, 1], [1, 0, 0], [0.5, 0.5, 0.2]])
    expected = []
    for r, g, b in pixels:
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        expected.append(colorsys.hsv_to_rgb((h + shift) % 1, s, v))
    np.testing.assert_allclose(hue(pixels.T[:, None])[:, 0].T, expected, atol=1e-12)


def test_colors_of_a_gray_image_have_one_channel():
    for f in (vision.RandomBrightness(0.5), vision.RandomContrast(0.5)):
        assert f(X[:1]).shape == (1, 5, 8)
    for f in (vision.RandomSaturation(0.9), vision.RandomHue(0.5)):
        np.testing.assert_allclose(f(X[:1]), X[:1])


def test_a_factor_of_zero_gives_black_gray_and_the_mean():
    gray = 0.299 * X[0] + 0.587 * X[1] + 0.114 * X[2]
    for kind, expected in (
        (vision.RandomBrightness, 0),
        (vision.RandomContrast, gray.mean()),
        (vision.RandomSaturation, gray),
    ):
        f = kind(0)
        f.limits = 0, 0
        np.testing.assert_allclose(f(X), np.broadcast_to(expected, X.shape))


def test_erasing_leaves_the_rest():
    y = vision.RandomErasing(1, scale=(0.2, 0.2), ratio=(1, 1), fill=2)(X)
    assert (y == 2).sum() == 3 * 9  # 8 pixels are wanted, 3 x 3 is nearest
    np.testing.assert_array_equal(y[y != 2], X[y != 2])
    np.testing.assert_array_equal(vision.RandomErasing(0)(X), X)


# --- labels ---

MASK = np.arange(40).reshape(5, 8)
BOXES = np.array([[1, 0, 0, 4, 2], [2, 6, 3, 8, 5]])


def test_labels_move_with_their_image():
    joint = vision.Joint([RandomHorizontalFlip(1), vision.RandomVerticalFlip(1), ToFloat()])
    y = joint(image=BYTES, mask=MASK, boxes=BOXES)
    np.testing.assert_array_equal(y["image"], BYTES[:, ::-1, ::-1].astype(np.float32), strict=True)
    np.testing.assert_array_equal(y["mask"], MASK[::-1, ::-1], strict=True)
    np.testing.assert_array_equal(y["boxes"], [[1, 4, 3, 8, 5], [2, 0, 0, 2, 2]])
    assert list(joint(image=BYTES)) == ["image"]


def test_a_mask_shows_where_its_image_went():
    joint = vision.Joint([vision.RandomAffine(30, 0.2, (0.7, 1.3)), vision.RandomCrop(4)], fill=255)
    ramp = (
        np.tile(np.repeat(np.arange(8.0), 8), (1, 64, 1)).reshape(1, 64, 64) / 8
    )  # each column of eight has one value
    y = joint(image=ramp, mask=(ramp[0] * 8).astype(int), boxes=np.array([[0, 0, 1, 1.0]]))
    inside = y["mask"] < 255
    assert np.mean(np.abs(y["image"][0] * 8 - y["mask"])[inside] < 0.51) > 0.8


def test_boxes_are_clipped_and_dropped():
    crop = vision.RandomCrop((4, 5))
    crop.draw = lambda H, W: (np.array([[1, 0, -2], [0, 1, 0]]), (5, 4))  # x from 2 to 6
    y = vision.Joint(crop)(image=X, boxes=[[0, 0, 4, 2], [0, 0, 3, 2], [5, 0, 9, 9], [6, 3, 8, 5]])
    np.testing.assert_array_equal(y["boxes"], [[0, 0, 2, 2]])
    y = vision.Joint(crop)(image=X, boxes=np.empty((0, 4), np.float32))
    assert (y["boxes"].shape, y["boxes"].dtype) == ((0, 4), np.float32)


def test_augmentation_is_a_transform_of_a_dataset():
    data = Digits(transform=Compose([vision.RandomCrop(8, 1), ToFloat()]))
    assert data[0][0].shape == (1, 8, 8)
    assert not np.array_equal(data[3][0], data[3][0])


@pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
def test_images_of_pillow_are_converted_first():
    import PIL.Image

    image = PIL.Image.fromarray(BYTES.transpose(1, 2, 0))
    y = Compose([ToArray(np.uint8), vision.RandomVerticalFlip(1)])(image)
    np.testing.assert_array_equal(y, BYTES[:, ::-1])
    with pytest.raises(TypeError, match="RandomVerticalFlip: expected an array of floats or uint8, got Image"):
        vision.RandomVerticalFlip(1)(image)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: vision.RandomCrop(2)(X[0]), ValueError, r"RandomCrop: expected \(C, H, W\), got \(5, 8\)"),
        (
            lambda: vision.RandomCrop(9)(X),
            ValueError,
            r"expected an image of at least \(9, 9\) with its margin, got \(8, 5\)",
        ),
        (
            lambda: vision.Pad(1)(MASK[None]),
            TypeError,
            "Pad: expected an array of floats or uint8, got an array of int64",
        ),
        (lambda: vision.RandomHue(0.6), ValueError, "RandomHue: expected a from 0 to 0.5, got 0.6"),
        (lambda: vision.RandomBrightness(-1), ValueError, "RandomBrightness: expected a of at least 0, got -1"),
        (
            lambda: vision.RandomBrightness(0)(X * 255),
            ValueError,
            "RandomBrightness: expected floats from 0 to 1, got up to",
        ),
        (lambda: vision.RandomSaturation(0)(X[:2]), ValueError, "RandomSaturation: expected 1 or 3 channels, got 2"),
        (lambda: vision.RandomAffine(scale=0.5), ValueError, r"RandomAffine: expected scale as a pair \(low, high\)"),
        (lambda: vision.RandomErasing(2), ValueError, "RandomErasing: expected a probability p from 0 to 1, got 2"),
        (lambda: vision.Pad((1, 2)), ValueError, r"Pad: expected one or four margins of at least 0, got \(1, 2\)"),
        (
            lambda: vision.Joint([])(image=X, label=1),
            TypeError,
            r"Joint: expected image, mask and boxes, got \['label'\]",
        ),
        (
            lambda: vision.Joint(vision.Pad(1))(image=X, mask=MASK.T),
            ValueError,
            r"Joint: expected a mask of the image's",
        ),
        (lambda: vision.Joint(vision.Pad(1))(image=X, boxes=[1]), ValueError, r"Joint: expected boxes \(N, 4\), got"),
    ],
)
def test_errors_of_augmentation(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
