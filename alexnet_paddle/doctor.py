"""`python -m alexnet_paddle.doctor`: why a training would stay at chance, looked at before it begins."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from alexnet_paddle import reporter
from alexnet_paddle.cli import Parser, run
from alexnet_paddle.training.options import EXAMINED, GROUPS, Options, options_from

if TYPE_CHECKING:
    from alexnet_paddle.training.diagnosis import Examination


def build_parser() -> Parser:
    description = "Examine a training before it begins: say what would keep it at chance, and what to change."
    parser = Parser("doctor", description, "--learning-rate 0.2")
    parser.add_options(Options, GROUPS, only=EXAMINED)
    begun = parser.add_argument_group("a run that is there", "Examine that in place of a new one, from its beginning.")
    begun.add_argument("--resume", action="store_true", help="take the options from the run in --out")
    begun.add_argument("--out", metavar="DIR", default=argparse.SUPPRESS, help="the run folder, with --resume")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    if "out" in given and not given["resume"]:
        parser.error("--out: is the run of --resume; add that, or leave --out out")

    from alexnet_paddle.training import diagnosis, experiment

    trainer = experiment.trainer_for(options_from(given), given.get("resume", False))

    findings, seen = diagnosis.examine(trainer)
    print()
    print_layers(seen)
    print()
    print_start(seen)
    for number, finding in enumerate(findings, start=1):
        print(f"\n{number}. {finding.name}")
        print(f"   evidence: {finding.evidence}")
        print(f"   meaning:  {finding.meaning}")
        print(f"   change:   {finding.change}")
    if not findings:
        print("\nnothing wrong found")


def print_layers(seen: Examination) -> None:
    """A line for each layer: its output, and how large a step of its weights the gradient asks for."""
    gradients = {gradient.name: gradient for gradient in seen.loss_and_gradients[1]}
    lines = [("layer", "mean", "spread", "signal", "dead", "weights", "gradient")]
    for layer in seen.activations:
        weight = gradients.get(f"{layer.name}.weight")
        sizes = ("", "") if weight is None else (f"{weight.value:.2g}", f"{weight.gradient or 0:.1e}")
        numbers = f"{layer.mean:.3g}", f"{layer.spread:.2g}", f"{layer.signal_ratio:.2%}", f"{layer.dead:.0%}"
        lines.append((layer.name, *numbers, *sizes))
    reporter.table(lines)
    print("spread: how much an output changes from picture to picture; signal: its fraction of the whole output")


def print_start(seen: Examination) -> None:
    loss, classes = seen.loss_and_gradients[0], seen.num_classes
    print(f"loss at the start: {loss:.3f}; of a guess: ln({classes}) = {math.log(classes):.3f}")
    if not seen.trials:
        print("first steps: not tried, because of what was found")
        return
    print("learning one batch by heart:")
    for _, trial in sorted(seen.trials.items()):
        print(f"  learning rate {trial.learning_rate:<8g} {trial}")


if __name__ == "__main__":
    run(main)
