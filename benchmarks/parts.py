"""Where the time of a training step goes: kernels that read the clock after each of their parts.

    pip install . && python benchmarks/parts.py

The kernels are those that train, and one more instruction sequence behind each part; what that
costs is measured and taken off. One thread, on processors whose clock is the time stamp counter. It
writes ``benchmarks/results/parts.md``; with 512-bit vectors, ``parts-512.md``.
"""

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from cases import CASES, ROWS, Case
from llvmlite import ir
from peak import tile_peak
from peers import chainrule_epochs
from report import arguments, machine, markdown, page, write

from chainrule import Epoch
from chainrule.engines.compiled.kernel_code import Kernels
from chainrule.engines.compiled.kinds import Signature, whole
from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.memory import round_up
from chainrule.engines.compiled.parts import TABLE, Part, TimedPart, mark, parts_at, write_clock
from chainrule.engines.compiled.target import host_target
from chainrule.engines.compiled.writing import function

ITEMSIZE = 4
PRODUCTS = (Part.forward, Part.input_gradient, Part.weight_gradient)
WORDS = {
    Part.gather: "gather of the rows",
    Part.forward: "products forward",
    Part.activation: "activations",
    Part.dropout: "dropout",
    Part.targets: "targets and weights",
    Part.loss: "loss and its derivative",
    Part.input_gradient: "products of input gradients",
    Part.pullback: "pullbacks of activations",
    Part.copies: "copies of wide matrices",
    Part.weight_gradient: "products of weight gradients",
    Part.bias_gradient: "sums of bias gradients",
    Part.update: "optimizer",
    Part.transpose: "transposed weights",
    Part.rest: "loops over blocks and units, sum of the losses",
    Part.packing: "weights into panels and back, once an epoch",
    Part.outside: "Python: order of the rows, constants, bookkeeping",
}


@dataclass(frozen=True)
class Profile:
    """Seconds of one step: the least of each part in any epoch, and of an epoch with no clock.

    The tile peak is that of the same seconds, for clocks of processors change.
    """

    parts: dict[Part, float]
    plain: float
    peak: float


def clock() -> tuple[float, float]:
    """Return the seconds of a tick, and the ticks that one reading of the clock takes."""
    target, readings = host_target(), 100_000

    def build() -> ir.Module:
        module = ir.Module("readings")
        write_clock(module)
        code = function(module, "run", Signature(count=whole), inner=False)
        (count,) = code.arguments("count")
        with code.loop(0, count, 2):
            # in turns, as in a step: a reading does not wait for the numbers of the one before
            mark(code, Part.forward)
            mark(code, Part.rest)
        code.end()
        return module

    code = load(ModuleSource(target, "readings", str(build()), build))
    run = code.entry("run", Signature(count=whole)).function()
    table, best = parts_at(code.global_address(TABLE)), np.inf
    for _ in range(20):
        run(2)  # sets the time of the last reading
        table[:] = 0
        run(readings)
        best = min(best, table[:, TimedPart.ticks].sum() / table[:, TimedPart.readings].sum())
    table[:] = 0
    began = time.perf_counter()
    time.sleep(0.2)
    run(2)
    return (time.perf_counter() - began) / float(table[:, TimedPart.ticks].sum()), float(best)


def timed_kernels() -> Kernels:
    """Return the kernels with a clock."""
    return Kernels.of(host_target(), ITEMSIZE, timed=True)


def epochs(case: Case, rule: str, timed: bool) -> Iterator[Epoch]:
    """Return the epochs of a case, trained on one thread."""
    engine, trained = chainrule_epochs(case, rule, 1)
    engine.prepare("float32")
    if timed:
        engine._code["f"] = engine._code["f"]._replace(kernels=timed_kernels())
    return trained


