"""The training loop, on Paddle's dynamic graph."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle.datasets.loader import IGNORED, Batches, Loader
from alexnet_paddle.errors import ReaderDied, Stopped, TrainingFailed
from alexnet_paddle.metrics import RunningMetrics, Scores, softmax
from alexnet_paddle.runtime import give_back_memory, seed_everything
from alexnet_paddle.training import distributed
from alexnet_paddle.training.recipes import Recipe, build_optimizer


class Trainer:
    """Trains `model` by `recipe`. Callbacks may have any of the methods of `callbacks.Callback`.

    Between two batches `state()`, the weights and the optimizer's tensors are all there is to know: all chance is
    drawn anew for each batch, from the seed, the epoch and the batch's number. So a run that goes on from there,
    `load_state`, ends with the same bytes. `stop_requested` may be set at any time.

    Of several processes (see `distributed`) each has a trainer, and loaders that give its share of every batch. They
    take the steps that one would take with whole batches: gradients, figures and decisions are of all processes. While
    process 0 runs its callbacks the others wait.
    """

    def __init__(
        self,
        model: paddle.nn.Layer,
        recipe: Recipe,
        train_loader: Loader,
        val_loader: Loader,
        *,
        seed: int = 0,
        amp: bool = False,
        callbacks: Sequence[object] = (),
    ):
        self.model, self.recipe, self.seed, self.amp = model, recipe, seed, amp
        self.train_loader, self.val_loader, self.callbacks = train_loader, val_loader, callbacks
        self.optimizer, self.lr_schedule = build_optimizer(recipe, model, len(train_loader))
        self.forward = distributed.parallel(model)
        self.scaler = paddle.amp.GradScaler(enable=amp)
        self.epochs_done, self.step = 0, 0  # and batches done of the next epoch
        self.running_metrics = RunningMetrics()  # of those batches
        self.best_epoch, self.best_top1 = 0, -1.0
        self.history: list[dict] = []  # a row for each epoch and split, as in metrics.csv
        self.update = 0, 0, 0.0  # epoch, step and learning rate of the one being made, or made last
        self.stop_requested = False

    def fit(self) -> None:
        """Train to the last epoch. Raises Stopped soon after `stop_requested`, TrainingFailed when the loss is not
        finite."""
        self.notify("on_fit_begin")
        try:
            while self.epochs_done < self.recipe.epochs:
                train = self.train_epoch()
                began = time.monotonic()
                val = _join(distributed.all_gather(evaluate(self.model, self._until_stopped(self.val_loader))))
                self._require_finite(val.loss, "validation loss")
                self._finish_epoch(train, val)
                seconds = {"train": train.seconds, "val": time.monotonic() - began}
                self.notify("on_epoch_end", {"train": train, "val": val}, seconds)
                self.lr_schedule.after_epoch(1 - val.top1)
                self.notify("on_checkpoint")
        except Stopped:
            self.notify("on_stop")
            raise
        finally:
            give_back_memory()
        self.notify("on_fit_end")

    def train_epoch(self) -> RunningMetrics:
        """The pictures of the epoch, or those still to come of it. The scores are those that the net had on the
        way, with dropout on, so they say less than the validation scores do."""
        sampler = self.train_loader.batch_sampler
        sampler.epoch, sampler.first = self.epochs_done + 1, self.step
        self.model.train()
        began = time.monotonic()
        for images, labels in self._until_stopped(self.train_loader):
            batch = self.train_step(images, labels)
            self.lr_schedule.after_batch()
            self.step += 1
            self.running_metrics = self.running_metrics.plus(batch, time.monotonic() - began)
            began = time.monotonic()
            self.notify("on_batch_end", batch)
        return self.running_metrics

    def train_step(self, images: paddle.Tensor, labels: paddle.Tensor) -> RunningMetrics:
        """One update, and the scores on the way to it. The gradients stay until the next one."""
        draw = (self.seed, self.epochs_done + 1, self.step, distributed.rank())
        seed_everything(int(np.random.default_rng(draw).integers(2**31)))
        self.update = self.epochs_done + 1, self.step + 1, self.lr_schedule.value()
        self.optimizer.clear_grad()
        with paddle.amp.auto_cast(enable=self.amp):
            logits = self.forward(images)
            loss = F.cross_entropy(logits, labels)
        own = RunningMetrics.of(_scores(logits, labels))
        batch = RunningMetrics(*distributed.all_reduce(astuple(own)))
        self._require_finite(distributed.all_reduce([loss.item()])[0], "loss")
        # The mean over the processes shall be the mean over the batch, of which one may have a picture more.
        loss = loss * (own.images * distributed.world_size() / batch.images)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return batch

    def _finish_epoch(self, train: RunningMetrics, val: Scores) -> None:
        self.epochs_done, self.step, self.running_metrics = self.epochs_done + 1, 0, RunningMetrics()
        if val.top1 > self.best_top1:
            self.best_epoch, self.best_top1 = self.epochs_done, val.top1
        for split, scores in (("train", train), ("val", val)):
            figures = {name: getattr(scores, name) for name in ("loss", "top1", "top5")}
            self.history.append({"epoch": self.epochs_done, "split": split, **figures, "lr": self.lr_schedule.value()})

    def _until_stopped(self, loader: Loader) -> Batches:
        """The loader's batches. Raises Stopped between two of them, in all processes between the same two."""
        batches = iter(loader)
        while True:
            batch = None
            if not self.stop_requested:
                try:
                    batch = next(batches, None)
                except ReaderDied:  # whoever stops us may have stopped the loader's processes too
                    if not self.stop_requested:
                        raise
            if distributed.any_rank(self.stop_requested):
                batches.close()  # the loader's processes end, and their shared memory with them
                raise Stopped
            if batch is None:
                return
            yield batch

    def _require_finite(self, loss: float, what: str) -> None:
        if not math.isfinite(loss):
            with distributed.alike():
                raise self.diverged(f"the {what} is {loss}")

    def diverged(self, what: str) -> TrainingFailed:
        """The error for something that is not finite."""
        epoch, step, rate = self.update
        return TrainingFailed(
            f"epoch {epoch}, step {step} of {len(self.train_loader)}: {what} at learning rate {rate:g}, so the "
            "training has diverged; begin again in another folder with a smaller one, such as --learning-rate "
            f"{self.recipe.learning_rate / 10:g}"
        )

    def state(self) -> dict:
        """What a resume needs beside weights and optimizer state, as plain data."""
        return {
            **{name: getattr(self, name) for name in ("seed", "epochs_done", "step", "best_epoch", "best_top1")},
            "running_metrics": asdict(self.running_metrics),
            "history": list(self.history),
            "lr_schedule": _plain(self.lr_schedule.scheduler.state_dict()),
            "scaler": _plain(self.scaler.state_dict()),
        }

    def load_state(self, state: dict) -> None:
        """Go on where `state()` was taken."""
        self.epochs_done, self.step = state["epochs_done"], state["step"]
        self.running_metrics = RunningMetrics(**state["running_metrics"])
        self.best_epoch, self.best_top1 = state["best_epoch"], state["best_top1"]
        self.history = list(state["history"])
        self.lr_schedule.scheduler.set_state_dict(state["lr_schedule"])
        if state["scaler"]:
            self.scaler.load_state_dict({**state["scaler"], "scale": np.array([state["scaler"]["scale"]], "float32")})

    @distributed.rank_zero
    def notify(self, event: str, *details: object) -> None:
        for callback in self.callbacks:
            if handler := getattr(callback, event, None):
                handler(self, *details)


