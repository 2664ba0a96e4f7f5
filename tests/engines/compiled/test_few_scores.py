"""A few rows at once: the bits of a batch, live weights, and nothing that grows or is shared."""

import copy
import ctypes
import gc
import mmap
import os
import pickle
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from chainrule import Dense, MLPClassifier, Network
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.few_scores import COPIED, DIRECT_ROWS
from chainrule.engines.compiled.kinds import EntryPoint
from chainrule.engines.compiled.tables import BUILTIN
from chainrule.engines.compiled.threads import builtin_at
from chainrule.engines.reference import ReferenceScores
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError

NETWORK = Network(Dense(11, 40, "gelu"), Dense(40, 9, "relu", bias=False), Dense(9, 3))
ROWS = np.random.default_rng(0).normal(size=(60, 11))
# more than are copied to a prepared place: COPIED numbers of 11 inputs and 3 scores a row
MANY = np.tile(ROWS, (COPIED // (11 + 3) // 60 + 1, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x_dtype", ["float32", "float64", ">f8", "float16", "int8", "bool"])
def test_a_row_has_the_bits_it_has_in_a_batch(dtype, x_dtype):
    parameters, x = NETWORK.start(0, dtype), (3 * MANY).astype(x_dtype)
    batch = NETWORK.predict(parameters, x)
    assert batch.dtype == dtype
    for rows in (1, 2, 7, 8, 9, DIRECT_ROWS, DIRECT_ROWS + 1, 100, 2000, len(x) - 60):
        for first in (0, 13, 51):
            part = slice(first, first + rows)
            np.testing.assert_array_equal(NETWORK.predict(parameters, x[part]), batch[part])
    formulas = NETWORK.forward(namespace(parameters.vector), parameters, x.astype(dtype))[0]
    np.testing.assert_allclose(
        batch, formulas, rtol=1e-3 if dtype == "float32" else 1e-10, atol=1e-5
    )


def test_rows_of_any_strides():
    parameters = NETWORK.start(0)
    batch = NETWORK.predict(parameters, ROWS)
    expected = batch[:3]
    for x in (
        np.asfortranarray(ROWS),
        np.repeat(ROWS, 2, axis=0)[::2],
        ROWS[:, ::-1].copy()[:, ::-1],
    ):
        np.testing.assert_array_equal(NETWORK.predict(parameters, x[:3]), expected)
        np.testing.assert_array_equal(NETWORK.predict(parameters, x), batch)
    np.testing.assert_array_equal(NETWORK.predict(parameters, ROWS[:3].tolist()), expected)
    assert NETWORK.predict(parameters, ROWS[:0]).shape == (0, 3)


def test_nan_stays_nan():
    parameters, x = NETWORK.start(0), ROWS[:2].copy()
    x[1, 4] = np.nan
    scores = NETWORK.predict(parameters, x)
    assert np.isfinite(scores[0]).all()
    assert np.isnan(scores[1]).all()


def test_edited_weights_count_at_once():
    one, other = NETWORK.start(0), NETWORK.start(1)
    for parameters in (one, other, one, other):
        parameters.weights[0][3, 5] += 0.25
        batch = NETWORK.predict(parameters, MANY)
        for rows in (1, 17):
            part = slice(4, 4 + rows)
            np.testing.assert_array_equal(NETWORK.predict(parameters, ROWS[part]), batch[part])
    assert not np.array_equal(
        NETWORK.predict(one, ROWS[:1]), NETWORK.predict(NETWORK.start(0), ROWS[:1])
    )


def test_a_vector_that_is_not_contiguous():
    parameters = NETWORK.start(0)
    spread = NETWORK.parameters(np.repeat(parameters.vector, 2)[::2])
    for rows in (1, 20, len(MANY)):
        np.testing.assert_array_equal(
            NETWORK.predict(spread, MANY[:rows]), NETWORK.predict(parameters, MANY[:rows])
        )


def test_answers_are_not_shared():
    parameters = NETWORK.start(0)
    first = NETWORK.predict(parameters, ROWS[:1])
    kept = first.copy()
    NETWORK.predict(parameters, ROWS[1:2])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("x", [ROWS[:1, :5], ROWS[0, :5], np.zeros((1, 11), complex)])
def test_other_shapes_and_kinds_are_refused_after_a_good_row(x):
    parameters = NETWORK.start(0)
    NETWORK.predict(parameters, ROWS[:1])
    with pytest.raises(InputError, match="must be of"):
        NETWORK.predict(parameters, x)


def test_without_machine_code_the_readable_engine_answers(monkeypatch):
    parameters = NETWORK.start(0)
    expected = NETWORK.predict(parameters, ROWS[:2])
    monkeypatch.setattr("chainrule.engines.registry.find_spec", lambda name: None)
    network = Network(*NETWORK.layers)
    for _ in range(2):
        np.testing.assert_allclose(network.predict(parameters, ROWS[:2]), expected, rtol=1e-10)
    (scorer,) = network._predictor._made.values()
    assert isinstance(scorer, ReferenceScores)


def test_copies_prepare_their_own_memory():
    network = Network(*NETWORK.layers)
    expected = network.predict(network.start(0), ROWS[:1])
    for other in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network), copy.copy(network)):
        assert other == network
        assert "_predictor" not in vars(other)
        np.testing.assert_array_equal(other.predict(network.start(0), ROWS[:1]), expected)


