"""A net as data: its layers in stages, `AlexNetConfig`, and the changes that an ablation makes of it.

A new kind of layer is told here and nowhere else: a subclass of `Layer` with its numbers, how it is traced and how it
is built. Importing this does not load paddle. The sources named below are: "paper", Krizhevsky, Sutskever and Hinton,
NIPS 2012; "2012 source", the authors' program as published by the Computer History Museum.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from alexnet_paddle.arithmetic import ROUNDINGS, Shape, Traced, conv_out, explain_size, pool_out
from alexnet_paddle.nets.initialisation import INITS, Attributes

if TYPE_CHECKING:
    from paddle import nn


def _choose(what: str, value: Any, choices: Iterable[str]) -> str:
    if value not in choices:
        raise ValueError(f"{what} is {value!r}; choose from {', '.join(choices)}")
    return value


def _whole_numbers(data: object, **least: int) -> None:
    """Raises ValueError unless each named field is a whole number of at least so much."""
    for what, smallest in least.items():
        value = getattr(data, what)
        if type(value) is not int or value < smallest:
            raise ValueError(
                f"{type(data).__name__} {what} is {value!r}; it must be a whole number of at least {smallest}"
            )


# ---- layers, as data -------------------------------------------------------------------------------

ACTIVATIONS = {"relu": "ReLU", "sigmoid": "Sigmoid", "tanh": "Tanh"}  # and their classes in `fast_cpu`
DropoutMode = Literal["upscale_in_train", "downscale_in_infer"]
DROPOUT_MODES = get_args(DropoutMode)
Initialise = Callable[[int, int], Attributes]  # (fan in, fan out) -> weight_attr, bias_attr


class Layer(ABC):
    """One layer of a net, as data. Shapes are (channels, height, width) in conv stages, (features,) in fc stages.

    `kind` stands in each `Row` of a trace, `label` with the stage's number is the layer's name: conv1, relu1, ...
    """

    kind: ClassVar[str]

    @property
    def label(self) -> str:
        return self.kind

    @abstractmethod
    def trace(self, shape: Shape, rounding: str) -> Traced:
        """What becomes of one input of this shape. Raises ValueError where the layer cannot take it."""

    @abstractmethod
    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        """The Paddle layer for inputs of this shape, which `trace` has accepted."""


def _channels_and_side(shape: Shape) -> tuple[int, int]:
    if len(shape) != 3:
        raise ValueError(f"it takes channels x height x width, not {shape[0]} values in a row; put it in conv_stages")
    return shape[0], shape[1]


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution: square windows of `kernel` pixels; `groups=2` are the paper's two towers."""

    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    kind: ClassVar[str] = "conv"

    def __post_init__(self):
        _whole_numbers(self, out_channels=1, kernel=1, stride=1, padding=0, groups=1)

    def trace(self, shape: Shape, rounding: str) -> Traced:
        channels, n = _channels_and_side(shape)
        for what, count in (("input", channels), ("output", self.out_channels)):
            if count % self.groups:
                raise ValueError(
                    f"groups={self.groups} does not divide its {count} {what} channels: "
                    f"{count} / {self.groups} = {count / self.groups:.2f}"
                )
        side = conv_out(n, self.kernel, self.padding, self.stride, rounding)
        weights = self.out_channels * (channels // self.groups) * self.kernel**2
        return Traced(
            (self.out_channels, side, side),
            explain_size(n, self.kernel, self.padding, self.stride, rounding),
            params=weights + self.out_channels,
            macs=weights * side * side,
            window=(self.kernel, self.stride),
        )

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets.fast_cpu import Conv2D

        channels, n = _channels_and_side(shape)
        side = conv_out(n, self.kernel, self.padding, self.stride, rounding)
        # Rounded up, the last window ends past the padded edge: Paddle's convolution needs those zeros spelled out.
        missing = (side - 1) * self.stride + self.kernel - (n + 2 * self.padding)
        before, after = self.padding, self.padding + max(missing, 0)
        fan_in = channels // self.groups * self.kernel**2
        fan_out = self.out_channels * self.kernel**2  # PyTorch's reading, which does not divide it by the groups
        weight, bias = initialise(fan_in, fan_out)
        return Conv2D(
            channels,
            self.out_channels,
            self.kernel,
            self.stride,
            padding=before if before == after else [before, after, before, after],
            groups=self.groups,
            weight_attr=weight,
            bias_attr=bias,
        )


@dataclass(frozen=True)
class Activation(Layer):
    """relu, sigmoid or tanh."""

    function: str = "relu"
    kind: ClassVar[str] = "act"

    def __post_init__(self):
        _choose("activation", self.function, ACTIVATIONS)

    @property
    def label(self) -> str:
        return self.function

    def trace(self, shape: Shape, rounding: str) -> Traced:
        return Traced(shape, "same size")

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets import fast_cpu

        return getattr(fast_cpu, ACTIVATIONS[self.function])()


@dataclass(frozen=True)
class LRN(Layer):
    """Local response normalisation: b = a / (k + alpha' * sum of a^2 over `size` channels)^beta.

    alpha' is `alpha` as the paper prints it (section 3.3), or alpha / size with `divide_by_size`, as in
    the 2012 source (`layer.py:1183`), Caffe, PyTorch and Paddle. Windows stay inside each of `groups` towers.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0
    divide_by_size: bool = False
    groups: int = 1
    kind: ClassVar[str] = "lrn"

    def __post_init__(self):
        _whole_numbers(self, size=1, groups=1)

    def trace(self, shape: Shape, rounding: str) -> Traced:
        channels, _ = _channels_and_side(shape)
        if channels % self.groups:
            raise ValueError(f"groups={self.groups} does not divide its {channels} channels")
        return Traced(shape, f"same size, each value divided by {self.size} neighbouring channels")

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets.layers import LocalResponseNorm

        return LocalResponseNorm(shape[0], **asdict(self))


@dataclass(frozen=True)
class SpatialNorm(Layer):
    """Response normalisation over a `kernel` x `kernel` window of one channel; alpha is divided by kernel^2.

    Only the 2012 source has it (`layers-145.cfg`, after the second LRN).
    """

    kernel: int = 5
    alpha: float = 1e-3
    beta: float = 0.75
    k: float = 1.0
    kind: ClassVar[str] = "spatialnorm"

    def __post_init__(self):
        _whole_numbers(self, kernel=1)
        if self.kernel % 2 == 0:
            raise ValueError(f"SpatialNorm kernel is {self.kernel}; a window centred on a pixel needs an odd one")

    @property
    def label(self) -> str:
        return "snorm"

    def trace(self, shape: Shape, rounding: str) -> Traced:
        _channels_and_side(shape)
        words = f"same size, each value divided by its {self.kernel} x {self.kernel} neighbours"
        return Traced(shape, words, window=(self.kernel, 1))

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets.layers import SpatialResponseNorm

        return SpatialResponseNorm(self.kernel, self.alpha, self.beta, self.k)


@dataclass(frozen=True)
class Pool(Layer):
    """Max pooling. `Pool(3, 2)` overlaps, as in the paper (section 3.4); `Pool(2, 2)` is plain."""

    kernel: int = 3
    stride: int = 2
    kind: ClassVar[str] = "pool"

    def __post_init__(self):
        _whole_numbers(self, kernel=1, stride=1)

    def trace(self, shape: Shape, rounding: str) -> Traced:
        channels, n = _channels_and_side(shape)
        side = pool_out(n, self.kernel, 0, self.stride, rounding)
        words = explain_size(n, self.kernel, 0, self.stride, rounding)
        return Traced((channels, side, side), words, window=(self.kernel, self.stride))

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets.fast_cpu import MaxPool2D

        return MaxPool2D(self.kernel, self.stride, ceil_mode=rounding == "ceil")


@dataclass(frozen=True)
class GlobalPool(Layer):
    """The mean of all positions of each channel."""

    kind: ClassVar[str] = "globalpool"

    @property
    def label(self) -> str:
        return "pool"

    def trace(self, shape: Shape, rounding: str) -> Traced:
        channels, n = _channels_and_side(shape)
        return Traced((channels, 1, 1), f"mean of all {n} x {n} positions", window=None)

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from alexnet_paddle.nets.fast_cpu import AdaptiveAvgPool2D

        return AdaptiveAvgPool2D(1)


@dataclass(frozen=True)
class Linear(Layer):
    """A fully connected layer."""

    out_features: int
    kind: ClassVar[str] = "fc"

    def __post_init__(self):
        _whole_numbers(self, out_features=1)

    def trace(self, shape: Shape, rounding: str) -> Traced:
        if len(shape) != 1:
            raise ValueError(f"it takes values in a row, not {' x '.join(map(str, shape))}; put it in fc_stages")
        weights = shape[0] * self.out_features
        return Traced((self.out_features,), f"{shape[0]} inputs", params=weights + self.out_features, macs=weights)

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from paddle import nn

        weight, bias = initialise(shape[0], self.out_features)
        return nn.Linear(shape[0], self.out_features, weight_attr=weight, bias_attr=bias)


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout with drop rate `p`. Modes, by Paddle's names: "upscale_in_train" divides by 1 - p while
    training; "downscale_in_infer" multiplies by 1 - p at test time (paper, section 4.2)."""

    p: float = 0.5
    mode: DropoutMode = "upscale_in_train"
    kind: ClassVar[str] = "drop"

    def __post_init__(self):
        if not isinstance(self.p, (int, float)) or not 0 <= self.p < 1:
            raise ValueError(f"dropout is {self.p!r}; choose a rate from 0 to below 1")
        _choose("dropout_mode", self.mode, DROPOUT_MODES)

    def trace(self, shape: Shape, rounding: str) -> Traced:
        return Traced(shape, "same size")

    def build(self, shape: Shape, rounding: str, initialise: Initialise) -> nn.Layer:
        from paddle import nn

        return nn.Dropout(self.p, mode=self.mode)


POOLS = {"overlap": Pool(3, 2), "plain": Pool(2, 2)}
PAPER_LRN = LRN()


# ---- a net, as data --------------------------------------------------------------------------------

Stage = tuple[Layer, ...]


@dataclass(frozen=True)
class AlexNetConfig:
    """One AlexNet. A stage is its layers in order, with their numbers. The names of layers are derived from it: conv1,
    relu1, ... in the first stage, and so on to fc8 in the eighth. The last fc layer, with `num_classes` outputs, is a
    stage of its own, implied after `fc_stages`.

    `rounding` is floor or ceil for every size, `init` a name in `alexnet_paddle.nets.initialisation`. Two configs are
    equal when they compute the same: `name`, `source` and `default_recipe` are words about a net, no part of it.
    """

    name: str = field(compare=False)
    conv_stages: tuple[Stage, ...]
    fc_stages: tuple[Stage, ...] = ()
    image_size: int = 227
    in_channels: int = 3
    num_classes: int = 1000
    rounding: str = "floor"
    init: str = "paddle"
    source: str = field(default="", compare=False)
    default_recipe: str = field(default="quick", compare=False)

    def __post_init__(self):
        for part in ("conv_stages", "fc_stages"):  # lists, as JSON has them, compute the same
            object.__setattr__(self, part, tuple(tuple(stage) for stage in getattr(self, part)))
        _choose("rounding", self.rounding, ROUNDINGS)
        _choose("init", self.init, INITS)
        _whole_numbers(self, image_size=1, in_channels=1, num_classes=1)
        names = [name for name, _ in self.named_layers()]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two layers would be called {repeated[0]}; a stage holds one layer of each kind")

    @property
    def image_shape(self) -> Shape:
        """(channels, height, width) of one image."""
        return self.in_channels, self.image_size, self.image_size

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in order, the implied last fc layer included."""
        return (*self.conv_stages, *self.fc_stages, (Linear(self.num_classes),))

    @property
    def flatten_at(self) -> int:
        """How many layers the conv stages hold; after them (channels, height, width) becomes (features,)."""
        return sum(len(stage) for stage in self.conv_stages)

    @property
    def last_layer(self) -> str:
        """Name of the layer with `num_classes` outputs: fc8 in the paper's net."""
        return f"fc{len(self.stages)}"

    def named_layers(self) -> Iterator[tuple[str, Layer]]:
        """(name, layer) in forward order: conv1, relu1, lrn1, pool1, ... fc6, relu6, drop6, ... fc8."""
        for number, stage in enumerate(self.stages, start=1):
            for layer in stage:
                yield f"{layer.label}{number}", layer

    def replace(self, **changes: Any) -> AlexNetConfig:
        """A copy with fields changed, or with one of these mapped over the stages:

        activation="relu"|"sigmoid"|"tanh"   every activation
        lrn=True|False|LRN(...)              after the activation of the first two stages (True: the paper's), or none
        dropout=0.5                          every dropout rate; 0 switches it off
        dropout_position="before"|"after"    on the inputs of the hidden fc layers, or on their outputs
        dropout_mode="upscale_in_train"|"downscale_in_infer"
        pool="overlap"|"plain"|Pool(...)     every max pooling
        groups=1|2|(1, 2, 1, 2, 2)           of the convolutions; one number is for all but the first

        Raises ValueError for an unknown change or a value that it cannot take.
        """
        own = {name: value for name, value in changes.items() if name in self.__dataclass_fields__}
        if unknown := sorted(set(changes) - set(own) - set(_CHANGES)):
            known = ", ".join([*_CHANGES, *self.__dataclass_fields__])
            raise ValueError(f"unknown change {unknown[0]!r}; choose from {known}")
        config = replace(self, **own)
        for name in [name for name in changes if name not in own]:
            config = _CHANGES[name](config, changes[name])
        return config

    def to_dict(self) -> dict[str, Any]:
        """The name, as a label, and what computes, as plain data for JSON; `from_dict` reads it back."""
        what_computes = {part.name: getattr(self, part.name) for part in fields(self) if part.compare}
        for part in ("conv_stages", "fc_stages"):
            stages = what_computes[part]
            what_computes[part] = [[[type(layer).__name__, asdict(layer)] for layer in stage] for stage in stages]
        return {"name": self.name, **what_computes}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> AlexNetConfig:
        """The config that `to_dict` wrote. Raises ValueError where the data is not one."""
        layers = {cls.__name__: cls for cls in Layer.__subclasses__()}
        try:
            stages = {
                part: [[layers[kind](**numbers) for kind, numbers in stage] for stage in data[part]]
                for part in ("conv_stages", "fc_stages")
            }
            return AlexNetConfig(**{**data, **stages})
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is not an AlexNet config: {error}") from None


# ---- changes that map over the stages --------------------------------------------------------------


def _map_layers(config: AlexNetConfig, cls: type[Layer], change: Callable[[Any], Layer]) -> AlexNetConfig:
    def mapped(stages):
        return tuple(tuple(change(layer) if isinstance(layer, cls) else layer for layer in stage) for stage in stages)

    return replace(config, conv_stages=mapped(config.conv_stages), fc_stages=mapped(config.fc_stages))


def _change_activation(config, function):
    return _map_layers(config, Activation, lambda layer: Activation(function))


def _change_lrn(config, lrn):
    if lrn is True:
        lrn = PAPER_LRN
    if lrn is not False and not isinstance(lrn, LRN):
        raise ValueError(f"lrn is {lrn!r}; choose True, False or an LRN(...)")
    stages = []
    for number, stage in enumerate(config.conv_stages, start=1):
        stage = tuple(layer for layer in stage if not isinstance(layer, (LRN, SpatialNorm)))
        if lrn and number <= 2:
            places = {type(layer): place for place, layer in enumerate(stage, start=1)}
            after = places.get(Activation, places.get(Conv, 0))
            stage = (*stage[:after], lrn, *stage[after:])
        stages.append(stage)
    return replace(config, conv_stages=tuple(stages))


def _require_dropout(config, what):
    if not any(isinstance(layer, Dropout) for _, layer in config.named_layers()):
        raise ValueError(f"{what}: the net {config.name!r} has no dropout, because it has no hidden fc layer")


def _change_dropout(config, p):
    if p != 0:
        _require_dropout(config, "dropout")
    return _map_layers(config, Dropout, lambda layer: replace(layer, p=p))


def _change_dropout_mode(config, mode):
    _require_dropout(config, "dropout_mode")
    return _map_layers(config, Dropout, lambda layer: replace(layer, mode=mode))


def _change_dropout_position(config, position):
    _choose("dropout_position", position, ("before", "after"))
    _require_dropout(config, "dropout_position")

    def moved(stage):
        drops = tuple(layer for layer in stage if isinstance(layer, Dropout))
        others = tuple(layer for layer in stage if not isinstance(layer, Dropout))
        return drops + others if position == "before" else others + drops

    return replace(config, fc_stages=tuple(moved(stage) for stage in config.fc_stages))


def _change_pool(config, pool):
    if not isinstance(pool, Pool):
        pool = POOLS[_choose("pool", pool, POOLS)]
    return _map_layers(config, Pool, lambda layer: pool)


def _change_groups(config, groups):
    count = len(config.conv_stages)
    if not isinstance(groups, (tuple, list)):
        groups = (1,) + (groups,) * (count - 1)
    if len(groups) != count:
        raise ValueError(f"groups has {len(groups)} numbers, but the net {config.name!r} has {count} convolutions")
    stages = tuple(
        tuple(replace(layer, groups=number) if isinstance(layer, Conv) else layer for layer in stage)
        for stage, number in zip(config.conv_stages, groups)
    )
    return replace(config, conv_stages=stages)


_CHANGES: dict[str, Callable[[AlexNetConfig, Any], AlexNetConfig]] = {
    "activation": _change_activation,
    "lrn": _change_lrn,
    "dropout": _change_dropout,
    "dropout_position": _change_dropout_position,
    "dropout_mode": _change_dropout_mode,
    "pool": _change_pool,
    "groups": _change_groups,
}
