"""A file that needs a record nobody has registered says which, and how to register it."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import (
    Dense,
    MLPRegressor,
    Network,
    TrainingState,
    activations,
    initializers,
    load,
    load_state,
    losses,
    optimizers,
    save_model,
    save_state,
    schedules,
)
from chainrule.formulas.activations import Tanh
from chainrule.formulas.initializers import HeNormal
from chainrule.formulas.losses import MeanAbsoluteError
from chainrule.formulas.optimizers import Adam
from chainrule.formulas.schedules import Step
from chainrule.foundation.errors import FileFormatError

X = np.random.default_rng(0).normal(size=(30, 2))


@dataclass(frozen=True)
class MyTanh(Tanh):
    name = "mine"


@dataclass(frozen=True)
class MyError(MeanAbsoluteError):
    name = "mine"
    aliases = ()


@dataclass(frozen=True)
class MyRule(Adam):
    name = "mine"


@dataclass(frozen=True)
class MySchedule(Step):
    name = "mine"


@dataclass(frozen=True)
class MyStart(HeNormal):
    name = "mine"


CASES = [
    ("activation", activations, MyTanh()),
    ("loss", losses, MyError()),
    ("solver", optimizers, MyRule()),
    ("learning_rate", schedules, MySchedule()),
    ("initializer", initializers, MyStart()),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("by_name", [False, True], ids=["record", "name"])
@pytest.mark.parametrize(("option", "catalogue", "record"), CASES, ids=[c[0] for c in CASES])
def test_an_unregistered_formula_of_a_model_is_named(option, catalogue, record, by_name, tmp_path):
    path = tmp_path / "mine.chainrule"
    catalogue.add(record)
    try:
        choice = {option: "mine" if by_name else record}
        model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0, **choice).fit(
            X, X[:, 0]
        )
        save_model(path, model)
        expected = load(path).predict(X)
    finally:
        catalogue.remove("mine")
    with pytest.raises(
        FileFormatError, match=f"the {catalogue.kind} 'mine' must be regis"
    ) as caught:
        load(path)
    assert f"chainrule.{catalogue.plural}.add(...)" in str(caught.value)
    catalogue.add(record)
    try:
        np.testing.assert_array_equal(load(path).predict(X), expected)
    finally:
        catalogue.remove("mine")


@pytest.mark.parametrize("catalogue", [activations, optimizers], ids=lambda c: c.kind)
def test_an_unregistered_formula_of_a_training_state_is_named(catalogue, tmp_path):
    record = MyTanh() if catalogue is activations else MyRule()
    layer = Dense(2, 1, record if catalogue is activations else "linear")
    rule = optimizers.adam if catalogue is activations else record
    save_state(tmp_path / "a.state", TrainingState.start(Network(layer), rule))
    with pytest.raises(FileFormatError, match=f"the {catalogue.kind} 'mine' must be registered"):
        load_state(tmp_path / "a.state")
