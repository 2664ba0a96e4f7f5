"""Rows to train on, and the task that the command line was given for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from chainrule.app.report import Report
from chainrule.app.settings import Settings
from chainrule.app.targets import Task
from chainrule.interop.choosing import Choices

__all__ = ["Part", "Problem"]


@dataclass(frozen=True)
class Part:
    """Some rows of a table: the cells, the targets, what each counts, and its group."""

    frame: pl.DataFrame
    y: np.ndarray
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class Problem:
    """The task of a fit.

    Attributes
    ----------
    target : str
        The column to predict.
    task : {"classification", "regression"}
        The kind of task.
    settings : Settings
        The flags.
    choices : Choices
        What the flags say of columns.
    report : Report
        Receives every guess.
    """

    target: str
    task: Task
    settings: Settings
    choices: Choices
    report: Report

    @property
    def classes(self) -> bool:
        """True if the target is a class."""
        return self.task == "classification"
