"""Ablations: statistics of several seeds, paired runs, figures that follow from the runs, a results file that goes on
where it was stopped and refuses what it was not made with, the command."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import paddle
import processes
import pytest

from alexnet_paddle import ablate, plots
from alexnet_paddle.errors import InputError
from alexnet_paddle.nets.config import LRN
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study import ablation, measures, statistics
from alexnet_paddle.study.ablation import Study
from alexnet_paddle.study.ablations import ABLATIONS, HIDDEN_STAGE, Ablation, Arm, Size
from alexnet_paddle.study.data import Data, draw
from alexnet_paddle.study.measures import Accuracy, Cost, GradientsAtStart, Started
from alexnet_paddle.training.recipes import RECIPES, Schedule

TINY = Size(images=36, epochs=2, seeds=2)
# Of the ablations with many arms some are enough.
ARMS = {name: tuple(chosen.arms) for name, chosen in ABLATIONS.items()} | {
    "dropout": ("0", "0.5", "0 few", "0.5 few"),
    "dead-start": ("paper", "divided-by-std", "bias-0", "learning-rate-0.03"),
}


@pytest.fixture(scope="module", autouse=True)
def short_timing():
    with pytest.MonkeyPatch.context() as patch:
        quickly = replace(ABLATIONS["lrn"], measures=(GradientsAtStart(), Accuracy(), Cost(rounds=3, steps=1)))
        patch.setitem(ABLATIONS, "lrn", quickly)
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
            made[name] = out, ablation.run(name, out, str(small_photos), "cifar4", size, ARMS[name])
        return made[name]

    return measure


@pytest.fixture
def copied(measured, tmp_path):
    """copied(name) -> a results file of one's own, finished."""

    def copy(name):
        out = tmp_path / "record.json"
        out.write_bytes(measured(name)[0].read_bytes())
        return out

    return copy


@pytest.fixture
def trained(monkeypatch):
    """The jobs that are trained from now on."""
    jobs, whole = [], Study.train
    monkeypatch.setattr(Study, "train", lambda study, job: jobs.append(job) or whole(study, job))
    return jobs


@pytest.fixture
def study_of(small_photos):
    """study_of(recipe, *measures) -> a study of cifar4 on 30 coloured squares with one arm, "own"."""

    def make(recipe, *looked_at):
        size = Size(30, recipe.epochs, 1)
        own = Ablation("?", {"own": Arm()}, recipe, looked_at, quick=size, full=size)
        return Study(own, VARIANTS["cifar4"].replace(num_classes=3), recipe, Data(str(small_photos), 32, 30))

    return make


# ---- the statistics ----------------------------------------------------------------------------------

# As printed in tables: degrees of freedom -> two-sided 95% and 99%.
PRINTED = {
    **{1: (12.706, 63.657), 2: (4.303, 9.925), 3: (3.182, 5.841), 4: (2.776, 4.604), 5: (2.571, 4.032)},
    **{6: (2.447, 3.707), 7: (2.365, 3.499), 8: (2.306, 3.355), 9: (2.262, 3.250), 10: (2.228, 3.169)},
    **{15: (2.131, 2.947), 19: (2.093, 2.861), 20: (2.086, 2.845), 21: (2.080, 2.831), 25: (2.060, 2.787)},
    **{30: (2.042, 2.750), 40: (2.021, 2.704), 60: (2.000, 2.660), 120: (1.980, 2.617)},
}


@pytest.mark.parametrize("degrees", PRINTED)
def test_students_t_is_that_of_printed_tables(degrees):
    assert (statistics.student_t(degrees), statistics.student_t(degrees, 0.99)) == PRINTED[degrees]


def test_students_t_is_scipys():
    t = pytest.importorskip("scipy.stats").t
    for degrees in (*range(1, 120), 499, 500, 10_000):
        for confidence in (0.5, 0.9, 0.95, 0.999):
            expected = t.ppf((1 + confidence) / 2, degrees)
            assert abs(statistics.student_t(degrees, confidence) - expected) <= 0.000501, (degrees, confidence)


