"""Every exception of the package, and what a command makes of it: one line on stderr and an exit status.

ValueError
  InputError              status 2: something that the user gave cannot be used
    DeviceError           the device asked for is not there
    CannotWrite           datasets/packed: the folder takes no pack; whoever only wanted speed goes on without
  Refused                 classroom/worker: something that an answer may not do (inside the answer's process)
RuntimeError
  WorkFailed              status 1: the input was right, but the work could not be done
    TrainingFailed
      ReaderDied          a process that reads pictures has ended
    ExportError           training/inference: the saved graph does not do what the net does
  OneDNNError             nets/onednn: the library cannot do, or did not do, what it was asked for
Exception
  StalePack               datasets/packed: a pack is not of its folder as it is now; it is made again
  SeenEnough              study/measures: a run has shown what it was for; the next one begins
  WorkerFailed            study/benchmark: one of the systems gave no answer; the others are measured
  WorkerDied              classroom/sandbox: the process around the exercises ended; it is started again once
  CannotRead              classroom/submissions: a file that was handed in is no notebook; its result says so
BaseException
  Stopped                 status 130: somebody asked for it, and where it stopped is saved

Layers and nets raise Python's own ValueError, with the layer and the arithmetic in it; commands name the option.
"""

from __future__ import annotations

import errno
import unicodedata


class InputError(ValueError):
    """Status 2. Something the user gave cannot be used; the message names it, says what is wrong and what to do."""


class DeviceError(InputError):
    """The device asked for is not there."""


class WorkFailed(RuntimeError):
    """Status 1. The input was right, but the work could not be done; the message says what happened and what to do."""


class TrainingFailed(WorkFailed):
    """A training could not go on."""


class ReaderDied(TrainingFailed):
    """A process that reads pictures has ended without a word."""

    def __init__(self) -> None:
        super().__init__("a process that reads pictures has died, perhaps for lack of memory; --workers 0 does without")


class Stopped(BaseException):
    """Status 130. Somebody asked the training to stop, and where it stopped is saved. Not an Exception, so that
    nothing on the way takes it for a failure."""


def printable(text: object) -> str:
    """For a message of one line: control characters, line breaks and bytes that are no text, all of which the name
    of a file may have, as escapes."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char
        for char in str(text)
    )


def system_words(error: BaseException) -> str:
    """What the system refused and what to do; empty where it was Paddle, which raises OSError too."""
    if not isinstance(error, OSError) or not error.errno:
        return ""
    place = f"{error.filename}: " if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{place}{error.strerror}; {'make room there' if full else 'put that right'}"
