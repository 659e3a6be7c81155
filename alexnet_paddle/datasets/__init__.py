"""Data sets: the drawn `petals`, folders of pictures, CIFAR-10. `load` gives any of them in the same form."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from alexnet_paddle.datasets import cifar, folders, images, packed, petals
from alexnet_paddle.errors import InputError, printable

DEFAULT_FRACTION = 0.15
REMEDY = "remove or replace them, or leave them out with --skip-bad"


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
    skipped: dict[str, str] = field(default_factory=dict)  # files below `folder` that are left out -> why

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
    """Where data sets live: $ALEXNET_PADDLE_DATA, else `data/` of the repository that the package is in; of one that
    was installed by itself, the user's cache folder."""
    if os.environ.get("ALEXNET_PADDLE_DATA"):
        return Path(os.environ["ALEXNET_PADDLE_DATA"])
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / "data"
    return platformdirs.user_cache_path("alexnet-paddle", appauthor=False)


def load(data: str, fraction: float = DEFAULT_FRACTION, skipped: dict[str, str] | None = None) -> Dataset:
    """`data` is "petals", "cifar10", "cifar10:ARCHIVE" or a folder of pictures.

    `fraction` of the training pictures of each class becomes a split that is not there. The files `skipped`, see
    `Dataset`, are left out before that, so all is as if they were not in the folder.
    Raises InputError when the data is missing or cannot be used.
    """
    if not 0 < fraction <= 0.5:
        raise InputError(f"--val {fraction}: choose a fraction above 0 and at most 0.5")
    if data == "petals":
        folder = petals.ensure(data_home() / "petals")
        return _from_folder(data, folder, fraction, skipped or {})
    if data == "cifar10" or data.startswith("cifar10:"):
        classes, splits = cifar.read(data.partition(":")[2] or None, data_home(), fraction)
        return Dataset(data, classes, {}, **splits)
    return _from_folder(os.path.realpath(data), Path(data), fraction, skipped or {})


def _from_folder(title, folder, fraction, skipped):
    classes, splits = folders.read_folder(folder, fraction, {folder / name for name in skipped})
    names = {name: petals.DISPLAY_NAMES[name] for name in classes if name in petals.DISPLAY_NAMES}
    return Dataset(title, classes, names, **splits, folder=folder, skipped=skipped)


def load_checked(data: str, fraction: float, side: int, *, skip_bad=False, skipped=None, remedy=REMEDY) -> Dataset:
    """`load`, with the pack of this `side` where there is a current one; else every picture is opened once.

    Raises InputError listing all that cannot be read, and what to do: `remedy`. With `skip_bad` they are left out as
    `load` does it, so the splits and all that follows are the same as if they had been removed from the folder.
    """
    dataset = packed.use_if_current(load(data, fraction, skipped), side)
    if dataset.folder is None or dataset.packed:  # what is packed has been decoded
        return dataset
    paths = [path for split in dataset.splits.values() for path in split.paths]
    if not skip_bad:
        check_pictures(paths, remedy)
        return dataset
    bad = images.find_bad(paths)
    bad = {path.relative_to(dataset.folder).as_posix(): reason for path, reason in bad.items()}
    return load(data, fraction, bad) if bad else dataset


def check_pictures(paths, remedy: str) -> None:
    """Raises InputError listing all pictures that cannot be read, a line each, under one that says what to do."""
    if bad := images.find_bad(paths):
        lines = [f"{printable(path)}: {reason}" for path, reason in bad.items()]
        raise InputError("\n".join([f"{len(bad)} of {len(paths)} pictures cannot be read; {remedy}:", *lines]))
