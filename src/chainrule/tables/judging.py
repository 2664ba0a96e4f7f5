"""The loss of one network's answers for the rows that it holds out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import polars as pl

from chainrule.tables.members import Member, Work

__all__ = ["Judge", "LossOfAnswers", "judge_of", "own_loss", "some_weight"]

# Of (targets, answers, weights).
LossOfAnswers: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray | None], float]
# Of a network.
Judge: TypeAlias = Callable[[Member], float]


def judge_of(
    work: Work, loss: LossOfAnswers, answers: Callable[[Member, pl.DataFrame], np.ndarray]
) -> Judge:
    """Return the loss of a network's answers, which compares networks of different losses."""

    def judged(member: Member) -> float:
        held = work.table.take(member.held) if work.validation is None else work.validation
        return loss(held.y, answers(member, held.frame), some_weight(held.weight))

    return judged


def own_loss(member: Member) -> float:
    """Return the loss that the network itself was trained with."""
    return member.held_out_loss


def some_weight(weight: np.ndarray | None) -> np.ndarray | None:
    """Return weights of rows, or None where all of them are 0."""
    return None if weight is None or not weight.any() else weight
