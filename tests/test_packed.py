"""The packed form: the same batches as from the files, and never used when it is not whole or not current."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import PIL
import pytest
from PIL import Image

from alexnet_paddle import RECIPES, datasets, evaluate, reporter, train
from alexnet_paddle.datasets import __main__ as command
from alexnet_paddle.datasets import packed
from alexnet_paddle.datasets.loader import eval_loader, train_loader
from alexnet_paddle.datasets.transforms import Preprocessing, Statistics, TrainTransform, central_square, resize_side
from alexnet_paddle.errors import InputError

SIZE = 32
SIDE = resize_side(SIZE)


@pytest.fixture
def folder(make_photos, tmp_path):
    return make_photos(tmp_path / "photos", count=10)


def pack_of(folder, side=SIDE):
    return packed.Pack(datasets.load(str(folder)), side)


@pytest.fixture
def pack(folder):
    """A fresh pack of `folder`."""
    pack = pack_of(folder)
    pack.build()
    return pack


@pytest.fixture
def heard(monkeypatch):
    """heard() -> the list that from now on holds what is said, without bars."""

    def listen():
        said = []
        monkeypatch.setattr(reporter, "say", said.append)
        monkeypatch.setattr(reporter, "progress", lambda items, description: items)
        return said

    return listen


@pytest.fixture
def build_with(monkeypatch):
    """build_with(pack, progress): a build during which something happens."""

    def build(pack, progress):
        with monkeypatch.context() as patch:
            patch.setattr(reporter, "progress", progress)
            pack.build()

    return build


def reason(folder, side=SIDE):
    """Why the folder's pack must not be used."""
    with pytest.raises(packed.StalePack) as refused:
        pack_of(folder, side).use()
    return str(refused.value)


def files(folder):
    return sorted(path.name for path in (folder / ".packed").glob("*"))


NAMES = [f"squares-{SIDE}.json", f"squares-{SIDE}.npy"]


# ---- the same batches ------------------------------------------------------------------------------


def batches(loader, epoch=1):
    loader.batch_sampler.epoch = epoch
    return [tensor.numpy().tobytes() for batch in loader for tensor in batch]


def test_the_pack_holds_the_squares_and_the_splits_keep_their_pictures(folder, pack):
    files, dataset = pack.dataset, pack.use()
    assert dataset.packed and not files.packed
    assert dataset.fingerprint == files.fingerprint
    for name, split in dataset.splits.items():
        assert isinstance(split, packed.PackedFiles)
        assert split.labels.tolist() == files.splits[name].labels.tolist()
        for i in range(len(split)):
            np.testing.assert_array_equal(split.square(i, SIDE), files.splits[name].square(i, SIDE))
    assert np.load(pack.squares).shape == (30, 3, SIDE, SIDE)
    part = dataset.train.subset([4, 2])
    np.testing.assert_array_equal(part.square(1, SIDE), dataset.train.square(2, SIDE))
    np.testing.assert_array_equal(part.square(1, 20), central_square(dataset.train.image(2), 20))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("recipe", RECIPES)
def test_training_batches_are_the_same_to_the_bit(pack, recipe, workers):
    augmentation, loaders = RECIPES[recipe].augmentation, []
    for split in (pack.dataset.train, pack.use().train):
        statistics = Statistics.of(split.square(i, SIDE) for i in range(len(split)))
        preprocessing = Preprocessing.fit(SIZE, augmentation.normalise, statistics)
        transform = TrainTransform(augmentation, preprocessing, statistics.color_axes)
        # The files always without workers: so the packed ones are also compared between numbers of workers.
        loaders.append(train_loader(split, transform, 8, seed=3, workers=workers if loaders else 0))
    for epoch in (1, 2):
        assert batches(loaders[0], epoch) == batches(loaders[1], epoch)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ten_crop", [False, True])
def test_evaluation_batches_are_the_same_to_the_bit(pack, ten_crop, workers):
    rng = np.random.default_rng(0)
    mean = rng.uniform(0, 255, (SIZE, SIZE, 3)).astype("float32")
    preprocessing = Preprocessing(SIZE, mean, np.float32([50, 60, 70]))
    plain = batches(eval_loader(pack.dataset.val, preprocessing, 4, 0, ten_crop))
    assert batches(eval_loader(pack.use().val, preprocessing, 4, workers, ten_crop)) == plain


# ---- what is never used ----------------------------------------------------------------------------


