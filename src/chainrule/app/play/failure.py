"""The explanation of a training that diverged, with the step back and the rate to try."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.app.play.run import Run
from chainrule.foundation.short_numbers import short
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.training.trials import Trial

__all__ = ["explain_failure"]

# Rates that are tried from the same start: the one that failed over these.
DIVISORS, TRIED_STEPS = (10.0, 100.0, 1000.0, 10_000.0), 30
STEPS_BACK = 5


def explain_failure(run: Run) -> dict[str, Any] | None:
    """Return what stopped the training, in words with its numbers, and what to do."""
    if run.failure is None:
        return None
    error, step = run.failure.error, run.failure.step
    first = short(error.first_loss, 4)
    loss = f"{short(error.loss, 4)}, more than a million times the first one, {first}"
    parts = [f"The loss of its batch is {loss}."]
    if not math.isfinite(error.loss):
        parts = [f"The loss of its batch is not finite; the first one was {first}."]
    layer, ratio = _largest_update(run)
    if ratio is not None:
        parts.append(
            f"In the step before, weights and biases of layer {layer} changed by {short(ratio, 3)} "
            "times their own size; a healthy step is near a thousandth."
        )
    rate = _rate_that_learns(run)
    if rate is not None:
        parts.append(
            f"The rate {run.learning_rate:g} is too high: from the same start the loss falls at "
            f"{rate:g}."
        )
    else:
        parts.append(f"The rate is {run.learning_rate:g}; none of the smaller ones tried learns.")
    back = min(len(run.past), STEPS_BACK)
    return {
        "words": " ".join(parts),
        "step": step,
        "back": {"steps": back, "to": run.past[-back].step if back else run.moment.step},
        "rate": rate,
    }


def _largest_update(run: Run) -> tuple[int, float | None]:
    """Return the layer whose parameters changed most in the last step, against their size."""
    if not run.past:
        return 0, None
    before, after = run.before, run.moment.vector
    found: tuple[int, float | None] = (0, None)
    for number, layer in enumerate(run.objective.network.layout.whole_layers, start=1):
        size = float(np.linalg.norm(before[layer]))
        change = float(np.linalg.norm(after[layer] - before[layer]))
        if size > 0.0 and math.isfinite(change) and change / size > (found[1] or 0.0):
            found = (number, change / size)
    return found


def _rate_that_learns(run: Run) -> float | None:
    """Return the largest of some smaller rates at which the loss falls from the same start."""
    subject = replace(run.subject, slots=(), step=0, vector=run.start.vector)
    start = subject.objective.network.parameters(run.start.vector)
    setting = setting_of(Problem(subject), RunOptions(start=start, engine="reference"))
    for divisor in DIVISORS:
        rate = run.learning_rate / divisor
        trial = Trial(setting, min(run.batch_size, len(run.rows)))
        fine = trial.advance(np.full(TRIED_STEPS, rate))
        if fine and trial.loss < trial.start_loss:
            return rate
    return None
