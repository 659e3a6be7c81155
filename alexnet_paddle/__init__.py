"""AlexNet on PaddlePaddle's dynamic graph, measured and taught. `python -m alexnet_paddle` lists the commands."""

import importlib

from alexnet_paddle import runtime

__version__ = "0.1.0"
CPU_SETTINGS = runtime.tune_cpu()
CPU_THREADS = runtime.thread_count(CPU_SETTINGS)

# Lazy, so that the arithmetic and the tables load without paddle.
_HOMES = {
    "AlexNet": "alexnet_paddle.nets.model",
    "AlexNetConfig": "alexnet_paddle.nets.config",
    "VARIANTS": "alexnet_paddle.nets.variants",
    "RECIPES": "alexnet_paddle.training.recipes",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'alexnet_paddle' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return __all__