@pytest.mark.parametrize("count", [2, 3, 5, 9, 20, 21, 22, 50])
def test_the_interval_is_students(count):
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(count).normal(3, 2, count)
    low, high = stats.t.interval(0.95, count - 1, loc=values.mean(), scale=stats.sem(values))
    assert statistics.interval(values.tolist()) == pytest.approx([low, high], abs=3e-4 * (high - low) + 1e-4)


def test_one_seed_has_no_interval():
    assert statistics.interval([0.5]) is None


@pytest.mark.parametrize(
    "errors, epochs",
    [([0.9, 0.5, 0.25, 0.3], 0.75), ([0.2], 0.25), ([0.9, 0.26], None), ([0.5] * 7 + [0.1], 2.0), ([], None)],
)
def test_epochs_to_the_target(errors, epochs):
    assert measures.epochs_to(errors, 0.25) == epochs


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


def test_any_number_of_seeds_has_its_interval():
    runs = [run(arm, seed, 0.5 + seed % 7 / 100) for arm in ABLATIONS["lrn"].arms for seed in range(40)]
    found = ablation.summary({"ablation": "lrn", "runs": runs})
    assert found["difference"]["alpha 0"]["interval_95"] == [0, 0]
    assert all(low < top1["mean"] < high for top1 in found["top1"].values() for low, high in [top1["interval_95"]])


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


def test_steps_to_start_are_those_of_the_runs_that_started():
    def started(arm, seed, steps, started=True):
        return {"arm": arm, "seed": seed, "start": {"started": started, "steps": steps}}

    runs = [started("paper", 0, 100), started("paper", 1, 80), started("bias-0", 0, 240), started("bias-0", 1, 160)]
    runs += [started("no-lrn", 0, 600, False), started("no-lrn", 1, 100), {"arm": "kaiming", "seed": 0, "failed": "x"}]
    found = ablation.summary({"ablation": "dead-start", "runs": runs})
    assert found["steps_to_start"]["no-lrn"] == {"by_seed": {"0": None, "1": 100}, "mean": None, "finished": 1}
    assert found["steps_to_start"]["paper"]["mean"] == 90 and "kaiming" not in found["steps_to_start"]
    assert list(found["times_as_long"]) == ["bias-0"]
    assert found["times_as_long"]["bias-0"]["by_seed"] == {"0": 2.4, "1": 2.0}


def test_the_best_rate_has_the_lowest_loss_and_a_failed_trial_never_wins():
    trials = [trial("a", 0.1, 2.0), trial("a", 0.2, 1.0), trial("a", 0.3, 0.5, failed="nan"), trial("b", 0.1, 3.0)]
    assert ablation.best_rates(trials) == {"a": 0.2, "b": 0.1}


def test_a_failed_run_counts_in_no_mean():
    runs = [run("off", 0, 0.5), {"arm": "off", "seed": 1, "failed": "nan", "training_error": []}]
    assert ablation.summary({"ablation": "lrn", "runs": runs})["top1"]["off"]["by_seed"] == {"0": 0.5}


# ---- the plan ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_arm_is_another_net_or_recipe(name, variant):
    chosen = ABLATIONS[name]
    base = chosen.base_config(variant)
    arms = [arm.change(base, chosen.recipe) for arm in chosen.arms.values()]
    assert len({(*arm, one.fraction, one.rate_of) for arm, one in zip(arms, chosen.arms.values())}) == len(arms)
    for arm in chosen.arms.values():
        assert arm.against is None or chosen.arms[arm.against].against is None
        assert arm.against is None or chosen.arms[arm.against].fraction == arm.fraction
        assert arm.rate_of is None or chosen.arms[arm.rate_of].rate_of is None


def test_dropout_needs_a_hidden_layer_and_other_ablations_leave_the_net_alone():
    assert ABLATIONS["dropout"].base_config("cifar4").fc_stages == (HIDDEN_STAGE,)
    assert not ABLATIONS["lrn"].base_config("cifar4").fc_stages
    assert not ABLATIONS["activation"].base_config("cifar4").fc_stages
    assert ABLATIONS["lrn"].base_config("mini") == VARIANTS["mini"]


