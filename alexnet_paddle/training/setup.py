"""The one place where data, net and recipe become a `Trainer`: statistics of the pictures, how they become the net's
input, the loaders, the loop. Used by train, doctor, ablate, benchmark and the tests."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from alexnet_paddle import datasets, runtime
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.datasets import Dataset, packed
from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.loader import eval_loader, train_loader
from alexnet_paddle.datasets.transforms import FIXED, Inputs, Preprocessing, Statistics, TrainTransform, resize_side
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.model import AlexNet
from alexnet_paddle.reporter import progress, say
from alexnet_paddle.training import distributed
from alexnet_paddle.training.options import Options
from alexnet_paddle.training.recipes import Recipe
from alexnet_paddle.training.trainer import Trainer

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2, version 1
STATISTICS_IMAGES = 10_000  # enough for means and covariances; ImageNet's 1.2 million would take hours


# ---- from pictures, a net and a recipe to a trainer ---------------------------------------------------


def measure_statistics(split: Pictures, image_size: int, recipe: Recipe) -> Statistics | None:
    """Of a split's squares, STATISTICS_IMAGES of them at most; None where the recipe needs none."""
    augmentation = recipe.augmentation
    if augmentation.normalise in FIXED and not augmentation.color_pca:
        return None
    side, count = resize_side(image_size), min(len(split), STATISTICS_IMAGES)
    chosen = np.linspace(0, len(split) - 1, count).astype(int).tolist()
    return Statistics.of(split.square(index, side) for index in progress(chosen, "measuring colours"))


def fit_inputs(recipe: Recipe, image_size: int, statistics: Statistics | None) -> Inputs:
    """The inputs that the recipe asks for, from the training pictures' statistics."""
    preprocessing = Preprocessing.fit(image_size, recipe.augmentation.normalise, statistics)
    return Inputs(preprocessing, statistics.color_axes if statistics else np.zeros((3, 3)))


def build_model(config: AlexNetConfig, seed: int) -> AlexNet:
    """The net at its beginning: the same seed gives the same weights."""
    runtime.seed_everything(seed)
    return AlexNet(config)


def build_trainer(
    model: AlexNet,
    recipe: Recipe,
    train: Pictures,
    val: Pictures,
    inputs: Inputs,
    *,
    seed: int,
    workers: int = 0,
    amp: bool = False,
    callbacks: Sequence[object] = (),
) -> Trainer:
    """A training of `model` on the split `train`, at its beginning. Of several processes each gets its part of every
    batch."""
    transform = TrainTransform(recipe.augmentation, inputs.preprocessing, inputs.color_axes)
    part = distributed.rank(), distributed.world_size()
    return Trainer(
        model,
        recipe,
        train_loader(train, transform, recipe.batch_size, seed, workers, part=part),
        eval_loader(val, inputs.preprocessing, recipe.batch_size, workers, part=part),
        seed=seed,
        amp=amp,
        callbacks=callbacks,
    )


# ---- what the options ask for -------------------------------------------------------------------------


@distributed.barrier
def choose_device(options: Options) -> str:
    """Raises DeviceError."""
    return runtime.choose_device(options.device)


def load_dataset(options: Options, image_size: int, skipped: dict[str, str] | None = None) -> Dataset:
    """The data set, checked, from its pack if it has one, with the same pictures in every process.

    Process 0 begins: it draws and packs what is not there, and finds what is to be left out; `skipped` is known where
    a run goes on. Raises InputError.
    """
    side = resize_side(image_size)
    found = _load_first(options, side, skipped)
    dataset = _load_others(found, options, side, _skipped(found))
    if len(set(distributed.all_gather(dataset.fingerprint))) > 1:
        with distributed.alike():
            raise InputError(f"{dataset.name}: other pictures on one machine than on another; copy them again")
    counts = ", ".join(f"{len(split)} {name}" for name, split in dataset.splits.items())
    say(f"data: {dataset.name}, {counts}{', packed' if dataset.packed else ''}")
    return dataset


@distributed.rank_zero
def _load_first(options: Options, side: int, skipped: dict[str, str] | None) -> Dataset:
    return _load(options, side, skipped)


@distributed.broadcast_from_zero
def _skipped(found: Dataset | None) -> dict[str, str]:
    assert found is not None  # process 0 has loaded it
    return found.skipped


@distributed.barrier
def _load_others(found: Dataset | None, options: Options, side: int, skipped: dict[str, str]) -> Dataset:
    return found or _load(options, side, skipped)


def _load(options: Options, side: int, skipped: dict[str, str] | None) -> Dataset:
    """`skipped` is None where this process is to find out."""
    if not distributed.is_local_rank_zero():
        dataset = datasets.load(options.data, options.val, skipped)
    elif skipped is None:
        dataset = datasets.load_checked(options.data, options.val, side, skip_bad=options.skip_bad)
    else:
        remedy = "put back those that the run was begun with"
        dataset = datasets.load_checked(options.data, options.val, side, skipped=skipped, remedy=remedy)
    if dataset.skipped:
        say(f"--skip-bad: {len(dataset.skipped)} pictures are left out; config.json lists them")
    return packed.use(dataset, side)


@distributed.barrier
def describe(config: AlexNetConfig, recipe: Recipe, dataset: Dataset, device: str) -> None:
    """Says what is trained. Raises InputError when it cannot fit into the memory that the CPU has."""
    rows = trace(config)
    parameters, macs = totals(rows)[:2]
    side = f"{config.image_size} x {config.image_size}"
    say(f"net: {config.name}, {parameters:,} parameters, {macs:,} MACs, {side} input, {config.num_classes} classes")
    say(
        f"recipe: {recipe.name}, {recipe.optimizer} {recipe.learning_rate:g}, batch {recipe.batch_size}, "
        f"{recipe.epochs} epochs"
    )
    if dataset.packed and recipe.augmentation.crop == "resized":
        say(f"pack: recipe {recipe.name} crops the whole pictures, so those for training are read from their files")
    outputs = sum(math.prod(row.out_shape) for row in rows)
    # What is certain: every layer's output is kept for the backward pass; weights, gradients, optimizer state.
    processes = min(distributed.world_size(), runtime.processes_here())
    pictures = recipe.batch_size * processes // distributed.world_size()
    least = 4 * (pictures * outputs + 3 * parameters * processes)
    if device == "cpu" and least > (memory := _memory()):
        raise InputError(
            f"--batch-size {recipe.batch_size}: takes at least {least / 1e9:.1f} GB, and there are only "
            f"{memory / 1e9:.1f} GB; choose a smaller one"
        )


def _memory() -> float:
    """Bytes of memory of this machine, or of the container that we run in; infinite where the system does not say."""
    sizes: list[float] = [math.inf]
    with suppress(AttributeError, ValueError, OSError):  # Windows
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in CGROUP_LIMITS:
        with suppress(ValueError, OSError):  # "max", and where there are no such files
            sizes.append(int(Path(limit).read_text()))
    return min(sizes)


@distributed.broadcast_from_zero
def measure_inputs(recipe: Recipe, split: Pictures, image_size: int) -> Inputs:
    """The same in every process."""
    return fit_inputs(recipe, image_size, measure_statistics(split, image_size, recipe))
