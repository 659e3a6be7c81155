"""Reading one picture from disk, and what all splits have in common."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from alexnet_paddle.errors import InputError
from alexnet_paddle.transforms import central_square


class Pictures:
    """A split: `labels` [N] are class numbers, `image(i)` is a picture and `square(i, side)` its central square."""

    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> Image.Image:
        """Picture `index` in RGB."""
        raise NotImplementedError

    def square(self, index: int, side: int) -> np.ndarray:
        """Of picture `index`: uint8 [side, side, 3]."""
        return central_square(self.image(index), side)


def open_image(path) -> Image.Image:
    """The picture in RGB, of an animated one the first frame. Raises InputError, naming the file, if unreadable."""
    try:
        with Image.open(path) as image:
            return to_rgb(image)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder, not a picture") from None
    except Exception as error:  # Pillow's decoders raise many kinds
        raise InputError(f"{path}: not a readable picture ({_reason(error)}); remove or replace it") from None


def _reason(error) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "unknown format" if "cannot identify image file" in text else text


def check_image(path) -> str | None:
    """None for a readable picture, else the reason. JPEGs are decoded small, which still reads every byte."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (32, 32))
            to_rgb(image)
    except Exception as error:
        return _reason(error)
    return None


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB as a person would see it: turned as its EXIF entry says, transparent parts on white."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "RGB":
        image.load()
        return image
    if image.mode[0] in "IF":  # 16- and 32-bit grey: Pillow would cut, not scale, the values
        values = np.asarray(image).astype("float64")
        top = 65535 if image.mode.startswith("I;16") or values.max() > 255 else 255
        image = Image.fromarray((values.clip(0, top) * (255 / top)).astype("uint8"))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
