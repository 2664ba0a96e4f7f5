"""A fitted estimator as one file: safetensors and JSON, no pickle, whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.estimators.option_values import text
from chainrule.foundation.array_files import Contents, read_contents, write_arrays
from chainrule.foundation.errors import FileFormatError, InputError, must_be
from chainrule.foundation.showing import Shown
from chainrule.interop.estimator_records import (
    ESTIMATORS,
    Estimator,
    describe_estimator,
    restore_estimator,
)

if TYPE_CHECKING:
    from chainrule.interop.preparation import Preparation

__all__ = [
    "Model",
    "lacks_for_tables",
    "model_in",
    "read_model",
    "save_model",
    "whole_model",
]

KIND = "model"


@dataclass(frozen=True, eq=False, repr=False)
class Model(Shown):
    """The contents of a model file.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted.
    preparation : Preparation or None
        How a table becomes the estimator's inputs, for a model that was trained on one.
    training : dict
        What the writer noted about the training: data, settings, results.
    version : str
        The version of chainrule that wrote the file.
    """

    estimator: Estimator
    preparation: Preparation | None
    training: dict[str, Any]
    version: str

    def __str__(self) -> str:
        members = getattr(self.estimator, "estimators_", [self.estimator])
        network = next(one.network_ for one in members if hasattr(one, "network_"))
        shape = network.layout.arrows
        several = f"{len(members)} networks" if len(members) > 1 else "network"
        columns = "" if self.preparation is None else ", with the preparation of its table"
        return (
            f"model: {type(self.estimator).__name__}, {several} {shape}{columns}; written by "
            f"chainrule {self.version}"
        )


def save_model(
    path: str | os.PathLike[str],
    estimator: Estimator,
    preparation: Preparation | None = None,
    training: dict[str, Any] | None = None,
) -> None:
    """Write a fitted estimator to one file, atomically: an interruption leaves the old file.

    The file holds what predicts and what was measured. The optimizer's memory is not in it: for a
    run to be resumed bit by bit see `chainrule.save_state`.

    Parameters
    ----------
    path : path
        Where to write; an existing file is replaced.
    estimator : MLPClassifier or MLPRegressor
        A fitted one.
    preparation : Preparation, optional
        How a table becomes the estimator's inputs; by default its own ``preparation_``, if any.
    training : dict, optional
        Notes about the training, as JSON can hold them.

    Raises
    ------
    InputError
        The estimator is not fitted, holds a weight that is not finite, or an option or a label that
        JSON cannot hold, or the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import MLPClassifier, load
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((8,), learning_rate="cosine", max_iter=5, random_state=0).fit(X, y)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "iris.chainrule"
    >>> save_model(path, model)
    >>> bool((load(path).predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    if ESTIMATORS.get(type(estimator).__name__) is not type(estimator):
        raise must_be("estimator", "an MLPClassifier or MLPRegressor", estimator)
    if not (hasattr(estimator, "parameters_") or hasattr(estimator, "estimators_")):
        raise must_be("estimator", "fitted", estimator, "Call fit first.")
    description, arrays = describe_estimator(estimator)
    if preparation is None:  # a loaded one keeps its own
        preparation = getattr(estimator, "preparation_", None)
    description["preparation"] = None if preparation is None else preparation.to_dict()
    description["training"] = training or {}
    write_arrays(path, KIND, description, arrays)


def read_model(path: str | os.PathLike[str]) -> Model:
    """Return all that a model file holds."""
    return model_in(path, read_contents(path))


def model_in(path: str | os.PathLike[str], contents: Contents) -> Model:
    """Return the model in the contents of a file."""
    description, arrays = contents.checked(path, KIND)
    with whole_model(path):
        return _restored(description, arrays)


@contextmanager
def whole_model(path: str | os.PathLike[str]) -> Iterator[None]:
    """Refuse a file whose description lacks something, or contradicts itself."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        raise FileFormatError(
            f"{os.fspath(path)} must hold a whole model; it cannot be restored: {reason}"
        ) from error


def lacks_for_tables(error: ModuleNotFoundError) -> InputError:
    """Return the sentence about a package that models of tables need."""
    return InputError(
        f"a model of a table needs {error.name}. Install it: pip install 'chainrule[app]'"
    )


def _restored(description: dict[str, Any], arrays: dict[str, np.ndarray]) -> Model:
    estimator = restore_estimator(description, arrays)
    preparation = _preparation(description["preparation"])
    estimator.preparation_ = preparation
    if preparation is not None and len(preparation.feature_names) != estimator.network_.n_in:
        raise ValueError("the preparation does not give the network's inputs")
    training = description["training"]
    if not isinstance(training, dict):
        raise TypeError("training must be a record")
    return Model(estimator, preparation, training, text(description["version"]))


def _preparation(record: Any) -> Preparation | None:
    if record is None:
        return None
    try:
        from chainrule.interop.preparation import Preparation
    except ModuleNotFoundError as error:
        raise lacks_for_tables(error) from error
    return Preparation.from_dict(record)
