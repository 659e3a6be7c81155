"""The course as it is handed out: nothing stale, nothing secret in it, and asserts that tell right from wrong."""

import ast
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course_fixtures import (
    ANSWERS,
    CHAPTERS,
    COURSE,
    EQUAL_TO_ALL,
    EXERCISE_IDS,
    EXERCISES,
    SOURCES,
    answers,
    build,
    namespace_for,
    verdict,
)

from alexnet_paddle.classroom.chapter import is_exercise, is_graded

LEARNERS = [COURSE / f"{name}.ipynb" for name in CHAPTERS]
each_chapter = pytest.mark.parametrize("name", CHAPTERS)
each_exercise = pytest.mark.parametrize("name, exercise", EXERCISES, ids=EXERCISE_IDS)


# ---- what is handed out ------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=list(CHAPTERS))
def test_the_notebooks_are_built_from_the_source_as_it_is(source):
    assert not build.stale(source, COURSE), "run python -m alexnet_paddle.classroom build"


def test_no_notebook_is_left_from_a_chapter_that_is_gone():
    found = {path.stem for folder in (COURSE, COURSE / "solutions") for path in folder.glob("*.ipynb")}
    assert found == set(CHAPTERS)


@each_chapter
def test_a_chapter_has_five_exercises_and_is_no_longer_than_a_reader_can_take(name):
    chapter = CHAPTERS[name]
    assert len(chapter.exercises) >= 5
    assert 20 <= len(chapter.cells) - 3 * len(chapter.exercises) <= 35  # beside those of the exercises
    for folder in (COURSE, COURSE / "solutions"):
        assert (folder / f"{name}.ipynb").stat().st_size < 1_000_000


def hidden_region(source):
    return source.partition("### BEGIN HIDDEN TESTS\n")[2].partition("### END HIDDEN TESTS")[0]


def solution_region(source):
    return source.partition("### BEGIN SOLUTION\n")[2].partition("### END SOLUTION")[0]


@each_exercise
def test_the_learners_edition_holds_neither_the_solution_nor_a_hidden_test(name, exercise):
    notebook = nbformat.read(COURSE / f"{name}.ipynb", as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    pristine = CHAPTERS[name].cells
    hidden, solution = hidden_region(pristine[exercise.hidden].source), solution_region(pristine[exercise.name].source)
    assert "assert" in hidden and solution.strip()
    assert "assert" not in cells[exercise.hidden].source
    assert "raise NotImplementedError()" in cells[exercise.name].source
    assert not hidden_region(pristine[exercise.visible].source)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert solution not in text and hidden not in text
    assert not any(cells[cell].outputs for cell in (exercise.name, exercise.visible, exercise.hidden))


@each_chapter
def test_every_graded_cell_says_what_the_grader_needs(name):
    for edition in (COURSE, COURSE / "solutions"):
        notebook = nbformat.read(edition / f"{name}.ipynb", as_version=4)
        graded = [cell for cell in notebook.cells if is_graded(cell)]
        assert len(graded) == 2 * len(CHAPTERS[name].exercises)
        for cell in graded:
            assert cell.metadata.nbgrader.grade_id == cell.id and cell.metadata.nbgrader.points > 0
            assert cell.metadata.checks and cell.metadata.defines and cell.metadata.needs


@each_chapter
def test_the_outputs_show_no_error_and_no_picture_is_missing(name):
    notebook = nbformat.read(COURSE / f"{name}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        if "<Figure" in str(output.get("data", {}).get("text/plain")):
            assert "image/png" in output.data


# ---- exercises -----------------------------------------------------------------------------------------


def test_answers_are_kept_for_each_exercise_and_for_nothing_else():
    assert {path.relative_to(ANSWERS).with_suffix("").as_posix() for path in ANSWERS.rglob("*.py")} == set(EXERCISE_IDS)


@each_exercise
def test_asserts_tell_right_answers_from_wrong_ones(name, exercise):
    """Only the cells that the exercise says it needs have run, so this also tests what it says."""
    names = namespace_for(name, exercise)
    assert verdict(name, exercise, CHAPTERS[name].cells[exercise.name].source, names) == [None, None]
    kept = answers(name, exercise)
    wrong = {title: code for title, code in kept.items() if title.startswith("wrong-")}
    right = {title: code for title, code in kept.items() if title.startswith("right-")}
    assert len(wrong) >= 4 and len(right) >= 2 and len(wrong) + len(right) == len(kept)
    for title, code in right.items():
        assert verdict(name, exercise, code, names) == [None, None], title
    said = {title: verdict(name, exercise, code, names) for title, code in wrong.items()}
    assert not [title for title, words in said.items() if words == [None, None]]
    assert [title for title, words in said.items() if words[0] is None], "no wrong answer reaches the hidden asserts"
    assert all(word for words in said.values() for word in words if word is not None), "an assert without a message"


@each_exercise
def test_an_object_that_equals_everything_gets_no_point(name, exercise):
    names = namespace_for(name, exercise)
    cells = CHAPTERS[name].cells
    exec(EQUAL_TO_ALL, names)
    for defined in cells[exercise.name].metadata.defines:
        names[defined] = names["Equal"]()
    for cell in (exercise.visible, exercise.hidden):
        with pytest.raises(Exception):  # noqa: B017  (an assert, or NumPy that cannot make numbers of it)
            exec(cells[cell].source, dict(names))


@each_exercise
def test_asserts_need_no_package_of_ours(name, exercise):
    cells = CHAPTERS[name].cells
    for cell in (exercise.visible, exercise.hidden):
        loaded = {node.id for node in ast.walk(ast.parse(cells[cell].source)) if isinstance(node, ast.Name)}
        assert not {"alexnet_paddle", "AlexNet", "VARIANTS", "trace", "plots"} & loaded
        assert "import alexnet_paddle" not in cells[cell].source and "from alexnet_paddle" not in cells[cell].source


# ---- as readers run them -------------------------------------------------------------------------------


@pytest.mark.slow
@each_chapter
def test_the_solutions_run_top_to_bottom(name):
    """In the folder where the chapter is, with live ablations of few pictures: at their own size `classroom build` has
    run them, and a chapter whose code has changed since is stale."""
    _run(COURSE / "solutions" / f"{name}.ipynb")


@pytest.mark.slow
@each_chapter
def test_the_learners_edition_fails_only_where_it_is_not_filled_in(name):
    notebook = _run(COURSE / f"{name}.ipynb", allow_errors=True)
    chapter = CHAPTERS[name]
    unsolved = {exercise.name for exercise in chapter.exercises}
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                depends = unsolved & {cell.id, *chapter.needed(cell.id)}
                assert depends, f"{cell.id}: {output.ename}: {output.evalue}"


SMALL_ABLATIONS = """
import alexnet_paddle
from dataclasses import replace
from alexnet_paddle.study.ablations import ABLATIONS
for name, ablation in list(ABLATIONS.items()):
    ABLATIONS[name] = replace(ablation, quick=replace(ablation.quick, images=100, epochs=1))
"""


def _run(path, allow_errors=False):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SMALL_ABLATIONS))
    build.run(notebook, COURSE, allow_errors)
    return notebook


