"""What a model file says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.app.report import Report
from chainrule.app.results import Score, networks_of
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.ingredients import loss_in_units
from chainrule.foundation.errors import FileFormatError
from chainrule.interop.columns import counted
from chainrule.interop.model_file import Estimator, Model, read_model
from chainrule.training.stopping import REASONS

__all__ = ["show"]


def show(path: str, report: Report) -> None:
    """Print what a model is, how it was trained, on which columns, with which result."""
    model = read_model(path)
    try:
        _what(path, model, report)
        _how(model, report)
        _columns(model, report)
        _result(model.training, report)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{path} must hold notes about its training as this version writes them; {error!r} is "
            "missing or damaged."
        ) from error


def _what(path: str, model: Model, report: Report) -> None:
    estimator, training = model.estimator, model.training
    kind = type(estimator).__name__
    task = (
        f", {training['task']} of {training['target']!r} in {training['data']}" if training else ""
    )
    report.line(f"{path}: {kind}{task}", style="bold")
    if isinstance(estimator, MLPClassifier):
        names = [str(name) for name in estimator.classes_]
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        report.line(f"{len(names)} classes: {', '.join(names[:12])}{more}")
    report.line()
    report.line(estimator.network_.summary())
    report.line()


def _how(model: Model, report: Report) -> None:
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
    networks = networks_of(estimator)
    reason = training.get("stopped", networks[0].stopped_because_)
    several = f"{len(networks)} networks, at most " if len(networks) > 1 else ""
    epochs = f"{several}{counted(estimator.n_iter_, 'epoch')} ({REASONS.get(reason, reason)})"
    best = training.get("best_epoch")
    facts += [
        ("epochs", epochs + ("" if best is None else f", epoch {best} kept")),
        ("loss", loss_in_units(networks[0]).name),
        ("seed", str(estimator.seed_)),
        ("engine", getattr(networks[0], "engine_", None) or "not recorded"),
        ("settings", _settings(estimator)),
        ("versions", _versions(model)),
    ]
    for name, text in facts:
        report.line(f"  {name:9}{text}")
    report.line()


def _versions(model: Model) -> str:
    versions = model.training.get("versions", {"chainrule": model.version})
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _settings(estimator: Estimator) -> str:
    """Return the options that are not the estimator's defaults; the seed stands elsewhere."""
    usual = type(estimator)().get_params(deep=False)
    options = estimator.get_params(deep=False)
    changed = (name for name in options if name != "random_state")
    return ", ".join(f"{name}={options[name]}" for name in changed if options[name] != usual[name])


def _columns(model: Model, report: Report) -> None:
    if model.preparation is None:
        report.line(f"columns: {model.estimator.n_features_in_} numbers, prepared by hand")
        return
    described: Sequence[Sequence[str]] = model.preparation.describe()
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
