"""Random networks over every activation and loss, with rows, from a number."""

from dataclasses import dataclass

import numpy as np

from chainrule import Dense, Network, activations, losses
from chainrule.engines.prediction import Predictor
from chainrule.exports.networks import layer_steps, link_steps
from chainrule.exports.program import Member, Program
from chainrule.foundation.arrays import namespace

ROWS = 40
# by dtype: the digits of the promise, and numbers near the ends of the range
TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
VAST = {"float32": 1e30, "float64": 1e280}
TINY = {"float32": 1e-38, "float64": 1e-300}


@dataclass(frozen=True)
class Drawing:
    """What networks are drawn from: the names of activations and losses, and some habits.

    ``alike`` says that all hidden layers have one activation, ``biased`` that all layers have a
    bias, and ``fewest`` how few outputs there are for probabilities that depend on one another.
    """

    activations: tuple[str, ...] = tuple(activations)
    losses: tuple[str, ...] = tuple(losses)
    alike: bool = False
    biased: bool = False
    fewest: int = 1

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All pairs of an activation and a loss."""
        return [(activation, loss) for activation in self.activations for loss in self.losses]


EVERY = Drawing()


class Drawn:
    """A network of a number: its activation and its loss are those of its place among all pairs.

    Each pair comes once in single and once in double precision.
    """

    def __init__(self, number: int, drawing: Drawing = EVERY) -> None:
        random = np.random.default_rng(number)
        pairs = drawing.pairs
        first, self.loss = pairs[number % len(pairs)]
        self.dtype = ("float32", "float64")[number // len(pairs) % 2]
        hidden = [first, *random.choice(drawing.activations, size=random.integers(0, 3))]
        if drawing.alike:
            hidden = [first] * len(hidden)
        widths = [int(random.integers(1, 20)), *random.integers(1, 40, size=len(hidden))]
        n_out = int(random.integers(1, 6))
        if losses[self.loss].link.rowwise:
            n_out = max(n_out, drawing.fewest)
        ends = [*widths[1:], n_out]
        layers = [
            Dense(int(n_in), int(n), name, bias=bool(random.random() < 0.9) or drawing.biased)
            for n_in, n, name in zip(widths, ends, [*hidden, "linear"], strict=True)
        ]
        self.network = Network(*layers)
        self.parameters = self.network.start(number, dtype=self.dtype)
        for bias in self.parameters.biases:
            if bias is not None:
                bias += random.normal(scale=0.3, size=bias.shape)
        self.x = random.normal(size=(ROWS, widths[0])).astype(self.dtype)
        self.tolerance = TOLERANCE[self.dtype]
        self.name = f"{number}: {', '.join(hidden)}; {self.loss}, {self.dtype}"

    @property
    def program(self) -> Program:
        steps = layer_steps(self.network, self.parameters)
        whole = (*steps, *link_steps(losses[self.loss]))
        return Program(
            self.name, (Member(whole),), np.dtype(self.dtype), n_in=self.network.layers[0].n_in
        )

    def answers(self, x: np.ndarray) -> np.ndarray:
        """Return our own predictions."""
        predictor = Predictor(self.network, self.loss)
        return predictor.predictions(predictor.scores(self.parameters.vector, x))

    def sizes(self, x: np.ndarray) -> np.ndarray:
        """Return the largest finite number (n, 1) that each row becomes within the network.

        An exponential counts as often as its argument: it multiplies the rounding of that.
        """
        found = np.ones((len(x), 1))
        with np.errstate(all="ignore"):
            traced = self.network.trace(namespace(x), self.parameters, x).layers
            for record, layer in zip(self.network.layers, traced, strict=True):
                rounded = layer.a
                if record.activation == activations.exponential:
                    rounded = layer.a * np.maximum(1.0, np.abs(layer.z))
                for inner in (layer.z, rounded):
                    known = np.where(np.isfinite(inner), np.abs(inner), 0.0)
                    found = np.maximum(found, known.max(axis=1, keepdims=True))
        if losses[self.loss].link == activations.exponential:
            # the rounding of a score is a share of its exponential
            answers = self.answers(x)
            found = found * np.where(np.isfinite(answers), np.maximum(1.0, answers), 1.0)
        return found

    def extremes(self) -> np.ndarray:
        """Return rows of vast, tiny, infinite and missing numbers."""
        kinds = (VAST[self.dtype], -VAST[self.dtype], TINY[self.dtype], np.inf, -np.inf, np.nan)
        rows = [np.full(self.x.shape[1], kind, self.dtype) for kind in (*kinds, 0.0, -0.0)]
        for number, kind in enumerate(kinds):
            row = self.x[number].copy()
            row[0] = kind
            rows.append(row)
        return np.stack(rows)
