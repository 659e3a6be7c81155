"""The engine of ablations: one net and one recipe, a few changes, several seeds. Which change makes which difference?

`run` trains every arm with every seed into one results file, and goes on where it was stopped. For a seed, all arms
start from the same random numbers and see the same pictures in the same order, so their differences are paired. What is
asked stands in `study.ablations`, what is looked at in `study.measures`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alexnet_paddle import reporter
from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.loader import eval_loader
from alexnet_paddle.errors import InputError, Stopped, TrainingFailed
from alexnet_paddle.files import write_json
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.provenance import made_on
from alexnet_paddle.study.ablations import ABLATIONS, Ablation, Arm, Size
from alexnet_paddle.study.data import Data
from alexnet_paddle.study.measures import SeenEnough, TrainingError
from alexnet_paddle.training import interruptions, setup
from alexnet_paddle.training.recipes import Recipe
from alexnet_paddle.training.trainer import Trainer

EVAL_BATCH = 128

# ---- one training ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One training: an arm with a seed, at a learning rate, for so many epochs."""

    arm: str
    seed: int
    learning_rate: float
    epochs: int


@dataclass(frozen=True)
class Study:
    """An ablation of a net and a recipe on some data: what trains each of its jobs."""

    ablation: Ablation
    config: AlexNetConfig
    recipe: Recipe
    data: Data

    def settings(self) -> dict:
        """What it computes and on which pictures, as a record holds it."""
        dataset = self.data.dataset
        return {
            "data": Path(dataset.name).name,
            "fingerprint": dataset.fingerprint,
            "images": {"train": self.data.images, "val": len(self.data.val), "test": len(dataset.test)},
            "config": self.config.to_dict(),
            "recipe": self.recipe.to_dict(),
            "arms": {name: arm.to_dict() for name, arm in self.ablation.arms.items()},
            "marks": {words: at for measure in self.ablation.measures for words, at in measure.marks().items()},
        }

    def job(self, arm: str, seed: int) -> Job:
        """At the arm's own learning rate, for the whole length."""
        _, recipe = self.ablation.arms[arm].change(self.config, self.recipe)
        return Job(arm, seed, recipe.learning_rate, recipe.epochs)

    def plan(self, job: Job) -> tuple[AlexNetConfig, Recipe]:
        """The net and the recipe of a job."""
        config, recipe = self.ablation.arms[job.arm].change(self.config, self.recipe)
        return config, recipe.replace(learning_rate=job.learning_rate, epochs=job.epochs)

    def pictures(self, job: Job) -> tuple[Pictures, setup.Inputs]:
        """The pictures of an epoch, and how the net takes them."""
        config, recipe = self.plan(job)
        train, statistics = self.data.train(job.seed, self.ablation.arms[job.arm].fraction)
        return train, setup.fit_inputs(recipe, config.image_size, statistics)

    def trainer(self, job: Job, callbacks: Sequence = ()) -> Trainer:
        """The training of a job, at its beginning."""
        (config, recipe), (train, inputs) = self.plan(job), self.pictures(job)
        model = setup.build_model(config, job.seed)
        return setup.build_trainer(model, recipe, train, self.data.val, inputs, seed=job.seed, callbacks=callbacks)

    def train(self, job: Job) -> dict:
        """One training from beginning to end: its curves, and what the ablation's measures saw of it."""
        began, errors, measures = time.monotonic(), TrainingError(), self.ablation.measures
        looking_on = [callback for measure in measures if (callback := measure.callback())]
        trainer = self.trainer(job, [errors, *looking_on])
        result: dict = {"arm": job.arm, "seed": job.seed, "learning_rate": job.learning_rate}
        for measure in measures:
            result |= measure.before(trainer)
        try:
            with interruptions.without_warnings(), interruptions.stop_on_signals(trainer):
                trainer.fit()
        except TrainingFailed as error:
            result["failed"] = str(error)
        except SeenEnough:
            pass
        for split in ("train", "val"):
            rows = [row for row in trainer.history if row["split"] == split]
            result[split] = {name: [round(row[name], 5) for row in rows] for name in ("loss", "top1")}
        result["training_error"] = errors.errors
        if "failed" not in result:
            _, inputs = self.pictures(job)
            test = eval_loader(self.data.dataset.test, inputs.preprocessing, EVAL_BATCH)
            for measure in measures:
                result |= measure.after(trainer, test)
        result["seconds"] = round(time.monotonic() - began, 1)
        return result


# ---- all of them -----------------------------------------------------------------------------------


def run(
    name: str,
    out: Path,
    data: str = "petals",
    variant: str = "mini",
    size: Size | None = None,
    arms: Sequence[str] = (),
    command: str = "",
) -> dict:
    """Train what is not yet in the results file `out`, write it after every run, and return what it holds.

    `arms` names some of the ablation's; without them it is all. Raises InputError, before anything is trained or
    written, when the file is of other settings or the data set has too few pictures; Stopped after Ctrl-C or SIGTERM.
    """
    ablation, out = ABLATIONS[name], Path(out)
    size = size or ablation.full
    chosen = {arm: ablation.arms[arm] for arm in arms or ablation.arms}
    config = ablation.base_config(variant)
    pictures = Data(data, config.image_size, size.images)
    config = config.replace(num_classes=len(pictures.dataset.classes))
    study = Study(ablation, config, ablation.recipe.replace(epochs=size.epochs), pictures)
    _require_pictures(study, chosen, size)
    record = {"ablation": name, **study.settings(), "rates": [], "runs": []}
    if out.exists():
        record = _go_on(out, record)
    record |= {"seeds": max(size.seeds, record.get("seeds", 0)), "command": command, **made_on(fast_cpu.RULE.words())}
    trials = _missing(_trials(study, chosen), record["rates"], "arm", "seed", "learning_rate")
    runs = _missing(_runs(study, chosen, size.seeds), record["runs"], "arm", "seed")
    progress = _Progress([*trials, *runs])

    def save() -> None:
        record["summary"] = summary(record)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, record)

    def train(job: Job, entries: list[dict]) -> None:
        entries.append(study.train(job))
        save()
        progress.done(job, entries[-1])

    for measure in ablation.measures:  # before all that takes long, in case the machine is too small for it
        if measure.name and measure.name not in record:
            record[measure.name] = measure.once(ablation.against, lambda arm: study.trainer(study.job(arm, 0)))
    try:
        for job in trials:
            train(job, record["rates"])
        rates = best_rates(record["rates"])
        for job in runs:
            rate = rates.get(ablation.arms[job.arm].rate_of or job.arm, job.learning_rate)
            train(replace(job, learning_rate=rate), record["runs"])
    except Stopped:
        trained = len(record["rates"]) + len(record["runs"])
        raise Stopped(f"{out} holds {trained} trainings; go on with the same command") from None
    save()
    return record


