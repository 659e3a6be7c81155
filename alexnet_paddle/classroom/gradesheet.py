"""`grades.csv`: a line for each notebook, for a spreadsheet or a course platform."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from alexnet_paddle.classroom.chapter import Chapter
from alexnet_paddle.classroom.results import ExerciseResult, Result, Status
from alexnet_paddle.classroom.words import WORDS, exercise_remarks, notebook_remarks
from alexnet_paddle.files import write_whole

FILE = "grades.csv"
EXPLAINED = {Status.STOPPED, Status.REFUSED, Status.NOT_JUDGED, Status.MISSING, Status.NOT_ATTEMPTED}
NOT_COUNTED = "does not count: another notebook of this student has as many points or more"


def write_gradesheet(results: list[Result], chapters: dict[str, Chapter], path: Path) -> None:
    """Write the table, with a column for each exercise of the chapters that came. Raises OSError."""
    came = [name for name in chapters if any(result.chapter == name for result in results)]
    columns = [(name, exercise.name) for name in came for exercise in chapters[name].exercises]
    titles = [exercise if len(came) == 1 else f"{name}/{exercise}" for name, exercise in columns]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(["student", "chapter", *titles, "total", "possible", "status", "remarks", "file"])
    for result in results:
        writer.writerow([_cell(value) for value in _row(result, columns)])
    # Excel wants the mark.
    write_whole(path, table.getvalue().encode("utf-8-sig", "backslashreplace"))


def _row(result: Result, columns: list[tuple[str, str]]) -> list:
    points = {(result.chapter, one.name): one.points for one in result.exercises if one.judged}
    remarks = [*notebook_remarks(result), *(words for one in result.exercises for words in _remarks(one))]
    if not result.counts:
        remarks.insert(0, NOT_COUNTED)
    return [
        *(result.student, result.chapter, *(points.get(column) for column in columns)),
        *(result.points, result.possible, WORDS[result.status].label, "; ".join(remarks), result.file),
    ]


def _remarks(one: ExerciseResult) -> Iterator[str]:
    if one.status in EXPLAINED:
        yield f"{one.name}: {WORDS[one.status].label}" + (f", {one.reason}" if one.reason else "")
    yield from (f"{one.name}: {words}" for words in exercise_remarks(one))


def _cell(value: object) -> object:
    """What a spreadsheet takes for no formula; nothing for None."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
