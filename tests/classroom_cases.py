"""Notebooks as students hand them in: filled in, left as they are, and broken in every way that a grader has met."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import nbformat
import pytest
from course_fixtures import CHAPTERS, COURSE, EQUAL_TO_ALL, answers, namespace_for, verdict

from alexnet_paddle.classroom.results import ExerciseResult, Status
from alexnet_paddle.classroom.words import exercise_remarks

grade = pytest.importorskip("alexnet_paddle.classroom.grade", reason="needs requirements-dev.txt")

# ---- notebooks ---------------------------------------------------------------------------------------


def learner(name) -> dict:
    """The notebook that is handed out."""
    return json.loads((COURSE / f"{name}.ipynb").read_text("utf-8"))


def answered(name, codes: dict[str, str | None]) -> dict:
    """The learner's notebook with these answers; exercises that are not named, or None, are left as they are."""
    notebook = learner(name)
    for cell in notebook["cells"]:
        if codes.get(cell["id"]) is not None:
            cell["source"] = codes[cell["id"]]
    return notebook


def solution(name, exercise: str) -> str:
    """The course's own answer."""
    return re.sub(r"[ ]*### (BEGIN|END) SOLUTION\n?", "", CHAPTERS[name].cells[exercise].source)


def solutions(name) -> dict[str, str]:
    return {exercise.name: solution(name, exercise.name) for exercise in CHAPTERS[name].exercises}


def kept(name, exercise: str, kind: str) -> list[str]:
    """The right or the wrong answers kept for an exercise; `kind` is how their titles begin."""
    found = next(one for one in CHAPTERS[name].exercises if one.name == exercise)
    return [code for title, code in answers(name, found).items() if title.startswith(kind)]


@lru_cache
def half_wrong(name, exercise: str) -> str:
    """An answer that passes the visible asserts and not the hidden ones."""
    found = next(one for one in CHAPTERS[name].exercises if one.name == exercise)
    names = namespace_for(name, found)
    return next(code for code in kept(name, exercise, "wrong-") if verdict(name, found, code, names)[0] is None)


def points(name, exercise: str) -> tuple[int, int]:
    """Of the visible and of the hidden asserts."""
    cells = CHAPTERS[name].cells
    return tuple(cells[f"{exercise}-{kind}"].metadata.nbgrader.points for kind in ("visible", "hidden"))


def possible(name) -> int:
    return sum(sum(points(name, exercise.name)) for exercise in CHAPTERS[name].exercises)


def write(folder: Path, student: str, notebook, file="notebook.ipynb") -> Path:
    """Hand in: `notebook` is a dict, or the bytes of a file."""
    path = folder / student / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode())
    return path


def code_cell(source, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None, **more}


def find(notebook, name) -> dict:
    return next(cell for cell in notebook["cells"] if cell.get("id") == name)


# ---- answers that are ill ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ill:
    """`code` makes a cell of a right answer and the name that the exercise defines. What it has to become: `status`, or
    one of several; a fraction of the points (0, "visible" or "all"), and `words` somewhere in its reason and
    remarks."""

    code: Callable[[str, str], str]
    status: Status | tuple[Status, ...]
    fraction: str | int = 0
    words: str = ""


def before(code):
    return lambda answer, name: f"{code}\n{answer}"


def called(body):
    """A function that does this when it is called."""
    lines = "\n    ".join(body.splitlines())
    return lambda answer, name: f"def {name}(*given, **more):\n    {lines}"


HIDDEN_FILES = [str(path) for path in (COURSE / "source", COURSE / "solutions")]
SEARCH = """
import os
found = []
for place in [{places}]:
    try:
        for name in os.listdir(place):
            found.append(open(os.path.join(place, name)).read())
    except Exception:
        pass
assert not found
"""
PATCHED = "import numpy, numpy.testing\nnumpy.{what} = lambda *given, **more: True\ndef NAME(*given, **more): return 0"


def patched(what):
    return lambda answer, name: PATCHED.replace("{what}", what).replace("NAME", name)


