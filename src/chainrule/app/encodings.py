"""The letters of text files: UTF-8, or a copy in it; compressed by gzip or not."""

from __future__ import annotations

import codecs
import gzip
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chainrule.app.reading import Reading
from chainrule.foundation.errors import InputError
from chainrule.interop.cells import Tell

__all__ = ["in_utf8", "is_gzip", "opened", "unpacked"]


def opened(file: Path) -> IO[str]:
    """Open a text file, compressed or not; the mark of the order of bytes is no part of it."""
    return io.TextIOWrapper(unpacked(file), encoding="utf-8-sig", newline="", errors="replace")


def unpacked(file: Path) -> IO[bytes]:
    """Open a file, compressed or not, for its bytes as they are unpacked."""
    return gzip.open(file) if is_gzip(file) else file.open("rb")  # type: ignore[return-value]


def is_gzip(file: Path) -> bool:
    """Say whether a file is compressed by gzip."""
    with file.open("rb") as opened:
        return opened.read(2) == b"\x1f\x8b"


@contextmanager
def in_utf8(path: Path, reading: Reading, tell: Tell) -> Iterator[Path]:
    """Give the file, or a copy of it in UTF-8 for as long as it is read."""
    encoding = reading.encoding or _encoding_of(path)
    if encoding is None:
        if not set("*?[") & set(str(path)):
            yield path.absolute()
            return
        with tempfile.TemporaryDirectory() as folder:
            # a database takes these letters for a pattern of names
            link = Path(folder) / f"table{''.join(path.suffixes[-1:])}"
            link.symlink_to(path.absolute())
            yield link
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "table.csv"
        try:
            with (
                unpacked(path) as packed,
                io.TextIOWrapper(packed, encoding=encoding, newline="") as source,
                copy.open("w", encoding="utf-8", newline="") as into,
            ):
                while part := source.read(2**20):
                    into.write(part)
        except (UnicodeDecodeError, UnicodeError) as error:
            raise InputError(
                f"{path} must be {encoding} text; {str(error)[:120]}. Give its --encoding."
            ) from error
        if reading.encoding is None:
            tell(f"{path.name}: not UTF-8, read as {encoding} (--encoding)")
        yield copy


def _encoding_of(path: Path) -> str | None:
    """Return the encoding of a file that is not UTF-8, else None."""
    decode = codecs.getincrementaldecoder("utf-8")()
    with unpacked(path) as file:
        first = file.read(2**20)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        wide = _without_mark(first)
        if wide is not None:
            return wide
        try:
            while first:
                decode.decode(first)
                first = file.read(2**20)
            decode.decode(b"", final=True)
        except UnicodeDecodeError:
            # the code page of Windows, which Excel writes in Western Europe and the Americas
            return "cp1252"
    return None


def _without_mark(first: bytes) -> str | None:
    """Return the UTF-16 of a text of mostly Latin letters without the mark of its order."""
    look = first[:1000]
    for name, zeros, letters in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        half = len(look) // 2
        if half and look[zeros::2].count(0) > 0.9 * half and look[letters::2].count(0) == 0:
            return name
    return None
