"""The systems that `alexnet_paddle.benchmark` compares, each in a process of its own.

Paddle and PyTorch in one process would share threads and disturb each other, CPU settings are read when a library is
loaded, and peak memory is counted by process. `python -m alexnet_paddle.study.benchmark_systems JOB` prepares one job,
given as JSON, and then talks in lines of JSON:

    process  {"work": 32, "settings": {...}}                 ready; one step does so much work (images, or GFLOP)
    command  3                                               do three steps
    process  {"seconds": 1.93, "peak_memory": 812000000,     they took so long; bytes, None where not known;
              "parts": {"pictures": 0.1, ...}}               seconds of all steps so far by part, None for most kinds
    process  {"failed": "out of memory"}                     instead of either, and then it ends

The command closes the pipe when it has enough. Importing this module loads neither paddle nor torch.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet_paddle import CPU_SETTINGS
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.nets.config import LRN, PAPER_LRN, AlexNetConfig
from alexnet_paddle.nets.variants import VARIANTS

if TYPE_CHECKING:
    from alexnet_paddle.datasets import Dataset
    from alexnet_paddle.nets.model import AlexNet

Job = dict[str, Any]  # what a process is asked for: "kind", "system", and what the kind needs
Prepared = tuple[Callable[[], None], float]  # (step, work of a step)

MATRIX_SIDE = 2048
LEARNING_RATE = 1e-3  # the labels are chance, so that a larger one might end in numbers that are none


@dataclass(frozen=True)
class System:
    """`tune` is the value of ALEXNET_PADDLE_TUNE in its processes, None for not set; `library` does its mathematics.
    The last two are PyTorch's ways to be faster."""

    label: str
    library: str
    tune: str | None = None
    channels_last: bool = False
    compiled: bool = False


SYSTEMS = {
    "untouched": System("Paddle untouched", "paddle", "0"),
    "tuned": System("Paddle tuned", "paddle", "settings"),  # our settings, but Paddle's layers
    "numpy-ways": System("ours, no oneDNN", "paddle", "numpy"),
    "onednn-ways": System("ours, only oneDNN", "paddle", "onednn"),
    "ours": System("ours", "paddle"),
    "exported": System("ours, exported", "paddle"),
    # As many threads as ours, and the same malloc.
    "torch": System("PyTorch", "torch", "settings"),
    "torch-last": System("PyTorch, channels_last", "torch", "settings", channels_last=True),
    "torch-compiled": System("PyTorch, compiled", "torch", "settings", compiled=True),
    "torch-both": System("PyTorch, both", "torch", "settings", channels_last=True, compiled=True),
    "numpy": System("NumPy", "numpy", "settings"),
    "pillow": System("Pillow", "numpy", "settings"),
    "files": System("ours, from files", "paddle"),
    "packed": System("ours, packed", "paddle"),
}

TORCH = [name for name, system in SYSTEMS.items() if system.library == "torch"]


# ---- nets ------------------------------------------------------------------------------------------


def paddle_net(job: Job) -> AlexNet:
    """The job's net on Paddle: ours as it is; the others with Paddle's own response normalisation, which is what a
    user of Paddle would write."""
    import paddle

    from alexnet_paddle import AlexNet

    config = VARIANTS[job["net"]]
    net = AlexNet(config)
    if job["system"] in ("untouched", "tuned"):
        for name, layer in config.named_layers():
            if isinstance(layer, LRN):
                net.add_sublayer(name, paddle.nn.LocalResponseNorm(*lrn_arguments(layer)))
    return net


def lrn_arguments(layer: LRN) -> tuple[int, float, float, float]:
    """(size, alpha, beta, k) as Paddle's and PyTorch's layers take them: they divide alpha by the size.

    Raises ValueError for towers, which they do not know.
    """
    if layer.groups > 1:
        raise ValueError("response normalisation in towers: neither Paddle nor PyTorch has it")
    return layer.size, layer.alpha * (1 if layer.divide_by_size else layer.size), layer.beta, layer.k


def torch_net(config: AlexNetConfig) -> Any:
    """The net of an AlexNetConfig as a `torch.nn.Sequential` with the same layer names.

    Raises ValueError for what has no plain layer in PyTorch.
    """
    from torch import nn

    layers: OrderedDict[str, Any] = OrderedDict()
    shape: tuple[int, ...] = (config.in_channels, config.image_size, config.image_size)
    for (name, layer), row in zip(config.named_layers(), trace(config)):
        if layer.kind not in TORCH_LAYERS:
            raise ValueError(f"{name}: no such layer in PyTorch")
        if len(shape) == 3 and len(row.out_shape) == 1:
            layers["flatten"], shape = nn.Flatten(), (math.prod(shape),)
        layers[name] = TORCH_LAYERS[layer.kind](nn, layer, shape, row.out_shape)
        shape = row.out_shape
    return nn.Sequential(layers)


