"""The option `rate_factors` of the estimators."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, load, rate_factors, save_model
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(7).normal(size=(60, 4))
T = X[:, 0] - X[:, 1] ** 2
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
FROZEN = rate_factors.get("constant", weight=0.0, bias=0.0)


def test_a_name_is_for_all_layers():
    model = MLPRegressor(**SMALL, rate_factors="ntk").fit(X, T)
    assert model.network_.layout.rate_factors == ((0.5, 0.1), (1 / 5**0.5, 0.1))
    plain = MLPRegressor(**SMALL).fit(X, T)
    assert not np.allclose(model.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "adamw"])
def test_a_list_has_one_record_per_layer(solver):
    options = SMALL | {"solver": solver}
    start = MLPClassifier(**options | {"max_iter": 1, "learning_rate_init": 1e-300}).fit(X, T > 0)
    model = MLPClassifier(**options, rate_factors=[FROZEN, "constant"]).fit(X, T > 0)
    np.testing.assert_allclose(model.coefs_[0], start.coefs_[0], rtol=1e-15)
    np.testing.assert_allclose(model.intercepts_[0], start.intercepts_[0], rtol=1e-15)
    assert not np.allclose(model.coefs_[1], start.coefs_[1], rtol=1e-6)


@pytest.mark.parametrize("chosen", ["ntk", [rate_factors.get("ntk", bias=0.5), "constant"]])
def test_files_keep_it_and_training_goes_on(tmp_path, chosen):
    rule = {"solver": "sgd", "momentum": 0.0}  # files hold no memory of a rule
    model = MLPRegressor(**SMALL, **rule, rate_factors=chosen).fit(X, T)
    save_model(tmp_path / "model", model)
    again = load(tmp_path / "model")
    assert again.rate_factors == chosen
    assert again.network_ == model.network_
    for one in (model, again):
        one.partial_fit(X, T)
    np.testing.assert_allclose(again.parameters_.vector, model.parameters_.vector, rtol=1e-12)


def test_it_stays_once_training_has_begun():
    model = MLPRegressor(**SMALL, warm_start=True, rate_factors="ntk").fit(X, T)
    model.set_params(rate_factors=["ntk", "ntk"]).fit(X, T)
    with pytest.raises(InputError, match="rate_factors must stay"):
        model.set_params(rate_factors="constant").fit(X, T)


@pytest.mark.parametrize("wrong", [None, 0.1, "fast", ["ntk"], ["ntk", 0.1]])
def test_wrong_choices_are_refused(wrong):
    with pytest.raises(ValueError, match="rate_factors"):
        MLPRegressor(**SMALL, rate_factors=wrong).fit(X, T)
