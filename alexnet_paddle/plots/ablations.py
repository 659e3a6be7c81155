"""Pictures of an ablation's record."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from alexnet_paddle.plots.figure import OKABE_ITO, Figure

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
    panels[0].set_ylabel("fraction of wrong answers (top-1)")
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
