"""Checkpoints: a folder of safetensors files and one JSON file. Reading one runs no code from it.

model.safetensors          weights, by layer name
preprocessing.safetensors  mean and standard deviation that the inputs are brought to
optimizer.safetensors      optimizer state, by layer name (for resuming only)
checkpoint.json            everything else, and the sha256 of all four

There are no states of random generators to keep: all chance is drawn anew for each batch and each picture from the
seed, the epoch and a number, and these are in `checkpoint.json`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import safetensors.numpy

from alexnet_paddle.datasets.dataset import Dataset
from alexnet_paddle.datasets.transforms import Inputs, Preprocessing
from alexnet_paddle.errors import InputError
from alexnet_paddle.files import flush_folder, write_through
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.provenance import versions
from alexnet_paddle.training.recipes import Recipe

if TYPE_CHECKING:
    import paddle

    from alexnet_paddle.nets.model import AlexNet
    from alexnet_paddle.training.trainer import Trainer

FORMAT = 3
DESCRIPTION = "checkpoint.json"
TYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}  # of NumPy, of safetensors


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory. `state` is what the training needs to go on: seed, epoch, step, figures so far,
    schedule. `versions` are those that it was made with."""

    config: AlexNetConfig
    recipe: Recipe
    classes: tuple[str, ...]
    display_names: dict
    preprocessing: Preprocessing
    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray]
    state: dict
    versions: dict

    @staticmethod
    def of(trainer: Trainer, dataset: Dataset, inputs: Inputs) -> Checkpoint:
        """Where `trainer` is now, on the pictures of `dataset` with `inputs`."""
        return Checkpoint(
            trainer.model.config,
            trainer.recipe,
            dataset.classes,
            dataset.display_names,
            inputs.preprocessing,
            weights={name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()},
            optimizer=optimizer_state(trainer.optimizer, trainer.model),
            state={**trainer.state(), "color_axes": inputs.color_axes.tolist()},
            versions=versions(),
        )

    def save(self, directory: Path) -> None:
        """Write the folder beside its place, then move it there: whatever happens, an old or a new one is whole.

        Raises OSError, for example when the disk is full, or MemoryError; then the old one is left, and nothing else.
        """
        directory = Path(directory)
        new, old = directory.with_name(directory.name + ".new"), directory.with_name(directory.name + ".old")
        shutil.rmtree(new, ignore_errors=True)
        try:
            new.mkdir(parents=True)
            self._write_files(new)
        except Exception:
            shutil.rmtree(new, ignore_errors=True)
            raise
        if directory.exists():  # else .old is the only whole one, left by a writer that was stopped
            shutil.rmtree(old, ignore_errors=True)
            directory.rename(old)
        new.rename(directory)
        flush_folder(directory.parent)
        shutil.rmtree(old, ignore_errors=True)

    def _write_files(self, folder: Path) -> None:
        files = {
            "model.safetensors": self.weights,
            "preprocessing.safetensors": self.preprocessing.tensors(),
            "optimizer.safetensors": self.optimizer,
        }
        digests = {}
        for name, tensors in files.items():
            digests[name] = _write_tensors(folder / name, tensors)
        description = {
            "format": FORMAT,
            "config": self.config.to_dict(),
            "recipe": self.recipe.to_dict(),
            "classes": list(self.classes),
            "display_names": self.display_names,
            "image_size": self.preprocessing.image_size,
            "state": self.state,
            "versions": self.versions,
            "sha256": digests,
        }
        digests[DESCRIPTION] = _digest(description)
        write_through(folder / DESCRIPTION, json.dumps(description, indent=1, ensure_ascii=False).encode())
        flush_folder(folder)

    @staticmethod
    def load(directory: Path) -> Checkpoint:
        """Raises InputError, naming the file, for anything that `save` did not write."""
        directory = Path(directory)
        old = directory.with_name(directory.name + ".old")
        if not directory.exists() and old.exists():
            directory = old  # the writer was stopped between its two renames
        path = directory / DESCRIPTION
        description = _read_json(path)
        try:
            digests = dict(description["sha256"])
            if digests.pop(DESCRIPTION) != _digest(description):
                raise InputError(f"{path}: altered (its sha256 is not the one that was written into it)")
            tensors = {name: _read_tensors(directory / name, digest) for name, digest in digests.items()}
            return Checkpoint(
                config=AlexNetConfig.from_dict(description["config"]),
                recipe=Recipe.from_dict(description["recipe"]),
                classes=tuple(description["classes"]),
                display_names=description["display_names"],
                preprocessing=Preprocessing(description["image_size"], **tensors["preprocessing.safetensors"]),
                weights=tensors["model.safetensors"],
                optimizer=tensors["optimizer.safetensors"],
                state=description["state"],
                versions=description["versions"],
            )
        except InputError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise InputError(f"{path}: not a checkpoint of ours (missing or wrong: {error})") from None

    def build_model(self) -> AlexNet:
        """The `AlexNet` with these weights, in eval mode."""
        from alexnet_paddle.nets.model import AlexNet

        model = AlexNet(self.config)
        set_weights(model, self.weights)
        model.eval()
        return model


