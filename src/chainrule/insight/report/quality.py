"""Section 8: the quality of the predictions, compared with a baseline."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.report.boundary import boundary
from chainrule.insight.report.calibration import calibration
from chainrule.insight.report.confusion import confusion
from chainrule.insight.report.importance import importance
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material, Predictions
from chainrule.insight.report.residuals import residuals
from chainrule.insight.report.sections import Item, Section

__all__ = ["Metric", "quality", "metrics_of"]

# The hundredth of the rows with the largest losses that holds this share of the loss is a few rows.
FEW_ROWS, FEW_ROWS_SHARE = 0.01, 0.25
# A hundredth of fewer rows is one row, and one row is often far off.
FEWEST_ROWS = 200
# Classes up to which the area is measured: each takes a sort of all rows.
MOST_CURVES = 100
# An improvement below this share of what the baseline leaves is a finding.
LITTLE_BETTER = 0.05


@dataclass(frozen=True)
class Metric:
    """A metric of the network, compared with that of a baseline that ignores the inputs."""

    name: str
    value: float
    baseline: float
    better: Literal["higher", "lower"] = "higher"


def quality(material: Material) -> Section:
    """Return metrics, confusion or residuals, calibration, and the importance of columns."""
    found = material.predictions
    title = "Quality on held-out rows" if found.held_out else "Quality on the rows given"
    items: list[Item] = []
    if found.held_out:
        items.append(Sentence(f"Measured on {found.where}."))
    else:
        items.append(
            Sentence(
                f"Measured on {found.where}: no held-out rows were passed. Where the network was "
                "trained on these rows, the figures are too optimistic; pass "
                "held_out=(X_test, y_test) to explain for an estimate on new rows.",
                "warning",
            )
        )
    if not found.finite:
        wrong = int(np.count_nonzero(~np.all(np.isfinite(found.p), axis=1)))
        said = f"Not finite: {wrong:,} of {len(found):,} predictions are NaN or infinite."
        return Section("quality", title, [*items, Sentence(said, "warning")], {"finite": False})
    baseline, metrics = metrics_of(material, found)
    cells = [(one.name, short(one.value, 4), short(one.baseline, 4), one.better) for one in metrics]
    head = ("metric", "network", baseline, "better is")
    items.append(
        Table(
            "Metrics, compared with a baseline that ignores the inputs", head, cells, ("better is",)
        )
    )
    advice = [*_against_baseline(metrics, baseline), *_few_rows(material, found)]
    record: dict[str, Any] = {
        "held_out": found.held_out,
        "rows": len(found),
        "metrics": [
            {"name": one.name, "value": one.value, "baseline": one.baseline} for one in metrics
        ],
        "baseline": baseline,
    }
    makers = (residuals,) if material.task == "numbers" else (confusion, calibration)
    for make in (*makers, boundary if len(material.input_names) == 2 else importance):
        more, key, numbers, tips = make(material)
        items += more
        advice += tips
        record[key] = numbers
    return Section("quality", title, items, record, tuple(advice))


def metrics_of(material: Material, found: Predictions) -> tuple[str, list[Metric]]:
    """Return the name of the baseline, and the metrics of both."""
    if material.task == "numbers":
        return _of_numbers(material, found)
    return (
        _of_labels(material, found) if material.task == "labels" else _of_classes(material, found)
    )


def _of_classes(material: Material, found: Predictions) -> tuple[str, list[Metric]]:
    p, y = both_classes(found.p), both_classes(found.y)
    said, true = np.argmax(p, axis=1), np.argmax(y, axis=1)
    shares = np.asarray(found.weight @ y / np.sum(found.weight))
    guess = int(np.argmax(shares))
    present = np.unique(true)
    metrics = [Metric("accuracy", found.mean(said == true), float(shares[guess]))]
    if len(present) > 1:
        balanced = _mean_recall(said, true, found.weight)
        metrics.append(Metric("mean recall of the classes", balanced, 1.0 / len(present)))
    with np.errstate(all="ignore"):
        entropy = float(-np.sum(np.where(shares > 0.0, shares * np.log(shares), 0.0)))
        log_loss = found.mean(-np.log(np.maximum(np.sum(p * y, axis=1), 1e-300)))
    metrics.append(Metric("log loss", log_loss, entropy, "lower"))
    area = _area(p, true, found.weight)
    if area is not None:
        metrics.append(Metric("area under the ROC curve", area, 0.5))
    return f"always {material.classes[guess]}", metrics


def _mean_recall(said: np.ndarray, true: np.ndarray, weight: np.ndarray) -> float:
    hits = [np.average(said[true == k] == k, weights=weight[true == k]) for k in np.unique(true)]
    return float(np.mean(hits))


def _area(p: np.ndarray, true: np.ndarray, weight: np.ndarray) -> float | None:
    """Return the area under the ROC curve; the mean over the classes, each against the rest."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(true)
    if len(present) < p.shape[1] or p.shape[1] > MOST_CURVES:  # a class without rows has no curve
        return None
    if p.shape[1] == 2:
        return float(roc_auc_score(true == 1, p[:, 1], sample_weight=weight))
    areas = [roc_auc_score(true == k, p[:, k], sample_weight=weight) for k in present]
    return float(np.mean(areas))


