"""The answer to the page: a header of JSON, and arrays after it."""

import json
import struct
from typing import Any

import numpy as np

from chainrule.insight.json_values import as_json

__all__ = ["ALIGNMENT", "encode_frame"]

ALIGNMENT = 8


def encode_frame(header: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> bytes:
    """Return a frame: the length of the header (uint32), the header, and aligned arrays.

    The header lists the arrays with dtype, shape and offset from the end of the header.

    Examples
    --------
    >>> frame = encode_frame({"step": 1}, {"w": np.array([0.5])})
    >>> length = int.from_bytes(frame[:4], "little")
    >>> json.loads(frame[4 : 4 + length])["arrays"]
    {'w': {'dtype': 'float64', 'shape': [1], 'offset': 0}}
    >>> np.frombuffer(frame[4 + length :])
    array([0.5])
    """
    parts, listed, offset = [], {}, 0
    for name, array in (arrays or {}).items():
        data = np.ascontiguousarray(array)
        listed[name] = {"dtype": data.dtype.name, "shape": list(data.shape), "offset": offset}
        raw = data.tobytes()
        padding = -len(raw) % ALIGNMENT
        parts.append(raw + bytes(padding))
        offset += len(raw) + padding
    text = json.dumps({**as_json(header), "arrays": listed}, allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % ALIGNMENT)
    return struct.pack("<I", len(text)) + text + b"".join(parts)
