"""What the tests of the course share: the chapters, the answers kept for them, and running cells without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason="needs requirements-dev.txt")
build = pytest.importorskip("alexnet_paddle.classroom.build", reason="needs requirements-dev.txt")
chapter = pytest.importorskip("alexnet_paddle.classroom.chapter", reason="needs requirements-dev.txt")

COURSE, SOURCES, CHAPTERS = chapter.COURSE, chapter.sources(), chapter.read_all()
EXERCISES = [(name, exercise) for name, one in CHAPTERS.items() for exercise in one.exercises]
EXERCISE_IDS = [f"{name}/{exercise.name}" for name, exercise in EXERCISES]
ANSWERS = Path(__file__).parent / "answers"

# An answer that no assert may take.
EQUAL_TO_ALL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 2
    def __iter__(self): return iter((self, self))
    def __getitem__(self, key): return self
    def __call__(self, *given, **more): return self
    def __getattr__(self, name): return self
    def __sub__(self, other): return self
    __rsub__ = __sub__
    def __abs__(self): return self
"""


def answers(name, exercise) -> dict[str, str]:
    """The answers kept for an exercise: title -> code."""
    path = ANSWERS / name / f"{exercise.name}.py"
    return {cell.metadata["title"]: cell.source for cell in jupytext.read(path, fmt="py:percent").cells}


def namespace_for(name, exercise) -> dict:
    """The names that an exercise's cell finds: only what it says it needs has run."""
    names = {"__name__": "__main__"}
    for needed in CHAPTERS[name].needed(exercise.name):
        run(CHAPTERS[name].cells[needed].source, names)
    return names


def verdict(name, exercise, answer, names) -> list[str | None]:
    """What the visible and the hidden asserts say of an answer: None, or the message. Other exceptions are raised."""
    names = dict(names)
    run(answer, names)
    said = []
    for cell in (exercise.visible, exercise.hidden):
        try:
            run(CHAPTERS[name].cells[cell].source, names)
            said.append(None)
        except AssertionError as error:
            said.append(str(error))
    return said


def run(source, names) -> None:
    """Run a cell's code."""
    exec(compile(source, "<cell>", "exec"), names)
