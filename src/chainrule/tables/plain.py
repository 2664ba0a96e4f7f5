"""An estimator of arrays with its preparation, as a model of tables."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.estimators.base import codec_of, put_codec
from chainrule.estimators.class_codec import ClassCodec
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.option_values import labels_to_json
from chainrule.interop.preparation import Preparation
from chainrule.tables.checking import OWNED
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.leaderboard import Leaderboard
from chainrule.tables.members import Estimator, Member
from chainrule.tables.regressor import TabularRegressor

__all__ = ["as_table_model"]


def as_table_model(
    estimator: Estimator,
    preparation: Preparation,
    *,
    answers: tuple[float, float] = (-math.inf, math.inf),
    errors: np.ndarray | None = None,
    encoding: tuple[str, str] = ("scale", "not recorded"),
    notes: tuple[str, ...] = (),
) -> TabularClassifier | TabularRegressor:
    """Return a fitted estimator of arrays, with what it does to a table, as a model of tables.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted on one column of targets; each of its networks becomes one of the bag.
    preparation : Preparation
        Of the table.
    answers : (float, float)
        The range that numbers are kept in.
    errors : ndarray (n,), optional
        Errors on rows that no network was trained on, for intervals.
    encoding : (str, str)
        The encoding of numbers, and its reason.
    notes : tuple of str
        What was guessed of the columns.

    Examples
    --------
    >>> import polars as pl
    >>> from chainrule import MLPRegressor
    >>> table = pl.DataFrame({"rooms": [1.0, 2.0, 3.0, 4.0] * 30, "town": list("AABB") * 30})
    >>> preparation = Preparation.fit(table)
    >>> network = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    >>> network = network.fit(preparation.transform(table), [500.0, 800.0, 1500.0, 1900.0] * 30)
    >>> model = as_table_model(network, preparation)
    >>> bool((model.predict(table) == network.predict(preparation.transform(table))).all())
    True
    """
    usual = type(estimator)().get_params(deep=False)
    given = estimator.get_params(deep=False)
    options = {
        name: value
        for name, value in given.items()
        if name not in OWNED and repr(value) != repr(usual[name])
    }
    kind = TabularClassifier if isinstance(estimator, MLPClassifier) else TabularRegressor
    model = kind(
        "fast",
        encoding=encoding[0],
        validation=given["validation"],
        options=options,
        random_state=estimator.seed_,
        n_threads=given["n_threads"],
    )
    networks = getattr(estimator, "estimators_", [estimator])
    networks = [one for one in networks if hasattr(one, "parameters_")]
    model.members_ = [
        Member(preparation, _of_codes(one, preparation), weight=1.0 / len(networks))
        for one in networks
    ]
    model.seed_, model.notes_ = estimator.seed_, list(notes)
    model.encoding_, model.encoding_reason_ = encoding
    model.loss_reason_ = ""
    model.leaderboard_ = Leaderboard.of([])
    model.columns_ = [one.name for one in preparation.columns] + list(preparation.dropped)
    model.feature_names_in_ = np.array(model.columns_, dtype=object)
    model.n_features_in_ = len(model.columns_)
    model.oof_prediction_, model.oof_score_ = np.empty(0), math.nan
    model.fit_seconds_ = float(getattr(estimator, "fit_seconds_", 0.0) or 0.0)
    facts: dict[str, Any] = {"several": False}
    arrays: dict[str, np.ndarray] = {}
    if isinstance(estimator, MLPClassifier):
        labels = labels_to_json(estimator.classes_)
        facts = {"classes": labels, "multilabel": False, "temperature": 1.0}
    else:
        low, high = (np.array([end], np.float64) for end in answers)
        arrays = {"low": low, "high": high, "errors": np.empty(0) if errors is None else errors}
    model.targets_from_file(facts, arrays)
    return model


def _of_codes(network: Estimator, preparation: Preparation) -> Estimator:
    """Return a network whose labels are the numbers of the classes, with the same parameters."""
    network = copy.copy(network)
    network.preparation_ = preparation
    if isinstance(network, MLPClassifier):
        labels = network.classes_.tolist()
        codec = codec_of(network)
        assert isinstance(codec, ClassCodec)
        put_codec(network, codec.of_codes())
        weights: Any = network.class_weight
        if isinstance(weights, Mapping):
            network.class_weight = {labels.index(label): one for label, one in weights.items()}
    return network
