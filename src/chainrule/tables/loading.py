"""The way back from any model file: to networks of arrays, or to estimators of tables."""

from __future__ import annotations

import os
from typing import Any

from chainrule.foundation.array_files import read_contents
from chainrule.interop.model_file import lacks_for_tables, model_in

__all__ = ["load"]


def load(path: str | os.PathLike[str]) -> Any:
    """Return the fitted estimator that a model file holds.

    A `TabularClassifier` or `TabularRegressor` comes back as it was saved. A model that
    ``chainrule fit`` has written is an `MLPClassifier` or `MLPRegressor` that predicts frames as
    they are: its attribute ``preparation_`` turns one into its inputs; without one it takes
    arrays. Training can go on from it (``warm_start``, ``partial_fit``), with a fresh memory of
    the optimizer.

    Raises
    ------
    FileFormatError
        The file is damaged, foreign, or of another format.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from chainrule import MLPRegressor, save_model
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit([[0.0], [1.0]], [1.0, 3.0])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "line.chainrule"
    >>> save_model(path, model)
    >>> load(path).predict([[2.0]]).round(2)
    array([5.])
    """
    contents = read_contents(path)
    if contents.kind != "table model":
        return model_in(path, contents).estimator
    try:
        from chainrule.tables.classifier import TabularClassifier
        from chainrule.tables.regressor import TabularRegressor
        from chainrule.tables.table_file import restored_table_model
    except ModuleNotFoundError as error:
        raise lacks_for_tables(error) from error
    kinds: dict[str, type] = {kind.__name__: kind for kind in (TabularClassifier, TabularRegressor)}
    return restored_table_model(path, kinds, contents)
