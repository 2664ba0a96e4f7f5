"""The same bits for any number of threads, any slicing of an epoch, and any company of a row."""

import numpy as np
import pytest

from chainrule import optimizers
from chainrule.engines.compiled import engine as engine_module
from chainrule.engines.compiled import planning, scoring, workspace
from chainrule.engines.compiled.blocks import shared_rows_of_block
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.target import host_target
from chainrule.engines.engine import Rows

RULES = (
    optimizers.get("sgd", momentum=0.9),
    optimizers.get("adam"),
    optimizers.get("adamw"),
    optimizers.get("rmsprop"),
    optimizers.get("sgd", averaging=0.9),
    optimizers.get("adamw", clip_norm=0.1),
)
ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "softmax")
LOSSES = ("mse", "categorical_cross_entropy", "binary_cross_entropy", "poisson")


@pytest.fixture(autouse=True)
def _many_threads(monkeypatch):
    # small steps would stay on one thread
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)


def random_case(problems, seed):
    random = np.random.default_rng(seed)
    depth = int(random.integers(1, 4))
    widths = [int(w) for w in random.integers(2, 70, depth + 2)]
    objective, rows = problems.problem(
        widths,
        LOSSES[seed % len(LOSSES)],
        int(random.integers(50, 150)),
        ("float32", "float64")[seed % 2],
        ACTIVATIONS[seed % len(ACTIVATIONS)],
        weighted=bool(seed % 3 == 0),
        seed=seed,
        l2=0.01,
        dropout=(0.0, 0.3, [0.5, *[0.0] * (depth - 1)])[seed % 3],
    )
    return objective, rows, int(random.integers(5, 60))


@pytest.mark.grid(4)
@pytest.mark.parametrize("seed", range(30))
def test_threads_and_slices(problems, seed):
    objective, rows, batch = random_case(problems, seed)
    rule = RULES[seed % len(RULES)]
    order = np.random.default_rng(seed).permutation(len(rows))
    steps = -(-len(order) // batch)
    results = []
    for threads, calls in ((1, 1), (2, 1), (3, 1), (4, steps), (8, 1), (1, min(2, steps))):
        engine = CompiledEngine(objective, rule, threads)
        start = problems.position(objective.network, rule, rows.y.dtype)
        end, totals = problems.run(engine, rows, start, order, batch, calls=calls)
        losses = [total.loss for total in totals]
        answers = (engine.scores(end.vector, rows.x), engine.gradient(end.vector, rows)[1])
        results.append((end.vector, *end.slots, *answers))
        assert sum(total.steps for total in totals) == steps
        assert np.isfinite(losses).all()
    for result in results[1:]:
        for array, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(array, first)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 3])
def test_wide_layers_in_copies_or_not(problems, monkeypatch, dtype, threads):
    objective, rows = problems.problem([61, 53, 70, 3], "mse", 300, dtype)
    order, results = np.random.default_rng(0).permutation(300), []
    for copied in (True, False):
        monkeypatch.setattr(workspace, "is_copied", lambda *_, copied=copied: copied)
        engine = CompiledEngine(objective, RULES[1], threads)
        start = problems.position(objective.network, RULES[1], dtype)
        end, _ = problems.run(engine, rows, start, order, 150)
        results.append((end.vector.tobytes(), engine.gradient(end.vector, rows)[1].tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_caches_of_any_size(problems, monkeypatch, dtype, threads):
    objective, rows = problems.problem([61, 53, 3], "mse", 300, dtype)
    order, blocks, results = np.random.default_rng(0).permutation(300), [], []
    for size in ("256", "2048"):
        monkeypatch.setenv("CHAINRULE_L2_KB", size)
        blocks.append(shared_rows_of_block(150, threads, 16))
        engine = CompiledEngine(objective, RULES[1], threads)
        start = problems.position(objective.network, RULES[1], dtype)
        end, _ = problems.run(engine, rows, start, order, 150)
        answers = (engine.gradient(end.vector, rows)[1], engine.scores(end.vector, rows.x))
        results.append([array.tobytes() for array in (end.vector, *answers)])
    assert blocks[0] < blocks[1]
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("convertible", [False, True])
def test_one_call_of_a_kernel_or_many(problems, monkeypatch, dtype, convertible):
    objective, rows = problems.problem([9, 40, 3], "categorical_cross_entropy", 90, dtype)
    if convertible:  # a byte order that no kernel reads: rows are converted call by call
        rows = Rows(rows.x.astype(rows.x.dtype.newbyteorder(">")), rows.y)
    order, runs, sizes = np.random.default_rng(0).permutation(90), [], []
    real = scoring.run_team

    def noted(kernel, job, *rest):
        sizes.append(kernel)
        real(kernel, job, *rest)

    monkeypatch.setattr(scoring, "run_team", noted)
    for operations in (1e15, 1.0):
        monkeypatch.setattr(engine_module, "CALL_OPERATIONS", operations)
        engine = CompiledEngine(objective, RULES[1], 2)
        start = problems.position(objective.network, RULES[1], dtype)
        end, totals = problems.run(engine, rows, start, order, 12)
        runs.append((end.vector.tobytes(), [slot.tobytes() for slot in end.slots], totals))
    assert runs[0] == runs[1]
    assert len(sizes) == 1 + 8


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_row_is_the_same_row_of_a_batch(problems, activation, dtype):
    objective, rows = problems.problem([30, 150, 21, 3], "mse", 101, dtype, activation)
    engine = CompiledEngine(objective, RULES[0])
    vector = objective.network.start(2, dtype).vector
    scores = engine.scores(vector, rows.x)
    for i in range(0, 101, 7):
        np.testing.assert_array_equal(engine.scores(vector, rows.x[i : i + 1]), scores[i : i + 1])
    np.testing.assert_array_equal(engine.scores(vector, rows.x[3:20]), scores[3:20])


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_row_through_vectors_of_any_width(problems, width, dtype):
    for n_out in (1, 2, 15, 16, 17, 63, 64, 65, 129):
        objective, rows = problems.problem([20, n_out], "mse", 20, dtype)
        engine = CompiledEngine(objective, RULES[0], target=host_target(width))
        vector = objective.network.start(2, dtype).vector
        scores = engine.scores(vector, rows.x)
        for i in (0, 19):
            alone = engine.scores(vector, rows.x[i : i + 1])
            np.testing.assert_array_equal(alone, scores[i : i + 1])


@pytest.mark.parametrize("width", [16, 64])
def test_code_for_other_vectors_gives_the_same_bits(problems, width):
    objective, rows = problems.problem([20, 50, 5], "categorical_cross_entropy", 64, "float32")
    results = []
    for target in (None, host_target(width)):
        engine = CompiledEngine(objective, RULES[1], 2, target=target)
        start = problems.position(objective.network, RULES[1], "float32")
        end, _ = problems.run(engine, rows, start, np.arange(64), 16)
        results.append(end.vector)
    # sums down a bias column and tiles are in the same order whatever the width
    np.testing.assert_array_equal(*results)
