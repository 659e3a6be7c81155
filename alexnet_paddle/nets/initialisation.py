"""How weights and biases begin: one table of names, `INITS`. Importing this does not load paddle.

Each entry takes (layer name, fan in, fan out, is it the last layer) and returns the `weight_attr` and `bias_attr` of
a Paddle layer; None stands for Paddle's own default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Attributes = tuple[Any, Any]  # paddle.nn.initializer.Initializer or None, of the weight and of the bias


def _paper_bias(name, last):
    """1 in conv2, conv4, conv5 and the hidden fc layers, so that their ReLUs start in the positive part."""
    from paddle.nn.initializer import Constant

    return Constant(1.0 if name in ("conv2", "conv4", "conv5") or (name.startswith("fc") and not last) else 0.0)


def _paper(name, fan_in, fan_out, last):
    """Paper, section 5."""
    from paddle.nn.initializer import Normal

    return Normal(0.0, 0.01), _paper_bias(name, last)


def _paper_bias_0(name, fan_in, fan_out, last):
    """The paper's weights, and biases 0: what are its biases of 1 good for?"""
    from paddle.nn.initializer import Constant, Normal

    return Normal(0.0, 0.01), Constant(0.0)


def _convnet2012(name, fan_in, fan_out, last):
    """2012 source, layers-145.cfg: the same, but 0.03 in conv3, conv4 and conv5."""
    from paddle.nn.initializer import Normal

    return Normal(0.0, 0.03 if name in ("conv3", "conv4", "conv5") else 0.01), _paper_bias(name, last)


def _pytorch(name, fan_in, fan_out, last):
    """PyTorch's default for convolutions and linear layers, biases included."""
    from paddle.nn.initializer import Uniform

    bound = 1 / math.sqrt(fan_in)
    return Uniform(-bound, bound), Uniform(-bound, bound)


def _dansuh17(name, fan_in, fan_out, last):
    """dansuh17's port: the paper's in the convolutions, PyTorch's default in the fc layers."""
    return (_pytorch if name.startswith("fc") else _paper)(name, fan_in, fan_out, last)


def _kaiming(name, fan_in, fan_out, last):
    """Kaiming normal by fan out in the convolutions, N(0, 0.01) in the fc layers, biases 0."""
    from paddle.nn.initializer import Constant, Normal

    std = 0.01 if name.startswith("fc") else math.sqrt(2 / fan_out)
    return Normal(0.0, std), Constant(0.0)


def _sigmoid(name, fan_in, fan_out, last):
    """Ours, for the sigmoid: Xavier's bound times four, since its slope is at most 1/4; and the weights of each unit
    add up to 0, since its outputs lie around 1/2 and would move all units after it alike. Biases 0."""
    from paddle.nn.initializer import Constant

    bound = (1 if last else 4) * math.sqrt(6 / (fan_in + fan_out))
    return _zero_sum(bound), Constant(0.0)


def _zero_sum(bound):
    """Uniform from -bound to bound, less each unit's mean. Of a convolution's weights the first axis counts the units,
    of a linear layer's the last."""
    from paddle.nn.initializer import Initializer, Uniform

    class ZeroSum(Initializer):
        def forward(self, parameter, block=None):
            Uniform(-bound, bound)(parameter, block)
            axes = (1, 2, 3) if parameter.ndim == 4 else (0,)
            parameter.set_value(parameter - parameter.mean(axis=axes, keepdim=True))

    return ZeroSum()


def _paddle(name, fan_in, fan_out, last):
    """Paddle's default: N(0, sqrt(2 / fan in)) in the convolutions, where it counts all input channels whatever
    the groups; Xavier uniform in the fc layers; biases 0."""
    return None, None


INITS: dict[str, Callable[..., Attributes]] = {
    "paper": _paper,
    "convnet2012": _convnet2012,
    "dansuh17": _dansuh17,
    "kaiming": _kaiming,
    "pytorch": _pytorch,
    "sigmoid": _sigmoid,
    "paddle": _paddle,
    "paper-bias-0": _paper_bias_0,
}
