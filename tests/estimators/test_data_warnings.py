"""Warnings about inputs that are hard to learn from, and about answers that are all the same."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.preprocessing import scale

from chainrule import MLPClassifier, MLPRegressor
from chainrule.engines.engine import Rows
from chainrule.estimators.data_warnings import answer_remarks
from chainrule.foundation.errors import DataWarning, DivergenceWarning

# options that lbfgs does not take
pytestmark = pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")

generator = np.random.default_rng(23)
X = generator.normal(size=(200, 3))
SIDE = (X[:, 0] > 0).astype(int)
T = X[:, 0] + 1.0
# a planned end, so that nothing is said of more epochs
SMALL = {"hidden_layer_sizes": (8,), "learning_rate": "cosine", "random_state": 0}


def classifier(**options):
    return MLPClassifier(**SMALL | {"max_iter": 5, "learning_rate_init": 0.01} | options)


def said_by(fit):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    return [str(one.message) for one in caught if issubclass(one.category, DataWarning)]


def test_a_loop_over_epochs_warns_too():
    far = X * [1.0, 1e5, 1e-5]
    said = said_by(lambda: list(classifier().fit_epochs(far, SIDE)))
    assert said == said_by(lambda: classifier().fit(far, SIDE))
    assert len(said) >= 1
    with pytest.warns(DataWarning) as caught:
        for _ in classifier().fit_epochs(far, SIDE):
            pass
    assert caught[0].filename == __file__


def test_features_of_different_size_are_named_with_the_factor():
    with pytest.warns(DataWarning) as caught:
        classifier().fit(X * [1.0, 1e5, 1e-5], SIDE)
    words = str(caught[0].message)
    assert re.match(r"column 1 is \S+e\+10 times the size of column 2 \(", words)
    assert "StandardScaler" in words
    assert caught[0].filename == __file__
    frame = pd.DataFrame(X * [1.0, 1e5, 1e-5], columns=["age", "income", "share"])
    first, *_ = said_by(lambda: classifier().fit(frame, SIDE))
    assert re.match("income is .* times the size of share", first)
    first, *_ = said_by(lambda: classifier().fit(scipy.sparse.csr_array(frame.to_numpy()), SIDE))
    assert re.match("column 1 is .* times the size of column 2", first)


def test_features_far_from_0_are_named_with_mean_and_spread():
    year = X + np.array([0.0, 0.0, 40.0])
    first, *_ = said_by(lambda: classifier().fit(year, SIDE))
    assert first.startswith("column 2 lies far from 0, with mean 39.9 and spread 0.982, more than")
    first, *_ = said_by(lambda: classifier().fit(-year, SIDE))
    assert first.startswith("column 2 lies far from 0, with mean -39.9 and spread 0.982")


def one_hot_of_rare_groups():
    groups = np.where(generator.random(2000) < 0.98, 0, generator.integers(1, 5, size=2000))
    return np.eye(5)[groups], groups > 0


@pytest.mark.parametrize(
    "data",
    [
        lambda: (load_digits().data / 16, load_digits().target),
        lambda: (scale(load_breast_cancer().data), load_breast_cancer().target),
        lambda: (scale(load_wine().data), load_wine().target),
        lambda: load_iris(return_X_y=True),
        one_hot_of_rare_groups,
        lambda: (np.eye(4)[generator.integers(0, 4, size=400)], generator.integers(0, 2, size=400)),
        lambda: (np.c_[X, np.full(200, 7.0)], SIDE),
        lambda: (X[:10] * [1.0, 1e5, 1e-5], SIDE[:10]),
        lambda: (X, generator.permutation(np.arange(200) < 8)),
    ],
    ids=["digits", "cancer", "wine", "iris", "rare", "one-hot", "constant", "few", "rare class"],
)
def test_reasonable_data_draw_no_warning(data):
    assert said_by(lambda: classifier(max_iter=20).fit(*data())) == []


def test_the_diabetes_data_draw_no_warning():
    data = load_diabetes(return_X_y=True)
    assert said_by(lambda: MLPRegressor(**SMALL, max_iter=20).fit(*data)) == []


def test_the_real_table_of_unscaled_features():
    data = load_breast_cancer()
    frame = pd.DataFrame(data.data, columns=data.feature_names)
    first, *_ = said_by(lambda: classifier().fit(frame, data.target))
    assert "worst area is" in first


@pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")
def test_a_constant_answer_is_remarked():
    model = classifier(alpha=1e4, solver="lbfgs", max_iter=100)
    with pytest.warns(DataWarning, match="answers the same for all rows: looked at 200 of the"):
        model.fit(X, SIDE)
    regressor = MLPRegressor(**SMALL, alpha=1e4, solver="lbfgs", max_iter=100)
    with pytest.warns(DataWarning, match="answers the same for all rows"):
        regressor.fit(X, 1e6 * T)
    assert regressor.predict(X).std() < 0.01 * 1e6 * T.std()


def test_one_class_is_remarked_with_its_share():
    y = np.array(["no", "yes"])[np.random.default_rng(1).permutation(200) % 3 // 2]
    model = MLPClassifier((), random_state=0, max_iter=300, learning_rate_init=0.05, alpha=0.1)
    with pytest.warns(DataWarning, match="predicts class 'no' for 100 % of 200 .* 67 % are"):
        model.fit(0.3 * X, y)
    assert set(model.predict(0.3 * X)) == {"no"}
    model.set_params(label_smoothing=0.1)
    with pytest.warns(DataWarning, match="predicts class 'no' for 100 % of 200 .* 67 % are"):
        model.fit(0.3 * X, y)


@pytest.mark.parametrize(
    "options",
    [{"solver": "lbfgs"}, {"learning_rate": "cosine", "learning_rate_init": 0.05}],
    ids=["lbfgs", "cosine"],
)
def test_one_class_is_remarked_at_any_planned_end(options):
    y = np.array(["no", "yes"])[np.random.default_rng(1).permutation(200) % 3 // 2]
    model = MLPClassifier((), random_state=0, max_iter=300, alpha=0.1, **options)
    with pytest.warns(DataWarning, match="predicts class 'no' for 100 % of 200 .* 67 % are"):
        model.fit(0.3 * X, y)
    assert set(model.predict(0.3 * X)) == {"no"}


@pytest.mark.parametrize(("epochs", "warns"), [(9, False), (10, True)])
def test_a_plan_of_few_epochs_is_a_trial(epochs, warns):
    y = (np.arange(200) % 3 == 0).astype(int)
    options = SMALL | {"hidden_layer_sizes": (), "alpha": 1.0, "batch_size": 20}
    model = MLPClassifier(**options, learning_rate_init=0.1, max_iter=epochs)
    assert [bool(words) for words in said_by(lambda: model.fit(X, y))] == [True] * warns
    assert model.predict(X).max() == 0


@pytest.mark.parametrize(("share", "warns"), [(0.105, True), (0.1, False)])
def test_a_label_that_is_never_predicted_is_remarked_above_a_tenth(share, warns):
    """The first column follows the inputs, the second one does not."""
    rare = np.random.default_rng(2).permutation(np.arange(200) < 200 * share)
    labels = np.column_stack([SIDE, rare.astype(int)])
    model = MLPClassifier(
        (), solver="lbfgs", random_state=0, max_iter=300, alpha=0.1, loss="binary_cross_entropy"
    )
    said = said_by(lambda: model.fit(X, labels))
    assert list(model.predict(X).sum(axis=0) > 0) == [True, False]
    words = "predicts class 0 in column 1 for 100 % of 200 of the rows trained on, of which "
    assert [words in one for one in said] == [True] * warns


@pytest.mark.parametrize(
    ("unit", "spoilt"),
    [(1e200, "inf"), (1e155, "inf"), (1e153, None), (1e-153, None), (1e-155, "0"), (1e-170, "0")],
)
def test_losses_that_will_overflow_are_reported_in_advance(unit, spoilt):
    model = MLPRegressor(**SMALL, max_iter=5)
    said = said_by(lambda: model.fit(X, T * unit))
    if spoilt is None:
        assert said == []
        assert 0.0 < model.loss_ < np.inf
    else:
        assert f"the curves say {spoilt}." in said[0]
        assert f"spread of {T.std() * unit:.3g}" in said[0]
        np.testing.assert_allclose(
            model.predict(X) / unit, MLPRegressor(**SMALL, max_iter=5).fit(X, T).predict(X), 1e-9
        )


def test_a_target_or_inputs_that_never_change_are_no_finding():
    assert said_by(lambda: MLPRegressor(**SMALL, max_iter=5).fit(X, np.full(200, 3.0))) == []
    assert said_by(lambda: MLPRegressor(**SMALL, max_iter=5).fit(np.zeros((200, 3)), T)) == []
    assert said_by(lambda: classifier().fit(scipy.sparse.csr_array((200, 3)), SIDE)) == []
    assert said_by(lambda: classifier().fit(X, np.zeros(200, int))) == []


def test_absent_rows_are_not_looked_at():
    weight = (np.arange(200) < 150).astype(float)
    spoilt = np.where(weight[:, None] > 0, X, X * [1.0, 1e8, 1e-8])
    assert said_by(lambda: classifier().fit(spoilt, SIDE, weight)) == []


@pytest.mark.parametrize("factor", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
def test_the_words_are_there_at_any_size(factor, kind):
    """The squares of such numbers are infinite, or vanish."""
    X = np.random.default_rng(7).normal(size=(60, 3))
    y = X[:, 0] > 0
    X[:, 1] *= factor
    words = "column 1 is .* times the size of" if factor > 1 else "times the size of column 1"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MLPClassifier(max_iter=2, learning_rate="cosine").fit(kind(X), y)
    categories = {warning.category for warning in caught}
    assert categories <= {DataWarning, DivergenceWarning}
    assert any(re.search(words, str(warning.message)) for warning in caught)


@pytest.mark.parametrize(("rows", "told"), [(19, 0), (20, 1)])
def test_twenty_rows_are_enough_to_say_something(rows, told):
    far = X[:rows] * [1.0, 1e5, 1e-5]
    assert len(said_by(lambda: classifier().fit(far, SIDE[:rows]))) >= told
    if not told:
        assert said_by(lambda: classifier().fit(far, SIDE[:rows])) == []


@pytest.mark.parametrize(("share", "told"), [(0.0095, True), (0.0105, False)])
def test_answers_within_a_hundredth_of_the_spread_of_the_targets_are_one(share, told):
    """A network without hidden layers, whose weight is put to what its spread asks for."""
    x = np.tile([-1.0, 1.0], 30).reshape(-1, 1)
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", scale_target=False).fit(x, x[:, 0])
    model.coefs_ = [np.array([[share]])]
    model._run.state.vector = model.parameters_.vector
    assert bool(answer_remarks(model, model._run, Rows(x, x))) == told
