"""`AlexNet(config)`: the net of any `AlexNetConfig` as a `paddle.nn.Layer`, and its initialisation."""

from __future__ import annotations

import math

import paddle
from paddle import nn
from paddle.nn.initializer import Constant, Initializer, Normal, Uniform

from alexnet_paddle.arithmetic import trace
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.layers import LocalResponseNorm, SpatialResponseNorm


class AlexNet(nn.Layer):
    """The net that `config` describes: images [N, in_channels, image_size, image_size] -> logits [N, num_classes].

    Sublayers have the paper's names (`conv1` ... `pool5`, `fc6`, `fc7`, `fc8`), and `parameters()` lists
    weight, bias, weight, bias, ... in forward order. Raises ValueError, naming the layer and showing the
    arithmetic, when the configuration cannot work.
    """

    def __init__(self, config: AlexNetConfig):
        super().__init__()
        self.config = config
        shape, names = (config.in_channels, config.image_size, config.image_size), []
        for (name, layer), row in zip(config.named_layers(), trace(config)):
            self.add_sublayer(name, _build(name, layer, shape, row.out_shape, config))
            shape = row.out_shape
            names.append(name)
        first_fc = sum(len(stage) for stage in config.conv_stages)
        self._conv_names, self._fc_names = names[:first_fc], names[first_fc:]

    def features(self, images):
        """The last conv stage's output (pool5 in the paper's net): [N, C, H, W]."""
        expected = [self.config.in_channels, self.config.image_size, self.config.image_size]
        if list(images.shape[1:]) != expected:
            raise ValueError(
                f"the net {self.config.name!r} takes images of shape {expected}, got {list(images.shape[1:])}; "
                "for another size build it from config.replace(image_size=...)"
            )
        return self._run(self._conv_names, images)

    def embed(self, images):
        """What the last fc layer sees: [N, 4096] in the paper's net, the vector of its section 6."""
        return self._run(self._fc_names[:-1], paddle.flatten(self.features(images), start_axis=1))

    def forward(self, images):
        return self._run(self._fc_names[-1:], self.embed(images))

    def _run(self, names, x):
        for name in names:
            x = self._sub_layers[name](x)
        return x


def _build(name, layer, in_shape, out_shape, config):
    """The Paddle layer for one entry of the table. Shapes are (channels, height, width) or (features,)."""
    if layer.kind == "conv":
        return _conv(name, layer, in_shape, out_shape, config)
    if layer.kind == "fc":
        fan_in, last = math.prod(in_shape), name == f"fc{len(config.stages)}"
        weight, bias = INITS[config.init](name, fan_in, layer.out_features, last)
        return nn.Linear(fan_in, layer.out_features, weight_attr=weight, bias_attr=bias)
    if layer.kind == "act":
        return {"relu": fast_cpu.ReLU, "sigmoid": fast_cpu.Sigmoid, "tanh": fast_cpu.Tanh}[layer.function]()
    if layer.kind == "lrn":
        return LocalResponseNorm(
            in_shape[0], layer.size, layer.alpha, layer.beta, layer.k, layer.divide_by_size, layer.groups
        )
    if layer.kind == "spatialnorm":
        return SpatialResponseNorm(layer.kernel, layer.alpha, layer.beta, layer.k)
    if layer.kind == "pool":
        return nn.MaxPool2D(layer.kernel, layer.stride, ceil_mode=config.rounding == "ceil")
    if layer.kind == "globalpool":
        return nn.AdaptiveAvgPool2D(1)
    return nn.Dropout(layer.p, mode=layer.mode)


