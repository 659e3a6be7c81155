"""From a picture to what the net sees. Pictures are uint8 [height, width, 3] arrays; the net's input is
float32 [3, image_size, image_size]. What comes after the square is the same whether it was made a moment ago or read
from a pack.

The paper's way (section 5.1 and `convdata.py` of the 2012 source): the short side to 256, the central square,
a random crop and its mirror image, colour noise along the principal axes of the training set's colours, and
the training set's mean image subtracted on the raw 0..255 scale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from PIL import Image

IMAGENET_MEAN = (123.675, 116.28, 103.53)  # torchvision's 0.485, 0.456, 0.406 on the 0..255 scale
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Augmentation:
    """What a recipe does to a training picture.

    crop: "random" (a random crop of the central square), "resized" (a random part of 8% to 100% of the
    picture, 3:4 to 4:3, brought to size) or "center". color_pca: standard deviation of the colour noise, in
    units of the standard deviation along each principal axis. normalise: one of `NORMALISATIONS`.
    """

    crop: str = "random"
    mirror: bool = True
    color_pca: float = 0.0
    normalise: str = "mean_std"

    def __post_init__(self):
        if self.crop not in ("random", "resized", "center"):
            raise ValueError(f"crop is {self.crop!r}; choose from random, resized, center")
        if self.normalise not in NORMALISATIONS:
            raise ValueError(f"normalise is {self.normalise!r}; choose from {', '.join(NORMALISATIONS)}")


def resize_side(image_size: int) -> int:
    """Side of the square that crops are cut from: 256 for 224 and 227, the same fraction for other sizes."""
    return 256 if image_size in (224, 227) else round(image_size * 256 / 224)


class Source(Protocol):
    """How pictures are asked for, see `images.Pictures`."""

    def image(self, index: int) -> Image.Image: ...

    def square(self, index: int, side: int) -> np.ndarray: ...


# ---- pictures --------------------------------------------------------------------------------------


def central_square(image: Image.Image, side: int) -> np.ndarray:
    """The short side brought to `side` pixels, then the central square: uint8 [side, side, 3]."""
    longest = 16 * min(image.size)
    if max(image.size) > longest:  # a line of 5,000 pixels would become 256 x 1,280,000
        image = _middle(image, *(min(length, longest) for length in image.size))
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(_middle(image, side, side))


def _middle(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def random_resized_crop(image: Image.Image, size: int, rng: np.random.Generator) -> np.ndarray:
    """A part of 8% to 100% of the area, 3:4 to 4:3, brought to `size`: uint8 [size, size, 3]."""
    width, height = image.size
    for _ in range(10):
        area = width * height * rng.uniform(0.08, 1)
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < w <= width and 0 < h <= height:
            left, top = rng.integers(width - w + 1), rng.integers(height - h + 1)
            box = (int(left), int(top), int(left + w), int(top + h))
            return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))
    return center_crop(central_square(image, size), size)


# ---- crops of a square -----------------------------------------------------------------------------


def center_crop(square: np.ndarray, size: int) -> np.ndarray:
    """The middle [size, size, 3] of a square."""
    start = (square.shape[0] - size) // 2
    return square[start : start + size, start : start + size]


def random_crop(square: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """One of the (side - size + 1)^2 crops, each as likely (33 x 33 for 256 and 224, as in `convdata.py:253`)."""
    places = square.shape[0] - size + 1
    top, left = rng.integers(places), rng.integers(places)
    return square[top : top + size, left : left + size]


def mirror(crop: np.ndarray) -> np.ndarray:
    """Left and right exchanged: `crop[:, ::-1]`, made three times faster where the colours lie apart, as in a pack."""
    rows = crop.swapaxes(1, 2)  # [height, 3, width]
    if rows.strides[-1] != 1 or rows.shape[-1] % 8:
        return crop[:, ::-1]
    # Eight pixels are one number, and its bytes in the other order are the pixels in the other order.
    return rows.view(">u8")[..., ::-1].astype("<u8").view("uint8").swapaxes(1, 2)


def ten_views(square: np.ndarray, size: int) -> np.ndarray:
    """Four corners and the centre, then their mirror images (paper, section 4.1): [10, size, size, 3]."""
    far = square.shape[0] - size
    starts = ((0, 0), (0, far), (far // 2, far // 2), (far, 0), (far, far))
    views = np.stack([square[top : top + size, left : left + size] for top, left in starts])
    return np.concatenate([views, views[:, :, ::-1]])


# ---- statistics of the training set ----------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    """Of the training set's squares, on the 0..255 scale: `mean_image` [side, side, 3], and the 3 x 3
    covariance of the colours over all pixels."""

    mean_image: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def of(squares: Iterable[np.ndarray]) -> Statistics:
        """Measured over an iterable of uint8 [side, side, 3] arrays."""
        total: np.ndarray = np.zeros(())  # takes the shape of the first square
        products, count = np.zeros((3, 3)), 0
        for square in squares:
            square = square.astype("float64", order="C")  # one order for all: another would round the mean otherwise
            pixels = square.reshape(-1, 3)
            total = total + square
            products += pixels.T @ pixels
            count += 1
        mean_image = total / count
        mean = mean_image.mean(axis=(0, 1))
        covariance = products / (count * mean_image.shape[0] * mean_image.shape[1]) - np.outer(mean, mean)
        return Statistics(mean_image.astype("float32"), covariance)

    @property
    def mean(self) -> np.ndarray:
        """Mean colour [3]."""
        return self.mean_image.mean(axis=(0, 1))

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of each colour [3]."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def color_axes(self) -> np.ndarray:
        """[3, 3]: column i is principal axis i of the colours times the standard deviation along it.

        The paper multiplies the axes by the covariance's eigenvalues, which are squares of grey levels; the
        2012 source (`convdata.py:113`) by their roots, the standard deviations, as here.
        """
        eigenvalues, axes = np.linalg.eigh(self.covariance)
        return axes * np.sqrt(np.maximum(eigenvalues, 0))


# name -> (statistics, image_size) -> (mean, standard deviation), as `Preprocessing` holds them.
MEASURED: dict[str, Callable[[Statistics, int], tuple[np.ndarray, np.ndarray]]] = {
    # The paper's. As in the 2012 source, every crop loses the central crop of the mean image.
    "mean_image": lambda stats, size: (center_crop(stats.mean_image, size), np.ones(3)),
    "mean_std": lambda stats, size: (stats.mean, stats.std),
}
# name -> the same, whatever the training set
FIXED = {
    "imagenet": (np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)),
    "half": (np.full(3, 127.5), np.full(3, 127.5)),
}
NORMALISATIONS = (*MEASURED, *FIXED)


# ---- the whole way ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preprocessing:
    """What every picture goes through at test time, and training pictures after their augmentation. It is
    saved with the model, because a net is only right for the inputs that it was trained on."""

    image_size: int
    mean: np.ndarray  # [3] or [image_size, image_size, 3], on the 0..255 scale
    std: np.ndarray  # [3]

    @staticmethod
    def fit(image_size: int, normalise: str, statistics: Statistics | None) -> Preprocessing:
        """Without statistics of the training set only the FIXED ones can be had; for others raises ValueError."""
        if normalise in FIXED:
            mean, std = FIXED[normalise]
        elif statistics is None:
            raise ValueError(f"normalise is {normalise!r}, which needs the statistics of the training set")
        else:
            mean, std = MEASURED[normalise](statistics, image_size)
        # A colour that never changes would divide by zero.
        return Preprocessing(image_size, mean.astype("float32"), np.maximum(std, 1e-3).astype("float32"))

    def tensors(self) -> dict[str, np.ndarray]:
        """The content of a file `preprocessing.safetensors`."""
        return {"mean": np.ascontiguousarray(self.mean), "std": np.ascontiguousarray(self.std)}

    def square(self, image: Image.Image) -> np.ndarray:
        """An RGB Pillow image -> the uint8 square that crops are cut from."""
        return central_square(image, resize_side(self.image_size))

    def normalise(self, crops: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """uint8 [..., size, size, 3] -> float32 [..., 3, size, size], written into `out` if that is given."""
        planes = crops.swapaxes(-1, -2).swapaxes(-2, -3)
        out = np.empty(planes.shape, "float32") if out is None else out
        out[...] = planes
        mean, std = self._planes
        out -= mean
        out /= std
        return out

    @cached_property
    def _planes(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation as they meet [3, size, size]."""
        mean = self.mean.transpose(2, 0, 1) if self.mean.ndim == 3 else self.mean[:, None, None]
        return np.ascontiguousarray(mean), self.std[:, None, None]

    def __call__(self, image: Image.Image) -> np.ndarray:
        """An RGB Pillow image -> the central crop as the net's input, float32 [3, size, size]."""
        return self.normalise(center_crop(self.square(image), self.image_size))

    def batch(self, images: Source, indices: Sequence[int], ten_crop: bool = False) -> np.ndarray:
        """Pictures `indices` of a split -> float32 [B, 3, size, size], or [B, 10, 3, size, size] with `ten_crop`."""
        size, cut = self.image_size, ten_views if ten_crop else center_crop
        batch = np.empty((len(indices), *((10,) if ten_crop else ()), 3, size, size), "float32")
        for values, index in zip(batch, indices):
            self.normalise(cut(images.square(index, resize_side(size)), size), out=values)
        return batch


