"""A net as a static graph for Paddle Inference: saved to a folder for use elsewhere, or run here with oneDNN.

`evaluate` and `predict` use the dynamic graph: on two cores its layers were as fast for the large nets, and what `mini`
gains (2.8 times) is less than the half second that a graph takes to prepare, up to some 700 pictures.

An export is a folder that can be used without this package:

model.json                 the graph (Paddle 2.6: model.pdmodel), images [N, 3, size, size] -> logits [N, classes]
model.pdiparams            its weights (Paddle 2.6 adds model.pdiparams.info)
preprocessing.safetensors  mean and standard deviation, as in a checkpoint
export.json                classes, sizes, and how a picture becomes the graph's input
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import paddle
import safetensors.numpy
from PIL import Image

from alexnet_paddle import CPU_THREADS, runtime
from alexnet_paddle.datasets.transforms import Preprocessing, resize_side
from alexnet_paddle.errors import InputError, WorkFailed
from alexnet_paddle.files import write_json
from alexnet_paddle.metrics import softmax
from alexnet_paddle.nets.model import AlexNet
from alexnet_paddle.training.checkpoint import Checkpoint

FORMAT = 1
GRAPHS, WEIGHTS = ("model.json", "model.pdmodel"), "model.pdiparams"
MEAN_AND_STD, ABOUT = "preprocessing.safetensors", "export.json"
FILES = {*GRAPHS, WEIGHTS, WEIGHTS + ".info", MEAN_AND_STD, ABOUT}

STEPS = [
    "Take the picture upright, in RGB, values 0 to 255.",
    "Bring the short side to resize_side, the other in proportion, rounded; bilinear, as Pillow's resize.",
    "Cut out the central square of resize_side pixels, of that the central square of crop; halves round down.",
    "Subtract mean and divide by std, from mean_and_std: mean is [3] or an image [crop, crop, 3], std is [3].",
    "Move the channels to the front and stack pictures to the input, float32.",
    "The softmax of an output row has the probabilities of classes, in their order.",
]

LIMIT = 1e-4  # see `difference`


class ExportError(WorkFailed):
    """The saved graph does not do what the net does."""


# ---- for use elsewhere -----------------------------------------------------------------------------


def export(checkpoint: Checkpoint, out: Path) -> dict[str, float]:
    """Save the checkpoint's net as an export in the folder `out`, whole or not at all.

    Returns the largest `difference` from the dynamic graph, by engine. Raises InputError if `out` cannot be
    written or holds anything but an earlier export, which is replaced; ExportError if an engine differs by more
    than LIMIT.
    """
    out = Path(out).resolve()  # of a link, the folder that it leads to
    try:
        _require_replaceable(out)
        existing = next(path for path in out.parents if path.exists())
        # On the disk where the export goes, so that moving it there is one rename.
        with tempfile.TemporaryDirectory(prefix=".export-", dir=existing) as workshop:
            new, old = Path(workshop, "new"), Path(workshop, "old")
            new.mkdir()
            differences = _write_and_check(checkpoint, new)
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.exists():
                out.rename(old)
            new.rename(out)
            return differences
    except ExportError as error:
        raise ExportError(f"{error}; nothing was written") from None
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written ({error.strerror}); choose another folder") from None


def _require_replaceable(out: Path) -> None:
    """Raises InputError unless `out` is new, empty or an earlier export with nothing else in it."""
    existing = next(path for path in (out, *out.parents) if path.exists())
    if not existing.is_dir():
        raise InputError(f"--out {out}: {existing} is a file; choose another folder")
    names = {path.name for path in out.iterdir()} if out.exists() else set()
    if names and (ABOUT not in names or names - FILES):
        foreign = sorted(names - FILES) or sorted(names)
        raise InputError(f"--out {out}: holds {foreign[0]}, which is not of an export; choose another folder")


def _write_and_check(checkpoint: Checkpoint, folder: Path) -> dict[str, float]:
    model = checkpoint.build_model()
    save_graph(model, folder)
    (folder / MEAN_AND_STD).write_bytes(safetensors.numpy.save(checkpoint.preprocessing.tensors()))
    write_json(folder / ABOUT, _describe(checkpoint, folder))
    images = example_images(checkpoint.preprocessing)
    differences = {}
    for engine, onednn in (("Paddle Inference", False), ("Paddle Inference with oneDNN", True)):
        if net := StaticNet.load(folder, onednn):
            differences[engine] = _checked_difference(engine, net, model, images)
    return differences


def _describe(checkpoint: Checkpoint, folder: Path) -> dict:
    size = checkpoint.preprocessing.image_size
    return {
        "format": FORMAT,
        "net": checkpoint.config.name,
        "paddle": paddle.__version__,
        "graph": graph_file(folder).name,
        "weights": WEIGHTS,
        "classes": list(checkpoint.classes),
        "display_names": checkpoint.display_names,
        "input": ["batch", checkpoint.config.in_channels, size, size],
        "output": ["batch", len(checkpoint.classes)],
        "preprocessing": {"resize_side": resize_side(size), "crop": size, "mean_and_std": MEAN_AND_STD},
        "steps": STEPS,
    }


def example_images(preprocessing: Preprocessing) -> np.ndarray:
    """Pictures of large coloured patches, the same each time, as the net's input: [4, 3, size, size]."""
    patches = np.random.default_rng(0).integers(0, 256, (4, 7, 7, 3), dtype=np.uint8)
    return np.stack([preprocessing(Image.fromarray(picture)) for picture in patches])


