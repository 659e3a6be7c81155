"""Fixtures that train: a folder of coloured squares, and a finished run on it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (50, 170, 60), "red": (200, 50, 40), "yellow": (210, 200, 50)}


@pytest.fixture(scope="session")
def make_photos():
    """make_photos(folder, classes, count): noisy squares of one colour a class, which a net learns in seconds."""

    def make(folder, classes=("blue", "green", "red"), count=24):
        rng = np.random.RandomState(0)
        for name in classes:
            (folder / name).mkdir(parents=True)
            for number in range(count):
                pixels = COLOURS[name] + rng.normal(0, 25, (44, 52, 3))
                Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(folder / name / f"{number:02}.png")
        return folder

    return make


@pytest.fixture(scope="session")
def small_photos(make_photos, tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos") / "colours")


@pytest.fixture(scope="session")
def train_small(small_photos):
    """train_small(folder, *options) -> the run folder of a training that takes seconds; its command line is
    train_small.arguments(folder, *options)."""
    from alexnet_paddle import train

    def arguments(folder, *options):
        common = ["--variant", "cifar4", "--data", str(small_photos), "--batch-size", "16", "--out", str(folder)]
        return [*common, *([] if "--epochs" in options else ["--epochs", "3"]), *options]

    def run(folder, *options):
        train.main(arguments(folder, *options))
        return Path(folder)

    run.arguments = arguments
    return run


@pytest.fixture(scope="session")
def small_run(train_small, tmp_path_factory):
    """A finished run. Tests may add files to it, and change none."""
    return train_small(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="session")
def petals_home():
    """$ALEXNET_PADDLE_DATA with `petals` in it: the user's own, or the repository's, drawn if it is not there yet."""
    from alexnet_paddle import datasets
    from alexnet_paddle.datasets import petals

    petals.ensure(datasets.data_home() / "petals")
    return datasets.data_home()
