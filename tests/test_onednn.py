"""The library that Paddle brings along: how it is found, what is made of it and when that goes, which kernels run."""

from alexnet_paddle.nets import onednn  # isort: skip  (before paddle, so that it can tune the CPU)
import ctypes
import gc
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from alexnet_paddle.arithmetic import trace
from alexnet_paddle.nets import layers
from alexnet_paddle.nets.config import LRN, Conv, GlobalPool, Pool, SpatialNorm
from alexnet_paddle.nets.variants import VARIANTS

HERE = sys.platform == "linux" and platform.machine() == "x86_64"
needs_library = pytest.mark.skipif(onednn.library() is None, reason="this Paddle has no oneDNN of ours")


@pytest.mark.skipif(not HERE, reason="only wheels for x86 have the library")
def test_paddles_wheel_has_the_library():
    assert onednn.library() is not None
    assert onednn.version().split(".")[0] == "3"


@pytest.fixture
def searched_again():
    onednn.library.cache_clear()
    yield
    onednn.library.cache_clear()


class Broken:
    def __init__(self, *_):
        raise OSError("no such file")


class Newer:
    """A library with another interface."""

    def __init__(self, *_):
        version = onednn._Version(onednn.MAJOR + 1, 0, 0)
        self.dnnl_version = type("function", (), {"__call__": lambda self: ctypes.pointer(version)})()


@pytest.mark.parametrize("library", [Broken, Newer])
def test_without_the_library_or_with_another_version_there_is_none(library, searched_again, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", library)
    assert onednn.library() is None
    assert onednn.version() is None


@needs_library
def test_what_it_cannot_compute_is_an_error_with_the_functions_name():
    with pytest.raises(onednn.OneDNNError, match="convolution_forward_primitive_desc_create"):
        onednn.Convolution((1, 3, 8, 8), (4, 2, 3, 3), 1, (0, 0, 0, 0), 1, True)


@needs_library
def test_what_is_no_longer_kept_is_destroyed():
    kernel = onednn.convolution((1, 3, 8, 8), (4, 3, 3, 3), 1, (0, 0, 0, 0), 1, True)
    assert kernel is onednn.convolution((1, 3, 8, 8), (4, 3, 3, 3), 1, (0, 0, 0, 0), 1, True)
    arrange, convolve = kernel._forward
    handles = [convolve.primitive, convolve.descriptor, *convolve.memories, arrange.primitive]
    destroyers = [handle.destroy for handle in handles]
    assert all(destroyer.alive for destroyer in destroyers)
    del arrange, convolve, handles, kernel
    onednn.convolution.cache_clear()
    gc.collect()
    assert not any(destroyer.alive for destroyer in destroyers)


@needs_library
def test_thousands_of_shapes_do_not_fill_the_memory():
    def memory():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not say how much memory is used")
    for count in range(1, 600):
        onednn.pooling((count, 8, 9, 9), (count, 8, 4, 4), (3, 3), (2, 2), (0, 0), False).forward  # noqa: B018
        if count == 300:
            before = memory()
    assert memory() - before < 20e6


# ---- kernels ---------------------------------------------------------------------------------------


def kernels(name, batch_size):
    """(layer, names of the library's kernels) of all layers of a net that it can do."""
    config = VARIANTS[name]
    shape = config.image_shape
    for (label, layer), row in zip(config.named_layers(), trace(config)):
        x, y = (batch_size, *shape), (batch_size, *row.out_shape)
        if isinstance(layer, Conv):
            built = layer.build(shape, config.rounding, lambda *_: (None, None))
            yield label, built.kernel(x).names
        elif isinstance(layer, Pool):
            side = (layer.kernel, layer.kernel)
            yield label, onednn.pooling(x, y, side, (layer.stride,) * 2, (0, 0), False).names
        elif isinstance(layer, GlobalPool):
            yield label, onednn.pooling(x, y, x[2:], (1, 1), (0, 0), True).names
        elif isinstance(layer, SpatialNorm):
            edge = layer.kernel // 2
            yield label, onednn.pooling(x, x, (layer.kernel,) * 2, (1, 1), (edge, edge), True).names
        elif isinstance(layer, LRN):
            band = layers.channel_band(shape[0], layer.size, layer.groups).tobytes()
            pixels = batch_size * shape[1] * shape[2]
            yield label, onednn.response_norm(pixels, shape[0], layer.alpha, layer.k, band).names
        shape = row.out_shape


@needs_library
@pytest.mark.parametrize("name", VARIANTS)
def test_no_layer_of_a_net_runs_a_reference_implementation(name):
    """Those are the library's last resort, a hundred times as slow."""
    for batch_size in (32, 7):
        for label, names in kernels(name, batch_size):
            assert not [one for one in names if one.startswith(("ref", "simple", "nchw"))], (label, names)


# What a child process prints: for each layer how far it is from float64.
ANOTHER_PROCESSOR = """
import test_fast_cpu as those
from alexnet_paddle.nets import fast_cpu, onednn

fast_cpu.RULE = those.RULES["onednn"]
assert not onednn.has_avx512()
for label, (channels, sides, out, kernel, stride, padding, groups) in those.CONVS.items():
    layer = fast_cpu.Conv2D(channels, out, kernel, stride, padding, groups=groups)
    those.assert_as_in_double_precision(layer, those.sample(3, channels, *sides), 5e-6)
for groups in (1, 2):
    norm = those.LocalResponseNorm(12, 5, 0.3, groups=groups)
    those.assert_as_in_double_precision(norm, those.sample(3, 12, 7, 6), 1e-6)
for layer in (fast_cpu.MaxPool2D(3, 2), fast_cpu.AdaptiveAvgPool2D(1)):
    those.assert_as_in_double_precision(layer, those.sample(3, 12, 9, 8), 1e-6)
print("right", onednn.convolution((1, 3, 8, 8), (4, 3, 3, 3), 1, (0, 0, 0, 0), 1, True).names)
"""


@needs_library
@pytest.mark.parametrize("instructions", ["AVX2", "SSE41"])
def test_on_an_older_processor_it_is_as_exact(instructions):
    environ = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ANOTHER_PROCESSOR],
        env=environ,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "right" in done.stdout and "avx512" not in done.stdout


# ---- shared by threads -----------------------------------------------------------------------------


@needs_library
def test_a_process_that_is_forked_while_another_thread_computes_does_not_wait_for_it():
    with onednn._alone:
        pid = os.fork()
        if pid == 0:
            import threading

            done = threading.Event()

            def compute():
                with onednn._alone:
                    done.set()

            threading.Thread(target=compute).start()
            os._exit(0 if done.wait(10) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@needs_library
def test_a_picture_is_brought_into_order():
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((2, 3, 5, 4)).astype("float32"))
    target = np.empty((2, 5, 4, 3), "float32")
    onednn.reorder((2, 3, 5, 4), tuple(x.strides))(x.data_ptr(), target.ctypes.data)
    np.testing.assert_array_equal(target, x.numpy().transpose(0, 2, 3, 1))
