"""`python -m alexnet_paddle.classroom build`: make the notebooks of the course from their sources.
`python -m alexnet_paddle.classroom release --to DIR`: write what an instructor hands out.
`python -m alexnet_paddle.classroom grade SUBMISSIONS --out DIR`: mark what comes back."""

import argparse
import importlib.util
from pathlib import Path

from alexnet_paddle import reporter
from alexnet_paddle.cli import Parser, positive, run
from alexnet_paddle.errors import InputError


def build_parser() -> Parser:
    parser = Parser("classroom", "Build the chapters of the course, hand them out, and grade what comes back.")
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=argparse.ArgumentParser
    )
    build = actions.add_parser("build", help="make the notebooks from their sources", allow_abbrev=False)
    build.add_argument("chapters", nargs="*", metavar="NN", help="these chapters only, by number")
    build.add_argument("--force", action="store_true", help="run chapters that have not changed too")
    release = actions.add_parser("release", help="write what an instructor hands out", allow_abbrev=False)
    release.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")
    grade = actions.add_parser("grade", help="mark notebooks that were handed in", allow_abbrev=False)
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or zip: notebooks, or folders")
    grade.add_argument("--out", type=Path, required=True, metavar="DIR", help="where grades go; goes on where it ends")
    grade.add_argument("--jobs", type=positive(int), metavar="N", help="submissions at a time (default: the cores)")
    grade.add_argument("--seconds", type=positive(float), metavar="S", help="limit for an answer (default 20)")
    grade.add_argument("--gradebook", action="store_true", help="also write nbgrader's database")
    for action in (build, release, grade):
        action.error = parser.error  # one line, as all commands
    return parser


def main(argv=None):
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


def grade_submissions(arguments: argparse.Namespace) -> None:
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
