"""Teams on their own: every task is done once, and no thread passes a barrier early."""

import numpy as np
import pytest

from chainrule.engines.compiled.kinds import real
from chainrule.engines.compiled.structs import Table
from chainrule.engines.compiled.tables import ENTRY, Job
from chainrule.engines.compiled.teamwork import ABORT, LINE, SHARES, Team
from chainrule.engines.compiled.threads import give_way, run_team
from chainrule.engines.compiled.writing import function

ROUNDS = 3


def write(module):
    """Write rounds of two phases: each task counts itself, and then sees what all have counted."""
    code = function(module, "run", ENTRY, inner=False)
    job, thread = code.arguments("job", "thread")
    team = Team(code, job, thread)
    count, counts, seen = job[Job.rows], job[Job.losses_at], job[Job.squares_at]
    with code.loop(0, job[Job.steps], name="round"):
        with team.tasks(count) as task:
            counts.store(counts.load(real, task) + 1.0, task)
        with team.tasks(count) as task, code.loop(0, count) as other:
            seen.store(seen.load(real, task) + counts.load(real, other), task)
    code.end()


@pytest.fixture(scope="module")
def run(compiled):
    kernel = compiled("teamwork", ENTRY, write, itemsize=8)

    def run(threads, count, abort=False):
        job = Table(Job, np.float64)
        counters = np.zeros(SHARES + threads * LINE, np.int64)
        counts, seen = np.zeros((2, max(count, 1)))
        job[Job.threads], job[Job.rows], job[Job.steps] = threads, count, ROUNDS
        job[Job.counters_at], job[Job.give_way] = counters, give_way()
        job[Job.losses_at], job[Job.squares_at] = counts, seen

        def of(job, thread):
            if abort:
                counters[ABORT] = 1
            kernel(job=job, thread=thread)

        run_team(of, job.address, threads, counters)
        return counts[:count], seen[:count]

    return run


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 7, 16, 100])
def test_every_task_is_done_once_in_each_phase(run, threads, count):
    counts, seen = run(threads, count)
    assert (counts == ROUNDS).all()
    # a task of the second phase saw all of the first: 1 + 2 + ... rounds of every task
    assert (seen == count * ROUNDS * (ROUNDS + 1) / 2).all()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_team_that_is_called_off_takes_nothing_and_does_not_wait(run, threads):
    counts, seen = run(threads, 50, abort=True)
    assert not counts.any()
    assert not seen.any()
