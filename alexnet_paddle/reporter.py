"""The one voice of the package: lines on stdout, bars on a terminal.

Everything that is said while work goes on goes through `say` and `progress`, so that a notebook can listen to some of
it only (`filtered`, `quiet`), and of several processes only one speaks (`silence`). Results that were asked for, such
as `predict --json`, are printed by their commands.
"""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
_filters: list[Callable[[str], bool]] = [lambda words: True]  # the last one decides


def say(words: str = "") -> None:
    """A line on stdout at once, above a bar where there is one. Not on stderr: that is for the one line that says what
    went wrong."""
    if _filters[-1](words):
        tqdm.write(words, file=sys.stdout)
        sys.stdout.flush()


@contextmanager
def filtered(keep: Callable[[str], bool]) -> Iterator[None]:
    """Meanwhile only what `keep(words)` is true for is said; of `progress` the words are its description."""
    _filters.append(keep)
    try:
        yield
    finally:
        _filters.pop()


def quiet() -> AbstractContextManager[None]:
    """Meanwhile nothing is said."""
    return filtered(lambda words: False)


def silence() -> None:
    """From now on nothing is said: another process does it."""
    _filters[:] = [lambda words: False]


def progress(iterable: Iterable[T], description: str) -> Iterator[T]:
    """The items of `iterable`, which has a length, with a bar on a terminal. In a log: a line when it begins and, if it
    took a while, one when it ends."""
    if not _filters[-1](description):
        yield from iterable
        return
    if sys.stderr.isatty():
        yield from tqdm(iterable, desc=description, leave=False, dynamic_ncols=True)
        return
    began = time.monotonic()
    assert isinstance(iterable, Sized)
    say(f"{description}: {len(iterable)}")
    yield from iterable
    if time.monotonic() - began > 5:
        say(f"{description}: done in {time.monotonic() - began:.0f} s")


def table(lines: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their longest cell; under a heading that says so words, to the left, else numbers."""
    words = {"layer", "arithmetic", "class", "file", "prediction", "case", "system"}
    widths = [max(_width(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = []
        for heading, cell, width in zip(lines[0], line, widths):
            blank = " " * (width - _width(cell))
            cells.append(cell + blank if heading in words else blank + cell)
        say("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
