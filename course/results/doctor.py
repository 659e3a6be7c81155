"""Which net leaves chance with its own recipe, and what does the doctor say of it?

    python course/results/doctor.py --data petals

Each variant with its default recipe, one seed: first the doctor, then training with the learning rate held constant
until the net has started (mean training loss of an epoch under 0.9 ln(classes)) or for --steps steps. Nets that are
in the results file already are not repeated.
"""

import json
import math
import sys
from pathlib import Path

from alexnet_paddle import cli
from alexnet_paddle.files import require_writable, write_json
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.provenance import made_on
from alexnet_paddle.reporter import say
from alexnet_paddle.study.ablation import Study
from alexnet_paddle.study.ablations import Ablation, Arm, Size
from alexnet_paddle.study.data import Data
from alexnet_paddle.study.measures import Measure, Started
from alexnet_paddle.training import diagnosis
from alexnet_paddle.training.recipes import RECIPES, Schedule


class Doctor(Measure):
    """The doctor's findings before a run, and the figures that they rest on."""

    def before(self, trainer):
        findings, seen = diagnosis.examine(trainer)
        trials = {f"{trial.learning_rate:g}": str(trial) for _, trial in sorted(seen.trials.items())}
        found = {
            "findings": [finding.name for finding in findings],
            "evidence": [finding.evidence for finding in findings],
            "first_loss": round(seen.loss_and_gradients[0], 4),
            "signal": float(f"{seen.last_hidden.signal_ratio:.3g}"),
            "one_batch": trials,
        }
        say(f"  doctor: {found}")
        return {"doctor": found}


def study_of(variant: str, data: str, steps: int) -> Study:
    """The net as it is, with its own recipe for at least so many steps, on all training pictures."""
    config = VARIANTS[variant]
    pictures = Data(data, config.image_size, sys.maxsize)
    recipe = RECIPES[config.default_recipe].replace(schedule=Schedule())
    recipe = recipe.replace(epochs=math.ceil(steps / math.ceil(pictures.images / recipe.batch_size)))
    size = Size(pictures.images, recipe.epochs, seeds=1)
    own = Ablation("Does it start?", {"own": Arm()}, recipe, (Doctor(), Started()), quick=size, full=size)
    return Study(own, config.replace(num_classes=len(pictures.dataset.classes)), recipe, pictures)


def main():
    parser = cli.Parser("doctor", "The doctor and a training for every net with its own recipe.")
    parser.add_argument("--data", default="petals")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=cli.bounded(int, above=0), default=600, metavar="N")
    parser.add_argument("--out", default=Path(__file__).with_suffix(".json"), type=Path, metavar="FILE")
    given = parser.parse_args()
    require_writable("--out", given.out)

    runs = json.loads(given.out.read_text("utf-8"))["runs"] if given.out.exists() else []
    for name in given.variants:
        if any(run["variant"] == name for run in runs):
            continue
        study = study_of(name, given.data, given.steps)
        say(f"{name} {study.recipe.name}")
        result = study.train(study.job("own", given.seed))
        runs.append({"variant": name, "recipe": study.recipe.name, "data": given.data, "limit": given.steps, **result})
        made = made_on(fast_cpu.RULE.words())
        write_json(given.out, {"command": "python course/results/doctor.py", **made, "runs": runs})


if __name__ == "__main__":
    main()
