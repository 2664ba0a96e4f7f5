"""Steps with products in bfloat16, against the same steps in NumPy with rounded operands."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from chainrule import MLPRegressor, optimizers
from chainrule.engines.choice import choose_engine, registry
from chainrule.engines.compiled import planning
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.matrix_registers import has_matrix_registers
from chainrule.engines.compiled.rounding import (
    Rounding,
    missing_for_rounding,
    missing_here,
    rounding_of,
)
from chainrule.engines.compiled.target import Target, host_target
from chainrule.engines.engine import Rows
from chainrule.engines.resources import Resources
from chainrule.foundation.errors import InputError

able = pytest.mark.skipif(missing_here() is not None, reason=str(missing_here()))
matrices = pytest.mark.skipif(
    missing_here() is not None or not has_matrix_registers(host_target()),
    reason="This processor has no matrix registers (AMX).",
)
BFLOAT16 = Resources(matmul_precision="bfloat16")
PLAIN = optimizers.get("sgd")
# odd and even inner dimensions, panels of one to three vectors, several strips, narrow layers
SHAPES = [
    ([20, 64, 64, 7], 33),
    ([21, 33, 65, 11], 97),
    ([1, 7, 5], 1),
    ([5, 3, 101, 50, 2], 64),
    ([130, 49, 17, 5], 300),
]


@pytest.fixture(params=["vectors", pytest.param("matrices", marks=matrices)])
def registers(request, monkeypatch):
    """The registers that multiply pairs."""
    if request.param == "vectors":
        monkeypatch.setenv("CHAINRULE_AMX", "0")
    return request.param


def rounded(x):
    """Return the nearest bfloat16 of each number, ties to even, as float64."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    bits += 0x7FFF + ((bits >> 16) & 1)
    return (bits & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def exact(x):
    return np.asarray(x, np.float64)


def gradient(objective, vector, rows, of_operands):
    """Return the gradient with operands of the products as they are, or rounded."""
    network = objective.network
    given = network.parameters(exact(vector))
    parameters = list(zip(given.weights, given.biases, strict=True))
    rounds = [of_operands if layer.n_out > 4 else exact for layer in network.layers]
    inputs, values, a = [], [], exact(rows.x)
    for layer, (weight, bias), of in zip(network.layers, parameters, rounds, strict=True):
        inputs.append(a)
        z = of(a) @ of(weight) + (0.0 if bias is None else bias)
        a = layer.activation.value(np, z)
        values.append((z, a))
    da = objective.loss.rows_gradient(np, a, exact(rows.y)) / len(rows.x)
    parts = []
    for number in range(len(parameters))[::-1]:
        (weight, bias), of, (z, a) = parameters[number], rounds[number], values[number]
        dz = network.layers[number].activation.pullback(np, z, a, da)
        parts[:0] = [(of(inputs[number]).T @ of(dz)).ravel()] + (
            [] if bias is None else [dz.sum(axis=0)]
        )
        da = of(dz) @ of(weight).T
    return np.concatenate(parts)


def moved(problems, objective, rows, batch, rule=PLAIN, rate=1.0, threads=1, **options):
    """Return the parameters before and after an epoch."""
    engine = CompiledEngine(objective, rule, threads, **options)
    at = problems.position(objective.network, rule, "float32")
    start, rates = at.vector, np.full(-(-len(rows) // batch), rate)
    engine.epoch(at, rows, np.arange(len(rows)), batch, rates, np.nan)
    return start, at.vector


def distance(one, two, scale):
    return np.linalg.norm(exact(one) - two) / np.linalg.norm(scale)


@pytest.mark.slow
@able
@pytest.mark.parametrize(("widths", "n"), SHAPES)
def test_a_step_is_that_with_rounded_operands(problems, monkeypatch, registers, widths, n):
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    objective, rows = problems.problem(widths, "mse", n, "float32")
    start, end = moved(problems, objective, rows, n, matmul_precision="bfloat16")
    as_rounded, in_full = (gradient(objective, start, rows, of) for of in (rounded, exact))
    step = exact(start) - end
    # a sum in float32 that is off in its last bit may round to the other neighbour
    assert distance(step, as_rounded, in_full) < 4e-4
    assert 1e-3 < distance(step, in_full, in_full) < 3e-2
    _, float32 = moved(problems, objective, rows, n)
    assert distance(exact(start) - float32, in_full, in_full) < 1e-5


@pytest.mark.slow
@able
def test_a_product_keeps_its_bound(problems, registers):
    # one layer: |z - a w| <= (2 u + u^2) |a| |w|, u = 2^-8, and sums in float32
    objective, rows = problems.problem([200, 30], "mse", 64, "float32")
    start, end = moved(problems, objective, rows, 64, matmul_precision="bfloat16")
    x, y = exact(rows.x), exact(rows.y)
    given = objective.network.parameters(exact(start))
    (weight,), (bias,) = given.weights, given.biases
    z = x @ weight + bias
    u = 2.0**-8
    dz = objective.loss.rows_gradient(np, z, y) / 64
    z_error = (2 * u + u * u) * (np.abs(x) @ np.abs(weight)) * 1.001
    dz_error = np.abs(objective.loss.rows_gradient(np, z + z_error, y) / 64 - dz)
    bound = np.abs(x).T @ (dz_error + (2 * u + u * u) * (np.abs(dz) + dz_error)) * 1.001
    step = (exact(start) - end)[: weight.size].reshape(weight.shape)
    error = np.abs(step - x.T @ dz)
    assert (error <= bound).all()
    assert error.max() > 1e-3 * bound.max()


@pytest.mark.slow
@able
@pytest.mark.parametrize(
    ("rule", "vector_bytes"),
    [(optimizers.get("adamw", clip_norm=0.5), host_target().vector_bytes), (PLAIN, 32)],
)
def test_the_same_bits_for_any_threads_blocks_and_vectors(
    problems, monkeypatch, rule, vector_bytes
):
    monkeypatch.setenv("CHAINRULE_AMX", "0")
    same_bits(problems, monkeypatch, rule, vector_bytes)


@pytest.mark.slow
@matrices
def test_the_same_bits_in_matrix_registers(problems, monkeypatch):
    same_bits(problems, monkeypatch, optimizers.get("adamw", clip_norm=0.5), 64)


def same_bits(problems, monkeypatch, rule, vector_bytes):
    """Compare epochs with threads, vectors, blocks and groups of panels of any number."""
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)
    objective, rows = problems.problem(
        [21, 70, 33, 6], "categorical_cross_entropy", 333, "float32", dropout=0.3, weighted=True
    )
    options = {"matmul_precision": "bfloat16", "rate": 0.01}
    ends = [
        moved(problems, objective, rows, 101, rule, threads=threads, **options, **more)[1]
        for threads, more in (
            *((threads, {}) for threads in (1, 2, 3, 7)),
            (1, {"target": host_target(vector_bytes)}),
        )
    ]
    monkeypatch.setattr("chainrule.engines.compiled.blocks.BLOCK", 16)
    monkeypatch.setattr("chainrule.engines.compiled.blocks.LARGE_BLOCK", 16)
    monkeypatch.setenv("CHAINRULE_L2_KB", "1")
    ends.append(moved(problems, objective, rows, 101, rule, **options)[1])
    assert len({hash(end.tobytes()) for end in ends}) == 1
    start, full = moved(problems, objective, rows, 101, rule, rate=0.01)
    assert 1e-4 < distance(ends[0], full, full - start) < 5e-2


@pytest.mark.slow
@able
def test_a_short_batch_is_the_same_after_a_long_one(problems, registers):
    objective, rows = problems.problem([21, 70, 33, 6], "mse", 80, "float32")
    engine = CompiledEngine(objective, PLAIN, 1, matmul_precision="bfloat16")
    rate = np.full(1, 0.1)
    after, alone = (problems.position(objective.network, PLAIN, "float32") for _ in range(2))
    engine.epoch(after, rows, np.arange(75), 70, np.full(2, 0.1), np.nan)
    engine.epoch(alone, rows, np.arange(70), 70, rate, np.nan)
    engine.epoch(alone, rows, np.arange(70, 75), 70, rate, np.nan)
    assert after.vector.tobytes() == alone.vector.tobytes()
    fresh = problems.position(objective.network, PLAIN, "float32")
    engine.epoch(fresh, rows, np.arange(70), 70, rate, np.nan)
    assert fresh.vector.tobytes() != after.vector.tobytes()


@pytest.mark.slow
@able
def test_first_layers_of_sparse_rows_stay_in_full_precision(problems, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    objective, rows = problems.problem([40, 33, 2], "mse", 50, "float32")
    x = np.where(np.random.default_rng(1).random((50, 40)) < 0.1, rows.x, 0.0).astype("float32")
    listed, dense = (
        moved(problems, objective, Rows(kind(x), rows.y, None), 50, matmul_precision="bfloat16")
        for kind in (csr_array, np.asarray)
    )
    full = moved(problems, objective, Rows(x, rows.y, None), 50)
    step = full[1] - full[0]
    # the second layer has two outputs, and is not rounded either
    assert distance(listed[1], full[1], step) < 1e-6
    assert 1e-4 < distance(dense[1], full[1], step) < 2e-2


def test_matrix_registers_are_asked_for(monkeypatch):
    features = "+avx512bf16,+amx-tile,+amx-bf16"
    new = Target("sapphirerapids", features, 64, 32, "x86_64-unknown-linux-gnu")
    monkeypatch.delenv("CHAINRULE_AMX", raising=False)
    assert rounding_of(new) is Rounding.matrices
    for other in (
        replace(new, vector_bytes=32),
        replace(new, features="+avx512bf16"),
        replace(new, triple="aarch64-unknown-linux-gnu"),
    ):
        assert rounding_of(other) is Rounding.vectors
    here = replace(new, triple="")
    monkeypatch.setattr("chainrule.engines.compiled.target.platform.machine", lambda: "x86_64")
    for granted, found in ((True, Rounding.matrices), (False, Rounding.vectors)):
        monkeypatch.setattr(
            "chainrule.engines.compiled.matrix_registers._granted", lambda granted=granted: granted
        )
        assert rounding_of(here) is found
    monkeypatch.setenv("CHAINRULE_AMX", "0")
    assert rounding_of(new) is Rounding.vectors


@pytest.mark.parametrize(("columns", "pairs", "distance"), [(20, 16, 16), (784, 400, 400)])
def test_operands_in_matrix_registers_are_whole_squares(columns, pairs, distance):
    assert Rounding.matrices.pairs(columns) == pairs
    assert Rounding.matrices.distance(columns, columns) == distance
    assert Rounding.matrices.turned_distance(columns) == distance
    # rows that are a power of two apart would share a few sets of the cache
    assert Rounding.matrices.distance(1024, 1040) == 528
    assert Rounding.vectors.pairs(columns + 1) == columns // 2 + 1
    assert Rounding.vectors.distance(columns, columns + 16) == columns // 2 + 8
    assert Rounding.vectors.turned_distance(columns) == 0


@pytest.mark.slow
@able
def test_numbers_that_are_not_finite_show(problems, registers):
    objective, rows = problems.problem([9, 20, 6], "mse", 40, "float32")
    for bad in (np.nan, np.inf):
        x = rows.x.copy()
        x[3, 8] = bad
        _, end = moved(problems, objective, replace(rows, x=x), 40, matmul_precision="bfloat16")
        assert not np.isfinite(end).all()


@pytest.mark.slow
@able
def test_losses_gradients_and_scores_are_in_full_precision(problems):
    objective, rows = problems.problem([9, 20, 6], "mse", 40, "float32")
    engine = CompiledEngine(objective, PLAIN, matmul_precision="bfloat16")
    full = CompiledEngine(objective, PLAIN)
    vector = objective.network.start(0, "float32").vector
    assert engine.loss(vector, rows) == full.loss(vector, rows)
    assert engine.gradient(vector, rows)[1].tobytes() == full.gradient(vector, rows)[1].tobytes()
    assert engine.scores(vector, rows.x).tobytes() == full.scores(vector, rows.x).tobytes()
    again = pickle.loads(pickle.dumps(engine))
    assert again.matmul_precision == "bfloat16"


def test_other_processors_and_float64_are_refused(problems, monkeypatch):
    old = Target("haswell", "+avx2", 32, 16, "x86_64-unknown-linux-gnu")
    new = Target("znver5", "+avx2,+avx512bf16", 64, 32, "x86_64-unknown-linux-gnu")
    words = "This processor has no instructions for products in bfloat16 (avx512_bf16)."
    assert missing_for_rounding(old) == words
    assert missing_for_rounding(new) is None
    assert "need vectors of 256" in missing_for_rounding(replace(new, vector_bytes=16))
    objective, _ = problems.problem([9, 20, 6], "mse", 40, "float32")
    with pytest.raises(InputError, match=r"must be 'highest' here; got 'bfloat16'\. This proc"):
        CompiledEngine(objective, PLAIN, target=old, matmul_precision="bfloat16")
    monkeypatch.setattr("chainrule.engines.compiled.rounding.host_target", lambda: old)
    with pytest.raises(InputError, match=r"one that engine='compiled' has.*no instructions"):
        choose_engine("compiled", objective, PLAIN, BFLOAT16)
    # a model that another processor trained predicts here
    scorer = registry["compiled"].scorer(
        objective.network, objective.loss, np.dtype("float32"), BFLOAT16
    )
    assert scorer is not None


@pytest.mark.slow
@able
@pytest.mark.parametrize("engine", ["auto", "compiled"])
def test_estimators_take_it_for_float32(engine):
    random = np.random.default_rng(0)
    x = random.normal(size=(300, 6))
    y = x[:, 0] - x[:, 1] * x[:, 2]
    options = {"random_state": 0, "max_iter": 5, "learning_rate": "cosine", "engine": engine}
    with pytest.raises(InputError, match="'highest' for parameters of float64; got 'bfloat16'"):
        MLPRegressor(matmul_precision="bfloat16", dtype="float64", **options).fit(x, y)
    full = MLPRegressor(dtype="float32", **options).fit(x, y)
    low = MLPRegressor(dtype="float32", matmul_precision="bfloat16", **options).fit(x, y)
    assert low.engine_ == "compiled"
    assert low.parameters_.vector.tobytes() != full.parameters_.vector.tobytes()
    assert abs(low.score(x, y) - full.score(x, y)) < 0.02
