"""Labels of any type that sorts, and errors about those that do not."""

from collections.abc import Iterable, Set
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from chainrule.estimators.inputs import as_targets
from chainrule.foundation.errors import InputError, shown

__all__ = [
    "checked_labels",
    "class_codes",
    "mixed_labels",
    "of_one_type",
    "prepared_labels",
    "text_kind",
]


def checked_labels(labels: Any, name: str) -> np.ndarray:
    """Return labels (n,), none of them missing, of a type that sorts.

    Examples
    --------
    >>> checked_labels({1, 2}, "classes")
    array([1, 2])
    """
    known = as_targets(list(labels) if isinstance(labels, Set) else labels, name)
    return of_one_type(known, name) if known.dtype == object else known


def of_one_type(labels: np.ndarray, name: str = "y") -> np.ndarray:
    """Return numbers of dtype object as numbers, and other labels unchanged; refuse mixtures."""
    flat = labels.ravel().tolist()
    kinds = {"b" if isinstance(label, bool) else np.asarray(label).dtype.kind for label in flat}
    if kinds in ({"b"}, {"i"}, {"f"}, {"i", "f"}):
        return np.array(labels.tolist())
    types = set(map(type, flat))
    if types != {type(None)} and (len(types) == 1 or all(issubclass(one, str) for one in types)):
        try:
            sorted(set(flat))
        except TypeError:
            pass
        else:
            return labels
    raise mixed_labels(flat, name)


def prepared_labels(labels: np.ndarray, name: str = "y", *, known: bool = False) -> np.ndarray:
    """Return labels (n,), or the indicator rows (n, k) of several labels; refuse anything else.

    Where the classes are ``known``, few rows of many classes are not taken for numbers.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = column_or_1d(labels, warn=True)
    if labels.dtype == object:
        labels = of_one_type(labels, name)
    if labels.ndim == 1 and labels.dtype.kind in "SMmO":
        return labels  # scikit-learn does not check these; they sort, which is enough
    if not known:
        check_classification_targets(labels)
    if labels.ndim == 2 and type_of_target(labels) != "multilabel-indicator":
        raise InputError(
            f"{name} must be one column of labels, or columns of 0 and 1; got "
            f"{labels.shape[1]} columns with other values. Fit one classifier per column."
        )
    return labels


def class_codes(labels: np.ndarray, classes: np.ndarray, name: str = "y") -> np.ndarray:
    """Return the index of each label among sorted classes; refuse other labels.

    Examples
    --------
    >>> class_codes(np.array(["no", "yes", "no"]), np.array(["no", "yes"]))
    array([0, 1, 0])
    """
    try:
        codes: np.ndarray = np.searchsorted(classes, labels)
    except TypeError as error:
        raise mixed_labels({*classes.tolist(), *labels.tolist()}, name) from error
    codes = np.minimum(codes, len(classes) - 1)
    wrong = classes[codes] != labels
    if np.any(wrong):
        row = int(np.argmax(wrong))
        label = labels[row : row + 1].tolist()[0]
        raise InputError(
            f"{name} must hold the classes of the first fit, {shown(classes.tolist())}; "
            f"got {shown(label)} in row {row}. Name all classes at the start, or fit a "
            "new estimator."
        )
    return codes


def text_kind(labels: np.ndarray) -> type | None:
    """Return str or bytes where labels are texts of that kind, which never equal other labels."""
    first = labels[:1].tolist()[0]
    return next((kind for kind in (str, bytes) if isinstance(first, kind)), None)


def mixed_labels(labels: Iterable[Any], name: str = "y") -> InputError:
    """Return the error about labels that cannot be sorted."""
    kinds = sorted({type(label).__name__ for label in labels})
    return InputError(
        f"{name} must hold labels of one type that sorts; got {' and '.join(kinds)}. Convert them, "
        "for example to text."
    )
