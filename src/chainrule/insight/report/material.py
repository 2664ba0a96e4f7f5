"""The rows and predictions that all sections of the report share."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from chainrule.engines.engine import Rows
from chainrule.formulas.loss import Loss
from chainrule.foundation.arrays import namespace
from chainrule.insight.health import Health, health
from chainrule.insight.subject import Subject
from chainrule.training.gradient_moments import nearest_power_of_two
from chainrule.training.row_blocks import drawn_places, row_blocks

__all__ = ["Material", "Predictions", "clipped", "rows_at"]

# Rows for the health of layers, for the quality of predictions, and for the gradient check.
HEALTH_ROWS, JUDGED_ROWS, CHECKED_ROWS = 20_000, 50_000, 256
NAME_LENGTH = 48


def rows_at(rows: Rows, indices: np.ndarray) -> Rows:
    """Return some rows; all of them without a copy."""
    return rows if len(indices) == len(rows) else Rows(*rows.take(indices))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions and truth of some rows, in the user's scale.

    Attributes
    ----------
    p, y : ndarray (n, n_outputs)
        Predictions and targets, float64.
    weight : ndarray (n,)
        Weights of the rows; those of weight 0 are left out.
    losses : ndarray (n,)
        Loss of each row.
    rows : Rows
        The rows themselves.
    held_out : bool
        True if they were passed as held out of training.
    """

    p: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    losses: np.ndarray
    rows: Rows
    held_out: bool

    def __len__(self) -> int:
        return len(self.p)

    @property
    def finite(self) -> bool:
        """True if no prediction is NaN or infinite."""
        return bool(np.all(np.isfinite(self.p)))

    @property
    def where(self) -> str:
        """The rows in words."""
        if self.held_out:
            return f"the {len(self):,} rows held out of training"
        return f"the {len(self):,} rows given"

    def mean(self, values: np.ndarray) -> float:
        """Return the weighted mean over the rows."""
        with np.errstate(all="ignore"):
            return float(np.average(values, weights=self.weight))


@dataclass(frozen=True, eq=False)
class Material:
    """A subject, the rows held out of its training, and the results computed from them.

    Attributes
    ----------
    subject : Subject
        The network and the rows to report on.
    held_out : Rows or None
        Rows that it was not trained on.
    seed : int
        Seed of every draw.
    row : int or None
        The row (from 0) to work through; None takes the one with the largest loss.
    """

    subject: Subject
    held_out: Rows | None = None
    seed: int = 0
    row: int | None = None

    @property
    def task(self) -> Literal["classes", "labels", "numbers"]:
        """One class of several, several labels at once, or numbers."""
        loss = self.subject.objective.loss
        if loss.rowwise:
            return "classes"
        if loss.domain == (0.0, 1.0):
            return "classes" if self.subject.objective.network.n_out == 1 else "labels"
        return "numbers"

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of classes or labels."""
        n_out = self.subject.objective.network.n_out
        count = 2 if self.task == "classes" and n_out == 1 else n_out
        found = self.subject.encoding.classes
        names = range(count) if found is None or len(found) != count else found
        return tuple(clipped(name) for name in names)

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the outputs of a regression."""
        n_out = self.subject.objective.network.n_out
        levels = getattr(self.subject.objective.loss, "levels", ())
        if len(levels) > 1:
            return tuple(f"quantile {level:g}" for level in levels)
        return ("target",) if n_out == 1 else tuple(f"target {k}" for k in range(1, n_out + 1))

    @property
    def loss(self) -> Loss:
        """The loss in the user's scale."""
        return self.subject.encoding.loss or self.subject.objective.loss

    @property
    def loss_name(self) -> str:
        """The loss in words, with its options."""
        options = vars(self.loss).items()
        named = ", ".join(_named(name, value) for name, value in options if value is not False)
        name = self.loss.name.replace("_", " ")
        return f"{name} ({named})" if named else name

    @cached_property
    def row_indices(self) -> np.ndarray:
        """The indices of the rows for the health of layers."""
        return drawn_places(self.subject.rows, HEALTH_ROWS, self.seed)

    @cached_property
    def looked_at(self) -> Subject:
        """The subject on these rows."""
        return replace(self.subject, rows=rows_at(self.subject.rows, self.row_indices))

    @cached_property
    def checked(self) -> Subject:
        """The subject on the few rows of the gradient check."""
        indices = drawn_places(self.subject.rows, CHECKED_ROWS, self.seed)
        return replace(self.subject, rows=rows_at(self.subject.rows, indices))

    @cached_property
    def health(self) -> Health:
        """The health of the layers."""
        return health(self.looked_at)

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions of the rows held out, or else of the rows given."""
        rows = self.subject.rows if self.held_out is None else self.held_out
        indices = drawn_places(rows, JUDGED_ROWS, self.seed)
        return self.predict(rows_at(rows, indices), self.held_out is not None)

    def predict(self, rows: Rows, held_out: bool = False) -> Predictions:
        """Return the predictions of rows of positive weight."""
        rows = rows_at(rows, drawn_places(rows, len(rows), self.seed))
        loss, vector = self.subject.objective.loss, self.subject.vector
        xp = namespace(vector)
        parts, losses = [], []
        with np.errstate(all="ignore"):
            for block in row_blocks(self.subject.objective, vector, Rows(rows.x, rows.y)):
                parts.append(np.asarray(loss.mean(xp, block.a[-1]), dtype=np.float64))
                losses.append(np.asarray(block.losses, dtype=np.float64))
        p, y = np.concatenate(parts), np.asarray(rows.y, dtype=np.float64)
        encoding = self.subject.encoding
        weight = np.ones(len(p)) if rows.weight is None else np.asarray(rows.weight, np.float64)
        return Predictions(
            encoding.center + encoding.spread * p,
            encoding.center + encoding.spread * y,
            weight,
            encoding.loss_factor * np.concatenate(losses),
            rows,
            held_out,
        )

    @cached_property
    def batch_size(self) -> tuple[int, bool]:
        """Rows per step, and True if training used them."""
        known = self.subject.batch_size
        if known is not None:
            return min(known, len(self.subject.rows)), True
        return nearest_power_of_two(32.0, 1, 32, len(self.subject.rows)), False

    @property
    def trained_by_steps(self) -> bool:
        """False if training is known to have used all rows at once."""
        return self.subject.training.solver != "lbfgs"

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, of a length that fits a table."""
        return tuple(clipped(name) for name in self.subject.input_names)

    @cached_property
    def columns(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """The columns of the user's table, each with the inputs made of it."""
        found = self.subject.encoding.columns
        if found is None:
            return tuple((name, (index,)) for index, name in enumerate(self.input_names))
        return tuple((clipped(name), tuple(indices)) for name, indices in found)


def clipped(name: Any) -> str:
    """Return a name as one line that fits a table."""
    text = " ".join(str(name).split()) or "(empty)"
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 1]}…"


def _named(name: str, option: bool | float | tuple[float, ...]) -> str:
    """Return an option with its numbers; a switch that is on is its name."""
    if isinstance(option, bool):
        return name
    numbers = option if isinstance(option, tuple) else (option,)
    return " ".join([name, *(f"{number:g}" for number in numbers)])