def shorten(path, share=0.7):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def keep_times(path, change):
    """Change a file behind the back of everyone who looks at its time."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def repaint(path):
    Image.new("RGB", (44, 52)).save(path)


DAMAGES = {  # what happens to the folder or its pack -> a word of the reason
    "squares cut short": (lambda root, pack: shorten(pack.squares), "squares"),
    "squares cut short, with the old time": (lambda root, pack: keep_times(pack.squares, shorten), "squares"),
    "squares cut to nothing": (lambda root, pack: shorten(pack.squares, 0), "squares"),
    "squares longer": (lambda root, pack: pack.squares.write_bytes(pack.squares.read_bytes() + b"x"), "squares"),
    "squares gone": (lambda root, pack: pack.squares.unlink(), "squares"),
    "another file of squares": (lambda root, pack: np.save(pack.squares, np.load(pack.squares)), "squares"),
    "index cut short": (lambda root, pack: shorten(pack.index), "index"),
    "index empty": (lambda root, pack: shorten(pack.index, 0), "index"),
    "index gone": (lambda root, pack: pack.index.unlink(), "no index"),
    "index not text": (lambda root, pack: pack.index.write_bytes(b"\xff\xfe\x00"), "index"),
    "a foreign list": (lambda root, pack: pack.index.write_text("[1, 2]"), "format"),
    "a foreign object": (lambda root, pack: pack.index.write_text('{"name": "petals"}'), "format"),
    "no pictures named": (lambda root, pack: edit(pack.index, pictures=None), "pictures"),
    "another format": (lambda root, pack: edit(pack.index, format=packed.FORMAT + 1), "format"),
    "another side": (lambda root, pack: edit(pack.index, side=SIDE + 1), "side"),
    "another Pillow": (lambda root, pack: edit(pack.index, pillow="1.0"), "pillow 1.0"),
    "a picture touched": (lambda root, pack: os.utime(root / "red" / "03.png", ns=(1, 1)), "red/03.png has changed"),
    "a picture changed, with the old time": (
        lambda root, pack: keep_times(root / "red" / "03.png", repaint),
        "red/03.png has changed",
    ),
    "a picture added": (lambda root, pack: repaint(root / "red" / "new.png"), "red/new.png is new"),
    "a picture removed": (lambda root, pack: (root / "red" / "03.png").unlink(), "red/03.png is gone"),
    "a picture renamed": (
        lambda root, pack: (root / "red" / "03.png").rename(root / "red" / "z.png"),
        "red/z.png is new",
    ),
    "a picture moved to another class": (
        lambda root, pack: (root / "red" / "03.png").rename(root / "blue" / "z.png"),
        "blue/z.png is new",
    ),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_a_pack_that_does_not_fit_is_never_used_and_made_again(folder, pack, heard, case):
    damage, word = DAMAGES[case]
    damage(folder, pack)
    assert word in reason(folder)
    dataset = datasets.load(str(folder))
    assert not packed.use_if_current(dataset, SIDE).packed

    said = heard()
    again = packed.use(dataset, SIDE)
    assert again.packed and len(said) == 1 and word in said[0] and str(pack.squares) in said[0]
    for i in range(len(again.train)):
        np.testing.assert_array_equal(again.train.square(i, SIDE), dataset.train.square(i, SIDE))
    assert files(folder) == NAMES


@pytest.mark.parametrize(
    "header", [b"PK\x03\x04 an archive", b"\x93NUMPY\x01\x00\x02\x00{(", b"", b"\x93NUMPY\x09\x00"]
)
def test_a_damaged_header_is_found_even_if_the_index_agrees(folder, pack, header):
    data = pack.squares.read_bytes()
    pack.squares.write_bytes(header + data[len(header) :] if header else b"")
    edit(pack.index, squares=packed._stat(pack.squares))
    assert "damaged" in reason(folder)


@pytest.mark.parametrize(
    "wrong", [lambda a: a[1:], lambda a: a.astype("int8"), lambda a: a.swapaxes(1, 3), np.asfortranarray]
)
def test_squares_of_another_form_are_found_even_if_the_index_agrees(folder, pack, wrong):
    np.save(pack.squares, wrong(np.load(pack.squares)))
    edit(pack.index, squares=packed._stat(pack.squares))
    assert "damaged" in reason(folder)


def test_another_version_of_pillow_makes_it_stale(folder, pack, monkeypatch):
    monkeypatch.setattr(PIL, "__version__", "99.0")
    assert reason(folder) == f"it has pillow {json.loads(pack.index.read_text())['pillow']}, not 99.0"


def test_a_pack_of_another_side_is_another_pack(folder, pack):
    assert reason(folder, SIDE + 1) == "it has no index"
    pack_of(folder, SIDE + 1).build()
    assert len(files(folder)) == 4 and pack_of(folder).use().packed


def test_a_picture_changed_while_it_is_packed_makes_the_pack_stale(folder, build_with):
    def meanwhile(items, description):
        yield from items
        repaint(folder / "red" / "03.png")

    build_with(pack_of(folder), meanwhile)
    assert reason(folder) == "red/03.png has changed"


# ---- interrupted builds ----------------------------------------------------------------------------


class Stop(Exception):
    pass


def stop_after(count):
    def items_until(items, description):
        for number, item in enumerate(items):
            if number == count:
                raise Stop
            yield item

    return items_until


@pytest.mark.parametrize("count", [0, 7, 29])
def test_a_build_that_stops_leaves_nothing(folder, build_with, count):
    with pytest.raises(Stop):
        build_with(pack_of(folder), stop_after(count))
    assert not (folder / ".packed").exists()
    assert not packed.use(datasets.load(str(folder)), SIDE).packed


def test_a_second_build_that_stops_leaves_the_first(folder, pack, build_with):
    before = pack.index.read_bytes()
    with pytest.raises(Stop):
        build_with(pack_of(folder), stop_after(7))
    assert files(folder) == NAMES and pack.index.read_bytes() == before and pack.use().packed


def test_between_its_two_renames_a_build_is_not_used(folder, pack, monkeypatch):
    index, squares = pack.index.read_bytes(), np.array(np.load(pack.squares))
    before = (folder / "red" / "03.png").read_bytes(), (folder / "red" / "03.png").stat()
    repaint(folder / "red" / "03.png")
    pack_of(folder).build()
    pack.index.write_bytes(index)  # as if the second rename had not come
    (folder / "red" / "03.png").write_bytes(before[0])  # and the picture is again the one that the index knows
    os.utime(folder / "red" / "03.png", ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    assert (np.load(pack.squares) != squares).any()
    assert "squares" in reason(folder)


def test_a_killed_build_leaves_nothing_that_is_used(folder):
    """A real `kill -9` in the middle of the work."""
    script = f"""
