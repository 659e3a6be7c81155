"""A net as data: its layers in stages, `AlexNetConfig`, and the changes that an ablation makes of it.

Importing this does not load paddle. The sources named below are: "paper", Krizhevsky, Sutskever and Hinton,
NIPS 2012; "2012 source", the authors' program as published by the Computer History Museum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar


def _choose(what, value, choices):
    if value not in choices:
        raise ValueError(f"{what} is {value!r}; choose from {', '.join(choices)}")
    return value


def _whole_numbers(data, **least):
    """Raises ValueError unless each named field is a whole number of at least so much."""
    for what, smallest in least.items():
        value = getattr(data, what)
        if type(value) is not int or value < smallest:
            raise ValueError(
                f"{type(data).__name__} {what} is {value!r}; it must be a whole number of at least {smallest}"
            )


# ---- layers, as data -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conv:
    """A convolution: square windows of `kernel` pixels; `groups=2` are the paper's two towers."""

    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    kind: ClassVar[str] = "conv"
    label: ClassVar[str] = "conv"

    def __post_init__(self):
        _whole_numbers(self, out_channels=1, kernel=1, stride=1, padding=0, groups=1)


@dataclass(frozen=True)
class Activation:
    """relu, sigmoid or tanh."""

    function: str = "relu"
    kind: ClassVar[str] = "act"

    def __post_init__(self):
        _choose("activation", self.function, ACTIVATIONS)

    @property
    def label(self) -> str:
        return self.function


@dataclass(frozen=True)
class LRN:
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
    label: ClassVar[str] = "lrn"

    def __post_init__(self):
        _whole_numbers(self, size=1, groups=1)


@dataclass(frozen=True)
class SpatialNorm:
    """Response normalisation over a `kernel` x `kernel` window of one channel; alpha is divided by kernel^2.

    Only the 2012 source has it (`layers-145.cfg`, after the second LRN).
    """

    kernel: int = 5
    alpha: float = 1e-3
    beta: float = 0.75
    k: float = 1.0
    kind: ClassVar[str] = "spatialnorm"
    label: ClassVar[str] = "snorm"
    stride: ClassVar[int] = 1

    def __post_init__(self):
        _whole_numbers(self, kernel=1)
        if self.kernel % 2 == 0:
            raise ValueError(f"SpatialNorm kernel is {self.kernel}; a window centred on a pixel needs an odd one")


@dataclass(frozen=True)
class Pool:
    """Max pooling. `Pool(3, 2)` overlaps, as in the paper (section 3.4); `Pool(2, 2)` is plain."""

    kernel: int = 3
    stride: int = 2
    kind: ClassVar[str] = "pool"
    label: ClassVar[str] = "pool"

    def __post_init__(self):
        _whole_numbers(self, kernel=1, stride=1)


@dataclass(frozen=True)
class GlobalPool:
    """The mean of all positions of each channel."""

    kind: ClassVar[str] = "globalpool"
    label: ClassVar[str] = "pool"


@dataclass(frozen=True)
class Linear:
    """A fully connected layer."""

    out_features: int
    kind: ClassVar[str] = "fc"
    label: ClassVar[str] = "fc"

    def __post_init__(self):
        _whole_numbers(self, out_features=1)


@dataclass(frozen=True)
class Dropout:
    """Dropout with drop rate `p`. Modes, by Paddle's names: "upscale_in_train" divides by 1 - p while
    training; "downscale_in_infer" multiplies by 1 - p at test time (paper, section 4.2)."""

    p: float = 0.5
    mode: str = "upscale_in_train"
    kind: ClassVar[str] = "drop"
    label: ClassVar[str] = "drop"

    def __post_init__(self):
        if not isinstance(self.p, (int, float)) or not 0 <= self.p < 1:
            raise ValueError(f"dropout is {self.p!r}; choose a rate from 0 to below 1")
        _choose("dropout_mode", self.mode, DROPOUT_MODES)


ACTIVATIONS = ("relu", "sigmoid", "tanh")
DROPOUT_MODES = ("upscale_in_train", "downscale_in_infer")
INITS = ("paper", "convnet2012", "dansuh17", "kaiming", "pytorch", "sigmoid", "paddle", "paper-bias-0")
POOLS = {"overlap": Pool(3, 2), "plain": Pool(2, 2)}
PAPER_LRN = LRN()
_LAYERS = {cls.__name__: cls for cls in (Conv, Activation, LRN, SpatialNorm, Pool, GlobalPool, Linear, Dropout)}

Stage = tuple  # the layers of one stage in order; the first Conv or Linear gives the stage its number


