"""Ctrl-C at any moment, and going on: many short runs are one long run, bit for bit."""

import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor, optimizers
from chainrule.estimators import fitting
from chainrule.estimators.base import run_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GENERATOR = np.random.default_rng(34)
X = GENERATOR.normal(size=(90, 4))
LABELS = np.arange(90) % 3
T = X @ [2.0, -1.0, 0.5, 0.0] + GENERATOR.normal(size=90)
WEIGHT = GENERATOR.uniform(0.5, 2.0, size=90)
SMALL = {"hidden_layer_sizes": (6,), "random_state": 0, "batch_size": 16}
CURVES = ("loss_curve_", "penalty_curve_", "validation_loss_curve_", "validation_scores_")


def assert_same(model, other):
    np.testing.assert_array_equal(model.parameters_.vector, other.parameters_.vector)
    np.testing.assert_array_equal(model._run.state.vector, other._run.state.vector)
    for ours, theirs in zip(model._run.state.slots, other._run.state.slots, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for curve in CURVES:
        assert getattr(model, curve) == getattr(other, curve), curve
    assert model._run.state.patience == other._run.state.patience
    assert (model.t_, model._run.state.step) == (other.t_, other._run.state.step)
    assert (model.loss_, model.train_loss_) == (other.loss_, other.train_loss_)


SOLVERS = ["adam", "adamw", "rmsprop", "sgd", optimizers.get("sgd", momentum=0.0)]


@pytest.mark.grid(3)
@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: getattr(solver, "name", solver))
@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_starts_and_a_pickle_between_equal_one_run(solver, early_stopping):
    options = SMALL | {"solver": solver, "early_stopping": early_stopping, "tol": 0.0}
    model = MLPClassifier(warm_start=True, max_iter=3, **options).fit(X, LABELS, WEIGHT)
    model = pickle.loads(pickle.dumps(model))
    model.set_params(max_iter=1).fit(X, LABELS, WEIGHT).fit(X, LABELS, WEIGHT)
    model.set_params(max_iter=2).fit(X, LABELS, WEIGHT)
    assert_same(model, MLPClassifier(max_iter=7, **options).fit(X, LABELS, WEIGHT))


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "step", "adaptive"])
def test_schedules_go_on(schedule):
    options = SMALL | {"learning_rate": schedule, "n_iter_no_change": 2, "tol": 0.02}
    model = MLPRegressor(warm_start=True, max_iter=4, **options)
    for _ in range(3):
        model.fit(X, T)
    assert_same(model, MLPRegressor(max_iter=12, **options).fit(X, T))


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_planned_schedule_is_interrupted_and_goes_on_to_its_end(schedule):
    def interrupt(epoch):
        if epoch.number == 5:
            raise KeyboardInterrupt

    options = SMALL | {"learning_rate": schedule, "early_stopping": True}
    model = MLPRegressor(warm_start=True, callbacks=interrupt, max_iter=12, **options)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, T)
    model.set_params(max_iter=7, callbacks=None).fit(X, T)
    assert_same(model, MLPRegressor(max_iter=12, **options).fit(X, T))


def test_an_engine_is_kept_where_it_computes_the_same():
    model = MLPClassifier(warm_start=True, max_iter=2, **SMALL).fit(X, LABELS)
    engine = model._run.engine
    assert model.fit(X, LABELS)._run.engine is engine
    assert model.partial_fit(X, LABELS)._run.engine is engine
    for change in ({"engine": "reference"}, {"alpha": 0.1}, {"epsilon": 1e-7}, {"n_threads": 1}):
        model = MLPClassifier(warm_start=True, max_iter=2, **SMALL).fit(X, LABELS)
        engine = model._run.engine
        try:
            model.set_params(**change).fit(X, LABELS)
        except ValueError:
            continue  # an option that may not change between fits
        assert model._run.engine is not engine, change


