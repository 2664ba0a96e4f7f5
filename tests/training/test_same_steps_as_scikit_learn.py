"""Step by step, the same training as scikit-learn's networks, from the same start and order.

What still differs between two fits is then the draw of the start and of the order alone.
"""

import warnings

import numpy as np
import pytest
from sklearn import neural_network

from chainrule import Network, Parameters, optimizers, train

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(56, 6))
Z = X @ RANDOM.normal(size=(6, 3)) + RANDOM.normal(size=(56, 3))
TARGETS = {"two classes": (Z[:, 0] > 0).astype(int), "classes": Z.argmax(1), "number": Z[:, 0]}
LOSSES = {
    "two classes": ("binary_cross_entropy", 1),
    "classes": ("categorical_cross_entropy", 3),
    "number": ("mse", 1),
}
EPOCHS = 5


def theirs(target, **options):
    """Return the parameters after the last step of a fit of scikit-learn."""
    kind = getattr(neural_network, "MLPRegressor" if target == "number" else "MLPClassifier")
    model = kind(
        hidden_layer_sizes=(7, 5),
        shuffle=False,
        n_iter_no_change=EPOCHS,
        random_state=3,
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few epochs
        model.fit(X, TARGETS[target])
    return Parameters.from_arrays(model.coefs_, model.intercepts_)


def ours(target, activation, batch_size, **options):
    loss, n_out = LOSSES[target]
    network = Network.of_widths([6, 7, 5, n_out], activation)
    *_, epoch = train(
        network,
        X,
        TARGETS[target],
        loss=loss,
        batch_size=batch_size,
        epochs=EPOCHS,
        shuffle=False,
        **options,
    )
    return epoch.parameters


@pytest.mark.grid(4)
@pytest.mark.parametrize("engine", ["reference", "auto"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize(
    ("batch_size", "alpha"),
    [
        pytest.param(20, 0.0, id="short last batch"),
        pytest.param(14, 0.5, id="penalty"),
    ],
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_the_same_parameters(solver, batch_size, alpha, target, activation, engine):
    # tiny, as Adam's epsilon is added after the correction of v here, and before it there
    rule = {"adam": {"epsilon": 1e-12}, "sgd": {"momentum": 0.9}}[solver]
    shared = {"activation": activation, "solver": solver, "batch_size": batch_size, **rule}
    start = theirs(target, max_iter=1, learning_rate_init=1e-300, **shared)
    expected = theirs(target, max_iter=EPOCHS, learning_rate_init=0.01, alpha=alpha, **shared)
    # scikit-learn halves squared errors
    doubled = 2.0 if target == "number" else 1.0
    rate = 0.01 / doubled if solver == "sgd" else 0.01
    if solver == "sgd":
        rule["nesterov"] = True
    found = ours(
        target,
        activation,
        batch_size,
        optimizer=optimizers.get(solver, **rule),
        learning_rate=rate,
        l2=doubled * alpha / batch_size,
        parameters=start,
        engine=engine,
    )
    moved = np.abs(expected.vector - start.vector).max()
    assert moved > 0.01
    assert np.abs(found.vector - expected.vector).max() < 1e-6 * moved
