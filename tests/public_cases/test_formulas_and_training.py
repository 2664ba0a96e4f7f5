"""Bug reports of other libraries' users, as small tests of formulas, engine and training.

Each test names where the problem was seen; what is right is in the test.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

from chainrule import (
    Dense,
    Network,
    Objective,
    TrainingState,
    activations,
    load_state,
    losses,
    optimizers,
    save_state,
    train,
)
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.arrays import namespace

XP = namespace(np.zeros(1))
G = np.random.default_rng(20)
X = G.normal(size=(60, 3))
Y2 = (X[:, 0] > 0).astype(int)
T = 2 * X[:, 0] - X[:, 1] + 1
DTYPES = [np.float64, np.float32]


def last(*arguments, **options):
    *_, epoch = train(*arguments, **options)
    return epoch


def test_cross_entropy_is_never_negative_and_its_targets_are_checked():
    """keras#1917, pytorch#2866: huge negative losses for targets outside [0, 1]."""
    assert losses.bce([0.0], [0.0]) == 0.0
    assert not np.signbit(losses.bce([0.0], [0.0]))
    with pytest.raises(ValueError, match=r"y must be in \[0, 1\] for binary_cross_entropy; got 2"):
        train(Network(Dense(3, 1)), X, Y2 * 2, loss="binary_cross_entropy")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_saturated_output_with_one_wrong_label_costs_its_logit(dtype):
    """python-machine-learning-book-2nd#49, scikit-learn#16117: divide by zero in log."""
    network = Network(Dense(1, 1, bias=False))
    x, y = np.array([[1.0], [-1.0], [1.0]]), np.array([1.0, 0.0, 0.0])
    start = network.parameters(np.array([1e3], dtype=dtype))
    epoch = last(
        network, x, y, loss="binary_cross_entropy", parameters=start, epochs=1,
        learning_rate=1e-30,
    )  # fmt: skip
    assert epoch.loss == pytest.approx(1000.0 / 3.0, rel=1e-6)


