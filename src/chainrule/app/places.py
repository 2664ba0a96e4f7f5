"""The files that a command writes: checked before any work, never over a user's file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from chainrule.foundation.array_files import read_contents
from chainrule.foundation.errors import InputError
from chainrule.foundation.files import check_place

__all__ = ["check_outputs", "source_of", "wrote"]


def source_of(data: str, built_in: bool) -> str:
    """Return what stands for the data in a model file: a name, or a digest of the file's place."""
    if built_in:
        return data
    place = os.path.realpath(data)
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:16]


def wrote(model: Path, source: str, target: str | None) -> bool:
    """Return whether a file is a model that `fit` wrote for this data and target."""
    try:
        training = read_contents(model).description.get("training", {})
    except (InputError, ValueError, OSError):
        return False
    known: object = training.get("source")
    return known == source and target in (None, training.get("target"))


def check_outputs(
    outputs: Mapping[str, Path | None],
    inputs: Sequence[str],
    *,
    force: bool,
    own: Callable[[Path], bool] = lambda path: False,
) -> None:
    """Refuse a place that cannot be written, holds something already, or is named twice.

    Parameters
    ----------
    outputs : mapping of str to Path or None
        Each flag and its file.
    inputs : sequence of str
        What the command reads.
    force : bool
        Whether files may be replaced.
    own : callable, optional
        Whether a file that is there is the command's own, and may be replaced.

    Raises
    ------
    InputError
        With the flag and the path.
    """
    places: dict[str, str] = {}
    for flag, path in outputs.items():
        if path is None:
            continue
        check_place(path)
        real = os.path.realpath(path)
        if real in places:
            raise InputError(
                f"{flag} must be a file of its own; got {path}, which {places[real]} names too."
            )
        places[real] = flag
        if force or not path.exists():
            continue
        if any(os.path.exists(one) and os.path.samefile(path, one) for one in inputs):
            raise InputError(
                f"{flag} must be a new file; got {path}, which this command reads. Nothing was "
                "changed; choose another name, or give --force."
            )
        if not own(path):
            raise InputError(
                f"{flag} must be a new file; {path} is there already. Nothing was changed; choose "
                "another name, or give --force to replace it."
            )
