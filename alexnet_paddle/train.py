"""`python -m alexnet_paddle.train`: train a net and leave a run folder."""

import argparse
from dataclasses import replace

from alexnet_paddle.cli import Parser, positive, run
from alexnet_paddle.nets.config import ACTIVATIONS, POOLS
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.training import distributed
from alexnet_paddle.training.options import options_from
from alexnet_paddle.training.recipes import RECIPES


def build_parser(command="train", description="Train a net and leave a run folder.") -> Parser:
    """Options that are not given are absent from the result, so that a resume can tell them apart."""
    parser = Parser(command, description)
    parser.add_argument("--variant", choices=VARIANTS, metavar="NAME", help=f"{', '.join(VARIANTS)} (default mini)")
    parser.add_argument("--data", metavar="DATA", help="petals (default), a folder of photos, cifar10, cifar10:ARCHIVE")
    parser.add_argument(
        "--recipe", choices=RECIPES, metavar="NAME", help=f"{', '.join(RECIPES)} (default: the variant's)"
    )
    parser.add_argument("--out", metavar="DIR", help="the run folder (default runs/VARIANT-DATA)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--weights", metavar="FILE", help="start from a .safetensors file or another run's folder")
    parser.add_argument(
        "--trust-pickle", action="store_true", help="--weights may be a .pdparams file, which can run code"
    )
    parser.add_argument("--epochs", type=positive(int), metavar="N", help="instead of the recipe's")
    parser.add_argument("--batch-size", type=positive(int), metavar="N", help="instead of the recipe's")
    parser.add_argument("--learning-rate", type=positive(float), metavar="R", help="instead of the recipe's")
    parser.add_argument("--activation", choices=ACTIVATIONS, help="in place of the variant's")
    parser.add_argument("--lrn", choices=("on", "off"), help="the paper's local response normalisation, or none")
    parser.add_argument("--dropout", type=fraction, metavar="P", help="drop rate of the hidden fc layers; 0 is off")
    parser.add_argument("--pool", choices=POOLS, help="3 x 3 windows every 2 pixels, or 2 x 2")
    parser.add_argument("--device", choices=("auto", "cpu", "gpu"), help="default auto: a GPU if there is one")
    parser.add_argument("--amp", action="store_true", help="mixed precision on a GPU")
    parser.add_argument("--seed", type=positive(int, inclusive=True), metavar="S", help="default 0")
    parser.add_argument(
        "--workers", type=positive(int, inclusive=True), metavar="N", help="processes that read pictures (default 0)"
    )
    parser.add_argument(
        "--val", type=positive(float), metavar="F", help="fraction of photos cut off where a split is missing"
    )
    parser.add_argument("--skip-bad", action="store_true", help="train without the pictures that cannot be read")
    parser.add_argument(
        "--save-every", type=positive(float), metavar="MIN", help="minutes between checkpoints in an epoch (default 10)"
    )
    parser.add_argument("--visualdl", action="store_true", help="also write logs for Paddle's viewer")
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return parser


def fraction(text):
    value = positive(float, inclusive=True)(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text} is too large; choose a rate from 0 to below 1")
    return value


def main(argv=None):
    with distributed.alike():
        given = vars(build_parser().parse_args(argv))
    device = given.get("device", "auto")
    distributed.start(device)
    from alexnet_paddle.training import experiment  # which loads paddle

    with distributed.losses_in_words():
        options = distributed.broadcast_from_zero(options_from)(given)
        if distributed.world_size() > 1:
            options = replace(options, device=device)  # also of a resume: they have met on that one
        report = experiment.train(options, resume=given.get("resume", False))
    if distributed.rank() > 0:
        return
    low, high = report["top1_interval_95"]
    print(f"\ntest: {report['images']} pictures not used before; epoch {report['best_epoch']}, picked by validation")
    print(f"top-1 {report['top1']:.3f}, 95% interval {low:.3f} to {high:.3f}; loss {report['loss']:.3f}")
    print(f"\n{options.out}: report.json, curves.png, confusion.png, metrics.csv, best/, last/")


if __name__ == "__main__":
    run(main)
