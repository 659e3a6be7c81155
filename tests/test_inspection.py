"""Activation and gradient statistics, against figures worked out by hand or in another way."""

import numpy as np
import paddle
import pytest
from paddle import nn

from alexnet_paddle import VARIANTS, AlexNet, inspection


class Fixed(nn.Layer):
    """Puts out what it is given, whatever comes in."""

    def __init__(self, values):
        super().__init__()
        self.values = paddle.to_tensor(np.asarray(values, dtype="float32"))

    def forward(self, x):
        return self.values


def statistics_of(values, kind=Fixed):
    layer = kind.__new__(kind)
    kind.__init__(layer, values) if kind is Fixed else kind.__init__(layer)
    net = nn.Sequential(Fixed(values), layer) if kind is not Fixed else nn.Sequential(layer)
    return inspection.activations(net, paddle.zeros([len(values), 1]))[-1]


def test_mean_and_spread_are_taken_over_the_images_unit_by_unit():
    # Unit 0: 1 and 3, mean 2, deviation 1. Unit 1: 4 and 4, mean 4, deviation 0.
    found = statistics_of([[1, 4], [3, 4]])
    assert found.mean == pytest.approx(np.sqrt((4 + 16) / 2))
    assert found.spread == pytest.approx(np.sqrt((1 + 0) / 2))
    assert found.signal_ratio == pytest.approx(found.spread / (found.spread + found.mean))


def test_the_same_output_for_every_image_is_no_signal():
    assert statistics_of([[1, 4], [1, 4]]).signal_ratio == 0


def test_dead_units_are_0_for_every_image():
    found = statistics_of([[-1, -2, 0, 5], [-3, 1, 0, 5]], nn.ReLU)
    assert found.kind == "ReLU" and found.dead == 0.5


@pytest.mark.parametrize(("kind", "values"), [(nn.Sigmoid, [[9, 0, -9, 9]] * 2), (nn.Tanh, [[9, 0, -9, 1]] * 2)])
def test_saturated_units_stay_at_one_bound(kind, values):
    assert statistics_of(values, kind).saturated == (0.75 if kind is nn.Sigmoid else 0.5)


def test_a_unit_that_goes_from_bound_to_bound_is_not_saturated():
    assert statistics_of([[9.0], [-9.0]], nn.Sigmoid).saturated == 0


def test_outputs_are_those_of_the_forward_pass_in_eval_mode():
    net = AlexNet(VARIANTS["cifar4"])
    images = paddle.randn([4, 3, 32, 32])
    net.train()
    found = inspection.outputs(net, images)
    assert list(found) == [name for name, _ in net.config.named_layers()]
    assert net.training and all(layer.training for layer in net.sublayers())
    net.eval()
    np.testing.assert_array_equal(found["fc4"], net(images).numpy())
    np.testing.assert_array_equal(found["pool3"], net.features(images).numpy())


def test_gradients_are_those_of_finite_differences_and_leave_nothing():
    paddle.seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    images, labels = paddle.randn([8, 3]), paddle.to_tensor([0, 1] * 4)
    before = net[0].weight.numpy()
    loss, found = inspection.gradients(net, images, labels)
    assert [gradient.name for gradient in found] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert all(parameter.grad is None or not parameter.grad.numpy().any() for parameter in net.parameters())

    def loss_at(weight):
        net[0].weight.set_value(weight)
        return nn.functional.cross_entropy(net(images), labels).item()

    differences = np.zeros_like(before)
    for place in np.ndindex(before.shape):
        step = np.zeros_like(before)
        step[place] = 1e-2
        differences[place] = (loss_at(before + step) - loss_at(before - step)) / 2e-2
    assert loss == pytest.approx(loss_at(before), rel=1e-6)
    assert found[0].gradient == pytest.approx(np.sqrt(np.mean(differences**2)), rel=1e-2)
    assert found[0].value == pytest.approx(np.sqrt(np.mean(before**2)), rel=1e-5)


def test_a_parameter_without_gradient_is_told_apart():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    net[0].weight.stop_gradient = True
    _, found = inspection.gradients(net, paddle.randn([8, 3]), paddle.to_tensor([0, 1] * 4))
    assert [(gradient.trainable, gradient.gradient is None) for gradient in found[:2]] == [(False, True), (True, False)]
