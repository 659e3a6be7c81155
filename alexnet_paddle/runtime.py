"""The machine: CPU settings made before paddle is loaded, the choice of a device, seeding.

Paddle starts with one thread for its matrix products, and the Intel library bundled with it (MKL 2019) takes a
slow path on AMD processors. The library reads the second setting once, when it is loaded, so `alexnet_paddle`
makes it when it is imported, and has to be imported before paddle. Variables that you set yourself always win,
and `ALEXNET_PADDLE_TUNE=0` switches all of it off.
"""

from __future__ import annotations

import ctypes
import os
import platform
import random
import sys
import warnings
from pathlib import Path

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


class DeviceError(ValueError):
    """The device asked for is not there."""


def tune_cpu(environ=os.environ) -> dict[str, str]:
    """Set the thread count and the BLAS code path, unless the user did; return what was set by us.

    Call it before paddle is imported; afterwards it would have no effect, so it says so on one line instead.
    """
    # Not about speed, but said by every import of paddle, and nobody here compiles extensions.
    warnings.filterwarnings("ignore", message="No ccache found")
    if environ.get("ALEXNET_PADDLE_TUNE") == "0" or platform.machine() not in ("x86_64", "AMD64"):
        return {}
    if "paddle" in sys.modules:
        print("alexnet_paddle: imported after paddle, so CPU settings stay slow; import it first.", file=sys.stderr)
        return {}
    chosen = {}
    if not any(name in environ for name in _THREAD_VARIABLES):
        chosen["threads"] = str(cpu_count())
    if (path := _mkl_code_path(_cpu_info())) and "MKL_DEBUG_CPU_TYPE" not in environ:
        chosen["MKL_DEBUG_CPU_TYPE"] = environ["MKL_DEBUG_CPU_TYPE"] = path
    if _keep_freed_memory():
        chosen["malloc"] = "keeps freed memory"
    return chosen


def use_threads(settings: dict[str, str]) -> None:
    """Give paddle, once it is loaded, the thread count that `tune_cpu` chose.

    Not through OMP_NUM_THREADS: paddle answers that with a two-line warning about its OpenBLAS builds. And not
    through MKL_NUM_THREADS: with the one OpenMP thread that paddle starts with, two of MKL's ran a 2048 x 2048
    product at a sixteenth of the speed of one.
    """
    if "threads" in settings:
        from paddle.base import core

        core.set_num_threads(int(settings["threads"]))
        # Paddle writes its own 1 there when it is imported; child processes would take it for the user's choice.
        os.environ.pop("OMP_NUM_THREADS", None)


def _keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed: by default it hands every large block back to the system after each
    training step, and the next step pays for each page again. False where the C library is another one."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # from glibc's malloc.h
    return all((mallopt(m_mmap_max, 0), mallopt(m_trim_threshold, -1), mallopt(m_top_pad, 64 << 20)))


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_info() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:  # macOS and Windows: leave the library's own choice
        return ""


def _mkl_code_path(cpu_info: str) -> str | None:
    """Value of MKL_DEBUG_CPU_TYPE for this processor, or None to leave it alone.

    Intel does not document the variable. It must not be set on Intel processors, and a path whose
    instructions are missing ends in a crash: 7 needs AVX-512, 5 needs AVX2 and FMA, 8 works on no AMD.
    """
    if "AuthenticAMD" not in cpu_info:
        return None
    flags = next((line for line in cpu_info.splitlines() if line.startswith("flags")), "").split()
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(flags):
        return "7"
    return "5" if {"avx2", "fma"} <= set(flags) else None


def choose_device(name: str = "auto") -> str:
    """Switch paddle to "cpu" or "gpu"; "auto" takes a GPU if there is one. Returns "cpu" or "gpu:0".

    Raises DeviceError when a GPU is asked for and there is none.
    """
    import paddle

    if name not in ("auto", "cpu", "gpu"):
        raise DeviceError(f"unknown device {name!r}; choose from auto, cpu, gpu")
    compiled = paddle.is_compiled_with_cuda()
    available = compiled and paddle.device.cuda.device_count() > 0
    if name == "gpu" and not available:
        why = "paddle sees no GPU" if compiled else "this paddle is the CPU build; install requirements-gpu.txt"
        raise DeviceError(f"no GPU: {why}; or use --device cpu")
    device = "gpu:0" if available and name != "cpu" else "cpu"
    paddle.set_device(device)
    return device


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and paddle."""
    import numpy as np
    import paddle

    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)
