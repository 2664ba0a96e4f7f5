"""Our networks in scikit-learn, PyTorch and Keras: the same predictions, or a reason."""

import os
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

os.environ.setdefault("KERAS_BACKEND", "torch")

from chainrule import (
    InputError,
    MLPClassifier,
    MLPRegressor,
    activations,
    from_network,
    initializers,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Keras with NumPy 2
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),  # of one unit
]
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
CLASSES = {
    "binary": np.array(["no", "yes"]),
    "classes": np.arange(4),
    "labels": None,
}
PARAMETERS = {"leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 0.7}}


def records():
    """Return every activation, and another one of each that has a parameter."""
    return [activations[name] for name in activations] + [
        activations.get(name, **own) for name, own in PARAMETERS.items()
    ]


def made(target, activation, widths=(5, 4), dtype="float64", seed=0, n_in=3, loss=None):
    """Return a fitted estimator of random weights, and rows for it."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(24, n_in)).astype(dtype)
    kind, options = MLPRegressor, {}
    if target == "labels":
        kind, y = MLPClassifier, random.integers(2, size=(24, 3))
    elif target in CLASSES:
        kind, y = MLPClassifier, CLASSES[target][np.arange(24) % len(CLASSES[target])]
    else:
        y, options = np.exp(random.normal(size=(24, 2))), {"loss": loss or target}
    if kind is MLPClassifier and loss is not None:
        options["loss"] = loss
    model = kind(
        hidden_layer_sizes=widths,
        activation=activation,
        dtype=dtype,
        max_iter=1,
        tol=9.0,
        n_iter_no_change=1,
        random_state=seed,
        initializer=initializers.get("glorot_normal", biases=True),
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y), X


def expected(model, X):
    """Return predictions in the shape of the network's outputs."""
    if isinstance(model, MLPClassifier):
        p = model.predict_proba(X)
        return p[:, 1:] if model.n_outputs_ == 1 else p
    return model.predict(X)


def of_torch(module, X):
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


def of_keras(model, X):
    keras = pytest.importorskip("keras")
    return keras.ops.convert_to_numpy(model(X))


def magnitudes(model, X):
    """Return what the sums of each output would be if none of their terms were negative.

    The error of a sum grows with its terms, not with what they leave: Higham, Accuracy and
    Stability of Numerical Algorithms (2002), section 3.1. No activation grows by more than its
    input does, past 1.
    """
    size = np.abs(X)
    for weights, biases in zip(model.coefs_, model.intercepts_, strict=True):
        size = np.maximum(size @ np.abs(weights) + np.abs(biases), 1.0)
    return size


def check(model, theirs, X, tolerance=None):
    tolerance = tolerance or TOLERANCE[str(X.dtype)]
    ours, sizes = expected(model, X), magnitudes(model, X)
    # softmax lets each output depend on the scores of all
    sizes = sizes.max(axis=1) if ours.ndim == 1 else sizes.max(axis=1, keepdims=True)
    assert theirs.shape == ours.shape
    assert np.all(np.abs(theirs - ours) <= tolerance * sizes)


def check_keras(model, X):
    # it computes the products of float64 in float32 on its PyTorch backend
    check(model, of_keras(model.to_keras(), X), X, 1e-6)


@pytest.mark.grid(7)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("record", records(), ids=str)
def test_every_activation(record, dtype):
    model, X = made("classes", record, dtype=dtype)
    if record.name == "exponential":
        with pytest.raises(InputError, match="activation of layer 1 must be one that PyTorch has"):
            model.to_torch()
    else:
        check(model, of_torch(model.to_torch(), X), X)
    if record.name in ("linear", "sigmoid", "tanh", "relu"):
        np.testing.assert_array_equal(model.to_sklearn().predict(X), model.predict(X))
        check(model, model.to_sklearn().predict_proba(X), X)
    else:
        with pytest.raises(InputError, match="must be one that scikit-learn has"):
            model.to_sklearn()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("record", records(), ids=str)
def test_every_activation_in_keras(record, dtype):
    check_keras(*made("classes", record, dtype=dtype))


NUMBERS = ["mse", "mae", "huber", "smooth_l1", "quantile", "poisson"]


@pytest.mark.grid(4)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("target", [*CLASSES, *NUMBERS])
def test_every_loss(target, dtype):
    model, X = made(target, "tanh", dtype=dtype)
    if target == "poisson":
        with pytest.raises(InputError, match=r"the link of loss must be one .* Pass scores=True"):
            model.to_torch()
        scores = of_torch(model.to_torch(scores=True), X)
        check(model, np.exp(scores), X)
    else:
        check(model, of_torch(model.to_torch(), X), X)
    if target in ("mae", "huber", "smooth_l1", "quantile"):
        with pytest.raises(InputError, match="loss must be one that scikit-learn has"):
            model.to_sklearn()
    else:
        theirs = model.to_sklearn()
        answer = theirs.predict_proba if target in CLASSES else theirs.predict
        p = answer(X)
        check(model, p[:, 1:] if target == "binary" else p, X)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("target", [*CLASSES, *NUMBERS])
def test_every_loss_in_keras(target, dtype):
    check_keras(*made(target, "tanh", dtype=dtype))


@pytest.mark.slow
@settings(max_examples=40)
@given(
    st.sampled_from([*CLASSES, "mse"]),
    st.lists(st.integers(1, 9), max_size=3),
    # layers of exponentials after one another multiply every rounding
    st.sampled_from([name for name in activations if name != "exponential"]),
    st.sampled_from(list(TOLERANCE)),
    st.integers(0, 2**32),
    st.integers(1, 12),
)
def test_random_networks(target, widths, activation, dtype, seed, n_in):
    model, X = made(target, activation, widths, dtype, seed, n_in)
    check_keras(model, X)
    check(model, of_torch(model.to_torch(), X), X)
    if activation in ("linear", "sigmoid", "tanh", "relu") or not widths:
        theirs = model.to_sklearn()
        p = theirs.predict_proba(X) if target in CLASSES else theirs.predict(X)
        check(model, p[:, 1:] if target == "binary" else p, X)


@pytest.mark.slow
def test_scores_alone():
    torch = pytest.importorskip("torch")
    model, X = made("classes", "relu")
    scores = of_torch(model.to_torch(scores=True), X)
    np.testing.assert_allclose(of_keras(model.to_keras(scores=True), X), scores, atol=1e-6)
    p = torch.softmax(torch.from_numpy(scores), dim=1).numpy()
    check(model, p, X)


def test_what_they_cannot_express():
    model, X = made("classes", ["relu", "tanh"])
    with pytest.raises(InputError, match="activation must be the same in all hidden layers"):
        model.to_sklearn()
    model, X = made("binary", "relu", loss="categorical_cross_entropy")
    with pytest.raises(InputError, match="loss must be binary_cross_entropy for two classes"):
        model.to_sklearn()
    model.n_estimators = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, np.arange(len(X)) % 2)
    for call in (model.to_sklearn, model.to_torch, model.to_keras):
        with pytest.raises(InputError, match=r"this is an ensemble. Call estimators_\[0\]"):
            call()
    with pytest.raises(ValueError, match="not fitted"):
        MLPClassifier().to_torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = MLPClassifier((2,), max_iter=1).fit(X, np.zeros(len(X)))
    with pytest.raises(InputError, match="y must be of two classes or more"):
        one.to_torch()


