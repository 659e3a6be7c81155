"""What an instructor hands out: the learner's chapters and all that they need, no solution, no hidden test, no grader.

Files are found by rules, which a new room of the package or a new page of the course follows by itself: the whole
package, the chapters, all pages, what they show, the records. README and Makefile are the handout's own.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from alexnet_paddle.classroom.build import stale
from alexnet_paddle.classroom.chapter import COURSE, ROOT, sources
from alexnet_paddle.errors import InputError
from alexnet_paddle.files import put_in_place

OWN = Path(__file__).with_name("handout")
# The data set draws itself the first time it is needed, without network.
PATTERNS = (
    "alexnet_paddle/**/*",
    "course/**/*.md",
    "course/results/*",
    "data/*.md",
    "requirements*.txt",
    "pyproject.toml",
    "LICENSE",
)
KEPT = {
    Path(name)
    for name in (
        "alexnet_paddle/classroom",
        "course/instructors.md",
        "course/solutions",
        "course/source",
        "requirements-dev.txt",
    )
}


def release(to: Path) -> list[Path]:
    """Make the folder `to` and return what is in it. Raises InputError where it holds something already, where a
    notebook is not what `build` makes of its source, or where a page links to what is not handed out."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"--to {to}: is there already; give a new folder")
    for source in sources():
        if old := stale(source, COURSE):
            raise InputError(f"{old[0]}: is not built from the source as it is now; run classroom build first")
    return write(to)


def write(to: Path) -> list[Path]:
    """Make the folder `to`, which is new or empty, of the notebooks as they are, and return what is in it."""
    files = contents()
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}-") as unfinished:
        whole = Path(unfinished) / "whole"
        for place, file in files.items():
            (whole / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, whole / place)
        if to.exists():
            to.rmdir()
        put_in_place(whole, to)
    return [to / place for place in files]


def contents() -> dict[Path, Path]:
    """The places in a handout, each with the file that goes there. Raises InputError for a link to nothing in it."""
    found = [path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file()]
    found += [COURSE / f"{source.stem}.ipynb" for source in sources()]
    files = {path.relative_to(ROOT): path for path in found if goes_out(path.relative_to(ROOT))}
    files |= {path.relative_to(OWN): path for path in OWN.iterdir() if goes_out(path.relative_to(OWN))}
    for place in [place for place in files if place.suffix in (".md", ".ipynb")]:
        for link in links(files[place]):
            target = Path(os.path.normpath(place.parent / link))
            if target.is_relative_to("course") and goes_out(target) and (ROOT / target).is_file():
                files[target] = ROOT / target  # such as a picture
            elif not any(target in (other, *other.parents) for other in files):
                raise InputError(f"{files[place]}: links to {link}, which is not handed out; name it without a link")
    return dict(sorted(files.items()))


def goes_out(place: Path) -> bool:
    """Whether this place in the project may be handed out, and is nothing that a program left there."""
    left = any(part.startswith(".") or part == "__pycache__" for part in place.parts)
    return not left and KEPT.isdisjoint([place, *place.parents])


def links(page: Path) -> Iterator[str]:
    """The relative links of a Markdown file, or of a notebook's text, without what comes after #."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for link in re.findall(r"(?:\]\(|src=\")([^)\"\s]+)", text):
        if ":" not in link and not link.startswith("#"):
            yield link.partition("#")[0]
