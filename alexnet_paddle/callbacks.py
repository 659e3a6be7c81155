"""What happens beside the training loop: progress, logs, checkpoints, curves, Paddle's viewer."""

from __future__ import annotations

import csv
import os
import sys
import time

from tqdm import tqdm

from alexnet_paddle import plots

COLUMNS = ("epoch", "split", "loss", "top1", "top5", "lr", "images_per_second", "seconds")


class Callback:
    """The events, in the order in which `Trainer.fit` gives them. Override those you need."""

    def on_fit_begin(self, trainer): ...

    def on_batch_end(self, trainer, scores):
        """After the update, with the gradients still there."""

    def on_epoch_end(self, trainer, scores, seconds):
        """scores and seconds: {"train", "val"} -> Scores, seconds."""

    def on_checkpoint(self, trainer):
        """The epoch is complete, the learning rate is the next epoch's."""

    def on_fit_end(self, trainer): ...


class Progress(Callback):
    """On a terminal one bar for the whole training; everywhere a line an epoch."""

    def on_fit_begin(self, trainer):
        images = len(trainer.train_loader.dataset)
        self.bar = tqdm(
            total=trainer.recipe.epochs * images,
            initial=trainer.epoch * images,
            unit=" images",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def on_batch_end(self, trainer, scores):
        if not self.bar.disable:
            self.bar.set_description(f"epoch {trainer.epoch}/{trainer.recipe.epochs}", refresh=False)
            self.bar.set_postfix(loss=f"{scores.loss:.3f}", top1=f"{scores.top1:.2f}", refresh=False)
        self.bar.update(len(scores.labels))

    def on_epoch_end(self, trainer, scores, seconds):
        train, val = scores["train"], scores["val"]
        self.bar.write(
            f"epoch {trainer.epoch:3}/{trainer.recipe.epochs}"
            f"  train loss {train.loss:.3f} top1 {train.top1:.3f}  val loss {val.loss:.3f} top1 {val.top1:.3f}"
            f"  {len(train.labels) / seconds['train']:.0f} images/s  {sum(seconds.values()):.1f} s",
            file=sys.stdout,
        )
        sys.stdout.flush()

    def on_fit_end(self, trainer):
        self.bar.close()


class MetricsFile(Callback):
    """`metrics.csv`: a row for each epoch and split. After a resume, rows past the checkpoint are dropped."""

    def __init__(self, path):
        self.path = path

    def on_fit_begin(self, trainer):
        rows = [row for row in read_metrics(self.path) if int(row["epoch"]) <= trainer.epoch]
        self._write("w", rows, header=True)

    def on_epoch_end(self, trainer, scores, seconds):
        rows = []
        for split, score in scores.items():
            top5 = "" if score.top5 is None else f"{score.top5:.6f}"
            lr = f"{trainer.learning_rate.value():.8g}"
            speed = f"{len(score.labels) / seconds[split]:.1f}"
            values = (trainer.epoch, split, f"{score.loss:.6f}", f"{score.top1:.6f}", top5, lr, speed)
            rows.append(dict(zip(COLUMNS, (*values, f"{seconds[split]:.2f}"))))
        self._write("a", rows)

    def _write(self, mode, rows, header=False):
        with open(self.path, mode, newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if header:
                writer.writeheader()
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())


def read_metrics(path) -> list[dict[str, str]]:
    """The rows of a `metrics.csv`; none if there is no such file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Curves(Callback):
    """`curves.png`, drawn again now and then, and at the end."""

    def __init__(self, metrics_path, picture_path, every_seconds=30):
        self.metrics_path, self.picture_path, self.every_seconds = metrics_path, picture_path, every_seconds
        self.drawn = time.monotonic()

    def on_epoch_end(self, trainer, scores, seconds):
        if time.monotonic() - self.drawn > self.every_seconds:
            self.draw()

    def on_fit_end(self, trainer):
        self.draw()

    def draw(self):
        if rows := read_metrics(self.metrics_path):
            plots.save(plots.curves(rows), self.picture_path)
        self.drawn = time.monotonic()


class Checkpoints(Callback):
    """`last/` after every epoch, `best/` when the validation accuracy is the highest so far."""

    def __init__(self, last, best, make_checkpoint):
        self.last, self.best, self.make_checkpoint = last, best, make_checkpoint

    def on_checkpoint(self, trainer):
        checkpoint = self.make_checkpoint(trainer)
        if trainer.best_epoch == trainer.epoch:
            checkpoint.save(self.best)
        checkpoint.save(self.last)


class VisualDL(Callback):
    """Scalars, and histograms of weights and gradients, for Paddle's viewer: `visualdl --logdir RUN/visualdl`."""

    def __init__(self, directory):
        from visualdl import LogWriter

        self.writer, self.batch = LogWriter(logdir=str(directory)), 0

    def on_batch_end(self, trainer, scores):
        self.batch = self.batch % len(trainer.train_loader) + 1
        if self.batch == len(trainer.train_loader):  # of the epoch: one histogram an epoch is enough
            for name, parameter in trainer.model.named_parameters():
                self.writer.add_histogram(f"gradients/{name}", parameter.grad.numpy().ravel(), trainer.epoch)

    def on_epoch_end(self, trainer, scores, seconds):
        for split, score in scores.items():
            self.writer.add_scalar(f"loss/{split}", score.loss, trainer.epoch)
            self.writer.add_scalar(f"top1/{split}", score.top1, trainer.epoch)
        self.writer.add_scalar("learning_rate", trainer.learning_rate.value(), trainer.epoch)
        for name, parameter in trainer.model.named_parameters():
            self.writer.add_histogram(f"weights/{name}", parameter.numpy().ravel(), trainer.epoch)

    def on_fit_end(self, trainer):
        self.writer.close()
