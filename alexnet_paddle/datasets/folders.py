"""Folders of pictures, one folder a class: `DIR/<class>/*` or `DIR/{train,val,test}/<class>/*`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet_paddle.datasets.images import Pictures, open_image
from alexnet_paddle.errors import InputError, printable

EXTENSIONS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
SPLIT_SEED = 0  # not the run's seed: runs with different seeds are compared on the same test pictures


class ImageFiles(Pictures):
    """Pictures on disk, each opened when it is asked for."""

    def __init__(self, paths: Iterable[Path], labels: Sequence[int] | np.ndarray):
        self.paths, self.labels = list(paths), np.asarray(labels, dtype="int64")

    def image(self, index: int) -> Image.Image:
        return open_image(self.paths[index])

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageFiles:
        return ImageFiles([self.paths[i] for i in indices], self.labels[indices])


def read_folder(
    directory: Path, fraction: float, without: Collection[Path] = frozenset()
) -> tuple[tuple[str, ...], dict[str, ImageFiles]]:
    """(class names, {"train", "val", "test"} -> ImageFiles).

    Without a test folder the `val` folder is the test split; a split that is then missing is cut from the
    training pictures: `fraction` of every class, the same ones each time. All this as if the paths `without` were
    not there.
    Raises InputError when the folder cannot be a data set.
    """
    directory = Path(directory)
    parts = {path.name: path for path in _subfolders(directory)}
    if "train" in parts and set(parts) <= {"train", "val", "test"}:
        test = parts.get("test", parts.get("val"))
        val = parts.get("val") if "test" in parts else None
    else:
        parts, test, val = {"train": directory}, None, None

    classes = _class_names(parts["train"])
    splits = {"train": _list_images(parts["train"], classes, without)}
    for name, folder in (("test", test), ("val", val)):
        if folder is not None:
            _require_known_classes(folder, classes)
            splits[name] = _list_images(folder, classes, without)
        else:
            splits["train"], splits[name] = _stratified_split(splits["train"], fraction, classes)
    return classes, splits


def read_all_images(directory: Path, classes: Sequence[str]) -> ImageFiles:
    """Every picture of `directory` (of its test, else val folder if it has one), labelled by the given classes."""
    directory = Path(directory)
    for name in ("test", "val"):
        if os.path.isdir(directory / name) and name not in classes:
            directory = directory / name
            break
    found = _class_names(directory, at_least=1)
    _require_known_classes(directory, classes)
    return _list_images(directory, classes, only=found)


def _subfolders(directory: Path) -> list[Path]:
    """Those that can be classes. Raises InputError for a folder that cannot be looked into, and for links that would
    lose a class or take all pictures for one."""
    try:
        with os.scandir(directory) as entries:
            visible = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise _unreadable(directory, error, "give a folder with one subfolder of pictures a class") from None
    for link in filter(os.DirEntry.is_symlink, visible):
        if not os.path.exists(link):
            raise InputError(f"{printable(link.path)}: a link that leads nowhere; mend or remove it")
        if Path(os.path.realpath(directory)).is_relative_to(os.path.realpath(link)):
            raise InputError(f"{printable(link.path)}: a link to a folder that it is in; remove it")
    return sorted(Path(entry) for entry in visible if entry.is_dir())


def _pictures(folder: Path) -> list[Path]:
    """The pictures in a folder and those below it, but not behind links to folders, which may go in circles. Links to
    files that are not there belong to them: somebody has to know."""
    found = []
    for parent, folders, files in os.walk(folder, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if not name.startswith(".")]  # e.g. .ipynb_checkpoints
        paths = (Path(parent, name) for name in files if not name.startswith("."))
        found += [
            path
            for path in paths
            if path.suffix.lower() in EXTENSIONS and (os.path.isfile(path) or not os.path.exists(path))
        ]
    return sorted(found)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise _unreadable(error.filename, error, "give yourself permission, or remove it")


def _unreadable(folder: Path | str, error: OSError, remedy: str) -> InputError:
    """The message for a folder whose content the system does not tell."""
    reasons = {FileNotFoundError: "no such folder", NotADirectoryError: "is not a folder"}
    reason = reasons.get(type(error), f"the folder cannot be read ({error.strerror})")
    return InputError(f"{printable(folder)}: {reason}; {remedy}")


def _class_names(directory: Path, at_least: int = 2) -> tuple[str, ...]:
    names = tuple(path.name for path in _subfolders(directory))
    if not names:
        raise InputError(f"{directory}: has no class folders; put the pictures of each class into a folder of its own")
    if len(names) < at_least:
        raise InputError(f"{directory}: has one class only ({names[0]}); a classifier needs two or more")
    for name in names:
        if name != printable(name):  # it is shown in tables and written into files
            raise InputError(f"{printable(directory / name)}: no name that can be shown; rename the folder")
    return names


def _require_known_classes(directory: Path, classes: Sequence[str]) -> None:
    unknown = sorted({path.name for path in _subfolders(directory)} - set(classes))
    if unknown:
        raise InputError(
            f"{directory / unknown[0]}: this class is not one of {', '.join(classes)}; rename or remove it"
        )


def _list_images(
    directory: Path,
    classes: Sequence[str],
    without: Collection[Path] = frozenset(),
    only: Collection[str] | None = None,
) -> ImageFiles:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        if only is not None and name not in only:
            continue
        there = _pictures(directory / name)
        found = [path for path in there if path not in without]
        if not found:
            kinds = f"holds no pictures ({', '.join(sorted(EXTENSIONS))})"
            raise InputError(f"{directory / name}: {'holds no picture that can be read' if there else kinds}")
        paths += found
        labels += [label] * len(found)
    return ImageFiles(paths, labels)


def stratified_indices(labels: np.ndarray, fraction: float, seed: int = SPLIT_SEED) -> tuple[np.ndarray, np.ndarray]:
    """(kept, cut): `fraction` of each class, at least one picture, chosen by the seed; both in rising order."""
    rng = np.random.RandomState(seed)
    parts = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        parts.append(members[: max(1, round(fraction * len(members)))])
    cut = np.sort(np.concatenate(parts))
    return np.setdiff1d(np.arange(len(labels)), cut), cut


def _stratified_split(images: ImageFiles, fraction: float, classes: Sequence[str]) -> tuple[ImageFiles, ImageFiles]:
    kept, cut = stratified_indices(images.labels, fraction)
    left = np.bincount(images.labels[kept], minlength=len(classes))
    if left.min() == 0:
        name = classes[int(left.argmin())]
        folder = next(path for path, label in zip(images.paths, images.labels) if classes[label] == name).parent
        raise InputError(f"{folder}: too few pictures to split into train, val and test; add some (3 is the least)")
    return images.subset(kept), images.subset(cut)
