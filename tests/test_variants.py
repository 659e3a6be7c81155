import dataclasses
import json

import pytest

from alexnet_paddle.nets.config import (
    INITS,
    LRN,
    Activation,
    AlexNetConfig,
    Conv,
    Dropout,
    GlobalPool,
    Linear,
    Pool,
    SpatialNorm,
)
from alexnet_paddle.nets.variants import RELU, VARIANTS

# ---- the table -------------------------------------------------------------------------------------

FIVE = "conv relu pool | conv relu pool | conv relu | conv relu | conv relu pool"
FIVE_LRN = "conv relu lrn pool | conv relu lrn pool | conv relu | conv relu | conv relu pool"
DROP_AFTER = "fc relu drop | fc relu drop | fc"
DROP_BEFORE = "drop fc relu | drop fc relu | fc"
TOWERS = "96/11/4/0/1 256/5/1/2/2 384/3/1/1/1 384/3/1/1/2 256/3/1/1/2"
HALF = "48/11/4/2/1 128/5/1/2/1 192/3/1/1/1 192/3/1/1/1 128/3/1/1/1"

# variant: input, out/kernel/stride/padding/groups, order of the layers, fc widths, default recipe
SYSTEMS = {
    "paper": (227, TOWERS, f"{FIVE_LRN} | {DROP_AFTER}", "4096 4096 1000", "paper"),
    "convnet2012": (
        224,
        TOWERS,
        "conv lrn pool relu | conv relu lrn snorm pool | conv relu | conv relu | conv pool relu | " + DROP_AFTER,
        "4096 4096 1000",
        "paper",
    ),
    "one-tower": (
        227,
        "96/11/4/0/1 256/5/1/2/1 384/3/1/1/1 384/3/1/1/1 256/3/1/1/1",
        f"{FIVE_LRN} | {DROP_BEFORE}",
        "4096 4096 1000",
        "dansuh17",
    ),
    "half": (224, HALF, f"{FIVE_LRN} | {DROP_BEFORE}", "2048 2048 1000", "classic-cnn"),
    "half-plain": (224, HALF, f"{FIVE} | {DROP_BEFORE}", "2048 2048 1000", "classic-cnn"),
    "torchvision": (
        224,
        "64/11/4/2/1 192/5/1/2/1 384/3/1/1/1 256/3/1/1/1 256/3/1/1/1",
        f"{FIVE} | {DROP_BEFORE}",
        "4096 4096 1000",
        "classic-cnn",
    ),
    "paddle-tutorial": (
        224,
        "96/11/4/5/1 256/5/1/2/1 384/3/1/1/1 384/3/1/1/1 256/3/1/1/1",
        f"{FIVE} | {DROP_AFTER}",
        "4096 4096 1000",
        "classic-cnn",
    ),
    "full-5x5": (
        227,
        "96/11/4/0/1 256/5/1/2/1 384/3/1/1/1 384/3/1/1/1 256/5/1/2/1",
        f"{FIVE} | {DROP_AFTER}",
        "4096 4096 1000",
        "classic-cnn",
    ),
    "blog": (
        227,
        "96/6/4/0/1 256/5/1/2/1 384/3/1/1/1 384/3/1/1/1 384/3/1/1/1 256/3/1/1/1 384/3/1/1/1",
        "conv relu pool | " + "conv relu | " * 5 + "conv relu pool | fc relu drop | fc relu drop | fc relu drop | fc",
        "4096 4096 1000 1000",
        "blog",
    ),
    "d2l": (
        224,
        "96/11/4/1/1 256/5/1/2/1 384/3/1/1/1 384/3/1/1/1 256/3/1/1/1",
        f"{FIVE} | {DROP_AFTER}",
        "4096 4096 10",
        "classic-cnn",
    ),
    "cifar4": (
        32,
        "32/5/1/2/1 32/5/1/2/1 64/5/1/2/1",
        "conv relu lrn pool | conv relu lrn pool | conv relu pool | fc",
        "10",
        "quick",
    ),
    "mini": (
        64,
        "24/5/2/2/1 48/5/1/2/2 64/3/1/1/1 64/3/1/1/2 48/3/1/1/2",
        f"{FIVE_LRN} | {DROP_AFTER}",
        "192 192 5",
        "quick",
    ),
}


