from alexnet_paddle import VARIANTS, AlexNet  # isort: skip  (before paddle, so that it can tune the CPU)

import dataclasses
import gc
import json
import math

import numpy as np
import numpy_reference
import paddle
import pytest
from test_arithmetic import COUNTS, IMPOSSIBLE

from alexnet_paddle.arithmetic import Traced, trace
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.config import LRN, AlexNetConfig, Conv, GlobalPool, Layer, Linear, Pool, SpatialNorm
from alexnet_paddle.nets.initialisation import INITS


def record(net):
    """{sublayer: output} in the order of calls, filled by the next forward pass."""
    outputs = {}
    for name, layer in net.named_sublayers():
        layer.register_forward_post_hook(lambda _, inputs, output, name=name: outputs.update({name: output}))
    return outputs


def images_for(config, count=2, scale=100.0):
    """Random images, by default on the scale of raw pixels: there the response norms divide by much."""
    shape = (count, config.in_channels, config.image_size, config.image_size)
    return (np.random.default_rng(3).standard_normal(shape) * scale).astype("float32")


def assert_close(got, expected, what, rtol=5e-5):
    """Within rtol of the largest value: the smallest ones are differences of large ones, and convolutions that
    multiply less round more."""
    assert tuple(got.shape) == tuple(expected.shape), what
    np.testing.assert_allclose(got, expected, rtol=0, atol=rtol * np.abs(expected).max(), err_msg=what)


# ---- the variants at full width: what is traced is what is built -----------------------------------


@pytest.fixture(scope="module", params=VARIANTS)
def built(request):
    """One variant, built once: (name, net, total of paddle.summary, {sublayer: output of one image})."""
    net = AlexNet(VARIANTS[request.param])
    net.eval()
    outputs = record(net)
    with paddle.no_grad():
        total = paddle.summary(net, (1, *images_for(net.config).shape[1:]))["total_params"]
    yield request.param, net, total, outputs
    # 300 MB each: gone before the next one is built.
    outputs.clear()
    del net
    gc.collect()


def test_built_layers_run_in_the_order_of_the_table_with_the_shapes_of_trace(built):
    name, _, _, outputs = built
    shapes = [(layer, tuple(output.shape)) for layer, output in outputs.items()]
    assert shapes == [(row.name, (1, *row.out_shape)) for row in trace(VARIANTS[name])]


def test_built_layers_have_the_parameters_of_trace(built):
    name, net, _, _ = built
    counts = {layer: sum(p.size for p in sub.parameters()) for layer, sub in net.named_sublayers()}
    assert counts == {row.name: row.params for row in trace(VARIANTS[name])}


def test_paddles_summary_counts_the_parameters_of_the_table(built):
    name, _, total, _ = built
    assert total == COUNTS[name][2]


def test_parameters_are_weight_bias_weight_bias_in_forward_order(built):
    name, net, _, _ = built
    expected = [f"{row.name}.{kind}" for row in trace(VARIANTS[name]) if row.params for kind in ("weight", "bias")]
    assert [parameter for parameter, _ in net.named_parameters()] == expected
    assert list(net.state_dict()) == expected
    by_name = dict(net.named_parameters())
    assert all(a is by_name[b] for a, b in zip(net.parameters(), expected, strict=True))


def test_features_and_embeddings_are_the_layers_they_stand_for(built):
    name, net, _, outputs = built
    images = paddle.to_tensor(images_for(net.config, count=1))
    with paddle.no_grad():
        logits = net(images)
        layers = [output.numpy() for output in outputs.values()]
        features, embedding = net.features(images).numpy(), net.embed(images).numpy()
    last_conv_layer = sum(len(stage) for stage in net.config.conv_stages) - 1
    assert features.size == COUNTS[name][1]
    np.testing.assert_array_equal(features, layers[last_conv_layer])
    np.testing.assert_array_equal(embedding.ravel(), layers[-2].ravel())
    np.testing.assert_array_equal(logits.numpy(), layers[-1])


# ---- the variants, narrow, against NumPy -----------------------------------------------------------


