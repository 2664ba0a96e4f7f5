"""Rounds by two workers of one thread beside one machine: rows per second, exchange, test loss.

    python benchmarks/workers.py --data FOLDER

It writes ``benchmarks/results/workers.md``. FOLDER holds ``flights_3m.parquet`` and the folder
``fashion-mnist``. One machine is the estimator's own `fit` with one thread. Rows per second are
those of an epoch: each number is the median of all epochs but the first, in which code is loaded
and rows are sent.
Where other programs have part of the cores, rows per second of processor time say what is left of
the comparison: the expected ratio is that of these speeds, times two, less the share of exchange.
"""

import gzip
import logging
import os
import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from report import arguments, machine, markdown, write

ROWS, TEST_ROWS = 1_200_000, 200_000


class Problem(NamedTuple):
    """Rows to train on and to test on, and a network."""

    name: str
    kind: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    options: dict[str, Any]


def flights(folder: Path) -> Problem:
    """Return delays by distance, hour, day and airports, in random order."""
    import polars as pl

    table = pl.read_parquet(folder / "flights_3m.parquet").sample(ROWS + TEST_ROWS, seed=1)
    date = table["date"]
    numbers = [table["distance"], date.dt.hour(), date.dt.weekday(), date.dt.ordinal_day()]
    columns = [one.cast(pl.Float32).to_numpy() for one in numbers]
    for name in ("origin", "destination"):
        usual = table[name].value_counts(sort=True)[name].head(40)
        columns += [(table[name] == one).cast(pl.Float32).to_numpy() for one in usual]
    X = np.stack(columns, axis=1)
    X[:, :4] = (X[:, :4] - X[:, :4].mean(axis=0)) / X[:, :4].std(axis=0)
    y = table["delay"].cast(pl.Float32).to_numpy()
    options = {"hidden_layer_sizes": (64, 64), "max_iter": 6, "batch_size": 200}
    return Problem("flights", "regressor", X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:], options)


def fashion(folder: Path) -> Problem:
    """Return the pictures of Fashion-MNIST."""

    def read(name: str, skipped: int) -> np.ndarray:
        content = gzip.decompress((folder / "fashion-mnist" / f"{name}.gz").read_bytes())
        return np.frombuffer(content, np.uint8, offset=skipped)

    def pictures(name: str) -> np.ndarray:
        return read(f"{name}-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32) / 255

    labels = [read(f"{name}-labels-idx1-ubyte", 8) for name in ("train", "t10k")]
    options = {"hidden_layer_sizes": (128,), "max_iter": 20, "batch_size": 200}
    X, X_test = pictures("train"), pictures("t10k")
    return Problem("fashion-mnist", "classifier", X, labels[0], X_test, labels[1], options)


class Measured(NamedTuple):
    """The results of a fit."""

    name: str
    rows_per_second: float
    rows_per_processor_second: float
    exchange: float
    exchange_seconds: float
    loss: float
    seconds: float
    rounds: int


def estimator(problem: Problem, **options: Any) -> Any:
    from chainrule import MLPClassifier, MLPRegressor

    kind = MLPRegressor if problem.kind == "regressor" else MLPClassifier
    own = {"random_state": 0, "tol": 0.0, "n_threads": 1, "dtype": "float32"}
    return kind(**own | problem.options | options)


def test_loss(model: Any, problem: Problem) -> float:
    """Return the loss of the test rows: mean squared error, or cross-entropy."""
    if problem.kind == "regressor":
        return float(np.mean((model.predict(problem.X_test) - problem.y_test) ** 2))
    p = model.predict_proba(problem.X_test)[np.arange(len(problem.y_test)), problem.y_test]
    return float(-np.mean(np.log(np.maximum(p, 1e-7))))


@contextmanager
def cluster() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
        ) as local,
        Client(local) as client,
    ):
        yield client


