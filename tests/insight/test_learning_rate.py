"""Learning rates: verdicts on descents whose limits are known, the range test, the curvature."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Dense, Network, Objective, Parameters, train
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError
from chainrule.insight.curvature import curvature_at
from chainrule.insight.learning_rate import learning_rate_report, range_test
from chainrule.insight.setting import Problem, RunOptions, setting_of
from chainrule.insight.subject import Subject

X, Y = [[1.0], [2.0], [3.0], [4.0]], [3.0, 6.0, 9.0, 12.0]
ZERO = Parameters.from_arrays([[[0.0]]], [[0.0]])
# 2 / the largest eigenvalue of [[15, 5], [5, 2]]
BOOK_LIMIT = 0.11975610662865498


def line(rates, **more):
    options = {"start": ZERO, "batch_size": 4, "rates": rates, "engine": "reference"} | more
    return learning_rate_report(Network(Dense(1, 1)), "mse", X, Y, **options)


def test_the_books_line():
    report = line([0.0001, 0.01, 0.1, 0.13, 1.0])
    assert [run.verdict for run in report.runs] == [
        "too small",
        "good",
        "good",
        "diverged at step 1",
        "diverged at step 1",
    ]
    # the book's own run at 0.1
    at_01 = report.runs[2]
    np.testing.assert_allclose(at_01.losses[:4], [67.5, 30.375, 13.7025, 6.2130375], rtol=1e-12)
    assert "the loss fell from 67.5 to" in report.runs[0].why
    assert "% of the fall at" in report.runs[0].why
    assert report.curvature.stable_limit == pytest.approx(BOOK_LIMIT, rel=1e-6)
    assert report.best.verdict == "good"


def test_the_limit_is_the_limit():
    report = line([0.999 * BOOK_LIMIT, 1.001 * BOOK_LIMIT], steps=400)
    below, above = report.runs
    assert below.losses[-1] < below.losses[200] < below.losses[0]
    assert above.losses[-1] > above.losses[200]
    assert below.cosine < -0.99


def test_steps_that_undo_each_other_oscillate():
    report = line([0.0001, 0.05, 0.1, 0.99 * BOOK_LIMIT], steps=20)
    tiny, middle, large, last = report.runs
    assert (tiny.verdict, middle.verdict) == ("too small", "good")
    assert large.verdict == "good"
    turning = line([0.01, 0.1], steps=10).runs[1]
    assert turning.verdict == "good"
    assert "its steps turn back (mean cosine -" in turning.why
    assert last.verdict == "oscillates"
    assert last.why.startswith("each step turns back (mean cosine -1.00)")


def test_a_loss_that_goes_up_and_down_oscillates():
    # abs has the same slope however near its minimum: a large step jumps across it for ever
    report = learning_rate_report(
        Network(Dense(1, 1, bias=False)), "mae", [[1.0]], [1.0],
        start=Parameters.from_arrays([[[0.0]]], [None]), rates=[0.001, 0.01, 0.03, 0.8],
        engine="reference",
    )  # fmt: skip
    assert [run.verdict for run in report.runs] == ["too small", "good", "good", "oscillates"]
    assert "the loss goes up and down by 0.4 a step" in report.runs[-1].why


def test_where_a_run_diverged():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 3)), random.normal(size=64)
    report = learning_rate_report(
        Network.of_widths([3, 8, 1], "tanh"),
        "mse",
        x,
        y,
        rates=[0.01, 1e4],
        batch_size=64,
        engine="reference",
    )
    last = report.runs[-1]
    step = last.diverged_at
    assert last.verdict == f"diverged at step {step}"
    assert all(not loss <= last.losses[0] for loss in last.losses[step:])
    assert last.losses[step - 1] <= last.losses[0]
    assert "the loss rose from" in last.why


@pytest.mark.slow
def test_noise_at_a_tiny_rate_is_not_divergence():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(200, 3)), random.normal(size=200)
    for seed in range(4):
        report = learning_rate_report(
            Network.of_widths([3, 8, 1], "tanh"), "mse", x, y,
            rates=[1e-9, 1e-6, 1e-2], batch_size=2, seed=seed, engine="reference",
        )  # fmt: skip
        assert [run.verdict for run in report.runs[:2]] == ["too small", "too small"]


def test_no_rate_helps_at_a_minimum():
    at = Parameters.from_arrays([[[3.0]]], [[0.0]])
    report = line([0.001, 0.01], start=at)
    assert [run.verdict for run in report.runs] == ["none learns", "none learns"]
    assert report.best is None
    assert "no rate made the loss fall" in report.summary


def test_same_start_and_same_batches():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(100, 3)), random.normal(size=100)
    report = learning_rate_report(
        Network.of_widths([3, 4, 1], "tanh"),
        "mse",
        x,
        y,
        rates=[0.05, 0.05],
        batch_size=8,
        engine="reference",
    )
    assert report.runs[0].losses == report.runs[1].losses
    assert len(report.runs[0].losses) == report.steps + 1


def test_five_rates_by_default_around_the_subjects_own():
    network = Network.of_widths([1, 4, 1], "tanh")
    subject = Subject.of(
        Objective(network, "mse"), network.start(3), X, Y, learning_rate=0.02, batch_size=2
    )
    report = learning_rate_report(subject, engine="reference")
    rates = [run.learning_rate for run in report.runs]
    np.testing.assert_allclose(rates, [2e-4, 2e-3, 2e-2, 0.2, 2.0])
    assert report.batch_size == 2
    first = subject.engine.loss(network.start(0).vector, subject.rows)
    assert report.runs[0].losses[0] == pytest.approx(first, rel=1e-12)


def test_range_test_stops_and_its_band_learns():
    random = np.random.default_rng(2)
    x = random.normal(size=(400, 5))
    y = (x[:, 0] * x[:, 1] > 0.0).astype(float)
    network = Network.of_widths([5, 16, 1], "tanh")
    report = learning_rate_report(
        network, "binary_cross_entropy", x, y, optimizer="adam", engine="reference"
    )
    test = report.test
    assert test.stopped
    assert len(test.rates) == len(test.losses) == len(test.smooth) < 160
    assert np.all(np.diff(np.log(test.rates)) > 0.0)
    assert test.losses[-1] > 1.5 * report.runs[0].losses[0]
    assert 0.0 < test.low < test.high < test.rates[int(np.argmin(test.smooth))]
    losses = []
    for rate in (test.low / 100.0, (test.low * test.high) ** 0.5):
        epochs = train(
            network, x, y, loss="binary_cross_entropy", optimizer="adam", learning_rate=rate,
            epochs=20, engine="reference",
        )  # fmt: skip
        losses.append([epoch.loss for epoch in epochs][-1])
    assert losses[1] < 0.8 * losses[0]


def test_a_range_without_a_fall_has_no_band():
    start = Parameters.from_arrays([[[3.0]]], [[0.0]])
    options = RunOptions(start=start, engine="reference")
    setting = setting_of(Problem(Network(Dense(1, 1)), "mse", X, Y), options)
    test = range_test(setting)
    assert test.low is None
    assert "never fell" in test.summary
    with pytest.raises(InputError, match="low must be positive and below high"):
        range_test(setting, 1.0, 0.1)


@pytest.mark.slow
@settings(max_examples=15)
@given(seed=st.integers(0, 1000), l2=st.sampled_from([0.0, 0.2]), weighted=st.booleans())
def test_curvature_of_linear_regression_is_its_hessian(seed, l2, weighted):
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(12, 3)), random.normal(size=12)
    weight = random.uniform(0.1, 2.0, size=12) if weighted else np.ones(12)
    network = Network(Dense(3, 1))
    objective = Objective.with_strengths(network, "mse", l2=l2)
    subject = Subject.of(objective, network.start(seed), x, y, sample_weight=weight)
    design = np.hstack([x, np.ones((12, 1))])
    hessian = 2.0 * design.T @ (design * (weight / weight.sum())[:, None])
    hessian += l2 * np.diag([1.0, 1.0, 1.0, 0.0])
    g = subject.engine.gradient(subject.vector, subject.rows)[1]
    found = curvature_at(objective, subject.vector, subject.rows, iterations=200)
    assert found.along_gradient == pytest.approx(g @ hessian @ g / (g @ g), rel=1e-5)
    assert found.sharpest == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-3)
    assert found.limit == pytest.approx(2.0 / found.along_gradient)


def test_sharpest_bends_up_even_where_more_bends_down():
    random = np.random.default_rng(0)
    network = Network.of_widths([2, 4, 3], "tanh")
    objective = Objective(network, "categorical_cross_entropy")
    rows = Rows(random.normal(size=(30, 2)), np.eye(3)[random.integers(0, 3, 30)])
    vector = network.start(1).vector * 2.0
    engine = Subject(objective, vector, rows).engine

    def gradient(p):
        return engine.gradient(p, rows)[1]

    columns = [
        (gradient(vector + 1e-5 * e) - gradient(vector - 1e-5 * e)) / 2e-5
        for e in np.eye(len(vector))
    ]
    values = np.linalg.eigvalsh((np.array(columns) + np.array(columns).T) / 2.0)
    assert values[0] < 0.0 < values[-1]
    found = curvature_at(objective, vector, rows, iterations=300)
    assert found.sharpest == pytest.approx(values[-1], rel=1e-2)


def test_text_and_dictionary_hold_the_numbers():
    report = line([0.0001, 0.01])
    text = str(report)
    assert "0.0001" in text
    assert "too small" in text
    assert "sgd, 100 steps of 4 rows, same start, same batches" in text
    assert "range test: " in text
    assert "so it is stable below 0.12" in text
    read = json.loads(json.dumps(report.to_dict()))
    assert read["runs"][1]["verdict"] == "good"
    assert read["curvature"]["sharpest"] == report.curvature.sharpest


def test_invalid_comparisons_are_refused():
    network = Network(Dense(1, 1))
    with pytest.raises(InputError, match="rates must be positive and finite; got -1"):
        line([-1.0])
    with pytest.raises(InputError, match="steps must be at least 10; got 3"):
        line([0.1], steps=3)
    with pytest.raises(InputError, match="loss, x and y must be given with a Network"):
        learning_rate_report(network)
    subject = Subject.of(Objective(network, "mse"), ZERO, X, Y)
    with pytest.raises(InputError, match="must be left out with a Subject"):
        learning_rate_report(subject, "mse")
    with pytest.raises(InputError, match="model must be a Subject or a Network; got 'list'"):
        learning_rate_report([1])
    with pytest.raises(InputError, match="start must be parameters of the network"):
        learning_rate_report(subject, start=Network(Dense(2, 1)).start(0))
    with pytest.raises(InputError, match="start must give a finite loss; got inf"):
        line([0.1], start=Parameters.from_arrays([[[1e200]]], [[0.0]]))
