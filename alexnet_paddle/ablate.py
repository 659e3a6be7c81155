"""`python -m alexnet_paddle.ablate`: one factor at a time, with several seeds, into a results file and two pictures."""

from dataclasses import replace
from pathlib import Path

from alexnet_paddle import reporter
from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.variants import VARIANTS


def build_parser() -> Parser:
    description = "Train nets that differ in one thing, with several seeds, and say what it changes."
    parser = Parser("ablate", description, "lrn")
    what = parser.add_argument_group("what is compared", "One change, on which net and which pictures.")
    what.add_argument("name", metavar="NAME", help="of an ablation; `list` shows them")
    what.add_argument("--data", default="petals", metavar="DATA", help="petals (default), a folder of photos, cifar10")
    what.add_argument("--variant", choices=VARIANTS, default="mini", metavar="NAME", help="the net (default mini)")
    size = parser.add_argument_group("how much is trained", "One of two sizes, or what is given in its place.")
    sizes = size.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="about a minute on two cores (default)")
    sizes.add_argument("--full", action="store_true", help="as the course's records were made")
    size.add_argument("--seeds", type=bounded(int, above=0), metavar="N", help="trainings of each net")
    size.add_argument("--epochs", type=bounded(int, above=0), metavar="N", help="epochs of a training")
    size.add_argument("--images", type=bounded(int, above=0), metavar="N", help="training pictures")
    result = parser.add_argument_group("the result", "A file of figures, with two pictures beside it.")
    result.add_argument("--out", type=Path, metavar="FILE", help="goes on where it ends (default runs/NAME-DATA.json)")
    return parser


def main(argv=None):
    given = build_parser().parse_args(argv)
    from alexnet_paddle import plots
    from alexnet_paddle.study import ablation

    if given.name == "list":
        show(ablation.ABLATIONS)
        return
    if given.name not in ablation.ABLATIONS:
        raise InputError(f"{given.name}: unknown; choose from {', '.join(ablation.ABLATIONS)}, or list")
    chosen = ablation.ABLATIONS[given.name]
    changes = {name: value for name in ("seeds", "epochs", "images") if (value := getattr(given, name)) is not None}
    size = replace(chosen.full if given.full else chosen.quick, **changes)
    out = given.out or Path("runs") / f"{given.name}-{Path(given.data.partition(':')[0]).name}.json"
    record = ablation.measure(given.name, out, given.data, given.variant, size, command(given))
    pictures = [out.with_name(f"{out.stem}-{what}.png") for what in ("curves", "differences")]
    plots.save(plots.ablation_curves(record), pictures[0])
    plots.save(plots.differences(record), pictures[1])
    print()
    tell(record["summary"])
    print(f"\n{out}; {pictures[0].name} and {pictures[1].name} beside it")


def command(given) -> str:
    """What was asked for, without the names of folders on this machine."""
    words = ["python -m alexnet_paddle.ablate", given.name]
    for name, default in (("data", "petals"), ("variant", "mini"), ("seeds", None), ("epochs", None), ("images", None)):
        value = getattr(given, name)
        if value != default:
            words += [f"--{name}", Path(value).name if name == "data" else str(value)]
    return " ".join([*words, "--full"] if given.full else words)


def show(ablations):
    for name, ablation in ablations.items():
        print(f"{name}: {ablation.question}")
        print(f"  arms: {', '.join(ablation.arms)}")
        for title, size in (("quick", ablation.quick), ("full", ablation.full)):
            print(f"  {title}: {size.images} pictures, {size.epochs} epochs, {size.seeds} seeds")


def tell(summary):
    """A line for each arm: top-1 on the test pictures, and what the change makes of it."""
    lines = [("arm", "top1", "difference", "95% interval")]
    for arm, top1 in summary["top1"].items():
        difference = summary["difference"].get(arm)
        cells = ("", "") if difference is None else (f"{difference['mean']:+.3f}", _interval(difference))
        lines.append((arm, f"{top1['mean']:.3f}", *cells))
    reporter.table(lines)
    for arm, race in summary.get("epochs_to_target", {}).items():
        ends = [f"{epochs:g}" if epochs else "not reached" for epochs in race["by_seed"].values()]
        print(f"{arm}: epochs to a training error of 25%, by seed: {', '.join(ends)}")
    for arm, mistakes in summary.get("mistakes", {}).items():
        words = ", ".join(f"{name} {change['mean']:+.3f}" for name, change in mistakes.items())
        print(f"dropout {arm}, mistakes at test time: {words}")
    for arm, ratio in summary.get("step_time", {}).items():
        print(f"{arm}: a training step takes {ratio:.2f} times as long")


def _interval(difference):
    if difference["interval_95"] is None:
        return "one seed"
    low, high = difference["interval_95"]
    return f"{low:+.3f} to {high:+.3f}"


if __name__ == "__main__":
    run(main)
