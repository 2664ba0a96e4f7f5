"""Whatever the data and the options: a finite model with answers of the right shape, or an error
that says what is wrong."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import DivergenceWarning, InputError

FINITE = st.one_of(
    st.floats(-3.0, 3.0),
    st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e6, -1e6, 1e30, 1e150, 1.7e308, 5e-324]),
)
ANY = st.one_of(FINITE, st.sampled_from([np.nan, np.inf, -np.inf]))
LABELS = st.sampled_from(
    [
        [0, 1], [0, 1, 2], [7], [-3, 10**12], ["a", "b"], ["b", "a", "ü"], [True, False],
        [0.0, 1.0], [np.uint8(3), np.uint8(255)], [2.5, 1.0], ["a", 1], [None, "a"], [np.nan, 1.0],
    ]
)  # fmt: skip


def rarely(right, wrong):
    """Draw what is right nine times in ten."""
    return st.integers(0, 9).flatmap(lambda die: wrong if die == 0 else right)


@st.composite
def inputs(draw, rows):
    """Draw inputs of a number of rows: an array of some dtype and layout, a list, or sparse."""
    columns = draw(st.integers(1, 4))
    cells = draw(rarely(st.just(FINITE), st.just(ANY)))
    size = rows * columns
    values = np.array(draw(st.lists(cells, min_size=size, max_size=size))).reshape(rows, columns)
    dtype = draw(st.sampled_from(["f8", "f8", "f4", ">f8", "i8", "u1", "?", "f2", "O"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # casts of what does not fit
        values = values.astype(dtype)
    layout = draw(st.sampled_from(["C", "C", "F", "list", "csr", "flat", "cube"]))
    if layout == "F":
        return np.asfortranarray(values)
    if layout == "list":
        return values.tolist()
    if layout == "csr" and dtype not in ("O", "f2", ">f8"):
        return scipy.sparse.csr_array(values)
    return {"flat": values.ravel(), "cube": values[None]}.get(layout, values)


OPTIONS = {
    "hidden_layer_sizes": rarely(
        st.sampled_from([(), 1, (2,), (3, 2), [4], (1, 1, 1)]), st.sampled_from([(0,), -1, "9"])
    ),
    "activation": rarely(
        st.sampled_from(["relu", "tanh", "logistic", "identity", "gelu", "elu", "softplus"]),
        st.sampled_from(["softmax", "rely", ["relu", "tanh"], None]),
    ),
    "solver": rarely(
        st.sampled_from(["adam", "sgd", "adamw", "rmsprop", "lbfgs"]), st.just("newton")
    ),
    "alpha": rarely(st.sampled_from([0.0, 1e-4, 1.0, 1e6]), st.sampled_from([-1.0, np.nan, "a"])),
    "batch_size": rarely(st.sampled_from(["auto", 1, 2, 3, 1000]), st.sampled_from([0, 1.5, None])),
    "learning_rate": rarely(
        st.sampled_from(["constant", "invscaling", "adaptive", "cosine", "step"]), st.just("fast")
    ),
    "learning_rate_init": rarely(
        st.sampled_from([1e-3, 0.1, 10.0, 1e6, 1e-300]), st.sampled_from([0.0, np.inf, -1.0])
    ),
    "max_iter": rarely(st.integers(1, 4), st.sampled_from([0, 2.0])),
    "shuffle": st.booleans(),
    "random_state": rarely(st.integers(0, 2**40), st.sampled_from([-1, 0.5, "x"])),
    "tol": st.sampled_from([0.0, 1e-4, 10.0]),
    "momentum": rarely(st.sampled_from([0.0, 0.9]), st.just(1.0)),
    "early_stopping": st.booleans(),
    "validation_fraction": rarely(st.sampled_from([0.1, 0.3, 0.5]), st.sampled_from([0.0, 1.0])),
    "n_iter_no_change": st.sampled_from([1, 2, np.inf]),
    "dtype": rarely(st.sampled_from([None, "float32", "float64"]), st.just("float16")),
    "monitor": st.sampled_from(["score", "loss"]),
    "engine": rarely(st.just("reference"), st.sampled_from([None, "gpu"])),
}
LOSSES = ["squared_error", "mae", "huber", "quantile", "poisson"]


def some_options(**more):
    """Draw a few options; the others are as they come."""
    return st.fixed_dictionaries({}, optional=OPTIONS | more)


@st.composite
def weights(draw, rows):
    kind = draw(st.sampled_from(["none", "none", "some", "zeros", "wrong"]))
    if kind == "none":
        return None
    if kind == "wrong":
        return draw(
            st.sampled_from([np.full(rows, -1.0), np.ones(rows + 1), np.full(rows, np.nan)])
        )
    choices = [0.0, 0.0, 1.0] if kind == "zeros" else [1e-6, 0.5, 1.0, 1e6]
    return draw(st.lists(st.sampled_from(choices), min_size=rows, max_size=rows))


def fitted(model, X, y, weight):
    """Return the model after fit, or None where it refuses in words; anything else is a fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for expected in (UserWarning, DivergenceWarning):  # words to people, as of convergence
            warnings.simplefilter("ignore", expected)
        try:
            model.fit(X, y, weight)
        except (ValueError, TypeError) as error:
            refusal = error
        else:
            refusal = None
    if refusal is not None:
        event("refused")
        assert len(str(refusal).split()) >= 3, repr(refusal)
        assert vars(model) == vars(type(model)(**model.get_params())), repr(refusal)
        return None
    event("fitted")
    assert np.all(np.isfinite(model.parameters_.vector))
    assert len(model.loss_curve_) == model.n_iter_
    return model


