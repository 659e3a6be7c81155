"""What learners are handed: all that they need, nothing secret, and nothing that points to what is not there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course_fixtures import CHAPTERS, COURSE

from alexnet_paddle.errors import InputError

release = pytest.importorskip("alexnet_paddle.classroom.release", reason="needs requirements-dev.txt")
ROOT = COURSE.parent
GENERATED = (".venv", "build", "data/petals", "runs")  # where these are, a program made them


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    to = tmp_path_factory.mktemp("release") / "handout"
    files = release.write(to)
    assert set(files) == {path for path in to.rglob("*") if path.is_file()}
    return to


def places(handout):
    return {path.relative_to(handout).as_posix() for path in handout.rglob("*") if path.is_file()}


def pages(handout):
    """The texts that a learner reads, by path."""
    texts = {path: path.read_text("utf-8") for path in handout.rglob("*.md")}
    for path in handout.rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        texts[path] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert len(texts) >= len(CHAPTERS) + 4
    return texts


def test_it_holds_the_chapters_the_package_the_records_and_what_to_install(handout):
    wanted = {f"course/{name}.ipynb" for name in CHAPTERS}
    for path in ROOT.glob("alexnet_paddle/**/*.py"):
        if "classroom" not in path.parts:
            wanted.add(path.relative_to(ROOT).as_posix())
    wanted |= {path.relative_to(ROOT).as_posix() for path in COURSE.glob("results/*.json")}
    wanted |= {"README.md", "Makefile", "LICENSE", "pyproject.toml", "requirements.txt", "requirements-gpu.txt"}
    wanted |= {"course/README.md", "data/README.md"}
    assert wanted <= places(handout)
    for name in CHAPTERS:  # that they hold nothing secret is tested in test_course.py
        assert (handout / "course" / f"{name}.ipynb").read_bytes() == (COURSE / f"{name}.ipynb").read_bytes()


def test_it_holds_nothing_secret_and_nothing_for_developers(handout):
    for place in places(handout):
        parts = Path(place).parts
        assert not {"solutions", "source", "tests", "classroom", "__pycache__", "instructors.md"} & set(parts), place
        assert not [part for part in parts if part.startswith(".")], place
        text = (handout / place).read_bytes()
        assert not [mark for mark in (b"BEGIN SOLUTION", b"BEGIN HIDDEN", b"requirements-dev") if mark in text], place
    shown = {"feedback.png", "summary.png"}  # with messages of hidden asserts
    assert shown <= {path.name for path in COURSE.glob("pictures/*")}
    assert not shown & {Path(place).name for place in places(handout)}


def test_a_new_room_page_picture_and_record_go_out_by_themselves_without_git(tmp_path, monkeypatch):
    """In a copy as an archive holds it, with what programs and an instructor leave beside."""
    project = tmp_path / "project"
    for name in ("alexnet_paddle", "course"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "pyproject.toml", "requirements.txt", "requirements-dev.txt", "data/README.md"):
        (project / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    new = ["alexnet_paddle/garden/__init__.py", "alexnet_paddle/garden/seeds.json", "alexnet_paddle/py.typed"]
    new += ["course/guide/gpu.md", "course/guide/pictures/fan.svg", "course/results/new.json"]
    left = ["alexnet_paddle/garden/__pycache__/x.pyc", "course/.ipynb_checkpoints/a.md", ".git/config", ".ci/run"]
    left += ["course/01_sizes-Copy1.ipynb", "course/grades/results/ada.json", "course/grades/feedback/ada.html"]
    left += ["submissions/ada/01_sizes.ipynb", "runs/first/report.json", "data/petals/train/a.png", "tests/test_x.py"]
    left += ["course/pictures/other.png", "course/source/notes.md", "CONTRIBUTING.md"]
    for name in (*new, *left):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    (project / "course/guide/gpu.md").write_text("![](pictures/fan.svg) [data](../../data/README.md#petals) [x](#x)")
    monkeypatch.setattr(release, "ROOT", project)
    monkeypatch.setattr(release, "COURSE", project / "course")
    found = {place.as_posix() for place in release.contents()}
    assert set(new) <= found
    assert not set(left) & found


@pytest.mark.parametrize("link", ["gone.md", "../tests/test_course.py", "../../elsewhere.md", "instructors.md"])
def test_a_page_that_links_to_what_is_not_handed_out_is_refused(tmp_path, monkeypatch, link):
    page = tmp_path / "page.md"
    page.write_text(f"Read [this]({link}).")
    read = release.links
    monkeypatch.setattr(release, "links", lambda path: read(page if path == COURSE / "README.md" else path))
    with pytest.raises(InputError, match=f"README.md: links to {re.escape(link)}, which is not handed out"):
        release.write(tmp_path / "out")
    assert list(tmp_path.iterdir()) == [page]


def test_every_link_leads_to_a_file_in_it(handout):
    count = 0
    for page, text in pages(handout).items():
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / link).exists(), f"{page}: {link}"
            assert (page.parent / link).resolve().is_relative_to(handout.resolve())
            count += 1
    assert count > len(CHAPTERS)


def assert_names_what_is_there(handout, page, text):
    """That no word in it is the path of something in the project which is not in the handout."""
    for word in re.findall(r"[\w.-]*\w(?:/[\w.-]*\w)+/?|[\w-]+(?:\.\w+|/)", text):
        if not word.startswith(GENERATED) and any((ROOT / below / word).exists() for below in ("", "course")):
            assert any((handout / below / word).exists() for below in ("", "course")), f"{page}: {word}"


def test_no_page_names_a_file_that_is_not_there(handout):
    for page, text in pages(handout).items():
        assert_names_what_is_there(handout, page, text)
    with pytest.raises(AssertionError, match="tests/test_petals.py"):
        assert_names_what_is_there(handout, "page", "`pytest tests/test_petals.py`")
    with pytest.raises(AssertionError, match="solutions/"):
        assert_names_what_is_there(handout, "page", "`solutions/` has every chapter")


def targets(makefile):
    return re.findall(r"^([\w.-]+):(?!=)", makefile.read_text(), re.M)


def rules(makefile):
    """Target -> the lines of its rule."""
    blocks = re.split(r"\n\n+", makefile.read_text())
    return {block.partition(":")[0]: block for block in blocks if re.match(r"[\w./-]+:(?!=)", block)}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_every_target_of_its_makefile_finds_what_it_needs(handout):
    """`make -n` fails where a file that a target needs is neither there nor made."""
    found = [name for name in targets(handout / "Makefile") if not name.startswith(".")]
    assert {"course", "train"} <= set(found)
    for target in found:
        done = subprocess.run(["make", "-n", target], cwd=handout, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert_names_what_is_there(handout, target, done.stdout)
    named = re.findall(r"(?:^|`)make (\w+)", "\n".join(pages(handout).values()), re.M)
    assert {"course", "train"} <= set(named) <= set(found)


def test_its_makefile_does_what_the_projects_does():
    own, project = rules(release.OWN / "Makefile"), rules(ROOT / "Makefile")
    for target in ("course", "train", ".venv/.learner"):
        assert own[target].strip() == project[target].strip()


def test_the_package_in_it_works_and_lists_only_commands_that_it_has(handout):
    environment = {**os.environ, "PYTHONPATH": str(handout), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments):
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, cwd=handout, env=environment, capture_output=True, text=True, check=True).stdout

    assert "60,965,224" in run("alexnet_paddle.summary", "paper")
    listed = re.findall(r"python -m alexnet_paddle\.(\w+)", run("alexnet_paddle"))
    assert "train" in listed and "classroom" not in listed
    assert all(list((handout / "alexnet_paddle").glob(f"{name}*")) for name in listed)