def _require_pictures(study: Study, chosen: dict[str, Arm], size: Size) -> None:
    few = round(study.data.images * min(arm.fraction for arm in chosen.values()))
    if few < study.config.num_classes:
        raise InputError(
            f"--images {size.images}: an arm would have {few} pictures of {study.config.num_classes} classes; give more"
        )


def trial_epochs(epochs: int) -> int:
    """Learning rates are tried for a quarter of the length, on seed 0."""
    return max(1, epochs // 4)


def _trials(study: Study, chosen: dict[str, Arm]) -> list[Job]:
    """What chooses the learning rates of these arms."""
    arms = dict.fromkeys(arm.rate_of or name for name, arm in chosen.items())
    epochs = trial_epochs(study.recipe.epochs)
    return [Job(arm, 0, rate, epochs) for arm in arms for rate in study.ablation.learning_rates]


def _runs(study: Study, chosen: dict[str, Arm], seeds: int) -> list[Job]:
    return [study.job(arm, seed) for seed in range(seeds) for arm in chosen]


def _missing(jobs: list[Job], entries: list[dict], *keys: str) -> list[Job]:
    """The jobs of which a record has no entry yet that is the same in these keys."""
    done = {tuple(entry[key] for key in keys) for entry in entries}
    return [job for job in jobs if tuple(getattr(job, key) for key in keys) not in done]


class _Progress:
    """A line for each training, with the time that is left by the speed so far."""

    def __init__(self, jobs: list[Job]):
        self.epochs, self.trained, self.began = sum(job.epochs for job in jobs), 0, time.monotonic()
        reporter.say(f"{self.epochs} epochs to train")

    def done(self, job: Job, result: dict) -> None:
        self.trained += job.epochs
        left = (time.monotonic() - self.began) / self.trained * (self.epochs - self.trained)
        time_left = f"about {left / 60:.0f} min left" if left >= 60 else f"about {left:.0f} s left"
        reporter.say(f"{job.arm}, seed {job.seed}, learning rate {job.learning_rate:g}: {_words(result)}; {time_left}")


def _words(result: dict) -> str:
    if "failed" in result:
        return f"failed ({result['failed'].partition(';')[0]})"
    loss, top1 = result["train"]["loss"], result["val"]["top1"]
    return f"train loss {loss[-1]:.3f}, validation top1 {top1[-1]:.3f} after {len(loss)} epoch{'s' * (len(loss) > 1)}"


# ---- the results file ------------------------------------------------------------------------------


def read(path: Path) -> dict:
    """A results file. Raises InputError."""
    try:
        record = json.loads(Path(path).read_text("utf-8"))
        _identity(record, [])
        summary(record)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: not a results file of an ablation; give another name") from None
    return record


def _go_on(out: Path, begun: dict) -> dict:
    """The record in `out`, to be gone on with as `begun` is. Raises InputError unless its runs computed the same; what
    does not compute, such as names, may have been reworded."""
    record = read(out)
    trained = sorted({entry["arm"] for entry in record["rates"] + record["runs"]})
    now = _identity(json.loads(json.dumps(begun)), trained)
    for what, before in _identity(record, trained).items():
        if before != now[what]:
            raise InputError(f"{out}: made with another {what}; give another --out, or remove it")
    return {**record, **begun, "rates": record["rates"], "runs": record["runs"]}


def _identity(record: dict, arms: Sequence[str]) -> dict:
    """In words -> what decides the figures of these arms' runs."""
    return {
        "ablation": record["ablation"],
        "data set": record["data"],
        "set of pictures": record["fingerprint"],
        "number of pictures": record["images"],
        "net": AlexNetConfig.from_dict(record["config"]),
        "recipe": Recipe.from_dict(record["recipe"]),
        **{f"arm {name!r}": record["arms"].get(name) for name in arms},
    }


def best_rates(trials: list[dict]) -> dict[str, float]:
    """For each arm the learning rate with the lowest training loss in its trial's last epoch."""
    best: dict[str, tuple[float, float]] = {}
    for trial in trials:
        loss = trial["train"]["loss"][-1] if "failed" not in trial else math.inf
        if trial["arm"] not in best or loss < best[trial["arm"]][0]:
            best[trial["arm"]] = loss, trial["learning_rate"]
    return {arm: rate for arm, (_, rate) in best.items()}


def summary(record: dict) -> dict:
    """What follows from a record's runs: the part of each measure, and the learning rates that were chosen."""
    ablation = ABLATIONS[record["ablation"]]
    found: dict = {}
    for measure in ablation.measures:
        found |= measure.summary(record, ablation.against)
    if ablation.learning_rates:
        found["learning_rate"] = best_rates(record["rates"])
    return found
