"""What can end a training from outside: someone who stops it, a full disk, no memory, a reader process that dies."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager

from alexnet_paddle import distributed
from alexnet_paddle.errors import InputError, TrainingFailed


@contextmanager
def stop_on_signals(trainer):
    """Ctrl-C and SIGTERM ask `trainer` to stop between two batches; a second one ends it where it is. Of several
    processes none is ended by SIGTERM: Paddle's launcher sends it three times in a row, and kills after 30 seconds.
    """
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return

    patient = distributed.size() > 1

    def ask(number, frame):
        trainer.stop_requested = True
        if not patient or number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)  # raises KeyboardInterrupt

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
def in_words(run, batch_size: int):
    """Turns what the system refused into a TrainingFailed of one line. The run folder holds what was saved before."""
    go_on = "then go on with --resume" if run.last.exists() else "then train again"
    try:
        yield
    except InputError as error:  # a picture that could be read when the training began
        raise InputError(f"{error}; when it is back as it was, go on with --resume --out {run.path}") from None
    except MemoryError:
        raise TrainingFailed(
            f"out of memory with batches of {batch_size}; train again with a smaller --batch-size, or a smaller net"
        ) from None
    except OSError as error:
        raise TrainingFailed(f"{error.filename or run.path}: {error.strerror}; make room there, {go_on}") from None
    except (RuntimeError, SystemError) as error:
        if "DataLoader" not in str(error):
            raise
        raise TrainingFailed(
            f"a process that reads pictures has died, perhaps for lack of memory; {go_on} --workers 0"
        ) from None
