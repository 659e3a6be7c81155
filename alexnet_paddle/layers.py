"""The layers that Paddle lacks, or has only slowly: response normalisation, across channels and in space."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from paddle.autograd import PyLayer

from alexnet_paddle import CPU_SETTINGS, runtime

runtime.use_threads(CPU_SETTINGS)  # here, because every net of ours imports this module, and paddle is loaded by now


class LocalResponseNorm(nn.Layer):
    """b = a / (k + alpha' * sum of a^2 over `size` neighbouring channels)^beta (paper, section 3.3).

    alpha' is `alpha`, the printed formula, or alpha / size with `divide_by_size`: then it equals
    `paddle.nn.LocalResponseNorm` and the 2012 source (`layer.py:1183`). With `groups` the channels are cut
    into as many towers, and no window crosses from one to the next. Input and output: [N, C, H, W].
    """

    def __init__(self, channels, size=5, alpha=1e-4, beta=0.75, k=2.0, divide_by_size=False, groups=1):
        super().__init__()
        self.alpha = alpha / size if divide_by_size else alpha
        self.beta, self.k = beta, k
        band = paddle.to_tensor(channel_band(channels, size, groups))
        self.register_buffer("band", band, persistable=False)

    def forward(self, x):
        if not paddle.in_dynamic_mode():
            return self._static(x)
        with paddle.amp.auto_cast(enable=False):
            x = _full_precision(x)
            return _ResponseNorm.apply(x, self.band.astype(x.dtype), self.alpha, self.beta, self.k)

    def _static(self, x):
        """The same for an exported graph: the window sum as a 1 x 1 convolution, which oneDNN runs fastest."""
        window_sum = F.conv2d(x * x, self.band.unsqueeze([2, 3]))
        return x * _negative_power(window_sum * self.alpha + self.k, self.beta)


def channel_band(channels: int, size: int, groups: int = 1) -> np.ndarray:
    """[C, C] matrix of 0 and 1: row c marks the channels in the window of channel c, inside its tower."""
    c = np.arange(channels)
    offset = c[None, :] - c[:, None]
    near = (offset >= -(size // 2)) & (offset < size - size // 2)
    tower = c // (channels // groups)
    return (near & (tower[None, :] == tower[:, None])).astype("float32")


class _ResponseNorm(PyLayer):
    """The window sum as one product with the band matrix, and the gradient by hand: Paddle's own layer spends
    its time in a 3-d average pooling and in `pow`."""

    @staticmethod
    def forward(ctx, x, band, alpha, beta, k):
        flat = x.reshape([x.shape[0], x.shape[1], -1])
        scale = paddle.matmul(band, flat * flat) * alpha + k
        power = _negative_power(scale, beta)
        ctx.save_for_backward(flat, band, scale, power)
        ctx.factor = 2 * alpha * beta
        return (flat * power).reshape(x.shape)

    @staticmethod
    def backward(ctx, grad):
        flat, band, scale, power = ctx.saved_tensor()
        g = grad.reshape(flat.shape) * power
        through_sum = paddle.matmul(band, g * flat / scale, transpose_x=True)
        return (g - flat * through_sum * ctx.factor).reshape(grad.shape), None


def _full_precision(x):
    """Squares of activations overflow float16, so mixed precision pauses in these layers."""
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

    def __init__(self, size=5, alpha=1e-3, beta=0.75, k=1.0):
        super().__init__()
        if size % 2 == 0:
            raise ValueError(f"SpatialResponseNorm: size is {size}; a window centred on a pixel needs an odd size")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x):
        with paddle.amp.auto_cast(enable=False):
            x = _full_precision(x)
            mean = F.avg_pool2d(x * x, self.size, stride=1, padding=self.size // 2, exclusive=False)
            return x * _negative_power(mean * self.alpha + self.k, self.beta)
