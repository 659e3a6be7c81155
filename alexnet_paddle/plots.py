"""Every picture. Functions return a matplotlib Figure; `save` writes one. Colours are Okabe and Ito's, which
colour-blind readers can tell apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from matplotlib.ticker import MaxNLocator

from alexnet_paddle.arithmetic import trace
from alexnet_paddle.files import write_whole

COLORS = {"train": "#E69F00", "val": "#0072B2", "best": "#009E73"}


def save(figure: Figure, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120, facecolor="white")
    write_whole(path, data.getvalue())


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


# ---- the net to scale ------------------------------------------------------------------------------

NET_COLORS = {"input": "#999999", "conv": "#56B4E9", "pool": "#E69F00", "fc": "#009E73"}
SLANT = 0.3  # how far a box reaches back to the upper right, as a share of its side
CHANNELS_PER_PIXEL = 2.2  # so many channels are drawn as long as one pixel of a side
FEATURES_PER_PIXEL = 16
LABEL_PIXELS = 50


def net_to_scale(config) -> Figure:
    """The boxes of numbers that one image becomes in the net of `config`: heights in proportion to the side, lengths
    to the channels; the towers of a net with groups lie one above the other, with lines where they are joined."""
    towers = max([layer.groups for _, layer in config.named_layers() if layer.kind == "conv"], default=1)
    figure = Figure(layout="constrained")
    panel = figure.subplots()
    lane = 1.25 * config.image_size if towers == 1 else 0.62 * config.image_size
    centers = [lane * ((towers - 1) / 2 - tower) for tower in range(towers)]
    boxes = [("input", "input", (config.in_channels, config.image_size, config.image_size), None)]
    boxes += [
        (row.name, {"globalpool": "pool"}.get(row.kind, row.kind), row.out_shape, getattr(layer, "groups", None))
        for (_, layer), row in zip(config.named_layers(), trace(config))
        if row.kind in ("conv", "pool", "globalpool", "fc")
    ]
    left, before, floor = 0.0, None, min(centers) - 0.5 * config.image_size
    for name, kind, shape, groups in boxes:
        parts = 1 if kind == "input" else towers
        flat = len(shape) == 1
        side = shape[0] / parts / FEATURES_PER_PIXEL if flat else shape[1]
        length = 5 if flat else max(shape[0] / parts / CHANNELS_PER_PIXEL, 1)
        if flat and name == boxes[-1][0]:  # the last layer is not split: every card's half sees the whole
            parts, side = 1, shape[0] / FEATURES_PER_PIXEL
        middles = [0.0] if parts == 1 else centers
        slant = 0 if flat else SLANT * side
        for middle in middles:
            _draw_box(panel, left, middle - side / 2, length, side, slant, NET_COLORS[kind])
        if before is not None:
            _join(panel, before, (left, middles), groups if kind == "conv" else towers if kind == "pool" else 1)
        size = str(shape[0]) if flat else f"{shape[0]} of\n{shape[1]} x {shape[2]}"
        panel.text(left + (length + slant) / 2, floor, f"{name}\n{size}", ha="center", va="top", fontsize=9)
        before = (left + length + slant / 2, middles)
        left += max(length + slant, 40) + 24
    low, high = floor - LABEL_PIXELS, ceiling + 12
    panel.set_xlim(-12, left)
    panel.set_ylim(low, high)
    panel.set_aspect("equal")
    figure.set_size_inches(11, 11 * (high - low) / (left + 12) + 0.8)
    panel.axis("off")
    handles = [Patch(color=color, label=kind) for kind, color in NET_COLORS.items()]
    panel.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=9)
    words = f"{towers} towers" if towers > 1 else "one tower"
    panel.set_title(
        f"{config.name}, {words}: height = side in pixels, length = channels "
        f"(fc: height = values, {FEATURES_PER_PIXEL} to a pixel)",
        fontsize=10,
        loc="left",
    )
    return figure


def _draw_box(panel, left, low, length, side, slant, color):
    """A box seen from the front, a little from above and from the right."""
    right, high = left + length, low + side
    faces = [([(left, low), (right, low), (right, high), (left, high)], 1.0)]
    if slant:
        back = slant * 0.6
        faces.append(([(left, high), (right, high), (right + slant, high + back), (left + slant, high + back)], 0.55))
        faces.append(([(right, low), (right + slant, low + back), (right + slant, high + back), (right, high)], 0.75))
    for corners, alpha in faces:
        panel.add_patch(Polygon(corners, facecolor="white", zorder=2))
        panel.add_patch(Polygon(corners, facecolor=color, alpha=alpha, edgecolor="black", linewidth=0.5, zorder=3))


def _join(panel, before, after, groups):
    """Lines from every part before to every part after which shares a group with it."""
    (start, sources), (end, targets) = before, after
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            if min(len(sources), len(targets)) == 1 or i * groups // len(sources) == j * groups // len(targets):
                crossing = i != j and len(sources) > 1 and len(targets) > 1
                color = "#D55E00" if crossing else "black"
                panel.plot([start, end - 1], [source, target], color=color, linewidth=1.2, zorder=4)
