"""Files that are whole or not there: a kill, a full disk or a power cut leaves the old one or the new one."""

from __future__ import annotations

import json
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside its place, then move it there. Raises OSError with the name, and then leaves nothing behind."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".new")
    try:
        write_through(unfinished, data)
        unfinished.replace(path)
    except Exception:
        unfinished.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_json(path: Path, data: dict) -> None:
    """As `write_whole`; the same data gives the same bytes."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    # The name of a file may have bytes that are no text: the escape is JSON, and reads as what it was.
    write_whole(path, text.encode("utf-8", "backslashreplace"))


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
