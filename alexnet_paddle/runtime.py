"""The machine: CPU settings made before paddle is loaded, the choice of a device, seeding.

Paddle starts with one thread for its matrix products, and the Intel library bundled with it (MKL 2019) takes a
slow path on AMD processors. The library reads the second setting once, when it is loaded, so `alexnet_paddle`
makes it when it is imported, and has to be imported before paddle. Variables that you set yourself always win.

`ALEXNET_PADDLE_TUNE` says what is left out: with 0 all of it, and the layers of `fast_cpu` too; with "settings" those
layers; with "onednn" or "numpy" all ways that they have to compute but these, see `fast_cpu.Rule`.
"""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.util
import os
import platform
import random
import sys
import warnings
from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from alexnet_paddle.errors import DeviceError

DEVICES = ("auto", "cpu", "gpu")
LAYERS = ("auto", "onednn", "numpy")  # how the layers of `fast_cpu` may compute, see its `Rule`
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def tune_cpu(environ: MutableMapping[str, str] = os.environ) -> dict[str, str]:
    """Set the thread count and the BLAS code path, unless the user did; return what was chosen by us.

    Call it before paddle is imported; afterwards the settings would have no effect, so it says so on one line.
    """
    # Not about speed, but said by every import of paddle, and nobody here compiles extensions.
    warnings.filterwarnings("ignore", message="No ccache found")
    wish = environ.get("ALEXNET_PADDLE_TUNE") or LAYERS[0]
    if wish == "0":
        return {}
    if wish not in (*LAYERS, "settings"):
        choices = ", ".join(("0", "settings", *LAYERS))
        words = f"alexnet_paddle: ALEXNET_PADDLE_TUNE={wish} is unknown, so left out; choose from {choices}"
        print(words, file=sys.stderr)
        wish = LAYERS[0]
    chosen = {"layers": wish} if wish in LAYERS else {}
    if platform.machine() not in ("x86_64", "AMD64"):
        return chosen
    if "paddle" in sys.modules:
        print("alexnet_paddle: imported after paddle, so CPU settings stay slow; import it first.", file=sys.stderr)
        return chosen
    if _threads_are_ours(environ):
        threads = max(1, cpu_count() // processes_here(environ))
        chosen["threads"] = str(threads)
        _call_after_import("paddle", partial(_take_threads, threads))
    if (path := _mkl_code_path(cpu_info())) and "MKL_DEBUG_CPU_TYPE" not in environ:
        chosen["MKL_DEBUG_CPU_TYPE"] = environ["MKL_DEBUG_CPU_TYPE"] = path
    if keep_freed_memory():
        chosen["malloc"] = "keeps freed memory"
    return chosen


def _threads_are_ours(environ: Mapping[str, str]) -> bool:
    """Whether the user left the thread count to us. A process that Paddle's launcher started finds a 1 in its
    environment, which comes from the launcher's own import of paddle and says nothing about the user's wish."""
    given = {name: environ[name] for name in _THREAD_VARIABLES if name in environ}
    return not given or ("PADDLE_TRAINER_ID" in environ and given == {"OMP_NUM_THREADS": "1"})


def processes_here(environ: Mapping[str, str] = os.environ) -> int:
    """Processes of this training on this machine, as Paddle's launcher counts them; 1 without it."""
    return int(environ.get("PADDLE_LOCAL_SIZE") or environ.get("PADDLE_TRAINERS_NUM") or 1)


def thread_count(settings: dict[str, str], environ: Mapping[str, str] = os.environ) -> int:
    """Threads for mathematics: what `tune_cpu` chose, or the user, or else Paddle's one.

    Ask before paddle is loaded: it puts a 1 into the environment, which would look like the user's.
    """
    user = next((environ[name] for name in _THREAD_VARIABLES if environ.get(name, "").isdigit()), "1")
    return max(1, int(settings.get("threads", user)))


def use_threads(count: int) -> None:
    """Give paddle, once it is loaded, its thread count.

    Not through OMP_NUM_THREADS: paddle answers that with a two-line warning about its OpenBLAS builds. And not
    through MKL_NUM_THREADS: with the one OpenMP thread that paddle starts with, two of MKL's ran a 2048 x 2048
    product at a sixteenth of the speed of one.
    """
    from paddle.base import core

    core.set_num_threads(count)


def _take_threads(count: int) -> None:
    """After the import of paddle, where the user left the thread count to us."""
    use_threads(count)
    # Paddle writes its own 1 there when it is imported; child processes would take it for the user's choice.
    os.environ.pop("OMP_NUM_THREADS", None)


def _call_after_import(name: str, act: Callable[[], None]) -> None:
    """Call `act()` when the module `name` has been imported, by whomever."""

    class Once(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
            if fullname != name:
                return None
            sys.meta_path.remove(self)
            try:
                spec = importlib.util.find_spec(name)
            finally:
                sys.meta_path.insert(0, self)  # this may have been a look only, not an import
            if spec:
                loader: Any = spec.loader  # a Loader, but to set a method of one object is no business of types
                loader.exec_module = partial(self.load, loader.exec_module)
            return spec

        def load(self, exec_module: Callable[[ModuleType], None], module: ModuleType) -> None:
            sys.meta_path.remove(self)
            exec_module(module)
            act()

    sys.meta_path.insert(0, Once())


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed: by default it hands every large block back to the system after each
    training step, and the next step pays for each page again. False where the C library is another one."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4  # from glibc's malloc.h
    return all((mallopt(m_mmap_max, 0), mallopt(m_trim_threshold, -1), mallopt(m_top_pad, 64 << 20)))


def give_back_memory() -> None:
    """Hand what is free back to the system, as after a training: until then `keep_freed_memory` keeps its peak."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_info() -> str:
    """The processors as Linux lists them; empty elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
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
    """Switch paddle to "cpu" or "gpu"; "auto" takes a GPU if there is one. Returns "cpu" or for example "gpu:0": of
    several processes each gets the GPU that Paddle's launcher gave it.

    Raises DeviceError when a GPU is asked for and there is none.
    """
    import paddle

    if name not in DEVICES:
        raise DeviceError(f"unknown device {name!r}; choose from {', '.join(DEVICES)}")
    compiled = paddle.is_compiled_with_cuda()
    available = compiled and paddle.device.cuda.device_count() > 0
    if name == "gpu" and not available:
        why = "paddle sees no GPU" if compiled else "this paddle is the CPU build; install requirements-gpu.txt"
        raise DeviceError(f"no GPU: {why}; or use --device cpu")
    paddle.set_device("gpu" if available and name != "cpu" else "cpu")
    return paddle.get_device()


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and paddle."""
    import numpy as np
    import paddle

    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)
