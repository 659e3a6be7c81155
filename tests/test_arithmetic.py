import math
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from alexnet_paddle.arithmetic import (
    conv_out,
    explain_size,
    pool_out,
    receptive_field,
    same_padding,
    totals,
    trace,
)
from alexnet_paddle.nets.config import LRN, AlexNetConfig, Conv, Linear, Pool
from alexnet_paddle.nets.variants import VARIANTS

# ---- one size --------------------------------------------------------------------------------------


def count_windows(n, f, p, s, rounding):
    """Put windows down one by one; None where no window fits, or where the last one would see nothing."""
    padded = n + 2 * p
    if f > padded:
        return None
    start, count = 0, 1
    while start + s + f <= padded:
        start, count = start + s, count + 1
    if rounding == "ceil" and start + f < padded:
        start, count = start + s, count + 1
    return count if start < padded else None


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_conv_out_counts_the_windows(rounding):
    for n, f, p, s in product(range(1, 10), range(1, 7), range(3), range(1, 5)):
        expected = count_windows(n, f, p, s, rounding)
        if expected is None:
            with pytest.raises(ValueError, match="window"):
                conv_out(n, f, p, s, rounding)
        else:
            assert conv_out(n, f, p, s, rounding) == expected, (n, f, p, s)
            assert pool_out(n, f, p, s, rounding) == expected, (n, f, p, s)


@pytest.mark.parametrize(
    "n, p, rounding, side",
    [
        (227, 0, "floor", 55),
        (227, 0, "ceil", 55),
        (224, 0, "floor", 54),
        (224, 0, "ceil", 55),
        (224, 2, "floor", 55),
    ],
)
def test_the_first_layer_of_the_paper_and_its_55_pixels(n, p, rounding, side):
    assert conv_out(n=n, f=11, p=p, s=4, rounding=rounding) == side


def test_conv_out_stays_exact_for_huge_sides():
    assert conv_out(n=10**17 + 1, f=1, p=0, s=1) == 10**17 + 1


def test_conv_out_defaults_to_stride_1_and_pool_out_to_stride_2():
    assert conv_out(13, 3) == 11
    assert pool_out(13, 3) == 6


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"n": 0, "f": 3}, "n is 0"),
        ({"n": 2.5, "f": 3}, "n is 2.5"),
        ({"n": 9, "f": 0}, "f is 0"),
        ({"n": 9, "f": 3, "p": -1}, "p is -1"),
        ({"n": 9, "f": 3, "s": 0}, "s is 0"),
        ({"n": 9, "f": 3, "rounding": "round"}, "choose floor or ceil"),
        (
            {"n": 9, "f": 11, "p": 0, "s": 4},
            r"floor\(\(9 - 11 \+ 2\*0\) / 4\) \+ 1 = 0.*window \(11\).*input \(9\)",
        ),
        (
            {"n": 3, "f": 1, "s": 3, "rounding": "ceil"},
            r"ceil\(\(3 - 1 \+ 2\*0\) / 3\) \+ 1 = 2.*start at 3, outside",
        ),
    ],
)
def test_conv_out_says_what_is_wrong(arguments, words):
    with pytest.raises(ValueError, match=words):
        conv_out(**arguments)


def test_explain_size_is_the_sentence_of_the_course():
    assert explain_size(227, 11, 0, 4) == "floor((227 - 11 + 2*0) / 4) + 1 = 55"
    assert explain_size(224, 11, 0, 4, "ceil") == "ceil((224 - 11 + 2*0) / 4) + 1 = 55"


def test_same_padding_keeps_the_side():
    for f, n in product((1, 3, 5, 7, 11), (1, 6, 13, 27)):
        assert conv_out(n, f, same_padding(f)) == n


@pytest.mark.parametrize("f", [2, 4, 0, -1])
def test_same_padding_refuses_windows_without_a_centre(f):
    with pytest.raises(ValueError, match=r"odd window"):
        same_padding(f)


def pixels_seen(windows, position):
    """First and last input pixel behind one output position, walked backwards through the windows."""
    first = last = position
    for f, s in reversed(windows):
        first, last = first * s, last * s + f - 1
    return first, last


