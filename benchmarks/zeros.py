"""Training steps on inputs that are mostly zeros: over all of them, and over the others only.

    pip install . && python benchmarks/zeros.py

It writes ``benchmarks/results/zeros.md``. One process, one thread, processor time; both ways take
turns on the same rows, and the best of the rounds is kept. By default the engine chooses by the
share of the inputs that are not 0; here it is told.
"""

import time
from types import SimpleNamespace

import numpy as np
from cases import Case
from report import arguments, duration, machine, markdown, write

from chainrule import Network, optimizers
from chainrule.engines.compiled import engine, zeros
from chainrule.engines.engine import Rows
from chainrule.model.objective import Objective

SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
NETWORKS = (
    Case((100, 16, 1), 200),
    Case((100, 100, 1), 200),
    Case((400, 100, 1), 200),
    Case((784, 128, 64, 1), 128),
    Case((784, 512, 512, 1), 128),
)


def seconds_per_step(trainer: engine.CompiledEngine, case: Case, rows: Rows) -> float:
    """Return the time of one step in one pass over the rows."""
    start = trainer.objective.network.start(0, "float32").vector
    slots = trainer.optimizer.start(np, start)
    position = SimpleNamespace(vector=start, slots=slots, step=0, seed=0)
    order = np.random.default_rng(0).permutation(len(rows))
    rates = np.full(len(order) // case.batch, 1e-4)
    began = time.thread_time()
    trainer.epoch(position, rows, order, case.batch, rates, np.inf)
    return (time.thread_time() - began) / len(rates)


def ratios(case: Case, rounds: int) -> list[str]:
    """Return a line: the time of a step over all inputs, and shares of it over some."""
    objective = Objective(Network.of_widths(case.widths, "relu"), "mse")
    trainer = engine.CompiledEngine(objective, optimizers.get("sgd", momentum=0.9), 1)
    x, y = case.data()
    left = np.random.default_rng(1).random(x.shape)
    best: dict[tuple[float, bool], float] = {}
    for _ in range(rounds):
        for share in SHARES:
            rows = Rows(np.where(left < share, x, 0), y.astype(np.float32), None)
            for skip in (False, True):
                zeros.worth_skipping = lambda *_, skip=skip: skip
                taken = seconds_per_step(trainer, case, rows)
                best[share, skip] = min(best.get((share, skip), taken), taken)
    every = min(best[share, False] for share in SHARES)
    return [case.name, duration(every), *(f"{best[share, True] / every:.2f}" for share in SHARES)]


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    head = ["network @ batch", "over all inputs", *(f"{share:.0%} not 0" for share in SHARES)]
    text = (
        f"{machine()}. float32, SGD with momentum, relu, squared error, one thread; what is not 0 "
        "stands in random places. First the time of a step over all inputs, then the time over "
        "those that are not 0 as a part of it. The numbers have the same bits.\n"
    )
    lines = [ratios(case, options.rounds) for case in NETWORKS]
    write(
        options.out, "zeros", "\n".join(["# Inputs that are zeros\n", text, markdown(head, lines)])
    )


if __name__ == "__main__":
    main()
