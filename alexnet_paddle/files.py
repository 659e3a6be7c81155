"""Files and folders that are whole or not there: a kill, a full disk or a power cut leaves the old one or the new one.

The only place that renames."""

from __future__ import annotations

import json
import os
from pathlib import Path

from alexnet_paddle.errors import InputError


def write_whole(path: Path, data: bytes) -> None:
    """Write beside its place, then move it there. Raises OSError with the name, and then leaves nothing behind."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".new")
    try:
        write_through(unfinished, data)
        put_in_place(unfinished, path)
    except Exception:
        unfinished.unlink(missing_ok=True)
        raise


def put_in_place(new: Path, path: Path, old: Path | None = None) -> None:
    """Rename `new`, which is finished and on the same disk, to `path`, and wait until that is on the disk.

    A file takes the place of another one. A folder does not: what is there is first renamed to `old`, so that a kill
    between the two leaves it whole under that name. Raises OSError.
    """
    if old is not None and path.exists():
        path.rename(old)
    new.replace(path)
    flush_folder(path.parent)


def write_json(path: Path, data: dict) -> None:
    """As `write_whole`; the same data gives the same bytes."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # The name of a file may have bytes that are no text: the escape is JSON, and reads as what it was.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def require_writable(option: str, path: Path) -> None:
    """Raises InputError, which names the option, unless a file can be written there; its folder may have to be made.
    Creates nothing."""
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{option} {path}: is a folder; give the name of a file")
        path.with_name(path.name + ".new").exists()  # an error where the name is too long
        existing = next(place for place in (path, *path.absolute().parents) if place.exists())
    except OSError as error:
        raise InputError(f"{option} {path}: {error.strerror}; give another name") from None
    if existing != path and not existing.is_dir():
        raise InputError(f"{option} {path}: {existing} is a file; give another name")
    if not os.access(existing, os.W_OK):
        raise InputError(f"{option} {path}: no permission to write in {existing}; give another name")


def write_through(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file of these parts and wait until it is on the disk. Raises OSError with the name."""
    try:
        with open(path, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)  # a full disk is noticed when the name is no longer known
        raise


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: without it a power cut can undo a rename."""
    if os.name == "nt":  # Windows opens no folders, and writes names through by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
