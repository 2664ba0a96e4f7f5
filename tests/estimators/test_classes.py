"""Which classes a classifier knows: one, some of them in a warm start, new ones."""

import numpy as np
import pytest

from chainrule import MLPClassifier

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # a few held-out rows stop a short training early
    pytest.mark.filterwarnings("ignore:the network predicts class"),
    # one set of options for all solvers
    pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning"),
]

generator = np.random.default_rng(20)
X = generator.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
THREE = np.arange(60) % 3
NOISE = generator.permutation(BINARY)
LABELS = np.c_[BINARY, (X[:, 1] > 0)].astype(int)


def small(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0} | options
    )


def test_warm_start_refuses_new_classes(contents):
    for first, second, new in (
        (BINARY, THREE, "2"),
        (THREE, np.where(BINARY, "a", "b"), "'a'"),
    ):
        model = small(warm_start=True).fit(X, first)
        before = contents(model)
        with pytest.raises(ValueError, match=rf"same classes.*\[0, 1.*got {new} too"):
            model.fit(X, second)
        assert contents(model) == before


@pytest.mark.parametrize("n_estimators", [1, 2])
def test_warm_start_takes_some_of_the_classes(n_estimators):
    model = small(warm_start=True, n_estimators=n_estimators).fit(X, THREE)
    model.fit(X, BINARY)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (len(X), 3)


def test_fit_after_partial_fit_takes_some_of_the_classes():
    model = small(warm_start=True).partial_fit(X, BINARY, classes=[0, 1, 2])
    assert model.fit(X, BINARY).predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize("n_estimators", [1, 2])
@pytest.mark.parametrize("loss", [None, "binary_cross_entropy"])
@pytest.mark.parametrize("label", ["a", 7, True])
def test_one_class_is_certain(loss, label, n_estimators):
    model = small(loss=loss, n_estimators=n_estimators).fit(X, [label] * len(X))
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))
    np.testing.assert_array_equal(model.predict_log_proba(X), np.zeros((len(X), 1)))
    assert model.predict(X).tolist() == [label] * len(X)
    assert model.score(X, [label] * len(X)) == 1.0


def test_one_class_lets_the_score_rise():
    model = small(loss="binary_cross_entropy", max_iter=50).fit(X, ["a"] * len(X))
    assert model.loss_ < model.loss_curve_[0]
    assert np.all(model._scores(X) > 0)
