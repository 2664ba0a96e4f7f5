"""Ctrl-C at a random moment of a process's first fit, and forks while a thread compiles.

    pip install . && python benchmarks/interrupts.py --interrupts 1000 --forks 100

Each interrupted process then predicts, if it is fitted, and fits again; the second fit must give
the same bits as one that was never interrupted. Every tenth process finds an empty code cache.
Each forked child fits and predicts while another thread of its parent compiles. What is printed
is how each process ended: a crash, a wrong number or a child that waits for ever is a failure,
and the exit status is 1 then.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

HEAD = """
import hashlib, os, signal, sys, threading, warnings
import numpy as np
warnings.simplefilter("ignore")
from chainrule import MLPClassifier
X = np.random.default_rng(0).normal(size=(400, 20))
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
def model(width):
    return MLPClassifier((width, 24), max_iter=40, random_state=0)
def digest(fitted):
    return hashlib.sha256(fitted.parameters_.vector.tobytes()).hexdigest()[:12]
"""
# the width is drawn, so that code of a new kind is made in every process
INTERRUPTED = (
    HEAD
    + """
width = int(sys.argv[1])
first, reached = model(width), "before"
print("ready", flush=True)
try:
    first.fit(X, y)
    reached = "after"
except KeyboardInterrupt:
    reached = "during"
signal.signal(signal.SIGINT, signal.SIG_IGN)
if hasattr(first, "parameters_"):
    assert np.isfinite(first.predict_proba(X)).all()
print(reached, digest(model(width).fit(X, y)))
"""
)
FORKED = (
    HEAD
    + """
def compile_much():
    for width in range(40, 46):
        model(width).set_params(max_iter=1).fit(X, y)
thread = threading.Thread(target=compile_much)
model(8).fit(X[:50], y[:50])
thread.start()
child = os.fork()
if child == 0:
    print("child", digest(model(int(sys.argv[1])).fit(X, y)), flush=True)
    os._exit(0)
print("status", os.waitpid(child, 0)[1], flush=True)
thread.join()
"""
)
FRESH = HEAD + "print('fresh', digest(model(int(sys.argv[1])).fit(X, y)))\n"
WIDTHS = (16, 32, 40)


def _started(program: str, width: int, folder: str | None) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    if folder is not None:
        environment["CHAINRULE_CACHE_DIR"] = folder
    command = [sys.executable, "-c", program, str(width)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipes)


def interrupted(number: int, expected: dict[int, str]) -> str:
    """Return how a process ended that was interrupted in its first fit."""
    chance = random.Random(number)
    width = chance.choice(WIDTHS)
    with tempfile.TemporaryDirectory() as folder:
        process = _started(INTERRUPTED, width, None if number % 10 else folder)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random())
        process.send_signal(signal.SIGINT)
        return _ending(process, lambda words: words[-1] == expected[width] and words[-2])


def forked(number: int, expected: dict[int, str]) -> str:
    """Return how a child ended that was forked while a thread compiled."""
    width = WIDTHS[number % len(WIDTHS)]
    with tempfile.TemporaryDirectory() as folder:
        process = _started(FORKED, width, folder)

        def right(words: list[str]) -> str | bool:
            return expected[width] in words and words[-1] == "0" and "ended"

        return _ending(process, right)


def _ending(process: subprocess.Popen[str], right: Callable[[list[str]], str | bool]) -> str:
    try:
        out, error = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        return "FAILED: still there after 120 s"
    if process.returncode == -signal.SIGINT or "KeyboardInterrupt" in error:
        return "outside of the fit"  # the signal came at an assignment between the lines
    if process.returncode != 0:
        return f"FAILED: exit status {process.returncode} {error[-300:]}"
    return right(out.split()) or f"FAILED: other numbers {out}"


def main() -> int:
    """Run both parts and print the endings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--interrupts", type=int, default=1000)
    parser.add_argument("--forks", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    expected = {}
    for width in WIDTHS:
        out, _ = _started(FRESH, width, None).communicate()
        expected[width] = out.split()[1]
    failed = False
    with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
        for name, one, count in (
            ("interrupts", interrupted, asked.interrupts),
            ("forks", forked, asked.forks),
        ):
            endings: collections.Counter[str] = collections.Counter()
            found = pool.map(lambda n, one=one: one(n, expected), range(count))
            for number, ending in enumerate(found, start=1):
                endings[ending] += 1
                if number % 100 == 0 and number < count:
                    print(f"{name}: {number} so far, {dict(endings)}", flush=True)
            print(f"{name}: {count}", flush=True)
            for ending, times in endings.most_common():
                print(f"  {times:5d}  {ending}", flush=True)
                failed |= ending.startswith("FAILED")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
