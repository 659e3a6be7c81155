from itertools import product

from alexnet_paddle.nets.layers import LocalResponseNorm, SpatialResponseNorm, channel_band  # isort: skip

import numpy as np
import numpy_reference
import paddle
import pytest
from paddle import nn


def sample(*shape, dtype="float32", scale=30.0):
    """Values so large that the normalisation divides by far more than its constant k."""
    return (np.random.default_rng(12).standard_normal(shape) * scale).astype(dtype)


def assert_close(got, expected, rtol=1e-5):
    """Within rtol of the largest value: the smallest ones are differences of large ones."""
    np.testing.assert_allclose(np.asarray(got), expected, rtol=0, atol=rtol * np.abs(expected).max())


def gradient(layer, x, weights):
    """The layer's own gradient of sum(weights * layer(x))."""
    x = paddle.to_tensor(x, stop_gradient=False)
    (layer(x) * paddle.to_tensor(weights)).sum().backward()
    return x.grad.numpy()


def gradient_by_differences(layer, x, weights, step=1e-5):
    slopes = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        sides = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * step
            sides.append((layer(paddle.to_tensor(moved)).numpy() * weights).sum())
        slopes[index] = (sides[0] - sides[1]) / (2 * step)
    return slopes


# ---- across channels -------------------------------------------------------------------------------

# channels, size, beta, k, groups
NORMS = {
    "the paper's": (12, 5, 0.75, 2.0, 1),
    "even size": (9, 4, 0.75, 2.0, 1),
    "fewer channels than the window": (3, 5, 0.75, 2.0, 1),
    "a window of one": (6, 1, 0.75, 1.0, 1),
    "another power": (10, 5, 0.5, 1.0, 1),
    "a power above one": (10, 3, 1.25, 2.0, 1),
    "two towers": (12, 5, 0.75, 2.0, 2),
    "two towers narrower than the window": (6, 5, 0.75, 2.0, 2),
    "three towers, even size": (12, 4, 0.75, 2.0, 3),
}


@pytest.mark.parametrize("divide_by_size", [False, True], ids=["printed formula", "alpha over size"])
@pytest.mark.parametrize("label", NORMS)
def test_response_norm_is_the_formula(label, divide_by_size):
    channels, size, beta, k, groups = NORMS[label]
    x = sample(2, channels, 3, 4)
    layer = LocalResponseNorm(channels, size, 1e-2, beta, k, divide_by_size, groups)
    expected = numpy_reference.lrn(x.astype("float64"), size, 1e-2, beta, k, divide_by_size, groups)
    assert_close(layer(paddle.to_tensor(x)), expected)


def test_response_norm_defaults_to_the_printed_formula():
    x = sample(1, 7, 2, 2, scale=100)
    expected = numpy_reference.lrn(x.astype("float64"), 5, 1e-4, 0.75, 2.0, divide_by_size=False, groups=1)
    assert_close(LocalResponseNorm(7)(paddle.to_tensor(x)), expected)


@pytest.mark.parametrize("size, channels, beta", [(5, 12, 0.75), (4, 9, 0.75), (3, 2, 0.75), (5, 8, 0.5)])
def test_response_norm_with_alpha_over_size_is_paddles(size, channels, beta):
    x, weights = sample(2, channels, 3, 4), sample(2, channels, 3, 4, scale=1)
    ours = LocalResponseNorm(channels, size, 1e-2, beta, 2.0, divide_by_size=True)
    paddles = nn.LocalResponseNorm(size, alpha=1e-2, beta=beta, k=2.0)
    assert_close(ours(paddle.to_tensor(x)), paddles(paddle.to_tensor(x)).numpy())
    assert_close(gradient(ours, x, weights), gradient(paddles, x, weights))


def test_the_printed_formula_is_paddles_with_five_times_the_alpha():
    x = sample(2, 12, 3, 4)
    paddles = nn.LocalResponseNorm(5, alpha=5e-3, beta=0.75, k=2.0)
    assert_close(LocalResponseNorm(12, 5, 1e-3)(paddle.to_tensor(x)), paddles(paddle.to_tensor(x)).numpy())


@pytest.mark.parametrize("divide_by_size", [False, True], ids=["printed formula", "alpha over size"])
@pytest.mark.parametrize("label", NORMS)
def test_response_norm_gradient_is_the_slope(label, divide_by_size):
    channels, size, beta, k, groups = NORMS[label]
    x, weights = (sample(1, channels, 2, 1, dtype="float64", scale=scale) for scale in (1.5, 1))
    layer = LocalResponseNorm(channels, size, 0.3, beta, k, divide_by_size, groups)
    assert_close(gradient(layer, x, weights), gradient_by_differences(layer, x, weights), rtol=1e-7)


