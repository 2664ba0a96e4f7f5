"""Health: each verdict on data made to earn it, and none on data made not to."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from chainrule import Dense, Network, Objective, Parameters, activations, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.foundation.errors import InputError
from chainrule.insight.health import health, next_update
from chainrule.insight.layer_verdicts import slopes_of
from chainrule.insight.records import TrainingRecord
from chainrule.insight.subject import Subject
from chainrule.training.state import TrainingState


def problem(network=None, n=500, parameters=None, x=None, **more):
    random = np.random.default_rng(3)
    network = Network.of_widths([6, 16, 8, 1], "tanh") if network is None else network
    x = random.normal(size=(n, network.n_in)) if x is None else x
    y = np.asarray(x[:, 0] * 1.0 - x[:, 1]).ravel()
    start = network.start(0) if parameters is None else parameters
    return Subject.of(Objective(network, "mse"), start, x, y, **more)


def kinds(found):
    return [(one.kind, one.layer) for one in found.all_findings]


# the exponential of an exponential is not fine, and is not said to be
@pytest.mark.parametrize("name", [name for name in activations if name != "exponential"])
def test_a_fresh_network_on_scaled_data_is_fine(name):
    found = health(problem(Network.of_widths([6, 16, 8, 1], name)))
    assert found.fine
    assert [one.verdict for one in found.layers] == ["fine"] * 3


def test_numbers_are_those_of_the_formulas():
    subject = problem(n=5000)
    found = health(subject)
    _, gradient = subject.engine.gradient(subject.vector, subject.rows)
    p = subject.parameters
    a1 = np.tanh(subject.rows.x @ p.weights[0] + p.biases[0])
    a2 = np.tanh(a1 @ p.weights[1] + p.biases[1])
    layers = subject.objective.network.parameters(gradient)
    for one, a, slope, dw in zip(
        found.layers, (a1, a2), (1 - a1**2, 1 - a2**2), layers.weights, strict=False
    ):
        assert one.mean == pytest.approx(a.mean(), rel=1e-10)
        assert one.spread == pytest.approx(a.std(), rel=1e-10)
        assert one.saturated == np.mean(slope < 0.01)
        assert one.gradient_norm == pytest.approx(np.linalg.norm(dw), rel=1e-10)
    assert sum(one.gradient_share for one in found.layers) == pytest.approx(1.0)
    first = gradient[: 6 * 16 + 16]
    share = first @ first / (gradient @ gradient)
    assert found.layers[0].gradient_share == pytest.approx(share, rel=1e-10)


@pytest.mark.parametrize("clip_norm", [None, 0.01])
@pytest.mark.parametrize("name", optimizers)
def test_update_is_the_step_that_training_makes(name, clip_norm):
    optimizer = optimizers.get(name, weight_decay=0.1, clip_norm=clip_norm)
    subject = problem(n=40)
    engine = ReferenceEngine(subject.objective, optimizer)
    state = TrainingState.start(subject.objective.network, optimizer, parameters=subject.parameters)
    rates, order = np.array([0.01]), np.arange(40)
    for _ in range(3):
        engine.epoch(state, subject.rows, order, 40, rates, np.inf)
    looked = replace(
        subject,
        vector=state.vector.copy(),
        optimizer=optimizer,
        slots=tuple(slot.copy() for slot in state.slots),
        step=state.step,
        learning_rate=0.01,
    )
    _, gradient = engine.gradient(looked.vector, looked.rows)
    update = next_update(looked, gradient)
    found = health(looked)
    before = state.vector.copy()
    engine.epoch(state, subject.rows, order, 40, rates, np.inf)
    np.testing.assert_allclose(update, state.vector - before, rtol=1e-9, atol=1e-15)
    change = subject.objective.network.parameters(state.vector - before).weights[1]
    ratio = np.linalg.norm(change) / np.linalg.norm(looked.parameters.weights[1])
    assert found.layers[1].update_ratio == pytest.approx(ratio, rel=1e-9)


def test_dead_units_are_counted_and_named():
    network = Network.of_widths([6, 16, 1], "relu")
    start = network.start(0)
    start.biases[0][[1, 4, 5, 6, 7, 8, 9, 10, 15]] = -1000.0
    one = health(problem(network, parameters=start)).layers[0]
    assert one.dead == (1, 4, 5, 6, 7, 8, 9, 10, 15)
    assert one.verdict == ("9 of 16 relu units are 0 on all 500 rows: 56 % dead, more than 25 %")
    start.biases[0][[4, 5, 6, 7, 8]] = 0.0  # 4 of 16 is not more than 25 %
    assert health(problem(network, parameters=start)).fine


def test_a_unit_that_lives_on_one_row_is_not_dead():
    network = Network.of_widths([2, 1, 1], "relu")
    start = Parameters.from_arrays([[[1.0], [0.0]], [[1.0]]], [[0.0], [0.0]])
    x = np.full((300, 2), -1.0)
    x[200, 0] = 1e-3
    assert health(problem(network, parameters=start, x=x)).layers[0].dead == ()
    x[200, 0] = 0.0
    assert health(problem(network, parameters=start, x=x)).layers[0].dead == (0,)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_saturated_units(name):
    network = Network.of_widths([6, 16, 1], name)
    start = network.start(0)
    start.weights[0][...] *= 300.0
    found = health(problem(network, parameters=start))
    (finding,) = found.layers[0].findings
    assert finding.kind == "saturated"
    percent = f"{100 * found.layers[0].saturated:.0f} %"
    assert finding.words == (
        f"saturated: {percent} of slopes are under 1 % of the largest, more than 50 %"
    )


def test_slopes_are_measured_from_the_formula():
    assert slopes_of(activations.sigmoid).largest == pytest.approx(0.25)
    assert slopes_of(activations.softmax).largest == pytest.approx(0.25)
    assert slopes_of(activations.gelu).largest == pytest.approx(1.1289, abs=1e-4)
    assert slopes_of(activations.exponential).largest is None
    flat = {name: slopes_of(activations[name]).flat_sides for name in activations}
    assert flat["sigmoid"] == flat["tanh"] == 2
    assert flat["relu"] == flat["elu"] == flat["silu"] == flat["softplus"] == 1
    assert flat["linear"] == 0


def test_vanishing_gradients():
    network = Network.of_widths([6, *[8] * 6, 1], "sigmoid")
    found = health(problem(network))
    assert ("vanishing", 1) in kinds(found)
    assert ("vanishing", 7) not in kinds(found)
    assert "vanishing: its gradient per weight is 1/" in found.layers[0].verdict
    assert "of that of layer 7; less than 1/1000" in found.layers[0].verdict


def test_a_minimum_is_not_called_vanishing():
    network = Network(Dense(2, 1))
    at = Parameters.from_arrays([[[1.0], [-1.0]]], [[0.0]])
    assert health(problem(network, parameters=at)).fine


def test_too_large_a_step():
    found = health(problem(learning_rate=1.0))
    assert {kind for kind, _ in kinds(found)} == {"large update"}
    assert "of the weights, more than 10 %" in found.layers[0].verdict
    far = health(problem(learning_rate=5e4)).layers[0].verdict
    assert "times the weights, more than 10 %" in far
    assert health(problem(learning_rate=0.01)).fine


def test_scales_that_differ_are_named_with_their_numbers():
    x = np.random.default_rng(0).normal(size=(400, 6))
    x[:, 4] *= 20_000.0
    subject = replace(problem(x=x), input_names=("age", "b", "c", "d", "income", "f"))
    (finding,) = [one for one in health(subject).findings if one.kind == "scales"]
    sizes = np.sqrt(np.mean(x**2, axis=0))
    assert finding.words.startswith("income is ")
    assert f"({sizes[4]:,.0f} against " in finding.words
    assert "more than 100 times" in finding.words


def test_rare_flags_outliers_and_small_factors_are_not_scales():
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 4))
    x[:, 1] = 0.0
    x[7, 1] = 1.0  # a category that one row has
    x[11, 2] = 500.0  # one outlier
    x[:, 3] *= 30.0
    assert health(problem(Network.of_widths([4, 8, 1], "tanh"), x=x)).findings == ()


def test_constant_columns():
    x = np.random.default_rng(0).normal(size=(50, 8))
    x[:, [2, 5]] = (7.0, 0.0)
    (finding,) = health(problem(Network.of_widths([8, 4, 1], "tanh"), x=x)).findings
    assert finding.kind == "constant"
    assert finding.words == "2 of 8 features are constant (x3 is 7, x6 is 0)"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(value):
    start = Network.of_widths([6, 16, 8, 1], "tanh").start(0)
    start.weights[1][0, 0] = value
    found = health(problem(parameters=start))
    words = [one.words for one in found.findings]
    assert words == ["1 of 257 parameters are NaN or infinite"]
    assert "nan" in str(found)


def test_a_loss_that_is_not_finite():
    network = Network(Dense(2, 1))
    found = health(problem(network, parameters=network.parameters(np.full(3, 1e200))))
    assert ("not finite", None) in kinds(found)


def test_a_run_that_diverged():
    record = TrainingRecord(stopped_because="divergence", loss_curve=[1.0, 40.0])
    (finding,) = health(problem(training=record)).findings
    assert finding.kind == "diverged"
    assert finding.words.startswith("training diverged at learning rate 0.01, after losses 1, 40")
    record = TrainingRecord(stopped_because="max_iter", loss_curve=[1.0])
    assert health(problem(training=record)).fine


def test_absent_rows_do_not_count():
    network = Network.of_widths([2, 4, 1], "relu")
    x = np.random.default_rng(1).normal(size=(60, 2))
    more = np.vstack([x, np.full((5, 2), 1e6)])
    y = np.zeros(65)
    objective = Objective(network, "mse")
    some = health(Subject.of(objective, network.start(0), x, y[:60]))
    weight = np.repeat([1.0, 0.0], [60, 5])
    all_rows = health(Subject.of(objective, network.start(0), more, y, sample_weight=weight))
    assert all_rows.rows == 60
    assert all_rows.findings == some.findings == ()
    assert all_rows.layers[0].mean == pytest.approx(some.layers[0].mean, rel=1e-12)
    assert all_rows.layers[0].dead == some.layers[0].dead


def test_sparse_rows_say_the_same():
    x = np.random.default_rng(0).normal(size=(300, 6))
    x[np.random.default_rng(1).uniform(size=x.shape) < 0.6] = 0.0
    x[:, 5] = 0.0
    subject = problem(x=x)
    thin = replace(subject, rows=Rows(sparse.csr_array(x), subject.rows.y))
    assert str(health(thin)) == str(health(subject))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows():
    network = Network.of_widths([784, 128, 64, 10], "relu")
    x = np.random.default_rng(0).integers(0, 255, size=(12_000, 784), dtype=np.uint8)
    y = np.arange(12_000) % 10
    objective = Objective(network, "categorical_cross_entropy")
    subject = Subject.of(objective, network.start(0, "float32"), x, y)
    peaks = []
    for n in (6_000, 12_000):
        part = replace(subject, rows=Rows(subject.rows.x[:n], subject.rows.y[:n]))
        tracemalloc.start()
        assert health(part).rows == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.25 * peaks[0]  # the last block may be longer
    assert peaks[1] < 80e6


@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_table_as_a_frame(frames):
    pytest.importorskip(frames)
    found = health(problem())
    frame = found.to_frame(frames)
    assert type(frame).__module__.startswith(frames)
    assert list(frame["layer"]) == [1, 2, 3]
    assert list(frame["verdict"]) == ["fine"] * 3
    assert list(frame["gradient_norm"]) == [one.gradient_norm for one in found.layers]


def test_text_and_dictionary_hold_the_numbers():
    found = health(problem(Network.of_widths([6, 4, 1], "exponential")))
    lines = str(found).splitlines()
    assert lines[0] == "health on 500 rows"
    assert lines[1].split()[:4] == ["layer", "activation", "units", "mean"]
    assert f"{found.layers[0].mean:.3g}" in lines[2]
    assert " - " in lines[2]  # its slope has no bound
    read = json.loads(json.dumps(found.to_dict()))
    assert read["layers"][1]["gradient_norm"] == found.layers[1].gradient_norm
    with pytest.raises(InputError, match="library must be 'pandas', 'polars' or None; got 'dask'"):
        found.to_frame("dask")