def _torch_conv(nn, layer, shape, out_shape):
    if (out_shape[1] - 1) * layer.stride + layer.kernel > shape[1] + 2 * layer.padding:
        raise ValueError("a convolution that is padded on one side only: PyTorch's layer has none")
    return nn.Conv2d(
        shape[0], layer.out_channels, layer.kernel, layer.stride, padding=layer.padding, groups=layer.groups
    )


def _torch_pool(nn, layer, shape, out_shape):
    rounded_up = (out_shape[1] - 1) * layer.stride + layer.kernel > shape[1]
    return nn.MaxPool2d(layer.kernel, layer.stride, ceil_mode=rounded_up)


def _torch_dropout(nn, layer, shape, out_shape):
    class Downscaling(nn.Dropout):  # type: ignore[name-defined]
        """The paper's: not scaled up in training, so scaled down at test time."""

        def forward(self, x):
            return super().forward(x) * (1 - self.p)

    return (nn.Dropout if layer.mode == "upscale_in_train" else Downscaling)(layer.p)


# (torch.nn, entry of the table, input shape, output shape) -> layer
TORCH_LAYERS = {
    "conv": _torch_conv,
    "pool": _torch_pool,
    "drop": _torch_dropout,
    "act": lambda nn, layer, *_: {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}[layer.function](),
    "lrn": lambda nn, layer, *_: nn.LocalResponseNorm(*lrn_arguments(layer)),
    "globalpool": lambda nn, *_: nn.AdaptiveAvgPool2d(1),
    "fc": lambda nn, layer, shape, _: nn.Linear(shape[0], layer.out_features),
}


def random_batch(config: AlexNetConfig, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 [N, C, size, size] and labels int64 [N], the same for all systems."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch_size, config.in_channels, config.image_size, config.image_size), "float32")
    return images, rng.integers(0, config.num_classes, batch_size)


# ---- jobs: each prepares and returns (step, work of a step) ---------------------------------------------


def paddle_training(job: Job) -> Prepared:
    import paddle

    from alexnet_paddle.training.recipes import RECIPES, build_optimizer

    net = paddle_net(job)
    # Momentum 0.9 and weight decay 5e-4; on the biases too, as PyTorch's plain call has it.
    recipe = RECIPES["paper"].replace(learning_rate=LEARNING_RATE, decay_biases=True)
    optimizer, _ = build_optimizer(recipe, net, steps_per_epoch=1)
    images, labels = map(paddle.to_tensor, random_batch(net.config, job["batch_size"]))
    net.train()

    def step():
        loss = paddle.nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        require_finite(loss.item())

    return step, job["batch_size"]


def torch_training(job: Job) -> Prepared:
    import torch

    net, images, labels = torch_net_and_batch(job)
    optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE, momentum=0.9, weight_decay=5e-4)
    net.train()

    def step():
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        require_finite(loss.item())

    return step, job["batch_size"]


def paddle_inference(job: Job, engine: Callable = lambda net, images: net) -> Prepared:
    import paddle

    net = paddle_net(job)
    net.eval()
    images, _ = random_batch(net.config, job["batch_size"])
    net, images = engine(net, images), paddle.to_tensor(images)

    @paddle.no_grad()
    def step():
        net(images).numpy()

    return step, job["batch_size"]


def exported_inference(job: Job) -> Prepared:
    from alexnet_paddle.training.inference import onednn_model

    return paddle_inference(job, lambda net, images: onednn_model(net, images[:4]))


def torch_inference(job: Job) -> Prepared:
    import torch

    net, images, _ = torch_net_and_batch(job)
    net.eval()

    @torch.no_grad()
    def step():
        net(images).numpy()

    return step, job["batch_size"]


def torch_net_and_batch(job: Job) -> tuple:
    """(net, images, labels) for PyTorch. Raises RuntimeError unless the net is as large as ours."""
    import torch

    config = VARIANTS[job["net"]]
    net = torch_net(config)
    images, labels = map(torch.from_numpy, random_batch(config, job["batch_size"]))
    with torch.no_grad():
        shape = tuple(net(images[:1]).shape)
    size = sum(parameter.numel() for parameter in net.parameters())
    if size != totals(trace(config))[0] or shape != (1, config.num_classes):
        raise RuntimeError(f"PyTorch's net differs from ours: {size} parameters, output {shape}")
    system = SYSTEMS[job["system"]]
    if system.channels_last:
        net, images = (one.to(memory_format=torch.channels_last) for one in (net, images))
    return torch.compile(net) if system.compiled else net, images, labels