def measure(name: str, problem: Problem, rounds: dict[str, Any] | None, **options: Any) -> Measured:
    """Fit, on one machine where there are no options of rounds."""
    from chainrule import distributed

    model, epochs = estimator(problem, **options), []
    began = time.perf_counter()
    if rounds is None:
        used = []
        for epoch in model.fit_epochs(problem.X, problem.y):
            epochs.append(epoch)
            used.append(time.process_time())
        each = 1
        processor = len(problem.X) * (len(used) - 1) / (used[-1] - used[0])
    else:
        more = dict(rounds)
        with ExitStack() as ending:
            if more.pop("dask", False):
                more["client"] = ending.enter_context(cluster())
            else:
                more["n_workers"] = 2
            more["n_shards"] = 2
            distributed.fit(model, problem.X, problem.y, callback=epochs.append, **more)
        each = len(epochs) // model.max_iter
        shards = [one for epoch in epochs[each:] for one in epoch.shards]
        processor = sum(one.rows for one in shards) / sum(one.processor_seconds for one in shards)
    seconds = time.perf_counter() - began
    later = epochs[each:]
    speed = statistics.median(
        sum(one.rows for one in later[i : i + each])
        / sum(one.seconds for one in later[i : i + each])
        for i in range(0, len(later) - each + 1, each)
    )
    exchange = [getattr(one, "exchange", 0.0) for one in later]
    share = sum(exchange) / sum(one.seconds for one in later)
    return Measured(
        name,
        speed,
        processor,
        share,
        statistics.median(exchange),
        test_loss(model, problem),
        seconds,
        each,
    )


def _expected(found: Measured, one: Measured) -> float:
    """Return the ratio of speeds where both cores are free."""
    each = found.rows_per_processor_second / one.rows_per_processor_second
    return 2 * each * (1 - found.exchange)


def table(problem: Problem, repeats: int) -> tuple[str, list[Measured]]:
    """Return the results of one problem."""
    average = {"rounds_per_epoch": 1, "outer_rate": 1.0, "outer_momentum": 0.0}
    half = {"batch_size": problem.options["batch_size"] // 2}
    cases: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
        ("one machine, one thread", None, {}),
        ("two processes", {}, {}),
        ("two processes, four rounds per epoch", {"rounds_per_epoch": 4}, {}),
        ("two processes, one round per epoch, averages alone", average, {}),
        ("two processes, half the batch size", {}, half),
        ("two workers of a LocalCluster", {"dask": True}, {}),
    ]
    best: dict[str, Measured] = {}
    for _ in range(repeats):  # interleaved: the machine is not equally free all the time
        for name, rounds, options in cases:
            found = measure(name, problem, rounds, **options)
            known = best.get(name)
            if known is None or found.rows_per_second > known.rows_per_second:
                best[name] = found
            print(found, flush=True)
    one = best[cases[0][0]]
    rows = [
        [
            name,
            f"{found.rows_per_second:,.0f}",
            f"{found.rows_per_second / one.rows_per_second:.2f}",
            f"{found.rows_per_processor_second:,.0f}",
            "" if name == one.name else f"{_expected(found, one):.2f}",
            "" if name == one.name else f"{100 * found.exchange:.1f} %",
            "" if name == one.name else f"{1e3 * found.exchange_seconds:.0f} ms",
            "" if name == one.name else str(found.rounds),
            f"{found.loss:.5g}",
            f"{100 * (found.loss / one.loss - 1):+.2f} %",
        ]
        for name, found in best.items()
    ]
    head = [
        "",
        "rows/s",
        "ratio",
        "rows per processor second",
        "expected ratio",
        "exchange",
        "per round",
        "rounds per epoch",
        "test loss",
        "to one machine",
    ]
    return markdown(head, rows), [best[name] for name, _, _ in cases]


class Cost(NamedTuple):
    """The cost of a round of two shards beside training: seconds, and those of the driver."""

    exchange: float
    driver: float


