"""What the engine of JAX moves between main memory and its device, and how often."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse

from chainrule import (
    MLPClassifier,
    MLPRegressor,
    Network,
    Parameters,
    optimizers,
    train,
    train_many,
)
from chainrule.engines.jax_engine import engine, networks

jax = pytest.importorskip("jax")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 5)).astype(np.float32)
Y = (X[:, 0] > 0.0).astype(np.int64)
NETWORK = Network.of_widths([5, 31, 2])
USUAL = {
    "loss": "categorical_cross_entropy",
    "optimizer": "adam",
    "batch_size": 16,
    "dtype": "float32",
    "engine": "jax",
}


def leaves_of(arrays, kind):
    return [one for one in jax.tree.leaves(arrays) if isinstance(one, kind) and one.ndim]


@pytest.fixture
def moved(monkeypatch):
    """Count the arrays that are moved, as (direction, shape); plans of steps are left out."""
    found = []

    def counted(function, kind, direction, arguments=slice(None)):
        def counting(*arrays, **named):
            of_interest = leaves_of((arrays[arguments], list(named.values())), kind)
            found.extend((direction, tuple(one.shape)) for one in of_interest)
            with jax.transfer_guard("allow"):
                return function(*arrays, **named)

        return counting

    for library, name in ((jax, "device_put"), (jax.numpy, "asarray"), (jax.numpy, "array")):
        there = counted(getattr(library, name), np.ndarray, "to device")
        monkeypatch.setattr(library, name, there)
    for name in ("asarray", "array"):
        monkeypatch.setattr(np, name, counted(getattr(np, name), jax.Array, "from device"))
    for name in ("loss_sum", "row_sums", "scores_of"):
        monkeypatch.setattr(engine, name, counted(getattr(engine, name), np.ndarray, "to device"))
    of = networks.program_of
    # vector, slots and rows; what a call must be told about its steps is its last argument
    program = lambda formulas: counted(of(formulas), np.ndarray, "to device", slice(0, 4))  # noqa: E731
    monkeypatch.setattr(networks, "program_of", program)
    return found


def rows_moved(moved, rows, columns=5):
    return moved.count(("to device", (rows, columns)))


@pytest.mark.parametrize("metric", [None, lambda scores, y: np.mean(scores)])
def test_rows_are_moved_once(moved, metric):
    validation = (X[:50], Y[:50])
    for epoch in train(
        NETWORK, X, Y, validation=validation, metric=metric, patience=9, epochs=4, **USUAL
    ):
        if epoch.number == 1:
            first = rows_moved(moved, 90), rows_moved(moved, 64)
    assert first[0] > 0
    assert first[1] > 0
    assert (rows_moved(moved, 90), rows_moved(moved, 64)) == first


def parameters_moved(moved, network=NETWORK):
    """Return the moves of arrays as large as the largest weight, and not of rows."""
    weight = max(network.layout.spans, key=lambda span: span.stop - span.start)
    size = weight.stop - weight.start
    return [one for one in moved if np.prod(one[1]) >= size and one[1][0] not in (90, 64, 50)]


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("engine", ["jax", "auto"])
def test_parameters_stay_on_the_device_from_epoch_to_epoch(moved, is_large, engine, monkeypatch):
    if is_large:
        monkeypatch.setattr("chainrule.engines.jax_engine.groups.LARGE", 1)
    options = USUAL | {
        "optimizer": optimizers.get("adamw", averaging=0.9, clip_norm=1.0),
        "validation": (X[:50], Y[:50]),
        "patience": 9,
        "l2": 1e-3,
        "l1": 1e-4,
        "dropout": 0.2,
        "epochs": 4,
    }
    true = list(map(seen, train(NETWORK, X, Y, **options | {"engine": "reference"})))
    options["engine"] = engine
    if engine == "auto":
        options["matmul_precision"] = "high"  # which only this engine has
    found = []
    for epoch in train(NETWORK, X, Y, **options):
        found.append(seen(epoch))
        if epoch.number == 1:
            assert parameters_moved(moved)  # or nothing is counted
            moved.clear()
        if epoch.number == 4:
            assert parameters_moved(moved) == []
    state = epoch.state
    assert all(type(one) is np.ndarray for one in (state.vector, *state.slots, state.best))
    np.testing.assert_allclose(found, true, rtol=1e-4)


def seen(epoch):
    return epoch.loss, epoch.validation_loss, epoch.penalty


def test_an_estimator_moves_its_parameters_at_the_end(moved):
    model = MLPClassifier(
        (31,), engine="jax", max_iter=5, early_stopping=True, alpha=1e-3, random_state=0
    )
    counts = []
    for number in (5, 15):
        moved.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.set_params(max_iter=number, n_iter_no_change=number).fit(X, Y)
        counts.append(len(parameters_moved(moved, model.network_)))
    assert counts[0] == counts[1] > 0
    assert type(model.parameters_) is Parameters


def test_rows_of_lbfgs_are_moved_once(moved):
    for sparse in (False, True):
        moved.clear()
        given = scipy.sparse.csr_matrix(X) if sparse else X
        model = MLPClassifier((31,), solver="lbfgs", engine="jax", max_iter=5, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(given, Y)
        assert rows_moved(moved, 128) == (2 if sparse else 1)  # columns and values


def test_arrays_of_jax_are_never_moved(moved):
    there = jax.numpy.asarray(X), jax.numpy.asarray(Y, "float32")
    x, y = there[0], jax.nn.one_hot(there[1].astype(int), 2)
    moved.clear()
    for epoch in train(
        NETWORK, x, y, **USUAL, validation=(x[:50], y[:50]), patience=9, l2=1e-3, epochs=4
    ):
        if epoch.number == 1:
            moved.clear()  # the start is drawn in main memory
    assert [one for one in moved if np.prod(one[1]) >= 62] == []
    assert isinstance(epoch.best_parameters.vector, jax.Array)


def test_who_reads_a_state_may_write_to_it():
    ends = []
    for name in ("jax", "reference"):
        for epoch in train(NETWORK, X, Y, epochs=3, **USUAL | {"engine": name}):
            epoch.state.vector[:3] = 0.5
            epoch.state.slots[0][:3] = 0.0
            kept = pickle.loads(pickle.dumps(epoch.state))
            assert kept.vector.tolist() == epoch.state.vector.tolist()
        ends.append(epoch.state.vector)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-5)


def test_callbacks_see_the_parameters_of_their_epoch():
    seen = []
    model = MLPRegressor(
        hidden_layer_sizes=(31,), engine="jax", max_iter=4, random_state=0, learning_rate="cosine"
    )
    y = 3.0 * X[:, 0]
    model.set_params(callbacks=lambda epoch: seen.append((model.parameters_, model.predict(X))))
    model.fit(X, y)
    seen = [(model.network_.predict(parameters, X)[:, 0], found) for parameters, found in seen]
    for late, found in seen:
        np.testing.assert_allclose(late, found, rtol=1e-5, atol=1e-5)
    assert np.abs(seen[0][0] - seen[3][0]).max() > 1e-3
    np.testing.assert_array_equal(seen[3][1], model.predict(X))


def test_networks_that_are_trained_together_stay_there_too(moved, monkeypatch):
    program = networks.train_networks

    def counting(formulas, vector, slots, *others):
        moved.append("call")
        moved.extend(("to device", one.shape) for one in leaves_of((vector, slots), np.ndarray))
        return program(formulas, vector, slots, *others)

    monkeypatch.setattr(networks, "train_networks", counting)
    common = USUAL | {"epochs": 6, "l2": 1e-3, "validation": (X[:50], Y[:50]), "patience": 9}
    runs = [{"seed": 1}, {"seed": 2, "learning_rate": 0.01}, {"seed": 3, "epochs": 4}]
    found = train_many(NETWORK, X, Y, runs, **common)
    calls = [place for place, one in enumerate(moved) if one == "call"]
    # the first three make the first epoch, whose first batch is one of its own
    quiet = moved[calls[3] : calls[5]]
    assert [one for one in quiet if one != "call" and np.prod(one[1]) >= 62] == []
    for run in found:
        *_, epoch = train(NETWORK, X, Y, **common | run.options | {"engine": "reference"})
        np.testing.assert_allclose(run.epoch.state.vector, epoch.state.vector, atol=1e-5)
        np.testing.assert_allclose(run.epoch.state.best, epoch.state.best, atol=1e-5)
