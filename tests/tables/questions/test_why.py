"""Integrated gradients: against a fine sum of finite differences, and complete."""

import copy
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from chainrule import TabularClassifier, TabularRegressor, losses
from chainrule.foundation.errors import InputError
from chainrule.tables.questions import why as module
from chainrule.tables.questions.baseline import typical_row
from chainrule.tables.questions.why import WhyDisplay


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def scores_of(estimator, X):
    """Return scores by a loop over the layers' arrays, in float64."""
    a = X.astype(np.float64)
    for layer, w, b in zip(
        estimator.network_.layers, estimator.coefs_, estimator.intercepts_, strict=True
    ):
        z = a @ w.astype(np.float64) + b
        a = {"silu": lambda z: z / (1.0 + np.exp(-z)), "relu": lambda z: np.maximum(z, 0.0),
             "linear": lambda z: z}[layer.activation.name](z)  # fmt: skip
    return a


def score_of(model, inputs, label=None):
    """Return the number predicted, or the log odds of a label, in a way of its own."""
    parts = []
    for member, X in zip(model.members_, inputs, strict=True):
        s = scores_of(member.estimator, X)
        if label is None:
            parts.append(s[:, 0])
            continue
        if s.shape[1] == 1:
            s = np.c_[np.zeros(len(s)), s[:, 0]]
        parts.append(softmax(s / model.temperature_)[:, model.classes_.tolist().index(label)])
    mean = np.mean(parts, axis=0)
    return mean if label is None else np.log(mean) - np.log1p(-mean)


def by_differences(model, row, base, label, steps=2000):
    """Return what each column adds: midpoints of a path, derivatives by central differences."""
    amounts = {}
    ends = [(one.inputs(base)[0], one.inputs(row)[0]) for one in model.members_]
    t = (np.arange(steps) + 0.5) / steps
    path = [b + t[:, None] * (x.astype(np.float64) - b) for b, x in ends]
    for number, member in enumerate(model.members_):
        place = 0
        for column in member.preparation.columns:
            for _ in column.outputs:
                way = float(ends[number][1][place]) - float(ends[number][0][place])
                if way:
                    moved = []
                    for sign in (1.0, -1.0):
                        there = [one.copy() for one in path]
                        there[number][:, place] += sign * 1e-5
                        moved.append(score_of(model, there, label))
                    slope = (moved[0] - moved[1]) / 2e-5
                    amounts[column.name] = amounts.get(column.name, 0.0) + way * slope.mean()
                place += 1
    return amounts


@pytest.mark.slow
@pytest.mark.parametrize(("name", "label"), [
    ("regressor", None), ("classifier", "yes"), ("classifier", "no"), ("several", "young"),
])  # fmt: skip
def test_the_amounts_are_those_of_a_fine_sum_of_differences(case, name, label):
    model, _ = case.of(name)
    found = model.why(case.frame, 7, label=label)
    base = typical_row(case.frame)
    expected = by_differences(model, case.frame[6], base, label)
    size = sum(map(abs, expected.values()))
    assert size > 0.1
    for one in found.contributions:
        assert one.amount == pytest.approx(expected.get(one.column, 0.0), abs=2e-3 * size)


@pytest.mark.parametrize("name", ["regressor", "classifier", "several"])
def test_shown_and_rest_are_the_exact_difference_of_scores(case, name):
    model, _ = case.of(name)
    for row in (1, 5, 40):
        found = model.why(case.frame, row, baseline=2)
        assert found.complete
        inputs = [np.concatenate([m.inputs(case.frame[1]), m.inputs(case.frame[row - 1])])
                  for m in model.members_]  # fmt: skip
        label = None if name == "regressor" else found.answer.name.removeprefix("probability of ")
        base, own = score_of(model, inputs, label)
        assert (found.baseline_score, found.score) == pytest.approx((base, own), abs=1e-9)
        for most in (1, 3, 20):
            shown, rest = found.shown(most)
            total = sum(one.amount for one in shown) + rest
            assert total == pytest.approx(own - base, abs=1e-9)
        size = sum(abs(one.amount) for one in found.contributions)
        assert abs(found.left) <= 1e-4 * size


def test_the_answers_are_those_of_the_model(case):
    found = case.classifier.why(case.frame, 3, baseline=9)
    p = case.classifier.predict_proba(case.frame)[:, 1]
    assert (found.row_answer, found.baseline_answer) == pytest.approx((p[2], p[8]), rel=1e-5)
    assert found.score == pytest.approx(np.log(p[2] / (1 - p[2])), rel=1e-3)


@pytest.mark.parametrize("name", ["regressor", "several"])
def test_networks_count_by_their_weights(case, name):
    model = copy.copy(case.of(name)[0])
    members = zip(model.members_, (0.6, 0.3, 0.1), strict=True)
    model.members_ = [replace(one, weight=weight) for one, weight in members]
    label = None if name == "regressor" else "young"
    found = model.why(case.frame, 8, label=label)
    answer = model.combined([(m, m.inputs(case.frame[7])) for m in model.members_])[0]
    p = answer if label is None else answer[model.classes_.tolist().index(label)]
    assert found.row_answer == pytest.approx(p)
    assert found.score == pytest.approx(p if label is None else np.log(p / (1 - p)), rel=1e-3)
    assert found.complete


