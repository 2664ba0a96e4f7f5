"""Permutation importance: the same numbers as scikit-learn's on a predictor of frames."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss

from chainrule.foundation.errors import InputError
from chainrule.tables.questions.importance import ImportanceDisplay, importance


class OutOfFold(BaseEstimator):
    """Answers a pandas frame of the rows of training, each by the network that held it out."""

    def __init__(self, model=None):
        self.model = model

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def answers(self, X):
        out = None
        for member in self.model.members_:
            part = self.model.frame_of(X.iloc[member.held])
            found = self.model.combined([(member, member.inputs(part))])
            out = np.empty((len(X), *found.shape[1:])) if out is None else out
            out[member.held] = found
        return out


class Classes(ClassifierMixin, OutOfFold):
    @property
    def classes_(self):
        return self.model.classes_

    def predict_proba(self, X):
        return self.answers(X)

    def predict(self, X):
        return self.classes_[self.answers(X).argmax(axis=1)]


class Numbers(RegressorMixin, OutOfFold):
    def predict(self, X):
        return self.answers(X)


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    ("name", "kind", "scoring", "given"),
    [
        ("classifier", Classes, "neg_log_loss", None),
        ("classifier", Classes, "roc_auc", "roc_auc"),
        ("several", Classes, "accuracy", "accuracy"),
        ("regressor", Numbers, "neg_root_mean_squared_error", None),
        ("regressor", Numbers, "r2", "r2"),
    ],
)
def test_the_numbers_are_those_of_scikit_learn(case, name, kind, scoring, given):
    model, y = case.of(name)
    X = case.frame.to_pandas()
    expected = permutation_importance(
        kind(model), X, y, scoring=scoring, n_repeats=3, random_state=5
    )
    found = importance(model, case.frame, y, scoring=given, n_repeats=3, seed=5)
    assert found.out_of_fold
    assert set(found.columns) == set(case.frame.columns)
    places = [case.frame.columns.index(one) for one in found.columns]
    np.testing.assert_allclose(found.runs, expected.importances[places], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.mean, expected.importances_mean[places], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.std, expected.importances_std[places], rtol=1e-6, atol=1e-9)
    assert (np.diff(found.mean) <= 0.0).all()


def test_columns_with_a_signal_come_before_noise(case):
    for name in ("classifier", "regressor"):
        found = case.of(name)[0].importance(case.frame, case.of(name)[1])
        assert set(found.columns[:2]) == {"age", "town"}


def test_other_rows_are_answered_by_all_networks(case):
    some = case.frame[:150]
    found = case.classifier.importance(some, case.labels[:150])
    assert not found.out_of_fold
    assert found.score == pytest.approx(
        log_loss(case.labels[:150], case.classifier.predict_proba(some))
    )
    assert "150 rows given" in str(found)


def test_rows_of_weight_0_are_absent_and_weights_count(case):
    weight = np.where(np.arange(len(case.labels)) < 100, 0.0, np.arange(len(case.labels)) % 3 + 1.0)
    found = case.classifier.importance(case.frame, case.labels, weight)
    p = case.classifier.oof_prediction_
    assert found.score == pytest.approx(log_loss(case.labels, p, sample_weight=weight))
    assert "300 rows" in found.where


def test_at_most_so_many_rows_are_looked_at(case):
    found = case.regressor.importance(case.frame, case.prices, rows=60)
    assert "60 rows" in found.where
    other = case.regressor.importance(case.frame, case.prices, rows=60)
    np.testing.assert_array_equal(found.runs, other.runs)


@pytest.mark.slow
def test_the_text_and_the_picture(case, drawn):
    found = case.classifier.importance(case.frame, case.labels)
    lines = str(found).splitlines()
    assert lines[0].startswith("log loss 0.")
    assert "each answered by networks that have not seen it" in lines[0]
    assert lines[1].split() == ["column", "worse", "by", "spread", "from", "to"]
    assert len(lines) == 2 + len(case.frame.columns)
    display = drawn(found.plot())
    widths = [bar.get_width() for bar in display.bars_]
    np.testing.assert_allclose(widths, found.mean)
    assert len(display.dots_.get_offsets()) == found.runs.size
    other = drawn(ImportanceDisplay.from_estimator(case.classifier, case.frame, case.labels))
    np.testing.assert_allclose([bar.get_width() for bar in other.bars_], widths)


@pytest.mark.parametrize(("how", "words"), [
    ({"n_repeats": 0}, "n_repeats must be a positive integer; got 0"),
    ({"rows": 1.5}, "rows must be a positive integer; got 1.5"),
])  # fmt: skip
def test_invalid_arguments_are_refused(case, how, words):
    with pytest.raises(InputError, match=words):
        case.classifier.importance(case.frame, case.labels, **how)
    with pytest.raises(InputError, match=r"y must be one target per row of X \(400\); got 399"):
        case.classifier.importance(case.frame, case.labels[1:])
