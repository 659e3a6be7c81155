"""What an instructor hands out: the learner's chapters and all that they need, no solution and no hidden test."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from alexnet_paddle.classroom import build
from alexnet_paddle.errors import InputError

# The data set draws itself the first time it is needed, without network.
FILES = (
    "course/[0-9][0-9]_*.ipynb",
    "course/*.md",
    "course/pictures/*",
    "course/results/*.json",
    "alexnet_paddle/**/*.py",
    "data/README.md",
    "requirements.txt",
    "requirements-gpu.txt",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
)


def release(to: Path) -> list[Path]:
    """Make the folder `to` and return what is in it. Raises InputError where it holds something already, or where a
    notebook is not what `build` makes of its source."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"--to {to}: is there already; give a new folder")
    for source in build.sources():
        if old := build.stale(source, build.COURSE):
            raise InputError(f"{old[0]}: is not built from the source as it is now; run classroom build first")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}-") as unfinished:
        copies = [_copy(path, Path(unfinished)) for pattern in FILES for path in sorted(build.ROOT.glob(pattern))]
        if to.exists():
            to.rmdir()
        whole = Path(unfinished) / "whole"
        whole.rename(to)
    return [to / copy.relative_to(whole) for copy in copies]


def _copy(path, unfinished):
    target = unfinished / "whole" / path.relative_to(build.ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, target))
