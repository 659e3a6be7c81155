"""The doctor: why would this net, on these pictures, with this recipe, stay at chance?

`examine(trainer)` looks at a training before it begins and names what is wrong, each time with the evidence, what it
means and one thing to change. It looks in the order in which one thing causes the next: pictures and labels, then
the net's state, then the first steps. Where one part has findings, the later parts would only show their
consequences, so they wait until those are mended. Weights, modes and the trainer's progress stay as they are.

The thresholds were set on the nets and recipes of this package, see `course/results/doctor.json`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle import inspection
from alexnet_paddle.datasets.loader import Key
from alexnet_paddle.runtime import seed_everything
from alexnet_paddle.training.recipes import Schedule, build_optimizer
from alexnet_paddle.training.trainer import Trainer

BATCH = 32  # pictures of the batch that is looked at
STEPS = 100  # in which a net should learn something about one batch
LEFT_CHANCE = 0.9  # of a guess's loss
LEAST_SIGNAL = 1e-3  # fraction of the last hidden layer's output that tells one picture from another
SMALLER, LARGER = (0.1, 0.01), (10, 100)  # times the recipe's learning rate
PICTURES = 600  # on which labels are tried


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `name` is short and always the same for the same fault."""

    name: str
    evidence: str
    meaning: str
    change: str


@dataclass(frozen=True)
class Trial:
    """Steps of training on one batch: the loss of each, and the step at which the net had left chance, if it did."""

    learning_rate: float
    losses: list[float]
    left_after: int | None

    @property
    def rose(self) -> bool:
        """Whether the loss went far above where it began, or is not finite."""
        return not math.isfinite(self.losses[-1]) or max(self.losses) > 2 * self.losses[0]

    def __str__(self) -> str:
        if self.left_after:
            return f"leaves chance after {self.left_after} steps"
        end = "does not leave chance" if math.isfinite(self.losses[-1]) else "diverges"
        return f"{end} in {len(self.losses)} steps"


class Examination:
    """What can be measured of a trainer's model, pictures and recipe; each thing is measured when it is asked for."""

    def __init__(self, trainer: Trainer):
        self.model, self.recipe, self.seed = trainer.model, trainer.recipe, trainer.seed
        self.loader = trainer.train_loader
        self.labels = np.asarray(self.loader.dataset.labels)
        self.trials: dict[float, Trial] = {}  # by times the recipe's learning rate

    @cached_property
    def keys(self) -> list[list[Key]]:
        """The batches of the first epoch, as lists of (epoch, index)."""
        sampler = self.loader.batch_sampler
        before, sampler.epoch, sampler.first = (sampler.epoch, sampler.first), 1, 0
        try:
            return list(sampler)
        finally:
            sampler.epoch, sampler.first = before

    @cached_property
    def batch(self) -> tuple[paddle.Tensor, ...]:
        """(images, labels): the pictures that the training will see first, as the net will see them."""
        keys = [key for keys in self.keys for key in keys][:BATCH]
        return tuple(paddle.to_tensor(array) for array in self.loader.arrays(keys))

    @cached_property
    def num_classes(self) -> int:
        with inspection.kept_mode(self.model), paddle.no_grad():
            self.model.eval()
            return self.model(self.batch[0][:1]).shape[-1]

    @cached_property
    def activations(self) -> list[inspection.Activations]:
        return inspection.activations(self.model, self.batch[0])

    @property
    def hidden(self) -> list[inspection.Activations]:
        """Without the last layer's, the logits, and without dropout, which passes everything on here."""
        return [layer for layer in self.activations[:-1] if "Dropout" not in layer.kind]

    @property
    def last_hidden(self) -> inspection.Activations:
        """What the last layer sees."""
        return self.hidden[-1]

    @cached_property
    def loss_and_gradients(self) -> tuple[float, list[inspection.Gradient]]:
        seed_everything(self.seed)
        return inspection.gradients(self.model, *self.batch)

    def trial(self, factor: float = 1) -> Trial:
        """At `factor` times the recipe's learning rate. Where the recipe's own works, others get twice its steps."""
        if factor not in self.trials:
            own = self.trials.get(1)
            steps = min(STEPS, 2 * own.left_after) if own and own.left_after else STEPS
            self.trials[factor] = self._try(factor, steps)
        return self.trials[factor]

    def _try(self, factor: float, steps: int) -> Trial:
        recipe = self.recipe.replace(learning_rate=self.recipe.learning_rate * factor, schedule=Schedule())
        images, labels = self.batch
        guess = entropy(labels.numpy())  # what can be reached without looking at the pictures
        losses: list[float] = []
        left_after = None
        with _kept_weights(self.model), inspection.kept_mode(self.model):
            self.model.train()
            optimizer, _ = build_optimizer(recipe, self.model, 1)
            for step in range(steps):
                seed_everything(step)
                loss = F.cross_entropy(self.model(images), labels)
                losses.append(loss.item())
                if not math.isfinite(losses[-1]):
                    break
                if len(losses) >= 5 and np.median(losses[-5:]) < LEFT_CHANCE * guess:
                    left_after = len(losses)
                    break
                loss.backward()
                optimizer.step()
                optimizer.clear_grad()
        return Trial(recipe.learning_rate, losses, left_after)


