"""Pictures of a net, to scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.patches import Patch, Polygon

from alexnet_paddle.arithmetic import trace
from alexnet_paddle.plots.figure import Figure

NET_COLORS = {"input": "#999999", "conv": "#56B4E9", "pool": "#E69F00", "fc": "#009E73"}
SLANT = 0.3  # how far a box reaches back to the upper right, as a fraction of its side
RISE = 0.6  # how steeply
CHANNELS_PER_PIXEL = 2.2  # so many channels are drawn as long as one pixel of a side
FEATURES_PER_PIXEL = 16

Box = tuple[str, str, tuple[int, ...], int, int]  # name, kind, shape, groups, parts
Parts = tuple[float, Sequence[float]]  # where boxes end or begin, and their middles, one a tower


class Net(Protocol):
    """What is drawn of an `AlexNetConfig`."""

    @property
    def name(self) -> str: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def image_size(self) -> int: ...

    def named_layers(self) -> Iterable[tuple[str, object]]: ...


def net_to_scale(config: Net) -> Figure:
    """The boxes of numbers that one image becomes in the net of `config`: heights in proportion to the side, lengths
    to the channels. The towers of a net with groups lie one above the other; orange lines where they meet."""
    rows = trace(config)
    groups_of = {name: getattr(layer, "groups", 1) for name, layer in config.named_layers()}
    towers = max([groups_of[row.name] for row in rows if row.kind == "conv"], default=1)
    boxes: list[Box] = [("input", "input", (config.in_channels, config.image_size, config.image_size), 1, 1)]
    for row in rows:
        kind = {"globalpool": "pool"}.get(row.kind, row.kind)
        if kind in NET_COLORS:
            groups = {"conv": groups_of[row.name], "pool": towers, "fc": 1}[kind]
            boxes.append((row.name, kind, row.out_shape, groups, towers))
    boxes[-1] = (*boxes[-1][:-1], 1)  # the logits belong to no tower

    def height(shape: tuple[int, ...], parts: int) -> float:
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


def _draw_box(panel: Axes, left: float, low: float, length: float, side: float, slant: float, color: str) -> None:
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


def _join(panel: Axes, before: Parts, after: Parts, groups: int) -> None:
    """Lines from every part before to every part after which fractions a group with it."""
    (start, sources), (end, targets) = before, after
    for i, source in enumerate(sources):
        for j, target in enumerate(targets):
            if min(len(sources), len(targets)) == 1 or i * groups // len(sources) == j * groups // len(targets):
                crossing = i != j and len(sources) > 1 and len(targets) > 1
                color = "#D55E00" if crossing else "black"
                panel.plot([start, end - 1], [source, target], color=color, linewidth=1.2, zorder=4)
