"""Several processes that train one net: the same weights as one process, one run folder, and never a hang.

They are started by Paddle's own launcher, and meet through gloo on the CPU.
"""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import paddle
import pytest
from safetensors.numpy import load_file

from alexnet_paddle import RECIPES, VARIANTS, AlexNet, train
from alexnet_paddle.training import distributed
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
LAUNCHER = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2"]

gloo = pytest.mark.skipif(
    sys.platform != "linux" or not paddle.distributed.is_available(), reason="Paddle has gloo on Linux only"
)


class Job:
    """A launcher with its processes. All of it must end within two minutes, or the test fails."""

    def __init__(self, folder, command):
        self.logs = folder / "log"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PADDLE_")}
        self.launcher = subprocess.Popen(
            [*LAUNCHER, "--log_dir", self.logs, *map(str, command)],
            cwd=folder,
            env={**environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> tuple[int, str]:
        """(exit status, what the launcher showed)"""
        out, _ = self.launcher.communicate(timeout=120)
        return self.launcher.returncode, out

    def log(self, rank) -> str:
        return (self.logs / f"workerlog.{rank}").read_text()

    def living(self) -> list[tuple[int, int, int]]:
        """(rank, process id, parent's id) of all that the launcher started, and of what these did"""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                variables = dict(
                    line.split("=", 1) for line in (folder / "environ").read_text().split("\0") if "=" in line
                )
                parent = re.search(r"^PPid:\s*(\d+)$", (folder / "status").read_text(), re.M)[1]
            except (OSError, UnicodeDecodeError):  # another user's, or gone meanwhile
                continue
            if variables.get("PADDLE_LOG_DIR") == str(self.logs):
                found.append((int(variables["PADDLE_TRAINER_ID"]), int(folder.name), int(parent)))
        return found

    def kill(self, rank, number):
        (process,) = (own for other, own, parent in self.living() if (other, parent) == (rank, self.launcher.pid))
        os.kill(process, number)

    def wait_for(self, condition):
        end = time.monotonic() + 60
        while not condition():
            assert self.launcher.poll() is None, self.launcher.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture
def start(tmp_path):
    """start(*command) -> a Job of two processes, working in tmp_path; nothing of it is left after the test."""
    jobs = []

    def run(*command):
        jobs.append(Job(tmp_path, command))
        return jobs[-1]

    yield run
    for job in jobs:
        if job.launcher.poll() is None:
            job.launcher.kill()
            job.launcher.communicate()
        for _, process, _ in job.living():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@pytest.fixture
def start_training(start):
    """start_training(*arguments) -> a Job of two processes that train together."""
    return lambda *arguments: start(sys.executable, "-m", "alexnet_paddle.train", *arguments)


@pytest.fixture
def arguments(small_photos):
    """Of a training whose shares are even, uneven, and in the last batch of an epoch (one picture of 51) empty.

    Plain SGD in small steps: Adam divides gradients by their size, which makes rounding errors of the smallest ones
    as large as steps. `cifar4` has no dropout."""
    common = ["--variant", "cifar4", "--data", small_photos, "--recipe", "paper", "--learning-rate", "1e-4"]
    return [*map(str, common), "--epochs", "2", "--batch-size", "5"]


def assert_close(one, other, tolerance):
    """Tensors that differ by less than `tolerance` of the largest number in them."""
    one, other = load_file(one), load_file(other)
    assert set(one) == set(other)
    for name, tensor in one.items():
        np.testing.assert_allclose(other[name], tensor, rtol=0, atol=tolerance * np.abs(tensor).max(), err_msg=name)


def rows(run):
    return list(csv.DictReader((run / "metrics.csv").read_text().splitlines()))


def assert_same_bytes(one, other):
    for file in ("last/model.safetensors", "last/optimizer.safetensors", "best/model.safetensors", "report.json"):
        assert (one / file).read_bytes() == (other / file).read_bytes(), file


# ---- the same training -----------------------------------------------------------------------------


@gloo
def test_two_processes_train_as_one_with_the_same_batches(arguments, start_training, tmp_path):
    train.main([*arguments, "--out", str(tmp_path / "one")])
    job = start_training(*arguments, "--out", "two")
    status, out = job.finish()
    assert status == 0, out
    one, two = tmp_path / "one", tmp_path / "two"
    # float32 is good for 6e-8. Sums in another order differ by more where terms cancel, above all in the gradient of
    # the last bias: after 22 steps by 2e-5, its velocity by 2e-4. Shares that are not weighted give 0.9.
    assert_close(one / "last" / "model.safetensors", two / "last" / "model.safetensors", 1e-4)
    assert_close(one / "last" / "optimizer.safetensors", two / "last" / "optimizer.safetensors", 1e-3)
    for row, expected in zip(rows(two), rows(one), strict=True):
        assert (row["epoch"], row["split"], row["lr"]) == (expected["epoch"], expected["split"], expected["lr"])
        assert float(row["loss"]) == pytest.approx(float(expected["loss"]), rel=1e-4, abs=1e-5)
        assert row["top1"] == expected["top1"]
    assert (
        json.loads((two / "report.json").read_text())["confusion"]
        == (json.loads((one / "report.json").read_text())["confusion"])
    )
    assert json.loads((two / "config.json").read_text())["machine"]["processes"] == 2
    # One run folder, and one voice.
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "log"}
    assert "epoch   2/2" in out and "epoch" not in job.log(1)


def test_each_process_drops_other_units(monkeypatch):
    recipe = RECIPES["paper"].replace(learning_rate=1e-3)
    images, labels = paddle.rand([4, 3, 64, 64]), paddle.to_tensor([0, 1, 2, 3])

    def after_a_step(rank, dropout):
        monkeypatch.setattr(distributed, "_rank", rank)
        paddle.seed(0)
        trainer = Trainer(AlexNet(VARIANTS["mini"].replace(dropout=dropout)), recipe, [None], [None])
        trainer.train_step(images, labels)
        return np.concatenate([parameter.numpy().ravel() for parameter in trainer.model.parameters()])

    assert (after_a_step(0, 0.5) != after_a_step(1, 0.5)).any()
    assert (after_a_step(0, 0.0) == after_a_step(1, 0.0)).all()


@gloo
@pytest.mark.slow
def test_the_command_of_the_guide_trains(start, make_photos, tmp_path):
    make_photos(tmp_path / "photos")
    page = (ROOT / "course/guide/gpu.md").read_text("utf-8")
    lines = re.findall(r"^python -m paddle.distributed.launch (.*)$", page, re.M)
    (command,) = (line for line in lines if line.startswith("--nproc_per_node 2 python -m alexnet_paddle.train"))
    status, out = start(sys.executable, *shlex.split(command)[3:], "--epochs", "1").finish()
    assert status == 0, out
    assert (tmp_path / shlex.split(command)[-1] / "report.json").exists()


# ---- ends ------------------------------------------------------------------------------------------


@pytest.fixture
def longer(arguments):
    """Options of a training that can be stopped in the middle. Some batches of validation pictures (9 by 2 and 2)
    leave a process without a share."""
    return [*arguments, "--batch-size", "2", "--epochs", "8"]


@gloo
@pytest.mark.slow
def test_asked_to_stop_anywhere_all_stop_and_go_on_to_the_same_end(longer, start_training, tmp_path):
    status, out = start_training(*longer, "--out", "straight").finish()
    assert status == 0, out
    run = tmp_path / "run"
    job = start_training(*longer, "--out", run, "--workers", 1)
    job.wait_for((run / "last").exists)
    job.kill(1, signal.SIGTERM)
    status, out = job.finish()
    assert status == 130, out
    assert f"go on with --resume --out {run}" in out
    assert not (run / "report.json").exists()
    status, out = start_training("--resume", "--out", run, "--workers", 0).finish()
    assert status == 0, out
    assert_same_bytes(run, tmp_path / "straight")


@gloo
@pytest.mark.slow
def test_ctrl_c_to_the_launcher_saves_and_one_process_can_go_on(longer, start_training, tmp_path, capsys):
    run = tmp_path / "run"
    job = start_training(*longer, "--epochs", "40", "--out", run)
    job.wait_for((run / "last").exists)
    job.launcher.send_signal(signal.SIGINT)
    assert job.finish()[0] != 0
    where = re.search(r"interrupted; .* holds epoch (\d+), step (\d+); go on with --resume", job.log(0))
    state = Checkpoint.load(run / "last").state
    assert (state["epochs_done"] + 1, state["step"]) == tuple(map(int, where.groups()))
    assert state["epochs_done"] < 40
    train.main(["--resume", "--out", str(run)])
    assert "begun with processes 2, now 1" in capsys.readouterr().out
    assert json.loads((run / "report.json").read_text())["epochs"] == 40


@gloo
@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_job_with_an_error(longer, start_training, tmp_path, rank):
    run = tmp_path / "run"
    job = start_training(*longer, "--epochs", "1000", "--out", run)
    job.wait_for((run / "last").exists)
    job.kill(rank, signal.SIGKILL)
    status, out = job.finish()  # within its time limit
    assert status != 0
    assert "Pod failed" in out
    time.sleep(1)  # what was killed may take a moment to go
    assert not job.living()
    assert Checkpoint.load(run / "last").state["epochs_done"] >= 1  # a whole one


@gloo
@pytest.mark.slow
@pytest.mark.parametrize(
    "given, status, words",
    [
        (["--variant", "none"], 2, "train: --variant: invalid choice"),
        (["--data", "nowhere"], 2, "train: nowhere: no such folder"),
        (["--resume"], 2, "train: run: not a run folder"),
        (["--learning-rate", "1e30"], 1, "so the training has diverged"),
    ],
)
def test_what_is_wrong_is_said_on_the_terminal_and_gives_the_status(
    arguments, start_training, tmp_path, given, status, words
):
    job = start_training(*([] if given == ["--resume"] else arguments), "--out", "run", *given)
    found, out = job.finish()
    assert found == status, out
    assert words in out and "Traceback" not in job.log(0) + job.log(1)
    assert status == 1 or not (tmp_path / "run").exists()


# ---- words between the processes -------------------------------------------------------------------

WORDS = """
import time
import alexnet_paddle
from alexnet_paddle.training import distributed as d
d.start("cpu")
began, rank = time.monotonic(), d.rank()
assert d.world_size() == 2
assert d.broadcast_from_zero(lambda: time.sleep(33) or ("from", rank))() == ("from", 0)
assert time.monotonic() - began > 32
assert d.rank_zero(lambda more: rank + more)(5) == (5 if rank == 0 else None)
assert d.barrier(lambda: rank)() == rank
assert d.all_gather({"rank": rank}) == [{"rank": 0}, {"rank": 1}]
assert d.all_reduce([rank, 0.5, None, 2**40]) == [1, 1.0, None, 2**41]
assert d.any_rank(rank == 1) and not d.any_rank(False)
print("all as it should be")
"""


@gloo
@pytest.mark.slow
def test_a_process_may_be_waited_for_longer_than_gloo_does(start):
    job = start(sys.executable, "-c", WORDS)
    status, out = job.finish()
    assert status == 0, out
    assert "all as it should be" in job.log(0) and "all as it should be" in job.log(1)


@gloo
@pytest.mark.slow
def test_what_fails_in_one_process_ends_the_others_without_a_word(start):
    code = """
from alexnet_paddle.training import distributed
from alexnet_paddle.errors import InputError

def work():
    if distributed.rank() == 1:
        raise InputError("nothing here")

distributed.start("cpu")
distributed.barrier(work)()
print("went on")
"""
    job = start(sys.executable, "-c", code)
    status, out = job.finish()
    assert status != 0
    assert "InputError: nothing here" in job.log(1) and "InputError: nothing here" in out
    assert "Error" not in job.log(0) and "went on" not in job.log(0)


def test_alone_everything_is_done_here_and_at_once():
    assert (distributed.world_size(), distributed.rank()) == (1, 0)
    for mark in (distributed.barrier, distributed.rank_zero, distributed.broadcast_from_zero):
        assert mark(lambda word: word)("done") == "done"
    assert distributed.all_reduce([1, 0.5, None]) == [1, 0.5, None] and distributed.all_gather("x") == ["x"]
    model = object()
    assert distributed.parallel(model) is model


@pytest.mark.parametrize("place, status", [("0", 2), ("1", 0)])
def test_of_processes_that_fail_alike_the_first_of_a_machine_says_so(monkeypatch, place, status):
    monkeypatch.setenv("PADDLE_RANK_IN_NODE", place)
    with pytest.raises(SystemExit) as end, distributed.alike():
        raise SystemExit(2)
    assert end.value.code == status
