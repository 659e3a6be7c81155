"""Files that are whole or not there: a kill, a full disk or a power cut leaves the old one or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside its place, then move it there. Raises OSError, and then leaves nothing behind."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".new")
    try:
        write_through(unfinished, data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_json(path: Path, data: dict) -> None:
    """As `write_whole`; the same data gives the same bytes."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # The name of a file may have bytes that are no text: the escape is JSON, and reads as what it was.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def write_through(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: without it a power cut can undo a rename."""
    if os.name == "nt":  # Windows opens no folders, and writes names through by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
