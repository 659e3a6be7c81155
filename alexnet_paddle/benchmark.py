"""`python -m alexnet_paddle.benchmark`: Paddle untouched, ours and PyTorch on this machine's CPU."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from alexnet_paddle.cli import Parser, bounded, require_paddle, run
from alexnet_paddle.files import require_writable, write_json
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study.benchmark import FULL, KINDS, QUICK, Plan, measure


def listed(choices: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """An argparse type: names separated by commas, all of them among `choices`."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"unknown {name!r}; choose from {', '.join(choices)}")
        return names

    return parse


def sizes(text: str) -> tuple[int, ...]:
    """An argparse type: numbers above 0, separated by commas."""
    return tuple(map(bounded(int, above=0), text.split(",")))


def build_parser() -> Parser:
    description = "Measure this machine's CPU: Paddle untouched, ours, and PyTorch if it is installed."
    parser = Parser("benchmark", description, "--quick")
    cases = parser.add_argument_group("what is measured", "Everything that our tables show, unless these choose less.")
    cases.add_argument("--quick", action="store_true", help="a minute or two: one net, one batch size, few rounds")
    cases.add_argument("--nets", type=listed(VARIANTS), metavar="A,B", help="nets to train and run; as variants")
    cases.add_argument("--batch-sizes", type=sizes, metavar="N,N", help="for training and inference")
    cases.add_argument("--only", type=listed(KINDS), metavar="KIND,KIND", help=f"some of {','.join(KINDS)}")
    cases.add_argument("--rounds", type=bounded(int, above=0), metavar="N", help="of every case, whatever they take")
    result = parser.add_argument_group("the result", "A table on the terminal, and a file.")
    result.add_argument(
        "--json", type=Path, default=Path("benchmark.json"), metavar="FILE", help="all figures (default benchmark.json)"
    )
    return parser


def plan_of(given: argparse.Namespace) -> Plan:
    changes = {
        "nets": given.nets,
        "batch_sizes": given.batch_sizes,
        "least_rounds": given.rounds,
        "most_rounds": given.rounds,
    }
    return replace(QUICK if given.quick else FULL, **{name: value for name, value in changes.items() if value})


def main(argv: Sequence[str] | None = None) -> None:
    given = build_parser().parse_args(argv)
    require_paddle()
    require_writable("--json", given.json)  # now, not after a quarter of an hour
    report = measure(plan_of(given), given.only or tuple(KINDS), given.quick)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    write_json(given.json, report)
    print(f"\n{given.json}: all figures, by round")


if __name__ == "__main__":
    run(main)
