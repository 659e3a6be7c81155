"""What can be chosen for a training, and the net and the recipe that follow from it.

An option of `train` is a field of `Options`, and is told of nowhere else: `cli.Parser.add_options` reads its name,
type, default, help and bounds there.
"""

from __future__ import annotations

import importlib.util
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from alexnet_paddle import datasets, runtime
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.config import ACTIVATIONS, POOLS, AlexNetConfig
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.training.recipes import RECIPES, Recipe
from alexnet_paddle.training.run_folder import RunFolder

# How the options are grouped for people: a title and a sentence each.
NET = ("the net", "Which AlexNet is trained, what is changed in it, and which weights it begins with.")
PICTURES = ("the pictures", "What it learns from. Without --data these are the drawn flowers that come with it.")
LEARNING = ("the learning", "How it is trained. What is not given here is the recipe's.")
RUN = ("the run", "Where the run folder goes, and what is kept in it.")
MACHINE = ("the machine", "What does the work.")
GROUPS = (NET, PICTURES, LEARNING, RUN, MACHINE)


def option(
    default: Any, group: tuple[str, str], help: str, *, may_change: bool = False, examined: bool = True, **argument: Any
) -> Any:
    """A field of `Options`.

    may_change: when the run is resumed, because it is about how a run is carried out, not what it computes
    examined:   it matters to the doctor, who looks at a training before it begins
    argument:   metavar, choices and bounds, see `cli.Parser.add_options`
    """
    told = {"group": group, "help": help, "may_change": may_change, "examined": examined, **argument}
    return field(default=default, metadata=told)


@dataclass(frozen=True)
class Options:
    """What can be chosen for a training. None leaves a choice to the variant or to the recipe."""

    out: str = option(MISSING, RUN, "the run folder (default runs/VARIANT-DATA)", examined=False, metavar="DIR")
    variant: str = option("mini", NET, ", ".join(VARIANTS), choices=VARIANTS, metavar="NAME")
    data: str = option("petals", PICTURES, "petals, a folder of photos, cifar10, or cifar10:ARCHIVE", metavar="DATA")
    recipe: str | None = option(
        None, LEARNING, f"{', '.join(RECIPES)}; without it, the variant's own", choices=RECIPES, metavar="NAME"
    )
    weights: str | None = option(None, NET, "begin with a .safetensors file, or with another run", metavar="FILE")
    trust_pickle: bool = option(False, NET, "--weights may be a .pdparams file, which can run code")
    epochs: int | None = option(
        None, LEARNING, "times through the training pictures", examined=False, above=0, metavar="N"
    )
    batch_size: int | None = option(None, LEARNING, "pictures a step", above=0, metavar="N")
    learning_rate: float | None = option(None, LEARNING, "where the schedule starts from", above=0, metavar="R")
    activation: str | None = option(None, NET, "in place of the variant's", choices=ACTIVATIONS)
    lrn: bool | None = option(None, NET, "the paper's local response normalisation, or none")
    dropout: float | None = option(
        None, NET, "drop rate of the hidden fc layers; 0 is off", at_least=0, below=1, metavar="P"
    )
    pool: str | None = option(
        None, NET, "pool 3 x 3 windows every 2 pixels (overlap), or 2 x 2 (plain)", choices=tuple(POOLS)
    )
    seed: int = option(0, LEARNING, "of all that is drawn by chance", at_least=0, below=2**32, metavar="S")
    val: float = option(
        datasets.DEFAULT_FRACTION,
        PICTURES,
        "fraction cut off for a split that the folder does not have",
        above=0,
        metavar="F",
    )
    skip_bad: bool = option(False, PICTURES, "train without the pictures that cannot be read")
    amp: bool = option(False, MACHINE, "mixed precision on a GPU", examined=False)
    device: str = option("auto", MACHINE, "auto takes a GPU if there is one", may_change=True, choices=runtime.DEVICES)
    workers: int = option(
        0, MACHINE, "processes that read pictures", may_change=True, examined=False, at_least=0, metavar="N"
    )
    save_every: float = option(
        10, RUN, "minutes between checkpoints in an epoch", may_change=True, examined=False, above=0, metavar="MIN"
    )
    visualdl: bool = option(False, RUN, "also write logs for Paddle's viewer", may_change=True, examined=False)

    @staticmethod
    def from_dict(fields: dict) -> Options:
        """As they are in a run's config.json. Raises InputError when they are not ours."""
        try:
            return Options(**fields)
        except TypeError as error:
            raise InputError(f"config.json: its options are not those of a training ({error})") from None


MAY_CHANGE = tuple(option.name for option in fields(Options) if option.metadata["may_change"])
EXAMINED = tuple(option.name for option in fields(Options) if option.metadata["examined"])


def plan(options: Options) -> tuple[AlexNetConfig, Recipe]:
    """The net, still with the variant's own number of classes, and the recipe. Raises InputError."""
    if options.variant not in VARIANTS:
        raise InputError(f"--variant {options.variant}: unknown; choose from {', '.join(VARIANTS)}")
    config = VARIANTS[options.variant]
    for change in ("activation", "lrn", "dropout", "pool"):
        value = getattr(options, change)
        if value is not None:
            try:
                config = config.replace(**{change: value})
            except ValueError as error:
                raise InputError(f"--{change}: {error}") from None
    name = options.recipe or config.default_recipe
    if name not in RECIPES:
        raise InputError(f"--recipe {name}: unknown; choose from {', '.join(RECIPES)}")
    fields = ("epochs", "batch_size", "learning_rate")
    given = {field: getattr(options, field) for field in fields if getattr(options, field) is not None}
    return config, RECIPES[name].replace(**given)


def require_viewer(options: Options) -> None:
    """Raises InputError where logs for Paddle's viewer are asked for and cannot be written."""
    if options.visualdl and importlib.util.find_spec("visualdl") is None:
        raise InputError("--visualdl: the package is not installed; pip install visualdl, or leave the option out")


def options_from(given: dict) -> Options:
    """Options from what was given on the command line; for a resume, the run's own with what may change."""
    given = dict(given)
    resume = given.pop("resume", False)
    if "out" not in given:
        data = given.get("data", "petals").partition(":")[0].replace("\\", "/")
        given["out"] = f"runs/{given.get('variant', 'mini')}-{Path(data).resolve().name}"
    if not resume:
        return Options(**given)
    stored = RunFolder(given["out"]).read_config().options
    for name, value in given.items():
        if name not in MAY_CHANGE and name != "out" and stored.get(name) != value:
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option}: the run in {given['out']} has {stored.get(name)}; leave {option} out")
    changed = {name: value for name, value in given.items() if name in MAY_CHANGE}
    return Options.from_dict({**stored, "out": given["out"], **changed})
