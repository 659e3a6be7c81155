"""Marks for what students hand in.

A submission is never run as it is. Each of its answers is put into the chapter's own source, with the cells that the
exercise needs, and judged by the chapter's visible and hidden asserts in a process of its own (`sandbox`). What became
of it is a JSON file below `results/`, which everything else is written from; one that is there is not made again.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from alexnet_paddle import reporter
from alexnet_paddle.classroom import build, sandbox, submissions
from alexnet_paddle.classroom.chapter import Chapter, Exercise, read
from alexnet_paddle.classroom.submissions import Answer, CannotRead, Submission
from alexnet_paddle.errors import InputError, printable
from alexnet_paddle.files import write_json, write_whole
from alexnet_paddle.runtime import cpu_count

CELL_SECONDS = 20
ALL_SECONDS = 1800  # by the clock, for all exercises of one submission
GRADED, PARTLY, UNREADABLE = "graded", "partly graded", "cannot be read"
# What an exercise can be.
RIGHT, IN_PART, WRONG, STOPPED, REFUSED = "right", "partly right", "wrong", "stopped", "refused"
NOT_ATTEMPTED, MISSING, NOT_JUDGED = "not attempted", "missing", "not judged"


def grade(place: Path, out: Path, *, jobs: int | None = None, seconds: float = CELL_SECONDS) -> list[dict]:
    """Grade all submissions in the folder or zip `place`, write results and `grades.csv` into `out`, and return the
    results in order. Raises InputError for places that cannot be used; a
    submission never raises anything."""
    if sys.platform == "win32":
        raise InputError("grading needs Linux or macOS; on Windows run it in WSL")
    chapters = {source.stem: read(source) for source in build.sources()}
    keys = {source.stem: build.fingerprint_of(source) for source in build.sources()}
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; give a folder")
    with submissions.opened(place) as found:
        protected = sandbox.bubblewrap() is not None
        if not protected:
            reporter.say(sandbox.UNPROTECTED)
        (out / "results").mkdir(parents=True, exist_ok=True)
        grader = Grader(chapters, keys, protected, seconds)
        with ThreadPoolExecutor(jobs or cpu_count()) as pool:
            waiting = [pool.submit(_graded, grader, one, out / "results") for one in found]
            results = [future.result() for future in reporter.progress(waiting, "grading notebooks")]
    results.sort(key=lambda result: (result["student"], result["chapter"] or "", result["file"]))
    mark_best(results)
    table = grades_csv(results, chapters).encode("utf-8-sig", "backslashreplace")  # Excel wants the mark
    write_whole(out / "grades.csv", table)
    return results


def _graded(grader, submission, folder) -> dict:
    """The stored result of a submission, made first if it is not there or was made of something else."""
    name = submission.file.name if submission.file else ""
    digest = hashlib.sha256(submission.place.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    path = folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', submission.student)[:40]}-{digest}.json"
    key = grader.key(submission)
    with suppress(OSError, ValueError):
        stored = json.loads(path.read_text("utf-8"))
        if isinstance(stored, dict) and stored.get("key") == key:
            return stored
    try:
        made = grader.result(submission)
    except Exception as error:  # whatever a notebook does to this program, the others are graded
        made = unreadable(f"this notebook made the grader fail ({type(error).__name__}); grade it by hand")
    result = {"student": submission.student, "file": printable(name), "key": key, **made}
    write_json(path, result)
    return json.loads(json.dumps(result))


def unreadable(reason: str) -> dict:
    return {
        "chapter": None,
        "status": UNREADABLE,
        "points": None,
        "possible": None,
        "remarks": [reason],
        "exercises": [],
    }


def mark_best(results: list[dict]) -> None:
    """Of several notebooks of a student for one chapter the one with most points counts; the others say so."""
    best = {}
    for result in results:
        result["counts"] = True
        key = result["student"], result["chapter"]
        if result["chapter"] is None:
            continue
        if key in best:
            less, more = sorted((result, best[key]), key=lambda one: one["points"] or 0)
            less["counts"], more["counts"] = False, True
            best[key] = more
        else:
            best[key] = result


class Grader:
    """Makes results; see `result`."""

    def __init__(self, chapters: dict[str, Chapter], keys: dict[str, str], protected: bool, seconds: float):
        self.chapters, self.keys, self.protected, self.seconds = chapters, keys, protected, float(seconds)
        decides = ("chapter", "grade", "sandbox", "submissions", "worker")
        program = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in decides)
        settings = repr((protected, self.seconds, sorted(keys.items())))
        self.version = hashlib.sha256(program + settings.encode()).hexdigest()

    def key(self, submission: Submission) -> str:
        """Changes with the notebook, the chapters and this program."""
        digest = hashlib.sha256(self.version.encode())
        if submission.file is not None:
            with suppress(CannotRead):
                digest.update(submissions.content(submission.file))
        return digest.hexdigest()

    def result(self, submission: Submission) -> dict:
        """Of one submission: "chapter", "status", "points" of "possible", "remarks", and "exercises", each with its own
        points, what was checked, and in words what came of it."""
        try:
            if submission.file is None:
                raise CannotRead("the folder holds no notebook (a file ending in .ipynb)")
            cells = submissions.read(submission.file)
            name = submissions.chapter_of(cells, self.chapters)
        except CannotRead as error:
            return unreadable(str(error))
        chapter = self.chapters[name]
        answers, remarks = submissions.answers(cells, chapter)
        exercises = self.exercises(chapter, answers)
        unjudged = [one["name"] for one in exercises if one["status"] == NOT_JUDGED]
        if unjudged:
            remarks.append(f"not judged, and no points yet: {', '.join(unjudged)}")
        return {
            "chapter": name,
            "status": PARTLY if unjudged else GRADED,
            "points": sum(one["points"] for one in exercises),
            "possible": sum(one["possible"] for one in exercises),
            "remarks": remarks,
            "exercises": exercises,
        }

    def exercises(self, chapter, answers) -> list[dict]:
        """The results of all exercises. The process is started anew, once, when it has died."""
        results, waiting, starts = {}, [], 0
        for exercise in chapter.exercises:  # a notebook without answers needs no process
            answer = answers[exercise.name]
            if answer.source is None or submissions.is_stub(answer.source, submissions.defines(chapter, exercise)):
                outcome = {"unattempted": True}
                results[exercise.name] = in_words(chapter, exercise, answer, outcome, self.seconds)
            else:
                waiting.append(exercise)
        ends = time.monotonic() + ALL_SECONDS
        while waiting:
            try:
                with sandbox.Worker(imports(chapter), self.protected) as worker:
                    while waiting:
                        exercise = waiting[0]
                        if time.monotonic() > ends:
                            outcome = {"unjudged": f"all answers together took more than {ALL_SECONDS} s"}
                        else:
                            outcome = self.outcome(worker, chapter, exercise, answers)
                        results[exercise.name] = in_words(
                            chapter, exercise, answers[exercise.name], outcome, self.seconds
                        )
                        waiting.pop(0)
            except sandbox.WorkerDied:
                starts += 1
                if starts > 1:
                    for exercise in waiting:
                        outcome = {"unjudged": "the process that runs the answers ended; grade it again"}
                        answer = answers[exercise.name]
                        results[exercise.name] = in_words(chapter, exercise, answer, outcome, self.seconds)
                    waiting = []
        return [results[exercise.name] for exercise in chapter.exercises]

    def outcome(self, worker, chapter: Chapter, exercise: Exercise, answers: dict[str, Answer]) -> dict:
        """What the worker says of an answer; where it builds on other exercises, with the student's own answers to
        them first, and if that fails with the course's, so that one mistake does not count twice."""
        asserts = [
            {"title": name, "source": chapter.cells[name].source} for name in (exercise.visible, exercise.hidden)
        ]

        def ask(own_first):
            cells = cells_for(chapter, exercise, answers, own_first)
            return worker.ask({"name": exercise.name, "cells": cells, "seconds": self.seconds}, asserts)

        outcome = ask(own_first=True)
        builds_on = [name for name in chapter.needed(exercise.name) if name in answers and answers[name].source]
        if builds_on and passed(outcome) < len(asserts):
            again = ask(own_first=False)
            if passed(again) > passed(outcome):
                names = ", ".join(builds_on)
                return {**again, "remark": f"judged with the course's answer to {names}, because it fails with yours"}
        return outcome


