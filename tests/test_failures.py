"""What the training itself or the system refuses: a loss that is not finite, a full disk, no memory."""

import errno
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from processes import assert_same_runs, finish, start, unfinished

from alexnet_paddle import evaluate, export, plots, predict, train
from alexnet_paddle.datasets import __main__ as draw
from alexnet_paddle.errors import TrainingFailed
from alexnet_paddle.files import write_json, write_whole
from alexnet_paddle.training import callbacks, checkpoint, experiment, interruptions, run_folder, setup
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.run_folder import RunFolder


@pytest.fixture
def failed(call):
    """failed(module, *arguments) -> the one line on stderr of a command that must exit with status 1."""

    def run(module, *arguments):
        status, _, err = call(module, *arguments)
        assert status == 1, err
        assert err.count("\n") == 1 and "Traceback" not in err
        return err.removesuffix("\n")

    return run


def assert_all_finite(kept: Checkpoint):
    for name, tensor in {**kept.weights, **kept.optimizer}.items():
        assert np.isfinite(tensor).all(), name


# ---- not finite ------------------------------------------------------------------------------------


def test_a_training_that_diverges_stops_at_once_and_keeps_the_last_good_checkpoint(train_small, tmp_path, failed):
    run = tmp_path / "run"
    options = ("--recipe", "paper", "--learning-rate", 1e30, "--save-every", 1e-9)  # a checkpoint after each step
    status, _, line = finish(start(*train_small.arguments(run, *options)))
    assert status == 1 and line.count("\n") == 1, line  # no warnings either
    assert line.startswith("train: epoch 1, step 2 of 4: the loss is ")
    assert "at learning rate 1e+30" in line and "such as --learning-rate 1e+29" in line
    assert line.endswith(f"; {run / 'last'} holds the last good checkpoint\n")
    kept = Checkpoint.load(run / "last")
    assert (kept.state["epochs_done"], kept.state["step"]) == (0, 1)
    assert_all_finite(kept)
    assert not (run / "report.json").exists() and not unfinished(run)
    # Nothing has changed, so going on diverges in the same step.
    assert failed(train, "--resume", "--out", run) + "\n" == line
    # As it says: a smaller learning rate trains.
    train.main(train_small.arguments(tmp_path / "slower", "--recipe", "paper", "--learning-rate", "0.01"))


def test_the_validation_finds_what_the_last_update_of_an_epoch_broke(train_small, tmp_path, failed):
    run = tmp_path / "run"
    options = ("--recipe", "paper", "--learning-rate", "1e30", "--batch-size", "51")  # one step an epoch
    line = failed(train, *train_small.arguments(run, *options))
    assert line.startswith("train: epoch 1, step 1 of 1: the validation loss is nan at learning rate 1e+30, ")
    assert not (run / "last").exists() and "last good" not in line


def test_weights_that_are_not_finite_are_never_saved(train_small, small_run, tmp_path, failed, monkeypatch):
    """Also when no loss has shown it, for example because a ReLU made zeros of them."""
    run, write = tmp_path / "run", callbacks.MetricsFile.on_epoch_end

    def broken_in_epoch_2(self, trainer, scores, seconds):
        write(self, trainer, scores, seconds)
        if trainer.epochs_done == 2:
            bias = trainer.model.state_dict()["conv1.bias"]
            bias.set_value(np.full(bias.shape, np.nan, "float32"))

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.MetricsFile, "on_epoch_end", broken_in_epoch_2)
        line = failed(train, *train_small.arguments(run))
    assert line.startswith("train: epoch 2, step 4 of 4: conv1.bias is not finite at learning rate 0.00")
    for kept in (Checkpoint.load(run / "last"), Checkpoint.load(run / "best")):
        assert kept.state["epochs_done"] == 1
        assert_all_finite(kept)
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, small_run)


