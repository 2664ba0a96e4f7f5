"""The reference engine: the textbook's mathematics, written once against the array API standard.

It runs on NumPy arrays and SciPy sparse rows, and on the arrays of any other library that follows
the standard; every other engine is tested against it.
"""

import math
from collections.abc import Callable

import numpy as np

from chainrule.engines.engine import GradientSum, Position, Rows, Totals
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.arrays import Array, Namespace, as_like, namespace
from chainrule.model.dropout import Mask, step_keys, step_masks
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Layout, Parameters

__all__ = ["ReferenceEngine", "ReferenceScores", "step_of"]


def step_of(
    optimizer: Optimizer,
    layout: Layout,
    rate: float,
    number: int,
    p: Array,
    gradient: Array,
    slots: tuple[Array, ...],
    decays: Array | None = None,
) -> tuple[Array, tuple[Array, ...]]:
    """Return parameters and slots after step ``number`` (from 1), by clipping, decay and rule.

    Every part of the vector moves at the rate times its own factor. ``decays`` is the layout's
    `decay_mask`, where it is known.
    """
    xp = namespace(p)
    if optimizer.clip_norm is not None:
        gradient = optimizer.clipping(xp, gradient) * gradient
    if optimizer.weight_decay > 0.0 and decays is None:
        decays = layout.decay_mask(xp, p)

    def moved(part: slice, rate: float) -> tuple[Array, ...]:
        before = p[part]
        if decays is not None:
            before = before * (1.0 - rate * optimizer.weight_decay * decays[part])
        numbers = optimizer.numbers(rate, number)
        return optimizer.update(xp, numbers, before, gradient[part], *(s[part] for s in slots))

    factors = layout.distinct_rate_factors
    if len(factors) == 1:
        after, *new = moved(slice(None), rate * factors[0])
    else:
        parts = [moved(span.at, rate * span.rate_factor) for span in layout.spans]
        after, *new = (xp.concat(arrays) for arrays in zip(*parts, strict=True))
    return after, tuple(new)


class ReferenceScores:
    """Scores and predictions of a network.

    Parameters
    ----------
    network : Network
        The layers.
    loss : Loss
        The loss whose link maps scores to predictions.
    """

    # Rows per block of a prediction: bounds the memory of hidden layers.
    block = 4096

    def __init__(self, network: Network, loss: Loss) -> None:
        self.network = network
        self._loss = loss

    def scores(self, vector: Array, x: Array) -> Array:
        """Return the scores (n, n_out) at a flat vector of parameters."""
        xp = namespace(vector)
        network = self.network
        parameters = network.parameters(vector)
        placeholder = as_like(np.zeros((x.shape[0], 1)), vector, vector.dtype)
        blocks = []
        with np.errstate(all="ignore"):
            for start in range(0, max(x.shape[0], 1), self.block):
                stop = min(start + self.block, x.shape[0])
                rows, _, _ = Rows(x, placeholder).take(slice(start, stop))
                blocks.append(network.forward(xp, parameters, rows)[0])
        return blocks[0] if len(blocks) == 1 else xp.concat(blocks, axis=0)

    def predictions(self, scores: Array) -> Array:
        """Return the predictions (n, k) of scores (n, k), by the link of the loss."""
        with np.errstate(all="ignore"):
            return self._loss.mean(namespace(scores), scores)