def test_the_dead_start_begins_with_the_papers_setting():
    """On the net `paper` itself nothing is left to change but the schedule."""
    chosen = ABLATIONS["dead-start"]
    config, recipe = chosen.arms["paper"].change(chosen.base_config("paper"), chosen.recipe)
    assert config == VARIANTS["paper"] and recipe == RECIPES["paper"].replace(schedule=Schedule())
    _, divided = chosen.arms["divided-by-std"].change(config, recipe)
    assert divided == recipe.replace(augmentation=replace(recipe.augmentation, normalise="mean_std"))


def test_no_more_than_four_learning_rates_are_tried():
    assert all(len(chosen.learning_rates) <= 4 for chosen in ABLATIONS.values())


def test_the_table_is_read_without_paddle():
    code = "import sys, alexnet_paddle.study.ablations as table; print(list(table.ABLATIONS), 'paddle' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == f"{list(ABLATIONS)} False\n", found.stderr


def test_a_draw_has_as_many_of_each_class_and_a_smaller_one_is_part_of_it():
    labels = np.repeat([0, 1, 2], [50, 20, 30])
    chosen = draw(labels, 30, 4)
    assert np.bincount(labels[chosen]).tolist() == [10, 10, 10] and len(set(chosen.tolist())) == 30
    assert set(draw(labels, 12, 4).tolist()) <= set(chosen.tolist())
    assert draw(labels, 30, 5).tolist() != chosen.tolist()
    assert np.bincount(labels[draw(labels, 80, 0)]).tolist() == [30, 20, 30]
    assert draw(labels, 100, 0).tolist() == list(range(100))


def test_all_arms_see_the_same_pictures_and_a_fraction_is_repeated_to_the_same_length(small_photos):
    data = Data(str(small_photos), 32, 30)
    (whole, _), (few, _), (again, _) = data.train(3), data.train(3, 0.1), data.train(3)
    assert whole.paths == again.paths and len(whole) == len(few) == 30
    assert len(set(few.paths)) == 3 and set(few.paths) <= set(whole.paths)
    assert {path: few.paths.count(path) for path in few.paths} == dict.fromkeys(few.paths, 10)
    assert data.train(4)[0].paths != whole.paths


# ---- measuring -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_record_has_every_run_its_curves_and_what_it_was_made_with(name, measured):
    out, record = measured(name)
    assert record == json.loads(out.read_text())
    assert [(run["arm"], run["seed"]) for run in record["runs"]] == [
        (arm, seed) for seed in range(2) for arm in ARMS[name]
    ]
    for run in record["runs"]:
        epochs = len(run["train"]["loss"])
        assert len(run["val"]["top1"]) == epochs == (2 if name != "dead-start" else run["start"]["steps"])
        if name != "dead-start":
            assert 0 <= run["test"]["top1"] <= 1 and run["gradients_at_start"]["conv1"] > 0
    assert record["versions"]["paddlepaddle"] and record["machine"]["cpu"]
    assert str(out.parent) not in out.read_text()


def test_a_record_holds_no_prose_about_net_and_recipe(measured):
    _, record = measured("lrn")
    assert not {"source", "default_recipe"} & {*record["config"], *record["recipe"]}
    assert record["config"]["name"] == "cifar4" and record["recipe"]["name"] == "quick"


@pytest.mark.parametrize("name", ABLATIONS)
def test_the_summary_is_computed_from_the_runs(name, measured):
    _, record = measured(name)
    assert record["summary"] == json.loads(json.dumps(ablation.summary(record)))


def test_for_a_seed_all_arms_start_with_the_same_weights(small_photos):
    """LRN and dropout have no weights, so nothing else may differ."""
    data = Data(str(small_photos), 32, 30)
    for name in ("lrn", "dropout"):
        config = ABLATIONS[name].base_config("cifar4").replace(num_classes=3)
        study = Study(ABLATIONS[name], config, ABLATIONS[name].recipe, data)
        starts = [study.trainer(study.job(arm, 5)) for arm in ABLATIONS[name].arms]
        for trainer in starts[1:]:
            for own, first in zip(trainer.model.parameters(), starts[0].model.parameters(), strict=True):
                np.testing.assert_array_equal(own.numpy(), first.numpy())