PROGRAM = """
import pickle, sys, warnings
import numpy as np, chainrule
warnings.simplefilter("ignore")
generator = np.random.default_rng(5)
X = generator.normal(size=(8000, 30)).astype(np.float32)
y = generator.integers(0, 3, size=8000)
model = chainrule.MLPClassifier(
    (40,), random_state=0, max_iter=100000, early_stopping=True, n_iter_no_change=10**6,
    engine=sys.argv[1], warm_start=True,
    callbacks=lambda epoch: print(epoch.number, flush=True),
)
try:
    model.fit(X, y)
except KeyboardInterrupt:
    made = model.n_iter_
    assert made == len(model.loss_curve_) == len(model.validation_scores_) == model._run.state.epoch
    assert model.stopped_because_ == "interrupted"
    assert np.isfinite(model.predict_proba(X[:5])).all()
    model.set_params(max_iter=2, callbacks=None).fit(X, y)
    whole = chainrule.MLPClassifier(
        (40,), random_state=0, max_iter=made + 2, early_stopping=True, n_iter_no_change=10**6,
        engine=sys.argv[1],
    ).fit(X, y)
    assert np.array_equal(whole._run.state.vector, model._run.state.vector)
    assert np.array_equal(whole.parameters_.vector, model.parameters_.vector)
    assert whole.loss_curve_ == model.loss_curve_
    assert whole.validation_scores_ == model.validation_scores_
    print("whole")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_signal_in_the_midst_of_an_epoch(engine):
    """A real one, in a process of its own: the state is that of the last whole epoch."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, engine],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.strip() == "3":
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert out.split()[-1] == "whole"


class TestReproducibility:
    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_global_random_state_is_untouched(self, kind, solver, global_random_state):
        before = global_random_state()
        options = SMALL | {"random_state": None, "early_stopping": True, "max_iter": 2}
        options |= {"batch_size": "auto"}
        model = kind(solver=solver, **options).fit(X, LABELS)
        assert global_random_state() == before
        again = kind(solver=solver, **options | {"random_state": model.seed_}).fit(X, LABELS)
        np.testing.assert_array_equal(again.parameters_.vector, model.parameters_.vector)

    @pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
    def test_generators_give_the_next_seed(self, make):
        generator = make(3)
        one, two = (
            MLPRegressor(max_iter=2, **SMALL | {"random_state": generator}).fit(X, T)
            for _ in range(2)
        )
        assert one.seed_ != two.seed_
        again = MLPRegressor(max_iter=2, **SMALL | {"random_state": make(3)}).fit(X, T)
        np.testing.assert_array_equal(again.parameters_.vector, one.parameters_.vector)

    def test_a_refused_fit_and_a_warm_start_draw_no_other_seed(self):
        model = MLPRegressor(max_iter=2, warm_start=True, **SMALL)
        model.set_params(random_state=np.random.default_rng(3)).fit(X, T)
        seed, state = model.seed_, model.random_state.bit_generator.state
        model.fit(X, T)
        assert model.seed_ == seed
        assert model.random_state.bit_generator.state == state


@pytest.mark.parametrize("warm_start", [False, True])
def test_ctrl_c_before_the_first_epoch_leaves_the_fit_before(monkeypatch, warm_start, contents):
    x = np.random.default_rng(20).normal(size=(60, 3))
    y = (x[:, 0] > 0.0).astype(int)
    model = MLPClassifier((4,), max_iter=60, random_state=0, warm_start=warm_start).fit(x, y)
    before, predicted = contents(model), model.predict_proba(x).tobytes()

    def pressed(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("chainrule.training.loop.make_plan", pressed)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x[:30], np.where(y[:30] == 1, "yes", "no") if not warm_start else y[:30])
    assert contents(model) == before
    assert model.predict_proba(x).tobytes() == predicted


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"early_stopping": True}])
@pytest.mark.parametrize("place", ["before the record", "in the record"])
def test_a_signal_between_an_epoch_and_its_record_undoes_the_epoch(
    monkeypatch, options, place
) -> None:
    """The epoch is made and not recorded: parameters, counters and curves go back together."""
    X, y = np.arange(60.0).reshape(30, 2) % 7, np.arange(30) % 2
    model = MLPClassifier((3,), max_iter=9, random_state=0, engine="reference", **options)
    real, done = fitting.record, []

    def interrupted(*given):
        if len(done) == 4:
            if place == "in the record":
                model.n_iter_ += 1
                model.loss_curve_.append(0.0)
            raise KeyboardInterrupt
        real(*given)
        done.append(run_of(model).state.vector.copy())

    monkeypatch.setattr(fitting, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    state = run_of(model).state
    assert state.epoch == model.n_iter_ == len(model.loss_curve_) == len(model.penalty_curve_) == 4
    assert state.vector.tobytes() == done[-1].tobytes()
