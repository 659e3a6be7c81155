"""An ablation: one net and one recipe, a few changes, several seeds. Which change makes which difference?

`ABLATIONS` names them. `measure` trains every arm with every seed into one results file, and goes on where it was
stopped. For a seed, all arms start from the same random numbers and see the same pictures in the same order, so their
differences are paired: `summary` gives the mean difference with Student's 95% interval.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle import datasets, inspection, reporter, runtime
from alexnet_paddle.datasets import packed
from alexnet_paddle.datasets.loader import eval_loader, train_loader
from alexnet_paddle.datasets.transforms import Augmentation, Preprocessing, Statistics, TrainTransform, resize_side
from alexnet_paddle.errors import InputError, TrainingFailed
from alexnet_paddle.files import write_json
from alexnet_paddle.metrics import RunningMetrics
from alexnet_paddle.nets.config import LRN, Activation, AlexNetConfig, Dropout, Linear
from alexnet_paddle.nets.model import AlexNet
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.provenance import made_on
from alexnet_paddle.training.recipes import RECIPES, Recipe, Schedule
from alexnet_paddle.training.trainer import Trainer, evaluate

WINDOWS = 4  # an epoch's training error is taken in so many parts
TARGET_ERROR = 0.25  # the training error that the paper's figure 1 races to
MOST_VALIDATION = 1000  # pictures measured after each epoch; the test split is measured whole, once
COST_ROUNDS, COST_STEPS = 15, 8
HIDDEN_STAGE = (Linear(192), Activation(), Dropout())

# Student's t for 95%, two-sided, by degrees of freedom from 1 on.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
T_95 += (2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    net:      changes of the base net, see `AlexNetConfig.replace`
    against:  the arm that its differences are taken from; None for one that others are compared with
    rate_of:  the arm whose chosen learning rate it takes, where an ablation chooses them; None: its own
    fraction: of the training pictures; an epoch then goes through them 1 / fraction times, so all arms take as many
              steps
    """

    net: dict = field(default_factory=dict)
    against: str | None = None
    rate_of: str | None = None
    fraction: float = 1.0


@dataclass(frozen=True)
class Size:
    """How much is trained: training pictures, epochs and seeds."""

    images: int
    epochs: int
    seeds: int


@dataclass(frozen=True)
class Ablation:
    """`base` is what all arms change in the net. With `learning_rates`, each arm takes the best of them."""

    question: str
    arms: dict[str, Arm]
    recipe: Recipe
    quick: Size
    full: Size
    base: dict = field(default_factory=dict)
    learning_rates: tuple[float, ...] = ()
    race: bool = False  # report when the training error reaches TARGET_ERROR
    mistakes: bool = False  # measure what wrong uses of dropout at test time cost
    cost: bool = False  # time a training step of each arm


# Paper, section 3.1: "No regularization of any kind was employed" for figure 1, and each net had its own learning rate.
RACE = RECIPES["quick"].replace(
    name="race",
    source="ours, after the paper's figure 1: SGD with momentum 0.9, constant learning rate, no regularisation",
    optimizer="sgd",
    momentum=0.9,
    schedule=Schedule(),
    augmentation=Augmentation("center", mirror=False),
)

ABLATIONS = {
    "activation": Ablation(
        question="How much sooner does a net with ReLU learn than one with tanh or the sigmoid?",
        arms={
            "relu": Arm(),
            "tanh": Arm({"activation": "tanh"}, against="relu"),
            "sigmoid": Arm({"activation": "sigmoid", "init": "sigmoid"}, against="relu"),
            "sigmoid as relu": Arm({"activation": "sigmoid"}, against="relu", rate_of="relu"),
        },
        base={"lrn": False, "dropout": 0},
        recipe=RACE,
        learning_rates=(0.001, 0.004, 0.016, 0.064),
        race=True,
        quick=Size(800, 4, 2),
        full=Size(2000, 16, 5),
    ),
    "lrn": Ablation(
        question="What does local response normalisation change, with alpha as printed and as in the 2012 source?",
        arms={
            "off": Arm({"lrn": False}),
            "printed alpha": Arm({"lrn": LRN()}, against="off"),
            "source's alpha": Arm({"lrn": LRN(divide_by_size=True)}, against="off"),
            # The control: no neighbour counts, and what is left of LRN is to multiply by 2^-0.75.
            "alpha 0": Arm({"lrn": LRN(alpha=0.0)}, against="off"),
        },
        recipe=RECIPES["quick"],
        cost=True,
        quick=Size(1000, 5, 2),
        full=Size(2000, 16, 5),
    ),
    "dropout": Ablation(
        question="When does dropout help: with how many pictures, and at which rate?",
        arms={
            **{f"{p}": Arm({"dropout": p}, against="0" if p else None) for p in (0, 0.25, 0.5, 0.75)},
            **{
                f"{p} few": Arm({"dropout": p}, against="0 few" if p else None, fraction=0.1)
                for p in (0, 0.25, 0.5, 0.75)
            },
        },
        base={"lrn": False},
        recipe=RECIPES["quick"].replace(augmentation=Augmentation("center", mirror=False)),
        mistakes=True,
        quick=Size(500, 4, 2),
        full=Size(2000, 12, 5),
    ),
}


