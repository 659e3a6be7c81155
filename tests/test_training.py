"""The training loop: it learns, repeats, resumes, and starts from trained weights."""

import json

import numpy as np
import paddle
import pytest

from alexnet_paddle import RECIPES, train
from alexnet_paddle.errors import Stopped
from alexnet_paddle.training.checkpoint import Checkpoint, read_weights
from alexnet_paddle.training.run_folder import RunFolder

EXACT = ("report.json", "best/model.safetensors", "last/model.safetensors", "last/optimizer.safetensors")


def test_it_learns_three_colours(small_run):
    assert json.loads((small_run / "report.json").read_text())["top1"] > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(small_run, train_small, tmp_path):
    again = train_small(tmp_path / "again")
    for name in EXACT:
        assert (again / name).read_bytes() == (small_run / name).read_bytes(), name
    other = train_small(tmp_path / "other", "--seed", "1")
    assert (other / EXACT[2]).read_bytes() != (small_run / EXACT[2]).read_bytes()


def test_workers_do_not_change_the_result(small_run, train_small, tmp_path):
    workers = train_small(tmp_path / "workers", "--workers", "2")
    for name in EXACT:
        assert (workers / name).read_bytes() == (small_run / name).read_bytes(), name


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_run_stopped_between_epochs_goes_on_to_the_same_end(
    small_run, train_small, tmp_path, monkeypatch, stop_after
):
    from alexnet_paddle.training.callbacks import Checkpoints

    save = Checkpoints.on_checkpoint

    def save_then_stop(self, trainer):
        if stop_after:
            save(self, trainer)
        if trainer.epochs_done >= stop_after:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "on_checkpoint", save_then_stop)
    with pytest.raises(Stopped):
        train_small(tmp_path / "run")
    monkeypatch.setattr(Checkpoints, "on_checkpoint", save)
    run = tmp_path / "run"
    train.main(["--out", str(run), "--resume"])
    for name in EXACT:
        assert (run / name).read_bytes() == (small_run / name).read_bytes(), name
    timeless = [[row.split(",")[:6] for row in (r / "metrics.csv").read_text().splitlines()] for r in (run, small_run)]
    assert timeless[0] == timeless[1]


def test_resuming_a_finished_run_trains_no_more(small_run, capsys):
    before = (small_run / "last" / "checkpoint.json").stat().st_mtime_ns
    train.main(["--out", str(small_run), "--resume"])
    assert "finished" in capsys.readouterr().out
    assert (small_run / "last" / "checkpoint.json").stat().st_mtime_ns == before


def test_best_is_the_epoch_with_the_highest_validation_accuracy(small_run):
    rows = [row.split(",") for row in (small_run / "metrics.csv").read_text().splitlines()[1:]]
    accuracy = {int(row[0]): float(row[3]) for row in rows if row[1] == "val"}
    best = max(accuracy, key=lambda epoch: (accuracy[epoch], -epoch))
    assert RunFolder(small_run).load_best().state["epochs_done"] == best
    assert json.loads((small_run / "report.json").read_text())["best_epoch"] == best


def test_weights_of_the_same_classes_are_all_taken(small_run, train_small, tmp_path):
    # A step of (almost) no size leaves the weights where they started.
    run = train_small(tmp_path / "run", "--weights", str(small_run), "--epochs", "1", "--learning-rate", "1e-30")
    started = Checkpoint.load(run / "last").weights
    for name, tensor in read_weights(small_run).items():
        np.testing.assert_allclose(started[name], tensor, rtol=0, atol=1e-20)


def test_weights_that_paddle_saved_are_read_when_their_maker_is_trusted(small_run, train_small, tmp_path, refused):
    paddle.save(Checkpoint.load(small_run / "best").build_model().state_dict(), str(tmp_path / "net.pdparams"))
    options = ("--weights", str(tmp_path / "net.pdparams"), "--epochs", "1", "--learning-rate", "1e-30")
    assert "add --trust-pickle" in refused(train, *train_small.arguments(tmp_path / "run", *options))
    run = train_small(tmp_path / "run", *options, "--trust-pickle")
    started = Checkpoint.load(run / "last").weights
    for name, tensor in read_weights(small_run).items():
        np.testing.assert_allclose(started[name], tensor, rtol=0, atol=1e-20)