def paddle_epoch(job: Job) -> Prepared:
    """An epoch of `train`, pictures and all; `step.parts` are the seconds that its parts took so far."""
    import paddle

    from alexnet_paddle import datasets
    from alexnet_paddle.datasets import packed
    from alexnet_paddle.datasets.loader import Loader
    from alexnet_paddle.datasets.transforms import resize_side
    from alexnet_paddle.training import setup
    from alexnet_paddle.training.recipes import RECIPES

    config, recipe = VARIANTS[job["net"]], RECIPES["quick"].replace(epochs=10**6)
    dataset = packed.use(datasets.load("petals"), resize_side(config.image_size))
    inputs = setup.measure_inputs(recipe, dataset.train, config.image_size)
    trainer = setup.build_trainer(paddle_net(job), recipe, dataset.train, dataset.val, inputs, seed=0)
    parts = dict.fromkeys(("pictures", "forward", "backward", "update"), 0.0)

    def timed(part, act):
        def timed_act(*arguments, **named):
            began = time.perf_counter()
            try:
                return act(*arguments, **named)
            finally:
                parts[part] += time.perf_counter() - began

        return timed_act

    class TimedLoader(Loader):
        def __iter__(self):
            batches = super().__iter__()
            draw = timed("pictures", lambda: next(batches, None))
            yield from iter(draw, None)

    trainer.train_loader.__class__ = TimedLoader
    trainer.forward = timed("forward", trainer.forward)
    trainer.optimizer.step = timed("update", trainer.optimizer.step)
    paddle.Tensor.backward = timed("backward", paddle.Tensor.backward)

    def step():
        trainer.train_epoch()
        trainer.step, trainer.epochs_done = 0, trainer.epochs_done + 1

    step.parts = parts  # type: ignore[attr-defined]
    return step, len(dataset.train)


def paddles_lrn(job: Job) -> Prepared:
    import paddle

    return paddle_layer(job, paddle.nn.LocalResponseNorm(*lrn_arguments(PAPER_LRN)))


def our_lrn(job: Job) -> Prepared:
    from alexnet_paddle.nets.layers import LocalResponseNorm

    return paddle_layer(job, LocalResponseNorm(job["shape"][1]), channels_last=True)


def paddle_layer(job: Job, layer: Callable, channels_last: bool = False) -> Prepared:
    """Forward and backward of one layer on [N, C, H, W]; with `channels_last` in memory, as in our nets."""
    import paddle

    x, gradient = map(paddle.to_tensor, activations(job))
    if channels_last:
        x, gradient = (t.transpose([0, 2, 3, 1]).contiguous().transpose([0, 3, 1, 2]) for t in (x, gradient))
    x.stop_gradient = False

    def step():
        layer(x).backward(gradient)
        x.clear_gradient(False)

    return step, job["shape"][0]


def torch_lrn(job: Job) -> Prepared:
    import torch

    layer = torch.nn.LocalResponseNorm(*lrn_arguments(PAPER_LRN))
    x, gradient = map(torch.from_numpy, activations(job))
    x.requires_grad_()

    def step():
        layer(x).backward(gradient)
        x.grad = None

    return step, job["shape"][0]


def activations(job: Job) -> np.ndarray:
    """What a layer gets from before and, as a gradient, from behind: float32 [2, N, C, H, W]."""
    return np.random.default_rng(0).standard_normal((2, *job["shape"]), "float32")


def pillow_input(job: Job) -> Prepared:
    """What one would write with Pillow and NumPy: picture by picture, float32 [3, size, size] each."""
    from PIL import Image

    from alexnet_paddle.datasets.transforms import IMAGENET_MEAN, IMAGENET_STD, resize_side

    size, side = job["size"], resize_side(job["size"])
    mean, std = (np.array(values, "float32") for values in (IMAGENET_MEAN, IMAGENET_STD))
    rng, paths = np.random.default_rng(0), pictures(job).train.paths

    def read(path):
        with Image.open(path) as file:
            image = file.convert("RGB")
        scale = side / min(image.size)
        image = image.resize([round(length * scale) for length in image.size], Image.Resampling.BILINEAR)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        left, top = map(int, rng.integers(0, side - size + 1, 2))
        image = image.crop((left, top, left + size, top + size))
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.ascontiguousarray(((np.asarray(image, "float32") - mean) / std).transpose(2, 0, 1))

    def step():
        for path in paths:
            read(path)

    return step, len(paths)


