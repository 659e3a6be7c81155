"""Reading pictures: every kind of file looks as a person would see it, and what is no picture is named."""

import numpy as np
import pytest
from PIL import Image

from alexnet_paddle.datasets.images import check_image, open_image
from alexnet_paddle.errors import InputError

EXIF_ORIENTATION = 0x0112
# Of the stored picture's first row and first column: which side of the upright picture they are (EXIF 2.3).
ORIENTATIONS = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def colours(height=6, width=9):
    """Every pixel another colour, so that no turn or mirror goes unseen."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 40, columns * 25, rows * 3 + columns * 7], axis=-1).astype("uint8")


def saved(path, picture, **options):
    picture.save(path, **options)
    return path


def read(path):
    picture = open_image(path)
    assert picture.mode == "RGB"
    assert check_image(path) is None
    return np.asarray(picture)


@pytest.mark.parametrize("orientation, first", ORIENTATIONS.items())
def test_a_picture_turned_by_exif_comes_out_upright(tmp_path, orientation, first):
    upright = colours()
    stored = upright
    if first[0] in ("left", "right"):
        stored = stored.transpose(1, 0, 2)
    if first[0] in ("bottom", "right"):
        stored = stored[::-1]
    if first[1] in ("bottom", "right"):
        stored = stored[:, ::-1]
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = saved(tmp_path / "turned.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    np.testing.assert_array_equal(read(path), upright)


def test_a_turned_jpeg_comes_out_upright(tmp_path):
    stored = np.zeros((32, 64, 3), "uint8")
    stored[:, :32, 0] = 255  # the left half red: with orientation 6, that is the upper half
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    upright = read(saved(tmp_path / "turned.jpg", Image.fromarray(stored), exif=exif))
    assert upright.shape == (64, 32, 3)
    assert upright[:24, :, 0].min() > 200 and upright[40:, :, 0].max() < 50


def test_grey_becomes_three_equal_channels(tmp_path):
    grey = colours()[..., 0]
    pixels = read(saved(tmp_path / "grey.png", Image.fromarray(grey)))
    np.testing.assert_array_equal(pixels, np.stack([grey] * 3, axis=-1))


def test_black_and_white_becomes_0_and_255(tmp_path):
    bits = colours()[..., 1] > 100
    pixels = read(saved(tmp_path / "bits.png", Image.fromarray(bits)))
    np.testing.assert_array_equal(pixels, np.stack([bits * 255] * 3, axis=-1))


@pytest.mark.parametrize("transparent", [None, 1])
@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_is_looked_up_and_its_transparent_colour_is_white(tmp_path, transparent, suffix):
    picture = Image.new("P", (3, 1))
    picture.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 250])
    picture.putdata([0, 1, 2])
    options = {} if transparent is None else {"transparency": transparent}
    second = [200, 0, 0] if transparent is None else [255, 255, 255]
    pixels = read(saved(tmp_path / f"palette.{suffix}", picture, **options))
    np.testing.assert_array_equal(pixels, [[[10, 20, 30], second, [0, 0, 250]]])


def test_cmyk_becomes_rgb(tmp_path):
    picture = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    pixels = read(saved(tmp_path / "print.jpg", picture, quality=95))
    np.testing.assert_allclose(pixels.reshape(-1, 3), [[255, 0, 0]] * 256, atol=6)


@pytest.mark.parametrize("mode, colour, seen", [("RGBA", (200, 0, 0), (200, 0, 0)), ("LA", (60,), (60, 60, 60))])
def test_transparency_is_seen_on_white(tmp_path, mode, colour, seen):
    picture = Image.new(mode, (3, 1))
    picture.putdata([(*colour, alpha) for alpha in (0, 128, 255)])
    pixels = read(saved(tmp_path / "clear.png", picture))[0].astype(float)
    half = 255 + (np.array(seen) - 255) * 128 / 255
    np.testing.assert_allclose(pixels, [[255] * 3, half, seen], atol=1)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_is_scaled_not_cut(tmp_path, suffix):
    values = np.array([[0, 255, 256, 32768, 65535]], "uint16")
    pixels = read(saved(tmp_path / f"deep.{suffix}", Image.fromarray(values)))
    np.testing.assert_allclose(pixels[..., 0], values / 257, atol=1)
    assert (pixels == pixels[..., :1]).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path / "moving.gif", frames[0], save_all=True, append_images=frames[1:])
    assert (read(path) == [255, 0, 0]).all()


def cut(path, picture):
    """The first two thirds of a picture's file."""
    data = saved(path, picture).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


UNREADABLE = {
    "letter.jpg": lambda path: path.write_text("dear reader"),
    "empty.png": lambda path: path.write_bytes(b""),
    "cut.jpg": lambda path: cut(path, noise()),
    "cut.png": lambda path: cut(path, noise()),
    "folder.jpg": lambda path: path.mkdir(),
    "missing.jpg": lambda path: None,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_picture_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    UNREADABLE[name](path)
    with pytest.raises(InputError) as refused:
        open_image(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert check_image(path)
