"""Files of arrays: safetensors, with one JSON text in its metadata, written whole or not at all.

No file is ever run: there is no pickle, and nothing of a file is evaluated. The text begins with a
checksum of all that follows, so that a damaged file is refused and never used.
"""

import hashlib
import io
import json
import os
import stat
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from chainrule.foundation.array_headers import DEEPEST, check_nesting, parsed_header
from chainrule.foundation.errors import FileFormatError, InputError
from chainrule.foundation.files import write_whole
from chainrule.foundation.version import __version__

__all__ = ["FORMAT", "Contents", "read_arrays", "read_contents", "write_arrays"]

# The format that is written, of every kind of file. Format 1 had no checksum.
FORMAT = 2
FIRST_CHECKED = 2
# The text of a description begins with it: so many letters, and the digest between them.
BEFORE, AFTER = '{"checksum": "', '", '
DIGITS = 2 * hashlib.sha256().digest_size
# The longest header that safetensors allows, in bytes.
LONGEST_HEADER = 100_000_000


def write_arrays(
    path: str | os.PathLike[str],
    kind: str,
    description: dict[str, Any],
    arrays: dict[str, np.ndarray],
) -> None:
    """Write arrays and a JSON description to one safetensors file, atomically."""
    import safetensors.numpy

    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # JSON knows no NaN; Python's writer spells it in a way that Python's reader takes back.
    text = json.dumps({"format": FORMAT, "kind": kind, "version": __version__, **description})
    try:
        check_nesting(text, DEEPEST)
    except ValueError as error:
        raise InputError(
            f"what a file holds must be nested at most {DEEPEST} deep; {error}. Make the notes on "
            "the training flatter."
        ) from error
    text = f"{BEFORE}{_checksum(text.encode(), arrays)}{AFTER}{text[1:]}"
    contents = safetensors.numpy.save(arrays, metadata={"chainrule": text})
    write_whole(path, lambda file: file.write(contents))


def read_arrays(
    path: str | os.PathLike[str], kind: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a file of `write_arrays`; refuse other files, kinds and later formats."""
    return read_contents(path).checked(path, kind)


class Contents(NamedTuple):
    """The contents of a file of any kind."""

    kind: str
    format: Any
    description: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def checked(
        self, path: str | os.PathLike[str], kind: str
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return description and arrays; refuse another kind and a later format."""
        name = os.fspath(path)
        if self.kind != kind:
            raise FileFormatError(f"{name} must be a {kind}; it is a {self.kind}.")
        if type(self.format) is not int or not 1 <= self.format <= FORMAT:
            version = self.description.get("version", "a later version")
            raise FileFormatError(
                f"{name} has format {self.format}, of chainrule {version}; this one, "
                f"{__version__}, reads formats 1 to {FORMAT}. Install chainrule {version} or later."
            )
        return self.description, self.arrays


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Return the contents of a file of any kind; refuse damaged ones and those of other programs.

    The arrays take the memory of the file, once; nothing that a header claims is allocated before
    it is compared with the size of the file.
    """
    name = os.fspath(path)
    try:
        if stat.S_ISCHR(os.stat(path).st_mode):  # it may have no end
            raise FileFormatError(f"{name} must be a file of chainrule; it is a device.")
        with Path(path).open("rb") as file:
            first = file.read(9)
            # a table, which may be as large as the memory, is known by its ninth byte
            found = _read(first, file) if first.endswith(b"{") else None
            size = os.fstat(file.fileno()).st_size or len(first)
    except FileFormatError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {name or repr(name)}: {reason}. Check the path.") from error
    if found is None:
        raise FileFormatError(
            f"{name} is damaged, or no chainrule file ({size:,} bytes). Write it again."
        )
    contents, intact = found
    if not intact:
        raise FileFormatError(
            f"{name} is damaged: its contents do not match its checksum. Take a copy of it, or "
            "write it again."
        )
    return contents


def _read(first: bytes, file: IO[bytes]) -> tuple[Contents, bool] | None:
    """Return the contents, and whether they match their checksum; None if it is no such file."""
    status = os.fstat(file.fileno())
    size = status.st_size
    if not stat.S_ISREG(status.st_mode):  # a pipe tells no size
        file = io.BytesIO(first + file.read())
        size = file.getbuffer().nbytes
    length = int.from_bytes(first[:8], "little")
    if length > min(size - 8, LONGEST_HEADER):
        return None
    try:
        file.seek(8)
        header = parsed_header(file.read(length))
        if 8 + length + header.size != size:
            return None
        text = header.metadata["chainrule"]
        check_nesting(text, DEEPEST)
        description = json.loads(text)
        found, number = description.pop("kind"), description.pop("format")
        known = description.pop("checksum", None)
        covered = f"{{{text[len(BEFORE) + DIGITS + len(AFTER) :]}".encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    arrays: dict[str, np.ndarray] = {}
    for place in header.places:
        array = np.empty(place.shape, place.dtype)
        if file.readinto(_bytes(array)) != array.nbytes:  # type: ignore[attr-defined]
            return None
        arrays[place.name] = array
    intact = number == FIRST_CHECKED - 1 if known is None else known == _checksum(covered, arrays)
    return Contents(str(found), number, description, arrays), intact


def _checksum(text: bytes, arrays: dict[str, np.ndarray]) -> str:
    """Return the SHA-256 of the text and, by name, of each array: name, kind, shape and bytes."""
    digest = hashlib.sha256(text)
    for name in sorted(arrays):
        array = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
        digest.update(json.dumps([name, array.dtype.str[1:], array.shape]).encode())
        digest.update(_bytes(array))
    return digest.hexdigest()


def _bytes(array: np.ndarray) -> memoryview:
    """Return the bytes of an array in order, as a view."""
    return array.reshape(-1).view(np.uint8).data
