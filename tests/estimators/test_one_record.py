"""An option is one field: constructor, checks, documentation and ensembles read it."""

from dataclasses import KW_ONLY, dataclass

import numpy as np
import pytest
from sklearn.base import clone

from chainrule import InputError, MLPClassifier, MLPRegressor
from chainrule.estimators.conditions import HELD_OUT
from chainrule.estimators.option import documented, option, options_of, parameters_of
from chainrule.estimators.rules import SHARE, PassRule
from chainrule.foundation.errors import NoEffectWarning

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "engine": "reference", "random_state": 0,
         "learning_rate": "cosine"}  # fmt: skip


@documented
@dataclass(eq=False, repr=False)
class Toy(MLPClassifier):
    """A classifier with one option more.

    Parameters
    ----------
    {options}
    """

    _: KW_ONLY
    toy: float = option(
        0.5,
        "float",
        "Share of toys.",
        SHARE,
        acts=HELD_OUT,
        pass_rule=PassRule(lambda value: value < 0.9, "below 0.9", "Call fit."),
        fixed=lambda own: own.toy,
    )


@dataclass(eq=False, repr=False)
class Loud(MLPRegressor):
    _: KW_ONLY
    toy: int = option(0, "int", "A number that the networks of an ensemble do not take.",
                      in_members=False)  # fmt: skip


def test_the_constructor_takes_it():
    assert Toy().toy == 0.5
    assert Toy(toy=0.25).get_params()["toy"] == clone(Toy(toy=0.25)).toy == 0.25
    assert repr(Toy(toy=0.25)) == "Toy(toy=0.25)"


def test_its_rule_is_checked():
    with pytest.raises(InputError, match=r"^toy must be at least 0 and below 1; got 1\.5\.$"):
        Toy(**SMALL, toy=1.5).fit(X, Y)


def test_a_value_without_effect_is_named():
    with pytest.warns(NoEffectWarning, match=r"toy=0\.25 has no effect: it acts only on rows held"):
        Toy(**SMALL, toy=0.25).fit(X, Y)


def test_a_value_that_passes_cannot_follow_is_refused():
    model = Toy(**SMALL | {"learning_rate": "constant"}, toy=0.95)
    with (
        pytest.warns(NoEffectWarning),
        pytest.raises(
            InputError, match=r"toy must be below 0\.9 for partial_fit; got 0\.95\. Call"
        ),
    ):
        model.partial_fit(X, Y, classes=[0, 1])


def test_a_fixed_one_stays():
    model = Toy(**SMALL, warm_start=True).fit(X, Y)
    with (
        pytest.warns(NoEffectWarning),
        pytest.raises(InputError, match=r"toy must stay 0\.5 once training has begun; got 0\.7"),
    ):
        model.set_params(toy=0.7).fit(X, Y)


def test_the_documentation_names_it():
    assert "    toy : float, default=0.5\n        Share of toys.\n" in Toy.__doc__


def test_networks_of_an_ensemble_take_it():
    model = Toy(**SMALL, toy=0.25, n_estimators=2, early_stopping=True).fit(X, Y)
    assert [member.toy for member in model.estimators_] == [0.25, 0.25]
    model = Loud(**SMALL, toy=7, n_estimators=2).fit(X, X[:, 0])
    assert [member.toy for member in model.estimators_] == [0, 0]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_of_a_constructor_has_a_record(kind):
    records = options_of(kind)
    assert set(parameters_of(kind)) == set(records)
    assert all(record.kind and record.text.endswith(".") for record in records.values())
