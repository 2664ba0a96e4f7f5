"""A formula is called with arrays alone; engines pass the namespace and get the same numbers."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import Dense, Network, Parameters, activations, losses, optimizers, penalties
from chainrule.formulas.activations import Tanh
from chainrule.formulas.losses import MeanSquaredError
from chainrule.formulas.optimizers import Optimizer
from chainrule.formulas.records import Activation
from chainrule.formulas.schedules import Schedule
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
P = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
Y = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])


@pytest.mark.parametrize("name", activations)
def test_value_and_slope_need_no_namespace(name):
    record, z = activations[name], np.array([[-0.75, 0.5, 2.0]])
    a = record.value(XP, z)
    np.testing.assert_array_equal(record.value(z.tolist()), a)
    np.testing.assert_array_equal(record.slope(z.tolist()), record.slope(XP, z, a))
    np.testing.assert_array_equal(record.slope(z, a), record.slope(XP, z, a))


def test_slope_of_a_number_and_of_integers():
    assert float(activations.sigmoid.slope(0)) == 0.25
    np.testing.assert_array_equal(activations.relu.slope([-1, 0, 2]), [0.0, 0.0, 1.0])


@pytest.mark.parametrize("module", ["torch", "jax.numpy"])
def test_the_namespace_is_that_of_the_array(module):
    xp = pytest.importorskip(module)
    slope = activations.sigmoid.slope(xp.asarray([0.0]))
    assert type(slope) is type(xp.asarray([0.0]))
    gradient = losses.mse.gradient(xp.asarray([1.0]), xp.asarray([4.0]))
    assert float(gradient[0]) == -6.0
    assert type(gradient) is type(slope)


@pytest.mark.parametrize("name", losses)
def test_value_and_gradient_take_predictions_or_scores(name):
    record, s = losses[name], np.log(P)
    np.testing.assert_array_equal(record.value(P, Y), record.on_prediction(XP, P, Y))
    np.testing.assert_array_equal(record.gradient(P, Y), record.prediction_gradient(XP, P, Y))
    np.testing.assert_array_equal(record.value(s=s, y=Y), record.value(XP, s, Y))
    np.testing.assert_array_equal(record.gradient(s=s, y=Y), record.gradient(XP, s, Y))


def test_the_gradient_is_that_of_the_loss_as_it_is_called():
    assert losses.mse.gradient([1.0, 2.0], [1.0, 4.0]).tolist() == [0.0, -4.0]
    p, h = 0.3, 1e-6
    difference = (losses.bce([p + h], [1.0]) - losses.bce([p - h], [1.0])) / (2.0 * h)
    assert float(losses.bce.gradient([p], [1.0])[0]) == pytest.approx(difference, rel=1e-8)
    assert losses.cce.gradient([[0.5, 0.5]], [1]).tolist() == [[0.0, -2.0]]


def test_scores_in_the_place_of_predictions_are_refused():
    with pytest.raises(ValueError, match="Pass predictions after the sigmoid, not scores"):
        losses.bce.gradient([2.5], [1.0])
    with pytest.raises(TypeError, match=r"\(p, y\), or scores, \(s=s, y=y\)"):
        losses.bce.gradient([0.5])


@pytest.mark.parametrize("name", losses)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (1, 1), ()])
def test_nothing_is_broadcast(name, shape):
    record = losses[name]
    p, y = np.full((4, 1), 0.5), np.full(shape, 0.5)
    calls = [
        lambda: record(p, y),
        lambda: record.value(p, y),
        lambda: record.gradient(p, y),
        lambda: record.value(s=p, y=y),
        lambda: record.gradient(s=p, y=y),
        lambda: record.value(XP, p, y),
        lambda: record.gradient(XP, p, y),
        lambda: record.on_prediction(XP, p, y),
        lambda: record.prediction_gradient(XP, p, y),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="must be"):
            call()


def test_a_penalty_needs_no_namespace():
    l2 = penalties.get("l2", strength=0.5)
    assert float(l2.value([1.0, 2.0])) == 1.25
    assert l2.gradient([1.0, 2.0]).tolist() == [0.5, 1.0]


def test_parameters_without_biases():
    parameters = Parameters.from_arrays([[[1.0], [2.0]]])
    assert parameters.biases == (None,)
    network = Network(Dense(2, 1, bias=False))
    assert network(parameters, [[1.0, 1.0]]).tolist() == [[3.0]]
    with pytest.raises(ValueError, match="parameters must be of shape"):
        Network(Dense(2, 1))(parameters, [[1.0, 1.0]])


@pytest.mark.parametrize("n_in", [1, 2, 40])
def test_one_row_is_answered_by_one_row(n_in):
    network = Network(Dense(n_in, 3, "tanh"), Dense(3, 2))
    parameters = network.start(seed=1)
    row = np.linspace(0.0, 1.0, n_in)
    expected = network.predict(parameters, row[None, :])[0]
    np.testing.assert_array_equal(network(parameters, row), expected)
    np.testing.assert_array_equal(network(parameters, row.tolist()), expected)


@dataclass(frozen=True)
class SwappedStep(Optimizer):
    name = "swapped"
    latex = r"p \leftarrow p - \eta g"
    source = "a test (2026)"
    learning_rate = 0.1

    def constants(self, rate, t):
        return (rate,)

    def step(self, xp, constants, g, p):
        return (p - constants[0] * g,)


@dataclass(frozen=True)
class SwappedSlope(Tanh):
    def slope(self, xp, a, z):
        return 1.0 - a * a


@dataclass(frozen=True)
class SwappedError(MeanSquaredError):
    def gradient(self, xp, y, s):
        return 2.0 * (s - y)


@dataclass(frozen=True)
class SwappedSteps(Schedule):
    name = "swapped"
    latex = "1"
    source = "a test (2026)"

    def multiplier(self, step, total_steps, steps_per_epoch):
        return 1.0 - step / total_steps


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (SwappedStep, r"step must .* order \(xp, constants, p, g\); got \(xp, constants, g, p\)"),
        (SwappedSlope, r"slope must .* order \(xp, z, a\); got \(xp, a, z\)"),
        (SwappedError, r"gradient must .* order \(xp, s, y\); got \(xp, y, s\)"),
        (SwappedSteps, r"multiplier must .* order \(step, steps_per_epoch, total_steps\)"),
    ],
)
def test_arguments_in_another_order_are_refused(kind, order):
    with pytest.raises(ValueError, match=order):
        kind()


def test_other_names_of_arguments_are_free():
    @dataclass(frozen=True)
    class Mine(Activation):
        name = "mine"
        latex = "z"
        slope_latex = "1"
        range = (-1.0, 1.0)
        source = "a test (2026)"

        def value(self, np, x):
            return 1.0 * x

        def slope(self, np, x, out):
            return np.ones_like(x)

    assert Mine().slope([3.0]).tolist() == [1.0]
    assert Mine()([3.0]).tolist() == [3.0]
    assert optimizers.sgd([1.0], [2.0], rate=0.5)[0].tolist() == [0.0]
