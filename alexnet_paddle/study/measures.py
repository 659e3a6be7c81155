"""What an ablation can measure. Each measure is one class with everything about it: what it looks at before, during and
after a run or once for all arms, its part of the summary, its words, its marks in the picture of the curves.

Importing this does not load paddle, so that the table of ablations is read at once; what computes imports it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar

from alexnet_paddle import reporter, runtime
from alexnet_paddle.metrics import RunningMetrics
from alexnet_paddle.study.data import draw
from alexnet_paddle.study.statistics import differences, over_seeds, times, times_as_long

if TYPE_CHECKING:
    from alexnet_paddle.datasets.loader import Loader
    from alexnet_paddle.training.trainer import Trainer

WINDOWS = 4  # an epoch's training error is taken in so many parts
PICTURES_AT_START = 64

Against = dict[str, "str | None"]  # arm -> the arm that it is compared with


class SeenEnough(Exception):
    """Raised by a measure's callback to end a run."""


class Measure:
    """Override what it needs. `before` and `after` give what a run's entry in the record has of it."""

    name: ClassVar[str] = ""  # in the record, of what `once` gives; without a name it is not asked

    def before(self, trainer: Trainer) -> dict:
        """Asked when a run is about to begin; leaves the trainer as it is."""
        return {}

    def callback(self) -> Any | None:
        """Looks on during one run, see `training.callbacks.Callback`; its `on_epoch_end` may raise SeenEnough."""
        return None

    def after(self, trainer: Trainer, test: Loader) -> dict:
        """Asked when a run has ended, unless it failed. `test` gives the test split as the net takes it."""
        return {}

    def once(self, against: Against, trainer_of: Callable[[str], Trainer]) -> Any | None:
        """Asked once, before all runs; `trainer_of` gives an arm's trainer at its beginning."""
        return None

    def summary(self, record: dict, against: Against) -> dict:
        """Its part of the summary, from the runs of the record alone."""
        return {}

    def tell(self, summary: dict) -> None:
        """Says what it found."""

    def marks(self) -> dict[str, float]:
        """Words -> the training error at which the picture of the curves has a line with them."""
        return {}


# ---- accuracy ----------------------------------------------------------------------------------------


class Accuracy(Measure):
    """Top-1 on the test split at the last epoch, in eval mode, and its differences from the arm compared with."""

    def after(self, trainer: Trainer, test: Loader) -> dict:
        from alexnet_paddle.training.trainer import evaluate

        scores = evaluate(trainer.model, test)
        return {"test": {"loss": round(scores.loss, 5), "top1": round(scores.top1, 5)}}

    def summary(self, record: dict, against: Against) -> dict:
        top1 = by_arm(record, "test", itemgetter("top1"))
        found = {arm: over_seeds(values) for arm, values in top1.items()}
        return {"top1": found, "difference": compared(top1, against, differences)}

    def tell(self, summary: dict) -> None:
        lines = [("arm", "top1", "difference", "95% interval")]
        for arm, top1 in summary["top1"].items():
            difference = summary["difference"].get(arm)
            cells = (f"{difference['mean']:+.3f}", _interval(difference)) if difference else ("", "")
            lines.append((arm, f"{top1['mean']:.3f}", *cells))
        reporter.table(lines)


def _interval(difference: dict) -> str:
    if difference["interval_95"] is None:
        return "one seed"
    low, high = difference["interval_95"]
    return f"{low:+.3f} to {high:+.3f}"


class GradientsAtStart(Measure):
    """Root mean square of the loss's gradient, for each layer's weights, on the training's first pictures."""

    def before(self, trainer: Trainer) -> dict:
        from alexnet_paddle import inspection

        images, labels = first_pictures(trainer, PICTURES_AT_START)
        runtime.seed_everything(trainer.seed)
        _, gradients = inspection.gradients(trainer.model, images, labels)
        weights = [gradient for gradient in gradients if gradient.name.endswith(".weight")]
        sizes = {weight.name.removesuffix(".weight"): float(f"{weight.gradient:.4g}") for weight in weights}
        return {"gradients_at_start": sizes}


