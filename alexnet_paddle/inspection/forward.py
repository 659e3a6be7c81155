"""What the layers of a net put out for a batch of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import paddle

BOUNDS = {"Sigmoid": (0, 1), "Tanh": (-1, 1)}  # between which they lie


@dataclass(frozen=True)
class Activations:
    """What one layer puts out for a batch of images.

    A unit is one number of the output: a channel at a position, or an fc feature. `spread` is how much the units
    change from image to image (their standard deviation), `mean` how large they are on average over the images;
    both as root mean square over the units. `dead` is the fraction of units that are 0 for every image, `saturated`
    the fraction that do not get away from one bound of a sigmoid or tanh by 1%.
    """

    name: str
    kind: str  # the class of the layer, e.g. "ReLU"
    mean: float
    spread: float
    dead: float
    saturated: float

    @property
    def signal_ratio(self) -> float:
        """Fraction of the output that tells one image from another: spread / (mean + spread)."""
        return self.spread / (self.mean + self.spread) if self.spread else 0.0


def leaves(model: paddle.nn.Layer) -> dict[str, paddle.nn.Layer]:
    """The layers that hold no other layers, by name."""
    return {name: layer for name, layer in model.named_sublayers() if not layer.sublayers()}


@contextmanager
def kept_mode(model: paddle.nn.Layer) -> Iterator[None]:
    """Each layer's train/eval mode is afterwards what it was."""
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


@paddle.no_grad()
def outputs(model: paddle.nn.Layer, images: paddle.Tensor) -> dict[str, np.ndarray]:
    """Layer name -> its output [N, ...], in eval mode, in forward order."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(layer: paddle.nn.Layer, inputs: tuple[paddle.Tensor, ...], output: paddle.Tensor) -> None:
            found[name] = output.astype("float32").numpy()

        return hook

    with kept_mode(model):
        model.eval()
        hooks = [layer.register_forward_post_hook(keep(name)) for name, layer in leaves(model).items()]
        try:
            model(images)
        finally:
            for hook in hooks:
                hook.remove()
    return found


def activations(model: paddle.nn.Layer, images: paddle.Tensor) -> list[Activations]:
    """Of every layer, in forward order, in eval mode."""
    layers = leaves(model)
    return [_activations(name, type(layers[name]).__name__, values) for name, values in outputs(model, images).items()]


def _activations(name: str, kind: str, values: np.ndarray) -> Activations:
    units = values.reshape(len(values), -1).astype("float64")
    low, high = BOUNDS.get(kind, (-np.inf, np.inf))
    near = 0.01 * (high - low)
    stuck = (units < low + near).all(axis=0) | (units > high - near).all(axis=0) if kind in BOUNDS else False
    return Activations(
        name,
        kind,
        mean=root_mean_square(units.mean(axis=0)),
        spread=root_mean_square(units.std(axis=0)),
        dead=float((units == 0).all(axis=0).mean()),
        saturated=float(np.mean(stuck)),
    )


def root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype="float64"))))
