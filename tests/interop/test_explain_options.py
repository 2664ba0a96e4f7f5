"""What `explain` is told of a network that records nothing: rate, rule and loss."""

import numpy as np
import pytest

from chainrule import InputError, MLPClassifier, Network, explain, optimizers

LAYERS = [([[0.5], [0.25]], [0.0], "tanh"), ([[2.0]], [0.0], "linear")]
PAIR = (Network.of_widths([2, 3, 4]), Network.of_widths([2, 3, 4]).start(0))
X, Y = [[1.0, -2.0], [0.5, 1.0]], [1.0, 0.0]
RANDOM = np.random.default_rng(0)
ROWS, CLASSES = RANDOM.normal(size=(12, 2)), RANDOM.integers(0, 4, 12)


def update(**options):
    return explain(LAYERS, X, Y, **options).weight(1, 1, 1).update


def test_a_rate_of_one_as_in_a_book():
    chain = explain(LAYERS, X, Y, learning_rate=1).weight(1, 1, 1)
    assert chain.update.learning_rate == 1.0
    assert chain.update.after == chain.weight - chain.gradient
    assert "update  sgd, step 1, rate 1: w1[1,1] 0.5 -> " in str(chain)


def test_a_rule_brings_its_own_rate():
    assert (update().optimizer, update().learning_rate) == ("sgd", 0.01)
    adam = update(optimizer="adam")
    assert (adam.optimizer, adam.learning_rate) == ("adam", optimizers.adam.learning_rate)
    assert sorted(adam.memory) == ["m", "v"]
    assert abs(adam.after - adam.before) == pytest.approx(optimizers.adam.learning_rate, rel=1e-6)
    both = update(optimizer=optimizers.get("sgd", momentum=0.5), learning_rate=0.25)
    assert (both.learning_rate, list(both.memory)) == (0.25, ["velocity"])


def test_a_pair_takes_them_too():
    found = explain(PAIR, ROWS, CLASSES, optimizer="rmsprop", learning_rate=0.5)
    assert found.weight(1, 1, 1).update.optimizer == "rmsprop"
    assert found.weight(1, 1, 1).update.learning_rate == 0.5


def test_a_network_of_scikit_learn_is_asked_about_another_rule():
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=(2,), random_state=0, tol=9.0)
    model.fit(ROWS, ROWS[:, 0])
    recorded = explain(model, ROWS, ROWS[:, 0]).weight(1, 1, 1).update
    assert (recorded.optimizer, recorded.learning_rate) == ("adam", 0.001)
    asked = explain(model, ROWS, ROWS[:, 0], learning_rate=2.0).weight(1, 1, 1).update
    assert (asked.optimizer, asked.learning_rate) == ("adam", 2.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan"), "fast"])
def test_a_rate_must_be_one(rate):
    with pytest.raises(InputError, match="learning_rate must be positive and finite"):
        explain(LAYERS, X, Y, learning_rate=rate)


@pytest.mark.parametrize("option", [{"optimizer": "adam"}, {"learning_rate": 1.0}, {"loss": "mse"}])
def test_a_fitted_estimator_knows_its_own(option):
    labels = np.arange(12) % 2
    model = MLPClassifier((2,), solver="lbfgs", max_iter=500, random_state=0).fit(ROWS, labels)
    with pytest.raises(InputError, match=f"{next(iter(option))} must be left out for a model"):
        explain(model, ROWS, labels, **option)


class TestPlainDescent:
    def test_shows_no_velocity(self):
        chain = explain(LAYERS, X, Y).weight(1, 1, 1)
        assert chain.update.memory == {}
        assert "velocity" not in str(chain)
        assert "v" not in chain.update.latex

    def test_momentum_needs_a_state(self):
        found = update(optimizer=optimizers.get("sgd", momentum=0.9))
        assert list(found.memory) == ["velocity"]
        assert r"p \leftarrow p + v" in found.latex

    def test_an_average_stays(self):
        found = update(optimizer=optimizers.get("sgd", averaging=0.5))
        assert list(found.memory) == ["average"]

    def test_the_step_is_the_plain_formula(self):
        found = update(learning_rate=0.3)
        assert found.after == found.before - 0.3 * found.gradient


class TestLogits:
    def test_of_pytorch_with_class_numbers(self):
        torch = pytest.importorskip("torch")
        torch.manual_seed(0)
        body = (torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 4))
        model, targets = torch.nn.Sequential(*body).double(), torch.tensor(CLASSES)
        torch.nn.functional.cross_entropy(model(torch.tensor(ROWS)), targets).backward()
        found = explain(model, torch.tensor(ROWS), targets)
        assert found.subject.objective.loss.name == "categorical_cross_entropy"
        own = float(model[0].weight.grad[2, 1])
        assert found.weight(1, 2, 3).gradient == pytest.approx(own, rel=1e-10)

    @pytest.mark.parametrize("y", [CLASSES, CLASSES.tolist(), CLASSES.astype(np.uint8)])
    def test_of_bare_layers_and_networks(self, y):
        parameters = PAIR[1]
        layers = list(zip(parameters.weights, parameters.biases, ["relu", "linear"], strict=True))
        for model in (PAIR, layers):
            loss = explain(model, ROWS, y).subject.objective.loss
            assert loss.name == "categorical_cross_entropy"

    def test_given_options_come_first(self):
        with pytest.raises(InputError, match=r"y must be of shape \(n, 4\)"):
            explain(PAIR, ROWS, CLASSES, loss="mse")

    @pytest.mark.parametrize(
        ("model", "y"),
        [
            (LAYERS, [1, 0]),  # one output: counts are numbers
            (PAIR, [[1, 0, 0, 0], [0, 0, 1, 0]]),  # a column per output
        ],
    )
    def test_other_integers_are_numbers(self, model, y):
        assert explain(model, X, y).subject.objective.loss.name == "mse"
