"""`python -m alexnet_paddle.evaluate RUN`: measure a run on its test pictures, or on others."""

from __future__ import annotations

from collections.abc import Sequence

from alexnet_paddle import reporter
from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.files import write_json
from alexnet_paddle.runtime import DEVICES
from alexnet_paddle.training.run_folder import RunFolder


def build_parser() -> Parser:
    description = (
        "Measure a run on its test pictures, or on others. The figures are printed and kept in the run folder."
    )
    parser = Parser("evaluate", description, "runs/petals --ten-crop")
    what = parser.add_argument_group("what is measured", "The best epoch of a run, and the pictures that it is shown.")
    what.add_argument("run", metavar="RUN", help="the run folder")
    what.add_argument("--data", metavar="DIR", help="other pictures, DIR/CLASS/*, in place of the run's test split")
    what.add_argument("--ten-crop", action="store_true", help="average ten views of each picture (paper, section 4.1)")
    machine = parser.add_argument_group("the machine", "What does the work.")
    machine.add_argument("--device", choices=DEVICES, default="auto", help="auto takes a GPU if there is one (default)")
    machine.add_argument(
        "--workers",
        type=bounded(int, at_least=0),
        default=0,
        metavar="N",
        help="processes that read pictures (default 0)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    arguments = build_parser().parse_args(argv)

    from alexnet_paddle import plots, runtime
    from alexnet_paddle.training.evaluation import choose_pictures, measure

    folder = RunFolder(arguments.run)
    checkpoint = folder.load_best()
    name, pictures = choose_pictures(folder, checkpoint, arguments.data)
    device = runtime.choose_device(arguments.device)
    print(f"{folder.path}: {checkpoint.config.name}, epoch {checkpoint.state['epochs_done']}, on {device}")
    report = {"data": name, "ten_crop": arguments.ten_crop}
    report |= measure(checkpoint, pictures, arguments.ten_crop, arguments.workers)
    print_report(report)
    stem = "evaluation" + ("-ten-crop" if arguments.ten_crop else "")
    plots.save(plots.confusion(report["confusion"], checkpoint.classes), folder.path / f"{stem}.png")
    write_json(folder.path / f"{stem}.json", report)
    print(f"\n{folder.path}: {stem}.json, {stem}.png")


def print_report(report: dict) -> None:
    low, high = report["top1_interval_95"]
    views = "ten views a picture" if report["ten_crop"] else "one view a picture"
    print(f"{report['data']}: {report['images']} pictures, {views}\n")
    lines = [("class", "pictures", "recall", "precision")]
    for name, row in report["classes"].items():
        fractions = ("-" if row[key] is None else f"{row[key]:.3f}" for key in ("recall", "precision"))
        lines.append((name, str(row["images"]), *fractions))
    reporter.table(lines)
    print(f"\nloss   {report['loss']:.4f}")
    print(f"top-1  {report['top1']:.4f}  (95% interval {low:.4f} to {high:.4f})")
    if report["top5"] is not None:
        print(f"top-5  {report['top5']:.4f}")


if __name__ == "__main__":
    run(main)
