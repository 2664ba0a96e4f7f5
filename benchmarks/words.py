"""Wide rows of a sparse matrix, as counts of words are: fit and predict beside scikit-learn.

    pip install . && python benchmarks/words.py

It writes ``benchmarks/results/words.md``. Each library in a process of its own, on one core, in
turns, the best of the rounds. The words are drawn, some of them often and most of them seldom.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from isolated import isolated
from memory import BATCH, UNITS, counts, estimator, mebibytes, peak_above
from report import arguments, duration, machine, markdown, write

ROWS, ENTRIES, CLASSES, EPOCHS = 4_000, 80, 10, 2
LIBRARIES = ("chainrule", "scikit-learn")


def documents(columns: int) -> tuple[Any, np.ndarray]:
    """Return counts of words in rows, float32, and the class of each row."""
    random = np.random.default_rng(0)
    words = (random.random((ROWS, ENTRIES)) ** 3 * columns).astype(np.int32)
    return counts(words, columns), random.integers(0, CLASSES, ROWS)


def taken(action: Callable[[], Any], calls: int = 1) -> float:
    """Return the seconds of a call."""
    began = time.perf_counter()
    for _ in range(calls):
        action()
    return (time.perf_counter() - began) / calls


def measured(library: str, columns: int) -> tuple[float, ...]:
    """Return the seconds of a fit and of predictions, and the peak of memory in the fit."""
    x, y = documents(columns)
    model = estimator(library).set_params(max_iter=EPOCHS)
    model.fit(x[:400], y[:400])
    model.predict(x)
    one = x[:1]
    times = (
        taken(lambda: model.fit(x, y)),
        taken(lambda: model.predict(x)),
        taken(lambda: model.predict(one), 50),
    )
    return *times, peak_above(lambda: model.fit(x, y))


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--columns", nargs="*", type=int, default=[2_000, 20_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    best: dict[tuple[int, str], tuple[float, ...]] = {}
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
        for case in ((columns, library) for columns in options.columns for library in LIBRARIES):
            numbers = isolated(measured, case[1], case[0], threads=1)
            best[case] = tuple(map(min, best.get(case, numbers), numbers))
    lines = [
        [f"{columns:,}", library, *map(duration, numbers[:3]), mebibytes(int(numbers[3]))]
        for (columns, library), numbers in best.items()
    ]
    head = ["columns", "", "fit", f"predict {ROWS:,} rows", "predict one row", "fit, MiB above"]
    text = (
        f"# Sparse rows of words\n\n{machine()}. CSR of {ROWS:,} rows, {ENTRIES} words in each, "
        f"float32; {UNITS} hidden units, {CLASSES} classes, Adam, {EPOCHS} epochs of {BATCH} rows "
        f"a step; one core. Memory is the peak of the fit above what was there before.\n\n"
        f"{markdown(head, lines)}"
    )
    write(options.out, "words", text)


if __name__ == "__main__":
    main()
