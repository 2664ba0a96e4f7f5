"""Small problems for the engines, from a seed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from chainrule import Dense, Network
from chainrule.engines.engine import Rows
from chainrule.formulas.loss import losses
from chainrule.model.objective import Objective


@dataclass(eq=False)
class Position:
    """A place to train from."""

    vector: np.ndarray
    slots: tuple[np.ndarray, ...]
    step: int = 0
    seed: int = 3


def position(network, optimizer, dtype="float64", seed=0):
    vector = network.start(seed, dtype).vector
    return Position(vector, optimizer.start(np, vector))


def targets(loss, n, n_out, random):
    """Return targets that a loss takes."""
    if losses.get(loss).rowwise:
        return np.eye(n_out)[random.integers(0, n_out, n)]
    if np.isfinite(losses.get(loss).domain[1]):
        return random.integers(0, 2, (n, n_out)).astype(float)
    y = random.normal(size=(n, n_out))
    return np.abs(y) if losses.get(loss).domain[0] == 0.0 else y


def problem(
    widths, loss, n, dtype="float64", activation="tanh", weighted=False, seed=0, rates=None, **price
):
    """Return an objective and rows for it; ``rates`` are the rate factors of each layer.

    ``activation`` is one for all hidden layers, or a list of them.
    """
    hidden = activation if isinstance(activation, list) else [activation] * len(widths)
    random = np.random.default_rng(seed)
    layers = [
        # a layer without a bias in every network of three
        Dense(
            n_in,
            n_out,
            hidden[number] if number < len(widths) - 2 else "linear",
            bias=number != 1,
            rate_factors=rates[number] if rates else "constant",
        )
        for number, (n_in, n_out) in enumerate(pairwise(widths))
    ]
    objective = Objective.with_strengths(Network(*layers), loss, **price)
    x = random.normal(size=(n, widths[0])).astype(dtype)
    y = targets(loss, n, widths[-1], random).astype(dtype)
    weight = None
    if weighted:
        weight = random.random(n)
        weight[::5] = 0.0
        weight = (weight / weight.mean()).astype(dtype)
    return objective, Rows(x, y, weight)


def run(engine, rows, start, order, batch, *, calls=1, rate=0.01, limit=np.inf):
    """Train over an order in some calls; return position and totals of each call."""
    steps = -(-len(order) // batch)
    rates = rate * np.linspace(1.0, 0.5, steps)
    totals = []
    for part in np.array_split(np.arange(steps), calls):
        span = slice(part[0] * batch, (part[-1] + 1) * batch)
        totals.append(engine.epoch(start, rows, order[span], batch, rates[part], limit))
    return start, totals
