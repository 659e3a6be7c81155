"""A run folder: what training leaves and everything else reads.

config.json    options, net, recipe, data, versions      metrics.csv    a row for each epoch and split
last/ best/    checkpoints                               curves.png     loss and accuracy by epoch
report.json    final figures on the test split           confusion.png  the test split's confusions
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from alexnet_paddle.errors import InputError
from alexnet_paddle.files import write_json
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.recipes import Recipe

FORMAT = 2


@dataclass(frozen=True)
class RunConfig:
    """What `config.json` holds: what a run computes, and what it was begun with.

    A resume takes the net and the recipe from here, not from the tables of today.
    """

    options: dict  # of the training, by their names
    config: AlexNetConfig
    recipe: Recipe
    data: dict  # "name", "fingerprint", "classes", "images" (split -> count), "skipped" (file -> why)
    machine: dict  # "device", "processes", "cpu_settings", "layers", "versions": they decide the last digits

    def to_dict(self) -> dict:
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return {"format": FORMAT, **parts, "config": self.config.to_dict(), "recipe": self.recipe.to_dict()}

    @staticmethod
    def from_dict(found: dict) -> RunConfig:
        """Raises KeyError, TypeError or ValueError for what `to_dict` did not write."""
        parts = {part.name: found[part.name] for part in fields(RunConfig)}
        config, recipe = AlexNetConfig.from_dict(parts["config"]), Recipe.from_dict(parts["recipe"])
        return RunConfig(**{**parts, "config": config, "recipe": recipe})


class RunFolder:
    """Paths of a run, and its two JSON files."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.last, self.best = self.path / "last", self.path / "best"
        self.metrics, self.curves = self.path / "metrics.csv", self.path / "curves.png"
        self.report_file, self.confusion = self.path / "report.json", self.path / "confusion.png"
        self.config_file, self.lock_file = self.path / "config.json", self.path / ".lock"

    @property
    def holds_a_run(self) -> bool:
        return self.config_file.exists()

    def require_new(self) -> None:
        """Raises InputError unless a new run can be written here. Creates nothing."""
        if self.holds_a_run:
            raise InputError(f"--out {self.path}: already holds a run; add --resume, or choose another folder")
        leftovers = {self.lock_file.name, f"{self.config_file.name}.new"}  # of a training that was killed at once
        if self.path.is_dir() and any(path.name not in leftovers for path in self.path.iterdir()):
            raise InputError(f"--out {self.path}: is not empty; choose another folder")
        existing = next(path for path in (self.path, *self.path.absolute().parents) if path.exists())
        if not existing.is_dir():
            raise InputError(f"--out {self.path}: {existing} is a file; choose another folder")
        if not os.access(existing, os.W_OK | os.X_OK):
            raise InputError(f"--out {self.path}: no permission to write in {existing}; choose another folder")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else trains in this folder meanwhile; it is made if it is not there. The system lets go of the lock
        when the process ends, however it ends. Raises InputError when another process holds it."""
        from filelock import FileLock, Timeout  # here: its import takes as long as a prediction, which needs no lock

        # A second, because processes of a training that was killed end a moment later; not bound to a thread, because
        # it may be let go of in another one.
        lock = FileLock(self.lock_file, timeout=1, thread_local=False)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise InputError(
                f"--out {self.path}: another training is writing there; wait for it, or choose another folder"
            ) from None
        except OSError as error:
            raise InputError(
                f"--out {self.path}: cannot be written ({error.strerror}); choose another folder"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def create(self, config: RunConfig) -> None:
        """Begin a new run; call it under `locked`."""
        self.require_new()  # again: another process may have been faster
        write_json(self.config_file, config.to_dict())

    def read_config(self) -> RunConfig:
        """Raises InputError when this is not the folder of a run."""
        try:
            found = json.loads(self.config_file.read_text("utf-8"))
            number = found["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{self.path}: not a run folder (no config.json); give the --out of a training") from None
        if number != FORMAT:
            raise InputError(f"{self.config_file}: run format {number}, this version reads {FORMAT}")
        try:
            return RunConfig.from_dict(found)
        except KeyError as error:
            raise InputError(f"{self.config_file}: altered, it has no {error}; put back what was there") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{self.config_file}: altered ({error}); put back what was there") from None

    def read_report(self) -> dict | None:
        """What a finished run found on its test split; None of one that is not finished."""
        return json.loads(self.report_file.read_text("utf-8")) if self.report_file.exists() else None

    def load_best(self) -> Checkpoint:
        """The checkpoint that validation picked."""
        self.read_config()
        return Checkpoint.load(self.best)
