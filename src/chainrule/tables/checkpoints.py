"""Checkpoints of a fit of a table: a file per network, and one of what they share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.estimators.checkpoints import Checkpoint
from chainrule.estimators.kept_checkpoints import Kept, facts_of
from chainrule.estimators.option_values import option_to_json
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import InputError, must_be, shown
from chainrule.tables.epochs import Snapshots

__all__ = ["TableCheckpoints", "begin_checkpoints"]

KIND, FILE = "table checkpoint", "fit.checkpoint"
# Options that do not change the numbers.
FREE = frozenset({"callbacks", "n_threads", "random_state", "verbose"})


@dataclass(frozen=True)
class TableCheckpoints:
    """The folder of the checkpoints of a fit.

    Attributes
    ----------
    checkpoint : Checkpoint
        The folder, and how often files are written.
    seed : int
        The seed of the fit.
    memory : int or None
        The bytes that a streamed fit may take, which decide the order of its rows.
    """

    checkpoint: Checkpoint
    seed: int
    memory: int | None = None

    def of_network(
        self, estimator: Any, fold: int, work: object, snapshots: Snapshots
    ) -> tuple[Checkpoint, Path | None]:
        """Return the checkpoint of a network, and the folder if it has a file there.

        ``work`` tells networks of the same fold and options apart. The snapshots that the file
        holds are put back.
        """
        facts = facts_of(estimator)
        told = json.dumps([facts["options"], facts["random_state"], work], sort_keys=True)
        name = f"fold-{fold + 1}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
        own = Checkpoint(self.checkpoint.folder, self.checkpoint.every, name=name)
        own.extras = snapshots.arrays
        if not own.file(0).exists():
            return own, None
        snapshots.put_back(Kept.read(own.file(0)).extras)
        return own, self.checkpoint.folder


def begin_checkpoints(
    estimator: Any,
    checkpoint: Any,
    resume: Any,
    draw_seed: Callable[[], int],
    memory: int | None = None,
) -> TableCheckpoints | None:
    """Return the checkpoints of a fit; None where it has none.

    Raises
    ------
    InputError
        There is nothing to resume, or it is of other options.
    """
    if checkpoint is not None and not isinstance(checkpoint, Checkpoint):
        raise must_be("checkpoint", "None or a Checkpoint", checkpoint)
    if resume is None:
        if checkpoint is None:
            return None
        found = TableCheckpoints(checkpoint, draw_seed(), memory)
        Checkpoint(checkpoint.folder, name="fold").begin(resumed=False)
        description = facts(estimator) | {"seed_of_all": found.seed, "memory": memory}
        write_arrays(checkpoint.folder / FILE, KIND, description, {})
        return found
    checkpoint = Checkpoint(resume) if checkpoint is None else checkpoint
    if checkpoint.folder.resolve() != Path(resume).resolve():
        raise must_be("checkpoint", f"one of the folder that is resumed, {resume}", checkpoint)
    path = checkpoint.folder / FILE
    if not path.exists():
        raise InputError(
            f"resume must be a folder with checkpoints; got {shown(str(resume))}, which has none. "
            "Fit without resume to begin."
        )
    kept = Kept(path, *read_arrays(path, KIND))
    kept.check_options(facts(estimator))
    checkpoint.begin(resumed=True)
    if (kept.description.get("memory") is None) != (memory is None):
        raise InputError(
            "resume must be the folder of a fit of the same kind: one of the two was streamed from "
            "files, the other in memory. Fit as it was begun, or begin anew without resume."
        )
    return TableCheckpoints(
        checkpoint, int(kept.description["seed_of_all"]), kept.description.get("memory")
    )


def facts(estimator: Any) -> dict[str, Any]:
    """Return what tells the options of a fit from others."""
    options: dict[str, Any] = estimator.get_params(deep=False)
    network, own, choices = estimator.network_kind(), options["options"], options["choices"]
    options = {name: value for name, value in options.items() if name not in FREE} | {
        "options": own and {name: option_to_json(network, name, own[name]) for name in own},
        "choices": None if choices is None else asdict(choices),
    }
    seed = estimator.random_state
    return {
        "estimator": type(estimator).__name__,
        "options": json.loads(json.dumps(options)),
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
    }