def test_kinds_and_numbers_of_rows_in_turn():
    start = {dtype: NETWORK.start(0, dtype) for dtype in ("float32", "float64")}
    batches = {
        (dtype, kind): NETWORK.predict(parameters, MANY.astype(kind))
        for dtype, parameters in start.items()
        for kind in ("float32", "float64")
    }
    for rows in (1, 20, 3, 1):
        for (dtype, kind), batch in batches.items():
            scores = NETWORK.predict(start[dtype], ROWS[:rows].astype(kind))
            np.testing.assert_array_equal(scores, batch[:rows])


@pytest.mark.skipif(os.name != "posix", reason="a mapped file cannot be cut elsewhere")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_read_beyond_the_weights(dtype, tmp_path):
    network, page = Network(Dense(9, 3, bias=False)), mmap.PAGESIZE
    with open(tmp_path / "weights", "w+b") as file:
        file.truncate(2 * page)
        pages = mmap.mmap(file.fileno(), 2 * page)
        offset = page - 27 * np.dtype(dtype).itemsize
        vector = np.frombuffer(pages, dtype, 27, offset)
        vector[:] = np.arange(27.0)
        file.truncate(page)  # from now on a look at the second page ends the process
        for rows in (1, 5, 20):
            x = np.ones((rows, 9), dtype)
            scores = network.predict(network.parameters(vector), x)
            np.testing.assert_array_equal(scores, x @ vector.reshape(9, 3))


@pytest.mark.slow
def test_a_builtin_keeps_what_it_needs():
    ran = []
    record = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)
    kernel = record(lambda job, _: ran.append(job) or job)
    run = builtin_at(EntryPoint(ctypes.cast(kernel, ctypes.c_void_p).value, BUILTIN), 1 << 40)
    gc.collect()
    assert run() == 1 << 40
    with pytest.raises(TypeError, match="takes no arguments"):
        run(1)
    assert ran == [1 << 40]
    del run
    gc.collect()


def test_threads_do_not_mix_their_rows():
    vectors = [NETWORK.start(seed) for seed in range(4)]
    expected = [NETWORK.predict(parameters, ROWS) for parameters in vectors]
    wrong = []

    def work(number):
        for turn in range(300):
            row = slice(turn % 60, turn % 60 + 1 + turn % 3 * 15)
            scores = NETWORK.predict(vectors[number], ROWS[row])
            if not np.array_equal(scores, expected[number][row]):
                wrong.append((number, turn))

    team = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert wrong == []


@pytest.mark.slow
def test_memory_does_not_grow():
    parameters, row = NETWORK.start(0), ROWS[:1]
    model = MLPClassifier((5,)).partial_fit(ROWS, np.arange(60) % 3, classes=[0, 1, 2])
    tracemalloc.start()
    try:
        for count in (100, 20_000):
            for _ in range(count):
                NETWORK.predict(parameters, row)
                model.predict(row)
            if count == 100:
                before = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - before < 10_000
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning")
def test_an_engine_is_freed_when_its_last_holder_is_gone():
    """Its buffers are as large as its batches: they must not wait for the garbage collector."""
    x = ROWS.astype(np.float64)
    gc.collect()
    gc.disable()
    try:
        model = MLPClassifier((8,), max_iter=2, random_state=0).fit(x, x[:, 0] > 0)
        model.predict(x[:1])
        engines = [one for one in gc.get_objects() if type(one) is CompiledEngine]
        watched = [weakref.ref(one) for one in engines if one.network.n_in == x.shape[1]]
        assert watched
        del model, engines
        gone = [one() is None for one in watched]
    finally:
        gc.enable()
    assert all(gone)
