"""A run folder: what training leaves and everything else reads.

config.json    options, net, recipe, data, versions      metrics.csv    a row for each epoch and split
last/ best/    checkpoints                               curves.png     loss and accuracy by epoch
report.json    final figures on the test split           confusion.png  the test split's confusions
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from alexnet_paddle.checkpoint import Checkpoint
from alexnet_paddle.errors import InputError

FORMAT = 1


class RunFolder:
    """Paths of a run, and its two JSON files."""

    def __init__(self, path):
        self.path = Path(path)
        self.last, self.best = self.path / "last", self.path / "best"
        self.metrics, self.curves = self.path / "metrics.csv", self.path / "curves.png"
        self.report_file, self.confusion = self.path / "report.json", self.path / "confusion.png"
        self.config_file = self.path / "config.json"

    @property
    def holds_a_run(self) -> bool:
        return self.config_file.exists()

    def require_new(self) -> None:
        """Raises InputError unless a new run can be written here. Creates nothing."""
        if self.holds_a_run:
            raise InputError(f"--out {self.path}: already holds a run; add --resume, or choose another folder")
        if self.path.is_dir() and any(self.path.iterdir()):
            raise InputError(f"--out {self.path}: is not empty; choose another folder")
        existing = next(path for path in (self.path, *self.path.absolute().parents) if path.exists())
        if not existing.is_dir():
            raise InputError(f"--out {self.path}: {existing} is a file; choose another folder")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise InputError(f"--out {self.path}: no permission to write in {existing}; choose another folder")

    def create(self, config: dict) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.config_file, {"format": FORMAT, **config})
        except OSError as error:
            raise InputError(
                f"--out {self.path}: cannot be written ({error.strerror}); choose another folder"
            ) from None

    def read_config(self) -> dict:
        """Raises InputError when this is not the folder of a run."""
        try:
            config = json.loads(self.config_file.read_text("utf-8"))
            found = config["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{self.path}: not a run folder (no config.json); give the --out of a training") from None
        if found != FORMAT:
            raise InputError(f"{self.config_file}: run format {found}, this version reads {FORMAT}")
        return config

    def load_best(self) -> Checkpoint:
        """The checkpoint that validation picked."""
        self.read_config()
        return Checkpoint.load(self.best)


def write_json(path: Path, data: dict) -> None:
    """Whole or not at all; the same data gives the same bytes."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    unfinished.replace(path)
