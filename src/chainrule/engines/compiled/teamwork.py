"""Work that threads share inside a kernel: tasks from counters, and a barrier after each phase.

Chance decides which thread takes a task, not what the task computes, so the numbers are the same
for any number of threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from llvmlite import ir

from chainrule.engines.compiled.kinds import whole
from chainrule.engines.compiled.tables import Job
from chainrule.engines.compiled.values import Value, Variable
from chainrule.engines.compiled.writing import Code

__all__ = ["ABORT", "LINE", "SHARES", "Team", "called_off"]

# 64-bit integers of one cache line: counters in lines of their own do not slow each other.
LINE = 8
# Where they are: threads at the barrier, abort, and from there on the tasks of each share.
ARRIVED, ABORT, SHARES = 0, LINE, 2 * LINE
# Looks at the barrier before the processor is given to other threads: about 10 microseconds.
SPINS = 500


class Team:
    """The threads of one kernel call, seen from one of them."""

    def __init__(self, code: Code, job: Value, thread: Value) -> None:
        self.code = code
        self.size = job[Job.threads]
        self._thread = thread
        self._counters = job[Job.counters_at]
        self._give_way = job[Job.give_way]
        self._handed_out = Variable(code, code.value(0), "handed_out")
        self._barriers = Variable(code, code.value(0), "barriers")

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
    def tasks(self, count: Value) -> Iterator[Value]:
        """Take tasks 0 to count - 1, each by one thread; all are done when the block ends.

        A team that is called off takes no more of them.

        A thread has a share of its own, which it begins with, the same in every step: what it wrote
        in the last one is still near its core. Then it takes what others have left of theirs.
        """
        code = self.code
        share = (count + (self.size - 1)) // self.size
        whose = Variable(code, self._thread, "whose")
        asked = Variable(code, code.value(0), "asked")
        own = Variable(code, code.value(0), "own")
        taken = Variable(code, code.value(0), "taken")
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
                    task = whose.get() * share + taken.get()
                    with code.when(task < count):
                        yield task
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
        spins = Variable(code, code.value(0), "spins")
        with code.forever() as out:
            code.leave_if(self._look(ARRIVED) >= everyone, out)
            spins.set(spins.get() + 1)
            with code.choice(spins.get() > SPINS) as (long, short):
                with long:
                    code.leave_if(self._look(ABORT) != 0, out)
                    code.call_entry(self._give_way)
                with short:
                    _pause(code)


def _pause(code: Code) -> None:
    """Tell the processor that this is a loop that waits."""
    if code.module.target.family == "x86":
        code.builder.call(code.declared("llvm.x86.sse2.pause", []), [])


def called_off(team: Team) -> Value:
    """Return whether the team has been called off."""
    return team._look(ABORT) != 0
