"""Numerical checks of the record of a formula, before anything trains with it.

Slopes and gradients are compared with finite differences. A rule without a derivative, such
as an optimizer, is checked against the requirements of its kind.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.formulas.initializers import Initializer
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.penalties import Penalty
from chainrule.formulas.rate_factors import RateFactors
from chainrule.formulas.records import Activation
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import must_be
from chainrule.foundation.seeds import Purpose, stream
from chainrule.insight.check import STEPS, Check, Verdict, compared, five_point

__all__ = ["check_formula"]

Function = Callable[[np.ndarray], float]
XP = namespace(np.empty(0))
# The neighbours of an element, which a row-wise formula depends on.
NEIGHBOURS = (0.5, -1.0)
TARGETS = (0.2, 0.5, 0.3)
WEIGHTS = (1.0, -0.4, 0.7)


def check_formula(
    record: Activation | Loss | Optimizer | Schedule | Initializer | Penalty | RateFactors,
    points: np.ndarray | None = None,
) -> Check:
    """Check a record of any kind, before anything is trained with it.

    The slope of an activation and the gradient of a loss or a penalty are compared with finite
    differences. An optimizer must leave parameters alone at a rate of 0, step against the gradient,
    treat every element alike and make a loss fall; the multipliers of a schedule must not depend on
    how steps are grouped; an initializer must draw with its variance; rate factors must be
    finite and not negative, and the same for the same layer.

    Parameters
    ----------
    record : Activation, Loss, Optimizer, Schedule, Initializer, Penalty or RateFactors
        Written against an array namespace where its kind is.
    points : array, optional
        Points for the derivatives; by default 41 points from -6 to 6.

    Returns
    -------
    Check
        A verdict per point or rule. Where nothing is differentiated, ``gradient`` is the value of
        the record, and ``difference`` the value that its kind requires.

    Examples
    --------
    >>> from chainrule import activations, optimizers
    >>> check_formula(activations.tanh).passed
    True
    >>> check_formula(optimizers.adam).passed
    True
    """
    points = np.linspace(-6.0, 6.0, 41) if points is None else np.asarray(points, np.float64)
    with np.errstate(all="ignore"):
        if isinstance(record, Activation):
            verdicts = _of_activation(record, points)
        elif isinstance(record, Loss):
            verdicts = _of_loss(record, points)
        elif isinstance(record, Penalty):
            verdicts = _of_penalty(record, points)
        elif isinstance(record, Optimizer):
            verdicts = _of_optimizer(record)
        elif isinstance(record, Schedule):
            verdicts = _of_schedule(record)
        elif isinstance(record, Initializer):
            verdicts = _of_initializer(record)
        elif isinstance(record, RateFactors):
            verdicts = _of_rate_factors(record)
        else:
            raise must_be("record", "a record of a formula", record, "Pass an instance of it.")
    return Check(tuple(sorted(verdicts, key=lambda v: -v.error)), seed=0)


def _of_activation(record: Activation, points: np.ndarray) -> list[Verdict]:
    def value(z: np.ndarray) -> float:
        return float(np.sum(record.value(XP, z) * _row(record.rowwise, WEIGHTS)))

    def gradient(z: np.ndarray) -> float:
        da = _row(record.rowwise, WEIGHTS)
        return float(record.pullback(XP, z, record.value(XP, z), da)[0, 0])

    return _derivatives(value, gradient, points, record.kinks, record.rowwise)


def _of_loss(record: Loss, points: np.ndarray) -> list[Verdict]:
    middle = 1.0 if record.domain[0] == 0.0 else 0.37
    target = _row(True, TARGETS) if record.rowwise else np.full((1, 1), middle)

    def value(s: np.ndarray) -> float:
        return float(record.rows(XP, s, target)[0])

    def gradient(s: np.ndarray) -> float:
        return float(record.rows_gradient(XP, s, target)[0, 0])

    kinks = (middle,) if record.kinked else ()
    verdicts = _derivatives(value, gradient, points, kinks, record.rowwise)
    for point in points if record.takes_predictions else ():
        s = _at(point, record.rowwise)
        p = float(np.mean(record.on_prediction(XP, record.mean(XP, s), target)))
        if math.isfinite(p):
            verdicts.append(_equal(f"on_prediction at {point:g}", p, value(s), 1e-6))
    return verdicts


def _of_penalty(record: Penalty, points: np.ndarray) -> list[Verdict]:
    record = replace(record, strength=record.strength or 1.0)  # 0 is switched off

    def value(w: np.ndarray) -> float:
        return float(record.value(XP, w))

    def gradient(w: np.ndarray) -> float:
        return float(record.gradient(XP, w)[0, 0])

    return _derivatives(value, gradient, points, (0.0,) if record.kinked else (), False)


def _of_optimizer(record: Optimizer) -> list[Verdict]:
    p, g = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.3, 0.1, -0.2, -0.7])
    rule = replace(record, weight_decay=0.0, clip_norm=None, averaging=0.0)
    rate = rule.learning_rate

    def moved(p: np.ndarray, g: np.ndarray, rate: float) -> tuple[Any, ...]:
        return rule.update(XP, rule.numbers(rate, 1), p, g, *rule.start(XP, p))

    after = moved(p, g, rate)
    verdicts = [_equal("arrays that step returns", len(after), 1 + len(rule.slots))]
    still, single = moved(p, g, 0.0)[0], moved(p.astype("f4"), g.astype("f4"), rate)[0]
    for number in range(len(p)):
        element = f"element {number + 1}"
        alone = moved(p[[number]], g[[number]], rate)[0][0]
        verdicts += [
            _equal(f"p after a step of rate 0, {element}", still[number], p[number]),
            _equal(f"p updated alone, {element}", after[0][number], alone),
            _equal(
                f"direction against the gradient, {element}",
                np.sign(after[0][number] - p[number]),
                -np.sign(g[number]),
            ),
        ]
    verdicts.append(_equal("bytes per number of float32", single.dtype.itemsize, 4))
    if after[0].shape == p.shape and len(after) == 1 + len(rule.slots):
        verdicts.append(_descent(rule, p))
    return verdicts


def _descent(rule: Optimizer, p: np.ndarray) -> Verdict:
    """Train a bowl: however small the rate that suits the rule, its loss must fall."""
    bottom, curvature = np.array([0.5, -1.0, 2.0, 1.0]), np.array([0.1, 1.0, 0.5, 0.3])

    def loss(p: np.ndarray) -> float:
        return float(0.5 * np.sum(curvature * (p - bottom) ** 2))

    first, memory = loss(p), rule.start(XP, p)
    for t in range(1, 201):
        numbers, g = rule.numbers(rule.learning_rate, t), curvature * (p - bottom)
        p, *after = rule.update(XP, numbers, p, g, *memory)
        memory = tuple(after)
    fell = loss(p) < first
    return _equal("1 if a loss falls in 200 steps", float(fell), 1.0)


def _of_schedule(record: Schedule) -> list[Verdict]:
    total, per_epoch = 90, 3
    steps = np.arange(total, dtype=np.float64)
    found = np.asarray(record.multiplier(steps, per_epoch, total))
    if found.shape != steps.shape:
        return [_equal("multipliers of 90 steps", found.size, total)]
    other = found if record.needs_total else record.multiplier(steps, per_epoch, 2 * total)
    verdicts = []
    for step in range(0, total, 5):
        alone = record.multiplier(steps[step : step + 1], per_epoch, total)[0]
        lowest = max(found[step], 0.0) if math.isfinite(found[step]) else 0.0
        verdicts += [
            _equal(f"multiplier of step {step}, alone", alone, found[step], 1e-12),
            _equal(f"multiplier of step {step}, at least 0 and finite", found[step], lowest),
            _equal(f"multiplier of step {step}, with another total", other[step], found[step]),
        ]
    verdicts.append(_equal("1 if some rate is above 0", float(np.any(found > 0.0)), 1.0))
    lower = record.after_plateau(0.1)
    falls = lower is None or 0.0 < lower < 0.1
    verdicts.append(_equal("1 if the rate after a plateau is lower", float(falls), 1.0))
    return verdicts


def _of_initializer(record: Initializer) -> list[Verdict]:
    n_in, n_out = 200, 100

    def draw() -> np.ndarray:
        return np.asarray(record.draw(stream(0, Purpose.SAMPLE), n_in, n_out))

    weights = draw()
    verdicts = [
        _equal(f"{what} of the weights", size, wanted)
        for what, size, wanted in zip(
            ("rows", "columns"), (*weights.shape, 0, 0), (n_in, n_out), strict=False
        )
    ]
    if weights.shape != (n_in, n_out):
        return verdicts
    variance = record.variance(n_in, n_out)
    biases = record.draw_biases(stream(0, Purpose.SAMPLE), n_in, n_out)
    # 20 000 numbers: the variance is known to 1 %, the mean to 1 % of the deviation
    return [
        *verdicts,
        _equal("variance of the weights", float(np.var(weights)), variance, 0.06),
        _equal("mean over deviation, plus 1", 1.0 + _share(np.mean(weights), variance), 1.0, 0.06),
        _equal("weights drawn again", float(np.sum(draw() != weights)), 0.0),
        _equal("number of biases", biases.size, n_out),
    ]


def _of_rate_factors(record: RateFactors) -> list[Verdict]:
    verdicts = []
    for fans in ((1, 1), (200, 100)):
        for name, factor in (("weight", record.of_weight), ("bias", record.of_bias)):
            found, again = factor(*fans), factor(*fans)
            allowed = 0.0 <= found < math.inf and found == again
            verdicts.append(
                _equal(f"{name} of {fans[0]} > {fans[1]}", found, again if allowed else math.nan)
            )
    return verdicts


def _share(mean: np.floating[Any], variance: float) -> float:
    return float(mean) / math.sqrt(variance) if variance > 0.0 else float(mean)


def _equal(name: str, found: float, wanted: float, tolerance: float = 1e-12) -> Verdict:
    """Return the verdict on a number that must be another, up to a relative tolerance."""
    found, wanted = float(found), float(wanted)
    distance = abs(found - wanted)
    error = distance / max(abs(found), abs(wanted), 1e-300) if distance else 0.0
    right = error <= tolerance or distance <= 1e-12
    status = "passed" if right else "differs"
    return Verdict(
        status, found, wanted, error if math.isfinite(error) else math.inf, 0.0, name=name
    )


def _row(rowwise: bool, numbers: tuple[float, ...]) -> np.ndarray:
    return np.array([numbers]) if rowwise else np.ones((1, 1))


def _at(point: float, rowwise: bool) -> np.ndarray:
    return np.array([[point, *NEIGHBOURS] if rowwise else [point]])


def _derivatives(
    value: Function,
    gradient: Function,
    points: np.ndarray,
    kinks: tuple[float, ...],
    rowwise: bool,
) -> list[Verdict]:
    """Return a verdict per point: the derivative by the first element of the row."""
    verdicts = []
    for point in points:
        at = _at(point, rowwise)
        shifted = partial(_shifted, value, at)
        # A jump of the second derivative needs a narrower step than a smooth curve.
        verdict = min(
            (compared(gradient(at), five_point(shifted, h), value(at), h) for h in STEPS[:4]),
            key=lambda v: v.error,
        )
        near = [kink for kink in kinks if abs(point - kink) <= 2.0 * STEPS[0]]
        if near:
            reason = f"{near[0]:g} lies within the step"
            verdict = replace(verdict, status="not valid here", error=0.0, reason=reason)
        verdicts.append(replace(verdict, name=f"at {point:g}"))
    return verdicts


def _shifted(value: Function, at: np.ndarray, shift: float) -> float:
    moved = at.copy()
    moved[0, 0] += shift
    return value(moved)
