"""How threads share work inside a kernel: units from counters, and a barrier after each phase.

Which thread takes a unit is left to chance; what the unit computes is not, so the numbers are the
same for any number of threads.
"""

import platform
from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from chainrule.engines.compiled.tables import Job, field, place
from chainrule.engines.compiled.values import Code, Value, Variable, whole

__all__ = ["ABORT", "LINE", "SHARES", "Team", "called_off"]

# 64-bit integers of one cache line: counters in lines of their own do not slow each other.
LINE = 8
# Where they are: threads at the barrier, abort, and from there on the units of each share.
ARRIVED, ABORT, SHARES = 0, LINE, 2 * LINE
# Looks at the barrier before the processor is given to other threads: about 10 microseconds.
SPINS = 500


class Team:
    """The threads of one kernel call, seen from one of them."""

    def __init__(self, code: Code, job: Value, thread: Value) -> None:
        self.code = code
        self.size = field(code, job, Job.threads)
        self._thread = thread
        self._counters = place(code, job, Job.counters_at)
        self._give_way = field(code, job, Job.give_way)
        self._handed_out = Variable(code, code.value(0))
        self._barriers = Variable(code, code.value(0))

    def _counter(self, which: int | Value) -> Value:
        return self._counters.at(which, whole)

    def _add(self, which: int | Value, number: int) -> Value:
        builder = self.code.builder
        one = ir.Constant(whole, number)
        return Value(self.code, builder.atomic_rmw("add", self._counter(which).ir, one, "acq_rel"))

    def _look(self, which: int) -> Value:
        builder = self.code.builder
        counter = self._counter(which).ir
        return Value(self.code, builder.load_atomic(counter, "acquire", 8, typ=whole))

    @contextmanager
    def units(self, count: Value) -> Iterator[Value]:
        """Take units 0 to count - 1, each by one thread; all are done when the block ends.

        A team that is called off takes no more of them.

        A thread has a share of its own, which it begins with, the same in every step: what it wrote
        in the last one is still near its core. Then it takes what others have left of theirs. Two
        threads train 784-128-64-10 at 128 rows 1.63 times as fast as one; 1.52 times without.
        """
        code = self.code
        share = (count + (self.size - 1)) // self.size
        whose, asked = Variable(code, self._thread), Variable(code, code.value(0))
        own = Variable(code, code.value(0))
        taken = Variable(code, code.value(0))
        with code.forever() as out:
            code.leave_if(called_off(self), out)
            with code.choice(self.size == 1) as (alone, several):
                with alone:
                    taken.set(own.get())
                    own.set(own.get() + 1)
                with several:
                    counter = SHARES + whose.get() * LINE
                    taken.set(self._add(counter, 1) - self._handed_out.get())
            # below 0 only where a team was called off and its members are in different phases
            code.leave_if(taken.get() < 0, out)
            with code.choice(taken.get() >= share) as (none_left, one):
                with none_left:
                    asked.set(asked.get() + 1)
                    following = whose.get() + 1
                    whose.set(code.where(following == self.size, 0, following))
                with one:
                    unit = whose.get() * share + taken.get()
                    with code.when(unit < count):
                        yield unit
            code.leave_if(asked.get() >= self.size, out)
        # every thread has asked once too often for every share
        self._handed_out.set(self._handed_out.get() + share + self.size)
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
    code.builder.call(code.declared("llvm.x86.sse2.pause", []), [])


def called_off(team: Team) -> Value:
    """Return whether the team has been called off."""
    return team._look(ABORT) != 0
