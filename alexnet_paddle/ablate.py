"""`python -m alexnet_paddle.ablate`: one factor at a time, with several seeds, into a results file and two pictures."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.errors import InputError
from alexnet_paddle.files import require_writable
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.reporter import say
from alexnet_paddle.study.ablations import ABLATIONS, Size


def build_parser() -> Parser:
    description = "Train nets that differ in one thing, with several seeds, and say what it changes."
    parser = Parser("ablate", description, "lrn")
    what = parser.add_argument_group("what is compared", "One change, on which net and which pictures.")
    what.add_argument("name", metavar="NAME", help="of an ablation; `list` shows them")
    what.add_argument("--data", default="petals", metavar="DATA", help="petals (default), a folder of photos, cifar10")
    what.add_argument("--variant", choices=VARIANTS, default="mini", metavar="NAME", help="the net (default mini)")
    what.add_argument("--arms", nargs="+", default=(), metavar="ARM", help="some of its arms (default all)")
    size = parser.add_argument_group("how much is trained", "One of two sizes, or what is given in its place.")
    sizes = size.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="one to a few minutes on two cores (default)")
    sizes.add_argument("--full", action="store_true", help="as the course's records were made")
    size.add_argument("--seeds", type=bounded(int, above=0), metavar="N", help="trainings of each net")
    size.add_argument("--epochs", type=bounded(int, above=0), metavar="N", help="epochs of a training")
    size.add_argument("--images", type=bounded(int, above=0), metavar="N", help="training pictures")
    result = parser.add_argument_group("the result", "A file of figures, with two pictures beside it.")
    result.add_argument("--out", type=Path, metavar="FILE", help="goes on where it ends (default runs/NAME-DATA.json)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    given = build_parser().parse_args(argv)
    if given.name == "list":
        show()
        return
    require_known(given)
    out = given.out or Path("runs") / f"{given.name}-{Path(given.data.partition(':')[0]).name}.json"
    require_writable("--out", out)  # now, not after the trainings, as the next two
    pictures = {what: out.with_name(f"{out.stem}-{what}.png") for what in ("curves", "differences")}
    for picture in pictures.values():
        require_writable("--out", picture)

    from alexnet_paddle import plots
    from alexnet_paddle.study import ablation

    record = ablation.run(given.name, out, given.data, given.variant, size_of(given), given.arms, command(given))
    figures = {"curves": plots.ablation_curves(record)}
    if record["summary"].get("difference"):
        figures["differences"] = plots.differences(record)
    for what, figure in figures.items():
        plots.save(figure, pictures[what])
    say()
    for measure in ABLATIONS[given.name].measures:
        measure.tell(record["summary"])
    say(f"\n{out}; {' and '.join(pictures[what].name for what in figures)} beside it")


def require_known(given: Namespace) -> None:
    """Raises InputError for an ablation or an arm that is not in the table."""
    if given.name not in ABLATIONS:
        raise InputError(f"{given.name}: unknown; choose from {', '.join(ABLATIONS)}, or list")
    arms = ABLATIONS[given.name].arms
    if unknown := [arm for arm in given.arms if arm not in arms]:
        raise InputError(f"--arms {unknown[0]}: unknown; choose from {shlex.join(arms)}")


def size_of(given: Namespace) -> Size:
    """How much is trained: the ablation's quick or full size, with what was given instead."""
    chosen = ABLATIONS[given.name]
    changes = {name: value for name in ("seeds", "epochs", "images") if (value := getattr(given, name)) is not None}
    return replace(chosen.full if given.full else chosen.quick, **changes)


def command(given: Namespace) -> str:
    """What was asked for, without the names of folders on this machine."""
    words = ["python", "-m", "alexnet_paddle.ablate", given.name]
    for name, default in (("data", "petals"), ("variant", "mini"), ("seeds", None), ("epochs", None), ("images", None)):
        value = getattr(given, name)
        if value != default:
            words += [f"--{name}", Path(value).name if name == "data" else str(value)]
    if given.arms:
        words += ["--arms", *given.arms]
    return shlex.join([*words, "--full"] if given.full else words)


def show() -> None:
    for name, ablation in ABLATIONS.items():
        say(f"{name}: {ablation.question}")
        say(f"  arms: {', '.join(ablation.arms)}")
        for title, size in (("quick", ablation.quick), ("full", ablation.full)):
            say(f"  {title}: {size.images} pictures, {size.epochs} epochs, {size.seeds} seeds")


if __name__ == "__main__":
    run(main)
