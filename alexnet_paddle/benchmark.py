"""`python -m alexnet_paddle.benchmark`: Paddle untouched, ours and PyTorch on this machine's CPU."""

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path

from alexnet_paddle.cli import Parser, bounded, require_paddle, run
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study.benchmark import FULL, KINDS, QUICK, Plan, measure


def listed(choices):
    """An argparse type: names separated by commas, all of them among `choices`."""

    def parse(text):
        names = tuple(text.split(","))
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"unknown {name!r}; choose from {', '.join(choices)}")
        return names

    return parse


def sizes(text):
    return tuple(map(bounded(int, above=0), text.split(",")))


def build_parser() -> Parser:
    description = "Measure this machine's CPU: Paddle untouched, ours, and PyTorch if it is installed."
    parser = Parser("benchmark", description, "--quick")
    cases = parser.add_argument_group("what is measured", "Everything that our tables show, unless these choose less.")
    cases.add_argument("--quick", action="store_true", help="under a minute: one net, a small batch, few rounds")
    cases.add_argument("--nets", type=listed(VARIANTS), metavar="A,B", help="nets to train and run; as variants")
    cases.add_argument("--batch-sizes", type=sizes, metavar="N,N", help="for training and inference")
    cases.add_argument("--only", type=listed(KINDS), metavar="KIND,KIND", help=f"some of {','.join(KINDS)}")
    cases.add_argument("--rounds", type=bounded(int, above=0), metavar="N", help="of every case, whatever they take")
    result = parser.add_argument_group("the result", "A table on the terminal, and a file.")
    result.add_argument(
        "--json", type=Path, default=Path("benchmark.json"), metavar="FILE", help="all figures (default benchmark.json)"
    )
    return parser


def plan_of(arguments) -> Plan:
    plan = QUICK if arguments.quick else FULL
    changes = {"nets": arguments.nets, "batch_sizes": arguments.batch_sizes}
    if arguments.rounds:
        changes.update(least_rounds=arguments.rounds, most_rounds=arguments.rounds)
    return replace(plan, **{name: value for name, value in changes.items() if value})


def main(argv=None):
    arguments = build_parser().parse_args(argv)
    plan = plan_of(arguments)
    require_paddle()
    require_writable(arguments.json)
    report = measure(plan, arguments.only or tuple(KINDS), arguments.quick)
    arguments.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"\n{arguments.json}: all figures, by round")


def require_writable(file: Path) -> None:
    """Raises InputError now, not after a quarter of an hour."""
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InputError(f"--json {file}: not a file in a folder that exists; give another name")
    if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
        raise InputError(f"--json {file}: no permission to write; give another name")


if __name__ == "__main__":
    run(main)
