"""Every picture. Functions return a matplotlib Figure; `save` writes one. Colours are Okabe and Ito's, which
colour-blind readers can tell apart."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.ticker import MaxNLocator

from alexnet_paddle.files import write_whole

COLORS = {"train": "#E69F00", "val": "#0072B2", "best": "#009E73"}


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows when it is a cell's last value; pyplot need not be loaded."""

    def _repr_png_(self) -> bytes:
        return _png(self, dpi=80)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    write_whole(path, _png(figure, dpi=120))


def _png(figure, dpi):
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=dpi, facecolor="white")
    return data.getvalue()


def curves(rows) -> Figure:
    """Loss and accuracy by epoch, from the rows of a `metrics.csv`; the epoch picked by validation is marked."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    labels = {"train": "train (while learning, dropout on)", "val": "validation"}
    for panel, key, title in zip(panels, ("loss", "top1"), ("loss (cross-entropy, nats)", "top-1 accuracy")):
        for split, label in labels.items():
            points = [(int(row["epoch"]), float(row[key])) for row in rows if row["split"] == split]
            panel.plot(*zip(*points), marker="o", markersize=3, color=COLORS[split], label=label)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_title(title)
        panel.grid(alpha=0.3)
    accuracies = [(float(row["top1"]), -int(row["epoch"])) for row in rows if row["split"] == "val"]
    best_top1, best_epoch = max(accuracies)
    panels[1].plot(
        -best_epoch,
        best_top1,
        "o",
        markersize=10,
        fillstyle="none",
        color=COLORS["best"],
        label="kept: best validation",
    )
    panels[1].legend(loc="lower right")
    return figure


def confusion(matrix, classes) -> Figure:
    """Counts with the true class in rows; the shade is the share of the row. Numbers are left out above 20 classes."""
    matrix = np.asarray(matrix)
    count = len(classes)
    side = min(14, max(4.5, 1.6 + 0.62 * count))
    figure = Figure(figsize=(side, side), layout="constrained")
    panel = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if count <= 20:
        for row, column in np.ndindex(count, count):
            if matrix[row, column]:
                color = "white" if shares[row, column] > 0.5 else "black"
                panel.text(column, row, str(matrix[row, column]), ha="center", va="center", color=color)
    panel.set_xticks(range(count), classes, rotation=45, ha="right")
    panel.set_yticks(range(count), classes)
    panel.set_xlabel("predicted")
    panel.set_ylabel("true")
    figure.colorbar(image, ax=panel, shrink=0.7, label="share of the true class")
    return figure


def predictions(images, labels, columns: int = 5) -> Figure:
    """Pictures in a grid, each under its words: `labels` are (text, is it right or None) pairs."""
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    figure = Figure(figsize=(2 * columns, 2.2 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    colors = {True: "#00604A", False: "#B3420A", None: "black"}
    for panel, image, (text, right) in zip(panels, images, labels):
        panel.imshow(image)
        panel.set_title(text, fontsize=8, color=colors[right])
    return figure
