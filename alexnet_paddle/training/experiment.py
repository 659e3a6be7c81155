"""A training from its options to a finished run folder, and on from where one was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from alexnet_paddle import CPU_SETTINGS, plots
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.datasets import Dataset
from alexnet_paddle.datasets.loader import eval_loader
from alexnet_paddle.errors import InputError, Stopped
from alexnet_paddle.files import write_json
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.model import AlexNet
from alexnet_paddle.provenance import versions
from alexnet_paddle.reporter import say
from alexnet_paddle.training import callbacks, checkpoint, diagnosis, distributed, interruptions, setup
from alexnet_paddle.training.checkpoint import Checkpoint
from alexnet_paddle.training.options import Options, plan, require_viewer
from alexnet_paddle.training.recipes import Recipe
from alexnet_paddle.training.run_folder import RunConfig, RunFolder
from alexnet_paddle.training.trainer import Trainer, evaluate


def train(options: Options, resume: bool = False) -> dict | None:
    """Train, or go on with a run, and measure the test split once. Returns what `report.json` holds, None in the
    processes beside the first of a distributed training.

    Everything that can be wrong with the input is found before the run folder is made. Raises InputError,
    TrainingFailed, and Stopped after Ctrl-C or SIGTERM, when the checkpoint is written.
    """
    run = RunFolder(options.out)
    with ExitStack() as until_the_end:
        begun = read_begun(run) if resume else require_new(run, Path(options.data))
        if resume and (report := read_report(run)):
            say(f"{run.path}: this run is finished")
            return report
        if begun:
            lock(run, until_the_end)
        config, recipe, dataset, device = prepare(options, begun)
        start = resume_point(run, begun, dataset, device) if begun else None
        trainer, inputs = put_together(options, config, recipe, dataset, device, start)
        if not begun:
            lock(run, until_the_end)
            create(run, RunConfig(asdict(options), config, recipe, _data(dataset), _machine(device)))
        trainer.callbacks = chosen_callbacks(options, run, partial(Checkpoint.of, dataset=dataset, inputs=inputs)) or ()
        with interruptions.in_words(run, recipe.batch_size), stop_in_words(run, trainer):
            if start is None:
                warn(trainer)
            with interruptions.stop_on_signals(trainer):
                trainer.fit()
            return final_test(run, options, dataset, trainer)


# ---- before it begins ---------------------------------------------------------------------------------


@distributed.rank_zero
def require_new(run: RunFolder, data: Path) -> None:
    """Raises InputError unless a new run can be written here, which is not among the pictures."""
    run.require_new()
    if data.is_dir() and run.path.resolve().is_relative_to(data.resolve()):
        raise InputError(f"--out {run.path}: lies among the pictures in {data}; choose a folder outside")


@distributed.broadcast_from_zero
def read_begun(run: RunFolder) -> RunConfig:
    """What the run was begun with. Raises InputError."""
    return run.read_config()


@distributed.broadcast_from_zero
def read_report(run: RunFolder) -> dict | None:
    return run.read_report()


@distributed.rank_zero
def lock(run: RunFolder, stack: ExitStack) -> None:
    """Nobody else trains in the folder until the stack ends. Raises InputError."""
    stack.enter_context(run.locked())


@distributed.rank_zero
def create(run: RunFolder, config: RunConfig) -> None:
    run.create(config)


def prepare(options: Options, begun: RunConfig | None) -> tuple[AlexNetConfig, Recipe, Dataset, str]:
    """The net, the recipe, the checked pictures and the device; of a run that was begun, net and recipe are its own.
    Raises InputError."""
    require_viewer(options)
    config, recipe = (begun.config, begun.recipe) if begun else planned(options)
    device = setup.choose_device(options)
    say(f"device: {device} (asked for: {options.device}); CPU settings: {_words(CPU_SETTINGS) or 'as they were'}")
    dataset = setup.load_dataset(options, config.image_size, begun.data["skipped"] if begun else None)
    config = config.replace(num_classes=len(dataset.classes))
    setup.describe(config, recipe, dataset, device)
    return config, recipe, dataset, device


@distributed.barrier
def planned(options: Options) -> tuple[AlexNetConfig, Recipe]:
    return plan(options)


def trainer_for(options: Options, resume: bool = False) -> Trainer:
    """The trainer that these options describe, or a run's, before its first step. Nothing is written. Raises
    InputError."""
    begun = RunFolder(options.out).read_config() if resume else None
    return put_together(options, *prepare(options, begun), start=None)[0]


@distributed.broadcast_from_zero
def resume_point(run: RunFolder, begun: RunConfig, dataset: Dataset, device: str) -> Checkpoint | None:
    """Where to go on, None at the beginning. Says what differs from when the run was begun.

    Raises InputError when the pictures are others, or when the checkpoint is not of the training that config.json
    tells of, which then was altered.
    """
    if begun.data["fingerprint"] != dataset.fingerprint:
        raise InputError(f"{dataset.name}: other pictures than when {run.path} was begun; a resume needs the same")
    now = _machine(device)
    if differs := [what for what, value in now.items() if begun.machine.get(what) != value]:
        words = "; ".join(f"{what} {_words(begun.machine.get(what))}, now {_words(now[what])}" for what in differs)
        say(f"resume: begun with {words}; the last digits can differ from those of a run that was not stopped")
    if not run.last.exists() and not run.last.with_name("last.old").exists():
        return None  # stopped before the first was saved
    start = Checkpoint.load(run.last)
    told = {"net": begun.config, "recipe": begun.recipe, "seed": begun.options["seed"]}
    for what, kept in {"net": start.config, "recipe": start.recipe, "seed": start.state["seed"]}.items():
        if kept != told[what]:
            raise InputError(f"{run.config_file}: describes another {what} than {run.last}; put back what was there")
    return start


def put_together(
    options: Options,
    config: AlexNetConfig,
    recipe: Recipe,
    dataset: Dataset,
    device: str,
    start: Checkpoint | None,
) -> tuple[Trainer, setup.Inputs]:
    """The trainer, at its beginning or where `start` left off, and how its pictures become the net's input. Raises
    InputError for --weights."""
    amp = options.amp and device != "cpu"
    if options.amp and not amp:
        say("--amp: no effect on the CPU, training in float32")
    model = setup.build_model(config, options.seed)
    if options.weights and not start:
        new_last_layer = take_weights(model, options.weights, options.trust_pickle)
        reason = "; the last layer is new, because the classes differ" if new_last_layer else ""
        say(f"weights: {options.weights}{reason}")
    if start:
        inputs = setup.Inputs(start.preprocessing, np.array(start.state["color_axes"]))
    else:
        inputs = setup.measure_inputs(recipe, dataset.train, config.image_size)
    trainer = setup.build_trainer(
        model, recipe, dataset.train, dataset.val, inputs, seed=options.seed, workers=options.workers, amp=amp
    )
    if start:
        checkpoint.set_optimizer_state(trainer.optimizer, model, start.optimizer)
        checkpoint.set_weights(model, start.weights)
        trainer.load_state(start.state)
        say(f"resuming after epoch {trainer.epochs_done}, step {trainer.step}")
    if device == "cpu":
        words = "; ".join(f"{way} {' '.join(names)}" for way, names in model.ways().items())
        say(f"layers ({fast_cpu.RULE.words()}): {words}")
    return trainer, inputs


@distributed.rank_zero
def take_weights(model: AlexNet, weights: str, trust_pickle: bool) -> bool:
    """As `checkpoint.start_from_weights`; a training begins with the weights of process 0 everywhere."""
    try:
        return checkpoint.start_from_weights(model, checkpoint.read_weights(Path(weights), trust_pickle))
    except InputError as error:
        named = str(error) if str(error).startswith(weights) else f"{weights}: {error}"
        raise InputError(f"--weights {named}") from None


@distributed.rank_zero
def chosen_callbacks(
    options: Options, run: RunFolder, make_checkpoint: Callable[[Trainer], Checkpoint]
) -> list[callbacks.Callback]:
    chosen: list[callbacks.Callback] = [
        callbacks.Progress(),
        callbacks.MetricsFile(run.metrics),
        callbacks.Checkpoints(run.last, run.best, make_checkpoint, options.save_every * 60),
        callbacks.Curves(run.metrics, run.curves),
        callbacks.ChanceWarning(),
    ]
    if options.visualdl:
        chosen.append(callbacks.VisualDL(run.path / "visualdl"))
    return chosen


# ---- the training -------------------------------------------------------------------------------------


def warn(trainer: Trainer) -> None:
    """Says what the quick part of the doctor finds; not of several processes, whose backward passes would meet."""
    if distributed.world_size() > 1:
        return
    for finding in diagnosis.examine(trainer, thorough=False)[0]:
        advice = f"{finding.change} (more: python -m alexnet_paddle.doctor)"
        say(f"warning: {finding.name}: {finding.evidence}; {advice}")


@contextmanager
def stop_in_words(run: RunFolder, trainer: Trainer) -> Iterator[None]:
    """Turns the end that somebody asked for into a Stopped that says what is saved and how to go on."""
    try:
        yield
    except Stopped:
        place = f"{run.last} holds epoch {trainer.epochs_done + 1}, step {trainer.step}"
        with distributed.alike():
            raise Stopped(f"{place}; go on with --resume --out {run.path}") from None
    except KeyboardInterrupt:
        raise Stopped(f"go on with --resume --out {run.path}") from None


def final_test(run: RunFolder, options: Options, dataset: Dataset, trainer: Trainer) -> dict | None:
    """The test split's only use: the epoch that validation picked, in eval mode."""
    if distributed.rank() > 0:
        return None
    best = Checkpoint.load(run.best)
    loader = eval_loader(dataset.test, best.preprocessing, trainer.recipe.batch_size, options.workers)
    scores = evaluate(best.build_model(), loader).report(dataset.classes)
    report = {
        "variant": best.config.name,
        "recipe": trainer.recipe.name,
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


# ---- as plain data ------------------------------------------------------------------------------------


def _data(dataset: Dataset) -> dict:
    """What config.json tells of a data set."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "classes": list(dataset.classes),
        "images": {name: len(split) for name, split in dataset.splits.items()},
        "skipped": dataset.skipped,
    }


def _machine(device: str) -> dict:
    """What carries out a run, and decides its last digits."""
    processes = distributed.world_size()
    layers = fast_cpu.RULE.words() if device == "cpu" else "Paddle"
    return {
        "device": device,
        "processes": processes,
        "cpu_settings": CPU_SETTINGS,
        "layers": layers,
        "versions": versions(),
    }


def _words(settings: object) -> str:
    if isinstance(settings, dict):
        return " ".join(f"{name}={value}" for name, value in settings.items())
    return str(settings)
