"""Finite inputs so large that sums of them overflow: told by name, never NaN without a word."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

generator = np.random.default_rng(0)
X = generator.normal(size=(40, 3))
LARGE = {"float64": 1.7e308, "float32": 3e38}
ESTIMATORS = {
    "numbers": (MLPRegressor, X[:, 0]),
    "two": (MLPClassifier, (X[:, 0] > 0).astype(int)),
    "three": (MLPClassifier, np.digitize(X[:, 0], [-0.5, 0.5])),
}
# Two units of opposite sign for the same large sum: inf - inf
TUG = [np.full((3, 2), 1.0), np.array([[1.0], [-1.0]])]


def fitted(kind, dtype="float64", engine="auto", **options):
    estimator, y = ESTIMATORS[kind]
    model = estimator(
        hidden_layer_sizes=(2,), dtype=dtype, engine=engine, max_iter=2, random_state=0, **options
    )
    return model.fit(X, y)


def pulled_apart(kind, dtype="float64", engine="auto"):
    model = fitted(kind, dtype, engine)
    columns = model.coefs_[1].shape[1]
    model.coefs_ = [TUG[0], np.repeat(TUG[1], columns, axis=1)]
    return model


def with_large(dtype, rows=4):
    large = X[:rows].copy()
    large[rows - 1] = [1.0, LARGE[dtype], LARGE[dtype] / 2]
    return large


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["numbers", "two", "three"])
@pytest.mark.parametrize("rows", [1, 4])
def test_an_answer_that_would_be_nan_is_refused(kind, dtype, engine, rows):
    model = pulled_apart(kind, dtype, engine)
    expected = rf"^X must hold numbers whose squares {dtype} can hold; got \d.*e\+\d+ in row "
    expected += rf"{rows - 1}, column 1, counted from 0"
    answers = [model.predict] + ([] if kind == "numbers" else [model.predict_proba])
    for answer in answers:
        with pytest.raises(ValueError, match=expected):
            answer(with_large(dtype, rows))
        with pytest.raises(ValueError, match=expected):
            answer(with_large(dtype, rows).astype(dtype))
        assert np.all(np.isfinite(answer(X)))


def test_infinite_scores_of_two_classes_are_refused():
    model = fitted("three")
    model.coefs_ = [TUG[0], np.array([[1.0, 1.0, -1.0], [1.0, 1.0, -1.0]])]
    with pytest.raises(ValueError, match="overflows to NaN"):
        model.predict(with_large("float64"))


def test_a_probability_of_one_stays():
    model = fitted("two")
    model.coefs_ = [TUG[0], np.array([[1.0], [1.0]])]
    assert model.predict_proba(with_large("float64"))[-1].tolist() == [0.0, 1.0]


def test_the_column_is_named_in_frames_ensembles_and_sparse_inputs():
    names = ["age", "income", "height"]
    estimator, y = ESTIMATORS["numbers"]
    frame = pd.DataFrame(X, columns=names)
    model = estimator(hidden_layer_sizes=(2,), n_estimators=2, max_iter=2, random_state=0)
    model.fit(frame, y)
    for member in model.estimators_:
        member.coefs_ = TUG
    with pytest.raises(ValueError, match=r"in row 3, column 1 \('income'\), counted from 0"):
        model.predict(pd.DataFrame(with_large("float64"), columns=names))
    with pytest.raises(ValueError, match=r"in row 3, column 1, counted from 0"):
        pulled_apart("numbers").predict(sparse.csr_array(with_large("float64")))


def test_nan_parameters_keep_their_meaning():
    model = fitted("numbers")
    model.coefs_[0][0, 0] = np.nan
    assert np.isnan(model.predict(X)).any()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("rows", [10, 40])
def test_a_fit_names_the_column(rows, solver):
    large = X[:rows].copy()
    large[5, 1] = -1.7e308
    model = MLPRegressor(solver=solver, max_iter=3, random_state=0)
    calls = [model.fit] + ([model.partial_fit] if solver == "adam" else [])
    for call in calls:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            call(large, X[:rows, 0])
        check_told(found)
        assert any(one.category is DivergenceWarning for one in found)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(DivergenceError):
            list(model.fit_epochs(large, X[:rows, 0]))
    check_told(found)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X, X[:, 0])
    assert [one for one in found if one.category is not ConvergenceWarning] == []


def check_told(found):
    told = [str(one.message) for one in found if one.category is DataWarning]
    words = "column 1 holds -1.7e+308, whose square float64 cannot hold"
    assert [words in one for one in told].count(True) == 1
    assert all(Path(one.filename) == Path(__file__) for one in found)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_an_input_that_only_this_network_cannot_carry_is_refused(engine):
    model = fitted("numbers", "float32", engine)
    model.coefs_ = [TUG[0] * 1e30, TUG[1]]
    large = X[:2].copy()
    large[1] = [0.0, 0.0, 9e18]
    with pytest.raises(
        ValueError, match=r"whose sums float32 and this network can hold; got 9e\+18"
    ):
        model.predict(large)
    assert np.isfinite(model.predict(large[:1])).all()
