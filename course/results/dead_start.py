"""Why does AlexNet stay at chance? One factor of the paper's setting at a time, on photos.

    python course/results/dead_start.py DIR --arms paper bias-0 --seeds 0 1 2

DIR holds one folder of photos a class. Base: the net `half` with everything else as the paper has it (initialisation,
local response normalisation, dropout, recipe `paper`), the learning rate held constant: the recipe's schedule would
divide it before the net has had a chance to start. A run ends when it has started (mean training loss of an epoch
under 0.9 ln(classes)), when its loss is not finite, or after --steps steps. Runs that are in the results file already
are not repeated; a run that was stopped begins again.
"""

import json
import math
import time
from dataclasses import replace
from pathlib import Path

from alexnet_paddle import cli, datasets
from alexnet_paddle.datasets import packed
from alexnet_paddle.datasets.transforms import Statistics, resize_side
from alexnet_paddle.errors import TrainingFailed
from alexnet_paddle.files import write_json
from alexnet_paddle.metrics import RunningMetrics
from alexnet_paddle.nets.config import PAPER_LRN
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.provenance import machine, versions
from alexnet_paddle.study.ablation import build_trainer
from alexnet_paddle.training.recipes import RECIPES
from alexnet_paddle.training.trainer import Trainer

PAPER_SETTINGS = {
    "init": "paper",
    "lrn": PAPER_LRN,
    "dropout_mode": "downscale_in_infer",
    "dropout_position": "after",
}
STARTED = 0.9  # of ln(classes), the loss of a guess

# name -> what differs from the paper's setting: in the net, in the recipe, in its augmentation, or bias 1 set to 0
ARMS = {
    "paper": {},
    "divided-by-std": {"augmentation": {"normalise": "mean_std"}},
    "conv3-5-at-0.03": {"net": {"init": "convnet2012"}},
    "bias-0": {"zero_biases": True},
    "learning-rate-0.03": {"recipe": {"learning_rate": 0.03}},
    "learning-rate-0.001": {"recipe": {"learning_rate": 0.001}},
    "kaiming": {"net": {"init": "kaiming"}},
    "paddle-init": {"net": {"init": "paddle"}},
    "divided-by-std,paddle-init": {"net": {"init": "paddle"}, "augmentation": {"normalise": "mean_std"}},
    "divided-by-std,conv3-5-at-0.03": {"net": {"init": "convnet2012"}, "augmentation": {"normalise": "mean_std"}},
    "divided-by-std,bias-0": {"zero_biases": True, "augmentation": {"normalise": "mean_std"}},
    "no-dropout": {"net": {"dropout": 0}},
    "no-lrn": {"net": {"lrn": False}},
}


def build(arm: str, variant: str, dataset, statistics, seed: int) -> Trainer:
    """The trainer of one arm, at its beginning."""
    changes = ARMS[arm]
    config = VARIANTS[variant].replace(num_classes=len(dataset.classes), **{**PAPER_SETTINGS, **changes.get("net", {})})
    augmentation = replace(RECIPES["paper"].augmentation, **changes.get("augmentation", {}))
    recipe = RECIPES["paper"].replace(augmentation=augmentation, **changes.get("recipe", {}))
    trainer = build_trainer(config, recipe, dataset.train, dataset.val, statistics, seed)
    if changes.get("zero_biases"):
        for name, parameter in trainer.model.named_parameters():
            if name.endswith("bias"):
                parameter.set_value(parameter * 0)
    return trainer


def run(trainer: Trainer, most_steps: int) -> dict:
    """Train until the net has started, fails or has taken `most_steps` steps: the loss and top-1 of each epoch."""
    steps_per_epoch = len(trainer.train_loader)
    chance = math.log(trainer.model.config.num_classes)
    losses, accuracies, began = [], [], time.monotonic()
    diverged = None
    while trainer.epochs_done * steps_per_epoch < most_steps:
        try:
            scores = trainer.train_epoch()
        except TrainingFailed:
            diverged = trainer.epochs_done * steps_per_epoch + trainer.step + 1
            break
        trainer.epochs_done, trainer.step, trainer.running_metrics = trainer.epochs_done + 1, 0, RunningMetrics()
        losses.append(round(scores.loss, 4))
        accuracies.append(round(scores.top1, 4))
        print(
            f"  step {trainer.epochs_done * steps_per_epoch}: loss {losses[-1]:.4f} top1 {accuracies[-1]:.3f}",
            flush=True,
        )
        if scores.loss < STARTED * chance:
            break
    return {
        "started": bool(losses and losses[-1] < STARTED * chance),
        "diverged_at_step": diverged,
        "steps": diverged or trainer.epochs_done * steps_per_epoch,
        "steps_per_epoch": steps_per_epoch,
        "loss": losses,
        "top1": accuracies,
        "seconds": round(time.monotonic() - began),
    }


def load(data: str, image_size: int):
    """(data set, Statistics of its training pictures)."""
    side = resize_side(image_size)
    dataset = packed.use(datasets.load(data), side)
    return dataset, Statistics.of(dataset.train.square(i, side) for i in range(len(dataset.train)))


def read_record(path: Path) -> dict:
    return json.loads(path.read_text("utf-8")) if path.exists() else {"runs": []}


def write_record(path: Path, results: dict, command: str) -> None:
    """With the machine and the versions that its last run was made with."""
    made_with = {"command": command, "machine": machine(), "versions": versions()}
    write_json(path, {**made_with, "runs": results["runs"]})


def main():
    parser = cli.Parser("dead_start", "Which change of the paper's setting makes it start?")
    parser.add_argument("data", metavar="DIR", help="a folder of photos, one subfolder a class")
    parser.add_argument("--variant", default="half", choices=VARIANTS, metavar="NAME")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), metavar="ARM")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="N")
    parser.add_argument("--steps", type=cli.bounded(int, above=0), default=600, metavar="N")
    parser.add_argument("--out", default=Path(__file__).with_suffix(".json"), type=Path, metavar="FILE")
    given = parser.parse_args()

    dataset, statistics = load(given.data, VARIANTS[given.variant].image_size)
    results = read_record(given.out)
    for seed in given.seeds:
        for arm in given.arms:
            key = {"variant": given.variant, "arm": arm, "seed": seed}
            if any(all(run[name] == value for name, value in key.items()) for run in results["runs"]):
                continue
            print(f"{given.variant} {arm} seed {seed}", flush=True)
            result = run(build(arm, given.variant, dataset, statistics, seed), given.steps)
            results["runs"].append({**key, "images": len(dataset.train), **result, "limit": given.steps})
            write_record(given.out, results, "python course/results/dead_start.py DIR")
            print(f"  {'started' if result['started'] else 'not started'} after {result['steps']} steps", flush=True)


if __name__ == "__main__":
    main()
