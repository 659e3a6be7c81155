"""Recipes: the table's numbers, the learning-rate curves, and what weight decay acts on."""

import json
import math

import paddle
import pytest

from alexnet_paddle import RECIPES, VARIANTS
from alexnet_paddle.errors import InputError
from alexnet_paddle.training.recipes import LRSchedule, Recipe, Schedule, build_optimizer

# From the systems' own sources. "quick" is ours and may be tuned, so its numbers are not repeated here.
TABLE = {
    "paper": {
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "momentum": 0.9,
        "weight_decay": 0.0005,
        "decay_biases": False,
        "schedule": {"kind": "plateau", "every": 3, "factor": 0.1, "most": 3},
        "batch_size": 128,
        "epochs": 90,
        "augmentation": {"crop": "random", "mirror": True, "color_pca": 0.1, "normalise": "mean_image"},
    },
    "dansuh17": {
        "optimizer": "adam",
        "learning_rate": 0.0001,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": {"kind": "epochs", "every": 30, "factor": 0.1, "most": 0},
        "batch_size": 128,
        "epochs": 90,
        "augmentation": {"crop": "center", "mirror": False, "color_pca": 0.0, "normalise": "imagenet"},
    },
    "classic-cnn": {
        "optimizer": "adam",
        "learning_rate": 0.0002,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": {"kind": "constant", "every": 0, "factor": 1.0, "most": 0},
        "batch_size": 64,
        "epochs": 90,
        "augmentation": {"crop": "random", "mirror": True, "color_pca": 0.0, "normalise": "half"},
    },
    "blog": {
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
        "momentum": 0.9,
        "weight_decay": 0.0005,
        "decay_biases": True,
        "schedule": {"kind": "batches", "every": 256, "factor": 0.5, "most": 0},
        "batch_size": 32,
        "epochs": 50,
        "augmentation": {"crop": "resized", "mirror": True, "color_pca": 0.0, "normalise": "half"},
    },
}


@pytest.mark.parametrize("name", TABLE)
def test_the_recipe_is_its_source_s(name):
    fields = RECIPES[name].to_dict()
    assert {field: fields[field] for field in TABLE[name]} == TABLE[name]


def test_every_recipe_of_the_table_is_there_and_says_where_it_is_from():
    assert set(RECIPES) == {*TABLE, "quick"}
    assert all(recipe.name == name and recipe.source for name, recipe in RECIPES.items())


def test_every_variant_names_a_recipe():
    assert {config.default_recipe for config in VARIANTS.values()} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_go_through_json_and_back(name):
    assert Recipe.from_dict(json.loads(json.dumps(RECIPES[name].to_dict()))) == RECIPES[name]


def test_replace_changes_one_field_of_a_copy_and_refuses_an_unknown_one():
    changed = RECIPES["paper"].replace(batch_size=32)
    assert changed.batch_size == 32 and changed.epochs == 90 and RECIPES["paper"].batch_size == 128
    with pytest.raises(ValueError, match="unknown field 'learning_rat'.*learning_rate"):
        RECIPES["paper"].replace(learning_rat=0.1)


# ---- learning rate ---------------------------------------------------------------------------------


def curve(recipe, batches, errors):
    """The learning rate of every batch, of as many epochs as there are validation errors; and the one after."""
    rate, values = LRSchedule(recipe, batches), []
    for error in errors:
        for _ in range(batches):
            values.append(rate.value())
            rate.after_batch()
        rate.after_epoch(error)
    return [*values, rate.value()]


def test_constant_does_not_move():
    assert set(curve(RECIPES["classic-cnn"], 3, [0.5] * 70)) == {2e-4}


def test_epochs_means_a_tenth_every_30_epochs():
    values = curve(RECIPES["dansuh17"], 2, [0.5] * 90)[:-1]
    assert values == pytest.approx([1e-4] * 60 + [1e-5] * 60 + [1e-6] * 60)


