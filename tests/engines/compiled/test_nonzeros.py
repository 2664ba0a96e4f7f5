"""Inputs that are mostly zeros: the first layer passes over them, and the bits are the same."""

import weakref

import numpy as np
import pytest
from scipy import sparse

from chainrule import Dense, Network, optimizers
from chainrule.engines.compiled import planning, zeros
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.target import host_target
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine
from chainrule.model.objective import Objective

ADAM = optimizers.get("adam")
# one panel and one strip; a narrow last panel; several of both, the last one short
WIDTHS = ([5, 8, 1], [91, 100, 2], [300, 70, 6, 3], [129, 333, 2])


@pytest.fixture(autouse=True)
def _many_threads(monkeypatch):
    monkeypatch.setattr(planning, "STEP_WORK", 1)
    monkeypatch.setattr(planning, "CALL_WORK", 1)


@pytest.fixture
def skipping(monkeypatch):
    """Return a function that says whether zeros are passed over, whatever their share."""

    def choose(yes):
        monkeypatch.setattr(zeros, "worth_skipping", lambda *_: yes)

    return choose


def thinned(rows, share, seed=0):
    """Return rows of whose inputs so many are left."""
    random = np.random.default_rng(seed)
    x = np.where(random.random(rows.x.shape) < share, rows.x, 0).astype(rows.x.dtype)
    x[:, 0] = rows.x[:, 0]  # a column without zeros, a row of nothing else, a column of them
    x[3] = 0
    x[:, -1] = 0
    return Rows(x, rows.y, rows.weight)


def answers(problems, objective, rows, rule=ADAM, threads=1, batch=60, calls=1, **engine_options):
    engine = CompiledEngine(objective, rule, threads, **engine_options)
    start = problems.position(objective.network, rule, rows.y.dtype)
    order = np.random.default_rng(0).permutation(len(rows))
    end, totals = problems.run(engine, rows, start, order, batch, calls=calls)
    values = (
        end.vector,
        *end.slots,
        engine.scores(end.vector, rows.x),
        engine.gradient(end.vector, rows)[1],
    )
    return [value.tobytes() for value in values], [total.loss for total in totals]


@pytest.mark.grid(5)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_same_bits_with_and_without(problems, skipping, widths, dtype, share):
    objective, rows = problems.problem(widths, "mse", 250, dtype, weighted=True, l2=0.01)
    rows = thinned(rows, share)
    skipping(False)
    expected, losses = answers(problems, objective, rows)
    skipping(True)
    for threads, calls in ((1, 1), (2, 1), (3, 5)):
        found, found_losses = answers(problems, objective, rows, threads=threads, calls=calls)
        assert found == expected
        assert sum(found_losses) == pytest.approx(sum(losses), rel=1e-12)


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
def test_vectors_of_every_width(problems, skipping, vector_bytes):
    objective, rows = problems.problem([91, 70, 2], "mse", 250, "float32")
    rows = thinned(rows, 0.2)
    target = host_target(vector_bytes)
    found = []
    for yes in (False, True):
        skipping(yes)
        found.append(answers(problems, objective, rows, target=target)[0])
    assert found[0] == found[1]


@pytest.mark.parametrize("rule", ["clip", "dropout"])
def test_nonzeros_together_with_other_parts_of_a_step(problems, skipping, rule):
    price = {"dropout": 0.3} if rule == "dropout" else {}
    optimizer = optimizers.get("sgd", momentum=0.9, clip_norm=0.01 if rule == "clip" else None)
    objective, rows = problems.problem([91, 70, 40, 2], "mse", 250, "float64", **price)
    rows = thinned(rows, 0.2)
    found = []
    for yes in (False, True):
        skipping(yes)
        found.append(
            [answers(problems, objective, rows, optimizer, threads)[0] for threads in (1, 3)]
        )
        assert found[-1][0] == found[-1][1]
    # the norm adds squares unit by unit, and units are others
    vectors = [np.frombuffer(runs[0][0]) for runs in found]
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-12)


