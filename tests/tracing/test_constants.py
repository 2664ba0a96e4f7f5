"""The constants of many steps are those of each."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.formulas.optimizers import SGD
from chainrule.tracing.constants import StepConstants

RATES = 0.1 * np.linspace(1.0, 0.5, 50)


@dataclass(frozen=True)
class Warming(SGD):
    """A rule that asks for its step."""

    name = "warming"

    def constants(self, rate, t):
        return super().constants(rate * math.sqrt(t / 10) if t < 10 else rate, t)


RULES = [
    *(optimizers.get(name) for name in optimizers),
    optimizers.get("sgd", momentum=0.9, nesterov=True),
    optimizers.get("adamw", averaging=0.99),
    Warming(),
]


@pytest.mark.parametrize("rates", [RATES, RATES[:1], np.full(7, 0.3)], ids=["many", "one", "same"])
@pytest.mark.parametrize("first", [1, 5, 100_000])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_constants_of_many_steps(rule, first, rates):
    table = StepConstants(rule).table(rates, first)[:, 0]
    expected = [
        (rate, *rule.numbers(rate, step)) for step, rate in enumerate(rates.tolist(), first)
    ]
    assert table.flags.c_contiguous
    np.testing.assert_allclose(table, expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_every_rate_factor_has_constants_of_its_own(rule):
    factors = (1.0, 0.1, 0.0)
    table = StepConstants(rule, factors).table(RATES, 5)
    assert table.flags.c_contiguous
    for number, factor in enumerate(factors):
        alone = StepConstants(rule).table(RATES * factor, 5)[:, 0]
        np.testing.assert_array_equal(table[:, number], alone)


def test_steps_taken_one_by_one_are_those_taken_together():
    constants = StepConstants(optimizers.get("adam"))
    one_by_one = [constants.table(RATES[i : i + 1], 1 + i)[0] for i in range(len(RATES))]
    np.testing.assert_array_equal(constants.table(RATES, 1), one_by_one)
