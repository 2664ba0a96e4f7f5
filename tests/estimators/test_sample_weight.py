"""Sample weights: what they may be, and what they do in every method that takes them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from chainrule import MLPClassifier, MLPRegressor, losses
from chainrule.foundation.errors import InputError

# options that lbfgs does not take
pytestmark = pytest.mark.filterwarnings("ignore::chainrule.foundation.errors.NoEffectWarning")

generator = np.random.default_rng(26)
X = generator.normal(size=(60, 3))
SIDE = (X[:, 0] > 0).astype(int)
T = 100.0 * X[:, 0] + 50.0
WEIGHT = generator.uniform(0.5, 2.0, size=60)
# a planned end, so that a short training is a whole one
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 4, "learning_rate": "cosine", "random_state": 0}
FITS = [
    (lambda **options: MLPClassifier(**SMALL | options), SIDE),
    (lambda **options: MLPRegressor(**SMALL | options), T),
]
both = pytest.mark.parametrize(("make", "y"), FITS, ids=["classifier", "regressor"])

REFUSED = {
    "negative": (np.where(np.arange(60) == 7, -1.0, 1.0), "not negative; got -1.0. Look at row 7"),
    "nan": (np.where(np.arange(60) == 7, np.nan, 1.0), "finite and not negative; got nan"),
    "infinite": (np.where(np.arange(60) == 7, np.inf, 1.0), "got inf. Look at row 7"),
    "all zero": (np.zeros(60), "zero for all of them"),
    "short": (np.ones(59), r"of shape \(60,\), one weight per row; got \(59,\)"),
    "columns": (np.ones((60, 2)), r"got \(60, 2\)"),
    "scalar": (2.0, r"got \(\)"),
    "text": (np.array(["a"] * 60), "must hold numbers; got 'a' in row 0"),
}


@both
@pytest.mark.parametrize(("weight", "words"), REFUSED.values(), ids=REFUSED)
def test_invalid_weights_are_refused_everywhere(make, y, weight, words):
    with pytest.raises(InputError, match=words):
        make().fit(X, y, weight)
    with pytest.raises(InputError, match=words):
        make().fit(X, y, sample_weight=weight)
    with pytest.raises(InputError, match=words):
        make(n_estimators=2).fit(X, y, weight)
    model = make(learning_rate="constant")
    first = {"classes": [0, 1]} if y is SIDE else {}
    with pytest.raises(InputError, match=words):
        model.partial_fit(X, y, weight, **first)
    assert not hasattr(model, "parameters_")
    fitted = make().fit(X, y)
    with pytest.raises(InputError, match=words):
        fitted.explain(X, y, weight)
    with pytest.raises(InputError, match=words):
        fitted.score(X, y, weight)


@both
@pytest.mark.parametrize(
    "kind",
    [
        list,
        lambda w: pd.Series(w, index=np.arange(60)[::-1]),
        pl.Series,
        lambda w: w.astype(object),
        lambda w: w.astype(">f8"),
        lambda w: np.repeat(w, 2)[::2],
    ],
    ids=["list", "pandas", "polars", "object", "big endian", "stride"],
)
def test_weights_of_every_kind_give_the_same(make, y, kind):
    expected = make().fit(X, y, WEIGHT)
    found = make().fit(X, y, kind(WEIGHT))
    np.testing.assert_array_equal(found.parameters_.vector, expected.parameters_.vector)


@pytest.mark.grid(3)
@both
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("factor", [1e6, 1e-300, 1e300, 0.8e308])
def test_a_common_factor_does_not_count(make, y, factor, dtype):
    rows = {"X_val": X[:20], "y_val": y[:20], "sample_weight_val": WEIGHT[:20]}
    one = make(dtype=dtype).fit(X, y, WEIGHT, **rows)
    rows["sample_weight_val"] = factor * WEIGHT[:20]
    other = make(dtype=dtype).fit(X, y, factor * WEIGHT, **rows)
    rtol = 1e-9 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(other.parameters_.vector, one.parameters_.vector, rtol=rtol)
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=rtol)
    np.testing.assert_allclose(other.validation_loss_curve_, one.validation_loss_curve_, rtol=rtol)
    np.testing.assert_allclose(
        other.score(X, y, factor * WEIGHT), one.score(X, y, WEIGHT), rtol=rtol
    )
    error = np.array([1.0, 3.0], dtype=dtype)
    mean = losses.mae(error, np.zeros(2, dtype), sample_weight=factor * np.array([1.0, 2.0]))
    assert mean == pytest.approx(7 / 3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_of_very_different_size_count_by_their_share(dtype):
    weight = np.where(np.arange(60) % 2, 1.0, 1e-300)
    for make, y in FITS:
        spoilt = make(dtype=dtype, batch_size=7).fit(X, y, weight)
        absent = make(dtype=dtype, batch_size=7).fit(X, y, (weight == 1.0).astype(float))
        np.testing.assert_allclose(spoilt.parameters_.vector, absent.parameters_.vector, rtol=1e-4)


@pytest.mark.parametrize("target", [1e6, 1e200, -1e300])
def test_an_absent_target_of_any_size_has_no_part_in_the_scale(target):
    weight = np.where(np.arange(60) == 5, 0.0, 1.0)
    model = MLPRegressor(**SMALL).fit(X, np.where(weight > 0, T, target), weight)
    kept = MLPRegressor(**SMALL).fit(X[weight > 0], T[weight > 0])
    assert model.target_scale_.spread == pytest.approx(kept.target_scale_.spread, rel=1e-12)
    np.testing.assert_allclose(model.target_scale_.center, kept.target_scale_.center)
    assert np.all(np.isfinite(model.parameters_.vector))
    assert model.stopped_because_ == "max_iter"


@both
def test_rows_of_weight_0_are_absent_from_scale_loss_and_gradient(make, y):
    weight = (np.arange(60) % 2).astype(float)
    options = {"solver": "lbfgs", "alpha": 1e-2, "max_iter": 15}
    spoilt = np.where(weight > 0, y, y[::-1] if y is SIDE else 1e6)
    weighted = make(**options).fit(X, spoilt, weight)
    kept = make(**options).fit(X[1::2], y[1::2])
    np.testing.assert_allclose(weighted.parameters_.vector, kept.parameters_.vector, rtol=1e-6)
    assert weighted.loss_ == pytest.approx(kept.loss_, rel=1e-9)


def test_whole_weights_are_repeated_rows():
    times = generator.integers(1, 4, size=60)
    options = {"solver": "lbfgs", "alpha": 1e-2, "max_iter": 15}
    for make, y in FITS:
        weighted = make(**options).fit(X, y, times)
        repeated = make(**options).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
        np.testing.assert_allclose(
            weighted.parameters_.vector, repeated.parameters_.vector, rtol=1e-6
        )


def test_one_rule_for_loss_curve_and_metric():
    weight = np.r_[np.full(30, 100.0), np.ones(30)]
    model = MLPRegressor(**SMALL | {"learning_rate_init": 1e-300, "max_iter": 1, "batch_size": 30})
    model.fit(X, T, weight)
    by_hand = np.average((model.predict(X) - T) ** 2, weights=weight)
    assert model.loss_ == pytest.approx(by_hand, rel=1e-9)
    assert losses.mae([4.0, 7.0], [5.0, 9.0], sample_weight=[0.0, 3.0]) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("loss", "y", "rule"),
    [
        ("binary_cross_entropy", [0, 2], r"y must be in \[0, 1\] for binary_cross_entropy; got 2"),
        ("categorical_cross_entropy", [[0.5, 1.5]], r"y must be in \[0, 1\].*; got 1.5"),
        ("poisson", [1, -3], "y must be finite and >= 0 for poisson; got -3"),
        ("mse", [np.nan, 1], "y must be finite for mse; got nan"),
    ],
)
def test_every_loss_names_the_domain_of_its_targets(loss, y, rule):
    p = np.full(np.shape(y), 0.5)
    with pytest.raises(InputError, match=rule):
        losses[loss](p, y)
