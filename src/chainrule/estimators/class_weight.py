"""Class weights: the weight of each label, as a weight per row."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.estimators.rules import NOT_NEGATIVE
from chainrule.foundation.errors import InputError, must_be, shown

__all__ = ["BALANCED", "ClassWeights", "label_weights", "row_weights"]

BALANCED = "balanced"

# Per column of labels, the weight of each label by the label itself.
ClassWeights = list[dict[Any, float]]


def label_weights(
    choice: Any, labels: np.ndarray, classes: np.ndarray | None, weight: np.ndarray | None
) -> ClassWeights:
    """Return the weight of every label that ``class_weight`` gives, per column of labels.

    Parameters
    ----------
    choice : dict, "balanced", or list of dict
        The option: weights by label, 1 for labels without one, or sum(w) / (k sum(w of the class))
        for k classes; for multilabel targets a dict over 0 and 1 per column.
    labels : ndarray (n,) or (n, n_labels)
        The rows that "balanced" counts.
    classes : ndarray or None
        The labels of one column; None for multilabel targets.
    weight : ndarray (n,) or None
        Sample weights, which count in "balanced".

    Raises
    ------
    InputError
        If a key is no class while a class has no weight, or a weight is not a number of at least 0.

    Examples
    --------
    >>> label_weights("balanced", np.array(["a", "b", "b", "b"]), np.array(["a", "b"]), None)
    [{'a': 2.0, 'b': 0.6666666666666666}]
    """
    multilabel = classes is None
    columns = labels.T if labels.ndim == 2 else labels[None, :]
    values = [0, 1] if classes is None else _keys(classes)
    if isinstance(choice, str) and choice == BALANCED:
        return [_balanced(column, weight) for column in columns]
    if not multilabel:
        if not isinstance(choice, Mapping):
            advice = "A list of dicts is for multilabel targets."
            raise must_be("class_weight", "a dict by label, or 'balanced'", choice, advice)
        return [_checked(choice, values, "class_weight")]
    if not isinstance(choice, list | tuple) or not all(isinstance(one, Mapping) for one in choice):
        advice = "For example [{0: 1, 1: 5}, {0: 1, 1: 1}] for two labels."
        rule = "a list with one dict per label, or 'balanced', for multilabel targets"
        raise must_be("class_weight", rule, choice, advice)
    if len(choice) != len(columns):
        raise InputError(
            f"class_weight must have one dict per label, {len(columns)} in all; got {len(choice)}."
        )
    return [_checked(one, values, f"class_weight[{i}]") for i, one in enumerate(choice)]


def row_weights(weights: ClassWeights, labels: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return the weight of each row: its sample weight times the weights of its labels.

    Weights of labels are taken as shares of the largest, so that no product overflows.

    Examples
    --------
    >>> row_weights([{"a": 2.0, "b": 0.5}], np.array(["a", "b"]), np.array([1.0, 10.0]))
    array([1. , 2.5])
    """
    rows = np.ones(len(labels)) if weight is None else np.array(weight, dtype=np.float64)
    columns = labels.T if labels.ndim == 2 else labels[None, :]
    for column, by_label in zip(columns, weights, strict=True):
        found, number = np.unique(column, return_inverse=True)
        largest = max(by_label.values()) or 1.0
        # a label without a weight is refused later, with its row
        rows *= np.array([by_label.get(key, 1.0) / largest for key in _keys(found)])[number]
    if not np.any(rows > 0.0):
        raise InputError(
            "class_weight and sample_weight must leave a row of positive weight; got zero for all "
            "of them."
        )
    return rows


def _keys(labels: np.ndarray) -> list[Any]:
    """Return labels as Python values, which equal NumPy's of any width."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _balanced(labels: np.ndarray, weight: np.ndarray | None) -> dict[Any, float]:
    classes, number = np.unique(labels, return_inverse=True)
    counts = np.bincount(number, weight, minlength=len(classes))
    present = counts > 0.0
    total = counts.sum() / np.count_nonzero(present)
    shares = np.divide(total, counts, out=np.zeros(len(classes)), where=present)
    return dict(zip(_keys(classes), shares.tolist(), strict=True))


def _checked(choice: Mapping[Any, Any], classes: list[Any], name: str) -> dict[Any, float]:
    weights = {key.item() if isinstance(key, np.generic) else key: choice[key] for key in choice}
    unnamed = [label for label in classes if label not in weights]
    unknown = [key for key in weights if key not in classes]
    if unknown and unnamed:  # a misspelt label; a label without rows is allowed
        raise InputError(
            f"{name} must have labels of y as its keys, {_listed(classes)}; got {_listed(unknown)}."
        )
    for label, value in weights.items():
        if not NOT_NEGATIVE.holds(value):
            raise must_be(f"{name}[{shown(label)}]", NOT_NEGATIVE.words, value)
    return {label: float(weights.get(label, 1.0)) for label in classes}


def _listed(labels: list[Any]) -> str:
    named = ", ".join(map(shown, labels[:10]))
    return f"{named} and {len(labels) - 10} more" if len(labels) > 10 else named
