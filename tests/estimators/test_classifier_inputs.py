"""Inputs and options of every kind: they give the same, or are refused in words."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from sklearn.exceptions import DataConversionWarning

from chainrule import MLPClassifier
from chainrule.foundation.errors import DivergenceError, DivergenceWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

generator = np.random.default_rng(20)
X = generator.normal(size=(60, 3))
BINARY = (X[:, 0] > 0).astype(int)
THREE = np.arange(60) % 3
LABELS = np.c_[BINARY, (X[:, 1] > 0)].astype(int)


def small(**options):
    return MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0} | options
    )


@pytest.mark.grid(3)
@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        lambda X: pd.DataFrame(X, columns=list("abc")),
        lambda X: pl.DataFrame(X, schema=list("abc")),
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_matrix,
        scipy.sparse.coo_array,
        np.asfortranarray,
        lambda X: X.astype(">f8"),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        lambda X: X.tolist(),
    ],
    ids=["pandas", "names", "polars", "csr", "csc", "coo", "fortran", "big", "stride", "list"],
)
def test_inputs_of_every_kind_give_the_same(make):
    plain = small().fit(X, THREE)
    other = small().fit(make(X), THREE)
    np.testing.assert_allclose(other.predict_proba(make(X)), plain.predict_proba(X), rtol=1e-10)


def test_columns_in_another_order_are_refused():
    model = small().fit(pd.DataFrame(X, columns=list("abc")), BINARY)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(pd.DataFrame(X, columns=list("bac")))
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_follows_the_input_or_the_option(dtype):
    assert small().fit(X.astype(dtype), BINARY).coefs_[0].dtype == dtype
    assert small(dtype=dtype).fit(X, BINARY).predict_proba(X).dtype == dtype
    assert small(dtype=dtype, solver="lbfgs").fit(X, BINARY).coefs_[0].dtype == dtype


def test_a_cell_that_is_not_finite_is_named():
    bad = X.copy()
    bad[5, 1] = np.nan
    with pytest.raises(ValueError, match=r"X must be finite.*nan in row 5, column 1, counted"):
        small().fit(bad, BINARY)
    frame = pd.DataFrame(bad, columns=list("abc"))
    with pytest.raises(ValueError, match=r"row 5, column 1 \('b'\)"):
        small().fit(frame, BINARY)
    model = small().fit(X, BINARY)
    with pytest.raises(ValueError, match="row 5, column 1"):
        model.predict(bad)
    with pytest.raises(ValueError, match="row 5, column 1"):
        model.predict(scipy.sparse.csr_matrix(bad))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd"])
def test_divergence_is_said_and_leaves_the_last_good_parameters(solver, early_stopping):
    model = small(solver=solver, learning_rate_init=1e6, early_stopping=early_stopping)
    with pytest.warns(DivergenceWarning, match=r"epoch \d+, step \d+.*learning rate 1e\+06"):
        model.fit(X, BINARY)
    assert model.stopped_because_ == "divergence"
    assert np.all(np.isfinite(model.predict_proba(X)))
    with pytest.raises(DivergenceError):
        list(small(solver=solver, learning_rate_init=1e6).fit_epochs(X, BINARY))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("activation", "sigmoyd", "unknown activation 'sigmoyd'. Did you mean 'sigmoid'"),
        ("activation", 3, "activation must be a name, a record, or a list of them; got 3"),
        ("activation", ["relu", "tanh"], r"activation must name one function per hidden layer"),
        ("solver", "adan", "Did you mean 'adam'"),
        ("learning_rate", "cosin", "Did you mean 'cosine'"),
        ("learning_rate", 0.01, r"learning_rate must be a schedule \(.*; got 0.01. .*_init=0.01"),
        ("learning_rate", None, r"learning_rate must be a schedule \(.*; got None"),
        ("loss", "relu", "unknown loss 'relu'"),
        ("loss", "mse", "loss must be one that gives probabilities; got 'mse'"),
        ("engine", "referense", "Did you mean 'reference'"),
        ("engine", 3, "engine must be one of auto, compiled, reference, jax, or an engine; got 3"),
        ("hidden_layer_sizes", (0,), "hidden_layer_sizes must be a positive integer"),
        ("hidden_layer_sizes", 2.5, "hidden_layer_sizes must be a positive integer"),
        ("alpha", -1, "alpha must be a number of at least 0; got -1"),
        ("batch_size", 0, "batch_size must be 'auto', 'noise' or a positive integer"),
        ("learning_rate_init", float("nan"), "learning_rate_init must be a positive number"),
        ("max_iter", 0, "max_iter must be a positive integer"),
        ("momentum", 1.0, "momentum must be at least 0 and below 1"),
        ("random_state", "seed", "random_state must be None, an integer"),
        ("dtype", "float16", "dtype must be 'float32' or 'float64'; got 'float16'"),
        ("monitor", "los", "Did you mean 'loss'"),
    ],
)
def test_an_invalid_option_is_named(option, value, message):
    model = small(**{option: value})
    with pytest.raises(ValueError, match=message):
        model.fit(X, BINARY)
    assert not hasattr(model, "parameters_")


def test_invalid_targets_are_named():
    with pytest.raises(ValueError, match="Unknown label type"):
        small().fit(X, X[:, 0])
    for mixed, kinds in (([1, "a"], "int and str"), ([None, "a"], "NoneType and str")):
        with pytest.raises(ValueError, match=f"labels of one type that sorts; got {kinds}"):
            small().fit(X[:2], np.array(mixed, dtype=object))
    with pytest.raises(ValueError, match="NaN"):
        small().fit(X, np.where(np.arange(60) == 3, np.nan, THREE))
    with pytest.raises(ValueError, match="3 classes"):
        small(loss="bce").fit(X, THREE)
    with pytest.warns(DataConversionWarning):
        assert small().fit(X, THREE.reshape(-1, 1)).predict(X).shape == (60,)
