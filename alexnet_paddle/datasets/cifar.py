"""CIFAR-10 through Paddle's own loader, from an archive on disk or downloaded by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from alexnet_paddle.datasets.folders import stratified_indices
from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.errors import InputError

if TYPE_CHECKING:
    import paddle

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class PaddleImages(Pictures):
    """Some of the pictures of a `paddle.vision` data set."""

    def __init__(self, source: paddle.io.Dataset, indices: np.ndarray, labels: np.ndarray):
        self.source, self.indices, self.labels = source, indices, labels

    def image(self, index: int) -> Image.Image:
        return self.source[int(self.indices[index])][0]

    def subset(self, indices: Sequence[int] | np.ndarray) -> PaddleImages:
        return PaddleImages(self.source, self.indices[indices], self.labels[indices])


def read(archive: str | None, home: Path, fraction: float) -> tuple[tuple[str, ...], dict[str, PaddleImages]]:
    """(class names, {"train", "val", "test"}): the 10,000 test pictures, and `fraction` of each class of the
    50,000 others for validation. Raises InputError when the archive cannot be used."""
    from paddle.vision.datasets import Cifar10

    path = Path(archive) if archive else home / "cifar-10-python.tar.gz"
    if archive and not path.is_file():
        raise InputError(f"--data cifar10:{archive}: no such file; give the path of cifar-10-python.tar.gz")
    # Without an archive Paddle downloads it, into a folder of its own.
    file = {"data_file": str(path), "download": False} if path.is_file() else {"download": True}
    try:
        train, test = (Cifar10(**file, mode=mode, backend="pil") for mode in ("train", "test"))
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path}: CIFAR-10 could not be read ({reason}); put cifar-10-python.tar.gz there or use cifar10:PATH"
        ) from None
    labels, test_labels = (np.array([label for _, label in part.data], dtype="int64") for part in (train, test))
    kept, cut = stratified_indices(labels, fraction)
    return CLASSES, {
        "train": PaddleImages(train, kept, labels[kept]),
        "val": PaddleImages(train, cut, labels[cut]),
        "test": PaddleImages(test, np.arange(len(test_labels)), test_labels),
    }
