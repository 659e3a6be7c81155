"""A chapter's source: what its cells are, which of them are exercises, and what each one needs.

A source is a Jupytext percent file whose cells all have a title, which becomes the cell's id. Graded cells carry
nbgrader's own metadata, and three keys of ours: `defines`, the names that an exercise defines; `needs`, the earlier
cells that a cell depends on; `checks`, what a cell of asserts checks, in words that a student may see.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager

import alexnet_paddle
from alexnet_paddle.errors import InputError

ROOT = Path(alexnet_paddle.__file__).parents[1]  # of the checkout: chapters are not installed
COURSE = ROOT / "course"
TITLE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


@dataclass(frozen=True)
class Exercise:
    """A cell that the reader fills in, and the two cells of asserts that judge it, by their ids."""

    name: str

    @property
    def visible(self) -> str:
        return f"{self.name}-visible"

    @property
    def hidden(self) -> str:
        return f"{self.name}-hidden"


@dataclass(frozen=True)
class Chapter:
    """`cells` holds nbformat cells by id, in order, with solutions and hidden tests."""

    name: str
    cells: dict[str, nbformat.NotebookNode]

    @property
    def exercises(self) -> list[Exercise]:
        return [Exercise(name) for name, cell in self.cells.items() if is_exercise(cell)]

    def needed(self, name: str) -> list[str]:
        """The ids of all cells that a cell depends on, also through others, in order."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = set(self.cells[waiting.pop()].metadata.get("needs", ())) - found
            found |= new
            waiting += new
        return [other for other in self.cells if other in found]

    def notebook(self) -> nbformat.NotebookNode:
        """The whole chapter as a notebook that was not run."""
        notebook = nbformat.v4.new_notebook(cells=list(self.cells.values()), metadata=NOTEBOOK_METADATA)
        return nbformat.from_dict(notebook.copy())


def is_exercise(cell: nbformat.NotebookNode) -> bool:
    """Whether the reader fills this cell in."""
    return cell.metadata.get("nbgrader", {}).get("solution", False)


def is_graded(cell: nbformat.NotebookNode) -> bool:
    """Whether this cell's asserts give points."""
    return cell.metadata.get("nbgrader", {}).get("grade", False)


def python(source: str) -> str:
    """A cell's source as Python, whoever wrote it: magics and shell commands become calls."""
    with suppress(Exception):
        return TransformerManager().transform_cell(source)
    return source


# ---- the files -----------------------------------------------------------------------------------------


def sources(course: Path = COURSE) -> list[Path]:
    """Raises InputError where there are none."""
    found = sorted((course / "source").glob("[0-9][0-9]_*.py"))
    if not found:
        raise InputError(f"{course / 'source'}: holds no chapter; run this in a checkout of the course")
    return found


def read_all() -> dict[str, Chapter]:
    """All chapters by name, in order. Raises InputError."""
    return {source.stem: read(source) for source in sources()}


def read(path: Path) -> Chapter:
    """Raises InputError, which names the file and the cell, where the source breaks a rule."""
    cells = {}
    for cell in jupytext.read(path, fmt="py:percent").cells:
        title = cell.metadata.pop("title", "")
        if not TITLE.fullmatch(title):
            beginning = cell.source.partition("\n")[0]
            raise InputError(f"{path}: the cell that begins {beginning!r} needs a title of a-z, 0-9 and hyphens")
        if title in cells:
            raise InputError(f"{path}: two cells are called {title!r}; give one of them another title")
        for other in cell.metadata.get("needs", ()):
            if other not in cells:
                raise InputError(f"{path}: cell {title!r} needs {other!r}, which is no earlier cell; correct `needs`")
        cell.metadata.pop("lines_to_next_cell", None)  # Jupytext's own, about blank lines in the source
        cell.id = title
        cells[title] = cell
    chapter = Chapter(path.stem, cells)
    _check_graded(path, chapter)
    for exercise in chapter.exercises:
        for name in (exercise.visible, exercise.hidden):
            cells[name].metadata["defines"] = cells[exercise.name].metadata["defines"]
    return chapter


def _check_graded(path: Path, chapter: Chapter) -> None:
    order = list(chapter.cells)
    graded = {name for name, cell in chapter.cells.items() if is_graded(cell)}
    for exercise in chapter.exercises:
        place = order.index(exercise.name)
        if order[place + 1 : place + 3] != [exercise.visible, exercise.hidden]:
            wanted = f"{exercise.visible!r} and {exercise.hidden!r}"
            raise InputError(f"{path}: after {exercise.name!r} must come {wanted}; add or move them")
        _require(path, exercise.name, chapter.cells[exercise.name], "defines")
        for name in (exercise.visible, exercise.hidden):
            cell = chapter.cells[name]
            _require(path, name, cell, "checks")
            if not is_graded(cell) or not cell.metadata["nbgrader"].get("points"):
                raise InputError(f'{path}: cell {name!r} gives no points; set "grade": true and "points"')
            if exercise.name not in cell.metadata.get("needs", ()):
                raise InputError(f"{path}: cell {name!r} judges {exercise.name!r}; name it in `needs`")
            graded.discard(name)
    if graded:
        raise InputError(f"{path}: cell {min(graded)!r} is graded, but follows no exercise; move it behind its own")
    for name, cell in chapter.cells.items():
        if (is_exercise(cell) or is_graded(cell)) and cell.metadata["nbgrader"].get("grade_id") != name:
            raise InputError(f"{path}: the grade_id of cell {name!r} must be its title")


def _require(path: Path, name: str, cell: nbformat.NotebookNode, key: str) -> None:
    if not cell.metadata.get(key):
        raise InputError(f"{path}: cell {name!r} has no `{key}`; add it to its header")
