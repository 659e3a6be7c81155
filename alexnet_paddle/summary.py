"""`python -m alexnet_paddle.summary VARIANT`: the net layer by layer, with the arithmetic in words."""

from __future__ import annotations

from collections.abc import Sequence

from alexnet_paddle import reporter
from alexnet_paddle.arithmetic import Row, totals, trace
from alexnet_paddle.cli import Parser, bounded, run
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.variants import VARIANTS

HEADER = ("layer", "output", "parameters", "MACs", "sees", "stride", "memory", "arithmetic")


def build_parser() -> Parser:
    description = "A variant layer by layer: sizes, parameters, cost, and the arithmetic in words. Needs no paddle."
    parser = Parser("summary", description, "paper --image-size 224")
    net = parser.add_argument_group("the net", "Which one; the sizes that are not given are the variant's own.")
    net.add_argument("variant", choices=VARIANTS, metavar="VARIANT", help=", ".join(VARIANTS))
    net.add_argument("--image-size", type=bounded(int, above=0), metavar="N", help="side of the input in pixels")
    net.add_argument("--num-classes", type=bounded(int, above=0), metavar="C", help="outputs of the last layer")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    arguments = vars(build_parser().parse_args(argv))
    config = VARIANTS[arguments.pop("variant")]
    config = config.replace(**{name: value for name, value in arguments.items() if value})
    try:
        rows = trace(config)
    except ValueError as error:
        raise InputError(f"--image-size {config.image_size}: {error}; choose a larger one") from None
    print(f"{config.name}: {config.source}")
    print(f"input {config.in_channels} x {config.image_size} x {config.image_size}, one image, float32\n")
    reporter.table([HEADER, *(cells(row) for row in rows)])
    params, macs, size = totals(rows)
    print(f"\n{params:,} parameters ({4 * params / 1e6:.1f} MB), {macs:,} MACs, {size / 1e6:.1f} MB of activations")
    print("sees: the receptive field in input pixels. stride: input pixels from one output position to the next.")


def cells(row: Row) -> tuple[str, ...]:
    """A row of the table as text."""
    return (
        row.name,
        " x ".join(map(str, row.out_shape)),
        f"{row.params:,}" if row.params else "",
        f"{row.macs:,}" if row.macs else "",
        str(row.receptive_field),
        "" if row.stride is None else str(row.stride),
        f"{row.activation_bytes / 1024:,.0f} KiB",
        row.arithmetic,
    )


if __name__ == "__main__":
    run(main)
