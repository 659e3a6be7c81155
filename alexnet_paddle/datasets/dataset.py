"""A data set in the one form that all of them have: three splits and what its classes are called."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from alexnet_paddle.datasets.images import Pictures


@dataclass(frozen=True)
class Dataset:
    """Three splits, see `images.Pictures`; class names in label order."""

    name: str
    classes: tuple[str, ...]
    display_names: dict[str, dict[str, str]]  # class -> language ("en", "zh") -> name, where known
    train: Pictures
    val: Pictures
    test: Pictures
    folder: Path | None = None  # where the pictures lie, None if not in a folder
    skipped: dict[str, str] = field(default_factory=dict)  # files below `folder` that are left out -> why

    @property
    def splits(self) -> dict[str, Pictures]:
        return {"train": self.train, "val": self.val, "test": self.test}

    @property
    def paths(self) -> list[Path]:
        """Of the pictures of all splits; none where they are not in a folder."""
        return [path for split in self.splits.values() for path in split.paths]

    @property
    def packed(self) -> bool:
        """Whether squares come from a pack, see `packed.use`."""
        return self.train.packed

    @property
    def fingerprint(self) -> str:
        """Changes when a picture is added, removed or renamed, and so perhaps moved to another split."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            files = ["/".join(path.parts[-2:]) for path in split.paths]
            digest.update(repr((name, files, split.labels.tolist())).encode())
        return digest.hexdigest()[:16]
