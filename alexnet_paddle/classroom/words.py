"""What people read of a status, on pages and in tables; results hold only its code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from alexnet_paddle.classroom.results import ExerciseResult, NotebookStatus, Result, Status


@dataclass(frozen=True)
class Words:
    """What a status is called, what it means and what a student can do. `mark` tells an exercise's without colours,
    `style` is the class of its colours in the templates."""

    label: str
    means: str
    todo: str = ""
    mark: str = ""
    style: str = ""


WORDS: dict[Status | NotebookStatus, Words] = {
    Status.RIGHT: Words("right", "Your answer passed every check.", mark="✓", style="right"),
    Status.PARTLY_RIGHT: Words(
        "partly right",
        "Your answer passed some of the checks, and not the others.",
        "Try the values of the check below that failed in your notebook, and find out why yours differs. Often it is a "
        "case that the exercise's text names and its example does not show.",
        mark="◐",
        style="partly",
    ),
    Status.WRONG: Words(
        "wrong",
        "Your answer passed none of the checks.",
        "Restart the kernel, run your notebook from the top to this exercise, and read the message of its asserts.",
        mark="✗",
        style="wrong",
    ),
    Status.STOPPED: Words(
        "stopped",
        "Your answer was started, but it did not come to its end, so nothing could be checked.",
        "Look for a loop that never ends, a call of exit() or quit(), or a list or tensor that grows too large. "
        "Restart the kernel and run the cell by itself: it should be done in a moment.",
        mark="■",
        style="stopped",
    ),
    Status.REFUSED: Words(
        "refused",
        "Your answer did something that an answer may not do, so it was not checked.",
        "An answer computes with what it is given. It may not use other files, other programs or the network, and not "
        "change libraries or the checks. Take that part out. If you do not know which part it is, ask your instructor.",
        mark="⊘",
        style="refused",
    ),
    Status.NOT_ATTEMPTED: Words(
        "not attempted",
        "The cell holds no answer yet.",
        "Write your answer in place of raise NotImplementedError(), and save the notebook before you hand it in.",
        mark="○",
        style="empty",
    ),
    Status.MISSING: Words(
        "missing",
        "No answer to this exercise was found in your notebook.",
        "If you wrote one, check that its function has the name that the exercise asks for. If the cell is gone, copy "
        "it from the notebook that was handed out.",
        mark="–",
        style="empty",
    ),
    Status.NOT_JUDGED: Words(
        "not judged",
        "This exercise could not be judged. It has no points yet, and that does not mean that it is wrong.",
        "There is nothing that you have to do now. Your instructor sees this too, and can grade it again.",
        mark="?",
        style="open",
    ),
    NotebookStatus.GRADED: Words("graded", "All exercises were judged."),
    NotebookStatus.PARTLY_GRADED: Words(
        "partly graded",
        "Some exercises could not be judged. They have no points yet, so the sum can still grow.",
    ),
    NotebookStatus.UNREADABLE: Words(
        "cannot be read",
        "This file could not be read, so nothing in it was judged. That is not the same as no points.",
        "Open your notebook in Jupyter, check that your answers are there, save it, and hand in that file (it ends in "
        ".ipynb). If it does not open there either, ask your instructor.",
    ),
}
GROUPS = {"visible": "Checks in your notebook", "hidden": "More checks, when it was graded"}


def exercise_remarks(one: ExerciseResult) -> list[str]:
    """All remarks on an exercise, with what was refused in it."""
    return [*one.remarks, *refusals(one)]


def refusals(one: ExerciseResult) -> list[str]:
    return [f"{WORDS[Status.REFUSED].label}: {what}" for what in one.refused]


def notebook_remarks(result: Result) -> list[str]:
    """All remarks on a notebook as a whole, with the exercises that were not judged."""
    open_ones = [f"{WORDS[Status.NOT_JUDGED].label}, and no points yet: {', '.join(result.unjudged)}"]
    return [*result.remarks, *(open_ones if result.unjudged else ())]


def counted(results: Sequence[Result]) -> str:
    """How many notebooks have each status."""
    counts = Counter(result.status for result in results)
    return ", ".join(f"{counts[status]} {WORDS[status].label}" for status in NotebookStatus if counts[status])