def test_with_biases_0_the_weights_of_the_start_are_the_papers(small_photos):
    config = ABLATIONS["dead-start"].base_config("cifar4").replace(num_classes=3)
    recipe = ABLATIONS["dead-start"].recipe
    study = Study(ABLATIONS["dead-start"], config, recipe, Data(str(small_photos), 32, 30))
    paper, without = (dict(study.trainer(study.job(arm, 1)).model.named_parameters()) for arm in ("paper", "bias-0"))
    for name, parameter in without.items():
        expected = paper[name].numpy() if name.endswith("weight") else np.zeros(parameter.shape)
        np.testing.assert_array_equal(parameter.numpy(), expected)
    assert sum((paper[name].numpy() == 1).all() for name in paper if name.endswith("bias")) == 2  # conv2, fc4


def test_each_activation_takes_the_best_rate_of_its_own_trials(measured):
    _, record = measured("activation")
    chosen = ABLATIONS["activation"]
    assert {(run["arm"], run["learning_rate"]) for run in record["rates"]} == {
        (arm, rate) for arm in ("relu", "tanh", "sigmoid") for rate in chosen.learning_rates
    }
    best = ablation.best_rates(record["rates"])
    assert record["summary"]["learning_rate"] == best
    for run in record["runs"]:
        assert run["learning_rate"] == best["relu" if run["arm"] == "sigmoid as relu" else run["arm"]]


def test_an_arms_recipe_counts(measured):
    _, record = measured("dead-start")
    rates = {run["arm"]: run["learning_rate"] for run in record["runs"]}
    assert rates == {"paper": 0.01, "divided-by-std": 0.01, "bias-0": 0.01, "learning-rate-0.03": 0.03}
    losses = {run["arm"]: run["train"]["loss"] for run in record["runs"]}
    assert losses["divided-by-std"] != losses["paper"] != losses["learning-rate-0.03"]


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
    out = {name: wrong(drop, x, x).numpy() for name, wrong in measures.DROPOUT_MISTAKES.items()}
    assert (out["scaled twice"] == 0.25).all() and (out["not scaled"] == 4).all()
    assert set(out["left on"].tolist()) == {0.0, 4.0} and abs((out["left on"] == 0).mean() - 0.75) < 0.05


def test_a_run_that_diverges_is_recorded_as_failed(study_of):
    study = study_of(ABLATIONS["activation"].recipe.replace(learning_rate=1e20, epochs=2), Accuracy(), Started())
    result = study.train(study.job("own", 0))
    assert "diverged" in result["failed"] and not {"test", "start"} & set(result)


def test_a_run_ends_when_the_net_has_started(study_of):
    study = study_of(RECIPES["quick"].replace(schedule=Schedule(), epochs=60), Started(below=0.5))
    result = study.train(study.job("own", 0))
    losses = result["train"]["loss"]
    assert result["start"] == {"started": True, "steps": len(losses), "steps_per_epoch": 1}
    assert losses[-1] < 0.5 * math.log(3) <= min(losses[:-1]) and len(losses) < 60


def test_a_run_that_does_not_start_goes_on_to_its_end(study_of):
    study = study_of(RECIPES["quick"].replace(schedule=Schedule(), epochs=3, learning_rate=1e-9), Started(below=0.5))
    result = study.train(study.job("own", 0))
    assert result["start"] == {"started": False, "steps": 3, "steps_per_epoch": 1}


def test_the_cost_is_a_ratio_for_each_arm_that_is_compared(measured):
    _, record = measured("lrn")
    compared = {arm for arm, one in ABLATIONS["lrn"].arms.items() if one.against}
    assert set(record["cost"]) == compared == set(record["summary"]["step_time"])
    for ratios in record["cost"].values():
        assert len(ratios) == 3 and all(0.1 < ratio < 30 for ratio in ratios)


# ---- going on ------------------------------------------------------------------------------------------


def test_a_finished_record_is_not_trained_again_and_more_seeds_only_add(copied, measured, small_photos, trained):
    out, (_, record) = copied("lrn"), measured("lrn")

    def again(seeds):
        return ablation.run("lrn", out, str(small_photos), "cifar4", replace(TINY, seeds=seeds))

    assert again(2)["runs"] == record["runs"] and not trained
    longer = again(3)
    assert [(job.arm, job.seed) for job in trained] == [(arm, 2) for arm in ABLATIONS["lrn"].arms]
    assert longer["runs"][:-4] == record["runs"] and longer["seeds"] == 3 and longer["cost"] == record["cost"]
    assert longer["summary"]["top1"]["off"]["by_seed"].keys() == {"0", "1", "2"}


