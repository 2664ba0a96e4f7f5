"""Headers of safetensors files, read with bounds: a size is compared with the file before use."""

import json
import math
import re
from typing import Any, NamedTuple

import numpy as np

__all__ = ["DEEPEST", "Header", "Place", "check_nesting", "parsed_header"]

# Records within records; a user's notes on a training may be nested, too.
DEEPEST = 64
# A header holds records of tensors, whose shapes are lists.
DEEPEST_HEADER = 3
DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"F{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
# Nothing is kept to go back to, and a text without an end is one match: the time is linear.
MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


class Place(NamedTuple):
    """The place of an array in the data of a file, in bytes, with its kind of numbers."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """The metadata of a file, and its arrays in the order of their bytes."""

    metadata: dict[str, Any]
    places: list[Place]

    @property
    def size(self) -> int:
        """The bytes of all arrays."""
        return self.places[-1].end if self.places else 0


def check_nesting(text: str, deepest: int) -> None:
    """Refuse JSON with records too deep within records, before a parser follows them.

    Examples
    --------
    >>> check_nesting('{"a": [1, "]["]}', 2)
    >>> check_nesting("[" * 10**6, 64)
    Traceback (most recent call last):
    ...
    ValueError: the records are nested more than 64 deep
    """
    depth = 0
    for mark in MARKS.finditer(text):
        if mark.lastindex == 1:
            depth += 1
            if depth > deepest:
                raise ValueError(f"the records are nested more than {deepest} deep")
        elif mark.lastindex == 2:
            depth -= 1


def parsed_header(contents: bytes) -> Header:
    """Return the header in these bytes.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        It is none: arrays overlap, leave gaps, or are not of their sizes.
    """
    text = contents.decode("utf-8")
    del contents  # as large as the text
    check_nesting(text, DEEPEST_HEADER)
    record = json.loads(text)
    metadata = record.pop("__metadata__")
    places = sorted((_place(name, one) for name, one in record.items()), key=_in_file)
    end = 0
    for place in places:
        if place.begin != end:
            raise ValueError("arrays overlap or leave gaps")
        end = place.end
    return Header(metadata, places)


def _place(name: str, record: dict[str, Any]) -> Place:
    if set(record) != {"dtype", "shape", "data_offsets"}:
        raise ValueError("an array lacks a field, or has one too many")
    dtype, shape = DTYPES[record["dtype"]], tuple(map(_count, record["shape"]))
    begin, end = map(_count, record["data_offsets"])
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError("an array is not of its size")
    return Place(name, dtype, shape, begin, end)


def _in_file(place: Place) -> tuple[int, int]:
    return place.begin, place.end


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a size must be a whole number of at least 0")
    return value
