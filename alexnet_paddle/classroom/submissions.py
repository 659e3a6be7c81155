"""What students hand in: finding it, reading it whatever state it is in, and finding the answers in it."""

from __future__ import annotations

import ast
import json
import lzma
import re
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from alexnet_paddle.classroom.chapter import Chapter, Exercise, is_graded, python
from alexnet_paddle.errors import InputError, printable

MOST_BYTES = 50 << 20  # of one notebook
MOST_CELLS, MOST_CODE = 2_000, 200_000  # cells, and characters of one: looking through more takes minutes
MOST_FILES = 20_000  # in a zip
MOST_UNPACKED = 20 << 30  # bytes that a zip may unpack to

# How Moodle and Canvas name what they export: "Ada Lovelace_123_assignsubmission_file_", "adalovelace_123_456_x.ipynb".
PLATFORM_FOLDER = re.compile(r"^(.+?)_\d+_assignsubmission_\w+?_?$")
PLATFORM_FILE = re.compile(r"^([^_]+)(?:_LATE)?_\d+_\d+_")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class CannotRead(Exception):
    """A notebook that nothing can be made of; the message says why, in words for a student."""


@dataclass(frozen=True)
class Submission:
    """`file` is None where a student's folder holds no notebook; `place` is where it is below the folder that was
    given, different for each."""

    student: str
    file: Path | None
    place: str = ""


@contextmanager
def opened(place: Path) -> Iterator[list[Submission]]:
    """The submissions in a folder or a zip, in the order of their names. Raises InputError where there are none."""
    if not place.exists():
        raise InputError(f"{place}: no such folder or zip; give where the notebooks are")
    with tempfile.TemporaryDirectory(prefix="submissions-") as folder:
        if place.is_file():
            place = unpacked(place, Path(folder))
        found = find(place)
        if not found:
            raise InputError(f"{place}: holds no notebooks; put them into one folder a student, or all into this one")
        yield found


def find(folder: Path) -> list[Submission]:
    """Notebooks below subfolders, which have the students' names, and those in the folder itself."""
    found = []

    def add(student: str, file: Path | None) -> None:
        found.append(Submission(printable(student), file, (file or place).relative_to(folder).as_posix()))

    for place in sorted(folder.iterdir(), key=lambda path: path.name):
        if place.name.startswith((".", "__MACOSX")):
            continue
        if place.is_dir():
            match = PLATFORM_FOLDER.match(place.name)
            student = match[1] if match else place.name
            # A student's folder that is a link leads to another student's: it is handed on, and then not read.
            files = [place] if place.is_symlink() else sorted(filter(_counts(place), place.rglob("*.ipynb")))
            for file in files:
                add(student, file)
            if not files:
                add(student, None)
        elif place.suffix == ".ipynb":
            match = PLATFORM_FILE.match(place.name)
            add(match[1] if match else place.stem, place)
    return found


def _counts(folder: Path) -> Callable[[Path], bool]:
    """Whether a path below a student's folder is a notebook, and none of those that systems put beside."""

    def test(path: Path) -> bool:
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        return not hidden and not path.is_dir()

    return test


def unpacked(file: Path, folder: Path) -> Path:
    """Unpack a zip below `folder`. Raises InputError for one that is damaged, or would fill the disk."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            notebooks = [entry for entry in entries if entry.filename.endswith(".ipynb")]
            sizes = sum(entry.file_size for entry in notebooks if entry.file_size <= MOST_BYTES)
            if len(entries) > MOST_FILES or sizes > MOST_UNPACKED:
                raise InputError(f"{file}: unpacks to too much; give a folder")
            for entry in entries:
                _unpack(archive, entry, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(
            f"{file}: not a zip that can be read ({error}); export it again, or unpack it yourself"
        ) from None
    inside = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    # One folder around all: what it holds are the students, unless it holds notebooks itself.
    if len(inside) == 1 and inside[0].is_dir() and not list(inside[0].glob("*.ipynb")):
        return inside[0]
    return folder


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack one entry, only if it is a notebook; of others only the folder, which says that there is a student. One
    that is damaged stays as far as it comes, one that is too large becomes a hole of its size."""
    parts = [part.replace(":", "_") for part in re.split(r"[\\/]", entry.filename) if part not in ("", ".", "..")]
    *parents, name = parts or [""]
    target = folder.joinpath(*parents)
    with suppress(OSError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError):
        target.mkdir(parents=True, exist_ok=True)
        if entry.is_dir():
            (target / name).mkdir(exist_ok=True)
        elif name.endswith(".ipynb"):
            with open(target / name, "wb") as copy:
                if entry.file_size > MOST_BYTES:
                    copy.truncate(MOST_BYTES + 1)
                    return
                with archive.open(entry) as source:
                    shutil.copyfileobj(source, copy)


