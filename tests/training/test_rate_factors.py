"""Rate factors: a layer's weight and bias step at the rate times their own factor."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from chainrule import (
    Dense,
    Network,
    Objective,
    Parameters,
    RateFactors,
    initializers,
    load_state,
    optimizers,
    rate_factors,
    save_state,
    train,
)
from chainrule.insight.chain import chain
from chainrule.insight.health import next_update
from chainrule.insight.place import Place
from chainrule.insight.subject import Subject
from chainrule.training.state import TrainingState

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(40, 9))
Y = X[:, :2] @ [[1.0], [-2.0]] + 0.1 * RANDOM.normal(size=(40, 1))


def last_vector(network, **options):
    *_, epoch = train(network, X, Y, **options)
    return epoch.state.vector


def test_factors_of_one_leave_every_bit_as_it_is():
    plain = Network.of_widths([9, 4, 1])
    ones = [rate_factors.get("constant", weight=1.0, bias=1.0)] * 2
    same = Network.of_widths([9, 4, 1], rate_factors=ones)
    assert plain == same
    assert plain.layout.distinct_rate_factors == (1.0,)
    np.testing.assert_array_equal(
        last_vector(plain, optimizer="adam", epochs=2),
        last_vector(same, optimizer="adam", epochs=2),
    )


@pytest.mark.parametrize("engine", ["reference", "auto"])
def test_one_factor_for_all_is_another_learning_rate(engine):
    factors = rate_factors.get("constant", weight=0.5, bias=0.5)
    slow = Network.of_widths([9, 4, 1], rate_factors=factors)
    options = {"optimizer": "adamw", "epochs": 3, "engine": engine}
    np.testing.assert_array_equal(
        last_vector(slow, learning_rate=0.02, **options),
        last_vector(Network.of_widths([9, 4, 1]), learning_rate=0.01, **options),
    )


def test_ntk_rates_train_the_scaled_weights_of_the_literature():
    """Adam on W at the rate over sqrt(n) is Adam on V of x V / sqrt(n) + b, written out here."""
    network = Network(Dense(9, 1, rate_factors="ntk", initializer="lecun_normal"))
    start = network.start(seed=2)
    rule = optimizers.get("adam", epsilon=1e-30)
    *_, epoch = train(
        network,
        X,
        Y,
        optimizer=rule,
        learning_rate=0.05,
        epochs=30,
        batch_size=40,
        parameters=start,
    )
    v, b = 3.0 * start.weights[0], start.biases[0].copy()
    moments = [np.zeros_like(part) for part in (v, v, b, b)]
    for t in range(1, 31):
        residual = 2.0 * (X @ v / 3.0 + b - Y) / 40
        for number, (part, g, rate) in enumerate(
            ((v, X.T @ residual / 3.0, 0.05), (b, residual.sum(axis=0), 0.005))
        ):
            mean, square = moments[2 * number : 2 * number + 2]
            mean += 0.1 * (g - mean)
            square += 0.001 * (g**2 - square)
            part -= rate * mean / (1 - 0.9**t) / np.sqrt(square / (1 - 0.999**t))
    found = epoch.state.parameters
    np.testing.assert_allclose(found.weights[0], v / 3.0, rtol=1e-10)
    np.testing.assert_allclose(found.biases[0], b, rtol=1e-10)
    assert initializers.lecun_normal.variance(9, 1) == 1 / 9


def test_decoupled_decay_follows_the_rate_of_its_weight():
    factors = [rate_factors.get("constant", weight=0.25), rate_factors.get("constant", weight=0.0)]
    network = Network.of_widths([9, 4, 1], "linear", rate_factors=factors)
    start = network.start(seed=0)
    rule = optimizers.get("sgd", weight_decay=0.5)
    # targets that are met: there is no gradient, and decay is all that moves
    y = network.predict(start, X)
    *_, epoch = train(
        network, X, y, optimizer=rule, learning_rate=0.1, batch_size=40, parameters=start, epochs=1
    )
    end = epoch.state.parameters
    np.testing.assert_allclose(end.weights[0], start.weights[0] * (1 - 0.025 * 0.5), rtol=1e-14)
    np.testing.assert_array_equal(end.weights[1], start.weights[1])


def test_state_files_keep_the_factors(tmp_path):
    network = Network.of_widths([9, 4, 1], rate_factors=["ntk", rate_factors.get("ntk", bias=0.5)])
    state = TrainingState.start(network, optimizers.adam)
    save_state(tmp_path / "run.state", state)
    again = load_state(tmp_path / "run.state").network
    assert again == network
    assert again.layout.distinct_rate_factors == (1 / 3, 0.1, 0.5)


def test_networks_described_without_factors_have_none():
    description = Network.of_widths([9, 4, 1], rate_factors="ntk").to_dict()
    for layer in description["layers"]:
        del layer["rate_factors"]
    assert Network.from_dict(description) == Network.of_widths([9, 4, 1])


@pytest.mark.parametrize("rule", ["sgd", "adamw", "rmsprop"])
def test_the_step_of_an_explanation_has_the_factor(rule):
    network = Network.of_widths([9, 4, 1], "tanh", rate_factors="ntk")
    optimizer = optimizers.get(rule, weight_decay=0.1)
    start = network.start(seed=1)
    subject = replace(
        Subject.of(Objective(network, "mse"), start, X, Y), optimizer=optimizer, learning_rate=0.02
    )
    *_, epoch = train(
        network,
        X,
        Y,
        optimizer=optimizer,
        learning_rate=0.02,
        batch_size=40,
        epochs=1,
        parameters=start,
    )
    gradient = np.asarray(subject.engine.gradient(subject.vector, subject.rows)[1])
    moved = subject.vector + next_update(subject, gradient)
    np.testing.assert_allclose(moved, epoch.state.vector, rtol=1e-12)
    for place, factor in (
        (Place(1, 2, 3), 1 / 3),
        (Place(2, 1, 0), 0.5),
        (Place(1, None, 0), 0.1),
    ):
        one = chain(subject, place)
        update, index = one.update, place.index(subject)
        assert update.rate_factor == pytest.approx(factor)
        assert update.after == pytest.approx(epoch.state.vector[index], rel=1e-12)
        assert f"rate 0.02 times {factor:.4g}" in str(update)
        assert one.to_dict()["update"]["rate_factor"] == update.rate_factor


@dataclass(frozen=True)
class Wild(RateFactors):
    name = "wild"
    factor: float = -1.0

    def of_weight(self, n_in, n_out):
        return self.factor

    def of_bias(self, n_in, n_out):
        return 1.0


@pytest.mark.parametrize("factor", [-1.0, float("inf"), float("nan")])
def test_impossible_factors_are_refused(factor):
    network = Network.of_widths([9, 1], rate_factors=Wild(factor))
    with pytest.raises(
        ValueError, match="weight must be at least 0 and finite for the rates of 'w"
    ):
        network.layout  # noqa: B018


@pytest.mark.parametrize("wrong", [["ntk"], 0.5, "fast"])
def test_wrong_choices_are_refused(wrong):
    with pytest.raises(ValueError, match="rate_factors"):
        Network.of_widths([9, 4, 1], rate_factors=wrong)


def test_parameters_from_arrays_fit_a_network_with_factors():
    network = Network(Dense(2, 1, rate_factors="ntk"))
    given = Parameters.from_arrays([[[1.0], [2.0]]], [[0.5]])
    assert given.layout == network.layout
    assert network.predict(given, np.ones((1, 2)))[0, 0] == 3.5
