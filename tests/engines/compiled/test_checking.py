"""CHAINRULE_CHECK: a field beyond its bounds is refused before a kernel reads it; NaN shows."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse

from chainrule import Network, optimizers
from chainrule.engines.compiled.bounds import BOUNDS
from chainrule.engines.compiled.checking import CheckError, check, wanted
from chainrule.engines.compiled.engine import CompiledEngine
from chainrule.engines.compiled.kinds import Record
from chainrule.engines.compiled.rounding import missing_here
from chainrule.engines.compiled.rules import Given, Number, Room, Row, value_of
from chainrule.engines.compiled.scoring import CompiledScores
from chainrule.engines.compiled.structs import Place
from chainrule.engines.compiled.tables import (
    DenseSource,
    Job,
    LayerRow,
    Result,
    SparseSource,
    UnitRow,
)
from chainrule.engines.compiled.workspace import Workspace
from chainrule.engines.engine import Rows
from chainrule.formulas.penalties import L2
from chainrule.model.objective import Objective

ROWS = 150


@pytest.fixture
def checked(monkeypatch):
    monkeypatch.setenv("CHAINRULE_CHECK", "1")


def inputs(kind, n_in):
    random = np.random.default_rng(0)
    x = random.standard_normal((ROWS, n_in)).astype(np.float32)
    if kind != "dense":
        x *= random.random(x.shape) < 0.05
    return scipy.sparse.csr_matrix(x) if kind == "sparse" else x


def problem(kind="dense", widths=(20, 64, 24, 3), dropout=0.0, precision="highest", **rule):
    """Return an engine, a position and rows."""
    network = Network.of_widths(list(widths))
    objective = Objective(
        network,
        "categorical_cross_entropy",
        penalties=(L2(0.01),),
        dropout=(dropout,) * (len(widths) - 2),
    )
    rule = optimizers.get("sgd", momentum=0.9, **rule)
    engine = CompiledEngine(objective, rule, n_threads=2, matmul_precision=precision)
    vector = np.random.default_rng(1).standard_normal(network.n_parameters).astype(np.float32) / 8
    y = np.eye(widths[-1], dtype=np.float32)[np.arange(ROWS) % widths[-1]]
    weight = np.linspace(0.5, 1.5, ROWS, dtype=np.float32)
    position = SimpleNamespace(vector=vector, slots=(np.zeros_like(vector),), step=0, seed=3)
    return engine, position, Rows(inputs(kind, widths[0]), y, weight)


PROBLEMS = {
    "dense": {},
    "sparse": {"kind": "sparse", "widths": (300, 40, 2)},
    "zeros": {"kind": "zeros", "widths": (300, 64, 2)},
    "wide": {"widths": (330, 330, 2)},
    "dropout and clipping": {"dropout": 0.3, "clip_norm": 0.1},
}
NAMES = list(PROBLEMS)
if missing_here() is None:
    PROBLEMS["rounded"] = {"widths": (21, 64, 33, 7), "precision": "bfloat16"}
    NAMES.append(pytest.param("rounded", marks=pytest.mark.slow))  # compiles other kernels


def everything(engine, position, rows):
    """Return what all kernels give, in bytes."""
    order = np.random.default_rng(2).permutation(ROWS)
    before = position.vector
    totals = engine.epoch(position, rows, order, 32, np.full(5, 0.05), np.nan)
    found = [totals.loss, *position.slots, position.vector, engine.loss(before, rows)]
    found += [*engine.gradient(before, rows), engine.scores(before, rows.x)]
    if isinstance(rows.x, np.ndarray):
        found += [engine.scores(before, rows.x[:n]) for n in (1, 3, 20)]
    assert all(np.isfinite(array).all() for array in found)
    return [np.asarray(array).tobytes() for array in found]


@pytest.mark.parametrize("name", NAMES)
def test_checked_calls_have_the_same_bits(name, monkeypatch):
    plain = everything(*problem(**PROBLEMS[name]))
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    assert everything(*problem(**PROBLEMS[name])) == plain


def test_every_field_has_its_bounds():
    records = (Job, LayerRow, UnitRow, DenseSource, SparseSource)
    assert set(BOUNDS) == {field for record in records for field in record.every}
    assert set(Record.__subclasses__()) >= {*records, Result}  # a result is written, not bounded


def look_at_calls(monkeypatch, look, **options):
    """Look at the calls of an epoch, of losses and of scores, in place of the kernels."""

    def run(self, name, dtype, work, watched=False):
        work.job[Job.give_way] = self._code_for(dtype).kernels.give_way
        call = work.call()
        check(call)
        look(call)
        check(call)

    monkeypatch.setattr(CompiledScores, "_run", run)
    engine, position, rows = problem(**options)
    engine.epoch(position, rows, np.arange(ROWS), 32, np.full(4, 0.05), np.nan)
    with np.errstate(all="ignore"):  # losses that no kernel has written
        engine.loss(position.vector, rows)
    engine.scores(position.vector, scipy.sparse.csr_matrix(rows.x))


def tables(call):
    """Return a row of each table of a call."""
    rows = [call.job, call.layers.row(0, 0), call.layers.row(0, call.layers.values.shape[1] - 1)]
    rows += [call.units.row(number) for number in (0, len(call.units) - 1) if len(call.units)]
    return [*rows, call.job.array_of(Job.source_at)]


def wrong_values(call, table, field):
    """Return values that a field must not have in a call."""
    bound, row, value = BOUNDS[field], Row(call, table), int(table.values[field.index])
    if isinstance(bound, Number):
        return [value_of(bound.least, row) - 1, value_of(bound.most, row) + 1]
    return [value + 8, 0] if value or bound.needed(row) else []


@pytest.mark.grid(7)
@pytest.mark.parametrize("name", NAMES)
def test_every_field_that_is_wrong_is_found(name, monkeypatch):
    seen = set()

    def look(call):
        for table in tables(call):
            for field in table.record.every:
                before = int(table.values[field.index])
                for wrong in wrong_values(call, table, field):
                    table.values[field.index] = wrong
                    with pytest.raises(CheckError):
                        check(call)
                    seen.add(field)
                table.values[field.index] = before

    look_at_calls(monkeypatch, look, **PROBLEMS[name])
    assert len(seen) > 60


def test_an_array_that_is_too_short_is_found(monkeypatch):
    found = set()

    def look(call):
        for table in (call.job, call.layers.row(0, 1)):
            for field in table.record.every:
                bound, array = BOUNDS[field], table.array_of(field)
                if not (isinstance(bound, Room) and isinstance(array, np.ndarray)):
                    continue
                needed = value_of(bound.elements, Row(call, table))
                if not needed or field is Job.order_at:  # the order itself says what is read
                    continue
                table[field] = Place(array, array.size - needed + 1)
                with pytest.raises(CheckError, match=f"{field} of .* room for {needed} elements"):
                    check(call)
                table[field] = array
                found.add(field)

    look_at_calls(monkeypatch, look)
    assert len(found) > 15


def test_a_wrong_field_is_refused_before_the_kernel_runs(checked, monkeypatch):
    engine, position, rows = problem()
    written = Workspace.set_constants

    def one_step_too_many(self, table):
        written(self, table)
        self.job[Job.steps] += 1

    monkeypatch.setattr(Workspace, "set_constants", one_step_too_many)
    before = position.vector.copy()
    with pytest.raises(CheckError, match=r"Job\.constants_at of the job must be an address with"):
        engine.epoch(position, rows, np.arange(ROWS), 32, np.full(4, 0.05), np.nan)
    np.testing.assert_array_equal(position.vector, before)


def test_what_is_read_before_it_is_written_is_nan(checked, monkeypatch):
    engine, position, rows = problem()
    written = Workspace.set_arrays

    def without_weights(self, flat, out, first_out=0):
        written(self, flat, out, first_out)
        self.job[Job.units] = 0  # nothing is packed

    monkeypatch.setattr(Workspace, "set_arrays", without_weights)
    monkeypatch.setattr(Workspace, "check", lambda self: None)
    assert np.isnan(engine.loss(position.vector, rows))


def test_buffers_are_poisoned_and_zeros_stay(checked):
    engine, _, _ = problem()
    for _ in range(2):  # the second is the first one again
        with engine._lent("train", np.dtype(np.float32), 32, 1, 1, None) as work:
            assert all(np.isnan(panel).all() for panel in work.panels)
            layer = work.layers.row(0, 0)
            inputs = layer.array_of(LayerRow.a_in_at).reshape(-1, layer[LayerRow.ld_in])
            assert np.isnan(inputs[:, :20]).all()
            assert not inputs[:, 20:].any()
            assert not work.job.array_of(Job.zeros_at).any()
            work.panels[0][:] = 1.0


def test_the_variable(monkeypatch):
    for value, expected in ((None, False), ("", False), ("0", False), ("1", True)):
        monkeypatch.delenv("CHAINRULE_CHECK", raising=False)
        if value is not None:
            monkeypatch.setenv("CHAINRULE_CHECK", value)
        assert wanted() is expected


def test_kinds_of_bounds():
    assert {type(bound) for bound in BOUNDS.values()} == {Number, Room, Given}
