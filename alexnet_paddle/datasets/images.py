"""Reading one picture from disk, and what all splits have in common."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from alexnet_paddle import reporter
from alexnet_paddle.datasets.transforms import central_square
from alexnet_paddle.errors import InputError, printable
from alexnet_paddle.runtime import cpu_count

# Pillow knows more, and goes by the content, not the name: for some formats it would start other programs.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF")

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else what it logs on damaged files goes to the terminal


class Pictures:
    """A split: `labels` [N] are class numbers, `image(i)` is a picture and `square(i, side)` its central square."""

    labels: np.ndarray
    paths: Sequence[Path] = ()  # of the N pictures, where they lie in a folder
    packed = False  # whether squares come from a pack

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> Image.Image:
        """Picture `index` in RGB."""
        raise NotImplementedError

    def square(self, index: int, side: int) -> np.ndarray:
        """Of picture `index`: uint8 [side, side, 3]."""
        return central_square(self.image(index), side)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Pictures:
        """The pictures of these indices, in this order; one may come more than once."""
        raise NotImplementedError


def open_image(path: Path) -> Image.Image:
    """The picture in RGB, of an animated one the first frame. Raises InputError, naming the file, if unreadable."""
    try:
        with _quiet():
            return _read(path)
    except FileNotFoundError:
        raise InputError(f"{printable(path)}: no such file") from None
    except Exception as error:  # Pillow's decoders raise many kinds
        raise InputError(f"{printable(path)}: not a readable picture ({_reason(error)}); replace it") from None


def find_bad(paths: Sequence[Path]) -> dict[Path, str]:
    """The pictures that cannot be read, in the order of `paths`, each with the reason.

    Pillow decodes without Python's lock, so threads use all cores.
    """
    with _quiet(), ThreadPool(min(cpu_count(), 8)) as pool:
        reasons = pool.imap(_reason_against, paths, chunksize=8)
        return {path: reason for path, reason in zip(reporter.progress(paths, "checking pictures"), reasons) if reason}


def _reason_against(path: Path) -> str | None:
    """JPEGs are decoded small, which still reads every byte."""
    try:
        _read(path, small=True)
    except Exception as error:
        return _reason(error)
    return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing that Pillow warns of goes to the terminal, and a picture too large for it, `Image.MAX_IMAGE_PIXELS`, is
    an error: a small file can hold more pixels than the memory does. This is for all threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _read(path: Path, small: bool = False) -> Image.Image:
    if os.path.getsize(path) == 0:
        raise ValueError("the file is empty")
    with Image.open(path, formats=FORMATS) as image:
        if small:
            image.draft("RGB", (32, 32))
        return to_rgb(image)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "unknown format"
    lines = (getattr(error, "strerror", None) or str(error)).strip().splitlines()
    return printable(lines[0]) if lines else type(error).__name__


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB as a person would see it: turned as its EXIF entry says, transparent parts on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode[0] in "IF":  # 16- and 32-bit grey: Pillow would cut, not scale, the values
        values = np.nan_to_num(np.asarray(image).astype("float64"), copy=False)
        top = 65535 if image.mode.startswith("I;16") or values.max() > 255 else 255
        values.clip(0, top, out=values)  # in place: of a large picture each copy is a gigabyte
        values *= 255 / top
        image = Image.fromarray(values.astype("uint8"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
