"""Parameters between processes of one machine: files that both map, beside the pipe.

What a pipe carries is written, read and unpickled in pieces; a map is written to and read from at
the speed of memory.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from chainrule.distributed.tasks import Task, Trained
from chainrule.foundation.errors import InputError

__all__ = ["Letter", "Letterboxes"]

NOTHING = np.empty(0)
Content = TypeVar("Content", Task, Trained)


class Letter(NamedTuple, Generic[Content]):
    """A task or its result without arrays, which lie in a letterbox.

    Attributes
    ----------
    content : Task or Trained
        All else.
    box : str
        The name of the letterbox.
    shape, dtype
        Of the arrays together, one a row: the parameters, and the memory of the optimizer.
    """

    content: Content
    box: str
    shape: tuple[int, int]
    dtype: str


class Letterboxes:
    """Files of a folder, each with room for the arrays of one task or of one result.

    Parameters
    ----------
    folder : path
        The folder, which the other process has too.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._maps: dict[str, np.ndarray] = {}

    def put(self, box: str, content: Content) -> Letter[Content]:
        """Put the arrays of a task or a result into a letterbox, in place of those before.

        Raises
        ------
        InputError
            The folder is full.
        """
        arrays = content.vector, *content.slots
        shape, dtype = (len(arrays), len(content.vector)), content.vector.dtype.str
        letter = Letter(replace(content, vector=NOTHING, slots=()), box, shape, dtype)
        if box not in self._maps:
            self._reserve(box, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        for place, array in zip(self._arrays(letter), arrays, strict=True):
            place[:] = array
        return letter

    def take(self, letter: Letter[Content]) -> Content:
        """Return a task or a result whole; its arrays last until others take their place."""
        vector, *slots = self._arrays(letter)
        return replace(letter.content, vector=vector, slots=tuple(slots))

    def remove(self, prefix: str) -> None:
        """Remove the files whose name begins so, of a process that has ended."""
        for box in [one for one in self._maps if one.startswith(prefix)]:
            del self._maps[box]
            self._folder.joinpath(box).unlink(missing_ok=True)

    def _arrays(self, letter: Letter[Content]) -> np.ndarray:
        """Return the arrays of a letterbox, one a row."""
        found = self._maps.get(letter.box)
        if found is None:
            path = self._folder / letter.box
            found = np.asarray(np.memmap(path, letter.dtype, "r+", shape=letter.shape))
            self._maps[letter.box] = found
        return found

    def _reserve(self, box: str, size: int) -> None:
        # a full disk is told of here; where a map is written to, it would end the process
        try:
            with self._folder.joinpath(box).open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
        except OSError as error:
            raise InputError(
                f"the folder of temporary files must have room for {size:,} bytes; "
                f"{self._folder} does not: {error.strerror or error}. Free some space, or "
                "name another by the environment variable TMPDIR."
            ) from error
