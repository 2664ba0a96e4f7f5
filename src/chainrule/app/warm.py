"""Machine code made ahead, so that a new process predicts at once."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.app.report import Report
from chainrule.engines.choice import registry
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.records import activations
from chainrule.foundation.cache_folder import asked_folder, cache_folder
from chainrule.foundation.errors import InputError
from chainrule.foundation.wording import counted
from chainrule.tables.loading import load

__all__ = ["warm"]

DTYPES = ("float32", "float64")
# Rows that go each of the ways that a prediction may go.
ROWS = (1, 64)


def warm(models: Sequence[str], report: Report) -> None:
    """Make the machine code that models predict with, and keep it for later processes.

    Without models it is that of all formulas, of training too.

    Raises
    ------
    InputError
        If llvmlite is not installed, or code cannot be kept.
    """
    if not registry["compiled"].is_installed:
        raise InputError("the package llvmlite must be installed, for warm; got none. Install it.")
    folder = cache_folder()
    if folder is None or not os.access(folder, os.W_OK):
        raise InputError(
            "the cache of machine code must be a folder of yours that nobody else can write to; "
            f"got {asked_folder()}. Set CHAINRULE_CACHE_DIR to another."
        )
    began = time.perf_counter()
    for path in models:
        model: Any = load(path)
        members = getattr(model, "members_", None)
        for estimator in [model] if members is None else [one.estimator for one in members]:
            _predict(estimator)
    if not models:
        for estimator in _of_every_formula():
            _predict(estimator)
    files = list(folder.glob("*.object"))
    size = sum(file.stat().st_size for file in files) / 1e6
    report.line(
        f"{counted(len(files), 'file')} of machine code, {size:.1f} MB, in {folder}, "
        f"{time.perf_counter() - began:.1f} s"
    )


def _predict(estimator: BaseMLP) -> None:
    """Load the code of each way to predict."""
    for member in getattr(estimator, "estimators_", [estimator]):
        dtype = member.parameters_.vector.dtype
        for rows in ROWS:
            member.predict(np.zeros((rows, member.network_.n_in), dtype))
        methods = ["predict"] + ["predict_proba"] * isinstance(member, MLPClassifier)
        for method in methods:
            member.predictor(method)


def _of_every_formula() -> Iterator[BaseMLP]:
    """Yield small fitted estimators that have all activations, losses and optimizers together."""
    X = np.random.default_rng(0).normal(size=(24, 3))
    usual = {"max_iter": 1, "random_state": 0, "engine": "compiled", "n_threads": 1}
    deep: dict[str, Any] = {
        "activation": list(activations),
        "hidden_layer_sizes": (3,) * len(activations),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch, of rows without a meaning
        for dtype in DTYPES:
            common: dict[str, Any] = usual | {"dtype": dtype}
            for classes in (2, 3):
                yield MLPClassifier(**common, **deep).fit(X, np.arange(24) % classes)
            for loss in losses:
                if losses[loss].link.range != (0.0, 1.0):
                    yield MLPRegressor(loss, (3,), **common).fit(X, np.exp(X[:, 0]))
            for solver in optimizers:
                yield MLPRegressor(solver=solver, hidden_layer_sizes=(3,), **common).fit(X, X[:, 0])
