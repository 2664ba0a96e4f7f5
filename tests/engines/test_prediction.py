"""Predictions need a network and a link, and nothing of training."""

import pickle

import numpy as np
import pytest

from chainrule import (
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    TrainingState,
    load,
    load_state,
    losses,
    optimizers,
    save_model,
    save_state,
    steps,
    train,
)
from chainrule.engines.choice import registry
from chainrule.engines.engine import Rows
from chainrule.engines.prediction import Predictor
from chainrule.engines.reference import ReferenceEngine
from chainrule.engines.registry import EngineRecord
from chainrule.foundation.errors import InputError
from chainrule.model import network as model

NETWORK = Network(Dense(3, 8, "tanh"), Dense(8, 2))
X = np.random.default_rng(0).normal(size=(30, 3))


@pytest.fixture(params=[*registry, "toy"])
def engine(request):
    """Return a name of the registry; one engine has no way of its own to predict."""
    if request.param == "compiled":
        pytest.importorskip("llvmlite")
    if request.param == "toy":
        registry.add(Toy())
    yield request.param
    if request.param == "toy":
        registry.remove("toy")


class Toy(EngineRecord):
    name = "toy"
    sentence = "a whole engine, also to predict"

    def make(self, objective, optimizer, resources=None):
        return ReferenceEngine(objective, optimizer)


@pytest.mark.grid(7)
@pytest.mark.parametrize("loss", losses)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_and_links(engine, loss, dtype):
    vector = NETWORK.start(0, dtype).vector
    predictor = Predictor(NETWORK, loss, engine)
    scores = predictor.scores(vector, X)
    truth = NETWORK.forward(np, NETWORK.parameters(vector.astype(np.float64)), X)[0]
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-14}
    assert scores.dtype == dtype
    np.testing.assert_allclose(scores, truth, **close)
    found = predictor.predictions(scores)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(found, losses[loss].mean(np, scores), **close)
    again = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(again.scores(vector, X), scores)


def test_nothing_of_training_is_compiled():
    pytest.importorskip("llvmlite")
    from chainrule.engines.compiled import passes

    for made in (passes.loss_pass, passes.update_pass):
        made.cache_clear()
    network = Network(Dense(3, 4, "gelu"), Dense(4, 2))
    network.predict(network.start(0), X)
    Predictor(network, "poisson").scores(network.start(0).vector, X[:1])
    assert passes.loss_pass.cache_info().misses == 0
    assert passes.update_pass.cache_info().misses == 0


def test_a_description_has_formulas_only():
    bare = model.Network(*NETWORK.layers)
    assert not hasattr(bare, "predict")
    assert not callable(bare)
    assert not hasattr(model.Network, "_prepare_engine")


def test_every_network_that_people_get_predicts(tmp_path):
    y = X @ [[1.0], [2.0], [3.0]]
    network = Network.of_widths([3, 4, 1])
    found = [network, Network.from_dict(network.to_dict())]
    *_, epoch = train(network, X, y, epochs=1)
    *_, step = steps(network, X, y, batch_size=30)
    found += [epoch.network, step.network]
    save_state(tmp_path / "state", epoch.state)
    found.append(load_state(tmp_path / "state").network)
    with pytest.warns(Warning, match="max_iter"):
        regressor = MLPRegressor(hidden_layer_sizes=(4,), max_iter=1).fit(X, y[:, 0])
    with pytest.warns(Warning, match="max_iter"):
        classifier = MLPClassifier((4,), max_iter=1).fit(X, y[:, 0] > 0.0)
    save_model(tmp_path / "model", regressor)
    found += [regressor.network_, classifier.network_, load(tmp_path / "model").network_]
    for one in found:
        parameters = one.start(0)
        np.testing.assert_array_equal(one(parameters, X), one.predict(parameters, X))
    assert epoch.network is network
    assert TrainingState.start(network, optimizers.sgd).network == found[1]
    np.testing.assert_array_equal(epoch.predict(X), network(epoch.parameters, X))


def test_a_loaded_model_predicts_without_an_engine_of_training(tmp_path):
    model = MLPClassifier((4,), max_iter=3, learning_rate="cosine").fit(X, X[:, 0] > 0.0)
    save_model(tmp_path / "model", model)
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again._run.engine is None
    copied = pickle.loads(pickle.dumps(again))
    assert "_predictor" not in vars(copied)
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))


def test_a_user_defined_engine_predicts_by_itself():
    class Counting(ReferenceEngine):
        calls = 0

        def scores(self, vector, x):
            Counting.calls += 1
            return super().scores(vector, x)

    def fitted():
        model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, learning_rate="cosine")
        return model.fit(X, X[:, 0])

    model = fitted()
    engine = Counting(model.objective_, optimizers.adam)
    copied = pickle.loads(pickle.dumps(model.set_params(engine="reference")))
    copied.engine = engine
    copied.predict(X)
    assert Counting.calls == 1
    rows = Rows(X, X[:, :1])
    assert engine.loss(model.parameters_.vector, rows) >= 0.0


def test_an_unsupported_request_to_an_engine_is_named():
    pytest.importorskip("llvmlite")
    predictor = Predictor(NETWORK, engine="compiled")
    with pytest.raises(InputError, match=r'cannot predict.*Use engine="reference"'):
        predictor.scores(NETWORK.start(0).vector.astype(np.float16), X)
    with pytest.raises(InputError, match="Did you mean 'compiled'"):
        Predictor(NETWORK, engine="compield")
