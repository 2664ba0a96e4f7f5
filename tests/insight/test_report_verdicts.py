"""The findings of the report on data made to have them, and none on a healthy network."""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, Network, Objective, Parameters, explain, losses
from chainrule.foundation.errors import DivergenceWarning
from chainrule.insight.report.document import MOST_ADVICE, what_next
from chainrule.insight.report.items import Advice
from chainrule.insight.report.material import Material
from chainrule.insight.subject import Subject

random = np.random.default_rng(2)
X = random.normal(size=(400, 4))
Y = np.tanh(X[:, 0]) - 0.5 * X[:, 1] + random.normal(0.0, 0.05, size=400)


def kinds(record):
    return {one["kind"] for one in (*record["data"]["findings"], *record["layers"]["findings"])}


def advised(record, words):
    return [one for one in record["next"]["advice"] if words in one["do"] + one["because"]]


@pytest.fixture(scope="module")
def healthy():
    """A regression that learnt what there is, on scaled inputs."""
    model = MLPRegressor(
        hidden_layer_sizes=(16,),
        activation="tanh",
        learning_rate="cosine",
        learning_rate_init=0.02,
        max_iter=80,
        batch_size=32,
        alpha=0.0,
        random_state=0,
    ).fit(X[:300], Y[:300])
    return explain(model, X[:300], Y[:300], held_out=(X[300:], Y[300:])).report()


def test_a_healthy_network_has_no_findings(healthy):
    record = healthy.to_dict()
    assert kinds(record) == set()
    assert record["gradients"]["passed"] is True
    found = [one for section in healthy.sections[:6] for one in section.advice]
    assert found == []
    assert not advised(record, "alpha")
    assert not advised(record, "Find out whether")
    assert "No layer exceeds a threshold." in healthy.to_text()


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (losses.get("binary_cross_entropy"), "binary cross entropy"),
        (losses.get("binary_cross_entropy", summed=True), "binary cross entropy (summed)"),
        (losses.get("quantile", q=(0.1, 0.9)), "quantile (q 0.1 0.9)"),
    ],
)
def test_a_loss_is_named_with_its_options(loss, words):
    network = Network.of_widths([2, len(getattr(loss, "levels", (0.5,)))])
    subject = Subject.of(Objective(network, loss), network.start(0), X[:, :2], Y > 0.0)
    assert Material(subject).loss_name == words


@pytest.mark.slow
def test_dead_units():
    network = Network.of_widths([4, 16, 1], "relu")
    start = network.start(0)
    start.biases[0][:9] = -1000.0
    record = explain((network, start), X, Y).to_dict()
    assert "dead" in kinds(record)
    (advice,) = advised(record, "Revive")
    assert advice["because"] == (
        "layer 1: 9 of 16 relu units are 0 on all 400 rows: 56 % dead, more than 25 %"
    )
    start.biases[0][:9] = 0.0
    assert kinds(explain((network, start), X, Y).to_dict()) == set()


@pytest.mark.slow
def test_saturated_sigmoids():
    network = Network.of_widths([4, 16, 1], "sigmoid")
    start = network.start(0)
    start.weights[0][...] *= 300.0
    record = explain((network, start), X, Y).to_dict()
    assert "saturated" in kinds(record)
    assert "more than 50 %" in advised(record, "standardise the inputs, start")[0]["because"]


@pytest.mark.grid(2)
@pytest.mark.parametrize("batch_size", [32, 400])
def test_a_run_that_diverged(batch_size):
    """In the middle of its first epoch, or after some."""
    model = MLPRegressor(hidden_layer_sizes=(16,), solver="sgd", learning_rate_init=20.0)
    model.set_params(random_state=0, max_iter=20, batch_size=batch_size, initializer=None)
    with pytest.warns(DivergenceWarning):
        model.fit(X, Y)
    report = explain(model, X, Y).report()
    record = report.to_dict()
    first = record["next"]["advice"][0]
    assert first["do"].startswith("Train again at a much lower learning rate")
    assert "diverged at learning rate 20" in first["because"]
    assert advised(record, "Try a learning rate from")
    assert "Training diverged at learning rate 20" in report.to_text()


