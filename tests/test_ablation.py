"""Ablations: paired runs, figures that follow from the runs, a results file that goes on where it was stopped."""

import json
from dataclasses import replace

import numpy as np
import paddle
import pytest

from alexnet_paddle import ablate, plots
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study import ablation
from alexnet_paddle.study.ablation import ABLATIONS, Size

TINY = Size(images=36, epochs=2, seeds=2)


@pytest.fixture(scope="module", autouse=True)
def short_timing():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ablation, "COST_ROUNDS", 3)
        patch.setattr(ablation, "COST_STEPS", 1)
        yield


@pytest.fixture(scope="module")
def measured(small_photos, tmp_path_factory):
    """measured(name) -> (results file, record) of a tiny run of an ablation on coloured squares, made once."""
    made = {}

    def measure(name):
        if name not in made:
            out = tmp_path_factory.mktemp(name) / "record.json"
            # A tenth of 36 pictures is less than the three classes need for a picture each, so dropout's gets more.
            size = replace(TINY, images=48) if name == "dropout" else TINY
            made[name] = out, ablation.measure(name, out, str(small_photos), "cifar4", size)
        return made[name]

    return measure


# ---- the statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 5, 9, 20])
def test_the_interval_is_students(count):
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(count).normal(3, 2, count)
    low, high = stats.t.interval(0.95, count - 1, loc=values.mean(), scale=stats.sem(values))
    assert ablation.interval(values.tolist()) == pytest.approx([low, high], abs=3e-4 * (high - low) + 1e-4)


def test_one_seed_has_no_interval():
    assert ablation.interval([0.5]) is None


@pytest.mark.parametrize(
    "errors, epochs",
    [([0.9, 0.5, 0.25, 0.3], 0.75), ([0.2], 0.25), ([0.9, 0.26], None), ([0.5] * 7 + [0.1], 2.0), ([], None)],
)
def test_epochs_to_the_target(errors, epochs):
    assert ablation.epochs_to(errors) == epochs


def run(arm, seed, top1, errors=(0.5,), **more):
    return {"arm": arm, "seed": seed, "test": {"top1": top1}, "training_error": list(errors), **more}


def trial(arm, rate, loss, **more):
    return {"arm": arm, "learning_rate": rate, "train": {"loss": [9.0, loss]}, **more}


def test_differences_are_taken_seed_by_seed():
    runs = [run("off", 0, 0.5), run("off", 1, 0.7), run("printed alpha", 1, 0.8), run("printed alpha", 0, 0.56)]
    found = ablation.summary({"ablation": "lrn", "runs": runs})
    assert found["difference"]["printed alpha"]["by_seed"] == {"1": 0.1, "0": 0.06}
    assert found["difference"]["printed alpha"]["mean"] == 0.08
    low, high = found["difference"]["printed alpha"]["interval_95"]
    assert (high - low) / 2 == pytest.approx(12.706 * 0.02, abs=1e-3)  # t by half the distance of two values
    assert set(found["difference"]) == {"printed alpha"} and found["top1"]["off"]["mean"] == 0.6


def test_a_seed_that_is_missing_on_one_side_is_left_out():
    runs = [run("off", 0, 0.5), run("printed alpha", 0, 0.6), run("printed alpha", 1, 0.9)]
    found = ablation.summary({"ablation": "lrn", "runs": runs})
    assert found["difference"]["printed alpha"]["by_seed"] == {"0": 0.1}


def test_a_race_that_was_not_finished_has_no_mean_and_no_ratio():
    runs = [
        run("relu", 0, 0.5, (0.9, 0.2)),
        run("relu", 1, 0.5, (0.9, 0.9, 0.1)),
        run("tanh", 0, 0.5, (0.9, 0.9, 0.9, 0.2)),
        run("tanh", 1, 0.5, (0.9, 0.9, 0.9, 0.3)),
    ]
    found = ablation.summary({"ablation": "activation", "runs": runs, "rates": []})
    assert found["epochs_to_target"]["relu"] == {"by_seed": {"0": 0.5, "1": 0.75}, "mean": 0.625, "finished": 2}
    assert found["epochs_to_target"]["tanh"]["mean"] is None and "tanh" not in found["times_as_long"]
    runs[3]["training_error"][3] = 0.25
    found = ablation.summary({"ablation": "activation", "runs": runs, "rates": []})
    assert found["times_as_long"]["tanh"]["by_seed"] == {"0": 2.0, "1": 1.3333}


