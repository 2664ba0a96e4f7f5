"""The entry points: many steps of training, scores, and losses, each by a team of threads.

All have the signature `ENTRY`; `tables.Job` lists the fields of a job. One more, `score_here`, is a
function of Python without arguments: the interpreter calls it itself.
"""

from contextlib import AbstractContextManager

from llvmlite import ir

from chainrule.engines.compiled.clipping import Clipping
from chainrule.engines.compiled.dropout import KEYS
from chainrule.engines.compiled.entries import write_entries
from chainrule.engines.compiled.forward import ordered
from chainrule.engines.compiled.gathers import write_gathers
from chainrule.engines.compiled.kinds import BYTES, NUMBERS, Address, Signature, real, whole
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.parts import Part, mark, write_clock
from chainrule.engines.compiled.rounding import Pairing, Rounding
from chainrule.engines.compiled.row_phase import RowPhase
from chainrule.engines.compiled.shuffling import write_shuffle
from chainrule.engines.compiled.subnormals import entry
from chainrule.engines.compiled.tables import BUILTIN, ENTRY, Job, LayerRow, Result
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.teamwork import Team, called_off
from chainrule.engines.compiled.threads import PYTHON_FUNCTIONS
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.weight_phase import WeightPhase
from chainrule.engines.compiled.writing import Code, Function, Module, function

__all__ = ["kernel_module"]


def kernel_module(
    target: Target, itemsize: int, timed: bool = False, rounding: Rounding | None = None
) -> Module:
    """Return the module of all kernels for one precision.

    Timed ones count what parts take. Of those with rounded products there is training alone.
    """
    module = Module("kernels", target, itemsize)
    if timed:
        write_clock(module)
    products = Products.of(module, rounding)
    pairing = None if rounding is None else Pairing.of(module, rounding)
    nonzeros = Nonzeros.of(module)
    rows = RowPhase.of(module, products, nonzeros, pairing)
    weights = WeightPhase.of(module, products, nonzeros, pairing)
    clipping = Clipping.of(module, weights)
    _train(module, rows, nonzeros, weights, clipping)
    if rounding is not None:
        return module
    write_gathers(module)
    write_entries(module)
    write_shuffle(module)
    _unpack(module, weights)
    score = _score(module, rows, weights)
    _score_here(module, score)
    _measure(module, rows, weights)
    return module


def _sum(code: Code, values: Value, n: Value) -> Value:
    """Add float64 numbers up in four accumulators."""
    sums = [Variable(code, code.value(0.0, real), f"sum_{lane}") for lane in range(4)]
    fours = n - (n & 3)
    with code.loop(0, fours, 4) as i:
        for lane, total in enumerate(sums):
            total.set(total.get() + values.load(real, i + lane))
    with code.loop(fours, n) as i:
        sums[0].set(sums[0].get() + values.load(real, i))
    one, two, three, four = (total.get() for total in sums)
    return (one + two) + (three + four)


