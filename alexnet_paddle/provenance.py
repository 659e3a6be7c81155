"""What a result was made with: versions, machine, CPU settings. With all three the same, so are the figures."""

from __future__ import annotations

import importlib.metadata
import platform
import re

from alexnet_paddle import CPU_SETTINGS, __version__
from alexnet_paddle.runtime import cpu_count, cpu_info

PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "torch", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Of this package, of Python, and of those of PACKAGES that are installed, by the names that pip has for them."""
    found = {"alexnet-paddle": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """The processor's name, the cores that this process may use, the operating system."""
    named = re.search(r"^model name\s*:\s*(.+)$", cpu_info(), re.M)
    name = named[1] if named else platform.processor() or platform.machine()
    return {"cpu": name, "cores": cpu_count(), "system": platform.platform(terse=True)}


def made_on(layers: str) -> dict:
    """All three, and how the layers compute (`nets.fast_cpu.RULE.words()`), as records hold them."""
    return {"machine": machine(), "cpu_settings": dict(CPU_SETTINGS), "layers": layers, "versions": versions()}
