"""The machine code of a random order of rows: NumPy's, number by number, in less time.

NumPy swaps each place i, from the last on, with one drawn from 0 to i: the low bits of a draw of 32
bits, as many as i has, and where they make a number above i, those of the next draw. A quarter of
the draws is passed over, at random, and a processor cannot guess which; here nothing waits for it.
"""

from llvmlite import ir

from chainrule.engines.compiled.kinds import Address, Signature, small, truth, whole
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code, Module, function

__all__ = ["SHUFFLE", "write_shuffle"]

# Swap the places of an order from ``last`` down, with so many draws; return the last one left.
SHUFFLE = Signature(whole, order=Address(whole), last=whole, draws=Address(small), count=whole)


def write_shuffle(module: Module) -> None:
    """Write the function ``shuffle`` into a module."""
    code = function(module, "shuffle", SHUFFLE, inner=False)
    order, last, draws, count = code.arguments("order", "last", "draws", "count")
    place, used = Variable(code, last, "place"), Variable(code, code.value(0), "used")
    with code.forever() as out:
        code.leave_if((place.get() <= 0) | (used.get() >= count), out)
        mask = _ones(code, place.get()).named("mask")
        with code.forever() as fewer:
            i, number = place.get(), used.get()
            code.leave_if((i <= mask >> 1) | (number >= count), fewer)
            draw = Value(code, code.builder.zext(draws.load(small, number).ir, whole)) & mask
            # one that is passed over swaps a place with itself
            good = draw <= i
            other = code.where(good, draw, i)
            one, two = order.load(whole, i), order.load(whole, other)
            order.store(two, i)
            order.store(one, other)
            place.set(i - code.where(good, code.value(1), 0))
            used.set(number + 1)
    code.end(place.get())


def _ones(code: Code, number: Value) -> Value:
    """Return the number of as many bits as a positive one, all of them set."""
    zeros = code.declared("llvm.ctlz.i64", [whole, truth], whole)
    count = code.builder.call(zeros, [number.ir, ir.Constant(truth, 1)])
    return Value(code, code.builder.lshr(ir.Constant(whole, -1), count))
