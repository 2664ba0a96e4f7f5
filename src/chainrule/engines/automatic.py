"""The automatic engine: it chooses an engine when it sees the first parameters."""

import warnings
from typing import Any

import numpy as np

from chainrule.engines.by_dtype import ByDtype
from chainrule.engines.engine import (
    Engine,
    GradientSum,
    Position,
    Rows,
    Totals,
    penalty_at,
    row_scores,
)
from chainrule.engines.leaving import lying
from chainrule.engines.registry import registry
from chainrule.engines.resources import USUAL, Resources
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array
from chainrule.foundation.callers import level_outside
from chainrule.foundation.errors import InputError, SlowEngineWarning, must_be
from chainrule.model.objective import Objective

__all__ = ["AutomaticEngine"]

# What this process has been told already.
_said: set[str] = set()


class AutomaticEngine(ByDtype[Engine]):
    """The first engine of the registry that has no reason against the work.

    It warns where an engine that is installed was passed over because of a formula: the next one
    gives the same numbers, more slowly. Where a package is missing, or parameters are
    arrays of another library, that is the user's choice, and there is no warning.
    """

    def __init__(
        self, objective: Objective, optimizer: Optimizer, resources: Resources = USUAL
    ) -> None:
        super().__init__()
        self.objective = objective
        self.optimizer = optimizer
        self.resources = resources
        # until an engine is chosen
        self.name, self.device = "auto", "cpu"

    def _make(self, dtype: np.dtype[Any] | None, library: str) -> Engine:
        """Return the first engine without a reason, and take its name."""
        self._check_precision(dtype)
        passed_over: list[str] = []
        reason = None
        for name in sorted(registry, key=lambda name: registry[name].library != library):
            record = registry[name]
            if name == "auto":
                continue
            reason = record.reason_against(self.objective, self.optimizer, dtype, self.resources)
            if reason is None:
                if dtype is not None and passed_over:
                    _say(name, passed_over)
                engine = record.make(self.objective, self.optimizer, self.resources)
                self.name, self.device = engine.name, getattr(engine, "device", "cpu")
                return engine
            if record.lacks(self.resources) is None:
                passed_over.append(reason)
        raise InputError(str(reason))

    def _check_precision(self, dtype: np.dtype[Any] | None) -> None:
        """Refuse bfloat16 for float64 on the CPU, where another engine would ignore it slowly."""
        own = self.resources
        if own.matmul_precision == "bfloat16" and own.device == "auto" and dtype == np.float64:
            rule = "'highest' for parameters of float64"
            raise must_be("matmul_precision", rule, "bfloat16", "Or use dtype='float32'.")

    def __reduce__(self) -> tuple[Any, ...]:
        return AutomaticEngine, (self.objective, self.optimizer, self.resources)

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        return self._for(vector).loss(vector, rows)

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        return self._for(vector).gradient(vector, rows)

    def gradient_sum(self, vector: Array, rows: Rows) -> GradientSum:
        """Return the sums of w_i l_i, of w_i, and of w_i times the gradient of l_i."""
        return self._for(vector).gradient_sum(vector, rows)

    def row_scores(self, vector: Array, rows: Rows) -> Array:
        """Return the scores of rows that are asked for again and again."""
        return row_scores(self._for(vector), vector, rows)

    def penalty(self, vector: Array) -> float:
        """Return the penalty of the weights."""
        return penalty_at(self._for(vector), vector)

    def permutation(self, generator: np.random.Generator, n: int) -> np.ndarray:
        """Return ``generator.permutation(n)``, by the engine that computes, where it is quick."""
        made: Any = next(iter(self._made.values()), None)
        if hasattr(made, "permutation"):
            return made.permutation(generator, n)  # type: ignore[no-any-return]
        return generator.permutation(n)

    def epoch(
        self,
        position: Position,
        rows: Rows,
        order: np.ndarray,
        batch_size: int,
        rates: np.ndarray,
        limit: float,
    ) -> Totals:
        """Make ``len(rates)`` optimizer steps on consecutive batches of ``order``."""
        engine = self._for(lying(position, "vector"))
        return engine.epoch(position, rows, order, batch_size, rates, limit)


def _say(taken: str, reasons: list[str]) -> None:
    """Warn that a slower engine does the work: once per process and reason."""
    for reason in reasons:
        if reason not in _said:
            _said.add(reason)
            words = (
                f"the {taken} engine computes, which is several times slower. {reason} "
                f'engine="{taken}" says that this is as wanted.'
            )
            warnings.warn(words, SlowEngineWarning, stacklevel=level_outside())