ILL = {
    "right": Ill(lambda answer, name: answer, Status.RIGHT, "all"),
    "blank": Ill(lambda answer, name: None, Status.NOT_ATTEMPTED),
    "raises NotImplementedError": Ill(called("raise NotImplementedError"), Status.NOT_ATTEMPTED),
    "syntax error": Ill(
        lambda answer, name: answer + "\n    return (", Status.WRONG, 0, "SyntaxError|IndentationError"
    ),
    "infinite loop": Ill(called("while True:\n    pass"), Status.STOPPED, 0, r"did not finish in \d+ s"),
    "os._exit": Ill(before("import os\nos._exit(0)"), Status.STOPPED, 0, "ended the program"),
    "os._exit when called": Ill(called("import os\nos._exit(0)"), Status.STOPPED, 0, "ended the program"),
    "kill -9": Ill(before("import os\nos.kill(os.getpid(), 9)"), Status.REFUSED, 0, "refused: signals"),
    "killed": Ill(called("import signal\nsignal.raise_signal(9)"), Status.STOPPED, 0, "it was killed"),
    "out of memory": Ill(
        before("all = []\nwhile True: all.append(bytearray(1 << 27))"), Status.WRONG, 0, "MemoryError"
    ),
    "prints 1 GB": Ill(before("for _ in range(1 << 14): print('x' * (1 << 16))"), Status.RIGHT, "all"),
    "equals everything": Ill(lambda answer, name: f"{EQUAL_TO_ALL}\n{name} = Equal()", Status.WRONG),
    "patched allclose": Ill(patched("allclose"), Status.REFUSED, 0, "this was changed: numpy.allclose"),
    "patched testing": Ill(patched("testing.assert_allclose"), (Status.REFUSED, Status.WRONG)),
    "half a character": Ill(before("raise ValueError('\\ud800')"), Status.WRONG, 0, "ValueError"),
    "deep": Ill(called("raise ValueError(" + "+".join(["1"] * 900) + ")"), Status.WRONG, 0, "ValueError"),
    "sys.exit": Ill(before("import sys\nsys.exit(0)"), Status.WRONG, 0, "your code ended the program"),
    "searches for the asserts": Ill(
        before(SEARCH.replace("{places}", repr(HIDDEN_FILES)[1:-1])), Status.RIGHT, "all", "refused: reading outside"
    ),
    "reads a file": Ill(before("open('/etc/passwd').read()"), Status.REFUSED, 0, "refused: reading outside"),
    "writes outside": Ill(before("open('/var/tmp/mine', 'w')"), Status.REFUSED, 0, "refused: writing outside"),
    "opens a socket": Ill(before("import socket\nsocket.socket()"), Status.REFUSED, 0, "refused: the network"),
    "starts a program": Ill(before("import os\nos.system('true')"), Status.REFUSED, 0, "refused: another program"),
}


def ill(kind, name, exercise) -> str | None:
    """The code of one of ILL for an exercise."""
    if kind == "wrong past the visible asserts":
        return half_wrong(name, exercise)
    defined = CHAPTERS[name].cells[exercise].metadata["defines"][0]
    return ILL[kind].code(solution(name, exercise), defined)


ILL["wrong past the visible asserts"] = Ill(lambda answer, name: None, Status.PARTLY_RIGHT, "visible")


def words_of(one: ExerciseResult) -> str:
    """All that an exercise's result says."""
    return "\n".join(filter(None, (one.reason, *exercise_remarks(one), *(part.said for part in one.parts))))


def assert_became(name, one: ExerciseResult, kind: str) -> None:
    """That an exercise's result is what has to become of this illness."""
    wanted = ILL[kind]
    visible, hidden = points(name, one.name)
    allowed = wanted.status if isinstance(wanted.status, tuple) else (wanted.status,)
    assert one.status in allowed, (kind, words_of(one))
    assert one.points == {0: 0, "visible": visible, "all": visible + hidden}[wanted.fraction]
    assert one.possible == visible + hidden
    assert re.search(wanted.words, words_of(one)), (kind, words_of(one))


# ---- notebooks that are ill: a notebook with two right answers, made into a file -----------------------------


def as_bytes(notebook) -> bytes:
    return json.dumps(notebook).encode()


def duplicated(notebook, name, exercise, other=None):
    """The cell is there twice; `other` is what the first one holds, the same if None."""
    cell = find(notebook, exercise)
    twin = {**cell, "id": "twin", "source": cell["source"] if other is None else other}
    notebook["cells"].insert(notebook["cells"].index(cell), twin)
    return notebook


def duplicated_asserts(notebook, name, exercise):
    return duplicated(notebook, name, f"{exercise}-visible")


