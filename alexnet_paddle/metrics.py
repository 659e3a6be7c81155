"""Figures of merit in NumPy: top-k, confusion, intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    with np.errstate(invalid="ignore"):  # infinite logits give NaN; who asks for the loss will notice
        shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def top_k_correct(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """[N] of bool: is the label among the k highest of scores [N, C]? A tie with a class of lower number loses."""
    own = scores[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(scores.shape[1])[None, :] < labels[:, None]
    rank = (scores > own).sum(axis=1) + ((scores == own) & earlier).sum(axis=1)
    return (rank < k) & np.isfinite(own[:, 0])


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """[C, C] counts: row is the true class, column the predicted one."""
    cells = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def wilson_interval(correct: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval for a fraction, 95% by default: unlike the textbook one it is right near 0 and 1."""
    fraction, z2 = correct / total, z * z
    centre = (fraction + z2 / (2 * total)) / (1 + z2 / total)
    half = z / (1 + z2 / total) * math.sqrt(fraction * (1 - fraction) / total + z2 / (4 * total * total))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Scores:
    """What a net said about N pictures: probabilities [N, C] and labels [N]."""

    probabilities: np.ndarray
    labels: np.ndarray

    @property
    def images(self) -> int:
        return len(self.labels)

    @property
    def loss(self) -> float:
        """Mean cross-entropy, in nats."""
        own = self.probabilities[np.arange(len(self.labels)), self.labels].astype("float64")
        return float(-np.log(np.maximum(own, 1e-38)).mean())

    @property
    def top1(self) -> float:
        """Fraction of pictures whose likeliest class is right."""
        return float(top_k_correct(self.probabilities, self.labels, 1).mean())

    @property
    def top5(self) -> float | None:
        """Fraction of pictures whose class is among the five likeliest; None with five classes or fewer."""
        if self.probabilities.shape[1] <= 5:
            return None
        return float(top_k_correct(self.probabilities, self.labels, 5).mean())

    @property
    def confusion(self) -> np.ndarray:
        """See `confusion_matrix`."""
        return confusion_matrix(self.labels, self.probabilities.argmax(axis=1), self.probabilities.shape[1])

    def report(self, classes: Sequence[str]) -> dict:
        """All of it as plain data: loss, top1 with its 95% interval, top5, per class, confusion."""
        confusion = self.confusion
        total = len(self.labels)
        right = int(top_k_correct(self.probabilities, self.labels, 1).sum())  # unlike the trace, not misled by NaN
        per_class = {
            name: {
                "images": int(confusion[i].sum()),
                "recall": _fraction(confusion[i, i], confusion[i].sum()),
                "precision": _fraction(confusion[i, i], confusion[:, i].sum()),
            }
            for i, name in enumerate(classes)
        }
        return {
            "images": total,
            "loss": self.loss,
            "top1": right / total,
            "top1_interval_95": list(wilson_interval(right, total)),
            "top5": self.top5,
            "classes": per_class,
            "confusion": confusion.tolist(),
        }


@dataclass(frozen=True)
class RunningMetrics:
    """Sums over batches: all that an epoch's figures need, however many pictures it has. `seconds` is the time that
    the batches took."""

    images: int = 0
    loss_sum: float = 0.0
    right: int = 0
    right_in_5: int | None = 0  # None: five classes or fewer
    seconds: float = 0.0

    @staticmethod
    def of(scores: Scores) -> RunningMetrics:
        """The sums over one batch, which may be empty."""
        images, has_top5 = scores.images, scores.probabilities.shape[1] > 5
        if not images:
            return RunningMetrics(right_in_5=0 if has_top5 else None)
        right_in_5 = None if (top5 := scores.top5) is None else round(top5 * images)
        return RunningMetrics(images, scores.loss * images, round(scores.top1 * images), right_in_5)

    def plus(self, batch: RunningMetrics, seconds: float) -> RunningMetrics:
        """With one more batch, which took so long."""
        return RunningMetrics(
            self.images + batch.images,
            self.loss_sum + batch.loss_sum,
            self.right + batch.right,
            None if self.right_in_5 is None or batch.right_in_5 is None else self.right_in_5 + batch.right_in_5,
            self.seconds + seconds,
        )

    @property
    def loss(self) -> float:
        """Mean cross-entropy, in nats."""
        return self.loss_sum / self.images

    @property
    def top1(self) -> float:
        return self.right / self.images

    @property
    def top5(self) -> float | None:
        return None if self.right_in_5 is None else self.right_in_5 / self.images


def _fraction(part: np.integer, whole: np.integer) -> float | None:
    return float(part / whole) if whole else None
