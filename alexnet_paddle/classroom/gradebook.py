"""Results as nbgrader's own database, for instructors who already work with it.

An assignment for each chapter, a notebook in it, and its cells of asserts with the points that they gave. What a person
has entered there by hand (`manual_score`, `extra_credit`, comments) stays.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Grade, Gradebook, MissingEntry

from alexnet_paddle.classroom.chapter import Chapter
from alexnet_paddle.classroom.results import Result
from alexnet_paddle.files import put_in_place

FILE = "gradebook.db"


def write_gradebook(results: list[Result], chapters: dict[str, Chapter], path: Path) -> None:
    """Write or update `path`, whole or not at all, with the results that count. A notebook that could not be read gives
    a student and no submission; an exercise that was not judged has to be graded by hand."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    try:
        if path.exists():
            shutil.copyfile(path, unfinished)
        with warnings.catch_warnings(), _alembic_found(), Gradebook(f"sqlite:///{unfinished}") as book:
            warnings.simplefilter("ignore")  # of SQLAlchemy, about nbgrader
            for name in sorted({result.chapter for result in results if result.chapter is not None}):
                _add_chapter(book, chapters[name])
            for result in results:
                book.update_or_create_student(result.student)
                if result.chapter is not None and result.counts:
                    _add_submission(book, result, chapters[result.chapter])
        put_in_place(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _add_chapter(book: Gradebook, chapter: Chapter) -> None:
    name = chapter.name
    book.update_or_create_assignment(name)
    book.update_or_create_notebook(name, name)
    for exercise in chapter.exercises:
        book.update_or_create_solution_cell(exercise.name, name, name)
        for cell in (exercise.visible, exercise.hidden):
            points = chapter.cells[cell].metadata["nbgrader"]["points"]
            book.update_or_create_grade_cell(cell, name, name, max_score=points, cell_type="code")


def _add_submission(book: Gradebook, result: Result, chapter: Chapter) -> None:
    name, student = chapter.name, result.student
    book.update_or_create_submission(name, student)
    exercises = {one.name: one for one in result.exercises}
    for exercise in chapter.exercises:
        one = exercises[exercise.name]
        for cell, part in zip((exercise.visible, exercise.hidden), one.parts):
            try:
                grade = book.find_grade(cell, name, name, student)
            except MissingEntry:  # a cell that the chapter did not have when the submission was written
                grade = Grade(
                    cell_id=book.find_grade_cell(cell, name, name).id,
                    notebook=book.find_submission_notebook(name, name, student),
                )
                book.db.add(grade)
            grade.auto_score = part.points if one.judged else None
            grade.needs_manual_grade = not one.judged and grade.manual_score is None
    book.db.commit()


@contextmanager
def _alembic_found() -> Iterator[None]:
    """nbgrader calls the program `alembic` by its name, which is beside this Python and perhaps not in PATH."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before