@pytest.mark.parametrize("kind", ["csr", "unsorted", "memory order", "integers", "byte order"])
def test_inputs_of_every_kind(problems, skipping, kind):
    objective, rows = problems.problem([150, 70, 2], "mse", 250, "float64")
    x = np.round(3.0 * thinned(rows, 0.2).x)
    made = {
        "csr": sparse.csr_array(x),
        "unsorted": sparse.csr_array(x)[:, ::-1][:, ::-1],
        "memory order": np.asfortranarray(x),
        "integers": x.astype(np.int16),
        "byte order": x.astype(">f8"),
    }[kind]
    skipping(False)
    expected = answers(problems, objective, Rows(x, rows.y))
    skipping(True)
    assert answers(problems, objective, Rows(made, rows.y)) == expected


def test_no_number_is_not_zero(problems, skipping):
    objective, rows = problems.problem([91, 70, 2], "mse", 300, "float64")
    rows = thinned(rows, 0.1)
    rows.x[7, 20] = np.nan
    rows.x[8, 20] = np.inf
    skipping(True)
    engine = CompiledEngine(objective, ADAM)
    scores = engine.scores(objective.network.start(0, "float64").vector, rows.x)
    assert np.isnan(scores[7]).all()
    assert np.isfinite(np.delete(scores, [7, 8], axis=0)).all()


@pytest.mark.parametrize("weight", [np.inf, np.nan])
def test_a_weight_that_is_no_number_is_seen(problems, weight):
    objective, rows = problems.problem([91, 70, 2], "mse", 300, "float64")
    rows = thinned(rows, 0.1)
    vector = objective.network.start(0, "float64").vector
    vector[90 * 70] = weight  # its input is 0 in every row
    engine = CompiledEngine(objective, ADAM)
    assert np.isnan(engine.loss(vector, rows))
    assert np.isnan(engine.scores(vector, rows.x)).all()


def test_density_decides():
    assert zeros.worth_skipping(0.14, 100, 20_000)
    assert not zeros.worth_skipping(0.14, 4, 20_000)
    assert not zeros.worth_skipping(0.6, 1000, 20_000)
    assert not zeros.worth_skipping(0.01, 1000, 10**8)


def test_how_much_is_not_0():
    x = np.zeros((1000, 4))
    x[:, 1] = 2.0
    x[::4, 2] = np.nan
    density = zeros.Density.of(x)
    assert density == (pytest.approx(0.25 + 0.25 / 4, abs=0.07), 4, False)
    assert zeros.Density.of(sparse.csr_array(x)) == (0.25 + 0.25 / 4, 2, True)
    assert zeros.Density.of(sparse.csc_array(x)) == (0.25 + 0.25 / 4, 2, True)
    assert zeros.Density.of(x[:100]) == (1.0, 4, False)
    assert zeros.Density.of(sparse.csr_array(x[:100])).share == 0.25 + 0.25 / 4
    assert zeros.Density.of(sparse.csr_array((0, 4))) == (0.0, 0, True)
    for indices, indptr in (([2, 1], [0, 2]), ([1, 1], [0, 2])):
        rows = sparse.csr_array((np.ones(2), indices, indptr), shape=(1, 4))
        assert not zeros.Density.of(rows).listed


def test_strips_hold_some_of_the_nonzeros():
    density = zeros.Density(80 / 50_000, 300, listed=True)
    assert zeros.Zeros.of(density, 50_000, 100, 200) == (512, 79 * 128, True)
    assert zeros.Zeros.of(density._replace(listed=False), 50_000, 100, 200) == (300, 128, False)
    assert zeros.Zeros.of(zeros.Density(0.0, 0, listed=True), 7, 100, 1) == (64, 128, True)
    assert zeros.Zeros.of(density, 50_000, 100, 200_000) is None


