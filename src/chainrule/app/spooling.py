"""Tables that are no plain file: standard input, pipes and zstd, copied beside for as long as read.

Readers look at a file more than once, and seek in it.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from chainrule.app.stopping import wake_on_signals
from chainrule.foundation.errors import InputError

__all__ = ["is_stream", "is_zstd", "spooled"]

STDIN = ("-", "/dev/stdin")
ZSTD = b"\x28\xb5\x2f\xfd"
# What a stream holds, by its first bytes; else it is text.
KINDS = {
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
    b"PK\x03\x04": ".xlsx",
    b"\x1f\x8b": ".csv.gz",
    ZSTD: ".csv.zst",
    b"{": ".jsonl",
    b"[": ".jsonl",
}


def is_stream(data: str) -> bool:
    """Say whether data are read from standard input, a pipe or a device."""
    path = Path(data)
    return data in STDIN or (path.exists() and not path.is_file() and not path.is_dir())


def is_zstd(path: Path) -> bool:
    """Say whether a file is compressed by zstd."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ZSTD)) == ZSTD


@contextmanager
def spooled(data: str) -> Iterator[Path]:
    """Give a plain file with what a stream or a compressed file holds, while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "stdin"
        wake_on_signals()
        if data in STDIN:
            _copy(sys.stdin.buffer, place)
        elif is_stream(data):
            with open(data, "rb") as source:
                _copy(source, place)
        else:
            place = Path(folder) / Path(data).name.removesuffix(".zst")
            with Path(data).open("rb") as source:
                _decompress(source, place)
            yield place
            return
        with place.open("rb") as file:
            first = file.read(8)
        suffix = next((kind for mark, kind in KINDS.items() if first.startswith(mark)), ".csv")
        yield place.rename(place.with_name(f"stdin{suffix}"))


def _copy(source: IO[bytes], place: Path) -> None:
    with place.open("wb") as into:
        shutil.copyfileobj(source, into, 2**20)


def _decompress(source: IO[bytes], place: Path) -> None:
    try:
        import zstandard
    except ModuleNotFoundError:
        raise InputError(
            "a file compressed by zstd needs the package zstandard. Install it, or decompress the "
            "file."
        ) from None
    with place.open("wb") as into:
        zstandard.ZstdDecompressor().copy_stream(source, into)
