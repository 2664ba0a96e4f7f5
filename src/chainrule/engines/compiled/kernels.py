"""The entry points: many steps of training, scores, and losses, each by a team of threads.

Every function takes (job, thread) and nothing else; see `tables.Job` for what a job says. One more,
`score_here`, is a function of Python without arguments: the interpreter calls it itself.
"""

from typing import Any

from llvmlite import ir

from chainrule.engines.compiled.clipping import Clipping
from chainrule.engines.compiled.dropout import KEYS
from chainrule.engines.compiled.entries import write_entries
from chainrule.engines.compiled.gathers import write_gathers
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark, write_clock
from chainrule.engines.compiled.row_phase import RowPhase, layer_row, ordered
from chainrule.engines.compiled.subnormals import entry
from chainrule.engines.compiled.tables import Job, LayerRow, Result, UnitRow, field, place
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import Team, called_off
from chainrule.engines.compiled.threads import PYTHON_FUNCTIONS
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import (
    Code,
    Value,
    Variable,
    float_type,
    function,
    pointer,
    whole,
)
from chainrule.engines.compiled.weight_phase import WeightPhase

__all__ = ["kernel_module"]

_double = ir.DoubleType()


def kernel_module(target: Target, itemsize: int, timed: bool = False) -> Any:
    """Return the module of all kernels for one precision; timed ones count what parts take."""
    module = ir.Module("kernels")
    if timed:
        write_clock(module)
    products = Products.of(module, target, itemsize)
    nonzeros = Nonzeros.of(module, target, itemsize)
    rows = RowPhase.of(module, target, itemsize, products, nonzeros)
    weights = WeightPhase.of(module, target, itemsize, products, nonzeros)
    write_gathers(module, target, itemsize)
    write_entries(module, itemsize)
    element = float_type(itemsize)
    clipping = Clipping.of(module, target, itemsize, weights)
    _train(module, element, rows, nonzeros, weights, clipping)
    _unpack(module, weights)
    _score(module, element, rows, weights)
    _score_here(module)
    _measure(module, element, rows, weights)
    return module


def _unit(code: Code, job: Value, number: Value) -> Value:
    return place(code, job, Job.units_at).at(number * len(UnitRow), whole)


def _sum(code: Code, values: Value, n: Value) -> Value:
    """Add float64 numbers up in four accumulators."""
    sums = [Variable(code, code.value(0.0, _double)) for _ in range(4)]
    fours = n - (n & 3)
    with code.loop(0, fours, 4) as i:
        for lane, total in enumerate(sums):
            total.set(total.get() + values.load(_double, i + lane))
    with code.loop(fours, n) as i:
        sums[0].set(sums[0].get() + values.load(_double, i))
    one, two, three, four = (total.get() for total in sums)
    return (one + two) + (three + four)


