"""Pages that are read in a browser: one for each student, and one of the whole class for the instructor.

They are made from results alone, which hold no assert's source; of a chapter only its headings are used. Everything
that comes from students is escaped: each value passes Jinja's autoescape, and nothing is ever marked as safe. The pages
run no script and load nothing, which their content security policy also says to the browser. They hold no times: the
same results give the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import mean, median
from urllib.parse import quote

import jinja2

from alexnet_paddle.classroom.chapter import Chapter
from alexnet_paddle.classroom.results import ExerciseResult, Part, Result, Status
from alexnet_paddle.classroom.words import GROUPS, WORDS, exercise_remarks, notebook_remarks, refusals
from alexnet_paddle.files import write_whole

FOLDER = "feedback"  # beside the summary, which links to the pages in it
MADE_BY = b'<meta name="generator" content="alexnet_paddle.classroom">'
MOST_BARS = 25  # of a histogram
MOST_MISTAKES, MOST_NAMES = 40, 5  # of wrong answers, and of students in each
MOST_WORDS = 300  # characters of a message on the summary; a student's page has all


# ---- the pages -----------------------------------------------------------------------------------------


def write_feedback(results: list[Result], chapters: dict[str, Chapter], folder: Path) -> list[Path]:
    """Write a page for each student into `folder`, take pages of others that were written before away, and return the
    new ones. Raises OSError."""
    names = page_names(results)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    template = environment(chapters).get_template("feedback.html")
    pages = []
    for student, name in names.items():
        notebooks = [result for result in results if result.student == student]
        counted = [one for one in notebooks if one.counts and one.chapter is not None]
        page = template.render(student=student, notebooks=notebooks, counted=counted)
        pages.append(folder / f"{name}.html")
        write_whole(pages[-1], page.encode())
    for path in sorted(folder.glob("*.html")):
        # An instructor may keep pages of their own here.
        if path not in pages and MADE_BY in path.read_bytes():
            path.unlink()
    return pages


def write_summary(results: list[Result], chapters: dict[str, Chapter], path: Path) -> None:
    """Write the page of the class, which links to the students' pages in `feedback/` beside it. Raises OSError."""
    mistakes = wrong_answers(results, chapters)
    page = (
        environment(chapters)
        .get_template("summary.html")
        .render(
            links={student: f"{FOLDER}/{quote(name)}.html" for student, name in page_names(results).items()},
            unread=sum(result.chapter is None for result in results),
            chapters=[overview(results, name) for name in chapter_names(results, chapters)],
            mistakes=mistakes[:MOST_MISTAKES],
            more_mistakes=len(mistakes[MOST_MISTAKES:]),
            looks=needs_look(results, chapters),
            totals=totals_by_student(results),
        )
    )
    write_whole(Path(path), page.encode())


def environment(chapters: dict[str, Chapter]) -> jinja2.Environment:
    """What the templates use. Every value goes through `displayable`, then through the escape."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=displayable,
    )
    made.globals |= {
        "WORDS": WORDS,
        "Status": Status,
        "GROUPS": GROUPS,
        "exercise_remarks": exercise_remarks,
        "notebook_remarks": notebook_remarks,
        "MOST_NAMES": MOST_NAMES,
        "chapter_title": lambda name: chapter_title(chapters, name),
        "exercise_title": lambda chapter, name: exercise_title(chapters, chapter, name),
    }
    made.filters |= {"points": lambda value: f"{value:g}", "part_state": part_state}
    return made


def displayable(value: object) -> object:
    """A string without what is no text in HTML: control characters become pictures of themselves, halves of characters
    escapes. Line breaks and tabs stay."""
    if type(value) is not str:
        return value
    value = value.replace("\r\n", "\n")
    value = re.sub(r"[\x00-\x08\x0b-\x1f]", lambda match: chr(0x2400 + ord(match[0])), value)
    value = re.sub(r"[\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", value)
    return value.encode("utf-8", "backslashreplace").decode()


# ---- names ---------------------------------------------------------------------------------------------


def page_names(results: list[Result]) -> dict[str, str]:
    """For each student, in order, a name for a file without its ending: letters, digits and hyphens of any script.
    Where it would not be the student's alone, also on systems that ignore case, a digest of the full name follows."""
    students = sorted({result.student for result in results})
    slugs = {student: slug(student) for student in students}
    count = Counter(name.casefold() for name in slugs.values())
    return {
        student: f"{name}-{hashlib.sha256(student.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"
        # A name that looks as if it had a digest could be made to be another student's.
        if count[name.casefold()] > 1 or RESERVED.fullmatch(name)
        else name
        for student, name in slugs.items()
    }