def _write_tensors(path: Path, tensors: dict[str, np.ndarray]) -> str:
    """Write a safetensors file and return its sha256. The library's own writer needs all the memory again, and ends
    the process where there is none."""
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    ends = np.cumsum([tensor.nbytes for tensor in tensors.values()]).tolist()
    header = {
        name: {"dtype": TYPES[tensor.dtype.name], "shape": tensor.shape, "data_offsets": [end - tensor.nbytes, end]}
        for (name, tensor), end in zip(tensors.items(), ends)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    parts: list[bytes | memoryview] = [
        len(text).to_bytes(8, "little"),
        text,
        *(tensor.data.cast("B") for tensor in tensors.values()),
    ]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    write_through(path, *parts)
    return digest.hexdigest()


def _digest(description: dict) -> str:
    """sha256 of a description without its own digest."""
    others = {name: digest for name, digest in description["sha256"].items() if name != DESCRIPTION}
    return hashlib.sha256(json.dumps({**description, "sha256": others}).encode()).hexdigest()


def _read_json(path: Path) -> dict:
    try:
        description = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise InputError(f"{path}: checkpoint format {found}, this version reads {FORMAT}")
    return description


def _read_tensors(path: Path, digest: str | None = None) -> dict[str, np.ndarray]:
    try:
        data = path.read_bytes()
        if digest is not None and hashlib.sha256(data).hexdigest() != digest:
            raise InputError(f"{path}: altered or cut short (its sha256 is not the one in checkpoint.json)")
        return safetensors.numpy.load(data)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except safetensors.SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file ({error})") from None
    except KeyError as error:
        raise InputError(f"{path}: holds numbers of type {error}, which NumPy does not have; save float32") from None


# ---- weights ---------------------------------------------------------------------------------------


def read_weights(path: Path, trust_pickle: bool = False) -> dict[str, np.ndarray]:
    """Weights from a .safetensors file, a checkpoint folder, or a run folder (its best checkpoint); with
    `trust_pickle` also from Paddle's own .pdparams, a pickle, which runs whatever code its maker put into it.
    Raises InputError."""
    path = Path(path)
    if path.is_dir():
        folder = path if (path / "checkpoint.json").exists() else path / "best"
        return Checkpoint.load(folder).weights
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.suffix != ".pdparams":
        return _read_tensors(path)
    if not trust_pickle:
        raise InputError(
            f"{path}: reading a .pdparams file runs the code in it; add --trust-pickle if you trust its maker"
        )
    return _read_pickle(path)


def _read_pickle(path: Path) -> dict[str, np.ndarray]:
    import paddle

    try:
        found = paddle.load(str(path), return_numpy=True)
    except Exception as error:  # it is code: anything can happen
        raise InputError(f"{path}: Paddle cannot read it ({_first_line(error)})") from None
    if not isinstance(found, dict) or not all(isinstance(value, np.ndarray) for value in found.values()):
        raise InputError(f"{path}: holds no weights by name, as paddle.save(net.state_dict(), ...) writes them")
    return found


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0]


