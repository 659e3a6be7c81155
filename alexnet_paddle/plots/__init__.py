"""Every picture. Functions return a matplotlib Figure; `save` writes one. Colours are Okabe and Ito's, which
colour-blind readers can tell apart."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import matplotlib.figure
import numpy as np
from matplotlib.patches import Patch, Polygon, Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

from alexnet_paddle.arithmetic import conv_out, explain_size, trace
from alexnet_paddle.files import write_whole

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000", "#F0E442")
SIZES = {"pixel": "#BFDFF2", "padding": "#DDDDDD", "past": "#F6C9B0", "window": "#0072B2"}
COLORS = {"train": "#E69F00", "val": "#0072B2", "best": "#009E73"}


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


# ---- ablations -------------------------------------------------------------------------------------

LINES = ("-", "--", ":", "-.")  # so that arms can be told apart without colours too


def ablation_curves(record) -> Figure:
    """A line for each arm of an ablation's record, with a band from the lowest seed to the highest: the training error
    while learning, and the validation error."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, title in zip(panels, ("training error while learning", "validation error")):
        panel.set_title(title)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.grid(alpha=0.3)
        panel.set_ylim(0, 1)
    panels[0].set_ylabel("share of wrong answers (top-1)")
    arms = list(dict.fromkeys(run["arm"] for run in record["runs"]))
    for number, arm in enumerate(arms):
        style = {"color": OKABE_ITO[number % 7], "linestyle": LINES[number % 4]}
        runs = [run for run in record["runs"] if run["arm"] == arm and "failed" not in run]
        if not runs:
            continue
        train = np.array([run["training_error"] for run in runs])
        epochs = len(runs[0]["val"]["top1"])
        bands(panels[0], np.arange(1, train.shape[1] + 1) * epochs / train.shape[1], train, arm, style)
        bands(panels[1], np.arange(1, epochs + 1), 1 - np.array([run["val"]["top1"] for run in runs]), arm, style)
    if "epochs_to_target" in record["summary"]:
        panels[0].axhline(0.25, color="black", linewidth=0.8)
        panels[0].annotate("25%", (1, 0.25), (2, 0), ("axes fraction", "data"), "offset points", va="center")
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside right upper")
    return figure


def bands(panel, x, values, label, style) -> None:
    """The mean over the rows of `values` [seeds, points] as a line, and a band from the lowest to the highest."""
    panel.plot(x, values.mean(axis=0), label=label, **style)
    panel.fill_between(x, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.15, linewidth=0)


def differences(record) -> Figure:
    """Top-1 of each arm of an ablation's record less that of the arm it is compared with: each seed a small point, the
    mean with its 95% interval a large one."""
    found = record["summary"]["difference"]
    figure = Figure(figsize=(8, 1.4 + 0.6 * len(found)), layout="constrained")
    panel = figure.subplots()
    panel.axvline(0, color="black", linewidth=0.8)
    for row, difference in enumerate(found.values()):
        seeds = [100 * value for value in difference["by_seed"].values()]
        panel.plot(seeds, [row + 0.25] * len(seeds), ".", color=OKABE_ITO[5])
        mean, interval = 100 * difference["mean"], difference["interval_95"]
        if interval:
            panel.plot([100 * end for end in interval], [row, row], color=OKABE_ITO[0], linewidth=2)
        panel.plot(mean, row, "o", color=OKABE_ITO[0])
        panel.annotate(f"{mean:+.1f}", (mean, row), (0, 5), textcoords="offset points", ha="center")
    panel.set_yticks(range(len(found)), found)
    panel.set_ylim(len(found) - 0.3, -0.6)
    panel.set_xlabel("difference in test accuracy (percentage points), 95% interval; small points: seeds")
    panel.grid(alpha=0.3, axis="x")
    return figure


# ---- the arithmetic of sizes ---------------------------------------------------------------------------


def sliding_windows(n: int, f: int, p: int = 0, s: int = 1, rounding: str = "floor") -> Figure:
    """One row of `n` pixels with padding, and under it each window of a convolution at its place, in pixels.

    Raises ValueError, showing the arithmetic, when the window does not fit.
    """
    out = conv_out(n, f, p, s, rounding)
    end = max(n + 2 * p, (out - 1) * s + f)
    figure = Figure(figsize=(min(11, 1.5 + 0.42 * end), 1.2 + 0.3 * out), layout="constrained")
    panel = figure.subplots()
    read = [any(start <= x < start + f for start in range(0, out * s, s)) for x in range(end)]
    for x in range(end):
        inside = p <= x < p + n
        color = SIZES["pixel"] if inside else SIZES["padding" if x < n + 2 * p else "past"]
        hatch = None if read[x] or not inside else "////"  # a pixel that no window reads
        panel.add_patch(Rectangle((x, 0), 1, 1, facecolor=color, edgecolor="#666666", hatch=hatch, linewidth=0))
        panel.add_patch(Rectangle((x, 0), 1, 1, fill=False, edgecolor="white"))
        panel.text(x + 0.5, 0.5, x - p if inside else "", ha="center", va="center", fontsize=8)
    for number in range(out):
        panel.add_patch(Rectangle((number * s, -number - 1.8), f, 0.7, color=SIZES["window"]))
        panel.text(number * s + f / 2, -number - 1.45, number + 1, ha="center", va="center", fontsize=8, color="white")
    panel.set_xlim(-0.5, end + 0.5)
    panel.set_ylim(-out - 1.2, 1.3)
    panel.set_aspect("auto")
    panel.axis("off")
    panel.set_title(f"n={n}, f={f}, p={p}, s={s}: {explain_size(n, f, p, s, rounding)}", fontsize=10)
    return figure


