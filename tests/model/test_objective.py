"""The objective: a network, the loss that owns its last step, and penalties."""

import numpy as np
import pytest

from chainrule import Dense, Network, Objective, losses, penalties
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
LINKED = [name for name in losses if losses[name].link.name != "linear"]


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("last", ["sigmoid", "softmax", "relu", "exponential"])
def test_the_last_step_cannot_be_applied_twice(name, last):
    link = losses[name].link.name
    message = f"the last layer must be linear for the loss '{name}', which applies the {link} its"
    with pytest.raises(ValueError, match=message):
        Objective(Network(Dense(2, 2, last)), name)


@pytest.mark.parametrize("name", [name for name in losses if name not in LINKED])
def test_losses_on_the_score_itself_take_any_last_layer(name):
    assert Objective(Network(Dense(2, 1, "sigmoid")), name).loss.name == name


def test_penalties_weigh_weights_and_not_biases():
    network = Network(Dense(2, 2), Dense(2, 1))
    parameters = network.parameters(np.arange(1.0, 10.0))
    weights = np.concatenate([weight.ravel() for weight in parameters.weights])
    objective = Objective.with_strengths(network, "mse", l2=0.5, l1=0.25)
    expected = 0.25 * np.sum(weights**2) + 0.25 * np.sum(np.abs(weights))
    assert objective.penalty(XP, parameters) == pytest.approx(expected, rel=1e-15)


def test_penalties_of_no_strength_are_left_out():
    network = Network(Dense(2, 1))
    objective = Objective.with_strengths(network, "mse", l2=0.0, l1=0.1)
    assert [penalty.name for penalty in objective.penalties] == ["l1"]
    assert Objective(network, "mse", (penalties["l2"],)).penalties == ()
    assert Objective(network, "mse").penalty(XP, network.start()) == 0.0


def test_unknown_loss_is_suggested():
    with pytest.raises(ValueError, match=r"unknown loss 'msee'. Did you mean 'mse'"):
        Objective(Network(Dense(2, 1)), "msee")