def passed(outcome) -> int:
    return sum(result["passed"] for result in outcome.get("results", ()))


def imports(chapter: Chapter) -> set[str]:
    """The modules that a chapter's cells import."""
    found = set()
    for cell in chapter.cells.values():
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(submissions.python(cell.source))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    found.add(node.module)
    return found


def cells_for(chapter, exercise, answers, own_first) -> list[dict]:
    """What has to run before an exercise's asserts, in order, see `worker.child`."""
    cells = []
    exercises = {one.name: one for one in chapter.exercises}
    for name in chapter.needed(exercise.name):
        cell = {"title": name, "source": chapter.cells[name].source, "kind": "given", "takes": []}
        if name in exercises and own_first and answers[name].source:
            cells += _own(name, answers[name], submissions.defines(chapter, exercises[name]), "extra")
        else:
            cells.append(cell)
    return cells + _own(exercise.name, answers[exercise.name], submissions.defines(chapter, exercise), "own")


def _own(name, answer, takes, kind) -> list[dict]:
    extra = [{"title": "another cell", "source": code, "kind": "extra", "takes": []} for code in answer.extra]
    return [*extra, {"title": name, "source": answer.source, "kind": kind, "takes": takes}]


# ---- in words ------------------------------------------------------------------------------------------


def in_words(chapter, exercise, answer: Answer, outcome: dict, seconds) -> dict:
    """An exercise's result: "status", "points" of "possible", "parts" (visible and hidden asserts, each with what they
    check and what they said), the student's "code" and its "output"."""
    parts = []
    for number, name in enumerate((exercise.visible, exercise.hidden)):
        metadata = chapter.cells[name].metadata
        result = outcome["results"][number] if "results" in outcome else {"passed": False}
        parts.append(
            {
                "kind": ("visible", "hidden")[number],
                "checks": metadata["checks"],
                "possible": metadata["nbgrader"]["points"],
                "points": metadata["nbgrader"]["points"] if result["passed"] else 0,
                "said": said(result["error"]) if "error" in result else None,
            }
        )
    points, possible = (sum(part[what] for part in parts) for what in ("points", "possible"))
    status, reason = status_of(outcome, answer, points, possible, seconds)
    remarks = [*answer.remarks, *([outcome["remark"]] if "remark" in outcome else [])]
    remarks += [f"refused: {what}" for what in outcome.get("noted", ())]
    return {
        "name": exercise.name,
        "status": status,
        "reason": reason,
        "points": points,
        "possible": possible,
        "parts": parts,
        "remarks": remarks,
        "code": answer.source,
        "output": stable(outcome.get("output", "")),
    }