def test_the_best_rate_has_the_lowest_loss_and_a_failed_trial_never_wins():
    trials = [trial("a", 0.1, 2.0), trial("a", 0.2, 1.0), trial("a", 0.3, 0.5, failed="nan"), trial("b", 0.1, 3.0)]
    assert ablation.best_rates(trials) == {"a": 0.2, "b": 0.1}


def test_a_failed_run_counts_in_no_mean():
    runs = [run("off", 0, 0.5), {"arm": "off", "seed": 1, "failed": "nan", "training_error": []}]
    assert ablation.summary({"ablation": "lrn", "runs": runs})["top1"]["off"]["by_seed"] == {"0": 0.5}


# ---- the plan ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
@pytest.mark.parametrize("variant", ["mini", "cifar4"])
def test_every_arm_is_a_net(name, variant):
    base = ablation.base_net(ABLATIONS[name], variant)
    nets = [base.replace(**arm.net) for arm in ABLATIONS[name].arms.values()]
    assert len({net.replace(name="") for net in nets}) == len({repr(arm.net) for arm in ABLATIONS[name].arms.values()})
    for arm in ABLATIONS[name].arms.values():
        assert arm.against is None or ABLATIONS[name].arms[arm.against].against is None
        assert arm.against is None or ABLATIONS[name].arms[arm.against].fraction == arm.fraction


def test_dropout_needs_a_hidden_layer_and_other_ablations_leave_the_net_alone():
    assert ablation.base_net(ABLATIONS["dropout"], "cifar4").fc_stages == (ablation.HIDDEN_STAGE,)
    assert not ablation.base_net(ABLATIONS["lrn"], "cifar4").fc_stages
    assert ablation.base_net(ABLATIONS["lrn"], "mini") == VARIANTS["mini"]


def test_no_more_than_four_learning_rates_are_tried():
    assert all(len(chosen.learning_rates) <= 4 for chosen in ABLATIONS.values())


def test_a_draw_has_as_many_of_each_class_and_a_smaller_one_is_part_of_it():
    labels = np.repeat([0, 1, 2], [50, 20, 30])
    chosen = ablation.draw(labels, 30, 4)
    assert np.bincount(labels[chosen]).tolist() == [10, 10, 10] and len(set(chosen.tolist())) == 30
    assert set(ablation.draw(labels, 12, 4).tolist()) <= set(chosen.tolist())
    assert ablation.draw(labels, 30, 5).tolist() != chosen.tolist()
    assert np.bincount(labels[ablation.draw(labels, 80, 0)]).tolist() == [30, 20, 30]


def test_all_arms_see_the_same_pictures_and_a_fraction_is_repeated_to_the_same_length(small_photos):
    data = ablation.Data(str(small_photos), 32, 30)
    (whole, _), (few, _), (again, _) = data.train(3, 1.0), data.train(3, 0.1), data.train(3, 1.0)
    assert whole.paths == again.paths and len(whole) == len(few) == 30
    assert len(set(few.paths)) == 3 and set(few.paths) <= set(whole.paths)
    assert {path: few.paths.count(path) for path in few.paths} == dict.fromkeys(few.paths, 10)
    assert data.train(4, 1.0)[0].paths != whole.paths


# ---- measuring -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_record_has_every_run_its_curves_and_what_it_was_made_with(name, measured):
    out, record = measured(name)
    assert record == json.loads(out.read_text())
    assert [(run["arm"], run["seed"]) for run in record["runs"]] == [
        (arm, seed) for seed in range(2) for arm in ABLATIONS[name].arms
    ]
    for run in record["runs"]:
        assert len(run["train"]["loss"]) == len(run["val"]["top1"]) == 2
        assert 0 <= run["test"]["top1"] <= 1 and run["gradients_at_start"]["conv1"] > 0
    assert record["versions"]["paddlepaddle"] and record["machine"]["cpu"]
    assert str(out.parent) not in out.read_text()


def test_the_summary_is_computed_from_the_runs(measured):
    _, record = measured("lrn")
    assert record["summary"] == json.loads(json.dumps(ablation.summary(record)))


