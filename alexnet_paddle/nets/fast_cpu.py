"""Layers for the CPU that are Paddle's in all but speed, and the rule that says how each computes.

Paddle's own layers spend most of a training step on one core, copying. There are three other ways:

    onednn   kernels of the library that Paddle's wheel brings along (`onednn`)
    tiling   convolutions that multiply less (`tiling`): for wide layers faster than the library without AVX-512
    numpy    response normalisation in NumPy (`numpy_norm`)

`Rule` decides, and `AlexNet.ways()` says what it decided. All ways need the channels last in memory: tensors keep the
shape [N, C, H, W], but their memory is that of [N, H, W, C], a transposed view, which Paddle's other layers accept too.
The channels of a pixel then lie side by side.

All layers have the parameters and state names of Paddle's, and hand over to Paddle where they do not apply: on a
GPU, in static graphs, for other types than float32. Their gradients cannot be differentiated a second time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer

try:
    from paddle.base.dygraph.base import in_sot_simulation_mode
except ImportError:  # 2.6

    def in_sot_simulation_mode() -> bool:
        return False


from alexnet_paddle import CPU_SETTINGS
from alexnet_paddle.nets import numpy_norm, onednn, tiling
from alexnet_paddle.nets.memory import channels_are_last, wanted

# ---- the rule --------------------------------------------------------------------------------------

WIDE = 64 * 64  # pairs of channels, one in and one out, of a tower


@dataclass(frozen=True)
class Rule:
    """Which ways may be taken: `onednn` and `numpy` (with tiling); with neither, all is Paddle's.

    For a convolution that both can do, tiling is taken in training where the layer is wide and the library has no
    AVX-512: then its gradients took from 0.4 to 1.0 of the library's time; its forward pass alone mostly took more.
    """

    onednn: bool
    numpy: bool

    @staticmethod
    def of(setting: str | None) -> Rule:
        """`setting` is what `runtime.tune_cpu` chose: "auto", "onednn", "numpy", or None for Paddle's layers.

        On Windows the library has a pool of threads beside Paddle's, and nobody has measured yet what that costs: there
        it has to be asked for.
        """
        asked = setting == "onednn" or (setting == "auto" and sys.platform == "linux")
        return Rule(onednn=asked and onednn.library() is not None, numpy=setting in ("auto", "numpy"))

    def convolution(self, in_channels: int, out_channels: int, tiles: bool, training: bool) -> str:
        """For channels of one tower. `tiles` is whether tiling can do it, `training` whether gradients are needed."""
        wide = in_channels * out_channels > WIDE
        if self.onednn and not (self.numpy and tiles and wide and training and not onednn.has_avx512()):
            return "onednn"
        return "tiling" if self.numpy and tiles else "paddle"

    def response_norm(self, beta: float) -> str:
        if self.onednn and beta == onednn.NORM_POWER:
            return "onednn"
        return "numpy" if self.numpy else "paddle"

    def plain(self) -> str:
        """Pooling and ReLU: all that has no weights and no choice."""
        return "onednn" if self.onednn else "paddle"

    def words(self) -> str:
        """What is there to choose from, as records hold it: with the same, a layer takes the same way."""
        library = f"oneDNN {onednn.version()}{' with AVX-512' if onednn.has_avx512() else ''}"
        ways = [*([library] if self.onednn else []), *(["tiling", "NumPy"] if self.numpy else [])]
        return ", ".join(ways) or "Paddle"


RULE = Rule.of(CPU_SETTINGS.get("layers"))


def applies_to(x: paddle.Tensor) -> bool:
    """Whether these layers take `x`: a float32 tensor [N, C, H, W] on the CPU, in the dynamic graph."""
    return (
        (RULE.onednn or RULE.numpy)
        and paddle.in_dynamic_mode()
        and not in_sot_simulation_mode()  # where a static graph is made from bytecode
        and x.ndim == 4
        and x.dtype == paddle.float32
        and x.place.is_cpu_place()
        and paddle.get_device() == "cpu"  # where new tensors go
        and 0 not in x.shape  # `x.size` fails in the conversion of 2.6.2 to a static graph
    )


# ---- convolution -----------------------------------------------------------------------------------


class Conv2D(nn.Conv2D):
    """`paddle.nn.Conv2D`, on the CPU faster."""

    @paddle.jit.not_to_static  # it would rewrite super()
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        way = self.way(x.shape) if applies_to(x) else "paddle"
        if way == "onednn":
            return _Convolution.apply(x, self.weight, self.bias, self.kernel(x.shape))
        if way == "tiling":
            return tiling.convolution(x, self.weight, self.bias, self._stride[0], self._edges(), self._groups)
        return super().forward(x)  # which also has the right words for images that do not fit

    def way(self, shape: Sequence[int]) -> str:
        """How it computes for images of this shape [N, C, H, W]."""
        if not self._is_plain(shape):
            return "paddle"
        tiles = self.weight.shape[2] == self.weight.shape[3] and self._taps() <= tiling.LARGEST_TILE
        channels = self._in_channels // self._groups, self._out_channels // self._groups
        return RULE.convolution(*channels, tiles, training=paddle.is_grad_enabled())

    def _is_plain(self, shape):
        """Equal strides, zeros around the image, at least one window; parameters as they were made."""
        weight, bias = self.weight, self.bias
        if not (
            weight.dtype == paddle.float32
            and weight.is_contiguous()
            and shape[1] == weight.shape[1] * self._groups
            and (bias is None or (bias.dtype == paddle.float32 and bias.shape == weight.shape[:1]))
            and self._padding_mode == "zeros"
            and self._padding_algorithm != "SAME"
            and self._data_format == "NCHW"
            and tuple(self._dilation) == (1, 1)
            and self._stride[0] == self._stride[1]
        ):
            return False
        top, bottom, left, right = self._edges()
        padded = shape[2] + top + bottom, shape[3] + left + right
        return all(side >= kernel for side, kernel in zip(padded, weight.shape[2:]))

    def _taps(self):
        return math.ceil(self.weight.shape[2] / self._stride[0])

    def kernel(self, shape: Sequence[int]) -> onednn.Convolution:
        """The library's for images of this shape."""
        weight, edges = tuple(self.weight.shape), tuple(self._edges())
        return onednn.convolution(tuple(shape), weight, self._stride[0], edges, self._groups, self.bias is not None)

    def _edges(self) -> list[int]:
        """Rows of zeros above and below, columns left and right."""
        sizes = self._updated_padding  # an edge each, or an axis each where the edges of both axes are equal
        return sizes if len(sizes) == 4 else [size for size in sizes for _ in range(2)]


