"""Threads with one core taken by another process: the mean time of a training step.

    pip install . -r benchmarks/requirements.txt && python benchmarks/busy.py

It writes ``benchmarks/results/busy.md``. The other process computes without end on the second of
two cores. Means are what counts here: a best would be a moment at which it was not scheduled.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cases import CASES
from report import arguments, duration, machine, markdown, write
from steps import Worker

PEERS = ("chainrule", "PyTorch", "JAX", "scikit-learn")
CHOSEN = ("20-64-64-2 @ 256", "784-128-64-10 @ 128", "784-512-512-10 @ 128")
Means = dict[tuple[int, bool], float]


@contextmanager
def other_process(busy: bool) -> Iterator[None]:
    """Keep the second core busy, or leave it free."""
    if not busy:
        yield
        return
    core = sorted(os.sched_getaffinity(0))[1]
    endless = f"import os; os.sched_setaffinity(0, [{core}])\nwhile True: pass"
    process = subprocess.Popen([sys.executable, "-c", endless])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def measure(options: argparse.Namespace) -> dict[tuple[str, str], Means]:
    """Return the mean seconds per step by (case, peer), then by (threads, busy)."""
    found: dict[tuple[str, str], Means] = {}
    for threads in (1, 2):
        workers = {peer: Worker(peer, threads) for peer in options.peers}
        for number, case in enumerate(CASES):
            if case.name not in options.cases:
                continue
            for peer, worker in workers.items():
                for busy in (False, True):
                    worker.ask(number, "sgd", 0.1)  # compiles, before the other process starts
                    with other_process(busy):
                        answer = worker.ask(number, "sgd", options.seconds)
                    if "error" in answer:
                        print(f"{peer}, {case.name}: {answer['error']}", file=sys.stderr)
                        continue
                    found.setdefault((case.name, peer), {})[threads, busy] = answer["mean"]
        for worker in workers.values():
            worker.close()
    return found


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--cases", nargs="*", default=list(CHOSEN))
    parser.add_argument("--seconds", type=float, default=3.0, help="per case, peer and setting")
    options = parser.parse_args()
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        parser.error("needs Linux and two cores, to bind the other process to one of them.")
    lines = []
    for (case, peer), means in measure(options).items():
        if len(means) < 4:
            continue
        times = [means[threads, busy] for threads in (1, 2) for busy in (False, True)]
        slower = means[2, True] / means[2, False]
        lines.append([case, peer, *map(duration, times), f"{slower:.1f}"])
    head = ["network @ batch", "", "1 thread", "1 thread, core taken", "2 threads"]
    head += ["2 threads, core taken", "slower by"]
    text = (
        "# Two threads, one core taken\n\n"
        f"{machine('torch', 'jax')}. float32, SGD with momentum: mean time of a training step over "
        f"{options.seconds:g} s, with the second of two cores free and taken by another process. "
        "With one thread that process has the other core.\n\n" + markdown(head, lines)
    )
    write(options.out, "busy", text)


if __name__ == "__main__":
    main()
