"""A threshold of least cost, or of the best metric, against every possible decision."""

import numpy as np
import pytest
from sklearn import metrics

from chainrule.foundation.errors import InputError
from chainrule.tables.questions.threshold import METRICS, ThresholdDisplay, _counts


def decisions(p):
    """Return every threshold that differs in what it decides."""
    return [*np.unique(p), 2.0]


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_other_threshold_has_a_better_metric(case, metric, weighted):
    model, y = case.of("classifier")
    weight = np.arange(len(y)) % 4 + 0.5 if weighted else None
    found = model.threshold(case.frame, y, weight, metric=metric)
    p, is_yes = model.oof_prediction_[:, 1], y == "yes"
    measure = getattr(metrics, f"{metric}_score", getattr(metrics, metric, None))

    def value(least):
        return measure(is_yes, p >= least, sample_weight=weight)

    values = [value(least) for least in decisions(p)[:-1]]
    assert found.value == pytest.approx(max(values))
    assert value(found.threshold) == pytest.approx(max(values))
    assert found.value_at_half == pytest.approx(value(0.5))
    assert found.out_of_fold
    assert not found.less_is_better


@pytest.mark.parametrize("label", ["yes", "no"])
@pytest.mark.parametrize(("false_positive", "false_negative"), [(1.0, 5.0), (7.0, 1.0), (0.0, 1.0)])
def test_no_other_threshold_costs_less(case, label, false_positive, false_negative):
    model, y = case.of("classifier")
    cost = {"false positive": false_positive, "false negative": false_negative}
    found = model.threshold(case.frame, y, cost=cost, label=label)
    p, is_it = model.oof_prediction_[:, model.classes_.tolist().index(label)], y == label

    def value(least):
        wrong = (p >= least) & ~is_it
        return np.mean(false_positive * wrong + false_negative * ((p < least) & is_it))

    least = min(map(value, decisions(p)))
    assert found.value == pytest.approx(least, abs=1e-12)
    assert value(found.threshold) == pytest.approx(least, abs=1e-12)
    c = found.counts
    assert c.true_positive == np.sum((p >= found.threshold) & is_it)
    assert c.false_positive + c.true_negative == np.sum(~is_it)
    assert found.less_is_better


def test_dear_mistakes_move_the_threshold(case):
    model, y = case.of("classifier")

    def at(false_positive, false_negative):
        cost = {"false positive": false_positive, "false negative": false_negative}
        return model.threshold(case.frame, y, cost=cost).threshold

    assert at(1, 10) < at(1, 1) < at(10, 1)


def test_the_nearest_to_one_half_of_equally_good_ones():
    p = np.array([0.1, 0.2, 0.8, 0.9])
    values, tried, counts = _counts(p, np.array([False, False, True, True]), None)
    np.testing.assert_allclose(values, p)
    np.testing.assert_allclose(tried, [0.1, 0.15, 0.5, 0.85, np.nextafter(0.9, 1.0)])
    np.testing.assert_array_equal(counts.true_positive, [2, 2, 2, 1, 0])
    np.testing.assert_array_equal(counts.false_positive, [2, 1, 0, 0, 0])


def test_neighbours_without_a_number_between_them_are_told_apart():
    low = 0.3
    high = np.nextafter(low, 1.0)
    _, tried, _ = _counts(np.array([low, high]), np.array([False, True]), None)
    assert tried[1] == high


def test_the_text_and_the_picture(case, drawn):
    model, y = case.of("classifier")
    found = model.threshold(case.frame, y, cost={"false positive": 1, "false negative": 3})
    lines = str(found).splitlines()
    assert lines[0].startswith("decide for 'yes' from a probability of 0.")
    assert "mean cost of a row" in lines[0]
    assert lines[1].split() == ["decided", "for", "decided", "against"]
    display = drawn(ThresholdDisplay.from_estimator(model, case.frame, y, metric="f1"))
    np.testing.assert_array_equal(display.line_.get_ydata(), display.threshold.values)
    assert display.best_.get_ydata()[0] == max(display.threshold.values)


@pytest.mark.parametrize(("how", "words"), [
    ({}, "cost must be given, or metric in place of it; got 'neither'"),
    ({"metric": "f1", "cost": {"false positive": 1}}, "got 'both'"),
    ({"metric": "f2"}, "metric must be one of accuracy"),
    ({"cost": {"false positive": 1}}, "what a 'false positive' and a 'false negative' cost"),
    ({"cost": {"false positive": -1, "false negative": 1}}, "not below 0"),
    ({"cost": {"false positive": 0, "false negative": 0}}, "above 0 for one of the mistakes"),
    ({"metric": "f1", "label": "maybe"}, "label must be 'no' or 'yes'; got 'maybe'"),
])  # fmt: skip
def test_invalid_arguments_are_refused(case, how, words):
    with pytest.raises(InputError, match=words):
        case.classifier.threshold(case.frame, case.labels, **how)


def test_one_class_or_several_have_no_threshold(case):
    with pytest.raises(InputError, match="model must be one of two classes"):
        case.several.threshold(case.frame, case.kinds, metric="f1")
    rows = np.flatnonzero(case.labels == "yes")
    with pytest.raises(InputError, match="y must hold both classes"):
        case.classifier.threshold(case.frame[rows], case.labels[rows], metric="f1")
    assert not hasattr(case.regressor, "threshold")
