"""What a result was computed with, as a number that changes when the result may change.

A chapter is run again, and an answer judged again, when the code behind it has changed. Code is what Python makes of a
file: comments, docstrings and formatting are none. Of a module all code counts, and which modules count follows from
imports, those in functions too; some never count, see `computes`.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import alexnet_paddle
from alexnet_paddle.classroom.chapter import python, read
from alexnet_paddle.cli import COMMANDS
from alexnet_paddle.errors import InputError

PACKAGE = Path(alexnet_paddle.__file__).parent
NOT_COMPUTING = {"cli", "errors", "provenance", "reporter"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def of_chapter(source: Path) -> str:
    """Of all that a chapter's outputs depend on: the code of its cells, the modules that it uses, the records that it
    reads. Raises InputError for a source that is not Python, or that uses a command."""
    modules = modules_used(source)
    parts = []
    for name, cell in read(source).cells.items():
        if cell.cell_type == "code":
            with _naming(f"{source}, cell {name!r}"):
                parts.append((name, code_of(python(cell.source), is_cell=True)))
    parts += [(path.relative_to(PACKAGE).as_posix(), _code_in(path)) for path in modules]
    parts += [(path.name, path.read_text("utf-8")) for path in _records(source)]
    return _digest(parts)


def of_judging(source: Path) -> str:
    """Of all that the marks for a chapter's answers depend on: the whole of its source, for it has the points and what
    each exercise needs, and what `of_chapter` counts."""
    return _digest([(source.name, source.read_text("utf-8")), ("code", of_chapter(source))])


def of_program(*files: Path) -> str:
    """Of these modules, which are in one room, and of those in the room that they use."""
    room = [path for path in modules_used(*files) if path.parent == files[0].parent]
    return _digest((path.name, _code_in(path)) for path in sorted({*files, *room}))


def _digest(parts: Iterable[tuple[str, str]]) -> str:
    """sha256 of texts with their names, in order."""
    digest = hashlib.sha256()
    for name, text in parts:
        digest.update(f"{name}\n{len(text)}\n{text}".encode())
    return digest.hexdigest()


def _records(source: Path) -> list[Path]:
    """The files in `results/`, beside the sources, that a chapter's code names."""
    words = {node.value for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.Constant)}
    return sorted(path for path in source.parents[1].glob("results/*") if f"results/{path.name}" in words)


# ---- which modules -------------------------------------------------------------------------------------


def computes(module: Path) -> bool:
    """Whether a figure can depend on this file of the package.

    None depends on a command, which parses arguments and prints. Nor on what commands share for that, `cli` and
    `reporter`; nor on `errors`, because no chapter is built where one is raised; nor on `provenance`, which writes down
    what a result was made with. What only these import does not count either.
    """
    return not _is_command(module) and _name(module) not in NOT_COMPUTING


def modules_used(*files: Path) -> list[Path]:
    """The files of the package that these Python files import, also through others, found without running them, if they
    compute. Raises InputError for a file that is not Python, or that imports a command: what it gives would not count.
    """
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        place = waiting.pop()
        for module in set(_imported(place)) - found:
            if _is_command(module):
                raise InputError(f"{place}: imports the command {_name(module)}; import what that calls instead")
            if computes(module):
                found.add(module)
                waiting.append(module)
    return sorted(found)


def _is_command(module: Path) -> bool:
    return module.stem == "__main__" or _name(module) in COMMANDS


def _name(module: Path) -> str:
    return module.relative_to(PACKAGE).with_suffix("").as_posix()


def _imported(path: Path) -> Iterator[Path]:
    """The files of the package that are read when what this file imports is imported."""
    with _naming(path):
        names = names_imported(path.read_text("utf-8"))
    for name in names:
        if name.partition(".")[0] == PACKAGE.name:
            yield from _files(name)


def _files(name: str) -> Iterator[Path]:
    """Of a name with dots: its packages, and a module or the home of a lazy export."""
    yield PACKAGE / "__init__.py"
    _, *rest = lazy_exports((PACKAGE / "__init__.py").read_text("utf-8")).get(name, name).split(".")
    for depth in range(1, len(rest) + 1):
        place = PACKAGE.joinpath(*rest[:depth])
        if place.with_suffix(".py").exists():
            yield place.with_suffix(".py")
        elif (place / "__init__.py").exists():
            yield place / "__init__.py"


@cache
def names_imported(text: str) -> tuple[str, ...]:
    """What Python code imports: modules, and names in them, with dots. Raises SyntaxError."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(names)


@cache
def lazy_exports(text: str) -> dict[str, str]:
    """The homes of what the package gives without having imported it: its `__init__`, whose text this is, has a table
    of names and modules."""
    found = {}
    for table in ast.walk(ast.parse(text)):
        for pair in zip(table.keys, table.values) if isinstance(table, ast.Dict) else ():
            name, module = (getattr(node, "value", None) for node in pair)
            if isinstance(name, str) and isinstance(module, str) and module.startswith(f"{PACKAGE.name}."):
                found[f"{PACKAGE.name}.{name}"] = module
    return found


# ---- code ------------------------------------------------------------------------------------------------


@cache
def code_of(text: str, is_cell: bool = False) -> str:
    """Python code as words that have no comments, docstrings or formatting, and are the same on every version of
    Python, which those of `ast.dump` and `ast.unparse` are not. A string at the beginning of a cell is no docstring:
    the cell may show it. Raises SyntaxError."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and not (is_cell and node is tree) and ast.get_docstring(node) is not None:
            del node.body[0]
    return _words(tree)


def _words(node: object) -> str:
    """A tree as nested words, without what differs between versions though the code is the same: empty fields, and
    empty strings in f-strings. `kind` is the u of u"", and `ctx` follows from where a name is."""
    if isinstance(node, list):
        return f"[{' '.join(map(_words, node))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    fields = {name: value for name, value in ast.iter_fields(node) if name not in ("kind", "ctx")}
    if isinstance(node, ast.JoinedStr):
        fields["values"] = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
    filled = [f"{name}={_words(value)}" for name, value in fields.items() if value not in (None, [])]
    return f"({' '.join([type(node).__name__, *filled])})"


def _code_in(path: Path) -> str:
    with _naming(path):
        return code_of(path.read_text("utf-8"))  # line ends are the same on every system


@contextmanager
def _naming(place: Path | str) -> Iterator[None]:
    """Raises InputError, which names `place`, for a SyntaxError."""
    try:
        yield
    except SyntaxError as error:
        raise InputError(f"{place}: line {error.lineno} is not Python ({error.msg}); mend it") from None
