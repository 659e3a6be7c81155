"""The doctor names planted faults, finds nothing in sound trainings, and leaves no trace."""

import dataclasses

import numpy as np
import paddle
import pytest

from alexnet_paddle import VARIANTS, doctor, train
from alexnet_paddle.training import diagnosis, experiment
from alexnet_paddle.training.options import Options
from alexnet_paddle.training.recipes import RECIPES


@pytest.fixture
def build(petals_home, monkeypatch):
    """build(config={...}, recipe={...}, **options): a trainer of `mini` on petals; config and recipe are changes that
    no option makes."""
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(petals_home))

    def make(config=None, changes=None, **options):
        name = options.get("recipe", "quick")
        monkeypatch.setitem(VARIANTS, "mini", VARIANTS["mini"].replace(**(config or {})))
        monkeypatch.setitem(RECIPES, name, RECIPES[name].replace(**(changes or {})))
        return experiment.trainer_for(Options(out="", **options))

    return make


def names(trainer, thorough=True):
    findings, _ = diagnosis.examine(trainer, thorough)
    assert all(finding.evidence and finding.meaning and finding.change for finding in findings)
    return [finding.name for finding in findings]


DIVIDED_BY_STD = {"augmentation": dataclasses.replace(RECIPES["paper"].augmentation, normalise="mean_std")}


def shuffle_labels(trainer):
    dataset = trainer.train_loader.dataset
    dataset.labels = np.random.default_rng(0).permutation(dataset.labels)


def divide_by_255_twice(trainer):
    made = trainer.train_loader.inputs
    trainer.train_loader.inputs = lambda keys: made(keys) / 255 / 255


def blacken(trainer):
    made = trainer.train_loader.inputs
    trainer.train_loader.inputs = lambda keys: made(keys) * 0


def drop_everything(trainer):
    for name in ("drop6", "drop7"):
        getattr(trainer.model, name).p = 1.0


def zero_the_last_layer(trainer):
    trainer.model.fc8.weight.set_value(trainer.model.fc8.weight * 0)


def one_class(trainer):
    trainer.train_loader.dataset.labels = trainer.train_loader.dataset.labels * 0


def sort_by_class(trainer):
    sampler, labels = trainer.train_loader.batch_sampler, trainer.train_loader.dataset.labels
    sampler.shuffle = False
    trainer.train_loader.dataset.labels = np.sort(labels)


def freeze_two_layers(trainer):
    for layer in (trainer.model.conv1, trainer.model.conv2):
        for parameter in layer.parameters():
            parameter.stop_gradient = True


def cut_the_graph(trainer):
    trainer.model.pool5.register_forward_post_hook(lambda layer, inputs, output: output.detach())


def kill_the_relus(trainer):
    trainer.model.conv3.bias.set_value(trainer.model.conv3.bias - 100)


@pytest.mark.parametrize(
    ("plant", "name"),
    [
        (divide_by_255_twice, "inputs all zero"),
        (blacken, "inputs all zero"),
        (drop_everything, "dropout 1.0"),
        (zero_the_last_layer, "weights of fc8 all 0"),
        (one_class, "all pictures of one class"),
        (sort_by_class, "batches of one class"),
        (lambda trainer: trainer.model.eval(), "model in eval mode"),
        (freeze_two_layers, "frozen layers"),
        (cut_the_graph, "no gradient"),
        (kill_the_relus, "dead units"),
    ],
)
def test_a_planted_fault_is_named_by_the_quick_part_alone(build, plant, name):
    trainer = build()
    plant(trainer)
    assert names(trainer, thorough=False) == [name]


def test_frozen_parameters_are_listed(build):
    trainer = build()
    freeze_two_layers(trainer)
    (finding,), _ = diagnosis.examine(trainer, thorough=False)
    assert "conv1.weight, conv1.bias, conv2.weight, conv2.bias" in finding.evidence


def test_shuffled_labels_are_named(build):
    trainer = build()
    shuffle_labels(trainer)
    assert names(trainer) == ["labels shuffled"]
    assert names(trainer, thorough=False) == []  # it takes hundreds of pictures to tell


def test_sigmoid_in_all_layers_with_the_papers_initialisation_is_named(build):
    assert names(build({"init": "paper"}, activation="sigmoid")) == ["sigmoid in all layers"]


def test_the_papers_initialisation_on_normalised_inputs_is_named_under_sgd(build):
    trainer = build({"init": "paper"}, DIVIDED_BY_STD, recipe="paper")
    assert names(trainer, thorough=False) == names(trainer) == ["biases drown the signal"]


def test_raw_inputs_for_weights_made_for_small_ones_are_named(build):
    assert names(build(recipe="paper"), thorough=False) == ["loss at the start far from a guess"]


