"""Files of arrays: safetensors, with one JSON text in its metadata, written whole or not at all.

No file is ever run: there is no pickle, and nothing of a file is evaluated.
"""

import json
import os
import stat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from chainrule.foundation.errors import FileFormatError, InputError
from chainrule.foundation.files import write_whole

__all__ = ["Contents", "read_arrays", "read_contents", "write_arrays"]


def write_arrays(
    path: str | os.PathLike[str],
    kind: str,
    number: int,
    description: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    """Write arrays and a JSON description to one safetensors file, atomically."""
    import safetensors.numpy

    # JSON knows no NaN; Python's writer spells it in a way that Python's reader takes back.
    text = json.dumps({"format": number, "kind": kind, **description})
    contents = safetensors.numpy.save(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        metadata={"chainrule": text},
    )
    write_whole(path, lambda file: file.write(contents))


def read_arrays(
    path: str | os.PathLike[str], kind: str, number: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a file of `write_arrays`; refuse other files, kinds and formats."""
    return read_contents(path).checked(path, kind, number)


class Contents(NamedTuple):
    """The contents of a file of any kind."""

    kind: str
    format: Any
    description: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def checked(
        self, path: str | os.PathLike[str], kind: str, number: int
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return description and arrays; refuse another kind and another format."""
        name = os.fspath(path)
        if self.kind != kind:
            raise FileFormatError(f"{name} must be a {kind}; it is a {self.kind}.")
        if self.format != number:
            raise FileFormatError(
                f"{name} has format {self.format}; this version reads format {number}. Use a "
                "version of chainrule that matches, or write the file again."
            )
        return self.description, self.arrays


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the contents of a file of any kind; refuse files of other programs."""
    import safetensors
    import safetensors.numpy

    name = os.fspath(path)
    try:
        if stat.S_ISCHR(os.stat(path).st_mode):  # it may have no end
            raise FileFormatError(f"{name} must be a file of chainrule; it is a device.")
        with Path(path).open("rb") as file:
            first = file.read(9)
            # a table, which may be as large as the memory, is known by its ninth byte
            contents = first + file.read() if first.endswith(b"{") else first
            size = max(len(contents), os.fstat(file.fileno()).st_size)
    except FileFormatError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {name or repr(name)}: {reason}. Check the path.") from error
    try:
        arrays = safetensors.numpy.load(contents)
        length = int.from_bytes(contents[:8], "little")
        header = json.loads(contents[8 : 8 + length])
        description = json.loads(header["__metadata__"]["chainrule"])
        found, written = description.pop("kind"), description.pop("format")
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{name} is damaged, or no chainrule file ({size:,} bytes). Write it again."
        ) from error
    return Contents(str(found), written, description, arrays)
