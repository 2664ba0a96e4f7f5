"""Every setting is checked before a file is read, and reaches the estimator."""

import math
from dataclasses import fields

import pytest

from chainrule.app.flags import flag_of
from chainrule.app.settings import Settings, command_line, network_options, parse_hidden
from chainrule.estimators.options import OPTIONS
from chainrule.foundation.errors import InputError
from chainrule.tables.recipes import recipe_for


def test_without_flags_the_recipe_decides() -> None:
    assert network_options(Settings(), "classification") == {}
    assert network_options(Settings(seed=3, n_threads=1, validation="last"), "regression") == {}


@pytest.mark.parametrize("rows", [2, 4_999, 5_000, 199_999, 5_000_000])
@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd", "rmsprop"])
def test_steps_stay_in_the_thousands_whatever_the_size(rows: int, solver: str) -> None:
    options = recipe_for(rows, False, network_options(Settings(solver=solver), "regression"))
    steps = math.ceil(rows / options["batch_size"]) * options["max_iter"]
    assert 60 <= steps <= 40_000
    assert options["batch_size"] <= rows


@pytest.mark.parametrize(
    ("solver", "rate"), [("adam", 3e-3), ("adamw", 3e-3), ("sgd", 0.02), ("rmsprop", 1e-3)]
)
def test_every_solver_has_its_rate(solver: str, rate: float) -> None:
    given = network_options(Settings(solver=solver), "classification")
    assert recipe_for(1000, True, given)["learning_rate_init"] == rate


def test_settings_reach_the_estimator() -> None:
    settings = Settings(
        hidden="8,4",
        activation="tanh, silu",
        loss="mae",
        solver="sgd",
        learning_rate=0.1,
        schedule="cosine",
        batch_size=16,
        epochs=7,
        time_limit=20.0,
        l2=0.5,
        momentum=0.3,
        patience=5,
        validation_fraction=0.25,
        seed=9,
        dtype="float64",
        engine="reference",
    )
    assert network_options(settings, "regression") == {
        "hidden_layer_sizes": (8, 4),
        "activation": ["tanh", "silu"],
        "loss": "mae",
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "learning_rate": "cosine",
        "batch_size": 16,
        "max_iter": 7,
        "time_limit": 20.0,
        "alpha": 0.5,
        "momentum": 0.3,
        "n_iter_no_change": 5,
        "dtype": "float64",
        "engine": "reference",
    }


@pytest.mark.parametrize("text", ["none", "", " None "])
def test_a_network_may_have_no_hidden_layer(text: str) -> None:
    assert parse_hidden(text) == ()