@pytest.mark.slow
def test_an_unscaled_column():
    wide = X * [1.0, 1.0, 5000.0, 1.0]
    network = Network.of_widths([4, 8, 1], "tanh")
    start = network.start(0)
    record = explain((network, start), wide, Y).to_dict()
    assert "scales" in kinds(record)
    (advice,) = advised(record, "StandardScaler")
    assert advice["because"].startswith("x3 is ")
    assert advice["section"] == 2


@pytest.mark.slow
def test_a_constant_column():
    flat = X.copy()
    flat[:, 1] = 3.0
    network = Network.of_widths([4, 8, 1], "tanh")
    record = explain((network, network.start(0)), flat, Y).to_dict()
    (advice,) = advised(record, "Drop the constant")
    assert "1 of 4 features is constant (x2 is 3)" in advice["because"]


def test_kinks_are_no_errors():
    """Rows that lie on the kink of every unit: no difference is valid, and none is a failure."""
    network = Network.of_widths([2, 3, 1], "relu")
    at = Parameters.from_arrays([np.ones((2, 3)), np.ones((3, 1))], [np.zeros(3), np.zeros(1)])
    x = np.array([[1.0, -1.0], [2.0, -2.0], [1.0, 1.0]])
    report = explain((network, at), x, [1.0, 2.0, 3.0]).report()
    verdicts = {one["name"]: one["status"] for one in report.to_dict()["gradients"]["verdicts"]}
    assert {verdicts[f"w1[1,{k}]"] for k in (1, 2, 3)} == {"not valid here"}
    assert verdicts["w2[1,1]"] == "passed"
    assert report.to_dict()["gradients"]["passed"] is True
    assert "at a kink, where no difference is valid" in " ".join(report.to_text().split())


@pytest.mark.slow
def test_overfitting():
    labels = random.integers(0, 2, size=120)  # noise
    model = MLPClassifier(
        (64,), learning_rate="cosine", learning_rate_init=0.02, max_iter=60, random_state=0
    )
    model.set_params(n_iter_no_change=np.inf)
    model.fit(X[:80], labels[:80], X_val=X[80:120], y_val=labels[80:120])
    held_out = X[80:120], labels[80:120]
    record = explain(model, X[:80], labels[:80], held_out=held_out).to_dict()
    (advice,) = advised(record, "Regularise")
    assert "the validation loss rose by" in advice["because"]
    assert advised(record, "Check that the inputs carry information")


@pytest.mark.slow
def test_a_rate_that_is_too_small():
    model = MLPRegressor(hidden_layer_sizes=(16,), learning_rate_init=1e-5, max_iter=5)
    model.set_params(random_state=0, learning_rate="cosine").fit(X, Y)
    (advice,) = advised(explain(model, X, Y).to_dict(), "Try a learning rate of")
    assert "1e-05 is too small" in advice["because"]
    assert "the whole training only reached" in advice["because"]


@pytest.mark.slow
def test_a_class_that_is_missed():
    labels = np.where(X[:, 0] > 1.6, "rare", "usual")
    model = MLPClassifier((4,), max_iter=2, random_state=0, learning_rate="cosine")
    report = explain(model.fit(X, labels), X, labels).report()
    (advice,) = advised(report.to_dict(), "If rare matters")
    assert "rows of rare are found, less than 50 %" in advice["because"]
    assert "Rare: The most frequent class is usual" in report.to_text()


def test_at_most_five_suggestions_the_most_important_first():
    many = [Advice(f"do {k}", f"figure {k}", 1 + k % 8, float(k)) for k in range(9)]
    section = what_next(many)
    assert [one["do"] for one in section.record["advice"]] == [f"do {k}" for k in (8, 7, 6, 5, 4)]
    assert len(section.record["advice"]) == MOST_ADVICE
    assert "4 minor findings" in section.items[-1].text
    assert what_next([]).record["advice"] == []


def test_each_advice_quotes_a_figure(healthy):
    for section in healthy.sections:
        for one in section.advice:
            assert any(letter.isdigit() for letter in one.because)
