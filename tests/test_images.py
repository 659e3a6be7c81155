"""Reading pictures: every kind of file looks as a person would see it, and what is no picture is named."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from alexnet_paddle import reporter
from alexnet_paddle.datasets.folders import ImageFiles
from alexnet_paddle.datasets.images import find_bad, open_image
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
    with reporter.quiet():
        assert not find_bad([path])
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


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_of_other_animations_too(tmp_path, suffix):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path / f"moving.{suffix}", frames[0], save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(read(path).reshape(-1, 3), [[255, 0, 0]] * 64, atol=3)


def test_sixteen_bit_colours_are_scaled_not_cut(tmp_path):
    """A PNG by hand, because Pillow writes none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    pixels = b"\0" + struct.pack(">6H", 65535, 32768, 255, 0, 512, 40000)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    )
    np.testing.assert_allclose(read(path), [[[255, 128, 1], [0, 2, 156]]], atol=1)


def test_numbers_that_are_none_become_colours_without_a_warning(tmp_path, recwarn):
    values = np.array([[0, 255, np.nan, np.inf, -np.inf, 1e30]], "float32")
    pixels = read(saved(tmp_path / "measured.tif", Image.fromarray(values)))
    assert pixels[0, :, 0].tolist() == [0, 0, 0, 255, 0, 255]
    assert not recwarn


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 400)])
def test_pictures_of_a_pixel_or_a_line_are_used(tmp_path, size):
    path = saved(tmp_path / "thin.png", Image.new("RGB", size, (10, 200, 90)))
    assert read(path).shape == (size[1], size[0], 3)
    assert (ImageFiles([path], [0]).square(0, 37) == np.full((37, 37, 3), [10, 200, 90])).all()


def cut(path, picture):
    """The first two thirds of a picture's file."""
    data = saved(path, picture).read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def bomb(path, side):
    """A file of some kB with more pixels than Pillow wants to decode."""
    Image.new("1", (side, side)).save(path)


UNREADABLE = {  # name -> (what makes it, a word of the reason)
    "letter.jpg": (lambda path: path.write_text("dear reader"), "unknown format"),
    "empty.png": (lambda path: path.write_bytes(b""), "empty"),
    "cut.jpg": (lambda path: cut(path, noise()), "truncated"),
    "cut.png": (lambda path: cut(path, noise()), "truncated"),
    "folder.jpg": (lambda path: path.mkdir(), ""),
    "missing.jpg": (lambda path: None, "o such file"),
    "large.png": (lambda path: bomb(path, 10_000), "exceeds limit"),  # Pillow would only warn
    "huge.png": (lambda path: bomb(path, 14_000), "exceeds limit"),
    "program.jpg": (lambda path: noise().save(path, "EPS"), "unknown format"),  # Pillow would start Ghostscript
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_picture_is_refused_by_name(tmp_path, name, recwarn):
    path = tmp_path / name
    make, word = UNREADABLE[name]
    make(path)
    with pytest.raises(InputError, match=word or None) as refused:
        open_image(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    [(bad, reason)] = find_bad([path]).items()
    assert bad == path and word in reason
    assert not recwarn


def test_the_limit_of_pixels_is_pillows(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.new("RGB", (10, 10)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(path).shape == (10, 10, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    with pytest.raises(InputError, match="exceeds limit"):
        open_image(path)
    assert list(find_bad([path])) == [path]


def test_bad_pictures_come_in_the_order_of_the_paths(tmp_path):
    paths = [tmp_path / f"{number:03}.png" for number in range(100)]
    for path in paths[::3]:
        saved(path, noise())
    assert list(find_bad(paths)) == [path for path in paths if path not in paths[::3]]


def test_damaged_files_write_nothing_to_the_terminal(tmp_path, capsys, recwarn):
    """A TIFF with a thousand samples a pixel is logged by Pillow as an error, a cut EXIF block warned of."""
    path = saved(tmp_path / "odd.tif", noise())
    data = bytearray(path.read_bytes())
    place = data.find(struct.pack("<HHI", 277, 3, 1))  # the entry SamplesPerPixel
    data[place + 8 : place + 10] = struct.pack("<H", 1000)
    path.write_bytes(data)
    with reporter.quiet():
        assert list(find_bad([path])) == [path]
    exif = Image.Exif()
    exif[0x010E] = "a description long enough to lie elsewhere"
    path = saved(tmp_path / "odd.jpg", noise(), exif=exif)
    path.write_bytes(path.read_bytes().replace(struct.pack(">I", 26), struct.pack(">I", 60000), 1))
    read(path)
    assert not recwarn and capsys.readouterr() == ("", "")
