"""The tools that build the course: one source, two notebooks, the same bytes each time."""

import json

import pytest

from alexnet_paddle.classroom import __main__ as classroom
from alexnet_paddle.errors import InputError, TrainingFailed

build = pytest.importorskip("alexnet_paddle.classroom.build", reason="needs requirements-dev.txt")
chapter = pytest.importorskip("alexnet_paddle.classroom.chapter", reason="needs requirements-dev.txt")

SOURCE = '''\
# %% start [markdown]
# # Doubles

# %% setup
import alexnet_paddle.arithmetic
print("set up")

# %% double nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["double"] needs=["setup"]
def double(x):
    """Twice x. Example: double(2) is 4."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION

# %% double-visible nbgrader={"grade": true, "grade_id": "double-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="small numbers" needs=["double"]
assert double(2) == 4

# %% double-hidden nbgrader={"grade": true, "grade_id": "double-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other numbers" needs=["double"]
# More.
### BEGIN HIDDEN TESTS
assert double(1234) == 2468
### END HIDDEN TESTS

# %% use needs=["double"]
double(21)
'''  # noqa: E501


@pytest.fixture
def course(tmp_path):
    """A course of one chapter; `course.source` is its file."""
    folder = tmp_path / "course"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "42_double.py").write_text(SOURCE)
    return folder


def source(course):
    return course / "source" / "42_double.py"


def notebooks(course):
    return {path.relative_to(course): path.read_bytes() for path in course.rglob("*.ipynb")}


def cells(path):
    return {cell["id"]: cell for cell in json.loads(path.read_text("utf-8"))["cells"]}


def test_both_editions_are_built_and_building_again_changes_no_byte_and_runs_nothing(course):
    assert build.build(source(course), course)
    first = notebooks(course)
    assert len(first) == 2
    assert not build.build(source(course), course)
    assert notebooks(course) == first and not build.stale(source(course), course)


def test_the_learner_gets_stub_visible_asserts_and_outputs_but_no_solution_and_no_hidden_test(course):
    build.build(source(course), course)
    text = (course / "42_double.ipynb").read_text()
    for secret in ("x + x", "2468", "SOLUTION", "HIDDEN"):
        assert secret not in text
    learner = cells(course / "42_double.ipynb")
    assert "raise NotImplementedError()" in "".join(learner["double"]["source"])
    assert "Example: double(2) is 4." in "".join(learner["double"]["source"])
    assert "".join(learner["double-visible"]["source"]) == "assert double(2) == 4"
    assert learner["setup"]["outputs"][0]["text"] == ["set up\n"]
    assert learner["use"]["outputs"][0]["data"]["text/plain"] == ["42"]  # what the learner should see
    assert learner["double-hidden"]["metadata"]["nbgrader"]["points"] == 2
    assert learner["double-hidden"]["metadata"]["defines"] == ["double"]
    solutions = (course / "solutions" / "42_double.ipynb").read_text()
    assert "x + x" in solutions and "2468" in solutions


def test_what_changes_makes_it_stale(course, monkeypatch, tmp_path):
    build.build(source(course), course)
    source(course).write_text(SOURCE.replace("Doubles", "Twice"))
    assert len(build.stale(source(course), course)) == 2
    source(course).write_text(SOURCE)
    assert not build.stale(source(course), course)
    learner = course / "42_double.ipynb"
    learner.write_text(learner.read_text().replace("small", "big"))
    assert build.stale(source(course), course) == [learner]
    assert not build.build(source(course), course)  # mended without running it
    assert not build.stale(source(course), course)


def test_a_change_in_a_module_that_a_chapter_uses_changes_its_fingerprint(course, tmp_path, monkeypatch):
    package = tmp_path / "alexnet_paddle"
    package.mkdir()
    for name in ("__init__", "arithmetic", "runtime", "variants"):
        (package / f"{name}.py").write_bytes((build.PACKAGE / f"{name}.py").read_bytes())
    monkeypatch.setattr(build, "PACKAGE", package)
    before = build.fingerprint_of(source(course))
    (package / "variants.py").write_text("changed = 1\n")
    assert build.fingerprint_of(source(course)) == before  # it does not use that one
    (package / "arithmetic.py").write_text("changed = 1\n")
    assert build.fingerprint_of(source(course)) != before


def test_modules_are_found_through_packages_other_modules_and_lazy_names(tmp_path):
    file = tmp_path / "one.py"
    file.write_text("from alexnet_paddle import AlexNet\nfrom alexnet_paddle.datasets import petals\nimport json\n")
    used = {str(path.relative_to(build.PACKAGE)).replace("\\", "/") for path in build.modules_used(file)}
    assert {"__init__.py", "model.py", "arithmetic.py", "fast_cpu.py", "datasets/petals.py"} <= used
    assert "benchmark.py" not in used


def test_a_source_that_is_not_python_is_refused_by_line(course):
    source(course).write_text(SOURCE.replace("double(21)", "double(21"))
    with pytest.raises(InputError, match="42_double.py: line 25 is not Python"):
        build.build(source(course), course)
    assert not notebooks(course)


def test_an_error_in_a_cell_leaves_the_earlier_notebooks(course):
    build.build(source(course), course)
    before = notebooks(course)
    source(course).write_text(SOURCE.replace("double(21)", "double(21) / 0"))
    with pytest.raises(TrainingFailed, match="ZeroDivisionError"):
        build.build(source(course), course)
    assert notebooks(course) == before


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("# %% setup", "# %%", "needs a title"),
        ("# %% use", "# %% setup", "two cells are called 'setup'"),
        ('needs=["setup"]', 'needs=["use"]', "needs 'use', which is no earlier cell"),
        ('"points": 2, ', "", "'double-hidden' gives no points"),
        (' checks="small numbers"', "", "'double-visible' has no `checks`"),
        (' defines=["double"]', "", "'double' has no `defines`"),
        ('"grade_id": "double-visible"', '"grade_id": "other"', "the grade_id of cell 'double-visible'"),
        ("# %% double-hidden", "# %% hidden", "after 'double' must come"),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused_by_name(course, old, new, words):
    assert old in SOURCE
    source(course).write_text(SOURCE.replace(old, new))
    with pytest.raises(InputError, match=words) as refused:
        chapter.read(source(course))
    assert "42_double.py" in str(refused.value)


def test_what_a_cell_needs_is_followed_through_others_in_order(course):
    assert chapter.read(source(course)).needed("double-hidden") == ["setup", "double"]


def test_a_widget_leaves_no_output_that_needs_a_kernel(course):
    source(course).write_text(
        SOURCE.replace("double(21)", "import ipywidgets\nprint('static')\ndisplay(ipywidgets.IntSlider())")
    )
    build.build(source(course), course)
    outputs = cells(course / "42_double.ipynb")["use"]["outputs"]
    assert [output["output_type"] for output in outputs] == ["stream"]


def test_the_command_refuses_what_it_cannot_do(refused, tmp_path):
    assert "chapter" in refused(classroom, "build", "77")
    assert "--to" in refused(classroom, "release")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "is there already" in refused(classroom, "release", "--to", tmp_path / "full")
    assert "--force" in refused(classroom, "release", "--to", tmp_path / "new", "--force")
    assert "no such folder or zip" in refused(classroom, "grade", tmp_path / "none", "--out", tmp_path / "grades")
    assert not (tmp_path / "grades").exists()
    assert not (tmp_path / "new").exists()
