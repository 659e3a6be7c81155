"""Checkpoints: bit for bit, whole whatever happens, never run as code, and resuming from one changes nothing."""

import hashlib
import json
import os
import pickle
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
import safetensors.numpy

from alexnet_paddle import RECIPES, VARIANTS, AlexNet, files
from alexnet_paddle.datasets.transforms import Preprocessing
from alexnet_paddle.errors import InputError
from alexnet_paddle.training import checkpoint
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.recipes import Schedule
from alexnet_paddle.training.trainer import Trainer

SMALL = VARIANTS["cifar4"].replace(image_size=16, num_classes=3)
FILES = ("model.safetensors", "preprocessing.safetensors", "optimizer.safetensors", "checkpoint.json")


def make(number=1, mean_shape=(3,), config=SMALL):
    """A checkpoint whose numbers follow from one number."""
    rng = np.random.default_rng(number)
    weights = {"conv1.weight": rng.standard_normal((4, 3, 5, 5)).astype("float32"), "fc2.bias": np.float32([number])}
    mean = rng.uniform(0, 255, mean_shape).astype("float32")
    return Checkpoint(
        config,
        RECIPES["quick"],
        classes=("daisy", "向日葵", "wild rose"),
        display_names={"daisy": {"en": "Daisy", "zh": "雏菊"}},
        preprocessing=Preprocessing(16, mean, rng.uniform(1, 60, 3).astype("float32")),
        weights=weights,
        optimizer={"conv1.weight/velocity": rng.standard_normal((4, 3, 5, 5)).astype("float32")},
        state={"epochs_done": number, "best_top1": 0.1 + 0.2, "learning_rate": {"last_lr": 1e-4 / 3}},
        versions={"paddle": paddle.__version__},
    )


def assert_same_tensors(got, expected):
    assert set(got) == set(expected)
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype and got[name].shape == tensor.shape, name
        assert got[name].tobytes() == tensor.tobytes(), name


def assert_same(got, expected):
    assert_same_tensors(got.weights, expected.weights)
    assert_same_tensors(got.optimizer, expected.optimizer)
    assert got.preprocessing.image_size == expected.preprocessing.image_size
    for part in ("mean", "std"):
        assert_same_tensors({part: getattr(got.preprocessing, part)}, {part: getattr(expected.preprocessing, part)})
    for part in ("config", "recipe", "classes", "display_names", "state", "versions"):
        assert getattr(got, part) == getattr(expected, part)


def weights_of(model):
    return {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}


