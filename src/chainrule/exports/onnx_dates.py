"""Dates in ONNX: the text of a cell is matched, split at its marks, and read part by part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.exports.dates import (
    Digits,
    Mark,
    Token,
    Words,
    days_in_month,
    full_year,
    hour_of_day,
    known_day,
    tokens_of,
    weekday_of,
)
from chainrule.exports.onnx_graph import OnnxGraph
from chainrule.foundation.errors import InputError
from chainrule.tracing.formulas import formula_graph

__all__ = ["date_parts"]

DOUBLE = np.dtype(np.float64)
ISO = (
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
COMPACT, COMPACT_PATTERN = "%Y%m%d", r"[1-9]\d{3}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
# What stands in the place of a cell that is no date while the others are read.
NO_DATE = {"year": "2000", "short_year": "00", "unused": "00"}


def date_parts(graph: OnnxGraph, column: str, cells: str, written: str) -> dict[str, str]:
    """Add what reads a column of dates; return the names of its parts, NaN where none is.

    Raises
    ------
    InputError
        If ONNX cannot read the format.
    """
    return _Dates(graph, column).read(cells, written)


class _Dates:
    """The nodes that read one column of dates."""

    def __init__(self, graph: OnnxGraph, column: str) -> None:
        self._graph, self._column = graph, column
        self._hint = f"{column} date"

    def read(self, cells: str, written: str) -> dict[str, str]:
        """Return the parts of the dates."""
        if not written:
            known, fields = self._iso(cells)
        elif written == COMPACT:
            known, fields = self._compact(cells)
        else:
            known, fields = self._by_tokens(cells, tokens_of(self._column, written), written)
        return self._parts(known, fields)

    def _add(self, op: str, *inputs: str, **attributes: Any) -> str:
        return self._graph.add(op, *inputs, hint=self._hint, **attributes)

    def _number(self, value: float) -> str:
        return self._graph.constant(np.array([[value]], DOUBLE), "number")

    def _text(self, value: str) -> str:
        return self._graph.constant(np.array([[value]], dtype=object), "text")

    def _formula(self, formula: Any, **given: str) -> str:
        traced = formula_graph(formula, *given)
        return self._graph.formula_of(traced, given, DOUBLE, self._hint)

    def _matches(self, cells: str, pattern: str) -> str:
        return self._add("RegexFullMatch", cells, pattern=pattern)

    def _safe(self, cells: str, known: str, instead: str) -> str:
        """Return the cells, with a text that can be read in the place of others."""
        return self._add("Where", known, cells, self._text(instead))

    def _split(self, cells: str, mark: str) -> tuple[str, str]:
        """Return what stands before and behind the first mark, which every cell has."""
        both = self._graph.add_several(
            "StringSplit", (cells,), 2, self._hint, delimiter=mark, maxsplit=1
        )[0]
        before, behind = (
            self._add("Gather", both, self._graph.constant(np.array(side, np.int64)), axis=2)
            for side in (0, 1)
        )
        return before, behind

    def _value(self, texts: str) -> str:
        return self._graph.cast(texts, DOUBLE, self._hint)

    def _iso(self, cells: str) -> tuple[str, dict[str, str]]:
        known = self._matches(cells, ISO)
        year, rest = self._split(self._safe(cells, known, "2000-01-01"), "-")
        month, rest = self._split(rest, "-")
        # what follows the month is 31, 31T17:45 or 31 17:45
        alone = self._matches(rest, r"\d{2}")
        rest = self._add("Where", alone, self._add("StringConcat", rest, self._text("T00:")), rest)
        by_letter = self._matches(rest, r"\d{2}T.*")
        with_letter = self._split(self._safe(rest, by_letter, "01T00:"), "T")
        blank = self._add("Where", by_letter, self._text("01 00:"), rest)
        with_blank = self._split(blank, " ")
        day, clock = (
            self._add("Where", by_letter, one, other)
            for one, other in zip(with_letter, with_blank, strict=True)
        )
        hour, _ = self._split(clock, ":")
        texts = {"year": year, "month": month, "day": day, "hour": hour}
        return known, {name: self._value(text) for name, text in texts.items()}

    def _compact(self, cells: str) -> tuple[str, dict[str, str]]:
        known = self._matches(cells, COMPACT_PATTERN)
        number = self._value(self._safe(cells, known, "20000101"))

        def year(xp: Any, z: Any) -> Any:
            return xp.floor(z / 10000.0)

        def month(xp: Any, z: Any) -> Any:
            return xp.floor(z / 100.0) - 100.0 * xp.floor(z / 10000.0)

        def day(xp: Any, z: Any) -> Any:
            return z - 100.0 * xp.floor(z / 100.0)

        found = {one.__name__: self._formula(one, z=number) for one in (year, month, day)}
        return known, found

    def _by_tokens(
        self, cells: str, tokens: list[Token], written: str
    ) -> tuple[str, dict[str, str]]:
        pattern = "".join(map(_pattern, tokens))
        known = self._matches(cells, pattern)
        rest = self._safe(cells, known, "".join(map(_instead, tokens)))
        fields: dict[str, str] = {}
        for token, mark in self._pairs(tokens, written):
            text = rest
            if mark is not None:
                text, rest = self._split(rest, mark)
            if isinstance(token, Words):
                fields[token.field] = self._word(text, token)
            elif token.field != "unused":
                fields[token.field] = self._value(text)
        return known, fields

    def _pairs(
        self, tokens: list[Token], written: str
    ) -> Iterator[tuple[Digits | Words, str | None]]:
        """Yield each field with the mark behind it, if any."""
        told = [one for one in tokens if not (isinstance(one, Mark) and one.is_fraction)]
        for token, mark in zip(told[::2], [*told[1::2], None], strict=False):
            if isinstance(token, Mark) or not isinstance(mark, Mark | None):
                raise InputError(
                    f"column {self._column!r} holds dates of the format {written!r}, which ONNX "
                    "cannot split. Write the dates like 2024-05-31, and fit again."
                )
            yield token, None if mark is None else mark.text

    def _word(self, texts: str, token: Words) -> str:
        onnx = self._graph.onnx
        pairs = [
            (spelled.encode(), float(number))
            for number, word in enumerate(token.words, start=1)
            for spelled in _spellings(token, word)
        ]
        keys, numbers = zip(*dict(pairs).items(), strict=True)
        kind, make = onnx.TensorProto, onnx.helper.make_tensor
        return self._add(
            "LabelEncoder",
            texts,
            domain="ai.onnx.ml",
            keys_tensor=make("keys", kind.STRING, [len(keys)], keys),
            values_tensor=make("values", kind.DOUBLE, [len(keys)], numbers),
            default_tensor=make("default", kind.DOUBLE, [1], [0.0]),
        )

    def _parts(self, known: str, fields: dict[str, str]) -> dict[str, str]:
        if "short_year" in fields:
            fields["year"] = self._formula(full_year, short_year=fields["short_year"])
        if "half_hour" in fields:
            half = fields.get("half", self._number(1.0))
            fields["hour"] = self._formula(hour_of_day, half_hour=fields["half_hour"], half=half)
        year = fields.get("year", self._number(1970.0))
        month, day = (fields.get(name, self._number(1.0)) for name in ("month", "day"))
        weekday = self._formula(weekday_of, year=year, month=month, day=day)
        last = self._formula(days_in_month, year=year, month=month)
        named = fields.get("weekday", self._number(0.0))
        right = self._formula(known_day, day=day, last=last, weekday=weekday, named=named)
        one = self._add("Where", known, right, self._number(float("nan")))
        hour = fields.get("hour", self._number(0.0))
        found = {"year": year, "month": month, "weekday": weekday, "hour": hour}
        return {name: self._add("Mul", part, one) for name, part in found.items()}


def _spellings(token: Words, word: str) -> Iterator[str]:
    for text in (word[: token.letters], *((word,) if token.whole else ())):
        yield from (text, text.title(), text.upper())


def _pattern(token: Token) -> str:
    """Return the regular expression of a token, as RE2 reads it."""
    if isinstance(token, Digits):
        return token.pattern
    if isinstance(token, Mark):
        return r"(?:\.\d+)?" if token.is_fraction else re.escape(token.text).replace(r"\ ", " ")
    words = (spelled for word in token.words for spelled in _spellings(token, word))
    return f"(?:{'|'.join(sorted(set(words), key=len, reverse=True))})"


def _instead(token: Token) -> str:
    if isinstance(token, Digits):
        return NO_DATE.get(token.field, "01")
    return token.text if isinstance(token, Mark) else token.words[0][: token.letters]
