"""Convolution and response normalisation for the CPU, in NumPy and Paddle's matrix product.

Paddle's own layers spend most of a training step on one core, copying. The layers here differ in three ways.

1. Channels last in memory. Tensors keep the shape [N, C, H, W], but their memory is that of [N, H, W, C]: a
   transposed view, which Paddle's other layers accept too. The channels of a pixel then lie side by side, so
   windows are cut out in long runs, and a sum over neighbouring channels is a sum over neighbouring numbers.
2. Copies are NumPy's, which reads and writes the memory of Paddle's tensors directly. NumPy does strided copies
   far faster, and gives up Python's lock meanwhile, so each core takes its share of the images.
3. Convolutions multiply less (Winograd's and Toom-Cook's trick, see `_Tiling`).

What they gain, as the length of a training step of `paper`, batch 32, without one of them: 1.98 times with Paddle's
convolutions, 2.42 with its response normalisation, 1.39 with activations that rearrange the memory. Max pooling in
the same manner gained 2 to 4%, so it is Paddle's.

All layers have the parameters and state names of Paddle's, and hand over to Paddle where they do not apply: on a
GPU, in static graphs, for other types than float32. Their gradients cannot be differentiated a second time.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

from alexnet_paddle import CPU_SETTINGS, CPU_THREADS

ENABLED = "layers" in CPU_SETTINGS
WORKERS = CPU_THREADS


def applies_to(x: paddle.Tensor) -> bool:
    """Whether these layers take `x`: a float32 tensor [N, C, H, W] on the CPU, in the dynamic graph."""
    return (
        ENABLED
        and paddle.in_dynamic_mode()
        and x.ndim == 4
        and x.dtype == paddle.float32
        and x.place.is_cpu_place()
        and paddle.get_device() == "cpu"  # where new tensors go
        and 0 not in x.shape  # `x.size` fails in the conversion of 2.6.2 to a static graph
    )


# ---- NumPy on Paddle's memory ----------------------------------------------------------------------


def as_array(tensor: paddle.Tensor) -> np.ndarray:
    """The memory of a float32 CPU tensor that is not empty, as an array of the same shape and strides; valid while
    the tensor lives."""
    reach = 1 + sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides))
    flat = np.ctypeslib.as_array((ctypes.c_float * reach).from_address(tensor.data_ptr()))
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, [4 * stride for stride in tensor.strides])


def pixels(tensor: paddle.Tensor) -> np.ndarray:
    """A tensor [N, C, H, W] as an array [N, H, W, C] on the same memory."""
    return as_array(tensor).transpose(0, 2, 3, 1)


def new_pixels(images: int, sides: Sequence[int], channels: int) -> tuple[paddle.Tensor, np.ndarray]:
    """A new tensor [N, C, H, W] whose memory is that of [N, H, W, C], and that memory as an array."""
    tensor = paddle.empty([images, *sides, channels])
    return tensor.transpose([0, 3, 1, 2]), as_array(tensor)


def _copy_pixels(source, target) -> None:
    """Copy [N, H, W, C]; plane by plane where `source` has its channels apart in memory, as pictures come."""
    if source.strides[-1] == source.itemsize:
        target[...] = source
    else:
        for channel in range(source.shape[-1]):
            target[..., channel] = source[..., channel]


CHUNK = 1 << 17  # numbers worked on at a time: more leave the core's cache, fewer switch too often between threads


def share_out(work: Callable[[slice], None], count: int, numbers: int) -> None:
    """Call `work(part)` with slices of range(count), each item having so many `numbers`, until all is done, on all
    cores at once: NumPy's loops do run side by side."""
    workers = min(WORKERS, count)
    step = max(1, min(CHUNK // numbers, -(-count // workers)))
    parts = [slice(start, min(start + step, count)) for start in range(0, count, step)]

    def run(worker):
        for part in parts[worker::workers]:
            work(part)

    others = [_threads().submit(run, worker) for worker in range(1, workers)]
    run(0)
    for other in others:
        other.result()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="fast_cpu")


# ---- convolution -----------------------------------------------------------------------------------


class Conv2D(nn.Conv2D):
    """`paddle.nn.Conv2D`, on the CPU faster; see `_Tiling` for how."""

    @paddle.jit.not_to_static  # it would rewrite super()
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if applies_to(x) and x.shape[1] == self._in_channels and self._is_plain():
            tiling = _Tiling(x.shape, self.weight.shape, self._stride[0], self._edges(), self._groups)
            if min(tiling.out_sides) > 0:
                return _Convolution.apply(x, self.weight, self.bias, tiling)
        return super().forward(x)  # which also has the right words for images that do not fit

    def _is_plain(self):
        """Square windows, equal strides, zeros around the image; windows that a tile can hold."""
        return (
            self._padding_mode == "zeros"
            and self._padding_algorithm != "SAME"
            and self._data_format == "NCHW"
            and tuple(self._dilation) == (1, 1)
            and self._stride[0] == self._stride[1]
            and self.weight.shape[2] == self.weight.shape[3]
            and math.ceil(self.weight.shape[2] / self._stride[0]) <= LARGEST_TILE
        )

    def _edges(self) -> list[int]:
        """Rows of zeros above and below, columns left and right."""
        sizes = self._updated_padding  # an edge each, or an axis each where the edges of both axes are equal
        return sizes if len(sizes) == 4 else [size for size in sizes for _ in range(2)]


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

    def __init__(self, image_shape, weight_shape, stride, edges, groups):
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

    def weights_to_products(self, weight):
        """[K, C/groups, kernel, kernel] -> [size^2 * groups, block channels / groups, K / groups]."""
        whole, cut = self._cut_weights()
        whole[:, :, : self.kernel, : self.kernel] = as_array(weight)
        blocks = paddle.empty(cut.shape)
        as_array(blocks)[...] = cut
        products = paddle.matmul(self.G, blocks.reshape([self.taps**2, -1]))
        return products.reshape([self.size**2 * self.groups, -1, self.out_channels // self.groups])

    def products_to_weights(self, products):
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

    def images_to_products(self, x):
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

    def products_to_images(self, products):
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

    def products_to_results(self, products, bias):
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

    def results_to_products(self, grad):
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
        ctx.tiling, ctx.with_bias, ctx.with_images = tiling, bias is not None, not x.stop_gradient
        ctx.save_for_backward(inputs, weights)
        return tiling.products_to_results(paddle.matmul(inputs, weights), bias)

    @staticmethod
    def backward(ctx, grad):
        tiling = ctx.tiling
        inputs, weights = ctx.saved_tensor()
        products, bias = tiling.results_to_products(grad)
        weight = tiling.products_to_weights(paddle.matmul(inputs, products, transpose_x=True))
        images = None
        if ctx.with_images:  # not for the first layer: nothing comes before it
            images = tiling.products_to_images(paddle.matmul(products, weights, transpose_y=True))
        return (images, weight, bias) if ctx.with_bias else (images, weight)


# ---- local response normalisation ------------------------------------------------------------------


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


# ---- activations -----------------------------------------------------------------------------------


class _InMemoryOrder(nn.Layer):
    """Paddle's own function, shown the pixels in the order they have in memory: it would rearrange them otherwise."""

    @paddle.jit.not_to_static
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if not applies_to(x):
            return super().forward(x)
        return super().forward(x.transpose([0, 2, 3, 1])).transpose([0, 3, 1, 2])


class ReLU(_InMemoryOrder, nn.ReLU):
    """`paddle.nn.ReLU`."""


class Sigmoid(_InMemoryOrder, nn.Sigmoid):
    """`paddle.nn.Sigmoid`."""


class Tanh(_InMemoryOrder, nn.Tanh):
    """`paddle.nn.Tanh`."""
