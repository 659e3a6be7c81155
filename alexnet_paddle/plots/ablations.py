"""Pictures of an ablation's record."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from alexnet_paddle.plots.figure import OKABE_ITO, Figure

LINES = ("-", "--", ":", "-.")  # so that arms can be told apart without colours too


def ablation_curves(record: dict) -> Figure:
    """A line for each arm of an ablation's record, with a band from the lowest seed to the highest: the training error
    while learning, and the validation error."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, title in zip(panels, ("training error while learning", "validation error")):
        panel.set_title(title)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.grid(alpha=0.3)
        panel.set_ylim(0, 1)
    panels[0].set_ylabel("fraction of wrong answers (top-1)")
    arms = list(dict.fromkeys(run["arm"] for run in record["runs"]))
    for number, arm in enumerate(arms):
        style = {"color": OKABE_ITO[number % 7], "linestyle": LINES[number % 4]}
        runs = [run for run in record["runs"] if run["arm"] == arm and "failed" not in run]
        _error_by_epoch(panels[0], [_while_learning(run) for run in runs], arm, style)
        validated = [run["val"] for run in runs if "val" in run]
        _error_by_epoch(panels[1], [(1 - np.array(val["top1"]), len(val["top1"])) for val in validated], arm, style)
    for words, error in record.get("marks", {}).items():
        panels[0].axhline(error, color="black", linewidth=0.8)
        panels[0].annotate(words, (1, error), (2, 0), ("axes fraction", "data"), "offset points", va="center")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def _while_learning(run: dict) -> tuple[np.ndarray, int]:
    """A run's training error in parts of an epoch, or by epoch where its record has no parts; and its epochs."""
    top1 = run["train"]["top1"]
    return np.array(run.get("training_error") or [1 - right for right in top1]), len(top1)


def _error_by_epoch(panel: Axes, runs: list[tuple[np.ndarray, int]], arm: str, style: dict) -> None:
    """A band over (errors at equal distances, epochs) of several runs; one that ended earlier counts until there."""
    if runs:
        errors, epochs = max(runs, key=lambda run: run[1])
        values = np.full((len(runs), len(errors)), np.nan)
        for row, (own, _) in zip(values, runs):
            row[: len(own)] = own
        bands(panel, np.arange(1, len(errors) + 1) * epochs / len(errors), values, arm, style)


def bands(panel: Axes, x: np.ndarray, values: np.ndarray, label: str, style: dict) -> None:
    """The mean over the rows of `values` [seeds, points] as a line, and a band from the lowest to the highest. What is
    NaN counts in neither."""
    seen = {"marker": "o"} if len(x) == 1 else {}  # a line through one point shows nothing
    panel.plot(x, np.nanmean(values, axis=0), label=label, **{**seen, **style})
    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    panel.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)


def differences(record: dict) -> Figure:
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
