"""Many networks at once: those of one shape are one program, with the results of each alone."""

import subprocess
import sys
import threading
import warnings
from concurrent.futures import CancelledError

import numpy as np
import pytest
import scipy.sparse

from chainrule import (
    Dense,
    InputError,
    MLPClassifier,
    MLPRegressor,
    Network,
    NoEffectWarning,
    Objective,
    TabularClassifier,
    TrainingState,
    optimizers,
    train,
    train_many,
)
from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Rows
from chainrule.engines.meeting import Meeting, current_meeting, met
from chainrule.foundation.side_by_side import side_by_side

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(75, 4))
Y = X[:, :2] * X[:, 2:]
NETWORK = Network(Dense(4, 9, "tanh"), Dense(9, 2))
# that of the contract of engines for steps, and what some hundred steps make of it
TOLERANCE = {"rtol": 0.0, "atol": 1e-12}


@pytest.fixture
def programs():
    """Return how many programs of several networks were compiled."""
    pytest.importorskip("jax")
    from chainrule.engines.jax_engine.programs import train_networks

    train_networks.clear_cache()  # other tests of this worker may have compiled the same
    return train_networks._cache_size


def alone(options, engine="reference", **common):
    """Return the losses and the parameters of a run on its own."""
    epochs = [
        (epoch.loss, np.array(epoch.parameters.vector))
        for epoch in train(NETWORK, X, Y, engine=engine, **common | options)
    ]
    return [loss for loss, _ in epochs], epochs[-1][1]


def compare(found, **common):
    for run in found:
        losses, vector = alone(run.options, **common)
        np.testing.assert_allclose(run.losses, losses, **TOLERANCE)
        np.testing.assert_allclose(run.epoch.parameters.vector, vector, **TOLERANCE)


@pytest.mark.slow
def test_a_grid_of_rates_and_penalties_is_one_program(programs):
    grid = [
        {"learning_rate": rate, "l2": l2, "l1": 1e-3, "seed": seed}
        for rate in (0.01, 0.002)
        for l2 in (0.1, 1e-3)
        for seed in (0, 5)
    ]
    common = {"optimizer": "adam", "epochs": 4, "batch_size": 16, "dropout": 0.2}
    found = train_many(NETWORK, X, Y, grid, engine="jax", **common)
    assert programs() == 1
    assert [run.options for run in found] == grid
    assert {run.ending.reason for run in found} == {"max_iter"}
    compare(found, **common)
    train_many(NETWORK, X, Y, grid[::-1], engine="jax", **common)  # and none for the same again
    assert programs() == 1


@pytest.mark.parametrize("engine", ["auto", "reference"])
def test_other_engines_train_them_on_their_threads(engine):
    grid = [{"learning_rate": rate} for rate in (0.1, 0.01, 0.001)]
    for n_threads in (1, 2):
        found = train_many(NETWORK, X, Y, grid, engine=engine, epochs=3, n_threads=n_threads)
        for run in found:
            losses, vector = alone(run.options, engine, epochs=3)
            assert run.losses == losses
            np.testing.assert_array_equal(run.epoch.parameters.vector, vector)


@pytest.mark.slow
def test_what_differs_in_shape_is_trained_beside_the_others(programs):
    runs = [
        {"batch_size": 16},
        {"batch_size": 16, "seed": 1},
        {"batch_size": 75},
        {"optimizer": "adam", "batch_size": 16},
    ]
    found = train_many(NETWORK, X, Y, runs, engine="jax", epochs=2, learning_rate=0.01)
    assert programs() == 1
    compare(found, epochs=2, learning_rate=0.01)


@pytest.mark.slow
def test_one_that_ends_earlier_leaves_the_others_their_program(programs):
    runs = [{"epochs": epochs, "seed": epochs} for epochs in (1, 2, 3, 4, 5, 6, 7, 8)]
    found = train_many(NETWORK, X, Y, runs, engine="jax", learning_rate=0.01)
    assert [len(run.losses) for run in found] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert programs() == 3  # of 8, 4 and 2 networks
    compare(found, learning_rate=0.01)