def test_for_a_seed_all_arms_start_with_the_same_weights(small_photos):
    """LRN and dropout have no weights, so nothing else may differ."""
    data = ablation.Data(str(small_photos), 32, 30)
    train, statistics = data.train(5, 1.0)
    for name in ("lrn", "dropout"):
        base = ablation.base_net(ABLATIONS[name], "cifar4").replace(num_classes=3)
        starts = [
            ablation.build_trainer(base.replace(**arm.net), ABLATIONS[name].recipe, train, data.val, statistics, 5)
            for arm in ABLATIONS[name].arms.values()
        ]
        for trainer in starts[1:]:
            for own, first in zip(trainer.model.parameters(), starts[0].model.parameters(), strict=True):
                np.testing.assert_array_equal(own.numpy(), first.numpy())


def test_each_activation_takes_the_best_rate_of_its_own_trials(measured):
    _, record = measured("activation")
    chosen = ABLATIONS["activation"]
    assert {(run["arm"], run["learning_rate"]) for run in record["rates"]} == {
        (arm, rate) for arm in ("relu", "tanh", "sigmoid") for rate in chosen.learning_rates
    }
    best = ablation.best_rates(record["rates"])
    for run in record["runs"]:
        assert run["learning_rate"] == best["relu" if run["arm"] == "sigmoid as relu" else run["arm"]]


def test_without_dropout_the_mistakes_cost_nothing(measured):
    _, record = measured("dropout")
    for run in record["runs"]:
        if run["arm"] in ("0", "0 few"):
            assert set(run["mistakes"].values()) == {run["test"]["top1"]}
    changes = record["summary"]["mistakes"]["0.5"]["left on"]["by_seed"]
    for run in record["runs"]:
        if run["arm"] == "0.5":
            change = run["mistakes"]["left on"] - run["test"]["top1"]
            assert changes[str(run["seed"])] == pytest.approx(change, abs=1e-4)


def test_mistakes_at_test_time_are_what_they_say():
    """On a net of one dropout layer, against the formulas; afterwards the model is as it was."""
    drop, x = paddle.nn.Dropout(0.75), paddle.ones([2000])
    out = {name: wrong(drop, x, x).numpy() for name, wrong in ablation.DROPOUT_MISTAKES.items()}
    assert (out["scaled twice"] == 0.25).all() and (out["not scaled"] == 4).all()
    assert set(out["left on"].tolist()) == {0.0, 4.0} and abs((out["left on"] == 0).mean() - 0.75) < 0.05


def test_a_finished_record_is_not_trained_again_and_more_seeds_only_add(measured, small_photos, tmp_path, monkeypatch):
    _, record = measured("lrn")
    out = tmp_path / "record.json"
    out.write_text(json.dumps(record))
    trained = []
    whole = ablation.run_arm
    monkeypatch.setattr(ablation, "run_arm", lambda *given, **more: trained.append(given[3]) or whole(*given, **more))

    def again(seeds):
        size = replace(TINY, seeds=seeds)
        return ablation.measure("lrn", out, str(small_photos), "cifar4", size)

    assert again(2)["runs"] == record["runs"] and not trained
    longer = again(3)
    assert (
        trained == [2] * len(ABLATIONS["lrn"].arms) and longer["runs"][:-4] == record["runs"] and longer["seeds"] == 3
    )
    assert longer["summary"]["top1"]["off"]["by_seed"].keys() == {"0", "1", "2"}