def test_a_stopped_ablation_goes_on_and_ends_with_the_same_figures(measured, small_photos, tmp_path, monkeypatch):
    _, record = measured("activation")
    out, whole = tmp_path / "record.json", Study.train

    def go():
        return ablation.run("activation", out, str(small_photos), "cifar4", TINY)

    for done in (5, 10, 3):  # of 12 trials and 8 runs: stopped in the trials, and twice in the runs
        left = iter(range(done))
        monkeypatch.setattr(Study, "train", lambda study, job, left=left: whole(study, job) if more(left) else None)
        with pytest.raises(KeyboardInterrupt):
            go()
        assert ablation.read(out)["summary"]["learning_rate"]
    monkeypatch.setattr(Study, "train", whole)
    again = go()
    assert without_times(again["runs"]) == without_times(record["runs"])
    assert without_times(again["rates"]) == without_times(record["rates"])


def more(left):
    """True as long as something is left; then Ctrl-C is pressed."""
    if next(left, None) is None:
        raise KeyboardInterrupt
    return True


def without_times(runs):
    return [{name: value for name, value in run.items() if name != "seconds"} for run in runs]


@pytest.mark.skipif(os.name == "nt", reason="sends the signals of Unix")
def test_ctrl_c_leaves_the_trainings_that_were_finished(small_photos, tmp_path):
    out = tmp_path / "record.json"
    options = "--variant", "cifar4", "--images", 36, "--epochs", 20, "--seeds", 500, "--arms", "paper", "--out", out
    process = processes.start("dead-start", "--data", small_photos, *options, command="ablate")
    processes.wait_for(out.exists, process, seconds=120)
    process.send_signal(signal.SIGINT)
    status, _, err = processes.finish(process)
    trained = len(ablation.read(out)["runs"])
    held = f"; {out} holds {trained} trainings; go on with the same command"
    # Between two trainings nothing listens but Python itself.
    assert (status, err) in [(130, f"ablate: interrupted{held}\n"), (130, "ablate: interrupted\n")] and trained


def test_some_arms_take_the_rate_of_another_and_the_rest_can_follow(small_photos, tmp_path, trained):
    def go(*arms):
        size = replace(TINY, epochs=1, seeds=1)
        return ablation.run("activation", tmp_path / "r.json", str(small_photos), "cifar4", size, arms)

    go("sigmoid as relu")
    assert [job.arm for job in trained] == ["relu"] * 4 + ["sigmoid as relu"]
    trained.clear()
    record = go()
    assert [job.arm for job in trained] == ["tanh"] * 4 + ["sigmoid"] * 4 + ["relu", "tanh", "sigmoid"]
    assert set(record["summary"]["difference"]) == {"tanh", "sigmoid", "sigmoid as relu"}


def test_reworded_prose_stops_no_ablation(copied, small_photos, trained, monkeypatch):
    out = copied("lrn")
    reworded = replace(VARIANTS["cifar4"], name="cifar-four", source="in other words", default_recipe="paper")
    monkeypatch.setitem(VARIANTS, "cifar4", reworded)
    recipe = replace(ABLATIONS["lrn"].recipe, name="swift", source="in other words")
    monkeypatch.setitem(ABLATIONS, "lrn", replace(ABLATIONS["lrn"], recipe=recipe, question="Reworded?"))
    record = ablation.run("lrn", out, str(small_photos), "cifar4", TINY)
    assert not trained and (record["config"]["name"], record["recipe"]["name"]) == ("cifar-four", "swift")


CHANGED_ARM = {**ABLATIONS["lrn"].arms, "alpha 0": Arm({"lrn": LRN(alpha=0.0, beta=0.5)}, against="off")}
WITHOUT_ARM = {name: arm for name, arm in ABLATIONS["lrn"].arms.items() if name != "alpha 0"}


