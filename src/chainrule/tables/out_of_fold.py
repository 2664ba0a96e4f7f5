"""Answers for rows that the answering networks were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.tables.members import Member, Table

__all__ = ["Combined", "by_fold", "out_of_fold"]

# The answer of some of the networks together, each with its inputs of the rows.
Combined: TypeAlias = Callable[[Iterable[tuple[Member, np.ndarray]]], np.ndarray]


def by_fold(members: Sequence[Member]) -> list[list[Member]]:
    """Return the networks, those that were validated on the same rows together."""
    folds: dict[bytes, list[Member]] = {}
    for member in members:
        folds.setdefault(member.held.tobytes(), []).append(member)
    return list(folds.values())


def out_of_fold(members: Sequence[Member], table: Table, combined: Combined) -> np.ndarray:
    """Return an answer for each row by the networks not trained on it, NaN where all were."""
    oof: np.ndarray | None = None
    for fold in by_fold(members):
        held = fold[0].held
        if len(held):
            frame = table.frame[held]
            found = combined((member, member.inputs(frame)) for member in fold)
            if oof is None:
                oof = np.full((table.frame.height, *found.shape[1:]), np.nan)
            oof[held] = found
    return np.full(table.y.shape, np.nan) if oof is None else oof
