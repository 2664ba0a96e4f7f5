"""Several networks of different seeds as one estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import check_is_fitted

from chainrule import MLPClassifier, MLPRegressor, load, losses, save_model
from chainrule.foundation.errors import DataWarning, DivergenceWarning, InputError, NoEffectWarning

# options that lbfgs does not take
pytestmark = pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")

generator = np.random.default_rng(25)
X = generator.normal(size=(120, 3))
SIDE = (X[:, 0] > 0).astype(int)
THREE = np.array(["fir", "oak", "yew"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
LABELS = np.c_[SIDE, X[:, 1] > 0].astype(int)
T = 10.0 * X[:, 0] - X[:, 1]
# a planned end, so that nothing is said of more epochs
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 5, "learning_rate": "cosine", "random_state": 0}
SMALL |= {"learning_rate_init": 0.02, "batch_size": 16}


def classifier(**options):
    return MLPClassifier(**SMALL | {"n_estimators": 3} | options)


def regressor(**options):
    return MLPRegressor(**SMALL | {"n_estimators": 3} | options)


@pytest.mark.parametrize("y", [SIDE, THREE, LABELS], ids=["two", "three", "labels"])
def test_the_answer_is_the_mean_of_the_members(y):
    model = classifier().fit(X, y)
    members = model.estimators_
    assert len(members) == 3
    p = np.mean([one.predict_proba(X) for one in members], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), p, rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(p), rtol=1e-9, atol=1e-12)
    if y.ndim == 2:
        np.testing.assert_array_equal(model.predict(X), p > 0.5)
    else:
        np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    assert model.score(X, y) > 0.5


def test_members_are_networks_of_other_seeds_and_each_can_be_made_again():
    model = regressor().fit(X, T)
    seeds = [one.seed_ for one in model.estimators_]
    assert len(set(seeds)) == 3
    for member in model.estimators_:
        alone = MLPRegressor(**SMALL | {"random_state": member.seed_}).fit(X, T)
        np.testing.assert_array_equal(member.parameters_.vector, alone.parameters_.vector)
    np.testing.assert_allclose(
        model.predict(X), np.mean([one.predict(X) for one in model.estimators_], axis=0)
    )
    again = regressor(random_state=model.seed_).fit(X, T)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_the_same_bits_for_any_number_of_threads():
    many = np.tile(X, (10, 1))
    answers = [
        classifier(n_threads=threads, n_estimators=4).fit(X, THREE).predict_proba(many)
        for threads in (1, 2, 3, 5, None)
    ]
    for other in answers[1:]:
        assert other.tobytes() == answers[0].tobytes()


@pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")
def test_the_spread_of_the_members():
    model = regressor(solver="lbfgs", max_iter=100).fit(X, T)
    by_hand = np.std([one.predict(X) for one in model.estimators_], axis=0, ddof=1)
    np.testing.assert_allclose(model.predict_std(X), by_hand)
    assert model.predict_std(100.0 * X).mean() > 10.0 * model.predict_std(X).mean()
    two = regressor().fit(X, np.c_[T, -T])
    assert two.predict_std(X).shape == two.predict(X).shape == (120, 2)
    with pytest.raises(AttributeError, match="predict_std"):
        regressor(n_estimators=1).fit(X, T).predict_std(X)


def test_several_networks_are_better_than_one_on_rows_held_out():
    noisy = T + 3.0 * generator.normal(size=120)
    options = {"max_iter": 300, "hidden_layer_sizes": (64,), "learning_rate_init": 0.05}
    model = regressor(n_estimators=5, **options).fit(X[:60], noisy[:60])
    alone = [one.score(X[60:], T[60:]) for one in model.estimators_]
    assert model.score(X[60:], T[60:]) > np.mean(alone)


def test_quantiles_and_intervals():
    loss = losses.get("quantile", q=(0.1, 0.5, 0.9))
    model = regressor(loss=loss).fit(X, T)
    mean = np.mean([one._answers(X) for one in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_quantiles(X), np.sort(mean, axis=1))
    np.testing.assert_allclose(model.predict(X), np.sort(mean, axis=1)[:, 1])
    assert model.predict_interval(X, 0.8).shape == (120, 2)
    assert model.predict_std(X).shape == (120,)


def test_each_member_holds_out_rows_of_its_own():
    model = classifier(early_stopping=True, validation_fraction=0.3).fit(X, SIDE)
    curves = [one.validation_loss_curve_ for one in model.estimators_]
    assert curves[0] != curves[1]
    own = classifier().fit(X, SIDE, X_val=X[:30], y_val=SIDE[:30])
    assert all(len(one.validation_scores_) == one.n_iter_ for one in own.estimators_)


def test_going_on():
    options = {"learning_rate": "constant", "max_iter": 2}
    warm = classifier(warm_start=True, **options)
    steps = classifier(**options)
    long = classifier(**options | {"max_iter": 4})
    with pytest.warns(ConvergenceWarning, match="3 of 3 networks stopped after max_iter=2 epochs"):
        warm.fit(X, THREE)
    with pytest.warns(ConvergenceWarning):
        warm.fit(X, THREE)
    for _ in range(4):
        steps.partial_fit(X, THREE, classes=np.unique(THREE))
    with pytest.warns(ConvergenceWarning):
        long.fit(X, THREE)
    np.testing.assert_array_equal(warm.predict_proba(X), long.predict_proba(X))
    np.testing.assert_array_equal(steps.predict_proba(X), long.predict_proba(X))
    with pytest.raises(InputError, match=r"n_estimators must be at least 3 .* got 2\. Fit"):
        warm.set_params(n_estimators=2).fit(X, THREE)
    with pytest.raises(InputError, match="classes must be passed"):
        classifier(**options).partial_fit(X, THREE)


def test_attributes_of_one_network_are_referred_to_its_members():
    model = classifier().fit(X, THREE)
    check_is_fitted(model)
    for name in ("coefs_", "intercepts_"):
        with pytest.raises(AttributeError, match=rf"each network has: estimators_\[0\].{name}"):
            getattr(model, name)
    with pytest.raises(InputError, match=r"estimators_\[0\].explain"):
        model.explain(X, THREE)
    assert model.estimators_[0].explain(X, THREE).check().passed
    with pytest.raises(InputError, match="must be 1 for fit_epochs"):
        next(iter(model.fit_epochs(X, THREE)))


def test_one_becomes_many_and_many_one(contents):
    model = classifier(n_estimators=1).fit(X, THREE)
    model.set_params(n_estimators=2).fit(X, THREE)
    assert not hasattr(model, "parameters_")
    assert len(model.estimators_) == 2
    before = contents(model)
    with pytest.raises(ValueError):
        model.fit(X[:, :2], THREE[:-1])
    assert contents(model) == before
    model.set_params(n_estimators=1).fit(X, THREE)
    assert not hasattr(model, "estimators_")
    single = classifier(n_estimators=1).fit(X, THREE)
    np.testing.assert_array_equal(model.predict_proba(X), single.predict_proba(X))


@pytest.mark.parametrize("count", [0, -1, 2.0, "three"])
def test_invalid_counts_are_refused(count):
    with pytest.raises(InputError, match="n_estimators must be a positive integer"):
        classifier(n_estimators=count).fit(X, THREE)


def test_warnings_come_once(capsys):
    with pytest.warns(DivergenceWarning, match="3 of 3 networks diverged. The first: training"):
        regressor(solver="sgd", learning_rate_init=1e4).fit(X, T)
    with pytest.warns(DataWarning) as caught:
        regressor(verbose=True).fit(X * [1.0, 1e6, 1.0], T)
    assert len([one for one in caught if "times the size" in str(one.message)]) == 1
    assert caught[0].filename == __file__
    assert "network 3  epoch 5" in capsys.readouterr().out


@pytest.mark.parametrize("make", [classifier, regressor])
def test_copies_and_files(make, tmp_path):
    y = THREE if make is classifier else T
    model = make().fit(X, y)
    save_model(tmp_path / "m", model)
    for other in (pickle.loads(pickle.dumps(model)), load(tmp_path / "m")):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        assert other.get_params() == model.get_params()
        assert (other.seed_, other.n_iter_, other.t_) == (model.seed_, model.n_iter_, model.t_)
        assert other.loss_ == model.loss_
    assert len(load(tmp_path / "m").estimators_) == 3
    fresh = clone(model)
    assert not hasattr(fresh, "estimators_")
    assert cross_val_score(fresh, X, y, cv=2).mean() > 0.3


@pytest.mark.filterwarnings("always::chainrule.foundation.errors.NoEffectWarning")
def test_an_option_without_effect_is_said_once():
    with pytest.warns(NoEffectWarning, match="power_t") as caught:
        classifier(power_t=0.3).fit(X, THREE)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    model = classifier(power_t=0.3, learning_rate="constant")
    with pytest.warns(NoEffectWarning, match="power_t") as caught:
        model.partial_fit(X, THREE, classes=np.unique(THREE))
    assert len(caught) == 1