@pytest.mark.slow
def test_one_that_diverges_does_not_end_the_others():
    pytest.importorskip("jax")
    runs = [{"learning_rate": 0.01}, {"learning_rate": 1e6}, {"learning_rate": 0.02}]
    found = train_many(NETWORK, X, Y, runs, engine="jax", epochs=5)
    assert [run.divergence is None for run in found] == [True, False, True]
    assert str(found[1]).endswith("diverged")
    compare(found[::2], epochs=5)


def asked(lengths, steps=None):
    """Return calls of `Engine.epoch` on so many rows each, in batches of 16, and their starts."""
    pytest.importorskip("jax")
    from chainrule.engines.jax_engine.batches import Batches
    from chainrule.engines.jax_engine.courses import Course, Recipe
    from chainrule.engines.jax_engine.networks import Question

    objective, rows = Objective(NETWORK, "mse"), Rows(X, Y)
    engine = choose_engine("jax", objective, optimizers.adam)
    recipe, questions = Recipe.of(objective, optimizers.adam), []
    for length in lengths:
        start = TrainingState.start(NETWORK, optimizers.adam)
        order = np.arange(length)[::-1] % len(X)
        rates = np.full(-(-length // 16), 0.01)
        course = Course(recipe, start, Batches.of(order, 16, len(X)), rates, 1e6)
        true = TrainingState.start(NETWORK, optimizers.adam)
        reference = choose_engine("reference", objective, optimizers.adam)
        totals = reference.epoch(true, rows, order, 16, rates[:steps], 1e6)
        questions.append((Question(engine, course, rows), start, true, totals))
    return questions


@pytest.mark.slow
def test_networks_of_other_numbers_of_rows_make_their_own_steps():
    found = asked([75, 64, 5, 37])
    from chainrule.engines.jax_engine.networks import make_steps

    make_steps([question for question, *_ in found], {})
    for question, start, true, totals in found:
        np.testing.assert_allclose(question.course.totals, totals, rtol=1e-12)
        np.testing.assert_allclose(start.vector, true.vector, **TOLERANCE)
        assert start.step == true.step


@pytest.mark.grid(2)
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_stopped_keeps_the_steps_of_the_calls_that_were_made(count):
    found = asked([16 * 64] * count, steps=8)
    from chainrule.engines.jax_engine.networks import make_steps

    looks = iter([False, True])
    with pytest.raises(CancelledError):
        make_steps([question for question, *_ in found], {}, stopped=lambda: next(looks))
    for _, start, true, _ in found:
        assert start.step == true.step == 8
        np.testing.assert_allclose(start.vector, true.vector, **TOLERANCE)


@pytest.mark.slow
def test_ctrl_c_does_not_wait_for_the_epoch():
    pytest.importorskip("jax")
    program = """
import os, signal, threading, time, numpy as np
from chainrule import Network, train_many
from chainrule.engines.jax_engine import courses, networks
courses.CALL_SECONDS, made, calls = 1e-9, networks.train_networks, []
def counted(*arrays):
    calls.append(1)
    return made(*arrays)
networks.train_networks = counted
def interrupt():
    while len(calls) < 3:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
x = np.ones((300_000, 1))
try:
    train_many(Network.of_widths([1, 1]), x, x, [{"seed": 1}, {"seed": 2}], batch_size=1,
               epochs=1, engine="jax")
except KeyboardInterrupt:
    print(3 <= len(calls) < 300_000)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300
    )
    assert (ran.stdout, ran.stderr) == ("True\n", "")


@pytest.mark.slow
def test_sparse_rows_of_all_are_one_array_and_those_of_each_are_not_mixed():
    pytest.importorskip("jax")
    sparse = scipy.sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0.0))
    runs = [{"seed": 1}, {"seed": 2}]
    common = {"epochs": 2, "learning_rate": 0.01, "batch_size": 16}
    for x in (sparse, sparse.toarray()):
        found = train_many(NETWORK, x, Y, runs, engine="jax", **common)
        for run in found:
            *_, epoch = train(NETWORK, x, Y, engine="reference", **common | run.options)
            assert run.losses[-1] == pytest.approx(epoch.loss, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"early_stopping": True, "n_iter_no_change": 2}])
def test_the_networks_of_an_estimator_are_one_program(programs, options):
    y = (Y[:, 0] > 0.0).astype(int)
    usual = {
        "hidden_layer_sizes": (9,),
        "max_iter": 12,
        "batch_size": 16,
        "learning_rate_init": 0.01,
        "n_estimators": 4,
        "random_state": 0,
    }
    ends = []
    for engine in ("jax", "reference"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ends.append(MLPClassifier(engine=engine, **usual | options).fit(X, y))
    assert programs() <= (3 if options else 1)
    one, true = ends
    assert [member.n_iter_ for member in one.estimators_] == [
        member.n_iter_ for member in true.estimators_
    ]
    np.testing.assert_allclose(one.predict_proba(X), true.predict_proba(X), rtol=0, atol=1e-10)
    assert one.engine_ == "jax"


@pytest.mark.slow
def test_passes_of_an_ensemble_are_one_program(programs):
    usual = {"hidden_layer_sizes": (9,), "batch_size": 16, "n_estimators": 3, "random_state": 0}
    ends = [
        MLPRegressor(engine=engine, **usual).partial_fit(X, Y).partial_fit(X, Y)
        for engine in ("jax", "reference")
    ]
    assert programs() == 1
    np.testing.assert_allclose(ends[0].predict(X), ends[1].predict(X), rtol=0, atol=1e-10)


@pytest.mark.slow
def test_folds_of_a_table_are_one_program(programs):
    names = np.array(["down", "up"])[(X[:, 0] > 0.0).astype(int)]
    ends = [
        TabularClassifier(
            "fast", n_folds=3, options={"engine": engine, "max_iter": 3}, random_state=0
        ).fit(X, names)
        for engine in ("jax", "reference")
    ]
    assert programs() == 1
    found, true = (model.predict_proba(X) for model in ends)
    np.testing.assert_allclose(found, true, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "runs must be a list of dicts"),
        ({"l2": 1.0}, "runs must be a list of dicts"),
        ([{"l2": 1.0}, 3], "got 3 in place 1"),
        ([{"engine": "jax"}], "runs must share engine"),
        ([{"l2": 0.1}, {"l2": -1.0}], "strength must be at least 0"),
        ([{"seed": 1}, {"batch_size": 0}], "batch_size must be a positive integer"),
    ],
)
def test_runs_that_cannot_be_are_refused_before_any_step(runs, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error", NoEffectWarning)
        with pytest.raises(InputError, match=words):
            train_many(NETWORK, X, Y, runs)


def test_an_unknown_option_is_refused_by_python():
    with pytest.raises(TypeError, match="learning_rat"):
        train_many(NETWORK, X, Y, [{"learning_rat": 0.1}])


def test_threads_that_meet_are_answered_together():
    rounds = []

    def of_all(questions):
        rounds.append(sorted(questions))
        return [10 * question for question in questions]

    def work(number, stop):
        meeting = current_meeting()
        return [meeting.answer(number, of_all) for _ in range(number + 1)]

    assert side_by_side(met(work, 3, 3), 3, 3) == [[0], [10, 10], [20, 20, 20]]
    assert rounds == [[0, 1, 2], [1, 2], [2]]
    assert current_meeting() is None


def test_the_error_of_an_answer_is_everybodys():
    def of_all(questions):
        raise ZeroDivisionError

    def work(number, stop):
        with pytest.raises(ZeroDivisionError):
            current_meeting().answer(number, of_all)
        return number

    assert side_by_side(met(work, 3, 3), 3, 3) == [0, 1, 2]


def test_the_error_that_stopped_the_others_is_raised():
    both = threading.Barrier(2)

    def work(number, stop):
        both.wait()
        if number:
            raise ZeroDivisionError
        stop.wait()
        raise CancelledError

    with pytest.raises(ZeroDivisionError):
        side_by_side(work, 2, 2)


def test_nobody_waits_for_one_that_never_comes():
    stop, meeting = threading.Event(), Meeting(2)
    stop.set()
    with meeting.seat(stop):
        assert meeting.answer(1, lambda questions: [len(questions)]) == 1
