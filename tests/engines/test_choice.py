"""The choice of an engine by name, its reasons, and user-defined engines."""

import warnings

import numpy as np
import pytest

from chainrule import (
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    Objective,
    SlowEngineWarning,
    activations,
    load,
    optimizers,
    save_model,
    train,
)
from chainrule.app.report import Report
from chainrule.app.show import show
from chainrule.engines.choice import choose_engine, registry
from chainrule.engines.reference import ReferenceEngine
from chainrule.engines.registry import EngineRecord
from chainrule.foundation.errors import InputError

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0] - X[:, 1]
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "learning_rate": "cosine", "random_state": 0}


class Cumulative(type(activations.tanh)):
    name = "cumulative"

    def value(self, xp, z):
        return xp.tanh(xp.cumulative_sum(z, axis=-1))


class ToyEngine(ReferenceEngine):
    name = "toy"


class Toy(EngineRecord):
    name = "toy"
    sentence = "an engine of a test"

    def make(self, objective, optimizer, resources=None):
        return ToyEngine(objective, optimizer)


@pytest.fixture
def toy():
    registry.add(Toy())
    yield
    registry.remove("toy")


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.setattr("chainrule.engines.automatic._said", set())


def objective(activation="tanh"):
    return Objective(Network(Dense(2, 3, activation), Dense(3, 1)), "mse")


@pytest.mark.usefixtures("toy")
def test_a_registered_engine_trains_by_its_name():
    epochs = list(train(objective().network, X, Y, engine="toy", epochs=2))
    expected = list(train(objective().network, X, Y, engine="reference", epochs=2))
    assert [epoch.loss for epoch in epochs] == [epoch.loss for epoch in expected]
    model = MLPRegressor(engine="toy", **SMALL).fit(X, Y)
    assert model.engine_ == "toy"
    assert isinstance(model._run.engine, ToyEngine)
    assert "by the toy engine: an engine of a test" in str(model.explain(X, Y).report())


def test_an_engine_stands_for_itself():
    engine = choose_engine("reference", objective(), optimizers.sgd)
    assert isinstance(engine, ReferenceEngine)
    assert choose_engine(engine, objective(), optimizers.sgd) is engine


@pytest.mark.parametrize(("word", "meant"), [("refrence", "reference"), ("compield", "compiled")])
def test_a_misspelt_name_is_refused_with_the_nearest(word, meant):
    with pytest.raises(ValueError, match=f"got '{word}'. Did you mean '{meant}'"):
        choose_engine(word, objective(), optimizers.sgd)


def test_a_name_is_known_only_while_it_is_registered():
    with pytest.raises(InputError, match="one of auto, compiled, reference, jax, or an engine"):
        choose_engine("toy", objective(), optimizers.sgd)


def test_a_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="n_thread"):
        choose_engine("reference", objective(), optimizers.sgd, n_thread=1)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_an_engine_says_what_it_is_and_has_no_reason_against_our_formulas(engine):
    pytest.importorskip("llvmlite")
    record = registry[engine]
    assert str(record).startswith(f"{engine}: ")
    for dtype in ("float32", "float64"):
        assert record.reason_against(objective(), optimizers.adam, np.dtype(dtype)) is None


def test_a_formula_is_a_reason_with_its_name():
    pytest.importorskip("llvmlite")
    own = objective(Cumulative())
    reason = registry["compiled"].reason_against(own, optimizers.adam, np.dtype("float64"))
    assert "Cumulative" in reason
    assert "xp.cumulative_sum" in reason
    assert registry["reference"].reason_against(own, optimizers.adam, None) is None
    assert "NumPy" in registry["compiled"].reason_against(objective(), optimizers.adam, None)


def test_a_slow_engine_is_reported_once_per_reason():
    pytest.importorskip("llvmlite")
    model = MLPRegressor(activation=Cumulative(), **SMALL)
    with pytest.warns(SlowEngineWarning, match=r"Cumulative .*xp\.cumulative_sum") as caught:
        model.fit(X, Y)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y).predict(X)
        list(train(objective(Cumulative()).network, X, Y, epochs=1))
    assert "reference" in str(caught[0].message)
    assert model.engine_ == "reference"


def test_the_reference_engine_asked_for_is_no_surprise():
    model = MLPRegressor(activation=Cumulative(), engine="reference", **SMALL).fit(X, Y)
    assert model.engine_ == "reference"


def test_a_missing_package_is_no_surprise(monkeypatch):
    monkeypatch.setattr("chainrule.engines.registry.find_spec", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert MLPRegressor(**SMALL).fit(X, Y).engine_ == "reference"
    with pytest.raises(InputError, match=r'engine="compiled" needs the package llvmlite'):
        choose_engine("compiled", objective(), optimizers.sgd)


def test_arrays_of_another_library_are_no_surprise(library, asarray):
    network = objective(Cumulative() if library != "numpy" else "tanh").network
    engine = choose_engine("auto", Objective(network, "mse"), optimizers.sgd)
    vector = network.start(0).vector
    engine.scores(vector if library == "numpy" else asarray(vector), asarray(X))
    if library != "numpy":
        assert engine.name == "reference"


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("options", [{}, {"n_estimators": 2}, {"solver": "lbfgs"}])
def test_estimators_name_the_engine_that_trained(tmp_path, capsys, kind, options):
    pytest.importorskip("llvmlite")
    y = Y if kind is MLPRegressor else (Y > 0).astype(int)
    for engine, name in (("auto", "compiled"), ("reference", "reference")):
        model = kind(engine=engine, **SMALL | options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y)
        assert model.engine_ == name
        path = tmp_path / f"{name}.chainrule"
        save_model(path, model)
        assert load(path).engine_ == name
        show(str(path), Report())
        assert f"engine   {name}" in capsys.readouterr().out


def test_partial_fit_reports_a_slow_engine_too():
    pytest.importorskip("llvmlite")
    model = MLPRegressor(hidden_layer_sizes=(3,)).partial_fit(X, Y)
    assert model.engine_ == "compiled"
    assert model.set_params(engine="reference").partial_fit(X, Y).engine_ == "reference"