def profile(case: Case, rule: str, seconds: float, tick: float, reading: float) -> Profile:
    """Measure a case for so many seconds, epochs with and without a clock in turns."""
    timed, plain = epochs(case, rule, True), epochs(case, rule, False)
    steps, table = ROWS // case.batch, timed_kernels().parts()
    next(timed), next(plain)
    peak = tile_peak()
    least, best_plain, spent = np.full(len(Part), np.inf), np.inf, 0.0
    while spent < seconds:
        table[:] = 0
        began = time.perf_counter()
        next(timed)
        between = time.perf_counter()
        next(plain)
        ended = time.perf_counter()
        spent += ended - began
        best_plain = min(best_plain, ended - between)
        # between two kernels the other epoch was trained: Python has what the kernels leave
        table[Part.outside, TimedPart.ticks] = 0
        table[Part.outside, TimedPart.ticks] = (between - began) / tick - table.sum(axis=0)[0]
        least = np.minimum(least, table[:, TimedPart.ticks])
    taken = np.maximum(least - reading * table[:, TimedPart.readings], 0.0) * tick / steps
    parts = {part: float(taken[part]) for part in Part}
    return Profile(parts, best_plain / steps, max(peak, tile_peak()))


def arithmetic(case: Case) -> float:
    """Return the operations of a step's products, on the columns that fill the last vectors too."""
    lanes, total = host_target().lanes(ITEMSIZE), 0
    for number, (n_in, n_out) in enumerate(zip(case.widths, case.widths[1:], strict=False)):
        total += 2 * n_in * round_up(n_out, lanes)
        total += round_up(n_in, lanes) * n_out if number else 0
    return 2.0 * case.batch * total


def table(cases: list[Case], profiles: list[Profile]) -> str:
    """Return a column for each case: microseconds of each part, and what it is of the step."""
    rows = []
    for part in Part:
        cells = [WORDS[part]]
        for one in profiles:
            share = one.parts[part] / sum(one.parts.values())
            cells.append(f"{one.parts[part] * 1e6:,.2f} ({share:.0%})" if share > 5e-4 else "")
        if any(cells[1:]):
            rows.append(cells)
    sums = [sum(one.parts.values()) for one in profiles]
    products = [sum(one.parts[part] for part in PRODUCTS) for one in profiles]
    rates = [
        case.flops / taken / 1e9 / one.peak
        for case, taken, one in zip(cases, products, profiles, strict=True)
    ]
    filled = [1 - case.flops / arithmetic(case) for case in cases]
    rows += [
        ["sum of the parts", *(f"{total * 1e6:,.2f}" for total in sums)],
        ["a step without a clock", *(f"{one.plain * 1e6:,.2f}" for one in profiles)],
        ["the products alone, of tile peak", *(f"{rate:.0%}" for rate in rates)],
        ["arithmetic on columns that fill vectors", *(f"{share:.0%}" for share in filled)],
    ]
    return markdown(["us per step", *(case.name for case in cases)], rows)


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="per case")
    parser.add_argument("--optimizers", nargs="*", default=["sgd", "adam"])
    parser.add_argument("--only", help="cases whose name holds this text")
    options = parser.parse_args()
    if platform.machine().lower() not in ("x86_64", "amd64"):
        sys.exit("The clock of this script is the time stamp counter of x86 processors.")
    tick, reading = clock()
    cases = [case for case in CASES if not options.only or options.only in case.name]
    text = (
        "# The parts of a training step\n\n"
        f"{machine()}. float32, one thread; microseconds and shares, the least of each part in "
        f"any epoch, the clock read after each part; a reading takes {reading * tick * 1e9:.0f} "
        "ns and is taken off. The tile peak is measured before and after each network.\n"
    )
    for rule in options.optimizers:
        words = "SGD with momentum" if rule == "sgd" else "Adam"
        profiles = [profile(case, rule, options.seconds, tick, reading) for case in cases]
        text += f"\n## {words}\n\n{table(cases, profiles)}\n"
    write(options.out, page("parts"), text)


if __name__ == "__main__":
    main()