def test_confident_float32_logits_of_both_classes():
    """keras#377: a clip at 1 - 1e-9 rounds to 1 in float32."""
    s, y = np.array([40.0, -40.0], dtype=np.float32), np.array([0.0, 1.0], dtype=np.float32)
    assert losses.bce.value(XP, s, y).tolist() == [40.0, 40.0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_saturated_wrong_answer_keeps_its_gradient(dtype):
    """keras#9664: the gradient of sigmoid(100) is 0 although the label is wrong."""
    s, y = np.array([55.0, -55.0, 100.0], dtype=dtype), np.array([0.0, 1.0, 0.0], dtype=dtype)
    assert losses.bce.gradient(XP, s, y).tolist() == [1.0, -1.0, 1.0]
    scores = np.array([[1e4, 0.0, -1e4]], dtype=dtype)
    gradient = losses.cce.gradient(XP, scores, np.eye(3, dtype=dtype)[[2]])
    assert gradient.tolist() == [[1.0, 0.0, -1.0]]


def test_softmax_cannot_be_applied_twice():
    """tflearn#562, ssd.pytorch#218: the user's softmax and the loss's own."""
    with pytest.raises(ValueError, match="the last layer must be linear for the loss 'categorical"):
        train(Network(Dense(3, 2, "softmax")), X, Y2, loss="categorical_cross_entropy")
    network = Network(Dense(3, 2))
    parameters = network.start(seed=0)
    engine = ReferenceEngine(Objective(network, "cce"), optimizers["sgd"])
    _, gradient = engine.gradient(parameters.vector, Rows(X, np.eye(2)[Y2]))
    p = activations.softmax(network.predict(parameters, X))
    expected = X.T @ (p - np.eye(2)[Y2]) / 60
    np.testing.assert_allclose(network.parameters(gradient).weights[0], expected, rtol=1e-12)


def test_softmax_of_huge_logits():
    """jax#19490."""
    rows = activations.softmax([[1e308, 0.0, -1e308], [1e308, 1e308, 1e308]])
    np.testing.assert_allclose(rows, [[1.0, 0.0, 0.0], [1 / 3] * 3], rtol=1e-15)


def test_half_precision_with_many_rows():
    """jax#40409: 0 times infinity with 65,536 rows of float16."""
    p = activations.softmax(np.zeros((70_000, 2), dtype=np.float16))
    assert p.dtype == np.float32
    assert float(losses.cce(p, np.arange(70_000) % 2)) == pytest.approx(np.log(2.0), rel=1e-6)
    wide = np.full((1, 70_000), 11.0, dtype=np.float16)
    assert activations.softmax(wide).sum() == pytest.approx(1.0, rel=1e-5)
    epoch = last(
        Network(Dense(1, 2)), np.zeros((70_000, 1), np.float16), np.arange(70_000) % 2,
        loss="cce", batch_size=10_000, epochs=1,
    )  # fmt: skip
    assert epoch.loss == pytest.approx(np.log(2.0), rel=1e-3)


def test_an_input_that_feeds_two_units_sums_over_both_paths():
    """micrograd#2, DLFS_code#13: the gradient of a node that is used twice."""
    network = Network(Dense(1, 1, "tanh"), Dense(1, 2, "sigmoid"), Dense(2, 1))
    engine = ReferenceEngine(Objective(network, "mse"), optimizers["sgd"])
    rows = Rows(np.array([[0.7]]), np.array([[0.2]]))
    vector = network.start(seed=3).vector + 0.1
    _, gradient = engine.gradient(vector, rows)
    for place in range(len(vector)):
        step = np.eye(len(vector))[place] * 1e-5
        up, down = (engine.gradient(vector + sign * step, rows)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-10)


def test_a_column_of_targets_is_a_flat_target():
    """pytorch#16045 and others: (60, 1) against (60,) broadcasts to 60 x 60 and learns the mean."""
    network = Network(Dense(3, 1))
    flat, column = last(network, X, T, epochs=2), last(network, X, T[:, None], epochs=2)
    assert flat.loss == column.loss
    np.testing.assert_array_equal(flat.parameters.vector, column.parameters.vector)
    with pytest.raises(ValueError, match="must be of the same shape"):
        losses.mse(T[:, None], T)


def test_epoch_loss_is_a_mean_over_rows_and_not_over_batches():
    """tensorflow#38596, #27993, keras#19363, nolearn#247."""
    network = Network(Dense(3, 4, "tanh"), Dense(4, 1))
    start = network.start(seed=0)
    epoch = last(
        network, X[:5], T[:5], parameters=start, batch_size=4, epochs=1, learning_rate=1e-300
    )
    assert epoch.loss == pytest.approx(
        float(losses.mse(network.predict(start, X[:5])[:, 0], T[:5])), rel=1e-12
    )


def test_weighted_loss_is_divided_by_the_weights():
    """keras#19740, #13329, tensorflow#29965: divided by the count, and metrics disagree."""
    assert losses.mae([4.0, 7.0], [5.0, 9.0], sample_weight=[0.0, 3.0]) == 2.0
    network = Network(Dense(1, 1, bias=False))
    start = network.parameters(np.array([1.0]))
    x, y, w = [[4.0], [7.0]], [5.0, 9.0], [0.0, 3.0]
    epoch = last(
        network, x, y, loss="mae", sample_weight=w, validation=(x, y, w), parameters=start,
        epochs=1, learning_rate=1e-300,
    )  # fmt: skip
    assert (epoch.loss, epoch.validation_loss) == (2.0, 2.0)


def test_rows_of_weight_zero_are_absent():
    """scikit-learn#25646, #30155; with a penalty, and validation rows too."""
    weight = (np.arange(60) % 2).astype(float)
    network = Network(Dense(3, 4, "tanh"), Dense(4, 1))
    options = {"batch_size": 60, "epochs": 20, "l2": 0.1, "parameters": network.start(seed=1)}
    found = last(network, X, T, sample_weight=weight, validation=(X, T, weight), **options)
    kept = last(network, X[1::2], T[1::2], validation=(X[1::2], T[1::2]), **options)
    np.testing.assert_allclose(found.parameters.vector, kept.parameters.vector, rtol=1e-9)
    assert found.validation_loss == pytest.approx(kept.validation_loss, rel=1e-9)


def test_best_weights_are_restored_also_at_the_last_epoch():
    """keras#12511, #16876, tensorflow#35634: only restored when stopped early."""
    values = iter([0.9, 0.8, 0.3, 0.6, 0.7])
    vectors = []
    for epoch in train(
        Network(Dense(3, 1)), X, T, validation=(X, T), metric=lambda scores, y: -next(values),
        epochs=5, patience=10,
    ):  # fmt: skip
        vectors.append(epoch.parameters.vector.copy())
    np.testing.assert_array_equal(epoch.best_parameters.vector, vectors[2])


@pytest.mark.slow
def test_resume_from_a_file_goes_on_with_the_next_order(tmp_path):
    """Lightning#17543, #1182, #21938: a resumed run replays the order of epoch 0."""
    network = Network(Dense(3, 4, "relu"), Dense(4, 1))
    options = {"optimizer": "adam", "batch_size": 7, "engine": "reference"}
    long = TrainingState.start(network, optimizers["adam"], seed=4)
    list(train(network, X, T, state=long, epochs=10, **options))
    short = TrainingState.start(network, optimizers["adam"], seed=4)
    list(train(network, X, T, state=short, epochs=4, **options))
    save_state(tmp_path / "run.state", short)
    np.savez(tmp_path / "data.npz", x=X, t=T)
    code = (
        "import json, sys, numpy as np\n"
        "from chainrule import load_state, save_state, train\n"
        "state = load_state('run.state'); data = np.load('data.npz')\n"
        "list(train(state.network, data['x'], data['t'], state=state, epochs=6,\n"
        "           **json.loads(sys.argv[1])))\n"
        "save_state('run.state', state)\n"
    )
    subprocess.run([sys.executable, "-c", code, json.dumps(options)], cwd=tmp_path, check=True)
    end = load_state(tmp_path / "run.state")
    assert end.vector.tobytes() == long.vector.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(end.slots, long.slots, strict=True))
    assert (end.step, end.epoch) == (long.step, long.epoch)


