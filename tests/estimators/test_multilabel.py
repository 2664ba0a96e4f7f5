"""Several labels: their losses are summed, so that each learns as if it were alone."""

import numpy as np
import pytest
from sklearn import neural_network

from chainrule import MLPClassifier, Network, Objective, explain, losses, optimizers, train
from chainrule.engines.choice import choose_engine
from chainrule.training.sources import make_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(41)
X = RANDOM.normal(size=(90, 4))
LABELS = (X @ RANDOM.normal(size=(4, 5)) + RANDOM.normal(size=(90, 5)) > 0.0).astype(int)
SUMMED = losses.get("binary_cross_entropy", summed=True)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_sgd_makes_the_steps_of_scikit_learn(engine):
    """From the same start, whole epochs in one batch, without a penalty."""
    options = {"hidden_layer_sizes": (6,), "solver": "sgd", "alpha": 0.0, "batch_size": 90}
    options |= {"learning_rate_init": 0.3, "random_state": 0, "warm_start": True}
    theirs = neural_network.MLPClassifier(**options, max_iter=1).fit(X, LABELS)
    ours = MLPClassifier(**options, max_iter=1, engine=engine).fit(X, LABELS)
    ours.coefs_ = [w.copy() for w in theirs.coefs_]
    ours.intercepts_ = [b.copy() for b in theirs.intercepts_]
    ours._run.state.slots = tuple(np.zeros_like(slot) for slot in ours._run.state.slots)
    theirs._optimizer.velocities = [np.zeros_like(v) for v in theirs._optimizer.velocities]
    for _ in range(5):
        theirs.partial_fit(X, LABELS)
        ours.partial_fit(X, LABELS)
        assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
    for w, v in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(w, v, rtol=1e-9, atol=1e-12)


def test_the_loss_is_the_sum_over_labels_in_every_curve():
    model = MLPClassifier((6,), max_iter=3, random_state=0)
    model.fit(X[:60], LABELS[:60], X_val=X[60:], y_val=LABELS[60:])
    model.parameters_ = model._run.state.parameters  # of the last epoch
    p = model.predict_proba(X[60:])
    assert SUMMED(p, LABELS[60:]) == pytest.approx(model.validation_loss_curve_[-1])
    by_label = losses.bce(p, LABELS[60:], reduction="none")
    assert SUMMED(p, LABELS[60:]) == pytest.approx(by_label.sum(axis=1).mean())
    weight = RANDOM.uniform(size=30)
    found = SUMMED(p, LABELS[60:], sample_weight=weight)
    assert found == pytest.approx(np.average(by_label.sum(axis=1), weights=weight))


def test_a_record_is_taken_as_it_is():
    model = MLPClassifier(loss=losses.bce, max_iter=3, random_state=0).fit(X, LABELS)
    assert not model.objective_.loss.summed
    assert MLPClassifier(max_iter=3).fit(X, LABELS).objective_.loss == SUMMED
    named = MLPClassifier(loss="binary_cross_entropy", max_iter=3)
    assert named.fit(X, LABELS).objective_.loss == SUMMED


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_engines_agree_and_the_sum_is_k_times_the_mean(dtype):
    network = Network.of_widths([4, 6, 5])
    vector = network.start(0).vector.astype(dtype)
    found = {}
    for engine in ("compiled", "reference"):
        for loss in (SUMMED, losses.bce):
            objective = Objective(network, loss)
            chosen = choose_engine(engine, objective, optimizers["sgd"])
            rows = make_rows(objective, X.astype(dtype), LABELS, like=vector)
            value, gradient = chosen.gradient(vector, rows)
            found[engine, loss.summed] = np.append(gradient, value)
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12}
    for engine in ("compiled", "reference"):
        np.testing.assert_allclose(found[engine, True], 5 * found[engine, False], **tolerance)
    np.testing.assert_allclose(found["compiled", True], found["reference", True], **tolerance)


def test_the_chain_rule_of_a_summed_loss_is_checked_and_shown_without_a_share():
    model = MLPClassifier((6,), max_iter=3, random_state=0).fit(X, LABELS)
    explained = model.explain(X, LABELS)
    chain = explained.weight(layer=1, unit=2, to=3)
    assert explained.check().passed
    assert r"\frac{1}{5}" not in chain.to_latex()


def test_a_network_of_scikit_learn_is_explained_by_its_own_loss():
    theirs = neural_network.MLPClassifier((6,), max_iter=5, random_state=0).fit(X, LABELS)
    explained = explain(theirs, X, LABELS)
    assert explained.subject.objective.loss == SUMMED
    assert explained.check().passed


def test_a_run_of_train_keeps_the_mean():
    (epoch,) = train(Network.of_widths([4, 5]), X, LABELS, loss="bce", epochs=1, batch_size=90)
    p = np.full((90, 5), 0.5)
    assert epoch.loss < 2.0 * losses.bce(p, LABELS)