@paddle.no_grad()
def evaluate(model: paddle.nn.Layer, loader: Iterable[list[paddle.Tensor]]) -> Scores:
    """The model's scores on every batch, in eval mode. Batches are [B, 3, H, W], or [B, V, 3, H, W] where V views
    of a picture are to be averaged."""
    model.eval()
    return _join([_view_scores(model, images, labels) for images, labels in loader])


def _view_scores(model: paddle.nn.Layer, images: paddle.Tensor, labels: paddle.Tensor) -> Scores:
    if images.ndim == 4:
        return _scores(model(images), labels)
    views = softmax(model(images.flatten(0, 1)).astype("float32").numpy())
    return Scores(views.reshape(*images.shape[:2], -1).mean(axis=1), labels.numpy())


def _scores(logits: paddle.Tensor, labels: paddle.Tensor) -> Scores:
    numbers = labels.numpy()
    known = numbers != IGNORED
    return Scores(softmax(logits.astype("float32").numpy())[known], numbers[known])


def _plain(values: Any) -> Any:
    """Numbers that JSON can hold, from a Paddle state dictionary."""
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    return np.asarray(values).reshape(-1)[0].item() if hasattr(values, "shape") else values


def _join(scores: Sequence[Scores]) -> Scores:
    return Scores(*(np.concatenate([getattr(s, part) for s in scores]) for part in ("probabilities", "labels")))
