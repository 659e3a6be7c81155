"""What one batch's gradient asks of a net's parameters."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
import paddle.nn.functional as F

from alexnet_paddle.inspection.forward import root_mean_square


@dataclass(frozen=True)
class Gradient:
    """Of one parameter: root mean square of its values and of its gradient; `gradient` is None where the backward
    pass gave it none, and `trainable` says whether it asked for one."""

    name: str
    value: float
    gradient: float | None
    trainable: bool


def gradients(model: paddle.nn.Layer, images: paddle.Tensor, labels: paddle.Tensor) -> tuple[float, list[Gradient]]:
    """(loss, the gradients of all parameters in forward order) of one batch, in the mode that the net is in."""
    model.clear_gradients()
    loss = F.cross_entropy(model(images), labels)
    if not loss.stop_gradient:
        loss.backward()
    found = []
    for name, parameter in model.named_parameters():
        gradient = None if parameter.grad is None else root_mean_square(parameter.grad.astype("float32").numpy())
        found.append(
            Gradient(name, root_mean_square(parameter.astype("float32").numpy()), gradient, not parameter.stop_gradient)
        )
    model.clear_gradients()
    return loss.item(), found
