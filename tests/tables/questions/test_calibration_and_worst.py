"""Calibration curves, the rows predicted worst, and the report of all questions."""

import json

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from chainrule.foundation.errors import InputError
from chainrule.tables.questions.calibration_curve import CalibrationDisplay
from chainrule.tables.questions.worst import WorstDisplay


@pytest.mark.slow
def test_the_bins_are_those_of_scikit_learn(case):
    model, y = case.of("classifier")
    found = model.calibration(case.frame, y, bins=8)
    p = model.oof_prediction_[:, 1]
    seen, stated = calibration_curve(y == "yes", p, n_bins=8, strategy="quantile")
    np.testing.assert_allclose(found.bins.stated, stated)
    np.testing.assert_allclose(found.bins.seen, seen)
    assert found.error == pytest.approx(np.average(np.abs(seen - stated), weights=found.bins.rows))
    no = model.calibration(case.frame, y, label="no", bins=8)
    np.testing.assert_allclose(no.bins.stated[::-1], 1.0 - stated)


def test_of_several_classes_the_one_predicted(case):
    model, y = case.of("several")
    found = model.calibration(case.frame, y)
    oof = model.oof_prediction_
    right = model.classes_[oof.argmax(axis=1)] == y
    assert found.what == "probability of the class predicted"
    assert np.average(found.bins.seen, weights=found.bins.rows) == pytest.approx(right.mean())
    assert np.average(found.bins.stated, weights=found.bins.rows) == pytest.approx(
        oof.max(axis=1).mean()
    )
    with pytest.raises(InputError, match="bins must be an integer of at least 2; got 1"):
        model.calibration(case.frame, y, bins=1)


def test_weights_count_in_the_bins(case):
    model, y = case.of("classifier")
    weight = np.where(y == "yes", 3.0, 1.0)
    heavy, light = (model.calibration(case.frame, y, w) for w in (weight, None))
    assert (heavy.bins.seen >= light.bins.seen).all()
    assert heavy.bins.weights.sum() == pytest.approx(weight.sum())


def test_the_worst_rows_of_classes(case):
    model, y = case.of("several")
    found = model.worst(case.frame, y, n=4)
    codes = np.searchsorted(model.classes_, y)
    p = model.oof_prediction_[np.arange(len(y)), codes]
    order = np.argsort(p, kind="stable")[:4]
    np.testing.assert_array_equal(found.rows, order + 1)
    np.testing.assert_allclose(found.errors, -np.log(p[order]))
    np.testing.assert_allclose(found.chances, p[order])
    assert found.targets == y[order].tolist()
    assert found.frame.equals(case.frame[order])
    total = log_loss(y, model.oof_prediction_) * len(y)
    assert found.share == pytest.approx(found.errors.sum() / total)


def test_the_worst_rows_of_numbers_where_some_are_absent(case):
    model, y = case.of("regressor")
    weight = np.where(np.arange(len(y)) < 50, 0.0, 1.0)
    found = model.worst(case.frame, y, weight, n=6)
    off = np.abs(model.oof_prediction_ - y)
    order = np.argsort(-np.where(weight, off, -1.0), kind="stable")[:6]
    np.testing.assert_array_equal(found.rows, order + 1)
    np.testing.assert_allclose(found.errors, off[order])
    np.testing.assert_allclose(found.answers, model.oof_prediction_[order])
    assert found.share == pytest.approx((off[order] ** 2).sum() / (off[50:] ** 2).sum())
    with pytest.raises(InputError, match="n must be a positive integer; got 0"):
        model.worst(case.frame, y, n=0)


@pytest.mark.slow
def test_texts_and_pictures(case, drawn):
    for name in ("classifier", "several"):
        model, y = case.of(name)
        lines = str(model.calibration(case.frame, y)).splitlines()
        assert lines[0].startswith("the probability of ")
        assert len(lines) == 2 + 10
        display = drawn(CalibrationDisplay.from_estimator(model, case.frame, y))
        np.testing.assert_allclose(display.points_[0].get_ydata(), display.calibration.bins.seen)
    for name in ("several", "regressor"):
        model, y = case.of(name)
        lines = str(model.worst(case.frame, y)).splitlines()
        assert lines[0].startswith("the 10 rows predicted worst, with ")
        assert lines[1].split()[:3] == ["row", "is", "predicted"]
        display = drawn(WorstDisplay.from_estimator(model, case.frame, y))
        assert len(display.worst_.get_xdata()) == 10
        drawn_rows = (
            sum(bar.get_height() for bar in display.rows_)
            if name == "several"
            else len(display.rows_.get_xdata())
        )
        assert drawn_rows == len(y)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "keys"), [
    ("classifier", ["calibration", "threshold"]), ("several", ["calibration"]), ("regressor", []),
])  # fmt: skip
def test_the_report_answers_all_questions(case, name, keys, tmp_path):
    model, y = case.of(name)
    report = model.report(case.frame, y)
    found = [part.key for part in report.sections]
    row = model.worst(case.frame, y, n=1).rows[0]
    expected = ["model", "column_importance", "effects", *keys, "worst_rows", f"why_row_{row}"]
    assert found == expected
    record = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    importance = model.importance(case.frame, y)
    assert [one["name"] for one in record["column_importance"]["columns"]] == list(
        importance.columns
    )
    text = report.to_text()
    assert "Which columns count" in text
    assert f"Why row {row} is answered so" in text
    report.save(tmp_path / "table.html")
    page = (tmp_path / "table.html").read_text("utf-8")
    assert page.count("<svg") >= 5
    assert "Rows predicted worst" in page
    chosen = model.report(case.frame, y, row=3)
    assert chosen.sections[-1].key == "why_row_3"
