"""Section 3: the curves of loss and learning rate, with findings."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.foundation.short_numbers import share, short
from chainrule.insight.report.card import STOPPED
from chainrule.insight.report.figures import Curve, Lines
from chainrule.insight.report.items import Advice, Sentence
from chainrule.insight.report.material import Material
from chainrule.insight.report.sections import Item, Section

__all__ = ["training_run"]

# The last tenth of the epochs that still lowers the loss by more than this was not the end.
STILL_FALLING = 0.02
# Epochs of the end at least, and curves too short to have an end or a turn.
FEWEST_EPOCHS = 2
# Validation loss that ends this much above its lowest has been overfitted.
OVERFITTED = 0.05
# Validation loss this many times the training loss is a gap.
GAP = 1.5


def training_run(material: Material) -> Section:
    """Return the curves of loss and rate, with a sentence on each finding."""
    training = material.subject.training
    loss = [float(one) for one in training.loss_curve]
    if not loss:
        said = "Not recorded: the loss of each epoch."
        items: list[Item] = [Sentence(said, "note")]
        advice: list[Advice] = []
        if training.stopped_because == "divergence":
            items, advice = _findings(material, [], [], None)
        return Section("training", "Training", items, {"loss": None}, tuple(advice))
    validation = [float(one) for one in training.validation_loss_curve]
    scores = [float(one) for one in training.validation_scores]
    rates = [float(one) for one in training.rates]
    best = training.best_epoch
    said = _sentence(loss, validation, best, training.stopped_because)
    items = [Sentence(said)]
    findings, advice = _findings(material, loss, validation, best)
    items += findings
    items.append(_curves(material, loss, validation, best, said))
    if scores:
        kept = scores[best - 1] if best and best <= len(scores) else max(scores)
        name = "accuracy" if material.task != "numbers" else "R²"
        items.append(
            Sentence(
                f"Score on the validation rows ({name}): {short(kept, 4)} in the epoch that was "
                f"kept, {short(max(scores), 4)} at its best, {short(scores[-1], 4)} at the end."
            )
        )
    if any(math.isfinite(rate) for rate in rates):
        low, high = min(rates), max(rates)
        if low == high:
            items.append(Sentence(f"The learning rate was {low:g} throughout."))
        else:
            said = f"The learning rate at the end of an epoch was between {low:.2g} and {high:.2g}."
            curve = Curve("learning rate", range(1, len(rates) + 1), rates)
            chart = Lines("Learning rate by epoch", said, "epoch", "rate", (curve,))
            items.append(chart)
    elif material.trained_by_steps:
        items.append(Sentence("Not recorded: the learning rate of each epoch.", "note"))
    record = {
        "loss": loss,
        "validation_loss": validation or None,
        "validation_scores": scores or None,
        "learning_rates": rates or None,
        "best_epoch": best,
        "stopped_because": training.stopped_because,
    }
    return Section("training", "Training", items, record, tuple(advice))


def _sentence(
    loss: Sequence[float], validation: Sequence[float], best: int | None, stopped: Any
) -> str:
    many = f"{len(loss):,} epochs" if len(loss) > 1 else "1 epoch"
    text = f"The training loss went from {short(loss[0], 4)} to {short(loss[-1], 4)} in {many}"
    if validation:
        lowest = int(np.nanargmin(validation)) if not np.isnan(validation).all() else 0
        text += (
            f"; the validation loss was lowest in epoch {lowest + 1} "
            f"({short(validation[lowest], 4)}) and ended at {short(validation[-1], 4)}"
        )
    if best is not None:
        text += f". The parameters of epoch {best} were kept"
    reason = STOPPED.get(stopped)
    return f"{text}. Training ended because {reason}." if reason else f"{text}."


def _findings(
    material: Material, loss: Sequence[float], validation: Sequence[float], best: int | None
) -> tuple[list[Item], list[Advice]]:
    items: list[Item] = []
    advice: list[Advice] = []

    def add(kind: str, because: str, do: str, weight: float) -> None:
        items.append(Sentence(f"{kind}: {because}.", "warning"))
        advice.append(Advice(do, because, 3, weight))

    training = material.subject.training
    diverged = [one.words for one in material.health.findings if one.kind == "diverged"]
    if diverged:
        do = "Train again at a much lower learning rate; section 7 measures which."
        items.append(Sentence(f"{diverged[0][0].upper()}{diverged[0][1:]}.", "warning"))
        advice.append(Advice(do, diverged[0], 3, 10.0))
        return items, advice
    if validation and len(validation) > FEWEST_EPOCHS and all(map(math.isfinite, validation)):
        lowest = min(validation)
        rise = (validation[-1] - lowest) / abs(lowest) if lowest else 0.0
        kept = best if best is not None else len(validation)
        gap = validation[kept - 1] / loss[kept - 1] if loss[kept - 1] > 0.0 else 1.0
        if rise > OVERFITTED:
            because = (
                f"after epoch {int(np.argmin(validation)) + 1} the validation loss rose by "
                f"{share(rise)}, more than {share(OVERFITTED)}, while the training loss went on "
                f"to {short(loss[-1], 4)}"
            )
            do = (
                "Regularise: a larger alpha (L2 penalty), fewer units, or more rows. The best "
                "epoch was kept, so the later ones were not needed."
                if best is not None
                else "Stop earlier (early_stopping=True keeps the best epoch), or use a larger "
                "alpha (L2 penalty)."
            )
            add("Overfitting", because, do, 5.0)
        elif gap > GAP:
            because = (
                f"the validation loss is {short(gap, 2)} times the training loss in the epoch kept "
                f"({short(validation[kept - 1], 4)} against {short(loss[kept - 1], 4)}), more than "
                f"{GAP:g} times"
            )
            do = "Regularise: a larger alpha (L2 penalty), fewer units, or more rows."
            add("Gap", because, do, 4.0)
    planned = training.schedule not in (None, "constant")
    tail = max(FEWEST_EPOCHS, len(loss) // 10)
    watched = validation if len(validation) == len(loss) else loss
    if training.stopped_because == "max_iter" and len(loss) > 2 * tail and not planned:
        before, after = watched[-tail - 1], min(watched[-tail:])
        fell = (before - after) / abs(before) if before else 0.0
        if fell > STILL_FALLING:
            what = "validation loss" if watched is validation else "training loss"
            because = (
                f"the {what} still fell by {share(fell)} in the last {tail} of {len(loss):,} "
                f"epochs, more than {share(STILL_FALLING)}"
            )
            do = f"Train longer: raise max_iter above {len(loss):,}."
            add("Not finished", because, do, 6.0)
    return items, advice


def _curves(
    material: Material,
    loss: Sequence[float],
    validation: Sequence[float],
    best: int | None,
    said: str,
) -> Lines:
    epochs = range(1, len(loss) + 1)
    curves = [Curve("training", epochs, loss, dashed=bool(validation))]
    values = [*loss]
    if validation:
        curves.append(Curve("validation", range(1, len(validation) + 1), validation))
        values += validation
    finite = [value for value in values if math.isfinite(value)]
    mark = None
    if validation and best is not None and best <= len(validation):
        mark = (float(best), validation[best - 1], f"kept: epoch {best}")
    return Lines(
        "Loss by epoch",
        said,
        "epoch",
        material.loss.name.replace("_", " "),
        tuple(curves),
        log_y=bool(finite) and min(finite) > 0.0 and max(finite) > 8.0 * min(finite),
        mark=mark,
    )
