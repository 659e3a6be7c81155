"""What every picture shares: the figure that a notebook shows, writing it whole, colours, and bands over seeds."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.figure
from PIL import Image

from alexnet_paddle.files import write_whole

# Okabe and Ito's colours, which colour-blind readers can tell apart.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000", "#F0E442")


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows when it is a cell's last value; pyplot need not be loaded."""

    def _repr_png_(self) -> bytes:
        data = io.BytesIO()
        # 256 colours are enough on a page, and keep a notebook with photos four times smaller.
        Image.open(io.BytesIO(_png(self, dpi=90))).convert("RGB").quantize(256).save(data, "png", optimize=True)
        return data.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    write_whole(path, _png(figure, dpi=120))


def _png(figure: Figure, dpi: int) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=dpi, facecolor="white")
    return data.getvalue()
