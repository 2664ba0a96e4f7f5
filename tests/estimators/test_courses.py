"""What is said of a fit that a limit ended comes from its curve; odd starts keep their numbers."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse

from chainrule import MLPClassifier, MLPRegressor
from chainrule.estimators.endings import unfinished

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0]


def said(curve, validation=None, monitor="score", scores=None):
    estimator = MLPRegressor(max_iter=len(curve), monitor=monitor)
    network = SimpleNamespace(
        stopped_because_="max_iter",
        loss_curve_=curve,
        validation_loss_curve_=validation,
        validation_scores_=scores,
    )
    [warning] = unfinished(estimator, [network])
    return str(warning)


def test_a_curve_that_falls_asks_for_more_epochs():
    text = said(list(np.geomspace(10, 1, 40)))
    assert "the loss was still getting better. Raise max_iter, or tol." in text


def test_a_curve_that_rises_asks_for_another_rate():
    text = said([13.6, 10.0, *np.geomspace(11, 7.5e5, 40)])
    assert "the loss rose: from 13.6 to 7.5e+05, best in epoch 2" in text
    assert "Try another learning_rate_init (now 0.001)" in text


def test_a_curve_that_stands_still_says_so():
    assert "the loss stood still: from 0.7 to 0.7" in said([0.7] * 30)


@pytest.mark.parametrize(("last", "word"), [(1.009, "stood still"), (1.011, "rose")])
def test_a_hundredth_is_level(last, word):
    assert f"the loss {word}" in said([*np.linspace(2, 1, 27), last, last, last])


@pytest.mark.parametrize(("flat", "word"), [(4, "stood still"), (3, "still getting better")])
def test_the_last_tenth_of_the_epochs_is_recent(flat, word):
    """Of 40 epochs the last 4 are looked at: a fall among them is a fall."""
    curve = [*np.linspace(2.0, 1.0, 40 - flat), *[1.0] * flat]
    assert word in said(curve)


def test_validation_decides_where_there_is_some():
    falling, rising = list(np.geomspace(10, 1, 40)), list(np.linspace(1, 2, 40))
    text = said(falling, validation=rising, scores=falling)
    assert "the validation score fell: from 10 to 1" in text
    text = said(falling, validation=rising, scores=falling, monitor="loss")
    assert "the validation loss rose: from 1 to 2" in text
    text = said(rising, validation=falling, scores=rising)
    assert "the validation score was still getting better" in text


@pytest.mark.parametrize(
    ("kind", "options", "rows"),
    [(MLPClassifier, {}, 1), (MLPRegressor, {"tol": 1e9}, 60)],
)
def test_lbfgs_that_has_converged_at_the_start_has_one_point(kind, options, rows):
    y = np.zeros(1, int) if kind is MLPClassifier else Y
    model = kind(solver="lbfgs", random_state=0, **options).fit(X[:rows], y)
    assert len(model.loss_curve_) == 1
    assert model.loss_ == model.loss_curve_[0]
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize("dtype", [">f4", ">f2", "<f4", "f2"])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_order_of_bytes_does_not_change_a_fit(dtype, sparse):
    if sparse and (np.dtype(dtype) != np.float32 or not np.dtype(dtype).isnative):
        pytest.skip("SciPy has no such sparse rows")
    values = X.astype(dtype)
    native = values.astype(values.dtype.newbyteorder("="))
    options = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0, "tol": 0.0}
    models = [MLPRegressor(**options) for _ in range(2)]
    for model, rows in zip(models, (values, native), strict=True):
        with pytest.warns(UserWarning, match="stopped after max_iter"):
            model.fit(scipy.sparse.csr_matrix(rows) if sparse else rows, Y)
    assert models[0].coefs_[0].dtype == np.float32
    for one, other in zip(models[0].coefs_, models[1].coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
