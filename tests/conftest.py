"""Fixtures that more than one file uses."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # one of several processes: a thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import alexnet_paddle  # noqa: F401  isort: skip  (before paddle, so that it can tune the CPU)

import sys

import numpy as np
import pytest
from PIL import Image

from alexnet_paddle import cli

pytest_plugins = ["training_fixtures"]


@pytest.fixture
def make_pictures(tmp_path):
    """make_pictures({"train/daisy": 3, "rose": ["a.png", "b.png"]}) -> the folder: a count or the files' names."""

    def make(content, root=None):
        root = root or tmp_path / "pictures"
        root.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        for folder, files in content.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for name in [f"{i:02}.png" for i in range(files)] if isinstance(files, int) else files:
                (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / folder / name)
        return root

    return make


@pytest.fixture
def random_picture():
    """A Pillow picture of random colours that go together, 30 wide and 22 high."""
    rng = np.random.default_rng(1)
    grey = rng.integers(40, 200, (22, 30, 1))
    return Image.fromarray((grey + rng.integers(-40, 40, (22, 30, 3))).clip(0, 255).astype("uint8"))


@pytest.fixture
def call(monkeypatch, capsys):
    """call(module, *arguments) -> (exit status, stdout, stderr) of a command, run in this process."""

    def run(module, *arguments):
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
        try:
            cli.run(module.main)
            status = 0
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def refused(call):
    """refused(module, *arguments) -> the one line on stderr of a command that must exit with status 2; with `lines`,
    those that list bad pictures too."""

    def run(module, *arguments, lines=1):
        status, _, err = call(module, *arguments)
        assert status == 2, err
        assert err.count("\n") == lines and "Traceback" not in err
        return err

    return run
