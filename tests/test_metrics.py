"""Figures of merit against definitions and published values."""

import json

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from alexnet_paddle.metrics import Scores, confusion_matrix, softmax, top_k_correct, wilson_interval


def test_softmax_sums_to_one_and_stands_large_values():
    logits = np.array([[1000.0, 1001.0], [-2000.0, -2000.0]])
    np.testing.assert_allclose(softmax(logits), [[1 / (1 + np.e), np.e / (1 + np.e)], [0.5, 0.5]])


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_is_what_sorting_gives(k):
    rng = np.random.default_rng(0)
    # Few different values, so that there are ties: sorting stably gives them to the class of lower number.
    scores, labels = rng.integers(0, 6, (300, 8)).astype(float), rng.integers(0, 8, 300)
    order = np.argsort(-scores, axis=1, kind="stable")
    expected = [label in row[:k] for label, row in zip(labels, order)]
    np.testing.assert_array_equal(top_k_correct(scores, labels, k), expected)


def test_of_equal_scores_only_the_first_k_count():
    scores = np.zeros((4, 4))
    assert top_k_correct(scores, np.arange(4), 1).tolist() == [True, False, False, False]
    assert top_k_correct(scores, np.arange(4), 3).tolist() == [True, True, True, False]


def diverged(classes):
    """What a net says after its weights became NaN."""
    return Scores(softmax(np.full((classes, classes), np.nan)), np.arange(classes))


@pytest.mark.parametrize("classes", [3, 8])
def test_scores_that_are_nan_are_never_right(classes):
    scores = diverged(classes)
    for k in (1, 5):
        assert not top_k_correct(scores.probabilities, scores.labels, k).any()
    assert scores.top1 == 0 and scores.top5 in (None, 0)
    assert scores.report([str(i) for i in range(classes)])["top1"] == 0


@pytest.mark.parametrize(
    "correct, total, low, high",
    [
        (45, 50, 0.7864, 0.9565),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),  # Newcombe (1998), table I
    ],
)
def test_the_interval_is_wilsons(correct, total, low, high):
    np.testing.assert_allclose(wilson_interval(correct, total), (low, high), atol=6e-5)


def test_the_interval_holds_the_share_and_stays_between_0_and_1():
    for total in (1, 2, 7, 500):
        for correct in range(total + 1):
            low, high = wilson_interval(correct, total)
            assert 0 <= low <= correct / total + 1e-12 and correct / total - 1e-12 <= high <= 1


LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 0, 1, 1, 0, 1, 1])
CONFUSION = [[2, 1, 0, 0], [1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 0, 0]]  # class 3: no picture, never predicted


def test_confusion_counts_true_classes_in_rows():
    assert confusion_matrix(LABELS, PREDICTED, 4).tolist() == CONFUSION


def test_the_report_by_hand():
    scores = Scores(np.eye(4)[PREDICTED] * 0.9 + 0.025, LABELS)
    report = json.loads(json.dumps(scores.report(["a", "b", "c", "d"]), allow_nan=False))
    assert report["images"] == 7
    assert report["top1"] == pytest.approx(3 / 7) == scores.top1
    assert report["top1_interval_95"] == pytest.approx(wilson_interval(3, 7))
    assert report["top5"] is None
    assert report["confusion"] == CONFUSION
    assert report["classes"] == {
        "a": {"images": 3, "recall": pytest.approx(2 / 3), "precision": pytest.approx(2 / 3)},
        "b": {"images": 2, "recall": 0.5, "precision": 0.25},
        "c": {"images": 2, "recall": 0.0, "precision": None},
        "d": {"images": 0, "recall": None, "precision": None},
    }
    assert report["loss"] == pytest.approx(-(3 * np.log(0.925) + 4 * np.log(0.025)) / 7)


@pytest.mark.parametrize("classes, known", [(5, False), (6, True)])
def test_top5_says_nothing_with_five_classes(classes, known):
    rng = np.random.default_rng(0)
    scores = Scores(softmax(rng.standard_normal((200, classes))), rng.integers(0, classes, 200))
    if known:
        lowest = scores.probabilities.argmin(axis=1)
        assert scores.top5 == pytest.approx((lowest != scores.labels).mean())
    else:
        assert scores.top5 is None


def test_the_loss_is_the_one_that_paddle_trains_on():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((50, 6)).astype("float32") * 3, rng.integers(0, 6, 50)
    expected = F.cross_entropy(paddle.to_tensor(logits), paddle.to_tensor(labels)).item()
    assert Scores(softmax(logits), labels).loss == pytest.approx(expected, rel=1e-5)


def test_a_certain_mistake_costs_much_but_not_infinitely_much():
    assert 80 < Scores(np.array([[1.0, 0.0]]), np.array([1])).loss < 100
