"""What can end a training from outside: someone who stops it, a full disk, no memory, a reader process that dies."""

from __future__ import annotations

import errno
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from alexnet_paddle.errors import InputError, ReaderDied, TrainingFailed, system_words
from alexnet_paddle.training import distributed
from alexnet_paddle.training.run_folder import RunFolder
from alexnet_paddle.training.trainer import Trainer

# Paddle raises MemoryError on the CPU, but in a backward pass an OSError that quotes it, and on a GPU others.
OUT_OF_MEMORY = ("ResourceExhausted", "MemoryError", "out of memory", "ALLOC_FAILED", "failed to map segment")


@contextmanager
def stop_on_signals(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask `trainer` to stop between two batches; a second one ends the process where it is. Of
    several processes none is ended by SIGTERM: Paddle's launcher sends it three times in a row, and kills after 30
    seconds."""
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return

    patient = distributed.world_size() > 1

    def ask(number: int, frame: FrameType | None) -> None:
        trainer.stop_requested = True
        if not patient or number == signal.SIGINT:
            # Not KeyboardInterrupt: Paddle makes another error of it when it comes in a backward pass.
            signal.signal(number, signal.SIG_DFL)

    # A shell starts background jobs with SIGINT ignored, and then it stays so.
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            if not (patient and trainer.stop_requested):  # else the last words could be lost
                signal.signal(number, handler)


@contextmanager
def without_warnings() -> Iterator[None]:
    """NumPy does not warn of what ends a training anyway when it comes to the loss."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(overflow|invalid value|divide by zero) encountered", RuntimeWarning)
        yield


@contextmanager
def in_words(run: RunFolder, batch_size: int) -> Iterator[None]:
    """Turns what the system refused into a TrainingFailed of one line. The run folder holds what was saved before."""
    try:
        with without_warnings():
            yield
    except InputError as error:  # a picture that could be read when the training began
        raise InputError(f"{error}; when it is back as it was, go on with --resume --out {run.path}") from None
    except ReaderDied as error:
        raise TrainingFailed(f"{error}; go on with --resume --out {run.path}") from None
    except TrainingFailed as error:
        kept = f"; {run.last} holds the last good checkpoint" if run.last.exists() else ""
        raise TrainingFailed(f"{error}{kept}") from None
    except (MemoryError, OSError, RuntimeError) as error:
        if _is_out_of_memory(error):
            raise TrainingFailed(
                f"out of memory with batches of {batch_size}; train again with a smaller --batch-size, or a smaller net"
            ) from None
        if not (words := system_words(error)):  # an error in a program
            raise
        raise TrainingFailed(f"{words}, then go on with --resume --out {run.path}") from None


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return any(words.lower() in str(error).lower() for words in OUT_OF_MEMORY)
