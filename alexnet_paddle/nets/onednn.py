"""oneDNN, the library of fast CPU kernels that Paddle's wheel brings along, called directly.

Paddle's own way to it gives wrong gradients in training. Here its C interface is called through `ctypes`, on the memory
of Paddle's tensors. From the bottom up:

    library()       the library, loaded from Paddle's folder and no other: a second copy would bring a second pool of
                    threads
    Handle          an object of the library, destroyed with its Python object
    Primitive       one computation for one set of shapes; called with the addresses of its arguments
    Convolution, Pooling, ResponseNorm
                    what a layer needs, forward and backward, as a few primitives; made once for each set of shapes by
                    the functions `convolution`, `pooling` and `response_norm`, which keep those used last

Tensors are [N, C, H, W] in the order [N, H, W, C] of memory ("channels last"). Wrong addresses or shapes would crash
the process, so nothing here checks them: `fast_cpu`, the only caller, does.

Memory objects and buffers are shared by all who use a primitive, so one computation runs at a time, with all cores.
Functions and constants are oneDNN's, see its developer guide.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
import threading
import weakref
from collections.abc import Sequence
from ctypes import byref, c_float, c_int, c_int64, c_void_p
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

MAJOR = 3  # version of the interface below
NORM_POWER = 0.75  # the one of `ResponseNorm`
KEPT = 256  # sets of shapes of which primitives are kept; a large net has a dozen for each batch size

FORWARD_TRAINING, FORWARD_INFERENCE = 64, 96
CONVOLUTION = 1  # directly, by the definition
MAX_POOLING, AVERAGE_POOLING = 0x1FF, 0x2FF  # the second divides by the window's size, edges included
SQUARE, SQRT, LINEAR, RELU = 0x23, 0x25, 0x26, 0x100  # this ReLU's gradient is told from its results
ADD, MULTIPLY, DIVIDE = 0x1FFF0, 0x1FFF1, 0x1FFF4
SOURCE, SOURCE_1, TARGET, WEIGHTS, BIAS, WORKSPACE = 1, 2, 17, 33, 41, 64
SOURCE_GRAD, TARGET_GRAD, WEIGHTS_GRAD, BIAS_GRAD = 129, 145, 161, 169
WEIGHTS_LAYOUT, WEIGHTS_GRAD_LAYOUT, WORKSPACE_LAYOUT, IMPLEMENTATION = 131, 132, 135, 8  # what is asked for
FLOAT32, ANY_LAYOUT, CPU, IN_ORDER = 3, 1, 1, 1
ALLOCATE = c_void_p(-1)  # in place of an address: the library's own memory
OUT_OF_MEMORY = 1  # of what a function returns; 0 is success
AVX512 = 0x20  # among the bits of an instruction set

Shape = tuple[int, ...]


class OneDNNError(RuntimeError):
    """A function of the library did not do what it was asked for; the message names it."""


class _Version(ctypes.Structure):
    _fields_ = [("major", c_int), ("minor", c_int), ("patch", c_int)]


class _Argument(ctypes.Structure):
    _fields_ = [("number", c_int), ("memory", c_void_p)]


# ---- the library -----------------------------------------------------------------------------------


@cache
def library() -> ctypes.CDLL | None:
    """oneDNN as Paddle's wheels for Linux and Windows on x86 hold it; None where there is none of this version."""
    import paddle

    name = "mkldnn.dll" if sys.platform == "win32" else "libdnnl.so.3"
    path = Path(paddle.__file__).parent / "libs" / name
    try:
        found = ctypes.CDLL(str(path))
        found.dnnl_version.restype = ctypes.POINTER(_Version)
        return found if found.dnnl_version().contents.major == MAJOR else None
    except (OSError, AttributeError):
        return None


def version() -> str | None:
    """For example "3.6.2", None without the library."""
    if (found := library()) is None:
        return None
    numbers = found.dnnl_version().contents
    return f"{numbers.major}.{numbers.minor}.{numbers.patch}"


