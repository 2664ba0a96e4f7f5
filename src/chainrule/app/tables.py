"""People's files, read as tables and written as tables; every failure is one sentence."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import polars as pl

from chainrule.app.array_files import ARRAY, array_table
from chainrule.app.column_types import typed
from chainrule.app.limited_memory import tells_of_memory
from chainrule.app.reading import AS_FOUND, Reading
from chainrule.app.spooling import is_stream, is_zstd, spooled
from chainrule.app.sums import without_sums
from chainrule.app.text_files import read_text
from chainrule.foundation.errors import InputError, suggest
from chainrule.foundation.files import write_whole
from chainrule.foundation.memory import check_file
from chainrule.interop.cells import Tell, nothing

__all__ = [
    "BUILT_IN",
    "TARGET",
    "TEXT_SUFFIXES",
    "built_in_table",
    "is_built_in",
    "read_table",
    "suffix_of",
    "write_table",
    "writer_of",
]

BUILT_IN = ("digits", "iris", "wine", "breast_cancer", "diabetes")
"""The sets that scikit-learn ships; their target is the column ``target``."""

TARGET = "target"
SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
# What is read as separated values, whatever the separator; also compressed, with .gz behind it.
TEXT_SUFFIXES = (*SEPARATORS, ".txt", ".tab", ".data", ".dat", ".psv")
READ = (*TEXT_SUFFIXES, ".csv.gz", ".parquet", ".jsonl", ".ndjson", ".json")
READ = (*READ, ".feather", ".arrow", ".ipc", ".xlsx", ARRAY)
# What may carry the suffix of a text file, by its first bytes.
OTHER_KINDS = {
    b"PK\x03\x04": "a zip archive or an Excel file. Unpack it, or save its sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel file of the old kind. Save its sheet as CSV",
    b"PAR1": "a Parquet file. Name it .parquet",
    b"ARROW1": "an Arrow file. Name it .arrow",
    b"SQLite format 3": "a database of SQLite. Write its table as CSV",
    b"%PDF-": "a PDF document. Copy its table into a CSV file",
    b"BZh": "compressed by bzip2. Decompress it",
    b"\xfd7zXZ": "compressed by xz. Decompress it",
    b"\x89HDF": "an HDF5 file. Write its table as CSV",
    b"<!DOCTYPE": "a page of HTML. Download the file itself, or copy its table into a CSV file",
    b"<html": "a page of HTML. Download the file itself, or copy its table into a CSV file",
    b"<?xml": "an XML document. Write its table as CSV",
}


def is_built_in(data: str) -> bool:
    """Say whether ``data`` names a built-in set; a file of that name goes first."""
    return data in BUILT_IN and not Path(data).exists()


def read_table(
    data: str,
    *,
    reading: Reading = AS_FOUND,
    texts: Sequence[str] = (),
    tell: Tell = nothing,
) -> pl.DataFrame:
    """Return the table that a file or the name of a built-in set stands for.

    Parameters
    ----------
    data : str
        A file of separated values, Parquet, Arrow IPC (Feather), JSON or Excel, or an array (.npy),
        by its suffix; a folder of Parquet parts; ``-`` for standard input; or a name of `BUILT_IN`.
    reading : Reading, optional
        How to read a text file, where that is not to be found out.
    texts : sequence of str, optional
        Columns whose cells stay text, such as categories of a model.
    tell : callable, optional
        Receives one sentence per guess.

    Raises
    ------
    InputError
        The file is not there, empty, without rows, ragged, damaged, or of a suffix that is not
        read.

    Examples
    --------
    >>> read_table("iris").columns[-1]
    'target'
    """
    if is_built_in(data):
        return built_in_table(data)
    if is_stream(data) or is_zstd(Path(data)):
        with spooled(data) as place:
            return read_table(str(place), reading=reading, texts=texts, tell=tell)
    path = Path(data)
    if re.match(r"[a-z][a-z0-9]+:/", data):
        raise InputError(f"the data must be a file of this machine; got {data}. Download it first.")
    if path.is_dir() and not any(path.glob("*.parquet")):
        raise InputError(f"the data must be a file; got the folder {data!r}. Name a file in it.")
    if not path.exists():
        raise InputError(_not_there(path))
    suffix = suffix_of(path)
    if path.is_dir():
        suffix = ".parquet"
    if suffix not in READ:
        raise InputError(
            f"the data must be a {', '.join(READ)} file; got {path.name}. "
            "Save it in one of these formats, or give the file its right suffix."
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{data} must hold a table; the file is empty.")
        if suffix in TEXT_SUFFIXES:
            _check_kind(path)
            check_file(path.name, path.stat().st_size)
            frame = typed(path, read_text(path, reading, tell, texts), reading, tell, texts)
        else:
            frame = _read(path, suffix)
    except (InputError, MemoryError):
        raise
    except BaseException as error:  # of polars or DuckDB, whose classes are many
        if tells_of_memory(error):
            raise MemoryError(f"reading {path} takes more than there is") from error
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(_unreadable(path, suffix, error)) from error
    if reading.skip_footer is None:
        frame = without_sums(frame, path.name, tell)
    if frame.height == 0:
        raise InputError(
            f"{data} must hold at least one row; it has a header and no rows."
            if frame.width
            else f"{data} must hold a table; it has no rows and no columns."
        )
    return frame


def suffix_of(path: Path) -> str:
    """Return the suffix that says how a file is read: that below .gz, for text."""
    suffix = path.suffix.lower()
    if suffix != ".gz":
        return suffix
    below = Path(path.stem).suffix.lower()
    return below if below in TEXT_SUFFIXES else suffix


def built_in_table(name: str) -> pl.DataFrame:
    """Return a set of `BUILT_IN`, whatever files there are."""
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    labels = bunch.target
    if (names := bunch.get("target_names")) is not None:
        labels = [str(names[number]) for number in labels]
        if all(label.isdigit() for label in labels):
            labels = [int(label) for label in labels]
    columns = {str(name): bunch.data[:, n] for n, name in enumerate(bunch.feature_names)}
    return pl.DataFrame(columns | {TARGET: labels})


def _read(path: Path, suffix: str) -> pl.DataFrame:
    if suffix == ".parquet":
        frame = pl.read_parquet(path / "*.parquet" if path.is_dir() else path)
    elif suffix == ".xlsx":
        frame = _excel(path)
    elif suffix == ARRAY:
        frame = array_table(path)
    elif suffix in (".feather", ".arrow", ".ipc"):
        frame = pl.read_ipc(path)
    else:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        if content.lstrip().startswith(b"["):
            frame = pl.read_json(io.BytesIO(content), infer_schema_length=None)
        else:
            frame = pl.read_ndjson(io.BytesIO(content), infer_schema_length=None)
            if frame.height == 1 and all(kind.is_nested() for kind in frame.dtypes):
                raise InputError(
                    f"{path} must hold a record for each row; it holds one of columns. Write "
                    "records: in pandas, to_json(path, orient='records')."
                )
    # whole numbers as databases write them
    whole = [
        name
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Decimal) and kind.scale == 0
    ]
    return frame.with_columns(pl.col(whole).cast(pl.Int64, strict=False)) if whole else frame


def _excel(path: Path) -> pl.DataFrame:
    """Return the first sheet."""
    if find_spec("fastexcel") is None:
        raise InputError(
            f"{path} is an Excel file, which needs fastexcel. Install it: "
            "pip install 'chainrule[excel]'; or save the sheet as CSV."
        )
    return pl.read_excel(path, engine="calamine", infer_schema_length=None)


def _check_kind(path: Path) -> None:
    """Refuse files of other kinds that carry the suffix of a text file."""
    with path.open("rb") as file:
        first = file.read(64).removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, what in OTHER_KINDS.items():
        if first.lower().startswith(mark.lower()):
            raise InputError(f"{path} must be text; it is {what}.")


def _not_there(path: Path) -> str:
    sentence = f"the data must be a file or a built-in set ({', '.join(BUILT_IN)}); "
    folder = path.parent
    if not folder.is_dir():
        return f"{sentence}there is no folder {folder}. Check the path."
    beside = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in READ]
    names = beside if path.suffix else [*BUILT_IN, *beside]
    advice = suggest(path.name, sorted(names)) or "Check the path."
    return f"{sentence}there is no {path}. {advice}"


def _unreadable(path: Path, suffix: str, error: BaseException) -> str:
    """Return what is wrong with a file that could not be read."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read {path}: {error.strerror}. Check the path and its permissions."
    what = {
        **dict.fromkeys(TEXT_SUFFIXES, "a table of separated values"),
        ".parquet": "a Parquet file",
        ".xlsx": "an Excel file",
        **dict.fromkeys((".feather", ".arrow", ".ipc"), "an Arrow file"),
    }
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"{path} must be {what.get(suffix, 'a JSON-lines file, one record per line')}; "
        f"it cannot be read: {reason[:200]}. Write it again, or check its suffix."
    )


def writer_of(path: Path) -> Callable[[pl.DataFrame, IO[bytes]], object]:
    """Return what writes a table in the format of a file's suffix."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return lambda frame, file: frame.write_parquet(file)
    if suffix in (".jsonl", ".ndjson"):
        return lambda frame, file: frame.write_ndjson(file)
    if suffix in SEPARATORS:
        return lambda frame, file: frame.write_csv(file, separator=SEPARATORS[suffix])
    raise InputError(
        f"--out must end in one of {', '.join(SUFFIXES)}; got {path.name or str(path)!r}. "
        "The suffix decides the format."
    )


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a table by the file's suffix, whole or not at all."""
    write_whole(path, lambda file: writer_of(path)(frame, file))
