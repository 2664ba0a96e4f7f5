"""Each verdict on a layer on both sides of the threshold that its words name."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, Parameters
from chainrule.formulas.records import Activation
from chainrule.insight.health import health
from chainrule.insight.layer_verdicts import (
    LayerHealth,
    Slopes,
    layer_findings,
    slopes_of,
    vanishing_findings,
)
from chainrule.insight.subject import Subject

WELL = LayerHealth(
    layer=2,
    activation="tanh",
    units=100,
    mean=0.0,
    spread=1.0,
    dead=(),
    saturated=0.1,
    gradient_norm=1.0,
    weight_norm=1.0,
    update_ratio=0.01,
    gradient_share=0.5,
)
BOTH_SIDES, ONE_SIDE = Slopes(1.0, 2), Slopes(1.0, 1)


def verdict(slopes=BOTH_SIDES, **changes):
    found = list(layer_findings(replace(WELL, **changes), slopes, rows=50))
    assert all(one.layer == 2 for one in found)
    return [(one.kind, one.words) for one in found]


def test_more_than_25_per_cent_dead():
    assert verdict(dead=tuple(range(25))) == []
    ((kind, words),) = verdict(dead=tuple(range(26)))
    assert kind == "dead"
    assert words == "26 of 100 tanh units are 0 on all 50 rows: 26 % dead, more than 25 %"


def test_more_than_50_per_cent_flat():
    assert verdict(saturated=0.5) == []
    ((kind, words),) = verdict(saturated=0.51)
    assert kind == "saturated"
    assert words == "saturated: 51 % of slopes are under 1 % of the largest, more than 50 %"


def test_more_than_95_per_cent_flat_with_one_flat_side():
    assert verdict(ONE_SIDE, saturated=0.95) == []
    ((kind, words),) = verdict(ONE_SIDE, saturated=0.96)
    assert kind == "saturated"
    assert words.endswith("96 % of slopes are under 1 % of the largest, more than 95 %")


def test_dead_units_are_not_called_saturated_too():
    assert [kind for kind, _ in verdict(dead=tuple(range(26)), saturated=0.9)] == ["dead"]
    assert [kind for kind, _ in verdict(dead=tuple(range(25)), saturated=0.9)] == ["saturated"]


def test_an_update_of_more_than_10_per_cent():
    assert verdict(update_ratio=0.1) == []
    ((kind, words),) = verdict(update_ratio=0.11)
    assert kind == "large update"
    assert words == "the next update is 11 % of the weights, more than 10 %"


def test_an_update_of_more_than_10_times_is_reported_as_a_multiple():
    assert "is 990 % of the weights" in verdict(update_ratio=9.9)[0][1]
    assert "is 10.1 times the weights" in verdict(update_ratio=10.1)[0][1]


def test_a_gradient_under_a_thousandth_of_another_layers():
    assert list(vanishing_findings([1.001e-3, 1.0])) == []
    (found,) = vanishing_findings([0.999e-3, 1.0])
    assert (found.kind, found.layer) == ("vanishing", 1)
    assert found.words.endswith("of that of layer 2; less than 1/1000")


@dataclass(frozen=True)
class Bent(Activation):
    """z, and steeper beyond 10."""

    name = "bent"
    beyond: float = 1.0

    def value(self, xp, z):
        return z + (self.beyond - 1.0) * xp.where(abs(z) > 10.0, z, 0.0)

    def slope(self, xp, z, a):
        return xp.where(abs(z) > 10.0, self.beyond, 1.0)


def test_a_slope_that_grows_by_more_than_a_tenth_has_no_largest():
    assert slopes_of(Bent(beyond=1.09)) == Slopes(pytest.approx(1.09), 0)
    assert slopes_of(Bent(beyond=1.11)) == Slopes(None, 0)


@pytest.mark.parametrize(("gradient", "vanishes"), [(0.8e-10, False), (1.25e-10, True)])
def test_gradients_that_are_rounding_have_no_verdict(gradient, vanishes):
    """Two weights in a row, the first 10 000 times the second: so are their gradients."""
    network = Network(Dense(1, 1, bias=False), Dense(1, 1, bias=False))
    at = Parameters.from_arrays([[[1e4]], [[1.0]]], [None, None])
    # the slope of the squared error is twice the error, and times 1e4 for the second weight
    y = 1e4 - gradient / 2.0
    subject = Subject.of(Objective(network, "mse"), at, np.ones((2, 1)), [y, y])
    kinds = [one.kind for one in health(subject).layers[0].findings]
    assert ("vanishing" in kinds) is vanishes


def test_the_documentation_states_these_thresholds():
    words = " ".join((health.__doc__ or "").split())
    for stated in (
        "more than 25 % dead units",
        "more than 50 % of the slopes are under 1 % of the largest (95 % for",
        "more than 10 % of the weights",
        "under 1/1000 of that of another layer",
        "differ by a factor above 100",
        "more than 30 times its spread",
    ):
        assert stated in words
