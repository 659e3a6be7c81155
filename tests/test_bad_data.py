"""Folders with files that are no pictures, and pictures that go away: what the commands say, and what is trained."""

import json
import os
import subprocess
import sys

import pytest

from alexnet_paddle import datasets, evaluate, train
from alexnet_paddle.datasets import __main__ as command
from alexnet_paddle.training import setup
from alexnet_paddle.training.checkpoint import Checkpoint

BAD = {
    "blue/notes.jpg": (b"dear reader", "unknown format"),
    "green/empty.png": (b"", "the file is empty"),
    "red/花 1.jpg": (b"\xff\xd8\xff\xe0", "unknown format"),
    "red/00.png": (None, "image file is truncated"),  # one that was good
}


@pytest.fixture
def folder(make_photos, tmp_path):
    """30 good pictures, 29 when `spoil` is through with them."""
    return make_photos(tmp_path / "photos", count=10)


def spoil(folder):
    for name, (content, _) in BAD.items():
        content = (folder / name).read_bytes()[:300] if content is None else content
        (folder / name).write_bytes(content)


def mend(folder):
    good = (folder / "blue" / "01.png").read_bytes()
    for name in BAD:
        (folder / name).write_bytes(good)


def remove(folder):
    for name in BAD:
        (folder / name).unlink()


@pytest.fixture
def options(folder):
    return ["--variant", "cifar4", "--data", folder, "--batch-size", 8, "--epochs", 1]


def assert_lists_all(err, folder):
    lines = err.splitlines()[1:]
    assert len(lines) == len(BAD)
    for name, (_, reason) in BAD.items():
        [line] = [line for line in lines if line.startswith(f"{folder / name}: ")]
        assert reason in line


def skipped_of(run):
    return json.loads((run / "config.json").read_text("utf-8"))["data"]["skipped"]


def same_files(one, other):
    names = [file.relative_to(one) for part in ("best", "last") for file in sorted((one / part).iterdir())]
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in [*names, "report.json"])


# ---- train -----------------------------------------------------------------------------------------


def test_train_lists_every_bad_file_and_leaves_nothing(folder, options, tmp_path, refused):
    spoil(folder)
    err = refused(train, *options, "--out", tmp_path / "run", lines=1 + len(BAD))
    hint = "remove or replace them, or leave them out with --skip-bad"
    assert err.splitlines()[0] == f"train: 4 of 33 pictures cannot be read; {hint}:"
    assert_lists_all(err, folder)
    assert not (tmp_path / "run").exists()


def test_without_bad_files_it_is_the_training_on_a_folder_that_never_had_them(folder, options, tmp_path, call):
    spoil(folder)
    status, out, err = call(train, *options, "--skip-bad", "--out", tmp_path / "skipped")
    assert status == 0, err
    assert "--skip-bad: 4 pictures are left out; config.json lists them\n" in out
    skipped = skipped_of(tmp_path / "skipped")
    assert set(skipped) == set(BAD) and all(BAD[name][1] in reason for name, reason in skipped.items())

    remove(folder)
    status, out, _ = call(train, *options, "--skip-bad", "--out", tmp_path / "removed")
    assert status == 0 and "--skip-bad" not in out and skipped_of(tmp_path / "removed") == {}
    assert same_files(tmp_path / "skipped", tmp_path / "removed")


def test_a_class_without_readable_pictures_is_refused(folder, options, tmp_path, refused):
    for path in (folder / "red").iterdir():
        path.write_bytes(b"")
    line = refused(train, *options, "--skip-bad", "--out", tmp_path / "run")
    assert line == f"train: {folder / 'red'}: holds no picture that can be read\n"


def test_a_resume_goes_on_without_the_same_files(folder, options, tmp_path, call, refused):
    spoil(folder)
    run = tmp_path / "run"
    call(train, *options, "--skip-bad", "--out", run)
    report = (run / "report.json").read_bytes()
    for change in (lambda: None, lambda: mend(folder), lambda: remove(folder)):
        change()  # also when they have been mended or removed meanwhile
        (run / "report.json").unlink()
        status, out, err = call(train, "--resume", "--out", run)
        assert status == 0, err
        assert "4 pictures are left out" in out and (run / "report.json").read_bytes() == report

    (run / "report.json").unlink()
    (folder / "green" / "05.png").write_bytes(b"")
    err = refused(train, "--resume", "--out", run, lines=2)
    first, second = err.splitlines()
    assert first == "train: 1 of 29 pictures cannot be read; put back those that the run was begun with:"
    assert second == f"{folder / 'green' / '05.png'}: the file is empty"
    (folder / "green" / "05.png").unlink()
    assert "other pictures than when" in refused(train, "--resume", "--out", run)


