"""Which net leaves chance with its own recipe, and what does the doctor say of it?

    python course/results/doctor.py --data petals

Each variant with its default recipe, one seed: first the doctor, then training with the learning rate held constant
until the net has started (mean training loss of an epoch under 0.9 ln(classes)) or for --steps steps. Nets that are
in the results file already are not repeated.
"""

from pathlib import Path

from dead_start import load, read_record, run, write_record

from alexnet_paddle import cli
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study.ablation import build_trainer
from alexnet_paddle.training import diagnosis
from alexnet_paddle.training.recipes import RECIPES, Schedule


def examined(trainer) -> dict:
    """The doctor's findings, and the figures that they rest on."""
    findings, seen = diagnosis.examine(trainer)
    trials = {f"{trial.learning_rate:g}": str(trial) for _, trial in sorted(seen.trials.items())}
    return {
        "findings": [finding.name for finding in findings],
        "evidence": [finding.evidence for finding in findings],
        "first_loss": round(seen.loss_and_gradients[0], 4),
        "signal": float(f"{seen.last_hidden.signal_ratio:.3g}"),
        "one_batch": trials,
    }


def main():
    parser = cli.Parser("doctor", "The doctor and a training for every net with its own recipe.")
    parser.add_argument("--data", default="petals")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=cli.bounded(int, above=0), default=600, metavar="N")
    parser.add_argument("--out", default=Path(__file__).with_suffix(".json"), type=Path, metavar="FILE")
    given = parser.parse_args()

    results = read_record(given.out)
    for name in given.variants:
        if any(entry["variant"] == name for entry in results["runs"]):
            continue
        dataset, statistics = load(given.data, VARIANTS[name].image_size)
        config = VARIANTS[name].replace(num_classes=len(dataset.classes))
        recipe = RECIPES[config.default_recipe].replace(schedule=Schedule())
        print(f"{name} {recipe.name}", flush=True)
        trainer = build_trainer(config, recipe, dataset.train, dataset.val, statistics, given.seed)
        doctor = examined(trainer)
        print(f"  doctor: {doctor}", flush=True)
        result = run(trainer, given.steps)
        entry = {"variant": name, "recipe": recipe.name, "data": given.data, "seed": given.seed, "limit": given.steps}
        results["runs"].append({**entry, "doctor": doctor, **result})
        write_record(given.out, results, "python course/results/doctor.py")


if __name__ == "__main__":
    main()
