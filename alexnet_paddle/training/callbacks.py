"""What happens beside the training loop: progress, logs, checkpoints, curves, Paddle's viewer."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from alexnet_paddle import plots, reporter
from alexnet_paddle.files import write_whole
from alexnet_paddle.metrics import RunningMetrics, Scores
from alexnet_paddle.training import diagnosis
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.trainer import Trainer

COLUMNS = ("epoch", "split", "loss", "top1", "top5", "lr", "images_per_second", "seconds")

EpochScores = Mapping[str, RunningMetrics | Scores]  # by split


class Callback:
    """The events, in the order in which `Trainer.fit` gives them. Override those you need."""

    def on_fit_begin(self, trainer: Trainer) -> None: ...

    def on_batch_end(self, trainer: Trainer, scores: RunningMetrics) -> None:
        """After the update of step `trainer.step`, with the gradients still there. A run can go on from here. The
        scores are those of the batch."""

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        """scores and seconds: "train" -> RunningMetrics, seconds, "val" -> Scores, seconds. `trainer.epochs_done`
        counts this epoch already, so it is the epoch's number."""

    def on_checkpoint(self, trainer: Trainer) -> None:
        """The epoch is complete, the learning rate is the next epoch's. A run can go on from here."""

    def on_stop(self, trainer: Trainer) -> None:
        """Between two batches, in place of all that would follow. A run can go on from here."""

    def on_fit_end(self, trainer: Trainer) -> None: ...