def layers(config, cls):
    return [layer for stage in config.stages for layer in stage if isinstance(layer, cls)]


def order(config):
    return " | ".join(" ".join(layer.label for layer in stage) for stage in config.stages)


def test_the_variants_are_the_systems_of_the_table():
    assert list(VARIANTS) == list(SYSTEMS)
    assert all(config.name == name and config.source for name, config in VARIANTS.items())


@pytest.mark.parametrize("name", SYSTEMS)
def test_variant_is_its_row_of_the_table(name):
    image_size, convs, kinds, widths, recipe = SYSTEMS[name]
    config = VARIANTS[name]
    numbers = [(c.out_channels, c.kernel, c.stride, c.padding, c.groups) for c in layers(config, Conv)]
    assert " ".join("/".join(map(str, conv)) for conv in numbers) == convs
    assert order(config) == kinds
    assert " ".join(str(fc.out_features) for fc in layers(config, Linear)) == widths
    assert (config.image_size, config.in_channels, config.default_recipe) == (image_size, 3, recipe)
    assert {layer.function for layer in layers(config, Activation)} == {"relu"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_poolings_overlap_except_in_paddles_tutorial(name):
    window = Pool(2, 2) if name == "paddle-tutorial" else Pool(3, 2)
    assert set(layers(VARIANTS[name], Pool)) == {window}


def test_only_the_blog_ends_in_a_global_mean():
    assert [name for name in VARIANTS if layers(VARIANTS[name], GlobalPool)] == ["blog"]
    assert isinstance(VARIANTS["blog"].conv_stages[-1][-1], GlobalPool)


@pytest.mark.parametrize(
    "name, divide_by_size, groups",
    [
        ("paper", False, 1),
        ("convnet2012", True, 2),
        ("one-tower", True, 1),
        ("half", True, 1),
        ("cifar4", False, 1),
        ("mini", False, 1),
    ],
)
def test_lrn_convention_of_each_variant(name, divide_by_size, groups):
    norms = layers(VARIANTS[name], LRN)
    assert norms == 2 * [LRN(size=5, alpha=1e-4, beta=0.75, k=2.0, divide_by_size=divide_by_size, groups=groups)]


def test_the_spatial_norm_of_the_2012_source():
    assert layers(VARIANTS["convnet2012"], SpatialNorm) == [SpatialNorm(kernel=5, alpha=0.001, beta=0.75, k=1.0)]


@pytest.mark.parametrize("name", SYSTEMS)
def test_dropout_is_one_half_and_scales_at_test_time_only_in_the_authors_nets(name):
    mode = "downscale_in_infer" if name in ("paper", "convnet2012") else "upscale_in_train"
    assert set(layers(VARIANTS[name], Dropout)) == (set() if name == "cifar4" else {Dropout(0.5, mode)})


def test_only_the_2012_source_rounds_up():
    assert [name for name, config in VARIANTS.items() if config.rounding == "ceil"] == ["convnet2012"]


def test_initialisation_of_each_variant():
    assert {name: config.init for name, config in VARIANTS.items()} == {
        "paper": "paper",
        "convnet2012": "convnet2012",
        "one-tower": "dansuh17",
        "half": "pytorch",
        "half-plain": "kaiming",
        "torchvision": "pytorch",
        "paddle-tutorial": "paddle",
        "full-5x5": "pytorch",
        "blog": "pytorch",
        "d2l": "paddle",
        "cifar4": "paddle",
        "mini": "paddle",
    }


def test_layer_names_are_the_papers():
    names = [name for name, _ in VARIANTS["paper"].named_layers()]
    assert " ".join(names) == (
        "conv1 relu1 lrn1 pool1 conv2 relu2 lrn2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 "
        "fc6 relu6 drop6 fc7 relu7 drop7 fc8"
    )


@pytest.mark.parametrize("name", VARIANTS)
def test_layer_names_do_not_repeat(name):
    names = [name for name, _ in VARIANTS[name].named_layers()]
    assert len(names) == len(set(names))


def test_names_count_on_at_any_depth():
    assert [name for name, _ in VARIANTS["cifar4"].named_layers()][-2:] == ["pool3", "fc4"]
    assert [name for name, _ in VARIANTS["blog"].named_layers()][-1] == "fc11"


# ---- changes ---------------------------------------------------------------------------------------


def test_replace_changes_a_copy():
    before = json.dumps(VARIANTS["mini"].to_dict())
    changed = VARIANTS["mini"].replace(activation="tanh", num_classes=7, groups=1)
    assert changed != VARIANTS["mini"]
    assert json.dumps(VARIANTS["mini"].to_dict()) == before


def test_replace_without_changes_is_the_same_net():
    assert VARIANTS["mini"].replace() == VARIANTS["mini"]


def test_replace_sets_fields():
    config = VARIANTS["mini"].replace(num_classes=7, image_size=80, in_channels=1, rounding="ceil", init="paper")
    assert (config.num_classes, config.image_size, config.in_channels) == (7, 80, 1)
    assert (config.rounding, config.init) == ("ceil", "paper")
    assert config.conv_stages == VARIANTS["mini"].conv_stages


@pytest.mark.parametrize("function", ["relu", "sigmoid", "tanh"])
def test_activation_changes_every_stage_and_nothing_else(function):
    config = VARIANTS["convnet2012"].replace(activation=function)
    assert layers(config, Activation) == 7 * [Activation(function)]
    assert order(config) == order(VARIANTS["convnet2012"]).replace("relu", function)


def test_lrn_false_removes_both_kinds_of_normalisation():
    assert order(VARIANTS["convnet2012"].replace(lrn=False)) == (
        f"conv pool relu | conv relu pool | conv relu | conv relu | conv pool relu | {DROP_AFTER}"
    )


@pytest.mark.parametrize("name", ["torchvision", "one-tower", "paper"])
def test_lrn_true_is_the_papers_after_the_first_two_activations(name):
    config = VARIANTS[name].replace(lrn=True)
    assert order(config).startswith(FIVE_LRN)
    assert layers(config, LRN) == 2 * [LRN(5, 1e-4, 0.75, 2.0, divide_by_size=False, groups=1)]


def test_lrn_true_puts_one_norm_into_each_of_the_first_two_stages_of_the_2012_net():
    config = VARIANTS["convnet2012"].replace(lrn=True)
    assert order(config).startswith("conv pool relu lrn | conv relu lrn pool | conv relu |")


def test_lrn_takes_a_norm_of_ones_own():
    mine = LRN(size=3, alpha=0.1, beta=0.5, k=1.0, divide_by_size=True)
    config = VARIANTS["half-plain"].replace(lrn=mine)
    assert layers(config, LRN) == [mine, mine]
    assert order(config).startswith(FIVE_LRN)


def test_dropout_sets_every_rate_and_keeps_modes():
    assert layers(VARIANTS["paper"].replace(dropout=0.2), Dropout) == 2 * [Dropout(0.2, "downscale_in_infer")]
    assert layers(VARIANTS["mini"].replace(dropout=0), Dropout) == 2 * [Dropout(0, "upscale_in_train")]


def test_dropout_can_be_switched_off_where_there_is_none():
    assert VARIANTS["cifar4"].replace(dropout=0) == VARIANTS["cifar4"]


@pytest.mark.parametrize("name", ["paper", "one-tower"])
@pytest.mark.parametrize("position, stages", [("before", DROP_BEFORE), ("after", DROP_AFTER)])
def test_dropout_position_moves_it_to_the_inputs_or_the_outputs(name, position, stages):
    config = VARIANTS[name].replace(dropout_position=position)
    assert order(config).endswith(stages)
    assert sorted(map(str, layers(config, Dropout))) == sorted(map(str, layers(VARIANTS[name], Dropout)))


@pytest.mark.parametrize("mode", ["upscale_in_train", "downscale_in_infer"])
def test_dropout_mode_changes_every_dropout(mode):
    for name in ("paper", "torchvision"):
        assert layers(VARIANTS[name].replace(dropout_mode=mode), Dropout) == 2 * [Dropout(0.5, mode)]


@pytest.mark.parametrize("pool, window", [("overlap", Pool(3, 2)), ("plain", Pool(2, 2)), (Pool(5, 3), Pool(5, 3))])
def test_pool_changes_every_max_pooling(pool, window):
    assert layers(VARIANTS["paper"].replace(pool=pool), Pool) == 3 * [window]
    assert layers(VARIANTS["blog"].replace(pool=pool), (Pool, GlobalPool)) == [window, GlobalPool()]


@pytest.mark.parametrize(
    "groups, numbers",
    [
        (1, (1, 1, 1, 1, 1)),
        (2, (1, 2, 2, 2, 2)),
        ((1, 2, 1, 2, 2), (1, 2, 1, 2, 2)),
        ([1, 4, 1, 4, 4], (1, 4, 1, 4, 4)),
    ],
)
def test_groups_as_one_number_spare_the_first_layer_and_as_a_list_name_each(groups, numbers):
    convs = layers(VARIANTS["one-tower"].replace(groups=groups), Conv)
    assert tuple(conv.groups for conv in convs) == numbers
    assert [(conv.out_channels, conv.kernel) for conv in convs] == [
        (96, 11),
        (256, 5),
        (384, 3),
        (384, 3),
        (256, 3),
    ]


def test_changes_combine():
    config = VARIANTS["torchvision"].replace(
        activation="tanh",
        lrn=True,
        dropout=0.1,
        dropout_position="after",
        pool="plain",
        groups=2,
        num_classes=3,
    )
    assert order(config) == (
        "conv tanh lrn pool | conv tanh lrn pool | conv tanh | conv tanh | conv tanh pool | "
        "fc tanh drop | fc tanh drop | fc"
    )
    assert layers(config, Dropout) == 2 * [Dropout(0.1)]
    assert layers(config, Linear)[-1] == Linear(3)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"colour": "red"}, "'colour'; choose from activation, lrn, dropout, .*num_classes"),
        ({"activation": "swish"}, "activation is 'swish'; choose from relu, sigmoid, tanh"),
        ({"activation": None}, "choose from relu, sigmoid, tanh"),
        ({"lrn": "on"}, r"lrn is 'on'; choose True, False or an LRN\(...\)"),
        ({"lrn": 1}, "choose True, False"),
        ({"dropout": 1}, "dropout is 1; choose a rate from 0 to below 1"),
        ({"dropout": -0.1}, "from 0 to below 1"),
        ({"dropout": float("nan")}, "from 0 to below 1"),
        ({"dropout_position": "between"}, "dropout_position is 'between'; choose from before, after"),
        ({"dropout_mode": "none"}, "choose from upscale_in_train, downscale_in_infer"),
        ({"pool": "average"}, "pool is 'average'; choose from overlap, plain"),
        ({"pool": 3}, "choose from overlap, plain"),
        ({"groups": (1, 2)}, "groups has 2 numbers, but the net 'mini' has 5 convolutions"),
        ({"rounding": "round"}, "choose from floor, ceil"),
        ({"init": "xavier"}, "choose from paper, convnet2012, dansuh17, kaiming, pytorch, sigmoid, paddle"),
        ({"groups": 2.5}, "Conv groups is 2.5"),
        ({"groups": 0}, "Conv groups is 0"),
        ({"groups": "12121"}, "Conv groups is '12121'"),
        ({"dropout": "x"}, "dropout is 'x'"),
        ({"dropout": None}, "dropout is None"),
        ({"conv_stages": ((Conv(8, 3), RELU, RELU),)}, "two layers would be called relu1"),
        ({"image_size": True}, "image_size is True"),
        ({"num_classes": 0}, "num_classes is 0"),
        ({"image_size": 64.0}, "image_size is 64.0"),
        ({"in_channels": "3"}, "in_channels is '3'"),
    ],
)
def test_replace_refuses_what_it_cannot_do_and_names_the_choices(changes, words):
    with pytest.raises(ValueError, match=words):
        VARIANTS["mini"].replace(**changes)


