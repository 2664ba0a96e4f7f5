"""Kill workers and drivers of fits in rounds at random moments: the bits must stay the same.

    python benchmarks/lost_workers.py --workers 20 --drivers 5 --stops 3
    python benchmarks/lost_workers.py --workers 20 --drivers 0 --stops 0 --dask

Each run trains a classifier on two shards by two processes, or by a LocalCluster. In the first kind
of run one worker is killed at a random moment by kill -9; in the second the driver is, with what it
has begun, and another one resumes its checkpoint; in the third a worker is stopped for ten seconds.
Counted are runs that end with other bits than an undisturbed one, or leave files or processes.
"""

import argparse
import hashlib
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

ROWS, EPOCHS, STOP = 120_000, 20, 10.0
DIGEST = "digest of the parameters: "


def fit(client: Any = None, **options: Any) -> str:
    """Fit, and return a digest of the parameters and the curve."""
    from chainrule import MLPClassifier, distributed

    drawn = np.random.default_rng(3)
    X = drawn.normal(size=(ROWS, 30)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + np.abs(X[:, 2]) > 1.0).astype(int)
    model = MLPClassifier(hidden_layer_sizes=(64, 64), max_iter=EPOCHS, random_state=0, tol=0.0)
    where = {"n_workers": 2} if client is None else {"client": client}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distributed.fit(model, X, y, n_shards=2, **where, **options)
    found = hashlib.sha256(model.parameters_.vector.tobytes())
    found.update(np.array(model.loss_curve_).tobytes())
    return found.hexdigest()


def workers_of(parent: int) -> list[int]:
    """Return the worker processes that a process has begun."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            parts = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
            if int(parts[1]) == parent and b"chainrule.distributed.process" in command:
                found.append(int(status.parent.name))
    return found


def disturbed(after: float, kind: signal.Signals, dask: bool) -> tuple[str, int, float]:
    """Fit while a worker gets a signal; return digest, reruns and the longest round.

    The signal comes so many seconds after the first round.
    """
    reruns, longest = [], []

    def note(epoch: Any) -> None:
        if epoch.number == 1:
            timer.start()
        reruns.append(epoch.reruns)
        longest.append(epoch.seconds)

    with ExitStack() as ending:
        client = None
        if dask:
            from distributed import Client, LocalCluster

            cluster = ending.enter_context(
                LocalCluster(
                    n_workers=2, threads_per_worker=1, dashboard_address=None,
                    silence_logs=logging.CRITICAL,
                )
            )  # fmt: skip
            client = ending.enter_context(Client(cluster))
            processes = list(client.run(os.getpid).values())

        def send() -> None:
            found = processes if dask else workers_of(os.getpid())
            if not found:
                return
            chosen = random.choice(found)
            os.kill(chosen, kind)
            if kind == signal.SIGSTOP:
                time.sleep(STOP)
                with suppress(ProcessLookupError):
                    os.kill(chosen, signal.SIGCONT)

        timer = threading.Timer(after, send)
        digest = fit(client, callback=note)
        timer.cancel()
    return digest, sum(reruns), max(longest)


def driver(folder: Path) -> None:
    """Fit with a checkpoint after each round, or go on from it."""
    kept = any(folder.glob("*.checkpoint"))
    print("begun", flush=True)
    print(DIGEST + fit(checkpoint=folder, **({"resume": folder} if kept else {})), flush=True)


def driver_killed(drawn: random.Random, span: float) -> tuple[str, int]:
    """Kill a driver at a random moment, and again, until one ends; return digest and kills."""
    with tempfile.TemporaryDirectory() as name:
        for kills in range(100):
            command = [sys.executable, __file__, "--driver", name]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                process.stdout.readline()
                seconds = drawn.uniform(0.2, span) if kills < 3 else None
                try:
                    said, _ = process.communicate(timeout=seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    continue
            if process.returncode:
                raise RuntimeError(f"the driver ended with {process.returncode}")
            return said.partition(DIGEST)[2].strip(), kills
    raise RuntimeError("no driver has ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=20, help="runs with a worker killed")
    parser.add_argument("--drivers", type=int, default=5, help="runs with the driver killed")
    parser.add_argument("--stops", type=int, default=3, help="runs with a worker stopped")
    parser.add_argument("--dask", action="store_true", help="with a LocalCluster")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--driver", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.driver is not None:
        driver(options.driver)
        return
    random.seed(options.seed)
    drawn = random.Random(options.seed)
    rounds: list[Any] = []
    fit()  # makes code
    expected = fit(callback=rounds.append)
    span = sum(one.seconds for one in rounds)
    longest = max(one.seconds for one in rounds[1:])
    print(f"undisturbed: {span:.1f} s, {len(rounds)} rounds, the longest {longest:.2f} s")
    wrong = 0
    folders = set(Path(tempfile.gettempdir()).glob("chainrule-*"))
    kinds = [(signal.SIGKILL, options.workers), (signal.SIGSTOP, options.stops)]
    for kind, runs in kinds:
        for run in range(runs):
            after = drawn.uniform(0.0, 0.9 * span)
            digest, reruns, longest = disturbed(after, kind, options.dask)
            wrong += digest != expected
            print(f"{kind.name} {run + 1:2d} after {after:5.2f} s: {reruns} task(s) again, longest "
                  f"round {longest:.2f} s, {'same' if digest == expected else 'OTHER'} bits",
                  flush=True)  # fmt: skip
    for run in range(options.drivers):
        digest, kills = driver_killed(drawn, span)
        wrong += digest != expected
        print(f"driver {run + 1}: killed {kills} times, "
              f"{'same' if digest == expected else 'OTHER'} bits", flush=True)  # fmt: skip
    time.sleep(1.0)  # processes whose driver was killed end, and remove their files
    left = set(Path(tempfile.gettempdir()).glob("chainrule-*")) - folders
    print(f"{wrong} runs with other bits, {len(left)} folders left")
    raise SystemExit(bool(wrong or left))


if __name__ == "__main__":
    main()