RESERVED = re.compile(r"(?i)con|prn|aux|nul|com\d|lpt\d|student|.*-[0-9a-f]{12}")  # the first are devices on Windows


def slug(student: str) -> str:
    kept = (char if unicodedata.category(char)[0] in "LMN" else "-" for char in unicodedata.normalize("NFKC", student))
    return re.sub("-+", "-", "".join(kept))[:40].strip("-") or "student"


def chapter_title(chapters: dict[str, Chapter], name: str) -> str:
    """The chapter's first heading; its name where it has none, or is a chapter no more."""
    found = headings(chapters[name]) if name in chapters else []
    return found[0][1] if found else name


def exercise_title(chapters: dict[str, Chapter], chapter: str, name: str) -> str:
    """The heading above an exercise; without one the exercise's name."""
    if chapter in chapters and name in chapters[chapter].cells:
        order = list(chapters[chapter].cells)
        above = [title for cell, title in headings(chapters[chapter])[1:] if order.index(cell) < order.index(name)]
        if above:
            return above[-1]
    return name.replace("-", " ").capitalize()


def headings(chapter: Chapter) -> list[tuple[str, str]]:
    """The headings of a chapter in order, each with the id of its cell, without Markdown's marks."""
    return [
        (cell_id, re.sub(r"[`*]", "", line))
        for cell_id, cell in chapter.cells.items()
        if cell.cell_type == "markdown"
        for line in re.findall(r"^#+ +(.+?) *$", cell.source, re.M)
    ]


# ---- one exercise --------------------------------------------------------------------------------------


def part_state(part: Part) -> str:
    """What became of one of an exercise's two groups of checks: "passed", "failed" or "not run"."""
    if part.points == part.possible:
        return "passed"
    return "failed" if part.said is not None else "not run"


def message_of(one: ExerciseResult) -> str | None:
    """What went wrong first in an exercise that has not all points. A mistake that fails both groups of checks is one
    mistake, so it has one message."""
    if one.status not in (Status.WRONG, Status.PARTLY_RIGHT, Status.STOPPED):
        return None
    found = [part.said for part in one.parts if part.said is not None]
    message = normal_message(one.reason or (found[0] if found else ""))
    return f"{WORDS[one.status].label}: {message}" if one.status is Status.STOPPED else message


def normal_message(words: str) -> str:
    """Without what differs between students with the same mistake: blanks, and where in a cell it is."""
    return shortened(re.sub(r"\s*\(line \d+ of your cell\)", "", " ".join(words.split())))


def shortened(words: str) -> str:
    return words if len(words) <= MOST_WORDS else words[:MOST_WORDS] + " [...]"


# ---- the class -----------------------------------------------------------------------------------------


def chapter_names(results: list[Result], chapters: dict[str, Chapter]) -> list[str]:
    """Those that came, in the course's order."""
    came = {result.chapter for result in results if result.chapter is not None}
    return [name for name in chapters if name in came] + sorted(came - set(chapters))


def overview(results: list[Result], name: str) -> dict:
    """Of one chapter: who is in it, how the totals are distributed, and what became of each exercise."""
    counted = [result for result in results if result.chapter == name and result.counts]
    totals = [result.points for result in counted if result.points is not None and not result.unjudged]
    possible = max((result.possible or 0 for result in counted), default=0)
    exercises = defaultdict(list)
    for result in counted:
        for one in result.exercises:
            exercises[one.name].append(one)
    return {
        "name": name,
        "count": len(counted),
        "open": len(counted) - len(totals),
        "possible": possible,
        "mean": f"{mean(totals):.1f}" if totals else None,
        "median": f"{median(totals):g}" if totals else None,
        "bars": histogram(totals, possible),
        "exercises": [exercise_overview(title, ones) for title, ones in exercises.items()],
    }