BAD = [
    ({"hidden": "128;64"}, "--hidden must be whole numbers .* got '128;64'"),
    ({"hidden": "0"}, "--hidden must be"),
    ({"hidden": "-3"}, "--hidden must be"),
    ({"activation": "rleu"}, "unknown activation 'rleu'. Did you mean 'relu'"),
    ({"activation": "relu,tanh,relu"}, "--activation must be one name, or one per hidden layer"),
    ({"loss": "hubber"}, "unknown loss 'hubber'. Did you mean 'huber'"),
    ({"solver": "adm"}, "--solver must be one of .* got 'adm'. Did you mean 'adam'"),
    ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean 'cosine'"),
    ({"dtype": "float23"}, "--dtype must be float32 or float64; got 'float23'. Did you mean"),
    ({"learning_rate": 0.0}, "--learning-rate must be a positive number; got 0.0"),
    ({"learning_rate": math.nan}, "--learning-rate must be a positive number; got nan"),
    ({"batch_size": 0}, "--batch-size must be .* or a positive integer; got 0"),
    ({"epochs": -1}, "--epochs must be a positive integer; got -1"),
    ({"l2": -0.1}, "--l2 must be a number of at least 0"),
    ({"momentum": 1.0}, "--momentum must be at least 0 and below 1"),
    ({"patience": 0}, "--patience must be a positive integer"),
    ({"validation_fraction": 1.0}, "--validation-fraction must be between 0 and 1"),
    ({"test_fraction": 0.0}, "--test-fraction must be between 0 and 1"),
    ({"time_limit": 0.0}, "--time-limit must be a positive number; got 0.0"),
    ({"seed": -1}, "--seed must be at least 0"),
    ({"dropout": "1.5"}, "--dropout must be at least 0 and below 1, or a list .* got '1.5'"),
    ({"dropout": "0.1,x"}, "--dropout must be at least 0 and below 1, or a list .* got '0.1,x'"),
    ({"l1": -1.0}, "--l1 must be a number of at least 0; got -1.0"),
    ({"weight_decay": math.nan}, "--weight-decay must be a number of at least 0; got nan"),
    ({"clip_norm": 0.0}, "--clip-norm must be a positive number; got 0.0"),
    ({"averaging": 1.0}, "--averaging must be at least 0 and below 1; got 1.0"),
    ({"label_smoothing": 1.0}, "--label-smoothing must be at least 0 and below 1; got 1.0"),
    ({"class_weight": "5"}, "--class-weight must be balanced, or a weight per label.* got '5'"),
    ({"class_weight": "a=x"}, "--class-weight must be balanced, or a weight per label"),
    ({"batch_size": "many"}, "--batch-size must be .* or a positive integer; got 'many'"),
    ({"validation": "first"}, "--validation must be 'random' or 'last'; got 'first'"),
    ({"monitor": "acuracy"}, "--monitor must be .* got 'acuracy'. Did you mean 'accuracy'"),
    ({"n_folds": -1}, "--n-folds must be at least 0; got -1"),
    ({"preset": "fats"}, "unknown preset 'fats'. Did you mean 'fast'"),
    ({"n_threads": 0}, "--n-threads must be a positive integer; got 0"),
    ({"initializer": "he_norml"}, "unknown initializer 'he_norml'. Did you mean 'he_normal'"),
    ({"groups": "shop", "validation": "last"}, "--groups must be left out with --validation last"),
]


@pytest.mark.parametrize(("setting", "message"), BAD)
def test_a_wrong_setting_is_one_sentence(setting: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Settings(**setting)
    assert "\n" not in str(caught.value)


GIVEN = {
    "dropout": ("0.1,0.2", [0.1, 0.2]),
    "l1": (0.01, 0.01),
    "weight_decay": (0.1, 0.1),
    "clip_norm": (2.0, 2.0),
    "averaging": (0.9, 0.9),
    "label_smoothing": (0.1, 0.1),
    "class_weight": ("yes=5,no=1", {"yes": 5.0, "no": 1.0}),
    "monitor": ("roc_auc", "roc_auc"),
    "initializer": ("he_normal", "he_normal"),
    "batch_size": ("noise", "noise"),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_flag_of_an_option_reaches_it(name: str) -> None:
    given, option = GIVEN[name]
    settings = Settings(**{name: given})
    assert network_options(settings, "classification")[name] == option
    assert f"--{name.replace('_', '-')} {given}" in command_line("t", None, settings, None)


@pytest.mark.parametrize("name", ["label_smoothing", "class_weight"])
def test_options_of_classes_are_refused_for_numbers(name: str) -> None:
    settings = Settings(**{name: GIVEN[name][0]})
    with pytest.raises(InputError, match="must be left out for a regression, which has no"):
        network_options(settings, "regression")


def test_every_setting_is_a_flag_of_an_option_or_of_the_command_alone() -> None:
    own = {field.name for field in fields(Settings) if not flag_of(field).option}
    assert own == {
        "test_fraction",
        "groups",
        "weight",
        "rows",
        "memory",
        "numbers",
        "preset",
        "n_folds",
    }
    named = [flag_of(field).option for field in fields(Settings) if flag_of(field).option]
    assert set(named) <= set(OPTIONS)
    assert len(set(named)) == len(named)
    assert all(flag_of(field).help.endswith(".") for field in fields(Settings))
