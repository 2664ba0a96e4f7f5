"""`check_formula` passes every record of ours, and finds the mistakes people make in their own."""

import math

import numpy as np
import pytest

from chainrule import (
    Initializer,
    activations,
    check_formula,
    initializers,
    losses,
    optimizers,
    penalties,
    rate_factors,
    schedules,
)
from chainrule.formulas.activations import Softmax
from chainrule.formulas.cross_entropies import BinaryCrossEntropy, CategoricalCrossEntropy
from chainrule.formulas.initializers import HeNormal
from chainrule.formulas.optimizers import SGD, Adam
from chainrule.formulas.penalties import L2
from chainrule.formulas.schedules import Cosine, Step

CATALOGUES = (activations, losses, optimizers, schedules, initializers, penalties, rate_factors)
RECORDS = [catalogue[name] for catalogue in CATALOGUES for name in catalogue]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_built_in_formulas_pass(record):
    check = check_formula(record)
    assert check.passed, str(check)
    assert len(check.verdicts) >= 4


@pytest.mark.parametrize(
    "record",
    [
        optimizers.get("sgd", momentum=0.9, nesterov=True),
        optimizers.get("sgd", weight_decay=0.1, clip_norm=0.1, averaging=0.9),
        optimizers.get("adam", beta_1=0.0),
        schedules.get("step", every=2),
        initializers.get("he_normal", biases=True),
        losses.get("huber", delta=0.2),
    ],
    ids=repr,
)
def test_other_parameters_pass(record):
    check = check_formula(record)
    assert check.passed, str(check)


class SwappedStep(SGD):
    """The names hide the order, so that only numbers can tell."""

    def step(self, xp, constants, gradients, weights, *slots):
        rate, momentum, *_ = constants
        v = momentum * slots[0] - rate * gradients
        return weights + v, v


class Uphill(SGD):
    def step(self, xp, constants, p, g, *slots):
        return (p + constants[0] * g, *slots)


class ForgetsASlot(Adam):
    def step(self, xp, constants, p, g, *slots):
        return super().step(xp, constants, p, g, *slots)[:2]


class MixesElements(SGD):
    def step(self, xp, constants, p, g, *slots):
        return (p - constants[0] * g / xp.sqrt(xp.sum(g * g)), *slots)


class Doubles(SGD):
    def step(self, xp, constants, p, g, *slots):
        p, *slots = super().step(xp, constants, p, g, *slots)
        return (p * np.ones(1), *slots)


class TooFar(SGD):
    learning_rate = 30.0


class CountsFromItsFirstStep(Cosine):
    def multiplier(self, step, steps_per_epoch, total_steps):
        return super().multiplier(step - step[0], steps_per_epoch, total_steps)


class NeedsTheTotalUnsaid(Cosine):
    needs_total = False


class Negative(Step):
    def multiplier(self, step, steps_per_epoch, total_steps):
        return 1.0 - step / 30.0


class Grows(Step):
    def after_plateau(self, rate):
        return 2.0 * rate


class Transposed(HeNormal):
    def draw(self, random, n_in, n_out):
        return super().draw(random, n_in, n_out).T


class TooWide(HeNormal):
    def draw(self, random, n_in, n_out):
        return 1.1 * super().draw(random, n_in, n_out)


class OffCentre(HeNormal):
    def draw(self, random, n_in, n_out):
        return super().draw(random, n_in, n_out) + 0.1 * math.sqrt(2.0 / n_in)


class Unrepeatable(HeNormal):
    def draw(self, random, n_in, n_out):
        return super().draw(np.random.default_rng(), n_in, n_out)


class TwiceTheGradient(L2):
    def gradient(self, xp, w):
        return 2.0 * self.strength * w


class SlopeOnly(Softmax):
    """The diagonal of the Jacobian is not the derivative of a row."""

    def pullback(self, xp, z, a, da):
        return da * a * (1.0 - a)


class OtherOnPredictions(BinaryCrossEntropy):
    def on_prediction(self, xp, p, y):
        return 2.0 * super().on_prediction(xp, p, y)


class WrongRows(CategoricalCrossEntropy):
    def gradient(self, xp, s, y):
        return self.mean(xp, s) - 2.0 * y


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SwappedStep, "p after a step of rate 0, element 1"),
        (Uphill, "direction against the gradient, element 1"),
        (ForgetsASlot, "arrays that step returns"),
        (MixesElements, "p updated alone, element 1"),
        (Doubles, "bytes per number of float32"),
        (TooFar, "1 if a loss falls in 200 steps"),
        (CountsFromItsFirstStep, "multiplier of step 5, alone"),
        (NeedsTheTotalUnsaid, "multiplier of step 5, with another total"),
        (Negative, "multiplier of step 35, at least 0 and finite"),
        (Grows, "1 if the rate after a plateau is lower"),
        (Transposed, "rows of the weights"),
        (TooWide, "variance of the weights"),
        (OffCentre, "mean over deviation, plus 1"),
        (Unrepeatable, "weights drawn again"),
        (TwiceTheGradient, "at 3"),
        (SlopeOnly, "at 0"),
        (OtherOnPredictions, "on_prediction at 0"),
        (WrongRows, "at 0"),
    ],
)
def test_a_mistake_is_found_and_named(kind, name):
    check = check_formula(kind())
    assert not check.passed
    assert name in {v.name for v in check.verdicts if v.status == "differs"}
    assert name in str(check)


def test_only_records_are_accepted():
    with pytest.raises(ValueError, match="record must be a record of a formula"):
        check_formula("tanh")
    with pytest.raises(ValueError, match="record must be a record of a formula"):
        check_formula(Initializer)
