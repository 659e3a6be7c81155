"""`python -m alexnet_paddle.datasets petals`: draw the embedded data set again, or for the first time."""

from alexnet_paddle import datasets
from alexnet_paddle.cli import Parser, run
from alexnet_paddle.datasets import petals


def main(argv=None):
    parser = Parser("datasets", "Draw the embedded data set.")
    parser.add_argument("name", choices=("petals",), help="the data set")
    parser.parse_args(argv)
    directory = petals.generate(datasets.data_home() / "petals")
    print(f"{directory}: {sum(petals.SPLITS.values()) * len(petals.CLASSES)} pictures, sha256 of the pixels")
    print(petals.pixel_checksum(directory))


if __name__ == "__main__":
    run(main)
