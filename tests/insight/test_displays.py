"""Displays: the artists hold the numbers, and nothing is imported before one draws."""

import subprocess
import sys

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, Network, Objective
from chainrule.foundation.errors import InputError
from chainrule.insight.displays import (
    GradientNoiseDisplay,
    HealthDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    WeightsDisplay,
)
from chainrule.insight.gradient_noise import gradient_noise
from chainrule.insight.subject import Subject

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def closed_figures():
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 5))
    return X, np.where(X[:, 0] + X[:, 1] > 0.0, "yes", "no")


@pytest.fixture(scope="module")
def model(data):
    return MLPClassifier(
        (8, 4), random_state=0, max_iter=30, early_stopping=True, n_iter_no_change=100,
        learning_rate_init=0.01, engine="reference", learning_rate="cosine",
    ).fit(*data)  # fmt: skip


def drawn(display):
    """Render, so that a picture that cannot be drawn is found."""
    display.figure_.canvas.draw()
    return display


def test_loss_curves(model):
    display = drawn(LossCurveDisplay.from_estimator(model))
    np.testing.assert_array_equal(display.line_.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(
        display.validation_line_.get_ydata(), model.validation_loss_curve_
    )
    best = 1 + int(np.argmax(model.validation_scores_))
    assert display.best_.get_xdata()[0] == best
    assert display.ax_.get_ylabel() == "binary cross entropy"
    assert f"kept: epoch {best}" in [text.get_text() for text in display.ax_.get_legend().texts][2]


def test_loss_curves_mark_the_epoch_that_a_scorer_chose(data):
    scores = iter([0.1, 0.9, 0.2, 0.3, 0.4])
    model = MLPClassifier(
        (4,), random_state=0, max_iter=5, early_stopping=True, learning_rate="cosine",
        engine="reference", monitor=lambda estimator, X, y: next(scores),
    ).fit(*data)  # fmt: skip
    assert np.argmin(model.validation_loss_curve_) == 4
    display = drawn(LossCurveDisplay.from_estimator(model))
    assert display.best_.get_xdata()[0] == 2


def test_loss_curve_without_validation(closed_figures):
    _, ax = closed_figures.subplots()
    display = drawn(LossCurveDisplay([4.0, 2.0, 0.1]).plot(ax))
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.validation_line_ is display.best_ is None
    assert ax.get_yscale() == "log"
    assert len(closed_figures.get_fignums()) == 1


def test_health(model, data):
    display = drawn(HealthDisplay.from_estimator(model, *data))
    layers = display.health.layers
    for kind, values in (
        ("dead", [len(one.dead) / one.units for one in layers]),
        ("saturated", [one.saturated for one in layers]),
        ("gradient share", [one.gradient_share for one in layers]),
    ):
        widths = [bar.get_width() for bar in display.bars_[kind]]
        np.testing.assert_allclose(widths, 100.0 * np.array(values))
    assert [text.get_text().split(";")[0] for text in display.verdicts_] == [
        one.verdict for one in layers
    ]


def test_gradient_noise(model, data):
    display = drawn(
        GradientNoiseDisplay.from_estimator(model, *data, batch_sizes=(8, 32, 128), draws=5)
    )
    noise = display.noise
    points = display.measured_.lines[0].get_ydata()
    np.testing.assert_allclose(points, [one.error for one in noise.measured])
    ends = display.law_.get_ydata()
    np.testing.assert_allclose(ends[[0, -1]], [noise.relative_error(8), noise.relative_error(128)])
    if 8 <= noise.noise_scale <= 128:
        assert display.scale_.get_xdata()[0] == noise.noise_scale
    network = Network.of_widths([5, 1])
    subject = Subject.of(Objective(network, "mse"), network.start(0), data[0], data[0][:, 0])
    with pytest.raises(InputError, match="noise must be one with measured errors"):
        GradientNoiseDisplay(gradient_noise(subject, draws=0))


@pytest.mark.slow
def test_learning_rates(data, closed_figures):
    X, _ = data
    regressor = MLPRegressor(
        hidden_layer_sizes=(4,), random_state=0, max_iter=20, engine="reference",
        learning_rate="cosine",
    ).fit(X, X[:, 0])  # fmt: skip
    display = drawn(
        LearningRateDisplay.from_estimator(
            regressor, X, X[:, 0], rates=[1e-4, 0.05, 1e3], steps=20, engine="reference"
        )
    )
    assert len(display.lines_) == 3
    good = display.report.runs[1]
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), good.losses)
    labels = [line.get_label() for line in display.lines_]
    assert labels[0] == "0.0001: too small"
    assert labels[2].startswith("1000: diverged at step ")
    _, ax = closed_figures.subplots()
    drawn(display.plot_range(ax))
    assert display.ax_ is ax
    np.testing.assert_array_equal(display.range_line_.get_xdata(), display.report.test.rates)
    assert display.band_.get_x() == pytest.approx(display.report.test.low)


@pytest.mark.slow
def test_weights(model, closed_figures):
    display = drawn(WeightsDisplay.from_estimator(model))
    assert len(display.images_) == len(display.axes_) == 3
    for image, weight in zip(display.images_, model.coefs_, strict=True):
        np.testing.assert_array_equal(image.get_array(), weight)
        low, high = image.get_clim()
        assert high == -low == np.abs(weight).max()
    _, axes = closed_figures.subplots(1, 3)
    assert WeightsDisplay(model.coefs_).plot(axes).ax_ is axes[0]
    with pytest.raises(InputError, match="ax must be one axes per layer"):
        WeightsDisplay(model.coefs_).plot(axes[:2])


def test_undrawable_parts_are_named(data):
    with pytest.raises(InputError, match="estimator must be fitted; MLPClassifier has no loss_cu"):
        LossCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(InputError, match="estimator must be an estimator of chainrule"):
        HealthDisplay.from_estimator(object(), *data)


@pytest.mark.slow
def test_matplotlib_is_imported_where_one_draws():
    code = (
        "import sys, chainrule, chainrule.insight.displays;"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'matplotlib']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