# ---- save and load ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mean_shape", [(3,), (16, 16, 3)])
def test_what_is_saved_is_loaded_bit_for_bit(tmp_path, mean_shape):
    saved = make(mean_shape=mean_shape)
    saved.save(tmp_path / "deep" / "last")
    assert_same(Checkpoint.load(tmp_path / "deep" / "last"), saved)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["last"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_survives_the_way_through_the_file(tmp_path, variant):
    saved = make(config=VARIANTS[variant])
    saved.save(tmp_path / "last")
    assert Checkpoint.load(tmp_path / "last").config == VARIANTS[variant]


def test_the_files_are_plain_safetensors_and_json(tmp_path):
    saved = make()
    saved.save(tmp_path / "last")
    assert sorted(path.name for path in (tmp_path / "last").iterdir()) == sorted(FILES)
    assert_same_tensors(safetensors.numpy.load_file(tmp_path / "last" / "model.safetensors"), saved.weights)
    assert json.loads((tmp_path / "last" / "checkpoint.json").read_text("utf-8"))["classes"][1] == "向日葵"


def test_arrays_that_are_views_are_saved_as_they_look(tmp_path):
    pixels = np.arange(12, dtype="float32").reshape(3, 4)
    saved = make()
    saved.weights["view"] = pixels.T[::-1]
    saved.save(tmp_path / "last")
    np.testing.assert_array_equal(Checkpoint.load(tmp_path / "last").weights["view"], pixels.T[::-1])


def test_a_loaded_model_says_what_the_saved_one_said(tmp_path):
    paddle.seed(0)
    model = AlexNet(SMALL)
    model.eval()
    saved = make()
    Checkpoint(**{**vars(saved), "weights": weights_of(model)}).save(tmp_path / "best")
    images = paddle.rand([2, 3, 16, 16])
    restored = Checkpoint.load(tmp_path / "best").build_model()
    assert not restored.training
    np.testing.assert_array_equal(restored(images).numpy(), model(images).numpy())


def test_saving_takes_no_memory_of_the_size_of_the_weights(tmp_path):
    saved = make()
    saved.weights["large"] = np.ones(10_000_000, "float32")
    tracemalloc.start()
    try:
        saved.save(tmp_path / "last")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert_same(Checkpoint.load(tmp_path / "last"), saved)


# ---- a power cut -----------------------------------------------------------------------------------


class DiskLog:
    """What is written to the disk and renamed, in its order: ("flush", name) and ("rename", from, to)."""

    def __init__(self, monkeypatch):
        self.events, fsync = [], os.fsync

        def flush(descriptor):
            fsync(descriptor)
            self.events.append(("flush", os.fstat(descriptor).st_ino))

        monkeypatch.setattr(os, "fsync", flush)
        for name in ("rename", "replace"):
            monkeypatch.setattr(Path, name, self._renaming(getattr(Path, name)))

    def _renaming(self, real):
        def rename(path, target):
            found = real(path, target)
            self.events.append(("rename", path.name, Path(target).name))
            return found

        return rename

    def with_names(self, root):
        """The events. A file is known by its number, so that it does not matter where it was when it was flushed."""
        names = {path.stat().st_ino: path.name for path in (root, *root.rglob("*"))}
        return [(event[0], names[event[1]]) if event[0] == "flush" else event for event in self.events]


@pytest.mark.skipif(os.name == "nt", reason="Windows writes the names of files through by itself")
def test_a_file_is_on_the_disk_before_it_gets_its_name_and_the_name_before_it_is_done(tmp_path, monkeypatch):
    log = DiskLog(monkeypatch)
    files.write_whole(tmp_path / "report.json", b"{}")
    assert log.with_names(tmp_path) == [
        ("flush", "report.json"),
        ("rename", "report.json.new", "report.json"),
        ("flush", tmp_path.name),
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows writes the names of files through by itself")
def test_a_checkpoint_is_on_the_disk_before_it_takes_the_place_of_the_one_before(tmp_path, monkeypatch):
    make(1).save(tmp_path / "last")
    log, rmtree = DiskLog(monkeypatch), shutil.rmtree

    def remove(path, **how):
        log.events.append(("remove", path.name))
        rmtree(path, **how)

    monkeypatch.setattr(shutil, "rmtree", remove)
    make(2).save(tmp_path / "last")
    assert log.with_names(tmp_path) == [
        ("remove", "last.new"),  # of a writer that was stopped
        *[("flush", name) for name in FILES],
        ("flush", "last"),  # the folder with their names, while it still is last.new
        ("remove", "last.old"),
        ("rename", "last", "last.old"),
        ("rename", "last.new", "last"),
        ("flush", tmp_path.name),
        ("remove", "last.old"),
    ]


# ---- stopped while saving --------------------------------------------------------------------------


class Stopped(BaseException):
    """The process is gone: nothing may handle this."""


class StopAt:
    """Patches everything in `save` that touches the disk; the call of this number stops, before or half way."""

    def __init__(self, monkeypatch, number, halfway):
        self.number, self.halfway, self.calls = number, halfway, 0
        steps = [
            (Path, "rename", None),
            (shutil, "rmtree", self._remove_one),
            (checkpoint, "write_through", self._half),
        ]
        for owner, name, part in steps:
            monkeypatch.setattr(owner, name, self._step(getattr(owner, name), part))

    def _step(self, real, part):
        def step(*arguments, **options):
            self.calls += 1
            if self.calls == self.number:
                if self.halfway and part:
                    part(*arguments)
                raise Stopped
            return real(*arguments, **options)

        return step

    @staticmethod
    def _remove_one(folder):
        if folder.exists():
            min(folder.iterdir()).unlink()

    @staticmethod
    def _half(path, *parts):
        path.write_bytes(b"".join(parts[: 1 + len(parts) // 2])[:-1])


def leave_as_stopped_between_the_renames(folder):
    folder.rename(folder.with_name(folder.name + ".old"))
    shutil.copytree(folder.with_name(folder.name + ".old"), folder.with_name(folder.name + ".new"))


@pytest.mark.parametrize("halfway", [False, True])
@pytest.mark.parametrize("stopped_before", [False, True])
def test_stopped_anywhere_an_old_or_a_new_checkpoint_is_whole(tmp_path, monkeypatch, stopped_before, halfway):
    old, new, next_one = make(1), make(2), make(3)
    outcomes, number, finished = [], 0, False
    while not finished:
        number += 1
        folder = tmp_path / str(number) / "last"
        old.save(folder)
        if stopped_before:
            leave_as_stopped_between_the_renames(folder)
        with monkeypatch.context() as patched:
            StopAt(patched, number, halfway)
            try:
                new.save(folder)
                finished = True
            except Stopped:
                pass
        found = Checkpoint.load(folder)
        assert_same(found, {1: old, 2: new}[found.state["epochs_done"]])
        outcomes.append(found.state["epochs_done"])

        next_one.save(folder)
        assert_same(Checkpoint.load(folder), next_one)
        assert [path.name for path in folder.parent.iterdir()] == ["last"]
    assert number > 6 and outcomes == sorted(outcomes) and set(outcomes) == {1, 2}


# ---- what is not one of ours -----------------------------------------------------------------------


def alter_a_byte(path):
    data = bytearray(path.read_bytes())
    data[-3] ^= 128  # in JSON, no longer UTF-8
    path.write_bytes(data)


DAMAGE = {
    "altered": alter_a_byte,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_by_name(tmp_path, name, damage):
    make().save(tmp_path / "last")
    DAMAGE[damage](tmp_path / "last" / name)
    with pytest.raises(InputError) as refused:
        Checkpoint.load(tmp_path / "last")
    assert str(tmp_path / "last" / name) in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {"format": 1},
        lambda d: {"format": None},
        lambda d: {"config": None},
        lambda d: {"config": {"name": "mini"}},
        lambda d: {"config": {**d["config"], "depth": 8}},
        lambda d: {"config": {**d["config"], "rounding": "up"}},
        lambda d: {"sha256": {}},
        lambda d: {"sha256": None},
        lambda d: {"classes": None},
    ],
)
def test_a_description_that_is_not_ours_is_refused_by_name(tmp_path, change):
    make().save(tmp_path / "last")
    path = tmp_path / "last" / "checkpoint.json"
    description = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**description, **change(description)}))
    with pytest.raises(InputError) as refused:
        Checkpoint.load(tmp_path / "last")
    assert str(path) in str(refused.value)


def test_a_description_that_was_altered_is_refused(tmp_path):
    make(number=1).save(tmp_path / "last")
    path = tmp_path / "last" / "checkpoint.json"
    path.write_text(path.read_text("utf-8").replace('"epochs_done": 1', '"epochs_done": 7'), "utf-8")
    with pytest.raises(InputError, match="altered") as refused:
        Checkpoint.load(tmp_path / "last")
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", ["{}", "[1, 2]", "null", '{"format": 1}', "{", "\x00\x01"])
def test_foreign_json_is_refused_by_name(tmp_path, content):
    (tmp_path / "checkpoint.json").write_text(content)
    with pytest.raises(InputError) as refused:
        Checkpoint.load(tmp_path)
    assert str(tmp_path / "checkpoint.json") in str(refused.value)


class Payload:
    """Unpickling this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["model.safetensors", "net.pdparams"])
def test_a_pickle_is_refused_and_never_run(tmp_path, name):
    trace = tmp_path / "it ran"
    data = pickle.dumps({"conv1.weight": Payload(trace)})
    pickle.loads(data)
    assert trace.exists()  # the payload works
    trace.unlink()

    path = tmp_path / "last" / name
    make().save(path.parent)
    path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        checkpoint.read_weights(path)
    assert str(path) in str(refused.value)

    description = json.loads((path.parent / "checkpoint.json").read_text("utf-8"))
    description["sha256"][name] = hashlib.sha256(data).hexdigest()
    description["sha256"]["checkpoint.json"] = checkpoint._digest(description)
    (path.parent / "checkpoint.json").write_text(json.dumps(description))
    with pytest.raises(InputError, match="not a safetensors file"):
        Checkpoint.load(path.parent)
    assert not trace.exists()


# ---- weights ---------------------------------------------------------------------------------------


def test_weights_are_read_from_a_file_a_checkpoint_and_a_run(tmp_path):
    best, last = make(1), make(2)
    best.save(tmp_path / "run" / "best")
    last.save(tmp_path / "run" / "last")
    assert_same_tensors(checkpoint.read_weights(tmp_path / "run"), best.weights)
    assert_same_tensors(checkpoint.read_weights(tmp_path / "run" / "last"), last.weights)
    assert_same_tensors(checkpoint.read_weights(tmp_path / "run" / "last" / "model.safetensors"), last.weights)
    with pytest.raises(InputError, match="no such file") as refused:
        checkpoint.read_weights(tmp_path / "none.safetensors")
    assert "none.safetensors" in str(refused.value)


@pytest.mark.parametrize(
    "other, named",
    [
        (SMALL.replace(num_classes=4), "fc4.weight is [64, 4] in the weights and [64, 3]"),
        (SMALL.replace(in_channels=1), "conv1.weight"),
        (VARIANTS["mini"].replace(num_classes=3), "lack fc4.bias"),
    ],
)
def test_weights_of_another_net_are_refused_with_the_layers_name(other, named):
    model = AlexNet(SMALL)
    before = weights_of(model)
    with pytest.raises(InputError) as refused:
        checkpoint.set_weights(model, weights_of(AlexNet(other)))
    assert named in str(refused.value) and "'cifar4'" in str(refused.value)
    assert_same_tensors(weights_of(model), before)


def test_a_layer_too_few_is_named():
    model = AlexNet(SMALL)
    weights = weights_of(model)
    del weights["conv2.bias"]
    with pytest.raises(InputError, match="lack conv2.bias"):
        checkpoint.set_weights(model, weights)


def test_weights_of_another_type_of_number_are_refused_with_the_layers_name(tmp_path):
    model = AlexNet(SMALL)
    doubles = {name: tensor.astype("float64") for name, tensor in weights_of(model).items()}
    with pytest.raises(InputError, match="conv1.weight is float64 in the weights, and float32 is needed"):
        checkpoint.start_from_weights(model, doubles)
    header = json.dumps({"conv1.weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "half.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(InputError, match="half.safetensors: holds numbers of type 'BF16'"):
        checkpoint.read_weights(tmp_path / "half.safetensors")


FOREIGN = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[:-1],
    "cut in its header": lambda data: data[:40],
    "longer": lambda data: data + b"x",
    "a pickle": lambda data: pickle.dumps({"conv1.weight": 1}),
    "a zip": lambda data: b"PK\x03\x04" + data,
    "text": lambda data: b"conv1.weight 0 0 0\n" * 9,
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_weights_alone_is_refused_by_name_when_it_is_not_whole(tmp_path, kind):
    """It has no digest beside it."""
    make().save(tmp_path / "last")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(FOREIGN[kind]((tmp_path / "last" / "model.safetensors").read_bytes()))
    with pytest.raises(InputError, match="not a safetensors file") as refused:
        checkpoint.read_weights(path)
    assert str(path) in str(refused.value)


def test_starting_from_weights_takes_all_of_them_when_the_classes_are_the_same():
    model, trained = AlexNet(SMALL), weights_of(AlexNet(SMALL))
    assert checkpoint.start_from_weights(model, trained) is False
    assert_same_tensors(weights_of(model), trained)


def test_starting_from_weights_keeps_a_new_last_layer_when_the_classes_differ():
    model, trained = AlexNet(SMALL), weights_of(AlexNet(SMALL.replace(num_classes=7)))
    fresh = weights_of(model)
    assert checkpoint.start_from_weights(model, trained) is True
    last = {name: fresh[name] for name in ("fc4.weight", "fc4.bias")}
    assert_same_tensors(weights_of(model), {**trained, **last})


def test_starting_from_weights_refuses_another_net():
    with pytest.raises(InputError, match="conv1.weight"):
        checkpoint.start_from_weights(AlexNet(SMALL), weights_of(AlexNet(SMALL.replace(in_channels=1, num_classes=7))))


# ---- resuming --------------------------------------------------------------------------------------


# Schedules with so few steps that the learning rate moves while these tests train.
RESUMED = {
    "momentum": RECIPES["paper"],
    "adam": RECIPES["quick"].replace(epochs=1),
    "rmsprop": RECIPES["blog"].replace(schedule=Schedule("batches", every=2, factor=0.5)),
}


def trainer_for(recipe, seed):
    paddle.seed(seed)
    trainer = Trainer(AlexNet(SMALL), recipe, [None] * 10, None)
    trainer.model.train()
    return trainer


def steps(trainer, numbers):
    for number in numbers:
        rng = np.random.default_rng(number)
        images = paddle.to_tensor(rng.standard_normal((4, 3, 16, 16)).astype("float32"))
        F.cross_entropy(trainer.model(images), paddle.to_tensor(rng.integers(0, 3, 4))).backward()
        trainer.optimizer.step()
        trainer.optimizer.clear_grad()
        trainer.lr_schedule.after_batch()


def saved_and_loaded(trainer, folder):
    model = trainer.model
    Checkpoint(
        **{
            **vars(make(config=SMALL)),
            "weights": weights_of(model),
            "optimizer": checkpoint.optimizer_state(trainer.optimizer, model),
            "state": trainer.state(),
        }
    ).save(folder)
    return Checkpoint.load(folder)


@pytest.mark.parametrize("kind", RESUMED)
def test_training_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(tmp_path, kind):
    trainer = trainer_for(RESUMED[kind], seed=1)
    steps(trainer, range(3))
    loaded = saved_and_loaded(trainer, tmp_path / "last")
    steps(trainer, range(3, 5))

    resumed = trainer_for(RESUMED[kind], seed=2)
    checkpoint.set_optimizer_state(resumed.optimizer, resumed.model, loaded.optimizer)
    checkpoint.set_weights(resumed.model, loaded.weights)
    resumed.load_state(loaded.state)
    assert_same_tensors(checkpoint.optimizer_state(resumed.optimizer, resumed.model), loaded.optimizer)
    steps(resumed, range(3, 5))
    assert_same_tensors(weights_of(resumed.model), weights_of(trainer.model))
    assert resumed.lr_schedule.value() == trainer.lr_schedule.value()

    # The optimizer's state matters: with weights and learning rate alone the way is another.
    forgetful = trainer_for(RESUMED[kind], seed=2)
    checkpoint.set_weights(forgetful.model, loaded.weights)
    forgetful.load_state(loaded.state)
    steps(forgetful, range(3, 5))
    assert (weights_of(forgetful.model)["conv1.weight"] != weights_of(trainer.model)["conv1.weight"]).any()


@pytest.mark.parametrize("kind", RESUMED)
def test_optimizer_state_goes_by_the_layers_names(kind):
    trainer = trainer_for(RESUMED[kind], seed=1)
    steps(trainer, range(1))
    names = set(checkpoint.optimizer_state(trainer.optimizer, trainer.model))
    parts = {name.partition("/")[2] for name in names}
    assert names == {f"{name}/{part}" for name, _ in trainer.model.named_parameters() for part in parts}
    assert {"momentum": "velocity", "adam": "moment1", "rmsprop": "momentum"}[kind] in parts


def test_the_state_of_another_optimizer_is_refused():
    adam = trainer_for(RESUMED["adam"], seed=1)
    steps(adam, range(1))
    momentum = trainer_for(RESUMED["momentum"], seed=1)
    with pytest.raises(InputError, match="another net or optimizer"):
        checkpoint.set_optimizer_state(
            momentum.optimizer, momentum.model, checkpoint.optimizer_state(adam.optimizer, adam.model)
        )


@pytest.mark.parametrize("stop", [1, 3, 6])
def test_the_count_of_epochs_without_improvement_survives_a_resume(stop):
    straight, resumed = (trainer_for(RECIPES["paper"], seed=1) for _ in range(2))
    for _ in range(stop):
        straight.lr_schedule.after_epoch(0.5)
    resumed.load_state(json.loads(json.dumps(straight.state())))
    for _ in range(8):
        for trainer in (straight, resumed):
            trainer.lr_schedule.after_epoch(0.5)
        assert resumed.lr_schedule.value() == straight.lr_schedule.value()
    assert straight.lr_schedule.value() < 0.0011