@pytest.mark.parametrize("part", ["weights", "optimizer"])
def test_no_number_that_is_not_finite_is_saved(tmp_path, part):
    tensors = {"weights": {"conv1.weight": np.ones(3)}, "optimizer": {"conv1.weight/velocity": np.ones(3)}}
    name = next(iter(tensors[part]))
    tensors[part][name][1] = np.inf
    trainer = SimpleNamespace(diverged=lambda what: TrainingFailed(what))
    save = callbacks.Checkpoints(None, None, lambda trainer: SimpleNamespace(**tensors), 60).save
    with pytest.raises(TrainingFailed, match=f"{name} is not finite"):
        save(trainer, tmp_path / "last")
    assert not any(tmp_path.iterdir())


# ---- a full disk -----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB with `fill()`, after which nothing more can be written, and `make_room()`."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    filler = place / "filler"

    def fill():
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def make_room():
        filler.unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)

    yield SimpleNamespace(place=place, fill=fill, make_room=make_room)
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_too_small_for_the_checkpoints(small_disk, train_small, small_run, failed):
    run = small_disk.place / "run"
    (small_disk.place / "other").write_bytes(bytes(600_000))  # best/ and last/ fit beside it, and no third
    line = failed(train, *train_small.arguments(run))
    assert line.startswith(f"train: {run / 'last.new'}") and "No space left on device; make room there" in line
    assert line.endswith(f"then go on with --resume --out {run}")
    assert Checkpoint.load(run / "last").state["epochs_done"] == 1
    assert not unfinished(run)
    small_disk.make_room()
    train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, small_run)


# What is written, by which function of which module, and at which of its calls the disk is full.
WRITES = {
    "config.json": (run_folder, "write_json", 1),
    "metrics.csv": (callbacks, "write_whole", 3),
    "best.new/model.safetensors": (checkpoint, "write_through", 1),
    "last.new/optimizer.safetensors": (checkpoint, "write_through", 7),
    "last.new/checkpoint.json": (checkpoint, "write_through", 12),
    "curves.png": (plots.figure, "write_whole", 1),
    "confusion.png": (plots.figure, "write_whole", 2),
    "report.json": (experiment, "write_json", 1),
}


@pytest.mark.parametrize("name", WRITES)
def test_the_disk_is_full_when_it_writes(name, small_disk, train_small, small_run, failed, monkeypatch):
    module, function, number = WRITES[name]
    write, calls, run = getattr(module, function), [], small_disk.place / "run"

    def write_on_a_full_disk(*arguments):
        calls.append(arguments)
        if len(calls) == number:
            small_disk.fill()
        write(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(module, function, write_on_a_full_disk)
        line = failed(train, *train_small.arguments(run))
    assert line.startswith(f"train: {run / name}") and "No space left on device; make room there" in line
    assert not unfinished(run)
    kept = [folder for folder in (run / "best", run / "last") if folder.exists()]
    for folder in kept:
        assert_all_finite(Checkpoint.load(folder))
    assert bool(kept) == (name not in ("config.json", "best.new/model.safetensors"))
    small_disk.make_room()
    if name == "config.json":
        train.main(train_small.arguments(run))
    else:
        assert line.endswith(f"then go on with --resume --out {run}")
        train.main(["--resume", "--out", str(run)])
    assert_same_runs(run, small_run)


@pytest.mark.parametrize("write", [write_whole, lambda path, data: write_json(path, {"text": data.decode()})])
def test_a_file_on_a_full_disk_stays_what_it_was(small_disk, write):
    path = small_disk.place / "file"
    write(path, b"old")
    before = path.read_bytes()
    small_disk.fill()
    with pytest.raises(OSError, match="No space left") as full:
        write(path, b"new" * 100_000)
    assert Path(full.value.filename).name == "file.new"
    assert path.read_bytes() == before and not unfinished(small_disk.place)


def test_other_commands_say_it_in_one_line_too(small_disk, small_run, small_photos, failed, refused, monkeypatch):
    shutil.copytree(small_run, small_disk.place / "run")
    small_disk.fill()
    before = sorted(small_disk.place.rglob("*"))
    line = failed(evaluate, small_disk.place / "run")
    place = small_disk.place / "run" / "evaluation.png.new"
    assert line == f"evaluate: {place}: No space left on device; make room there"
    photo, picture = next(small_photos.rglob("*.png")), small_disk.place / "seen.png"
    assert "No space left" in refused(predict, small_run, photo, "--picture", picture)
    assert "No space left" in refused(export, small_disk.place / "run")
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(small_disk.place))
    assert "petals: cannot be made (No space left" in refused(draw, "petals")
    assert sorted(small_disk.place.rglob("*")) == before