import time
from alexnet_paddle import datasets, reporter
from alexnet_paddle.datasets import packed

def wait(items, description):
    for number, item in enumerate(items):
        if number == 20:
            print("now", flush=True)
            time.sleep(60)
        yield item

reporter.progress = wait
packed.Pack(datasets.load({str(folder)!r}), {SIDE}).build()
"""
    builder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert builder.stdout.readline() == "now\n"
    builder.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    builder.wait()
    builder.stdout.close()
    assert [name for name in files(folder) if name.endswith(".new")] == files(folder) != []

    assert not pack_of(folder).exists
    assert not packed.use(datasets.load(str(folder)), SIDE).packed
    pack_of(folder).build()
    assert files(folder) == NAMES and pack_of(folder).use().packed


def test_two_builds_at_once_end_with_one_pack(folder, build_with):
    def other_first(items, description):
        items = iter(items)
        yield next(items)
        build_with(pack_of(folder), lambda items, description: items)
        yield from items

    pack = pack_of(folder)
    build_with(pack, other_first)
    assert files(folder) == NAMES and pack.use().packed


# ---- what cannot be packed -------------------------------------------------------------------------


def test_an_undecodable_picture_is_named_and_nothing_is_left(folder):
    (folder / "red" / "notes.jpg").write_text("not a picture")
    with pytest.raises(InputError, match=r"notes\.jpg: not a readable picture"):
        pack_of(folder).build()
    assert not (folder / ".packed").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_folder_that_cannot_be_written_is_one_line_and_training_reads_the_files(
    folder, pack, heard, monkeypatch, error
):
    def fail(file):
        raise error

    monkeypatch.setattr(packed, "_to_disk", fail)
    os.utime(folder / "red" / "03.png", ns=(1, 1))
    dataset = datasets.load(str(folder))
    with pytest.raises(packed.CannotWrite, match=error.strerror) as refused:
        pack_of(folder).build()
    assert str(folder / ".packed") in str(refused.value) and "\n" not in str(refused.value)
    assert files(folder) == NAMES
    said = heard()
    assert not packed.use(dataset, SIDE).packed
    assert "packing again" in said[0] and error.strerror in said[1]


# ---- the commands ----------------------------------------------------------------------------------


def test_pack_says_what_it_made_and_when_nothing_is_to_do(folder, call):
    status, out, _ = call(command, "pack", folder, "--variant", "cifar4")
    squares = folder / ".packed" / f"squares-{SIDE}.npy"
    last = f"{squares}: 30 pictures of {SIDE} x {SIDE}, {squares.stat().st_size / 1e6:.1f} MB"
    assert status == 0 and out.splitlines() == ["checking pictures: 30", "packing pictures: 30", last]
    assert call(command, "pack", folder, "--variant", "cifar4")[1].splitlines() == ["up to date", last]
    os.utime(folder / "red" / "03.png", ns=(1, 1))
    assert "packing pictures: 30" in call(command, "pack", folder, "--variant", "cifar4")[1]
    call(command, "pack", folder)
    assert f"squares-{resize_side(64)}.npy" in files(folder)


def test_pack_names_what_is_wrong(folder, tmp_path, refused):
    (tmp_path / "empty").mkdir()
    (folder / ".packed").write_text("in the way")
    for arguments, says in (
        (["pack"], "DIR"),
        (["petals", folder], "unrecognized"),
        (["pack", folder, "--variant", "alexnet"], "--variant"),
        (["pack", tmp_path / "nowhere"], "nowhere: no such folder"),
        (["pack", tmp_path / "empty"], "empty: has no class folders"),
        (["pack", "cifar10"], "not a folder of pictures"),
        (["pack", folder], f"{folder / '.packed'}: the pack cannot be written"),
    ):
        assert says in refused(command, *arguments)
    (folder / ".packed").unlink()
    (folder / "blue" / "cut.png").write_bytes((folder / "blue" / "00.png").read_bytes()[:500])


def test_training_and_evaluation_use_the_pack_and_get_the_same_result(folder, tmp_path, call, monkeypatch):
    options = ["--variant", "cifar4", "--data", folder, "--batch-size", "16", "--epochs", "1"]
    _, out, _ = call(train, *options, "--out", tmp_path / "files")
    assert "checking pictures" in out and "packed" not in out and not (folder / ".packed").exists()

    call(command, "pack", folder, "--variant", "cifar4")
    opened = []
    monkeypatch.setattr(datasets.folders, "open_image", lambda path: opened.append(path))
    _, out, _ = call(train, *options, "--out", tmp_path / "packed")
    assert "checking pictures" not in out and "test, packed\n" in out
    call(evaluate, tmp_path / "packed")
    call(evaluate, tmp_path / "packed", "--ten-crop")
    assert not opened
    for name in ("report.json", "last/model.safetensors", "best/preprocessing.safetensors"):
        assert (tmp_path / "files" / name).read_bytes() == (tmp_path / "packed" / name).read_bytes(), name


def test_a_stale_pack_is_packed_again_by_train_and_left_alone_by_evaluate(folder, tmp_path, call):
    call(command, "pack", folder, "--variant", "cifar4")
    os.utime(folder / "red" / "03.png", ns=(1, 1))
    options = ["--variant", "cifar4", "--data", folder, "--epochs", "1", "--out", tmp_path / "run"]
    status, out, _ = call(train, *options)
    assert status == 0 and out.count("pack: ") == 1
    assert f"squares-{SIDE}.npy is out of date (red/03.png has changed); packing again" in out
    assert "packing pictures: 30" in out and "test, packed\n" in out

    os.utime(folder / "red" / "03.png", ns=(2, 2))
    status, out, _ = call(evaluate, tmp_path / "run")
    assert status == 0 and "packing" not in out
    assert reason(folder) == "red/03.png has changed"


def test_a_recipe_that_crops_whole_pictures_says_that_it_reads_them(folder, tmp_path, call):
    call(command, "pack", folder, "--variant", "cifar4")
    options = ["--variant", "cifar4", "--data", folder, "--epochs", "1", "--recipe", "blog"]
    _, out, _ = call(train, *options, "--out", tmp_path / "packed")
    assert "pack: recipe blog crops the whole pictures, so those for training are read from their files" in out
    (folder / ".packed" / f"squares-{SIDE}.npy").unlink()
    (folder / ".packed" / f"squares-{SIDE}.json").unlink()
    call(train, *options, "--out", tmp_path / "files")
    for name in ("report.json", "last/model.safetensors"):
        assert (tmp_path / "files" / name).read_bytes() == (tmp_path / "packed" / name).read_bytes(), name


def test_petals_are_packed_by_themselves(heard, tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(tmp_path))
    monkeypatch.setattr(datasets.petals, "SPLITS", {"train": 2, "val": 1, "test": 1})
    said = heard()
    for _ in range(2):
        assert packed.use(datasets.load("petals"), SIDE).packed
    assert not said and files(tmp_path / "petals") == NAMES
    repaint(tmp_path / "petals" / "train" / "rose" / "0001.png")
    assert packed.use(datasets.load("petals"), SIDE).packed
    assert len(said) == 1 and "train/rose/0001.png has changed" in said[0]
