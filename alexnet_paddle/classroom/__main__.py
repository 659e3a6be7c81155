"""`python -m alexnet_paddle.classroom build`: make the notebooks of the course from their sources.
`python -m alexnet_paddle.classroom release --to DIR`: write what an instructor hands out."""

import importlib.util
import time
from pathlib import Path

from alexnet_paddle.cli import Parser, run
from alexnet_paddle.errors import InputError


def main(argv=None):
    parser = Parser("classroom", "Build the chapters of the course, or write what an instructor hands out.")
    parser.add_argument("action", choices=("build", "release"))
    parser.add_argument("chapters", nargs="*", metavar="NN", help="build these chapters only, by number")
    parser.add_argument("--force", action="store_true", help="build: run chapters that have not changed too")
    parser.add_argument("--to", type=Path, metavar="DIR", help="release: a new folder")
    arguments = parser.parse_args(argv)
    if (arguments.action == "release") != (arguments.to is not None):
        parser.error("--to: release needs the folder, build takes none")
    if arguments.action == "release" and (arguments.force or arguments.chapters):
        parser.error("release: takes only --to")
    for package in ("jupytext", "nbgrader"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package}: is not installed; pip install -r requirements-dev.txt")
    if arguments.action == "build":
        build_chapters(arguments.chapters, arguments.force)
    else:
        from alexnet_paddle.classroom.release import release

        files = release(arguments.to)
        print(f"{arguments.to}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB")


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


if __name__ == "__main__":
    run(main)