@cache
def has_avx512() -> bool:
    """Whether the library's kernels use AVX-512 here; `ONEDNN_MAX_CPU_ISA` can forbid it."""
    found = library()
    return found is not None and bool(found.dnnl_get_effective_cpu_isa() & AVX512)


def _call(name: str, *arguments: Any) -> None:
    """Raises OneDNNError or MemoryError."""
    _require(name, getattr(library(), f"dnnl_{name}")(*arguments))


def _require(name: str, status: int) -> None:
    if status == OUT_OF_MEMORY:
        raise MemoryError(f"oneDNN: {name} found no memory")
    if status:
        raise OneDNNError(f"oneDNN: {name} ended with status {status}")


class Handle:
    """An object of the library: `value` is what dnnl_KIND_create_HOW makes, and dnnl_KIND_destroy takes it away."""

    def __init__(self, kind: str, function: str, *arguments: Any):
        self.value = c_void_p()
        _call(function, byref(self.value), *(one.value if isinstance(one, Handle) else one for one in arguments))
        self.destroy = weakref.finalize(self, getattr(library(), f"dnnl_{kind}_destroy"), self.value)
        self.destroy.atexit = False


@cache
def _engine() -> Handle:
    return Handle("engine", "engine_create", CPU, ctypes.c_size_t(0))


@cache
def _stream() -> Handle:
    return Handle("stream", "stream_create", _engine(), IN_ORDER)


class _Lock:
    """One for all. A process forked while another thread computes must not wait for that thread, which it lacks."""

    def __init__(self):
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.lock = threading.RLock()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


_alone = _Lock()


# ---- layouts of memory -----------------------------------------------------------------------------


def _numbers(values: Sequence[int]) -> ctypes.Array:
    return (c_int64 * 12)(*values)  # as many as the library's arrays of sizes have


def layout(shape: Sequence[int], strides: Sequence[int]) -> Handle:
    """float32 numbers; strides in numbers."""
    create = "memory_desc_create_with_strides"
    return Handle("memory_desc", create, len(shape), _numbers(shape), FLOAT32, _numbers(strides))


def in_order(shape: Sequence[int]) -> Handle:
    """As NumPy has it."""
    return layout(shape, [math.prod(shape[axis + 1 :]) for axis in range(len(shape))])


def channels_last(shape: Sequence[int]) -> Handle:
    """[N, C, H, W] in the order [N, H, W, C]."""
    _, channels, height, width = shape
    return layout(shape, (channels * height * width, 1, channels * width, channels))


def any_order(shape: Sequence[int]) -> Handle:
    """Whatever the primitive likes best."""
    return Handle("memory_desc", "memory_desc_create_with_tag", len(shape), _numbers(shape), FLOAT32, ANY_LAYOUT)


def _asked(descriptor: Handle, what: int) -> c_void_p:
    """A layout that a primitive chose; it lives as long as the descriptor."""
    ask = library().dnnl_primitive_desc_query_md  # type: ignore[union-attr]
    ask.restype = c_void_p
    return c_void_p(ask(descriptor.value, what, 0))


def _bytes(memory_layout: c_void_p) -> int:
    size = library().dnnl_memory_desc_get_size  # type: ignore[union-attr]
    size.restype = ctypes.c_size_t
    return size(memory_layout)


# ---- primitives ------------------------------------------------------------------------------------


