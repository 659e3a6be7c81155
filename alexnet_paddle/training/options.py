"""What can be chosen for a training, and the net and the recipe that follow from it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from alexnet_paddle import datasets
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.training.recipes import RECIPES, Recipe
from alexnet_paddle.training.run_folder import RunFolder


@dataclass(frozen=True)
class Options:
    """What can be chosen for a training; the command's options have the same names and meanings."""

    out: str
    variant: str = "mini"
    data: str = "petals"
    recipe: str | None = None  # None: the variant's default
    weights: str | None = None
    trust_pickle: bool = False
    epochs: int | None = None  # None: the recipe's, as the next two
    batch_size: int | None = None
    learning_rate: float | None = None
    activation: str | None = None  # None: the variant's, as the next three
    lrn: bool | None = None
    dropout: float | None = None
    pool: str | None = None
    seed: int = 0
    val: float = datasets.DEFAULT_FRACTION
    skip_bad: bool = False
    amp: bool = False
    # How a run is carried out, not what it computes: these may change when it is resumed.
    device: str = "auto"
    workers: int = 0
    save_every: float = 10  # minutes
    visualdl: bool = False

    @staticmethod
    def from_dict(fields: dict) -> Options:
        """As they are in a run's config.json. Raises InputError when they are not ours."""
        try:
            return Options(**fields)
        except TypeError as error:
            raise InputError(f"config.json: its options are not those of a training ({error})") from None


MAY_CHANGE = ("device", "workers", "save_every", "visualdl")


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
    if "lrn" in given:
        given["lrn"] = given["lrn"] == "on"
    if "out" not in given:
        data = given.get("data", "petals").partition(":")[0].replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
        given["out"] = f"runs/{given.get('variant', 'mini')}-{data}"
    if not resume:
        return Options(**given)
    stored = RunFolder(given["out"]).read_config().options
    for name, value in given.items():
        if name not in MAY_CHANGE and name != "out" and stored.get(name) != value:
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option}: the run in {given['out']} has {stored.get(name)}; leave {option} out")
    changed = {name: value for name, value in given.items() if name in MAY_CHANGE}
    return Options.from_dict({**stored, "out": given["out"], **changed})