# ---- how long until ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Race(Measure):
    """Epochs until the training error has fallen to `target`: the paper's figure 1 races to 25%."""

    target: float = 0.25

    def summary(self, record: dict, against: Against) -> dict:
        epochs = by_arm(record, "training_error", lambda errors: epochs_to(errors, self.target))
        found = {arm: times(values) for arm, values in epochs.items()}
        return {"epochs_to_target": found, "times_as_long": compared(epochs, against, times_as_long)}

    def tell(self, summary: dict) -> None:
        for arm, race in summary["epochs_to_target"].items():
            ends = [f"{epochs:g}" if epochs else "not reached" for epochs in race["by_seed"].values()]
            reporter.say(f"{arm}: epochs to a training error of {self.target:.0%}, by seed: {', '.join(ends)}")

    def marks(self) -> dict[str, float]:
        return {f"{self.target:.0%}": self.target}


def epochs_to(errors: list[float], target: float) -> float | None:
    """Epochs until a part of an epoch, see WINDOWS, had at most this training error; None if none had."""
    return next(((i + 1) / WINDOWS for i, error in enumerate(errors) if error <= target), None)


@dataclass(frozen=True)
class Started(Measure):
    """Steps until a net has left chance: until the mean training loss of an epoch is under `below` times a guess's,
    ln(classes). There the run ends."""

    below: float = 0.9

    def callback(self) -> Any:
        return _StopWhen(self.has_started)

    def has_started(self, trainer: Trainer) -> bool:
        losses = [row["loss"] for row in trainer.history if row["split"] == "train"]
        return losses[-1] < self.below * math.log(trainer.model.config.num_classes)

    def after(self, trainer: Trainer, test: Loader) -> dict:
        steps_per_epoch = len(trainer.train_loader)
        steps = trainer.epochs_done * steps_per_epoch
        return {"start": {"started": self.has_started(trainer), "steps": steps, "steps_per_epoch": steps_per_epoch}}

    def summary(self, record: dict, against: Against) -> dict:
        steps = by_arm(record, "start", lambda start: start["steps"] if start["started"] else None)
        found = {arm: times(values) for arm, values in steps.items()}
        return {"steps_to_start": found, "times_as_long": compared(steps, against, times_as_long)}

    def tell(self, summary: dict) -> None:
        for arm, race in summary["steps_to_start"].items():
            ends = [f"{steps}" if steps else "not started" for steps in race["by_seed"].values()]
            reporter.say(f"{arm}: steps until the net had started, by seed: {', '.join(ends)}")


class _StopWhen:
    """Callback: ends a run after an epoch for which `enough(trainer)` is true."""

    def __init__(self, enough: Callable[[Trainer], bool]):
        self.enough = enough

    def on_epoch_end(self, trainer: Trainer, scores: dict, seconds: dict) -> None:
        if self.enough(trainer):
            raise SeenEnough


# ---- dropout at test time -------------------------------------------------------------------------------


def _left_on(layer, x, out):
    import paddle.nn.functional as F

    return F.dropout(x, layer.p, training=True)


# What people do at test time, and what it makes of a dropout layer's output there. The nets here scale while training,
# so at test time nothing is to be done.
DROPOUT_MISTAKES: dict[str, Callable] = {
    "left on": _left_on,
    "scaled twice": lambda layer, x, out: out * (1 - layer.p),
    # As if trained by the paper's rule, and then without its factor at test time.
    "not scaled": lambda layer, x, out: out / (1 - layer.p),
}


class Mistakes(Measure):
    """Top-1 on the test split with each of DROPOUT_MISTAKES, and what it changes."""

    def after(self, trainer: Trainer, test: Loader) -> dict:
        import paddle

        from alexnet_paddle.training.trainer import evaluate

        layers = [layer for layer in trainer.model.sublayers() if isinstance(layer, paddle.nn.Dropout)]
        found = {}
        for name, wrong in DROPOUT_MISTAKES.items():
            hooks = [
                layer.register_forward_post_hook(lambda layer, inputs, out, wrong=wrong: wrong(layer, inputs[0], out))
                for layer in layers
            ]
            runtime.seed_everything(trainer.seed)
            found[name] = round(evaluate(trainer.model, test).top1, 5)
            for hook in hooks:
                hook.remove()
        return {"mistakes": found}

    def summary(self, record: dict, against: Against) -> dict:
        right = by_arm(record, "test", itemgetter("top1"))
        wrong = {name: by_arm(record, "mistakes", itemgetter(name)) for name in DROPOUT_MISTAKES}
        return {
            "mistakes": {
                arm: {name: differences(values[arm], right[arm]) for name, values in wrong.items() if arm in values}
                for arm in right
            }
        }

    def tell(self, summary: dict) -> None:
        for arm, mistakes in summary["mistakes"].items():
            words = ", ".join(f"{name} {change['mean']:+.3f}" for name, change in mistakes.items())
            reporter.say(f"dropout {arm}, mistakes at test time: {words}")


