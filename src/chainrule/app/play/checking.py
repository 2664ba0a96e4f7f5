"""The gradient check of the whole network, for the badge that is always there."""

from dataclasses import replace
from time import perf_counter
from typing import Any

from chainrule.engines.engine import Rows
from chainrule.insight.check import check_gradient
from chainrule.insight.subject import Subject

__all__ = ["gradients_of"]

# Weights that are drawn, and rows that they are checked on.
DRAWN, MOST_ROWS = 20, 256


def gradients_of(subject: Subject, seed: int) -> dict[str, Any]:
    """Compare some weights of every layer with finite differences, and list them, worst first.

    Examples
    --------
    >>> from chainrule.app.play.settings import Settings
    >>> found = gradients_of(Settings().problem().subject, seed=0)
    >>> found["good"], found["of"], found["passed"]
    (13, 13, True)
    """
    began = perf_counter()
    x, y, weight = subject.rows.take(slice(0, MOST_ROWS))
    found = check_gradient(replace(subject, rows=Rows(x, y, weight)), DRAWN, seed)
    valid = [one for one in found.verdicts if one.status != "not valid here"]
    verdicts = [
        {
            "name": verdict.name,
            "layer": place.layer,
            "unit": place.unit,
            "to": place.to,
            "gradient": verdict.gradient,
            "difference": verdict.difference,
            "error": verdict.error,
            "status": verdict.status,
            "reason": verdict.reason,
        }
        for verdict, place in zip(found.verdicts, found.places, strict=True)
    ]
    return {
        "passed": found.passed,
        "good": sum(one.status in ("passed", "zero on both sides") for one in valid),
        "of": len(valid),
        "kinks": len(found.verdicts) - len(valid),
        "worst": max((one.error for one in valid), default=0.0),
        "rows": min(len(subject.rows), MOST_ROWS),
        "seed": seed,
        "step": subject.step,
        "seconds": perf_counter() - began,
        "verdicts": verdicts,
    }
