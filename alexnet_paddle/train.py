"""`python -m alexnet_paddle.train`: train a net and leave a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alexnet_paddle.cli import Parser, run
from alexnet_paddle.training import distributed
from alexnet_paddle.training.options import GROUPS, RUN, Options, options_from


def build_parser() -> Parser:
    """Options that are not given are absent from the result, so that a resume can tell them apart."""
    description = "Train a net and leave a run folder: weights, curves, figures on pictures that were not used before."
    parser = Parser("train", description, "--data photos --out runs/photos")
    groups = parser.add_options(Options, GROUPS)
    groups[RUN].add_argument("--resume", action="store_true", help="go on with the run in --out")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    with distributed.alike():
        given = vars(build_parser().parse_args(argv))
    device = given.get("device", "auto")
    distributed.start(device)
    from alexnet_paddle.training import experiment  # which loads paddle

    with distributed.losses_in_words():
        options = distributed.broadcast_from_zero(options_from)(given)
        if distributed.world_size() > 1:
            options = replace(options, device=device)  # also of a resume: they have met on that one
        report = experiment.train(options, resume=given["resume"])
    if report is None:  # another process has it
        return
    low, high = report["top1_interval_95"]
    print(f"\ntest: {report['images']} pictures not used before; epoch {report['best_epoch']}, picked by validation")
    print(f"top-1 {report['top1']:.3f}, 95% interval {low:.3f} to {high:.3f}; loss {report['loss']:.3f}")
    print(f"\n{options.out}: report.json, curves.png, confusion.png, metrics.csv, best/, last/")


if __name__ == "__main__":
    run(main)