def test_negative_counts_are_refused():
    """scikit-learn 1.9.1 trains Poisson on negative targets to a loss of NaN, without an error."""
    with pytest.raises(ValueError, match="y must be finite and >= 0 for poisson; got -"):
        train(Network(Dense(3, 1)), X, T, loss="poisson")


def test_a_batch_without_weight_is_skipped():
    """scikit-learn 1.9.1: ZeroDivisionError."""
    w = np.ones(60)
    w[:30] = 0.0
    options = {"loss": "bce", "batch_size": 30, "shuffle": False, "epochs": 2}
    epoch = last(Network(Dense(3, 1)), X, Y2, sample_weight=w, **options)
    assert np.all(np.isfinite(epoch.parameters.vector))
    assert 0.0 < epoch.loss < 2.0


def test_epoch_loss_weighs_rows_and_not_batches():
    """scikit-learn 1.9.1 reports 2.871 where the weighted mean over the epoch is 2.844."""
    w = np.r_[[100.0] * 30, [1.0] * 30]
    network = Network(Dense(3, 1))
    start = network.start(seed=0)
    options = {"batch_size": 30, "epochs": 1, "learning_rate": 1e-300, "parameters": start}
    epoch = last(network, X, T, sample_weight=w, **options)
    expected = losses.mse(network.predict(start, X)[:, 0], T, sample_weight=w)
    assert epoch.loss == pytest.approx(float(expected), rel=1e-12)


def test_negative_weights_are_refused():
    """scikit-learn 1.9.1 trains."""
    with pytest.raises(ValueError, match="sample_weight must be finite and not negative; got -1"):
        train(Network(Dense(3, 1)), X, T, sample_weight=-np.ones(60))