def status_of(outcome, answer, points, possible, seconds) -> tuple[str, str | None]:
    """What became of an exercise, and why, where the asserts did not say it."""
    if "unjudged" in outcome:
        return NOT_JUDGED, outcome["unjudged"]
    if "unattempted" in outcome:
        return (MISSING, "the notebook has no answer to it") if answer.source is None else (NOT_ATTEMPTED, None)
    if "late" in outcome:
        return STOPPED, f"it did not finish in {seconds:g} s"
    if "ended" in outcome:
        return STOPPED, f"it {outcome['ended']}"
    if "tampered" in outcome:
        return REFUSED, outcome["tampered"]
    if outcome.get("failed") == "given":
        return NOT_JUDGED, f"a cell of the course failed here: {said(outcome['error'])}"
    if "failed" in outcome and outcome["error"]["kind"] == "Refused":
        return REFUSED, said(outcome["error"])
    if "failed" in outcome:
        return WRONG, f"your cell ends in an error: {said(outcome['error'])}"
    return (RIGHT if points == possible else IN_PART if points else WRONG), None


def said(error: dict) -> str:
    """An error as a student may read it: the message of an assert, or the kind of error and its line."""
    message = stable(str(error["message"]))
    if error["kind"] == "AssertionError" and message:
        return message
    if error["kind"] in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
        return f"your code ended the program ({error['kind']})"
    if error["kind"] == "Refused":
        return message or "your code changed what it may not change"
    line = f" (line {error['line']} of your cell)" if error["line"] else ""
    return f"{error['kind']}: {message}{line}" if message else f"{error['kind']}{line}"


def stable(words: str) -> str:
    """Without what differs from run to run: addresses, and the name of the folder."""
    words = re.sub(r"\b0x[0-9a-fA-F]{5,}", "0x...", words)
    return re.sub(r"[^\s'\"]{0,200}?answer-[a-z0-9_]{8}", ".", words)


# ---- the table -----------------------------------------------------------------------------------------


def grades_csv(results, chapters) -> str:
    """A line for each submission that counts, with a column for each exercise of the chapters that came."""
    came = [name for name in chapters if any(result["chapter"] == name for result in results)]
    columns = [(name, exercise.name) for name in came for exercise in chapters[name].exercises]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    titles = [exercise if len(came) == 1 else f"{name}/{exercise}" for name, exercise in columns]
    writer.writerow(["student", "chapter", *titles, "total", "possible", "status", "remarks", "file"])
    for result in results:
        points = {(result["chapter"], one["name"]): _points(one) for one in result["exercises"]}
        remarks = [*result["remarks"], *(words for one in result["exercises"] for words in _remarks(one))]
        if not result["counts"]:
            remarks.insert(0, "does not count: another notebook of this student has as many points or more")
        total = ["" if result[what] is None else result[what] for what in ("points", "possible")]
        row = [result["student"], result["chapter"] or "", *(points.get(column, "") for column in columns), *total]
        writer.writerow([_text(cell) for cell in [*row, result["status"], "; ".join(remarks), result["file"]]])
    return table.getvalue()


def _points(one):
    return "" if one["status"] == NOT_JUDGED else one["points"]


def _remarks(one):
    if one["status"] in (STOPPED, REFUSED, NOT_JUDGED, MISSING, NOT_ATTEMPTED):
        yield f"{one['name']}: {one['status']}" + (f", {one['reason']}" if one["reason"] else "")
    yield from (f"{one['name']}: {words}" for words in one["remarks"])


def _text(cell):
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
