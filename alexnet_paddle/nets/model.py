"""`AlexNet(config)`: the net of any `AlexNetConfig` as a `paddle.nn.Layer`. How each layer is built, its own class
in `alexnet_paddle.nets.config` tells; how weights begin, `alexnet_paddle.nets.initialisation`."""

from __future__ import annotations

import math
from functools import partial

import paddle
from paddle import nn

from alexnet_paddle.arithmetic import trace
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.initialisation import INITS


class AlexNet(nn.Layer):
    """The net that `config` describes: images [N, in_channels, image_size, image_size] -> logits [N, num_classes].

    Sublayers have the paper's names (`conv1` ... `pool5`, `fc6`, `fc7`, `fc8`), and `parameters()` lists
    weight, bias, weight, bias, ... in forward order. Raises ValueError, naming the layer and showing the
    arithmetic, when the configuration cannot work.
    """

    def __init__(self, config: AlexNetConfig) -> None:
        super().__init__()
        self.config = config
        shape = config.image_shape
        names: list[str] = []
        for (name, layer), row in zip(config.named_layers(), trace(config)):
            if len(names) == config.flatten_at:
                shape = (math.prod(shape),)
            initialise = partial(INITS[config.init], name, last=name == config.last_layer)
            self.add_sublayer(name, layer.build(shape, config.rounding, initialise))
            shape = row.out_shape
            names.append(name)
        # A plain list: Paddle's conversion to a static graph follows no properties of dataclasses.
        self._image_shape = list(config.image_shape)
        self._conv_names, self._fc_names = names[: config.flatten_at], names[config.flatten_at :]

    def features(self, images: paddle.Tensor) -> paddle.Tensor:
        """The last conv stage's output (pool5 in the paper's net): [N, C, H, W].

        Raises ValueError for images of another shape than the net was built for.
        """
        shape = list(images.shape[1:])
        if shape != self._image_shape:
            raise ValueError(
                f"the net {self.config.name!r} takes images of shape {self._image_shape}, got {shape}; "
                "for another size build it from config.replace(image_size=...)"
            )
        return self._run(self._conv_names, images)

    def embed(self, images: paddle.Tensor) -> paddle.Tensor:
        """What the last fc layer sees: [N, 4096] in the paper's net, the vector of its section 6."""
        return self._run(self._fc_names[:-1], paddle.flatten(self.features(images), start_axis=1))

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        return self._run(self._fc_names[-1:], self.embed(images))

    def ways(self) -> dict[str, list[str]]:
        """The names of the layers by the way in which they compute on the CPU, in training; see `fast_cpu`."""
        found: dict[str, list[str]] = {}
        shape = self.config.image_shape
        for row in trace(self.config):
            layer = self._sub_layers[row.name]
            way = layer.way((1, *shape)) if hasattr(layer, "way") and len(shape) == 3 else "paddle"
            found.setdefault(way, []).append(row.name)
            shape = row.out_shape
        return found

    def _run(self, names, x):
        for name in names:
            x = self._sub_layers[name](x)
        return x
