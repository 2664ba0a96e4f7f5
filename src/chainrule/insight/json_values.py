"""Numbers of any kind as strict JSON can hold them."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["as_json", "as_record"]


def as_json(value: Any) -> Any:
    """Return a value that ``json.dumps(value, allow_nan=False)`` takes.

    JSON has no NaN and no infinity: they become the texts "nan", "inf" and "-inf", which ``float``
    reads back. Records become dictionaries; anything else becomes its text.

    Examples
    --------
    >>> as_json({"a": np.float32(0.5), "b": (1, float("inf")), "c": np.array([np.nan, 2.0])})
    {'a': 0.5, 'b': [1, 'inf'], 'c': ['nan', 2.0]}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_json(getattr(value, one.name)) for one in fields(value)}
    return str(value)


def as_record(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return named values as a dictionary for `as_json`."""
    return {name: as_json(value) for name, value in values.items()}
