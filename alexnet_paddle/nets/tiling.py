"""Convolution that multiplies less: Winograd's and Toom-Cook's trick, in NumPy and Paddle's matrix product.

Copies are NumPy's, which reads and writes the memory of Paddle's tensors directly. NumPy does strided copies far faster
than Paddle, and gives up Python's lock meanwhile, so each core takes its part of the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import paddle
from paddle.autograd import PyLayer

from alexnet_paddle.nets.memory import as_array, new_pixels, pixels, share_out, wanted


def convolution(
    x: paddle.Tensor,
    weight: paddle.Tensor,
    bias: paddle.Tensor | None,
    stride: int,
    edges: Sequence[int],
    groups: int,
) -> paddle.Tensor:
    """Images [N, C, H, W] with square windows [K, C/groups, k, k], of which `ceil(k / stride)` is at most LARGEST_TILE;
    `edges` are zeros above, below, left and right. The result [N, K, H', W'] has its channels last in memory."""
    return _Convolution.apply(x, weight, bias, _Tiling(x.shape, weight.shape, stride, edges, groups))


LARGEST_TILE = 7  # larger ones multiply less still, but round more: these ten times as much as the definition
# Where the polynomials are evaluated, besides infinity; in an order of least rounding.
_POINTS = (0, 1, -1, 0.5, -2, -0.5)


@cache
def _transforms(outputs: int, taps: int):
    """Matrices A [outputs, T], G [T, taps], B [T, T] with T = outputs + taps - 1, such that A ((G w) * (B d)) is
    the convolution of T numbers d with `taps` weights w (Toom-Cook; for images Lavin and Gray, arXiv 1509.09308).

    A product of polynomials can be formed from their values at T points, one multiplication a point, and read off
    again by solving for the coefficients; transposed, that is a convolution. T multiplications give what would
    otherwise take outputs * taps. In two dimensions each matrix is applied to rows and columns at once: its
    Kronecker product with itself, which is what this returns.
    """
    size = outputs + taps - 1

    def values_at_points(coefficients):
        powers = np.power.outer(np.array(_POINTS[: size - 1], "float64"), np.arange(coefficients))
        at_infinity = np.eye(coefficients)[-1:]
        return np.concatenate([powers, at_infinity])

    solve = np.linalg.inv(values_at_points(size)).T
    scale = np.abs(solve).max(axis=1, keepdims=True)  # keeps the numbers in float32's best range
    matrices = values_at_points(outputs).T, values_at_points(taps) * scale, solve / scale
    return [paddle.to_tensor(np.kron(matrix, matrix).astype("float32")) for matrix in matrices]


class _Tiling:
    """How images are cut into tiles for one convolution.

    A stride s is removed first: blocks of s x s pixels become one pixel with s*s times the channels, and a kernel
    of 11 pixels becomes one of 3 blocks (the twelfth row and column of weights are 0). Then every tile of
    size x size blocks gives outputs x outputs results from size^2 multiplications a pair of channels, where the
    definition takes (outputs * taps)^2: 49 against 225 for the paper's conv1, conv2 and conv3.

    Over all tiles of all images these multiplications are size^2 matrix products [tiles, channels in] x
    [channels in, channels out], and they are where the time goes. What comes before and after is linear too, so
    the gradient is the same chain backwards with each matrix transposed.

    The next step in speed would keep a few images in the cache from the first transform to the last, in place of
    the whole batch in memory after each.
    """

    def __init__(
        self, image_shape: Sequence[int], weight_shape: Sequence[int], stride: int, edges: Sequence[int], groups: int
    ):
        self.images, self.channels, *self.sides = image_shape
        self.out_channels, _, self.kernel, _ = weight_shape
        self.stride, self.groups, (top, bottom, left, right) = stride, groups, edges
        self.corner = top, left
        padded = [side + edge for side, edge in zip(self.sides, (top + bottom, left + right))]
        self.out_sides = [(side - self.kernel) // stride + 1 for side in padded]
        self.taps = math.ceil(self.kernel / stride)
        self.block_channels = self.channels * stride**2
        self.outputs = min(range(1, LARGEST_TILE + 2 - self.taps), key=self._multiplications)
        self.size = self.outputs + self.taps - 1
        self.tiles = self._tiles(self.outputs)
        self.blocks = [count * self.outputs + self.taps - 1 for count in self.tiles]
        self.numbers = math.prod(self.blocks) * self.block_channels  # of an image, for `share_out`
        self.A, self.G, self.B = _transforms(self.outputs, self.taps)

    def _tiles(self, outputs):
        return [math.ceil(side / outputs) for side in self.out_sides]

    def _multiplications(self, outputs):
        points = (outputs + self.taps - 1) ** 2
        products = self.block_channels * self.out_channels // self.groups
        transforms = points * self.block_channels + outputs**2 * self.out_channels
        return math.prod(self._tiles(outputs)) * points * (products + transforms)

    # Each method is followed by its transpose, which takes gradients the other way.

    def weights_to_products(self, weight: paddle.Tensor) -> paddle.Tensor:
        """[K, C/groups, kernel, kernel] -> [size^2 * groups, block channels / groups, K / groups]."""
        whole, cut = self._cut_weights()
        whole[:, :, : self.kernel, : self.kernel] = as_array(weight)
        blocks = paddle.empty(cut.shape)
        as_array(blocks)[...] = cut
        products = paddle.matmul(self.G, blocks.reshape([self.taps**2, -1]))
        return products.reshape([self.size**2 * self.groups, -1, self.out_channels // self.groups])

    def products_to_weights(self, products: paddle.Tensor) -> paddle.Tensor:
        blocks = paddle.matmul(self.G, products.reshape([self.size**2, -1]), transpose_x=True)
        whole, cut = self._cut_weights()
        cut[...] = as_array(blocks).reshape(cut.shape)
        weight = paddle.empty([*whole.shape[:2], self.kernel, self.kernel])
        as_array(weight)[...] = whole[:, :, : self.kernel, : self.kernel]
        return weight

    def _cut_weights(self):
        """Zeros [K, C/groups, taps * stride, taps * stride] and a view of them as [taps, taps, groups, stride, stride,
        C/groups, K/groups]."""
        channels, side = self.channels // self.groups, self.taps * self.stride
        whole = np.zeros([self.out_channels, channels, side, side], "float32")
        cut = whole.reshape(self.groups, -1, channels, self.taps, self.stride, self.taps, self.stride)
        return whole, cut.transpose(3, 5, 0, 4, 6, 2, 1)

    def images_to_products(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [size^2 * groups, N * tiles, block channels / groups]."""
        source, group = pixels(x), self.block_channels // self.groups
        tiles = paddle.empty([self.size, self.size, self.groups, self.images, *self.tiles, group])
        parts = as_array(tiles)

        def cut(part):
            padded, inside = self._padded(part)
            _copy_pixels(source[part, : inside.shape[1], : inside.shape[2]], inside)
            parts[:, :, :, part] = self._windows(np.ascontiguousarray(padded), self.size, self.size)

        share_out(cut, self.images, self.numbers)
        products = paddle.matmul(self.B, tiles.reshape([self.size**2, -1]))
        return products.reshape([self.size**2 * self.groups, -1, group])

    def products_to_images(self, products: paddle.Tensor) -> paddle.Tensor:
        tiles = paddle.matmul(self.B, products.reshape([self.size**2, -1]), transpose_x=True)
        parts = as_array(tiles).reshape(self.size, self.size, self.groups, self.images, *self.tiles, -1)
        x, target = new_pixels(self.images, self.sides, self.channels)

        def add_up(part):
            padded, inside = self._padded(part)
            if inside.size < target[part].size:
                target[part] = 0  # pixels that no window reached
            blocks = np.zeros(padded.shape, "float32")
            for i in range(0, self.size, self.outputs):  # neighbouring tiles overlap, these pieces of them do not
                for j in range(0, self.size, self.outputs):
                    piece = parts[i : i + self.outputs, j : j + self.outputs, :, part]
                    windows = self._windows(blocks[:, i:, j:], *piece.shape[:2])
                    windows += piece
            padded[...] = blocks
            target[part, : inside.shape[1], : inside.shape[2]] = inside

        share_out(add_up, self.images, self.numbers)
        return x

    def products_to_results(self, products: paddle.Tensor, bias: paddle.Tensor | None) -> paddle.Tensor:
        """[size^2 * groups, N * tiles, K / groups] -> [N, K, H', W']."""
        tiles = paddle.matmul(self.A, products.reshape([self.size**2, -1]))
        parts = as_array(tiles).reshape(self.outputs, self.outputs, self.groups, self.images, *self.tiles, -1)
        results, target = new_pixels(self.images, self.out_sides, self.out_channels)
        offset = 0 if bias is None else as_array(bias).reshape(self.groups, -1)

        def join(part):
            whole, cells = self._results(part)
            np.add(parts[:, :, :, part].transpose(3, 4, 0, 5, 1, 2, 6), offset, out=cells)
            target[part] = whole

        share_out(join, self.images, self.numbers)
        return results

    def results_to_products(self, grad: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """As it says, and the sum of the results over images, rows and columns, which is the bias's gradient."""
        source, sums = pixels(grad), np.empty([self.images, self.out_channels], "float32")
        group = self.out_channels // self.groups
        tiles = paddle.empty([self.outputs, self.outputs, self.groups, self.images, *self.tiles, group])
        parts = as_array(tiles)

        def cut(part):
            whole, cells = self._results(part)
            whole[...] = source[part]
            whole.sum(axis=(1, 2), out=sums[part])
            parts[:, :, :, part] = cells.transpose(2, 4, 5, 0, 1, 3, 6)

        share_out(cut, self.images, self.numbers)
        products = paddle.matmul(self.A, tiles.reshape([self.outputs**2, -1]), transpose_x=True)
        return products.reshape([self.size**2 * self.groups, -1, group]), paddle.to_tensor(sums.sum(axis=0))

    def _padded(self, part):
        """Zeros as [n, blocks, blocks, groups, stride, stride, C/groups], and the pixels among them that lie in the
        images as [n, rows, columns, C]. The stride may leave the last rows and columns of an image without a block."""
        (rows, columns), s = self.blocks, self.stride
        whole = np.zeros([part.stop - part.start, rows * s, columns * s, self.channels], "float32")
        inside = whole[:, self.corner[0] :, self.corner[1] :][:, : self.sides[0], : self.sides[1]]
        blocks = whole.reshape(-1, rows, s, columns, s, self.groups, self.channels // self.groups)
        return blocks.transpose(0, 1, 3, 5, 2, 4, 6), inside

    def _windows(self, blocks, height, width):
        """A view of blocks [n, blocks, blocks, groups, stride, stride, C/groups]: the first height x width blocks of
        every tile, as [height, width, groups, n, tiles, tiles, stride * stride * C/groups]."""
        image, row, column, *_, one = blocks.strides
        group, step = self.block_channels // self.groups, self.outputs
        return np.lib.stride_tricks.as_strided(
            blocks,
            [height, width, self.groups, len(blocks), *self.tiles, group],
            [row, column, group * one, image, step * row, step * column, one],
        )

    def _results(self, part):
        """Zeros as [n, tiles, outputs, tiles, outputs, groups, K/groups]; before that, those that are results, as
        [n, H', W', K]."""
        (rows, columns), m = self.tiles, self.outputs
        group = self.out_channels // self.groups
        cells = np.zeros([part.stop - part.start, rows, m, columns, m, self.groups, group], "float32")
        whole = cells.reshape(-1, rows * m, columns * m, self.out_channels)
        return whole[:, : self.out_sides[0], : self.out_sides[1]], cells


class _Convolution(PyLayer):
    @staticmethod
    def forward(ctx, x, weight, bias, tiling):
        inputs, weights = tiling.images_to_products(x), tiling.weights_to_products(weight)
        ctx.tiling, ctx.wanted = tiling, wanted(*([x, weight] if bias is None else [x, weight, bias]))
        ctx.save_for_backward(inputs, weights)
        return tiling.products_to_results(paddle.matmul(inputs, weights), bias)

    @staticmethod
    def backward(ctx, grad):
        tiling, grads = ctx.tiling, [None] * len(ctx.wanted)
        inputs, weights = ctx.saved_tensor()
        products, bias = tiling.results_to_products(grad)
        if ctx.wanted[0]:  # not for the first layer: nothing comes before it
            grads[0] = tiling.products_to_images(paddle.matmul(products, weights, transpose_y=True))
        if ctx.wanted[1]:
            grads[1] = tiling.products_to_weights(paddle.matmul(inputs, products, transpose_x=True))
        if ctx.wanted[2:] == [True]:
            grads[2] = bias
        return tuple(grads)


def _copy_pixels(source, target) -> None:
    """Copy [N, H, W, C]; plane by plane where `source` has its channels apart in memory, as pictures come."""
    if source.strides[-1] == source.itemsize:
        target[...] = source
    else:
        for channel in range(source.shape[-1]):
            target[..., channel] = source[..., channel]
