"""Runs that are stopped or killed, or that two processes want: nothing is lost, and the end is the same."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from processes import assert_same_runs, children, finish, start, unfinished, wait_for

from alexnet_paddle import RECIPES, VARIANTS, train
from alexnet_paddle.datasets.folders import ImageFiles
from alexnet_paddle.training import callbacks, experiment, interruptions
from alexnet_paddle.training.checkpoint import Checkpoint

posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
linux = pytest.mark.skipif(sys.platform != "linux", reason="Paddle has processes that read pictures on Linux only")


class Killed(BaseException):
    """The process is gone: nothing may handle this."""


@pytest.fixture(scope="module")
def arguments(small_photos):
    """Of a training with enough steps to be stopped in the middle of an epoch."""
    return ["--variant", "cifar4", "--data", small_photos, "--batch-size", 2, "--epochs", 4, "--out"]


@pytest.fixture(scope="module")
def straight(arguments, tmp_path_factory):
    """The same training, never stopped."""
    run = tmp_path_factory.mktemp("straight") / "run"
    train.main([*map(str, arguments), str(run)])
    return run


OFTEN = ("--save-every", 0.001)
SELDOM = ("--save-every", 10)


# ---- stopped ---------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("number", "to", "workers"),
    [
        (signal.SIGINT, "group", 0),  # as a terminal does
        (signal.SIGINT, "group", 2),
        (signal.SIGTERM, "process", 0),
        (signal.SIGTERM, "group", 2),  # as a service manager may
    ],
)
def test_asked_to_stop_it_saves_and_goes_on_to_the_same_end(arguments, straight, tmp_path, number, to, workers):
    run = tmp_path / "run"
    process = start(*arguments, run, *OFTEN, "--workers", workers)
    wait_for((run / "last").exists, process)
    if to == "group":
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    status, _, err = finish(process)
    assert status == 130, err
    assert err.count("\n") == 1 and f"go on with --resume --out {run}" in err
    stopped = Checkpoint.load(run / "last").state
    assert f"epoch {stopped['epochs_done'] + 1}, step {stopped['step']}" in err
    assert not (run / "report.json").exists() and not unfinished(run)
    train.main(["--resume", "--out", str(run), "--workers", str(2 - workers), *map(str, SELDOM)])
    assert_same_runs(run, straight)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_and_afterwards_they_are_as_before(number):
    before, trainer = signal.getsignal(number), SimpleNamespace(stop_requested=False)
    signal.signal(number, signal.default_int_handler)
    try:
        with interruptions.stop_on_signals(trainer):
            os.kill(os.getpid(), number)
            assert trainer.stop_requested
            assert signal.getsignal(number) is signal.SIG_DFL
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_stopped_in_the_validation_it_does_not_train_the_epoch_again(straight, arguments, tmp_path, monkeypatch):
    from alexnet_paddle.errors import Stopped
    from alexnet_paddle.training import trainer as loop

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
    assert (state["epochs_done"], state["step"]) == (1, 26)  # 51 pictures in batches of 2
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, straight)


def test_ctrl_c_in_the_test_at_the_end_says_how_to_go_on(small_run, train_small, tmp_path, call, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(experiment, "final_test", interrupted)
        status, _, err = call(train, *train_small.arguments(run))
    assert (status, err) == (130, f"train: interrupted; go on with --resume --out {run}\n")
    assert call(train, "--resume", "--out", run)[0] == 0
    assert_same_runs(run, small_run)


# ---- killed ----------------------------------------------------------------------------------------


@posix
@pytest.mark.slow
def test_killed_ten_times_at_random_it_ends_as_if_nothing_had_been(arguments, tmp_path):
    """Four of the ten in the middle of writing a checkpoint, and one resume in three with other workers."""
    longer = [20 if value == 4 else value for value in arguments]
    train.main([*map(str, longer), str(tmp_path / "straight")])
    chance, run, in_a_write, places = random.Random(0), tmp_path / "run", 0, []
    for kill in range(10):
        resume = ["--resume", "--out", run, "--workers", kill % 3 // 2]
        process = start(*(resume if (run / "config.json").exists() else [*longer, run, *OFTEN]))
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
        places.append(tuple(Checkpoint.load(run / "last").state[part] for part in ("epochs_done", "step")))
    assert in_a_write >= 1
    assert places == sorted(places) and len(set(places)) > 5, places  # it got further in between
    status, _, err = finish(start("--resume", "--out", run, *SELDOM))
    assert status == 0, err
    assert_same_runs(run, tmp_path / "straight")
    assert not unfinished(run)


def test_killed_between_best_and_last_it_makes_both_again(small_run, train_small, tmp_path, monkeypatch):
    save, run = callbacks.Checkpoints.save, tmp_path / "run"

    def killed_before_the_first_last(self, trainer, folder):
        if folder == run / "last":
            raise Killed
        save(self, trainer, folder)

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.Checkpoints, "save", killed_before_the_first_last)
        with pytest.raises(Killed):
            train_small(run)
    assert (run / "best").exists() and not (run / "last").exists()
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, small_run)


@pytest.mark.parametrize("name", ["confusion.png", "report.json"])
def test_killed_while_the_report_is_written_it_only_finishes(small_run, train_small, tmp_path, monkeypatch, name):
    replace, run = Path.replace, tmp_path / "run"

    def killed(self, target):
        if target == run / name:
            raise Killed
        return replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            train_small(run)
    assert (run / f"{name}.new").exists() and not (run / "report.json").exists()
    before = (run / "last" / "checkpoint.json").stat().st_mtime_ns
    train.main(["--resume", "--out", str(run)])
    assert (run / "last" / "checkpoint.json").stat().st_mtime_ns == before  # no epoch was trained
    assert_same_runs(run, small_run)
    assert not unfinished(run)


def test_killed_while_the_first_file_is_written_the_folder_can_be_used(small_run, train_small, tmp_path, monkeypatch):
    def killed(self, target):
        raise Killed

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            train_small(run)
    assert (run / "config.json.new").exists() and not (run / "config.json").exists()
    assert_same_runs(train_small(run), small_run)


# ---- a run that was altered ------------------------------------------------------------------------


def rewrite(path, change):
    """Change a JSON file by a function of what it holds."""
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


ALTERED = {
    "the weights are cut short": (
        lambda run: (run / "last/model.safetensors").write_bytes((run / "last/model.safetensors").read_bytes()[:-1]),
        "last/model.safetensors: altered or cut short",
    ),
    "a file is gone": (lambda run: (run / "last/optimizer.safetensors").unlink(), "last/optimizer.safetensors: cannot"),
    "no JSON": (lambda run: (run / "last/checkpoint.json").write_text("{"), "last/checkpoint.json: not readable"),
    "a later epoch": (
        lambda run: rewrite(run / "last/checkpoint.json", lambda state: state["state"].update(epochs_done=2)),
        "last/checkpoint.json: altered",
    ),
    "another seed": (
        lambda run: rewrite(run / "config.json", lambda config: config["options"].update(seed=7)),
        "config.json: describes another seed than",
    ),
    "another recipe": (
        lambda run: rewrite(run / "config.json", lambda config: config["recipe"].update(epochs=9)),
        "config.json: describes another recipe than",
    ),
    "another net": (
        lambda run: rewrite(run / "config.json", lambda config: config["config"].update(image_size=48)),
        "config.json: describes another net than",
    ),
    "an unknown option": (
        lambda run: rewrite(run / "config.json", lambda config: config["options"].update(speed=9)),
        "config.json: its options are not those of a training",
    ),
    "a part is missing": (
        lambda run: rewrite(run / "config.json", lambda config: config.pop("data")),
        "config.json: altered, it has no 'data'",
    ),
}


@pytest.fixture(scope="module")
def stopped_run(small_run, tmp_path_factory):
    """As a run is whose report is not written yet."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    shutil.copytree(small_run, run)
    (run / "report.json").unlink()
    return run


