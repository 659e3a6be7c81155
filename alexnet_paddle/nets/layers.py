"""The layers that Paddle lacks: response normalisation, across channels and in space."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

from alexnet_paddle.nets import fast_cpu


class LocalResponseNorm(nn.Layer):
    """b = a / (k + alpha' * sum of a^2 over `size` neighbouring channels)^beta (paper, section 3.3).

    alpha' is `alpha`, the printed formula, or alpha / size with `divide_by_size`: then it equals
    `paddle.nn.LocalResponseNorm` and the 2012 source (`layer.py:1183`). With `groups` the channels are cut
    into as many towers, and no window crosses from one to the next. Input and output: [N, C, H, W].
    """

    def __init__(
        self,
        channels: int,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        divide_by_size: bool = False,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.size, self.groups = size, groups
        self.alpha = alpha / size if divide_by_size else alpha
        self.beta, self.k = beta, k
        band = channel_band(channels, size, groups)
        self.band_memory = band.tobytes()
        self.register_buffer("band", paddle.to_tensor(band), persistable=False)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if fast_cpu.applies_to(x) and self.way(x.shape) != "paddle":
            return fast_cpu.response_norm(x, self.band_memory, self.size, self.alpha, self.beta, self.k, self.groups)
        with _full_precision():
            x = _at_least_float32(x)
            # The window sum as a 1 x 1 convolution: of all ways, oneDNN runs an exported graph fastest with this one.
            window_sum = F.conv2d(x * x, self.band.astype(x.dtype).unsqueeze([2, 3]))
            return x * _negative_power(window_sum * self.alpha + self.k, self.beta)

    def way(self, shape: Sequence[int]) -> str:
        """How it computes for images of this shape [N, C, H, W], see `fast_cpu`."""
        return fast_cpu.RULE.response_norm(self.beta)


def channel_band(channels: int, size: int, groups: int = 1) -> np.ndarray:
    """[C, C] matrix of 0 and 1: row c marks the channels in the window of channel c, inside its tower."""
    c = np.arange(channels)
    offset = c[None, :] - c[:, None]
    near = (offset >= -(size // 2)) & (offset < size - size // 2)
    tower = c // (channels // groups)
    return (near & (tower[None, :] == tower[:, None])).astype("float32")


def _full_precision():
    """Squares of activations overflow float16, so mixed precision pauses in these layers."""
    return paddle.amp.auto_cast(enable=False) if paddle.in_dynamic_mode() else nullcontext()


def _at_least_float32(x):
    return x.astype("float32") if x.dtype in (paddle.float16, paddle.bfloat16) else x


def _negative_power(scale, beta):
    """scale ** -beta; for the usual beta of 0.75 by two square roots, which are far faster than `pow`."""
    if beta == 0.75:
        root = paddle.rsqrt(scale)
        return root * paddle.sqrt(root)
    return paddle.pow(scale, -beta)


class SpatialResponseNorm(nn.Layer):
    """b = a / (k + alpha / size^2 * sum of a^2 over a size x size window of the same channel)^beta.

    The second normalisation of one configuration from the 2012 source (`layers-145.cfg`: window 5,
    scale 0.001, power 0.75). Pixels past the edge count as 0. Input and output: [N, C, H, W].
    """

    def __init__(self, size: int = 5, alpha: float = 1e-3, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"SpatialResponseNorm: size is {size}; a window centred on a pixel needs an odd size")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if fast_cpu.applies_to(x) and self.way(x.shape) != "paddle":
            return self._in_memory_order(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2])
        with _full_precision():
            x = _at_least_float32(x)
            mean = F.avg_pool2d(x * x, self.size, stride=1, padding=self.size // 2, exclusive=False)
            return x * _negative_power(mean * self.alpha + self.k, self.beta)

    def way(self, shape: Sequence[int]) -> str:
        """How its mean computes for images of this shape [N, C, H, W], see `fast_cpu`."""
        return fast_cpu.RULE.plain()

    def _in_memory_order(self, x):
        """The same of [N, H, W, C], the order in which `fast_cpu` has the pixels in memory."""
        squares = (x * x).transpose([0, 3, 1, 2])
        mean = fast_cpu.average_pool(squares, (self.size, self.size), self.size // 2).transpose([0, 2, 3, 1])
        return x * _negative_power(mean * self.alpha + self.k, self.beta)