def test_another_error_of_the_system_names_its_file_and_how_to_go_on(tmp_path):
    run = RunFolder(tmp_path)
    write_json(run.config_file, {})
    with pytest.raises(TrainingFailed) as failed, interruptions.in_words(run, 32):
        raise PermissionError(errno.EACCES, "Permission denied", "runs/a/metrics.csv.new")
    go_on = f"put that right, then go on with --resume --out {tmp_path}"
    assert str(failed.value) == f"runs/a/metrics.csv.new: Permission denied; {go_on}"


# ---- no memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("(ResourceExhausted) Fail to alloc memory of 30707712 size, error code is 12."),
        np._core._exceptions._ArrayMemoryError((3, 4), np.dtype("float32")) if hasattr(np, "_core") else MemoryError(),
        OSError("(External) Error message in backward of GradNodePyLayer: MemoryError: (ResourceExhausted) Fail to"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),  # a process cannot be forked
        RuntimeError("ResourceExhaustedError:\n\nOut of memory error on GPU 0. Cannot allocate 15.503906GB memory"),
        OSError("(External) CUDA error(2), out of memory."),
        OSError("(External) CUBLAS error(3), CUBLAS_STATUS_ALLOC_FAILED."),
    ],
)
def test_every_way_in_which_memory_ends_is_said_with_the_batch_size(tmp_path, error):
    says = "out of memory with batches of 32; .* smaller --batch-size"
    with pytest.raises(TrainingFailed, match=says), interruptions.in_words(RunFolder(tmp_path), 32):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("(InvalidArgument) shapes"), OSError("(External) an error of ours")])
def test_an_error_of_the_program_is_not_taken_for_one_of_the_system(tmp_path, error):
    with pytest.raises(type(error)) as raised, interruptions.in_words(RunFolder(tmp_path), 32):
        raise error
    assert raised.value is error


def test_a_batch_that_cannot_fit_is_refused_before_training(small_photos, tmp_path, refused, monkeypatch):
    (tmp_path / "memory.max").write_text("200000000\n")
    (tmp_path / "no limit").write_text("max\n")
    places = [str(tmp_path / name) for name in ("memory.max", "no limit", "not there")]
    arguments = ["--data", small_photos, "--variant", "half", "--out", tmp_path / "run"]
    monkeypatch.setattr(setup, "CGROUP_LIMITS", places)
    line = refused(train, *arguments, "--batch-size", 51)
    assert line.startswith("train: --batch-size 51: takes at least ") and "there are only 0.2 GB" in line
    monkeypatch.setattr(setup, "CGROUP_LIMITS", [])
    assert "--batch-size 100000000: takes at least" in refused(train, *arguments, "--batch-size", 100_000_000)
    assert not (tmp_path / "run").exists()


LIMITED = """
    import resource, sys
    from pathlib import Path
    from alexnet_paddle import cli, train
    from alexnet_paddle.training import checkpoint, trainer
    import paddle

    def limit(more):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    def limited(owner, name, more):
        real = getattr(owner, name)
        def function(*arguments, **options):
            limit(more)
            return real(*arguments, **options)
        setattr(owner, name, function)

    where = sys.argv.pop(1)
    if where == "forward":
        limited(trainer.Trainer, "train_step", 30 << 20)
    if where == "backward":
        limited(paddle.Tensor, "backward", 0)
    cli.run(train.main)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
@pytest.mark.parametrize("where", ["forward", "backward"])
def test_memory_that_ends_in_the_training_is_said_with_the_batch_size(small_photos, tmp_path, where):
    options = ["--variant", "half", "--batch-size", "51", "--data", small_photos, "--out", tmp_path / "run"]
    command = [sys.executable, "-c", textwrap.dedent(LIMITED), where, *options, "--epochs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("train: out of memory with batches of 51; ")
    assert "Traceback" not in done.stderr