# ---- the time of a step -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost(Measure):
    """For each arm, the time of a training step divided by that of the arm it is compared with: a ratio a round of
    `steps`. The arms take turns, so whatever else the machine does slows all alike."""

    rounds: int = 15
    steps: int = 8
    name: ClassVar[str] = "cost"

    def once(self, against: Against, trainer_of: Callable[[str], Trainer]) -> dict[str, list[float]]:
        trainers = {arm: trainer_of(arm) for arm in against}
        first = next(iter(trainers.values()))
        batch = first_pictures(first, first.recipe.batch_size)
        seconds: dict[str, list[float]] = {arm: [] for arm in trainers}
        for round_number in reporter.progress(range(self.rounds + 1), "timing the arms, rounds"):
            for arm, trainer in trainers.items():
                trainer.model.train()
                began = time.perf_counter()
                for _ in range(self.steps):
                    trainer.train_step(*batch)
                if round_number:  # the first one warms up
                    seconds[arm].append(time.perf_counter() - began)
        return {
            arm: [round(own / theirs, 3) for own, theirs in zip(seconds[arm], seconds[other])]
            for arm, other in against.items()
            if other
        }

    def summary(self, record: dict, against: Against) -> dict:
        if self.name not in record:
            return {}
        return {"step_time": {arm: round(statistics.median(ratios), 2) for arm, ratios in record[self.name].items()}}

    def tell(self, summary: dict) -> None:
        for arm, ratio in summary.get("step_time", {}).items():
            reporter.say(f"{arm}: a training step takes {ratio:.2f} times as long")


# ---- what they share ----------------------------------------------------------------------------------


class TrainingError:
    """Callback: the fraction of wrong answers on training pictures while learning, in WINDOWS parts of each epoch."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.running_metrics = RunningMetrics()

    def on_batch_end(self, trainer: Trainer, batch: RunningMetrics) -> None:
        self.running_metrics = self.running_metrics.plus(batch, 0.0)
        steps = len(trainer.train_loader)
        if WINDOWS * trainer.step // steps > WINDOWS * (trainer.step - 1) // steps:
            self.errors.append(round(1 - self.running_metrics.top1, 4))
            self.running_metrics = RunningMetrics()


def by_arm(record: dict, figure: str, value: Callable[[Any], Any]) -> dict[str, dict[str, Any]]:
    """Arm -> seed -> `value` of what the run has under `figure`; runs that have no such figure are left out."""
    found: dict[str, dict[str, Any]] = {}
    for run in record["runs"]:
        if figure in run:
            found.setdefault(run["arm"], {})[str(run["seed"])] = value(run[figure])
    return found


def compared(values: dict[str, dict], against: Against, compare: Callable[[dict, dict], dict | None]) -> dict:
    """Arm -> `compare` of its values by seed with those of the arm that it is compared with, where there is both."""
    found = {arm: compare(by_seed, values.get(against.get(arm) or "", {})) for arm, by_seed in values.items()}
    return {arm: comparison for arm, comparison in found.items() if comparison}


def first_pictures(trainer: Trainer, count: int) -> tuple:
    """(images, labels): as many of each class as can be, as the net sees them in the first epoch."""
    import paddle

    loader = trainer.train_loader
    chosen = draw(loader.dataset.labels, min(count, len(loader.dataset)), 0).tolist()
    return tuple(paddle.to_tensor(array) for array in loader.arrays([(1, index) for index in chosen]))
