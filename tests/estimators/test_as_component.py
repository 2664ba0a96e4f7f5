"""The estimators as parts of scikit-learn's tools, with two jobs where the tool takes them."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import estimator_html_repr

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.DataWarning",
)

X = np.random.default_rng(20).normal(size=(80, 3))
BINARY = (X[:, 0] > 0).astype(int)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
T = 2 * X[:, 0] - X[:, 1] + 1
TWO = np.c_[T, -T]


def classifier(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0,
           "learning_rate_init": 0.02} | options
    )  # fmt: skip


def regressor(**options):
    return MLPRegressor(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0,
           "learning_rate_init": 0.02} | options
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_searches_with_two_jobs_find_what_one_job_finds(engine):
    grid = {"alpha": [0.0, 1.0], "hidden_layer_sizes": [(4,), (8,)]}
    for search in (
        GridSearchCV(classifier(engine=engine), grid, cv=2),
        HalvingGridSearchCV(classifier(engine=engine), grid, cv=2, random_state=0),
        RandomizedSearchCV(classifier(engine=engine), grid, n_iter=2, cv=2, random_state=0),
    ):
        two = clone(search).set_params(n_jobs=2).fit(X, BINARY)
        one = search.fit(X, BINARY)
        scores = [np.asarray(s.cv_results_["mean_test_score"]) for s in (one, two)]
        np.testing.assert_array_equal(*scores)
        np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_permutation_importance_with_two_jobs():
    model = regressor().fit(X, T)
    found = permutation_importance(model, X, T, n_repeats=3, random_state=0, n_jobs=2)
    assert np.argmax(found.importances_mean) == 0
    assert found.importances_mean[0] > 10 * abs(found.importances_mean[2])


def test_cross_validation_with_two_jobs():
    scores = cross_validate(
        classifier(), X, THREE, cv=2, n_jobs=2, scoring=["accuracy", "neg_log_loss"],
        params={"sample_weight": np.ones(80)}, return_estimator=True,
    )  # fmt: skip
    assert np.all(scores["test_accuracy"] > 0.6)
    assert scores["estimator"][0].predict(X).shape == (80,)
    p = cross_val_predict(classifier(), X, THREE, cv=2, method="predict_proba", n_jobs=2)
    assert p.shape == (80, 3)
    sizes, *_ = learning_curve(regressor(), X, T, cv=2, train_sizes=[0.5, 1.0], n_jobs=2)
    assert sizes.tolist() == [20, 40]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration(method):
    for labels in (BINARY, THREE):
        model = CalibratedClassifierCV(classifier(), cv=2, method=method, n_jobs=2).fit(X, labels)
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_ensembles():
    base = [("net", classifier()), ("line", LogisticRegression())]
    stack = StackingClassifier(base, cv=2, n_jobs=2).fit(X, THREE)
    assert stack.score(X, THREE) > 0.8
    assert VotingClassifier(base, voting="soft", n_jobs=2).fit(X, THREE).score(X, THREE) > 0.8
    stacked = StackingRegressor([("net", regressor()), ("line", Ridge())], cv=2, n_jobs=2)
    assert stacked.fit(X, T).score(X, T) > 0.9
    bag = BaggingClassifier(classifier(), n_estimators=3, random_state=0, n_jobs=2)
    assert bag.fit(X, BINARY, sample_weight=np.ones(80)).score(X, BINARY) > 0.8
    bag = BaggingRegressor(regressor(), n_estimators=3, max_features=0.7, random_state=0, n_jobs=2)
    assert bag.fit(X, T).predict(X).shape == (80,)
    boost = AdaBoostClassifier(classifier(max_iter=5), n_estimators=3, random_state=0)
    assert boost.fit(X, BINARY).score(X, BINARY) > 0.6


def test_wrappers():
    assert OneVsRestClassifier(classifier(), n_jobs=2).fit(X, THREE).predict(X).shape == (80,)
    labels = np.c_[BINARY, THREE > 0].astype(int)
    assert ClassifierChain(classifier(), cv=2).fit(X, labels).predict(X).shape == (80, 2)
    assert MultiOutputRegressor(regressor(), n_jobs=2).fit(X, TWO).predict(X).shape == (80, 2)
    logged = TransformedTargetRegressor(regressor(), func=np.log, inverse_func=np.exp)
    assert np.all(logged.fit(X, np.exp(T)).predict(X) > 0.0)
    chosen = SequentialFeatureSelector(regressor(), n_features_to_select=1, cv=2).fit(X, T)
    assert chosen.get_support().tolist() == [True, False, False]
    assert partial_dependence(regressor().fit(X, T), X, [0])["average"].shape == (1, 80)


def test_pipeline_of_a_table():
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(d=np.where(BINARY, "x", "y"))
    columns = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["d"]),
        remainder=StandardScaler(),
        sparse_threshold=0.0,
    ).set_output(transform="pandas")
    model = make_pipeline(columns, classifier()).fit(table, THREE)
    assert model.score(table, THREE) > 0.8
    assert model[-1].feature_names_in_[0] == "onehotencoder__d_x"
    sparse = make_column_transformer((OneHotEncoder(), ["d"]), sparse_threshold=1.0)
    assert make_pipeline(sparse, classifier()).fit(table, THREE).predict(table).shape == (80,)


def test_predictions_are_arrays_whatever_the_output_of_transformers():
    """set_output is a promise of transformers; a predictor has none, in scikit-learn as here."""
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    with config_context(transform_output="pandas"):
        for model in (classifier().fit(table, THREE), regressor().fit(table, T)):
            assert type(model.predict(table)) is np.ndarray


@pytest.mark.parametrize("make", [classifier, regressor])
def test_clone_and_parameters(make):
    model = make(alpha=0.5, activation=["tanh"], engine="reference")
    fitted = make(alpha=0.5, activation=["tanh"], engine="reference").fit(X, BINARY)
    for copy in (clone(model), clone(fitted)):
        assert copy.get_params() == model.get_params()
        assert not hasattr(copy, "parameters_")
    assert model.set_params(alpha=0.1).get_params()["alpha"] == 0.1
    with pytest.raises(ValueError, match="Invalid parameter 'alfa'"):
        model.set_params(alfa=1.0)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_representations_show_what_was_changed(make):
    model = make(alpha=0.5)
    assert "alpha=0.5" in repr(model)
    assert "beta_1" not in repr(model)
    for page in (estimator_html_repr(model), estimator_html_repr(model.fit(X, BINARY))):
        assert type(model).__name__ in page
        assert "alpha" in page
    assert "fitted" in estimator_html_repr(model).lower()