def test_weights_of_other_classes_get_a_new_last_layer(small_run, make_photos, tmp_path):
    photos = make_photos(tmp_path / "photos", ("blue", "green", "red", "yellow"))
    arguments = [
        "--variant",
        "cifar4",
        "--data",
        str(photos),
        "--weights",
        str(small_run / "best" / "model.safetensors"),
    ]
    train.main([*arguments, "--epochs", "1", "--learning-rate", "1e-30", "--out", str(tmp_path / "run")])
    started, trained = Checkpoint.load(tmp_path / "run" / "last").weights, read_weights(small_run)
    assert started["fc4.weight"].shape[1] == 4
    for name in set(trained) - {"fc4.weight", "fc4.bias"}:
        np.testing.assert_allclose(started[name], trained[name], rtol=0, atol=1e-20)


def test_the_test_split_is_measured_in_eval_mode(small_photos, tmp_path):
    # With a drop rate of 0.9 a net measured in training mode would give other figures each time.
    arguments = ["--variant", "mini", "--data", str(small_photos), "--dropout", "0.9", "--epochs", "1"]
    train.main([*arguments, "--out", str(tmp_path / "run")])
    report = json.loads((tmp_path / "run" / "report.json").read_text())

    from alexnet_paddle import evaluate

    for _ in range(2):
        evaluate.main([str(tmp_path / "run")])
        measured = json.loads((tmp_path / "run" / "evaluation.json").read_text())
        assert measured["loss"] == pytest.approx(report["loss"], rel=1e-5)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_any_net(recipe, train_small, tmp_path):
    run = train_small(tmp_path / "run", "--recipe", recipe, "--epochs", "1")
    loss = float((run / "metrics.csv").read_text().splitlines()[1].split(",")[2])
    assert np.isfinite(loss)
    assert json.loads((run / "config.json").read_text())["recipe"]["name"] == recipe


def test_visualdl_gets_scalars_and_histograms(train_small, tmp_path):
    pytest.importorskip("visualdl", reason="visualdl is optional")
    run = train_small(tmp_path / "run", "--epochs", "1", "--visualdl")
    assert any((run / "visualdl").iterdir())


@pytest.mark.slow
def test_mini_reaches_nine_in_ten_on_petals(petals_home, tmp_path):
    """Mean of seeds 0, 1, 2, as `make train` trains it."""
    top1 = []
    for seed in (0, 1, 2):
        run = tmp_path / str(seed)
        train.main(["--seed", str(seed), "--out", str(run)])
        top1.append(json.loads((run / "report.json").read_text())["top1"])
    assert np.mean(top1) >= 0.90, top1


@pytest.mark.slow
def test_two_hundred_petals_are_learned_by_heart(petals_home, tmp_path):
    """So that dropout and augmentation have something to do: training 0.99 and more, test 0.75 and less."""
    import paddle

    from alexnet_paddle import RECIPES, VARIANTS, AlexNet, datasets
    from alexnet_paddle.datasets.folders import stratified_indices
    from alexnet_paddle.datasets.loader import eval_loader, train_loader
    from alexnet_paddle.datasets.transforms import Augmentation, Preprocessing, Statistics, TrainTransform, resize_side
    from alexnet_paddle.training.trainer import Trainer, evaluate

    data = datasets.load("petals")
    _, few = stratified_indices(data.train.labels, 0.1)
    few = data.train.subset(few)
    assert len(few) == 200
    config = VARIANTS["mini"].replace(dropout=0)
    still = Augmentation("center", mirror=False)
    recipe = RECIPES["quick"].replace(epochs=60, augmentation=still)
    statistics = Statistics.of(few.square(i, resize_side(64)) for i in range(len(few)))
    preprocessing = Preprocessing.fit(64, "mean_std", statistics)
    transform = TrainTransform(still, preprocessing, np.zeros((3, 3)))
    paddle.seed(0)
    loaders = train_loader(few, transform, 32, seed=0), eval_loader(few, preprocessing, 64)
    trainer = Trainer(AlexNet(config), recipe, *loaders)
    trainer.fit()
    assert evaluate(trainer.model, loaders[1]).top1 >= 0.99
    assert evaluate(trainer.model, eval_loader(data.test, preprocessing, 64)).top1 <= 0.75