@pytest.mark.parametrize("label", NORMS)
def test_response_norm_is_the_same_in_a_static_graph(label):
    channels, size, beta, k, groups = NORMS[label]
    x = paddle.to_tensor(sample(2, channels, 3, 4))
    layer = LocalResponseNorm(channels, size, 1e-2, beta, k, groups=groups)
    expected = layer(x).numpy()
    assert_close(paddle.jit.to_static(layer, full_graph=True)(x), expected)


def test_the_two_towers_are_two_nets():
    x = sample(2, 12, 3, 3)
    both = LocalResponseNorm(12, alpha=1e-2, groups=2)(paddle.to_tensor(x)).numpy()
    alone = LocalResponseNorm(6, alpha=1e-2)
    assert_close(both[:, :6], alone(paddle.to_tensor(x[:, :6].copy())).numpy())
    assert_close(both[:, 6:], alone(paddle.to_tensor(x[:, 6:].copy())).numpy())


@pytest.mark.parametrize("channels, size, groups", [(7, 5, 1), (7, 4, 1), (8, 5, 2), (3, 5, 1)])
def test_channel_band_marks_the_window_of_each_channel(channels, size, groups):
    band = channel_band(channels, size, groups)
    tower = channels // groups
    for c, other in product(range(channels), repeat=2):
        window = range(c - size // 2, c - size // 2 + size)
        assert band[c, other] == (other in window and other // tower == c // tower), (c, other)


def test_the_band_is_neither_a_parameter_nor_saved():
    layer = LocalResponseNorm(8)
    assert layer.parameters() == []
    assert layer.state_dict() == {}


# ---- in space --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size, beta, shape",
    [
        (5, 0.75, (2, 3, 9, 9)),
        (3, 0.75, (2, 3, 6, 8)),
        (1, 0.75, (1, 2, 4, 4)),
        (5, 0.75, (1, 2, 2, 3)),
        (5, 0.5, (1, 2, 7, 7)),
    ],
)
def test_spatial_norm_is_the_formula(size, beta, shape):
    x = sample(*shape)
    expected = numpy_reference.spatial_norm(x.astype("float64"), size, 1e-2, beta, 1.0)
    assert_close(SpatialResponseNorm(size, 1e-2, beta, 1.0)(paddle.to_tensor(x)), expected)


def test_spatial_norm_defaults_to_the_2012_source():
    x = sample(1, 2, 6, 6)
    expected = numpy_reference.spatial_norm(x.astype("float64"), size=5, alpha=0.001, beta=0.75, k=1.0)
    assert_close(SpatialResponseNorm()(paddle.to_tensor(x)), expected)


def test_spatial_norm_keeps_channels_apart():
    x = sample(1, 2, 5, 5)
    alone = SpatialResponseNorm(alpha=0.1)(paddle.to_tensor(x[:, :1].copy())).numpy()
    assert_close(SpatialResponseNorm(alpha=0.1)(paddle.to_tensor(x))[:, :1], alone)


@pytest.mark.parametrize("size, beta", [(5, 0.75), (3, 0.75), (3, 1.25)])
def test_spatial_norm_gradient_is_the_slope(size, beta):
    x, weights = (sample(1, 2, 4, 3, dtype="float64", scale=scale) for scale in (1.5, 1))
    layer = SpatialResponseNorm(size, 0.8, beta, 1.0)
    assert_close(gradient(layer, x, weights), gradient_by_differences(layer, x, weights), rtol=1e-7)


def test_spatial_norm_refuses_a_window_without_a_centre():
    with pytest.raises(ValueError, match=r"size is 4.*odd"):
        SpatialResponseNorm(4)


# ---- both ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [LocalResponseNorm(8), SpatialResponseNorm()], ids=["channels", "space"])
def test_norms_at_evaluation_give_the_same_numbers_and_no_graph(layer):
    x = paddle.to_tensor(sample(2, 8, 4, 4), stop_gradient=False)
    trained = layer(x)
    layer.eval()
    with paddle.no_grad():
        evaluated = layer(x)
    assert evaluated.stop_gradient
    assert not trained.stop_gradient
    np.testing.assert_array_equal(evaluated.numpy(), trained.numpy())


@pytest.mark.parametrize("layer", [LocalResponseNorm(8), SpatialResponseNorm()], ids=["channels", "space"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms_keep_shape_and_type(layer, dtype):
    y = layer(paddle.to_tensor(sample(2, 8, 4, 5, dtype=dtype)))
    assert y.shape == [2, 8, 4, 5]
    assert y.dtype == getattr(paddle, dtype)
