"""`python -m alexnet_paddle.export RUN`: save a run's net as a static graph for Paddle Inference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alexnet_paddle.cli import Parser, run
from alexnet_paddle.training.run_folder import RunFolder


def build_parser() -> Parser:
    description = "Save a run's net as a static graph for Paddle Inference, checked against the net."
    parser = Parser("export", description, "runs/petals")
    what = parser.add_argument_group("what and where to", "The best epoch of a run, and a folder for the graph.")
    what.add_argument("run", metavar="RUN", help="the run folder")
    what.add_argument("--out", metavar="DIR", help="default RUN/export; an earlier export is replaced")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    arguments = build_parser().parse_args(argv)

    checkpoint = RunFolder(arguments.run).load_best()
    out = Path(arguments.out or Path(arguments.run, "export"))

    from alexnet_paddle import runtime
    from alexnet_paddle.training import inference

    runtime.choose_device("cpu")
    differences = inference.export(checkpoint, out)
    print(f"{arguments.run}: {checkpoint.config.name}, epoch {checkpoint.state['epochs_done']}")
    for engine, found in differences.items():
        print(f"{engine}: at most {found:.1e} from the dynamic graph")
    print(f"\n{out}: {', '.join(sorted(path.name for path in out.iterdir()))}")


if __name__ == "__main__":
    run(main)
