"""What several seeds say together: means with Student's interval, paired differences and ratios, times to an event.

Values are given by seed. Two sides are compared seed by seed, and a seed that one of them lacks is left out.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TypeVar

Value = TypeVar("Value")


def student_t(degrees: int, confidence: float = 0.95) -> float:
    """The quantile of Student's t that bounds a two-sided interval, for any whole number of degrees of freedom.

    The probability of less than sqrt(degrees) * tan(angle) on either side is a finite sum (Abramowitz and Stegun,
    26.7.3 and 26.7.4) and grows with the angle, so the angle is found by halving. Rounded to the three decimals that
    tables print: an interval can be checked with a table in hand.
    """

    def within(angle: float) -> float:
        odd, cosine = degrees % 2, math.cos(angle)
        total = term = 0.0 if degrees == 1 else cosine if odd else 1.0
        for number in range(3 if odd else 2, degrees - 1, 2):
            term *= (number - 1) / number * cosine**2
            total += term
        total *= math.sin(angle)
        return 2 / math.pi * (angle + total) if odd else total

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < confidence else (low, middle)
    return round(math.sqrt(degrees) * math.tan(low), 3)


def interval(values: Sequence[float]) -> list[float] | None:
    """Student's 95% interval of the mean; None for one value."""
    if len(values) < 2:
        return None
    half = student_t(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return [round(statistics.mean(values) - half, 4), round(statistics.mean(values) + half, 4)]


def over_seeds(values: dict[str, float]) -> dict:
    """The values, with their mean and its interval: {"by_seed", "mean", "interval_95"}."""
    numbers = list(values.values())
    return {
        "by_seed": {seed: round(value, 4) for seed, value in values.items()},
        "mean": round(statistics.mean(numbers), 4),
        "interval_95": interval(numbers),
    }


def differences(values: dict[str, float], other: dict[str, float]) -> dict | None:
    """`over_seeds` of the values less the other side's; None without a seed on both sides."""
    both = paired(values, other)
    return over_seeds({seed: own - theirs for seed, (own, theirs) in both.items()}) if both else None


def times(values: dict[str, float | None]) -> dict:
    """How long each seed took until something happened, None where it never did: {"by_seed", "mean", "finished"}. There
    is no mean unless all have finished."""
    finished = [value for value in values.values() if value is not None]
    mean = round(statistics.mean(finished), 3) if len(finished) == len(values) else None
    return {"by_seed": values, "mean": mean, "finished": len(finished)}


def times_as_long(values: dict[str, float | None], other: dict[str, float | None]) -> dict | None:
    """`over_seeds` of such times divided by the other side's; None where a seed of either has not finished."""
    both = paired(values, other)
    ratios = {seed: own / theirs for seed, (own, theirs) in both.items() if own is not None and theirs is not None}
    return over_seeds(ratios) if ratios and len(ratios) == len(both) else None


def paired(values: dict[str, Value], other: dict[str, Value]) -> dict[str, tuple[Value, Value]]:
    """Seed -> (own, the other side's), for the seeds of both."""
    return {seed: (value, other[seed]) for seed, value in values.items() if seed in other}
