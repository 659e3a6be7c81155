"""`python -m alexnet_paddle.datasets petals`: draw the embedded data set again, or for the first time.
`python -m alexnet_paddle.datasets pack DIR`: decode and resize the pictures of a folder once."""

from alexnet_paddle import datasets
from alexnet_paddle.cli import Parser, run
from alexnet_paddle.datasets import packed, petals
from alexnet_paddle.datasets.transforms import resize_side
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.variants import VARIANTS


def main(argv: list[str] | None = None) -> None:
    parser = Parser("datasets", "Draw the embedded data set, or pack a folder of pictures.")
    parser.add_argument("action", choices=("petals", "pack"), help="draw petals; or decode and resize pictures once")
    parser.add_argument("data", nargs="?", metavar="DIR", help="the folder to pack, as for train --data")
    parser.add_argument(
        "--variant", choices=VARIANTS, default="mini", metavar="NAME", help="pack for this net (default mini)"
    )
    parser.add_argument("--skip-bad", action="store_true", help="pack without the pictures that cannot be read")
    arguments = parser.parse_args(argv)
    if (arguments.action == "pack") != (arguments.data is not None):
        parser.error("DIR: pack needs the folder, petals takes none")
    if arguments.action == "petals":
        draw_petals()
    else:
        pack(arguments.data, resize_side(VARIANTS[arguments.variant].image_size), arguments.skip_bad)


def draw_petals() -> None:
    directory = petals.generate(datasets.data_home() / "petals")
    print(f"{directory}: {sum(petals.SPLITS.values()) * len(petals.CLASSES)} pictures, sha256 of the pixels")
    print(petals.pixel_checksum(directory))


def pack(data: str, side: int, skip_bad: bool) -> None:
    """Raises InputError when the folder cannot be packed."""
    if data.partition(":")[0] == "cifar10":
        raise InputError("cifar10: is not a folder of pictures; there is nothing to pack")
    dataset = datasets.load_checked(data, datasets.DEFAULT_FRACTION, side, skip_bad=skip_bad)
    pack = packed.Pack(dataset, side)
    try:
        pack.read()
        print("up to date")
    except packed.StalePack:
        pack.build()
    size = pack.squares.stat().st_size
    left_out = f", without {len(dataset.skipped)} that cannot be read" if dataset.skipped else ""
    print(f"{pack.squares}: {len(pack.paths)} pictures of {side} x {side}, {size / 1e6:.1f} MB{left_out}")


if __name__ == "__main__":
    run(main)
