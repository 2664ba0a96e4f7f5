"""Going on, repeating, copying, saving: the cases C76 to C88."""

import copy
import pickle
import subprocess
import sys
import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from chainrule import (
    Dense,
    MLPClassifier,
    MLPRegressor,
    Network,
    load,
    load_state,
    save_model,
    save_state,
    train,
)
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import FileFormatError

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)
ESTIMATORS = [MLPClassifier, MLPRegressor]


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_c76_each_fit_runs_the_epochs_asked_for(X, y2, estimator, solver):
    model = estimator(solver=solver, warm_start=True, max_iter=4, random_state=0, tol=0.0)
    for call in (1, 2, 3):
        model.fit(X, y2)
        assert model.n_iter_ == 4
        assert len(model.loss_curve_) == 4 * call


@pytest.mark.grid(11)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("solver", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_c77_thirty_fits_of_one_epoch_equal_one_of_thirty(X, y2, estimator, solver, engine):
    options = {"solver": solver, "batch_size": 16, "random_state": 0, "engine": engine, "tol": 0.0}
    long = estimator(max_iter=30, **options).fit(X, y2)
    short = estimator(max_iter=1, warm_start=True, **options)
    for _ in range(30):
        short.fit(X, y2)
    assert short.parameters_.vector.tobytes() == long.parameters_.vector.tobytes()
    assert short.loss_curve_ == long.loss_curve_


def test_c80_a_resumed_run_equals_a_long_one(X, t, tmp_path):
    """The same over two processes is in test_formulas_and_training.py."""
    network = Network(Dense(3, 4, "relu"), Dense(4, 1))
    options = {"optimizer": "adam", "batch_size": 7, "seed": 4}
    *_, long = train(network, X, t, epochs=10, **options)
    *_, part = train(network, X, t, epochs=4, **options)
    save_state(tmp_path / "run.state", part.state)
    state = load_state(tmp_path / "run.state")
    *_, end = train(network, X, t, epochs=6, state=state, optimizer="adam", batch_size=7)
    assert end.parameters.vector.tobytes() == long.parameters.vector.tobytes()
    assert end.loss == long.loss
    slots = zip(end.state.slots, long.state.slots, strict=True)
    assert all(a.tobytes() == b.tobytes() for a, b in slots)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_c81_the_global_random_state_is_neither_read_nor_moved(
    X, y2, estimator, global_random_state
):
    fits = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = global_random_state()
        options = {"random_state": 0, "max_iter": 3, "early_stopping": True}
        fits.append(estimator(**options).fit(X, y2).parameters_.vector.tobytes())
        estimator(max_iter=1).fit(X, y2)
        assert global_random_state() == before
    assert fits[0] == fits[1]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_c82_the_same_bytes_for_any_number_of_threads(solver, engine):
    x = np.random.default_rng(5).normal(size=(500, 40))
    options = {
        "hidden_layer_sizes": (150, 150), "batch_size": 250, "max_iter": 2, "solver": solver,
        "random_state": 0, "engine": engine, "tol": 0.0,
    }  # fmt: skip
    found = {
        MLPRegressor(**options, n_threads=n).fit(x, x[:, 0]).parameters_.vector.tobytes()
        for n in (1, 2, 4, None)
    }
    assert len(found) == 1


@pytest.mark.grid(2)
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("verbose", [False, True])
def test_c84_pickle_deepcopy_and_workers(X, y2, tmp_path, estimator, verbose):
    for model in (estimator(max_iter=2, verbose=verbose),
                  estimator(max_iter=2, verbose=verbose).fit(X, y2)):  # fmt: skip
        joblib.dump(model, tmp_path / "model")
        for other in (
            copy.deepcopy(model),
            pickle.loads(pickle.dumps(model)),
            joblib.load(tmp_path / "model"),
        ):
            if hasattr(model, "parameters_"):
                np.testing.assert_array_equal(other.predict(X), model.predict(X))
            assert other.fit(X, y2).n_iter_ == 2
    search = GridSearchCV(estimator(max_iter=2, verbose=verbose), {"alpha": [0.0, 1.0]}, cv=2)
    assert search.set_params(n_jobs=2).fit(X, y2).predict(X).shape == (60,)


@pytest.mark.slow
def test_c85_a_model_of_another_device_is_loaded_without_its_library(X, t, tmp_path):
    """Parameters of any array library are written as plain numbers, and read by NumPy alone."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    network = Network(Dense(3, 4, "tanh"), Dense(4, 1))
    start = network.parameters(torch.asarray(network.start(seed=0).vector))
    *_, epoch = train(network, torch.asarray(X), torch.asarray(t), parameters=start, epochs=3)
    save_state(tmp_path / "run.state", epoch.state)
    np.save(tmp_path / "x.npy", X)
    code = (
        "import sys\n"
        "class NoTorch:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name.split('.')[0] == 'torch': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoTorch())\n"
        "import numpy as np; from chainrule import load_state\n"
        "s = load_state('run.state')\n"
        "np.save('p.npy', s.network.predict(s.parameters, np.load('x.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = np.asarray(network.predict(epoch.parameters, torch.asarray(X)))
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), expected, rtol=1e-6)


def test_c86_files_with_an_unknown_a_missing_and_a_newer_part(X, y2, tmp_path):
    model = MLPClassifier(max_iter=2).fit(X, y2)
    path = tmp_path / "model"
    save_model(path, model)
    description, arrays = read_arrays(path, "model")
    write_arrays(path, "model", description | {"colour": "blue"}, arrays)
    np.testing.assert_array_equal(load(path).predict_proba(X), model.predict_proba(X))
    for missing in ("network", "classes", "options", "counts", "loss"):
        part = {name: value for name, value in description.items() if name != missing}
        write_arrays(path, "model", part, arrays)
        with pytest.raises(FileFormatError, match=missing):
            load(path)
    write_arrays(path, "model", description | {"format": 99, "version": "9.9"}, arrays)
    with pytest.raises(
        FileFormatError,
        match=r"has format 99, of chainrule 9.9; this one.* Install chainrule 9.9 or later",
    ):
        load(path)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_c88_predicting_in_a_loop_keeps_no_memory(X, y2, estimator):
    """No time is asserted here; benchmarks measure it."""
    model = estimator((32, 32) if estimator is MLPClassifier else "mse", max_iter=2).fit(X, y2)
    row = X[:1]
    for _ in range(100):
        model.predict(row)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(2_000):
        model.predict(row)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000  # a fiftieth of the calls, a fiftieth of 1 MB
