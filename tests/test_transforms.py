"""From picture to input: squares, crops, views, statistics, colour noise, normalisation."""

import numpy as np
import pytest
from PIL import Image

from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.transforms import (
    Augmentation,
    Preprocessing,
    Statistics,
    TrainTransform,
    center_crop,
    central_square,
    mirror,
    random_crop,
    random_resized_crop,
    resize_side,
    ten_views,
)


def positions(height, width):
    """A picture in which red says the row and green the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows * 0 + 7], axis=-1).astype("uint8")


class One(Pictures):
    """A split of one picture."""

    labels = np.zeros(1, "int64")

    def __init__(self, picture):
        self.picture = picture

    def image(self, index):
        return self.picture


def apply(transform, picture, rng):
    """A batch of one picture, without its first axis."""
    (values,) = transform.batch(One(picture), [0], [rng])
    return values


@pytest.fixture
def statistics():
    """Of squares of 18, as an input of 16 has, with colours that go together."""
    rng = np.random.default_rng(5)
    mix = np.array([[30, 10, 0], [20, -15, 5], [25, 0, -8]])
    squares = [(128 + rng.standard_normal((18, 18, 3)) @ mix.T).clip(0, 255).astype("uint8") for _ in range(4)]
    return Statistics.of(squares)


# ---- squares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_size, side", [(224, 256), (227, 256), (64, 73), (32, 37), (16, 18)])
def test_crops_come_from_a_square_an_eighth_larger(image_size, side):
    assert resize_side(image_size) == side


@pytest.mark.parametrize("width, height", [(40, 20), (20, 40), (20, 20), (41, 20), (20, 33)])
def test_at_the_right_size_the_square_is_cut_from_the_middle(width, height):
    pixels = positions(height, width)
    left, top = (width - 20) // 2, (height - 20) // 2
    square = central_square(Image.fromarray(pixels), 20)
    np.testing.assert_array_equal(square, pixels[top : top + 20, left : left + 20])
    assert square.dtype == np.uint8


@pytest.mark.parametrize("width, height", [(160, 80), (80, 160)])
def test_a_larger_picture_is_shrunk_by_its_short_side_without_distortion(width, height):
    square = central_square(Image.fromarray(positions(height, width)), 20).astype(float)
    # Four pixels become one, whose middle is 1.5 pixels after the first of them. The outermost see past the edge.
    rows, columns = (4 * (np.arange(20) + (length // 4 - 20) // 2) + 1.5 for length in (height, width))
    np.testing.assert_allclose(square[1:-1, 1:-1, 0], np.tile(rows[1:-1, None], 18), atol=1)
    np.testing.assert_allclose(square[1:-1, 1:-1, 1], np.tile(columns[1:-1], (18, 1)), atol=1)


def test_a_smaller_or_very_narrow_picture_is_enlarged_to_the_square():
    assert central_square(Image.fromarray(positions(5, 9)), 18).shape == (18, 18, 3)
    assert central_square(Image.fromarray(positions(1, 30)), 18).shape == (18, 18, 3)


# ---- crops -----------------------------------------------------------------------------------------


def corners(square, size, draws):
    rng = np.random.default_rng(0)
    return [tuple(int(n) for n in random_crop(square, size, rng)[0, 0, :2]) for _ in range(draws)]


def test_random_crops_of_256_start_at_exactly_33_by_33_positions():
    assert set(corners(positions(256, 256), 224, 25_000)) == {(y, x) for y in range(33) for x in range(33)}


def test_every_position_of_a_random_crop_is_about_as_likely():
    drawn, counts = np.unique(corners(positions(6, 6), 4, 9000), axis=0, return_counts=True)
    assert drawn.tolist() == [[y, x] for y in range(3) for x in range(3)]
    assert abs(counts - 1000).max() < 150  # five standard deviations


def test_a_random_crop_is_a_plain_cut():
    square = positions(10, 10)
    crop = random_crop(square, 6, np.random.default_rng(0))
    y, x = crop[0, 0, :2]
    np.testing.assert_array_equal(crop, square[y : y + 6, x : x + 6])


def test_the_center_crop_is_the_middle():
    square = positions(18, 18)
    np.testing.assert_array_equal(center_crop(square, 16), square[1:17, 1:17])
    np.testing.assert_array_equal(center_crop(square, 18), square)


@pytest.mark.parametrize("size", [1, 5, 8, 16, 27])
@pytest.mark.parametrize("order", ["pixel by pixel", "colour by colour"])
def test_a_mirrored_crop_has_its_columns_in_the_other_order(size, order):
    square = np.random.default_rng(0).integers(0, 256, (30, 30, 3)).astype("uint8")
    if order == "colour by colour":  # as in a pack
        square = np.ascontiguousarray(square.transpose(2, 0, 1)).transpose(1, 2, 0)
    crop = square[2 : 2 + size, 3 : 3 + size]
    np.testing.assert_array_equal(mirror(crop), crop[:, ::-1])


def test_ten_views_are_the_corners_and_the_centre_and_their_mirror_images():
    square = positions(12, 12)
    five = [square[:8, :8], square[:8, 4:], square[2:10, 2:10], square[4:, :8], square[4:, 4:]]
    np.testing.assert_array_equal(ten_views(square, 8), [*five, *(view[:, ::-1] for view in five)])


def test_ten_views_of_a_picture_are_normalised_like_the_central_one(random_picture, statistics):
    preprocessing = Preprocessing.fit(16, "mean_image", statistics)
    (views,) = preprocessing.batch(One(random_picture), [0], ten_crop=True)
    assert views.shape == (10, 3, 16, 16) and views.dtype == np.float32
    np.testing.assert_array_equal(views[2], preprocessing(random_picture))
    raw = ten_views(preprocessing.square(random_picture), 16)
    for view, crop in zip(views, raw):
        np.testing.assert_array_equal(view, preprocessing.normalise(crop))


def test_random_resized_crops_have_the_size_and_8_to_100_percent_of_the_area():
    picture = Image.fromarray(positions(150, 200))
    rng = np.random.default_rng(0)
    areas, ratios = [], []
    for _ in range(300):
        crop = random_resized_crop(picture, 24, rng)
        assert crop.shape == (24, 24, 3) and crop.dtype == np.uint8
        # Red and green say where the crop lies; its 24 rows have 23 steps between them.
        height, width = (np.ptp(crop[2:-2, 2:-2, c].astype(float)) * 24 / 19 for c in (0, 1))
        areas.append(height * width / (150 * 200))
        ratios.append(width / height)
    assert 0.06 < min(areas) < 0.15 and 0.8 < max(areas) < 1.05
    assert 0.70 < min(ratios) < 0.80 and 1.25 < max(ratios) < 1.43
    assert 0.35 < np.mean(areas) < 0.60


def test_a_picture_too_narrow_for_a_resized_crop_gives_its_centre():
    narrow = Image.fromarray(positions(1, 200))
    assert random_resized_crop(narrow, 16, np.random.default_rng(0)).shape == (16, 16, 3)


# ---- statistics ------------------------------------------------------------------------------------


def test_statistics_are_those_of_all_pixels_together():
    rng = np.random.default_rng(2)
    squares = rng.integers(0, 200, (5, 7, 7, 3)).astype("uint8")
    squares[..., 1] = squares[..., 0] // 2 + 20  # a colour that follows another
    measured = Statistics.of(iter(squares))
    pixels = squares.reshape(-1, 3).astype("float64")
    np.testing.assert_allclose(measured.mean_image, squares.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(measured.mean, pixels.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(measured.covariance, np.cov(pixels.T, bias=True), rtol=1e-9)
    np.testing.assert_allclose(measured.std, pixels.std(axis=0), rtol=1e-9)


def test_color_axes_are_orthogonal_and_make_up_the_covariance(statistics):
    axes = statistics.color_axes
    products = axes.T @ axes
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-9 * products.max())
    np.testing.assert_allclose(axes @ axes.T, statistics.covariance, rtol=1e-9)


def test_pictures_of_one_colour_have_no_spread_and_still_normalise():
    statistics = Statistics.of([np.full((18, 18, 3), 90, "uint8")] * 2)
    assert np.isfinite(statistics.color_axes).all()
    picture = Image.new("RGB", (20, 20), (91, 90, 90))
    assert np.isfinite(Preprocessing.fit(16, "mean_std", statistics)(picture)).all()


# ---- normalisation ---------------------------------------------------------------------------------


def test_mean_image_subtracts_its_central_crop_on_the_raw_scale(random_picture, statistics):
    preprocessing = Preprocessing.fit(16, "mean_image", statistics)
    crop = central_square(random_picture, 18)[1:17, 1:17].astype("float32")
    expected = (crop - statistics.mean_image[1:17, 1:17]).transpose(2, 0, 1)
    np.testing.assert_allclose(preprocessing(random_picture), expected, rtol=1e-6)


# On the 0..1 scale, as they are printed everywhere.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("normalise", ["mean_std", "imagenet", "half"])
def test_normalisations_by_colour(random_picture, statistics, normalise):
    preprocessing = Preprocessing.fit(16, normalise, statistics)
    mean, std = {
        "mean_std": (statistics.mean / 255, statistics.std / 255),
        "imagenet": IMAGENET,
        "half": ((0.5,) * 3, (0.5,) * 3),
    }[normalise]
    crop = central_square(random_picture, 18)[1:17, 1:17] / 255
    expected = ((crop - mean) / std).transpose(2, 0, 1)
    got = preprocessing(random_picture)
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert got.dtype == np.float32 and got.flags.c_contiguous


def test_preprocessing_repeats_and_is_the_training_way_without_chance(random_picture, statistics):
    preprocessing = Preprocessing.fit(16, "mean_std", statistics)
    plain = TrainTransform(Augmentation("center", mirror=False), preprocessing, statistics.color_axes)
    first = preprocessing(random_picture)
    np.testing.assert_array_equal(preprocessing(random_picture), first)
    for seed in range(3):
        np.testing.assert_array_equal(apply(plain, random_picture, np.random.default_rng(seed)), first)


# ---- augmentation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("crop", ["random", "resized", "center"])
def test_each_crop_gives_inputs_of_the_right_size_that_the_generator_decides(random_picture, statistics, crop):
    preprocessing = Preprocessing.fit(16, "mean_image", statistics)
    transform = TrainTransform(Augmentation(crop, color_pca=0.1), preprocessing, statistics.color_axes)
    first, again, other = (apply(transform, random_picture, np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert first.shape == (3, 16, 16) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_random_training_crops_are_cuts_of_the_square(random_picture, statistics):
    preprocessing = Preprocessing.fit(16, "half", statistics)
    transform = TrainTransform(Augmentation("random", mirror=False), preprocessing, statistics.color_axes)
    square = preprocessing.square(random_picture)
    cuts = {preprocessing.normalise(square[y : y + 16, x : x + 16]).tobytes() for y in range(3) for x in range(3)}
    assert {apply(transform, random_picture, np.random.default_rng(seed)).tobytes() for seed in range(150)} == cuts


@pytest.mark.parametrize("mirror, least, most", [(True, 160, 240), (False, 0, 0)])
def test_about_half_of_the_pictures_are_mirrored(random_picture, statistics, mirror, least, most):
    preprocessing = Preprocessing.fit(16, "half", statistics)
    transform = TrainTransform(Augmentation("center", mirror=mirror), preprocessing, statistics.color_axes)
    plain = preprocessing(random_picture)
    mirrored = 0
    for seed in range(400):
        values = apply(transform, random_picture, np.random.default_rng(seed))
        if (values == plain[:, :, ::-1]).all():
            mirrored += 1
        else:
            np.testing.assert_array_equal(values, plain)
    assert least <= mirrored <= most


@pytest.mark.parametrize("normalise", ["mean_image", "mean_std"])
def test_colour_noise_shifts_each_colour_alike_and_as_the_training_colours_vary(random_picture, statistics, normalise):
    preprocessing = Preprocessing.fit(16, normalise, statistics)
    augmentation = Augmentation("center", mirror=False, color_pca=0.1)
    transform = TrainTransform(augmentation, preprocessing, statistics.color_axes)
    plain, rng, shifts = preprocessing(random_picture), np.random.default_rng(0), []
    for _ in range(4000):
        shift = apply(transform, random_picture, rng) - plain
        assert np.ptp(shift, axis=(1, 2)).max() < 1e-4  # one draw per picture
        shifts.append(shift[:, 0, 0] * preprocessing.std)  # on the scale of the pictures
    expected = 0.01 * statistics.covariance
    np.testing.assert_allclose(np.cov(np.transpose(shifts)), expected, atol=0.1 * expected.max())
    assert abs(np.mean(shifts, axis=0)).max() < 0.1 * np.sqrt(expected.max())


@pytest.mark.parametrize("wrong", [{"crop": "middle"}, {"normalise": "zscore"}])
def test_an_unknown_augmentation_is_refused_with_the_choices(wrong):
    with pytest.raises(ValueError, match="choose from"):
        Augmentation(**wrong)
