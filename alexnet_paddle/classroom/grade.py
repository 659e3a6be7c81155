"""Marks for what students hand in.

A submission is never run as it is. Each of its answers is put into the chapter's own source, with the cells that the
exercise needs, and judged by the chapter's visible and hidden asserts in a process of its own (`sandbox`). What became
of it is a JSON file below `results/`, which everything else is written from; one that is there is not made again.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from alexnet_paddle import reporter
from alexnet_paddle.classroom import fingerprint, sandbox, submissions
from alexnet_paddle.classroom.chapter import Chapter, Exercise, python, read_all, sources
from alexnet_paddle.classroom.results import (
    Ended,
    Error,
    ExerciseResult,
    Failed,
    Judged,
    Late,
    Outcome,
    Part,
    Result,
    Status,
    Tampered,
    Unattempted,
    Unjudged,
)
from alexnet_paddle.classroom.sandbox import Piece
from alexnet_paddle.classroom.submissions import Answer, CannotRead, Submission
from alexnet_paddle.errors import InputError, printable
from alexnet_paddle.files import write_json
from alexnet_paddle.runtime import cpu_count

CELL_SECONDS = 20
ALL_SECONDS = 1800  # by the clock, for all exercises of one submission
PROGRAM = [Path(__file__), Path(__file__).with_name("worker.py")]  # the second is run, and imported by nothing


def grade(place: Path, out: Path, *, jobs: int | None = None, seconds: float = CELL_SECONDS) -> list[Result]:
    """Grade all submissions in the folder or zip `place`, keep the results below `out`, and return them in order.
    Raises InputError for places that cannot be used; a submission never raises anything."""
    if sys.platform == "win32":
        raise InputError("grading needs Linux or macOS; on Windows run it in WSL")
    chapters = read_all()
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; give a folder")
    with submissions.opened(place) as found:
        protected = sandbox.bubblewrap() is not None
        if not protected:
            reporter.say(sandbox.UNPROTECTED)
        (out / "results").mkdir(parents=True, exist_ok=True)
        grader = Grader(chapters, protected, seconds)
        with ThreadPoolExecutor(jobs or cpu_count()) as pool:
            waiting = [pool.submit(_graded, grader, one, out / "results") for one in found]
            results = [future.result() for future in reporter.progress(waiting, "grading notebooks")]
    return best_count(sorted(results, key=lambda one: (one.student, one.chapter or "", one.file)))


def _graded(grader: Grader, submission: Submission, folder: Path) -> Result:
    """The kept result of a submission, made first if it is not there or was made of something else."""
    digest = hashlib.sha256(submission.place.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    path = folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', submission.student)[:40]}-{digest}.json"
    key = grader.key(submission)
    with suppress(OSError, ValueError):
        kept = json.loads(path.read_text("utf-8"))
        if isinstance(kept, dict) and kept.pop("key", None) == key:
            return Result.from_json(kept)
    try:
        result = grader.result(submission)
    except Exception as error:  # whatever a notebook does to this program, the others are graded
        why = f"this notebook made the grader fail ({type(error).__name__}); grade it by hand"
        result = unreadable(submission, why)
    write_json(path, {"key": key, **result.as_json()})
    return result


def unreadable(submission: Submission, reason: str) -> Result:
    return Result(submission.student, _file_name(submission), chapter=None, remarks=(reason,))


def _file_name(submission: Submission) -> str:
    return printable(submission.file.name if submission.file else "")


def best_count(results: list[Result]) -> list[Result]:
    """The results with `counts`: of several notebooks of a student for one chapter the one with most points."""
    best: dict[tuple[str, str], Result] = {}
    for result in results:
        if result.chapter is not None:
            key = result.student, result.chapter
            best[key] = max(best.get(key, result), result, key=lambda one: one.points or 0)
    counting = {id(result) for result in best.values()}
    return [replace(one, counts=one.chapter is None or id(one) in counting) for one in results]


class Grader:
    """Makes results; see `result`."""

    def __init__(self, chapters: dict[str, Chapter], protected: bool, seconds: float):
        self.chapters, self.protected, self.seconds = chapters, protected, float(seconds)
        judging = [fingerprint.of_judging(source) for source in sources()]
        settings = repr((fingerprint.of_program(*PROGRAM), judging, protected, self.seconds))
        self.version = hashlib.sha256(settings.encode()).hexdigest()

    def key(self, submission: Submission) -> str:
        """Changes with the notebook, the chapters and this program."""
        digest = hashlib.sha256(self.version.encode())
        if submission.file is not None:
            with suppress(CannotRead):
                digest.update(submissions.content(submission.file))
        return digest.hexdigest()

    def result(self, submission: Submission) -> Result:
        try:
            if submission.file is None:
                raise CannotRead("the folder holds no notebook (a file ending in .ipynb)")
            cells = submissions.read(submission.file)
            name = submissions.chapter_of(cells, self.chapters)
        except CannotRead as error:
            return unreadable(submission, str(error))
        chapter = self.chapters[name]
        answers, remarks = submissions.answers(cells, chapter)
        exercises = tuple(self.exercises(chapter, answers))
        return Result(submission.student, _file_name(submission), name, exercises, tuple(remarks))

    def exercises(self, chapter: Chapter, answers: dict[str, Answer]) -> list[ExerciseResult]:
        """The results of all exercises of a chapter, in order."""
        outcomes: dict[str, Outcome] = {}
        waiting = []
        for exercise in chapter.exercises:  # a notebook without answers needs no process
            answer = answers[exercise.name]
            if answer.source is None or submissions.is_stub(answer.source, submissions.defines(chapter, exercise)):
                outcomes[exercise.name] = Unattempted()
            else:
                waiting.append(exercise)
        outcomes |= self.outcomes(chapter, waiting, answers)
        return [
            exercise_result(chapter, exercise, answers[exercise.name], outcomes[exercise.name], self.seconds)
            for exercise in chapter.exercises
        ]

    def outcomes(self, chapter: Chapter, exercises: list[Exercise], answers: dict[str, Answer]) -> dict[str, Outcome]:
        """What comes of the answers to these exercises. The process is started anew, once, when it has died."""
        outcomes: dict[str, Outcome] = {}
        ends = time.monotonic() + ALL_SECONDS
        for _ in range(2):
            waiting = [exercise for exercise in exercises if exercise.name not in outcomes]
            if not waiting:
                return outcomes
            with suppress(sandbox.WorkerDied), sandbox.Worker(imports(chapter), self.protected) as worker:
                for exercise in waiting:
                    if time.monotonic() < ends:
                        outcomes[exercise.name] = self.outcome(worker, chapter, exercise, answers)
                    else:
                        why = f"all answers together took more than {ALL_SECONDS} s"
                        outcomes[exercise.name] = Unjudged(why=why)
        died = Unjudged(why="the process that runs the answers ended; grade it again")
        return {exercise.name: outcomes.get(exercise.name, died) for exercise in exercises}

    def outcome(
        self, worker: sandbox.Worker, chapter: Chapter, exercise: Exercise, answers: dict[str, Answer]
    ) -> Outcome:
        """What the worker says of an answer; where it builds on other exercises, with the student's own answers to
        them first, and if that fails with the course's, so that one mistake does not count twice."""
        asserts = [
            {"title": name, "source": chapter.cells[name].source} for name in (exercise.visible, exercise.hidden)
        ]

        def ask(own_first: bool) -> Outcome:
            cells = cells_for(chapter, exercise, answers, own_first)
            return worker.ask({"name": exercise.name, "cells": cells, "seconds": self.seconds}, asserts)

        outcome = ask(own_first=True)
        builds_on = [name for name in chapter.needed(exercise.name) if name in answers and answers[name].source]
        if builds_on and outcome.passed < len(asserts):
            again = ask(own_first=False)
            if again.passed > outcome.passed:
                names = ", ".join(builds_on)
                return replace(again, remark=f"judged with the course's answer to {names}, because it fails with yours")
        return outcome


