"""Whole training steps: each peer in its own process, rounds interleaved, the best of all rounds.

    pip install . -r benchmarks/requirements.txt && python benchmarks/steps.py

It writes ``benchmarks/results/steps.md`` and ``steps.png``; with 512-bit vectors, those of
``steps-512``, and on Intel's processors those of ``steps-512-intel``.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from cases import CASES, Case
from peak import tile_peak
from peers import PEERS
from report import COLORS, arguments, machine, markdown, page, write

HERE = Path(__file__).parent


class Worker:
    """A peer's process."""

    def __init__(self, peer: str, threads: int) -> None:
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(variables, str(threads))}
        environment["XLA_FLAGS"] = "" if threads > 1 else "--xla_cpu_multi_thread_eigen=false"
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), peer, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            cwd=HERE,
        )

    def ask(self, case: int, optimizer: str, seconds: float) -> dict[str, float | str]:
        """Return the best and the mean of seconds per step, or an error."""
        question = {"case": case, "optimizer": optimizer, "seconds": seconds}
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def measure(options: argparse.Namespace) -> dict[tuple[int, str, str], dict[str, float]]:
    """Return seconds per step by (threads, optimizer, case) and peer."""
    best: dict[tuple[int, str, str], dict[str, float]] = {}
    for threads in options.threads:
        workers = {peer: Worker(peer, threads) for peer in options.peers}
        for turn in range(options.rounds):
            for optimizer in options.optimizers:
                for number, case in enumerate(CASES):
                    if options.only and options.only not in case.name:
                        continue
                    found = best.setdefault((threads, optimizer, case.name), {})
                    for peer, worker in workers.items():
                        answer = worker.ask(number, optimizer, options.seconds)
                        if "seconds" in answer:
                            found[peer] = min(found.get(peer, 1e9), answer["seconds"])
                        elif turn == 0:
                            print(f"{peer}, {case.name}: {answer['error']}", file=sys.stderr)
            print(f"{threads} thread(s), round {turn + 1} of {options.rounds}", file=sys.stderr)
        for worker in workers.values():
            worker.close()
    return best


def table(best: dict[tuple[int, str, str], dict[str, float]], peers: list[str], peak: float) -> str:
    """Return the figures as Markdown."""
    cases: dict[str, Case] = {case.name: case for case in CASES}
    lines = []
    for threads, optimizer in dict.fromkeys((key[0], key[1]) for key in best):
        rule = "SGD with momentum" if optimizer == "sgd" else "Adam"
        plural = "s" if threads > 1 else ""
        lines += [f"\n## {rule}, {threads} thread{plural}\n"]
        head = [f"{peer}, us" for peer in peers]
        head = ["network @ batch", *head, "rows/s", "GFLOP/s", "of tile peak", "best peer / ours"]
        rows = []
        for (n, rule_name, name), found in best.items():
            if (n, rule_name) != (threads, optimizer) or "chainrule" not in found:
                continue
            case, own = cases[name], found["chainrule"]
            others = [seconds for peer, seconds in found.items() if peer != "chainrule"]
            speed = case.flops / own / 1e9
            cells = [name, *(f"{found[p] * 1e6:,.1f}" if p in found else "" for p in peers)]
            cells += [f"{case.batch / own:,.0f}", f"{speed:.1f}", f"{speed / peak / threads:.0%}"]
            cells += [f"{min(others) / own:.2f}" if others else ""]
            rows.append(cells)
        lines.append(markdown(head, rows))
    return "\n".join(lines)


def several(best: dict[tuple[int, str, str], dict[str, float]]) -> str:
    """Return how many times as fast as one thread the others are, where both were measured."""
    counts = sorted({key[0] for key in best} - {1})
    rows = []
    for (threads, optimizer, name), found in best.items():
        if threads == 1 and optimizer == "sgd" and "chainrule" in found:
            others = [best.get((count, "sgd", name), {}).get("chainrule") for count in counts]
            own = found["chainrule"]
            cells = [f"{own / other:.2f}" if other else "" for other in others]
            rows.append([name, f"{own * 1e6:,.1f}", *cells])
    if not counts or not rows:
        return ""
    head = ["network @ batch", "chainrule on one, us"]
    head += [f"{count} threads, times as fast" for count in counts]
    return f"\n\n## More threads beside one, SGD with momentum\n\n{markdown(head, rows)}"


def plot(best: dict[tuple[int, str, str], dict[str, float]], peers: list[str], path: Path) -> None:
    """Draw how many times longer than ours a step of each peer takes."""
    from matplotlib.figure import Figure

    threads = min(key[0] for key in best)
    rows = {key[2]: found for key, found in best.items() if key[:2] == (threads, "sgd")}
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    axes = figure.subplots()
    others = [peer for peer in peers if peer != "chainrule"]
    for place, peer in enumerate(others):
        positions = [number + 0.8 * place / len(others) for number in range(len(rows))]
        ratios = [found.get(peer, 0.0) / found["chainrule"] for found in rows.values()]
        axes.barh(positions, ratios, 0.8 / len(others), color=COLORS[peer], label=peer)
    axes.axvline(1.0, color=COLORS["chainrule"], linewidth=2, label="chainrule")
    axes.set_yticks([number + 0.3 for number in range(len(rows))], list(rows))
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("time of a training step, chainrule = 1 (SGD with momentum, one thread)")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--optimizers", nargs="*", default=["sgd", "adam"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="per peer, case and round")
    parser.add_argument("--only", help="cases whose name holds this text")
    options = parser.parse_args()
    peak = tile_peak()
    best = measure(options)
    text = (
        "# Training steps\n\n"
        f"{machine('torch', 'jax')}. float32; microseconds per whole step (gather, "
        "forward, loss, backward, update), the best of interleaved rounds, each peer in its own "
        f"process. Tile peak measured in the same run: {peak:.0f} GFLOP/s per core.\n"
        + table(best, options.peers, peak)
        + several(best)
    )
    write(options.out, page("steps"), text)
    plot(best, options.peers, options.out / f"{page('steps')}.png")


if __name__ == "__main__":
    main()
