"""Local response normalisation in NumPy, for any power and where there is no oneDNN."""

from __future__ import annotations

import math

import numpy as np
import paddle
from paddle.autograd import PyLayer

from alexnet_paddle.nets.memory import new_pixels, pixels, share_out


def response_norm(x: paddle.Tensor, size: int, alpha: float, beta: float, k: float, groups: int) -> paddle.Tensor:
    """b = a / (k + alpha * sum of a^2 over `size` neighbouring channels)^beta for x [N, C, H, W]; windows stay
    inside each of `groups` towers. The gradient is the formula's own:

        da = g / scale^beta - 2 alpha beta a * sum over the windows that a is in of (g b / scale)
    """
    return _ResponseNorm.apply(x, size, alpha, beta, k, groups)


class _ResponseNorm(PyLayer):
    @staticmethod
    def forward(ctx, x, size, alpha, beta, k, groups):
        out, target = _like(x)
        root, roots = _like(x)

        def normalise(sums, a, b, r):
            np.multiply(a, a, out=sums.values)
            np.multiply(sums.over_windows(), alpha, out=r)
            r += k
            np.sqrt(r, out=r)
            np.sqrt(r, out=r)
            np.divide(a, _power(r, beta), out=b)

        _by_pixels(normalise, (size, size // 2, groups), pixels(x), target, roots)
        ctx.save_for_backward(x, root)
        ctx.settings = size, alpha, beta, groups
        return out

    @staticmethod
    def backward(ctx, grad):
        x, root = ctx.saved_tensor()
        size, alpha, beta, groups = ctx.settings
        out, target = _like(x)

        def differentiate(sums, g, a, r, d):
            direct = g / _power(r, beta)
            np.multiply(direct, a, out=d)
            np.divide(d, _power(r, 1), out=sums.values)
            np.multiply(sums.over_windows(), a, out=d)
            d *= -2 * alpha * beta
            d += direct

        windows = size, (size - 1) // 2, groups  # the windows that a channel is in, in place of its own
        _by_pixels(differentiate, windows, pixels(grad), pixels(x), pixels(root), target)
        return out


def _like(x):
    images, channels, *sides = x.shape
    return new_pixels(images, sides, channels)


def _by_pixels(work, windows, *arrays) -> None:
    """Call `work(sums, *chunks)` on all chunks of the arrays [N, H, W, C]; chunks are [pixels, groups, C/groups]."""
    size, before, groups = windows
    channels = arrays[-1].shape[-1]
    # No copies where the memory is in this order already, as it is between these layers.
    rows = [array.reshape(-1, groups, channels // groups) for array in arrays]

    def do(part):
        chunks = [array[part] for array in rows]
        work(_WindowSums(chunks[0].shape, size, before), *chunks)

    share_out(do, len(rows[0]), channels)


class _WindowSums:
    """Sums over `size` neighbours along the last axis, the first of them `before` places back. Write `values`, then
    take `over_windows()`. Zeros between the rows let one pass over all memory add all rows at once."""

    def __init__(self, shape, size, before):
        *rows, length = shape
        padded = [*rows, length + size - 1]
        self.size, self.count = size, math.prod(padded)
        self.memory, self.total = np.zeros(self.count + size - 1, "float32"), np.empty(self.count, "float32")
        self.values = self.memory[: self.count].reshape(padded)[..., before : before + length]
        self.sums = self.total.reshape(padded)[..., :length]

    def over_windows(self) -> np.ndarray:
        second = self.memory[1 : self.count + 1] if self.size > 1 else 0
        np.add(self.memory[: self.count], second, out=self.total)
        for shift in range(2, self.size):
            self.total += self.memory[shift : shift + self.count]
        return self.sums


def _power(root, beta):
    """scale ** beta from the fourth root of scale: products where they do it, as for the usual 0.75, because taking
    a power of floating-point numbers is many times slower."""
    if 4 * beta not in (2, 3, 4):
        return root ** (4 * beta)
    power = root * root
    for _ in range(int(4 * beta) - 2):
        power *= root
    return power
