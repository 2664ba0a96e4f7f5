"""The health of each layer: its numbers, and verdicts with their thresholds."""

import math
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

from chainrule.engines.reference import step_of
from chainrule.formulas.records import Activation
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError, must_be
from chainrule.foundation.short_numbers import share, short
from chainrule.foundation.showing import Shown
from chainrule.insight.input_scales import look_at_columns, scale_words
from chainrule.insight.json_values import as_record
from chainrule.insight.layer_verdicts import (
    SMALL_SLOPE,
    Finding,
    LayerHealth,
    layer_findings,
    slopes_of,
    vanishing_findings,
)
from chainrule.insight.sharing import gathered, spread, values_of
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import text_table
from chainrule.training.gradient_moments import GradientSums
from chainrule.training.row_blocks import Block, row_blocks

__all__ = ["Finding", "Health", "LayerHealth", "health", "next_update"]

# Gradients below this share of the parameters are rounding, and carry no verdict.
ROUNDING = 1e-10


@dataclass(frozen=True, repr=False)
class Health(Shown):
    """The health of a network's layers, inputs and training on some rows.

    Attributes
    ----------
    layers : tuple of LayerHealth
        From the first layer to the last.
    findings : tuple of Finding
        The findings on the inputs and on the training.
    rows : int
        The number of rows; those of weight 0 are left out.
    """

    layers: tuple[LayerHealth, ...]
    findings: tuple[Finding, ...]
    rows: int

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """All findings: training and inputs first, then layer by layer."""
        return (*self.findings, *(one for layer in self.layers for one in layer.findings))

    @property
    def fine(self) -> bool:
        """True if there are no findings."""
        return not self.all_findings

    def __str__(self) -> str:
        columns = self.to_columns()
        heads = [name.replace("_", " ") for name in columns]
        cells = [
            (
                f"{one.layer}",
                one.activation,
                f"{one.units:,}",
                short(one.mean),
                short(one.spread),
                f"{len(one.dead):,}",
                share(one.saturated),
                short(one.gradient_norm),
                share(one.gradient_share),
                short(one.update_ratio),
                one.verdict,
            )
            for one in self.layers
        ]
        lines = [
            f"health on {self.rows:,} rows",
            text_table(heads, cells, left=("activation", "verdict")),
        ]
        lines += [f"{finding.kind}: {finding.words}" for finding in self.findings]
        return "\n".join(lines)

    def to_columns(self) -> dict[str, list[Any]]:
        """Return the table as columns: what `to_frame` puts into a DataFrame."""
        return {
            "layer": [one.layer for one in self.layers],
            "activation": [one.activation for one in self.layers],
            "units": [one.units for one in self.layers],
            "mean": [one.mean for one in self.layers],
            "spread": [one.spread for one in self.layers],
            "dead": [len(one.dead) for one in self.layers],
            "saturated": [one.saturated for one in self.layers],
            "gradient_norm": [one.gradient_norm for one in self.layers],
            "gradient_share": [one.gradient_share for one in self.layers],
            "update_ratio": [one.update_ratio for one in self.layers],
            "verdict": [one.verdict for one in self.layers],
        }

    def to_frame(self, library: Literal["pandas", "polars"] | None = None) -> Any:
        """Return the table as a DataFrame.

        Parameters
        ----------
        library : {"pandas", "polars"}, optional
            None takes the one that is already imported, else the one that is installed; pandas
            before polars.

        Raises
        ------
        InputError
            If neither is installed.
        """
        if library not in (None, "pandas", "polars"):
            raise must_be("library", "'pandas', 'polars' or None", library)
        names = ("pandas", "polars") if library is None else (library,)
        imported = [name for name in names if name in sys.modules]
        installed = [name for name in names if find_spec(name) is not None]
        chosen = next(iter(imported + installed), None)
        if chosen is not None:
            return import_module(chosen).DataFrame(self.to_columns())
        raise InputError(
            f"to_frame needs {' or '.join(names)}, which is not installed. Install it, or use "
            "to_dict()."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return as_record(
            {
                "rows": self.rows,
                "layers": [
                    {name: value for name, value in vars(one).items() if name != "findings"}
                    | {"dead": list(one.dead), "verdict": one.verdict}
                    for one in self.layers
                ],
                "findings": [dict(vars(finding)) for finding in self.all_findings],
            }
        )


def health(subject: Subject) -> Health:
    """Return the health of the layers, the inputs and the training, with verdicts in words.

    A verdict is given where a layer has more than 25 % dead units; where more than 50 % of the
    slopes are under 1 % of the largest (95 % for an activation with one flat side); where the next
    update is more than 10 % of the weights; where the gradient per weight is under 1/1000 of that
    of another layer; where the scales of two features differ by a factor above 100; where the mean
    of a feature is more than 30 times its spread; and where numbers are not finite.

    Parameters
    ----------
    subject : Subject
        Network, parameters, rows, and the optimizer of the next update.

    Examples
    --------
    >>> from chainrule import Network, Objective, Parameters
    >>> network = Network.of_widths([2, 2, 1])
    >>> dying = Parameters.from_arrays([[[1, 1], [1, 1]], [[1], [1]]], [[0, -9], [0]])
    >>> x, y = [[1.0, 2.0], [2.0, 1.0], [0.5, 0.5]], [6.0, 6.0, 2.0]
    >>> print(health(Subject.of(Objective(network, "mse"), dying, x, y)).layers[0].verdict)
    1 of 2 relu units are 0 on all 3 rows: 50 % dead, more than 25 %
    """
    objective, vector = subject.objective, subject.vector
    sums = GradientSums(objective)
    watches = [_Watch(layer.activation, layer.n_out) for layer in objective.network.layers]
    losses = 0.0
    with np.errstate(all="ignore"):
        for block in row_blocks(objective, vector, subject.rows):
            sums.add(block, norms=False)
            losses += float(np.sum(block.losses, dtype=np.float64))
            for number, watch in enumerate(watches):
                watch.look(block, number)
        gradient = sums.gradient(vector)
        update = next_update(subject, gradient)
        layers = _layers(subject, watches, gradient, update)
        layers = _with_vanishing(layers, gradient, subject)
    columns = look_at_columns(subject.rows)
    findings = [*_run_findings(subject, losses / len(subject.rows), gradient)]
    findings += [Finding(kind, words) for kind, words in scale_words(columns, subject.input_names)]
    return Health(tuple(layers), tuple(findings), columns.rows)


def next_update(subject: Subject, gradient: np.ndarray) -> np.ndarray:
    """Return the change of the parameters by the optimizer's next step, in float64."""
    optimizer, rate = subject.optimizer, subject.learning_rate
    shared, layout = subject.shared, subject.objective.network.layout
    before = values_of(shared, layout, subject.vector)
    gradient = gathered(shared, layout, gradient)
    slots = tuple(np.asarray(slot, dtype=np.float64) for slot in subject.slots)
    slots = slots or optimizer.start(namespace(before), before)
    after, _ = step_of(optimizer, layout, rate, subject.step + 1, before, gradient, slots)
    return spread(shared, layout, np.asarray(after) - before)


class _Watch:
    """The statistics of one layer, collected block by block."""

    def __init__(self, activation: Activation, units: int) -> None:
        self.activation = activation
        self.slopes = slopes_of(activation)
        self.alive = np.zeros(units, dtype=bool)
        self.small = 0
        self.seen = 0
        self.mean = 0.0
        self.squares = 0.0

    def look(self, block: Block, number: int) -> None:
        z, a = block.z[number], block.a[number]
        if not block.present.all():
            z, a = z[block.present], a[block.present]
        if a.size == 0:
            return
        slope = np.abs(self.activation.slope(namespace(z), z, a))
        # NaN is not 0: a broken unit is alive, and reported as not finite
        self.alive |= np.any((a != 0.0) | (slope != 0.0), axis=0)
        if self.slopes.largest is not None:
            self.small += int(np.count_nonzero(slope < SMALL_SLOPE * self.slopes.largest))
        mean = float(np.mean(a, dtype=np.float64))
        squares = float(np.var(a, dtype=np.float64)) * a.size
        # Chan, Golub & LeVeque (1979): merging means and squared distances without cancellation
        both = self.seen + a.size
        step = mean - self.mean
        self.squares += squares + step * step * self.seen * a.size / both
        self.mean += step * a.size / both
        self.seen = both

    @property
    def saturated(self) -> float | None:
        return None if self.slopes.largest is None else self.small / max(self.seen, 1)


def _layers(
    subject: Subject, watches: list[_Watch], gradient: np.ndarray, update: np.ndarray
) -> list[LayerHealth]:
    network = subject.objective.network
    vector = subject.vector.astype(np.float64)
    total = float(gradient @ gradient)
    found: list[LayerHealth] = []
    for number, (watch, dense, span, (part, _)) in enumerate(
        zip(
            watches,
            network.layers,
            network.layout.whole_layers,
            network.layout.layers,
            strict=True,
        )
    ):
        weight = part.at
        weight_norm = float(np.linalg.norm(vector[weight]))
        step = float(np.linalg.norm(update[weight]))
        one = LayerHealth(
            layer=number + 1,
            activation=dense.activation.name,
            units=dense.n_out,
            mean=watch.mean,
            spread=math.sqrt(watch.squares / max(watch.seen, 1)),
            dead=tuple(np.flatnonzero(~watch.alive).tolist()),
            saturated=watch.saturated,
            gradient_norm=float(np.linalg.norm(gradient[weight])),
            weight_norm=weight_norm,
            update_ratio=None if weight_norm == 0.0 else step / weight_norm,
            gradient_share=None if total == 0.0 else float(gradient[span] @ gradient[span]) / total,
        )
        findings = tuple(layer_findings(one, watch.slopes, watch.seen // dense.n_out))
        found.append(replace(one, findings=findings))
    return found


def _with_vanishing(
    layers: list[LayerHealth], gradient: np.ndarray, subject: Subject
) -> list[LayerHealth]:
    total = float(np.linalg.norm(gradient))
    if not math.isfinite(total) or total <= ROUNDING * float(np.linalg.norm(subject.vector)):
        return layers
    spans = subject.objective.network.layout.layers
    sizes = [
        one.gradient_norm / math.sqrt(weight.stop - weight.start)
        for one, (weight, _) in zip(layers, spans, strict=True)
    ]
    for finding in vanishing_findings(sizes):
        assert finding.layer is not None
        one = layers[finding.layer - 1]
        layers[finding.layer - 1] = replace(one, findings=(*one.findings, finding))
    return layers


def _run_findings(subject: Subject, loss: float, gradient: np.ndarray) -> list[Finding]:
    findings = []
    wrong = int(np.count_nonzero(~np.isfinite(subject.vector)))
    if wrong:
        findings.append(
            Finding(
                "not finite",
                f"{wrong:,} of {len(subject.vector):,} parameters are NaN or infinite",
            )
        )
    elif not math.isfinite(loss):
        findings.append(Finding("not finite", f"the mean loss of the rows is {loss}"))
    elif not np.all(np.isfinite(gradient)):
        wrong = int(np.count_nonzero(~np.isfinite(gradient)))
        findings.append(
            Finding("not finite", f"{wrong:,} of {len(gradient):,} derivatives are NaN or infinite")
        )
    if subject.training.stopped_because == "divergence":
        curve = subject.training.loss_curve
        seen = f", after losses {', '.join(short(one) for one in curve[-3:])}" if curve else ""
        findings.append(
            Finding(
                "diverged",
                f"training diverged at learning rate {subject.learning_rate:g}{seen}; the "
                "parameters are the last good ones",
            )
        )
    return findings
