"""Random small nets: what is traced is what is built is what NumPy computes, and the data survives JSON.

The nets are put together so that they work, by counting windows, without the package's arithmetic. The same nets come
every time: Hypothesis draws them from a seed that follows from the code of the test.
"""

from alexnet_paddle import AlexNet, AlexNetConfig  # isort: skip  (before paddle, so that it can tune the CPU)

import dataclasses
import json
from itertools import product

import numpy as np
import numpy_reference
import paddle
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_model import images_for, record, set_random_weights

from alexnet_paddle.arithmetic import ROUNDINGS, trace
from alexnet_paddle.nets.config import (
    ACTIVATIONS,
    DROPOUT_MODES,
    LRN,
    Activation,
    Conv,
    Dropout,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    SpatialNorm,
)
from alexnet_paddle.nets.initialisation import INITS

KINDS = {cls.__name__ for cls in Layer.__subclasses__()}

# ---- nets that work --------------------------------------------------------------------------------

MOST_CHANNELS, MOST_PIXELS = 8, 14
ACTIVATION = st.sampled_from([Activation(function) for function in ACTIVATIONS])
DROPOUT = st.sampled_from([Dropout(p, mode) for p, mode in product((0, 0.1, 0.5, 0.9), DROPOUT_MODES)])
LINEAR = st.integers(1, 6).map(Linear)
# The nets' values are about 1: with these numbers the norms divide by up to 4 and more, and by next to nothing.
LRNS = st.sampled_from(
    [LRN(*numbers) for numbers in product(range(1, 7), (0.5, 1e-4), (0.75, 0.5, 1.25), (2.0, 1.0), (False, True))]
)
SPATIAL_NORM = st.sampled_from([SpatialNorm(*numbers) for numbers in product((5, 1, 3), (1, 1e-3), (0.75, 1), (1, 2))])


def fits(n, kernel, stride, rounding):
    """Whether a window fits n pixels and none starts past them."""
    return kernel <= n and numpy_reference.window_starts(n, kernel, stride, rounding)[-1] < n


def divisors(n):
    return st.sampled_from([d for d in range(1, n + 1) if n % d == 0])


