"""Marks for notebooks in every state that students hand in."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import classroom_cases as cases
import pytest
from classroom_cases import ILL, SICK, UNREADABLE, grade
from course_fixtures import CHAPTERS
from processes import children

from alexnet_paddle.classroom.results import NotebookStatus, Result, Status
from alexnet_paddle.classroom.words import WORDS, exercise_remarks

submissions = pytest.importorskip("alexnet_paddle.classroom.submissions", reason="needs requirements-dev.txt")
fingerprint = pytest.importorskip("alexnet_paddle.classroom.fingerprint", reason="needs requirements-dev.txt")
gradesheet = pytest.importorskip("alexnet_paddle.classroom.gradesheet", reason="needs requirements-dev.txt")

SECONDS = 10.0  # a float, as the command has it: results are kept by it
ODD_NAMES = ["=1+1", "@SUM(A1)", "李 明", 'O\'Neil, "Anne"', "a b", "a_b", "x" * 100]


def run(place, out, **more):
    results = grade.grade(place, out, **{"seconds": SECONDS, **more})
    gradesheet.write_gradesheet(results, CHAPTERS, out / gradesheet.FILE)
    return results


def files_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def exercises_of(name):
    return [exercise.name for exercise in CHAPTERS[name].exercises]


def places_of_ill(name):
    """Which notebook and which exercise shows an illness."""
    exercises = exercises_of(name)
    return {kind: (f"ill {at // len(exercises)}", exercises[at % len(exercises)]) for at, kind in enumerate(ILL)}


class Batch:
    """One folder with a notebook for each case, graded."""

    def __init__(self, name, folder):
        self.name, self.place, self.out = name, folder / "in", folder / "out"
        self.first, self.second = exercises_of(name)[:2]
        ill = {}
        for kind, (student, exercise) in places_of_ill(name).items():
            ill.setdefault(student, {})[exercise] = cases.ill(kind, name, exercise)
        for student, codes in ill.items():
            cases.write(self.place, student, cases.answered(name, codes))
        two = {exercise: cases.solution(name, exercise) for exercise in (self.first, self.second)}
        for kind, sick in SICK.items():
            made = sick.make(cases.answered(name, two), name, self.first)
            cases.write(self.place, kind, made, sick.file)
        for kind in UNREADABLE:
            cases.write_unreadable(self.place, f"unreadable {kind}", kind, name)
        for student in ODD_NAMES:
            cases.write(self.place, student, cases.answered(name, {}), "+notebook.ipynb")
        cases.write(self.place, "twice", cases.answered(name, {}), "a.ipynb")
        cases.write(self.place, "twice", cases.answered(name, {self.first: two[self.first]}), "b/c/d/x.ipynb")
        cases.write(self.place, "twice", cases.answered(name, {}), "e/b/c/d/x.ipynb")
        (self.place / os.fsdecode(b"bytes \xff.ipynb")).write_bytes(cases.as_bytes(cases.answered(name, {})))
        self.results = run(self.place, self.out, jobs=2)
        self.by_student = {result.student: result for result in self.results}

    def exercise(self, student, exercise):
        return next(one for one in self.by_student[student].exercises if one.name == exercise)

    def rows(self):
        with open(self.out / "grades.csv", encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=["01_sizes", pytest.param("02_convolution", marks=pytest.mark.slow)])
def batch(request, tmp_path_factory):
    return Batch(request.param, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("kind", ILL)
def test_an_answer_gets_what_it_has_earned(batch, kind):
    student, exercise = places_of_ill(batch.name)[kind]
    assert batch.by_student[student].status is NotebookStatus.GRADED
    cases.assert_became(batch.name, batch.exercise(student, exercise), kind)


@pytest.mark.parametrize("kind", SICK)
def test_a_notebook_in_any_state_gets_its_points(batch, kind):
    result = batch.by_student[kind]
    assert (result.chapter, result.status) == (batch.name, NotebookStatus.GRADED)
    for name in (batch.first, batch.second):
        one = batch.exercise(kind, name)
        assert (one.status, one.points) == (Status.RIGHT, sum(cases.points(batch.name, name))), one
    assert result.points == sum(sum(cases.points(batch.name, name)) for name in (batch.first, batch.second))
    remarks = "\n".join([*result.remarks, *exercise_remarks(batch.exercise(kind, batch.first))])
    assert re.search(SICK[kind].remark, remarks), remarks


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_says_so_and_is_no_zero(batch, kind):
    result = batch.by_student[f"unreadable {kind}"]
    assert result.status is NotebookStatus.UNREADABLE and result.points is None
    assert re.search(UNREADABLE[kind][1], result.remarks[0])
    row = next(row for row in batch.rows() if row["student"] == f"unreadable {kind}")
    assert (row["total"], row["status"]) == ("", "cannot be read") and result.remarks[0] in row["remarks"]


def test_nothing_stops_a_batch(batch):
    handed_in = sum(len(files) or 1 for files in [list(p.rglob("*.ipynb")) for p in batch.place.iterdir()])
    assert len(batch.results) == handed_in == len(batch.rows())
    assert len(list((batch.out / "results").iterdir())) == handed_in


def test_no_line_of_a_hidden_assert_is_in_what_is_written(batch):
    hidden = set()
    for exercise in CHAPTERS[batch.name].exercises:
        source = CHAPTERS[batch.name].cells[exercise.hidden].source
        region = source.partition("### BEGIN HIDDEN TESTS\n")[2].partition("### END HIDDEN TESTS")[0]
        visible = CHAPTERS[batch.name].cells[exercise.visible].source
        lines = {line.strip() for line in region.splitlines()} - {line.strip() for line in visible.splitlines()}
        hidden |= {line for line in lines if "assert" in line or "expected = " in line}
    assert len(hidden) >= 6
    for path, content in files_of(batch.out).items():
        text = content.decode("utf-8-sig").replace('\\"', '"')
        own = {line.strip() for code in cases.solutions(batch.name).values() for line in code.splitlines()}
        assert not [line for line in hidden - own if line in text], path


def test_grading_again_gives_the_same_bytes_and_judges_nothing_again(batch, monkeypatch):
    before = files_of(batch.out)
    monkeypatch.setattr(grade.Grader, "result", None)
    run(batch.place, batch.out)
    assert files_of(batch.out) == before


def test_results_are_kept_as_codes_and_read_as_what_was_written(batch):
    kept = [json.loads(path.read_text("utf-8")) for path in (batch.out / "results").iterdir()]
    codes = {one["status"] for result in kept for one in result["exercises"]}
    assert codes == {"right", "partly-right", "wrong", "stopped", "refused", "not-attempted"}
    assert not any({"status", "points", "counts"} & set(result) for result in kept)  # they follow from the rest
    for result in batch.results:
        assert replace(Result.from_json(json.loads(json.dumps(result.as_json()))), counts=result.counts) == result
    table = {row["status"] for row in batch.rows()}
    assert table == {WORDS[result.status].label for result in batch.results} == {"graded", "cannot be read"}


@pytest.mark.parametrize("damage", [{"exercises": None}, {"remarks": 3}, {"more": 1}, {"exercises": [{"status": "?"}]}])
def test_a_kept_result_that_is_none_is_made_again(tmp_path, damage):
    cases.write(tmp_path / "in", "ada", cases.answered("01_sizes", {}))
    (result,) = run(tmp_path / "in", tmp_path / "out")
    (path,) = (tmp_path / "out" / "results").iterdir()
    before = path.read_bytes()
    path.write_text(json.dumps(json.loads(before) | damage))
    assert run(tmp_path / "in", tmp_path / "out") == [result] and path.read_bytes() == before


def test_what_decides_marks_is_followed_from_the_grader_and_pages_and_tables_have_no_part_in_it():
    used = {path.name for path in fingerprint.modules_used(*grade.PROGRAM) if path.parent == grade.PROGRAM[0].parent}
    assert {"chapter.py", "results.py", "sandbox.py", "submissions.py"} <= used
    assert not {"feedback.py", "gradebook.py", "gradesheet.py", "words.py", "build.py"} & used
    assert {path.name for path in grade.PROGRAM} == {"grade.py", "worker.py"}


def test_the_better_of_a_students_notebooks_counts(batch):
    theirs = [result for result in batch.results if result.student == "twice"]
    counted = {result.file: result.counts for result in theirs}
    points = [result.points for result in theirs if result.counts]
    assert len(theirs) == 3
    assert points == [sum(cases.points(batch.name, batch.first))] and counted["a.ipynb"] is False
    remarks = [row["remarks"] for row in batch.rows() if row["student"] == "twice"]
    assert sum("does not count" in remark for remark in remarks) == 2


def test_no_cell_of_the_table_is_a_formula(batch):
    for row in batch.rows():
        assert not [cell for cell in row.values() if re.match(r"[=+\-@\t\r]", cell)]
    assert {"'=1+1", "李 明", 'O\'Neil, "Anne"', "a b", "a_b"} <= {row["student"] for row in batch.rows()}
    assert {"=1+1", "李 明"} <= set(batch.by_student)


# ---- a few notebooks --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["wrong", "infinite loop", "os._exit when called", "syntax error"])
def test_a_mistake_in_one_exercise_costs_nothing_in_those_that_build_on_it(tmp_path, mistake):
    name = "02_convolution"
    bad = cases.kept(name, "im2col", "wrong-")[0] if mistake == "wrong" else cases.ill(mistake, name, "im2col")
    codes = {"im2col": bad, "conv-product": cases.solution(name, "conv-product")}
    cases.write(tmp_path / "in", "ada", cases.answered(name, codes))
    (result,) = run(tmp_path / "in", tmp_path / "out")
    became = {one.name: one for one in result.exercises}
    assert became["im2col"].points < became["im2col"].possible
    assert became["conv-product"].points == became["conv-product"].possible
    if mistake != "syntax error":
        assert "judged with the course's answer to im2col" in " ".join(became["conv-product"].remarks)


def test_the_courses_own_answers_are_right_in_every_chapter(tmp_path):
    """One exercise of each: what a chapter's cells import must be there before anything of a student's is run."""
    for name in CHAPTERS:
        exercise = exercises_of(name)[-1]
        cases.write(tmp_path / "in", name, cases.answered(name, {exercise: cases.solution(name, exercise)}))
    for result in run(tmp_path / "in", tmp_path / "out", jobs=2):
        became = {one.name: one for one in result.exercises}[exercises_of(result.chapter)[-1]]
        assert became.status is Status.RIGHT, (result.chapter, became)


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_all_kept_answers_are_judged_as_in_the_tests_of_the_course(tmp_path, name):
    """The n-th notebook answers each exercise with its n-th right, or wrong, answer."""
    wanted = {}
    for kind in ("right-", "wrong-"):
        kept = {exercise: cases.kept(name, exercise, kind) for exercise in exercises_of(name)}
        for number in range(max(map(len, kept.values()))):
            codes = {exercise: found[number] for exercise, found in kept.items() if number < len(found)}
            student = f"{kind}{number}"
            cases.write(tmp_path / "in", student, cases.answered(name, codes))
            wanted[student] = codes
    results = run(tmp_path / "in", tmp_path / "out", jobs=2, seconds=30)
    assert {result.student for result in results} == set(wanted)
    for result in results:
        for one in result.exercises:
            if one.name in wanted[result.student]:
                full = one.points == one.possible
                assert full == result.student.startswith("right-"), (result.student, one)
                assert one.status in (Status.RIGHT, Status.WRONG, Status.PARTLY_RIGHT), one
            else:
                assert one.status is Status.NOT_ATTEMPTED


@pytest.mark.parametrize("platform", ["moodle", "canvas"])
def test_what_platforms_export_is_read_with_the_students_names(tmp_path, platform):
    notebooks = {student: cases.answered("01_sizes", {}) for student in ("Ada Lovelace", "李 明", "bobb")}
    place = getattr(cases, platform)(tmp_path / "export.zip", notebooks)
    results = run(place, tmp_path / "out")
    assert {result.student: result.status for result in results} == dict.fromkeys(notebooks, NotebookStatus.GRADED)


def test_a_notebook_that_makes_the_grader_fail_stops_nobody(tmp_path, monkeypatch):
    def answers(cells, chapter):
        raise RecursionError

    for student in ("ada", "bob"):
        cases.write(tmp_path / "in", student, cases.answered("01_sizes", {}))
    monkeypatch.setattr(submissions, "answers", answers)
    results = run(tmp_path / "in", tmp_path / "out")
    assert [result.status for result in results] == [NotebookStatus.UNREADABLE] * 2
    assert "grade it by hand" in results[0].remarks[0]


# ---- many ---------------------------------------------------------------------------------------------------


def class_of(place: Path, count: int) -> dict:
    """Hand in `count` notebooks, a tenth of them ill. Returns the points that each has to get."""
    wanted, unreadable, ill = {}, list(UNREADABLE), list(ILL)
    for number in range(count):
        name = ("01_sizes", "02_convolution")[number % 2]
        student, exercises = f"student {number:03}", exercises_of(name)
        if number % 20 == 7:
            cases.write_unreadable(place, student, unreadable[number // 20 % len(unreadable)], name)
            wanted[student] = None
            continue
        codes, points = {}, 0
        for exercise in exercises[: 1 + number % 3]:
            codes[exercise] = cases.solution(name, exercise)
            points += sum(cases.points(name, exercise))
        if number % 20 == 15:
            exercise, kind = exercises[0], ill[number // 20 % len(ill)]
            codes[exercise] = cases.ill(kind, name, exercise)
            visible, hidden = cases.points(name, exercise)
            points += {0: 0, "visible": visible, "all": visible + hidden}[ILL[kind].fraction] - visible - hidden
        cases.write(place, student, cases.answered(name, codes))
        wanted[student] = points
    return wanted


@pytest.mark.slow
def test_two_hundred_notebooks_are_marked_as_they_should_be(tmp_path):
    wanted = class_of(tmp_path / "in", 200)
    results = run(tmp_path / "in", tmp_path / "out", jobs=2)
    assert {result.student: result.points for result in results} == wanted
    assert Counter(result.status for result in results) == {
        NotebookStatus.GRADED: 190,
        NotebookStatus.UNREADABLE: 10,
    }


@pytest.mark.slow
def test_a_killed_run_goes_on_and_gives_the_bytes_of_an_undisturbed_one(tmp_path):
    class_of(tmp_path / "in", 24)
    program = [sys.executable, "-m", "alexnet_paddle.classroom", "grade", str(tmp_path / "in"), "--jobs", "2", "--out"]
    command = [*program, str(tmp_path / "out")]
    subprocess.run([*program, str(tmp_path / "whole")], check=True, stdout=subprocess.DEVNULL)
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ends = time.monotonic() + 600
    while len(list((tmp_path / "out").glob("results/*.json"))) < 8:
        assert killed.poll() is None and time.monotonic() < ends
        time.sleep(0.05)
    workers = children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "out" / "grades.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("results/*.json")}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was there was made again"
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
