"""Looking into a net: what its layers put out, and what the gradient does to them.

Works on any `paddle.nn.Layer` that takes images and gives logits, not on `AlexNet` alone, and knows no trainer. Nothing
here changes a weight, and a net is given back in the mode it came in.
"""

from alexnet_paddle.inspection.backward import Gradient, gradients
from alexnet_paddle.inspection.forward import BOUNDS, Activations, activations, kept_mode, leaves, outputs

__all__ = ["BOUNDS", "Activations", "Gradient", "activations", "gradients", "kept_mode", "leaves", "outputs"]
