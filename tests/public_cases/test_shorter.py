"""The shorter cases: C91 to C99."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from chainrule import MLPClassifier, MLPRegressor, load, save_model
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_c91_the_penalty_does_not_depend_on_batch_size_or_rows(X, t):
    """With no slope from the data, a step shrinks each weight by rate times alpha times weight."""
    options = {
        "hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "alpha": 0.5, "max_iter": 1,
        "learning_rate_init": 0.1, "warm_start": True, "scale_target": False,
        "initializer": "glorot_uniform",  # with biases of 0
    }  # fmt: skip
    for batch, rows in ((1, 4), (2, 4), (4, 4), (60, 60)):
        model = MLPRegressor(**options, batch_size=batch).fit(np.zeros((rows, 3)), np.zeros(rows))
        before = model.coefs_[0].copy()
        model.fit(np.zeros((rows, 3)), np.zeros(rows))
        steps = rows // batch
        np.testing.assert_allclose(model.coefs_[0], before * 0.95**steps, rtol=1e-12)
        assert model.loss_curve_[-1] == pytest.approx(0.0, abs=1e-12)
        found = 0.25 * np.sum(model.coefs_[0] ** 2)
        assert model.penalty_curve_[-1] == pytest.approx(found, rel=1e-12)


def test_c93_a_fit_that_has_not_converged_is_usable(X, t):
    for solver in ("adam", "sgd", "lbfgs"):
        with pytest.warns(ConvergenceWarning, match="max_iter=1"):
            model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=1, solver=solver).fit(X, t)
        assert np.all(np.isfinite(model.predict(X)))


def test_c94_no_limit_but_the_memory_of_the_machine(X, t, monkeypatch):
    assert MLPRegressor(hidden_layer_sizes=(400, 400), max_iter=2).fit(X, t).n_iter_ == 2
    monkeypatch.setattr("chainrule.foundation.memory.physical_bytes", lambda: 2**36)
    for widths in ((10**9,), (10**5, 10**5), (10**12,)):
        for solver in ("adam", "lbfgs"):
            with pytest.raises(MemoryError, match=r"parameters.*GB.*has 68.7 GB.*Take"):
                MLPRegressor(hidden_layer_sizes=widths, solver=solver).fit(X, t)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_c96_the_seed_used_is_kept_and_repeats_the_result(X, y2, estimator):
    generators = (None, np.random.default_rng(), np.random.RandomState())
    for random_state in generators:
        model = estimator(random_state=random_state, max_iter=3, early_stopping=True).fit(X, y2)
        again = estimator(random_state=model.seed_, max_iter=3, early_stopping=True).fit(X, y2)
        assert again.parameters_.vector.tobytes() == model.parameters_.vector.tobytes()
    seeds = {estimator(max_iter=1).fit(X, y2).seed_ for _ in range(3)}
    assert len(seeds) == 3


@pytest.mark.parametrize("kind", ["two", "three", "text", "labels", "numbers"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_c97_what_is_written_predicts_the_same(X, y2, y3, t, ML, tmp_path, kind, dtype):
    y = {"two": y2, "three": y3, "text": np.array(["no", "yes"])[y2], "labels": ML, "numbers": t}
    estimator = MLPRegressor if kind == "numbers" else MLPClassifier
    model = estimator(max_iter=5, dtype=dtype).fit(X, y[kind])
    save_model(tmp_path / "model", model)
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if kind != "numbers":
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_c99_a_model_that_is_not_finite_is_not_written(X, t, tmp_path, value):
    model = MLPRegressor(max_iter=2).fit(X, t)
    path = tmp_path / "model"
    save_model(path, model)
    good = path.read_bytes()
    model.coefs_[0][1, 2] = value
    with pytest.raises(InputError, match=r"finite.*layer 1"):
        save_model(path, model)
    assert path.read_bytes() == good
