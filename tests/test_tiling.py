"""Convolution in tiles: its transforms, and how much it rounds. That it is Paddle's, `test_fast_cpu.py` says."""

from alexnet_paddle.nets import tiling  # isort: skip  (before paddle, so that it can tune the CPU)
import numpy as np
import paddle
import paddle.nn.functional as F
import pytest


@pytest.mark.parametrize("outputs, taps", [(m, r) for r in range(1, 8) for m in range(1, 9 - r)])
def test_the_transforms_convolve(outputs, taps):
    rng = np.random.default_rng(2)
    d, w = rng.standard_normal([outputs + taps - 1] * 2), rng.standard_normal([taps] * 2)
    expected = np.array([[(d[i : i + taps, j : j + taps] * w).sum() for j in range(outputs)] for i in range(outputs)])
    A, G, B = (matrix.numpy().astype("float64") for matrix in tiling._transforms(outputs, taps))
    assert A.shape[1] == (outputs + taps - 1) ** 2  # so many multiplications
    got = (A @ ((G @ w.ravel()) * (B @ d.ravel()))).reshape(outputs, outputs)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_it_rounds_ten_times_as_much_as_the_definition_not_more():
    """Against float64: the price of multiplying less."""
    rng = np.random.default_rng(5)
    x, weight = (
        paddle.to_tensor(rng.standard_normal(shape).astype("float32")) for shape in ((2, 48, 27, 27), (32, 48, 5, 5))
    )
    got = tiling.convolution(x, weight, None, 1, [2, 2, 2, 2], 1).numpy()
    exact = F.conv2d(x.astype("float64"), weight.astype("float64"), padding=2).numpy()
    assert np.sqrt(((got - exact) ** 2).mean()) < 5e-6 * exact.std()
