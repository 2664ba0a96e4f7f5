"""How threads share work inside a kernel: units from a counter, and a barrier after each phase.

Which thread takes a unit is left to chance; what the unit computes is not, so the numbers are the
same for any number of threads.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from chainrule.engines.compiled.tables import Job, field, place
from chainrule.engines.compiled.values import Code, Value, Variable, whole

__all__ = ["LINE", "Team"]

# 64-bit integers of one cache line: counters in lines of their own do not slow each other.
LINE = 8
UNITS, ARRIVED, ABORT = 0, LINE, 2 * LINE
# Looks at the barrier before the processor is given to other threads: about 10 microseconds.
SPINS = 500


class Team:
    """The threads of one kernel call, seen from one of them."""

    def __init__(self, code: Code, job: Value) -> None:
        self.code = code
        self.size = field(code, job, Job.threads)
        self._counters = place(code, job, Job.counters_at)
        self._give_way = field(code, job, Job.give_way)
        self._handed_out = Variable(code, code.value(0))
        self._barriers = Variable(code, code.value(0))

    def _counter(self, which: int) -> Value:
        return self._counters.at(which, whole)

    def _add(self, which: int, number: int) -> Value:
        builder = self.code.builder
        one = ir.Constant(whole, number)
        return Value(self.code, builder.atomic_rmw("add", self._counter(which).ir, one, "acq_rel"))

    def _look(self, which: int) -> Value:
        builder = self.code.builder
        counter = self._counter(which).ir
        return Value(self.code, builder.load_atomic(counter, "acquire", 8, typ=whole))

    @contextmanager
    def units(self, count: Value) -> Iterator[Value]:
        """Take units 0 to count - 1, each by one thread; all are done when the block ends."""
        code = self.code
        alone = self.size == 1
        own = Variable(code, code.value(0))
        taken = Variable(code, code.value(0))
        with code.forever() as out:
            with code.choice(alone) as (yes, no):
                with yes:
                    taken.set(own.get())
                    own.set(own.get() + 1)
                with no:
                    taken.set(self._add(UNITS, 1) - self._handed_out.get())
            unit = taken.get()
            # below 0 only where a team was called off and its members are in different phases
            code.leave_if((unit >= count) | (unit < 0), out)
            yield unit
        # every thread has asked once too often
        self._handed_out.set(self._handed_out.get() + count + self.size)
        with code.when(self.size > 1):
            self.barrier()

    def barrier(self) -> None:
        """Wait until all threads are here; a team that is called off does not wait."""
        code = self.code
        number = self._barriers.get() + 1
        self._barriers.set(number)
        everyone = number * self.size
        self._add(ARRIVED, 1)
        spins = Variable(code, code.value(0))
        with code.forever() as out:
            code.leave_if(self._look(ARRIVED) >= everyone, out)
            spins.set(spins.get() + 1)
            with code.choice(spins.get() > SPINS) as (long, short):
                with long:
                    code.leave_if(self._look(ABORT) != 0, out)
                    code.call_address(self._give_way)
                with short:
                    _pause(code)


def _pause(code: Code) -> None:
    """Tell the processor that this is a loop that waits."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return
    name = "llvm.x86.sse2.pause"
    known = code.module.globals.get(name)
    if known is None:
        known = ir.Function(code.module, ir.FunctionType(ir.VoidType(), []), name)
    code.builder.call(known, [])


def called_off(team: Team) -> Value:
    """Return whether the team has been called off."""
    return team._look(ABORT) != 0
