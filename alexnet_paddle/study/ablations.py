"""The ablations as a table: what is asked, which arms answer it, how much is trained, what is measured.

An arm is a few changes of one net and one recipe. To add an ablation, add an entry to `ABLATIONS`; to measure something
else, a class to `study.measures`. Importing this does not load paddle.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from alexnet_paddle.datasets.transforms import Augmentation
from alexnet_paddle.nets.config import LRN, PAPER_LRN, Activation, AlexNetConfig, Dropout, Linear
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study.measures import Accuracy, Cost, GradientsAtStart, Measure, Mistakes, Race, Started
from alexnet_paddle.training.recipes import RECIPES, Recipe, Schedule

HIDDEN_STAGE = (Linear(192), Activation(), Dropout())


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    config:        changes of the net, see `AlexNetConfig.replace`
    recipe:        changes of the recipe, see `Recipe.replace`
    augmentation:  changes of the recipe's augmentation
    fraction:      of the training pictures; an epoch then goes through them 1 / fraction times, so all arms take as
                   many steps
    rate_of:       the arm whose chosen learning rate it takes, where an ablation chooses them; None: its own
    against:       the arm that it is compared with; None for one that others are compared with
    """

    config: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)
    augmentation: dict = field(default_factory=dict)
    fraction: float = 1.0
    rate_of: str | None = None
    against: str | None = None

    def change(self, config: AlexNetConfig, recipe: Recipe) -> tuple[AlexNetConfig, Recipe]:
        """The net and the recipe of this arm. Raises ValueError for a change that one of them cannot take."""
        augmentation = replace(recipe.augmentation, **self.augmentation)
        return config.replace(**self.config), recipe.replace(augmentation=augmentation, **self.recipe)

    def to_dict(self) -> dict:
        """What it computes, as plain data for JSON: all but what it is compared with."""
        fields = asdict(self)
        del fields["against"]
        return fields


@dataclass(frozen=True)
class Size:
    """How much is trained: training pictures, epochs and seeds."""

    images: int
    epochs: int
    seeds: int


@dataclass(frozen=True)
class Ablation:
    """`base` is what all arms change in the net. With `learning_rates`, each arm takes the best of them."""

    question: str
    arms: dict[str, Arm]
    recipe: Recipe
    measures: tuple[Measure, ...]
    quick: Size
    full: Size
    base: dict = field(default_factory=dict)
    learning_rates: tuple[float, ...] = ()

    @property
    def against(self) -> dict[str, str | None]:
        """Arm -> the arm that it is compared with."""
        return {name: arm.against for name, arm in self.arms.items()}

    def base_config(self, variant: str) -> AlexNetConfig:
        """The net that the arms change. One without a hidden fc layer gets one where dropout needs it."""
        config = VARIANTS[variant]
        if any("dropout" in arm.config for arm in self.arms.values()) and not config.fc_stages:
            config = config.replace(fc_stages=(HIDDEN_STAGE,))
        return config.replace(**self.base)


# Paper, section 3.1: "No regularization of any kind was employed" for figure 1, and each net had its own learning rate.
RACE = RECIPES["quick"].replace(
    name="race",
    source="ours, after the paper's figure 1: SGD with momentum 0.9, constant learning rate, no regularisation",
    optimizer="sgd",
    momentum=0.9,
    schedule=Schedule(),
    augmentation=Augmentation("center", mirror=False),
)

# The paper's schedule would divide the learning rate before the net has had a chance to start.
PAPER_CONSTANT = RECIPES["paper"].replace(
    name="paper-constant", source="paper, section 5, with its learning rate held constant", schedule=Schedule()
)

DIVIDED = {"normalise": "mean_std"}

ABLATIONS = {
    "activation": Ablation(
        question="How much sooner does a net with ReLU learn than one with tanh or the sigmoid?",
        arms={
            "relu": Arm(),
            "tanh": Arm({"activation": "tanh"}, against="relu"),
            "sigmoid": Arm({"activation": "sigmoid", "init": "sigmoid"}, against="relu"),
            "sigmoid as relu": Arm({"activation": "sigmoid"}, against="relu", rate_of="relu"),
        },
        base={"lrn": False, "dropout": 0},
        recipe=RACE,
        learning_rates=(0.001, 0.004, 0.016, 0.064),
        measures=(GradientsAtStart(), Accuracy(), Race(target=0.25)),
        quick=Size(800, 4, 2),
        full=Size(2000, 16, 5),
    ),
    "lrn": Ablation(
        question="What does local response normalisation change, with alpha as printed and as in the 2012 source?",
        arms={
            "off": Arm({"lrn": False}),
            "printed alpha": Arm({"lrn": LRN()}, against="off"),
            "source's alpha": Arm({"lrn": LRN(divide_by_size=True)}, against="off"),
            # The control: no neighbour counts, and what is left of LRN is to multiply by 2^-0.75.
            "alpha 0": Arm({"lrn": LRN(alpha=0.0)}, against="off"),
        },
        recipe=RECIPES["quick"],
        measures=(GradientsAtStart(), Accuracy(), Cost()),
        quick=Size(1000, 5, 2),
        full=Size(2000, 16, 5),
    ),
    "dropout": Ablation(
        question="When does dropout help: with how many pictures, and at which rate?",
        arms={
            **{f"{p}": Arm({"dropout": p}, against="0" if p else None) for p in (0, 0.25, 0.5, 0.75)},
            **{
                f"{p} few": Arm({"dropout": p}, against="0 few" if p else None, fraction=0.1)
                for p in (0, 0.25, 0.5, 0.75)
            },
        },
        base={"lrn": False},
        recipe=RECIPES["quick"].replace(augmentation=Augmentation("center", mirror=False)),
        measures=(GradientsAtStart(), Accuracy(), Mistakes()),
        quick=Size(500, 4, 2),
        full=Size(2000, 12, 5),
    ),
    # Its records are of photos and of wider nets: --data DIR --variant half.
    "dead-start": Ablation(
        question="Why does AlexNet stay at chance: which change of the paper's setting makes it start, or keeps it?",
        arms={
            "paper": Arm(),
            "divided-by-std": Arm(augmentation=DIVIDED, against="paper"),
            "conv3-5-at-0.03": Arm({"init": "convnet2012"}, against="paper"),
            "bias-0": Arm({"init": "paper-bias-0"}, against="paper"),
            "learning-rate-0.03": Arm(recipe={"learning_rate": 0.03}, against="paper"),
            "learning-rate-0.001": Arm(recipe={"learning_rate": 0.001}, against="paper"),
            "kaiming": Arm({"init": "kaiming"}, against="paper"),
            "paddle-init": Arm({"init": "paddle"}, against="paper"),
            "divided-by-std,paddle-init": Arm({"init": "paddle"}, augmentation=DIVIDED, against="paper"),
            "divided-by-std,conv3-5-at-0.03": Arm({"init": "convnet2012"}, augmentation=DIVIDED, against="paper"),
            "divided-by-std,bias-0": Arm({"init": "paper-bias-0"}, augmentation=DIVIDED, against="paper"),
            "no-dropout": Arm({"dropout": 0}, against="paper"),
            "no-lrn": Arm({"lrn": False}, against="paper"),
        },
        base={
            "init": "paper",
            "lrn": PAPER_LRN,
            "dropout_mode": "downscale_in_infer",
            "dropout_position": "after",
        },
        recipe=PAPER_CONSTANT,
        measures=(Started(below=0.9),),
        quick=Size(256, 5, 1),
        full=Size(2494, 30, 3),
    ),
}