def test_batches_means_half_every_256_batches_across_epochs():
    values = curve(RECIPES["blog"], 100, [0.5] * 8)
    assert values == pytest.approx([1e-3 * 0.5 ** (batch // 256) for batch in range(801)])


def per_epoch(errors):
    return curve(RECIPES["paper"], 1, errors)


def test_plateau_means_no_change_while_the_error_falls():
    assert set(per_epoch([0.9 - 0.01 * epoch for epoch in range(60)])) == {0.01}


def test_plateau_divides_after_three_epochs_without_improvement():
    values = per_epoch([0.5, 0.4, 0.4, 0.41, 0.45])  # epochs 3 to 5 are not better than epoch 2
    assert values == pytest.approx([0.01] * 5 + [0.001])


def test_an_improvement_starts_the_count_again():
    assert per_epoch([0.5, 0.6, 0.6, 0.49, 0.6, 0.6])[-1] == 0.01


def test_plateau_divides_at_most_three_times():
    values = per_epoch([0.5] * 30)
    assert sorted(set(values)) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert values[-1] == pytest.approx(1e-5)


def test_cosine_warms_up_from_almost_0_and_ends_at_0():
    recipe = RECIPES["quick"].replace(epochs=20, learning_rate=2e-3, schedule=Schedule("cosine", every=0.15))
    values = curve(recipe, 10, [0.5] * 20)
    rising = [2e-3 * step / 30 for step in range(1, 31)]
    falling = [1e-3 * (1 + math.cos(math.pi * step / 170)) for step in range(171)]
    assert values == pytest.approx([*rising, *falling], abs=1e-9)
    assert values[0] > 0  # no batch is wasted
    assert max(values) == pytest.approx(2e-3) and values[-1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", RECIPES)
def test_the_optimizer_follows_the_schedule(name):
    model = paddle.nn.Linear(2, 2)
    optimizer, rate = build_optimizer(RECIPES[name], model, steps_per_epoch=4)
    for _ in range(6):
        assert optimizer.get_lr() == rate.value()
        rate.after_batch()


def test_one_batch_in_all_is_no_error():
    assert len(curve(RECIPES["quick"].replace(epochs=1), 1, [0.5])) == 2


# ---- optimizer -------------------------------------------------------------------------------------


def step_with_zero_gradients(recipe):
    """(weight, bias) of a layer that were all 1, after one step on gradients of 0: only decay moves them."""
    ones = paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(1.0))
    model = paddle.nn.Sequential(paddle.nn.Linear(3, 2, weight_attr=ones, bias_attr=ones))
    optimizer, _ = build_optimizer(recipe, model, 1)
    sum((parameter * 0).sum() for parameter in model.parameters()).backward()
    optimizer.step()
    return model[0].weight.numpy().ravel().tolist(), model[0].bias.numpy().ravel().tolist()


@pytest.mark.parametrize("decay_biases, bias", [(False, 1.0), (True, 0.9)])
def test_weight_decay_acts_on_biases_only_where_the_recipe_says_so(decay_biases, bias):
    recipe = RECIPES["paper"].replace(learning_rate=0.2, weight_decay=0.5, decay_biases=decay_biases)
    weights, biases = step_with_zero_gradients(recipe)
    assert weights == pytest.approx([0.9] * 6)
    assert biases == pytest.approx([bias] * 2)


def test_the_blogs_decay_acts_on_everything_and_adam_here_has_none():
    weights, biases = step_with_zero_gradients(RECIPES["blog"])
    assert max(weights) < 1 and max(biases) < 1
    assert step_with_zero_gradients(RECIPES["dansuh17"]) == ([1.0] * 6, [1.0] * 2)


def test_momentum_is_the_paper_s():
    """Its section 5: v = 0.9 v - lr * decay * w - lr * gradient; w = w + v."""
    recipe = RECIPES["paper"].replace(weight_decay=0.1)
    ones = paddle.ParamAttr(initializer=paddle.nn.initializer.Constant(1.0))
    model = paddle.nn.Linear(1, 1, weight_attr=ones, bias_attr=False)
    optimizer, _ = build_optimizer(recipe, model, 1)
    w, v = 1.0, 0.0
    for gradient in (3.0, -1.0, 2.0):
        (model.weight.sum() * gradient).backward()
        optimizer.step()
        optimizer.clear_grad()
        v = 0.9 * v - 0.01 * 0.1 * w - 0.01 * gradient
        w = w + v
        assert model.weight.item() == pytest.approx(w, rel=1e-6)


@pytest.mark.parametrize("change", [{"optimizer": "lion"}, {"schedule": Schedule("steps")}])
def test_an_unknown_optimizer_or_schedule_is_refused_with_the_choices(change):
    with pytest.raises(InputError, match="choose from"):
        build_optimizer(RECIPES["paper"].replace(**change), paddle.nn.Linear(1, 1), 1)
