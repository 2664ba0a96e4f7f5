"""The compiled engine at its own edges: shapes around tiles, long sums, formulas of one's own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from chainrule import Dense, Network, optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.activations import linear
from chainrule.formulas.loss import Loss
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import InputError
from chainrule.model.objective import Objective

# Relative to the largest number of an array: of scores and losses, of gradients, and of
# parameters after a few steps, where Adam and RMSProp divide small gradients by small roots.
TOLERANCE = {
    "float32": {"value": 2e-6, "gradient": 3e-6, "steps": 3e-4},
    "float64": {"value": 5e-15, "gradient": 1e-14, "steps": 1e-10},
}
RULES = {
    "sgd": optimizers.get("sgd"),
    "momentum": optimizers.get("sgd", momentum=0.9),
    "adam": optimizers.get("adam"),
}


def close(got, expected, tolerance):
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    scale = np.abs(expected).max() if expected.size else 1.0
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * max(scale, 1e-12))


def compare_answers(objective, rows, dtype):
    engines = [kind(objective, RULES["sgd"]) for kind in (CompiledEngine, ReferenceEngine)]
    vector = objective.network.start(1, dtype).vector
    scores = [engine.scores(vector, rows.x) for engine in engines]
    assert scores[0].dtype == scores[1].dtype
    close(*scores, TOLERANCE[dtype]["value"])
    close(*(engine.loss(vector, rows) for engine in engines), TOLERANCE[dtype]["value"])
    (loss, gradient), (true_loss, true_gradient) = (e.gradient(vector, rows) for e in engines)
    close(loss, true_loss, TOLERANCE[dtype]["value"])
    close(gradient, true_gradient, TOLERANCE[dtype]["gradient"])


def compare_steps(problems, objective, rows, rule, dtype, batch=16):
    order = np.random.default_rng(3).permutation(len(rows))
    results = []
    for kind in (CompiledEngine, ReferenceEngine):
        start = problems.position(objective.network, rule, dtype)
        results.append(problems.run(kind(objective, rule), rows, start, order, batch))
    (one, (totals,)), (two, (true_totals,)) = results
    tolerance = TOLERANCE[dtype]["steps"]
    close(one.vector, two.vector, tolerance)
    assert len(one.slots) == len(two.slots)
    for slot, true_slot in zip(one.slots, two.slots, strict=True):
        close(slot, true_slot, tolerance)
    assert (one.step, totals.steps) == (two.step, true_totals.steps)
    for name in ("loss", "weight", "last_loss"):
        close(getattr(totals, name), getattr(true_totals, name), tolerance)


@pytest.mark.parametrize("n_out", [1, 2, 3, 8, 10, 16, 17])
@pytest.mark.parametrize("widths", [[1], [3, 49], [64, 33, 96]])
def test_shapes_around_vectors_and_tiles(problems, widths, n_out):
    loss = "categorical_cross_entropy" if n_out > 1 else "binary_cross_entropy"
    objective, rows = problems.problem([*widths, n_out], loss, 61, "float32", "relu")
    compare_steps(problems, objective, rows, RULES["momentum"], "float32")


@pytest.mark.parametrize("batch", [1, 7, 48, 300, 1000])
def test_batches_of_any_size(problems, batch):
    objective, rows = problems.problem([6, 20, 4], "mse", 611)
    compare_steps(problems, objective, rows, RULES["momentum"], "float64", batch)


def test_wide_layers_and_deep_sums(problems):
    objective, rows = problems.problem([700, 520, 2], "mse", 40, "float64", "relu")
    compare_answers(objective, rows, "float64")
    compare_steps(problems, objective, rows, RULES["adam"], "float64")


@dataclass(frozen=True)
class Bump(Activation):
    name = "bump"
    latex = r"e^{-<sharpness> z^2}"
    slope_latex = r"-2 <sharpness> z a"
    range = (0.0, 1.0)
    source = "Broomhead & Lowe (1988), Complex Systems 2, eq. 3.2"
    sharpness: float = 0.7

    def value(self, xp, z):
        return xp.exp(-self.sharpness * z**2)

    def slope(self, xp, z, a):
        return -2.0 * self.sharpness * z * a


@dataclass(frozen=True)
class LogCosh(Loss):
    name = "log_cosh"
    latex = r"\log(\cosh(p - y))"
    gradient_latex = r"\tanh(s - y)"
    link: ClassVar[Activation] = linear
    source = "Green (1990), IEEE Transactions on Medical Imaging 9(1)"

    def value(self, xp, s, y):
        return xp.logaddexp(s - y, y - s) - 0.6931471805599453

    def gradient(self, xp, s, y):
        return xp.tanh(s - y)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_user_defined_formulas(problems, dtype):
    _, rows = problems.problem([4, 9, 2], "mse", 64, dtype)
    for sharpness in (0.7, 2.0):
        network = Network(Dense(4, 9, Bump(sharpness)), Dense(9, 2))
        objective = Objective(network, LogCosh())
        compare_answers(objective, rows, dtype)
        compare_steps(problems, objective, rows, RULES["adam"], dtype)


class Branching(Bump):
    name = "branching"

    def value(self, xp, z):
        return z if z > 0 else 0.0 * z


class Foreign(Bump):
    name = "foreign"

    def value(self, xp, z):
        return np.exp(np.asarray(z))


class Unknown(Bump):
    name = "unknown"

    def value(self, xp, z):
        return xp.cumulative_sum(z)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Branching(), "Branching .* branches on a value"),
        (Foreign(), "got a formula of which"),
        (Unknown(), "uses xp.cumulative_sum"),
    ],
)
def test_a_formula_that_cannot_be_compiled_is_refused_in_words(record, words):
    objective = Objective(Network(Dense(2, 3, record), Dense(3, 1)), "mse")
    engine = CompiledEngine(objective, RULES["sgd"])
    with pytest.raises(InputError, match=words) as caught:
        engine.prepare("float64")
    assert 'Use engine="reference"' in str(caught.value)


def test_vectors_of_other_kinds_are_refused(problems):
    objective, rows = problems.problem([4, 9, 2], "mse", 16)
    vector = objective.network.start().vector.astype(np.float16)
    with pytest.raises(InputError, match="float32 or float64"):
        CompiledEngine(objective, RULES["sgd"]).scores(vector, rows.x)