def answers(method, X):
    """Return what a method says of finite inputs, without a warning; None for too large ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = method(X)
        except InputError as error:
            if "the answer for that row overflows to NaN" not in str(error):
                raise
            event("overflow")
            return None
    assert found.dtype.kind != "f" or not np.any(np.isnan(found))
    return found


@st.composite
def classifier_case(draw):
    rows = draw(st.integers(1, 12))
    labels = draw(LABELS)
    y = draw(st.lists(st.sampled_from(labels), min_size=rows, max_size=rows))
    y = draw(st.sampled_from([y, np.array(y), np.array(y, dtype=object)]))
    if draw(st.integers(0, 6)) == 0:
        columns = draw(st.integers(1, 3))
        cells = st.lists(st.integers(0, 1), min_size=rows * columns, max_size=rows * columns)
        y = np.array(draw(cells)).reshape(rows, columns)
    return draw(inputs(rows)), y, draw(weights(rows)), draw(some_options())


@st.composite
def regressor_case(draw):
    rows = draw(st.integers(1, 12))
    columns = draw(st.sampled_from([None, None, 1, 2, 3]))
    cells = draw(rarely(st.just(FINITE), st.just(ANY)))
    size = rows * (columns or 1)
    y = np.array(draw(st.lists(cells, min_size=size, max_size=size)))
    y = y if columns is None else y.reshape(rows, columns)
    y = draw(st.sampled_from([y, y.tolist(), y.astype(object), np.abs(y)]))
    options = some_options(loss=st.sampled_from(LOSSES), scale_target=st.booleans())
    return draw(inputs(rows)), y, draw(weights(rows)), draw(options)


@pytest.mark.slow
@settings(max_examples=200)
@given(classifier_case())
def test_a_classifier_is_finite_or_says_what_is_wrong(case):
    X, y, weight, options = case
    model = fitted(MLPClassifier(**{"max_iter": 2, "engine": "reference"} | options), X, y, weight)
    if model is None:
        return
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    predicted, p = answers(model.predict, X), answers(model.predict_proba, X)
    log_p = answers(model.predict_log_proba, X)
    if p is None:
        assert predicted is None
        assert log_p is None
    elif np.ndim(y) == 2 and np.shape(y)[1] > 1:
        assert predicted.shape == p.shape == log_p.shape == np.shape(y)
        assert set(np.unique(predicted)) <= {0, 1}
    else:
        assert predicted.shape == (n,)
        assert p.shape == log_p.shape == (n, len(model.classes_))
        assert set(predicted.tolist()) <= set(model.classes_.tolist())
        assert set(model.classes_.tolist()) == set(np.ravel(np.asarray(y)).tolist())


@pytest.mark.slow
@settings(max_examples=200)
@given(regressor_case())
def test_a_regressor_is_finite_or_says_what_is_wrong(case):
    X, y, weight, options = case
    model = fitted(MLPRegressor(**{"max_iter": 2, "engine": "reference"} | options), X, y, weight)
    if model is None:
        return
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    columns = 1 if np.ndim(y) == 1 else np.shape(y)[1]
    predicted = answers(model.predict, X)
    assert predicted is None or predicted.shape == ((n,) if columns == 1 else (n, columns))


@pytest.mark.slow
@settings(max_examples=60)
@given(data=st.data(), precision=st.sampled_from(["float32", "float64"]))
def test_the_engines_agree_on_what_can_be_fitted(data, precision):
    rows = data.draw(st.integers(1, 12))
    X = np.array(data.draw(st.lists(st.floats(-2, 2), min_size=2 * rows, max_size=2 * rows)))
    y = np.array(data.draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows)))
    batch = data.draw(st.sampled_from(["auto", 1, 5]))
    weight = data.draw(st.sampled_from([None, np.arange(rows) + 1.0]))
    for estimator in (MLPClassifier, MLPRegressor):
        options = {"hidden_layer_sizes": (3,), "batch_size": batch, "max_iter": 2, "tol": 0.0}
        found = [
            fitted(
                estimator(**options, random_state=0, dtype=precision, engine=engine),
                X.reshape(rows, 2), y, weight,
            )
            for engine in ("reference", "compiled")
        ]  # fmt: skip
        tolerance = 1e-9 if precision == "float64" else 1e-3
        np.testing.assert_allclose(
            found[0].parameters_.vector, found[1].parameters_.vector, rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score"])
def test_nothing_is_predicted_before_a_fit(method):
    for model in (MLPClassifier(), MLPRegressor()):
        if hasattr(model, method):
            arguments = ([[1.0]], [1.0]) if method == "score" else ([[1.0]],)
            with pytest.raises(NotFittedError, match="not fitted"):
                getattr(model, method)(*arguments)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_a_refused_fit_leaves_the_fitted_model_as_it_was(estimator, contents):
    X = np.random.default_rng(20).normal(size=(20, 3))
    y = np.arange(20) % 2
    wrong = X.copy()
    wrong[3, 1] = np.nan
    model = estimator(max_iter=2, warm_start=False).fit(X, y)
    before, predicted = contents(model), model.predict(X).tobytes()
    for arguments, more in (
        ((wrong, y), {}), ((X[:, :2], y[:19]), {}), ((wrong[:, :2], np.arange(20) % 3), {}),
        ((X, y, -np.ones(20)), {}), ((X[:, 1:], y), {"X_val": wrong[:, 1:], "y_val": y}),
        ((X, np.full(20, 1e305)), {"X_val": X, "y_val": np.full(20, np.nan)}),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            model.fit(*arguments, **more)
        assert contents(model) == before
        assert model.predict(X).tobytes() == predicted
    with pytest.raises(ValueError, match="row 3, column 1"):
        model.partial_fit(wrong, y)
    assert contents(model) == before
