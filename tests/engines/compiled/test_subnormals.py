"""Subnormal numbers count as 0 inside kernels, in every thread, and nowhere else."""

import llvmlite.binding as llvm
import numpy as np
import pytest

from chainrule import Network, optimizers
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.subnormals import entry
from chainrule.engines.compiled.tables import ENTRY
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.writing import Module
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.formulas.penalties import L2
from chainrule.model.objective import Objective

DTYPES = ("float32", "float64")
# a quarter of the smallest normal number, and a factor that makes it normal again
SMALL = {dtype: np.finfo(dtype).tiny / 4 for dtype in DTYPES}
LARGE = {dtype: 1 / np.finfo(dtype).tiny for dtype in DTYPES}
ROW_COUNTS = (1, 5, 200)


def linear_network(n_in=3):
    return Network.of_widths([n_in, 2])


@pytest.mark.parametrize("n", ROW_COUNTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_operands_count_as_zero(dtype, n):
    network = linear_network()
    weights = np.full((3, 2), SMALL[dtype], dtype)
    bias = np.array([1.0, -2.0], dtype)
    vector = np.concatenate([weights.ravel(), bias]).astype(dtype)
    x = np.full((n, 3), LARGE[dtype], dtype)
    objective = Objective(network, "mse")
    sgd = optimizers.get("sgd")
    scores = CompiledEngine(objective, sgd).scores(vector, x)
    np.testing.assert_array_equal(scores, np.broadcast_to(bias, (n, 2)))
    # with subnormal numbers, each product is a quarter
    full = ReferenceEngine(objective, sgd).scores(vector, x)
    np.testing.assert_allclose(full, np.broadcast_to(bias + 0.75, (n, 2)), rtol=1e-6)


@pytest.mark.parametrize("n", ROW_COUNTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_inputs_count_as_zero(dtype, n):
    network = linear_network()
    vector = np.full(network.n_parameters, LARGE[dtype], dtype)
    vector[-2:] = 3.0
    engine = CompiledEngine(Objective(network, "mse"), optimizers.get("sgd"))
    scores = engine.scores(vector, np.full((n, 3), SMALL[dtype], dtype))
    np.testing.assert_array_equal(scores, np.full((n, 2), 3.0, dtype))


@pytest.mark.parametrize("n", ROW_COUNTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_below_the_normal_numbers_are_zero(dtype, n):
    score = np.log(np.finfo(dtype).tiny) - 2
    scores = np.full((n, 1), score, dtype)
    objective = Objective(Network.of_widths([2, 1]), "binary_cross_entropy")
    engine = CompiledEngine(objective, optimizers.get("sgd"))
    np.testing.assert_array_equal(engine.predictions(scores), np.zeros((n, 1), dtype))
    # above the threshold the probability is there
    np.testing.assert_allclose(
        engine.predictions(scores + 3), np.exp(scores + 3), rtol=np.finfo(dtype).eps * 200
    )


def trained(problems, engine_kind, dtype, n_threads=None):
    """Return a vector after 40 steps whose L2 drives most weights below the normal numbers."""
    network = Network.of_widths([40, 48, 1], "relu")
    objective = Objective(network, "mse", penalties=(L2(1.0),))
    options = {} if n_threads is None else {"n_threads": n_threads}
    engine = engine_kind(objective, optimizers.get("sgd"), **options)
    random = np.random.default_rng(0)
    x = np.zeros((4096, 40), dtype)
    x[:, :3] = random.normal(size=(4096, 3))
    rows = Rows(x, x[:, :1].copy())
    position = problems.position(network, optimizers.get("sgd"), dtype)
    # decay by 0.1 in each step: e-41 after 40 of them from e-1, e-311 from e-271
    if dtype == "float64":
        position.vector = position.vector * 1e-270
    order = np.tile(np.arange(4096), 41)
    engine.epoch(position, rows, order, 4096, np.full(41, 0.9), np.inf)
    return position.vector


@pytest.mark.grid(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_that_decay_end_at_zero_with_the_same_bits_for_any_threads(problems, dtype):
    one, two, three = (trained(problems, CompiledEngine, dtype, threads) for threads in (1, 2, 3))
    tiny = np.finfo(dtype).tiny
    assert not np.any((one != 0) & (np.abs(one) < tiny))
    assert np.count_nonzero(one == 0) > 1000
    assert one.tobytes() == two.tobytes() == three.tobytes()
    exact = trained(problems, ReferenceEngine, dtype)
    assert np.any((exact != 0) & (np.abs(exact) < tiny))
    scale = np.abs(exact).max()
    np.testing.assert_allclose(one, exact, rtol=0, atol=3e-4 * max(scale, tiny))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_state_of_the_caller_comes_back(dtype):
    network = linear_network()
    engine = CompiledEngine(Objective(network, "binary_cross_entropy"), optimizers.get("sgd"))
    vector = np.ones(network.n_parameters, dtype)
    halves = np.array([np.finfo(dtype).tiny], dtype)
    for n in ROW_COUNTS:
        x = np.ones((n, 3), dtype)
        rows = Rows(x, np.ones((n, 2), dtype))
        for call in (
            lambda x=x: engine.scores(vector, x),
            lambda x=x: engine.predictions(x),
            lambda rows=rows: engine.loss(vector, rows),
            lambda rows=rows: engine.gradient(vector, rows),
        ):
            call()
            assert (halves / 2)[0] != 0, "NumPy flushes to zero after a kernel"
            assert np.all(halves / 4 * 4 == halves)


def test_both_families_of_processors_have_the_two_bits():
    for triple, words in (
        ("x86_64-unknown-linux-gnu", ("stmxcsr", "ldmxcsr", "32832")),
        ("aarch64-unknown-linux-gnu", ("FPCR", "msr", "mrs", "0x1000000")),
        ("arm64-apple-macosx", ("FPCR", "msr", "mrs", "0x1000000")),
    ):
        target = Target("", "", 16, 16, triple)
        module = Module("states", target, 4)
        code = entry(module, "run", ENTRY)
        code.end()
        assembly = target.new_machine().emit_assembly(llvm.parse_assembly(str(module)))
        for word in words:
            assert word in assembly, (triple, assembly)