def entropy(labels: np.ndarray) -> float:
    """Mean cross-entropy, in nats, of always giving each class its fraction: ln(classes) where all are as frequent."""
    fractions = np.bincount(labels) / len(labels)
    fractions = fractions[fractions > 0]
    return float(-(fractions * np.log(fractions)).sum())


@contextmanager
def _kept_weights(model: paddle.nn.Layer) -> Iterator[None]:
    """Training inside leaves no trace."""
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        yield
    finally:
        model.set_state_dict(weights)
        model.clear_gradients()


# ---- pictures and labels ---------------------------------------------------------------------------


def _inputs(seen: Examination) -> Iterator[Finding]:
    images = seen.batch[0].astype("float32").numpy()
    size, spread = float(np.abs(images).max()), float(images.std())
    evidence = f"the first {len(images)} pictures, as the net gets them, have standard deviation {spread:.2g}"
    if not np.isfinite(images).all():
        yield Finding(
            "inputs not finite",
            "the pictures, as the net gets them, hold NaN or infinity",
            "every sum with them is NaN, and so will the loss be",
            "look at what is divided by: a standard deviation of 0?",
        )
    elif spread < 0.01:
        yield Finding(
            "inputs all zero" if size < 0.01 else "inputs all the same",
            f"{evidence} and reach from {images.min():.2g} to {images.max():.2g}",
            "the net sees next to nothing: such numbers come from dividing by 255 twice, or from whole-number division",
            "divide once: to a standard deviation near 1, or leave the pictures on 0..255 as the paper does",
        )
    elif spread > 1000:
        yield Finding(
            "inputs too large",
            evidence,
            "weights are initialised for numbers near 1, or up to 255: with larger ones the first steps blow up",
            "bring the pictures to a standard deviation near 1",
        )


def _classes(seen: Examination) -> Iterator[Finding]:
    counts = np.bincount(seen.labels, minlength=2)
    most = counts.max() / counts.sum()
    evidence = f"of {counts.sum()} training pictures {counts.max()} are of class {counts.argmax()}"
    if most == 1:
        yield Finding(
            "all pictures of one class",
            evidence,
            "a net that always answers this class makes no mistake, so there is nothing to learn",
            "look at how labels are made from folders or file names",
        )
    elif most > 0.9:
        yield Finding(
            "one class is nearly everything",
            evidence,
            f"always answering this class is right in {most:.0%}, and the net will learn that first",
            "add pictures of the other classes, or draw each class equally often",
        )
    elif all(len(keys) > 1 == len(set(seen.labels[[index for _, index in keys]])) for keys in seen.keys[:5]):
        yield Finding(
            "batches of one class",
            f"each of the first {len(seen.keys[:5])} batches holds one class only",
            "each step teaches the net to answer one class, and the next step another one",
            "shuffle the training pictures",
        )