def narrow(config):
    """The same net with few channels and 5 classes: every window, group and size stays as it is."""
    widths = iter((12, 16, 12, 8, 12, 16, 8))

    def thin(layer):
        if isinstance(layer, Conv):
            return dataclasses.replace(layer, out_channels=next(widths))
        return Linear(16) if isinstance(layer, Linear) else layer

    conv_stages, fc_stages = (
        tuple(tuple(thin(layer) for layer in stage) for stage in stages)
        for stages in (config.conv_stages, config.fc_stages)
    )
    return dataclasses.replace(config, conv_stages=conv_stages, fc_stages=fc_stages, num_classes=5)


def set_random_weights(net, scale):
    """{layer name: (weight, bias)}, put into the net; biases are as large as the signal, so that they count."""
    random = np.random.default_rng(4)
    weights = {}
    for name, layer in net.named_sublayers():
        if layer.parameters():
            shape = layer.weight.shape
            fan_in = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
            weight = random.standard_normal(shape) * math.sqrt(2 / fan_in)
            bias = random.standard_normal(layer.bias.shape) * scale / 5
            weights[name] = weight.astype("float32"), bias.astype("float32")
            layer.weight.set_value(weights[name][0])
            layer.bias.set_value(weights[name][1])
    return weights


def assert_every_layer_is_numpys(config, scale=100.0):
    """Compare all activations at evaluation."""
    net = AlexNet(config)
    net.eval()
    weights, images = set_random_weights(net, scale), images_for(config, scale=scale)
    outputs = record(net)
    with paddle.no_grad():
        net(paddle.to_tensor(images))
    expected = numpy_reference.forward(config, weights, images)
    assert list(outputs) == list(expected)
    for name in expected:
        assert_close(outputs[name].numpy(), expected[name], name)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_layer_of_the_narrow_variant_computes_what_numpy_computes(name):
    assert_every_layer_is_numpys(narrow(VARIANTS[name]))


MINI = narrow(VARIANTS["mini"])
MINI_2012 = narrow(VARIANTS["convnet2012"].replace(image_size=99))


@pytest.mark.parametrize(
    "config",
    [
        # 229 leaves a rest in conv1 and in every pool: 56, 28, 14, 7 pixels instead of 55, 27, 13, 6.
        pytest.param(narrow(VARIANTS["convnet2012"].replace(image_size=229)), id="ceil in conv1 and pools"),
        pytest.param(MINI.replace(rounding="ceil", image_size=66), id="ceil with padding"),
        pytest.param(MINI.replace(groups=(1, 4, 4, 2, 4)), id="four groups"),
        pytest.param(MINI.replace(groups=1), id="no groups"),
        pytest.param(MINI.replace(in_channels=1), id="grey images"),
        pytest.param(MINI.replace(pool="plain"), id="plain pooling"),
        pytest.param(MINI.replace(pool=Pool(3, 1)), id="pooling at every pixel"),
        pytest.param(MINI.replace(lrn=False), id="no lrn"),
        pytest.param(MINI.replace(lrn=LRN(divide_by_size=True)), id="alpha over size"),
        pytest.param(MINI.replace(lrn=LRN(divide_by_size=True, groups=2)), id="lrn inside towers"),
        pytest.param(MINI.replace(lrn=LRN(4, 1e-3, 0.5, 1.0)), id="other lrn numbers"),
        pytest.param(MINI_2012, id="relu after pooling, spatial norm"),
        pytest.param(MINI_2012.replace(rounding="floor", image_size=103), id="2012 order, rounded down"),
        pytest.param(
            dataclasses.replace(MINI, conv_stages=(*MINI.conv_stages[:4], (*MINI.conv_stages[4][:2], GlobalPool()))),
            id="global mean",
        ),
        pytest.param(
            dataclasses.replace(MINI, conv_stages=((Conv(6, 5, 2), SpatialNorm(3, 0.05, 0.5, 2.0)),), image_size=20),
            id="other spatial norm numbers",
        ),
        pytest.param(dataclasses.replace(MINI, fc_stages=MINI.fc_stages[:1]), id="one hidden fc layer"),
    ],
)
def test_every_feature_of_the_table_computes_what_numpy_computes(config):
    assert_every_layer_is_numpys(config)