# ---- a notebook, in any state ------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """`grade_id` is None where the cell has none."""

    kind: str
    source: str
    grade_id: str | None


def content(file: Path) -> bytes:
    """What a file holds. Raises CannotRead, also for what is no file: a link may lead to another student's, and reading
    a pipe or a device does not end."""
    try:
        if file.is_symlink() or not file.is_file():
            raise CannotRead("the file is a link, or no file; hand in the notebook itself")
        if (size := file.stat().st_size) > MOST_BYTES:
            raise CannotRead(f"the file is too large ({size >> 20} MB); remove its outputs and hand it in again")
        return file.read_bytes()
    except OSError as error:
        raise CannotRead(f"the file cannot be opened ({error.strerror})") from None


def read(file: Path) -> list[Cell]:
    """The cells of a notebook of any version. Raises CannotRead."""
    try:
        text = content(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotRead("the file is not a notebook: it is not text") from None
    if not text.strip():
        raise CannotRead("the file is empty")
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        raise CannotRead("the file is not a whole notebook: it is cut off, or not JSON") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & set(notebook):
        raise CannotRead("the file is JSON, but not a notebook: it has no cells")
    if "cells" not in notebook:  # format 3, which nbformat upgrades
        try:
            notebook = nbformat.reads(text, as_version=4)
        except Exception:
            raise CannotRead("the file is a notebook of an old format that cannot be upgraded") from None
    # From here on without nbformat: it refuses notebooks that a person reads without noticing anything.
    cells = notebook["cells"] if isinstance(notebook["cells"], list) else []
    cells = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    if len(cells) > MOST_CELLS or any(len(cell.source) > MOST_CODE for cell in cells if cell.kind == "code"):
        raise CannotRead("the notebook has more cells or longer cells than a person writes; hand in only your answers")
    return cells


def _cell(cell: dict) -> Cell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    grade_id, metadata = None, cell.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("nbgrader"), dict):
        grade_id = metadata["nbgrader"].get("grade_id")
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown") else "raw"
    return Cell(kind, source if isinstance(source, str) else "", grade_id if isinstance(grade_id, str) else None)


# ---- which chapter, and which answers ------------------------------------------------------------------


@dataclass
class Answer:
    """What a student wrote for one exercise: `source` in Python, None if there is nothing; `extra` are other cells of
    theirs that it uses, in order; `remarks` are for student and instructor."""

    source: str | None = None
    extra: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def chapter_of(cells: list[Cell], chapters: dict[str, Chapter]) -> str:
    """The name of the chapter that a notebook is. Raises CannotRead where that cannot be told."""

    ids = {cell.grade_id for cell in cells}
    bound = {name for cell in cells for name in defined(python(cell.source))}

    def likeness(chapter: Chapter) -> int:
        wanted = {name for exercise in chapter.exercises for name in defines(chapter, exercise)}
        return sum(name in ids for name in chapter.cells) + len(bound & wanted)

    best = max(chapters, key=lambda name: likeness(chapters[name]))
    if not likeness(chapters[best]):
        raise CannotRead("the notebook holds no exercise of any chapter")
    return best


def defines(chapter: Chapter, exercise: Exercise) -> list[str]:
    return list(chapter.cells[exercise.name].metadata["defines"])


def answers(cells: list[Cell], chapter: Chapter) -> tuple[dict[str, Answer], list[str]]:
    """The answer to each exercise, and remarks on the notebook as a whole."""
    remarks, asserts = [], [name for name, cell in chapter.cells.items() if is_graded(cell)]
    own = [cell for cell in cells if cell.grade_id not in asserts]
    for name in asserts:
        pristine = {normal(part) for part in _handed_out(chapter.cells[name].source)}
        found = [cell for cell in cells if cell.grade_id == name]
        if found and any(normal(cell.source) not in pristine for cell in found):
            remarks.append(f"the asserts {name} were changed; the original ones were used")
        if not found and any(cell.grade_id for cell in cells):
            remarks.append(f"the asserts {name} were missing; the original ones were used")
    if not any(cell.grade_id for cell in cells):
        remarks.append("the notebook's metadata were lost; answers were found by the names that they define")
    given = {normal(part) for cell in chapter.cells.values() for part in _handed_out(cell.source)}
    parsed = [(cell, python(cell.source)) for cell in own]
    result = {}
    for exercise in chapter.exercises:
        result[exercise.name] = _answer(exercise.name, defines(chapter, exercise), parsed, given)
    return result, remarks


