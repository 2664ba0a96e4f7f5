"""A loss whose link is the logarithm: the unit of its targets is a summand of the scores."""

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

from chainrule import MLPRegressor, load, losses, save_model
from chainrule.formulas.target_scale import Relative
from chainrule.insight.report.material import Material

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::chainrule.foundation.errors.NoEffectWarning",
)

generator = np.random.default_rng(3)
X = generator.normal(size=(80, 3))
RATES = np.exp(0.8 * X[:, 0] - 0.5 * X[:, 1])
Y = generator.gamma(4.0, RATES / 4.0)
TWO = np.c_[Y, 3.0 * Y[::-1]]
UNITS = (1e-4, 1e-3, 1e6)


def small(**options):
    usual = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.02}
    return MLPRegressor("poisson", **usual | {"max_iter": 60} | options)


@pytest.mark.grid(15)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_the_fit_does_not_depend_on_the_unit(solver, dtype, engine):
    # a long run of L-BFGS makes other choices after other roundings
    iterations = 15 if solver == "lbfgs" else 60
    options = {"solver": solver, "dtype": dtype, "engine": engine, "max_iter": iterations}
    near = {"float32": 1e-4, "float64": 1e-6}[dtype]
    one = small(**options).fit(X, Y)
    assert one.score(X, Y) > 0.4
    for unit in UNITS:
        other = small(**options).fit(X, unit * Y)
        assert other.score(X, unit * Y) == pytest.approx(one.score(X, Y), abs=near)
        assert other.n_iter_ == one.n_iter_
        np.testing.assert_allclose(other.predict(X), unit * one.predict(X), rtol=100 * near)
        np.testing.assert_allclose(
            other.loss_curve_, unit * np.array(one.loss_curve_), rtol=100 * near
        )


def test_several_columns_share_a_unit():
    one, other = small().fit(X, TWO), small().fit(X, 1e-4 * TWO)
    assert other.score(X, 1e-4 * TWO) == pytest.approx(one.score(X, TWO), abs=1e-6)
    assert other.target_scale_.spread == pytest.approx(1e-4 * TWO.mean(), rel=1e-12)


def test_loss_weights_and_predictions_are_in_the_users_unit():
    y = 1e-4 * Y
    model = small(learning_rate_init=1e-300, max_iter=1).fit(X, y)
    assert model.loss_ == pytest.approx(float(losses.poisson(model.predict(X), y)), rel=1e-9)
    assert 2.0 * model.loss_ == pytest.approx(mean_poisson_deviance(y, model.predict(X)), rel=1e-9)
    model = small(early_stopping=True).fit(X, y)
    hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0.0)
    by_hand = np.exp(hidden @ model.coefs_[1] + model.intercepts_[1])[:, 0]
    np.testing.assert_allclose(model.predict(X), by_hand, rtol=1e-12)
    assert max(model.validation_loss_curve_) < 1e-3


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_no_hidden_layer_is_the_generalized_linear_model(unit):
    weight = np.arange(80) % 3.0
    ours = small(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, tol=1e-10, max_iter=2000)
    ours.fit(X, unit * Y, weight)
    theirs = PoissonRegressor(alpha=0.0, solver="newton-cholesky", tol=1e-10)
    theirs.fit(X, unit * Y, weight)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, rtol=1e-4, atol=1e-5)
    assert ours.intercepts_[0][0] == pytest.approx(theirs.intercept_, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_training_goes_on_exactly(solver):
    options = {"solver": solver, "batch_size": 16}
    y = 1e-4 * Y
    long = small(max_iter=6, **options).fit(X, y)
    short = small(max_iter=3, warm_start=True, **options).fit(X, y).fit(X, y)
    assert short.parameters_.vector.tobytes() == long.parameters_.vector.tobytes()
    assert short.loss_curve_ == long.loss_curve_
    if solver != "lbfgs":
        steps = small(**options)
        for _ in range(6):
            steps.partial_fit(X, y)
        assert steps.parameters_.vector.tobytes() == long.parameters_.vector.tobytes()


def test_edited_weights_are_taken_over():
    model = small().fit(X, 1e-4 * Y)
    model.coefs_[-1][:] = 0.0
    model.intercepts_[-1][:] = np.log(42.0)
    model.set_params(learning_rate_init=1e-300).partial_fit(X, 1e-4 * Y)
    np.testing.assert_allclose(model.predict(X), 42.0, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2])
def test_a_model_file_and_an_ensemble_keep_the_unit(tmp_path, count):
    y = 1e-4 * Y
    model = small(n_estimators=count, n_threads=1).fit(X, y)
    assert model.score(X, y) > 0.4
    save_model(tmp_path / "rates.chainrule", model)
    loaded = load(tmp_path / "rates.chainrule")
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    loaded.set_params(learning_rate_init=1e-300).partial_fit(X, y)
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-9)


def test_the_explanation_says_what_was_done_and_reports_the_users_unit():
    y = 1e-4 * Y
    model = small().fit(X, y)
    explanation = model.explain(X, y)
    assert any("y here is y / 0.0001" in note for note in explanation.subject.notes)
    predictions = Material(explanation.subject).predictions
    np.testing.assert_allclose(np.sort(predictions.y[:, 0]), np.sort(y), rtol=1e-9)
    np.testing.assert_allclose(np.sort(predictions.p[:, 0]), np.sort(model.predict(X)), rtol=1e-9)
    assert predictions.losses.mean() == pytest.approx(losses.poisson(model.predict(X), y), rel=1e-9)


def test_targets_as_they_are():
    model = small(scale_target=False, learning_rate_init=1e-300, max_iter=1).fit(X, 1e-4 * Y)
    assert model.target_scale_ is None
    assert model.predict(X).mean() > 0.1  # the last bias begins at 0


@pytest.mark.parametrize("name", ["y", "y_val"])
def test_a_refusal_shows_the_users_number(name):
    wrong = 1e-4 * np.where(np.arange(80) == 7, -3.0, Y)
    given = {"y": wrong} if name == "y" else {"y": Y, "X_val": X, "y_val": wrong}
    message = rf"^{name} must be finite and >= 0 for poisson; got -0.0003\d*. It stands in row 7"
    with pytest.raises(ValueError, match=message):
        small().fit(X, **given)
    model = small(max_iter=2, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        model.fit(X, **given)


@pytest.mark.parametrize(
    ("y", "weight", "mean"),
    [
        ([[1.0], [3.0], [500.0]], [1.0, 1.0, 0.0], 2.0),
        ([[1.0, 3.0]], None, 2.0),
        ([[0.0], [0.0]], None, 1.0),
        ([[1e308], [1.5e308]], None, 1.25e308),
        ([[1e308, 1.6e308]], None, 1.3e308),
        ([[5e-324], [0.0], [0.0]], None, 5e-324),
    ],
)
def test_the_mean_of_any_targets(y, weight, mean):
    scale = Relative.of(np.array(y), None if weight is None else np.array(weight))
    assert scale.spread == pytest.approx(mean, rel=1e-12, abs=0.0)
    assert scale.center.tolist() == [0.0] * len(y[0])
    layer, bias = np.ones((2, len(y[0]))), np.linspace(-1.0, 1.0, len(y[0]))
    before = bias.copy()
    scale.fold(layer, bias)
    scale.unfold(layer, bias)
    np.testing.assert_allclose(bias, before, atol=1e-12)
    assert np.all(layer == 1.0)
