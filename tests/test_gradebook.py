"""Results as nbgrader's database."""

import sqlite3

import classroom_cases as cases
import pytest
from course_fixtures import CHAPTERS

from alexnet_paddle.classroom.results import ExerciseResult, Part, Result, Status

gradebook = pytest.importorskip("alexnet_paddle.classroom.gradebook", reason="needs requirements-dev.txt")
Gradebook = pytest.importorskip("nbgrader.api").Gradebook

NAME = "01_sizes"
CELLS = CHAPTERS[NAME].cells


def result(student, passed, chapter=NAME, counts=True, status=Status.RIGHT):
    """`passed` is how many of an exercise's two cells of asserts give points."""
    exercises = []
    for exercise in CHAPTERS[chapter].exercises:
        parts = []
        for number, name in enumerate((exercise.visible, exercise.hidden)):
            possible = CHAPTERS[chapter].cells[name].metadata.nbgrader.points
            parts.append(Part("", "", possible=possible, points=possible if number < passed else 0))
        exercises.append(ExerciseResult(exercise.name, status, tuple(parts)))
    return Result(student, "", chapter, tuple(exercises), counts=counts)


RESULTS = [
    result("ada", 2),
    result("ada", 1, "02_convolution"),
    result("ada", 0, counts=False),
    result("Bob B.", 1),
    result("李 明", 0),
    Result("eve", "", chapter=None),
]


def points(name, passed):
    return sum(
        CHAPTERS[name].cells[cell].metadata.nbgrader.points
        for exercise in CHAPTERS[name].exercises
        for cell in (exercise.visible, exercise.hidden)[:passed]
    )


def content(path):
    """All rows, without the ids, which nbgrader draws by chance."""
    with sqlite3.connect(path) as database:
        return database.execute(
            "select submitted_assignment.student_id, assignment.name, base_cell.name, grade.auto_score,"
            " grade.manual_score, grade.needs_manual_grade, submitted_assignment.timestamp from grade"
            " join base_cell on grade.cell_id = base_cell.id"
            " join submitted_notebook on grade.notebook_id = submitted_notebook.id"
            " join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id"
            " join assignment on submitted_assignment.assignment_id = assignment.id order by 1, 2, 3"
        ).fetchall()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    gradebook.write_gradebook(RESULTS, CHAPTERS, path)
    return path


def test_nbgrader_reads_the_points_of_the_notebooks_that_count(written):
    with Gradebook(f"sqlite:///{written}") as book:
        assert {student.id for student in book.students} == {"ada", "Bob B.", "李 明", "eve"}
        totals = {
            (submission.student.id, assignment.name): (submission.score, submission.max_score)
            for assignment in book.assignments
            for submission in assignment.submissions
        }
        assert not any(submission.needs_manual_grade for one in book.assignments for submission in one.submissions)
    assert totals == {
        ("ada", NAME): (points(NAME, 2), points(NAME, 2)),
        ("ada", "02_convolution"): (points("02_convolution", 1), points("02_convolution", 2)),
        ("Bob B.", NAME): (points(NAME, 1), points(NAME, 2)),
        ("李 明", NAME): (0, points(NAME, 2)),
    }


def test_the_tables_hold_a_grade_for_each_cell_of_asserts(written):
    rows = content(written)
    assert len(rows) == 3 * 2 * len(CHAPTERS[NAME].exercises) + 2 * len(CHAPTERS["02_convolution"].exercises)
    assert sum(row[3] for row in rows if row[:2] == ("Bob B.", NAME)) == points(NAME, 1)
    assert list(written.parent.iterdir()) == [written]


def test_writing_again_changes_nothing_and_keeps_what_a_person_entered(written, tmp_path):
    path = tmp_path / "gradebook.db"
    path.write_bytes(written.read_bytes())
    gradebook.write_gradebook(RESULTS, CHAPTERS, path)
    assert content(path) == content(written)
    cell = CHAPTERS[NAME].exercises[0].hidden
    with Gradebook(f"sqlite:///{path}") as book:
        book.find_grade(cell, NAME, NAME, "Bob B.").manual_score = 1.5
        book.db.commit()
    gradebook.write_gradebook([result("Bob B.", 2)], CHAPTERS, path)
    with Gradebook(f"sqlite:///{path}") as book:
        grade = book.find_grade(cell, NAME, NAME, "Bob B.")
        assert (grade.manual_score, grade.auto_score, grade.score) == (1.5, CELLS[cell].metadata.nbgrader.points, 1.5)
        assert len(book.assignment_submissions(NAME)) == 3


def test_what_was_not_judged_has_to_be_graded_by_hand(tmp_path):
    path = tmp_path / "gradebook.db"
    gradebook.write_gradebook([result("ada", 0, status=Status.NOT_JUDGED)], CHAPTERS, path)
    assert {row[3:6] for row in content(path)} == {(None, None, 1)}
    with Gradebook(f"sqlite:///{path}") as book:
        assert book.find_submission(NAME, "ada").needs_manual_grade


def test_a_database_is_whole_or_as_it_was(written, tmp_path, monkeypatch):
    path = tmp_path / "gradebook.db"
    path.write_bytes(written.read_bytes())
    broken = [result("ada", 0), Result("bob", "", NAME)]
    with pytest.raises(KeyError):
        gradebook.write_gradebook(broken, CHAPTERS, path)
    assert path.read_bytes() == written.read_bytes() and list(tmp_path.iterdir()) == [path]


def test_the_command_writes_it_beside_the_grades(tmp_path):
    from alexnet_paddle.classroom import __main__ as command

    cases.write(tmp_path / "in", "ada", cases.answered(NAME, {}))
    arguments = ["grade", tmp_path / "in", "--out", tmp_path / "out", "--gradebook"]
    command.main([str(argument) for argument in arguments])
    assert {row[:2] for row in content(tmp_path / "out" / "gradebook.db")} == {("ada", NAME)}
    assert {"gradebook.db", "grades.csv", "results"} < {path.name for path in (tmp_path / "out").iterdir()}
