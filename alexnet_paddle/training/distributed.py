"""Several processes that train one net, each on its own device, as `python -m paddle.distributed.launch` starts them.

Until `start` is called there is one process, and everything here does nothing: `world_size()` is 1, and a function that
is marked `@rank_zero` is simply called. So the rest of the package is written once, and says on a definition who does
it:

@rank_zero             process 0 does it, the others wait for it and get None
@broadcast_from_zero   process 0 does it, and all get what it returned
@barrier               all do it, and nobody goes on before all have

Process 0 writes the run folder and prints; the others need not even see that folder. All processes come to the calls
below in the same order, or some would wait for ever. Paddle's launcher sees to the end: when a process ends with a
status, it ends those that are left on its machine, and gives the user the first status that it finds. So of processes
that fail together only one may have a status, see `alike`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from alexnet_paddle import reporter, runtime
from alexnet_paddle.errors import TrainingFailed

if TYPE_CHECKING:
    import paddle

BEAT = 5  # seconds between signs of life: gloo, which connects processes on CPUs, gives up after 30 without one

P = ParamSpec("P")
T = TypeVar("T")
_size, _rank = 1, 0


def start(device: str) -> None:
    """Meet the other processes, if Paddle's launcher started any. `device` is as for `runtime.choose_device`."""
    global _size, _rank
    if int(os.environ.get("PADDLE_TRAINERS_NUM", 1)) == 1:
        return
    with alike():  # those of one machine have the same devices
        chosen = runtime.choose_device(device)
    if chosen == "cpu":
        os.environ["PADDLE_DISTRI_BACKEND"] = "gloo"  # on a machine with GPUs it would be NCCL, which knows no CPU
    from paddle import distributed

    distributed.init_parallel_env()
    _size, _rank = distributed.get_world_size(), distributed.get_rank()
    if _rank > 0:
        reporter.silence()


def world_size() -> int:
    """The number of processes."""
    return _size


def rank() -> int:
    """The number of this process, counted from 0."""
    return _rank


def is_local_rank_zero() -> bool:
    """Whether this is the first process, or the only one, on its machine. Known before `start`."""
    return int(os.environ.get("PADDLE_RANK_IN_NODE", 0)) == 0


def parallel(model: paddle.nn.Layer) -> paddle.nn.Layer:
    """The model as a training step must call it: the gradients become the mean over all processes. The weights
    become those of process 0.

    Paddle's documentation keeps PyLayers, such as those of `fast_cpu`, out of DataParallel. Ours take their parameters
    as inputs, so Paddle sees those gradients as it sees any; tests/test_distributed.py compares the results.
    """
    if _size == 1:
        return model
    import paddle

    return paddle.DataParallel(model)


# ---- what the processes tell each other ------------------------------------------------------------


def all_reduce(numbers: Sequence) -> list:
    """The sums over all processes, number by number; None stays None."""
    if _size == 1:
        return list(numbers)
    import paddle

    sums = paddle.to_tensor([float(number or 0) for number in numbers], dtype="float64")
    paddle.distributed.all_reduce(sums)
    return [None if number is None else type(number)(sum_) for number, sum_ in zip(numbers, sums.tolist())]


def any_rank(flag: bool) -> bool:
    """Whether it is true in any process."""
    return all_reduce([int(flag)])[0] > 0


def all_gather(value: T) -> list[T]:
    """The values of all processes, in their order."""
    if _size == 1:
        return [value]
    import paddle

    values: list[T] = []
    paddle.distributed.all_gather_object(values, value)
    return values


# ---- who does it, said on the definition -------------------------------------------------------------


def barrier(act: Callable[P, T]) -> Callable[P, T]:
    """All do it, and nobody goes on before all have, however long that takes: it is done in a thread, while this one
    tells the others that there is life. What it raises anywhere ends all processes."""

    @functools.wraps(act)
    def wrapped(*given: P.args, **named: P.kwargs) -> T:
        if _size == 1:
            return act(*given, **named)
        with futures.ThreadPoolExecutor(1) as threads:
            work = threads.submit(act, *given, **named)
            while "busy" in (states := _states(work)):
                pass
        if "failed" in states and states.index("failed") != _rank:
            raise _told_by(states.index("failed"))
        return work.result()

    return wrapped


def rank_zero(act: Callable[P, T]) -> Callable[P, T | None]:
    """Process 0 alone does it; the others wait for it, and get None."""

    @functools.wraps(act)
    def wrapped(*given: P.args, **named: P.kwargs) -> T | None:
        if _rank == 0:
            return barrier(act)(*given, **named)
        barrier(_nothing)()
        return None

    return wrapped


def broadcast_from_zero(act: Callable[P, T]) -> Callable[P, T]:
    """Process 0 alone does it; all get what it returned there."""

    @functools.wraps(act)
    def wrapped(*given: P.args, **named: P.kwargs) -> T:
        if _size == 1:
            return act(*given, **named)
        import paddle

        values: list = [rank_zero(act)(*given, **named)]
        paddle.distributed.broadcast_object_list(values, src=0)
        return values[0]

    return wrapped


def _nothing() -> None: ...


def _states(work: futures.Future) -> list[str]:
    """How far every process is with its work."""
    import paddle

    futures.wait([work], timeout=BEAT)
    names = ("busy", "done", "failed")
    state = "busy" if not work.done() else "failed" if work.exception() else "done"
    states: list[paddle.Tensor] = []
    paddle.distributed.all_gather(states, paddle.to_tensor([names.index(state)]))
    return [names[int(state)] for state in states]


# ---- ends ------------------------------------------------------------------------------------------


@contextmanager
def alike() -> Iterator[None]:
    """For what raises the same in all processes: only the first process of each machine has to say it. The others
    end without a word and with status 0, so that the launcher finds the status of the first."""
    try:
        yield
    except BaseException:
        if is_local_rank_zero():
            raise
        raise SystemExit(0) from None


@contextmanager
def losses_in_words() -> Iterator[None]:
    """Turns what gloo or NCCL raises when another process is gone into a TrainingFailed of one line. In the middle of a
    backward pass there is nothing to turn: Paddle aborts."""
    try:
        yield
    except RuntimeError as error:
        if _size == 1 or not any(name in str(error) for name in ("gloo", "NCCL")):
            raise
        raise TrainingFailed(
            "another process of this training has ended, or was silent for too long; the logs of the others say why; "
            "then go on with --resume"
        ) from None


def _told_by(other: int) -> SystemExit:
    """The end of this process when process `other` has failed, and says why."""
    here = runtime.processes_here()
    return SystemExit(0 if other // here == _rank // here else f"process {other} has failed; its log says why")