class _Convolution(PyLayer):
    @staticmethod
    def forward(ctx, x, weight, bias, kernel):
        ctx.kernel, ctx.wanted = kernel, wanted(*([x, weight] if bias is None else [x, weight, bias]))
        x = _channels_last(x)
        ctx.save_for_backward(x, weight)
        y = _new(kernel.out_shape)
        kernel.forward(x.data_ptr(), weight.data_ptr(), None if bias is None else bias.data_ptr(), y.data_ptr())
        return y

    @staticmethod
    def backward(ctx, grad):
        kernel, (x, weight) = ctx.kernel, ctx.saved_tensor()
        grads: list[paddle.Tensor | None] = [None] * len(ctx.wanted)
        grad = _channels_last(grad)
        if ctx.wanted[0]:
            grads[0] = x_grad = _new(x.shape)
            kernel.to_x(weight.data_ptr(), grad.data_ptr(), x_grad.data_ptr())
        if any(ctx.wanted[1:]):
            parameters = [paddle.empty(weight.shape), *(paddle.empty(weight.shape[:1]) for _ in ctx.wanted[2:])]
            kernel.to_weight(x.data_ptr(), grad.data_ptr(), *(one.data_ptr() for one in parameters))
            grads[1:] = [one if wish else None for one, wish in zip(parameters, ctx.wanted[1:])]
        return tuple(grads)


def _new(shape):
    """A new tensor [N, C, H, W], channels last."""
    images, channels, *sides = shape
    return paddle.empty([images, *sides, channels]).transpose([0, 3, 1, 2])


def _channels_last(x):
    """The tensor itself, or a copy in this order of memory."""
    if channels_are_last(x):
        return x
    if 0 in x.strides:  # one number that stands for many, as gradients of sums may come
        x = x.contiguous()
    ordered = _new(x.shape)
    onednn.reorder(tuple(x.shape), tuple(x.strides))(x.data_ptr(), ordered.data_ptr())
    return ordered


# ---- pooling ---------------------------------------------------------------------------------------

Pair = tuple[int, ...]
Windows = tuple[Pair, Pair, Pair, Pair]  # sides of the result, kernel, stride, edges before the image


class MaxPool2D(nn.MaxPool2D):
    """`paddle.nn.MaxPool2D`, on the CPU faster. A window of nothing but NaN gives the smallest float32."""

    @paddle.jit.not_to_static
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if applies_to(x) and self.way(x.shape) == "onednn":
            return _pool(x, self._windows(x.shape), average=False)
        return super().forward(x)

    def way(self, shape: Sequence[int]) -> str:
        """How it computes for images of this shape [N, C, H, W]."""
        plain = not self.return_mask and self.data_format == "NCHW" and self._windows(shape) is not None
        return RULE.plain() if plain else "paddle"

    def _windows(self, shape) -> Windows | None:
        """None where it is not one of the library's."""
        pairs = [_pair(self.ksize if size is None else size) for size in (self.ksize, self.stride, self.padding)]
        if None in pairs:
            return None
        kernel, stride, edges = pairs
        sides = [
            (side + 2 * edge - window + (step - 1 if self.ceil_mode else 0)) // step + 1
            for side, window, step, edge in zip(shape[2:], kernel, stride, edges)
        ]
        # In the first and in the last window there has to be a pixel.
        full = all(
            out >= 1 and edge < window and (out - 1) * step - edge < side
            for out, window, step, edge, side in zip(sides, kernel, stride, edges, shape[2:])
        )
        return (tuple(sides), kernel, stride, edges) if full else None


