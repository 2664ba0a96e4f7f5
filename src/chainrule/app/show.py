"""The description of a model file, printed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from chainrule.app.model_description import (
    Shown,
    options_of_model,
    read_shown,
    record_of,
)
from chainrule.app.report import Report
from chainrule.app.results import Score
from chainrule.estimators.base import codec_of
from chainrule.foundation.errors import FileFormatError
from chainrule.foundation.wording import counted
from chainrule.insight.json_values import as_record
from chainrule.interop.choosing import NO_CHOICES
from chainrule.training.stopping import REASONS

__all__ = ["show"]

# Settings that name columns which are no inputs.
SET_ASIDE = {"groups": "the groups of the rows", "weight": "the weights of the rows"}


def show(path: str, report: Report, as_json: bool = False) -> None:
    """Print what a model is, how it was trained, on which columns, with which result."""
    shown = read_shown(path)
    if as_json:
        print(json.dumps(as_record(record_of(shown)), ensure_ascii=False))
        return
    try:
        _what(path, shown, report)
        _how(shown, report)
        _columns(shown, report)
        _result(shown.training, report)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{path} must hold notes about its training as this version writes them; {error!r} is "
            "missing or damaged."
        ) from error


def _what(path: str, model: Shown, report: Report) -> None:
    estimator, training = model.estimator, model.training
    kind = type(estimator).__name__
    task = (
        f", {training['task']} of {training['target']!r} in {training['data']}" if training else ""
    )
    report.line(f"{path}: {kind}{task}", style="bold")
    if hasattr(estimator, "classes_"):
        names = [str(name) for name in estimator.classes_]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        report.line(f"{len(names)} classes: {', '.join(names[:12])}{more}")
    report.line()
    if len(model.networks) > 1:
        report.line(f"{len(model.networks)} networks; the first:")
    report.line(model.networks[0].network_.summary())
    report.line()


def _how(model: Shown, report: Report) -> None:
    estimator, training = model.estimator, model.training
    report.line("training", style="bold")
    facts: list[tuple[str, str]] = []
    if training:
        rows = training["rows"]
        facts = [
            (
                "rows",
                ", ".join(f"{rows[part]:,} {part}" for part in ("train", "validation", "test")),
            ),
            ("time", f"{training['seconds']:.1f} s"),
        ]
        asked = training.get("settings", {})
        facts += [
            (name, str(asked[setting]))
            for name, setting in (("where", "rows"), ("weights", "weight"), ("groups", "groups"))
            if asked.get(setting) is not None
        ]
    networks = model.networks
    reason = training.get("stopped", networks[0].stopped_because_)
    several = f"{len(networks)} networks, at most " if len(networks) > 1 else ""
    epochs = max(one.n_iter_ for one in networks)
    made = f"{several}{counted(epochs, 'epoch')} ({REASONS.get(reason, reason)})"
    best = training.get("best_epoch")
    facts += [
        ("epochs", made + ("" if best is None else f", epoch {best} kept")),
        ("loss", codec_of(networks[0]).own_loss.name),
        ("seed", str(estimator.seed_)),
        ("engine", _engine(networks[0])),
        *_of_table(estimator),
        ("settings", _settings(estimator)),
        ("versions", _versions(model)),
    ]
    for name, text in facts:
        report.line(f"  {name:9}{text}")
    report.line()


def _engine(network: Any) -> str:
    """Return the engine of the training, its device, and what it was allowed."""
    device = getattr(network, "device_", None)
    name: str = getattr(network, "engine_", None) or "not recorded"
    if device not in (None, "cpu"):
        name += f" on {device}"
    if network.matmul_precision != "highest":
        name += f", products at precision {network.matmul_precision}"
    return name


def _versions(model: Shown) -> str:
    versions = model.training.get("versions", {"chainrule": model.version})
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _of_table(estimator: Any) -> list[tuple[str, str]]:
    """Return what a model of tables has found out on rows that networks have not seen."""
    if not hasattr(estimator, "members_"):
        return []
    facts = [("numbers", f"{estimator.encoding_}, {estimator.encoding_reason_}")]
    if estimator.loss_reason_:
        facts.append(("loss", estimator.loss_reason_))
    if math.isfinite(estimator.oof_score_):
        name = "accuracy" if hasattr(estimator, "classes_") else "R2"
        facts.append(("unseen", f"{name} {estimator.oof_score_:.4f} on rows out of fold"))
    return facts


def _settings(estimator: Any) -> str:
    """Return the options that are not the estimator's defaults; the seed stands elsewhere."""
    options, usual = options_of_model(estimator)
    choices = options.pop("choices", None) or NO_CHOICES
    options, usual = options | vars(choices), usual | vars(NO_CHOICES)
    changed = (name for name in options if name != "random_state")
    return ", ".join(f"{name}={options[name]}" for name in changed if options[name] != usual[name])


def _columns(model: Shown, report: Report) -> None:
    if model.preparation is None:
        report.line(f"columns: {model.estimator.n_features_in_} numbers, prepared by hand")
        return
    described: list[Sequence[str]] = list(model.preparation.describe())
    asked = model.training.get("settings", {})
    known = {name for name, *_ in described}  # files of earlier versions have them
    described += [
        (asked[setting], "dropped", words)
        for setting, words in SET_ASIDE.items()
        if asked.get(setting) not in (None, *known)
    ]
    report.table(("column", "kind", "prepared as"), described, numbers=False)
    report.line()


def _result(training: dict[str, Any], report: Report) -> None:
    if not training:
        return
    scores = [
        Score(str(score["name"]), float(score["value"]), float(score["baseline"]))
        for score in training["results"]
    ]
    report.line(f"result on {training['rows']['test']:,} test rows", style="bold")
    report.scores(scores, training["baseline"]["name"])
