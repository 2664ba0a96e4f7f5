"""Gradients against finite differences in float64; kinks and rounding are not taken for errors.

The difference is the five-point one: its error falls with the fourth power of the step, so the step
can be wide enough for rounding not to matter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.foundation.arrays import namespace
from chainrule.foundation.seeds import Purpose, stream
from chainrule.foundation.showing import Shown
from chainrule.insight.notation import number
from chainrule.insight.parameter import Parameter, parameter_numbered
from chainrule.insight.place import Place
from chainrule.insight.sharing import gathered
from chainrule.insight.subject import Subject

__all__ = [
    "STEPS",
    "Check",
    "Verdict",
    "check_gradient",
    "check_parameter",
    "compared",
    "five_point",
    "in_float64",
]

# Relative errors below which a derivative is right, and below which rounding may explain the error.
PASSED, WEAK = 1e-6, 1e-4
STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """The verdict of finite differences on one derivative.

    Attributes
    ----------
    status : {"passed", "weak", "differs", "not valid here", "zero on both sides"}
        ``passed`` below 1e-6, ``weak`` below 1e-4; ``not valid here`` where a kink lies within the
        step, so that the difference is meaningless.
    gradient, difference : float
        The derivative by the chain rule, and the finite difference.
    error : float
        Their distance over the larger of the two, or over the resolution of rounding.
    step : float
        The step of the difference.
    reason : str
        For ``not valid here``, the unit that changes sign; for zeros, the reason.
    left, right : float or None
        The one-sided slopes, where there is a kink.
    name : str
        The name of the weight.
    """

    status: str
    gradient: float
    difference: float
    error: float
    step: float
    reason: str = ""
    left: float | None = None
    right: float | None = None
    name: str = ""

    def __str__(self) -> str:
        name = f"{self.name} " if self.name else ""
        line = (
            f"{name}{self.status}: chain rule {number(self.gradient, 8)}, finite difference "
            f"{number(self.difference, 8)}, relative error {self.error:.1e}, step {self.step:g}"
        )
        return f"{line} ({self.reason})" if self.reason else line


@dataclass(frozen=True, repr=False)
class Check(Shown):
    """The verdicts on a sample of weights, the worst first.

    Attributes
    ----------
    verdicts : tuple of Verdict
        Sorted by error.
    seed : int
        The seed of the sample.
    places : tuple of Place
        The places of the verdicts.
    """

    verdicts: tuple[Verdict, ...]
    seed: int
    places: tuple[Place, ...] = ()

    @property
    def passed(self) -> bool:
        """True if no derivative differs."""
        return all(verdict.status != "differs" for verdict in self.verdicts)

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        valid = [v for v in self.verdicts if v.status != "not valid here"]
        good = sum(v.status in ("passed", "zero on both sides") for v in valid)
        worst = max((v.error for v in valid), default=0.0)
        sentence = f"{good} of {len(valid)} passed, worst relative error {worst:.1e}"
        kinks = len(self.verdicts) - len(valid)
        return f"{sentence}; {kinks} at a kink, where no difference is valid" if kinks else sentence

    def __str__(self) -> str:
        lines = [f"gradient check (seed {self.seed}): {self.summary}"]
        width = max((len(v.name) for v in self.verdicts), default=0)
        if self.verdicts:
            lines.append(
                f"  {'':<{width}}  {'chain rule':>13}  {'difference':>13}     error  verdict"
            )
        lines += [
            f"  {v.name:<{width}}  {v.gradient:>13.6g}  {v.difference:>13.6g}  {v.error:8.1e}  "
            + (f"{v.status}: {v.reason}" if v.reason else v.status)
            for v in self.verdicts
        ]
        return "\n".join(lines)


def check_gradient(subject: Subject, n: int = 50, seed: int = 0) -> Check:
    """Check the gradient of the mean loss at ``n`` weights and biases drawn from all layers.

    The weight of a shared layer is checked once, and moved in all its places.

    Parameters
    ----------
    subject : Subject
        Network, parameters and rows; computed in float64 whatever their precision.
    n : int
        Their number, spread evenly over the layers.
    seed : int
        Seed of the draw.
    """
    doubled = in_float64(subject)
    _, gradient = doubled.engine.gradient(doubled.vector, doubled.rows)
    gradient = gathered(doubled.shared, doubled.objective.network.layout, gradient)
    random = stream(seed, Purpose.SAMPLE)
    network = subject.objective.network
    verdicts: dict[str, Verdict] = {}
    places: dict[str, Place] = {}
    per_layer = max(1, math.ceil(n / len(network.layers)))
    for span in network.layout.whole_layers:
        size = span.stop - span.start
        for index in span.start + random.choice(size, min(per_layer, size), replace=False):
            parameter = parameter_numbered(doubled, int(index))
            name = parameter.symbol.text
            if name not in verdicts:
                verdict = check_parameter(doubled, parameter, None, gradient[parameter.index])
                verdicts[name] = replace(verdict, name=name)
                places[name] = parameter.terms[0].place
    worst_first = sorted(verdicts.values(), key=lambda v: -v.error)
    return Check(tuple(worst_first), seed, tuple(places[v.name] for v in worst_first))


def check_parameter(
    subject: Subject, parameter: Parameter, row: int | None, gradient: float
) -> Verdict:
    """Compare one derivative, of one row's loss or of the mean loss, with finite differences."""
    subject = in_float64(subject, row)
    engine, gradient = subject.engine, float(gradient)
    middle = _signs(subject, subject.vector)

    def moved(shift: float) -> np.ndarray:
        vector = subject.vector.copy()
        for index, term in zip(parameter.indices, parameter.terms, strict=True):
            vector[index] += term.factor * shift
        return vector

    def objective(shift: float) -> float:
        vector = moved(shift)
        penalty = subject.objective.penalty(
            namespace(vector), subject.objective.network.parameters(vector)
        )
        return engine.loss(vector, subject.rows) + float(penalty)

    def crossed(shift: float) -> str:
        reasons = [_changed(middle, _signs(subject, moved(sign * shift))) for sign in (-2.0, 2.0)]
        return reasons[0] or reasons[1]

    at = objective(0.0)
    best: Verdict | None = None
    reason = ""
    for scale in STEPS:
        step = scale * max(1.0, abs(parameter.value))
        kink = crossed(step)
        reason = reason or kink
        if kink:
            continue
        verdict = compared(gradient, five_point(objective, step), at, step)
        if best is None or verdict.error < best.error:
            best = verdict
        if best.error < PASSED:
            break
    if best is None:
        left = (at - objective(-step)) / step
        right = (objective(step) - at) / step
        difference = five_point(objective, step)
        return Verdict("not valid here", gradient, difference, 0.0, step, reason, left, right)
    if best.status == "zero on both sides":
        dead = "the loss does not depend on it here: a dead unit, or an input of 0, in every row"
        return replace(best, reason=dead)
    return best