class Primitive:
    """One computation. `primitive(address, ...)` runs it on the addresses of its arguments, in their order here.

    `arguments` are pairs of an argument's number and its layout; in place of a layout a `Handle` of memory, which has
    an address of its own already, and then none is given in a call. `name` is that of the library's kernel.
    """

    def __init__(self, descriptor: Handle, *arguments: tuple[int, Handle | c_void_p]):
        self.descriptor = descriptor
        words = ctypes.c_char_p()
        _call("primitive_desc_query", descriptor.value, IMPLEMENTATION, 0, byref(words))
        self.name = (words.value or b"").decode()
        self.primitive = Handle("primitive", "primitive_create", descriptor)
        self.memories = [one if isinstance(one, Memory) else Memory(one, None) for _, one in arguments]
        self.given = [memory for memory in self.memories if memory.is_given]
        pairs = [_Argument(number, memory.value) for (number, _), memory in zip(arguments, self.memories)]
        self.arguments = (_Argument * len(pairs))(*pairs)

    def __call__(self, *addresses: int) -> None:
        found = library()
        set_address, execute = found.dnnl_memory_set_data_handle, found.dnnl_primitive_execute  # type: ignore[union-attr]
        with _alone:
            for memory, address in zip(self.given, addresses, strict=True):
                set_address(memory.value, c_void_p(address))
            _require(self.name, execute(self.primitive.value, _stream().value, len(self.arguments), self.arguments))
            _require(self.name, found.dnnl_stream_wait(_stream().value))  # type: ignore[union-attr]


class Memory(Handle):
    """Memory of a layout: the library's own, or with `address` None such as each call gives."""

    def __init__(self, memory_layout: Handle | c_void_p, address: c_void_p | None):
        self.is_given = address is None
        super().__init__("memory", "memory_create", memory_layout, _engine(), address)


class Attributes:
    """What a primitive does to its results before it writes them: a chain of steps."""

    def __init__(self):
        self.steps = Handle("post_ops", "post_ops_create")
        self.attributes = Handle("primitive_attr", "primitive_attr_create")
        self.count, self.arguments = 0, []

    def function(self, kind: int, alpha: float = 0.0, beta: float = 0.0) -> Attributes:
        _call("post_ops_append_eltwise", self.steps.value, kind, c_float(alpha), c_float(beta))
        self.count += 1
        return self

    def with_other(self, kind: int, other: Handle) -> Attributes:
        """`result = result KIND other`; `other` is one more argument."""
        _call("post_ops_append_binary", self.steps.value, kind, other.value)
        self.count += 1
        self.arguments.append(((32768 * self.count) | SOURCE_1, other))
        return self

    @property
    def value(self) -> c_void_p:
        _call("primitive_attr_set_post_ops", self.attributes.value, self.steps.value)
        return self.attributes.value


def _describe(kind: str, *arguments: Any) -> Handle:
    """A descriptor of a primitive. Raises OneDNNError where the library has no such computation."""
    given = [one.value if isinstance(one, (Handle, Attributes)) else one for one in arguments]
    return Handle("primitive_desc", f"{kind}_primitive_desc_create", _engine(), *given)


_NO_NUMBERS = c_float(0), c_float(0)  # alpha and beta of functions that have none


def _binary(kind: int, numbers: Handle, attributes: Attributes) -> Primitive:
    """result = steps of (source KIND source 1), all of one layout."""
    descriptor = _describe("binary", kind, numbers, numbers, numbers, attributes)
    return Primitive(descriptor, (SOURCE, numbers), (SOURCE_1, numbers), *attributes.arguments, (TARGET, numbers))


@lru_cache(KEPT)
def reorder(shape: Shape, strides: Shape) -> Primitive:
    """Copies [N, C, H, W] with these strides into channels last: (source, target)."""
    source, target = layout(shape, strides), channels_last(shape)
    return _copy(source, target, (SOURCE, source), (TARGET, target))


def _copy(source: Handle | c_void_p, target: Handle | c_void_p, *arguments: tuple[int, Any]) -> Primitive:
    value = [one.value if isinstance(one, Handle) else one for one in (source, target)]
    engine = _engine().value
    descriptor = Handle(
        "primitive_desc", "reorder_primitive_desc_create", value[0], engine, value[1], engine, c_void_p()
    )
    return Primitive(descriptor, *arguments)


# ---- convolution -----------------------------------------------------------------------------------


@lru_cache(KEPT)
def convolution(x: Shape, weight: Shape, stride: int, edges: Shape, groups: int, bias: bool) -> Convolution:
    """For images [N, C, H, W] and weights [K, C/groups, h, w] in Paddle's order; `edges` are zeros above, below, left
    and right. Raises OneDNNError."""
    return Convolution(x, weight, stride, edges, groups, bias)


