"""Tables of separated values, written as Parquet once: text cannot be read from the middle."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chainrule.foundation.errors import InputError

__all__ = ["TEXTS", "TextFolder", "write_parquet"]

# How the names of such files end.
TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
GROUP_ROWS = 2**16
# The bytes that the conversion may take; DuckDB's own least is about 100 MB.
MEMORY = 256 * 10**6


class TextFolder:
    """A temporary folder of texts as Parquet, which is removed with it; TMPDIR says where."""

    def __init__(self) -> None:
        self._folder: Path | None = None  # while there is no text
        self._texts = 0

    def readable(self, path: Path) -> Path:
        """Return a file that can be read in blocks: itself, or a text as Parquet."""
        if not path.name.lower().endswith(TEXTS):
            return path
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="chainrule-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._texts += 1
        place = self._folder / f"{self._texts}.parquet"
        write_parquet(path, place)
        return place


def write_parquet(
    file: Path, place: Path, options: Mapping[str, Any] | None = None, *, memory: int = MEMORY
) -> None:
    """Write a table of separated values as Parquet, in the order of its rows.

    Types are those that the first rows suggest; where they do not hold further down, all columns
    stay text. ``options`` are those of DuckDB's ``read_csv``.

    Raises
    ------
    InputError
        It is no such table, or DuckDB is not installed.
    duckdb.OutOfMemoryException
        The conversion takes more memory.
    """
    try:
        import duckdb
    except ImportError as error:
        raise InputError(
            f"{file.name} must be read by DuckDB first. Install it: pip install 'chainrule[app]', "
            "or save the table as Parquet."
        ) from error
    given = dict(options or {})
    arguments = "".join(f", {name} := ${name}" for name in given)
    config = {"memory_limit": f"{memory // 10**6}MB", "temp_directory": str(place.parent)}
    quoted = str(place).replace("'", "''")
    for all_text in ("false", "true"):
        query = (
            f"copy (select * from read_csv($file, all_varchar := {all_text}{arguments})) "  # noqa: S608 (ours)
            f"to '{quoted}' (format parquet, row_group_size {GROUP_ROWS})"
        )
        try:
            with duckdb.connect(":memory:", config=dict(config)) as database:
                database.execute("set enable_progress_bar = false; set threads = 1")
                database.execute(query, {"file": str(file), **given})
            return
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0][:200]
            if all_text == "true" or "onversion" not in reason:
                raise InputError(
                    f"{file} must be a table of separated values; it cannot be read: {reason}"
                ) from error
