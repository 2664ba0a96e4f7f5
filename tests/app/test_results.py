"""The result table agrees with scikit-learn's metrics, and so does its trivial answer."""

import numpy as np
import pytest
from sklearn import metrics

from chainrule import MLPClassifier, MLPRegressor
from chainrule.app.report import written
from chainrule.app.results import Baseline, scores_of

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(80, 3))
OPTIONS = {"max_iter": 5, "random_state": 0, "learning_rate": "cosine", "engine": "reference"}


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_of_classes(classes: int) -> None:
    y = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.3, 0.8][: classes - 1])]
    model = MLPClassifier((4,), **OPTIONS).fit(X, y)
    shares = np.array([np.mean(y == label) for label in model.classes_])
    baseline = Baseline.of_labels(np.searchsorted(model.classes_, y), model.classes_)
    assert baseline.values == shares.tolist()
    assert baseline.name == f"always {model.classes_[np.argmax(shares)]}"
    accuracy, log_loss, area = scores_of(
        model.predict_proba(X), y, baseline, classes=model.classes_
    )
    p = model.predict_proba(X)
    assert accuracy.value == pytest.approx(metrics.accuracy_score(y, model.predict(X)))
    assert accuracy.baseline == pytest.approx(max(shares))
    assert log_loss.value == pytest.approx(metrics.log_loss(y, p))
    assert log_loss.baseline == pytest.approx(metrics.log_loss(y, np.tile(shares, (80, 1))))
    expected = metrics.roc_auc_score(y, p[:, 1] if classes == 2 else p, multi_class="ovr")
    assert area.value == pytest.approx(expected)
    assert area.baseline == 0.5


def test_a_class_without_test_rows_has_no_area() -> None:
    y = np.arange(80) % 3
    model = MLPClassifier((4,), **OPTIONS).fit(X, y)
    baseline = Baseline.of_labels(y, model.classes_)
    known = y < 2
    names = [
        score.name
        for score in scores_of(
            model.predict_proba(X[known]), y[known], baseline, classes=model.classes_
        )
    ]
    assert names == ["accuracy", "log loss"]


def test_scores_of_numbers() -> None:
    y = X @ [1.0, 2.0, 3.0] + 100
    model = MLPRegressor(hidden_layer_sizes=(4,), **OPTIONS).fit(X, y)
    scores = {
        score.name: score for score in scores_of(model.predict(X), y, Baseline("mean", [99.0]))
    }
    p, mean = model.predict(X), np.full(80, 99.0)
    for name, metric in (
        ("R2", metrics.r2_score),
        ("MAE", metrics.mean_absolute_error),
        ("RMSE", metrics.root_mean_squared_error),
    ):
        assert scores[name].value == pytest.approx(metric(y, p))
        assert scores[name].baseline == pytest.approx(metric(y, mean))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.97221, "0.9722"),
        (-1234.5, "-1,234"),
        (3.2e-7, "3.2e-07"),
        (1e12, "1e+12"),
    ],
)
def test_numbers_are_written_as_people_do(value: float, text: str) -> None:
    assert written(value) == text