@pytest.mark.slow
def test_nbgrader_takes_the_solutions_as_its_source_and_gives_the_expected_points(tmp_path):
    """Two students hand in chapter 01: one has all right, one a wrong answer that only the hidden asserts notice."""
    name = "01_sizes"
    chapter = CHAPTERS[name]
    (tmp_path / "source" / name).mkdir(parents=True)
    shutil.copy(COURSE / "solutions" / f"{name}.ipynb", tmp_path / "source" / name)
    _nbgrader(tmp_path, "generate_assignment", name)
    released = nbformat.read(tmp_path / "release" / name / f"{name}.ipynb", as_version=4)
    assert "BEGIN" not in "".join(cell.source for cell in released.cells)
    wrong = chapter.exercises[0]
    names = namespace_for(name, wrong)
    past = next(
        code
        for title, code in answers(name, wrong).items()
        if title.startswith("wrong-") and verdict(name, wrong, code, names)[0] is None
    )
    for student in ("ada", "bob"):
        notebook = nbformat.from_dict(released)
        for cell in notebook.cells:
            if is_exercise(cell):
                cell.source = chapter.cells[cell.id].source
                if student == "bob" and cell.id == wrong.name:
                    cell.source = past
        folder = tmp_path / "submitted" / student / name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
    _nbgrader(tmp_path, "autograde", name)
    possible = sum(cell.metadata.nbgrader.points for cell in chapter.cells.values() if is_graded(cell))
    lost = chapter.cells[wrong.hidden].metadata.nbgrader.points
    with sqlite3.connect(tmp_path / "gradebook.db") as database:
        rows = database.execute(
            "select submitted_assignment.student_id, sum(grade.auto_score) from grade"
            " join submitted_notebook on grade.notebook_id = submitted_notebook.id"
            " join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id"
            " group by submitted_assignment.student_id"
        ).fetchall()
    assert dict(rows) == {"ada": possible, "bob": possible - lost}


def _nbgrader(folder, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments, "--ExecutePreprocessor.timeout=240"]
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it calls alembic by name
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": programs})
    assert done.returncode == 0, done.stderr


# ---- the course's page -----------------------------------------------------------------------------------

PAGE = (COURSE / "README.md").read_text("utf-8")
INSTRUCTORS = (COURSE / "instructors.md").read_text("utf-8")


@each_chapter
def test_the_syllabus_gives_each_chapter_with_its_points(name):
    cells = CHAPTERS[name].cells
    visible, hidden = (
        sum(cells[cell].metadata.nbgrader.points for cell in names)
        for names in zip(*((exercise.visible, exercise.hidden) for exercise in CHAPTERS[name].exercises))
    )
    row = next(line for line in PAGE.splitlines() if f"]({name}.ipynb)" in line)
    assert row.endswith(f"| {visible} + {hidden} = {visible + hidden} |")


def test_links_of_the_page_and_from_chapter_to_chapter_lead_somewhere():
    texts = [PAGE, INSTRUCTORS]
    for path in LEARNERS:
        texts += [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    links = {link for text in texts for link in re.findall(r"\]\(([^)#:]+)\)", text)}
    assert len(links) >= len(CHAPTERS)
    for link in links:
        assert (COURSE / link).exists(), link


def test_commands_of_the_pages_run(tmp_path):
    """In a folder with one submission, which is the notebook as it was handed out."""
    (tmp_path / "submissions" / "Ada").mkdir(parents=True)
    shutil.copy(LEARNERS[1], tmp_path / "submissions" / "Ada")
    commands = re.findall(r"^ *(python -m alexnet_paddle.*)", INSTRUCTORS, re.M)
    assert len(commands) >= 3
    for command in commands:
        subprocess.run([sys.executable, *command.split()[1:]], check=True, cwd=tmp_path)
    assert (tmp_path / "handout" / "course" / LEARNERS[1].name).exists()
    assert "Ada" in (tmp_path / "grades" / "summary.html").read_text("utf-8")