@pytest.mark.parametrize(
    "change, what",
    [
        ({"base": {"pool": "plain"}}, "net"),
        ({"recipe": RECIPES["quick"].replace(learning_rate=0.003)}, "recipe"),
        ({"arms": CHANGED_ARM}, "arm 'alpha 0'"),
        ({"arms": WITHOUT_ARM}, "arm 'alpha 0'"),
    ],
)
def test_what_computes_something_else_is_refused(change, what, copied, small_photos, trained, monkeypatch):
    out = copied("lrn")
    before = out.read_bytes()
    monkeypatch.setitem(ABLATIONS, "lrn", replace(ABLATIONS["lrn"], **change))
    with pytest.raises(InputError, match=f"^{out}: made with another {what}; give another --out, or remove it$"):
        ablation.run("lrn", out, str(small_photos), "cifar4", TINY)
    assert not trained and out.read_bytes() == before


def test_an_arm_that_nobody_trained_may_change(small_photos, tmp_path, monkeypatch):
    def go(*arms):
        size = replace(TINY, epochs=1, seeds=1)
        return ablation.run("lrn", tmp_path / "r.json", str(small_photos), "cifar4", size, arms)

    go("off")
    monkeypatch.setitem(ABLATIONS, "lrn", replace(ABLATIONS["lrn"], arms=CHANGED_ARM))
    assert go("alpha 0")["arms"]["alpha 0"]["config"]["lrn"]["beta"] == 0.5


# ---- the command ---------------------------------------------------------------------------------------


def test_list_shows_every_ablation(call):
    status, out, _ = call(ablate, "list")
    assert status == 0
    for name, chosen in ABLATIONS.items():
        assert f"{name}: {chosen.question}" in out and ", ".join(chosen.arms) in out


def test_the_command_leaves_a_record_two_pictures_and_words(small_photos, tmp_path, call):
    out = tmp_path / "runs" / "lrn.json"
    options = "--data", small_photos, "--variant", "cifar4", "--images", 30, "--epochs", 1, "--seeds", 2, "--out", out
    status, words, err = call(ablate, "lrn", *options, "--arms", "off", "printed alpha")
    assert status == 0, err
    assert {path.name for path in out.parent.iterdir()} == {"lrn.json", "lrn-curves.png", "lrn-differences.png"}
    assert "printed alpha" in words and "95% interval" in words and "left" in words and "alpha 0, seed" not in words
    assert "a training step takes" in words
    assert ablation.read(out)["command"] == (
        "python -m alexnet_paddle.ablate lrn --data colours --variant cifar4 --seeds 2 --epochs 1 --images 30 "
        "--arms off 'printed alpha'"
    )


def test_where_no_accuracy_is_measured_there_is_no_picture_of_it(small_photos, tmp_path, call):
    out = tmp_path / "start.json"
    options = "--data", small_photos, "--variant", "cifar4", "--images", 30, "--epochs", 1, "--seeds", 1, "--out", out
    status, words, err = call(ablate, "dead-start", *options, "--arms", "paper")
    assert status == 0, err
    assert {path.name for path in tmp_path.iterdir()} == {"start.json", "start-curves.png"}
    assert "paper: steps until the net had started, by seed: not started" in words
    assert words.endswith("start.json; start-curves.png beside it\n")


def test_an_unknown_ablation_is_refused_in_one_line(refused):
    assert "choose from activation, lrn, dropout, dead-start, or list" in refused(ablate, "pooling")


def test_an_unknown_arm_is_refused_in_one_line(refused):
    line = refused(ablate, "lrn", "--arms", "off", "alpha 1")
    assert line == (
        "ablate: --arms alpha 1: unknown; choose from off 'printed alpha' 'source'\"'\"'s alpha' 'alpha 0'\n"
    )


def test_a_record_of_other_settings_is_refused(measured, small_photos, refused):
    out, _ = measured("lrn")
    line = refused(ablate, "lrn", "--data", small_photos, "--variant", "cifar4", "--images", 20, "--out", out)
    assert str(out) in line and "another number of pictures" in line and "--out" in line


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"ablation": "lrn"}', '{"ablation": "x", "runs": [], "rates": []}']
)
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


