"""Predictions in the library of the inputs, under scikit-learn's array_api_dispatch."""

import importlib
import warnings

import numpy as np
import pytest
from sklearn import config_context

from chainrule import MLPClassifier, MLPRegressor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3)).astype(np.float32)
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "learning_rate": "cosine", "random_state": 0}
METHODS = {
    "predict": MLPClassifier,
    "predict_proba": MLPClassifier,
    "predict_log_proba": MLPClassifier,
    "predict_std": MLPRegressor,
}
LIBRARIES = {"torch": "torch", "jax.numpy": "jax", "array_api_strict": "array_api_strict"}


@pytest.fixture(params=LIBRARIES)
def asarray(request, monkeypatch):
    pytest.importorskip(LIBRARIES[request.param])
    # scikit-learn asks for it
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    return importlib.import_module(request.param).asarray


def fitted(kind, X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**SMALL | options).fit(X, y)


@pytest.mark.grid(2)
@pytest.mark.parametrize("method", METHODS)
def test_answers_are_of_the_library_of_the_inputs(asarray, method):
    y = (X[:, 0] > 0.0).astype(np.int64)
    kind = METHODS[method]
    options = {"n_estimators": 2} if method == "predict_std" else {}
    expected = getattr(fitted(kind, X, y, **options), method)(X)
    given, targets = asarray(X), asarray(y)
    model = fitted(kind, given, targets, **options)
    plain = getattr(model, method)(given)
    assert isinstance(plain, np.ndarray)  # as in scikit-learn, where nothing else is asked for
    with config_context(array_api_dispatch=True):
        model = fitted(kind, given, targets, **options)
        found = getattr(model, method)(given)
        assert type(found) is type(given)
        assert isinstance(getattr(model, method)(X), np.ndarray)
        assert model.score(given, targets) == model.score(X, y)
    np.testing.assert_array_equal(np.asarray(found), expected)


def test_names_of_classes_stay_texts(asarray):
    names = np.array(["no", "yes"])[(X[:, 0] > 0.0).astype(int)]
    model = fitted(MLPClassifier, X, names)
    with config_context(array_api_dispatch=True):
        assert model.predict(asarray(X)).dtype.kind == "U"
        assert type(model.predict_proba(asarray(X))) is type(asarray(X))
