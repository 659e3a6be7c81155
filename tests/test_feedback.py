"""The pages that students and instructors read: everything explained, nothing run, nothing given away."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from alexnet_paddle.classroom.results import ExerciseResult, NotebookStatus, Part, Result, Status
from alexnet_paddle.classroom.words import WORDS

feedback = pytest.importorskip("alexnet_paddle.classroom.feedback", reason="needs requirements-dev.txt")
chapter = pytest.importorskip("alexnet_paddle.classroom.chapter", reason="needs requirements-dev.txt")

PAGE_TEMPLATE = (Path(feedback.__file__).parent / "templates" / "page.html").read_text("utf-8")
INSTRUCTORS = (chapter.COURSE / "instructors.md").read_text("utf-8")
NASTY = (
    "<script>alert(1)</script> \"><img src=http://evil.test/x onerror=alert(2)> ' onload='alert(3) "
    "javascript:alert(4) </pre></style></title><!-- {{ 7 * 7 }} &lt;b&gt; \x00\x1b[31m \ud800 \u202e"
)


@pytest.fixture(scope="module")
def chapters():
    return {source.stem: chapter.read(source) for source in chapter.sources()[:2]}


def exercise(name="conv-out", status=Status.RIGHT, points=3, said=(None, None), **more):
    parts = (
        Part("visible", "small sizes", possible=1, points=min(points, 1), said=said[0]),
        Part("hidden", "large sizes", possible=2, points=max(points - 1, 0), said=said[1]),
    )
    code = "def conv_out(n, f, p, s):\n    return (n - f + 2 * p) // s + 1"
    return ExerciseResult(name, status, parts, **{"code": code, **more})


def notebook(student="Ada", *exercises, **more):
    exercises = exercises or (exercise(),)
    given = {"file": "01_sizes.ipynb", "chapter": "01_sizes", "exercises": exercises, **more}
    return Result(student, **given)


def unreadable(student="Cut", remark="the file is empty", file="x.ipynb"):
    return Result(student, file, chapter=None, remarks=(remark,))


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and its words without styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.inside = [], [], "", None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.inside = tag

    def handle_data(self, data):
        if self.inside != "style":
            self.words += data

    def links(self):
        return [value for _, name, value in self.attributes if name == "href"]


def student_page(chapters, folder, result, *others):
    pages = feedback.write_feedback([result, *others], chapters, folder)
    names = feedback.page_names([result, *others])
    assert len(pages) == len(names)
    return Page((folder / f"{names[result.student]}.html").read_text("utf-8"))


def summary_page(chapters, folder, results):
    folder.mkdir(exist_ok=True)
    feedback.write_summary(results, chapters, folder / "summary.html")
    return Page((folder / "summary.html").read_text("utf-8"))


def flat(words):
    return " ".join(words.split())


def test_every_status_has_words_of_its_own():
    assert list(WORDS) == [*Status, *NotebookStatus]
    assert len({words.label for words in WORDS.values()}) == len(WORDS)
    for status in Status:
        assert WORDS[status].mark and f".is-{WORDS[status].style} " in PAGE_TEMPLATE
    table = INSTRUCTORS[INSTRUCTORS.index("## What a status means") :]
    assert set(re.findall(r"^\| (.+?) \|", table, re.M)[2:]) == {WORDS[status].label for status in Status}
    assert all(f"*{WORDS[status].label}*" in table for status in NotebookStatus)


@pytest.mark.parametrize("status", Status)
def test_a_page_says_status_meaning_reason_and_what_to_do(chapters, tmp_path, status):
    points = {Status.RIGHT: 3, Status.PARTLY_RIGHT: 1}.get(status, 0)
    one = exercise(status=status, points=points, reason="it did not finish in 20 s", remarks=("found elsewhere",))
    page = student_page(chapters, tmp_path, notebook("Ada", one))
    explained = WORDS[status]
    for words in (explained.label.capitalize() + ".", explained.means, explained.todo, "it did not finish in 20 s"):
        assert words in page.words
    for words in ("Exercise 1: the rule", "small sizes", "large sizes", "found elsewhere", "01 · The size of things"):
        assert words in page.words
    assert explained.mark in page.words  # colour alone would not tell
    assert status is Status.RIGHT or explained.todo


def test_a_page_shows_what_came_of_each_group_of_checks_code_and_output(chapters, tmp_path):
    message = "conv_out(8, 3, 0, 2): got 4, expected 3. Count the starts."
    one = exercise(status=Status.PARTLY_RIGHT, points=1, said=(None, message), output="hello\n")
    page = student_page(chapters, tmp_path, notebook("Ada", one))
    assert message in page.words and "(n - f + 2 * p) // s + 1" in page.words and "hello" in page.words
    assert "Checks in your notebook: passed, 1 of 1" in flat(page.words)
    assert "More checks, when it was graded: failed, 0 of 2" in flat(page.words)
    page = student_page(
        chapters, tmp_path, notebook("Ada", exercise(status=Status.STOPPED, points=0, reason="it ended"))
    )
    assert "Checks, not run" in page.words and "More checks, when it was graded (2 points): large" in flat(page.words)


def test_what_was_not_judged_has_open_points_and_not_none(chapters, tmp_path):
    result = notebook("Ada", exercise(status=Status.NOT_JUDGED, points=0, reason="ended"))
    page = student_page(chapters, tmp_path, result)
    assert "open of 3" in flat(page.words) and WORDS[NotebookStatus.PARTLY_GRADED].means in page.words


def test_a_file_that_cannot_be_read_and_a_folder_without_one_have_pages(chapters, tmp_path):
    page = student_page(chapters, tmp_path, unreadable(), unreadable("Nobody", "holds no notebook", file=""))
    assert "the file is empty" in page.words and "not the same as no points" in page.words
    assert WORDS[NotebookStatus.UNREADABLE].todo in page.words
    assert "holds no notebook" in (tmp_path / "Nobody.html").read_text()


def test_a_notebook_that_does_not_count_is_mentioned_and_not_shown(chapters, tmp_path):
    other = notebook("Ada", exercise(code="old_code = 1"), counts=False, file="old.ipynb")
    page = student_page(chapters, tmp_path, notebook("Ada"), other)
    assert "old.ipynb" in page.words and "does not count" in page.words and "old_code" not in page.words


def test_a_students_notebooks_of_several_chapters_are_on_one_page_with_a_sum(chapters, tmp_path):
    other = notebook("Ada", exercise("top1", Status.WRONG, 0), chapter="00_start_here")
    page = student_page(chapters, tmp_path, notebook("Ada"), other, notebook("Bob", exercise(code="bobs = 1")))
    assert "3 of 6 points" in flat(page.words) and page.tags.count("article") == 2
    assert "bobs" not in page.words and "Bob" not in page.words  # nothing of another student


def test_a_hidden_tests_source_is_on_no_page(chapters, tmp_path):
    results = []
    for name, one in chapters.items():
        for status in Status:
            exercises = [exercise(part.name, status, 0) for part in one.exercises]
            results.append(notebook(status.value, *exercises, chapter=name))
    pages = feedback.write_feedback(results, chapters, tmp_path / "feedback")
    feedback.write_summary(results, chapters, tmp_path / "summary.html")
    text = "".join(Page(path.read_text("utf-8")).words for path in [*pages, tmp_path / "summary.html"])
    for one in chapters.values():
        for part in one.exercises:
            lines = one.cells[part.hidden].source.splitlines()
            assert sum("assert" in line for line in lines)
            for line in lines:
                assert len(line.strip()) < 8 or line.strip() not in text


def assert_harmless(path):
    text = path.read_text("utf-8")
    page = Page(text)
    allowed = "html head meta title style body header main section article div p h1 h2 h3 h4 ul li table tr th td a bdi"
    allowed += " span strong code pre svg rect text line"
    assert set(page.tags) <= set(allowed.split())
    for tag, name, value in page.attributes:
        assert not name.startswith("on") and name not in ("src", "srcset", "style", "action", "xlink:href")
        assert name != "href" or (tag == "a" and value.startswith(("#", "feedback/")) and ":" not in value), value
        assert "alert" not in value or name == "href"
    assert "url(" not in text and "@import" not in text
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in page.attributes
    assert "{{ 7 * 7 }}" in page.words and "<script>alert(1)</script>" in page.words  # shown as they are
    assert "\x00" not in text and "\x1b" not in text
    return page


def test_what_students_write_is_shown_and_never_run(chapters, tmp_path):
    nasty = {"reason": NASTY, "remarks": (NASTY,), "refused": (NASTY,), "code": NASTY, "output": NASTY}
    one = exercise(status=Status.WRONG, points=0, said=(NASTY, NASTY), **nasty)
    results = [
        notebook(NASTY, one, remarks=(NASTY,), file=NASTY),
        notebook(NASTY + "2", one, exercise(status=Status.REFUSED, points=0, **nasty), remarks=(NASTY,), file=NASTY),
        notebook("javascript:alert(1)", one),
        unreadable("../../" + NASTY, NASTY, NASTY),
        notebook("Ada", one, counts=False, remarks=(NASTY,), file=NASTY),
    ]
    pages = feedback.write_feedback(results, chapters, tmp_path / "feedback")
    feedback.write_summary(results, chapters, tmp_path / "summary.html")
    assert len(pages) == len(set(pages)) == 5
    assert {path.parent for path in pages} == {tmp_path / "feedback"}
    for path in [*pages, tmp_path / "summary.html"]:
        assert_harmless(path)


def test_the_same_results_give_the_same_bytes(chapters, tmp_path):
    results = [notebook(f"S{n}", exercise(status=Status.WRONG, points=0, said=("got 1", None))) for n in range(9)]
    for folder in ("a", "b"):
        feedback.write_feedback(results, chapters, tmp_path / folder / "feedback")
        feedback.write_summary(results, chapters, tmp_path / folder / "summary.html")
    first, second = (
        {path.relative_to(tmp_path / folder): path.read_bytes() for path in (tmp_path / folder).rglob("*.html")}
        for folder in ("a", "b")
    )
    assert first == second and len(first) == 10


def test_names_of_pages_are_safe_and_each_is_one_students_alone(chapters, tmp_path):
    students = [
        "Ada Lovelace",
        "ada-lovelace",
        "ADA/lovelace",
        "陈省身",
        "Émilie",
        "../..",
        "...",
        "",
        "con",
        "x" * 300,
    ]
    students += ["e\u0301", "\u00e9", "a\nb", "Ada-0123456789ab", "李" * 200]
    names = feedback.page_names([notebook(student) for student in students])
    assert len({name.casefold() for name in names.values()}) == len(students)
    for name in names.values():
        assert name and not set(name) & set('/\\:*?"<>| .\n') and len(name.encode()) < 200 and name.lower() != "con"
    assert names["陈省身"] == "陈省身" and names["Émilie"] == "Émilie"
    assert names["Ada Lovelace"].startswith("Ada-Lovelace-")
    assert feedback.page_names([notebook("Ada Lovelace")]) == {"Ada Lovelace": "Ada-Lovelace"}
    assert "陈省身" in student_page(chapters, tmp_path, notebook("陈省身")).words


def test_all_links_of_the_summary_lead_to_pages(chapters, tmp_path):
    students = ["陈省身", "Ada Lovelace", "ada lovelace", "100% #1?", "Cut"]
    results = [notebook(name, exercise(status=Status.STOPPED, points=0, reason="it ended")) for name in students[:-1]]
    results.append(unreadable())
    pages = feedback.write_feedback(results, chapters, tmp_path / "feedback")
    page = summary_page(chapters, tmp_path, results)
    assert {tmp_path / unquote(link) for link in page.links()} == set(pages)
    assert all(link.isascii() for link in page.links())


def test_pages_of_students_who_are_gone_are_taken_away_and_other_files_stay(chapters, tmp_path):
    feedback.write_feedback([notebook("Ada"), notebook("Bob")], chapters, tmp_path)
    (tmp_path / "mine.html").write_text("an instructor's own")
    feedback.write_feedback([notebook("Ada")], chapters, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Ada.html", "mine.html"]


def test_the_summary_groups_wrong_answers_by_what_was_said_first(chapters, tmp_path):
    def wrong(student, first, second=None, **more):
        return notebook(student, exercise(status=Status.WRONG, points=0, said=(first, second), **more))

    results = [wrong(f"S{n}", "got 4,\n expected 3", "other") for n in range(7)]
    results += [
        wrong(f"T{n}", None, reason=f"your cell ends in an error: NameError (line {n} of your cell)") for n in "12"
    ]
    results += [wrong("alone", "got 5, expected 3"), notebook("right")]
    results += [replace(wrong(student, "does not count"), counts=False) for student in ("S0", "S1")]
    mistakes = feedback.wrong_answers(results, chapters)
    assert [(mistake.message, len(mistake.students)) for mistake in mistakes] == [
        ("got 4, expected 3", 7),
        ("your cell ends in an error: NameError", 2),
    ]
    words = flat(summary_page(chapters, tmp_path, results).words)
    assert "7 students" in words and "S0, S1, S2, S3, S4 and 2 more" in words


def test_the_summary_counts_totals_and_statuses(chapters, tmp_path):
    results = [notebook(f"S{n}", exercise(status=Status.PARTLY_RIGHT, points=1, said=(None, "x"))) for n in range(3)]
    results += [notebook("R"), notebook("open", exercise(status=Status.NOT_JUDGED, points=0))]
    view = feedback.overview(results, "01_sizes")
    assert [bar["count"] for bar in view["bars"]] == [0, 3, 0, 1]
    assert (view["count"], view["open"], view["mean"], view["median"]) == (5, 1, "1.5", "1")
    one = view["exercises"][0]
    assert [(part["status"], part["count"]) for part in one["stretches"]] == [
        (Status.RIGHT, 1),
        (Status.PARTLY_RIGHT, 3),
        (Status.NOT_JUDGED, 1),
    ]
    assert sum(part["fraction"] for part in one["stretches"]) == pytest.approx(100) and one["mean"] == "1.5"
    words = flat(summary_page(chapters, tmp_path, results).words)
    assert "3 partly right" in words and "1 partly graded" in words


def test_the_summary_says_who_needs_a_look_and_why(chapters, tmp_path):
    results = [
        notebook("fine"),
        notebook("cheat", exercise(status=Status.REFUSED, points=0, reason="an answer came that is not the judge's")),
        notebook("slow", exercise(status=Status.STOPPED, points=0, reason="it did not finish in 20 s")),
        notebook("tried", exercise(refused=("the network",))),
        notebook("colab", remarks=("the notebook's metadata were lost; answers were found",)),
        notebook("open", exercise(status=Status.NOT_JUDGED, points=0, reason="ended")),
        unreadable("cut"),
    ]
    looks = {one["student"]: one["notebooks"][0]["reasons"] for one in feedback.needs_look(results, chapters)}
    assert looks == {
        "cheat": ["Exercise 1: the rule: refused, an answer came that is not the judge's"],
        "slow": ["Exercise 1: the rule: stopped, it did not finish in 20 s"],
        "tried": ["Exercise 1: the rule: refused: the network"],
        "colab": ["the notebook's metadata were lost; answers were found"],
        "open": ["Exercise 1: the rule: not judged, ended"],
        "cut": ["cannot be read: the file is empty"],
    }
    words = summary_page(chapters, tmp_path, results).words
    assert all(reason in words for reasons in looks.values() for reason in reasons)


def test_results_of_a_chapter_that_is_no_more_and_of_nobody_make_pages(chapters, tmp_path):
    assert "42_gone" in student_page(chapters, tmp_path, notebook("Ada", chapter="42_gone")).words
    assert "42_gone" in summary_page(chapters, tmp_path, [notebook("Ada", chapter="42_gone")]).words
    assert "Nobody" in summary_page(chapters, tmp_path, []).words


def test_the_summary_of_a_large_class_stays_small(chapters, tmp_path):
    long = "x" * 2000
    results = []
    for number in range(200):
        said = (f"got {number % 90}, {long}", long)
        exercises = [exercise(part.name, Status.WRONG, 0, said, output=long) for part in chapters["01_sizes"].exercises]
        exercises[0] = exercise(exercises[0].name, Status.STOPPED, 0, reason=long)
        results.append(notebook(f"Student with a long name {number}", *exercises, remarks=("metadata were lost",)))
    page = summary_page(chapters, tmp_path, results)
    assert (tmp_path / "summary.html").stat().st_size < 300_000
    assert (
        "groups are left out" in page.words or len(feedback.wrong_answers(results, chapters)) <= feedback.MOST_MISTAKES
    )