def test_where_nothing_can_be_written_is_found_before_anything_is_trained(tmp_path, refused, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "a-curves.png").mkdir()
    for out, says in (
        (tmp_path, "is a folder"),
        (".", "is a folder"),
        (tmp_path / "file" / "a.json", "is a file"),
        (tmp_path / "a.json", "a-curves.png: is a folder"),
        (tmp_path / f"{'n' * 240}.json", "too long"),
    ):
        assert says in refused(ablate, "lrn", "--data", tmp_path / "nowhere", "--out", out)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    line = refused(ablate, "lrn", "--data", tmp_path / "nowhere", "--out", tmp_path / "new" / "b.json")
    assert f"no permission to write in {tmp_path}" in line and not (tmp_path / "new").exists()


def test_too_few_pictures_for_an_arm_are_refused(small_photos, tmp_path):
    with pytest.raises(InputError, match="--images 10: an arm would have 1 pictures of 3 classes"):
        ablation.run("dropout", tmp_path / "x.json", str(small_photos), "cifar4", Size(10, 1, 1))
    with pytest.raises(InputError, match="--images 2: an arm would have 2 pictures of 3 classes"):
        ablation.run("lrn", tmp_path / "x.json", str(small_photos), "cifar4", Size(2, 1, 1))


# ---- the pictures --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATIONS)
def test_the_pictures_show_every_arm(name, measured):
    _, record = measured(name)
    curves = plots.ablation_curves(record)
    assert len(curves.axes[1].lines) == len(ARMS[name])
    for line, arm in zip(curves.axes[1].lines, ARMS[name]):
        runs = [run for run in record["runs"] if run["arm"] == arm]
        if len({len(run["val"]["top1"]) for run in runs}) == 1:
            errors = 1 - np.mean([run["val"]["top1"] for run in runs], axis=0)
            np.testing.assert_allclose(line.get_ydata(), errors, atol=1e-6)
    if "difference" in record["summary"]:
        differences = plots.differences(record)
        shown = [label.get_text() for label in differences.axes[0].get_yticklabels()]
        assert shown == [arm for arm in ARMS[name] if ABLATIONS[name].arms[arm].against]


def test_the_race_has_a_line_at_its_target(measured):
    for name, words in (("activation", ["25%"]), ("lrn", [])):
        panel = plots.ablation_curves(measured(name)[1]).axes[0]
        assert [text.get_text() for text in panel.texts] == words
        assert len(panel.lines) == len(ABLATIONS[name].arms) + len(words)


def test_a_run_that_ended_earlier_counts_until_there():
    runs = [
        {
            "arm": "paper",
            "train": {"top1": [0.2, 0.4]},
            "training_error": [0.9, 0.7, 0.6, 0.6],
            "val": {"top1": [0.3, 0.5]},
        },
        {"arm": "paper", "train": {"top1": [0.4]}, "training_error": [0.7, 0.5], "val": {"top1": [0.5]}},
        {"arm": "bias-0", "train": {"top1": [0.25, 0.5]}},  # as the older records are
        {"arm": "no-lrn", "failed": "diverged"},
    ]
    training, validation = plots.ablation_curves({"runs": runs}).axes
    np.testing.assert_allclose(training.lines[0].get_xydata(), [[0.5, 0.8], [1, 0.6], [1.5, 0.6], [2, 0.6]])
    np.testing.assert_allclose(training.lines[1].get_xydata(), [[1, 0.75], [2, 0.5]])
    np.testing.assert_allclose(validation.lines[0].get_xydata(), [[1, 0.6], [2, 0.5]])
    assert (len(training.lines), len(validation.lines)) == (2, 1)


@pytest.mark.parametrize("name", ABLATIONS)
def test_where_every_run_failed_there_is_still_an_end(name, measured, capsys):
    _, record = measured(name)
    runs = [{"arm": run["arm"], "seed": run["seed"], "failed": "x", "training_error": []} for run in record["runs"]]
    record = {**record, "runs": runs}
    record["summary"] = ablation.summary(record)
    plots.ablation_curves(record)
    for measure in ABLATIONS[name].measures:
        measure.tell(record["summary"])
    assert not record["summary"].get("difference")