# ---- evaluate and pack -----------------------------------------------------------------------------


def test_evaluate_measures_the_same_test_pictures_and_lists_the_bad_ones_of_others(
    folder, options, tmp_path, call, refused
):
    spoil(folder)
    run = tmp_path / "run"
    call(train, *options, "--skip-bad", "--out", run)
    status, _, err = call(evaluate, run)
    assert status == 0, err
    measured, report = (json.loads((run / name).read_text()) for name in ("evaluation.json", "report.json"))
    assert measured["confusion"] == report["confusion"]
    (tmp_path / "others").mkdir()
    for name in ("blue", "green", "red"):
        (folder / name).rename(tmp_path / "others" / name)
    err = refused(evaluate, run, "--data", tmp_path / "others", lines=1 + len(BAD))
    assert err.startswith("evaluate: 4 of 33 pictures cannot be read; remove or replace them:\n")
    assert_lists_all(err, tmp_path / "others")


def test_a_folder_is_packed_without_its_bad_files_only_when_told(folder, options, tmp_path, call, refused):
    spoil(folder)
    pack = ["pack", folder, "--variant", "cifar4"]
    assert_lists_all(refused(command, *pack, lines=1 + len(BAD)), folder)
    assert not (folder / ".packed").exists()

    status, out, _ = call(command, *pack, "--skip-bad")
    assert status == 0 and "29 pictures of 37 x 37" in out and "without 4 that cannot be read" in out
    assert "up to date" in call(command, *pack, "--skip-bad")[1]
    assert_lists_all(refused(train, *options, "--out", tmp_path / "run", lines=1 + len(BAD)), folder)
    _, out, _ = call(train, *options, "--skip-bad", "--out", tmp_path / "packed")
    assert "4 pictures are left out" in out and "test, packed\n" in out and "packing" not in out

    for file in (folder / ".packed").iterdir():
        file.unlink()
    (folder / ".packed").rmdir()
    call(train, *options, "--skip-bad", "--out", tmp_path / "files")
    assert same_files(tmp_path / "packed", tmp_path / "files")


def test_a_stale_pack_is_made_again_without_the_bad_files(folder, options, tmp_path, call, refused):
    pack = folder / ".packed" / "squares-37.json"
    call(command, "pack", folder, "--variant", "cifar4")
    before = pack.read_bytes()
    spoil(folder)
    refused(train, *options, "--out", tmp_path / "run", lines=1 + len(BAD))
    assert pack.read_bytes() == before
    _, out, _ = call(train, *options, "--skip-bad", "--out", tmp_path / "run")
    assert "packing again" in out and "packing pictures: 29" in out and "test, packed\n" in out
    assert len(json.loads(pack.read_text())["pictures"]) == 29


# ---- pictures that go away -------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 2])
def test_a_picture_that_vanishes_in_training_is_one_line_and_the_checkpoint_stays(folder, tmp_path, workers):
    """In a process of its own, so that all it writes to stderr is seen, Paddle's threads and processes included."""
    run, gone = tmp_path / "run", datasets.load(str(folder)).train.paths[0]
    script = f"""
import sys
from pathlib import Path
from alexnet_paddle import cli, train
from alexnet_paddle.training import callbacks

written = callbacks.Checkpoints.on_checkpoint

def then_remove(self, trainer):
    written(self, trainer)
    if trainer.epochs_done == 2:
        Path({str(gone)!r}).rename({str(tmp_path / "kept.png")!r})

callbacks.Checkpoints.on_checkpoint = then_remove
sys.argv[1:] = ["--variant", "cifar4", "--data", {str(folder)!r}, "--batch-size", "4", "--epochs", "4"]
sys.argv += ["--workers", "{workers}", "--out", {str(run)!r}]
cli.run(train.main)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 2, done.stderr
    go_on = f"when it is back as it was, go on with --resume --out {run}"
    assert done.stderr == f"train: {gone}: no such file; {go_on}\n"
    assert Checkpoint.load(run / "last").state["epochs_done"] == 2

    (tmp_path / "kept.png").rename(gone)
    train.main(["--resume", "--out", str(run)])
    assert (run / "report.json").exists()


def test_pictures_that_go_bad_after_the_check_leave_no_run(folder, options, tmp_path, refused, monkeypatch):
    measure = setup.measure_statistics

    def meanwhile(*arguments):
        for path in folder.rglob("*.png"):
            path.write_bytes(b"")
        return measure(*arguments)

    monkeypatch.setattr(setup, "measure_statistics", meanwhile)
    assert "not a readable picture (the file is empty)" in refused(train, *options, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()