class ReferenceEngine(ReferenceScores):
    """Feedforward, loss, backpropagation and update, step by step.

    Parameters
    ----------
    objective : Objective
        The objective to minimize.
    optimizer : Optimizer
        The update rule.
    """

    name = "reference"

    def __init__(self, objective: Objective, optimizer: Optimizer) -> None:
        super().__init__(objective.network, objective.loss)
        self.objective = objective
        self.optimizer = optimizer
        self._mask: Array | None = None

    def loss(self, vector: Array, rows: Rows) -> float:
        """Return the mean loss over all rows, without penalties."""
        return self.objective.mean_loss(self.scores(vector, rows.x), rows.y, rows.weight)

    def gradient(self, vector: Array, rows: Rows) -> tuple[float, Array]:
        """Return mean loss plus penalties over all rows, and its flat gradient."""
        xp = namespace(vector)
        parameters = self.objective.network.parameters(vector)
        with np.errstate(all="ignore"):
            x, y, weight = rows.take(slice(None))
            row_losses, pullback = self._forward(parameters, x, y, weight)
            loss = xp.sum(row_losses) / len(rows) + self.objective.penalty(xp, parameters)
            gradient = self.objective.with_penalties(parameters, pullback(float(len(rows))))
            return float(loss), gradient

    def gradient_sum(self, vector: Array, rows: Rows) -> GradientSum:
        """Return the sums of w_i l_i, of w_i, and of w_i times the gradient of l_i."""
        xp = namespace(vector)
        parameters = self.objective.network.parameters(vector)
        with np.errstate(all="ignore"):
            x, y, weight = rows.take(slice(None))
            row_losses, pullback = self._forward(parameters, x, y, weight)
            total = float(len(rows)) if weight is None else float(xp.sum(weight))
            return GradientSum(float(xp.sum(row_losses)), total, pullback(1.0))

    def step_gradient(self, position: Position, rows: Rows, batch: np.ndarray) -> Array:
        """Return the gradient that a step takes of a batch: with penalties and dropout's masks."""
        parameters = self.objective.network.parameters(position.vector)
        with np.errstate(all="ignore"):
            x, y, weight = rows.take(batch)
            masks = self._masks(position, len(batch))
            _, pullback = self._forward(parameters, x, y, weight, masks)
            return self.objective.with_penalties(parameters, pullback(float(len(batch))))

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
        xp = namespace(position.vector)
        total, total_weight, last = 0.0, 0.0, math.nan
        with np.errstate(all="ignore"):
            for number, rate in enumerate(rates):
                batch = order[number * batch_size : (number + 1) * batch_size]
                x, y, weight = rows.take(batch)
                batch_weight = float(len(batch)) if weight is None else float(xp.sum(weight))
                if batch_weight > 0.0:
                    parameters = self.objective.network.parameters(position.vector)
                    masks = self._masks(position, len(batch))
                    row_losses, pullback = self._forward(parameters, x, y, weight, masks)
                    batch_loss = float(xp.sum(row_losses))
                    last = batch_loss / len(batch)
                    if not last <= limit:  # NaN included
                        return Totals(total, total_weight, number, last)
                    gradient = pullback(float(len(batch)))
                    gradient = self.objective.with_penalties(parameters, gradient)
                    self._update(position, gradient, float(rate))
                    total += batch_loss
                    total_weight += batch_weight
                position.step += 1
        return Totals(total, total_weight, len(rates), last)

    def _masks(self, position: Position, rows: int) -> tuple[Mask | None, ...]:
        """Return the dropout masks of a batch in this step."""
        rates = self.objective.dropout
        if not rates:
            return ()
        keys = step_keys(position.seed, position.step, 1, len(rates))[0]
        widths = [layer.n_out for layer in self.objective.network.layers[:-1]]
        masks = step_masks(namespace(keys), keys, rows, rates, widths)
        return tuple(
            mask and Mask(as_like(mask.kept, position.vector), mask.scale) for mask in masks
        )

    def _forward(
        self,
        parameters: Parameters,
        x: Array,
        y: Array,
        weight: Array | None,
        masks: tuple[Mask | None, ...] = (),
    ) -> tuple[Array, Callable[[float], Array]]:
        """Return w_i l_i of each row, and the pullback to the gradient of their sum over a number.

        The number is what the sum is divided by: that of the rows, for a mean.
        """
        xp = namespace(parameters.vector)
        objective = self.objective
        scores, network_pullback = objective.network.forward(xp, parameters, x, masks)
        row_losses = objective.row_losses(xp, scores, y, weight)

        def pullback(divisor: float) -> Array:
            return network_pullback(objective.score_gradients(xp, scores, y, weight, divisor))

        return row_losses, pullback

    def _update(self, position: Position, gradient: Array, rate: float) -> None:
        xp = namespace(gradient)
        optimizer = self.optimizer
        p, slots, step = position.vector, position.slots, position.step + 1
        decays = self._decay_mask(xp, gradient) if optimizer.weight_decay > 0.0 else None
        layout = self.objective.network.layout
        position.vector, position.slots = step_of(
            optimizer, layout, rate, step, p, gradient, slots, decays
        )

    def _decay_mask(self, xp: Namespace, like: Array) -> Array:
        """Return the vector of 1 where penalties and decay act and 0 elsewhere."""
        if self._mask is None or self._mask.dtype != like.dtype:
            self._mask = self.objective.network.layout.decay_mask(xp, like)
        return self._mask