@pytest.mark.parametrize(
    "changes", [{"dropout": 0.5}, {"dropout_mode": "upscale_in_train"}, {"dropout_position": "after"}]
)
def test_dropout_of_a_net_without_hidden_fc_layers_is_refused(changes):
    with pytest.raises(ValueError, match=f"{next(iter(changes))}: the net 'cifar4' has no dropout"):
        VARIANTS["cifar4"].replace(**changes)


# ---- as plain data ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_a_config_survives_json(name):
    config = VARIANTS[name].replace(num_classes=17)
    assert AlexNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_changed_config_survives_json():
    config = VARIANTS["convnet2012"].replace(activation="tanh", dropout=0.25, pool=Pool(4, 3), lrn=LRN(3, groups=2))
    assert AlexNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_every_field_of_every_layer_is_written():
    fields = VARIANTS["convnet2012"].to_dict()
    conv2, _, lrn2, snorm2, _ = fields["conv_stages"][1]
    assert conv2 == ["Conv", {"out_channels": 256, "kernel": 5, "stride": 1, "padding": 2, "groups": 2}]
    assert lrn2 == [
        "LRN",
        {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "divide_by_size": True, "groups": 2},
    ]
    assert snorm2 == ["SpatialNorm", {"kernel": 5, "alpha": 1e-3, "beta": 0.75, "k": 1.0}]
    assert fields["fc_stages"][0][2] == ["Dropout", {"p": 0.5, "mode": "downscale_in_infer"}]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda fields: fields.pop("conv_stages"),
        lambda fields: fields.pop("name"),
        lambda fields: fields.update(colour="red"),
        lambda fields: fields.update(init="xavier"),
        lambda fields: fields["conv_stages"][0].append(["Unknown", {}]),
        lambda fields: fields["conv_stages"][0].append(["Pool", {"width": 3}]),
        lambda fields: fields["conv_stages"][0].append("Pool"),
    ],
)
def test_from_dict_refuses_what_is_not_a_config(spoil):
    fields = json.loads(json.dumps(VARIANTS["mini"].to_dict()))
    spoil(fields)
    with pytest.raises(ValueError):
        AlexNetConfig.from_dict(fields)


