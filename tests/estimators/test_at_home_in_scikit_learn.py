"""What scikit-learn's machinery asks of an estimator: routing, tags, pages, clones and names."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from chainrule import MLPClassifier, MLPRegressor

generator = np.random.default_rng(27)
X = generator.normal(size=(60, 3))
SIDE = (X[:, 0] > 0).astype(int)
T = X[:, 0] + 1.0
WEIGHT = generator.uniform(0.1, 3.0, size=60)
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "learning_rate": "cosine", "random_state": 0}


@pytest.mark.parametrize(("kind", "y"), [(MLPClassifier, SIDE), (MLPRegressor, T)])
def test_weights_are_routed(kind, y):
    with sklearn.config_context(enable_metadata_routing=True):
        asked = kind(**SMALL).set_fit_request(sample_weight=True)
        asked.set_score_request(sample_weight=True)
        found = cross_validate(
            asked, X, y, cv=2, params={"sample_weight": WEIGHT}, return_estimator=True
        )
        plain = cross_validate(
            kind(**SMALL)
            .set_fit_request(sample_weight=False)
            .set_score_request(sample_weight=False),
            X,
            y,
            cv=2,
            return_estimator=True,
        )
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        piped = make_pipeline(scaler, kind(**SMALL).set_fit_request(sample_weight=True))
        piped.fit(X, y, sample_weight=WEIGHT)
    by_hand = kind(**SMALL).fit(StandardScaler().fit_transform(X), y, WEIGHT)
    np.testing.assert_array_equal(piped[-1].parameters_.vector, by_hand.parameters_.vector)
    weighted, unweighted = found["estimator"][0], plain["estimator"][0]
    assert np.abs(weighted.parameters_.vector - unweighted.parameters_.vector).max() > 1e-6


def test_own_validation_rows_are_routed_too():
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**SMALL).set_fit_request(X_val=True, y_val=True)
        piped = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        piped.fit(X[:40], SIDE[:40], X_val=X[40:], y_val=SIDE[40:])
    assert len(piped[-1].validation_scores_) == 4


def test_tags():
    classifier, regressor = get_tags(MLPClassifier()), get_tags(MLPRegressor())
    for tags in (classifier, regressor):
        assert tags.input_tags.sparse
        assert not tags.input_tags.allow_nan
        assert not tags.input_tags.categorical
        assert tags.target_tags.required
    assert classifier.classifier_tags.multi_class
    assert classifier.classifier_tags.multi_label
    assert regressor.target_tags.multi_output
    assert is_classifier(MLPClassifier())
    assert is_regressor(MLPRegressor())


@pytest.mark.parametrize("model", [MLPClassifier(**SMALL), MLPClassifier(**SMALL, n_estimators=2)])
def test_the_page_of_a_notebook(model):
    assert "MLPClassifier" in model._repr_html_()
    assert "MLPClassifier" in clone(model).fit(X, SIDE)._repr_html_()
    assert repr(MLPClassifier(alpha=1.0)) == "MLPClassifier(alpha=1.0)"


def test_names_of_a_frame_are_kept_and_asked_for():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    for count in (1, 2):
        model = MLPRegressor(**SMALL, n_estimators=count).fit(frame, T)
        assert model.feature_names_in_.tolist() == ["a", "b", "c"]
        assert model.n_features_in_ == 3
        assert model.predict(frame).shape == (60,)
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[["c", "b", "a"]])
        with pytest.warns(UserWarning, match="valid feature names"):
            model.predict(X)
    assert not hasattr(model.fit(X, T), "feature_names_in_")


def test_searches_and_calibration():
    search = GridSearchCV(
        MLPClassifier(**SMALL), {"class_weight": [None, "balanced"], "n_estimators": [1, 2]}, cv=2
    )
    assert search.fit(X, SIDE).best_score_ > 0.4
    calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL, n_estimators=2), cv=2).fit(X, SIDE)
    assert calibrated.predict_proba(X).shape == (60, 2)
