"""Labels of any type that sorts, and what to say of those that do not."""

from collections.abc import Iterable, Set
from typing import Any

import numpy as np

from chainrule.estimators.inputs import as_targets
from chainrule.foundation.errors import InputError

__all__ = ["checked_labels", "mixed_labels", "of_one_type", "text_kind"]


def checked_labels(labels: Any, name: str) -> np.ndarray:
    """Return labels (n,) that are all known, and sort.

    Examples
    --------
    >>> checked_labels({1, 2}, "classes")
    array([1, 2])
    """
    known = as_targets(list(labels) if isinstance(labels, Set) else labels, name)
    return of_one_type(known, name) if known.dtype == object else known


def of_one_type(labels: np.ndarray, name: str = "y") -> np.ndarray:
    """Return numbers of dtype object as numbers, other labels as they are; refuse mixtures."""
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


def text_kind(labels: np.ndarray) -> type | None:
    """Return str or bytes where labels are texts of that kind; such never equal other labels."""
    first = labels[:1].tolist()[0]
    return next((kind for kind in (str, bytes) if isinstance(first, kind)), None)


def mixed_labels(labels: Iterable[Any], name: str = "y") -> InputError:
    """Build the error about labels that cannot be sorted."""
    kinds = sorted({type(label).__name__ for label in labels})
    return InputError(
        f"{name} must hold labels of one type that sorts; got {' and '.join(kinds)}. Convert them, "
        "for example to text."
    )