def _train(
    module: Any,
    element: Any,
    rows: RowPhase,
    nonzeros: Nonzeros,
    weights: WeightPhase,
    clipping: Clipping,
) -> None:
    code = entry(module, "train", [pointer, whole])
    job, thread = code.arguments
    mark(code, Part.outside)
    team = Team(code, job, thread)
    units = field(code, job, Job.units)
    stride = field(code, job, Job.scratch_stride)
    scratch = place(code, job, Job.scratch_at).at(thread * stride, ir.IntType(8))
    layers = place(code, job, Job.layers_at)
    with code.when(field(code, job, Job.pack) != 0):
        _packed(code, job, team, weights)
    steps, batch = field(code, job, Job.steps), field(code, job, Job.batch)
    all_rows, block = field(code, job, Job.rows), field(code, job, Job.block)
    fixed = code.cast(field(code, job, Job.divisor), _double)
    result = place(code, job, Job.result_at)
    total, total_weight, last = (
        Variable(code, result.load(_double, int(name)))
        for name in (Result.loss, Result.weight, Result.last_loss)
    )
    step = Variable(code, code.value(0))
    limit = result.load(_double, len(Result))
    mark(code, Part.packing)
    with code.forever() as out:
        number = step.get()
        code.leave_if((number >= steps) | called_off(team), out)
        first = number * batch
        n = code.least(all_rows - first, batch)
        n_float = code.cast(n, _double)
        weight = _batch_weight(code, job, element, first, n)
        stopped = Variable(code, code.value(0))
        with code.when(weight > 0.0):
            divisor = code.where(fixed > 0.0, fixed, n_float)
            offset = number * field(code, job, Job.layers) * KEYS
            keys = place(code, job, Job.keys_at).at(offset, whole)
            with team.units((n + block - 1) // block) as unit:
                row = unit * block
                m = code.least(n - row, block)
                mark(code, Part.rest)
                code.call(rows.forward, job, layers, row, m, first + row, keys)
                code.call(rows.targets, job, row, m, first + row)
                code.call(rows.losses, job, layers, row, row, row, m, divisor, scratch)
                code.call(rows.backward, job, layers, row, m, scratch, keys)
            # all threads add the same numbers in the same order, and so agree
            batch_loss = _sum(code, place(code, job, Job.losses_at), n)
            mean = batch_loss / n_float
            last.set(mean)
            # a limit that is no number stops nothing
            with code.choice((mean <= limit) | (limit != limit)) as (good, bad):
                with good:
                    offset = number * field(code, job, Job.step_constants)
                    constants = place(code, job, Job.constants_at).at(offset, _double)
                    clipped = field(code, job, Job.clipped_update) != 0
                    with code.when(field(code, layers, LayerRow.starts_at) != 0):
                        strips = field(code, layers, LayerRow.strips)
                        with team.units(strips) as strip:
                            code.call(nonzeros.sort, layers, n, strip)
                    with team.units(units) as unit:
                        table = _unit(code, job, unit)
                        mark(code, Part.rest)
                        code.call(weights.update, job, table, n, constants, scratch)
                        with code.when(clipped):
                            code.call(clipping.squares, job, table, unit)
                    with code.when(clipped):
                        factor = code.call(clipping.factor, job)
                        with team.units(units) as unit:
                            code.call(
                                clipping.apply, job, _unit(code, job, unit), constants, factor
                            )
                    total.set(total.get() + batch_loss)
                    total_weight.set(total_weight.get() + weight)
                with bad:
                    stopped.set(1)
        code.leave_if(stopped.get() != 0, out)
        step.set(number + 1)
    mark(code, Part.rest)
    with code.when(field(code, job, Job.unpack) != 0), team.units(units) as unit:
        code.call(weights.unpack, job, _unit(code, job, unit))
    mark(code, Part.packing)
    with code.when(thread == 0):
        result.store(total.get(), int(Result.loss))
        result.store(total_weight.get(), int(Result.weight))
        before = result.load(_double, int(Result.steps))
        result.store(before + code.cast(step.get(), _double), int(Result.steps))
        result.store(last.get(), int(Result.last_loss))
    code.end()


def _unpack(module: Any, weights: WeightPhase) -> None:
    """Write the panels to flat arrays, on one thread: the end of a run that was interrupted."""
    code = entry(module, "unpack_all", [pointer, whole])
    job, _ = code.arguments
    with code.loop(0, field(code, job, Job.units)) as unit:
        code.call(weights.unpack, job, _unit(code, job, unit))
    code.end()


def _batch_weight(code: Code, job: Value, element: Any, first: Value, n: Value) -> Value:
    """Return the sum of the weights of a batch; without weights, the number of its rows."""
    weights = place(code, job, Job.weight_at)
    total = Variable(code, code.cast(n, _double))
    with code.when(field(code, job, Job.weight_at) != 0):
        total.set(0.0)
        with code.loop(0, n) as i:
            weight = weights.load(element, ordered(code, job, first + i))
            total.set(total.get() + code.cast(weight, _double))
    return total.get()


def _own_layers(code: Code, job: Value, thread: Value) -> Value:
    offset = thread * field(code, job, Job.layers_stride)
    return place(code, job, Job.layers_at).at(offset, whole)


def _packed(code: Code, job: Value, team: Team, weights: WeightPhase) -> None:
    with team.units(field(code, job, Job.units)) as unit:
        code.call(weights.pack, job, _unit(code, job, unit))


def _blocks(code: Code, job: Value, team: Team) -> Any:
    n, block = field(code, job, Job.rows), field(code, job, Job.block)
    return team.units((n + block - 1) // block), n, block


def _score(module: Any, element: Any, rows: RowPhase, weights: WeightPhase) -> None:
    """Write the scores of all rows, a block at a time, in buffers of the thread's own."""
    code = entry(module, "score", [pointer, whole])
    job, thread = code.arguments
    team = Team(code, job, thread)
    direct = field(code, job, Job.direct) != 0
    with code.when(~direct):
        _packed(code, job, team, weights)
    layers = _own_layers(code, job, thread)
    last = layer_row(layers, field(code, job, Job.layers) - 1)
    n_out, ld = field(code, last, LayerRow.n_out), field(code, last, LayerRow.ld)
    out = place(code, job, Job.out_at)
    nothing = code.address(code.value(0))
    blocks, n, block = _blocks(code, job, team)
    with blocks as unit:
        first = unit * block
        m = code.least(n - first, block)
        with code.choice(direct) as (few, many):
            with few:
                code.call(rows.forward_direct, job, layers, 0, m, first, nothing)
            with many:
                code.call(rows.forward, job, layers, 0, m, first, nothing)
        scores = place(code, last, LayerRow.a_at)
        with code.loop(0, m) as row, code.loop(0, n_out) as column:
            out.store(scores.load(element, row * ld + column), (first + row) * n_out + column)
    code.end()


def _score_here(module: Any) -> None:
    """Write (self, nothing): `score` of the job whose address is the Python integer ``self``."""
    code = function(module, "score_here", [pointer, pointer], pointer, inner=False)
    itself, _ = code.arguments
    known = {
        name: ir.Function(module, ir.FunctionType(pointer, [pointer]), name)
        for name in PYTHON_FUNCTIONS
    }
    job = code.call(known["PyLong_AsVoidPtr"], itself)
    code.call(module.get_global("score"), job, 0)
    code.end(code.call(known["Py_NewRef"], itself))


def _measure(module: Any, element: Any, rows: RowPhase, weights: WeightPhase) -> None:
    """Write the weighted losses of all rows: the losses in one buffer for all of them."""
    code = entry(module, "measure", [pointer, whole])
    job, thread = code.arguments
    team = Team(code, job, thread)
    _packed(code, job, team, weights)
    layers = _own_layers(code, job, thread)
    nothing = code.address(code.value(0))
    blocks, n, block = _blocks(code, job, team)
    with blocks as unit:
        first = unit * block
        m = code.least(n - first, block)
        code.call(rows.forward, job, layers, 0, m, first, nothing)
        own = thread * block
        code.call(rows.targets, job, own, m, first)
        code.call(rows.losses, job, layers, 0, own, first, m, code.value(1.0, _double), nothing)
    code.end()
