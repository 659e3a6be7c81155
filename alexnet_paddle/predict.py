"""`python -m alexnet_paddle.predict RUN IMAGE...`: name what is on photos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from alexnet_paddle import reporter
from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.datasets.images import open_image
from alexnet_paddle.errors import InputError
from alexnet_paddle.runtime import DEVICES
from alexnet_paddle.training.run_folder import RunFolder


def build_parser() -> Parser:
    parser = Parser("predict", "Name what is on photos, with probabilities.", "runs/petals photos/rose/1.jpg --top 2")
    what = parser.add_argument_group("what is looked at", "The best epoch of a run, and photos of any size.")
    what.add_argument("run", metavar="RUN", help="the run folder")
    what.add_argument("images", metavar="IMAGE", nargs="+", help="photos: JPEG, PNG, GIF, BMP, WebP or TIFF")
    shown = parser.add_argument_group("what is shown", "A table of the likeliest classes, unless these say otherwise.")
    shown.add_argument("--top", type=bounded(int, above=0), default=3, metavar="K", help="classes a photo (default 3)")
    shown.add_argument("--json", action="store_true", help="JSON in place of the table")
    shown.add_argument("--picture", metavar="FILE", help="also write a PNG of the photos with their classes")
    machine = parser.add_argument_group("the machine", "What does the work.")
    machine.add_argument("--device", choices=DEVICES, default="auto", help="auto takes a GPU if there is one (default)")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    arguments = build_parser().parse_args(argv)

    if arguments.picture and Path(arguments.picture).resolve() in {Path(path).resolve() for path in arguments.images}:
        raise InputError(f"--picture {arguments.picture}: is one of the photos; give the name of a new file")
    checkpoint = RunFolder(arguments.run).load_best()
    photos = [open_image(path) for path in arguments.images]

    from alexnet_paddle import runtime
    from alexnet_paddle.training.prediction import predict

    runtime.choose_device(arguments.device)
    results = predict(checkpoint, photos, arguments.top)
    if arguments.picture:
        save_picture(arguments.picture, photos, results)
    if arguments.json:
        pairs = zip(arguments.images, results)
        print(json.dumps([{"file": file, "classes": result} for file, result in pairs], indent=1, ensure_ascii=False))
        return
    lines = [("file", "prediction", "probability")]
    for file, result in zip(arguments.images, results):
        for rank, row in enumerate(result):
            name = " ".join(filter(None, (row["class"], row["names"].get("zh"))))
            lines.append((file if rank == 0 else "", name, f"{row['probability']:.3f}"))
    reporter.table(lines)


def save_picture(path: str, photos: Sequence[Image.Image], results: Sequence[list[dict]]) -> None:
    from alexnet_paddle import plots

    labels = [(f"{result[0]['class']} {result[0]['probability']:.2f}", None) for result in results]
    try:
        plots.save(plots.predictions(photos, labels), Path(path))
    except OSError as error:
        raise InputError(f"--picture {path}: cannot be written ({error.strerror}); choose another place") from None


if __name__ == "__main__":
    run(main)