class AdaptiveAvgPool2D(nn.AdaptiveAvgPool2D):
    """`paddle.nn.AdaptiveAvgPool2D`, on the CPU faster where the whole image becomes one number."""

    @paddle.jit.not_to_static
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if applies_to(x) and self.way(x.shape) == "onednn":
            return average_pool(x, tuple(x.shape[2:]), edge=0)
        return super().forward(x)

    def way(self, shape: Sequence[int]) -> str:
        """How it computes for images of this shape [N, C, H, W]."""
        return RULE.plain() if self._output_size == 1 and self._data_format == "NCHW" else "paddle"


def average_pool(x: paddle.Tensor, kernel: tuple[int, int], edge: int) -> paddle.Tensor:
    """The mean of every window, moved pixel by pixel, with `edge` pixels of zeros around the image that count.
    `applies_to(x)` must hold, and `RULE.plain()` not be "paddle"."""
    sides = tuple(side + 2 * edge - window + 1 for side, window in zip(x.shape[2:], kernel))
    return _pool(x, (sides, kernel, (1, 1), (edge, edge)), average=True)


def _pair(size):
    """Two whole numbers from one or two; None from anything else, such as words."""
    pair = [size, size] if isinstance(size, int) else size
    plain = isinstance(pair, (list, tuple)) and len(pair) == 2 and all(type(one) is int for one in pair)
    return tuple(pair) if plain else None


def _pool(x, windows, average):
    sides, *geometry = windows
    pooling = onednn.pooling(tuple(x.shape), (*x.shape[:2], *sides), *geometry, average)
    if paddle.is_grad_enabled() and not x.stop_gradient:
        return _Pooling.apply(x, pooling)
    x, y = _channels_last(x), _new(pooling.out_shape)
    pooling.inference(x.data_ptr(), y.data_ptr())
    return y


class _Pooling(PyLayer):
    @staticmethod
    def forward(ctx, x, pooling):
        x, y = _channels_last(x), _new(pooling.out_shape)
        ctx.pooling, ctx.shape, ctx.workspace = pooling, x.shape, np.empty(pooling.workspace_bytes, "uint8")
        pooling.forward(x.data_ptr(), y.data_ptr(), *_addresses(ctx.workspace))
        return y

    @staticmethod
    def backward(ctx, grad):
        grad, x_grad = _channels_last(grad), _new(ctx.shape)
        ctx.pooling.backward(grad.data_ptr(), x_grad.data_ptr(), *_addresses(ctx.workspace))
        return x_grad


def _addresses(workspace):
    return [workspace.ctypes.data] if workspace.size else []


# ---- local response normalisation ------------------------------------------------------------------


def response_norm(
    x: paddle.Tensor, band: bytes, size: int, alpha: float, beta: float, k: float, groups: int
) -> paddle.Tensor:
    """b = a / (k + alpha * sum of a^2 over `size` neighbouring channels)^beta for x [N, C, H, W], inside each of
    `groups` towers. `band` is the same as a matrix, the memory of a `layers.channel_band`. `applies_to(x)` must hold,
    and `RULE.response_norm(beta)` not be "paddle"."""
    if RULE.response_norm(beta) == "onednn":
        images, channels, height, width = x.shape
        norm = onednn.response_norm(images * height * width, channels, alpha, k, band)
        return _ResponseNorm.apply(x, norm)
    return numpy_norm.response_norm(x, size, alpha, beta, k, groups)


class _ResponseNorm(PyLayer):
    @staticmethod
    def forward(ctx, x, norm):
        x = _channels_last(x)
        squares, root, y = (_new(x.shape) for _ in range(3))
        norm.forward(*(one.data_ptr() for one in (x, squares, root, y)))
        ctx.save_for_backward(x, root)
        ctx.norm = norm
        return y

    @staticmethod
    def backward(ctx, grad):
        x, root = ctx.saved_tensor()
        grad = _channels_last(grad)
        u, v, x_grad = (_new(x.shape) for _ in range(3))
        ctx.norm.backward(*(one.data_ptr() for one in (x, root, grad, u, v, x_grad)))
        return x_grad


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

    @paddle.jit.not_to_static
    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        if applies_to(x) and self.way(x.shape) == "onednn":
            return _ReLU.apply(x, onednn.relu(x.size))
        return super().forward(x)

    def way(self, shape: Sequence[int]) -> str:
        """How it computes for images of this shape [N, C, H, W]."""
        return RULE.plain()


class _ReLU(PyLayer):
    @staticmethod
    def forward(ctx, x, relu):
        x, y = _channels_last(x), _new(x.shape)
        relu.forward(x.data_ptr(), y.data_ptr())
        ctx.save_for_backward(y)
        ctx.relu = relu
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensor()
        grad, x_grad = _channels_last(grad), _new(y.shape)
        ctx.relu.backward(y.data_ptr(), grad.data_ptr(), x_grad.data_ptr())
        return x_grad


class Sigmoid(_InMemoryOrder, nn.Sigmoid):
    """`paddle.nn.Sigmoid`."""


class Tanh(_InMemoryOrder, nn.Tanh):
    """`paddle.nn.Tanh`."""
