"""Folders of pictures, one folder a class: `DIR/<class>/*` or `DIR/{train,val,test}/<class>/*`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_paddle.datasets.images import Pictures, open_image
from alexnet_paddle.errors import InputError

EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
SPLIT_SEED = 0  # not the run's seed: runs with different seeds are compared on the same test pictures


class ImageFiles(Pictures):
    """Pictures on disk, each opened when it is asked for."""

    def __init__(self, paths, labels):
        self.paths, self.labels = list(paths), np.asarray(labels, dtype="int64")

    def image(self, index: int) -> Image.Image:
        return open_image(self.paths[index])

    def subset(self, indices) -> ImageFiles:
        return ImageFiles([self.paths[i] for i in indices], self.labels[indices])


def read_folder(directory: Path, fraction: float) -> tuple[tuple[str, ...], dict[str, ImageFiles]]:
    """(class names, {"train", "val", "test"} -> ImageFiles).

    Without a test folder the `val` folder is the test split; a split that is then missing is cut from the
    training pictures: `fraction` of every class, the same ones each time.
    Raises InputError when the folder cannot be a data set.
    """
    directory = Path(directory)
    if not directory.is_dir():
        what = "is not a folder" if directory.exists() else "no such folder"
        raise InputError(f"{directory}: {what}; give a folder with one subfolder of pictures a class")
    parts = {path.name: path for path in _subfolders(directory)}
    if "train" in parts and set(parts) <= {"train", "val", "test"}:
        test = parts.get("test", parts.get("val"))
        val = parts.get("val") if "test" in parts else None
    else:
        parts, test, val = {"train": directory}, None, None

    classes = _class_names(parts["train"])
    splits = {"train": _list_images(parts["train"], classes)}
    for name, folder in (("test", test), ("val", val)):
        if folder is not None:
            _require_known_classes(folder, classes)
            splits[name] = _list_images(folder, classes)
        else:
            splits["train"], splits[name] = _stratified_split(splits["train"], fraction, classes)
    return classes, splits


def read_all_images(directory: Path, classes) -> ImageFiles:
    """Every picture of `directory` (of its test, else val folder if it has one), labelled by the given classes."""
    directory = Path(directory)
    for name in ("test", "val"):
        if (directory / name).is_dir() and name not in classes:
            directory = directory / name
            break
    found = _class_names(directory, at_least=1)
    _require_known_classes(directory, classes)
    return _list_images(directory, classes, only=found)


def _subfolders(directory):
    return sorted(path for path in directory.iterdir() if path.is_dir() and not path.name.startswith("."))


def _pictures(folder):
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)  # e.g. .ipynb_checkpoints
        and path.is_file()
    )


def _class_names(directory, at_least=2) -> tuple[str, ...]:
    if not directory.is_dir():
        raise InputError(f"{directory}: no such folder; give a folder with one subfolder of pictures a class")
    names = tuple(path.name for path in _subfolders(directory))
    if not names:
        raise InputError(f"{directory}: has no class folders; put the pictures of each class into a folder of its own")
    if len(names) < at_least:
        raise InputError(f"{directory}: has one class only ({names[0]}); a classifier needs two or more")
    return names


def _require_known_classes(directory, classes):
    unknown = sorted({path.name for path in _subfolders(directory)} - set(classes))
    if unknown:
        raise InputError(
            f"{directory / unknown[0]}: this class is not one of {', '.join(classes)}; rename or remove it"
        )


def _list_images(directory, classes, only=None) -> ImageFiles:
    paths, labels = [], []
    for label, name in enumerate(classes):
        if only is not None and name not in only:
            continue
        found = _pictures(directory / name) if (directory / name).is_dir() else []
        if not found:
            raise InputError(f"{directory / name}: holds no pictures ({', '.join(sorted(EXTENSIONS))})")
        paths += found
        labels += [label] * len(found)
    return ImageFiles(paths, labels)


def stratified_indices(labels, fraction: float, seed: int = SPLIT_SEED) -> tuple[np.ndarray, np.ndarray]:
    """(kept, cut): `fraction` of each class, at least one picture, chosen by the seed; both in rising order."""
    rng = np.random.RandomState(seed)
    cut = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        cut.append(members[: max(1, round(fraction * len(members)))])
    cut = np.sort(np.concatenate(cut))
    return np.setdiff1d(np.arange(len(labels)), cut), cut


def _stratified_split(images, fraction, classes):
    kept, cut = stratified_indices(images.labels, fraction)
    left = np.bincount(images.labels[kept], minlength=len(classes))
    if left.min() == 0:
        name = classes[int(left.argmin())]
        folder = next(path for path, label in zip(images.paths, images.labels) if classes[label] == name).parent
        raise InputError(f"{folder}: too few pictures to split into train, val and test; add some (3 is the least)")
    return images.subset(kept), images.subset(cut)