class Progress(Callback):
    """On a terminal one bar for the whole training; everywhere a line an epoch."""

    def on_fit_begin(self, trainer: Trainer) -> None:
        images = len(trainer.train_loader.dataset)
        self.bar = tqdm(
            total=trainer.recipe.epochs * images,
            initial=trainer.epochs_done * images + trainer.running_metrics.images,
            unit=" images",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def on_batch_end(self, trainer: Trainer, scores: RunningMetrics) -> None:
        if not self.bar.disable:
            self.bar.set_description(f"epoch {trainer.epochs_done + 1}/{trainer.recipe.epochs}", refresh=False)
            self.bar.set_postfix(loss=f"{scores.loss:.3f}", top1=f"{scores.top1:.2f}", refresh=False)
        self.bar.update(scores.images)

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        train, val = scores["train"], scores["val"]
        reporter.say(
            f"epoch {trainer.epochs_done:3}/{trainer.recipe.epochs}"
            f"  train loss {train.loss:.3f} top1 {train.top1:.3f}  val loss {val.loss:.3f} top1 {val.top1:.3f}"
            f"  {train.images / seconds['train']:.0f} images/s  {sum(seconds.values()):.1f} s"
        )

    def on_stop(self, trainer: Trainer) -> None:
        self.bar.close()

    def on_fit_end(self, trainer: Trainer) -> None:
        self.bar.close()


class MetricsFile(Callback):
    """`metrics.csv`: the trainer's history with the time that each epoch took, so far as it is known."""

    def __init__(self, path: Path):
        self.path = path
        self.times: dict[tuple[str, str], tuple[str, str]] = {}

    def on_fit_begin(self, trainer: Trainer) -> None:
        for row in read_metrics(self.path):
            self.times[row["epoch"], row["split"]] = row["images_per_second"], row["seconds"]
        self.write(trainer.history)

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        for split, score in scores.items():
            speed = f"{score.images / seconds[split]:.1f}"
            self.times[str(trainer.epochs_done), split] = speed, f"{seconds[split]:.2f}"
        self.write(trainer.history)

    def write(self, history: list[dict]) -> None:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        for row in history:
            epoch, split = str(row["epoch"]), row["split"]
            figures = ["" if row[name] is None else f"{row[name]:.6f}" for name in ("loss", "top1", "top5")]
            writer.writerow([epoch, split, *figures, f"{row['lr']:.8g}", *self.times.get((epoch, split), ("", ""))])
        write_whole(self.path, text.getvalue().encode())


def read_metrics(path: Path) -> list[dict[str, str]]:
    """The rows of a `metrics.csv`; none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Curves(Callback):
    """`curves.png`, drawn again now and then, and at the end."""

    def __init__(self, metrics_path: Path, picture_path: Path, every_seconds: float = 30):
        self.metrics_path, self.picture_path, self.every_seconds = metrics_path, picture_path, every_seconds
        self.drawn = time.monotonic()

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        if time.monotonic() - self.drawn > self.every_seconds:
            self.draw()

    def on_fit_end(self, trainer: Trainer) -> None:
        self.draw()

    def draw(self) -> None:
        if rows := read_metrics(self.metrics_path):
            plots.save(plots.curves(rows), self.picture_path)
        self.drawn = time.monotonic()


class Checkpoints(Callback):
    """`last/` after every epoch, every `every_seconds` in between and when the training is stopped; `best/` when
    the validation accuracy is the highest so far."""

    def __init__(self, last: Path, best: Path, make_checkpoint: Callable[[Trainer], Checkpoint], every_seconds: float):
        self.last, self.best, self.make_checkpoint, self.every_seconds = last, best, make_checkpoint, every_seconds
        self.saved = time.monotonic()

    def on_batch_end(self, trainer: Trainer, scores: RunningMetrics) -> None:
        if time.monotonic() - self.saved > self.every_seconds:
            self.save(trainer, self.last)

    def on_checkpoint(self, trainer: Trainer) -> None:
        if trainer.best_epoch == trainer.epochs_done:
            self.save(trainer, self.best)
        self.save(trainer, self.last)

    def on_stop(self, trainer: Trainer) -> None:
        self.save(trainer, self.last)

    def save(self, trainer: Trainer, folder: Path) -> None:
        """Raises TrainingFailed, and keeps the checkpoint before, where a number is not finite."""
        checkpoint = self.make_checkpoint(trainer)
        for name, tensor in {**checkpoint.weights, **checkpoint.optimizer}.items():
            if not np.isfinite(tensor).all():
                raise trainer.diverged(f"{name} is not finite")
        checkpoint.save(folder)
        self.saved = time.monotonic()


class ChanceWarning(Callback):
    """One line when the net still answers like a guess after its first epoch."""

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        val, labels = scores["val"], trainer.train_loader.dataset.labels
        if trainer.epochs_done == 1 and diagnosis.at_chance(val.loss, val.top1, val.images, labels):
            reporter.say(
                f"warning: after the first epoch the net is still at chance (validation loss {val.loss:.3f}, a guess "
                f"has {diagnosis.entropy(labels):.3f}); python -m alexnet_paddle.doctor with the same options looks "
                "for the reason"
            )


class VisualDL(Callback):
    """Scalars, and histograms of weights and gradients, for Paddle's viewer: `visualdl --logdir RUN/visualdl`."""

    def __init__(self, directory: Path):
        from visualdl import LogWriter

        self.writer = LogWriter(logdir=str(directory))

    def on_batch_end(self, trainer: Trainer, scores: RunningMetrics) -> None:
        if trainer.step == len(trainer.train_loader):  # one histogram an epoch is enough
            for name, parameter in trainer.model.named_parameters():
                self.writer.add_histogram(f"gradients/{name}", parameter.grad.numpy().ravel(), trainer.epochs_done + 1)

    def on_epoch_end(self, trainer: Trainer, scores: EpochScores, seconds: dict[str, float]) -> None:
        for split, score in scores.items():
            self.writer.add_scalar(f"loss/{split}", score.loss, trainer.epochs_done)
            self.writer.add_scalar(f"top1/{split}", score.top1, trainer.epochs_done)
        self.writer.add_scalar("learning_rate", trainer.lr_schedule.value(), trainer.epochs_done)
        for name, parameter in trainer.model.named_parameters():
            self.writer.add_histogram(f"weights/{name}", parameter.numpy().ravel(), trainer.epochs_done)

    def on_stop(self, trainer: Trainer) -> None:
        self.writer.close()

    def on_fit_end(self, trainer: Trainer) -> None:
        self.writer.close()
