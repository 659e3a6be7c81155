"""The packed form of a folder of pictures: every square that crops are cut from, in one memory-mapped file.

DIR/.packed/squares-SIDE.npy    uint8 [N, 3, side, side]
DIR/.packed/squares-SIDE.json   what the file above was made of: pictures with sizes and times, versions

The index is written last, and it describes the file of squares too. So a pack is used only when it is whole and
when the folder is still the one that was packed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
import PIL

from alexnet_paddle import reporter
from alexnet_paddle.datasets.dataset import Dataset
from alexnet_paddle.datasets.folders import ImageFiles
from alexnet_paddle.datasets.images import Pictures, open_image
from alexnet_paddle.datasets.transforms import central_square
from alexnet_paddle.errors import InputError

FORMAT = 2  # raise it when the layout changes, or what `open_image` or `central_square` make of a picture

Stat = list[int]  # bytes, and the time of the last change in ns


class StalePack(Exception):
    """The pack must not be used; the message says why."""


class CannotWrite(InputError):
    """The folder takes no pack."""


class PackedFiles(ImageFiles):
    """Pictures on disk whose squares are row `rows[i]` of `squares`."""

    packed = True

    def __init__(
        self,
        paths: Iterable[Path],
        labels: Sequence[int] | np.ndarray,
        squares: np.ndarray,
        rows: Sequence[int] | np.ndarray,
    ):
        super().__init__(paths, labels)
        self.squares, self.rows = squares, np.asarray(rows)

    def square(self, index: int, side: int) -> np.ndarray:
        if side != self.squares.shape[-1]:
            return super().square(index, side)
        return self.squares[self.rows[index]].transpose(1, 2, 0)

    def subset(self, indices: Sequence[int] | np.ndarray) -> PackedFiles:
        part = super().subset(indices)
        return PackedFiles(part.paths, part.labels, self.squares, self.rows[indices])


class Pack:
    """The pack of a data set with pictures in a folder, for one side of the squares."""

    def __init__(self, dataset: Dataset, side: int):
        """`dataset` must have a folder."""
        assert dataset.folder is not None
        self.dataset, self.side = dataset, side
        self.paths = dict(sorted((path.relative_to(dataset.folder).as_posix(), path) for path in dataset.paths))
        self.home = dataset.folder / ".packed"
        self.squares = self.home / f"squares-{side}.npy"
        self.index = self.home / f"squares-{side}.json"

    @property
    def exists(self) -> bool:
        """Whether there is one, perhaps a stale one."""
        return self.index.exists() or self.squares.exists()

    def use(self) -> Dataset:
        """The data set with its squares from the pack. Raises StalePack."""
        squares = self.read()
        rows = {path: row for row, path in enumerate(self.paths.values())}

        def packed(split: Pictures) -> PackedFiles:
            return PackedFiles(split.paths, split.labels, squares, [rows[path] for path in split.paths])

        train, val, test = map(packed, self.dataset.splits.values())
        return dataclasses.replace(self.dataset, train=train, val=val, test=test)

    def read(self) -> np.ndarray:
        """The squares, uint8 [N, 3, side, side], in the order of `paths`. Raises StalePack."""
        try:
            index = json.loads(self.index.read_text("utf-8"))
        except FileNotFoundError:
            raise StalePack("it has no index") from None
        except (OSError, ValueError):
            raise StalePack("its index cannot be read") from None
        made_of = index if isinstance(index, dict) else {}
        # Index, squares, then their size and time: when another process packs at this moment, the three do not fit.
        squares = self._map()
        for key, now in self._description(_stat(self.squares)).items():
            if made_of.get(key) != now:
                raise StalePack(_difference(key, made_of.get(key), now))
        if squares is None:
            raise StalePack("its file of squares is damaged")
        return squares

    @property
    def _shape(self) -> tuple[int, int, int, int]:
        return len(self.paths), 3, self.side, self.side

    def _map(self) -> np.ndarray | None:
        """The file of squares, None unless it is a whole one of the right shape."""
        try:
            squares = np.lib.format.open_memmap(self.squares, mode="r")
            size = self.squares.stat().st_size
        except Exception:  # NumPy's reader of headers raises many kinds
            return None
        right = (squares.dtype, squares.shape, squares.flags.c_contiguous) == (np.uint8, self._shape, True)
        return np.asarray(squares) if right and size == squares.offset + squares.nbytes else None

    def build(self) -> None:
        """Decode every picture and write the pack, in place of an older one. Raises InputError naming a picture that
        cannot be read, CannotWrite for the folder."""
        # Before they are read: of a picture that changes meanwhile the time is then wrong, and the pack is stale.
        pictures = {name: _stat(path) for name, path in self.paths.items()}
        # Names of this process's own, so that two may build at once: the first to finish wins.
        work = f"{uuid.uuid4().hex}.new"
        squares, index = (path.with_name(f"{path.name}.{work}") for path in (self.squares, self.index))
        try:
            self.home.mkdir(exist_ok=True)
            with squares.open("wb") as file:
                # Not through a memory map: on a full disk that would kill the process.
                header = {"descr": "|u1", "fortran_order": False, "shape": self._shape}
                np.lib.format.write_array_header_1_0(file, header)
                for path in reporter.progress(self.paths.values(), "packing pictures"):
                    square = central_square(open_image(path), self.side)
                    # Colour by colour, as the net wants them: to sort every crop takes as long as all else.
                    file.write(square.transpose(2, 0, 1).tobytes())
                _to_disk(file)
            with index.open("w", encoding="utf-8") as file:
                json.dump(self._description(_stat(squares), pictures), file)
                _to_disk(file)
            squares.replace(self.squares)
            index.replace(self.index)
            for leftover in self.home.glob(f"squares-{self.side}.*.new"):  # of a build that was killed
                leftover.unlink(missing_ok=True)
        except OSError as error:
            with suppress(StalePack):
                self.read()
                return  # another process was faster, and took our files for leftovers
            raise CannotWrite(
                f"{self.home}: the pack cannot be written ({error.strerror}); make room, or copy the pictures to a "
                "folder that can be written"
            ) from None
        finally:
            with suppress(OSError):
                squares.unlink(missing_ok=True)
                index.unlink(missing_ok=True)
                self.home.rmdir()  # only if it is empty

    def _description(self, squares: Stat | None, pictures: dict[str, Stat | None] | None = None) -> dict:
        """What the index holds: the folder as it is now, unless `pictures` are given."""
        return {
            "format": FORMAT,
            "side": self.side,
            "pillow": PIL.__version__,  # another version may decode or resize a little differently
            "pictures": pictures or {name: _stat(path) for name, path in self.paths.items()},
            "squares": squares,
        }


def use(dataset: Dataset, side: int) -> Dataset:
    """The data set as it is best trained on: with its pack if it has one, packed again if that is stale; `petals`
    is packed when it is not yet. A folder that was never packed is left alone.

    Raises InputError naming a picture that cannot be read; `datasets.load_checked` finds them all before. When a pack
    cannot be written, the pictures are read from their files, and a line says so.
    """
    if dataset.folder is None or dataset.packed:
        return dataset
    pack = Pack(dataset, side)
    if not pack.exists and dataset.name != "petals":
        return dataset
    try:
        return pack.use()
    except StalePack as reason:
        if pack.exists:
            reporter.say(f"pack: {pack.squares} is out of date ({reason}); packing again")
    try:
        pack.build()
        return pack.use()
    except (CannotWrite, StalePack) as error:
        reporter.say(f"pack: not used, pictures are read from their files ({error})")
        return dataset


def use_if_current(dataset: Dataset, side: int) -> Dataset:
    """The data set with its pack if it has one that is current, else as it is. Nothing is written."""
    if dataset.folder is not None:
        with suppress(StalePack):
            return Pack(dataset, side).use()
    return dataset


def _stat(path: Path) -> Stat | None:
    """[bytes, time of the last change in ns], None for a file that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _to_disk(file: BinaryIO | TextIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _difference(key: str, before: Any, now: Any) -> str:
    """In words, what differs between the index and the folder."""
    if key == "squares":
        return "its file of squares is not the one that was written"
    if key != "pictures" or not isinstance(before, dict):
        return f"it has {key} {before}, not {now}" if key != "pictures" else "its index has no pictures"
    for name in now:
        if before.get(name) != now[name]:
            return f"{name} {'has changed' if name in before else 'is new'}"
    return f"{next(name for name in before if name not in now)} is gone"
