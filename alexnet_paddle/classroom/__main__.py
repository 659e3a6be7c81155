"""`python -m alexnet_paddle.classroom build`: make the notebooks of the course from their sources.
`python -m alexnet_paddle.classroom release --to DIR`: write what an instructor hands out.
`python -m alexnet_paddle.classroom grade SUBMISSIONS --out DIR`: mark what comes back."""

import importlib.util
import time
from pathlib import Path

from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.errors import InputError


def build_parser() -> Parser:
    description = "Build the chapters of the course, hand them out, and grade what comes back."
    parser = Parser("classroom", description, "release --to handout")
    actions = parser.add_actions()

    build = actions.add_parser(
        "build",
        help="make the notebooks from their sources",
        command="classroom build",
        description="Make the notebooks of the course from their sources in course/source. Chapters that have not "
        "changed, and use nothing that has, are left as they are.",
        example="04",
    )
    chosen = build.add_argument_group("what is built", "All chapters, unless some are named.")
    chosen.add_argument("chapters", nargs="*", metavar="NN", help="these chapters only, by number")
    chosen.add_argument("--force", action="store_true", help="run chapters that have not changed too")

    release = actions.add_parser(
        "release",
        help="write what an instructor hands out",
        command="classroom release",
        description="Write what an instructor hands out: chapters without solutions, the package, what to install.",
        example="--to handout",
    )
    place = release.add_argument_group("where to", "A folder to give to students as it is.")
    place.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")

    grade = actions.add_parser(
        "grade",
        help="mark notebooks that were handed in",
        command="classroom grade",
        description="Mark notebooks that were handed in. course/instructors.md tells all of it.",
        example="submissions --out grades",
    )
    work = grade.add_argument_group("what is graded", "What came back, and where the results go.")
    work.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or zip: notebooks, or folders")
    work.add_argument("--out", type=Path, required=True, metavar="DIR", help="where grades go; goes on where it ends")
    work.add_argument("--gradebook", action="store_true", help="also write nbgrader's database")
    limits = grade.add_argument_group("how it is done", "How much at a time, and how long an answer may take.")
    limits.add_argument(
        "--jobs", type=bounded(int, above=0), metavar="N", help="notebooks at a time (default: the cores)"
    )
    limits.add_argument("--seconds", type=bounded(float, above=0), metavar="S", help="for an answer (default 20)")
    return parser


def main(argv=None):
    arguments = build_parser().parse_args(argv)
    for package in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package}: is not installed; pip install -r requirements-dev.txt")
    if arguments.action == "build":
        build_chapters(arguments.chapters, arguments.force)
    elif arguments.action == "release":
        from alexnet_paddle.classroom.release import release

        files = release(arguments.to)
        print(f"{arguments.to}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB")
    else:
        grade_submissions(arguments)


def build_chapters(numbers, force) -> None:
    """Raises InputError for a number that no chapter has."""
    from alexnet_paddle.classroom import build

    found = {source.name[:2]: source for source in build.sources()}
    for number in numbers:
        if number not in found:
            raise InputError(f"{number}: no such chapter; choose from {', '.join(found)}")
    for source in [found[number] for number in numbers] or found.values():
        began = time.monotonic()
        ran = build.build(source, build.COURSE, force)
        print(f"{source.stem}: {f'run in {time.monotonic() - began:.0f} s' if ran else 'up to date'}", flush=True)


def grade_submissions(arguments) -> None:
    from alexnet_paddle.classroom import build, chapter, feedback, grade

    seconds = arguments.seconds or grade.CELL_SECONDS
    results = grade.grade(arguments.submissions, arguments.out, jobs=arguments.jobs, seconds=seconds)
    counts = {
        status: sum(result["status"] == status for result in results)
        for status in (grade.GRADED, grade.PARTLY, grade.UNREADABLE)
    }
    chapters = {source.stem: chapter.read(source) for source in build.sources()}
    pages = feedback.write_feedback(results, chapters, arguments.out / feedback.FOLDER)
    feedback.write_summary(results, chapters, arguments.out / "summary.html")
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    print(f"{len(results)} notebooks: {words}")
    print(f"{arguments.out}: grades.csv; summary.html is for you; {feedback.FOLDER}/ has {len(pages)} students' pages")
    if arguments.gradebook:
        from alexnet_paddle.classroom.gradebook import FILE, write_gradebook

        write_gradebook(results, chapters, arguments.out / FILE)


if __name__ == "__main__":
    run(main)
