"""The records under course/results/: their figures agree with each other, and the text beside them with the figures."""

import json
import math
import re
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

from alexnet_paddle import VARIANTS
from alexnet_paddle.study import ablation

RESULTS = Path(__file__).parents[1] / "course" / "results"
TEXT = (RESULTS / "README.md").read_text("utf-8")
NUM_CLASSES = 5


def record(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("name", ["dead_start", "doctor"])
def test_a_record_says_how_it_was_made(name):
    made = record(name)
    assert made["command"].startswith("python course/results/") and made["machine"]["cpu"]
    assert made["versions"]["paddlepaddle"]


@pytest.mark.parametrize("name", ["dead_start", "doctor"])
def test_started_and_steps_follow_from_the_losses(name):
    for run in record(name)["runs"]:
        started = bool(run["loss"]) and run["loss"][-1] < 0.9 * math.log(NUM_CLASSES)
        assert run["started"] == started
        assert all(loss >= 0.9 * math.log(NUM_CLASSES) for loss in run["loss"][:-1])
        whole_epochs = len(run["loss"]) * run["steps_per_epoch"]
        if run["diverged_at_step"]:
            assert whole_epochs < run["steps"] <= whole_epochs + run["steps_per_epoch"] and not started
        else:
            assert run["steps"] == whole_epochs and (started or run["steps"] >= run["limit"] >= 300)


def test_the_table_of_the_dead_start_is_the_record():
    runs = defaultdict(dict)
    for run in record("dead_start")["runs"]:
        runs[run["variant"], run["arm"]][run["seed"]] = run
    rows = re.findall(r"^\| `([\w-]+)` \| .*? \| `([^`]+)` \| (.*) \|$", TEXT, re.M)
    assert {(variant, arm) for variant, arm, _ in rows} == set(runs)
    for variant, arm, said in rows:
        assert said == ", ".join(in_words(run) for _, run in sorted(runs[variant, arm].items()))


def in_words(run):
    if run["diverged_at_step"]:
        return f"blew up at {run['steps']}"
    return str(run["steps"]) if run["started"] else f"not in {run['steps']}"


def test_the_decisive_arms_have_three_seeds_on_half():
    seeds = defaultdict(set)
    for run in record("dead_start")["runs"]:
        seeds[run["variant"], run["arm"]].add(run["seed"])
    assert seeds["half", "paper"] == seeds["half", "divided-by-std"] == seeds["half", "conv3-5-at-0.03"] == {0, 1, 2}


def test_the_doctor_was_tried_on_every_net_and_found_something_just_where_the_net_did_not_start():
    runs = record("doctor")["runs"]
    assert {run["variant"] for run in runs} == set(VARIANTS)
    for run in runs:
        assert run["recipe"] == VARIANTS[run["variant"]].default_recipe
        assert run["started"] == (not run["doctor"]["findings"])


# ---- ablations -----------------------------------------------------------------------------------------

SEEDS = {"petals": 5, "cifar10": 3}
MADE = [f"{name}-{data}" for name in ablation.ABLATIONS for data in SEEDS]
CHAPTERS = sorted((RESULTS.parent / "source").glob("*.py"))
# A number in a text, and where it stands in a record's summary: 0.912<!-- lrn-petals: top1/off/mean -->, or with
# "* 100" at the end for percent and percentage points.
QUOTED = re.compile(r"([+\u2212-]?\d+(?:\.(\d+))?)<!-- ([\w-]+): (.+?)( \* 100)? -->")


@pytest.mark.parametrize("made", MADE)
def test_an_ablation_was_measured_with_every_arm_and_enough_seeds(made):
    name, _, data = made.rpartition("-")
    found, chosen = record(made), ablation.ABLATIONS[name]
    assert {(run["arm"], run["seed"]) for run in found["runs"]} == {
        (arm, seed) for arm in chosen.arms for seed in range(SEEDS[data])
    }
    assert (found["net"]["name"], found["data"]) == ({"petals": "mini", "cifar10": "cifar4"}[data], data)
    assert found["images"]["train"] >= {"petals": 2000, "cifar10": 4000}[data]
    assert found["command"].startswith(f"python -m alexnet_paddle.ablate {name}") and found["command"].endswith(
        "--full"
    )
    assert found["machine"]["cpu"] and found["versions"]["paddlepaddle"]
    base = ablation.base_net(chosen, found["net"]["name"])
    assert found["net"] == json.loads(json.dumps(base.replace(num_classes=found["net"]["num_classes"]).to_dict()))
    assert found["recipe"] == json.loads(json.dumps(chosen.recipe.replace(epochs=found["recipe"]["epochs"]).to_dict()))


@pytest.mark.parametrize("made", MADE)
def test_the_summary_of_an_ablation_follows_from_its_runs(made):
    found = record(made)
    assert found["summary"] == json.loads(json.dumps(ablation.summary(found)))
    for arm, difference in found["summary"]["difference"].items():  # and once more, by hand
        against = ablation.ABLATIONS[found["ablation"]].arms[arm].against
        top1 = {(run["arm"], run["seed"]): run["test"]["top1"] for run in found["runs"]}
        pairs = [top1[arm, seed] - top1[against, seed] for seed in range(len(difference["by_seed"]))]
        assert difference["mean"] == pytest.approx(statistics.mean(pairs), abs=6e-5)


def quoted(path):
    return QUOTED.findall(path.read_text("utf-8"))


@pytest.mark.parametrize("path", [RESULTS / "README.md", *CHAPTERS], ids=lambda path: path.stem)
def test_numbers_in_texts_are_those_of_the_records(path):
    for said, decimals, made, place, percent in quoted(path):
        value = record(made)["summary"]
        for step in place.split("/"):
            value = value[int(step) if isinstance(value, list) else step]
        value *= 100 if percent else 1
        assert abs(float(said.replace("\u2212", "-")) - value) <= 0.5 * 10 ** -len(decimals) + 1e-9, f"{said}: {place}"


@pytest.mark.parametrize("made", MADE)
def test_what_every_ablation_found_is_told(made):
    assert made in {record for path in [RESULTS / "README.md", *CHAPTERS] for _, _, record, _, _ in quoted(path)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ablation.ABLATIONS)
def test_a_recorded_run_gives_the_same_figures_again(name, petals_home, monkeypatch):
    """The record's first run. The last digits depend on the processor and the versions: elsewhere the net may end
    within 0.1 of the recorded accuracy, which is about twice what the seeds of one arm differ by."""
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(petals_home))
    found, chosen = record(f"{name}-petals"), ablation.ABLATIONS[name]
    first = found["runs"][0]
    data = ablation.Data("petals", found["net"]["image_size"], found["images"]["train"])
    assert data.dataset.fingerprint == found["fingerprint"]
    config = ablation.AlexNetConfig.from_dict(found["net"]).replace(**chosen.arms[first["arm"]].net)
    recipe = ablation.Recipe.from_dict(found["recipe"]).replace(learning_rate=first["learning_rate"])
    again = ablation.run_arm(data, config, recipe, first["seed"], chosen.arms[first["arm"]].fraction, chosen.mistakes)
    again = json.loads(json.dumps({"arm": first["arm"], **again}))
    if all(found[what] == now for what, now in ablation.made_on().items()):
        assert {**again, "seconds": 0} == {**first, "seconds": 0}
    else:
        assert again["test"]["top1"] == pytest.approx(first["test"]["top1"], abs=0.1)
        for layer, size in first["gradients_at_start"].items():
            assert again["gradients_at_start"][layer] == pytest.approx(size, rel=0.01)