@pytest.mark.parametrize(
    "windows", [[], [(11, 4)], [(11, 4), (3, 2), (5, 1), (3, 2)], [(2, 2), (2, 2), (6, 5)], [(1, 3)]]
)
def test_receptive_field_counts_the_pixels_behind_one_output(windows):
    first, last = pixels_seen(windows, 0)
    next_first, _ = pixels_seen(windows, 1)
    assert receptive_field(windows) == (last - first + 1, next_first - first)


# ---- whole nets ------------------------------------------------------------------------------------

# The text of "blog" leaves open what decides its counts; our reading is conv1 with stride 4 and no padding,
# "same" paddings after it. (227 - 6) / 4 + 1 = 56.25 -> 56, pooled to 27, which stays until the global mean.
BLOG_CONV_WEIGHTS = (
    96 * 3 * 6 * 6,
    256 * 96 * 5 * 5,
    384 * 256 * 3 * 3,
    384 * 384 * 3 * 3,
    384 * 384 * 3 * 3,
    256 * 384 * 3 * 3,
    384 * 256 * 3 * 3,
)
BLOG_FC_WEIGHTS = 384 * 4096 + 4096 * 4096 + 4096 * 1000 + 1000 * 1000
BLOG_BIASES = 96 + 256 + 384 + 384 + 384 + 256 + 384 + 4096 + 4096 + 1000 + 1000
BLOG_PARAMETERS = sum(BLOG_CONV_WEIGHTS) + BLOG_FC_WEIGHTS + BLOG_BIASES
BLOG_MACS = BLOG_CONV_WEIGHTS[0] * 56 * 56 + sum(BLOG_CONV_WEIGHTS[1:]) * 27 * 27 + BLOG_FC_WEIGHTS

# variant: side after each convolution and its pooling, inputs of the first fc layer, parameters, MACs
COUNTS = {
    "paper": ("55-27 27-13 13 13 13-6", 9216, 60_965_224, 724_406_816),
    "convnet2012": ("55-27 27-13 13 13 13-6", 9216, 60_965_224, 724_406_816),
    "one-tower": ("55-27 27-13 13 13 13-6", 9216, 62_378_344, 1_135_256_096),
    "half": ("55-27 27-13 13 13 13-6", 4608, 16_630_440, 311_191_824),
    "half-plain": ("55-27 27-13 13 13 13-6", 4608, 16_630_440, 311_191_824),
    "torchvision": ("55-27 27-13 13 13 13-6", 9216, 61_100_840, 714_188_480),
    "paddle-tutorial": ("56-28 28-14 14 14 14-7", 12544, 76_009_832, 1_270_155_264),
    "full-5x5": ("55-27 27-13 13 13 13-6", 9216, 63_951_208, 1_401_070_112),
    "blog": ("56-27 27 27 27 27 27 27-1", 384, BLOG_PARAMETERS, BLOG_MACS),
    "d2l": ("54-26 26-12 12 12 12-5", 6400, 46_787_978, 1_005_890_688),
    "cifar4": ("32-15 15-7 7-3", 576, 85_098, 10_732_160),
    "mini": ("32-15 15-7 7 7 7-3", 432, 197_509, 8_139_264),
}


def test_every_variant_is_in_the_table_of_counts():
    assert set(COUNTS) == set(VARIANTS)
    assert BLOG_PARAMETERS == 29_391_600


@pytest.mark.parametrize("name", COUNTS)
def test_trace_gives_the_sizes_of_the_table(name):
    sides = {}
    for row in trace(VARIANTS[name]):
        if row.kind in ("conv", "pool", "globalpool"):
            sides.setdefault(row.name[-1], []).append(str(row.out_shape[1]))
            assert row.out_shape[1] == row.out_shape[2]
    assert " ".join("-".join(stage) for stage in sides.values()) == COUNTS[name][0]


@pytest.mark.parametrize("name", COUNTS)
def test_trace_gives_the_counts_of_the_table(name):
    _, flat, parameters, macs = COUNTS[name]
    config = VARIANTS[name]
    rows = trace(config)
    last_conv_row = rows[sum(len(stage) for stage in config.conv_stages) - 1]
    assert math.prod(last_conv_row.out_shape) == flat
    assert totals(rows)[:2] == (parameters, macs)


