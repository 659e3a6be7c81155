"""Measuring a run again, on its test pictures or on others."""

from __future__ import annotations

import os
from pathlib import Path

from alexnet_paddle import datasets, reporter
from alexnet_paddle.datasets import folders, packed
from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.loader import eval_loader
from alexnet_paddle.datasets.transforms import resize_side
from alexnet_paddle.errors import InputError
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.options import Options
from alexnet_paddle.training.run_folder import RunFolder
from alexnet_paddle.training.trainer import evaluate


def choose_pictures(folder: RunFolder, checkpoint: Checkpoint, data: str | None) -> tuple[str, Pictures]:
    """(what they are, the pictures). The folder that the run was trained on gives its test split only: the rest
    was seen in training. Raises InputError for pictures that do not fit the run."""
    config = folder.read_config()
    options = Options.from_dict(config.options)
    if data is not None and not _same_folder(data, options.data):
        pictures = folders.read_all_images(Path(data), checkpoint.classes)
        datasets.check_pictures(pictures.paths, "remove or replace them")
        return data, pictures
    dataset = datasets.load(options.data, options.val, config.data["skipped"])
    if dataset.fingerprint != config.data["fingerprint"]:
        raise InputError(
            f"{options.data}: other pictures than when {folder.path} was trained, so its test split is lost; "
            "give pictures that were not used with --data"
        )
    dataset = packed.use_if_current(dataset, resize_side(checkpoint.preprocessing.image_size))
    return f"{dataset.name}, test split", dataset.test


def _same_folder(one: str, other: str) -> bool:
    return os.path.isdir(one) and os.path.isdir(other) and os.path.samefile(one, other)


def measure(checkpoint: Checkpoint, pictures: Pictures, ten_crop: bool = False, workers: int = 0) -> dict:
    """The report on these pictures, see `Scores.report`; with `ten_crop` of ten views each, averaged (paper, section
    4.1)."""
    loader = eval_loader(pictures, checkpoint.preprocessing, 8 if ten_crop else 64, workers, ten_crop)
    return evaluate(checkpoint.build_model(), reporter.progress(loader, "evaluating")).report(checkpoint.classes)
