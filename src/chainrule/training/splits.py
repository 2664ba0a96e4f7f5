"""Choose held-out rows: at random, the last ones, or whole groups."""

import math

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.foundation.seeds import Purpose, stream

__all__ = ["held_count", "held_out_groups", "held_out_rows", "last_rows"]

ADVICE = "Pass X_val and y_val, more rows, or early_stopping=False."


def held_out_rows(
    n: int, fraction: float, seed: int, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on and of those held out, at random, both in order.

    Parameters
    ----------
    n : int
        Number of rows.
    fraction : float
        Share to hold out, rounded up to whole rows.
    seed : int
        Seed of the choice.
    labels : array (n,), optional
        Classes whose shares both parts keep.

    Raises
    ------
    InputError
        If a part would be too small, or a class has a single row.
    """
    held = held_count(n, fraction)
    if labels is not None:
        classes, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2:
            single = classes[np.argmin(counts)]
            single = single.item() if isinstance(single, np.generic) else single
            raise InputError(
                f"each class must have at least 2 rows to be on both sides of the split; class "
                f"{single!r} has 1. Remove or merge it, or pass X_val and y_val."
            )
        if len(classes) > min(held, n - held):
            raise InputError(
                f"validation_fraction must leave a row of each of {len(classes)} classes on both "
                f"sides; got {fraction:g} of {n} rows, which is {held}. {ADVICE}"
            )
    random_state = int(stream(seed, Purpose.SPLIT).integers(2**31 - 1))
    if labels is None:
        # what train_test_split does then; its import alone would take a second
        order = np.random.RandomState(random_state).permutation(n)
        return np.sort(order[held:]), np.sort(order[:held])
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(n), test_size=held, random_state=random_state, stratify=labels
    )
    return np.sort(train), np.sort(test)


def last_rows(n: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on and of the last ones, for rows in order of time.

    Examples
    --------
    >>> last_rows(6, 0.3)
    (array([0, 1, 2, 3]), array([4, 5]))
    """
    kept = n - held_count(n, fraction)
    return np.arange(kept), np.arange(kept, n)


def held_out_groups(
    groups: np.ndarray, fraction: float, seed: int, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on and of those held out: no group is on both sides.

    Groups are drawn at random, and taken whole while that brings the rows held out nearer to their
    share; a group that holds the last rows of a class to train on is passed over.

    Parameters
    ----------
    groups : array (n,)
        The group of each row.
    fraction : float
        Share of the rows to hold out.
    seed : int
        Seed of the choice.
    labels : array (n,), optional
        Classes, of which each is to be trained on.

    Raises
    ------
    InputError
        If no group can be held out, or a part would be too small.

    Examples
    --------
    >>> kept, held = held_out_groups(np.array(["a", "a", "b", "b", "c", "c"]), 0.3, seed=0)
    >>> len(kept), len(held)
    (4, 2)
    """
    names, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(f"groups must name at least 2 groups; got only {names.tolist()[0]!r}.")
    n = len(codes)
    target = held_count(n, fraction)
    rows_of = np.split(np.argsort(codes, kind="stable"), np.cumsum(sizes)[:-1])
    if labels is None:
        labels = np.zeros(n)
    _, labels = np.unique(labels, return_inverse=True)
    classes = [np.bincount(labels[rows], minlength=labels.max() + 1) for rows in rows_of]
    left, missing = np.bincount(labels), target
    taken: list[int] = []
    for group in stream(seed, Purpose.SPLIT).permutation(len(names)).tolist():
        nearer = sizes[group] < 2 * missing
        if nearer and np.all(left > classes[group]):
            taken.append(group)
            left, missing = left - classes[group], missing - int(sizes[group])
    if not taken:  # every group is large: the smallest stands for the share
        fit = [group for group in np.argsort(sizes, kind="stable") if np.all(left > classes[group])]
        taken = fit[:1]
    held = np.sort(np.concatenate([rows_of[group] for group in taken] or [np.arange(0)]))
    if len(held) < 2:
        raise InputError(
            "groups must leave at least 2 rows to hold out, and every class to train on; got "
            f"{len(names)} groups of {n} rows. {ADVICE}"
        )
    return np.setdiff1d(np.arange(n), held), held


def held_count(n: int, fraction: float) -> int:
    """Return the rows to hold out, rounded up; refuse parts that are too small."""
    held = math.ceil(n * fraction)
    if held < 2 or n - held < 1:
        raise InputError(
            "validation_fraction must hold out at least 2 rows and leave 1; got "
            f"{fraction:g} of {n} rows, which is {held}. {ADVICE}"
        )
    return held