def cost_of_a_round(hidden: int, client: Any) -> Cost:
    """Return what a round costs where there is next to nothing to train on."""
    from chainrule import MLPRegressor, distributed

    drawn = np.random.default_rng(0)
    X = drawn.normal(size=(800, 98)).astype(np.float32)
    rounds, used = [], []

    def note(epoch: Any) -> None:
        rounds.append(epoch.exchange)
        used.append(time.process_time())

    model = MLPRegressor(
        hidden_layer_sizes=(hidden,),
        batch_size=200,
        max_iter=60,
        tol=0.0,
        random_state=0,
        dtype="float32",
    )
    where = {"n_workers": 2} if client is None else {"client": client}
    distributed.fit(model, X, X[:, 0], n_shards=2, rounds_per_epoch=1, callback=note, **where)
    return Cost(statistics.median(rounds[10:]), (used[-1] - used[10]) / (len(used) - 11))


def costs() -> tuple[str, dict[int, Cost]]:
    """Return what a round costs by the number of parameters, in words and for Dask."""
    rows, of_dask = [], {}
    with cluster() as client:
        for hidden in (100, 1_000, 10_000):
            here, there = cost_of_a_round(hidden, None), cost_of_a_round(hidden, client)
            of_dask[100 * hidden] = there
            each = [f"{1e3 * value:.1f} ms" for value in (*here, *there)]
            rows.append([f"{100 * hidden + 1:,}", *each])
    head = ["parameters", "processes: exchange", "driver", "LocalCluster: exchange", "driver"]
    return markdown(head, rows), of_dask


def on_paper(problem: Problem, one: Measured, cost: Cost) -> list[str]:
    """Return a row of times for many workers, by their speed and what a round costs."""
    rows, rounds, speed = 1e9, 4, one.rows_per_processor_second
    of_shard = cost.driver / 2
    fixed = max(cost.exchange - cost.driver, 0.0)

    def seconds(workers: float) -> float:
        return rows / speed / workers + rounds * (fixed + of_shard * workers)

    best = (rows / speed / rounds / of_shard) ** 0.5
    times = [f"{rows / speed / seconds(n):,.0f} times" for n in (10, 100, 1_000)]
    return [
        problem.name,
        f"{speed:,.0f}",
        f"{rows / speed:,.0f} s",
        *times,
        f"{best:,.0f} ({rows / speed / seconds(best):,.0f} times)",
    ]


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--data", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    load = os.getloadavg()[0]
    parts, paper = [], []
    driver, of_dask = costs()
    sizes = {"flights": 10_000, "fashion-mnist": 100_000}  # parameters, about
    for problem in (flights(options.data), fashion(options.data)):
        text, found = table(problem, options.repeats)
        paper.append(on_paper(problem, found[-1], of_dask[sizes[problem.name]]))
        n, width = problem.X.shape
        parts.append(
            f"## {problem.name}\n\n{n:,} rows of {width} inputs, layers "
            f"{problem.options['hidden_layer_sizes']}, {problem.options['max_iter']} epochs of "
            f"Adam, batch size {problem.options['batch_size']}, float32.\n\n{text}"
        )
    intro = (
        f"{machine('distributed')}. Load average {load:.1f} at the beginning, "
        f"{os.getloadavg()[0]:.1f} at the end: above 2, other programs had part of the two cores. "
        f"The best of {options.repeats} interleaved runs. Exchange is the time of a round in which "
        "the busiest worker trained nothing: sending, waiting, averaging, measuring."
    )
    driver = (
        "## A round\n\nWhat a round of two shards costs beside training, by the number of "
        "parameters: seconds in which no worker trains, and processor time of the driver, with the "
        f"scheduler where there is one.\n\n{driver}"
    )
    head = ["", "rows/s", "one worker", "10", "100", "1,000", "best number"]
    curve = (
        "## On paper\n\nA thousand million rows, four rounds per epoch: an epoch of K workers "
        "takes N / (r K) + R (a + b K) seconds, with r the rows per processor second of a worker "
        "of the LocalCluster, b the driver's time for a shard, a the rest of the exchange.\n\n"
        f"{markdown(head, paper)}"
    )
    whole = ["# Rounds by two workers", intro, *parts, driver, curve]
    write(options.out, "workers", "\n\n".join(whole))


if __name__ == "__main__":
    main()
