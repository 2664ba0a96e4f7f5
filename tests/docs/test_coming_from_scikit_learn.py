"""The tables of the page name exactly what the estimators have, and what they say is so."""

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

from chainrule import MLPClassifier, MLPRegressor
from chainrule.training.stopping import REASONS

PAGE = (Path(__file__).parents[2] / "docs" / "coming_from_scikit_learn.md").read_text("utf-8")
PAIRS = [
    (MLPClassifier, neural_network.MLPClassifier),
    (MLPRegressor, neural_network.MLPRegressor),
]
KINDS = {"same", "better", "other", "new"}


def table(heading):
    """Return the rows under a heading: kind by name."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    found = {row[0].strip().strip("`"): row[1].strip() for row in rows}
    assert len(found) == len(rows), "a name stands twice"
    return found


def parameters(estimators):
    return {name for estimator in estimators for name in inspect.signature(estimator).parameters}


@pytest.fixture(scope="module")
def fitted():
    """Return ours and scikit-learn's estimators, fitted, with everything that a fit can leave."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    y, options = np.arange(60) % 2, {"early_stopping": True, "max_iter": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pairs = [[estimator(**options).fit(X, y) for estimator in pair] for pair in PAIRS]
        several = MLPRegressor("quantile", n_estimators=2, **options).fit(X, y)
        return [*pairs, [several, pairs[1][1]]]


def attributes(models):
    """Return the names of the public attributes that fits have left."""
    return {
        name
        for model in models
        for name in dir(model)
        if name.endswith("_") and not name.startswith("_") and hasattr(model, name)
    }


def methods(models):
    return {
        name
        for model in models
        for name in dir(model)
        if not name.startswith("_") and callable(getattr(model, name)) and not name.endswith("_")
        if name not in vars(model)
    }


def compare(heading, ours, theirs):
    found = table(heading)
    assert set(found) == ours
    assert set(found.values()) <= KINDS
    assert theirs <= ours
    assert {name for name, kind in found.items() if kind == "new"} == ours - theirs


def test_every_parameter_has_a_row():
    ours, theirs = zip(*PAIRS, strict=True)
    compare("Parameters", parameters(ours), parameters(theirs))


def test_every_attribute_has_a_row(fitted):
    ours, theirs = zip(*fitted, strict=True)
    compare("Attributes", attributes(ours), attributes(theirs))


def test_every_attribute_is_in_the_docstring(fitted):
    for ours, _ in fitted:
        described = set(re.findall(r"\w+_\b", type(ours).__doc__.split("Attributes\n")[1]))
        assert attributes([ours]) <= described


def test_every_way_to_end_is_named():
    row = next(line for line in PAGE.splitlines() if line.startswith("| `stopped_because_`"))
    for text in (row, MLPClassifier.__doc__):
        assert all(f'"{reason}"' in text for reason in REASONS)


def test_every_method_has_a_row(fitted):
    ours, theirs = zip(*fitted, strict=True)
    compare("Methods", methods(ours), methods(theirs))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_defaults_and_positions_are_scikit_learns(ours, theirs):
    here, there = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    for name, parameter in there.items():
        assert here[name].default == parameter.default, name
        assert here[name].kind == parameter.kind, name
    places = [name for name, one in here.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert places == [name for name, one in there.items() if one.kind is one.POSITIONAL_OR_KEYWORD]


def test_headings_that_are_linked_to_exist():
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(#([^)]+)\)", PAGE):
        assert target in headings
