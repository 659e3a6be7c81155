"""From a chapter's source to its two notebooks.

`course/solutions/NN_name.ipynb` is the whole chapter, run, with nbgrader's marks around solutions and hidden tests: an
instructor's source for nbgrader too. `course/NN_name.ipynb` is the learner's: without both, with the outputs of that
run on all cells that are not exercises.
"""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbgrader.preprocessors import CheckCellMetadata, ClearHiddenTests, ClearSolutions, ComputeChecksums, LockCells

import alexnet_paddle
from alexnet_paddle.classroom.chapter import Chapter, is_exercise, is_graded, read
from alexnet_paddle.errors import InputError, TrainingFailed
from alexnet_paddle.files import write_whole

PACKAGE = Path(alexnet_paddle.__file__).parent
ROOT = PACKAGE.parent
COURSE = ROOT / "course"
CELL_SECONDS = 300
OURS = "alexnet_paddle"  # the key of our notebook metadata
WIDGET = "application/vnd.jupyter.widget-view+json"  # shows nothing where no kernel runs


def sources(course: Path = COURSE) -> list[Path]:
    """Raises InputError where there are none."""
    found = sorted((course / "source").glob("[0-9][0-9]_*.py"))
    if not found:
        raise InputError(f"{course / 'source'}: holds no chapter; run this in a checkout of the course")
    return found


def build(source: Path, course: Path, force: bool = False) -> bool:
    """Write both notebooks of a chapter, running it if it, or a module it uses, has changed since the last time.
    Returns whether it was run. Raises InputError, and TrainingFailed when a cell ends in an error."""
    chapter = read(source)
    fingerprint = fingerprint_of(source)
    outputs = None if force else recorded_outputs(chapter.name, course, fingerprint)
    ran = outputs is None
    if ran:
        outputs = execute(chapter, course)
    for path, text in editions(chapter, fingerprint, outputs, course).items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            write_whole(path, text.encode())
    return ran


def stale(source: Path, course: Path) -> list[Path]:
    """The notebooks of a chapter that `build` would change."""
    chapter = read(source)
    fingerprint = fingerprint_of(source)
    outputs = recorded_outputs(chapter.name, course, fingerprint)
    wanted = editions(chapter, fingerprint, outputs or {}, course)
    if outputs is None:
        return list(wanted)
    return [path for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text]


def editions(chapter: Chapter, fingerprint: str, outputs: dict, course: Path) -> dict[Path, str]:
    """The text of both notebooks, by path."""
    solutions = chapter.notebook()
    solutions.metadata[OURS] = {"built_from": fingerprint}
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


def _as_text(notebook) -> str:
    return nbformat.writes(nbformat.from_dict(notebook)) + "\n"


# ---- running ---------------------------------------------------------------------------------------


def execute(chapter: Chapter, course: Path) -> dict:
    """Run a chapter as a reader would, top to bottom. Returns (execution count, outputs) of each code cell by id."""
    notebook = chapter.notebook()
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(course)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # on each start it warns of unencrypted local sockets
        record_timing=False,
    )
    try:
        client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})  # this checkout, whichever is installed
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


def recorded_outputs(name: str, course: Path, fingerprint: str) -> dict | None:
    """The outputs in the solutions, None if they are not those of this source and these modules."""
    path = course / "solutions" / f"{name}.ipynb"
    if not path.exists():
        return None
    notebook = nbformat.read(path, as_version=4)
    if notebook.metadata.get(OURS, {}).get("built_from") != fingerprint:
        return None
    return {cell.id: (cell.execution_count, cell.outputs) for cell in notebook.cells if cell.cell_type == "code"}


# ---- what a chapter is built from --------------------------------------------------------------------


def fingerprint_of(source: Path) -> str:
    """sha256 of a source and of the package's modules that it uses."""
    digest = hashlib.sha256()
    for path in [source, *modules_used(source)]:
        text = path.read_text("utf-8")  # line ends are the same on every system
        digest.update(f"{path.name}\n{len(text)}\n{text}".encode())
    return digest.hexdigest()


def modules_used(source: Path) -> list[Path]:
    """The files of the package that a Python file imports, also through others, found without running it."""
    found, waiting = set(), [source]
    while waiting:
        new = set(_imported(_parse(waiting.pop()))) - found
        found |= new
        waiting += new
    return sorted(found)


def _parse(path):
    try:
        return ast.parse(path.read_text("utf-8"))
    except SyntaxError as error:
        raise InputError(f"{path}: line {error.lineno} is not Python ({error.msg}); mend it") from None


def _imported(tree) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield from _files(name)


def _files(name) -> Iterator[Path]:
    """The files that are read when `name` is imported: its packages, and a module or the home of a lazy export."""
    package, *rest = name.split(".")
    if package != PACKAGE.name:
        return
    yield PACKAGE / "__init__.py"
    if len(rest) == 1 and rest[0] in alexnet_paddle._HOMES:
        rest = alexnet_paddle._HOMES[rest[0]].split(".")[1:]
    for depth in range(1, len(rest) + 1):
        place = PACKAGE.joinpath(*rest[:depth])
        if place.with_suffix(".py").exists():
            yield place.with_suffix(".py")
        elif (place / "__init__.py").exists():
            yield place / "__init__.py"
