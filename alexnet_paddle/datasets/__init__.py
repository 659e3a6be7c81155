"""Data sets: the drawn `petals`, folders of pictures, CIFAR-10. `load` gives any of them in the same form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from alexnet_paddle.datasets import cifar, folders, images, packed, petals
from alexnet_paddle.datasets.dataset import Dataset
from alexnet_paddle.errors import InputError, printable

DEFAULT_FRACTION = 0.15
REMEDY = "remove or replace them, or leave them out with --skip-bad"


def data_home() -> Path:
    """Where data sets live: $ALEXNET_PADDLE_DATA, else the repository's `data/`."""
    if os.environ.get("ALEXNET_PADDLE_DATA"):
        return Path(os.environ["ALEXNET_PADDLE_DATA"])
    repository = Path(__file__).resolve().parents[2]
    if (repository / "pyproject.toml").is_file():
        return repository / "data"
    raise InputError("no place for data: set ALEXNET_PADDLE_DATA to a folder (the package is not in its repository)")


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
        return Dataset(data, classes, {}, splits["train"], splits["val"], splits["test"])
    return _from_folder(os.path.realpath(data), Path(data), fraction, skipped or {})


def _from_folder(title: str, folder: Path, fraction: float, skipped: dict[str, str]) -> Dataset:
    classes, splits = folders.read_folder(folder, fraction, {folder / name for name in skipped})
    names = {name: petals.DISPLAY_NAMES[name] for name in classes if name in petals.DISPLAY_NAMES}
    return Dataset(title, classes, names, **splits, folder=folder, skipped=skipped)


def load_checked(
    data: str,
    fraction: float,
    side: int,
    *,
    skip_bad: bool = False,
    skipped: dict[str, str] | None = None,
    remedy: str = REMEDY,
) -> Dataset:
    """`load`, with the pack of this `side` where there is a current one; else every picture is opened once.

    Raises InputError listing all that cannot be read, and what to do: `remedy`. With `skip_bad` they are left out as
    `load` does it, so the splits and all that follows are the same as if they had been removed from the folder.
    """
    dataset = packed.use_if_current(load(data, fraction, skipped), side)
    if dataset.folder is None or dataset.packed:  # what is packed has been decoded
        return dataset
    if not skip_bad:
        check_pictures(dataset.paths, remedy)
        return dataset
    bad = images.find_bad(dataset.paths)
    names = {path.relative_to(dataset.folder).as_posix(): reason for path, reason in bad.items()}
    return load(data, fraction, names) if bad else dataset


def check_pictures(paths: Sequence[Path], remedy: str) -> None:
    """Raises InputError listing all pictures that cannot be read, a line each, under one that says what to do."""
    if bad := images.find_bad(paths):
        lines = [f"{printable(path)}: {reason}" for path, reason in bad.items()]
        raise InputError("\n".join([f"{len(bad)} of {len(paths)} pictures cannot be read; {remedy}:", *lines]))
