"""Fixtures that more than one file uses."""

import alexnet_paddle  # noqa: F401  isort: skip  (before paddle, so that it can tune the CPU)

import numpy as np
import pytest
from PIL import Image

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