def _of_labels(material: Material, found: Predictions) -> tuple[str, list[Metric]]:
    said, true = found.p > 0.5, found.y > 0.5
    shares = np.asarray(found.weight @ found.y / np.sum(found.weight))
    usual = np.broadcast_to(shares > 0.5, true.shape)
    with np.errstate(all="ignore"):
        entropy = -(shares * np.log(shares) + (1.0 - shares) * np.log1p(-shares))
    metrics = [
        Metric("all labels right", found.mean(np.all(said == true, axis=1)),
               found.mean(np.all(usual == true, axis=1))),
        Metric("one label right", found.mean(np.mean(said == true, axis=1)),
               found.mean(np.mean(usual == true, axis=1))),
        Metric("F1, mean of the labels", _f1(said, true, found.weight),
               _f1(usual, true, found.weight)),
        Metric("log loss of a label", found.mean(found.losses),
               float(np.mean(np.nan_to_num(entropy))), "lower"),
    ]  # fmt: skip
    return "the usual value of each label", metrics


def _f1(said: np.ndarray, true: np.ndarray, weight: np.ndarray) -> float:
    both = weight @ (said & true)
    either = weight @ said.astype(np.float64) + weight @ true.astype(np.float64)
    return float(
        np.mean(np.divide(2.0 * both, either, out=np.zeros_like(either), where=either > 0))
    )


def _of_numbers(material: Material, found: Predictions) -> tuple[str, list[Metric]]:
    p, y, weight = found.p, found.y, found.weight
    center = np.average(y, axis=0, weights=weight)

    def squared(guess: np.ndarray) -> float:
        return found.mean(np.mean((y - guess) ** 2, axis=1))

    def absolute(guess: np.ndarray) -> float:
        return found.mean(np.mean(np.abs(y - guess), axis=1))

    metrics = []
    if squared(center) > 0.0:
        metrics.append(Metric("R²", 1.0 - squared(p) / squared(center), 0.0))
    metrics += [
        Metric("mean absolute error", absolute(p), absolute(center), "lower"),
        Metric("root mean squared error", squared(p) ** 0.5, squared(center) ** 0.5, "lower"),
    ]
    if material.subject.objective.loss.name not in ("mse", "mae"):
        base = _constant_loss(material, found)
        metrics.append(
            Metric(f"loss ({material.loss_name})", found.mean(found.losses), base, "lower")
        )
    return "always the mean", metrics


def _constant_loss(material: Material, found: Predictions) -> float:
    """Return the loss of the mean target as the prediction for every row."""
    y = np.asarray(found.rows.y, dtype=np.float64)
    center = np.broadcast_to(np.average(y, axis=0, weights=found.weight), y.shape)
    factor = material.subject.encoding.loss_factor
    loss = material.subject.objective.loss
    with np.errstate(all="ignore"):
        losses = np.mean(loss.on_prediction(namespace(y), np.array(center), y), axis=1)
        return factor * found.mean(losses)


def both_classes(p: np.ndarray) -> np.ndarray:
    """Return the probability of each class, two for a single output."""
    return np.concatenate([1.0 - p, p], axis=1) if p.shape[1] == 1 else p


def _against_baseline(metrics: list[Metric], baseline: str) -> list[Advice]:
    first = metrics[0]
    left = 1.0 - first.baseline
    if left <= 0.0 or (first.value - first.baseline) / left > LITTLE_BETTER:
        return []
    return [
        Advice(
            "Check that the inputs carry information about the target before tuning: train longer, "
            "at another learning rate, or on other columns.",
            f"{first.name} is {short(first.value, 4)}, and {short(first.baseline, 4)} for the "
            f"baseline “{baseline}”",
            8,
            8.5,
        )
    ]


def _few_rows(material: Material, found: Predictions) -> list[Advice]:
    count = max(1, int(FEW_ROWS * len(found)))
    weighted = found.losses * found.weight
    total = float(np.sum(weighted))
    if len(found) < FEWEST_ROWS or not total > 0.0:
        return []
    worst = np.argsort(-weighted, kind="stable")[:count]
    fraction = float(np.sum(weighted[worst])) / total
    if fraction <= FEW_ROWS_SHARE:
        return []
    first = ", ".join(f"{1 + int(row):,}" for row in worst[:5])
    which = "held-out rows" if found.held_out else "rows given"
    return [
        Advice(
            f"Inspect the rows with the largest losses, their labels first (of the {which}, from "
            f"1: {first}).",
            f"{count:,} of {len(found):,} rows hold {share(fraction)} of the loss, more than "
            f"{share(FEW_ROWS_SHARE)}",
            8,
            3.5,
        )
    ]
