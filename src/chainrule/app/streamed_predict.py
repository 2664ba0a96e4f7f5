"""Predictions for a file that memory does not hold: block by block, written as they come."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from chainrule.app.large_files import LargeFile, as_parquet
from chainrule.app.reading import Reading
from chainrule.app.report import Report
from chainrule.app.row_weights import weight_name
from chainrule.app.table_models import TableModel
from chainrule.app.wanted import Wanted
from chainrule.blocks.drawing import drawn
from chainrule.blocks.tables import TableFiles
from chainrule.foundation.errors import InputError
from chainrule.foundation.files import write_whole
from chainrule.foundation.wording import counted

__all__ = ["Judged", "predict_streamed"]

# A cell of a block is this many bytes, prepared and answered; the share of memory for a block.
CELL, SHARE = 64, 0.25
FEWEST_ROWS, MOST_ROWS = 2**10, 2**16
# The result is that of at most so many rows.
MOST_JUDGED = 200_000
# Parts of blocks that are kept before they become one.
MOST_FRAMES = 32
NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows and their answers, to compare with the targets.

    Attributes
    ----------
    frame : polars.DataFrame
        All rows, or a part of them drawn at random.
    answers, predicted : ndarray
        What the model says of them.
    rows : int
        The number of all rows.
    """

    frame: pl.DataFrame
    answers: np.ndarray
    predicted: np.ndarray
    rows: int


def predict_streamed(
    model: TableModel,
    large: LargeFile,
    wanted: Wanted,
    *,
    out: Path | None,
    reading: Reading,
    keep: Sequence[str],
    strict: bool,
    as_json: bool,
    report: Report,
) -> Judged | None:
    """Write the prediction of every row; return rows to be judged, where targets are there."""
    more = "" if large.given else "; --memory sets the limit"
    report.note(
        f"{large.path.name} is read in blocks: as a whole it takes about "
        f"{large.needed / 1e9:.2g} GB, and may take {large.memory / 1e9:.2g} GB{more}"
    )
    with as_parquet(large.path, reading, memory=large.memory, report=report) as place:
        table = TableFiles(place)
        rows = int(large.memory * SHARE) // (CELL * len(table.schema))
        table = table.in_blocks_of(min(MOST_ROWS, max(FEWEST_ROWS, rows)))
        answered = _Answered(model, table, wanted, keep, strict)
        if out is None:
            _write_text(answered, sys.stdout.write, as_json)
            sys.stdout.flush()
        elif out.suffix.lower() == ".parquet":
            _write_parquet(answered, out)
        else:
            write_whole(out, lambda file: _write_rows(answered, file, out))
    for sentence in answered.surprises.values():
        report.note(sentence)
    if out is not None:
        report.line(f"{counted(answered.rows, 'prediction')} in {out}")
    return answered.judged()


class _Answered:
    """The blocks of a table with their answers, and what was seen on the way."""

    def __init__(
        self,
        model: TableModel,
        table: TableFiles,
        wanted: Wanted,
        keep: Sequence[str],
        strict: bool,
    ) -> None:
        self.model, self.table, self.wanted, self.keep = model, table, wanted, keep
        self.strict, self.rows = strict, 0
        self.surprises: dict[str, str] = {}
        self._frames: list[pl.DataFrame] = []
        self._answers: list[np.ndarray] = []
        self._predicted: list[np.ndarray] = []

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the predictions of each block."""
        total = sum(self.table.block_rows)
        named = (self.model.target, weight_name(self.model.training))
        aside = [one for one in named if one is not None and one in self.table.schema]
        for i in range(self.table.n_blocks):
            frame = self.table.frame(i)
            told: list[str] = []
            answers = self.model.answers(frame, told.append, self.keep)
            self._note(told)
            columns = self.wanted.columns(self.model, frame, answers)
            if self.model.target in aside:
                some = drawn(0, self.rows, frame.height, MOST_JUDGED / total)
                self._frames.append(frame.select(aside).filter(some))
                self._answers.append(answers[some])
                self._predicted.append(columns["prediction"][some])
                if len(self._frames) > MOST_FRAMES:
                    self._join()
            self.rows += frame.height
            kept = [frame[name] for name in self.keep]
            yield pl.DataFrame([*kept, *pl.DataFrame(columns).get_columns()])

    def _note(self, told: Sequence[str]) -> None:
        """Keep each surprise once: what is said of later blocks differs in its numbers."""
        if told and self.strict:
            raise InputError(
                "the table must be like that of training, as --strict asks; "
                f"{told[0]}{self._place()}."
            )
        for sentence in told:
            kind = NUMBER.sub("", sentence.partition(", the first")[0])
            self.surprises.setdefault(kind, f"{sentence}{self._place()}")

    def _place(self) -> str:
        return f" of the rows after row {self.rows:,}" if self.rows else ""

    def judged(self) -> Judged | None:
        """Return the rows with a target."""
        if not self._frames:
            return None
        self._join()
        return Judged(self._frames[0], self._answers[0], self._predicted[0], self.rows)

    def _join(self) -> None:
        """Make one of many small parts: each takes some memory of its own."""
        self._frames = [pl.concat(self._frames, rechunk=True)]
        self._answers = [np.concatenate(self._answers)]
        self._predicted = [np.concatenate(self._predicted)]


def _write_text(
    answered: _Answered, write: Callable[[str], object], as_json: bool, separator: str = ","
) -> None:
    for number, frame in enumerate(answered):
        if as_json:
            write(frame.write_ndjson())
        else:
            write(frame.write_csv(include_header=number == 0, separator=separator))


def _write_rows(answered: _Answered, file: IO[bytes], out: Path) -> None:
    """Write predictions into a file of lines."""
    lines = out.suffix.lower() in (".jsonl", ".ndjson")
    separator = "\t" if out.suffix.lower() == ".tsv" else ","
    _write_text(answered, lambda text: file.write(text.encode()), lines, separator)


def _write_parquet(answered: _Answered, out: Path) -> None:
    """Write predictions into parts, and the parts into one file."""
    with tempfile.TemporaryDirectory(prefix="chainrule-") as folder:
        for number, frame in enumerate(answered):
            frame.write_parquet(Path(folder, f"{number:07}.parquet"))
        parts = pl.scan_parquet(Path(folder, "*.parquet"))
        write_whole(out, lambda file: parts.sink_parquet(file))
