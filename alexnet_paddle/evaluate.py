"""`python -m alexnet_paddle.evaluate RUN`: measure a run on its test pictures, or on others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alexnet_paddle import datasets, reporter
from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.datasets import folders, packed
from alexnet_paddle.datasets.transforms import resize_side
from alexnet_paddle.errors import InputError
from alexnet_paddle.files import write_json
from alexnet_paddle.runtime import DEVICES
from alexnet_paddle.training.options import Options
from alexnet_paddle.training.run_folder import RunFolder

if TYPE_CHECKING:
    from alexnet_paddle.datasets.images import Pictures
    from alexnet_paddle.training.checkpoint import Checkpoint


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

    folder = RunFolder(arguments.run)
    checkpoint = folder.load_best()
    name, pictures = choose_pictures(folder, checkpoint, arguments.data)

    from alexnet_paddle import plots, runtime
    from alexnet_paddle.datasets.loader import eval_loader
    from alexnet_paddle.training.trainer import evaluate

    device = runtime.choose_device(arguments.device)
    preprocessing, batch_size = checkpoint.preprocessing, 8 if arguments.ten_crop else 64
    loader = eval_loader(pictures, preprocessing, batch_size, arguments.workers, arguments.ten_crop)
    print(f"{folder.path}: {checkpoint.config.name}, epoch {checkpoint.state['epochs_done']}, on {device}")
    report = {"data": name, "ten_crop": arguments.ten_crop}
    report |= evaluate(checkpoint.build_model(), reporter.progress(loader, "evaluating")).report(checkpoint.classes)
    print_report(report)
    stem = "evaluation" + ("-ten-crop" if arguments.ten_crop else "")
    plots.save(plots.confusion(report["confusion"], checkpoint.classes), folder.path / f"{stem}.png")
    write_json(folder.path / f"{stem}.json", report)
    print(f"\n{folder.path}: {stem}.json, {stem}.png")


def choose_pictures(folder: RunFolder, checkpoint: Checkpoint, data: str | None) -> tuple[str, Pictures]:
    """(what they are, the pictures). The folder that the run was trained on gives its test split only: the rest
    was seen in training. Raises InputError for pictures that do not fit the run."""
    config = folder.read_config()
    options = Options.from_dict(config.options)
    if data is not None and not _same_folder(data, options.data):
        pictures = folders.read_all_images(Path(data), checkpoint.classes)
        datasets.check_pictures(pictures.paths, "remove or replace them")
        return data, pictures
    dataset = datasets.load(options.data, options.val, config.data["skipped"])
    if dataset.fingerprint != config.data["fingerprint"]:
        raise InputError(
            f"{options.data}: other pictures than when {folder.path} was trained, so its test split is lost; "
            "give pictures that were not used with --data"
        )
    dataset = packed.use_if_current(dataset, resize_side(checkpoint.preprocessing.image_size))
    return f"{dataset.name}, test split", dataset.test


def _same_folder(one: str, other: str) -> bool:
    return os.path.isdir(one) and os.path.isdir(other) and os.path.samefile(one, other)


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