# ---- a net, as data --------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlexNetConfig:
    """One AlexNet. The last fc layer, with `num_classes` outputs, is implied after `fc_stages`.

    `init` names the initialisation (see `alexnet_paddle.nets.model`), `rounding` is floor or ceil for every size.
    """

    name: str = field(compare=False)
    source: str = field(compare=False)
    conv_stages: tuple[Stage, ...]
    fc_stages: tuple[Stage, ...] = ()
    image_size: int = 227
    in_channels: int = 3
    num_classes: int = 1000
    rounding: str = "floor"
    init: str = "paddle"
    default_recipe: str = field(default="quick", compare=False)

    def __post_init__(self):
        _choose("rounding", self.rounding, ("floor", "ceil"))
        _choose("init", self.init, INITS)
        _whole_numbers(self, image_size=1, in_channels=1, num_classes=1)
        names = [name for name, _ in self.named_layers()]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two layers would be called {repeated[0]}; a stage holds one layer of each kind")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages in order, the implied last fc layer included."""
        return (*self.conv_stages, *self.fc_stages, (Linear(self.num_classes),))

    def named_layers(self) -> Iterator[tuple[str, object]]:
        """(name, layer) in forward order: conv1, relu1, lrn1, pool1, ... fc6, relu6, drop6, ... fc8."""
        for number, stage in enumerate(self.stages, start=1):
            for layer in stage:
                yield f"{layer.label}{number}", layer

    def replace(self, **changes) -> AlexNetConfig:
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
        fields = {name: value for name, value in changes.items() if name in self.__dataclass_fields__}
        if unknown := sorted(set(changes) - set(fields) - set(_CHANGES)):
            known = ", ".join([*_CHANGES, *self.__dataclass_fields__])
            raise ValueError(f"unknown change {unknown[0]!r}; choose from {known}")
        config = replace(self, **fields)
        for name in [name for name in changes if name not in fields]:
            config = _CHANGES[name](config, changes[name])
        return config

    def to_dict(self) -> dict:
        """As plain data for JSON; `from_dict` reads it back."""
        fields = asdict(self)
        del fields["source"], fields["default_recipe"]
        for part in ("conv_stages", "fc_stages"):
            fields[part] = [[[type(layer).__name__, asdict(layer)] for layer in stage] for stage in getattr(self, part)]
        return fields

    @staticmethod
    def from_dict(fields: dict) -> AlexNetConfig:
        """The config that `to_dict` wrote. Raises ValueError where the data is not one."""
        try:
            stages = {
                part: tuple(tuple(_LAYERS[kind](**numbers) for kind, numbers in stage) for stage in fields[part])
                for part in ("conv_stages", "fc_stages")
            }
            return AlexNetConfig(**{"source": "", **fields, **stages})
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is not an AlexNet config: {error}") from None


# ---- changes that map over the stages --------------------------------------------------------------


def _map_layers(config, kind, change):
    def mapped(stages):
        return tuple(tuple(change(layer) if layer.kind == kind else layer for layer in stage) for stage in stages)

    return replace(config, conv_stages=mapped(config.conv_stages), fc_stages=mapped(config.fc_stages))


def _change_activation(config, function):
    return _map_layers(config, "act", lambda layer: Activation(function))


def _change_lrn(config, lrn):
    if lrn is True:
        lrn = PAPER_LRN
    if lrn is not False and not isinstance(lrn, LRN):
        raise ValueError(f"lrn is {lrn!r}; choose True, False or an LRN(...)")
    stages = []
    for number, stage in enumerate(config.conv_stages, start=1):
        stage = tuple(layer for layer in stage if layer.kind not in ("lrn", "spatialnorm"))
        if lrn and number <= 2:
            kinds = [layer.kind for layer in stage]
            after = kinds.index("act" if "act" in kinds else "conv") + 1
            stage = (*stage[:after], lrn, *stage[after:])
        stages.append(stage)
    return replace(config, conv_stages=tuple(stages))


def _require_dropout(config, what):
    if not any(layer.kind == "drop" for _, layer in config.named_layers()):
        raise ValueError(f"{what}: the net {config.name!r} has no dropout, because it has no hidden fc layer")


def _change_dropout(config, p):
    if p != 0:
        _require_dropout(config, "dropout")
    return _map_layers(config, "drop", lambda layer: replace(layer, p=p))


def _change_dropout_mode(config, mode):
    _require_dropout(config, "dropout_mode")
    return _map_layers(config, "drop", lambda layer: replace(layer, mode=mode))


def _change_dropout_position(config, position):
    _choose("dropout_position", position, ("before", "after"))
    _require_dropout(config, "dropout_position")

    def moved(stage):
        drops = tuple(layer for layer in stage if layer.kind == "drop")
        others = tuple(layer for layer in stage if layer.kind != "drop")
        return drops + others if position == "before" else others + drops

    return replace(config, fc_stages=tuple(moved(stage) for stage in config.fc_stages))


def _change_pool(config, pool):
    if not isinstance(pool, Pool):
        pool = POOLS[_choose("pool", pool, tuple(POOLS))]
    return _map_layers(config, "pool", lambda layer: pool)


def _change_groups(config, groups):
    count = len(config.conv_stages)
    if not isinstance(groups, (tuple, list)):
        groups = (1,) + (groups,) * (count - 1)
    if len(groups) != count:
        raise ValueError(f"groups has {len(groups)} numbers, but the net {config.name!r} has {count} convolutions")
    stages = tuple(
        tuple(replace(layer, groups=number) if layer.kind == "conv" else layer for layer in stage)
        for stage, number in zip(config.conv_stages, groups)
    )
    return replace(config, conv_stages=stages)


_CHANGES = {
    "activation": _change_activation,
    "lrn": _change_lrn,
    "dropout": _change_dropout,
    "dropout_position": _change_dropout_position,
    "dropout_mode": _change_dropout_mode,
    "pool": _change_pool,
    "groups": _change_groups,
}
