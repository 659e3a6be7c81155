"""The tools that build the course: one source, two notebooks, the same bytes each time."""

import hashlib
import json
import shutil

import pytest

from alexnet_paddle import cli
from alexnet_paddle.classroom import __main__ as classroom
from alexnet_paddle.errors import InputError, TrainingFailed

build = pytest.importorskip("alexnet_paddle.classroom.build", reason="needs requirements-dev.txt")
chapter = pytest.importorskip("alexnet_paddle.classroom.chapter", reason="needs requirements-dev.txt")
fingerprint = pytest.importorskip("alexnet_paddle.classroom.fingerprint", reason="needs requirements-dev.txt")

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


def test_what_changes_makes_it_stale(course):
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


WORDS_CHANGED = {
    "a text": ("# # Doubles", "# # Twice"),
    "a comment": ("# More.", "# Many more."),
    "a new comment": ("double(21)", "double(21)  # what should come?"),
    "a docstring": ("Twice x.", "x and x."),
    "formatting": ('print("set up")', "print(\n    'set up',\n)"),
    "what asserts check": ('checks="small numbers"', 'checks="little numbers"'),
    "points": ('"points": 2', '"points": 3'),
}
CODE_CHANGED = {
    "a constant": ("double(21)", "double(22)"),
    "a solution": ("return x + x", "return 2 * x"),
    "a message": ("assert double(2) == 4", "assert double(2) == 4, 'two'"),
    "a cell's name": ("# %% use", "# %% again"),
    "a string that a cell shows": ("double(21)", '"x"'),
    "a cell in two": ("double(21)", "double(21)\n\n# %% rest\n# nothing yet"),
}


@pytest.mark.parametrize("old, new", WORDS_CHANGED.values(), ids=WORDS_CHANGED)
def test_changed_words_are_built_into_the_notebooks_without_running_it(course, old, new, monkeypatch):
    build.build(source(course), course)
    before = {path: cells(path) for path in course.rglob("*.ipynb")}
    assert SOURCE.count(old) == 1
    source(course).write_text(SOURCE.replace(old, new))
    monkeypatch.setattr(build, "execute", None)
    assert build.stale(source(course), course) and not build.build(source(course), course)
    assert not build.stale(source(course), course)
    for path, built in before.items():
        now = cells(path)
        assert now != built
        assert {name: cell.get("outputs") for name, cell in now.items()} == {
            name: cell.get("outputs") for name, cell in built.items()
        }


@pytest.mark.parametrize("old, new", CODE_CHANGED.values(), ids=CODE_CHANGED)
def test_changed_code_has_to_be_run(course, old, new):
    before = fingerprint.of_chapter(source(course))
    assert SOURCE.count(old) == 1
    source(course).write_text(SOURCE.replace(old, new))
    assert fingerprint.of_chapter(source(course)) != before


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, for changes."""
    copy = tmp_path / "alexnet_paddle"
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    return copy


USED = """
def area(side):
    # In pixels.
    return side * side + 0.5
"""
SAME_CODE = {
    "a comment": USED.replace("In pixels", "Pixels"),
    "a docstring": USED.replace("    # In pixels.\n", '    """Pixels of a square."""\n'),
    "a module's docstring": f'"""What an area is."""\n{USED}',
    "formatting": "def area(\n    side,\n):\n    return (side * side\n    ) + 5e-1\n\n\n",
}


@pytest.mark.parametrize("text", SAME_CODE.values(), ids=SAME_CODE)
def test_what_is_no_code_in_a_module_that_a_chapter_uses_changes_nothing(course, package, text):
    (package / "arithmetic.py").write_text(USED)
    before = fingerprint.of_chapter(source(course))
    (package / "arithmetic.py").write_text(text)
    assert fingerprint.of_chapter(source(course)) == before


@pytest.mark.parametrize(
    "text", [USED.replace("0.5", "0.25"), USED.replace("side * side", "side + side"), USED + "area(1)\n"]
)
def test_code_in_a_module_that_a_chapter_uses_counts(course, package, text):
    (package / "arithmetic.py").write_text(USED)
    before = fingerprint.of_chapter(source(course))
    (package / "arithmetic.py").write_text(text)
    assert fingerprint.of_chapter(source(course)) != before


def with_a_change(package, *names):
    """The fingerprints of the course's chapters, with another line in each of these modules."""
    texts = {package / f"{name}.py": (package / f"{name}.py").read_text("utf-8") for name in names}
    for file, text in texts.items():
        file.write_text(f"{text}\nchanged = 1\n", "utf-8")
    found = {path.stem: fingerprint.of_chapter(path) for path in chapter.sources()}
    for file, text in texts.items():
        file.write_text(text, "utf-8")
    return found