def _conv(name, layer, in_shape, out_shape, config):
    channels, side = in_shape[:2]
    # Rounded up, the last window ends past the padded edge: Paddle's convolution needs those zeros spelled out.
    missing = (out_shape[1] - 1) * layer.stride + layer.kernel - (side + 2 * layer.padding)
    before, after = layer.padding, layer.padding + max(missing, 0)
    fan_in = channels // layer.groups * layer.kernel**2
    fan_out = layer.out_channels * layer.kernel**2  # PyTorch's reading, which does not divide it by the groups
    weight, bias = INITS[config.init](name, fan_in, fan_out, False)
    return fast_cpu.Conv2D(
        channels,
        layer.out_channels,
        layer.kernel,
        layer.stride,
        padding=before if before == after else [before, after, before, after],
        groups=layer.groups,
        weight_attr=weight,
        bias_attr=bias,
    )


# ---- initialisation: (layer name, fan in, fan out, is it the last layer) -> weight, bias ------------


def _paper_bias(name, last):
    """1 in conv2, conv4, conv5 and the hidden fc layers, so that their ReLUs start in the positive part."""
    return Constant(1.0 if name in ("conv2", "conv4", "conv5") or (name.startswith("fc") and not last) else 0.0)


def _paper(name, fan_in, fan_out, last):
    """Paper, section 5."""
    return Normal(0.0, 0.01), _paper_bias(name, last)


def _paper_bias_0(name, fan_in, fan_out, last):
    """The paper's weights, and biases 0: what are its biases of 1 good for?"""
    return Normal(0.0, 0.01), Constant(0.0)


def _convnet2012(name, fan_in, fan_out, last):
    """2012 source, layers-145.cfg: the same, but 0.03 in conv3, conv4 and conv5."""
    return Normal(0.0, 0.03 if name in ("conv3", "conv4", "conv5") else 0.01), _paper_bias(name, last)


def _pytorch(name, fan_in, fan_out, last):
    """PyTorch's default for convolutions and linear layers, biases included."""
    bound = 1 / math.sqrt(fan_in)
    return Uniform(-bound, bound), Uniform(-bound, bound)


def _dansuh17(name, fan_in, fan_out, last):
    """dansuh17's port: the paper's in the convolutions, PyTorch's default in the fc layers."""
    return (_pytorch if name.startswith("fc") else _paper)(name, fan_in, fan_out, last)


def _kaiming(name, fan_in, fan_out, last):
    """Kaiming normal by fan out in the convolutions, N(0, 0.01) in the fc layers, biases 0."""
    std = 0.01 if name.startswith("fc") else math.sqrt(2 / fan_out)
    return Normal(0.0, std), Constant(0.0)


def _sigmoid(name, fan_in, fan_out, last):
    """Ours, for the sigmoid: Xavier's bound times four, since its slope is at most 1/4; and the weights of each unit
    add up to 0, since its outputs lie around 1/2 and would move all units after it alike. Biases 0."""
    bound = (1 if last else 4) * math.sqrt(6 / (fan_in + fan_out))
    return _ZeroSum(bound), Constant(0.0)


class _ZeroSum(Initializer):
    """Uniform from -bound to bound, less each unit's mean. Of a convolution's weights the first axis counts the units,
    of a linear layer's the last."""

    def __init__(self, bound):
        super().__init__()
        self.bound = bound

    def forward(self, parameter, block=None):
        Uniform(-self.bound, self.bound)(parameter, block)
        axes = (1, 2, 3) if parameter.ndim == 4 else (0,)
        parameter.set_value(parameter - parameter.mean(axis=axes, keepdim=True))


def _paddle(name, fan_in, fan_out, last):
    """Paddle's default: N(0, sqrt(2 / fan in)) in the convolutions, where it counts all input channels whatever
    the groups; Xavier uniform in the fc layers; biases 0."""
    return None, None


INITS = {
    "paper": _paper,
    "convnet2012": _convnet2012,
    "dansuh17": _dansuh17,
    "kaiming": _kaiming,
    "pytorch": _pytorch,
    "sigmoid": _sigmoid,
    "paddle": _paddle,
    "paper-bias-0": _paper_bias_0,
}
