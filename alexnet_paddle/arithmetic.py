"""The size arithmetic of convolutional nets, in pure Python: importing this loads nothing else.

Letters as in the course: a side of `n` pixels, a window of `f`, padding `p` on each side, stride `s`.
A window fits (n - f + 2p) / s + 1 times, rounded down in Paddle, PyTorch and Caffe's convolutions and
rounded up in the 2012 program (`layer.py:1004`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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


def receptive_field(windows) -> tuple[int, int]:
    """(receptive field, cumulative stride), both in input pixels, after a chain of (f, s) windows.

    Each window widens the field by f - 1 steps of the stride so far, then multiplies that stride by s.
    `receptive_field([(11, 4), (3, 2)])` is (19, 8).
    """
    field, jump = 1, 1
    for f, s in windows:
        field += (f - 1) * jump
        jump *= s
    return field, jump


@dataclass(frozen=True)
class Row:
    """What one layer does to one image. `macs` are the multiply-accumulates of its products, no bias."""

    name: str
    kind: str
    out_shape: tuple[int, ...]  # (channels, height, width), or (features,) from the first fc layer on
    params: int
    macs: int
    receptive_field: int  # input pixels, one side; the whole image for fc layers
    stride: int | None  # cumulative, input pixels; None where no positions are left
    arithmetic: str  # the size in words

    @property
    def activation_bytes(self) -> int:
        """Memory of the layer's float32 output for one image, in bytes."""
        return 4 * math.prod(self.out_shape)


def trace(config) -> list[Row]:
    """Follow one image through an `AlexNetConfig`, one `Row` per layer, without building the net.

    Raises ValueError naming the layer, with the arithmetic, when the configuration cannot work.
    """
    shape = (config.in_channels, config.image_size, config.image_size)
    flat_from = sum(len(stage) for stage in config.conv_stages)
    windows, rows = [], []
    for position, (name, layer) in enumerate(config.named_layers()):
        flattened = ""
        if position == flat_from:
            flattened = f"{' * '.join(map(str, shape))} = {math.prod(shape)} values in a row; "
            shape = (math.prod(shape),)
        try:
            shape, params, macs, words = _RULES[layer.kind](layer, shape, config.rounding)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if layer.kind in ("conv", "pool", "spatialnorm"):
            windows.append((layer.kernel, layer.stride))
        field, jump = receptive_field(windows)
        if len(shape) == 1 or layer.kind == "globalpool":
            field, jump = config.image_size, None
        rows.append(Row(name, layer.kind, shape, params, macs, field, jump, flattened + words))
    return rows


def totals(rows: list[Row]) -> tuple[int, int, int]:
    """(parameters, MACs, activation bytes) of all rows, for one image."""
    return tuple(sum(getattr(row, what) for row in rows) for what in ("params", "macs", "activation_bytes"))


# One rule per kind of layer: (layer, input shape, rounding) -> output shape, parameters, MACs, words.


def _conv(layer, shape, rounding):
    channels, n, _ = shape
    for what, count in (("input", channels), ("output", layer.out_channels)):
        if count % layer.groups:
            raise ValueError(
                f"groups={layer.groups} does not divide its {count} {what} channels: "
                f"{count} / {layer.groups} = {count / layer.groups:.2f}"
            )
    side = conv_out(n, layer.kernel, layer.padding, layer.stride, rounding)
    weights = layer.out_channels * (channels // layer.groups) * layer.kernel**2
    words = explain_size(n, layer.kernel, layer.padding, layer.stride, rounding)
    return (layer.out_channels, side, side), weights + layer.out_channels, weights * side * side, words


def _pool(layer, shape, rounding):
    channels, n, _ = shape
    side = pool_out(n, layer.kernel, 0, layer.stride, rounding)
    return (channels, side, side), 0, 0, explain_size(n, layer.kernel, 0, layer.stride, rounding)


def _global_pool(layer, shape, rounding):
    channels, n, _ = shape
    return (channels, 1, 1), 0, 0, f"mean of all {n} x {n} positions"


def _linear(layer, shape, rounding):
    weights = shape[0] * layer.out_features
    return (layer.out_features,), weights + layer.out_features, weights, f"{shape[0]} inputs"


def _lrn(layer, shape, rounding):
    channels = shape[0]
    if channels % layer.groups:
        raise ValueError(f"groups={layer.groups} does not divide its {channels} channels")
    return shape, 0, 0, f"same size, each value divided by {layer.size} neighbouring channels"


def _spatial_norm(layer, shape, rounding):
    return shape, 0, 0, f"same size, each value divided by its {layer.kernel} x {layer.kernel} neighbours"


def _same(layer, shape, rounding):
    return shape, 0, 0, "same size"


_RULES = {
    "conv": _conv,
    "pool": _pool,
    "globalpool": _global_pool,
    "fc": _linear,
    "lrn": _lrn,
    "spatialnorm": _spatial_norm,
    "act": _same,
    "drop": _same,
}