@pytest.mark.parametrize("mode", ["upscale_in_train", "downscale_in_infer"])
@pytest.mark.parametrize("position", ["before", "after"])
def test_dropout_at_evaluation_is_what_numpy_computes(position, mode):
    assert_every_layer_is_numpys(MINI.replace(dropout=0.3, dropout_position=position, dropout_mode=mode))


@pytest.mark.parametrize("function", ["tanh", "sigmoid"])
def test_bounded_activations_compute_what_numpy_computes(function):
    # Inputs of about 1, or all of them would sit at their bounds.
    assert_every_layer_is_numpys(MINI.replace(activation=function), scale=1.0)


# ---- dropout while training ------------------------------------------------------------------------


@pytest.mark.parametrize("mode, factor", [("upscale_in_train", 1 / 0.7), ("downscale_in_infer", 1.0)])
def test_dropout_while_training_zeroes_its_fraction_and_scales_by_its_mode(mode, factor):
    paddle.seed(5)
    net = AlexNet(VARIANTS["mini"].replace(activation="sigmoid", dropout=0.3, dropout_mode=mode))
    outputs = record(net)
    net(paddle.to_tensor(images_for(net.config, count=64, scale=1.0)))
    before, after = outputs["sigmoid6"].numpy(), outputs["drop6"].numpy()
    kept = after != 0
    assert abs(kept.mean() - 0.7) < 0.02  # five standard errors of 64 x 192 draws
    np.testing.assert_allclose(after[kept], factor * before[kept], rtol=1e-6)


# ---- against Paddle's own AlexNet ------------------------------------------------------------------


@pytest.fixture(scope="module")
def twins():
    """Ours and `paddle.vision.models.alexnet`, with the same weights."""
    ours = AlexNet(VARIANTS["torchvision"].replace(dropout_mode="downscale_in_infer"))
    theirs = paddle.vision.models.alexnet(pretrained=False)
    for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.shape == its.shape
        mine.set_value(its)
    yield ours, theirs
    del ours, theirs
    gc.collect()


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_outputs_and_all_gradients_are_those_of_paddles_alexnet(twins, training, monkeypatch):
    # The fast layers round otherwise, and at the kinks of ReLU and pooling that sends some gradients elsewhere:
    # tests/test_fast_cpu.py compares those layer by layer.
    monkeypatch.setattr(fast_cpu, "RULE", fast_cpu.Rule(onednn=False, numpy=False))
    images = paddle.to_tensor(images_for(twins[0].config, scale=1.0))
    weights = paddle.to_tensor(np.random.default_rng(6).standard_normal((2, 1000)).astype("float32"))
    logits = []
    for net in twins:
        (net.train if training else net.eval)()
        net.clear_gradients()
        paddle.seed(7)  # the same dropout masks
        logits.append(net(images))
        (logits[-1] * weights).sum().backward()
    assert_close(logits[0].numpy(), logits[1].numpy(), "logits")
    for (name, mine), its in zip(twins[0].named_parameters(), twins[1].parameters(), strict=True):
        assert_close(mine.grad.numpy(), its.grad.numpy(), name)


# ---- a new kind of layer ---------------------------------------------------------------------------


def test_a_new_kind_of_layer_is_its_class_alone():
    @dataclasses.dataclass(frozen=True)
    class Shift(Layer):
        by: float
        kind = "shift"

        def trace(self, shape, rounding):
            return Traced(shape, f"same size, {self.by} more")

        def build(self, shape, rounding, initialise):
            layer = paddle.nn.Identity()
            layer.register_forward_post_hook(lambda _, inputs, output: output + self.by)
            return layer

    stages = ((Conv(4, 3), Shift(1.5), Pool(3, 2)),)
    config = AlexNetConfig("shifted", conv_stages=stages, image_size=9, num_classes=2)
    assert [row.name for row in trace(config)] == ["conv1", "shift1", "pool1", "fc2"]
    assert trace(config)[1].arithmetic == "same size, 1.5 more"
    assert AlexNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    net = AlexNet(config)
    outputs = record(net)
    net(paddle.to_tensor(images_for(config)))
    np.testing.assert_allclose(outputs["shift1"].numpy(), outputs["conv1"].numpy() + 1.5, rtol=1e-6)