def compared(gradient: float, difference: float, loss: float, step: float) -> Verdict:
    """Return the verdict on a derivative, beside a finite difference of a value ``loss``."""
    # the resolution of a difference of rounded losses, at the precision that a verdict needs
    floor = max(4.0 * np.finfo(np.float64).eps * abs(loss) / step / PASSED, 1e-300)
    if gradient == 0.0 and difference == 0.0:
        return Verdict("zero on both sides", gradient, difference, 0.0, step)
    error = abs(gradient - difference) / max(abs(gradient), abs(difference), floor)
    if math.isnan(error):
        error = math.inf
    status = "passed" if error < PASSED else "weak" if error < WEAK else "differs"
    return Verdict(status, gradient, difference, error, step)


def five_point(value: Callable[[float], float], step: float) -> float:
    """Return the five-point difference at 0."""
    near = value(step) - value(-step)
    far = value(2.0 * step) - value(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def in_float64(subject: Subject, row: int | None = None) -> Subject:
    """Return the subject in float64, of one row (of weight 1) or of all."""
    x, y, weight = subject.rows.take(slice(None) if row is None else slice(row, row + 1))
    weight = None if row is not None or weight is None else np.asarray(weight, np.float64)
    rows = Rows(x.astype(np.float64), np.asarray(y, dtype=np.float64), weight)
    return replace(subject, vector=np.asarray(subject.vector, dtype=np.float64), rows=rows)


def _signs(subject: Subject, vector: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Return the side of each kink for every unit of every row, every loss and every weight."""
    network, loss = subject.objective.network, subject.objective.loss
    sides = []
    with np.errstate(all="ignore"):
        tape = network.trace(namespace(vector), network.parameters(vector), subject.rows.x)
        for number_, (layer, seen) in enumerate(
            zip(network.layers, tape.layers, strict=True), start=1
        ):
            unit = f"{layer.activation.name} unit {{}} of layer {number_}"
            sides += [(unit, np.asarray(seen.z) > kink) for kink in layer.activation.kinks]
        if loss.kinked:
            inside = f"the sign inside {loss.name} for output {{}}"
            sides.append((inside, tape.scores > subject.rows.y))
        if any(penalty.kinked for penalty in subject.objective.penalties):
            sides.append(("weight {} under a penalty", (vector > 0.0)[None, :]))
    return sides


def _changed(before: list[tuple[str, np.ndarray]], after: list[tuple[str, np.ndarray]]) -> str:
    for (what, old), (_, new) in zip(before, after, strict=True):
        where = np.argwhere(old != new)
        if len(where):
            row, unit = where[0]
            return f"{what.format(unit + 1)} changes sign within the step, in row {row + 1}"
    return ""