def contents(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("what", ALTERED)
def test_an_altered_run_is_refused_by_name_and_not_begun_anew(stopped_run, tmp_path, refused, what):
    alter, says = ALTERED[what]
    run = tmp_path / "run"
    shutil.copytree(stopped_run, run)
    alter(run)
    before = contents(run)
    assert says in refused(train, "--resume", "--out", run)
    assert contents(run) == before


def test_the_tables_of_today_do_not_touch_a_run_that_was_begun(arguments, straight, tmp_path, call, monkeypatch):
    """Prose is reworded, a default rate is changed, a name means another net: a resume takes both from the run."""
    run = tmp_path / "run"

    def stop(self, trainer, scores):
        trainer.stop_requested = True

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.ChanceWarning, "on_batch_end", stop)
        assert call(train, *arguments, run)[0] == 130
    monkeypatch.setitem(RECIPES, "quick", RECIPES["quick"].replace(source="other words", learning_rate=0.5))
    monkeypatch.setitem(VARIANTS, "cifar4", VARIANTS["mini"])
    assert call(train, "--resume", "--out", run)[0] == 0
    assert_same_runs(run, straight)


# ---- two processes, and processes that read pictures -----------------------------------------------


@linux
def test_a_run_is_one_training_s_at_a_time_until_it_is_killed(arguments, straight, tmp_path, refused):
    """Killed in a moment when two processes read pictures for it: they end too, and leave lock and memory."""
    run = tmp_path / "run"
    process = start(*arguments, run, "--workers", 2)
    wait_for(lambda: len(children(process.pid)) == 2, process)
    readers = children(process.pid)
    process.send_signal(signal.SIGSTOP)
    assert "already holds a run" in refused(train, *arguments, run)
    assert "another training is writing there" in refused(train, "--resume", "--out", run)
    process.kill()
    finish(process, timeout=30)  # the pipes of its output are theirs too, so this waits for all three
    assert not [path for pid in readers for path in Path("/dev/shm").glob(f"paddle_{pid}_*")]
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, straight)


@linux
def test_the_death_of_a_process_that_reads_is_one_line_and_the_run_goes_on(
    arguments, straight, tmp_path, call, monkeypatch
):
    run, square = tmp_path / "run", ImageFiles.square

    def die_in_the_second_epoch(self, index, side):
        if multiprocessing.parent_process() and (run / "last").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return square(self, index, side)

    with monkeypatch.context() as patched:
        patched.setattr(ImageFiles, "square", die_in_the_second_epoch)
        status, _, err = call(train, *arguments, run, "--workers", 2)
    assert status == 1, err
    assert err.count("\n") == 1 and "a process that reads pictures has died" in err
    assert err.endswith(f"--workers 0 does without; go on with --resume --out {run}\n")
    assert Checkpoint.load(run / "last").state["epochs_done"] == 1 and not unfinished(run)
    assert call(train, "--resume", "--out", run)[0] == 0
    assert_same_runs(run, straight)