# ---- nets that cannot work, images that do not fit --------------------------------------------------


@pytest.mark.parametrize("label", IMPOSSIBLE)
def test_building_names_the_impossible_layer_and_shows_the_arithmetic(label):
    config, layer, arithmetic = IMPOSSIBLE[label]
    with pytest.raises(ValueError) as error:
        AlexNet(config)
    assert str(error.value).startswith(f"{layer}: ")
    assert arithmetic in str(error.value)


@pytest.mark.parametrize("shape", [[2, 3, 60, 64], [2, 3, 64, 60], [2, 1, 64, 64], [3, 64, 64], [2, 64, 64, 3]])
@pytest.mark.parametrize("method", ["forward", "features", "embed"])
def test_images_of_another_shape_are_refused_with_the_expected_shape(shape, method):
    net = AlexNet(VARIANTS["mini"])
    with pytest.raises(ValueError, match=r"'mini' takes images of shape \[3, 64, 64\], got"):
        getattr(net, method)(paddle.zeros(shape))


# ---- features and embeddings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, features, embedding",
    [
        ("paper", [2, 256, 6, 6], [2, 4096]),
        ("mini", [2, 48, 3, 3], [2, 192]),
        # No hidden fc layer: what the last one sees are the features themselves.
        ("cifar4", [2, 64, 3, 3], [2, 576]),
    ],
)
def test_features_and_embeddings_have_the_shapes_of_the_net(name, features, embedding):
    net = AlexNet(VARIANTS[name])
    net.eval()
    images = paddle.to_tensor(images_for(net.config))
    with paddle.no_grad():
        assert net.features(images).shape == features
        assert net.embed(images).shape == embedding
        assert net(images).shape == [2, net.config.num_classes]


# ---- initialisation --------------------------------------------------------------------------------

# `mini` with 200 classes. layer: (inputs of one output, outputs of one input, shape of the weight)
FANS = {
    "conv1": (3 * 25, 24 * 25, (24, 3, 5, 5)),
    "conv2": (12 * 25, 48 * 25, (48, 12, 5, 5)),  # two groups, here and in conv4 and conv5
    "conv3": (48 * 9, 64 * 9, (64, 48, 3, 3)),
    "conv4": (32 * 9, 64 * 9, (64, 32, 3, 3)),
    "conv5": (32 * 9, 48 * 9, (48, 32, 3, 3)),
    "fc6": (432, 192, (432, 192)),
    "fc7": (192, 192, (192, 192)),
    "fc8": (192, 200, (192, 200)),
}
ONES = ("conv2", "conv4", "conv5", "fc6", "fc7")


def started(init, seed=8, **changes):
    paddle.seed(seed)
    net = AlexNet(VARIANTS["mini"].replace(init=init, num_classes=200, **changes))
    return {name: (getattr(net, name).weight.numpy(), getattr(net, name).bias.numpy()) for name in FANS}


def assert_normal(values, std, what):
    assert abs(values.std() / std - 1) < 0.05, what
    assert abs(values.mean()) < 4 * std / math.sqrt(values.size), what
    assert np.abs(values).max() > 2.5 * std, f"{what}: no tails"


def assert_uniform(values, bound, what, slack=0.01):
    """Biases are few: their largest value may stay further below the bound."""
    assert (1 - slack) * bound < np.abs(values).max() <= bound * (1 + 1e-6), what
    assert values.min() < 0 < values.max(), what
    if values.size > 1000:
        assert abs(values.std() / (bound / math.sqrt(3)) - 1) < 0.05, what


def assert_biases(start, ones):
    for name, (_, bias) in start.items():
        assert (bias == (1.0 if name in ones else 0.0)).all(), name


