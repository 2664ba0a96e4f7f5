"""Cross-entropy, saturation and gradients through an estimator: the cases C14 to C22.

The same cases on the formulas themselves are in test_formulas_and_training.py.
"""

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, activations, losses
from chainrule.foundation.arrays import namespace

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
XP = namespace(np.zeros(1))


def one_score(scores, labels, dtype):
    """Return a classifier whose score for two classes is its one input."""
    x = np.asarray(scores, dtype=dtype).reshape(-1, 1)
    model = MLPClassifier((), max_iter=1, alpha=0.0, solver="sgd", momentum=0.0, warm_start=True)
    model.set_params(learning_rate_init=1e-30, shuffle=False, batch_size=len(x)).fit(x, labels)
    model.coefs_[0][:], model.intercepts_[0][:] = 1.0, 0.0
    return model.set_params(learning_rate_init=1.0), x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_c14_confident_logits_of_both_classes(dtype):
    model, x = one_score([40.0, -40.0], [0, 1], dtype)
    assert model.fit(x, [0, 1]).loss_ == 40.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_c16_a_saturated_wrong_answer_keeps_its_gradient(dtype):
    model, x = one_score([55.0, -55.0], [0, 1], dtype)
    model.fit(x, [0, 1])  # gradients 1 and -1: of the weight 55, of the bias 0
    assert model.coefs_[0][0, 0] == 1.0 - 55.0
    assert model.intercepts_[0][0] == 0.0


def test_c18_softmax_cannot_be_applied_twice(X, y3):
    with pytest.raises(ValueError, match="activation must name one function per hidden layer"):
        MLPClassifier((4,), ["relu", "softmax"]).fit(X, y3)
    model = MLPClassifier((), max_iter=1, solver="sgd", momentum=0.0, alpha=0.0, batch_size=60)
    start = model.set_params(learning_rate_init=1e-30, warm_start=True).fit(X, y3).coefs_[0].copy()
    p = model.predict_proba(X)
    model.set_params(learning_rate_init=1.0).fit(X, y3)
    expected = X.T @ (p - np.eye(3)[y3]) / 60
    np.testing.assert_allclose(start - model.coefs_[0], expected, rtol=1e-9, atol=1e-12)


def test_c19_softmax_of_huge_logits():
    rows = activations.softmax([[1e308, 0.0, -1e308], [1e308, 1e308, 1e308]])
    np.testing.assert_allclose(rows, [[1.0, 0.0, 0.0], [1 / 3] * 3], rtol=1e-15)
    largest = np.finfo(np.float64).max
    with np.errstate(all="ignore"):  # as every engine does
        value = losses.cce.value(XP, np.array([[largest, -largest]]), np.eye(2)[[0]])
    assert value.tolist() == [0.0]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_c21_half_precision_with_many_rows(engine):
    x, y = np.zeros((70_000, 1), np.float16), np.arange(70_000) % 2
    model = MLPClassifier((4,), max_iter=1, batch_size=10_000, engine=engine).fit(x, y)
    assert np.all(np.isfinite(model.parameters_.vector))
    assert model.loss_ == pytest.approx(np.log(2.0), rel=1e-2)
    three = MLPClassifier((4,), max_iter=1, batch_size=70_000, engine=engine)
    assert np.all(np.isfinite(three.fit(x, np.arange(70_000) % 3).predict_proba(x[:2])))


def test_c22_an_input_that_feeds_two_units_sums_over_both_paths():
    model = MLPRegressor(hidden_layer_sizes=(2,), activation="tanh", max_iter=2, random_state=0)
    model.fit([[0.7], [-0.3]], [0.2, 0.9])
    assert model.explain([[0.7], [-0.3]], [0.2, 0.9]).check(50).passed
