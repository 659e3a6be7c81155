"""The memory of Paddle's tensors, for NumPy and for whoever wants addresses; work on it by all cores."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import paddle

from alexnet_paddle import CPU_THREADS

WORKERS = CPU_THREADS


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


def channels_are_last(tensor: paddle.Tensor) -> bool:
    """Whether the memory of a tensor [N, C, H, W] is that of [N, H, W, C]. An axis of length 1 has any stride."""
    _, channels, height, width = shape = tensor.shape
    expected = (channels * height * width, 1, width * channels, channels)
    return all(length == 1 or a == b for length, a, b in zip(shape, tensor.strides, expected))


def wanted(*tensors: paddle.Tensor | None) -> list[bool]:
    """Which of a PyLayer's inputs get a gradient: Paddle wants None for the others. Ask in `forward`."""
    return [tensor is not None and not tensor.stop_gradient for tensor in tensors]


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


if hasattr(os, "register_at_fork"):  # a forked process has none of these threads, and would wait for them for ever
    os.register_at_fork(after_in_child=_threads.cache_clear)
