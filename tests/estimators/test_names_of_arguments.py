"""A refusal names the argument that was given: X_val and y_val, or the rows held out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

generator = np.random.default_rng(2)
X = generator.normal(size=(30, 2))
Y = np.abs(X[:, 0])
LABELS = np.where(X[:, 0] > 0.0, "a", "b")


def with_cell(value):
    cells = X.astype(object)
    cells[3, 1] = value
    return cells


DATES = np.full((30, 2), "2020-01-01", dtype="datetime64[D]")
INPUTS = {
    "text": (with_cell("red"), r"must hold numbers; got 'red' in row 3, column 1, .* Encode text"),
    "list": (with_cell("red").tolist(), r"must hold numbers; got 'red' in row 3, column 1"),
    "none": (with_cell(None), r"must be finite, .* got None in row 3, column 1"),
    "nan": (with_cell(np.nan).astype(float), r"must be finite, .* got nan in row 3, column 1"),
    "long": (with_cell(10**400), r"must hold numbers within 1.8e308; got 1000000000"),
    "pandas": (pd.DataFrame(with_cell("red")), r"must hold numbers; got 'red' in row 3, column 1"),
    "polars": (
        pl.DataFrame({"a": X[:, 0], "b": ["red"] * 30}),
        r"must hold numbers; got 'red'",
    ),
    "lazy": (pl.LazyFrame({"a": [0.0]}), "must be a frame in memory"),
    "category": (pd.DataFrame(X).astype({1: "category"}), r"must hold numbers; column 1 \(1\) is"),
    "dates": (DATES, r"must hold numbers; it is of datetime64"),
    "complex": (X + 1j, r"must hold real numbers; it is of complex128"),
    "sparse": (sparse.csr_array(X + 1j), r"must hold real numbers; it is of complex128"),
    "masked": (np.ma.masked_greater(X, 1.0), "must be known everywhere; it is masked"),
    "set": ({1.0}, "must be a table of numbers"),
    "width": (X[:, :1], "must be of 2 features, as X; got 1"),
}
NUMBERS = {
    "negative": (-Y, r"must be finite and >= 0 for poisson; got -"),
    "text": (np.array(["a"] * 30, dtype=object), r"must hold numbers; got 'a' in row 0"),
    "nan": (np.full(30, np.nan), r"must be known for every row"),
    "columns": (np.c_[Y, Y], r"must have 1 target\(s\), as in the first fit; got 2"),
    "deep": (Y.reshape(1, 5, 6), r"must be of shape \(n,\) or \(n, n_outputs\)"),
}
MIXED = np.array(["a", 1] * 15, dtype=object)
CLASSES = {
    "mixed": (MIXED, r"must hold labels of one type that sorts"),
    "unseen": (np.array(["c"] * 30), r"must hold classes that are trained on, .* got 'c'"),
    "several": ((3.0 * X).astype(int), "must be one column of labels"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_x_val(case):
    wrong, message = INPUTS[case]
    with pytest.raises(ValueError, match=f"^X_val {message}"):
        MLPRegressor(max_iter=2).fit(X, Y, X_val=wrong, y_val=Y)


@pytest.mark.parametrize("case", NUMBERS)
def test_y_val_of_numbers(case):
    wrong, message = NUMBERS[case]
    with pytest.raises(ValueError, match=f"^y_val {message}"):
        MLPRegressor("poisson", max_iter=2).fit(X, Y, X_val=X, y_val=wrong)


@pytest.mark.parametrize("case", CLASSES)
def test_y_val_of_classes(case):
    wrong, message = CLASSES[case]
    with pytest.raises(ValueError, match=f"^y_val {message}"):
        MLPClassifier(max_iter=2).fit(X, LABELS, X_val=X, y_val=wrong)


def test_weights_of_the_validation_rows():
    with pytest.raises(ValueError, match=r"^sample_weight_val must be .* not negative; got -1"):
        MLPRegressor(max_iter=2).fit(X, Y, X_val=X, y_val=Y, sample_weight_val=-np.ones(30))


def test_rows_held_out_of_an_explanation():
    model = MLPRegressor("poisson", max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match=r"^X held out must hold numbers; got 'red'"):
        model.explain(X, Y, held_out=(with_cell("red"), Y))
    with pytest.raises(ValueError, match=r"^y held out must be finite and >= 0 for poisson"):
        model.explain(X, Y, held_out=(X, -Y))
    with pytest.raises(ValueError, match=r"^sample_weight held out must be"):
        model.explain(X, Y, held_out=(X, Y, -np.ones(30)))


@pytest.mark.parametrize("given", ["X", "y"])
def test_the_rows_trained_on_keep_their_names(given):
    wrong = {"X": with_cell("red"), "y": -Y}
    with pytest.raises(ValueError, match=f"^{given} must"):
        MLPRegressor("poisson").fit(**{"X": X, "y": Y} | {given: wrong[given]})
