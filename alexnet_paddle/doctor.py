"""`python -m alexnet_paddle.doctor`: why a training would stay at chance, looked at before it begins."""

import math

from alexnet_paddle import reporter
from alexnet_paddle.cli import run
from alexnet_paddle.train import build_parser
from alexnet_paddle.training.options import options_from


def main(argv=None):
    description = "Examine a training before it begins. Takes the options of `train`; those about the run folder have"
    parser = build_parser("doctor", f"{description} no effect, but with --resume the options are those of the run.")
    given = vars(parser.parse_args(argv))

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


def print_layers(seen):
    """A line for each layer: its output, and how large a step of its weights the gradient asks for."""
    gradients = {gradient.name: gradient for gradient in seen.loss_and_gradients[1]}
    lines = [("layer", "mean", "spread", "signal", "dead", "weights", "gradient")]
    for layer in seen.activations:
        weight = gradients.get(f"{layer.name}.weight")
        sizes = ("", "") if weight is None else (f"{weight.value:.2g}", f"{weight.gradient or 0:.1e}")
        numbers = f"{layer.mean:.3g}", f"{layer.spread:.2g}", f"{layer.signal_ratio:.2%}", f"{layer.dead:.0%}"
        lines.append((layer.name, *numbers, *sizes))
    reporter.table(lines)
    print("spread: how much an output changes from picture to picture; signal: its share of the whole output")


def print_start(seen):
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
