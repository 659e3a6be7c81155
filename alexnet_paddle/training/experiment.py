"""From options to a finished run folder: the one place where data, net, recipe and trainer meet."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from alexnet_paddle import CPU_SETTINGS, datasets, reporter, runtime
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.datasets import packed
from alexnet_paddle.datasets.transforms import Preprocessing, Statistics, TrainTransform, resize_side
from alexnet_paddle.errors import InputError, Stopped
from alexnet_paddle.files import write_json
from alexnet_paddle.provenance import versions
from alexnet_paddle.reporter import say
from alexnet_paddle.training import distributed
from alexnet_paddle.training.options import Options, plan
from alexnet_paddle.training.run_folder import RunFolder

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2, version 1
STATISTICS_IMAGES = 10_000  # enough for means and covariances; ImageNet's 1.2 million would take hours


def train(options: Options, resume: bool = False) -> dict | None:
    """Train, or go on with a run, and measure the test split once. Returns what `report.json` holds, None in the
    processes beside the first of a distributed training.

    Everything that can be wrong with the input is found before the run folder is made. Raises InputError,
    TrainingFailed, and Stopped after Ctrl-C or SIGTERM, when the checkpoint is written.
    """
    run = RunFolder(options.out)
    if distributed.rank() > 0:
        reporter.silence()
    with ExitStack() as stack:
        if resume:
            stored, report = distributed.from_first(lambda: (run.read_config(), _read_report(run)))
            if report:
                say(f"{run.path}: this run is finished")
                return report
            distributed.on_first(lambda: stack.enter_context(run.locked()))
        else:
            distributed.on_first(run.require_new)
        config, recipe = distributed.together(lambda: plan(options))

        from alexnet_paddle.training import interruptions  # paddle is loaded from here on

        device = runtime.choose_device(options.device)
        say(f"device: {device} (asked for: {options.device}); CPU settings: {_words(CPU_SETTINGS) or 'as they were'}")
        begun_without = stored["data"].get("skipped") if resume else None
        dataset = _load_everywhere(options, config, recipe, begun_without)
        config = config.replace(num_classes=len(dataset.classes))
        distributed.together(lambda: _describe_net(config, recipe, device))
        start = None
        if resume:
            distributed.together(lambda: _compare(stored, dataset, device, run))
            start = distributed.from_first(lambda: _last_checkpoint(run, config, recipe, options.seed))
        trainer, make_checkpoint = _build(options, config, recipe, dataset, device, start)
        if not resume:
            distributed.on_first(lambda: stack.enter_context(run.locked()))
            distributed.on_first(lambda: run.create(_description(options, config, recipe, dataset, device)))
        trainer.callbacks = distributed.on_first(lambda: _callbacks(options, run, make_checkpoint)) or ()
        with interruptions.in_words(run, recipe.batch_size):
            if start is None and distributed.size() == 1:
                _warn(trainer)
            try:
                with interruptions.stop_on_signals(trainer):
                    trainer.fit()
                return _final_test(run, options, recipe, dataset, trainer) if distributed.rank() == 0 else None
            except Stopped:
                place = f"{run.last} holds epoch {trainer.epochs_done + 1}, step {trainer.step}"
                with distributed.alike():
                    raise Stopped(f"{place}; go on with --resume --out {run.path}") from None
            except KeyboardInterrupt:
                raise Stopped(f"go on with --resume --out {run.path}") from None


def _read_report(run) -> dict | None:
    return json.loads(run.report_file.read_text("utf-8")) if run.report_file.exists() else None


def build_trainer(options: Options):
    """The `Trainer` that these options describe, at its beginning. No run folder is made. Raises InputError."""
    config, recipe = plan(options)
    device = runtime.choose_device(options.device)
    dataset = _load(options, config, recipe)
    config = config.replace(num_classes=len(dataset.classes))
    _describe_net(config, recipe, device)
    return _build(options, config, recipe, dataset, device, None)[0]


def _warn(trainer):
    """Says what the quick part of the doctor finds, at the beginning of a training."""
    from alexnet_paddle.training import diagnosis

    for finding in diagnosis.examine(trainer, thorough=False)[0]:
        say(f"warning: {finding.name}: {finding.evidence}; {finding.change} (more: python -m alexnet_paddle.doctor)")


def _load_everywhere(options, config, recipe, skipped):
    """`_load`, first in process 0, which draws and packs what is not there and finds what is to be left out."""
    dataset = distributed.on_first(lambda: _load(options, config, recipe, skipped))
    skipped = distributed.from_first(lambda: dataset.skipped)
    dataset = distributed.together(lambda: dataset or _load(options, config, recipe, skipped))
    if len(set(distributed.gather(dataset.fingerprint))) > 1:
        with distributed.alike():
            raise InputError(f"{dataset.name}: other pictures on one machine than on another; copy them again")
    return dataset


def _load(options, config, recipe, skipped=None):
    """The data set, checked, from its pack if it has one. `skipped` is known where a run goes on, or where another
    process has found it: all leave out the same pictures."""
    side = resize_side(config.image_size)
    if not distributed.first_here():
        dataset = datasets.load(options.data, options.val, skipped)
    elif skipped is None:
        dataset = datasets.load_checked(options.data, options.val, side, skip_bad=options.skip_bad)
    else:
        remedy = "put back those that the run was begun with"
        dataset = datasets.load_checked(options.data, options.val, side, skipped=skipped, remedy=remedy)
    if dataset.skipped:
        say(f"--skip-bad: {len(dataset.skipped)} pictures are left out; config.json lists them")
    dataset = packed.use(dataset, side)
    counts = ", ".join(f"{len(split)} {name}" for name, split in dataset.splits.items())
    say(f"data: {dataset.name}, {counts}{', packed' if dataset.packed else ''}")
    if dataset.packed and recipe.augmentation.crop == "resized":
        say(f"pack: recipe {recipe.name} crops the whole pictures, so those for training are read from their files")
    return dataset


def _describe_net(config, recipe, device):
    """Says what is trained. Raises InputError when it cannot fit into the memory that the CPU has."""
    rows = trace(config)
    parameters, macs = totals(rows)[:2]
    side = f"{config.image_size} x {config.image_size}"
    say(f"net: {config.name}, {parameters:,} parameters, {macs:,} MACs, {side} input, {config.num_classes} classes")
    say(
        f"recipe: {recipe.name}, {recipe.optimizer} {recipe.learning_rate:g}, batch {recipe.batch_size}, "
        f"{recipe.epochs} epochs"
    )
    outputs = sum(math.prod(row.out_shape) for row in rows)
    # What is certain: every layer's output is kept for the backward pass; weights, gradients, optimizer state.
    processes = min(distributed.size(), runtime.processes_here())
    pictures = recipe.batch_size * processes // distributed.size()
    least = 4 * (pictures * outputs + 3 * parameters * processes)
    if device == "cpu" and least > (memory := _memory()):
        raise InputError(
            f"--batch-size {recipe.batch_size}: takes at least {least / 1e9:.1f} GB, and there are only "
            f"{memory / 1e9:.1f} GB; choose a smaller one"
        )


def _memory() -> float:
    """Bytes of memory of this machine, or of the container that we run in; infinite where the system does not say."""
    sizes = [math.inf]
    with suppress(AttributeError, ValueError, OSError):  # Windows
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in CGROUP_LIMITS:
        with suppress(ValueError, OSError):  # "max", and where there are no such files
            sizes.append(int(Path(limit).read_text()))
    return min(sizes)


def _compare(stored, dataset, device, run):
    """Raises InputError when the pictures are not those that the run was begun with; says what else differs."""
    if stored["data"]["fingerprint"] != dataset.fingerprint:
        raise InputError(f"{dataset.name}: other pictures than when {run.path} was begun; a resume needs the same")
    now = {**_machine(device), "versions": versions()}
    stored = {"processes": 1, **stored}  # runs of before there were several
    if differs := [what for what, value in now.items() if stored[what] != value]:
        words = "; ".join(f"{what} {_words(stored[what])}, now {_words(now[what])}" for what in differs)
        say(f"resume: begun with {words}; the last digits can differ from those of a run that was not stopped")


def _build(options, config, recipe, dataset, device, start):
    """The trainer, at its beginning or where `start` left off, and what makes a checkpoint of it."""
    from alexnet_paddle.datasets.loader import eval_loader, train_loader
    from alexnet_paddle.nets.model import AlexNet
    from alexnet_paddle.training import checkpoint
    from alexnet_paddle.training.trainer import Trainer

    if options.amp and device == "cpu":
        say("--amp: no effect on the CPU, training in float32")
    runtime.seed_everything(options.seed)
    model = AlexNet(config)
    if options.weights and not start:
        new_last_layer = distributed.on_first(lambda: _take_weights(model, options))
        reason = "; the last layer is new, because the classes differ" if new_last_layer else ""
        say(f"weights: {options.weights}{reason}")
    if start:
        preprocessing, axes = start.preprocessing, np.array(start.state["color_axes"])
    else:
        statistics = distributed.from_first(lambda: _statistics(recipe, dataset.train, config.image_size))
        preprocessing = Preprocessing.fit(config.image_size, recipe.augmentation.normalise, statistics)
        axes = statistics.color_axes if statistics else np.zeros((3, 3))
    transform = TrainTransform(recipe.augmentation, preprocessing, axes)
    part = distributed.rank(), distributed.size()
    trainer = Trainer(
        model,
        recipe,
        train_loader(dataset.train, transform, recipe.batch_size, options.seed, options.workers, part=part),
        eval_loader(dataset.val, preprocessing, recipe.batch_size, options.workers, part=part),
        seed=options.seed,
        amp=options.amp and device != "cpu",
    )
    if start:
        checkpoint.set_optimizer_state(trainer.optimizer, model, start.optimizer)
        checkpoint.set_weights(model, start.weights)
        trainer.load_state(start.state)
        say(f"resuming after epoch {trainer.epochs_done}, step {trainer.step}")

    def make_checkpoint(trainer):
        return checkpoint.Checkpoint(
            config,
            recipe,
            dataset.classes,
            dataset.display_names,
            preprocessing,
            weights={name: tensor.numpy() for name, tensor in model.state_dict().items()},
            optimizer=checkpoint.optimizer_state(trainer.optimizer, model),
            state={**trainer.state(), "color_axes": axes.tolist()},
            versions=versions(),
        )

    return trainer, make_checkpoint


def _take_weights(model, options) -> bool:
    """As `checkpoint.start_from_weights`. Process 0 does it; training begins with the same weights everywhere."""
    from alexnet_paddle.training import checkpoint

    try:
        weights = checkpoint.read_weights(options.weights, options.trust_pickle)
        return checkpoint.start_from_weights(model, weights)
    except InputError as error:
        raise InputError(f"--weights {options.weights}: {error}") from None


def _statistics(recipe, images, image_size) -> Statistics | None:
    augmentation = recipe.augmentation
    if augmentation.normalise in ("imagenet", "half") and not augmentation.color_pca:
        return None
    count = min(len(images), STATISTICS_IMAGES)
    indices = np.linspace(0, len(images) - 1, count).astype(int).tolist()
    side = resize_side(image_size)
    return Statistics.of(images.square(i, side) for i in reporter.progress(indices, "measuring colours"))


def _last_checkpoint(run, config, recipe, seed):
    """Where to go on, None at the beginning. Raises InputError when it is not of the training that config.json tells
    of, which then was altered."""
    from alexnet_paddle.training.checkpoint import Checkpoint

    if not run.last.exists() and not run.last.with_name("last.old").exists():
        return None  # stopped before the first was saved
    start = Checkpoint.load(run.last)
    begun = {"net": start.config, "recipe": start.recipe, "seed": start.state["seed"]}
    for what, now in {"net": config, "recipe": recipe, "seed": seed}.items():
        if begun[what] != now:
            raise InputError(f"{run.config_file}: describes another {what} than {run.last}; put back what was there")
    return start


def _callbacks(options, run, make_checkpoint):
    from alexnet_paddle.training import callbacks

    chosen = [
        callbacks.Progress(),
        callbacks.MetricsFile(run.metrics),
        callbacks.Checkpoints(run.last, run.best, make_checkpoint, options.save_every * 60),
        callbacks.Curves(run.metrics, run.curves),
        callbacks.ChanceWarning(),
    ]
    if options.visualdl:
        chosen.append(callbacks.VisualDL(run.path / "visualdl"))
    return chosen


def _final_test(run, options, recipe, dataset, trainer) -> dict:
    """The test split's only use: the epoch that validation picked, in eval mode."""
    from alexnet_paddle import plots
    from alexnet_paddle.datasets.loader import eval_loader
    from alexnet_paddle.training.checkpoint import Checkpoint
    from alexnet_paddle.training.trainer import evaluate

    best = Checkpoint.load(run.best)
    loader = eval_loader(dataset.test, best.preprocessing, recipe.batch_size, options.workers)
    scores = evaluate(best.build_model(), loader).report(dataset.classes)
    report = {
        "variant": best.config.name,
        "recipe": recipe.name,
        "data": dataset.name,
        "split": "test",
        "seed": options.seed,
        "parameters": totals(trace(best.config))[0],
        "epochs": trainer.epochs_done,
        "best_epoch": trainer.best_epoch,
        "validation_top1": trainer.best_top1,
        **scores,
    }
    plots.save(plots.confusion(scores["confusion"], dataset.classes), run.confusion)
    write_json(run.report_file, report)
    return report


def _description(options, config, recipe, dataset, device) -> dict:
    return {
        "options": dataclasses.asdict(options),
        "model": config.to_dict(),
        "recipe": recipe.to_dict(),
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "classes": list(dataset.classes),
            "images": {name: len(split) for name, split in dataset.splits.items()},
            "skipped": dataset.skipped,
        },
        **_machine(device),
        "versions": versions(),
    }


def _machine(device) -> dict:
    """What carries out a run, and decides its last digits."""
    return {"device": device, "processes": distributed.size(), "cpu_settings": CPU_SETTINGS}


def _words(settings) -> str:
    if isinstance(settings, dict):
        return " ".join(f"{name}={value}" for name, value in settings.items())
    return str(settings)
