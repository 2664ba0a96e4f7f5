"""Section 8: how good the predictions are, beside the answer that looks at nothing."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.foundation.arrays import namespace
from chainrule.insight.report.boundary import boundary
from chainrule.insight.report.calibration import calibration
from chainrule.insight.report.confusion import confusion
from chainrule.insight.report.importance import importance
from chainrule.insight.report.items import Advice, Sentence, Table
from chainrule.insight.report.material import Material, Predictions
from chainrule.insight.report.residuals import residuals
from chainrule.insight.report.sections import Item, Section
from chainrule.insight.text_table import share, short

__all__ = ["Score", "quality", "scores_of"]

# The hundredth of the rows with the largest losses that holds this share of the loss is a few rows.
FEW_ROWS, FEW_ROWS_SHARE = 0.01, 0.25
# A hundredth of fewer rows is one row, and one row is often far off.
FEWEST_ROWS = 200
# Classes up to which the area is measured: each takes a sort of all rows.
MOST_CURVES = 100
# A score that is no better than the trivial answer by this share of what is left.
LITTLE_BETTER = 0.05


@dataclass(frozen=True)
class Score:
    """A score of the network beside that of the answer that looks at no input."""

    name: str
    value: float
    trivial: float
    better: Literal["higher", "lower"] = "higher"


def quality(material: Material) -> Section:
    """Return metrics, confusion or residuals, calibration, and what the inputs are worth."""
    found = material.predictions
    title = "Quality on held-out rows" if found.held_out else "Quality on the rows given"
    items: list[Item] = []
    if found.held_out:
        items.append(Sentence(f"Measured on {found.where}."))
    else:
        items.append(
            Sentence(
                f"Measured on {found.where}: no held-out rows were passed. Where the network was "
                "trained on these rows, the figures are too good; pass "
                "held_out=(X_test, y_test) to explain for figures that hold on new rows.",
                "warning",
            )
        )
    if not found.finite:
        wrong = int(np.count_nonzero(~np.all(np.isfinite(found.p), axis=1)))
        said = f"Not finite: {wrong:,} of {len(found):,} predictions are not numbers."
        return Section("quality", title, [*items, Sentence(said, "warning")], {"finite": False})
    trivial, scores = scores_of(material, found)
    cells = [(one.name, short(one.value, 4), short(one.trivial, 4), one.better) for one in scores]
    head = ("score", "network", trivial, "better is")
    items.append(
        Table("Scores, beside an answer that looks at no input", head, cells, ("better is",))
    )
    advice = [*_against_trivial(scores, trivial), *_few_rows(material, found)]
    record: dict[str, Any] = {
        "held_out": found.held_out,
        "rows": len(found),
        "scores": [
            {"name": one.name, "value": one.value, "trivial": one.trivial} for one in scores
        ],
        "trivial": trivial,
    }
    makers = (residuals,) if material.task == "numbers" else (confusion, calibration)
    for make in (*makers, boundary if len(material.input_names) == 2 else importance):
        more, key, numbers, tips = make(material)
        items += more
        advice += tips
        record[key] = numbers
    return Section("quality", title, items, record, tuple(advice))


def scores_of(material: Material, found: Predictions) -> tuple[str, list[Score]]:
    """Return what the trivial answer is, and the scores of both."""
    if material.task == "numbers":
        return _of_numbers(material, found)
    return (
        _of_labels(material, found) if material.task == "labels" else _of_classes(material, found)
    )


def _of_classes(material: Material, found: Predictions) -> tuple[str, list[Score]]:
    p, y = both_classes(found.p), both_classes(found.y)
    said, true = np.argmax(p, axis=1), np.argmax(y, axis=1)
    shares = np.asarray(found.weight @ y / np.sum(found.weight))
    guess = int(np.argmax(shares))
    present = np.unique(true)
    scores = [Score("accuracy", found.mean(said == true), float(shares[guess]))]
    if len(present) > 1:
        balanced = _mean_recall(said, true, found.weight)
        scores.append(Score("mean recall of the classes", balanced, 1.0 / len(present)))
    with np.errstate(all="ignore"):
        entropy = float(-np.sum(np.where(shares > 0.0, shares * np.log(shares), 0.0)))
        log_loss = found.mean(-np.log(np.maximum(np.sum(p * y, axis=1), 1e-300)))
    scores.append(Score("log loss", log_loss, entropy, "lower"))
    area = _area(p, true, found.weight)
    if area is not None:
        scores.append(Score("area under the ROC curve", area, 0.5))
    return f"always {material.classes[guess]}", scores


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


def _of_labels(material: Material, found: Predictions) -> tuple[str, list[Score]]:
    said, true = found.p > 0.5, found.y > 0.5
    shares = np.asarray(found.weight @ found.y / np.sum(found.weight))
    usual = np.broadcast_to(shares > 0.5, true.shape)
    with np.errstate(all="ignore"):
        entropy = -(shares * np.log(shares) + (1.0 - shares) * np.log1p(-shares))
    scores = [
        Score("all labels right", found.mean(np.all(said == true, axis=1)),
               found.mean(np.all(usual == true, axis=1))),
        Score("one label right", found.mean(np.mean(said == true, axis=1)),
               found.mean(np.mean(usual == true, axis=1))),
        Score("F1, mean of the labels", _f1(said, true, found.weight),
               _f1(usual, true, found.weight)),
        Score("log loss of a label", found.mean(found.losses),
               float(np.mean(np.nan_to_num(entropy))), "lower"),
    ]  # fmt: skip
    return "each label as usual", scores


def _f1(said: np.ndarray, true: np.ndarray, weight: np.ndarray) -> float:
    both = weight @ (said & true)
    either = weight @ said.astype(np.float64) + weight @ true.astype(np.float64)
    return float(
        np.mean(np.divide(2.0 * both, either, out=np.zeros_like(either), where=either > 0))
    )


def _of_numbers(material: Material, found: Predictions) -> tuple[str, list[Score]]:
    p, y, weight = found.p, found.y, found.weight
    center = np.average(y, axis=0, weights=weight)

    def squared(guess: np.ndarray) -> float:
        return found.mean(np.mean((y - guess) ** 2, axis=1))

    def absolute(guess: np.ndarray) -> float:
        return found.mean(np.mean(np.abs(y - guess), axis=1))

    scores = []
    if squared(center) > 0.0:
        scores.append(Score("R²", 1.0 - squared(p) / squared(center), 0.0))
    scores += [
        Score("mean absolute error", absolute(p), absolute(center), "lower"),
        Score("root mean squared error", squared(p) ** 0.5, squared(center) ** 0.5, "lower"),
    ]
    if material.subject.objective.loss.name not in ("mse", "mae"):
        base = _constant_loss(material, found)
        scores.append(
            Score(f"loss ({material.loss_name})", found.mean(found.losses), base, "lower")
        )
    return "always the mean", scores


def _constant_loss(material: Material, found: Predictions) -> float:
    """Return the loss of the mean target as the only answer."""
    y = np.asarray(found.rows.y, dtype=np.float64)
    center = np.broadcast_to(np.average(y, axis=0, weights=found.weight), y.shape)
    factor = material.subject.encoding.loss_factor
    loss = material.subject.objective.loss
    with np.errstate(all="ignore"):
        losses = np.mean(loss.on_prediction(namespace(y), np.array(center), y), axis=1)
        return factor * found.mean(losses)


def both_classes(p: np.ndarray) -> np.ndarray:
    """Return the probability of each class where there is one score for two."""
    return np.concatenate([1.0 - p, p], axis=1) if p.shape[1] == 1 else p


def _against_trivial(scores: list[Score], trivial: str) -> list[Advice]:
    first = scores[0]
    left = 1.0 - first.trivial
    if left <= 0.0 or (first.value - first.trivial) / left > LITTLE_BETTER:
        return []
    return [
        Advice(
            "Find out whether the inputs say anything of the target, before tuning: train longer, "
            "at another learning rate, or on other columns.",
            f"{first.name} is {short(first.value, 4)}, and {short(first.trivial, 4)} for the "
            f"answer “{trivial}”",
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
            f"Look at the rows with the largest losses, their labels first (of the {which}, from "
            f"1: {first}).",
            f"{count:,} of {len(found):,} rows hold {share(fraction)} of the loss, more than "
            f"{share(FEW_ROWS_SHARE)}",
            8,
            3.5,
        )
    ]
