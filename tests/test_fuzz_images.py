"""Folders with damaged pictures, as a fuzzer damages them: each file is listed as bad or can be used.

`make test` tries 500 files. The record of 20,000, tests/records/fuzz_images.json, was made by

    python tests/test_fuzz_images.py 20000
"""

import io
import json
import os
import platform
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import numpy as np
import PIL
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet_paddle import datasets
from alexnet_paddle.datasets.folders import EXTENSIONS
from alexnet_paddle.datasets.images import find_bad, open_image
from alexnet_paddle.errors import InputError

FILES, SEED, SIDE = 500, 0, 37


# ---- files -----------------------------------------------------------------------------------------


def encoded(picture, kind, frames=1, **options):
    file = io.BytesIO()
    if frames > 1:
        options |= {"save_all": True, "append_images": [picture.rotate(90 * turn) for turn in range(1, frames)]}
    picture.copy().save(file, kind, **options)  # a picture remembers how it was saved last
    return file.getvalue()


def valid_files():
    """Small pictures of every format and most ways to store one."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (29, 43, 3), dtype=np.uint8)
    plain = Image.fromarray((noise // 8 + np.linspace(0, 200, 43, dtype=np.uint8)[None, :, None]).astype("uint8"))
    grey, clear = plain.convert("L"), Image.fromarray(np.dstack([noise, noise[..., 0]]))
    deep = Image.fromarray(rng.integers(0, 65536, (29, 43), dtype=np.uint16))
    real = Image.fromarray(rng.normal(100, 99, (29, 43)).astype("float32"))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    large = Image.fromarray(np.kron(noise, np.ones((9, 9, 1), "uint8")))  # so large that it is checked reduced
    return [
        encoded(plain, "JPEG", exif=exif),
        encoded(large, "JPEG", quality=30),
        encoded(large, "JPEG", quality=30, progressive=True),
        encoded(grey.resize((200, 100)), "JPEG", restart_marker_blocks=3),
        encoded(plain.convert("CMYK"), "JPEG"),
        encoded(plain, "MPO", frames=2),
        encoded(plain, "PNG", exif=exif),
        encoded(plain.quantize(16), "PNG", transparency=3),
        encoded(plain, "PNG", frames=2),
        encoded(clear, "PNG"),
        encoded(clear.convert("LA"), "PNG"),
        encoded(grey.convert("1"), "PNG"),
        encoded(deep, "PNG"),
        encoded(plain.quantize(32), "GIF", transparency=1),
        encoded(plain, "GIF", frames=2),
        encoded(plain, "BMP"),
        encoded(grey, "BMP"),
        encoded(plain, "WEBP"),
        encoded(clear, "WEBP", lossless=True),
        encoded(plain, "WEBP", frames=2),
        encoded(plain, "TIFF"),
        encoded(deep, "TIFF"),
        encoded(real, "TIFF"),
        *(encoded(plain, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
        encoded(grey.convert("1"), "TIFF", compression="group4"),
        encoded(plain, "TIFF", frames=2),
        encoded(plain.resize((1, 1)), "PNG"),
        encoded(plain.resize((1, 300)), "JPEG"),
        encoded(plain, "PPM"),  # Pillow reads it, we do not
        encoded(plain, "EPS"),
    ]


VALID = valid_files()
INTERESTING = [
    b"\0",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\0",
    b"\xff\xd9",
]


@st.composite
def damaged_files(draw):
    """A valid file with one to three changes: bytes overwritten, cut out, put in, or taken from another file."""
    data = bytearray(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        # Half of the places are among the first hundred bytes, where sizes and kinds are told.
        start = int(len(data) * draw(st.floats(0, 1))) if draw(st.booleans()) else draw(st.integers(0, 100))
        length = draw(st.integers(0, 8) | st.integers(0, len(data)))
        change = draw(st.sampled_from(["overwrite", "flip", "flip", "cut", "end", "insert", "splice"]))
        if change == "overwrite":
            new = draw(st.sampled_from(INTERESTING) | st.binary(max_size=8))
            data[start : start + len(new)] = new
        elif change == "flip" and start < len(data):
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "cut":
            del data[start : start + length]
        elif change == "end":
            del data[start:]
        elif change == "insert":
            data[start:start] = draw(st.sampled_from(INTERESTING) | st.binary(max_size=64))
        else:
            other = draw(st.sampled_from(VALID))
            data[start : start + length] = other[start : start + length]
    return bytes(data)


contents = st.integers(0, 9).flatmap(lambda share: st.binary(max_size=300) if share == 0 else damaged_files())
# Any text, and on systems where names are bytes any bytes.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20)
stems = texts if os.name == "nt" else texts | st.binary(min_size=1, max_size=40).map(os.fsdecode)
names = st.tuples(
    stems.map(lambda stem: "x" + stem.replace("/", "-").replace("\0", "-")),  # hidden files are not pictures
    st.sampled_from(sorted(EXTENSIONS) + [".JPG", ".Png"]),
).map("".join)


# ---- the way of a folder ---------------------------------------------------------------------------


def fuzz(folder, count, seed=SEED) -> Counter:
    """Puts one damaged file after another into a folder of good pictures, which goes the way of `train --data`."""
    for number in range(8):
        path = folder / ("rose", "tulip")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 7), (number, 0, 0)).save(path)
    outcomes = Counter()

    @hypothesis.seed(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(names, contents)
    def try_file(name, content):
        path = folder / "rose" / name
        try:
            path.write_bytes(content)
        except OSError:  # a name that this system does not take
            hypothesis.reject()
        try:
            outcomes[try_folder(folder, f"rose/{name}", path)] += 1
        finally:
            path.unlink()

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        try_file()
    assert not shown
    return outcomes


def try_folder(folder, name, path):
    dataset = datasets.load_checked(str(folder), 0.2, SIDE, skip_bad=True)
    used = [(split, split.paths.index(path)) for split in dataset.splits.values() if path in split.paths]
    assert sum(map(len, dataset.splits.values())) == 8 + len(used)
    if not used:
        assert list(dataset.skipped) == [name] and "\n" not in dataset.skipped[name]
        assert_refused(folder, path)
        return "refused"
    assert not dataset.skipped
    [(split, index)] = used
    image, square = split.image(index), split.square(index, SIDE)
    assert image.mode == "RGB" and (square.shape, square.dtype) == ((SIDE, SIDE, 3), np.uint8)
    return "read"


def assert_refused(folder, path):
    """Without --skip-bad, in two lines; and by itself, in one."""
    for action, lines in (
        (lambda: datasets.load_checked(str(folder), 0.2, SIDE), 2),
        (lambda: open_image(path), 1),
    ):
        try:
            action()
        except InputError as error:
            assert len(str(error).splitlines()) == lines
            str(error).encode()  # a terminal can show it
        else:
            raise AssertionError(f"{path}: not refused")


def test_500_damaged_files_are_used_or_listed(tmp_path, capsys):
    outcomes = fuzz(tmp_path, FILES)
    assert outcomes.total() >= FILES
    assert min(outcomes["read"], outcomes["refused"]) > FILES / 20  # else the damage is too small or too great
    assert not capsys.readouterr().err  # of Python: libtiff, alone among the libraries, writes past it


def test_every_valid_file_is_read(tmp_path):
    for number, data in enumerate(VALID):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    paths = [tmp_path / f"{number}.jpg" for number in range(len(VALID))]
    assert list(find_bad(paths).values()) == ["unknown format"] * 2  # the last two
    assert list(find_bad(paths)) == paths[-2:]


# ---- the record ------------------------------------------------------------------------------------


@contextmanager
def standard_error_in(path):
    """What anything in this process, C libraries too, writes to file descriptor 2."""
    before = os.dup(2)
    with open(path, "wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)


def record(count):
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "folder").mkdir()
        with standard_error_in(Path(work) / "stderr"):
            outcomes = fuzz(Path(work) / "folder", count)
        written = (Path(work) / "stderr").read_text("utf-8", "replace").splitlines()
    return {
        "command": f"python tests/test_fuzz_images.py {count}",
        "files": outcomes.total(),
        **{name: outcomes[name] for name in ("read", "refused")},
        "tracebacks": 0,  # the first one would have ended the run
        "lines_on_stderr": len(written),  # libtiff's
        "seed": SEED,
        "versions": {
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "numpy": np.__version__,
            "hypothesis": hypothesis.__version__,
        },
    }


if __name__ == "__main__":
    result = json.dumps(record(int(sys.argv[1])), indent=1) + "\n"
    (Path(__file__).parent / "records" / "fuzz_images.json").write_text(result)
    print(result, end="")
