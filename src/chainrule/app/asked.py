"""The request of a command that trains: a table, its target, and how both are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chainrule.app.array_files import ARRAY
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
        The column to predict; of an array in a ``.npy`` file, also the ``.npy`` file that holds it.
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

    @property
    def target_file(self) -> Path | None:
        """The ``.npy`` file that holds the targets of another one."""
        names = (self.data, self.target or "")
        both = all(Path(one).suffix.lower() == ARRAY for one in names)
        return Path(names[1]) if both else None

    @property
    def column(self) -> str | None:
        """The name of the column to predict."""
        file = self.target_file
        return self.target if file is None else file.stem
