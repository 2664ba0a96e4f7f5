"""Streamed rows: every row once per pass, in an order of (seed, epoch); the bits of memory."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from chainrule import Dense, Network, Objective, TrainingState, losses, optimizers
from chainrule.engines.choice import choose_engine
from chainrule.engines.engine import Rows
from chainrule.engines.resources import Resources
from chainrule.training.batches import windows_of
from chainrule.training.loop import train_rows
from chainrule.training.monitor import Watch
from chainrule.training.preparing import StepOptions
from chainrule.training.windows import StreamedRows, mean_loss

SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(sum)


def numbered(n):
    """Return rows whose input, target and weight are their number, from 1."""
    number = np.arange(1.0, n + 1.0).reshape(-1, 1)
    return Rows(number, number.copy(), number[:, 0].copy())


def streamed(rows, sizes, window_rows):
    edges = np.concatenate([[0], np.cumsum(sizes)])

    def load(i):
        part = slice(edges[i], edges[i + 1])
        weight = None if rows.weight is None else rows.weight[part]
        return Rows(rows.x[part], rows.y[part], weight)

    return StreamedRows(load, np.asarray(sizes), window_rows, rows)


def passed(rows, batch_size, seed=3, epoch=1, shuffle=True):
    """Return the batches of a pass, as numbers of rows."""
    batches = []
    for window in windows_of(rows, seed, epoch, batch_size, shuffle):
        x, y, weight = window.rows.take(window.order)
        assert np.array_equal(x, y)
        assert np.array_equal(x[:, 0], weight)
        numbers = x[:, 0].astype(int).tolist()
        batches += [numbers[at : at + batch_size] for at in range(0, len(numbers), batch_size)]
    return batches


@settings(deadline=None)
@given(SIZES, st.integers(1, 60), st.integers(1, 20), st.booleans())
def test_every_row_once(sizes, window_rows, batch_size, shuffle):
    n = sum(sizes)
    batches = passed(streamed(numbered(n), sizes, window_rows), batch_size, shuffle=shuffle)
    flat = [row for batch in batches for row in batch]
    assert sorted(flat) == list(range(1, n + 1))
    assert shuffle or flat == sorted(flat)
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 0 < len(batches[-1]) <= batch_size


@settings(deadline=None)
@given(SIZES, st.integers(1, 20))
def test_a_window_of_all_rows_has_the_order_of_memory(sizes, batch_size):
    rows = numbered(sum(sizes))
    assert passed(streamed(rows, sizes, len(rows)), batch_size) == passed(rows, batch_size)


def test_the_order_depends_on_seed_and_epoch_alone():
    rows = streamed(numbered(40), [5] * 8, 11)
    first = passed(rows, 4)
    assert first == passed(rows, 4)
    sequence = [row for batch in first for row in batch]
    assert sequence == [row for batch in passed(rows, 7) for row in batch]
    assert first != passed(rows, 4, epoch=2)
    assert first != passed(rows, 4, seed=4)


@pytest.mark.parametrize("seed", range(5))
def test_each_window_takes_blocks_from_everywhere(seed):
    rows = streamed(numbered(300), [5] * 60, 75)
    groups = rows.groups(seed, 0)
    assert len(groups) == 4
    for group in groups:
        assert sorted(group // 4) == list(range(15))
    assert [group.tolist() for group in rows.groups(seed, 1)] != [g.tolist() for g in groups]


def test_sparse_rows_stay_sparse():
    rows = numbered(20)
    rows = Rows(sparse.csr_matrix(rows.x), rows.y, rows.weight)
    found = []
    for window in windows_of(streamed(rows, [5] * 4, 10), 0, 0, 3):
        assert hasattr(window.rows.x, "tocsr")
        found += window.rows.take(window.order)[1][:, 0].tolist()
    assert sorted(found) == list(range(1, 21))


RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(300, 4)).astype(np.float32)
Y = (X @ RANDOM.normal(size=(4, 1)) + 0.1).astype(np.float32)
ROWS = Rows(X, Y, np.linspace(0.5, 1.5, 300).astype(np.float32))


def trained(rows, engine="auto", n_threads=None, epochs=3):
    network = Network(Dense(4, 6, "tanh"), Dense(6, 1))
    objective, rule = Objective.with_strengths(network, "mse", l2=0.01), optimizers.get("adam")
    chosen = choose_engine(engine, objective, rule, Resources(n_threads))
    state = TrainingState.start(network, rule, seed=1, dtype=np.float32)
    run = train_rows(chosen, rows, state, StepOptions(0.01, 32), Watch(patience=9), epochs=epochs)
    curve = []
    while True:
        try:
            curve.append(next(run).loss)
        except StopIteration as end:
            return [*curve, end.value.loss, *state.vector.tolist()], mean_loss(
                chosen, state.vector, rows
            )


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_training_has_the_bits_of_memory(engine):
    streams = streamed(ROWS, [70, 0, 130, 100], 300)
    assert trained(streams, engine) == trained(ROWS, engine)


@pytest.mark.grid(2)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_several_windows_learn_alike(n_threads):
    found, loss = trained(streamed(ROWS, [50] * 6, 100), n_threads=n_threads, epochs=40)
    assert (found, loss) == trained(streamed(ROWS, [50] * 6, 100), n_threads=1, epochs=40)
    whole = trained(ROWS, epochs=40)[1]
    assert loss == pytest.approx(whole, rel=0.3)


class Failing:
    """Blocks of which one cannot be read."""

    def __init__(self, error):
        self.error = error

    def __call__(self, i):
        if i == 3:
            raise self.error
        return Rows(X[:50], Y[:50])


@pytest.mark.parametrize("error", [ValueError("damaged"), MemoryError("none left")])
def test_errors_of_the_reading_thread_arrive_and_the_state_is_as_before(error):
    rows = StreamedRows(Failing(error), np.full(5, 50), 100, ROWS)
    network = Network(Dense(4, 1))
    objective, rule = Objective(network, losses.get("mse")), optimizers.get("sgd")
    state = TrainingState.start(network, rule, seed=1, dtype=np.float32)
    before = state.vector.copy()
    run = train_rows(
        choose_engine("auto", objective, rule), rows, state, StepOptions(0.01, 32), epochs=1
    )
    with pytest.raises(type(error), match=str(error)):
        next(run)
    assert np.array_equal(state.vector, before)
    assert (state.step, state.epoch) == (0, 0)
    assert not [one for one in threading.enumerate() if one.name.startswith("chainrule-reader")]


def test_a_pass_that_is_left_ends_its_thread():
    windows = windows_of(streamed(numbered(40), [5] * 8, 11), 0, 0, 4)
    next(windows)
    windows.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("chainrule-reader")]
