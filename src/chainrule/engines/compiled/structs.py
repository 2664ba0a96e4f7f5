"""Rows of a record in memory, written by Python under the kinds that machine code reads them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from llvmlite import ir

from chainrule.engines.compiled.kinds import (
    BYTES,
    NUMBERS,
    Address,
    Entry,
    EntryPoint,
    Field,
    KindError,
    Record,
    fits,
    named,
    real,
)
from chainrule.engines.compiled.memory import address_of

__all__ = ["Place", "Table", "addresses"]

_DTYPES = {
    ir.FloatType(): np.dtype(np.float32),
    ir.DoubleType(): np.dtype(np.float64),
    ir.IntType(32): np.dtype(np.int32),
    ir.IntType(64): np.dtype(np.int64),
}


@dataclass(frozen=True, eq=False)
class Place:
    """A place in an array, so many elements behind its beginning; several for several rows."""

    array: np.ndarray
    offset: Any

    @property
    def address(self) -> Any:
        """The address in memory."""
        return address_of(self.array) + self.offset * self.array.itemsize


class Table:
    """One row of a record, or an array of rows.

    A field takes what its kind says: a whole number; an array, a `Place` or another table for an
    address; an `EntryPoint` for an entry; None for a null. What an address points to is kept as
    long as the field holds it.

    Parameters
    ----------
    record : type of Record
        The fields.
    numbers : dtype
        Of arrays of `NUMBERS`.
    shape : tuple of int
        Of the array of rows; a single row by default.
    """

    def __init__(self, record: type[Record], numbers: Any, shape: tuple[int, ...] = ()) -> None:
        self.record = record
        self.numbers = numbers if isinstance(numbers, np.dtype) else np.dtype(numbers)
        self._dtypes, dtype = _dtypes(record.fields, self.numbers)
        self.values = np.zeros((*shape, len(record.fields)), dtype)
        # what addresses were made of, by row and field; of joined rows, in the tables of before
        self.kept: dict[Any, Any] = {}
        self._joined: Sequence[Table] = ()
        self._at: tuple[int, ...] = ()
        self._cells: Any = _cells(self.values)

    @classmethod
    def joined(cls, record: type[Record], numbers: Any, tables: "Sequence[Table]") -> "Table":
        """Return the rows of several tables, one after the other."""
        made = cls(record, numbers, (sum(map(len, tables)),))
        if tables:
            made.values[:] = np.concatenate([table.values for table in tables])
        made._joined = tables
        return made

    def row(self, *index: int) -> "Table":
        """Return a row, which shares its memory with the table."""
        found = object.__new__(Table)
        found.record, found.numbers, found._dtypes = self.record, self.numbers, self._dtypes
        found.kept, found._joined = self.kept, self._joined
        found.values, found._at = self.values[index], (*self._at, *index)
        found._cells = _cells(found.values)
        return found

    def __len__(self) -> int:
        return len(self.values)

    @property
    def address(self) -> int:
        """The address of the first row."""
        return address_of(self.values)

    def __getitem__(self, field: Field) -> Any:
        self._must_have(field)
        found = self.values[..., field.index]
        return found if found.ndim else found.item()

    def __setitem__(self, field: Field, value: Any) -> None:
        """Write a field of the row, or of all rows.

        Raises
        ------
        KindError
            If the field is of another record, or the value not of its kind.
        """
        if field.record is not self.record:
            self._must_have(field)
        index, number = field.index, value
        if field.points:
            key = (*self._at, index) if self._at else index
            # a step of a small network takes microseconds: what is there already is not looked at
            if value is not None and self.kept.get(key) is value:
                return
            if type(value) is np.ndarray and value.dtype is self._dtypes[index]:
                number = address_of(value)
            else:
                number = self._target(field, value)
            self.kept[key] = value
        elif isinstance(value, np.ndarray) and value.dtype.kind not in "iub":
            raise KindError(f"{field} must be whole numbers; got an array of {value.dtype}.")
        try:
            self._cells[index] = number
        except TypeError:
            raise KindError(f"{field} must be a whole number; got {value!r}.") from None

    def array_of(self, field: Field) -> Any:
        """Return what an address or an entry was made of; None for a null."""
        if not self._joined:
            return self.kept.get(self._key(field.index))
        (number,) = self._at
        for table in self._joined:
            if number < len(table):
                break
            number -= len(table)
        found = table.kept.get(field.index)
        return Place(found.array, found.offset[number]) if isinstance(found, Place) else found

    def _key(self, index: int) -> Any:
        return (*self._at, index) if self._at else index

    def _must_have(self, field: Field) -> None:
        if field.record is not self.record:
            raise KindError(f"a {self.record.__name__} has no field {field}.")

    def _target(self, field: Field, value: Any) -> Any:
        """Return the address of what a field is set to."""
        if value is None:
            return 0
        if isinstance(field.kind, Entry):
            return _entry(field, value)
        array = value.array if isinstance(value, Place) else value
        if not (isinstance(array, np.ndarray) and self._is_held(field, array)):
            self._must_fit(field, array)
        return value.address if isinstance(value, Place | Table) else address_of(value)

    def _is_held(self, field: Field, array: np.ndarray) -> bool:
        """Return whether a field may point to the elements of an array."""
        expected = self._dtypes[field.index]
        return expected is array.dtype or expected == array.dtype or field.kind.of is BYTES

    def _must_fit(self, field: Field, given: Any) -> None:
        """Refuse what is no table of the right record either."""
        kind: Any = str(given.dtype) if isinstance(given, np.ndarray) else type(given)
        if isinstance(given, Table):
            kind = BYTES if field.kind.of is BYTES else given.record
        if not fits(Address(kind), field.kind):
            raise KindError(
                f"{field} must be the {named(field.kind)}; got {named(kind)}. Give an array of "
                "that kind, or a Place in one."
            )


@lru_cache(maxsize=32)
def _dtypes(fields: tuple[Field, ...], numbers: np.dtype[Any]) -> tuple[list[Any], Any]:
    """Return the dtype that each field points to, and that of the fields themselves."""
    found: list[Any] = []
    for field in fields:
        of = field.kind.of if isinstance(field.kind, Address) else None
        inner = np.dtype(np.int64) if isinstance(of, Address) else None  # an array of addresses
        found.append(numbers if of is NUMBERS else inner or _DTYPES.get(of))
    all_real = all(field.kind == real for field in fields)
    return found, np.float64 if all_real else np.int64


def _entry(field: Field, value: EntryPoint) -> int:
    if value.signature is not field.kind.signature and value.signature != field.kind.signature:
        raise KindError(
            f"{field} must be a function of ({field.kind.signature}); got one of "
            f"({value.signature})."
        )
    return value.address


def _cells(values: np.ndarray) -> Any:
    """Return the fields of a row, or of many rows, to be written by their index."""
    # of a row, in half the time of an array of NumPy; `T` in a fifth of the time of `moveaxis`
    if values.ndim == 1:
        return values.data
    return values.T if values.ndim == 2 else np.moveaxis(values, -1, 0)


def addresses(arrays: Sequence[np.ndarray]) -> list[int]:
    """Return the addresses of arrays."""
    return [address_of(array) for array in arrays]
