"""`from_network`: an estimator with the numbers of a foreign network, which trains on."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.pipeline import make_pipeline

import chainrule
from chainrule import (
    Dense,
    InputError,
    MLPClassifier,
    MLPRegressor,
    Network,
    from_network,
    load,
    losses,
    save_model,
    train,
)

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(48, 4))
TARGETS = {
    "binary": (X[:, 0] > 0).astype(int),
    "texts": np.array(["a", "b", "c"])[np.arange(48) % 3],
    "labels": (X[:, :2] > 0).astype(int),
    "number": X[:, 0] + X[:, 1] ** 2,
    "numbers": X[:, :2] ** 2,
}


def theirs(target, **options):
    """Return a fitted network of scikit-learn."""
    kind = "MLPRegressor" if target.startswith("number") else "MLPClassifier"
    usual = {"hidden_layer_sizes": (6, 5), "activation": "tanh", "max_iter": 8, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(sklearn.neural_network, kind)(**usual | options).fit(X, TARGETS[target])


@pytest.mark.parametrize("target", TARGETS)
def test_scikit_learn(target, tmp_path):
    model = theirs(target, alpha=0.01, learning_rate_init=0.02)
    ours = from_network(model)
    if isinstance(ours, MLPRegressor):
        np.testing.assert_allclose(ours.predict(X), model.predict(X), rtol=1e-12)
    else:
        np.testing.assert_array_equal(ours.predict(X), model.predict(X))
        np.testing.assert_allclose(ours.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    assert (ours.alpha, ours.learning_rate_init) == (0.01, 0.02)
    back = ours.to_sklearn()
    arrays = back.coefs_ + back.intercepts_, model.coefs_ + model.intercepts_
    for one, other in zip(*arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    save_model(tmp_path / "it.chainrule", ours)
    np.testing.assert_array_equal(load(tmp_path / "it.chainrule").predict(X), ours.predict(X))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_on_is_training_from_the_same_numbers(target, solver):
    options = {"solver": solver, "shuffle": False, "batch_size": 16, "alpha": 0.0}
    model = theirs(target, **options)
    ours = from_network(model, learning_rate_init=0.01)
    start = ours.network_.parameters(ours.parameters_.vector.copy())
    codes = np.searchsorted(["a", "b", "c"], TARGETS["texts"]) if target == "texts" else None
    optimizer = {"sgd": chainrule.optimizers.get("sgd", momentum=0.9, nesterov=True)}
    epochs = train(
        ours.network_,
        X,
        TARGETS[target] if codes is None else codes,
        loss=ours.objective_.loss,
        optimizer=optimizer.get(solver, solver),
        learning_rate=0.01,
        batch_size=16,
        shuffle=False,
        epochs=3,
        parameters=start,
    )
    *_, last = epochs
    for _ in range(3):
        ours.partial_fit(X, TARGETS[target])
    np.testing.assert_allclose(ours.parameters_.vector, last.parameters.vector, rtol=1e-12)
    assert ours.n_iter_ == 3


@pytest.mark.parametrize("target", ["binary", "texts", "number"])
def test_training_on_as_scikit_learn_does(target):
    """Compare steps without memory, which ours do not take over."""
    options = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "batch_size": 16, "alpha": 0.0}
    model = theirs(target, **options)
    # scikit-learn trains on half of the squared error
    rate = 0.5 if target == "number" else 1.0
    ours = from_network(model, learning_rate_init=rate * model.learning_rate_init)
    for _ in range(4):
        ours.partial_fit(X, TARGETS[target])
        model.partial_fit(X, TARGETS[target])
    for one, other in zip(ours.coefs_, model.coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_fit_goes_on_with_a_warm_start():
    ours = from_network(theirs("number"), warm_start=True, max_iter=300, tol=0.0, solver="lbfgs")
    before = ours.score(X, TARGETS["number"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ours.fit(X, TARGETS["number"]).score(X, TARGETS["number"]) > before
        assert ours.set_params(warm_start=False, max_iter=1).fit(X, TARGETS["number"]).n_iter_ == 1


@pytest.mark.slow
def test_torch_trains_on_the_same():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.SiLU(), torch.nn.Linear(5, 3)
    ).double()
    y = np.arange(48) % 3
    options = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "batch_size": 48, "shuffle": False}
    ours = from_network(module, classes=["x", "y", "z"], learning_rate_init=0.1, **options)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(5):
        ours.partial_fit(X, np.array(["x", "y", "z"])[y])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(torch.tensor(X)), torch.tensor(y))
        loss.backward()
        optimizer.step()
    back = ours.to_torch(scores=True)
    for one, other in zip(back.parameters(), module.parameters(), strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-11)


def test_ends_and_their_kinds():
    def made(end, n_out=1, **more):
        weight, bias = RANDOM.normal(size=(4, n_out)), np.zeros(n_out)
        return from_network([(weight, bias, end)], **more)

    assert made("sigmoid").classes_.tolist() == [0, 1]
    several = made("sigmoid", 3)
    assert several.predict(X).shape == (48, 3)
    assert several.objective_.loss == losses.get("binary_cross_entropy", summed=True)
    assert made("softmax", 3).objective_.loss.name == "categorical_cross_entropy"
    assert made("linear", 3).objective_.loss.name == "mse"
    assert made("exponential").objective_.loss.name == "poisson"
    assert made("linear", classes=[False, True]).objective_.loss.name == "binary_cross_entropy"
    assert (
        made("linear", 3, classes=["a", "b", "c"]).objective_.loss.name
        == "categorical_cross_entropy"
    )
    quantiles = losses.get("quantile", q=(0.1, 0.9))
    assert made("linear", 2, loss=quantiles).predict_quantiles(X).shape == (48, 2)
    network = Network(Dense(4, 3, "relu"), Dense(3, 1))
    pair = from_network((network, network.start(0)))
    np.testing.assert_allclose(pair.predict(X), network(network.start(0), X)[:, 0], rtol=1e-12)


LINEAR = [([[1.0]], [0.0], "linear")]
SIGMOID, SOFTMAX = ([([[1.0]], [0.0], end)] for end in ("sigmoid", "softmax"))


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ([([[1.0]], [0.0], "tanh")], {}, "the last activation of model must be linear, or the"),
        ([([[1.0]], None, "linear")], {}, "of layers with a bias; got 'none in layer 1'"),
        ([([[1.0]], [0.0], "odd")], {}, "odd"),
        (SOFTMAX, {}, "model must be of several outputs for softmax; got 1"),
        (SIGMOID, {"classes": ["b", "a"]}, "classes must be 2 different labels, sorted"),
        (LINEAR, {"loss": "mse", "classes": [0, 1]}, "classes must be left out"),
        (LINEAR, {"activation": "relu"}, "options must be left without activation"),
        (LINEAR, {"solve": "sgd"}, "options must be those of MLPRegressor; got 'solve'"),
        (LINEAR, {"alpha": -1.0}, "alpha must be"),
        (make_pipeline(sklearn.neural_network.MLPRegressor()), {}, "must be the network itself"),
        (MLPClassifier(), {}, "model must be a network of another library"),
        (sklearn.neural_network.MLPClassifier(), {}, "model must be fitted"),
        (3, {}, "model must be a dense network"),
    ],
)
def test_what_is_refused(model, more, words):
    with pytest.raises((InputError, AttributeError), match=words):  # the catalogue's own
        from_network(model, **more)


def test_layers_that_share_are_refused():
    torch = pytest.importorskip("torch")
    one = torch.nn.Linear(4, 4)
    module = torch.nn.Sequential(one, torch.nn.Tanh(), one, torch.nn.Tanh(), torch.nn.Linear(4, 1))
    with pytest.raises(InputError, match="parameters of their own; got 'layers 1 and 2 share'"):
        from_network(module)


def test_a_network_that_computes_something_else():
    torch = pytest.importorskip("torch")

    class Odd(torch.nn.Sequential):
        def forward(self, x):
            return super().forward(x) * 2.0

    with pytest.raises(InputError, match="model must compute what its layers say"):
        from_network(Odd(torch.nn.Linear(4, 2)))


def test_normalization_is_folded_in():
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Linear(4, 5, bias=False),
        torch.nn.BatchNorm1d(5),
        torch.nn.ReLU(),
        torch.nn.Linear(5, 1),
    ).double()
    module(torch.tensor(X))
    module.eval()
    ours = from_network(module, X)
    np.testing.assert_allclose(
        ours.predict(X), module(torch.tensor(X)).detach().numpy()[:, 0], rtol=1e-12
    )
