"""Pictures of the arithmetic of sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from matplotlib.patches import Rectangle

from alexnet_paddle.arithmetic import Row, conv_out, explain_size
from alexnet_paddle.plots.figure import OKABE_ITO, Figure

SIZE_COLORS = {"pixel": "#BFDFF2", "padding": "#DDDDDD", "past": "#F6C9B0", "window": "#0072B2"}


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
        color = SIZE_COLORS["pixel"] if inside else SIZE_COLORS["padding" if x < n + 2 * p else "past"]
        hatch = None if read[x] or not inside else "////"  # a pixel that no window reads
        panel.add_patch(Rectangle((x, 0), 1, 1, facecolor=color, edgecolor="#666666", hatch=hatch, linewidth=0))
        panel.add_patch(Rectangle((x, 0), 1, 1, fill=False, edgecolor="white"))
        panel.text(x + 0.5, 0.5, str(x - p) if inside else "", ha="center", va="center", fontsize=8)
    for number in range(out):
        panel.add_patch(Rectangle((number * s, -number - 1.8), f, 0.7, color=SIZE_COLORS["window"]))
        panel.text(
            number * s + f / 2, -number - 1.45, str(number + 1), ha="center", va="center", fontsize=8, color="white"
        )
    panel.set_xlim(-0.5, end + 0.5)
    panel.set_ylim(-out - 1.2, 1.3)
    panel.set_aspect("auto")
    panel.axis("off")
    panel.set_title(f"n={n}, f={f}, p={p}, s={s}: {explain_size(n, f, p, s, rounding)}", fontsize=10)
    return figure


def receptive_fields(rows: Iterable[Row], image_size: int) -> Figure:
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
