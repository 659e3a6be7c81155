"""What becomes of what students hand in: first outcomes, then results, which are kept and shown.

An `Outcome` is what came of running one answer. A `Result` is what became of one notebook, and is kept as JSON. Both
hold codes and no words about them: those are in `words`, for pages and tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

# ---- an answer that was run ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Error:
    """An exception: the name of its class, its message, and the line of the student's cell that it passed last."""

    kind: str
    message: str
    line: int | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of an answer: one of the classes below. `refused` is what it did and may not do, `output` what it
    printed, `remark` the grader's own."""

    refused: tuple[str, ...] = ()
    output: str = ""
    remark: str | None = None

    @property
    def passed(self) -> int:
        """How many of the cells of asserts it passed."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Judged(Outcome):
    """The asserts were run: for each cell of them None, or the error that ended it."""

    verdicts: tuple[Error | None, ...]

    @property
    def passed(self) -> int:
        return sum(verdict is None for verdict in self.verdicts)


@dataclass(frozen=True, kw_only=True)
class Failed(Outcome):
    """A cell ended in an error before the asserts: the student's, or one of the course."""

    error: Error
    in_the_course: bool = False


@dataclass(frozen=True, kw_only=True)
class Late(Outcome):
    """It took too long."""


@dataclass(frozen=True, kw_only=True)
class Ended(Outcome):
    """It ended its process: "was killed", "ended the program"."""

    how: str


@dataclass(frozen=True, kw_only=True)
class Tampered(Outcome):
    """It changed what judges it."""

    what: str


@dataclass(frozen=True, kw_only=True)
class Unattempted(Outcome):
    """There was nothing to run."""


@dataclass(frozen=True, kw_only=True)
class Unjudged(Outcome):
    """It was not run, or not to the end, for a reason that is not the student's."""

    why: str


# ---- a notebook that was graded ----------------------------------------------------------------------------


class Status(Enum):
    """Of an exercise, in the order in which a bar of them is stacked."""

    RIGHT = "right"
    PARTLY_RIGHT = "partly-right"
    WRONG = "wrong"
    STOPPED = "stopped"
    REFUSED = "refused"
    NOT_ATTEMPTED = "not-attempted"
    MISSING = "missing"
    NOT_JUDGED = "not-judged"


class NotebookStatus(Enum):
    GRADED = "graded"
    PARTLY_GRADED = "partly-graded"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Part:
    """One of an exercise's two cells of asserts: what it checks, its points, and what it said where it failed."""

    kind: str  # "visible" or "hidden"
    checks: str
    possible: float
    points: float
    said: str | None = None


@dataclass(frozen=True)
class ExerciseResult:
    """`reason` says why, where the asserts did not; `code` is the student's, None where there is none; `output` is what
    it printed; `refused` what it did and may not do."""

    name: str
    status: Status
    parts: tuple[Part, ...]
    reason: str | None = None
    remarks: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    code: str | None = None
    output: str = ""

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def possible(self) -> float:
        return sum(part.possible for part in self.parts)

    @property
    def judged(self) -> bool:
        return self.status is not Status.NOT_JUDGED


@dataclass(frozen=True)
class Result:
    """Of a notebook. `chapter` is None where it could not be read, and then the first of `remarks` says why. `counts`
    is False where another notebook of the student does for this chapter."""

    student: str
    file: str
    chapter: str | None
    exercises: tuple[ExerciseResult, ...] = ()
    remarks: tuple[str, ...] = ()
    counts: bool = True

    @property
    def points(self) -> float | None:
        """None where the notebook could not be read: that is no zero."""
        return None if self.chapter is None else sum(one.points for one in self.exercises)

    @property
    def possible(self) -> float | None:
        return None if self.chapter is None else sum(one.possible for one in self.exercises)

    @property
    def unjudged(self) -> list[str]:
        """The names of the exercises that were not judged."""
        return [one.name for one in self.exercises if not one.judged]

    @property
    def status(self) -> NotebookStatus:
        if self.chapter is None:
            return NotebookStatus.UNREADABLE
        return NotebookStatus.PARTLY_GRADED if self.unjudged else NotebookStatus.GRADED

    def as_json(self) -> dict:
        """What is kept: all but `counts`, which depends on the other notebooks."""
        kept = asdict(self, dict_factory=_with_codes)
        del kept["counts"]
        return kept

    @classmethod
    def from_json(cls, kept: dict) -> Result:
        """Raises ValueError where this is not what `as_json` gave."""
        try:
            exercises = tuple(_exercise(**one) for one in kept["exercises"])
            return cls(**{**kept, "exercises": exercises, "remarks": tuple(kept["remarks"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a result: {error}") from None


def _with_codes(pairs: Iterable[tuple]) -> dict:
    return {name: value.value if isinstance(value, Enum) else value for name, value in pairs}


def _exercise(status: str, parts: list[dict], remarks: list[str], refused: list[str], **more: Any) -> ExerciseResult:
    return ExerciseResult(
        status=Status(status),
        parts=tuple(Part(**part) for part in parts),
        remarks=tuple(remarks),
        refused=tuple(refused),
        **more,
    )