# ---- one training ----------------------------------------------------------------------------------


def base_net(ablation: Ablation, variant: str) -> AlexNetConfig:
    """The net that the arms change. One without a hidden fc layer gets one where dropout needs it."""
    config = VARIANTS[variant]
    if any("dropout" in arm.net for arm in ablation.arms.values()) and not config.fc_stages:
        config = config.replace(fc_stages=(HIDDEN_STAGE,))
    if not config.fc_stages:
        return config.replace(**{name: value for name, value in ablation.base.items() if name != "dropout"})
    return config.replace(**ablation.base)


def build_trainer(config, recipe, train, val, statistics, seed: int, callbacks=()) -> Trainer:
    """A training by `recipe` on the split `train`, at its beginning."""
    runtime.seed_everything(seed)
    preprocessing = Preprocessing.fit(config.image_size, recipe.augmentation.normalise, statistics)
    transform = TrainTransform(recipe.augmentation, preprocessing, statistics.color_axes)
    loaders = train_loader(train, transform, recipe.batch_size, seed), eval_loader(val, preprocessing, 128)
    return Trainer(AlexNet(config), recipe, *loaders, seed=seed, callbacks=callbacks)


def draw(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices of `count` pictures, as many of each class as can be; a smaller count draws some of the same."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    place = np.empty(len(labels), int)  # of a picture among those of its class
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = np.arange(len(members))
    return np.sort(order[np.argsort(place[order], kind="stable")][:count])


class TrainingError:
    """Callback: the fraction of wrong answers on training pictures while learning, in WINDOWS parts of each epoch."""

    def __init__(self):
        self.errors, self.running_metrics = [], RunningMetrics()

    def on_batch_end(self, trainer, batch):
        self.running_metrics = self.running_metrics.plus(batch, 0.0)
        steps = len(trainer.train_loader)
        if WINDOWS * trainer.step // steps > WINDOWS * (trainer.step - 1) // steps:
            self.errors.append(round(1 - self.running_metrics.top1, 4))
            self.running_metrics = RunningMetrics()


class Data:
    """The pictures of an ablation: for each seed its own draw for training, the same for all arms."""

    def __init__(self, data: str, image_size: int, images: int):
        side = resize_side(image_size)
        remedy = "remove or replace them"
        checked = datasets.load_checked(data, datasets.DEFAULT_FRACTION, side, remedy=remedy)
        self.dataset = packed.use(checked, side)
        self.side = side
        self.images = min(images, len(self.dataset.train))
        val = self.dataset.val
        self.val = val.subset(draw(val.labels, min(MOST_VALIDATION, len(val)), 0))

    @lru_cache(maxsize=4)  # noqa: B019 (lives as long as the program)
    def train(self, seed: int, fraction: float):
        """(pictures of an epoch, `Statistics` of those that differ)."""
        chosen = draw(self.dataset.train.labels, round(self.images * fraction), seed)
        split = self.dataset.train.subset(chosen)
        statistics = Statistics.of(split.square(i, self.side) for i in range(len(split)))
        return self.dataset.train.subset(np.tile(chosen, round(1 / fraction))), statistics


def run_arm(data: Data, config: AlexNetConfig, recipe: Recipe, seed: int, fraction=1.0, mistakes=False) -> dict:
    """One training from beginning to end: its curves, and the test split at the last epoch, in eval mode."""
    train, statistics = data.train(seed, fraction)
    watch, began = TrainingError(), time.monotonic()
    trainer = build_trainer(config, recipe, train, data.val, statistics, seed, [watch])
    gradients = gradients_at_start(trainer)
    result = {"seed": seed, "learning_rate": recipe.learning_rate, "gradients_at_start": gradients}
    try:
        trainer.fit()
    except TrainingFailed as error:
        result["failed"] = str(error)
    for split in ("train", "val"):
        rows = [row for row in trainer.history if row["split"] == split]
        result[split] = {name: [round(row[name], 5) for row in rows] for name in ("loss", "top1")}
    result["training_error"] = watch.errors
    if "failed" not in result:
        preprocessing = Preprocessing.fit(config.image_size, recipe.augmentation.normalise, statistics)
        test = eval_loader(data.dataset.test, preprocessing, 128)
        scores = evaluate(trainer.model, test)
        result["test"] = {"loss": round(scores.loss, 5), "top1": round(scores.top1, 5)}
        if mistakes:
            result["mistakes"] = dropout_mistakes(trainer.model, test, seed)
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def gradients_at_start(trainer) -> dict[str, float]:
    """Root mean square of the loss's gradient, for each layer's weights, on the training's first pictures."""
    loader = trainer.train_loader
    images, labels = (paddle.to_tensor(array) for array in loader.arrays([(1, i) for i in _some(loader.dataset)]))
    runtime.seed_everything(trainer.seed)
    _, gradients = inspection.gradients(trainer.model, images, labels)
    return {
        gradient.name.removesuffix(".weight"): float(f"{gradient.gradient:.4g}")
        for gradient in gradients
        if gradient.name.endswith(".weight")
    }


def _some(split, count=64):
    return draw(split.labels, min(count, len(split)), 0).tolist()


# What people do at test time, and what it makes of a dropout layer's output there. The nets here scale while training,
# so at test time nothing is to be done.
DROPOUT_MISTAKES = {
    "left on": lambda layer, x, out: F.dropout(x, layer.p, training=True),
    "scaled twice": lambda layer, x, out: out * (1 - layer.p),
    # As if trained by the paper's rule, and then without its factor at test time.
    "not scaled": lambda layer, x, out: out / (1 - layer.p),
}


def dropout_mistakes(model, loader, seed: int) -> dict[str, float]:
    """Top-1 accuracy of a model with each of DROPOUT_MISTAKES."""
    found = {}
    for name, wrong in DROPOUT_MISTAKES.items():
        layers = [layer for layer in model.sublayers() if isinstance(layer, paddle.nn.Dropout)]
        hooks = [
            layer.register_forward_post_hook(lambda layer, inputs, out, wrong=wrong: wrong(layer, inputs[0], out))
            for layer in layers
        ]
        runtime.seed_everything(seed)
        found[name] = round(evaluate(model, loader).top1, 5)
        for hook in hooks:
            hook.remove()
    return found


# ---- all of them -----------------------------------------------------------------------------------


def measure(name: str, out: Path, data="petals", variant="mini", size: Size | None = None, command="") -> dict:
    """Train what is not yet in the results file `out`, write it after every run, and return what it holds.

    Raises InputError when the file is of other settings, or the data set has too few pictures.
    """
    ablation = ABLATIONS[name]
    size = size or ablation.full
    base = base_net(ablation, variant)
    pictures = Data(data, base.image_size, size.images)
    base = base.replace(num_classes=len(pictures.dataset.classes))
    recipe = ablation.recipe.replace(epochs=size.epochs)
    few = round(pictures.images * min(arm.fraction for arm in ablation.arms.values()))
    if few < len(pictures.dataset.classes):
        raise InputError(f"--images {size.images}: an arm would have {few} pictures; give more")
    settings = {
        "ablation": name,
        "data": Path(pictures.dataset.name).name,
        "fingerprint": pictures.dataset.fingerprint,
        "images": {"train": pictures.images, "val": len(pictures.val), "test": len(pictures.dataset.test)},
        "net": base.to_dict(),
        "recipe": recipe.to_dict(),
    }
    record = _continue(out, settings)
    record |= {"seeds": max(size.seeds, record.get("seeds", 0)), "command": command, **made_on()}

    def save():
        record["summary"] = summary(record)
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        write_json(out, record)

    todo = _Progress(_missing(ablation, record, size))
    rates = _choose_rates(ablation, base, recipe, pictures, record, todo, save)
    for seed in range(size.seeds):
        for arm_name, arm in ablation.arms.items():
            if _find(record["runs"], arm=arm_name, seed=seed):
                continue
            rate = rates.get(arm.rate_of or arm_name, recipe.learning_rate)
            result = run_arm(
                pictures,
                base.replace(**arm.net),
                recipe.replace(learning_rate=rate),
                seed,
                arm.fraction,
                ablation.mistakes,
            )
            record["runs"].append({"arm": arm_name, **result})
            save()
            todo.done(f"{arm_name}, seed {seed}: {_words(result)}", size.epochs)
    if ablation.cost and "cost" not in record:
        record["cost"] = step_cost(ablation, base, recipe, pictures)
    save()
    return record


def read(path: Path) -> dict:
    """A results file. Raises InputError."""
    try:
        record = json.loads(Path(path).read_text("utf-8"))
        if not {"ablation", "runs", "rates"} <= set(record):
            raise ValueError
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (ValueError, TypeError):
        raise InputError(f"{path}: not a results file of an ablation; give another name") from None
    return record


def _continue(out, settings) -> dict:
    if not Path(out).exists():
        return {**settings, "rates": [], "runs": []}
    record = read(out)
    for what, now in json.loads(json.dumps(settings)).items():
        if record.get(what) != now:
            raise InputError(f"{out}: made with another {what}; give another --out, or remove it")
    return record


def _find(runs, **key):
    return next((run for run in runs if all(run[name] == value for name, value in key.items())), None)


def _own_rates(ablation):
    return [name for name, arm in ablation.arms.items() if ablation.learning_rates and arm.rate_of is None]


def trial_epochs(epochs: int) -> int:
    """Learning rates are tried for a quarter of the length, on seed 0."""
    return max(1, epochs // 4)


def _missing(ablation, record, size) -> int:
    """Epochs still to train."""
    tried = [
        (arm, rate)
        for arm in _own_rates(ablation)
        for rate in ablation.learning_rates
        if not _find(record["rates"], arm=arm, learning_rate=rate)
    ]
    runs = [
        (arm, seed)
        for arm in ablation.arms
        for seed in range(size.seeds)
        if not _find(record["runs"], arm=arm, seed=seed)
    ]
    return len(tried) * trial_epochs(size.epochs) + len(runs) * size.epochs


def _choose_rates(ablation, base, recipe, pictures, record, todo, save) -> dict[str, float]:
    epochs = trial_epochs(recipe.epochs)
    for arm_name in _own_rates(ablation):
        arm = ablation.arms[arm_name]
        for rate in ablation.learning_rates:
            if _find(record["rates"], arm=arm_name, learning_rate=rate):
                continue
            tried = recipe.replace(learning_rate=rate, epochs=epochs)
            result = run_arm(pictures, base.replace(**arm.net), tried, 0, arm.fraction)
            record["rates"].append({"arm": arm_name, **result})
            save()
            todo.done(f"{arm_name}, learning rate {rate:g}: {_words(result)}", epochs)
    return best_rates(record["rates"])


def best_rates(trials: list[dict]) -> dict[str, float]:
    """For each arm the learning rate with the lowest training loss in its trial's last epoch."""
    best = {}
    for run in trials:
        loss = run["train"]["loss"][-1] if "failed" not in run else math.inf
        if run["arm"] not in best or loss < best[run["arm"]][0]:
            best[run["arm"]] = loss, run["learning_rate"]
    return {arm: rate for arm, (_, rate) in best.items()}


def _words(result) -> str:
    if "failed" in result:
        return f"failed ({result['failed'].partition(';')[0]})"
    return f"train loss {result['train']['loss'][-1]:.3f}, test top1 {result['test']['top1']:.3f}"


class _Progress:
    """A line for each training, with the time that is left by the speed so far."""

    def __init__(self, epochs):
        self.epochs, self.trained, self.began = epochs, 0, time.monotonic()
        reporter.say(f"{epochs} epochs to train")

    def done(self, words, epochs):
        self.trained += epochs
        left = (time.monotonic() - self.began) / self.trained * (self.epochs - self.trained)
        reporter.say(f"{words}; about {left / 60:.0f} min left" if left >= 60 else f"{words}; about {left:.0f} s left")


def step_cost(ablation, base, recipe, pictures) -> dict[str, list[float]]:
    """For each arm, the time of a training step divided by that of the arm it is compared with: a ratio a round.

    The arms take turns, so whatever else the machine does slows all alike.
    """
    train, statistics = pictures.train(0, 1.0)
    trainers = {
        name: build_trainer(base.replace(**arm.net), recipe, train, pictures.val, statistics, 0)
        for name, arm in ablation.arms.items()
    }
    batch = [
        paddle.to_tensor(array)
        for array in next(iter(trainers.values())).train_loader.arrays(
            [(1, i) for i in _some(train, recipe.batch_size)]
        )
    ]
    seconds = {name: [] for name in trainers}
    for round_number in range(COST_ROUNDS + 1):
        for name, trainer in trainers.items():
            trainer.model.train()
            began = time.perf_counter()
            for _ in range(COST_STEPS):
                trainer.train_step(*batch)
            if round_number:  # the first one warms up
                seconds[name].append(time.perf_counter() - began)
    return {
        name: [round(a / b, 3) for a, b in zip(seconds[name], seconds[arm.against])]
        for name, arm in ablation.arms.items()
        if arm.against
    }


# ---- what came out ---------------------------------------------------------------------------------


def interval(values: list[float]) -> list[float] | None:
    """Student's 95% interval of the mean; None for one value."""
    if len(values) < 2:
        return None
    half = T_95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
    return [round(statistics.mean(values) - half, 4), round(statistics.mean(values) + half, 4)]


def _mean(values: dict) -> dict:
    """`values` by seed, with their mean and its interval."""
    numbers = list(values.values())
    return {
        "by_seed": {seed: round(value, 4) for seed, value in values.items()},
        "mean": round(statistics.mean(numbers), 4),
        "interval_95": interval(numbers),
    }


def epochs_to(errors: list[float], target: float = TARGET_ERROR) -> float | None:
    """Epochs until a part of an epoch had at most this training error; None if none had."""
    return next(((i + 1) / WINDOWS for i, error in enumerate(errors) if error <= target), None)


def summary(record: dict) -> dict:
    """From a record's runs, for each arm: top-1 on the test split, and its differences from the arm it is compared
    with; where the ablation has them, epochs to TARGET_ERROR, costs of mistakes, the ratio of step times."""
    ablation = ABLATIONS[record["ablation"]]
    top1, steps, found = {}, {}, {"top1": {}, "difference": {}}
    for run in record["runs"]:
        seed = str(run["seed"])
        if "failed" not in run:
            top1.setdefault(run["arm"], {})[seed] = run["test"]["top1"]
        steps.setdefault(run["arm"], {})[seed] = epochs_to(run["training_error"])
    for arm, values in top1.items():
        found["top1"][arm] = _mean(values)
        other = top1.get(ablation.arms[arm].against, {})
        if both := [seed for seed in values if seed in other]:
            found["difference"][arm] = _mean({seed: values[seed] - other[seed] for seed in both})
    if ablation.race:
        found["epochs_to_target"] = {arm: _race(values) for arm, values in steps.items()}
        found["times_as_long"] = {arm: _ratio(steps, arm, ablation.arms[arm].against) for arm in steps}
        found["times_as_long"] = {arm: ratio for arm, ratio in found["times_as_long"].items() if ratio}
        found["learning_rate"] = best_rates(record["rates"])
    if ablation.mistakes:
        found["mistakes"] = _mistakes(record["runs"])
    if "cost" in record:
        found["step_time"] = {arm: round(statistics.median(ratios), 2) for arm, ratios in record["cost"].items()}
    return found


def _race(values) -> dict:
    finished = [value for value in values.values() if value is not None]
    mean = round(statistics.mean(finished), 3) if len(finished) == len(values) else None
    return {"by_seed": values, "mean": mean, "finished": len(finished)}


def _ratio(steps, arm, against) -> dict | None:
    """How many times as long as the other arm, where both finished for each seed."""
    other = steps.get(against, {})
    seeds = [seed for seed in steps[arm] if seed in other]
    if not seeds or not all(steps[arm][seed] and other[seed] for seed in seeds):
        return None
    return _mean({seed: steps[arm][seed] / other[seed] for seed in seeds})


def _mistakes(runs) -> dict:
    """arm -> mistake -> what it changes in top-1."""
    changes = {}
    for run in runs:
        for mistake, top1 in run.get("mistakes", {}).items():
            values = changes.setdefault(run["arm"], {}).setdefault(mistake, {})
            values[str(run["seed"])] = top1 - run["test"]["top1"]
    return {arm: {name: _mean(values) for name, values in mistakes.items()} for arm, mistakes in changes.items()}
