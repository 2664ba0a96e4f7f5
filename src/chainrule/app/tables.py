"""People's files, read as tables and written as tables; every failure is one sentence."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import IO

import polars as pl

from chainrule.foundation.errors import InputError, suggest
from chainrule.foundation.files import write_whole
from chainrule.interop.cells import Tell, nothing
from chainrule.interop.columns import listed

__all__ = ["BUILT_IN", "TARGET", "is_built_in", "read_table", "write_table", "writer_of"]

BUILT_IN = ("digits", "iris", "wine", "breast_cancer", "diabetes")
"""The sets that scikit-learn ships; their target is the column ``target``."""

TARGET = "target"
SEPARATORS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")


def is_built_in(data: str) -> bool:
    """Say whether ``data`` names a built-in set; a file of that name goes first."""
    return data in BUILT_IN and not Path(data).exists()


def read_table(data: str, *, tell: Tell = nothing) -> pl.DataFrame:
    """Return the table that a file or the name of a built-in set stands for.

    Parameters
    ----------
    data : str
        A CSV, TSV, Parquet or JSON-lines file by its suffix, or a name of `BUILT_IN`.
    tell : callable, optional
        Receives one sentence per guess.

    Raises
    ------
    InputError
        The file is not there, empty, without rows, ragged, damaged, not UTF-8, or of a suffix that
        is not read.

    Examples
    --------
    >>> read_table("iris").columns[-1]
    'target'
    """
    if is_built_in(data):
        return _built_in(data)
    path = Path(data)
    if path.is_dir():
        raise InputError(f"the data must be a file; got the folder {data!r}. Name a file in it.")
    if not path.exists():
        raise InputError(_not_there(path))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"the data must be a {', '.join(SUFFIXES)} file; got {path.name}. "
            "Save it in one of these formats, or give the file its right suffix."
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{data} must hold a table; the file is empty.")
        frame = _read(path, suffix, tell)
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        raise InputError(_unreadable(path, suffix, error)) from error
    if frame.height == 0:
        raise InputError(
            f"{data} must hold at least one row; it has a header and no rows."
            if frame.width
            else f"{data} must hold a table; it has no rows and no columns."
        )
    return frame


def _built_in(name: str) -> pl.DataFrame:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    labels = bunch.target
    if (names := bunch.get("target_names")) is not None:
        labels = [str(names[number]) for number in labels]
        if all(label.isdigit() for label in labels):
            labels = [int(label) for label in labels]
    columns = {str(name): bunch.data[:, n] for n, name in enumerate(bunch.feature_names)}
    return pl.DataFrame(columns | {TARGET: labels})


def _read(path: Path, suffix: str, tell: Tell) -> pl.DataFrame:
    if suffix == ".parquet":
        return pl.read_parquet(path)
    if suffix in (".jsonl", ".ndjson"):
        return pl.read_ndjson(path, infer_schema_length=None)
    separator = SEPARATORS[suffix]
    frame = _read_text(path, separator)
    _check_header(path, frame, separator)
    if frame.width == 1:
        found = next((mark for mark in ";\t|," if mark in frame.columns[0]), None)
        if found is not None and found != separator:
            named = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}[found]
            tell(f"{path.name} is separated by {named}")
            separator, frame = found, _read_text(path, found)
            _check_header(path, frame, separator)
    # Polars fills short rows with missing cells: a row too short has its last cell missing.
    if frame.height and frame.width > 1 and frame[:, -1].null_count():
        ragged = _ragged_line(path, separator, short=True)
        if ragged is not None:
            raise InputError(ragged)
    return frame


def _read_text(path: Path, separator: str) -> pl.DataFrame:
    return pl.read_csv(path, separator=separator, infer_schema_length=None)


def _check_header(path: Path, frame: pl.DataFrame, separator: str) -> None:
    """Refuse names that polars made up for those that are not UTF-8, or stand there twice."""
    text = "".join(frame.columns)
    if "\ufffd" in text and (wrong := _not_utf8(path)):
        raise InputError(wrong)
    if "_duplicated_" not in text:
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file, delimiter=separator), [])
    for name in names:
        places = [number for number, one in enumerate(names, start=1) if one == name]
        if len(places) > 1:
            raise InputError(
                f"{path} must have columns of different names; {name!r} is the name of columns "
                f"{listed(list(map(str, places[:-1])))} and {places[-1]}. Rename "
                f"{'one of them' if len(places) == 2 else 'all but one of them'}."
            )


def _not_there(path: Path) -> str:
    sentence = f"the data must be a file or a built-in set ({', '.join(BUILT_IN)}); "
    folder = path.parent
    if not folder.is_dir():
        return f"{sentence}there is no folder {folder}. Check the path."
    beside = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES]
    names = beside if path.suffix else [*BUILT_IN, *beside]
    advice = suggest(path.name, sorted(names)) or "Check the path."
    return f"{sentence}there is no {path}. {advice}"


def _unreadable(path: Path, suffix: str, error: Exception) -> str:
    """Return what is wrong with a file that could not be read."""
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read {path}: {error.strerror}. Check the path and its permissions."
    if suffix in SEPARATORS:
        try:
            text = _not_utf8(path) or _ragged_line(path, SEPARATORS[suffix])
        except (OSError, csv.Error):
            text = None
        if text:
            return text
    what = {".parquet": "a Parquet file", ".csv": "a CSV file", ".tsv": "a TSV file"}
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"{path} must be {what.get(suffix, 'a JSON-lines file, one record per line')}; "
        f"it cannot be read: {reason[:200]}. Write it again, or check its suffix."
    )


def _not_utf8(path: Path) -> str | None:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"{path} must be UTF-8 text; line {number} holds the byte "
                    f"0x{line[error.start]:02x}. Save it as UTF-8."
                )
    return None


def _ragged_line(path: Path, separator: str, short: bool = False) -> str | None:
    """Return what is wrong with the first line that has more cells than the header, or fewer."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, delimiter=separator)
        width = len(next(lines, []))
        for cells in lines:
            if len(cells) > width or (short and 0 < len(cells) < width):
                return (
                    f"{path} must have {width} cells in each line, as its header has; line "
                    f"{lines.line_num} has {len(cells)}. Correct the line, or quote cells that "
                    "hold the separator."
                )
    return None


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
        f"--out must end in one of {', '.join(SUFFIXES)}; got {path.name}. "
        "The suffix decides the format."
    )


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """Write a table by the file's suffix, whole or not at all."""
    write_whole(path, lambda file: writer_of(path)(frame, file))
