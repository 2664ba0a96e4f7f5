"""A column's record as JSON can hold it, and back: every field is checked, none is trusted."""

import math
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from itertools import pairwise
from typing import Any

from chainrule.foundation.errors import FileFormatError
from chainrule.interop.columns import CYCLES, Category, Column, Date, Flag, Number
from chainrule.interop.scales import Scale
from chainrule.interop.written import MARKS, Written

__all__ = ["column_from_dict", "column_to_dict"]

KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Number, Flag, Category, Date)}


def column_to_dict(column: Column) -> dict[str, Any]:
    """Return the record as JSON can hold it; `column_from_dict` is the way back."""
    return {"kind": column.kind, **asdict(column)}


def column_from_dict(record: Any) -> Column:
    """Build the column that `column_to_dict` described.

    Raises
    ------
    FileFormatError
        The record is of no known kind, lacks a field, has one too many, or one holds what the
        field cannot.
    """
    kind = KINDS.get(str(record.get("kind"))) if isinstance(record, dict) else None
    if kind is None:
        raise _damaged("a column must be a record of a known kind", record)
    names = [field.name for field in fields(kind)]
    # files of earlier versions lack what has a default
    record = {one.name: one.default for one in fields(kind) if one.default is not MISSING} | record
    if set(record) != {"kind", *names}:
        raise _damaged(f"a column of kind {kind.kind!r} must have the fields {names}", record)
    values = {}
    for name in names:
        try:
            values[name] = FIELDS[name](record[name])
        except (TypeError, ValueError, KeyError) as error:
            raise _damaged(f"a column's {name} must be as it was written", record[name]) from error
    if kind is Category and len(values["levels"]) != len(values["counts"]):
        raise _damaged("a category must have one count per level", record)
    return kind(**values)


def _damaged(rule: str, value: Any) -> FileFormatError:
    text = repr(value)
    text = text if len(text) < 200 else f"{text[:200]}..."
    return FileFormatError(f"{rule}; got {text}. The file is damaged: write it again.")


def _refuse_unless(right: bool) -> None:
    if not right:
        raise ValueError


def _as_text(value: Any) -> str:
    _refuse_unless(isinstance(value, str))
    value.encode()  # half a pair of UTF-16 is no text of a table
    return str(value)


def _as_count(value: Any) -> int:
    _refuse_unless(isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    return int(value)


def _as_number(value: Any) -> float:
    _refuse_unless(isinstance(value, int | float) and not isinstance(value, bool))
    _refuse_unless(math.isfinite(value))
    return float(value)


def _as_share(value: Any) -> float:
    share = _as_number(value)
    _refuse_unless(0.0 <= share <= 1.0)
    return share


def _as_scale(value: Any) -> Scale | None:
    if value is None:
        return None
    _refuse_unless(set(value) == {"center", "spread"})
    scale = Scale(_as_number(value["center"]), _as_number(value["spread"]))
    _refuse_unless(scale.spread > 0.0)
    return scale


def _as_bound(value: Any) -> float | None:
    return None if value is None else _as_number(value)


def _as_written(value: Any) -> Written | str:
    """Return how numbers are written, or the format of dates."""
    if isinstance(value, Written | str):
        return value
    value = {"marks": ()} | value  # which files of earlier versions lack
    _refuse_unless(set(value) == {"decimal", "unit", "marks"} and value["decimal"] in (".", ","))
    marks = _as_list(value["marks"], _as_text)
    _refuse_unless(list(marks) == [one for one in MARKS if one in marks])
    return Written(value["decimal"], _as_text(value["unit"]), marks)


def _as_list(value: Any, read: Callable[[Any], Any]) -> tuple[Any, ...]:
    _refuse_unless(isinstance(value, list | tuple))
    return tuple(read(item) for item in value)


def _as_edges(value: Any) -> tuple[float, ...]:
    edges = _as_list(value, _as_number)
    _refuse_unless(len(edges) != 1 and all(low < high for low, high in pairwise(edges)))
    return edges


def _as_levels(value: Any) -> tuple[str, ...]:
    levels = _as_list(value, _as_text)
    _refuse_unless(len(set(levels)) == len(levels) > 0)
    return levels


def _as_counts(value: Any) -> tuple[int, ...]:
    counts = _as_list(value, _as_count)
    _refuse_unless(all(counts))
    return counts


def _as_cycles(value: Any) -> tuple[str, ...]:
    cycles = _as_list(value, _as_text)
    _refuse_unless(list(cycles) == [part for part in CYCLES if part in cycles])
    return cycles


# A field of one name holds the same thing in every kind of column.
FIELDS: dict[str, Callable[[Any], Any]] = {
    "name": _as_text,
    "scale": _as_scale,
    "year": _as_scale,
    "share": _as_share,
    "missing": _as_count,
    "strays": _as_count,
    "others": _as_count,
    "other_levels": _as_count,
    "levels": _as_levels,
    "counts": _as_counts,
    "cycles": _as_cycles,
    "written": _as_written,
    "low": _as_bound,
    "high": _as_bound,
    "edges": _as_edges,
}