def test_a_stopped_ablation_goes_on_and_ends_with_the_same_figures(measured, small_photos, tmp_path, monkeypatch):
    _, record = measured("lrn")
    out, whole = tmp_path / "record.json", ablation.run_arm

    def stop_at_the_fourth(*given, **more):
        if given[3] == 1:
            raise KeyboardInterrupt
        return whole(*given, **more)

    def go():
        return ablation.measure("lrn", out, str(small_photos), "cifar4", TINY)

    monkeypatch.setattr(ablation, "run_arm", stop_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        go()
    assert {run["seed"] for run in ablation.read(out)["runs"]} == {0}
    monkeypatch.setattr(ablation, "run_arm", whole)
    assert without_times(go()["runs"]) == without_times(record["runs"])


def without_times(runs):
    return [{name: value for name, value in run.items() if name != "seconds"} for run in runs]


def test_a_run_that_diverges_is_recorded_as_failed(small_photos):
    data = ablation.Data(str(small_photos), 32, 30)
    config = VARIANTS["cifar4"].replace(num_classes=3)
    recipe = ABLATIONS["activation"].recipe.replace(learning_rate=1e20, epochs=2)
    result = ablation.run_arm(data, config, recipe, 0)
    assert "diverged" in result["failed"] and "test" not in result


def test_the_cost_is_a_ratio_for_each_arm_that_is_compared(measured):
    _, record = measured("lrn")
    compared = {arm for arm, one in ABLATIONS["lrn"].arms.items() if one.against}
    assert set(record["cost"]) == compared == set(record["summary"]["step_time"])
    for ratios in record["cost"].values():
        assert len(ratios) == ablation.COST_ROUNDS and all(0.1 < ratio < 30 for ratio in ratios)


# ---- the command ---------------------------------------------------------------------------------------


def test_list_shows_every_ablation(call):
    status, out, _ = call(ablate, "list")
    assert status == 0
    for name, chosen in ABLATIONS.items():
        assert f"{name}: {chosen.question}" in out and ", ".join(chosen.arms) in out


def test_the_command_leaves_a_record_two_pictures_and_words(small_photos, tmp_path, call):
    out = tmp_path / "runs" / "lrn.json"
    options = "--data", small_photos, "--variant", "cifar4", "--images", 30, "--epochs", 1, "--seeds", 2, "--out", out
    status, words, err = call(ablate, "lrn", *options)
    assert status == 0, err
    assert {path.name for path in out.parent.iterdir()} == {"lrn.json", "lrn-curves.png", "lrn-differences.png"}
    assert "printed alpha" in words and "95% interval" in words and "left" in words
    assert ablation.read(out)["command"] == (
        "python -m alexnet_paddle.ablate lrn --data colours --variant cifar4 --seeds 2 --epochs 1 --images 30"
    )


def test_an_unknown_ablation_is_refused_in_one_line(refused):
    assert "choose from activation, lrn, dropout" in refused(ablate, "pooling")


def test_a_record_of_other_settings_is_refused(measured, small_photos, refused):
    out, _ = measured("lrn")
    line = refused(ablate, "lrn", "--data", small_photos, "--variant", "cifar4", "--images", 20, "--out", out)
    assert str(out) in line and "another" in line and "--out" in line


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"ablation": "lrn"}'])
def test_a_file_that_is_no_record_is_refused_and_left_alone(content, tmp_path, small_photos, refused):
    out = tmp_path / "record.json"
    out.write_text(content)
    assert "not a results file" in refused(ablate, "lrn", "--data", small_photos, "--variant", "cifar4", "--out", out)
    assert out.read_text() == content


def test_bad_data_are_refused_before_anything_is_written(tmp_path, make_photos, refused):
    out = tmp_path / "new" / "record.json"
    assert "no such folder" in refused(ablate, "lrn", "--data", tmp_path / "nowhere", "--out", out)
    photos = make_photos(tmp_path / "photos", count=8)
    (photos / "red" / "00.png").write_bytes(b"no picture")
    line = refused(ablate, "lrn", "--data", photos, "--variant", "cifar4", "--out", out, lines=2)
    assert "cannot be read" in line and "00.png" in line and not out.parent.exists()


def test_too_few_pictures_for_an_arm_are_refused(small_photos, tmp_path):
    with pytest.raises(InputError, match="--images 10: an arm would have 1 pictures"):
        ablation.measure("dropout", tmp_path / "x.json", str(small_photos), "cifar4", Size(10, 1, 1))


# ---- the pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
def test_the_pictures_show_every_arm(name, measured):
    _, record = measured(name)
    curves = plots.ablation_curves(record)
    assert len(curves.axes[1].lines) == len(ABLATIONS[name].arms)
    for line, arm in zip(curves.axes[1].lines, ABLATIONS[name].arms):
        runs = [run for run in record["runs"] if run["arm"] == arm]
        errors = 1 - np.mean([run["val"]["top1"] for run in runs], axis=0)
        np.testing.assert_allclose(line.get_ydata(), errors, atol=1e-6)
    differences = plots.differences(record)
    shown = [label.get_text() for label in differences.axes[0].get_yticklabels()]
    assert shown == [arm for arm, one in ABLATIONS[name].arms.items() if one.against]
