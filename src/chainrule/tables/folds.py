"""The rows of a table that each network of a bag is validated on."""

from __future__ import annotations

import numpy as np

from chainrule.foundation.errors import InputError
from chainrule.foundation.seeds import Purpose, stream
from chainrule.training.splits import held_out_groups, held_out_rows, last_rows

__all__ = ["Fold", "folds_of"]

Fold = tuple[np.ndarray, np.ndarray]
# Of so few rows none is held out.
FEWEST_ROWS = 20


def folds_of(
    n_rows: int,
    n_folds: int,
    seed: int,
    *,
    labels: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    order: bool = False,
    fraction: float = 0.15,
) -> list[Fold]:
    """Return the rows to train on and those held out, once per fold.

    Every row is held out once, but for the rows of classes with fewer rows than folds, which are
    always trained on, and the first rows where time orders them.

    Parameters
    ----------
    n_rows, n_folds : int
        Rows, and folds; a single fold holds out a fraction of the rows, and 0 folds none.
    seed : int
        Seed of the choice.
    labels : ndarray (n,), optional
        Classes, whose shares each fold keeps.
    groups : ndarray (n,), optional
        Groups that are never on both sides.
    order : bool
        Whether rows are in order of time: what is held out comes after what is trained on.
    fraction : float
        The share of the rows that a single fold holds out.

    Examples
    --------
    >>> [len(held) for _, held in folds_of(20, 5, seed=0)]
    [4, 4, 4, 4, 4]
    """
    if n_rows < FEWEST_ROWS or not n_folds:
        return [(np.arange(n_rows), np.arange(0))]
    if order and groups is not None:
        raise InputError(
            "groups must be None where rows are in order of time, which may cut a group in two."
        )
    common, codes = np.arange(n_rows), None
    if labels is not None:
        _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
        common = np.flatnonzero(counts[codes] >= max(2, n_folds))
        if len(common) < FEWEST_ROWS or len(np.unique(codes[common])) < 2:
            return [(np.arange(n_rows), np.arange(0))]
        codes = codes[common]
    own = None if groups is None else groups[common]
    if n_folds == 1:
        parts = [_part(len(common), fraction, seed, codes, own, order)]
    else:
        parts = _parts(len(common), n_folds, seed, codes, own, order)
    found = []
    for held in (common[part] for part in parts):
        last = n_rows if not order else int(held.min())
        train = np.setdiff1d(np.arange(last), held)
        if labels is None or order or len(np.unique(labels[train])) == len(np.unique(labels)):
            found.append((train, np.sort(held)))
    if not found:
        raise InputError(
            "groups must leave every class in the rows to train on; no fold of them does. Pass "
            "X_val and y_val, or fewer folds."
        )
    return found


def _part(
    n_rows: int,
    fraction: float,
    seed: int,
    codes: np.ndarray | None,
    groups: np.ndarray | None,
    order: bool,
) -> np.ndarray:
    """Return the rows that a single fold holds out, as the estimators of arrays would."""
    if order:
        return last_rows(n_rows, fraction)[1]
    if groups is not None:
        return held_out_groups(groups, fraction, seed, codes)[1]
    return held_out_rows(n_rows, fraction, seed, codes)[1]


def _parts(
    n_rows: int,
    n_folds: int,
    seed: int,
    codes: np.ndarray | None,
    groups: np.ndarray | None,
    order: bool,
) -> list[np.ndarray]:
    """Return the rows that each fold holds out."""
    from sklearn import model_selection as splits

    state = int(stream(seed, Purpose.SPLIT).integers(2**31 - 1))
    rows = np.arange(n_rows)
    if order:
        return [held for _, held in splits.TimeSeriesSplit(n_folds).split(rows)]
    number = n_folds
    if groups is not None:
        count = len(np.unique(groups))
        if count < 2:
            raise InputError("groups must name at least 2 groups; got only one.")
        number = min(number, count)
        kind = splits.GroupKFold if codes is None else splits.StratifiedGroupKFold
    else:
        kind = splits.KFold if codes is None else splits.StratifiedKFold
    splitter = kind(number, shuffle=True, random_state=state)
    return [held for _, held in splitter.split(rows, codes, groups)]
