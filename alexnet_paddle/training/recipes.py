"""Every training recipe as a table: optimizer, schedule, batch, epochs, augmentation. Any goes with any variant.

Names follow the systems they come from. What a source declares but never does is left out and said so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from alexnet_paddle.datasets.transforms import Augmentation
from alexnet_paddle.errors import InputError

if TYPE_CHECKING:
    import paddle


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves.

    constant:  it does not
    plateau:   times `factor` when the validation error has not improved for `every` epochs, at most `most` times
    epochs:    times `factor` every `every` epochs
    batches:   times `factor` every `every` batches
    cosine:    up in equal steps during the first `every` of all batches (a fraction), then down to 0 along a cosine
    """

    kind: str = "constant"
    every: float = 0
    factor: float = 1.0
    most: int = 0


@dataclass(frozen=True)
class Recipe:
    """One way to train. `decay_biases=False` keeps `weight_decay` off the biases.

    What computes is the identity: two recipes are equal when they train alike, whatever their names and sources say.
    """

    name: str = field(compare=False)
    optimizer: str  # "sgd", "adam" or "rmsprop"
    learning_rate: float
    batch_size: int
    epochs: int
    source: str = field(default="", compare=False)
    schedule: Schedule = Schedule()
    momentum: float = 0.0
    weight_decay: float = 0.0
    decay_biases: bool = True
    augmentation: Augmentation = Augmentation()

    def replace(self, **changes: Any) -> Recipe:
        """A copy with fields changed. Raises ValueError for an unknown field."""
        unknown = sorted(set(changes) - set(self.__dataclass_fields__))
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}; choose from {', '.join(self.__dataclass_fields__)}")
        return replace(self, **changes)

    def to_dict(self) -> dict:
        """As plain data for JSON: the name, and what computes. `from_dict` reads it back."""
        fields = asdict(self)
        del fields["source"]
        return fields

    @staticmethod
    def from_dict(fields: dict) -> Recipe:
        """The recipe that `to_dict` wrote. Raises KeyError, TypeError or ValueError where the data is not one."""
        parts = {"schedule": Schedule(**fields["schedule"]), "augmentation": Augmentation(**fields["augmentation"])}
        return Recipe(**{**fields, **parts})


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="paper",
            source="paper, section 5; no decay on biases, as in the 2012 source (layer-params-145.cfg)",
            optimizer="sgd",
            learning_rate=0.01,
            momentum=0.9,
            weight_decay=5e-4,
            decay_biases=False,
            # The paper divided by hand; three epochs without improvement stand in for the hand.
            schedule=Schedule("plateau", every=3, factor=0.1, most=3),
            batch_size=128,
            epochs=90,
            augmentation=Augmentation("random", mirror=True, color_pca=0.1, normalise="mean_image"),
        ),
        Recipe(
            name="dansuh17",
            source="dansuh17's PyTorch port, without its scheduler's step before the first update",
            optimizer="adam",
            learning_rate=1e-4,
            schedule=Schedule("epochs", every=30, factor=0.1),
            batch_size=128,
            epochs=90,
            augmentation=Augmentation("center", mirror=False, normalise="imagenet"),
        ),
        Recipe(
            name="classic-cnn",
            source="Classic-CNN; the x0.1 every 30 epochs that it declares is never stepped there",
            optimizer="adam",
            learning_rate=2e-4,
            batch_size=64,
            epochs=90,
            augmentation=Augmentation("random", mirror=True, normalise="half"),
        ),
        Recipe(
            name="blog",
            source="a blog's table; elsewhere its text says learning rate 0.01",
            optimizer="rmsprop",
            learning_rate=1e-3,
            momentum=0.9,
            weight_decay=5e-4,
            schedule=Schedule("batches", every=256, factor=0.5),
            batch_size=32,
            epochs=50,
            augmentation=Augmentation("resized", mirror=True, normalise="half"),
        ),
        Recipe(
            name="quick",
            source="ours, for `mini` on `petals`: a minute or two on a laptop's CPU",
            optimizer="adam",
            learning_rate=2e-3,
            schedule=Schedule("cosine", every=0.15),
            batch_size=32,
            epochs=10,
            augmentation=Augmentation("random", mirror=True, normalise="mean_std"),
        ),
    )
}


def build_optimizer(
    recipe: Recipe, model: paddle.nn.Layer, steps_per_epoch: int
) -> tuple[paddle.optimizer.Optimizer, LRSchedule]:
    """What trains a model, and moves its learning rate. Raises InputError for an unknown optimizer."""
    import paddle

    learning_rate = LRSchedule(recipe, steps_per_epoch)
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    weights = [p for name, p in model.named_parameters() if not name.endswith("bias")]
    bias_decay = recipe.weight_decay if recipe.decay_biases else 0.0
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": biases, "weight_decay": bias_decay},
    ]
    common = {"learning_rate": learning_rate.scheduler, "parameters": groups}
    optimizers = {
        "sgd": lambda: paddle.optimizer.Momentum(momentum=recipe.momentum, **common),
        "adam": lambda: paddle.optimizer.Adam(**common),
        # rho and epsilon are PyTorch's defaults, where this recipe comes from.
        "rmsprop": lambda: paddle.optimizer.RMSProp(rho=0.99, epsilon=1e-8, momentum=recipe.momentum, **common),
    }
    if recipe.optimizer not in optimizers:
        raise InputError(f"optimizer is {recipe.optimizer!r}; choose from {', '.join(optimizers)}")
    return optimizers[recipe.optimizer](), learning_rate


class LRSchedule:
    """A recipe's schedule on Paddle's own schedulers; the trainer tells it of each batch and each epoch."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int):
        from paddle.optimizer import lr

        schedule, start = recipe.schedule, recipe.learning_rate
        steps = recipe.epochs * steps_per_epoch
        warmup = max(1, round(schedule.every * steps))
        builders = {
            "constant": lambda: lr.LambdaDecay(start, lambda step: 1.0),
            "plateau": lambda: lr.ReduceOnPlateau(
                start,
                factor=schedule.factor,
                patience=int(schedule.every) - 1,  # Paddle waits for one bad epoch more than its patience
                threshold=0.0,
                min_lr=start * schedule.factor**schedule.most,
            ),
            "epochs": lambda: lr.StepDecay(start, step_size=int(schedule.every), gamma=schedule.factor),
            "batches": lambda: lr.StepDecay(start, step_size=int(schedule.every), gamma=schedule.factor),
            "cosine": lambda: lr.LambdaDecay(start, lambda step: _warmup_then_cosine(step, warmup, steps)),
        }
        if schedule.kind not in builders:
            raise InputError(f"schedule is {schedule.kind!r}; choose from {', '.join(builders)}")
        self.kind = schedule.kind
        self.scheduler = builders[schedule.kind]()

    def value(self) -> float:
        return float(self.scheduler())

    def after_batch(self) -> None:
        if self.kind in ("batches", "cosine"):
            self.scheduler.step()

    def after_epoch(self, validation_error: float) -> None:
        if self.kind == "plateau":
            self.scheduler.step(validation_error)
        elif self.kind == "epochs":
            self.scheduler.step()


def _warmup_then_cosine(step: int, warmup: int, steps: int) -> float:
    """Fraction of the full learning rate at a step counted from 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
