"""The pictures of an ablation: for each seed a draw of its own, the same for all arms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from alexnet_paddle import datasets
from alexnet_paddle.datasets import packed
from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.transforms import Statistics, resize_side

MOST_VALIDATION = 1000  # pictures measured after each epoch; the test split is measured whole, once


class Data:
    """A data set of which `images` training pictures are drawn for each seed, or all where it has no more."""

    def __init__(self, data: str, image_size: int, images: int):
        """Raises InputError when the data is missing or cannot be used."""
        self.side = resize_side(image_size)
        remedy = "remove or replace them"
        checked = datasets.load_checked(data, datasets.DEFAULT_FRACTION, self.side, remedy=remedy)
        self.dataset = packed.use(checked, self.side)
        self.images = min(images, len(self.dataset.train))
        val = self.dataset.val
        self.val: Pictures = val.subset(draw(val.labels, min(MOST_VALIDATION, len(val)), 0))

    @lru_cache(maxsize=4)  # noqa: B019 (lives as long as the program)
    def train(self, seed: int, fraction: float = 1.0) -> tuple[Pictures, Statistics]:
        """The pictures of an epoch, and the statistics of those that differ. With a `fraction` fewer are drawn, and an
        epoch goes through them 1 / fraction times."""
        chosen = draw(self.dataset.train.labels, round(self.images * fraction), seed)
        split = self.dataset.train.subset(chosen)
        statistics = Statistics.of(split.square(i, self.side) for i in range(len(split)))
        return self.dataset.train.subset(np.tile(chosen, round(1 / fraction))), statistics


def draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices of `count` pictures, as many of each class as can be; a smaller count draws some of the same."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    place = np.empty(len(labels), int)  # of a picture among those of its class
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = np.arange(len(members))
    return np.sort(order[np.argsort(place[order], kind="stable")][:count])