@pytest.mark.parametrize(("factor", "name"), [(100, "learning rate too large"), (0.01, "learning rate too small")])
def test_a_learning_rate_wrong_by_a_factor_of_100_is_named(build, factor, name):
    trainer = build(learning_rate=RECIPES["quick"].learning_rate * factor)
    assert names(trainer, thorough=False) == []
    (finding,), seen = diagnosis.examine(trainer)
    assert finding.name == name
    suggested = float(finding.change.removeprefix("--learning-rate "))
    assert any(trial.left_after for trial in seen.trials.values() if f"{trial.learning_rate:g}" == f"{suggested:g}")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_found_where_nothing_is_wrong_and_nothing_is_changed(build, seed):
    trainer = build(seed=seed)
    before = {name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()}
    state = trainer.state()
    assert names(trainer) == []
    assert all(np.array_equal(before[name], tensor.numpy()) for name, tensor in trainer.model.state_dict().items())
    assert all(parameter.grad is None or not parameter.grad.numpy().any() for parameter in trainer.model.parameters())
    assert all(layer.training for layer in trainer.model.sublayers(include_self=True))
    assert trainer.state() == state


def test_a_net_without_any_gradient_and_signal_is_named(build):
    trainer = build({"init": "paper"}, DIVIDED_BY_STD, recipe="paper")
    trainer.model.register_forward_post_hook(lambda layer, inputs, logits: logits * 0)
    assert names(trainer, thorough=False) == ["no gradient"]


@pytest.mark.slow  # all learning rates are tried
def test_a_net_that_cannot_learn_is_named_even_if_nothing_explains_it(build):
    trainer = build()
    # Answers go to other pictures than they are for: every part works, and there is nothing to learn.
    trainer.model.register_forward_post_hook(lambda layer, inputs, logits: logits[paddle.randperm(len(logits))])
    assert names(trainer) == ["does not learn one batch"]


# ---- the measurements it rests on ------------------------------------------------------------------


def test_entropy_is_the_loss_of_a_guess_that_knows_the_shares():
    assert diagnosis.entropy(np.array([0, 1, 2, 3, 4] * 7)) == pytest.approx(np.log(5))
    labels = np.array([0] * 9 + [1])
    losses = -np.log(np.where(labels == 0, 0.9, 0.1))
    assert diagnosis.entropy(labels) == pytest.approx(losses.mean())


@pytest.mark.parametrize(
    ("loss", "top1", "expected"),
    [(np.log(5), 0.2, True), (np.log(5) + 0.3, 0.22, True), (1.2, 0.5, False), (np.log(5), 0.31, False)],
)
def test_at_chance_takes_both_the_loss_and_the_accuracy_of_a_guess(loss, top1, expected):
    assert diagnosis.at_chance(loss, top1, 200, np.array([0, 1, 2, 3, 4] * 40)) is expected


def test_leaving_each_picture_out_is_what_the_hat_matrix_says():
    """The closed form against ridge regression fitted anew without each picture."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(30, 7)), rng.integers(0, 3, 30)
    accuracy, _ = diagnosis._accuracy_against_shuffled(x, labels, shuffles=1)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    kernel = x @ x.T / x.shape[1]
    ridge = np.trace(kernel) / len(x)
    shares = np.bincount(labels) / len(labels)
    targets = np.eye(3)[labels] - shares
    right = 0
    for left_out in range(30):
        others = np.arange(30) != left_out
        weights = np.linalg.solve(kernel[np.ix_(others, others)] + ridge * np.eye(29), targets[others])
        right += (kernel[left_out, others] @ weights + shares).argmax() == labels[left_out]
    assert accuracy == right / 30


# ---- the command, and what train says --------------------------------------------------------------


def test_the_command_prints_findings_with_evidence_meaning_and_change(petals_home, monkeypatch, call):
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(petals_home))
    status, out, err = call(doctor, "--learning-rate", 0.2)
    assert status == 0 and not err
    assert "1. learning rate too large" in out
    for word in ("evidence:", "meaning:", "change:", "loss at the start: 1.6", "conv1", "fc8"):
        assert word in out


def test_the_command_takes_the_options_of_a_run(small_run, call):
    status, out, _ = call(doctor, "--resume", "--out", small_run)
    assert status == 0 and "net: cifar4" in out and "nothing wrong found" in out


def test_the_command_refuses_what_train_refuses(tmp_path, refused):
    assert "nowhere" in refused(doctor, "--data", tmp_path / "nowhere")
    assert "--dropout" in refused(doctor, "--dropout", 1)


def test_train_warns_at_the_start_and_after_an_epoch_at_chance(small_photos, tmp_path, call, monkeypatch):
    monkeypatch.setitem(VARIANTS, "mini", VARIANTS["mini"].replace(init="paper"))
    monkeypatch.setitem(RECIPES, "paper", RECIPES["paper"].replace(**DIVIDED_BY_STD))
    options = ["--data", small_photos, "--recipe", "paper", "--epochs", 2, "--out", tmp_path / "run"]
    status, out, _ = call(train, "--variant", "mini", *options)
    assert status == 0
    assert out.count("warning: biases drown the signal") == 1
    assert out.count("still at chance") == 1 and "python -m alexnet_paddle.doctor" in out


def test_train_says_nothing_of_a_sound_training(small_photos, tmp_path, call):
    status, out, _ = call(
        train, "--variant", "cifar4", "--data", small_photos, "--epochs", 2, "--out", tmp_path / "run"
    )
    assert status == 0 and "warning" not in out and "chance" not in out
