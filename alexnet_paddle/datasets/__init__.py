"""Data sets: the drawn `petals`, folders of pictures, CIFAR-10. `load` gives any of them in the same form."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from alexnet_paddle.datasets import cifar, folders, images, packed, petals
from alexnet_paddle.errors import InputError

DEFAULT_FRACTION = 0.15


@dataclass(frozen=True)
class Dataset:
    """Three splits, see `images.Pictures`; class names in label order."""

    name: str
    classes: tuple[str, ...]
    display_names: dict[str, dict[str, str]]  # class -> language ("en", "zh") -> name, where known
    train: images.Pictures
    val: images.Pictures
    test: images.Pictures
    folder: Path | None = None  # where the pictures lie, None if not in a folder

    @property
    def splits(self) -> dict:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def packed(self) -> bool:
        """Whether squares come from a pack, see `packed.use`."""
        return isinstance(self.train, packed.PackedFiles)

    @property
    def fingerprint(self) -> str:
        """Changes when a picture is added, removed or renamed, and so perhaps moved to another split."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            files = ["/".join(path.parts[-2:]) for path in getattr(split, "paths", ())]
            digest.update(repr((name, files, split.labels.tolist())).encode())
        return digest.hexdigest()[:16]


def data_home() -> Path:
    """Where data sets live: $ALEXNET_PADDLE_DATA, else the repository's `data/`."""
    if os.environ.get("ALEXNET_PADDLE_DATA"):
        return Path(os.environ["ALEXNET_PADDLE_DATA"])
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / "data"
    raise InputError("no place for data: set ALEXNET_PADDLE_DATA to a folder (the package is not in its repository)")


def load(data: str, fraction: float = DEFAULT_FRACTION) -> Dataset:
    """`data` is "petals", "cifar10", "cifar10:ARCHIVE" or a folder of pictures.

    `fraction` of the training pictures of each class becomes a split that is not there.
    Raises InputError when the data is missing or cannot be used.
    """
    if not 0 < fraction <= 0.5:
        raise InputError(f"--val {fraction}: choose a share above 0 and at most 0.5")
    if data == "petals":
        folder = petals.ensure(data_home() / "petals")
        classes, splits = folders.read_folder(folder, fraction)
        return Dataset(data, classes, petals.DISPLAY_NAMES, **splits, folder=folder)
    if data == "cifar10" or data.startswith("cifar10:"):
        classes, splits = cifar.read(data.partition(":")[2] or None, data_home(), fraction)
        return Dataset(data, classes, {}, **splits)
    classes, splits = folders.read_folder(Path(data), fraction)
    names = {name: petals.DISPLAY_NAMES[name] for name in classes if name in petals.DISPLAY_NAMES}
    return Dataset(str(Path(data).resolve()), classes, names, **splits, folder=Path(data))


def check(dataset: Dataset, progress) -> None:
    """`check_pictures` for all splits of a folder, unless they are packed: then all have been decoded."""
    if not dataset.packed:
        check_pictures([path for split in dataset.splits.values() for path in getattr(split, "paths", ())], progress)


def check_pictures(paths, progress) -> None:
    """Open every picture once. Raises InputError naming the first one that cannot be read.

    `progress(iterable, description)` may show a bar.
    """
    bad = []
    for path in progress(paths, "checking pictures"):
        if reason := images.check_image(path):
            bad.append(f"{path}: not a readable picture ({reason})")
    if bad:
        more = f", and {len(bad) - 1} more like it" if len(bad) > 1 else ""
        raise InputError(f"{bad[0]}{more}; remove or replace it")
