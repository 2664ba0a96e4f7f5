"""Types and layout of inputs: the cases C41 to C51."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.float16, np.int64, np.uint8, bool])
def test_c41_inputs_are_cast_to_the_precision_asked_for(X, y2, t, dtype, given):
    X = (X > 0).astype(given)
    classifier = MLPClassifier(max_iter=2, dtype=dtype).fit(X, y2)
    assert {coef.dtype for coef in classifier.coefs_} == {np.dtype(dtype)}
    assert classifier.predict_proba(X).dtype == dtype
    assert MLPRegressor(max_iter=2, dtype=dtype).fit(X, t).predict(X).dtype == dtype


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c42_single_precision_stays(X, y2, t, solver, engine):
    X = X.astype(np.float32)
    options = {"max_iter": 3, "solver": solver, "engine": engine}
    classifier, regressor = MLPClassifier(**options), MLPRegressor(**options)
    assert classifier.fit(X, y2).parameters_.vector.dtype == np.float32
    assert classifier.predict_proba(X).dtype == classifier.predict_log_proba(X).dtype == np.float32
    assert regressor.fit(X, t).predict(X).dtype == np.float32


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c44_inputs_that_cannot_be_written_to(X, y2, t, engine):
    weight = np.ones(60)
    for array in (X, y2, t, weight):
        array.flags.writeable = False
    before = [array.tobytes() for array in (X, y2, t, weight)]
    options = {"max_iter": 3, "engine": engine}
    MLPClassifier(**options, early_stopping=True).fit(X, y2, weight).predict(X)
    MLPRegressor(**options).fit(X, t, weight).partial_fit(X, t, weight).predict(X)
    assert [array.tobytes() for array in (X, y2, t, weight)] == before
    sparse = scipy.sparse.csr_array(X)
    for part in (sparse.data, sparse.indices, sparse.indptr):
        part.flags.writeable = False
    MLPClassifier(**options).fit(sparse, y2).predict(sparse)


LAYOUTS = {
    "big-endian": lambda X, folder: X.astype(">f8"),
    "fortran": lambda X, folder: np.asfortranarray(X),
    "every second column": lambda X, folder: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda X, folder: X[::-1].copy()[::-1],
    "memory map": lambda X, folder: np.load(folder / "x.npy", mmap_mode="r"),
    "offset": lambda X, folder: np.frombuffer(b"\0" * 3 + X.tobytes(), offset=3).reshape(60, 3),
}


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_c45_the_layout_of_inputs_changes_no_bit(X, y2, tmp_path, layout, engine):
    np.save(tmp_path / "x.npy", X)
    given = LAYOUTS[layout](X, tmp_path)
    options = {"max_iter": 3, "random_state": 0, "engine": engine, "n_threads": 1, "batch_size": 16}
    plain, other = MLPClassifier(**options).fit(X, y2), MLPClassifier(**options).fit(given, y2)
    assert other.parameters_.vector.tobytes() == plain.parameters_.vector.tobytes()
    assert other.predict_proba(given).tobytes() == plain.predict_proba(X).tobytes()
    other = MLPClassifier(**options).fit(X, y2.astype(">i4"))
    assert other.parameters_.vector.tobytes() == plain.parameters_.vector.tobytes()


@pytest.mark.parametrize("make", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_c46_sparse_and_dense_are_interchangeable(X, y2, t, make):
    X[X < 0.5] = 0.0
    for estimator, y in ((MLPClassifier, y2), (MLPRegressor, t)):
        options = {"max_iter": 5, "random_state": 0, "batch_size": 16}
        dense, sparse = estimator(**options).fit(X, y), estimator(**options).fit(make(X), y)
        for model in (dense, sparse):
            np.testing.assert_allclose(model.predict(make(X)), dense.predict(X), rtol=1e-10)


def test_c46_a_sparse_matrix_is_never_made_dense():
    wide = scipy.sparse.random_array((10_000, 20_000), density=1e-4, format="csr", rng=0)
    model = MLPClassifier((2,), max_iter=1, batch_size=50)
    tracemalloc.start()
    model.fit(wide, np.arange(10_000) % 2).predict(wide)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400e6  # dense it is 1,600 MB


def test_c48_the_order_of_columns_is_remembered(X, y2, t):
    for frame in (pd.DataFrame, pl.DataFrame):
        named = frame({name: X[:, column] for column, name in enumerate("abc")})
        for model in (MLPClassifier(max_iter=2).fit(named, y2), MLPRegressor().fit(named, t)):
            assert model.feature_names_in_.tolist() == ["a", "b", "c"]
            with pytest.raises(ValueError, match="feature names should match"):
                model.predict(named[["b", "a", "c"]])
            with pytest.raises(ValueError, match="feature names should match"):
                model.partial_fit(named[["b", "a", "c"]], y2)
            with pytest.warns(UserWarning, match="does not have valid feature names"):
                model.predict(X)


def test_c49_only_numbers_and_only_categories(X, y2):
    from chainrule.interop.preparation import Preparation

    numbers = pl.DataFrame(X, schema=["a", "b", "c"])
    words = pl.DataFrame({"colour": np.array(["red", "green", "blue"])[np.arange(60) % 3]})
    for table in (numbers, words):
        inputs = Preparation.fit(table).transform(table)
        assert np.all(np.isfinite(MLPClassifier(max_iter=5).fit(inputs, y2).predict_proba(inputs)))


def test_c51_no_rows(X, y2, t):
    for model in (MLPClassifier(max_iter=2).fit(X, y2), MLPRegressor(max_iter=2).fit(X, t)):
        for nothing in (X[:0], scipy.sparse.csr_array(X[:0]), np.empty((0, 3), np.float32)):
            with pytest.raises(ValueError, match=r"0 sample\(s\)"):
                model.predict(nothing)
            with pytest.raises(ValueError, match=r"0 sample\(s\)"):
                model.fit(nothing, y2[:0])
