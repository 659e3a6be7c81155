"""The training loop, on Paddle's dynamic graph."""

from __future__ import annotations

import time

import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle.metrics import Scores, softmax
from alexnet_paddle.recipes import build_optimizer
from alexnet_paddle.runtime import seed_everything


class Trainer:
    """Trains `model` by `recipe`. Callbacks may have any of the methods of `alexnet_paddle.callbacks.Callback`."""

    def __init__(self, model, recipe, train_loader, val_loader, *, seed=0, amp=False, callbacks=()):
        self.model, self.recipe, self.seed, self.amp = model, recipe, seed, amp
        self.train_loader, self.val_loader, self.callbacks = train_loader, val_loader, callbacks
        self.optimizer, self.learning_rate = build_optimizer(recipe, model, len(train_loader))
        self.scaler = paddle.amp.GradScaler(enable=amp)
        self.epoch, self.best_epoch, self.best_top1 = 0, 0, -1.0

    def fit(self):
        self.notify("on_fit_begin")
        while self.epoch < self.recipe.epochs:
            self.epoch += 1
            began = time.monotonic()
            train = self.train_epoch()
            trained = time.monotonic()
            val = evaluate(self.model, self.val_loader)
            if val.top1 > self.best_top1:
                self.best_epoch, self.best_top1 = self.epoch, val.top1
            seconds = {"train": trained - began, "val": time.monotonic() - trained}
            self.notify("on_epoch_end", {"train": train, "val": val}, seconds)
            self.learning_rate.after_epoch(1 - val.top1)
            self.notify("on_checkpoint")
        self.notify("on_fit_end")

    def train_epoch(self) -> Scores:
        """One pass over the training pictures. The scores returned are those that the net had on the way,
        with dropout on, so they say less than the validation scores do."""
        # By epoch, so that an epoch draws the same dropout masks whether or not the run was resumed before it.
        seed_everything(int(np.random.default_rng((self.seed, self.epoch)).integers(2**31)))
        self.train_loader.batch_sampler.epoch = self.epoch
        self.model.train()
        scores = []
        for images, labels in self.train_loader:
            with paddle.amp.auto_cast(enable=self.amp):
                logits = self.model(images)
                loss = F.cross_entropy(logits, labels)
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            scores.append(_scores(logits, labels))
            self.notify("on_batch_end", scores[-1])
            self.optimizer.clear_grad()
            self.learning_rate.after_batch()
        return _join(scores)

    def state(self) -> dict:
        """What a resume needs beside weights and optimizer state, as plain data."""
        names = ("epoch", "best_epoch", "best_top1")
        return {
            **{name: getattr(self, name) for name in names},
            "learning_rate": _plain(self.learning_rate.scheduler.state_dict()),
            "scaler": _plain(self.scaler.state_dict()),
        }

    def load_state(self, state: dict) -> None:
        self.epoch, self.best_epoch, self.best_top1 = state["epoch"], state["best_epoch"], state["best_top1"]
        self.learning_rate.scheduler.set_state_dict(state["learning_rate"])
        if state["scaler"]:
            self.scaler.load_state_dict({**state["scaler"], "scale": np.float32([state["scaler"]["scale"]])})

    def notify(self, event, *details):
        for callback in self.callbacks:
            if handler := getattr(callback, event, None):
                handler(self, *details)


@paddle.no_grad()
def evaluate(model, loader) -> Scores:
    """The model's scores on every batch, in eval mode. Batches are [B, 3, H, W], or [B, V, 3, H, W] where V views
    of a picture are to be averaged."""
    model.eval()
    return _join([_view_scores(model, images, labels) for images, labels in loader])


def _view_scores(model, images, labels):
    if images.ndim == 4:
        return _scores(model(images), labels)
    views = softmax(model(images.flatten(0, 1)).astype("float32").numpy())
    return Scores(views.reshape(*images.shape[:2], -1).mean(axis=1), labels.numpy())


def _scores(logits, labels):
    return Scores(softmax(logits.astype("float32").numpy()), labels.numpy())


def _plain(values):
    """Numbers that JSON can hold, from a Paddle state dictionary."""
    if isinstance(values, dict):
        return {name: _plain(value) for name, value in values.items()}
    return np.asarray(values).reshape(-1)[0].item() if hasattr(values, "shape") else values


def _join(scores):
    return Scores(*(np.concatenate([getattr(s, part) for s in scores]) for part in ("probabilities", "labels")))