@dataclass(frozen=True)
class Inputs:
    """How pictures become a net's input. Measured on its training pictures once, and kept with the net.

    `color_axes` is [3, 3], see `Statistics.color_axes`; zeros where the recipe has no colour noise.
    """

    preprocessing: Preprocessing
    color_axes: np.ndarray


@dataclass(frozen=True)
class TrainTransform:
    """Augmentation, then preprocessing; all chance comes from the generators that the caller seeds."""

    augmentation: Augmentation
    preprocessing: Preprocessing
    color_axes: np.ndarray  # [3, 3], see Statistics.color_axes

    def batch(self, images: Source, indices: Sequence[int], generators: Iterable[np.random.Generator]) -> np.ndarray:
        """Pictures `indices` of a split, each by its own generator -> float32 [B, 3, size, size].

        The batch is one array. It is filled picture by picture, because one picture stays in the processor's
        cache between the steps and a batch does not: at 224 pixels that is a quarter faster.
        """
        size = self.preprocessing.image_size
        batch = np.empty((len(indices), 3, size, size), "float32")
        for values, index, rng in zip(batch, indices, generators):
            crop = self._crop(images, index, rng)
            if self.augmentation.mirror and rng.random() < 0.5:
                crop = mirror(crop)
            self.preprocessing.normalise(crop, out=values)
            if self.augmentation.color_pca:
                noise = self.color_axes @ rng.normal(0, self.augmentation.color_pca, 3)
                values += (noise / self.preprocessing.std).astype("float32")[:, None, None]
        return batch

    def _crop(self, images: Source, index: int, rng: np.random.Generator) -> np.ndarray:
        size = self.preprocessing.image_size
        if self.augmentation.crop == "resized":
            return random_resized_crop(images.image(index), size, rng)
        square = images.square(index, resize_side(size))
        return random_crop(square, size, rng) if self.augmentation.crop == "random" else center_crop(square, size)