def receptive_fields(rows, image_size: int) -> Figure:
    """What one unit of each layer sees, to scale: squares on the input, from the rows of a `trace`."""
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    panel = figure.subplots()
    panel.add_patch(Rectangle((0, 0), image_size, image_size, facecolor="#EEEEEE", edgecolor="black"))
    colors = itertools.cycle((*OKABE_ITO[:7], "#777777"))  # the yellow is too pale for lines
    for row, color in zip(rows, colors):
        corner = (image_size - row.receptive_field) / 2
        panel.add_patch(
            Rectangle(
                (corner, corner),
                row.receptive_field,
                row.receptive_field,
                fill=False,
                edgecolor=color,
                linewidth=2,
                label=f"{row.name}: {row.receptive_field} pixels, a step is {row.stride}",
            )
        )
    panel.set_xlim(-5, image_size + 5)
    panel.set_ylim(image_size + 5, -5)
    panel.set_aspect("equal")
    panel.set_xlabel("input column (pixels)")
    panel.set_ylabel("input row (pixels)")
    figure.legend(loc="outside right upper")
    return figure


# ---- the net to scale ------------------------------------------------------------------------------

NET_COLORS = {"input": "#999999", "conv": "#56B4E9", "pool": "#E69F00", "fc": "#009E73"}
SLANT = 0.3  # how far a box reaches back to the upper right, as a share of its side
RISE = 0.6  # how steeply
CHANNELS_PER_PIXEL = 2.2  # so many channels are drawn as long as one pixel of a side
FEATURES_PER_PIXEL = 16


def net_to_scale(config) -> Figure:
    """The boxes of numbers that one image becomes in the net of `config`: heights in proportion to the side, lengths
    to the channels. The towers of a net with groups lie one above the other; orange lines where they meet."""
    towers = max([layer.groups for _, layer in config.named_layers() if layer.kind == "conv"], default=1)
    boxes = [("input", "input", (config.in_channels, config.image_size, config.image_size), 1, 1)]
    for (name, layer), row in zip(config.named_layers(), trace(config)):
        kind = {"globalpool": "pool"}.get(row.kind, row.kind)
        if kind in NET_COLORS:
            groups = {"conv": getattr(layer, "groups", 1), "pool": towers, "fc": 1}[kind]
            boxes.append((name, kind, row.out_shape, groups, towers))
    boxes[-1] = (*boxes[-1][:-1], 1)  # the logits belong to no tower

    def height(shape, parts):
        return shape[1] if len(shape) == 3 else shape[0] / parts / FEATURES_PER_PIXEL

    lane = 1.2 * max([height(shape, parts) for _, _, shape, _, parts in boxes if parts > 1], default=0)
    low = -max(parts * max(lane if parts > 1 else 0, height(shape, parts)) for _, _, shape, _, parts in boxes) / 2 - 8
    high = -low + SLANT * RISE * config.image_size
    figure = Figure(layout="constrained")
    panel = figure.subplots()
    left, before, words = 0.0, None, []
    for name, kind, shape, groups, parts in boxes:
        flat = len(shape) == 1
        side = height(shape, parts)
        length = 5 if flat else max(shape[0] / parts / CHANNELS_PER_PIXEL, 1)
        slant = 0 if flat else SLANT * side
        middles = [lane * ((parts - 1) / 2 - part) for part in range(parts)]
        for middle in middles:
            _draw_box(panel, left, middle - side / 2, length, side, slant, NET_COLORS[kind])
        if before is not None:
            _join(panel, before, (left, middles), groups)
        size = str(shape[0]) if flat else f"{shape[0]} of\n{shape[1]} x {shape[2]}"
        words.append(panel.text(left + (length + slant) / 2, low, f"{name}\n{size}", ha="center", va="top"))
        before = (left + length + slant / 2, middles)
        left += max(length + slant, 40) + 24
    for text in words:
        text.set_fontsize(min(9, 12000 / left))
    panel.set_xlim(-12, left)
    panel.set_ylim(low - 46, high)
    panel.set_aspect("equal")
    panel.axis("off")
    figure.set_size_inches(11, 11 * (high - low + 46) / (left + 12) + 0.6)
    handles = [Patch(color=color, label=kind) for kind, color in NET_COLORS.items()]
    panel.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=9)
    count = f"{towers} towers" if towers > 1 else "one tower"
    rule = f"height = side, length = channels (fc: height = values, {FEATURES_PER_PIXEL} to a pixel)"
    panel.set_title(f"{config.name}, {count}: {rule}", fontsize=10, loc="left")
    return figure


def _draw_box(panel, left, low, length, side, slant, color):
    """A box seen from the front, a little from above and from the right."""
    right, high = left + length, low + side
    faces = [([(left, low), (right, low), (right, high), (left, high)], 1.0)]
    if slant:
        back = slant * RISE
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
