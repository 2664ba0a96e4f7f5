"""Model files as models of tables, whichever version wrote them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from chainrule.foundation.array_files import read_contents
from chainrule.foundation.errors import InputError
from chainrule.interop.cells import Tell, nothing
from chainrule.interop.estimator_records import Estimator
from chainrule.interop.model_file import model_in
from chainrule.tables.classifier import TabularClassifier
from chainrule.tables.plain import as_table_model
from chainrule.tables.regressor import TabularRegressor
from chainrule.tables.table_file import restored_table_model, training_in

__all__ = ["TableModel", "Tabular", "read_table_model"]

Tabular: TypeAlias = TabularClassifier | TabularRegressor
KINDS: dict[str, type] = {kind.__name__: kind for kind in (TabularClassifier, TabularRegressor)}


@dataclass(frozen=True, eq=False)
class TableModel:
    """A model file as the command line reads it.

    Attributes
    ----------
    path : str
        The file.
    estimator : TabularClassifier or TabularRegressor
        The model.
    training : dict
        What the command line recorded of the training; empty for a model saved from Python.
    version : str
        The version that wrote it.
    """

    path: str
    estimator: Tabular
    training: dict[str, Any]
    version: str

    @property
    def target(self) -> str | None:
        """The column that is predicted, where it is known."""
        name = self.training.get("target")
        return name if isinstance(name, str) else self.estimator.members_[0].preparation.target

    @property
    def classes(self) -> bool:
        """True if it predicts classes."""
        return isinstance(self.estimator, TabularClassifier)

    @property
    def networks(self) -> list[Estimator]:
        """Its networks."""
        return [one.estimator for one in self.estimator.members_]

    @property
    def _set_aside(self) -> set[str]:
        """The columns of a table that say what is right, or how rows are used: no inputs."""
        settings = self.training.get("settings")
        used = settings if isinstance(settings, Mapping) else {}
        names = (self.target, used.get("groups"), used.get("weight"))
        return {name for name in names if isinstance(name, str)}

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns whose cells must stay text when a file is read: codes like 01."""
        found = (one for member in self.estimator.members_ for one in member.preparation.texts)
        return tuple(dict.fromkeys(found))

    @property
    def inputs(self) -> set[str]:
        """The columns that some network reads."""
        members = self.estimator.members_
        return {column.name for member in members for column in member.preparation.columns}

    def answers(
        self, frame: pl.DataFrame, tell: Tell = nothing, keys: Collection[str] = ()
    ) -> np.ndarray:
        """Return probabilities (n, n_classes), or numbers (n,); tell what surprises the model.

        Columns in ``keys`` that are no inputs surprise nobody.
        """
        aside = self._set_aside | (set(keys) - self.inputs)
        frame = frame.drop(aside.intersection(frame.columns))
        told: list[str] = []
        found = self.estimator.answers_to(frame, told.append)
        for words in dict.fromkeys(told):
            tell(words)
        return found

    def decided(self, answers: np.ndarray, threshold: float | None = None) -> np.ndarray:
        """Return labels, or the numbers themselves.

        With a threshold, the second of two classes wherever its probability is at least that.
        """
        if not isinstance(self.estimator, TabularClassifier):
            return answers
        numbers = answers.argmax(axis=1)
        if threshold is not None:
            numbers = (answers[:, 1] >= threshold).astype(np.intp)
        labels: np.ndarray = self.estimator.classes_[numbers]
        return labels


def read_table_model(path: str | os.PathLike[str]) -> TableModel:
    """Return the model of a file, as a model of tables.

    Raises
    ------
    InputError
        If it was trained on plain arrays.
    """
    contents = read_contents(path)
    if contents.kind == "table model":
        estimator = restored_table_model(path, KINDS, contents)
        training, version = training_in(contents)
        return TableModel(str(path), estimator, training, version)
    model = model_in(path, contents)
    if model.preparation is None:
        raise InputError(
            f"{path} must be a model of a table; this one was trained on plain arrays. Use it from "
            "Python: chainrule.load(path).predict(X)."
        )
    estimator = as_table_model(model.estimator, model.preparation)
    return TableModel(str(path), estimator, model.training, model.version)
