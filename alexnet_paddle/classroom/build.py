"""From a chapter's source to its two notebooks.

`course/solutions/NN_name.ipynb` is the whole chapter, run, with nbgrader's marks around solutions and hidden tests: an
instructor's source for nbgrader too. `course/NN_name.ipynb` is the learner's: without both, with the outputs of that
run on all cells that are not exercises.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions, ComputeChecksums, LockCells

from alexnet_paddle import reporter
from alexnet_paddle.classroom import fingerprint
from alexnet_paddle.classroom.chapter import COURSE, ROOT, Chapter, is_exercise, is_graded, read, sources
from alexnet_paddle.errors import InputError, TrainingFailed
from alexnet_paddle.files import write_whole

CELL_SECONDS = 300
OURS = "alexnet_paddle"  # the key of our notebook metadata
WIDGET = "application/vnd.jupyter.widget-view+json"  # shows nothing where no kernel runs


def build_all(numbers: Sequence[str] = (), force: bool = False) -> None:
    """Build the chapters with these numbers, or all, and say of each what was done. Raises as `build` does, and
    InputError for a number that no chapter has."""
    found = {source.name[:2]: source for source in sources()}
    for number in numbers:
        if number not in found:
            raise InputError(f"{number}: no such chapter; choose from {', '.join(found)}")
    for number in numbers or found:
        began = time.monotonic()
        ran = build(found[number], COURSE, force)
        done = f"run in {time.monotonic() - began:.0f} s" if ran else "up to date"
        reporter.say(f"{found[number].stem}: {done}")


def build(source: Path, course: Path, force: bool = False) -> bool:
    """Write both notebooks of a chapter, and return whether it was run for that: it is when what its outputs depend on
    has changed since the last time. Where only words have, in a text or a comment, the outputs that are there stay.
    Raises InputError, and TrainingFailed when a cell ends in an error."""
    chapter = read(source)
    built_from = fingerprint.of_chapter(source)
    outputs = None if force else recorded_outputs(chapter.name, course, built_from)
    ran = outputs is None
    if outputs is None:
        outputs = execute(chapter, course)
    for path, text in editions(chapter, built_from, outputs, course).items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            write_whole(path, text.encode())
    return ran


def stale(source: Path, course: Path) -> list[Path]:
    """The notebooks of a chapter that `build` would change."""
    chapter = read(source)
    built_from = fingerprint.of_chapter(source)
    outputs = recorded_outputs(chapter.name, course, built_from)
    wanted = editions(chapter, built_from, outputs or {}, course)
    if outputs is None:
        return list(wanted)
    return [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]


def editions(chapter: Chapter, built_from: str, outputs: dict, course: Path) -> dict[Path, str]:
    """The text of both notebooks, by path."""
    solutions = chapter.notebook()
    solutions.metadata[OURS] = {"built_from": built_from}
    for cell in solutions.cells:
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = outputs.get(cell.id, (None, []))
    return {
        course / "solutions" / f"{chapter.name}.ipynb": _as_text(solutions),
        course / f"{chapter.name}.ipynb": _as_text(learners(solutions)),
    }


def learners(solutions: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The learner's edition, as nbgrader makes it, with the outputs of the cells that are not graded."""
    notebook = nbformat.from_dict(solutions)
    # As in nbgrader's own order: its checksums are of what the learner gets.
    for preprocessor in (LockCells, ClearSolutions, ClearHiddenTests, ComputeChecksums, CheckCellMetadata):
        notebook, _ = preprocessor().preprocess(notebook, {})
    for cell in notebook.cells:
        if is_exercise(cell) or is_graded(cell):
            cell.execution_count, cell.outputs = None, []
    return notebook


def _as_text(notebook: nbformat.NotebookNode) -> str:
    return nbformat.writes(nbformat.from_dict(notebook)) + "\n"


# ---- running ---------------------------------------------------------------------------------------


def run(notebook: nbformat.NotebookNode, folder: Path, allow_errors: bool = False) -> None:
    """Run a notebook in place as a reader would, top to bottom, in this folder.

    Raises CellExecutionError at the first error, unless they are allowed.
    """
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        allow_errors=allow_errors,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # on each start it warns of unencrypted local sockets
        record_timing=False,
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})  # this checkout, whichever is installed


def execute(chapter: Chapter, course: Path) -> dict:
    """Run a chapter. Returns (execution count, outputs) of each code cell by id. Raises TrainingFailed."""
    notebook = chapter.notebook()
    try:
        run(notebook, course)
    except CellTimeoutError:
        raise TrainingFailed(
            f"{chapter.name}: a cell took more than {CELL_SECONDS} s; build it again when the machine is idle"
        ) from None
    except CellExecutionError as error:
        raise TrainingFailed(f"{chapter.name}: a cell ended in an error; mend the source\n{error}") from None
    outputs = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            kept = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            outputs[cell.id] = (cell.execution_count, kept)
            if str(ROOT) in str(kept):
                raise TrainingFailed(f"{chapter.name}: cell {cell.id!r} shows a path of this machine; mend the source")
    return outputs


def recorded_outputs(name: str, course: Path, built_from: str) -> dict | None:
    """The outputs in the solutions, None if they are not those of this fingerprint."""
    path = course / "solutions" / f"{name}.ipynb"
    if not path.exists():
        return None
    notebook = nbformat.read(path, as_version=4)
    if notebook.metadata.get(OURS, {}).get("built_from") != built_from:
        return None
    return {cell.id: (cell.execution_count, cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}