@pytest.mark.parametrize("missing", ["torch", "keras"])
def test_a_missing_library_is_one_sentence(missing, monkeypatch):
    model, _ = made("classes", "relu")
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    words = f"the package {missing} must be installed, for to_{missing}; got"
    with pytest.raises(InputError, match=words):
        getattr(model, f"to_{missing}")()


@pytest.mark.parametrize("target", [*CLASSES, "mse", "poisson"])
def test_scikit_learn_trains_on(target):
    model, X = made(target, "relu")
    y = model.predict(X)
    if target in CLASSES:
        labels = CLASSES[target]
        y = np.tile(np.eye(3, dtype=int), (8, 1)) if labels is None else np.resize(labels, 24)
    theirs = model.to_sklearn()
    before = [weight.copy() for weight in theirs.coefs_]
    theirs.partial_fit(X, y)
    assert not np.array_equal(before[0], theirs.coefs_[0])
    np.testing.assert_array_equal(before[0], model.coefs_[0])  # the arrays are copies
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.set_params(warm_start=True, max_iter=2).fit(X, y)
    assert theirs.score(X, y) <= 1.0


@pytest.mark.grid(4)
@pytest.mark.parametrize("target", [*CLASSES, "mse", "poisson"])
@pytest.mark.parametrize(
    "name", ["sklearn", "torch", pytest.param("keras", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_ours_theirs_ours(target, name, dtype):
    if (target, name) == ("poisson", "torch"):
        pytest.skip("PyTorch has no exponential")
    model, X = made(target, "tanh", dtype=dtype)
    theirs = getattr(model, f"to_{name}")()
    back = from_network(theirs, X, classes=CLASSES.get(target))
    for one, other in zip(
        model.coefs_ + model.intercepts_, back.coefs_ + back.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert back.coefs_[0].dtype == dtype
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert type(back) is type(model)
    assert back.objective_.loss == model.objective_.loss
