"""The size arithmetic of convolutional nets, in pure Python: importing this loads nothing else.

Letters as in the course: a side of `n` pixels, a window of `f`, padding `p` on each side, stride `s`.
A window fits (n - f + 2p) / s + 1 times, rounded down in Paddle, PyTorch and Caffe's convolutions and
rounded up in the 2012 program (`layer.py:1004`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

ROUNDINGS = ("floor", "ceil")


def conv_out(n: int, f: int, p: int = 0, s: int = 1, rounding: str = "floor") -> int:
    """Side of a convolution's output, in pixels. `conv_out(n=227, f=11, p=0, s=4)` is 55.

    With rounding="ceil" the last window may read zeros past the edge.
    Raises ValueError, showing the arithmetic, when the window does not fit.
    """
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding is {rounding!r}; choose floor or ceil")
    for letter, value, least in (("n", n, 1), ("f", f, 1), ("p", p, 0), ("s", s, 1)):
        if value != int(value) or value < least:
            raise ValueError(f"{letter} is {value!r}; it must be a whole number of at least {least}")
    padded = n + 2 * p
    # Whole-number division: a float quotient would round wrongly for huge sides.
    out = ((padded - f) // s if rounding == "floor" else -((f - padded) // s)) + 1
    words = _sentence(n, f, p, s, rounding, out)
    if padded < f:
        raise ValueError(f"{words}: the window ({f}) is larger than its padded input ({padded})")
    if (out - 1) * s >= padded:
        raise ValueError(f"{words}: the last window would start at {(out - 1) * s}, outside its input ({padded})")
    return out


def pool_out(n: int, f: int, p: int = 0, s: int = 2, rounding: str = "floor") -> int:
    """Side of a pooling layer's output: the same rule as a convolution's. `pool_out(55, f=3, s=2)` is 27."""
    return conv_out(n, f, p, s, rounding)


def explain_size(n: int, f: int, p: int, s: int, rounding: str = "floor") -> str:
    """The sentence behind a size: "floor((227 - 11 + 2*0) / 4) + 1 = 55"."""
    return _sentence(n, f, p, s, rounding, conv_out(n, f, p, s, rounding))


def _sentence(n, f, p, s, rounding, out):
    return f"{rounding}(({n} - {f} + 2*{p}) / {s}) + 1 = {out}"


def same_padding(f: int) -> int:
    """Padding that keeps the side at stride 1: (f - 1) / 2. Raises ValueError for an even window."""
    if f < 1 or f % 2 == 0:
        raise ValueError(f"same_padding({f}): (f - 1) / 2 is whole only for an odd window of at least 1")
    return (f - 1) // 2


def receptive_field(windows: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """(receptive field, cumulative stride), both in input pixels, after a chain of (f, s) windows.

    Each window widens the field by f - 1 steps of the stride so far, then multiplies that stride by s.
    `receptive_field([(11, 4), (3, 2)])` is (19, 8).
    """
    field, jump = 1, 1
    for f, s in windows:
        field += (f - 1) * jump
        jump *= s
    return field, jump


Shape = tuple[int, ...]  # (channels, height, width), or (features,) from the first fc layer on


@dataclass(frozen=True)
class Traced:
    """What a layer tells of itself when it is asked with the shape of its input."""

    out_shape: Shape
    arithmetic: str  # the size in words
    params: int = 0
    macs: int = 0
    window: tuple[int, int] | None = (1, 1)  # (f, s), for the receptive field; None: the whole image


@dataclass(frozen=True)
class Row:
    """What one layer does to one image. `macs` are the multiply-accumulates of its products, no bias."""

    name: str
    kind: str
    out_shape: Shape
    params: int
    macs: int
    receptive_field: int  # input pixels, one side; the whole image for fc layers
    stride: int | None  # cumulative, input pixels; None where no positions are left
    arithmetic: str  # the size in words

    @property
    def activation_bytes(self) -> int:
        """Memory of the layer's float32 output for one image, in bytes."""
        return 4 * math.prod(self.out_shape)


class Layer(Protocol):
    """What `trace` asks of a layer in `alexnet_paddle.nets.config`."""

    @property
    def kind(self) -> str: ...

    def trace(self, shape: Shape, rounding: str) -> Traced: ...


class Net(Protocol):
    """What `trace` asks of an `AlexNetConfig`."""

    @property
    def image_shape(self) -> Shape: ...
    @property
    def flatten_at(self) -> int: ...
    @property
    def rounding(self) -> str: ...

    def named_layers(self) -> Iterable[tuple[str, Layer]]: ...


def trace(config: Net) -> list[Row]:
    """Follow one image through an `AlexNetConfig`, one `Row` per layer, without building the net.

    Raises ValueError naming the layer, with the arithmetic, when the configuration cannot work.
    """
    shape, whole_image = config.image_shape, False
    windows: list[tuple[int, int]] = []
    rows = []
    for position, (name, layer) in enumerate(config.named_layers()):
        flattened = ""
        if position == config.flatten_at:
            flattened = f"{' * '.join(map(str, shape))} = {math.prod(shape)} values in a row; "
            shape, whole_image = (math.prod(shape),), True
        try:
            traced = layer.trace(shape, config.rounding)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        shape = traced.out_shape
        if traced.window is None:
            whole_image = True
        else:
            windows.append(traced.window)
        field, jump = (config.image_shape[1], None) if whole_image else receptive_field(windows)
        words = flattened + traced.arithmetic
        rows.append(Row(name, layer.kind, shape, traced.params, traced.macs, field, jump, words))
    return rows


def totals(rows: Iterable[Row]) -> tuple[int, int, int]:
    """(parameters, MACs, activation bytes) of all rows, for one image."""
    rows = list(rows)
    return sum(row.params for row in rows), sum(row.macs for row in rows), sum(row.activation_bytes for row in rows)