def histogram(totals: Sequence[float], possible: float) -> list[dict]:
    """Bars from 0 to `possible`, each with its label, its count and that count as a fraction of the highest."""
    width = max(1, ceil((possible + 1) / MOST_BARS))
    counts = Counter(int(total // width) for total in totals)
    highest = max(counts.values(), default=1)
    bars = []
    for number in range(int(possible // width) + 1):
        low, high = number * width, min((number + 1) * width - 1, possible)
        label = f"{low:g}" if high <= low else f"{low:g}-{high:g}"
        bars.append({"label": label, "count": counts[number], "fraction": round(counts[number] / highest, 4)})
    return bars


def exercise_overview(name: str, ones: Sequence[ExerciseResult]) -> dict:
    """How many answers have each status, as stretches of one bar in percent, and the mean of points."""
    counts = Counter(one.status for one in ones)
    left, stretches = 0.0, []
    for status in Status:
        if counts[status]:
            fraction = 100 * counts[status] / len(ones)
            stretches.append(
                {"status": status, "count": counts[status], "left": round(left, 3), "fraction": round(fraction, 3)}
            )
            left += fraction
    judged = [one.points for one in ones if one.judged]
    return {
        "name": name,
        "stretches": stretches,
        "mean": f"{mean(judged):.1f}" if judged else None,
        "possible": ones[0].possible,
    }


@dataclass(frozen=True)
class Mistake:
    """A message that an exercise gave to several students."""

    chapter: str
    exercise: str
    message: str
    students: tuple[str, ...]


def wrong_answers(results: list[Result], chapters: dict[str, Chapter]) -> list[Mistake]:
    """Mistakes that at least two students share, the commonest first."""
    students = defaultdict(set)
    for result in results:
        for one in result.exercises if result.counts else ():
            if message := message_of(one):
                students[result.chapter or "", one.name, message].add(result.student)
    order = chapter_names(results, chapters)
    mistakes = [Mistake(*where, tuple(sorted(names))) for where, names in students.items() if len(names) > 1]
    return sorted(mistakes, key=lambda one: (-len(one.students), order.index(one.chapter), one.exercise, one.message))


def needs_look(results: list[Result], chapters: dict[str, Chapter]) -> list[dict]:
    """Students with something that a person should see, each with the reasons in words."""
    found = defaultdict(list)
    for result in results:
        if result.chapter is None:
            where = result.file
            reasons = [f"{WORDS[result.status].label}: {words}" for words in result.remarks]
        else:
            where = chapter_title(chapters, result.chapter)
            reasons = [
                *result.remarks,
                *(
                    f"{exercise_title(chapters, result.chapter, one.name)}: {words}"
                    for one in result.exercises
                    for words in exercise_looks(one)
                ),
            ]
        if reasons:
            more = "" if result.counts else ", a notebook that does not count"
            found[result.student].append(
                {"where": f"{where}{more}", "reasons": [shortened(words) for words in reasons]}
            )
    return [{"student": student, "notebooks": found[student]} for student in sorted(found)]


def exercise_looks(one: ExerciseResult) -> Iterator[str]:
    if one.status in (Status.REFUSED, Status.STOPPED, Status.NOT_JUDGED):
        yield f"{WORDS[one.status].label}, {one.reason}"
    yield from refusals(one)


def totals_by_student(results: list[Result]) -> dict[str, dict[str, Result]]:
    """For each student the notebook that counts, by chapter."""
    totals: dict[str, dict[str, Result]] = {student: {} for student in page_names(results)}
    for result in results:
        if result.counts and result.chapter is not None:
            totals[result.student][result.chapter] = result
    return totals