def test_a_dense_matrix_is_looked_at_once_and_not_kept(monkeypatch):
    looks = []
    monkeypatch.setattr(zeros.Density, "of", lambda x: looks.append(x.shape) or 0.5)
    densities = zeros.Densities()
    x, other = np.eye(3), np.eye(4)
    gone = weakref.ref(x)
    assert [densities.of(one) for one in (x, other, x, other)] == [0.5] * 4
    del x
    assert gone() is None
    assert len(densities._known) == 1
    assert looks == [(3, 3), (4, 4)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_rows_that_have_grown_since_the_last_call(problems):
    objective, rows = problems.problem([5000, 40, 2], "mse", 300, "float64")
    rows = thinned(rows, 0.002)
    engine = CompiledEngine(objective, ADAM, 1)
    vector = objective.network.start(0, "float64").vector
    x = csr(rows).x
    engine.scores(vector, x)
    for row in range(48):
        x[row] = np.ones(5000)
    np.testing.assert_array_equal(engine.scores(vector, x), engine.scores(vector, x.toarray()))
    gradients = [engine.gradient(vector, Rows(one, rows.y))[1] for one in (x, x.toarray())]
    np.testing.assert_array_equal(*gradients)


def csr(rows):
    """Return the same rows as lists of what is not 0."""
    return Rows(sparse.csr_array(rows.x), rows.y, rows.weight)


@pytest.mark.grid(11)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [*WIDTHS, [700, 3], [1000, 9, 2]], ids=str)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 1.0])
def test_lists_have_the_bits_of_dense_rows(problems, skipping, widths, dtype, share):
    objective, rows = problems.problem(widths, "mse", 250, dtype, weighted=True, l2=0.01)
    rows = thinned(rows, share)
    skipping(False)
    expected, _ = answers(problems, objective, rows)
    loss = CompiledEngine(objective, ADAM).loss(objective.network.start(0, dtype).vector, rows)
    skipping(True)
    for threads, calls in ((1, 1), (3, 5)):
        found, _ = answers(problems, objective, csr(rows), threads=threads, calls=calls)
        assert found == expected
        engine = CompiledEngine(objective, ADAM, threads)
        assert engine.loss(objective.network.start(0, dtype).vector, csr(rows)) == loss


@pytest.mark.parametrize("vector_bytes", [16, 32, 64])
@pytest.mark.parametrize("n_out", [1, 7, 8, 9, 63, 64, 65, 130])
@pytest.mark.parametrize("bias", [True, False])
def test_a_few_listed_rows(skipping, n_out, vector_bytes, bias):
    skipping(True)
    random = np.random.default_rng(0)
    first = Dense(40, n_out, "relu", bias)
    for network in (Network(first), Network(first, Dense(n_out, 2))):
        objective = Objective(network, "mse")
        engine = CompiledEngine(objective, ADAM, 1, target=host_target(vector_bytes))
        # weights up to the last one of their memory
        memory = random.normal(size=objective.network.n_parameters + 64)
        vector = memory[64:]
        x = np.where(random.random((60, 40)) < 0.1, random.normal(size=(60, 40)), 0.0)
        x[5, 39] = x[6, 38] = 1.0
        expected = engine.scores(vector, x)
        for rows in (1, 2, 8, 9, 60):
            np.testing.assert_array_equal(
                engine.scores(vector, sparse.csr_array(x[:rows])), expected[:rows]
            )


def test_unlisted_inputs_do_not_enter_sums(problems):
    objective, rows = problems.problem([91, 70, 2], "mse", 30, "float64")
    rows = thinned(rows, 0.05)
    vector = objective.network.start(0, "float64").vector
    vector[90 * 70] = np.inf  # its input is 0 in every row
    scores = CompiledEngine(objective, ADAM).scores(vector, csr(rows).x)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores, ReferenceEngine(objective, ADAM).scores(vector, csr(rows).x))
