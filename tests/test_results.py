"""The records under course/results/: their figures agree with each other, and the text beside them with the figures."""

import json
import math
import re
from collections import defaultdict
from pathlib import Path

import pytest

from alexnet_paddle import VARIANTS

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
        if run["blown_up_at_step"]:
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
    if run["blown_up_at_step"]:
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
