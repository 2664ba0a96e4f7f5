"""Inputs of every kind are read where they are, or converted a part at a time."""

import numpy as np
import pytest
import scipy.sparse

from chainrule import optimizers
from chainrule.engines.compiled import scoring
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.inputs import Inputs
from chainrule.engines.engine import Rows
from chainrule.foundation.errors import InputError

RULE = optimizers.get("sgd", momentum=0.9)


def answers(problems, objective, x, y, dtype):
    engine = CompiledEngine(objective, RULE, 1)
    rows = Rows(x, y)
    start = problems.position(objective.network, RULE, dtype)
    end, _ = problems.run(engine, rows, start, np.random.default_rng(0).permutation(len(y)), 16)
    vector = objective.network.start(1, dtype).vector
    loss, gradient = engine.gradient(vector, rows)
    return end.vector, engine.scores(vector, x), engine.loss(vector, rows), loss, gradient


def same(one, two):
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(scoring, "GRADIENT_ROWS", 64)


KINDS = ("f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "?", "f2", ">f4", ">i4", ">f8")


@pytest.mark.grid(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number(problems, small_parts, kind, dtype):
    objective, rows = problems.problem([21, 9, 2], "mse", 50, dtype)
    integers = np.random.default_rng(0).integers(0, 100, (50, 21))
    x = (integers > 50) if kind == "?" else integers.astype(kind)
    expected = answers(problems, objective, x.astype(dtype), rows.y, dtype)
    same(answers(problems, objective, x, rows.y, dtype), expected)


def test_large_integers_are_rounded_once(problems):
    x = np.array([[2**63 + 2**11, 2**53 + 1]], np.uint64)
    objective, _ = problems.problem([2, 2], "mse", 4, "float32")
    engine = CompiledEngine(objective, RULE)
    vector = np.array([1, 0, 0, 1, 0, 0], np.float32)
    np.testing.assert_array_equal(engine.scores(vector, x), x.astype(np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "view",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1].copy()[::-1],
        lambda x: np.flip(np.flip(x, 1).copy(), 1),
        lambda x: np.concatenate([x, x], axis=1)[:, : x.shape[1]],
    ],
)
def test_every_layout(problems, view, dtype):
    objective, rows = problems.problem([21, 9, 2], "mse", 50, dtype)
    x = view(rows.x)
    assert Inputs.of(x, np.dtype(dtype)).x is x  # read where it lies
    expected = answers(problems, objective, rows.x, rows.y, dtype)
    same(answers(problems, objective, x, rows.y, dtype), expected)


def test_unaligned_numbers(problems):
    objective, rows = problems.problem([5, 9, 2], "mse", 50)
    raw = np.zeros(rows.x.nbytes + 1, np.uint8)
    x = raw[1:].view(np.float64).reshape(rows.x.shape)
    x[:] = rows.x
    assert not x.flags.aligned
    expected = answers(problems, objective, rows.x, rows.y, "float64")
    same(answers(problems, objective, x, rows.y, "float64"), expected)


def test_memory_mapped_inputs_are_not_copied(problems, tmp_path):
    objective, rows = problems.problem([21, 9, 2], "mse", 50, "float32")
    np.save(tmp_path / "x.npy", rows.x)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert Inputs.of(x, np.dtype("float32")).x is x
    expected = answers(problems, objective, rows.x, rows.y, "float32")
    same(answers(problems, objective, x, rows.y, "float32"), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("data", ["f4", "f8", "i8", "?", "f2", ">f8"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_rows(problems, index, data, dtype):
    objective, rows = problems.problem([40, 9, 2], "mse", 50, dtype)
    random = np.random.default_rng(0)
    dense = np.where(random.random((50, 40)) < 0.1, random.integers(1, 9, (50, 40)), 0)
    dense[7] = 0
    dense = dense.astype(data)
    native = dense.astype(dense.dtype.newbyteorder("="))
    if native.dtype == np.float16:
        native = native.astype(np.float32)
    x = scipy.sparse.csr_array(native)
    x.data = x.data.astype(data)
    x.indices, x.indptr = x.indices.astype(index), x.indptr.astype(index)
    expected = answers(problems, objective, dense.astype(dtype), rows.y, dtype)
    engine = CompiledEngine(objective, RULE, 1)
    start = problems.position(objective.network, RULE, dtype)
    order = np.random.default_rng(0).permutation(50)
    end, _ = problems.run(engine, Rows(x, rows.y), start, order, 16)
    np.testing.assert_array_equal(end.vector, expected[0])
    vector = objective.network.start(1, dtype).vector
    np.testing.assert_array_equal(engine.scores(vector, x), expected[1])
    np.testing.assert_array_equal(engine.gradient(vector, Rows(x, rows.y))[1], expected[4])


def test_sparse_entries_of_one_cell_add_up(problems):
    objective, _ = problems.problem([3, 2], "mse", 4)
    x = scipy.sparse.csr_array((np.array([1.0, 2.0, 4.0]), [0, 0, 2], [0, 3]), shape=(1, 3))
    vector = objective.network.start(1).vector
    engine = CompiledEngine(objective, RULE)
    np.testing.assert_array_equal(
        engine.scores(vector, x), engine.scores(vector, np.array([[3.0, 0.0, 4.0]]))
    )


def test_nothing_is_read_past_its_end(problems):
    objective, rows = problems.problem([5, 9, 2], "mse", 32)
    engine = CompiledEngine(objective, RULE)
    start = problems.position(objective.network, RULE)
    with pytest.raises(InputError, match=r"x must be of shape \(32, 5\)"):
        engine.scores(start.vector, rows.x[:, :4])
    with pytest.raises(InputError, match=r"parameters must be of shape \(72,\)"):
        engine.scores(start.vector[:-1], rows.x)
    with pytest.raises(InputError, match=r"y must be of shape \(32, 2\)"):
        engine.loss(start.vector, Rows(rows.x, rows.y[:, :1]))
    with pytest.raises(InputError, match=r"weight must be of shape \(32,\)"):
        engine.gradient(start.vector, Rows(rows.x, rows.y, np.ones(31)))
    for wrong, order in ((32, [0, 32]), (-1, [-1, 5])):
        with pytest.raises(InputError, match=f"row numbers from 0 to 31; got {wrong}"):
            problems.run(engine, rows, start, np.array(order), 2)


def test_predictions_leave_no_memory_behind(problems):
    tracemalloc = pytest.importorskip("tracemalloc")
    objective, rows = problems.problem([5, 9, 2], "mse", 4)
    engine = CompiledEngine(objective, RULE)
    vector = objective.network.start(1).vector
    engine.scores(vector, rows.x[:1])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            engine.scores(vector, rows.x[:1])
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 10_000
