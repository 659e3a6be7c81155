"""Every picture, by subject. Functions return a `Figure`, which a notebook shows; `save` writes one as a PNG."""

from alexnet_paddle.plots.ablations import ablation_curves, bands, differences
from alexnet_paddle.plots.figure import OKABE_ITO, Figure, save
from alexnet_paddle.plots.nets import net_to_scale
from alexnet_paddle.plots.sizes import SIZE_COLORS, receptive_fields, sliding_windows
from alexnet_paddle.plots.training import confusion, curves, predictions

__all__ = [
    "OKABE_ITO",
    "SIZE_COLORS",
    "Figure",
    "ablation_curves",
    "bands",
    "confusion",
    "curves",
    "differences",
    "net_to_scale",
    "predictions",
    "receptive_fields",
    "save",
    "sliding_windows",
]
