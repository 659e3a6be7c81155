"""Runs that are stopped, killed, or meet a full disk, no memory or a loss that is not finite."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from alexnet_paddle import train
from alexnet_paddle.checkpoint import Checkpoint

posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def start(*arguments, **options):
    """A training in a process of its own, as from a shell: a test started in the background has SIGINT ignored."""

    def default_signals():
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, "-m", "alexnet_paddle.train", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals if os.name != "nt" else None,
        start_new_session=True,  # a process group of its own, for Ctrl-C
        **options,
    )


def finish(process, timeout=120):
    """(exit status, stdout, stderr)"""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.0005)


def assert_same_runs(one, other):
    """Byte for byte, apart from the two columns of times."""
    for folder in ("best", "last"):
        for file in sorted((one / folder).iterdir()):
            assert file.read_bytes() == (other / folder / file.name).read_bytes(), f"{folder}/{file.name}"
    assert (one / "report.json").read_bytes() == (other / "report.json").read_bytes()
    rows = [[row.split(",")[:6] for row in (run / "metrics.csv").read_text().splitlines()] for run in (one, other)]
    assert rows[0] == rows[1]


@pytest.fixture(scope="module")
def arguments(small_photos):
    """Of a training with enough steps to be stopped in the middle of an epoch."""
    common = ["--variant", "cifar4", "--data", small_photos, "--batch-size", 2, "--epochs", 6]
    return [*common, "--save-every", 0.001, "--out"]


@pytest.fixture(scope="module")
def straight(arguments, tmp_path_factory):
    """The same training, never stopped."""
    run = tmp_path_factory.mktemp("straight") / "run"
    train.main([*map(str, arguments), str(run)])
    return run


# ---- stopped and killed ----------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [0, 2])
def test_asked_to_stop_it_saves_and_goes_on_to_the_same_end(arguments, straight, tmp_path, number, workers):
    run = tmp_path / "run"
    process = start(*arguments, run, "--workers", workers)
    wait_for((run / "last").exists, process)
    if number == signal.SIGINT:  # a terminal sends it to the loader's processes too
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    status, _, err = finish(process)
    assert status == 130, err
    assert err.count("\n") == 1 and f"go on with --resume --out {run}" in err
    stopped = Checkpoint.load(run / "last").state
    assert f"epoch {stopped['epoch'] + 1}, step {stopped['step']}" in err
    assert not (run / "report.json").exists()
    assert finish(start("--resume", "--out", run, "--workers", 2 - workers))[0] == 0
    assert_same_runs(run, straight)


def test_stopped_in_the_validation_it_does_not_train_the_epoch_again(straight, arguments, tmp_path, monkeypatch):
    from alexnet_paddle import trainer as loop
    from alexnet_paddle.errors import Stopped

    evaluate, calls = loop.evaluate, []

    def stop_in_the_second(model, batches):
        calls.append(1)
        if len(calls) == 2:
            batches = iter(batches)
            next(batches)
            batches.gi_frame.f_locals["self"].stop_requested = True
        return evaluate(model, batches)

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(loop, "evaluate", stop_in_the_second)
        with pytest.raises(Stopped):
            train.main([*map(str, arguments), str(run)])
    state = Checkpoint.load(run / "last").state
    assert (state["epoch"], state["step"]) == (1, 26)  # 51 pictures in batches of 2
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, straight)


@posix
@pytest.mark.slow
def test_killed_ten_times_at_random_it_ends_as_if_nothing_had_been(arguments, tmp_path):
    """Four of the ten in the middle of writing a checkpoint, and one resume in three with other workers."""
    longer = [20 if value == 6 else value for value in arguments]
    train.main([*map(str, longer), str(tmp_path / "straight")])
    chance, run, in_a_write, places = random.Random(0), tmp_path / "run", 0, []
    for kill in range(10):
        resume = ["--resume", "--out", run, "--workers", kill % 3 // 2]
        process = start(*(resume if (run / "config.json").exists() else [*longer, run]))
        before = (run / "last").stat().st_mtime_ns if (run / "last").exists() else None
        wait_for(lambda b=before: (run / "last").exists() and (run / "last").stat().st_mtime_ns != b, process)
        if kill % 3 == 0:
            wait_for((run / "last.new").exists, process)
        else:
            time.sleep(chance.uniform(0, 0.5))
        process.kill()
        status, _, err = finish(process)
        assert status == -signal.SIGKILL, err
        in_a_write += (run / "last.new").exists()
        places.append(tuple(Checkpoint.load(run / "last").state[part] for part in ("epoch", "step")))
    assert in_a_write >= 1
    assert places == sorted(places) and len(set(places)) > 5, places  # it got further in between
    status, _, err = finish(start("--resume", "--out", run))
    assert status == 0, err
    assert_same_runs(run, tmp_path / "straight")