def _train(
    module: Module, rows: RowPhase, nonzeros: Nonzeros, weights: WeightPhase, clipping: Clipping
) -> None:
    code = entry(module, "train", ENTRY)
    job, thread = code.arguments("job", "thread")
    mark(code, Part.outside)
    team = Team(code, job, thread)
    units = job[Job.units]
    stride = job[Job.scratch_stride]
    scratch = job[Job.scratch_at].at(thread * stride, ir.IntType(8)).seen_as(NUMBERS)
    layers = job[Job.layers_at]
    with code.when(job[Job.pack] != 0):
        _packed(code, job, team, weights)
    steps, batch = job[Job.steps], job[Job.batch]
    all_rows, block = job[Job.rows], job[Job.block]
    fixed = code.cast(job[Job.divisor], real)
    result = job[Job.result_at]
    total, total_weight, last = (
        Variable(code, result[name], name.name)
        for name in (Result.loss, Result.weight, Result.last_loss)
    )
    step = Variable(code, code.value(0), "step")
    limit = result[Result.limit]
    mark(code, Part.packing)
    with code.forever() as out:
        number = step.get()
        code.leave_if((number >= steps) | called_off(team), out)
        first = number * batch
        n = code.least(all_rows - first, batch)
        n_real = code.cast(n, real)
        weight = _batch_weight(code, job, first, n)
        stopped = Variable(code, code.value(0), "stopped")
        with code.when(weight > 0.0):
            divisor = code.where(fixed > 0.0, fixed, n_real)
            offset = number * job[Job.layers] * KEYS
            keys = job[Job.keys_at].at(offset, whole).named("keys")
            with team.tasks((n + block - 1) // block) as task:
                row = (task * block).named("row")
                m = code.least(n - row, block)
                mark(code, Part.rest)
                _block_of_batch(
                    code, rows, job, layers, row, m, first + row, divisor, scratch, keys
                )
            # all threads add the same numbers in the same order, and so agree
            batch_loss = _sum(code, job[Job.losses_at], n)
            mean = (batch_loss / n_real).named("mean_loss")
            last.set(mean)
            # a limit that is NaN stops nothing
            with code.choice((mean <= limit) | (limit != limit)) as (good, bad):
                with good:
                    offset = number * job[Job.step_constants]
                    constants = job[Job.constants_at].at(offset, real)
                    clipped = job[Job.clipped_update].present
                    with code.when(layers[LayerRow.starts_at].present):
                        strips = layers[LayerRow.strips]
                        with team.tasks(strips) as strip:
                            code.call(nonzeros.sort, layer=layers, batch=n, strip=strip)
                    with team.tasks(units) as task:
                        unit = job[Job.units_at].row(task)
                        mark(code, Part.rest)
                        code.call(
                            weights.update,
                            job=job,
                            unit=unit,
                            batch=n,
                            constants=constants,
                            gradient=scratch,
                        )
                        with code.when(clipped):
                            code.call(clipping.squares, job=job, unit=unit, number=task)
                    with code.when(clipped):
                        factor = code.call(clipping.factor, job=job)
                        with team.tasks(units) as task:
                            unit = job[Job.units_at].row(task)
                            code.call(
                                clipping.apply,
                                job=job,
                                unit=unit,
                                constants=constants,
                                factor=factor,
                            )
                    total.set(total.get() + batch_loss)
                    total_weight.set(total_weight.get() + weight)
                with bad:
                    stopped.set(1)
        code.leave_if(stopped.get() != 0, out)
        step.set(number + 1)
    mark(code, Part.rest)
    with code.when(job[Job.unpack] != 0), team.tasks(units) as task:
        code.call(weights.unpack, job=job, unit=job[Job.units_at].row(task))
    mark(code, Part.packing)
    with code.when(thread == 0):
        result[Result.loss] = total.get()
        result[Result.weight] = total_weight.get()
        result[Result.steps] = result[Result.steps] + code.cast(step.get(), real)
        result[Result.last_loss] = last.get()
    code.end()


def _block_of_batch(
    code: Code,
    rows: RowPhase,
    job: Value,
    layers: Value,
    row: Value,
    m: Value,
    first: Value,
    divisor: Value,
    scratch: Value,
    keys: Value,
) -> None:
    """Write the first phase of ``m`` rows from row ``row`` of the batch on."""
    code.call(
        rows.forward,
        job=job,
        layers=layers,
        row=row,
        rows=m,
        first=first,
        keys=keys,
        scratch=scratch,
    )
    code.call(rows.targets, job=job, row=row, rows=m, first=first)
    code.call(
        rows.losses,
        job=job,
        layers=layers,
        row=row,
        target_row=row,
        loss_row=row,
        rows=m,
        divisor=divisor,
        scratch=scratch,
    )
    code.call(rows.backward, job=job, layers=layers, row=row, rows=m, scratch=scratch, keys=keys)


def _unpack(module: Module, weights: WeightPhase) -> None:
    """Write the panels to flat arrays, on one thread: the end of a run that was interrupted."""
    code = entry(module, "unpack_all", ENTRY)
    job, _ = code.arguments("job", "thread")
    with code.loop(0, job[Job.units], name="unit") as unit:
        code.call(weights.unpack, job=job, unit=job[Job.units_at].row(unit))
    code.end()


def _batch_weight(code: Code, job: Value, first: Value, n: Value) -> Value:
    """Return the sum of the weights of a batch; without weights, the number of its rows."""
    weights = job[Job.weight_at]
    total = Variable(code, code.cast(n, real), "batch_weight")
    with code.when(weights.present):
        total.set(0.0)
        with code.loop(0, n, name="row") as i:
            weight = weights.load(code.element, ordered(code, job, first + i))
            total.set(total.get() + code.cast(weight, real))
    return total.get()


def _own_layers(job: Value, thread: Value) -> Value:
    """Return the rows of the layers that are a thread's own."""
    return job[Job.layers_at].row(thread * job[Job.layers_stride])


def _packed(code: Code, job: Value, team: Team, weights: WeightPhase) -> None:
    with team.tasks(job[Job.units]) as task:
        code.call(weights.pack, job=job, unit=job[Job.units_at].row(task))


def _blocks(job: Value, team: Team) -> tuple[AbstractContextManager[Value], Value, Value]:
    n, block = job[Job.rows], job[Job.block]
    return team.tasks((n + block - 1) // block), n, block


def _score(module: Module, rows: RowPhase, weights: WeightPhase) -> Function:
    """Write the scores of all rows, a block at a time, in buffers of the thread's own."""
    code = entry(module, "score", ENTRY)
    job, thread = code.arguments("job", "thread")
    team = Team(code, job, thread)
    direct = job[Job.direct] != 0
    with code.when(~direct):
        _packed(code, job, team, weights)
    layers = _own_layers(job, thread)
    last = layers.row(job[Job.layers] - 1)
    n_out, ld = last[LayerRow.n_out], last[LayerRow.ld]
    out = job[Job.out_at]
    blocks, n, block = _blocks(job, team)
    with blocks as task:
        first = task * block
        rows_here = {
            "job": job,
            "layers": layers,
            "row": 0,
            "rows": code.least(n - first, block),
            "first": first,
            "keys": code.null(),
            "scratch": code.null(),
        }
        with code.choice(direct) as (few, many):
            with few:
                code.call(rows.forward_direct, **rows_here)
            with many:
                code.call(rows.forward, **rows_here)
        scores, m = last[LayerRow.a_at], rows_here["rows"]
        with code.loop(0, m, name="row") as row, code.loop(0, n_out, name="column") as column:
            score = scores.load(code.element, row * ld + column)
            out.store(score, (first + row) * n_out + column)
    code.end()
    return Function(module.get_global("score"), ENTRY)


def _score_here(module: Module, score: Function) -> None:
    """Write `score` of the job whose address is the Python integer ``itself``."""
    code = function(module, "score_here", BUILTIN, inner=False)
    itself, _ = code.arguments("itself", "nothing")
    signature = Signature(Address(BYTES), number=Address(BYTES))
    as_address, new_reference = (
        Function(ir.Function(module, signature.ir(), name), signature) for name in PYTHON_FUNCTIONS
    )
    job = code.call(as_address, number=itself).seen_as(Job)
    code.call(score, job=job, thread=0)
    code.end(code.call(new_reference, number=itself))


def _measure(module: Module, rows: RowPhase, weights: WeightPhase) -> None:
    """Write the weighted losses of all rows: the losses in one buffer for all of them."""
    code = entry(module, "measure", ENTRY)
    job, thread = code.arguments("job", "thread")
    team = Team(code, job, thread)
    _packed(code, job, team, weights)
    layers = _own_layers(job, thread)
    blocks, n, block = _blocks(job, team)
    with blocks as task:
        first = task * block
        m = code.least(n - first, block)
        nothing = code.null()
        code.call(
            rows.forward,
            job=job,
            layers=layers,
            row=0,
            rows=m,
            first=first,
            keys=nothing,
            scratch=nothing,
        )
        own = thread * block
        code.call(rows.targets, job=job, row=own, rows=m, first=first)
        code.call(
            rows.losses,
            job=job,
            layers=layers,
            row=0,
            target_row=own,
            loss_row=first,
            rows=m,
            divisor=1.0,
            scratch=nothing,
        )
    code.end()