class Convolution:
    """`forward` and the two gradients; all take addresses.

    Weights are brought into the order that the kernels like, before each use: that takes a hundredth of the time that
    it saves.
    """

    def __init__(self, x: Shape, weight: Shape, stride: int, edges: Shape, groups: int, bias: bool):
        top, bottom, left, right = edges
        sides = [
            (side + sum(edge) - kernel) // stride + 1
            for side, edge, kernel in zip(x[2:], ((top, bottom), (left, right)), weight[2:])
        ]
        self.out_shape = (x[0], weight[0], *sides)
        # Towers are a fifth dimension, in the same memory.
        grouped = weight if groups == 1 else (groups, weight[0] // groups, *weight[1:])
        self.x, self.y = channels_last(x), channels_last(self.out_shape)
        self.weight, self.best_weight = in_order(grouped), any_order(grouped)
        self.bias = in_order((weight[0],)) if bias else None
        # Zeros below and right are counted to the end of the last window, which may leave rows over.
        last = [
            (out - 1) * stride + kernel - side - before
            for out, kernel, side, before in zip(sides, weight[2:], x[2:], (top, left))
        ]
        self.geometry = [_numbers(pair) for pair in ((stride, stride), (0, 0), (top, left), last)]
        self.forward_descriptor = _describe(
            "convolution_forward",
            *(FORWARD_TRAINING, CONVOLUTION, self.x, self.best_weight, self.bias, self.y),
            *(*self.geometry, None),
        )

    @property
    def names(self) -> list[str]:
        """Of the three kernels."""
        return [primitive.name for primitive in (self._forward[1], self._to_x[1], self._to_weight[0])]

    def forward(self, x: int, weight: int, bias: int | None, y: int) -> None:
        arrange, convolve = self._forward
        with _alone:
            arrange(weight)
            convolve(x, *([] if bias is None else [bias]), y)

    def to_x(self, weight: int, y_grad: int, x_grad: int) -> None:
        arrange, convolve = self._to_x
        with _alone:
            arrange(weight)
            convolve(y_grad, x_grad)

    def to_weight(self, x: int, y_grad: int, weight_grad: int, bias_grad: int | None = None) -> None:
        convolve, arrange = self._to_weight
        with _alone:
            convolve(x, y_grad, *([] if bias_grad is None else [bias_grad]))
            arrange(weight_grad)

    @cached_property
    def _forward(self) -> tuple[Primitive, Primitive]:
        descriptor = self.forward_descriptor
        arrange, weight = self._arranged(descriptor)
        bias = [(BIAS, self.bias)] if self.bias else []
        return arrange, Primitive(descriptor, (WEIGHTS, weight), (SOURCE, self.x), *bias, (TARGET, self.y))

    @cached_property
    def _to_x(self) -> tuple[Primitive, Primitive]:
        descriptor = _describe(
            "convolution_backward_data",
            *(CONVOLUTION, self.x, self.best_weight, self.y, *self.geometry, self.forward_descriptor, None),
        )
        arrange, weight = self._arranged(descriptor)
        return arrange, Primitive(descriptor, (WEIGHTS, weight), (TARGET_GRAD, self.y), (SOURCE_GRAD, self.x))

    @cached_property
    def _to_weight(self) -> tuple[Primitive, Primitive]:
        descriptor = _describe(
            "convolution_backward_weights",
            *(CONVOLUTION, self.x, self.best_weight, self.bias, self.y, *self.geometry),
            *(self.forward_descriptor, None),
        )
        best = _asked(descriptor, WEIGHTS_GRAD_LAYOUT)
        weight = Memory(best, ALLOCATE)
        bias = [(BIAS_GRAD, self.bias)] if self.bias else []
        convolve = Primitive(descriptor, (WEIGHTS_GRAD, weight), (SOURCE, self.x), (TARGET_GRAD, self.y), *bias)
        return convolve, _copy(best, self.weight, (SOURCE, weight), (TARGET, self.weight))

    def _arranged(self, descriptor: Handle) -> tuple[Primitive, Memory]:
        """What brings Paddle's weights into a kernel's order, and the memory where it puts them."""
        best = _asked(descriptor, WEIGHTS_LAYOUT)
        weight = Memory(best, ALLOCATE)
        return _copy(self.weight, best, (SOURCE, self.weight), (TARGET, weight)), weight


# ---- pooling ---------------------------------------------------------------------------------------


@lru_cache(KEPT)
def pooling(x: Shape, y: Shape, kernel: Shape, stride: Shape, before: Shape, average: bool) -> Pooling:
    """Windows of `kernel` (height, width), from [N, C, H, W] to [N, C, H', W']; `before` are rows above and columns
    left of the image. Raises OneDNNError."""
    return Pooling(x, y, kernel, stride, before, average)


class Pooling:
    """The maximum, or the average with zeros around the image counted. Of equal maxima the first pixel gets the
    gradient, as in Paddle."""

    def __init__(self, x: Shape, y: Shape, kernel: Shape, stride: Shape, before: Shape, average: bool):
        self.kind, self.out_shape = AVERAGE_POOLING if average else MAX_POOLING, y
        self.x, self.y = channels_last(x), channels_last(y)
        after = [
            max(0, (out - 1) * step + window - side - edge)
            for out, step, window, side, edge in zip(y[2:], stride, kernel, x[2:], before)
        ]
        self.geometry = [_numbers(pair) for pair in (stride, kernel, (0, 0), before, after)]
        self.forward_descriptor = self._forward_descriptor(FORWARD_TRAINING)
        self.workspace = None if average else _asked(self.forward_descriptor, WORKSPACE_LAYOUT)
        self.workspace_bytes = _bytes(self.workspace) if self.workspace else 0

    @property
    def names(self) -> list[str]:
        return [self.inference.name, self.forward.name, self.backward.name]

    def _forward_descriptor(self, purpose: int) -> Handle:
        return _describe("pooling_forward", purpose, self.kind, self.x, self.y, *self.geometry, None)

    @property
    def _workspace(self) -> list:
        return [(WORKSPACE, self.workspace)] if self.workspace else []

    @cached_property
    def inference(self) -> Primitive:
        """(x, y)"""
        return Primitive(self._forward_descriptor(FORWARD_INFERENCE), (SOURCE, self.x), (TARGET, self.y))

    @cached_property
    def forward(self) -> Primitive:
        """(x, y, workspace); the average has no workspace. The workspace remembers which pixels were the largest."""
        return Primitive(self.forward_descriptor, (SOURCE, self.x), (TARGET, self.y), *self._workspace)

    @cached_property
    def backward(self) -> Primitive:
        """(y_grad, x_grad, workspace)"""
        descriptor = _describe(
            "pooling_backward", self.kind, self.x, self.y, *self.geometry, self.forward_descriptor, None
        )
        return Primitive(descriptor, (TARGET_GRAD, self.y), (SOURCE_GRAD, self.x), *self._workspace)


# ---- ReLU ------------------------------------------------------------------------------------------


@lru_cache(KEPT)
def relu(count: int) -> ReLU:
    """For so many numbers, in any order. Raises OneDNNError."""
    return ReLU(count)


class ReLU:
    def __init__(self, count: int):
        self.numbers = in_order((count,))
        self.forward_descriptor = _describe(
            "eltwise_forward", FORWARD_TRAINING, RELU, self.numbers, self.numbers, *_NO_NUMBERS, None
        )

    @property
    def names(self) -> list[str]:
        return [self.forward.name, self.backward.name]

    @cached_property
    def forward(self) -> Primitive:
        """(x, y)"""
        return Primitive(self.forward_descriptor, (SOURCE, self.numbers), (TARGET, self.numbers))

    @cached_property
    def backward(self) -> Primitive:
        """(y, y_grad, x_grad)"""
        three = [self.numbers] * 3
        descriptor = _describe("eltwise_backward", RELU, *three, *_NO_NUMBERS, self.forward_descriptor, None)
        return Primitive(descriptor, (TARGET, three[0]), (TARGET_GRAD, three[1]), (SOURCE_GRAD, three[2]))


# ---- local response normalisation ------------------------------------------------------------------


@lru_cache(KEPT)
def response_norm(pixels: int, channels: int, alpha: float, k: float, band: bytes) -> ResponseNorm:
    """For `pixels` rows of so many channels. `band` holds the float32 matrix [C, C] whose row c marks the channels in
    the window of channel c. Raises OneDNNError."""
    return ResponseNorm(pixels, channels, alpha, k, np.frombuffer(band, "float32").reshape(channels, channels))


class ResponseNorm:
    """b = a / d^0.75 with d = k + alpha * sum of a^2 over neighbouring channels. The sum is a product with a matrix.

    The library has a primitive of its own, but its gradient is slow without AVX-512, and it knows no towers. Only for
    the usual power, which two square roots give: with r = d^0.25 divide three times by r. The gradient is

        u = g / r^3,   da = u - 1.5 alpha a * (over the windows that a is in: sum of u a / r^4)
    """

    def __init__(self, pixels: int, channels: int, alpha: float, k: float, band: np.ndarray):
        self.numbers = in_order((pixels, channels))
        self.alpha, self.k = alpha, k
        # [in, out] for a product from the right; both ways, as a window of even size is not in the middle.
        self.band, self.band_back = (np.ascontiguousarray(matrix) for matrix in (band.T, band))

    @property
    def names(self) -> list[str]:
        return [one.name for one in (*self._forward, *self._backward)]

    def forward(self, a: int, squares: int, root: int, b: int) -> None:
        """`squares` is memory to work in; `root` is what the gradient needs."""
        square, roots, divide = self._forward
        with _alone:
            square(a, squares)
            roots(squares, root)
            divide(a, root, root, root, b)

    def backward(self, a: int, root: int, grad: int, u: int, v: int, a_grad: int) -> None:
        """`u` and `v` are memory to work in."""
        divide, spread, gather = self._backward
        with _alone:
            divide(grad, root, root, root, u)
            spread(u, a, root, root, root, root, v)
            gather(v, a, u, a_grad)

    @cached_property
    def _forward(self) -> tuple[Primitive, Primitive, Primitive]:
        numbers = self.numbers
        square = _describe("eltwise_forward", FORWARD_INFERENCE, SQUARE, numbers, numbers, *_NO_NUMBERS, None)
        roots = Attributes().function(LINEAR, self.alpha, self.k).function(SQRT).function(SQRT)
        return (
            Primitive(square, (SOURCE, numbers), (TARGET, numbers)),
            self._product(self.band, roots),
            _binary(DIVIDE, numbers, self._divided(2)),
        )

    @cached_property
    def _backward(self) -> tuple[Primitive, Primitive, Primitive]:
        numbers = self.numbers
        gather = (
            Attributes().with_other(MULTIPLY, numbers).function(LINEAR, -1.5 * self.alpha, 0).with_other(ADD, numbers)
        )
        return (
            _binary(DIVIDE, numbers, self._divided(2)),
            _binary(MULTIPLY, numbers, self._divided(4)),
            self._product(self.band_back, gather),
        )

    def _divided(self, times: int) -> Attributes:
        steps = Attributes()
        for _ in range(times):
            steps.with_other(DIVIDE, self.numbers)
        return steps

    def _product(self, matrix: np.ndarray, attributes: Attributes) -> Primitive:
        """(rows, others of the steps, target): rows times the matrix, then the steps."""
        band = in_order(matrix.shape)
        descriptor = _describe("matmul", self.numbers, band, None, self.numbers, attributes)
        memory = Memory(band, c_void_p(matrix.ctypes.data))
        return Primitive(
            descriptor, (WEIGHTS, memory), (SOURCE, self.numbers), *attributes.arguments, (TARGET, self.numbers)
        )