def _handed_out(source: str) -> Iterator[str]:
    """A cell's source with and without what is taken out of the learner's edition."""
    yield source
    yield re.sub(r"### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS\n?", "", source, flags=re.S)
    yield re.sub(r"[ ]*### BEGIN SOLUTION\n.*?### END SOLUTION", "    # YOUR CODE HERE", source, flags=re.S)


def normal(source: str) -> str:
    """Without blank lines and blanks at ends, which editors change."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines() if line.strip())


def _answer(name: str, wanted: list[str], parsed: list[tuple[Cell, str]], given: set[str]) -> Answer:
    own = [(place, cell, code) for place, (cell, code) in enumerate(parsed) if cell.grade_id == name]
    binding = [
        (place, cell, code)
        for place, (cell, code) in enumerate(parsed)
        if set(wanted) & defined(code)
        and (cell.grade_id in (None, name))
        and (cell.kind == "code" or cell.grade_id == name)
    ]
    attempted = [entry for entry in binding if not is_stub(entry[2], wanted)]
    answer = Answer()
    if len(own) > 1:
        answer.remarks.append("the cell is there more than once; the last one with an answer was taken")
    # The last definition counts, as it does when the notebook is run; an answer before a stub.
    candidates = attempted or own or binding
    if not candidates:
        return answer
    place, cell, code = candidates[-1]
    if cell.grade_id != name and own:
        answer.remarks.append("the answer was found in another cell than its own")
    if cell.kind != "code":
        answer.remarks.append("the cell was not a code cell; it was read as one")
    answer.source = code
    others = [
        (position, other_code)
        for position, (other, other_code) in enumerate(parsed)
        if position != place and other.kind == "code" and normal(other.source) not in given and other.grade_id is None
    ]
    answer.extra = _used(code, others, set(wanted))
    return answer


def _used(code: str, others: list[tuple[int, str]], wanted: set[str]) -> list[str]:
    """Those of a student's other cells that bind a name which the answer, or such a cell, uses."""
    chosen: set[int] = set()
    names = used(code)
    while True:
        new = {
            place
            for place, other in others
            if place not in chosen and defined(other) & names and not defined(other) & wanted
        }
        if not new:
            return [other for place, other in others if place in chosen]
        chosen |= new
        names |= {name for place, other in others if place in new for name in used(other)}


# ---- code, also broken code ------------------------------------------------------------------------------


def _parsed(code: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def defined(code: str) -> set[str]:
    """The names that a cell binds on its top level. Where it is not Python, those of `def` and `class` lines."""
    tree = _parsed(code)
    if tree is None:
        return set(re.findall(r"^(?:def|class)\s+(\w+)", code, re.M))
    found = set()
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            found |= {part.id for part in names if isinstance(part.ctx, ast.Store)}
    return found


def used(code: str) -> set[str]:
    """The names that a cell reads, in functions too."""
    tree = _parsed(code)
    if tree is None:
        return set()
    return {part.id for part in ast.walk(tree) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def is_stub(code: str, wanted: Collection[str]) -> bool:
    """Whether nothing was filled in: all that is wanted is without a body, or raises NotImplementedError at once."""
    tree = _parsed(code)
    if tree is None:
        return False
    found = [node for node in tree.body if isinstance(node, DEFINITIONS) and node.name in wanted]
    if not found:  # a value, such as `x = ...`
        values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
        empty = [isinstance(value, ast.Constant) and value.value in (None, ...) for value in values]
        return all(empty)
    return all(_empty(node.body) for node in found)


def _empty(body: list[ast.stmt]) -> bool:
    for node in body:
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            return False
        if isinstance(node, ast.Raise):
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            if "NotImplementedError" not in names:
                return False
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not _empty(node.body):
            return False
        if not isinstance(node, (ast.Expr, ast.Pass, ast.Raise, ast.FunctionDef, ast.ClassDef)):
            return False
    return True
