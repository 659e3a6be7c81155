"""`python -m alexnet_paddle.classroom build`: make the notebooks of the course from their sources.
`python -m alexnet_paddle.classroom release --to DIR`: write what an instructor hands out.
`python -m alexnet_paddle.classroom grade SUBMISSIONS --out DIR`: mark what comes back."""

import importlib.util
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from alexnet_paddle import reporter
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


def main(argv: Sequence[str] | None = None) -> None:
    arguments = build_parser().parse_args(argv)
    for package in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package}: is not installed; pip install -r requirements-dev.txt")
    if arguments.action == "build":
        from alexnet_paddle.classroom.build import build_all

        build_all(arguments.chapters, arguments.force)
    elif arguments.action == "release":
        from alexnet_paddle.classroom.release import release

        files = release(arguments.to)
        megabytes = sum(file.stat().st_size for file in files) / 1e6
        reporter.say(f"{arguments.to}: {len(files)} files, {megabytes:.1f} MB")
    else:
        grade_submissions(arguments)


def grade_submissions(arguments: Namespace) -> None:
    from alexnet_paddle.classroom import feedback, gradesheet, words
    from alexnet_paddle.classroom.chapter import read_all
    from alexnet_paddle.classroom.grade import CELL_SECONDS, grade

    out = arguments.out
    results = grade(arguments.submissions, out, jobs=arguments.jobs, seconds=arguments.seconds or CELL_SECONDS)
    chapters = read_all()
    gradesheet.write_gradesheet(results, chapters, out / gradesheet.FILE)
    pages = feedback.write_feedback(results, chapters, out / feedback.FOLDER)
    feedback.write_summary(results, chapters, out / "summary.html")
    if arguments.gradebook:
        from alexnet_paddle.classroom.gradebook import FILE, write_gradebook

        write_gradebook(results, chapters, out / FILE)
    reporter.say(f"{len(results)} notebooks: {words.counted(results)}")
    reporter.say(
        f"{out}: {gradesheet.FILE}; summary.html is for you; {feedback.FOLDER}/ has {len(pages)} students' pages"
    )


if __name__ == "__main__":
    run(main)