def imports(chapter: Chapter) -> set[str]:
    """The modules that a chapter's cells import. `from a import b` gives both a and a.b, which may be one or not."""
    found = set()
    for cell in chapter.cells.values():
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(python(cell.source))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def cells_for(chapter: Chapter, exercise: Exercise, answers: dict[str, Answer], own_first: bool) -> list[Piece]:
    """What has to run before an exercise's asserts, in order."""
    cells: list[Piece] = []
    exercises = {one.name: one for one in chapter.exercises}
    for name in chapter.needed(exercise.name):
        if name in exercises and own_first and answers[name].source:
            cells += _own(name, answers[name], submissions.defines(chapter, exercises[name]), "extra")
        else:
            cells.append({"title": name, "source": chapter.cells[name].source, "kind": "given", "takes": []})
    return cells + _own(exercise.name, answers[exercise.name], submissions.defines(chapter, exercise), "own")


def _own(name: str, answer: Answer, takes: list[str], kind: Literal["own", "extra"]) -> list[Piece]:
    extra: list[Piece] = [
        {"title": "another cell", "source": code, "kind": "extra", "takes": []} for code in answer.extra
    ]
    return [*extra, {"title": name, "source": answer.source or "", "kind": kind, "takes": takes}]


# ---- from an outcome to a result -----------------------------------------------------------------------


