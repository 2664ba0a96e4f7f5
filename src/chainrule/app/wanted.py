"""The kind of answers that a prediction is to write: probabilities, intervals, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from chainrule.app.table_models import TableModel
from chainrule.foundation.errors import InputError, must_be
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.regressor import TabularRegressor

__all__ = ["Wanted"]


@dataclass(frozen=True)
class Wanted:
    """The kind of answers that are asked for.

    Attributes
    ----------
    proba : bool
        True adds the probability of each class.
    threshold : float, optional
        The probability from which on the second of two classes is predicted.
    interval : float, optional
        The share of the rows that an interval is to hold.
    quantiles : tuple of float
        The levels of quantiles to add.
    """

    proba: bool = False
    threshold: float | None = None
    interval: float | None = None
    quantiles: tuple[float, ...] = ()

    def columns(
        self, model: TableModel, frame: pl.DataFrame, answers: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return the columns to write for a table and its answers; the first is the prediction."""
        columns: dict[str, np.ndarray] = {"prediction": model.decided(answers, self.threshold)}
        if isinstance(model.estimator, TabularRegressor):
            try:
                columns |= _around(model.estimator, frame, self.interval, self.quantiles)
            except InputError as error:
                said = str(error).replace("predict_interval", "--interval")
                raise InputError(said.replace("predict_quantiles", "--quantile")) from error
        elif self.proba:
            labels = model.estimator.classes_
            columns |= {f"probability of {one}": answers[:, n] for n, one in enumerate(labels)}
        return columns

    def check(self, model: TableModel) -> None:
        """Refuse what the model cannot say."""
        threshold, interval, quantiles = self.threshold, self.interval, self.quantiles
        if not model.classes:
            for name, given in (("--proba", self.proba), ("--threshold", threshold is not None)):
                if given:
                    raise InputError(
                        f"{name} must be left out for a regression, which has no classes."
                    )
        elif interval is not None or quantiles:
            name = "--quantile" if quantiles else "--interval"
            raise InputError(
                f"{name} must be left out for classes, which have probabilities. Ask for --proba."
            )
        if isinstance(model.estimator, TabularClassifier) and threshold is not None:
            count = len(model.estimator.classes_)
            if count != 2:
                rule = f"left out for {count} classes; it is for two"
                raise must_be("--threshold", rule, threshold)
            if not 0.0 <= threshold <= 1.0:
                raise must_be("--threshold", "a probability, from 0 to 1", threshold)
        for name, level in (("--interval", interval), *(("--quantile", one) for one in quantiles)):
            if level is not None and not 0.0 < level < 1.0:
                raise must_be(name, "between 0 and 1, both excluded", level)


def _around(
    estimator: TabularRegressor,
    frame: pl.DataFrame,
    interval: float | None,
    quantiles: Sequence[float],
) -> dict[str, np.ndarray]:
    """Return the columns of an interval and of quantiles, by the errors on rows not trained on."""
    found: dict[str, np.ndarray] = {}
    if interval is not None:
        found["low"], found["high"] = estimator.predict_interval(frame, interval).T
    own = estimator.quantile_levels_
    for level in quantiles:
        if own and level not in own:
            known = ", ".join(f"{one:g}" for one in own)
            raise must_be("--quantile", f"a level of the loss, {known}", level)
    if quantiles:
        names = [f"quantile {level:g}" for level in quantiles]
        found |= zip(names, estimator.predict_quantiles(frame, quantiles).T, strict=True)
    return found