@st.composite
def conv_layers(draw, channels, n, rounding):
    windows = product(range(1, 7), range(1, 5), range(4))  # kernel, stride, padding
    window = draw(st.sampled_from([(k, s, p) for k, s, p in windows if fits(n + 2 * p, k, s, rounding)]))
    groups = draw(divisors(channels))
    return Conv(groups * draw(st.integers(1, MOST_CHANNELS // groups)), *window, groups)


@st.composite
def lrn_layers(draw, channels, n, rounding):
    return dataclasses.replace(draw(LRNS), groups=draw(divisors(channels)))


def pool_layers(channels, n, rounding):
    windows = product(range(1, 5), range(1, 5))
    return st.sampled_from([Pool(k, s) for k, s in windows if fits(n, k, s, rounding)]) | st.just(GlobalPool())


def anywhere(layers):
    return lambda channels, n, rounding: layers


def some_of(*choices):
    """Some of them, or none, in any order."""
    return st.lists(st.sampled_from(choices), unique=True, max_size=len(choices))


CONV_STAGE = some_of(conv_layers, lrn_layers, pool_layers, *map(anywhere, (ACTIVATION, SPATIAL_NORM, DROPOUT)))
FC_STAGE = some_of(LINEAR, ACTIVATION, DROPOUT)


@st.composite
def configs(draw, roundings=ROUNDINGS):
    """A net of up to three conv and two hidden fc stages that works."""
    first = channels, n = draw(st.integers(1, 4)), draw(st.integers(4, MOST_PIXELS))
    rounding = draw(st.sampled_from(roundings))
    conv_stages = []
    for kinds in draw(st.lists(CONV_STAGE, min_size=1, max_size=3)):
        stage = []
        for layers in kinds:
            layer = draw(layers(channels, n, rounding))
            if isinstance(layer, (Conv, Pool)):
                padded = n + 2 * getattr(layer, "padding", 0)
                n = len(numpy_reference.window_starts(padded, layer.kernel, layer.stride, rounding))
            elif isinstance(layer, GlobalPool):
                n = 1
            channels = getattr(layer, "out_channels", channels)
            stage.append(layer)
        conv_stages.append(stage)
    return AlexNetConfig(
        name="random",
        conv_stages=conv_stages,
        fc_stages=[[draw(layers) for layers in kinds] for kinds in draw(st.lists(FC_STAGE, max_size=2))],
        in_channels=first[0],
        image_size=first[1],
        num_classes=draw(st.integers(1, 5)),
        rounding=rounding,
        init=draw(st.sampled_from(list(INITS))),
    )


def check_all(check, count, *strategies):
    profile = settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )
    profile(given(*strategies)(check))()


def examples(fast, slow):
    """How many, in the fast tests and in the slow ones."""
    return pytest.mark.parametrize("count", [fast, pytest.param(slow, marks=pytest.mark.slow)])


def seen_in(config):
    """What a run of random nets must have met, or it proved less than it says."""
    layers = [layer for _, layer in config.named_layers()]
    yield from (type(layer).__name__ for layer in layers)
    yield from (layer.mode for layer in layers if isinstance(layer, Dropout))
    yield from (f"{layer.function} in a net" for layer in layers if isinstance(layer, Activation))
    grouped = [layer for layer in layers if getattr(layer, "groups", 1) > 1]
    yield from (f"{type(layer).__name__} in groups" for layer in grouped)
    yield from ("groups and a stride" for layer in grouped if getattr(layer, "stride", 1) > 1)
    yield from (f"{config.rounding} sizes", f"{len(config.fc_stages)} hidden fc stages")


TO_BE_SEEN = {
    *KINDS,
    *DROPOUT_MODES,
    *(f"{function} in a net" for function in ACTIVATIONS),
    *("Conv in groups", "LRN in groups", "groups and a stride"),
    *(f"{rounding} sizes" for rounding in ROUNDINGS),
    *(f"{count} hidden fc stages" for count in range(3)),
}


# ---- trace = built net = NumPy ---------------------------------------------------------------------

# Weights and images are such that values are about 1 in every net; differences are told as a fraction of the layer's
# largest value, or of 1 where that is less: the terms of a sum that comes to nothing were rounded all the same.
# float32 rounds to 6e-8, the tiled convolutions lose one or two digits of that (see test_fast_cpu), and each layer
# hands its differences on. In 5,000 random nets they reached 2.3e-5, in a tanh after a 5 x 5 convolution; other
# processors round otherwise.
TOLERANCE = 1e-4


@examples(fast=200, slow=1000)
def test_trace_is_the_built_net_is_numpy(count):
    seen = set()

    def check(config):
        rows, net = trace(config), AlexNet(config)
        net.eval()
        weights, images = set_random_weights(net, scale=1.0), images_for(config, scale=1.0)
        outputs = record(net)
        with paddle.no_grad():
            net(paddle.to_tensor(images))
        shapes = {name: tuple(output.shape[1:]) for name, output in outputs.items()}
        assert list(shapes.items()) == [(row.name, row.out_shape) for row in rows]
        parameters = {name: sum(p.size for p in layer.parameters()) for name, layer in net.named_sublayers()}
        assert parameters == {row.name: row.params for row in rows}
        expected = numpy_reference.forward(config, weights, images)
        assert list(expected) == list(shapes)
        for name, values in expected.items():
            atol = TOLERANCE * max(1, np.abs(values).max())
            np.testing.assert_allclose(outputs[name].numpy(), values, rtol=0, atol=atol, err_msg=name)
        seen.update(seen_in(config))

    check_all(check, count, configs())
    assert seen >= TO_BE_SEEN


# ---- as plain data ---------------------------------------------------------------------------------


@examples(fast=200, slow=1000)
def test_a_net_survives_json_and_changes_of_nothing(count):
    seen = set()

    def check(config, name, source):
        written = config.to_dict()
        read = AlexNetConfig.from_dict(json.loads(json.dumps(written)))
        reworded = config.replace(name=name, source=source, default_recipe=source)
        for same in (read, config.replace(), reworded, dataclasses.replace(config, name=name)):
            assert same == config and hash(same) == hash(config)
        assert read.to_dict() == written == {**reworded.to_dict(), "name": config.name}
        assert trace(read) == trace(config)
        assert config.replace(num_classes=config.num_classes + 1) != config
        seen.update(seen_in(config))

    check_all(check, count, configs(), st.text(), st.text())
    assert seen >= TO_BE_SEEN


# ---- nets that cannot work -------------------------------------------------------------------------

# What is wrong: where, and with a layer that cannot work there, whatever came before; nets have at most 8 channels.
IMPOSSIBLE = {
    "a kernel larger than its input": ("conv_stages", Conv(4, 99)),
    "a pool larger than its input": ("conv_stages", Pool(99, 1)),
    "a window past the edge": ("conv_stages", Conv(4, 1, stride=99, padding=1)),  # only where sizes are rounded up
    "groups against input channels": ("conv_stages", Conv(11, 1, groups=11)),
    "groups against output channels": ("conv_stages", Conv(3, 1, groups=2)),
    "towers of the LRN": ("conv_stages", LRN(groups=11)),
    "a fully connected layer among positions": ("conv_stages", Linear(3)),
    "a convolution of values in a row": ("fc_stages", Conv(4, 1)),
    "channels of values in a row": ("fc_stages", LRN()),
    "neighbours of values in a row": ("fc_stages", SpatialNorm()),
    "a pool of values in a row": ("fc_stages", Pool(1, 1)),
    "a mean of values in a row": ("fc_stages", GlobalPool()),
}


@st.composite
def impossible_configs(draw, label):
    """A net with one more stage somewhere, which cannot work, and the name of its only layer."""
    part, layer = IMPOSSIBLE[label]
    config = draw(configs(roundings=("ceil",) if label == "a window past the edge" else ROUNDINGS))
    stages = list(getattr(config, part))
    place = draw(st.integers(0, len(stages)))
    stages.insert(place, (layer,))
    number = 1 + place + (len(config.conv_stages) if part == "fc_stages" else 0)
    return config.replace(**{part: stages}), f"{layer.label}{number}"


@examples(fast=15, slow=100)
@pytest.mark.parametrize("label", IMPOSSIBLE)
def test_what_cannot_work_is_refused_by_the_layers_name_traced_or_built(label, count):
    def check(impossible):
        config, name = impossible
        errors = []
        for use in (trace, AlexNet):
            with pytest.raises(ValueError) as error:
                use(config)
            errors.append(str(error.value))
        assert errors[0].startswith(f"{name}: ")
        assert errors[1] == errors[0] and "\n" not in errors[0]

    check_all(check, count, impossible_configs(label))
