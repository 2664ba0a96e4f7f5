"""Files that a reader keeps: what they hold, and the answer that sends them."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.training.state import TrainingState, save_state

__all__ = ["as_file", "state_file"]

TYPES = {"html": "text/html", "zip": "application/zip"}


def as_file(name: str, content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the answer that sends a file.

    Examples
    --------
    >>> header, arrays = as_file("a.html", b"<p>")
    >>> header, arrays["content"].size
    ({'file': {'name': 'a.html', 'type': 'text/html'}}, 3)
    """
    kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    file = {"name": name, "type": kind}
    return {"file": file}, {"content": np.frombuffer(content, dtype=np.uint8)}


def state_file(state: TrainingState) -> bytes:
    """Return a training state as a file, which `chainrule.load_state` reads."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "page.state"
        save_state(place, state)
        return place.read_bytes()
