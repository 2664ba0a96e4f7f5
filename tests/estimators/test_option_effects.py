"""Options that act on nothing are said, once per fit; options that training is built on stay."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from chainrule import (
    MLPClassifier,
    MLPRegressor,
    load,
    optimizers,
    rate_factors,
    save_model,
    schedules,
)
from chainrule.estimators.options import OPTIONS
from chainrule.foundation.errors import InputError, NoEffectWarning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(12)
X = RANDOM.normal(size=(60, 3))
T = X @ [1.0, -2.0, 0.5]
Y = (T > 0.0).astype(int)
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


def warned(model, *arguments, **more):
    """Return the options that a fit says are without effect."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*(arguments or (X, Y)), **more)
    found = [w for w in caught if w.category is NoEffectWarning]
    assert all(w.filename == __file__ for w in found)
    return [str(w.message).split("=")[0] for w in found]


WITHOUT_EFFECT = [
    ({"solver": "adam", "momentum": 0.5}, ["momentum"]),
    ({"solver": "adam", "nesterovs_momentum": False}, ["nesterovs_momentum"]),
    ({"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}, ["nesterovs_momentum"]),
    ({"solver": "sgd", "beta_1": 0.8, "beta_2": 0.9}, ["beta_1", "beta_2"]),
    ({"solver": "sgd", "epsilon": 1e-3}, ["epsilon"]),
    ({"solver": "rmsprop", "beta_1": 0.8}, ["beta_1"]),
    ({"power_t": 0.3}, ["power_t"]),
    ({"learning_rate": schedules.get("invscaling"), "power_t": 0.3}, ["power_t"]),
    ({"max_fun": 100}, ["max_fun"]),
    ({"validation_fraction": 0.2}, ["validation_fraction"]),
    ({"validation": "last"}, ["validation"]),
    ({"monitor": "loss"}, ["monitor"]),
    ({"n_iter_no_change": np.inf, "tol": 0.1}, ["tol"]),
    ({"learning_rate": "adaptive", "n_iter_no_change": np.inf}, ["learning_rate"]),
    ({"engine": "reference", "n_threads": 2}, ["n_threads"]),
    ({"hidden_layer_sizes": (), "activation": "tanh"}, ["activation"]),
    ({"hidden_layer_sizes": (), "dropout": 0.1}, ["dropout"]),
    ({"solver": "lbfgs", "batch_size": 10}, ["batch_size"]),
    ({"solver": "lbfgs", "shuffle": False}, ["shuffle"]),
    ({"solver": "lbfgs", "learning_rate": "cosine"}, ["learning_rate"]),
    ({"solver": "lbfgs", "learning_rate_init": 0.1}, ["learning_rate_init"]),
    ({"solver": "lbfgs", "learning_rate": "invscaling", "power_t": 0.1},
     ["learning_rate", "power_t"]),
    ({"solver": "lbfgs", "n_iter_no_change": 3}, ["n_iter_no_change"]),
    ({"solver": "lbfgs", "weight_decay": 0.1}, ["weight_decay"]),
    ({"solver": "lbfgs", "dropout": [0.1]}, ["dropout"]),
    ({"solver": "lbfgs", "clip_norm": 1.0}, ["clip_norm"]),
    ({"solver": "lbfgs", "averaging": 0.9}, ["averaging"]),
    ({"solver": "lbfgs", "rate_factors": "ntk"}, ["rate_factors"]),
    ({"solver": optimizers.get("sgd", momentum=0.9), "momentum": 0.5}, ["momentum"]),
    ({"solver": optimizers["adam"], "averaging": 0.9, "clip_norm": 1.0, "weight_decay": 0.1},
     ["weight_decay", "clip_norm", "averaging"]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "names"), WITHOUT_EFFECT, ids=lambda value: str(value)[:40])
def test_options_without_effect_are_named(options, names):
    assert warned(MLPClassifier(**SMALL | options)) == names


WITH_EFFECT = [
    {},
    {"solver": "sgd", "momentum": 0.5, "nesterovs_momentum": False},
    {"solver": "adamw", "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "weight_decay": 0.1},
    {"solver": "rmsprop", "epsilon": 1e-3, "clip_norm": 1.0, "averaging": 0.5, "dropout": 0.1},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    {"solver": "lbfgs", "max_fun": 10_000, "tol": 1e-3, "n_iter_no_change": np.inf},
    {"validation_fraction": None},
    {"validation_fraction": 0.0},
    {"early_stopping": True, "validation_fraction": 0.2, "monitor": "loss", "validation": "last"},
    {"solver": "lbfgs", "early_stopping": True, "n_iter_no_change": 3},
    {"hidden_layer_sizes": (), "dropout": [], "label_smoothing": 0.1, "l1": 0.01},
    {"solver": "lbfgs", "dropout": [0.0]},
    {"rate_factors": ["ntk", rate_factors.get("constant", bias=0.1)]},
    {"engine": "compiled", "n_threads": 2},
]


@pytest.mark.parametrize("options", WITH_EFFECT, ids=lambda value: str(value)[:40])
def test_options_that_act_are_not(options):
    assert warned(MLPClassifier(**SMALL | options)) == []


def test_every_condition_is_tested():
    tested = {name for _, names in WITHOUT_EFFECT for name in names} | {"early_stopping"}
    assert {name for name, option in OPTIONS.items() if option.acts} == tested


def test_rows_of_ones_own_take_the_place_of_held_out_ones():
    own = {"X_val": X[:9], "y_val": Y[:9]}
    assert warned(MLPClassifier(**SMALL, early_stopping=True, monitor="loss"), X, Y, **own) == [
        "early_stopping"
    ]
    model = MLPClassifier(**SMALL, validation_fraction=0.3, monitor="loss")
    assert warned(model, X, Y, **own) == ["validation_fraction"]


def test_the_sentence_says_why():
    words = r"momentum=0\.5 has no effect: it acts only with solver='sgd', by name\."
    with pytest.warns(NoEffectWarning, match=words):
        MLPRegressor(**SMALL, momentum=0.5).fit(X, T)


def test_once_per_fit_and_once_per_run_of_partial_fits():
    model = MLPClassifier(**SMALL, momentum=0.5, warm_start=True)
    assert warned(model) == warned(model) == ["momentum"]
    with pytest.warns(NoEffectWarning) as caught:
        model = clone(model).partial_fit(X, Y, classes=[0, 1])
    assert [w.filename for w in caught] == [__file__]
    model.partial_fit(X, Y)  # a second warning would be an error here
    with pytest.warns(NoEffectWarning) as caught:
        GridSearchCV(clone(model), {"alpha": [0.0, 1.0]}, cv=2).fit(X, Y)
    assert sum(w.category is NoEffectWarning for w in caught) == 2 * 2 + 1


def test_several_networks_say_it_once():
    model = MLPClassifier(**SMALL, momentum=0.5, n_estimators=3)
    assert warned(model) == ["momentum"]
    with pytest.warns(NoEffectWarning) as caught:
        clone(model).partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y)
    assert [w.filename for w in caught if w.category is NoEffectWarning] == [__file__]


def test_defaults_of_the_two_estimators_agree():
    one, two = (inspect.signature(kind).parameters for kind in (MLPClassifier, MLPRegressor))
    for name in one.keys() & two.keys() - {"loss"}:
        assert one[name].default == two[name].default, name


CHANGES = [
    ("hidden_layer_sizes", (5,), r"\[4\]", r"\(5,\)"),
    ("activation", "tanh", ".*", "'tanh'"),
    ("solver", "sgd", "'adam'", "'sgd'"),
    ("solver", optimizers["rmsprop"], "'adam'", "RMSProp"),
    ("loss", "categorical_cross_entropy", "None", "'categorical_cross_entropy'"),
    ("dtype", "float32", "None", "'float32'"),
    ("random_state", 1, "0", "1"),
]


class TestGoingOn:
    @pytest.mark.grid(3)
    @pytest.mark.parametrize(("name", "value", "was", "now"), CHANGES)
    @pytest.mark.parametrize("call", ["fit", "partial_fit", "loaded"])
    def test_what_training_is_built_on_stays(self, name, value, was, now, call, tmp_path, contents):
        model = MLPClassifier(**SMALL, warm_start=True).fit(X, Y)
        if call == "loaded":
            save_model(tmp_path / "model", model)
            model = load(tmp_path / "model")
        model.set_params(**{name: value})
        before = contents(model)
        going_on = model.partial_fit if call == "partial_fit" else model.fit
        with pytest.raises(InputError, match=f"{name} must stay {was} once .*; got {now}"):
            going_on(X, Y)
        assert contents(model) == before
        # anew, it is used
        assert model.set_params(warm_start=False).fit(X, Y).n_iter_ == 2

    def test_the_same_in_other_words_is_no_change(self):
        model = MLPClassifier(**SMALL, warm_start=True, activation="relu").fit(X, Y)
        model.set_params(hidden_layer_sizes=[4], activation=["relu"], solver=optimizers["adam"])
        assert model.fit(X, Y)._run.state.epoch == 4

    @pytest.mark.grid(3)
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("learning_rate_init", 0.5),
            ("learning_rate", "invscaling"),
            ("alpha", 1.0),
            ("l1", 1.0),
            ("dropout", 0.5),
            ("clip_norm", 1e-3),
            ("label_smoothing", 0.3),
            ("batch_size", 7),
            ("beta_1", 0.1),
            ("beta_2", 0.5),
            ("epsilon", 0.1),
            ("weight_decay", 0.5),
            ("averaging", 0.9),
            ("shuffle", False),
        ],
    )
    def test_numbers_are_used_from_then_on(self, name, value):
        models = [MLPClassifier(**SMALL, batch_size=16).partial_fit(X, Y, classes=[0, 1])
                  for _ in range(3)]  # fmt: skip
        plain, changed, again = models
        changed.set_params(**{name: value})
        again.set_params(**{name: value})
        for model in models:
            for _ in range(2):
                model.partial_fit(X, Y)
        np.testing.assert_array_equal(changed.parameters_.vector, again.parameters_.vector)
        assert not np.allclose(changed.parameters_.vector, plain.parameters_.vector, atol=1e-12)

    def test_numbers_of_sgd_are_used_from_then_on(self):
        options = {"solver": "sgd", "batch_size": 16, "learning_rate_init": 0.1}
        plain, changed = (
            MLPClassifier(**SMALL, **options).partial_fit(X, Y, classes=[0, 1]) for _ in range(2)
        )
        changed.set_params(momentum=0.1, nesterovs_momentum=False)
        velocity = changed._run.state.slots[0]
        changed.partial_fit(X, Y)
        plain.partial_fit(X, Y)
        assert changed._run.state.optimizer["momentum"] == 0.1
        assert velocity.any()
        assert not np.allclose(changed.parameters_.vector, plain.parameters_.vector)

    def test_threads_change_no_bit(self):
        plain, changed = (
            MLPClassifier(**SMALL).partial_fit(X, Y, classes=[0, 1]) for _ in range(2)
        )
        changed.set_params(n_threads=2)
        np.testing.assert_array_equal(
            changed.partial_fit(X, Y).parameters_.vector, plain.partial_fit(X, Y).parameters_.vector
        )

    def test_an_average_begins_and_ends_where_training_stands(self):
        options = {"warm_start": True, "batch_size": 16, "n_iter_no_change": np.inf}
        model = MLPClassifier(**SMALL, **options).fit(X, Y)
        last = model.parameters_.vector.copy()
        model.set_params(averaging=0.9, learning_rate_init=1e-12).fit(X, Y)
        np.testing.assert_allclose(model.parameters_.vector, last, atol=1e-9)
        model.set_params(learning_rate_init=0.05).fit(X, Y)
        assert not np.array_equal(model._run.state.vector, model.parameters_.vector)
        shown = model.parameters_.vector.copy()
        model.set_params(averaging=0.0, learning_rate_init=1e-12).fit(X, Y)
        np.testing.assert_allclose(model.parameters_.vector, shown, atol=1e-9)

    def test_a_regressor_keeps_its_scale_and_targets(self):
        model = MLPRegressor(**SMALL, warm_start=True).fit(X, T)
        with pytest.raises(InputError, match="scale_target must stay True"):
            model.set_params(scale_target=False).fit(X, T)
        model.set_params(scale_target=True)
        with pytest.raises(
            InputError, match=r"y must have 1 target\(s\), as in the first fit; got 2"
        ):
            model.fit(X, np.c_[T, T])
        with pytest.raises(InputError, match="loss must stay"):
            model.set_params(loss="mae").fit(X, T)
        assert model.set_params(loss="mse").fit(X, T)._run.state.epoch == 4

    def test_a_loaded_model_goes_on_with_its_curves(self, tmp_path):
        model = MLPClassifier(**SMALL, warm_start=True).fit(X, Y)
        save_model(tmp_path / "model", model)
        again = load(tmp_path / "model")
        assert again.learning_rate_curve_ == model.learning_rate_curve_ == [0.001] * 2
        assert again.fit_seconds_ == 0.0  # the clock is no part of a file
        assert len(again.fit(X, Y).learning_rate_curve_) == len(again.loss_curve_) == 4

    def test_new_classes_are_refused(self):
        model = MLPClassifier(**SMALL, warm_start=True).fit(X, Y)
        with pytest.raises(ValueError, match="same classes"):
            model.fit(X, np.arange(60) % 3)
        with pytest.raises(InputError, match="classes of the first fit"):
            model.partial_fit(X, np.arange(60) % 3)
        assert model.fit(X, Y)._run.state.epoch == 4


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"time_limit": 60.0}, ["time_limit"]),
        ({"tol": 1e-3, "n_iter_no_change": 3}, ["tol", "n_iter_no_change"]),
        ({"tol": 1e-3, "n_iter_no_change": 3, "learning_rate": "adaptive"}, []),
        ({"n_iter_no_change": np.inf}, []),
        ({"momentum": 0.5}, ["momentum"]),
        ({"max_iter": 7, "batch_size": 10, "shuffle": False}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("n_estimators", [1, 2])
def test_what_does_not_act_in_a_pass_is_named_once(options, names, n_estimators):
    model = MLPClassifier(**SMALL | {"n_estimators": n_estimators} | options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.partial_fit(X, Y, classes=[0, 1])
        model.partial_fit(X, Y)
    assert [str(w.message).split("=")[0] for w in caught] == names


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_an_adaptive_rate_falls_over_passes_as_it_does_over_epochs(kind):
    options = SMALL | {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 3}
    options |= {"tol": 0.5, "max_iter": 13, "batch_size": 20, "learning_rate_init": 0.05}
    y = Y if kind is MLPClassifier else T
    long = kind(**options).fit(X, y)
    passes = kind(**options)
    labels = {"classes": [0, 1]} if kind is MLPClassifier else {}
    for _ in range(13):
        passes.partial_fit(X, y, **labels)
    assert passes.learning_rate_curve_ == long.learning_rate_curve_
    assert len(set(long.learning_rate_curve_)) > 2
    np.testing.assert_array_equal(passes.parameters_.vector, long.parameters_.vector)
