"""Finite differences: they pass right gradients, catch wrong ones, and know where they are void."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import Network, Objective, Parameters, activations, check_formula, losses
from chainrule.formulas.activations import Tanh
from chainrule.formulas.records import Activation
from chainrule.insight.check import check_gradient, check_parameter
from chainrule.insight.parameter import parameter_numbered
from chainrule.insight.subject import Subject

X = np.random.default_rng(0).normal(size=(30, 4))


def check_weight(one, index, gradient):
    return check_parameter(one, parameter_numbered(one, index), None, gradient)


def subject(activation="tanh", loss="mse", dtype="float64", **strengths):
    network = Network.of_widths([4, 5, 2], activation)
    y = np.abs(X[:, :2]) / 4.0
    objective = Objective.with_strengths(network, loss, **strengths)
    return Subject.of(objective, network.start(3, dtype), X, y)


@pytest.mark.grid(3)
@pytest.mark.parametrize("name", sorted(set(activations) - {"relu", "leaky_relu"}))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_gradients_pass(name, dtype):
    check = check_gradient(subject(name, dtype=dtype, l2=0.01), n=20)
    assert check.passed
    assert all(
        v.status in ("passed", "not valid here", "zero on both sides") for v in check.verdicts
    )
    assert len(check.verdicts) == 20
    assert "gradient check (seed 0)" in str(check)


@pytest.mark.parametrize("name", sorted(losses))
def test_every_loss(name):
    network = Network.of_widths([4, 5, 2], "tanh")
    y = np.random.default_rng(1).dirichlet([1.0, 1.0], size=30)
    found = Subject.of(Objective(network, name), network.start(3), X, y)
    assert {v.status for v in check_gradient(found, 30).verdicts} <= {"passed", "not valid here"}


def test_a_wrong_gradient_differs():
    one = subject()
    _, gradient = one.engine.gradient(one.vector, one.rows)
    assert check_weight(one, 0, float(gradient[0])).status == "passed"
    assert check_weight(one, 0, float(gradient[0]) * 1.00001).status == "weak"
    assert check_weight(one, 0, float(gradient[0]) + 0.1).status == "differs"
    assert check_weight(one, 0, float("nan")).status == "differs"


def test_a_kink_is_distinguished():
    network = Network.of_widths([1, 1, 1], "relu")
    at = Parameters.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    kink = Subject.of(Objective(network, "mse"), at, [[0.0]], [1.0])
    verdict = check_weight(kink, 1, 0.0)
    assert verdict.status == "not valid here"
    assert "relu unit 1 of layer 1 changes sign" in verdict.reason
    assert verdict.left == pytest.approx(0.0, abs=1e-6)
    assert verdict.right == pytest.approx(-2.0, abs=1e-5)


def test_a_dead_unit_is_zero_on_both_sides():
    network = Network.of_widths([1, 1, 1], "relu")
    at = Parameters.from_arrays([[[1.0]], [[1.0]]], [[-9.0], [0.0]])
    dead = Subject.of(Objective(network, "mse"), at, [[1.0]], [1.0])
    verdict = check_weight(dead, 0, 0.0)
    assert verdict.status == "zero on both sides"
    assert "dead unit" in verdict.reason


def test_user_defined_formulas():
    @dataclass(frozen=True)
    class Wrong(Tanh):
        name = "wrong"

        def slope(self, xp, z, a):
            return 1.0 - a

    assert not check_formula(Wrong()).passed
    for name in activations:
        if not activations[name].rowwise:
            assert check_formula(activations[name]).passed
    assert check_formula(losses.huber).passed
    at_zero = check_formula(activations.relu, points=[0.0]).verdicts[0]
    assert at_zero.status == "not valid here"


@pytest.mark.parametrize("name", sorted(losses))
def test_a_loss_says_whether_its_gradient_jumps_at_the_target(name):
    """Right where the one-sided slopes differ, so that a new loss cannot forget to say it."""
    record, step = losses[name], 1e-7
    if record.link.name != "linear":
        assert not record.kinked
        return
    near = [
        float(record.rows_gradient(np, np.array([[s]]), np.zeros((1, 1)))[0, 0])
        for s in (-step, step)
    ]
    assert record.kinked == (abs(near[1] - near[0]) > 0.1)


def test_a_weight_of_zero_under_l1_is_a_kink():
    one = subject(l1=0.1)
    one.vector[0] = 0.0
    verdict = check_weight(one, 0, 0.0)
    assert verdict.status == "not valid here"
    assert "under a penalty" in verdict.reason
    assert verdict.right - verdict.left == pytest.approx(0.2, rel=1e-3)


@dataclass(frozen=True)
class Off(Activation):
    """The identity, with a slope that is off by a share."""

    name = "off"
    share: float = 0.0

    def value(self, xp, z):
        return z

    def slope(self, xp, z, a):
        return xp.ones_like(z) * (1.0 + self.share)


@pytest.mark.parametrize(
    ("share", "status"),
    [(0.9e-6, "passed"), (1.1e-6, "weak"), (0.9e-4, "weak"), (1.1e-4, "differs")],
)
def test_the_error_limits_of_passed_and_weak(share, status):
    (verdict,) = check_formula(Off(share=share), points=[1.0]).verdicts
    assert verdict.status == status
    assert verdict.error == pytest.approx(share, rel=1e-3)