def test_the_two_classes_are_each_others_opposites(case):
    yes, no = (case.classifier.why(case.frame, 11, label=label) for label in ("yes", "no"))
    by_column = {one.column: one.amount for one in yes.contributions}
    for one in no.contributions:
        assert one.amount == pytest.approx(-by_column[one.column], abs=1e-9)


def test_equal_cells_and_a_row_against_itself_add_nothing(case):
    found = case.regressor.why(case.frame, 4, baseline=4)
    assert [one.amount for one in found.contributions] == [0.0] * 5
    assert found.difference == found.left == 0.0
    assert found.complete
    found = case.classifier.why(case.frame, 4)
    for one in found.contributions:
        assert (one.amount == 0.0) == (one.cell == one.baseline)


def test_a_baseline_can_be_given(case):
    base = {"age": 30.0, "town": "Rom", "member": False, "since": "2016-01-01", "noise": 0.0}
    found = case.classifier.why(case.frame, 1, baseline=base)
    assert found.baseline == "the baseline given"
    assert {one.column: one.baseline for one in found.contributions}["town"] == "Rom"
    for wrong, words in (
        ({"age": 30.0}, "baseline must have all columns in use; it lacks 'town', 'member'"),
        (case.frame[:2], "a table of one row; got 2"),
        (401, "baseline must be a row of X, from 1 to 400; got 401"),
    ):
        with pytest.raises(InputError, match=words):
            case.classifier.why(case.frame, 1, baseline=wrong)
    with pytest.raises(InputError, match="row must be a row of X, from 1 to 400; got 0"):
        case.classifier.why(case.frame, 0)


def test_the_typical_row(case):
    found = typical_row(case.frame)
    assert found["age"][0] == case.frame["age"].quantile(0.5, "lower")
    assert found["town"][0] == "Bern"
    assert found["member"][0] is False
    empty = pl.DataFrame({"a": pl.Series([None, None], dtype=pl.Float64)})
    assert typical_row(empty).row(0) == (None,)


@pytest.mark.slow
def test_other_links_losses_and_several_quantiles(case):
    counts = np.maximum(0.0, np.round(case.prices / 50.0))
    for loss in ("poisson", "mae", losses.get("quantile", q=(0.1, 0.5, 0.9))):
        model = TabularRegressor(
            n_folds=2, encoding="scale", random_state=0, options={"loss": loss, "max_iter": 8}
        ).fit(case.frame, counts)
        found = model.why(case.frame, 5)
        answer = model.combined([(m, m.inputs(case.frame[4])) for m in model.members_])[0]
        assert found.complete
        assert found.score == pytest.approx(answer, rel=1e-4, abs=1e-4)


def test_a_class_that_one_network_has_not_seen(case):
    y = np.where(np.arange(len(case.labels)) < 2, "rare", case.labels)
    options = {"max_iter": 5}
    model = TabularClassifier(n_folds=3, encoding="scale", random_state=0, options=options)
    model.fit(case.frame, y, groups=np.arange(len(y)) // 4)
    found = model.why(case.frame, 3, label="yes")
    assert found.complete


def test_a_path_that_is_too_coarse_says_so(case, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_STEPS", 2)
    monkeypatch.setattr(module, "MOST_STEPS", 2)
    found = case.classifier.why(case.frame, 1, baseline={
        "age": 79.0, "town": "Rom", "member": True, "since": "2022-01-01", "noise": 3.0,
    })  # fmt: skip
    assert not found.complete
    assert "not exact: all columns together are" in str(found)
    shown, rest = found.shown()
    assert sum(one.amount for one in shown) + rest == pytest.approx(found.difference)


@pytest.mark.slow
def test_the_text_and_the_picture(case, drawn):
    found = case.classifier.why(case.frame, 7)
    lines = str(found).splitlines()
    assert lines[0].startswith("row 7: probability of yes 0.")
    assert "; the typical row: 0." in lines[0]
    assert lines[1].split() == ["column", "this", "row", "baseline", "adds", "to", "the", "log",
                                "odds"]  # fmt: skip
    assert lines[-2].startswith("together")
    assert lines[-1].startswith("checked: all columns add up to the difference within")
    assert "steps through 3 networks" in lines[-1]
    display = drawn(WhyDisplay.from_estimator(case.classifier, case.frame, 7))
    widths = [bar.get_width() for bar in display.bars_]
    shown, rest = found.shown()
    assert all(one.amount != 0.0 for one in shown)
    np.testing.assert_allclose(widths, [*(one.amount for one in shown), rest], atol=1e-12)
    drawn(case.regressor.why(case.frame, 7).plot())