def loader_input(job: Job, prepare: Callable[[Dataset, int], Dataset] = lambda dataset, side: dataset) -> Prepared:
    """Our loader for training, on one process: the same steps and the same normalisation as `pillow_input`."""
    from alexnet_paddle.datasets.loader import train_loader
    from alexnet_paddle.datasets.transforms import Augmentation, TrainTransform, resize_side
    from alexnet_paddle.training import setup
    from alexnet_paddle.training.recipes import RECIPES

    recipe = RECIPES["quick"].replace(augmentation=Augmentation("random", mirror=True, normalise="imagenet"))
    inputs = setup.fit_inputs(recipe, job["size"], statistics=None)
    images = prepare(pictures(job), resize_side(job["size"])).train
    transform = TrainTransform(recipe.augmentation, inputs.preprocessing, inputs.color_axes)
    loader = train_loader(images, transform, recipe.batch_size, seed=0)

    def step():
        loader.batch_sampler.epoch += 1  # other crops
        for _ in loader:
            pass

    return step, len(images)


def packed_input(job: Job) -> Prepared:
    from alexnet_paddle.datasets.packed import Pack

    def prepare(dataset, side):
        pack = Pack(dataset, side)
        pack.build()
        return pack.use()

    return loader_input(job, prepare)


def pictures(job: Job) -> Dataset:
    from alexnet_paddle import datasets

    return datasets.load(job["folder"])


def paddle_matmul(job: Job) -> Prepared:
    import paddle

    return matmul(paddle.to_tensor)


def torch_matmul(job: Job) -> Prepared:
    import torch

    return matmul(torch.from_numpy)


def numpy_matmul(job: Job) -> Prepared:
    return matmul(lambda array: array)


def matmul(convert: Callable) -> Prepared:
    a, b = (convert(np.random.default_rng(0).standard_normal((MATRIX_SIDE, MATRIX_SIDE), "float32")) for _ in "ab")

    def step():
        a @ b

    return step, 2 * MATRIX_SIDE**3 / 1e9


def require_finite(loss: float) -> None:
    """Raises RuntimeError for a loss that is no number: such steps do not cost what others cost."""
    if not math.isfinite(loss):
        raise RuntimeError(f"the loss became {loss}")


# What is measured, by which systems; the systems are in the order of the table.
JOBS: dict[str, dict[str, Callable[[Job], Prepared]]] = {
    "matmul": {"untouched": paddle_matmul, "ours": paddle_matmul, "torch": torch_matmul, "numpy": numpy_matmul},
    "train": {
        "untouched": paddle_training,
        "tuned": paddle_training,
        "numpy-ways": paddle_training,
        "onednn-ways": paddle_training,
        "ours": paddle_training,
        **dict.fromkeys(TORCH, torch_training),
    },
    "inference": {
        "untouched": paddle_inference,
        "ours": paddle_inference,
        "exported": exported_inference,
        **dict.fromkeys(TORCH, torch_inference),
    },
    "epoch": dict.fromkeys(("tuned", "numpy-ways", "ours"), paddle_epoch),
    "lrn": {"untouched": paddles_lrn, "tuned": paddles_lrn, "ours": our_lrn, "torch": torch_lrn},
    "input": {"pillow": pillow_input, "files": loader_input, "packed": packed_input},
}


# ---- the process -----------------------------------------------------------------------------------


def serve(job: Job, lines: Iterable[str], answer: Callable[[dict], None]) -> None:
    """Prepare the job, then do as many steps as each line asks for; `answer(dict)` replies."""
    settings = SET_UP[SYSTEMS[job["system"]].library]()
    step, work = JOBS[job["kind"]][job["system"]](job)
    answer({"work": work, "settings": settings})
    for line in lines:
        began = time.perf_counter()
        for _ in range(int(line)):
            step()
        seconds = time.perf_counter() - began
        answer({"seconds": seconds, "peak_memory": peak_memory(), "parts": getattr(step, "parts", None)})


def set_up_paddle() -> dict[str, str]:
    import paddle

    paddle.set_device("cpu")
    return CPU_SETTINGS


def set_up_torch() -> dict[str, str]:
    import torch

    if "threads" in CPU_SETTINGS:
        torch.set_num_threads(int(CPU_SETTINGS["threads"]))
    return {"threads": str(torch.get_num_threads()), **set_up_numpy()}


def set_up_numpy() -> dict[str, str]:
    return {name: value for name, value in CPU_SETTINGS.items() if name == "malloc"}


# Each returns those of our settings that its library heeds.
SET_UP = {"paddle": set_up_paddle, "torch": set_up_torch, "numpy": set_up_numpy}


def peak_memory() -> int | None:
    """The most memory that this process has had so far, in bytes; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print must not get between the answers

    def answer(content):
        print(json.dumps(content), file=answers, flush=True)

    try:
        serve(json.loads(sys.argv[1]), sys.stdin, answer)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        answer({"failed": lines[0] if lines else type(error).__name__})
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
