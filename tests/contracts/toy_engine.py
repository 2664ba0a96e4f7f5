"""A third-party engine: one row at a time, written from the protocol alone."""

import math

import numpy as np

from chainrule.engines.engine import GradientSum, Totals
from chainrule.engines.registry import EngineRecord
from chainrule.foundation.arrays import namespace
from chainrule.model.dropout import Mask, step_keys, step_masks

# NumPy with the functions that formulas may use besides
XP = namespace(np.zeros(1))


class RowByRow:
    """Slow, and short."""

    name = "toy"

    def __init__(self, objective, optimizer):
        self.objective = objective
        self.optimizer = optimizer
        self.spans = objective.network.layout.spans
        self.is_weight = np.zeros(objective.network.n_parameters, bool)
        for weights in objective.network.layout.decayed:
            self.is_weight[weights.at] = True

    def scores(self, vector, x):
        network = self.objective.network
        out = np.empty((x.shape[0], network.n_out), vector.dtype)
        for number in range(x.shape[0]):
            out[number] = self._forward(vector, _dense(x, number, vector.dtype))[0]
        return out

    def predictions(self, scores):
        with np.errstate(all="ignore"):
            return self.objective.loss.mean(XP, scores)

    def loss(self, vector, rows):
        losses, weights = self._losses(vector, rows, range(len(rows)))
        return float(losses.sum() / weights.sum())

    def gradient(self, vector, rows):
        losses, _ = self._losses(vector, rows, range(len(rows)))
        price = self.objective.penalty(XP, self.objective.network.parameters(vector))
        return float(losses.sum() / len(rows) + price), self._slopes(vector, rows, range(len(rows)))

    def gradient_sum(self, vector, rows):
        losses, weights = self._losses(vector, rows, range(len(rows)))
        total = self._sum(vector, rows, range(len(rows))).astype(vector.dtype)
        return GradientSum(float(losses.sum()), float(weights.sum()), total)

    def epoch(self, position, rows, order, batch_size, rates, limit):
        total = total_weight = 0.0
        last = math.nan
        for number, rate in enumerate(rates):
            batch = order[number * batch_size : (number + 1) * batch_size]
            masks = self._masks(position, len(batch))
            losses, weights = self._losses(position.vector, rows, batch, masks)
            if weights.sum() > 0.0:
                last = float(losses.sum() / len(batch))
                if not last <= limit:
                    return Totals(total, total_weight, number, last)
                self._step(position, self._slopes(position.vector, rows, batch, masks), rate)
                total, total_weight = total + losses.sum(), total_weight + weights.sum()
            position.step += 1
        return Totals(float(total), float(total_weight), len(rates), last)

    def _masks(self, position, rows):
        """Return the masks of each row of a batch."""
        rates, layers = self.objective.dropout, self.objective.network.layers[:-1]
        if not rates:
            return [()] * rows
        keys = step_keys(position.seed, position.step, 1, len(rates))[0]
        masks = step_masks(XP, keys, rows, rates, [layer.n_out for layer in layers])
        return [
            tuple(mask and Mask(mask.kept[row : row + 1], mask.scale) for mask in masks)
            for row in range(rows)
        ]

    def _forward(self, vector, x, masks=()):
        network = self.objective.network
        with np.errstate(all="ignore"):
            return network.forward(XP, network.parameters(vector), x, masks)

    def _row(self, vector, rows, number, masks):
        """Return scores, pullback, target and weight of one row."""
        dtype = vector.dtype
        weight = 1.0 if rows.weight is None else float(rows.weight[number])
        y = np.asarray(rows.y[number : number + 1], dtype)
        return *self._forward(vector, _dense(rows.x, number, dtype), masks), y, weight

    def _losses(self, vector, rows, numbers, masks=None):
        losses, weights = np.zeros(len(numbers)), np.zeros(len(numbers))
        for place, number in enumerate(numbers):
            its = masks[place] if masks else ()
            scores, _, y, weights[place] = self._row(vector, rows, number, its)
            if weights[place] > 0.0:
                with np.errstate(all="ignore"):
                    row_loss = self.objective.loss.rows(XP, scores, y)[0]
                losses[place] = weights[place] * row_loss
        return losses, weights

    def _slopes(self, vector, rows, numbers, masks=None):
        gradient = self._sum(vector, rows, numbers, masks) / len(numbers)
        with np.errstate(all="ignore"):
            for penalty in self.objective.penalties:
                gradient += self.is_weight * penalty.gradient(XP, vector)
        return gradient.astype(vector.dtype)

    def _sum(self, vector, rows, numbers, masks=None):
        total = np.zeros(len(vector))
        with np.errstate(all="ignore"):
            for place, number in enumerate(numbers):
                scores, pullback, y, weight = self._row(
                    vector, rows, number, masks[place] if masks else ()
                )
                if weight > 0.0:
                    total += weight * pullback(self.objective.loss.rows_gradient(XP, scores, y))
        return total

    def _step(self, position, gradient, rate):
        rule = self.optimizer
        before = [position.vector, *position.slots]
        after = [np.empty_like(array) for array in before]
        with np.errstate(all="ignore"):
            if rule.clip_norm is not None:
                gradient = rule.clipping(XP, gradient) * gradient
            for span in self.spans:
                own_rate = float(rate) * span.rate_factor
                p, *slots = (array[span.at] for array in before)
                if span.decays:
                    p = p * (1.0 - own_rate * rule.weight_decay)
                numbers = rule.numbers(own_rate, position.step + 1)
                moved = rule.update(XP, numbers, p, gradient[span.at], *slots)
                for array, part in zip(after, moved, strict=True):
                    array[span.at] = part
        position.vector, *slots = after
        position.slots = tuple(slots)


def _dense(x, number, dtype):
    row = x[[number]].toarray() if hasattr(x, "tocsr") else np.asarray(x[number : number + 1])
    return row.astype(dtype)


class Toy(EngineRecord):
    """The record of it."""

    name = "toy"
    sentence = "one row at a time"

    def make(self, objective, optimizer, resources=None):
        return RowByRow(objective, optimizer)
