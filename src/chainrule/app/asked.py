"""The request of a command that trains: a table, its target, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.app.reading import Reading
from chainrule.app.settings import Settings
from chainrule.interop.choosing import Choices

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """A table to learn from, and what flags say of its target, columns and rows.

    Attributes
    ----------
    data : str
        A file, a folder, ``-``, or the name of a built-in set.
    target : str, optional
        The column to predict.
    task : {"classification", "regression"}, optional
        The kind of task; decided from the target if left out.
    settings : Settings
        The flags of the training.
    reading : Reading
        The dialect of a text file, as far as it is given.
    choices : Choices
        What columns are.
    missing_target : {"leave-out", "error"}
        What becomes of rows without a target.
    """

    data: str
    target: str | None
    task: str | None
    settings: Settings
    reading: Reading
    choices: Choices
    missing_target: str