def stripped(notebook, name, exercise):
    """As Colab leaves it."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)
    return notebook


def as_markdown(notebook, name, exercise):
    cell = find(notebook, exercise)
    cell["cell_type"] = "markdown"
    for key in ("outputs", "execution_count"):
        cell.pop(key)
    return notebook


def without_asserts(notebook, name, exercise):
    for kind in ("visible", "hidden"):
        notebook["cells"].remove(find(notebook, f"{exercise}-{kind}"))
    return notebook


def asserts_edited(notebook, name, exercise):
    for kind in ("visible", "hidden"):
        find(notebook, f"{exercise}-{kind}")["source"] = "pass"
    return notebook


def with_helper(notebook, name, exercise):
    """The answer calls a helper from a new cell, which uses another one; the cells are in reverse order."""
    cell = find(notebook, exercise)
    defined = CHAPTERS[name].cells[exercise].metadata["defines"][0]
    helper = cell["source"].replace(f"def {defined}(", f"def helper_{defined}(")
    cell["source"] = f"def {defined}(*given, **more):\n    return deeper(*given, **more)"
    deeper = f"def deeper(*given, **more):\n    return helper_{defined}(*given, **more)"
    notebook["cells"] = [code_cell(deeper), *reversed(notebook["cells"]), code_cell(helper), code_cell("1 / 0")]
    return notebook


def with_magics(notebook, name, exercise):
    cell = find(notebook, exercise)
    cell["source"] = f"%matplotlib inline\n!pip install something\n{cell['source']}\nget_ipython().magic('time')"
    return notebook


def format_3(notebook, name, exercise):
    return nbformat.writes(nbformat.reads(json.dumps(notebook), as_version=4), version=3).encode()


def format_4_0(notebook, name, exercise):
    notebook["nbformat_minor"] = 0
    for cell in notebook["cells"]:
        cell.pop("id")
    return notebook


def format_of_the_future(notebook, name, exercise):
    notebook["nbformat_minor"] = 99
    for cell in notebook["cells"]:
        cell["unknown"] = {"to": "us"}
    return notebook


def source_as_text(notebook, name, exercise):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def source_as_lines(notebook, name, exercise):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return notebook


def with_mark_and_windows_lines(notebook, name, exercise):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return b"\xef\xbb\xbf" + as_bytes(notebook)


@dataclass(frozen=True)
class Sick:
    """A notebook that still has to get its points; `remark` is in the notebook's or the exercise's remarks."""

    make: Callable
    remark: str = ""
    file: str = "notebook.ipynb"


SICK = {
    "duplicated": Sick(duplicated, "there more than once"),
    "duplicated and different": Sick(
        lambda *given: duplicated(*given, other="# nothing here yet"), "there more than once|^$"
    ),
    "duplicated asserts": Sick(duplicated_asserts),
    "metadata stripped": Sick(stripped, "metadata were lost"),
    "made markdown": Sick(as_markdown, "was not a code cell"),
    "asserts deleted": Sick(without_asserts, "were missing; the original ones were used"),
    "asserts edited": Sick(asserts_edited, "were changed; the original ones were used"),
    "helpers, reordered, renamed": Sick(with_helper, "", "我的 copy (1) - final.ipynb"),
    "magics": Sick(with_magics),
    "nbformat 3": Sick(format_3),
    "nbformat 4.0": Sick(format_4_0),
    "nbformat 4.99": Sick(format_of_the_future),
    "source as text": Sick(source_as_text),
    "source as lines": Sick(source_as_lines),
    "byte order mark, Windows lines": Sick(with_mark_and_windows_lines),
}

UNREADABLE = {
    "not JSON": (b"print('hello')", "cut off, or not JSON"),
    "truncated": (None, "cut off, or not JSON"),
    "empty": (b"", "empty"),
    "only blanks": (b" \n\n", "empty"),
    "binary": (b"\x89PNG\xff\xfe\x00", "not text"),
    "JSON of something else": (b'{"a": 1}', "not a notebook"),
    "a list": (b"[1, 2]", "not a notebook"),
    "deep": (b"[" * 100_000, "cut off, or not JSON"),
    "cells that are none": (b'{"cells": 3, "nbformat": 4}', "no exercise of any chapter"),
    "cells of rubbish": (b'{"cells": [1, null, {}, {"source": [1, {}]}, {"metadata": 3}]}', "no exercise"),
    "worksheets of rubbish": (b'{"worksheets": 3}', "cannot be upgraded|no exercise"),
    "another course's": (b'{"cells": [{"cell_type": "code", "source": "x = 1"}]}', "no exercise of any chapter"),
    "200 MB": (None, r"too large \(200 MB\)"),
    "no notebook": (None, "holds no notebook"),
}


def write_unreadable(folder, student, kind, name) -> None:
    content = UNREADABLE[kind][0]
    if kind == "truncated":
        content = as_bytes(answered(name, {}))[:-100]
    elif kind == "no notebook":
        (folder / student).mkdir(parents=True)
        (folder / student / "notes.txt").write_text("I could not do it")
        return
    path = write(folder, student, content or b"")
    if kind == "200 MB":
        with open(path, "wb") as file:
            file.truncate(200 << 20)


# ---- as platforms export them ------------------------------------------------------------------------------


def moodle(path: Path, notebooks: dict[str, dict]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (student, notebook) in enumerate(notebooks.items(), 4711):
            archive.writestr(f"{student}_{number}_assignsubmission_file_/sizes.ipynb", as_bytes(notebook))
    return path


def canvas(path: Path, notebooks: dict[str, dict]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (student, notebook) in enumerate(notebooks.items(), 4711):
            late = "_LATE" if number % 2 else ""
            archive.writestr(f"{student}{late}_{number}_99_sizes-1.ipynb", as_bytes(notebook))
    return path