def set_weights(model: AlexNet, weights: dict[str, np.ndarray]) -> None:
    """Put weights into a model of the same shape. Raises InputError naming the first thing that differs."""
    own = model.state_dict()
    if missing := sorted(set(own) - set(weights)):
        raise InputError(f"the weights lack {missing[0]}: they are not of the net {model.config.name!r}")
    if extra := sorted(set(weights) - set(own)):
        raise InputError(f"the weights also hold {extra[0]}: they are not of the net {model.config.name!r}")
    for name, tensor in own.items():
        if list(weights[name].shape) != list(tensor.shape):
            raise InputError(
                f"{name} is {list(weights[name].shape)} in the weights and {list(tensor.shape)} "
                f"in the net {model.config.name!r}: another variant or class count"
            )
        if (kind := str(tensor.dtype).removeprefix("paddle.")) != weights[name].dtype:
            raise InputError(f"{name} is {weights[name].dtype} in the weights, and {kind} is needed")
    model.set_state_dict(weights)


def start_from_weights(model: AlexNet, weights: dict[str, np.ndarray]) -> bool:
    """Put trained weights into a model; where the classes differ its last layer stays as initialised. Weights of
    another program, with none of our names, are taken in their order.

    Returns whether the last layer is new. Raises InputError where any other layer differs.
    """
    own = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    if not set(own) & set(weights) and len(own) == len(weights):
        weights = dict(zip(own, weights.values()))
    last = f"fc{len(model.config.stages)}."
    fresh = {name: own[name] for name in own if name.startswith(last)}
    differs = any(name in weights and weights[name].shape != tensor.shape for name, tensor in fresh.items())
    set_weights(model, {**weights, **fresh} if differs else weights)
    return differs


# ---- optimizer state -------------------------------------------------------------------------------


def optimizer_state(optimizer: paddle.optimizer.Optimizer, model: paddle.nn.Layer) -> dict[str, np.ndarray]:
    """The optimizer's tensors by layer name, e.g. "conv1.weight/velocity": Paddle's own names count the layers
    made so far in the process, so they would not fit after a restart."""
    state = optimizer.state_dict()
    return {name: state[key].numpy() for key, name in _optimizer_names(state, model).items()}


def set_optimizer_state(
    optimizer: paddle.optimizer.Optimizer, model: paddle.nn.Layer, tensors: dict[str, np.ndarray]
) -> None:
    """Put back what `optimizer_state` returned, bit for bit. Call it before the weights are set: the optimizer
    makes its tensors in its first step, which is taken here with gradients of zero."""
    sum((parameter * 0).sum() for parameter in model.parameters()).backward()
    optimizer.step()
    optimizer.clear_grad()
    state = optimizer.state_dict()
    names = _optimizer_names(state, model)
    if set(names.values()) != set(tensors):
        odd = sorted(set(names.values()) ^ set(tensors))[0]
        raise InputError(f"optimizer.safetensors is of another net or optimizer: it differs at {odd}")
    optimizer.set_state_dict({**state, **{key: tensors[name] for key, name in names.items()}})


def _optimizer_names(state: dict[str, paddle.Tensor], model: paddle.nn.Layer) -> dict[str, str]:
    names = {}
    for layer_name, parameter in model.named_parameters():
        for key in state:
            if key.startswith(parameter.name + "_"):
                accumulator = re.sub(r"_\d+$", "", key[len(parameter.name) + 1 :])
                names[key] = f"{layer_name}/{accumulator}"
    return names