def _labels_fit_pictures(seen: Examination) -> Iterator[Finding]:
    """Are the labels to be told from the pictures at all? Tried by least squares on simple features."""
    chosen = np.random.default_rng(0).permutation(len(seen.labels))[:PICTURES]
    labels = seen.labels[chosen]
    if len(labels) < 100 or len(set(labels)) < 2:
        return  # too few to tell
    dataset = seen.loader.dataset
    features = np.stack([simple_features(dataset.square(int(index), 64)) for index in chosen])
    right, guesses = _accuracy_against_shuffled(features, labels)
    if right < guesses.mean() + 3 * guesses.std():
        yield Finding(
            "labels shuffled",
            f"colours, edges and coarse shapes of {len(labels)} pictures predict {right:.0%} of the left-out labels; "
            f"with labels shuffled on purpose {guesses.mean():.0%}, standard deviation {guesses.std():.1%}",
            "labels and pictures do not belong together, or the classes differ in fine details only",
            "look at ten pictures with their labels; make the list of pictures and of labels in one place",
        )


def simple_features(square: np.ndarray) -> np.ndarray:
    """Colours, edges by direction and place, and a coarse picture of a uint8 [64, 64, 3] square: [384] numbers."""
    cells = square.reshape(8, 8, 8, 8, 3).mean(axis=(1, 3)) / 255
    colours = np.bincount((square // 64 @ (16, 4, 1)).ravel(), minlength=64) / 4096
    grey = square.mean(axis=2)
    dy, dx = np.gradient(grey)
    direction = (np.arctan2(dy, dx) % np.pi * (8 / np.pi)).astype(int) % 8
    row, column = np.indices(grey.shape) // 16
    edges = np.bincount(((row * 4 + column) * 8 + direction).ravel(), np.hypot(dy, dx).ravel(), minlength=128)
    return np.concatenate([cells.ravel(), np.sqrt(colours), np.sqrt(edges / 4096)])


def _accuracy_against_shuffled(
    features: np.ndarray, labels: np.ndarray, shuffles: int = 20
) -> tuple[float, np.ndarray]:
    """(fraction of labels that ridge regression gets right, each left out in turn; the same for shuffled labels)."""
    x = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    kernel = x @ x.T / x.shape[1]
    hat = kernel @ np.linalg.inv(kernel + np.eye(len(x)) * np.trace(kernel) / len(x))
    own = np.diag(hat)[:, None]

    def accuracy(labels: np.ndarray) -> float:
        targets = np.eye(labels.max() + 1)[labels] - np.bincount(labels) / len(labels)
        left_out = (hat @ targets - own * targets) / (1 - own)
        return np.mean((left_out + np.bincount(labels) / len(labels)).argmax(axis=1) == labels)

    rng = np.random.default_rng(0)
    return accuracy(labels), np.array([accuracy(rng.permutation(labels)) for _ in range(shuffles)])


# ---- the net as it is ------------------------------------------------------------------------------


def _mode(seen: Examination) -> Iterator[Finding]:
    layers = seen.model.sublayers(include_self=True)
    if asleep := [layer for layer in layers if not layer.training]:
        yield Finding(
            "model in eval mode",
            f"{len(asleep)} of {len(layers)} layers are in eval mode",
            "dropout is off, so the net will learn its training pictures by heart",
            "call model.train() before the training loop, and again after each evaluation",
        )


def _frozen(seen: Examination) -> Iterator[Finding]:
    parameters = dict(seen.model.named_parameters())
    if frozen := [name for name, parameter in parameters.items() if parameter.stop_gradient]:
        yield Finding(
            "frozen layers",
            f"{len(frozen)} of {len(parameters)} parameters take no gradient (stop_gradient): {', '.join(frozen)}",
            "they stay as they were initialised",
            "set parameter.stop_gradient = False, unless they hold trained weights that are to stay",
        )


def _constant_weights(seen: Examination) -> Iterator[Finding]:
    for name, parameter in seen.model.named_parameters():
        values = parameter.astype("float32").numpy()
        if values.ndim > 1 and values.size > 1 and values.min() == values.max():
            yield Finding(
                f"weights of {name.rpartition('.')[0]} all {values.flat[0]:g}",
                f"all {values.size:,} numbers of {name} are {values.flat[0]:g}",
                "its outputs are all alike; and from weights of 0 no gradient passes to the layers before it",
                "initialise it with small random numbers, such as paddle.nn.initializer.Normal(0, 0.01)",
            )


def _dropout(seen: Examination) -> Iterator[Finding]:
    layers = inspection.leaves(seen.model).items()
    if dropping := [name for name, layer in layers if "Dropout" in type(layer).__name__ and layer.p >= 1]:
        yield Finding(
            "dropout 1.0",
            f"{', '.join(dropping)}: p is 1",
            "p is the fraction that is dropped: nothing passes such a layer while training",
            "choose a rate below 1; the paper's is 0.5",
        )


# ---- before the first step -------------------------------------------------------------------------


def _first_loss(seen: Examination) -> Iterator[Finding]:
    loss, _ = seen.loss_and_gradients
    chance = math.log(seen.num_classes)
    if not math.isfinite(loss) or loss > 3 * chance:
        yield Finding(
            "loss at the start far from a guess",
            f"the first loss is {loss:.3g}; a guess among {seen.num_classes} classes has ln({seen.num_classes}) = "
            f"{chance:.3f}",
            "the net is sure of wrong answers before it has learned anything: inputs or weights are too large",
            "bring the pictures to a standard deviation near 1, or make the weights smaller",
        )


def _dead_units(seen: Examination) -> Iterator[Finding]:
    for layer in seen.hidden:
        if layer.kind in ("ReLU", "MaxPool2D") and layer.dead > 0.95:
            yield Finding(
                "dead units",
                f"{layer.dead:.0%} of {layer.name}'s outputs are 0 for all of {len(seen.batch[0])} pictures",
                "a ReLU that is 0 for every picture gets no gradient, so it stays 0",
                "make the weights before it larger or its biases positive, or take a smaller learning rate",
            )
            return  # the layers after it follow from it


def _no_gradient(seen: Examination) -> Iterator[Finding]:
    _, gradients = seen.loss_and_gradients
    weights = [gradient for gradient in gradients if gradient.trainable]
    if without := [gradient.name for gradient in weights if not gradient.gradient]:
        yield Finding(
            "no gradient",
            f"the loss does not depend on {', '.join(without)}",
            "these parameters will never change",
            "look for a detach(), a .numpy() or a layer that forward does not use",
        )


def _no_signal(seen: Examination) -> Iterator[Finding]:
    """All pictures look alike to the last layer. SGD's steps shrink with the signal, so it does not start; Adam and
    RMSProp divide by the gradient's size, so there only the trial can tell."""
    if seen.recipe.optimizer == "sgd":
        yield from _lost_signal(seen)


def _lost_signal(seen: Examination) -> Iterator[Finding]:
    last = seen.last_hidden
    if last.signal_ratio >= LEAST_SIGNAL:
        return
    lost = next(layer for layer in seen.hidden if layer.signal_ratio < LEAST_SIGNAL)
    sizes = {gradient.name: gradient for gradient in seen.loss_and_gradients[1]}
    weights = [gradient for name, gradient in sizes.items() if name.endswith("weight") and gradient.gradient]
    evidence = (
        f"from one picture to another {last.name} changes by {last.signal_ratio:.1e} of its size "
        f"(lost in {lost.name}); gradient of {weights[0].name} {weights[0].gradient:.1e}, "
        f"of {weights[-1].name} {weights[-1].gradient:.1e}"
    )
    functions = [layer.kind for layer in seen.hidden if layer.kind in ("ReLU", *inspection.BOUNDS)]
    biases = [gradient.value for name, gradient in sizes.items() if name.endswith("bias")]
    if functions and "ReLU" not in functions:
        meanings = {
            "Sigmoid": "each sigmoid passes on a quarter or less of what differs between pictures, and of the gradient",
            "Tanh": "with small weights each layer shrinks what differs between pictures, and the gradient",
        }
        yield Finding(
            f"{functions[0].lower()} in all layers",
            evidence,
            meanings[functions[0]],
            "--activation relu; or an initialisation with larger weights, such as init='paddle'",
        )
    elif max(biases, default=0) > 0.5:
        yield Finding(
            "biases drown the signal",
            evidence,
            "weights this small on inputs this small leave only what the biases of 1 put in: all pictures look alike",
            "leave the pictures on the scale 0..255 (normalise='mean_image', as recipe paper does)",
        )
    else:
        yield Finding(
            "the signal is lost",
            evidence,
            "the weights are so small that each layer passes on less than the one before",
            "an initialisation that keeps the size, such as init='kaiming' or init='paddle'",
        )


# ---- the first steps -------------------------------------------------------------------------------


def _first_steps(seen: Examination) -> Iterator[Finding]:
    """Can it learn one batch by heart, and at which learning rates?"""
    own = seen.trial()
    if own.left_after:
        others = {factor: seen.trial(factor) for factor in SMALLER + LARGER}
        fast = others[100].left_after
        if fast and fast < own.left_after:
            yield _wrong_rate("too small", own, others[100])
    elif findings := list(_lost_signal(seen)):
        yield from findings
    elif better := _fastest(seen, SMALLER + LARGER if own.rose else LARGER + SMALLER):
        yield _wrong_rate("too large" if better.learning_rate < own.learning_rate else "too small", own, better)
    else:
        yield Finding(
            "does not learn one batch",
            f"{len(seen.batch[0])} pictures, {STEPS} steps at {own.learning_rate:g}: loss {own.losses[0]:.3f} to "
            f"{own.losses[-1]:.3f}; no better at a hundredth, a tenth, ten or a hundred times of that",
            "a net that cannot learn a few pictures by heart will not learn many",
            "take another initialisation, such as init='paddle', or recipe quick; then add one change at a time",
        )


def _fastest(seen: Examination, factors: Sequence[float]) -> Trial | None:
    """Of the learning rates in the first half of `factors` that leave chance the fastest; else of the second half."""
    for pair in (factors[:2], factors[2:]):
        if works := [trial for trial in map(seen.trial, pair) if trial.left_after]:
            return min(works, key=lambda trial: len(trial.losses))
    return None


def _wrong_rate(how: str, own: Trial, better: Trial) -> Finding:
    meanings = {
        "too large": "each step jumps over what it should descend to",
        "too small": "the steps are so short that the net gets nowhere in the time it has",
    }
    return Finding(
        f"learning rate {how}",
        f"one batch at {own.learning_rate:g}: {own}, loss {own.losses[0]:.3g} to {own.losses[-1]:.3g}; at "
        f"{better.learning_rate:g} it {better}",
        meanings[how],
        f"--learning-rate {better.learning_rate:g}",
    )


PARTS = (
    (_inputs, _classes),
    (_mode, _frozen, _constant_weights, _dropout),
    (_first_loss, _dead_units),
    (_no_gradient,),
    (_no_signal,),
)
THOROUGH_PARTS = ((_inputs, _classes, _labels_fit_pictures), *PARTS[1:], (_first_steps,))


def examine(trainer: Trainer, thorough: bool = True) -> tuple[list[Finding], Examination]:
    """What is wrong with a training that is about to begin, and what was measured for it.

    The trainer's model may be any layer that takes its loader's images and gives logits. Without
    `thorough` it takes one forward and backward pass; with it, labels are tried on pictures and the net on one batch.
    """
    seen = Examination(trainer)
    for part in THOROUGH_PARTS if thorough else PARTS:
        if findings := [finding for check in part for finding in check(seen)]:
            return findings, seen
    return [], seen


def at_chance(loss: float, top1: float, images: int, labels: np.ndarray) -> bool:
    """Is a net with these validation figures on `images` pictures no better than a guess that knows how frequent
    each class is among the training's `labels`?"""
    most = np.bincount(labels).max() / len(labels)
    return bool(loss > 0.98 * entropy(labels) and top1 < most + 2 * math.sqrt(most * (1 - most) / images))
