"""Checkpoints of a fit: files from which it goes on to the same bits, however it was ended.

A folder holds one file per network, each whole or not there. A file holds the state of training
after an epoch, the start of that epoch, what the estimator has recorded, and what tells other
options and other rows from those of the fit.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.estimators.callbacks import callbacks_of
from chainrule.estimators.history import history_of
from chainrule.estimators.kept_checkpoints import KIND, Extras, Kept, facts_of, row_digests
from chainrule.estimators.run import Run
from chainrule.estimators.samples import Samples
from chainrule.foundation.array_files import write_arrays
from chainrule.foundation.errors import InputError, must_be, shown
from chainrule.foundation.files import remove_abandoned
from chainrule.training.epoch import Epoch
from chainrule.training.snapshot import Progress
from chainrule.training.state import describe_state

__all__ = ["Checkpoint", "Keeper", "Keeping"]

ENDING = ".checkpoint"
PERIOD = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class Checkpoint:
    """A callback that writes what a fit needs to go on after it was ended, even by kill -9.

    Put it into ``callbacks``, and fit again with ``resume=folder``: the result has the same bits
    as without the interruption. Each network of an ensemble has a file of its own.

    Parameters
    ----------
    folder : path
        The folder of the files; it is created. Checkpoints of an earlier fit that are there are
        replaced, unless that fit is resumed.
    every : int or str, default="60s"
        Epochs between two files, or time as "30s", "5m" or "1h". A file is written after an epoch,
        at the beginning, and at the end.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> folder = tempfile.mkdtemp()
    >>> checkpoint = Checkpoint(folder, every=2)
    >>> options = {"learning_rate": "cosine", "max_iter": 5, "random_state": 0}
    >>> model = MLPClassifier(callbacks=checkpoint, **options).fit(X, y)
    >>> again = MLPClassifier(**options).fit(X, y, resume=folder)
    >>> bool((again.predict_proba(X) == model.predict_proba(X)).all())
    True
    """

    def __init__(
        self, folder: str | os.PathLike[str], every: int | str = "60s", *, name: str = "network"
    ) -> None:
        self.folder, self.every, self.name = Path(folder), every, name
        self._epochs, self._seconds = _period(every)
        self.extras: Callable[[], Extras] = dict

    def __call__(self, epoch: Epoch) -> bool:
        """Do nothing: the estimator asks for a file, and knows more than the epoch."""
        return False

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.folder)!r}, every={self.every!r})"

    def due(self, epochs: int, seconds: float) -> bool:
        """Return whether a file is due, so many epochs and seconds after the last one."""
        if self._epochs is None:
            return seconds >= self._seconds
        return epochs >= self._epochs

    def file(self, number: int) -> Path:
        """Return the place of the file of a network, counted from 0."""
        return self.folder / f"{self.name}-{number + 1}{ENDING}"

    def files(self) -> list[Path]:
        """Return the files that are there."""
        return sorted(self.folder.glob(f"{self.name}-*{ENDING}"))

    def begin(self, resumed: bool) -> None:
        """Create the folder; remove what an earlier fit has left in it, if it is not resumed."""
        try:
            self.folder.mkdir(exist_ok=True)
            remove_abandoned(self.folder)
            for path in [] if resumed else self.files():
                path.unlink()
        except OSError as error:
            raise InputError(
                f"the folder of a Checkpoint must be one that can be written to; got "
                f"{shown(str(self.folder))}: {error.strerror or error}. Choose another."
            ) from error


def _period(every: Any) -> tuple[int | None, float]:
    if isinstance(every, int | np.integer) and not isinstance(every, bool) and every > 0:
        return int(every), 0.0
    found = PERIOD.fullmatch(every.strip()) if isinstance(every, str) else None
    if found is None:
        raise must_be("every", 'a positive number of epochs, or a time as "60s" or "5m"', every)
    return None, float(found[1]) * SECONDS[found[2]]


@dataclass
class Keeper:
    """The checkpoints of one network in a fit.

    Attributes
    ----------
    number : int
        Its number in an ensemble, from 0.
    checkpoints : list of Checkpoint
        The folders that are written to.
    facts : dict
        What the files of all networks hold.
    kept : Kept or None
        The file that training goes on from.
    """

    number: int
    checkpoints: list[Checkpoint]
    facts: dict[str, Any]
    kept: Kept | None
    _last: dict[int, tuple[int, float]] = field(default_factory=dict, init=False)

    def check_rows(self, rows: Samples, held: Samples | None) -> None:
        """Note what the rows are; refuse others than those of the checkpoint."""
        self.facts = self.facts | {"rows": row_digests(rows, held)}
        if self.kept is not None:
            self.kept.check_rows(self.facts["rows"])

    def begin(self, estimator: Any, run: Run, progress: Progress) -> None:
        """Write the first file, or the one that was read, where it is not there."""
        for checkpoint in self.checkpoints:
            path = checkpoint.file(self.number)
            if self.kept is None or not path.exists() or not path.samefile(self.kept.path):
                self._write(checkpoint, estimator, run, progress)
            self._note(checkpoint, progress)

    def after(self, estimator: Any, run: Run, progress: Progress) -> None:
        """Write a file after an epoch, where one is due."""
        for checkpoint in self.checkpoints:
            epochs, began = self._last[id(checkpoint)]
            if checkpoint.due(progress.epochs - epochs, time.perf_counter() - began):
                self._write(checkpoint, estimator, run, progress)
                self._note(checkpoint, progress)

    def end(self, estimator: Any, run: Run, progress: Progress) -> None:
        """Write the last epoch, so that a network that is trained is not trained again."""
        for checkpoint in self.checkpoints:
            if self._last[id(checkpoint)][0] != progress.epochs:
                self._write(checkpoint, estimator, run, progress)

    def _note(self, checkpoint: Checkpoint, progress: Progress) -> None:
        self._last[id(checkpoint)] = progress.epochs, time.perf_counter()

    def _write(self, checkpoint: Checkpoint, estimator: Any, run: Run, progress: Progress) -> None:
        state, arrays = describe_state(run.state)
        arrays = {f"state.{name}": array for name, array in arrays.items()}
        start = None
        if progress.epochs and progress.start is not None:
            start, own = describe_state(progress.start.as_state(run.state))
            arrays |= {f"start.{name}": array for name, array in own.items()}
        arrays |= {f"extra.{name}": array for name, array in checkpoint.extras().items()}
        description = (
            {"seed_of_all": run.state.seed}
            | self.facts
            | {
                "seed": run.state.seed,
                "epochs": progress.epochs,
                "state": state,
                "start": start,
                "history": history_of(estimator),
                "batch_size": [run.batch_size, run.batch_size_reason],
            }
        )
        write_arrays(checkpoint.file(self.number), KIND, description, arrays)


@dataclass(frozen=True)
class Keeping:
    """The checkpoints of a fit: those it writes, and those it goes on from.

    Attributes
    ----------
    checkpoints : list of Checkpoint
        The folders that are written to.
    facts : dict
        What the files of all networks hold.
    kept : mapping of int to Kept
        The files that training goes on from, by network.
    seed : int or None
        The seed of the fit that is resumed.
    """

    checkpoints: list[Checkpoint]
    facts: dict[str, Any]
    kept: Mapping[int, Kept]
    seed: int | None

    @classmethod
    def of(
        cls,
        estimator: Any,
        resume: Any,
        others: Sequence[Checkpoint] = (),
        name: str | None = None,
    ) -> Keeping | None:
        """Return the checkpoints of a fit, the ``others`` among them; None where it has none.

        ``name`` is how the files to resume from begin, where it is not that of the checkpoints.

        Raises
        ------
        InputError
            There is nothing to resume, or it is of other options.
        """
        checkpoints = [one for one in callbacks_of(estimator) if isinstance(one, Checkpoint)]
        checkpoints += others
        if resume is None and not checkpoints:
            return None
        if estimator.warm_start and ("_run" in vars(estimator) or "estimators_" in vars(estimator)):
            advice = "Fit a new estimator, or save the model and its state."
            raise must_be("warm_start", "False where a fit has checkpoints", True, advice)
        facts = facts_of(estimator)
        kept = {} if resume is None else _read_all(resume, checkpoints, name)
        for one in kept.values():
            one.check_options(facts)
        for checkpoint in checkpoints:
            checkpoint.begin(resumed=resume is not None and _same_folder(checkpoint, resume))
        seed = next((int(one.description["seed_of_all"]) for one in kept.values()), None)
        return cls(checkpoints, facts, kept, seed)

    def of_network(self, number: int, seed_of_all: int | None = None) -> Keeper:
        """Return the checkpoints of one network, counted from 0, of several or alone."""
        facts = self.facts if seed_of_all is None else self.facts | {"seed_of_all": seed_of_all}
        return Keeper(number, self.checkpoints, facts, self.kept.get(number))


def _same_folder(checkpoint: Checkpoint, resume: Any) -> bool:
    try:
        return os.path.samefile(checkpoint.folder, resume)
    except OSError:
        return False


def _read_all(
    resume: Any, checkpoints: list[Checkpoint], name: str | None = None
) -> dict[int, Kept]:
    """Return the files of a folder, by the number of the network, from 0."""
    if not isinstance(resume, str | os.PathLike):
        raise must_be("resume", "None, or the folder of a Checkpoint", resume)
    name = name or (checkpoints[0].name if checkpoints else "network")
    source = Checkpoint(resume, name=name)
    found = {}
    for path in source.files():
        number = path.name.removeprefix(f"{source.name}-").removesuffix(ENDING)
        if number.isdecimal():
            found[int(number) - 1] = Kept.read(path)
    if not found:
        raise InputError(
            f"resume must be a folder with checkpoints; got {shown(str(resume))}, which has none. "
            "Fit without resume to begin."
        )
    return found
