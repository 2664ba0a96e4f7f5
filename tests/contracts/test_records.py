"""Contract of all records of all catalogues."""

import doctest
import json
import pickle
import sys
from copy import deepcopy
from dataclasses import FrozenInstanceError, fields

import pytest

from chainrule import (
    activations,
    initializers,
    losses,
    optimizers,
    penalties,
    rate_factors,
    schedules,
)
from chainrule.formulas.records import restore

CATALOGUES = {
    "activation": activations,
    "initializer": initializers,
    "loss": losses,
    "optimizer": optimizers,
    "penalty": penalties,
    "rate_factors": rate_factors,
    "schedule": schedules,
}
RECORDS = [
    pytest.param(catalogue, catalogue[name], id=f"{kind}-{name}")
    for kind, catalogue in CATALOGUES.items()
    for name in catalogue
]
# What a person may name; taking one out of a catalogue breaks people's code.
NAMES = {
    "activation": {
        "linear", "identity", "sigmoid", "logistic", "tanh", "relu", "softmax", "leaky_relu",
        "elu", "selu", "gelu", "silu", "mish", "softplus",
    },
    "initializer": {
        "glorot_uniform", "glorot_with_biases", "glorot_normal", "he_uniform", "he_normal",
        "lecun_uniform", "lecun_normal", "zeros",
    },
    "loss": {
        "mse", "mae", "huber", "smooth_l1", "quantile", "poisson", "binary_cross_entropy",
        "categorical_cross_entropy",
    },
    "optimizer": {"sgd", "adam", "adamw", "rmsprop"},
    "penalty": {"l2", "l1"},
    "rate_factors": {"constant", "ntk"},
    "schedule": {"constant", "invscaling", "adaptive", "step", "cosine", "one_cycle"},
}  # fmt: skip


@pytest.mark.parametrize("kind", CATALOGUES)
def test_promised_names_are_there(kind):
    assert {name for name in NAMES[kind] if name not in CATALOGUES[kind]} == set()
    assert CATALOGUES[kind].kind == kind


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_answers_to_its_name_and_aliases(catalogue, record):
    for name in (record.name, *record.aliases):
        assert catalogue[name] is record
        assert getattr(catalogue, name) is record
        assert name in catalogue
        assert name in dir(catalogue)


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_names_a_source_with_author_and_year(catalogue, record):
    assert any(part.strip("().,").isdigit() and len(part.strip("().,")) == 4
               for part in record.source.split()) or "scikit-learn" in record.source  # fmt: skip
    assert record.source[0].isalpha()


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_docstring_says_what_and_shows_the_formula(catalogue, record):
    text = type(record).__doc__
    first = text.split("\n")[0]
    assert first[0].isupper()
    assert first.endswith(".")
    assert ":math:`" in text
    assert "{formula}" not in text
    assert type(record).formula_text() in text


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_docstring_has_an_example_that_runs(catalogue, record):
    module = sys.modules[type(record).__module__]
    found = doctest.DocTestFinder(recurse=False).find(
        type(record), record.name, module=module, globs=dict(vars(module))
    )
    assert len(found) == 1
    assert found[0].examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(found[0]).failed == 0


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_parameters_survive_json(catalogue, record):
    description = json.loads(json.dumps(record.to_dict()))
    assert restore(catalogue, description) == record
    assert description["name"] == record.name


@pytest.mark.parametrize(
    ("catalogue", "name", "parameters"),
    [
        (activations, "leaky_relu", {"negative_slope": 0.25}),
        (activations, "elu", {"alpha": 1.5}),
        (initializers, "he_uniform", {"biases": True}),
        (losses, "huber", {"delta": 0.1}),
        (losses, "smooth_l1", {"delta": 0.1}),
        (losses, "quantile", {"q": 0.1}),
        (optimizers, "sgd", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (optimizers, "adam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
        (optimizers, "adam", {"averaging": 0.99, "clip_norm": 1.0}),
        (optimizers, "rmsprop", {"decay": 0.9, "epsilon": 1e-6}),
        (penalties, "l1", {"strength": 0.1}),
        (schedules, "step", {"every": 3, "factor": 0.5}),
        (schedules, "one_cycle", {"warm_up": 0.2, "start": 10.0, "end": 100.0}),
        (schedules, "invscaling", {"power": 0.7}),
        (schedules, "adaptive", {"factor": 0.5, "floor": 1e-4}),
        (rate_factors, "constant", {"weight": 0.5, "bias": 0.1}),
        (rate_factors, "ntk", {"bias": 1.0}),
    ],
)
def test_changed_parameters_survive_json_and_pickle(catalogue, name, parameters):
    record = catalogue.get(name, **parameters)
    assert {key: getattr(record, key) for key in parameters} == parameters
    assert record != catalogue[name]
    assert restore(catalogue, json.loads(json.dumps(record.to_dict()))) == record
    assert pickle.loads(pickle.dumps(record)) == record
    assert catalogue.get(record) is record


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_pickles_and_copies(catalogue, record):
    for copy in (pickle.loads(pickle.dumps(record)), deepcopy(record)):
        assert copy == record
        assert type(copy) is type(record)
        assert hash(copy) == hash(record)


@pytest.mark.parametrize(("catalogue", "record"), RECORDS)
def test_cannot_be_changed_in_place(catalogue, record):
    for field in fields(record):
        with pytest.raises(FrozenInstanceError):
            setattr(record, field.name, 0.5)


@pytest.mark.parametrize(
    ("catalogue", "name", "parameter", "value"),
    [
        (losses, "huber", "delta", 0.0),
        (losses, "smooth_l1", "delta", 0.0),
        (losses, "huber", "delta", float("inf")),
        (losses, "huber", "delta", float("nan")),
        (losses, "quantile", "q", 0.0),
        (losses, "quantile", "q", 1.0),
        (penalties, "l2", "strength", -1.0),
        (penalties, "l1", "strength", float("nan")),
        (optimizers, "sgd", "momentum", 1.0),
        (optimizers, "adam", "beta_1", -0.1),
        (optimizers, "adam", "beta_2", 1.0),
        (optimizers, "adam", "epsilon", 0.0),
        (optimizers, "adamw", "weight_decay", -1.0),
        (optimizers, "sgd", "averaging", 1.0),
        (optimizers, "sgd", "clip_norm", 0.0),
        (optimizers, "adam", "clip_norm", float("inf")),
        (optimizers, "rmsprop", "decay", 1.0),
        (schedules, "adaptive", "factor", 1.0),
        (schedules, "step", "every", 0),
        (schedules, "one_cycle", "warm_up", 0.0),
        (rate_factors, "constant", "weight", -1.0),
        (rate_factors, "constant", "bias", float("inf")),
        (rate_factors, "ntk", "bias", float("nan")),
        (activations, "leaky_relu", "negative_slope", float("nan")),
        (activations, "elu", "alpha", 0.0),
        (activations, "elu", "alpha", float("inf")),
    ],
)
def test_impossible_parameters_are_refused_by_name(catalogue, name, parameter, value):
    with pytest.raises(ValueError, match=f"^{parameter} must be .*; got {value}"):
        catalogue.get(name, **{parameter: value})
