"""Ctrl-C at a random moment of a process's first fit, and forks while a thread compiles.

    pip install . && python benchmarks/interrupts.py --interrupts 1000 --forks 100

Each process is interrupted in the first second of its first fit, predicts, if it is fitted, and
fits again; the second fit must give the same bits as one that was never interrupted. Every tenth
process finds an empty code cache. Each forked child fits and predicts while another thread of its
parent compiles. The script prints the endings: a crash, a lost signal, a wrong number or a child
that never ends is a failure, and the exit status is 1 then. A fork server that has imported the
package starts the processes, so that their time goes into fits and not into imports.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import multiprocessing
import multiprocessing.process
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from chainrule import MLPClassifier

CONTEXT = multiprocessing.get_context("forkserver")
WIDTHS = (16, 32, 40)
EMPTY_EACH = 10
PATIENCE = 600.0  # a busy machine compiles for minutes


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Return 400 rows of three classes."""
    X = np.random.default_rng(0).normal(size=(400, 20))
    return X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def classifier(width: int) -> MLPClassifier:
    """Return the network whose fits are compared; the width decides which code is compiled."""
    return MLPClassifier((width, 24), max_iter=40, random_state=0, n_threads=1)


def digest(model: MLPClassifier) -> str:
    """Return a short hash of the parameters."""
    return hashlib.sha256(model.parameters_.vector.tobytes()).hexdigest()[:12]


def prepare(folder: str | None) -> None:
    """Choose the code cache and take Ctrl-C as a terminal's process does."""
    if folder is not None:
        os.environ["CHAINRULE_CACHE_DIR"] = folder
    # a process started in the background inherits that SIGINT is ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")


def fit_fresh(width: int, folder: str | None, sender: Connection) -> None:
    """Send the digest of a fit that nothing disturbs."""
    prepare(folder)
    sender.send(digest(classifier(width).fit(*rows())))


def fit_interrupted(width: int, folder: str | None, sender: Connection) -> None:
    """Send how the first fit ended, then the digest of the next one."""
    prepare(folder)
    X, y = rows()
    first = classifier(width).set_params(max_iter=10**7, n_iter_no_change=10**7, time_limit=60)
    reached = "FAILED: the signal was lost"
    sender.send("ready")
    try:
        first.fit(X, y)
        if first.stopped_because_ == "interrupted":
            reached = "kept what was trained"
    except KeyboardInterrupt:
        trained = "the model kept" if hasattr(first, "parameters_") else "nothing trained yet"
        reached = f"raised KeyboardInterrupt, {trained}"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(first, "parameters_"):
        assert np.isfinite(first.predict_proba(X)).all()
    sender.send(reached)
    sender.send(digest(classifier(width).fit(X, y)))


def fit_forked(width: int, folder: str | None, sender: Connection) -> None:
    """Fork while a thread compiles; the child sends the digest of its fit."""
    prepare(folder)
    X, y = rows()

    def compile_much() -> None:
        for other in range(40, 46):
            classifier(other).set_params(max_iter=1).fit(X, y)

    thread = threading.Thread(target=compile_much, daemon=True)
    classifier(8).fit(X[:50], y[:50])
    thread.start()
    child = os.fork()
    if child == 0:
        sender.send(digest(classifier(width).fit(X, y)))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    sender.send("ended" if status == 0 else f"FAILED: the child's status was {status}")
    os._exit(0)  # without waiting for the thread


def trial(
    target: Callable[..., None],
    width: int,
    folder: str | None,
    during: Callable[[multiprocessing.process.BaseProcess, Connection], Any],
) -> list[Any]:
    """Return the messages of a process, and last the way it ended."""
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=target, args=(width, folder, sender))
    process.start()
    sender.close()
    messages: list[Any] = []
    try:
        during(process, receiver)
        while receiver.poll(PATIENCE):
            messages.append(receiver.recv())
    except EOFError:
        pass
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        return [*messages, f"FAILED: still there after {PATIENCE:.0f} s"]
    return [*messages, process.exitcode]


def interrupted(number: int, expected: dict[int, str]) -> str:
    """Return the ending of a process that is interrupted in its first fit."""
    chance = random.Random(number)
    width = chance.choice(WIDTHS)

    def interrupt(process: multiprocessing.process.BaseProcess, receiver: Connection) -> None:
        receiver.recv()
        time.sleep(chance.random())
        assert process.pid is not None
        os.kill(process.pid, signal.SIGINT)

    with tempfile.TemporaryDirectory() as folder:
        cache = None if number % EMPTY_EACH else folder
        found = trial(fit_interrupted, width, cache, interrupt)
    return judged(found, lambda messages: messages[1:] == [expected[width]])


def forked(number: int, expected: dict[int, str]) -> str:
    """Return the ending of a child that was forked while a thread compiled."""
    width = WIDTHS[number % len(WIDTHS)]
    with tempfile.TemporaryDirectory() as folder:
        found = trial(fit_forked, width, folder, lambda process, receiver: None)
    if len(found) < 2:
        return f"FAILED: nothing came, exit status {found[0]}"
    return judged(found[1:], lambda messages: found[0] == expected[width])


def judged(found: list[Any], right: Callable[[list[Any]], bool]) -> str:
    """Return the first message of a process that ended well, or its failure."""
    *messages, status = found
    if status == 1 and not messages:
        return "interrupted outside of the fit"  # between the message "ready" and the call
    if status != 0:
        return f"FAILED: exit status {status}"
    return str(messages[0]) if right(messages) else f"FAILED: other numbers {messages}"


def main() -> int:
    """Run both parts and print the endings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--interrupts", type=int, default=1000)
    parser.add_argument("--forks", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    CONTEXT.set_forkserver_preload(["chainrule.estimators.classifier"])
    expected = {
        width: trial(fit_fresh, width, None, lambda process, receiver: None)[0] for width in WIDTHS
    }
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
