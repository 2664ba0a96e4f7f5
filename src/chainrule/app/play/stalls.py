"""Explain training that goes on without learning: dead or saturated units, and a plateau."""

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.app.play.moments import Moment
from chainrule.app.play.run import Run
from chainrule.formulas.activations import linear
from chainrule.formulas.records import activations as known
from chainrule.foundation.short_numbers import share, short
from chainrule.insight.health import health
from chainrule.insight.layer_verdicts import Finding, LayerHealth, slopes_of
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.training.trials import Trial

__all__ = ["explain_stall"]

# A plateau: so many steps in which the loss falls by less than this share, while it is above this
# share of its first value. Larger rates are tried for some steps from there.
PLATEAU_STEPS, PLATEAU_FALL, PLATEAU_LOSS = 100, 1e-3, 0.05
TRIED_FACTORS, TRIED_STEPS = (3.0, 10.0, 30.0), 30
REASONS = {
    "dead": "No step can revive them, since their slope is 0 on every row.",
    "saturated": "Where a slope is near 0, so is the gradient of all weights before it.",
}


def explain_stall(run: Run, activations: tuple[str, ...]) -> dict[str, Any] | None:
    """Return what keeps the network from learning, in words with its numbers, and what to do.

    Parameters
    ----------
    run : Run
        The training; nothing is said before its first step.
    activations : tuple of str
        The activations of the hidden layers.

    Returns
    -------
    dict or None
        ``kind``, ``words``, ``back`` (steps, and the step they lead to) and ``change``, settings to
        try; None where nothing is found.
    """
    if run.moment.step == run.start.step:
        return None
    for layer in health(run.subject).layers:
        for finding in layer.findings:
            if finding.kind in REASONS and layer.layer <= len(activations):
                return _of_units(run, layer, finding, activations)
    return _plateau(run)


def _of_units(
    run: Run, layer: LayerHealth, finding: Finding, activations: tuple[str, ...]
) -> dict[str, Any]:
    words = f"Layer {layer.layer}: {finding.words}. {REASONS[finding.kind]}"
    back = _last_without(run, finding)
    if back is None:
        words += " It was so in all steps that are kept."
    change: dict[str, Any] = {"learning_rate": run.learning_rate / 10.0}
    if finding.kind == "dead":
        other = _never_flat()
        change = {
            "activations": [
                other if k == layer.layer else one for k, one in enumerate(activations, start=1)
            ]
        }
        words += f" The slope of {other} is nowhere 0."
    return {
        "kind": finding.kind,
        "words": words,
        "back": None if back is None else {"steps": back, "to": run.past[-back].step},
        "change": change,
    }


def _never_flat() -> str:
    """Return the first activation that bends, and whose slope is bounded and flat on no side."""
    for record in map(known.get, known):
        slopes = slopes_of(record)
        if record != linear and slopes.largest is not None and slopes.flat_sides == 0:
            return record.name
    raise AssertionError("the catalogue has rectifiers that leak")


def _last_without(run: Run, finding: Finding) -> int | None:
    """Return the number of steps back to a moment without a finding, by halving the way."""

    def has(moment: Moment) -> bool:
        subject = replace(run.subject, vector=moment.vector, slots=moment.slots, step=moment.step)
        return any(
            one.kind == finding.kind and one.layer == finding.layer
            for layer in health(subject).layers
            for one in layer.findings
        )

    past = [one for one in run.past if len(one.vector) == len(run.moment.vector)]
    if not past or has(past[0]):
        return None
    without, found = 0, len(past)
    while found - without > 1:
        middle = (without + found) // 2
        if has(past[middle]):
            found = middle
        else:
            without = middle
    return len(past) - without


def _plateau(run: Run) -> dict[str, Any] | None:
    """Return that the loss no longer falls, and a larger rate that lowers it, if one does."""
    now = run.losses[-1]
    before = [one for one in run.losses if one.step <= now.step - PLATEAU_STEPS]
    if not before or now.loss < PLATEAU_LOSS * run.losses[0].loss:
        return None
    fall = 1.0 - now.loss / before[-1].loss if before[-1].loss > 0.0 else 0.0
    if fall >= PLATEAU_FALL:
        return None
    subject = run.subject
    _, gradient = subject.engine.gradient(subject.vector, subject.rows)
    steps = now.step - before[-1].step
    words = (
        f"A plateau: in the last {steps:,} steps the loss went from {short(before[-1].loss, 5)} to "
        f"{short(now.loss, 5)}, a fall of {share(max(fall, 0.0))}, less than "
        f"{share(PLATEAU_FALL)}. The norm of its gradient is "
        f"{short(float(np.linalg.norm(gradient)))}."
    )
    rate = _larger_rate(run, now.loss * (1.0 - PLATEAU_FALL))
    if rate is None:
        words += " No larger rate that was tried from here lowers it: this may be a minimum."
    else:
        words += f" At the rate {rate:g} it falls from here within {TRIED_STEPS} steps."
    change = None if rate is None else {"learning_rate": rate}
    return {"kind": "plateau", "words": words, "back": None, "change": change}


def _larger_rate(run: Run, below: float) -> float | None:
    """Return the smallest larger rate at which the loss falls below a number from here."""
    subject = replace(run.subject, slots=(), step=0)
    start = subject.objective.network.parameters(run.moment.vector)
    setting = setting_of(Problem(subject), RunOptions(start=start, engine="reference"))
    for factor in TRIED_FACTORS:
        rate = factor * run.learning_rate
        trial = Trial(setting, min(run.batch_size, len(run.rows)))
        if trial.advance(np.full(TRIED_STEPS, rate)) and trial.loss < below:
            return rate
    return None