def test_the_fans_above_are_those_of_mini():
    assert {name: weight.shape for name, (weight, _) in started("paper").items()} == {
        name: shape for name, (_, _, shape) in FANS.items()
    }


def test_initialisation_of_the_paper():
    start = started("paper")
    for name, (weight, _) in start.items():
        assert_normal(weight, 0.01, name)
    assert_biases(start, ones=ONES)


def test_with_biases_0_the_papers_weights_stay_the_same():
    start, paper = started("paper-bias-0"), started("paper")
    for name, (weight, _) in start.items():
        np.testing.assert_array_equal(weight, paper[name][0])
    assert_biases(start, ones=())


def test_initialisation_of_the_2012_source_is_wider_in_conv3_to_conv5():
    start = started("convnet2012")
    for name, (weight, _) in start.items():
        assert_normal(weight, 0.03 if name in ("conv3", "conv4", "conv5") else 0.01, name)
    assert_biases(start, ones=ONES)


def test_initialisation_of_pytorch_is_uniform_by_fan_in_biases_too():
    for name, (weight, bias) in started("pytorch").items():
        bound = 1 / math.sqrt(FANS[name][0])
        assert_uniform(weight, bound, name)
        assert_uniform(bias, bound, f"bias of {name}", slack=0.2)


def test_initialisation_of_dansuh17_is_the_papers_in_convolutions_and_pytorchs_in_fc_layers():
    for name, (weight, bias) in started("dansuh17").items():
        if name.startswith("conv"):
            assert_normal(weight, 0.01, name)
            assert (bias == (1.0 if name in ONES else 0.0)).all(), name
        else:
            bound = 1 / math.sqrt(FANS[name][0])
            assert_uniform(weight, bound, name)
            assert_uniform(bias, bound, f"bias of {name}", slack=0.2)


def test_initialisation_of_kaiming_is_by_fan_out_in_convolutions_and_small_in_fc_layers():
    start = started("kaiming")
    for name, (weight, _) in start.items():
        assert_normal(weight, math.sqrt(2 / FANS[name][1]) if name.startswith("conv") else 0.01, name)
    assert_biases(start, ones=())


def test_initialisation_of_paddle_is_by_fan_in_and_xavier_uniform():
    # Without groups: Paddle counts the input channels of all groups as the fan in of each.
    start = started("paddle", groups=1)
    for name, (weight, _) in start.items():
        if name.startswith("conv"):
            assert_normal(weight, math.sqrt(2 / math.prod(weight.shape[1:])), name)
        else:
            assert_uniform(weight, math.sqrt(6 / sum(weight.shape)), name)
    assert_biases(start, ones=())


def test_initialisation_of_the_sigmoid_is_four_times_xaviers_with_zero_sums():
    start = started("sigmoid")
    for name, (weight, _) in start.items():
        units = weight.reshape(len(weight), -1) if weight.ndim == 4 else weight.T
        np.testing.assert_allclose(units.sum(axis=1), 0, atol=1e-4)
        fan_in, fan_out = FANS[name][:2]
        bound = (1 if name == "fc8" else 4) * math.sqrt(6 / (fan_in + fan_out))
        assert abs(weight.std() / (bound / math.sqrt(3)) - 1) < 0.05, name
    assert_biases(start, ones=())


def test_the_papers_last_bias_is_zero_at_any_depth():
    config = AlexNetConfig("shallow", conv_stages=((Conv(4, 3),),), fc_stages=((Linear(6),),), image_size=8)
    net = AlexNet(dataclasses.replace(config, init="paper", num_classes=3))
    assert [float(bias.numpy().mean()) for bias in net.parameters()[1::2]] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("init", INITS)
def test_a_seed_gives_the_same_start_twice_and_another_seed_another(init):
    first, second, other = (started(init, seed) for seed in (1, 1, 2))
    for name in FANS:
        for a, b in zip(first[name], second[name], strict=True):
            np.testing.assert_array_equal(a, b)
        assert (first[name][0] != other[name][0]).any()