def exercise_result(
    chapter: Chapter, exercise: Exercise, answer: Answer, outcome: Outcome, seconds: float
) -> ExerciseResult:
    verdicts = outcome.verdicts if isinstance(outcome, Judged) else None
    parts = []
    for number, name in enumerate((exercise.visible, exercise.hidden)):
        metadata = chapter.cells[name].metadata
        error = verdicts[number] if verdicts else None
        possible = metadata["nbgrader"]["points"]
        parts.append(
            Part(
                kind=("visible", "hidden")[number],
                checks=metadata["checks"],
                possible=possible,
                points=possible if verdicts and error is None else 0,
                said=said(error) if error else None,
            )
        )
    status, reason = status_of(outcome, answer, seconds)
    return ExerciseResult(
        exercise.name,
        status,
        tuple(parts),
        reason=reason,
        remarks=(*answer.remarks, *([outcome.remark] if outcome.remark else [])),
        refused=outcome.refused,
        code=answer.source,
        output=stable(outcome.output),
    )


def status_of(outcome: Outcome, answer: Answer, seconds: float) -> tuple[Status, str | None]:
    """What became of an exercise, and why, where the asserts did not say it."""
    match outcome:
        case Judged(verdicts=verdicts):
            right = {0: Status.WRONG, len(verdicts): Status.RIGHT}
            return right.get(outcome.passed, Status.PARTLY_RIGHT), None
        case Failed(in_the_course=True, error=error):
            return Status.NOT_JUDGED, f"a cell of the course failed here: {said(error)}"
        case Failed(error=Error(kind="Refused") as error):
            return Status.REFUSED, said(error)
        case Failed(error=error):
            return Status.WRONG, f"your cell ends in an error: {said(error)}"
        case Late():
            return Status.STOPPED, f"it did not finish in {seconds:g} s"
        case Ended(how=how):
            return Status.STOPPED, f"it {how}"
        case Tampered(what=what):
            return Status.REFUSED, what
        case Unjudged(why=why):
            return Status.NOT_JUDGED, why
        case Unattempted() if answer.source is None:
            return Status.MISSING, "the notebook has no answer to it"
        case Unattempted():
            return Status.NOT_ATTEMPTED, None
    raise TypeError(outcome)


def said(error: Error) -> str:
    """An error as a student may read it: the message of an assert, or the kind of error and its line."""
    message = stable(error.message)
    if error.kind == "AssertionError" and message:
        return message
    if error.kind in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        return f"your code ended the program ({error.kind})"
    if error.kind == "Refused":
        return message or "your code changed what it may not change"
    line = f" (line {error.line} of your cell)" if error.line else ""
    return f"{error.kind}: {message}{line}" if message else f"{error.kind}{line}"


def stable(words: str) -> str:
    """Without what differs from run to run: addresses, and the name of the folder."""
    words = re.sub(r"\b0x[0-9a-fA-F]{5,}", "0x...", words)
    return re.sub(r"[^\s'\"]{0,200}?answer-[a-z0-9_]{8}", ".", words)
