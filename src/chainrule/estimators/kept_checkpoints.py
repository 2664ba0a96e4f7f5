"""A checkpoint as it was read: what training goes on from, and what must be as it was."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.estimators.history import put_history
from chainrule.estimators.option_values import option_to_json
from chainrule.estimators.run import Run
from chainrule.estimators.samples import Samples
from chainrule.foundation.array_files import read_arrays
from chainrule.foundation.errors import FileFormatError, InputError, shown
from chainrule.training.snapshot import Progress, Snapshot
from chainrule.training.state import restored_state, whole_state

__all__ = ["KIND", "Extras", "Kept", "facts_of", "row_digests"]

KIND = "checkpoint"
KEYS = frozenset({"options", "rows", "seed", "seed_of_all", "epochs"})
# Options that do not change the numbers, or only where training ends on a faster machine.
FREE = frozenset({"callbacks", "n_threads", "random_state", "time_limit", "verbose", "warm_start"})
# Arrays by name, which a callback adds.
Extras = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Kept:
    """The checkpoint of one network, as it was read.

    Attributes
    ----------
    path : Path
        Its file.
    description : dict
        All but the arrays.
    arrays : dict of ndarray
        The arrays.
    """

    path: Path
    description: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> Kept:
        """Read a file; a damaged one is refused."""
        found = cls(path, *read_arrays(path, KIND))
        with whole_state(path):
            if absent := KEYS - set(found.description):
                raise KeyError(*sorted(absent))
        return found

    @property
    def seed(self) -> int:
        """The seed of the network."""
        return int(self.description["seed"])

    def restored(self, run: Run, estimator: Any) -> tuple[Run, Progress]:
        """Return the run as it was, and what was made of it; put its record into the estimator."""
        with whole_state(self.path):
            state = restored_state(self.description["state"], self._of("state."), run.network)
            progress = Progress(int(self.description["epochs"]))
            if progress.epochs:
                start = restored_state(self.description["start"], self._of("start."), run.network)
                progress.start = Snapshot.of(start)
            put_history(estimator, self.description["history"])
            size, reason = self.description["batch_size"]
            run = replace(run, state=state)
            return run.with_batch_size(int(size), reason), progress

    @property
    def extras(self) -> Extras:
        """The arrays that a callback has added."""
        return self._of("extra.")

    def check_options(self, facts: dict[str, Any]) -> None:
        """Refuse to go on with other options than the checkpoint was made with."""
        known = self.description
        if known.get("estimator") != facts["estimator"]:
            raise FileFormatError(
                f"{self.path} must be a checkpoint of {facts['estimator']}; it is of "
                f"{shown(known.get('estimator'))}."
            )
        old, new = dict(known["options"]), dict(facts["options"])
        if facts["random_state"] is not None:  # else the seed of the checkpoint is taken
            old["random_state"], new["random_state"] = known["seed_of_all"], facts["random_state"]
        changed = [name for name in new if repr(new[name]) != repr(old.get(name))]
        if changed:
            told = "; ".join(
                f"{name} must be {shown(old.get(name))}, as in the checkpoint {self.path}; got "
                f"{shown(new[name])}"
                for name in changed[:4]
            )
            raise InputError(f"{told}. Give the same options, or fit without resume.")

    def check_rows(self, digests: dict[str, str]) -> None:
        """Refuse other rows than those of the checkpoint."""
        known = self.description["rows"]
        changed = [name for name, digest in digests.items() if known.get(name) != digest]
        if changed:
            raise InputError(
                f"{' and '.join(changed)} must be what the checkpoint {self.path} was made with; "
                "got others. Pass the same rows in the same order, or fit without resume."
            )

    def _of(self, first: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(first): array
            for name, array in self.arrays.items()
            if name.startswith(first)
        }


def facts_of(estimator: Any) -> dict[str, Any]:
    """Return what the checkpoints of a fit hold of its options."""
    options = {
        name: _listed(option_to_json(estimator, name, value))
        for name, value in estimator.get_params(deep=False).items()
        if name not in FREE
    }
    seed = estimator.random_state
    given = int(seed) if isinstance(seed, int | np.integer) else None
    kind = type(estimator).__name__
    return {"estimator": kind, "options": options, "random_state": given}


def _listed(value: Any) -> Any:
    """Return a value as JSON brings it back."""
    if isinstance(value, list | tuple):
        return [_listed(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _listed(one) for name, one in value.items()}
    return value


def row_digests(rows: Samples, held: Samples | None) -> dict[str, str]:
    """Return a digest per argument of `fit`, and one of the rows held out."""
    found = {"X": _digest(rows.X), "y": _digest(rows.y), "sample_weight": _digest(rows.weight)}
    return found | {"the rows held out": _digest(*(held or (None, None, None)))}


def _digest(*arrays: Any) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        sparse = hasattr(array, "tocsr")
        for part in (array.data, array.indices, array.indptr) if sparse else (array,):
            if part is None:
                digest.update(b"none")
                continue
            part = np.ascontiguousarray(part)
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            if part.dtype.hasobject:
                digest.update("\0".join(map(repr, part.reshape(-1).tolist())).encode())
            else:
                digest.update(part.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
