"""Pictures of a run: its curves, its confusions, photos with what the net says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator
from PIL import Image

from alexnet_paddle.plots.figure import Figure

COLORS = {"train": "#E69F00", "val": "#0072B2", "best": "#009E73"}


def curves(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Loss and accuracy by epoch, from the rows of a `metrics.csv`; the epoch picked by validation is marked."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    labels = {"train": "train (while learning, dropout on)", "val": "validation"}
    for panel, key, title in zip(panels, ("loss", "top1"), ("loss (cross-entropy, nats)", "top-1 accuracy")):
        for split, label in labels.items():
            points = [(int(row["epoch"]), float(row[key])) for row in rows if row["split"] == split]
            panel.plot(*zip(*points), marker="o", markersize=3, color=COLORS[split], label=label)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def confusion(matrix: Sequence[Sequence[int]] | np.ndarray, classes: Sequence[str]) -> Figure:
    """Counts with the true class in rows; the shade is the fraction of the row. Above 20 classes without numbers."""
    matrix = np.asarray(matrix)
    count = len(classes)
    side = min(14, max(4.5, 1.6 + 0.62 * count))
    figure = Figure(figsize=(side, side), layout="constrained")
    panel = figure.subplots()
    fractions = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    if count <= 20:
        for row, column in np.ndindex(count, count):
            if matrix[row, column]:
                color = "white" if fractions[row, column] > 0.5 else "black"
                panel.text(column, row, str(matrix[row, column]), ha="center", va="center", color=color)
    panel.set_xticks(range(count), classes, rotation=45, ha="right")
    panel.set_yticks(range(count), classes)
    panel.set_xlabel("predicted")
    panel.set_ylabel("true")
    figure.colorbar(image, ax=panel, shrink=0.7, label="fraction of the true class")
    return figure


def predictions(
    images: Sequence[Image.Image | np.ndarray], labels: Sequence[tuple[str, bool | None]], columns: int = 5
) -> Figure:
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
