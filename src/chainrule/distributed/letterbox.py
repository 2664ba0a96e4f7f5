"""Parameters between processes of one machine: a file that both map, beside the pipe.

What a pipe carries is written, read and unpickled in pieces; a map is copied to and from at the
speed of memory.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from chainrule.distributed.tasks import Task, Trained
from chainrule.foundation.errors import InputError

__all__ = ["Letter", "Letterbox"]

NOTHING = np.empty(0)
Content = TypeVar("Content", Task, Trained)


class Letter(NamedTuple, Generic[Content]):
    """A task or its result without arrays, which lie in the letterbox.

    Attributes
    ----------
    content : Task or Trained
        All else.
    shape, dtype
        Of the arrays together, one a row: the parameters, and the memory of the optimizer.
    """

    content: Content
    shape: tuple[int, int]
    dtype: str


class Letterbox:
    """The file of one process, with room for the arrays of a task and for those of its result.

    Parameters
    ----------
    path : path
        The file; it is created where the first task is put in.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._map: np.ndarray | None = None

    def put(self, content: Content) -> Letter[Content]:
        """Put the arrays of a task or a result in.

        Raises
        ------
        InputError
            The folder is full.
        """
        arrays = content.vector, *content.slots
        shape, dtype = (len(arrays), len(content.vector)), content.vector.dtype.str
        room = self._room(shape, dtype, isinstance(content, Trained), create=True)
        for place, array in zip(room, arrays, strict=True):
            place[:] = array
        return Letter(replace(content, vector=NOTHING, slots=()), shape, dtype)

    def take(self, letter: Letter[Content]) -> Content:
        """Return a task or a result whole, with arrays of its own."""
        content = letter.content
        found = self._room(letter.shape, letter.dtype, isinstance(content, Trained)).copy()
        return replace(content, vector=found[0], slots=tuple(found[1:]))

    def remove(self) -> None:
        """Remove the file, of a process that has ended."""
        self._map = None
        self._path.unlink(missing_ok=True)

    def _room(
        self, shape: tuple[int, int], dtype: str, result: bool, *, create: bool = False
    ) -> np.ndarray:
        """Return the part of the map for the arrays of a task, or of a result."""
        if self._map is None:
            exists = self._path.exists()
            if create and not exists:
                self._reserve(2 * int(np.prod(shape)) * np.dtype(dtype).itemsize)
            self._map = np.asarray(np.memmap(self._path, dtype, "r+", shape=(2, *shape)))
        found: np.ndarray = self._map[int(result)]
        return found

    def _reserve(self, size: int) -> None:
        # a full disk is told of here; where a map is written to, it would end the process
        try:
            with self._path.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size)
                else:
                    file.truncate(size)
        except OSError as error:
            raise InputError(
                f"the folder of temporary files must have room for {size:,} bytes; "
                f"{self._path.parent} does not: {error.strerror or error}. Free some space, or "
                "name another by the environment variable TMPDIR."
            ) from error