# ---- here ------------------------------------------------------------------------------------------


def onednn_model(model: AlexNet, images: np.ndarray) -> StaticNet:
    """`model` on oneDNN, for evaluation only.

    Raises ExportError where it differs by more than LIMIT on `images` [N, 3, size, size], or this Paddle has no
    oneDNN.
    """
    with tempfile.TemporaryDirectory() as folder:
        save_graph(model, Path(folder))
        net = StaticNet.load(Path(folder), onednn=True)
    if net is None:
        raise ExportError("this Paddle has no oneDNN")
    _checked_difference("oneDNN", net, model, images)
    return net


class StaticNet(paddle.nn.Layer):
    """A saved graph on the CPU, as a layer: images [N, 3, size, size] -> logits [N, classes]. It cannot be trained."""

    def __init__(self, predictor: paddle.inference.Predictor):
        super().__init__()
        self.predictor = predictor
        self.input = predictor.get_input_handle(predictor.get_input_names()[0])
        self.output = predictor.get_output_handle(predictor.get_output_names()[0])

    @staticmethod
    def load(folder: Path, onednn: bool) -> StaticNet | None:
        """The graph that `save_graph` put there; None if oneDNN is asked for and this Paddle has none."""
        config = paddle.inference.Config(str(graph_file(folder)), str(folder / WEIGHTS))
        config.disable_glog_info()
        config.set_cpu_math_library_num_threads(CPU_THREADS)
        if onednn:
            config.enable_mkldnn()
            if not config.mkldnn_enabled():
                return None
        else:
            config.disable_mkldnn()  # on by default
        return StaticNet(paddle.inference.create_predictor(config))

    def forward(self, images: paddle.Tensor) -> paddle.Tensor:
        self.input.copy_from_cpu(np.ascontiguousarray(images.numpy()))
        self.predictor.run()
        runtime.use_threads(CPU_THREADS)  # the predictor leaves the whole process with one
        return paddle.to_tensor(self.output.copy_to_cpu())


def save_graph(model: AlexNet, folder: Path) -> None:
    """Save `model` in eval mode as a graph that takes any batch size. The model itself stays dynamic."""
    model.eval()
    size = model.config.image_size
    images = paddle.static.InputSpec([None, model.config.in_channels, size, size], "float32", "images")
    paddle.jit.save(model, str(folder / "model"), input_spec=[images])


def graph_file(folder: Path) -> Path:
    """The saved graph, whichever name this version of Paddle gave it."""
    return next(folder / name for name in GRAPHS if (folder / name).exists())


@paddle.no_grad()
def difference(net: paddle.nn.Layer, model: paddle.nn.Layer, images: np.ndarray) -> float:
    """How far the logits of `net` are from those of `model` on images [N, 3, size, size]: the largest difference of
    a probability, or of a logit as a fraction of the largest one, whichever is more."""
    got, expected = (layer(paddle.to_tensor(images)).numpy() for layer in (net, model))
    scale = max(np.abs(expected).max(), np.finfo("float32").tiny)
    return float(max(np.abs(softmax(got) - softmax(expected)).max(), np.abs(got - expected).max() / scale))


def _checked_difference(engine: str, net: paddle.nn.Layer, model: paddle.nn.Layer, images: np.ndarray) -> float:
    """The `difference`; ExportError, naming the engine, where it is more than LIMIT."""
    found = difference(net, model, images)
    if not found <= LIMIT:  # NaN too
        raise ExportError(f"{engine} differs by {found:.1e} from the dynamic graph, at most {LIMIT:g} is right")
    return found
