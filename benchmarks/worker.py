"""One peer in its own process: reads questions, answers with seconds per step."""

import json
import os
import sys
import time
import warnings

from cases import CASES, ROWS
from peers import PEERS

# Epochs of an answer, however long they take.
LEAST = 3


def main() -> None:
    """Answer each line ``{"case": i, "optimizer": name, "seconds": s}`` by best and mean."""
    peer, threads = sys.argv[1], int(sys.argv[2])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    warnings.simplefilter("ignore")
    prepared = {}
    for line in sys.stdin:
        question = json.loads(line)
        key = question["case"], question["optimizer"]
        case = CASES[key[0]]
        try:
            if key not in prepared:
                prepared[key] = PEERS[peer](case, key[1], threads)
                prepared[key]()  # compiles, and touches all memory
            best, spent, runs = float("inf"), 0.0, 0
            while spent < question["seconds"] or runs < LEAST:
                began = time.perf_counter()
                prepared[key]()
                seconds = time.perf_counter() - began
                best, spent, runs = min(best, seconds), spent + seconds, runs + 1
            steps = ROWS // case.batch
            answer = {"seconds": best / steps, "mean": spent / runs / steps}
        except Exception as error:  # a peer that cannot is a gap in the table, with its reason
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