def test_no_chapter_depends_on_a_command_or_on_what_only_speaks(package):
    before = with_a_change(package)
    commands = [name if (package / f"{name}.py").exists() else f"{name}/__main__" for name in cli.COMMANDS]
    assert with_a_change(package, *commands, "__main__", "cli", "errors", "provenance", "reporter") == before
    assert not set(with_a_change(package, "runtime").items()) & set(before.items())
    some = set(with_a_change(package, "training/recipes").items()) & set(before.items())
    assert 0 < len(some) < len(before)


def test_a_chapter_that_uses_a_command_is_refused(course, package):
    source(course).write_text(SOURCE.replace("import alexnet_paddle.arithmetic", "from alexnet_paddle import train"))
    with pytest.raises(InputError, match="42_double.py: imports the command train; import what that calls instead"):
        build.build(source(course), course)


def test_a_record_that_a_chapter_reads_counts_and_another_does_not(course):
    (course / "results").mkdir()
    for name in ("mine", "other"):
        (course / "results" / f"{name}.json").write_text("{}")
    source(course).write_text(SOURCE.replace("double(21)", 'open("results/mine.json").read()'))
    before = fingerprint.of_chapter(source(course))
    (course / "results" / "other.json").write_text("[]")
    assert fingerprint.of_chapter(source(course)) == before
    (course / "results" / "mine.json").write_text("[]")
    assert fingerprint.of_chapter(source(course)) != before


def test_modules_are_found_through_packages_other_modules_and_lazy_names(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(
        "from alexnet_paddle import AlexNet\nimport json\n"
        "def later():\n    from alexnet_paddle.datasets import petals\n"
    )
    used = {path.relative_to(fingerprint.PACKAGE).as_posix() for path in fingerprint.modules_used(file)}
    assert {"__init__.py", "nets/model.py", "nets/fast_cpu.py", "datasets/__init__.py", "datasets/petals.py"} <= used
    assert not {"benchmark.py", "training/recipes.py", "errors.py", "reporter.py"} & used


def test_code_is_the_same_on_every_version_of_python():
    """The number was the same on 3.10, 3.11, 3.12 and 3.13; what of it `ast` shows is not."""
    words = fingerprint.code_of(ODDITIES)
    assert (
        hashlib.sha256(words.encode()).hexdigest() == "766ef63dc061c45955f3e70bf28aa19c48fd139d245e7748a7ddddad708debd2"
    )
    assert "comment" not in words and "docstring" not in words


ODDITIES = '''
"""A module's docstring."""
from __future__ import annotations

@decorated(1)
class A(B, metaclass=C):
    "A docstring."
    x: int = 0

    async def f(self, a, /, b=1, *rest, y: int = 2, **more) -> "str":
        """A docstring."""  # and a comment
        async with a as b, c:
            await b
        return f"{a!r:>{y}} {y=} {{literal}}" "and" f"{more['a']}\\n{y:.3f}{'':^{y}}" u"\\N{BULLET}ü" f"" f"{y}" ''
lambda: (yield)
x[1:2, ...], x[1, 2] = [*a, b], {**c, 1: 2}
for x, y in z: print(x, end=b"\\x00") if not x else (x := 1e309)
with (open("a") as b, c): pass
match x:
    case {"a": [1, *rest], **more} | A(x=1) | None: return_ = 1_000 + 0x10 - 1e-7 * 1j
try: del x
except (A, B) as e: raise C from e
else: assert x <= y < z, "Łódź 🌷"
global g
'''


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
    assert {output["output_type"] for output in outputs} == {"stream"}


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