@pytest.mark.parametrize(
    "name, changes, parameters",
    [
        ("half", {"num_classes": 5}, 14_591_685),
        ("d2l", {"in_channels": 1}, 46_764_746),
        ("paper", {"groups": 1}, 62_378_344),
        ("one-tower", {"groups": (1, 2, 1, 2, 2)}, 60_965_224),
    ],
)
def test_trace_gives_the_published_counts_of_changed_variants(name, changes, parameters):
    assert totals(trace(VARIANTS[name].replace(**changes)))[0] == parameters


def test_mini_is_small():
    parameters, macs, _ = totals(trace(VARIANTS["mini"]))
    assert parameters < 1_500_000
    assert macs < 40_000_000


def test_parameters_and_macs_of_the_paper_layer_by_layer():
    # The grouped ones see half of their input channels: 48 and 192.
    expected = {
        "conv1": (96 * 3 * 11 * 11 + 96, 96 * 3 * 11 * 11 * 55 * 55),
        "conv2": (256 * 48 * 5 * 5 + 256, 256 * 48 * 5 * 5 * 27 * 27),
        "conv3": (384 * 256 * 3 * 3 + 384, 384 * 256 * 3 * 3 * 13 * 13),
        "conv4": (384 * 192 * 3 * 3 + 384, 384 * 192 * 3 * 3 * 13 * 13),
        "conv5": (256 * 192 * 3 * 3 + 256, 256 * 192 * 3 * 3 * 13 * 13),
        "fc6": (9216 * 4096 + 4096, 9216 * 4096),
        "fc7": (4096 * 4096 + 4096, 4096 * 4096),
        "fc8": (4096 * 1000 + 1000, 4096 * 1000),
    }
    assert {row.name: (row.params, row.macs) for row in trace(VARIANTS["paper"]) if row.params or row.macs} == expected


def test_receptive_fields_and_strides_of_the_paper():
    rows = {row.name: (row.receptive_field, row.stride) for row in trace(VARIANTS["paper"])}
    expected = {
        "conv1": (11, 4),
        "relu1": (11, 4),
        "lrn1": (11, 4),
        "pool1": (19, 8),
        "conv2": (51, 8),
        "pool2": (67, 16),
        "conv3": (99, 16),
        "conv4": (131, 16),
        "conv5": (163, 16),
        "pool5": (195, 32),
        "fc6": (227, None),
        "fc8": (227, None),
    }
    assert {name: rows[name] for name in expected} == expected


def test_after_the_global_mean_the_whole_image_is_seen_and_no_stride_is_left():
    pool7 = next(row for row in trace(VARIANTS["blog"]) if row.name == "pool7")
    assert (pool7.receptive_field, pool7.stride) == (227, None)


def test_what_follows_the_global_mean_sees_the_whole_image_too():
    config = VARIANTS["blog"]
    last = (*config.conv_stages[-1], LRN())
    rows = trace(config.replace(conv_stages=(*config.conv_stages[:-1], last)))
    assert [(row.receptive_field, row.stride) for row in rows if row.name in ("pool7", "lrn7")] == [(227, None)] * 2


def test_the_spatial_norm_widens_the_receptive_field_of_what_follows():
    rows = {row.name: row.receptive_field for row in trace(VARIANTS["convnet2012"])}
    # conv2 sees 51 pixels in steps of 8: four steps more for a 5 x 5 window, two more for the pool.
    assert (rows["conv2"], rows["snorm2"], rows["pool2"]) == (51, 51 + 4 * 8, 51 + 6 * 8)


def test_rows_show_their_arithmetic_in_words():
    rows = {row.name: row for row in trace(VARIANTS["paper"])}
    assert rows["conv1"].arithmetic == "floor((227 - 11 + 2*0) / 4) + 1 = 55"
    assert rows["pool5"].arithmetic == "floor((13 - 3 + 2*0) / 2) + 1 = 6"
    assert "256 * 6 * 6 = 9216" in rows["fc6"].arithmetic
    assert "4096 inputs" in rows["fc7"].arithmetic
    assert trace(VARIANTS["convnet2012"])[0].arithmetic == "ceil((224 - 11 + 2*0) / 4) + 1 = 55"


