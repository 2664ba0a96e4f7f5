"""Checkpoints of the command line: a folder that is written, or gone on from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.estimators.checkpoints import Checkpoint
from chainrule.foundation.errors import InputError, must_be

__all__ = ["NOTHING", "Keeping", "keeping_of"]


@dataclass(frozen=True)
class Keeping:
    """The checkpoints of a fit.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The folder that is written, and how often.
    resume : Path or None
        The folder that training goes on from.
    """

    checkpoint: Checkpoint | None = None
    resume: Path | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of an estimator's `fit`."""
        return {"checkpoint": self.checkpoint, "resume": self.resume}


NOTHING = Keeping()


def keeping_of(
    folder: Path | None, every: str | None, resume: Path | None, *, force: bool
) -> Keeping:
    """Return the checkpoints that the flags ask for.

    Raises
    ------
    InputError
        The flags contradict one another, or the checkpoints of another fit would be replaced.
    """
    place = resume if folder is None else folder
    if place is None:
        if every is not None:
            raise must_be("--every", "given with --checkpoint or --resume", every)
        return NOTHING
    if resume is not None and place.resolve() != resume.resolve():
        raise must_be("--checkpoint", f"the folder of --resume, {resume}, or left out", str(place))
    if resume is None and not force and any(place.glob("*.checkpoint")):
        raise InputError(
            f"--checkpoint must be a folder without checkpoints; {place} has those of an earlier "
            f"fit. Give --resume {place} to go on from them, or --force to replace them."
        )
    chosen: int | str = "60s" if every is None else every
    if every is not None and every.isdecimal():
        chosen = int(every)
    try:
        return Keeping(Checkpoint(place, every=chosen), resume)
    except InputError as error:
        raise InputError(f"--{error}") from error
