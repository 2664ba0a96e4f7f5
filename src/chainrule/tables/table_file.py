"""A fitted estimator of tables as one file: all its networks, and what each does to a table."""

from __future__ import annotations

import math
import os
from dataclasses import asdict
from typing import Any

import numpy as np

from chainrule.estimators.base import best_epoch_of, keep_epoch
from chainrule.estimators.option_values import option_from_json, option_to_json, text, whole
from chainrule.foundation.array_files import Contents, write_arrays
from chainrule.interop.choosing import Choices
from chainrule.interop.estimator_records import (
    arrays_of_member,
    describe_estimator,
    restore_estimator,
)
from chainrule.interop.model_file import whole_model
from chainrule.interop.preparation import Preparation
from chainrule.tables.leaderboard import Leaderboard, Trial
from chainrule.tables.members import Member

__all__ = ["restored_table_model", "save_table_model", "training_in"]

# Bounds of the answers, infinite where there are none.
BOUNDS = ("low", "high")
KIND = "table model"
FACTS = (
    "encoding_",
    "encoding_reason_",
    "loss_reason_",
    "notes_",
    "seed_",
    "n_features_in_",
)


def save_table_model(
    path: str | os.PathLike[str], estimator: Any, training: dict[str, Any] | None = None
) -> None:
    """Write a fitted estimator of tables to one file, whole or not at all.

    ``training`` is what the command line records of a training.
    """
    members: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for number, member in enumerate(estimator.members_):
        described, own = describe_estimator(member.estimator)
        kept = best_epoch_of(member.estimator)
        columns = member.preparation.to_dict()
        members.append({"network": described, "preparation": columns, "epoch": kept})
        arrays |= {f"{number}.{name}": array for name, array in own.items()}
        arrays[f"held.{number}"] = member.held
    facts, more = estimator.targets_to_file()
    description = {
        "estimator": type(estimator).__name__,
        "options": _options_to_json(estimator),
        "members": members,
        "columns": list(estimator.columns_),
        "named": hasattr(estimator, "feature_names_in_"),
        "oof_score": None if math.isnan(estimator.oof_score_) else estimator.oof_score_,
        "fit_seconds": estimator.fit_seconds_,
        "training": training or {},
        "trials": [_trial_to_json(estimator, one) for one in estimator.leaderboard_.trials],
        **{fact: getattr(estimator, fact) for fact in FACTS},
        **facts,
    }
    weights = np.array([member.weight for member in estimator.members_])
    arrays |= {"oof": estimator.oof_prediction_, "weights": weights, **more}
    write_arrays(path, KIND, description, arrays)


def training_in(contents: Contents) -> tuple[dict[str, Any], str]:
    """Return what the command line recorded of a training, and the version that wrote a file."""
    training = contents.description.get("training", {})  # not in files of earlier versions
    return training if isinstance(training, dict) else {}, str(contents.description["version"])


def restored_table_model(
    path: str | os.PathLike[str],
    kinds: dict[str, type],
    contents: Contents,
) -> Any:
    """Return the estimator, of one of the kinds, that `save_table_model` described."""
    description, arrays = contents.checked(path, KIND)
    with whole_model(path):
        estimator = kinds[description["estimator"]](**_options_from_json(description["options"]))
        _restore(estimator, description, arrays)
    return estimator


def _restore(estimator: Any, description: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    estimator.members_ = []
    for number, one in enumerate(description["members"]):
        network = restore_estimator(one["network"], arrays_of_member(arrays, number))
        preparation = Preparation.from_dict(one["preparation"])
        if not isinstance(network, estimator.network_kind):
            raise TypeError("the networks are of another kind")
        if len(preparation.feature_names) != network.network_.n_in:
            raise ValueError("a preparation does not give its network's inputs")
        network.preparation_ = preparation
        # not in files written before other rows chose it
        if one.get("epoch") is not None:
            keep_epoch(network, whole(one["epoch"]))
        # not in files written before networks knew which rows they had not seen
        held = arrays.get(f"held.{number}", np.arange(0))
        if held.ndim != 1 or held.dtype.kind != "i":
            raise ValueError("the rows held out are no list of numbers")
        weight = float(arrays["weights"][number])
        if not 0.0 < weight <= 1.0:
            raise ValueError(f"the weight of a network is {weight}")
        estimator.members_.append(Member(preparation, network, held, weight))
    if not estimator.members_:
        raise ValueError("there is no network")
    for name, array in arrays.items():
        # there is no answer for rows that every network was trained on
        if name == "oof" or array.dtype.kind != "f":
            continue
        wrong = np.isnan(array) if name in BOUNDS else ~np.isfinite(array)
        if wrong.any():
            raise ValueError(f"a number in {name!r} is not finite")
    estimator.columns_ = [text(name) for name in description["columns"]]
    if description["named"]:
        estimator.feature_names_in_ = np.array(estimator.columns_, dtype=object)
    estimator.encoding_ = text(description["encoding_"])
    estimator.encoding_reason_ = text(description["encoding_reason_"])
    # not in files written before losses were chosen
    estimator.loss_reason_ = text(description.get("loss_reason_", ""))
    estimator.notes_ = [text(note) for note in description["notes_"]]
    estimator.seed_ = whole(description["seed_"])
    estimator.n_features_in_ = whole(description["n_features_in_"])
    estimator.fit_seconds_ = float(description["fit_seconds"])
    score = description["oof_score"]
    estimator.oof_score_ = math.nan if score is None else float(score)
    estimator.oof_prediction_ = arrays["oof"]
    trials = tuple(map(_trial_from_json, description["trials"]))
    estimator.leaderboard_ = Leaderboard(trials)
    estimator.targets_from_file(description, arrays)


def _options_to_json(estimator: Any) -> dict[str, Any]:
    options: dict[str, Any] = estimator.get_params(deep=False)
    network, own = estimator.members_[0].estimator, options["options"]
    return options | {
        "random_state": estimator.seed_ if options["random_state"] is not None else None,
        "options": own and {name: option_to_json(network, name, own[name]) for name in own},
        "choices": None if options["choices"] is None else asdict(options["choices"]),
        "callbacks": None,  # code, which no file holds
    }


def _options_from_json(options: dict[str, Any]) -> dict[str, Any]:
    own, choices = options["options"], options["choices"]
    return options | {
        "options": own and {name: option_from_json(name, own[name]) for name in own},
        "choices": choices and Choices(**{name: _tuples(choices[name]) for name in choices}),
    }


def _trial_to_json(estimator: Any, trial: Trial) -> dict[str, Any]:
    network, own = estimator.members_[0].estimator, trial.options
    options = {name: option_to_json(network, name, own[name]) for name in own}
    loss = trial.loss if math.isfinite(trial.loss) else None
    return vars(trial) | {"options": options, "loss": loss}


def _trial_from_json(found: dict[str, Any]) -> Trial:
    own, loss = found["options"], found["loss"]
    options = {name: option_from_json(name, own[name]) for name in own}
    return Trial(**found | {"options": options, "loss": math.inf if loss is None else float(loss)})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else text(value)