def test_flattening_is_told_at_the_first_layer_after_the_convolutions_even_if_that_is_dropout():
    rows = {row.name: row for row in trace(VARIANTS["half"])}
    assert "128 * 6 * 6 = 4608" in rows["drop6"].arithmetic
    assert rows["drop6"].out_shape == (4608,)


def test_activation_bytes_are_four_per_value():
    rows = trace(VARIANTS["cifar4"])
    assert rows[0].activation_bytes == 4 * 32 * 32 * 32
    assert totals(rows)[2] == sum(4 * math.prod(row.out_shape) for row in rows)


@pytest.mark.parametrize(
    "name, image_size, conv1, pool1",
    [("convnet2012", 229, (55, 56), (27, 28)), ("mini", 66, (33, 34), (16, 17))],
)
def test_ceil_rounding_is_one_more_where_a_division_leaves_a_rest(name, image_size, conv1, pool1):
    for rounding, at in (("floor", 0), ("ceil", 1)):
        rows = {row.name: row for row in trace(VARIANTS[name].replace(rounding=rounding, image_size=image_size))}
        assert (rows["conv1"].out_shape[1], rows["pool1"].out_shape[1]) == (conv1[at], pool1[at])


# ---- nets that cannot work: also built, in test_model.py -------------------------------------------

# label: config, the layer at fault, the arithmetic that shows it
IMPOSSIBLE = {
    "kernel larger than the image": (
        VARIANTS["paper"].replace(image_size=10),
        "conv1",
        "floor((10 - 11 + 2*0) / 4) + 1 = 0",
    ),
    "a side that reaches 0 late": (
        VARIANTS["paper"].replace(image_size=63),
        "pool5",
        "floor((2 - 3 + 2*0) / 2) + 1 = 0",
    ),
    "a pool larger than its input": (
        VARIANTS["mini"].replace(image_size=3),
        "pool1",
        "floor((2 - 3 + 2*0) / 2) + 1 = 0",
    ),
    "a window past the edge": (
        VARIANTS["convnet2012"].replace(pool=Pool(1, 4)),
        "pool1",
        "ceil((55 - 1 + 2*0) / 4) + 1 = 15",
    ),
    "groups against input channels": (
        VARIANTS["mini"].replace(groups=(2, 2, 1, 2, 2)),
        "conv1",
        "3 / 2 = 1.50",
    ),
    "groups against output channels": (
        VARIANTS["mini"].replace(groups=(1, 1, 3, 1, 1)),
        "conv3",
        "64 / 3 = 21.33",
    ),
    "a fully connected layer in a conv stage": (
        AlexNetConfig("n", conv_stages=((Conv(8, 3),), (Linear(5),)), image_size=9),
        "fc2",
        "it takes values in a row, not 8 x 7 x 7; put it in fc_stages",
    ),
    "a convolution in an fc stage": (
        AlexNetConfig("n", conv_stages=((Conv(8, 3),),), fc_stages=((Linear(5), Conv(8, 3)),), image_size=9),
        "conv2",
        "it takes channels x height x width, not 5 values in a row; put it in conv_stages",
    ),
    "towers of the LRN": (
        VARIANTS["mini"].replace(lrn=LRN(groups=7)),
        "lrn1",
        "groups=7 does not divide its 24 channels",
    ),
}


@pytest.mark.parametrize("label", IMPOSSIBLE)
def test_trace_names_the_impossible_layer_and_shows_the_arithmetic(label):
    config, layer, arithmetic = IMPOSSIBLE[label]
    with pytest.raises(ValueError) as error:
        trace(config)
    assert str(error.value).startswith(f"{layer}: ")
    assert arithmetic in str(error.value)


# ---- no paddle -------------------------------------------------------------------------------------


def test_tables_and_arithmetic_do_not_load_paddle():
    program = (
        "import sys; from alexnet_paddle.arithmetic import trace; import alexnet_paddle.nets.initialisation;"
        "from alexnet_paddle.nets.variants import VARIANTS; trace(VARIANTS['paper']);"
        "print(sorted({'paddle', 'numpy'} & set(sys.modules)))"
    )
    repository = Path(__file__).resolve().parents[1]
    run = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