def test_configs_are_frozen_and_hashable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        VARIANTS["paper"].image_size = 224
    assert len({*VARIANTS.values(), VARIANTS["paper"].replace()}) == len(VARIANTS)


def test_inits_are_named_once():
    assert len(set(INITS)) == len(INITS) == 8


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Conv(0, 3), "Conv out_channels is 0"),
        (lambda: Conv(8, 3, padding=-1), "Conv padding is -1"),
        (lambda: LRN(size=0), "LRN size is 0"),
        (lambda: Pool(3, 0), "Pool stride is 0"),
        (lambda: Linear(0), "Linear out_features is 0"),
        (lambda: SpatialNorm(4), "SpatialNorm kernel is 4"),
    ],
)
def test_a_layer_refuses_numbers_that_no_layer_can_have(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_replaced_stages_are_mapped_over_too():
    config = VARIANTS["mini"].replace(conv_stages=((Conv(8, 3), RELU),), activation="tanh")
    assert config.conv_stages == ((Conv(8, 3), Activation("tanh")),)


def test_lrn_goes_after_the_convolution_where_a_stage_has_no_activation():
    config = VARIANTS["mini"].replace(conv_stages=((Conv(8, 3), Pool(3, 2)),)).replace(lrn=True)
    assert [layer.kind for layer in config.conv_stages[0]] == ["conv", "lrn", "pool"]
