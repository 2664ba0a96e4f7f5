"""User-defined records that lack a formula are refused at once, for every kind."""

from dataclasses import dataclass

import numpy as np
import pytest

from chainrule import (
    Activation,
    Dense,
    Initializer,
    Loss,
    Network,
    Optimizer,
    Penalty,
    Schedule,
    activations,
    check_formula,
    explain,
    initializers,
    losses,
    optimizers,
    penalties,
    schedules,
    train,
)
from chainrule.foundation.errors import InputError

KINDS = {
    Activation: r"value\(xp, z\), slope\(xp, z, a\)",
    Loss: r"link, value\(xp, s, y\), gradient\(xp, s, y\)",
    Optimizer: r"learning_rate, constants\(rate, t\), step\(xp, constants, p, g\)",
    Schedule: r"multiplier\(step, steps_per_epoch, total_steps\)",
    Initializer: r"variance\(n_in, n_out\)",
    Penalty: r"value\(xp, w\), gradient\(xp, w\)",
}


@pytest.mark.parametrize(("kind", "needed"), KINDS.items(), ids=lambda kind: str(kind)[-20:])
def test_a_missing_formula_is_named_when_the_record_is_made(kind, needed):
    class Nameless(kind):
        pass

    class Empty(kind):
        name = "empty"

    with pytest.raises(InputError, match=rf"Nameless must have name, .*as every {kind.__name__}"):
        Nameless()
    with pytest.raises(InputError, match=rf"Empty must have {needed}, as every .* Add"):
        Empty()


@dataclass(frozen=True)
class Doubled(Activation):
    name = "doubled_up"

    def value(self, xp, z):
        return 2.0 * z

    def slope(self, xp, z, a):
        return 2.0 * xp.ones_like(z)


@dataclass(frozen=True)
class Fourth(Loss):
    name = "fourth"
    link = activations.linear

    def value(self, xp, s, y):
        return (s - y) ** 4

    def gradient(self, xp, s, y):
        return 4.0 * (s - y) ** 3


@dataclass(frozen=True)
class Logistic(Fourth):
    """The link is not linear: scores are no predictions."""

    name = "fourth_of_logistic"
    link = activations.sigmoid


def test_formulas_alone_are_enough_to_train_check_and_explain():
    x = np.linspace(-1.0, 1.0, 20).reshape(-1, 1)
    network = Network(Dense(1, 3, Doubled()), Dense(3, 1))
    for epoch in train(network, x, x, loss=Fourth(), epochs=20, learning_rate=1e-3):
        last = epoch
    explained = explain((network, last.parameters), x, x, loss=Fourth())
    assert explained.check().passed
    assert r"\operatorname{doubled\_up}" in Doubled()._repr_html_()
    assert r"\operatorname{fourth}" in Fourth()._repr_html_()
    assert "Fourth" in str(explained.weight(layer=1, unit=1, to=1).subject.objective.loss)
    assert Doubled.source == "user-defined"
    assert check_formula(Doubled()).passed
    assert check_formula(Fourth()).passed


def test_a_loss_with_a_linear_link_is_the_same_on_predictions():
    assert Fourth()([1.0, 3.0], [0.0, 1.0]) == 8.5
    assert Fourth().gradient([1.0, 3.0], [0.0, 1.0]).tolist() == [4.0, 32.0]


def test_a_loss_on_scores_alone_says_how_to_call_it():
    with pytest.raises(InputError, match=r"Logistic must have on_prediction\(xp, p, y\)"):
        Logistic()([0.5], [1.0])
    with pytest.raises(InputError, match=r"or pass scores: fourth_of_logistic\(s=s, y=y\)"):
        Logistic().value([0.5], [1.0])
    assert Logistic().value(s=[1.0], y=[0.0]).tolist() == [1.0]
    assert not Logistic().takes_predictions


VAST = 10**400


@pytest.mark.parametrize(
    ("catalogue", "name", "parameters"),
    [
        (activations, "leaky_relu", {"negative_slope": VAST}),
        (losses, "huber", {"delta": VAST}),
        (optimizers, "adam", {"beta_1": VAST}),
        (optimizers, "sgd", {"weight_decay": VAST}),
        (optimizers, "sgd", {"clip_norm": VAST}),
        (optimizers, "sgd", {"averaging": -VAST}),
        (schedules, "step", {"every": VAST}),
        (penalties, "l2", {"strength": VAST}),
        (initializers, "he_uniform", {"biases": VAST}),
    ],
)
def test_numbers_beyond_floats_are_refused(catalogue, name, parameters):
    (field,) = parameters
    with pytest.raises(InputError, match=f"{field} must .* got a whole number of 1,329 bits"):
        catalogue.get(name, **parameters)


@pytest.mark.parametrize(
    ("option", "named"),
    [("l1", "strength"), ("l2", "strength"), ("dropout", "dropout"),
     ("label_smoothing", "label_smoothing"), ("learning_rate", "learning_rate"),
     ("tolerance", "tolerance"), ("time_limit", "time_limit")],
)  # fmt: skip
def test_numbers_beyond_floats_are_refused_by_train(option, named):
    with pytest.raises(InputError, match=f"{named} must .* got a whole number of 1,329 bits"):
        next(train(Network.of_widths([1, 1]), [[1.0]], [1.0], **{option: VAST}))
