"""The description of a model file: what `show` prints and `diff` compares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from chainrule.app.results import networks_of
from chainrule.app.table_models import read_table_model
from chainrule.estimators.base import codec_of
from chainrule.foundation.array_files import read_contents
from chainrule.interop.estimator_records import Estimator
from chainrule.interop.model_file import model_in
from chainrule.interop.preparation import Preparation

__all__ = ["Shown", "options_of_model", "read_shown", "record_of"]


@dataclass(frozen=True, eq=False)
class Shown:
    """The description of a file.

    Attributes
    ----------
    estimator : estimator
        Of arrays, or of tables.
    networks : list of Estimator
        Its networks.
    preparation : Preparation or None
        Of the first network.
    training : dict
        The notes about its training.
    version : str
        The version that wrote it.
    """

    estimator: Any
    networks: list[Estimator]
    preparation: Preparation | None
    training: dict[str, Any]
    version: str


def read_shown(path: str) -> Shown:
    """Return the description of a file of any kind of model."""
    contents = read_contents(path)
    if contents.kind != "table model":
        old = model_in(path, contents)
        networks = networks_of(old.estimator)
        return Shown(old.estimator, networks, old.preparation, old.training, old.version)
    model = read_table_model(path)
    networks = [one.estimator for one in model.estimator.members_]
    first = model.estimator.members_[0].preparation
    return Shown(model.estimator, networks, first, model.training, model.version)


def record_of(shown: Shown) -> dict[str, Any]:
    """Return all that `show` prints as one record."""
    first, (options, _) = shown.networks[0], options_of_model(shown.estimator)
    score = getattr(shown.estimator, "oof_score_", math.nan)
    return {
        "model": type(shown.estimator).__name__,
        "classes": getattr(shown.estimator, "classes_", None),
        "networks": [one.network_.layout.arrows for one in shown.networks],
        "parameters": sum(one.network_.n_parameters for one in shown.networks),
        "epochs": [one.n_iter_ for one in shown.networks],
        "stopped": first.stopped_because_,
        "loss": codec_of(first).own_loss.name,
        "engine": getattr(first, "engine_", None),
        "device": getattr(first, "device_", None),
        "seed": shown.estimator.seed_,
        "options": {name: plain(value) for name, value in options.items()},
        "encoding": getattr(shown.estimator, "encoding_", None),
        "unseen": score if math.isfinite(score) else None,
        "version": shown.version,
        "columns": None if shown.preparation is None else shown.preparation.describe(),
        "training": shown.training,
    }


def options_of_model(estimator: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a model, and the defaults; of tables with those of its networks."""
    usual = type(estimator)().get_params(deep=False)
    options = estimator.get_params(deep=False)
    if hasattr(estimator, "members_"):
        own = options.pop("options") or {}
        options, usual = options | own, usual | estimator.network_kind().get_params(deep=False)
    return options, usual


def plain(value: Any) -> Any:
    """Return an option as JSON can hold it: other things as they are written in Python."""
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else repr(value)
